/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters as INI: '[train]' and '[train.net]' open maps, 'net.width = 3' goes into one. A value is typed by
 * param_read_text; a list may go on over indented lines until its ']'. */
#include <config.h>

#include <string.h>

#include "params/params_tree.h"
#include "util/ini.h"

struct reading {
	struct build *b;
	struct param *section; /* NULL: below a header that is wrong */
	int depth;             /* of section */
	struct strbuf value;   /* of the list that is still open */
	struct param *open;
};

/* The map at a part of a dotted name, made if need be. */
static struct param *enter(struct build *b, struct param *map, const char *part, size_t n, int line)
{
	struct param *next = build_find(b, map, part, n);

	if (next && next->kind != PARAM_MAP) {
		build_error(b, line, "'%.*s' is a value since line %d and cannot be a section too", (int)n, part,
			    next->line);
		return NULL;
	}
	if (!next) {
		next = build_node(b, PARAM_MAP, line, sizeof(*next));
		build_put(b, map, part, n, next);
	}
	return next;
}

/* Enters all parts of name but, if leave_last, the last, which *last then points at. */
static struct param *walk(struct build *b, struct param *map, const char *name, bool leave_last, const char **last,
			  int *depth, int line)
{
	const char *part = name;

	for (;;) {
		size_t n = strcspn(part, ".");

		if (n == 0) {
			build_error(b, line, "'%s' has an empty part", name);
			return NULL;
		}
		if (++*depth >= PARAMS_MAX_DEPTH) {
			build_error(b, line, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
			return NULL;
		}
		if (!part[n] && leave_last)
			break;
		map = enter(b, map, part, n, line);
		if (!map || !part[n])
			return map;
		part += n + 1;
	}
	*last = part;
	return map;
}

/* A list that was opened must have been closed by what followed it. */
static void close_list(struct reading *r)
{
	const char *why = "";

	if (!r->open)
		return;
	if (!param_read_text(r->b->arena, r->value.buf, r->open, &why))
		build_error(r->b, r->open->line, "'%s': %s", r->open->key, why);
	r->open = NULL;
}

static void start_section(void *ctx, int line, const char *header)
{
	struct reading *r = ctx;

	close_list(r);
	r->depth = 1;
	r->section = walk(r->b, r->b->root, header, false, NULL, &r->depth, line);
}

static void continue_value(struct reading *r, const struct ini_line *ln)
{
	if (!r->open) {
		build_error(r->b, ln->line, "an indented line goes on with the value of '%s', which only a list can; "
			    "start keys in column 1", ln->key);
		return;
	}
	if (*ln->value == '#' || *ln->value == ';')
		return;
	strbuf_addch(&r->value, '\n');
	strbuf_addstr(&r->value, ln->value);
}

static void take_entry(void *ctx, const struct ini_line *ln)
{
	struct reading *r = ctx;
	struct param *map, *old, *pa;
	const char *last = NULL, *why = "";
	int depth = r->depth;

	if (ln->continuation && r->section) {
		continue_value(r, ln);
		return;
	}
	close_list(r);
	if (!r->section)
		return;
	map = walk(r->b, r->section, ln->key, true, &last, &depth, ln->line);
	if (!map)
		return;
	old = build_find(r->b, map, last, strlen(last));
	if (old) {
		build_error(r->b, ln->line, "'%s' is set a second time; the first is in line %d", ln->key, old->line);
		return;
	}
	pa = build_node(r->b, PARAM_STR, ln->line, sizeof(*pa));
	pa->s = "";
	build_put(r->b, map, last, strlen(last), pa);
	if (*ln->value == '[') { /* it may go on */
		strbuf_clear(&r->value);
		strbuf_addstr(&r->value, ln->value);
		r->open = pa;
	} else if (!param_read_text(r->b->arena, ln->value, pa, &why)) {
		build_error(r->b, ln->line, "'%s': %s", ln->key, why);
	}
}

void params_read_ini(struct build *b, const char *text, size_t n)
{
	struct reading r = {b, b->root, 1, STRBUF_INIT, NULL};
	struct ini_handler h = {start_section, take_entry, &r};

	if (ini_read(b->file, text, n, &h, b->ds) < 0)
		b->errors++;
	close_list(&r);
	strbuf_release(&r.value);
}
