/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters as YAML 1.2, the only file that knows libfyaml. Aliases and '<<' are followed here and not by the library,
 * so that a small file cannot unfold into a huge tree; duplicate keys are found here to name both lines. */
#include <config.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <libfyaml.h>

#include "params/params_tree.h"

/* What aliases may unfold to: nodes, a node of N bytes counting as 1 + N/64. */
#define MAX_UNFOLDED 1000000

/* libfyaml goes through all anchors for each new one; these take it two seconds. */
#define MAX_ANCHORS 20000

struct yaml {
	struct build *b;
	struct map anchors; /* name -> struct fy_node, as far as the file is read */
	int depth;
	int aliases; /* how many the current node stands in */
	size_t unfolded;
	size_t warnings;
};

/* Only scalars know their place: a list or map stands where its first one does. */
static int line_of(struct fy_node *fyn, int otherwise)
{
	struct fy_token *token;
	const struct fy_mark *mark;
	int depth;

	for (depth = 0; fyn && !fy_node_is_scalar(fyn) && depth < PARAMS_MAX_DEPTH; depth++)
		fyn = fy_node_is_sequence(fyn) ? fy_node_sequence_get_by_index(fyn, 0)
					       : fy_node_pair_key(fy_node_mapping_get_by_index(fyn, 0));
	token = fyn && fy_node_is_scalar(fyn) ? fy_node_get_scalar_token(fyn) : NULL;
	mark = token ? fy_token_start_mark(token) : NULL;
	return mark ? mark->line + 1 : otherwise;
}

static size_t span(const char *s, size_t i, size_t n, const char *set)
{
	size_t start = i;

	while (i < n && strchr(set, s[i]) && s[i])
		i++;
	return i - start;
}

/* Does s[i..n) go on as (:[0-5]?[0-9])+ up to end? Then true and *end is behind it. */
static bool sexagesimal(const char *s, size_t i, size_t n, size_t *end)
{
	size_t groups = 0;

	for (; i < n && s[i] == ':'; groups++) {
		size_t d = span(s, i + 1, n, "0123456789");

		if (d < 1 || d > 2 || (d == 2 && s[i + 1] > '5'))
			return false;
		i += 1 + d;
	}
	*end = i;
	return groups > 0;
}

static bool yaml11_int(const char *s, size_t n, bool *octal)
{
	size_t i = n && (*s == '-' || *s == '+'), end;

	*octal = false;
	if (i + 1 >= n)
		return i < n && isdigit((unsigned char)s[i]);
	if (s[i] == '0' && s[i + 1] == 'b')
		return i + 2 < n && span(s, i + 2, n, "01_") == n - i - 2;
	if (s[i] == '0' && s[i + 1] == 'x')
		return i + 2 < n && span(s, i + 2, n, "0123456789abcdefABCDEF_") == n - i - 2;
	if (s[i] == '0')
		return *octal = span(s, i + 1, n, "01234567_") == n - i - 1;
	if (!isdigit((unsigned char)s[i]))
		return false;
	i += span(s, i, n, "0123456789_");
	return i == n || (sexagesimal(s, i, n, &end) && end == n);
}

static bool yaml11_float(const char *s, size_t n)
{
	size_t i = n && (*s == '-' || *s == '+'), whole, end;

	whole = i < n && isdigit((unsigned char)s[i]) ? span(s, i, n, "0123456789_") : 0;
	if (whole && sexagesimal(s, i + whole, n, &end))
		return end < n && s[end] == '.' && end + 1 + span(s, end + 1, n, "0123456789_") == n;
	if (i + whole >= n || s[i + whole] != '.' ||
	    (!whole && (i || n < 2 || !isdigit((unsigned char)s[1]))))
		return false;
	i += whole + 1;
	i += span(s, i, n, "0123456789_");
	if (i == n)
		return true;
	if (s[i] != 'e' && s[i] != 'E')
		return false;
	i++;
	if (i >= n || (s[i] != '-' && s[i] != '+') || i + 1 == n)
		return false;
	return i + 1 + span(s, i + 1, n, "0123456789") == n;
}

static bool yaml11_bool(const char *s, size_t n)
{
	static const char *const words[] = {"yes", "Yes", "YES", "no",	"No",  "NO",
					    "on",  "On",  "ON",	 "off", "Off", "OFF"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return true;
	return false;
}

/* Warns about a plain scalar that YAML 1.1 readers take for another type or number than pa. */
static void compare_yaml11(struct yaml *y, const char *s, size_t n, const struct param *pa)
{
	static const char *const names[] = {"null", "a boolean", "an integer", "a float", "a string"};
	enum param_kind kind = PARAM_STR;
	bool octal = false;

	if (pa->kind == PARAM_NULL || pa->kind == PARAM_BOOL || n > 64)
		return;
	if (pa->kind == PARAM_FLOAT && !isdigit((unsigned char)s[n - 1]) && s[n - 1] != '.') /* .inf, .nan */
		return;
	if (yaml11_bool(s, n))
		kind = PARAM_BOOL;
	else if (yaml11_int(s, n, &octal))
		kind = PARAM_INT;
	else if (yaml11_float(s, n))
		kind = PARAM_FLOAT;
	octal = octal && kind == pa->kind && (pa->i > 7 || pa->i < -7);
	if ((kind == pa->kind && !octal) || ++y->warnings > PARAMS_MAX_ERRORS)
		return;
	if (octal)
		diag_warn(y->b->ds, y->b->file, pa->line, "'%.*s' is decimal here and octal for readers of YAML 1.1 "
			  "such as PyYAML; write it without the 0", (int)n, s);
	else
		diag_warn(y->b->ds, y->b->file, pa->line, "'%.*s' is %s here and %s for readers of YAML 1.1 such as "
			  "PyYAML; %s", (int)n, s, names[pa->kind], names[kind],
			  pa->kind == PARAM_STR ? "put it in quotes"
			  : pa->kind == PARAM_FLOAT ? "write it with a point and a signed exponent, like 1.0e-3"
						    : "write it in decimal");
}

static struct param *read_node(struct yaml *y, struct fy_node *fyn, int line);

/* Resolves plain scalars, and those tagged with a core type, by their text. */
static struct param *read_scalar(struct yaml *y, struct fy_node *fyn, int line)
{
	bool plain = fy_node_get_style(fyn) == FYNS_PLAIN, typed = plain;
	size_t n = 0, tag_len = 0;
	const char *s = fy_node_get_scalar(fyn, &n), *tag = fy_node_get_tag(fyn, &tag_len), *core;
	struct param *pa = build_node(y->b, PARAM_STR, line, sizeof(*pa));
	CLEANUP(freep) char *tag_text = tag ? xstrndup(tag, tag_len) : NULL;

	if (n && memchr(s, '\0', n)) {
		build_error(y->b, line, "a parameter cannot hold a NUL character");
		return NULL;
	}
	if (tag_text && !streq(tag_text, "!")) {
		if (!skip_prefix(tag_text, "tag:yaml.org,2002:", &core) ||
		    !(streq(core, "str") || streq(core, "int") || streq(core, "float") || streq(core, "bool") ||
		      streq(core, "null"))) {
			build_error(y->b, line, "the tag '%s' is not understood; parameters are plain data", tag_text);
			return NULL;
		}
		typed = !streq(core, "str");
	} else if (tag_text) {
		typed = false;
	}
	pa->s = arena_strndup(y->b->arena, s ? s : "", n);
	if (typed && n == 0 && plain)
		pa->kind = PARAM_NULL;
	else if (typed)
		param_core_scalar(pa->s, n, pa);
	if (plain && typed && !y->aliases && n)
		compare_yaml11(y, pa->kind == PARAM_STR ? pa->s : s, n, pa);
	if (tag_text && streq(tag_text, "tag:yaml.org,2002:float") && pa->kind == PARAM_INT) {
		pa->kind = PARAM_FLOAT;
		pa->f = (double)pa->i;
	}
	return pa;
}

static struct param *read_sequence(struct yaml *y, struct fy_node *fyn, int line)
{
	struct param *list = build_node(y->b, PARAM_LIST, line, sizeof(*list)), *item;
	struct fy_node *at;
	void *iter = NULL;

	while ((at = fy_node_sequence_iterate(fyn, &iter))) {
		item = read_node(y, at, line_of(at, line));
		if (!item)
			return NULL;
		build_push(y->b, list, item);
	}
	return list;
}

static bool is_merge(struct fy_node *key)
{
	size_t n = 0;
	bool plain = key && fy_node_is_scalar(key) && fy_node_get_style(key) == FYNS_PLAIN;
	const char *s = plain ? fy_node_get_scalar(key, &n) : NULL;

	return s && n == 2 && memcmp(s, "<<", 2) == 0;
}

static int read_pair(struct yaml *y, struct param *map, struct fy_node_pair *pair, int line)
{
	struct fy_node *key = fy_node_pair_key(pair);
	struct param *child, *old;
	const char *s = "";
	size_t n = 0;

	if (key && (!fy_node_is_scalar(key) || fy_node_is_alias(key)))
		return build_error(y->b, line, "a key of a parameter has to be plain text");
	if (key)
		s = fy_node_get_scalar(key, &n);
	if (n && memchr(s, '\0', n))
		return build_error(y->b, line, "a key cannot hold a NUL character");
	old = build_find(y->b, map, s ? s : "", n);
	if (old)
		return build_error(y->b, line, "'%.*s' is set a second time; the first is in line %d", 
				   (int)MIN(n, 200), s, old->line);
	child = read_node(y, fy_node_pair_value(pair), line);
	if (!child)
		return -1;
	build_put(y->b, map, s ? s : "", n, child);
	return 0;
}

/* Adds what from holds and map does not; a list of maps: each in turn. */
static int merge_into(struct yaml *y, struct param *map, const struct param *from, int line)
{
	size_t i;

	if (from->kind == PARAM_LIST) {
		for (i = 0; i < from->list.n; i++)
			if (from->list.v[i]->kind != PARAM_MAP || merge_into(y, map, from->list.v[i], line) < 0)
				return build_error(y->b, line, "'<<' takes maps only");
		return 0;
	}
	if (from->kind != PARAM_MAP)
		return build_error(y->b, line, "'<<' takes a map, or a list of maps");
	for (i = 0; i < from->list.n; i++) {
		struct param *child = from->list.v[i];
		size_t n = strlen(child->key);

		if (!build_find(y->b, map, child->key, n))
			build_put(y->b, map, child->key, n, child);
	}
	return 0;
}

/* '<<' last: what the map says itself goes before what it takes over. */
static struct param *read_mapping(struct yaml *y, struct fy_node *fyn, int line)
{
	struct param *map = build_node(y->b, PARAM_MAP, line, sizeof(*map)), *from;
	struct fy_node_pair *pair, *merges[2] = {NULL, NULL};
	void *iter = NULL;

	while ((pair = fy_node_mapping_iterate(fyn, &iter))) {
		int at = line_of(fy_node_pair_key(pair), line);

		if (is_merge(fy_node_pair_key(pair))) {
			if (merges[0]) {
				build_error(y->b, at, "a second '<<' in one map; give the first a list");
				return NULL;
			}
			merges[0] = pair;
		} else if (read_pair(y, map, pair, at) < 0 && y->depth > 2) {
			return NULL;
		}
	}
	if (!merges[0])
		return map;
	line = line_of(fy_node_pair_key(merges[0]), line);
	from = read_node(y, fy_node_pair_value(merges[0]), line);
	return from && merge_into(y, map, from, line) == 0 ? map : NULL;
}

static struct param *read_alias(struct yaml *y, struct fy_node *fyn, int line)
{
	size_t n = 0;
	const char *name = fy_node_get_scalar(fyn, &n);
	struct fy_node *target = name ? map_getn(&y->anchors, name, n) : NULL;
	struct param *pa;

	if (!target) {
		build_error(y->b, line, "no anchor '&%.*s' stands before this alias", (int)MIN(n, 200),
			    name ? name : "");
		return NULL;
	}
	y->aliases++;
	pa = read_node(y, target, line);
	y->aliases--;
	return pa;
}

/* A node's anchor counts from where it stands, and again later if the name is used again. */
static void note_anchor(struct yaml *y, struct fy_node *fyn)
{
	struct fy_anchor *anchor = fy_node_get_anchor(fyn);
	size_t n = 0;
	const char *name = anchor ? fy_anchor_get_text(anchor, &n) : NULL;

	if (name && !y->aliases)
		map_put(&y->anchors, arena_strndup(y->b->arena, name, n), fyn);
}

static int count(struct yaml *y, struct fy_node *fyn, int line)
{
	size_t n = 0;

	if (y->aliases) {
		if (fy_node_is_scalar(fyn))
			fy_node_get_scalar(fyn, &n);
		y->unfolded += 1 + n / 64;
		if (y->unfolded > MAX_UNFOLDED)
			return build_error(y->b, line, "the aliases of this file unfold to more than a million values");
	}
	if (y->depth >= PARAMS_MAX_DEPTH)
		return build_error(y->b, line, "parameters nest deeper than %d levels, or an alias stands in its own "
				   "anchor", PARAMS_MAX_DEPTH);
	return 0;
}

static struct param *read_node(struct yaml *y, struct fy_node *fyn, int line)
{
	struct param *pa;

	if (!fyn)
		return build_node(y->b, PARAM_NULL, line, sizeof(*pa));
	if (count(y, fyn, line) < 0)
		return NULL;
	y->depth++;
	if (fy_node_is_alias(fyn)) {
		pa = read_alias(y, fyn, line);
	} else {
		note_anchor(y, fyn);
		pa = fy_node_is_scalar(fyn)	? read_scalar(y, fyn, line)
		     : fy_node_is_sequence(fyn) ? read_sequence(y, fyn, line)
						: read_mapping(y, fyn, line);
	}
	y->depth--;
	return pa;
}

static void report(struct build *b, struct fy_diag *diag)
{
	struct fy_diag_error *e;
	void *iter = NULL;
	bool any = false;

	while ((e = fy_diag_errors_iterate(diag, &iter))) {
		build_error(b, MAX(e->line, 1), "%s", e->msg);
		any = true;
	}
	if (!any)
		build_error(b, 0, "the file is no well-formed YAML");
}

static void read_document(struct build *b, struct fy_document *fyd)
{
	struct yaml y = {.b = b, .anchors = MAP_INIT};
	struct fy_node *root = fy_document_root(fyd);
	struct param *pa = read_node(&y, root, 1);

	if (pa && pa->kind == PARAM_MAP)
		b->root = pa;
	else if (pa && pa->kind != PARAM_NULL)
		build_error(b, pa->line, "parameters in YAML are one map: name: value");
	map_release(&y.anchors);
}

/* Counts each '&' that an anchor may start with, within strings and comments too. */
static int check_anchors(struct build *b, const char *text, size_t n)
{
	const char *at = text, *end = text + n;
	size_t anchors = 0;

	while ((at = memchr(at, '&', (size_t)(end - at)))) {
		bool starts = at == text || strchr(" \t\r\n[{,", at[-1]);

		at++;
		if (starts && at < end && !strchr(" \t\r\n", *at) && ++anchors > MAX_ANCHORS)
			return build_error(b, 0, "a file of parameters is limited to %d anchors ('&name')", MAX_ANCHORS);
	}
	return 0;
}

void params_read_yaml(struct build *b, const char *text, size_t n)
{
	static const struct fy_diag_cfg diag_cfg = {.level = FYET_ERROR, .module_mask = ~0u};
	struct fy_parse_cfg cfg = {.flags = FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE};
	struct fy_document *fyd, *second = NULL;
	struct fy_parser *fyp;
	struct fy_diag *diag;

	/* libfyaml 0.7 may never return from other bytes. */
	if (build_check_utf8(b, text, n) < 0 || check_anchors(b, text, n) < 0)
		return;
	cfg.diag = diag = fy_diag_create(&diag_cfg);
	if (!diag)
		BUG("libfyaml does not start");
	fy_diag_set_collect_errors(diag, true);
	fyp = fy_parser_create(&cfg);
	if (!fyp)
		BUG("libfyaml does not start");
	if (n && fy_parser_set_string(fyp, text, n) == 0) {
		fyd = fy_parse_load_document(fyp);
		if (fyd)
			read_document(b, fyd);
		if (fyd && !fy_parser_get_stream_error(fyp))
			second = fy_parse_load_document(fyp);
		if (second)
			build_error(b, 0, "the file has more than one YAML document ('---')");
		if (fy_parser_get_stream_error(fyp))
			report(b, diag);
		fy_parse_document_destroy(fyp, second);
		fy_parse_document_destroy(fyp, fyd);
	}
	fy_parser_destroy(fyp);
	fy_diag_destroy(diag);
}
