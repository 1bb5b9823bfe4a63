/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters as JSON. util/json.h gives the values; a second, much simpler look at the text finds the line of each, 
 * which is easy once it is known to be well-formed and members come in the order of the text. */
#include <config.h>

#include <string.h>

#include "params/params_tree.h"

struct scan {
	struct build *b;
	const char *at, *end;
	struct param *into; /* the container that is read */
	int line, depth;
};

/* Moves to the first byte of the next key, value or closing bracket. */
static void skip_to_token(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n,:", *s->at)) {
		s->line += *s->at == '\n';
		s->at++;
	}
}

/* Moves past a string or a bare word. */
static void skip_token(struct scan *s)
{
	if (s->at < s->end && *s->at == '"') {
		for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
			s->at += *s->at == '\\';
		s->at++;
		return;
	}
	while (s->at < s->end && !strchr(" \t\r\n,:]}", *s->at))
		s->at++;
}

static struct param *read_value(struct scan *s, const struct json *j);

static int read_member(void *ctx, const char *key, struct json *value)
{
	struct scan *s = ctx;
	struct param *into = s->into, *child;

	skip_to_token(s);
	skip_token(s);
	child = read_value(s, value);
	s->into = into;
	if (!child)
		return -1;
	build_put(s->b, into, key, strlen(key), child);
	return 0;
}

static int read_items(struct scan *s, const struct json *j)
{
	struct param *into = s->into, *item;
	size_t i;

	for (i = 0; i < json_len(j); i++) {
		item = read_value(s, json_at(j, i));
		if (!item)
			return -1;
		build_push(s->b, into, item);
	}
	return 0;
}

static struct param *read_value(struct scan *s, const struct json *j)
{
	enum json_kind kind = json_kind(j);
	struct param *pa;
	int failed;

	skip_to_token(s);
	pa = build_node(s->b, PARAM_NULL, s->line, sizeof(*pa));
	if (kind != JSON_LIST && kind != JSON_MAP) {
		skip_token(s);
		return param_of_json(s->b->arena, j, 1, pa) ? pa : NULL;
	}
	if (++s->depth > PARAMS_MAX_DEPTH) {
		build_error(s->b, s->line, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
		return NULL;
	}
	pa->kind = kind == JSON_LIST ? PARAM_LIST : PARAM_MAP;
	s->at++;
	s->into = pa;
	failed = kind == JSON_LIST ? read_items(s, j) : json_each(j, read_member, s);
	skip_to_token(s);
	s->at++;
	s->depth--;
	return failed ? NULL : pa;
}

void params_read_json(struct build *b, const char *text, size_t n)
{
	CLEANUP(json_freep) struct json *j = NULL;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct scan s = {b, text, text + n, NULL, 1, 0};
	const char *what;
	struct param *root;
	int line = 1;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		s.at += 3;
		n -= 3;
	}
	j = json_parse(s.at, n, &line, &err);
	if (!j) { /* "LINE:COLUMN: what" */
		what = strstr(err.msg, ": ");
		build_error(b, line, "%s", what ? what + 2 : err.msg);
		return;
	}
	if (json_kind(j) != JSON_MAP) {
		build_error(b, 1, "parameters in JSON are one object: {\"name\": value, ...}");
		return;
	}
	root = read_value(&s, j);
	if (root)
		b->root = root;
}
