/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "params/params_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void build_init(struct build *b, struct arena *a, const char *file, struct diags *ds)
{
	*b = (struct build){.arena = a, .ds = ds, .index = MAP_INIT, .name = STRBUF_INIT};
	b->file = arena_strdup(a, file);
	b->root = build_node(b, PARAM_MAP, 0, sizeof(*b->root));
}

int build_error(struct build *b, int line, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	if (++b->errors > PARAMS_MAX_ERRORS)
		return -1;
	va_start(ap, fmt);
	if (vasprintf(&msg, fmt, ap) < 0)
		BUG("cannot format '%s'", fmt);
	va_end(ap);
	diag_error(b->ds, b->file, line, "%s", msg);
	free(msg);
	return -1;
}

/* The line of the first byte that is not UTF-8, or a NUL; 0 if there is none. */
static int bad_utf8_line(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + n;
	int line = 1;

	while (s < end) {
		size_t more = *s < 0x80 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;
		size_t i;

		if (*s == 0 || (*s >= 0x80 && *s < 0xc2) || *s >= 0xf5 || more >= (size_t)(end - s))
			return line;
		for (i = 1; i <= more; i++)
			if ((s[i] & 0xc0) != 0x80)
				return line;
		if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
		    (*s == 0xf4 && s[1] > 0x8f))
			return line;
		line += *s == '\n';
		s += more + 1;
	}
	return 0;
}

int build_check_utf8(struct build *b, const char *text, size_t n)
{
	int line = bad_utf8_line(text, n);

	return line ? build_error(b, line, "the file is not UTF-8 text, which it has to be") : 0;
}

struct param *build_node(struct build *b, enum param_kind kind, int line, size_t size)
{
	struct param *pa = arena_calloc(b->arena, size);

	pa->kind = kind;
	pa->file = b->file;
	pa->line = line;
	return pa;
}

/* The name of key in map within the index: the map's address, then the key. */
static const char *index_name(struct build *b, const struct param *map, const char *key, size_t n)
{
	strbuf_clear(&b->name);
	strbuf_addu(&b->name, (uint64_t)(uintptr_t)map);
	strbuf_addch(&b->name, '.');
	strbuf_add(&b->name, key, n);
	return b->name.buf;
}

struct param *build_find(struct build *b, const struct param *map, const char *key, size_t n)
{
	index_name(b, map, key, n);
	return map_getn(&b->index, b->name.buf, b->name.len);
}

void build_push(struct build *b, struct param *list, struct param *item)
{
	list->list.v = arena_grow(b->arena, list->list.v, list->list.n, sizeof(*list->list.v));
	list->list.v[list->list.n++] = item;
}

void build_put(struct build *b, struct param *map, const char *key, size_t n, struct param *child)
{
	char *name;

	index_name(b, map, key, n);
	name = arena_strndup(b->arena, b->name.buf, b->name.len);
	child->key = name + (b->name.len - n);
	map_put(&b->index, name, child);
	build_push(b, map, child);
}

static int by_key(const void *a, const void *b)
{
	const struct param *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static void sort_tree(struct param *pa)
{
	size_t i;

	if (pa->kind != PARAM_LIST && pa->kind != PARAM_MAP)
		return;
	for (i = 0; i < pa->list.n; i++)
		sort_tree(pa->list.v[i]);
	if (pa->kind == PARAM_MAP && pa->list.n > 1)
		qsort(pa->list.v, pa->list.n, sizeof(*pa->list.v), by_key);
}

/* Lays the map over onto the map under, both sorted. */
static void merge(struct arena *a, struct param *under, const struct param *over)
{
	size_t i = 0, k = 0, n = 0;
	struct param **v = arena_alloc(a, (under->list.n + over->list.n + 1) * sizeof(*v));

	while (i < under->list.n || k < over->list.n) {
		struct param *x = i < under->list.n ? under->list.v[i] : NULL;
		struct param *y = k < over->list.n ? over->list.v[k] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->key, y->key);

		if (order == 0 && x->kind == PARAM_MAP && y->kind == PARAM_MAP) {
			merge(a, x, y);
			y = x;
		}
		v[n++] = order < 0 ? x : y;
		i += order <= 0;
		k += order >= 0;
	}
	under->list.v = v;
	under->list.n = n;
}

int build_done(struct build *b, struct params *p)
{
	if (b->errors > PARAMS_MAX_ERRORS)
		diag_error(b->ds, b->file, 0, "%zu more errors in this file", b->errors - PARAMS_MAX_ERRORS);
	sort_tree(b->root);
	if (p->root)
		merge(&p->arena, p->root, b->root);
	else
		p->root = b->root;
	map_release(&b->index);
	strbuf_release(&b->name);
	return b->errors ? -1 : 0;
}

bool param_search(const struct param *map, const char *key, size_t n, size_t *at)
{
	size_t lo = 0, hi = map->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *have = map->list.v[mid]->key;
		int order = strncmp(have, key, n);

		if (order == 0 && have[n] == '\0') {
			*at = mid;
			return true;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

static bool is_one_of(const char *s, size_t n, const char *const words[], size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return true;
	return false;
}

static bool core_word(const char *s, size_t n, struct param *out)
{
	static const char *const nulls[] = {"~", "null", "Null", "NULL"};
	static const char *const trues[] = {"true", "True", "TRUE"};
	static const char *const falses[] = {"false", "False", "FALSE"};
	static const char *const infs[] = {".inf", ".Inf", ".INF"};
	static const char *const nans[] = {".nan", ".NaN", ".NAN"};
	size_t sign = n > 0 && (*s == '-' || *s == '+');

	if (is_one_of(s, n, nulls, 4)) {
		out->kind = PARAM_NULL;
	} else if (is_one_of(s, n, trues, 3) || is_one_of(s, n, falses, 3)) {
		out->kind = PARAM_BOOL;
		out->b = s[0] == 't' || s[0] == 'T';
	} else if (is_one_of(s + sign, n - sign, infs, 3) || is_one_of(s, n, nans, 3)) {
		out->kind = PARAM_FLOAT;
		out->f = s[n - 1] == 'n' || s[n - 1] == 'N' ? NAN : *s == '-' ? -INFINITY : INFINITY;
	} else {
		return false;
	}
	return true;
}

static size_t digits(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && isdigit((unsigned char)*p))
		p++;
	return (size_t)(p - s);
}

/* Is s..end [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? and not only digits? */
static bool is_float(const char *s, const char *end)
{
	size_t whole, part = 0;
	bool more = false;

	s += s < end && (*s == '-' || *s == '+');
	whole = digits(s, end);
	s += whole;
	if (s < end && *s == '.') {
		part = digits(s + 1, end);
		s += 1 + part;
		more = true;
	}
	if (whole + part == 0)
		return false;
	if (s < end && (*s == 'e' || *s == 'E')) {
		s++;
		s += s < end && (*s == '-' || *s == '+');
		if (digits(s, end) == 0)
			return false;
		s += digits(s, end);
		more = true;
	}
	return more && s == end;
}

static bool core_int(const char *s, size_t n, struct param *out)
{
	size_t sign = *s == '-' || *s == '+', i;
	int base = 10;
	char text[72], *end;
	long long value;

	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'o')) {
		base = s[1] == 'x' ? 16 : 8;
		sign = 2;
	}
	if (n == sign)
		return false;
	for (i = sign; i < n; i++)
		if (base == 16 ? !isxdigit((unsigned char)s[i]) : s[i] < '0' || s[i] >= '0' + base)
			return false;
	while (base == 10 && n - sign > 1 && s[sign] == '0') /* zeros in front, however many */
		sign++;
	if (n - sign > sizeof(text) - 2)
		return false;
	snprintf(text, sizeof(text), "%s%.*s", *s == '-' ? "-" : "", (int)(n - sign), s + sign);
	errno = 0;
	value = strtoll(text, &end, base);
	if (errno || *end)
		return false;
	out->i = value;
	out->kind = PARAM_INT;
	return true;
}

bool param_core_scalar(const char *s, size_t n, struct param *out)
{
	CLEANUP(strbuf_release) struct strbuf copy = STRBUF_INIT;

	if (n == 0)
		return false;
	if (!isdigit((unsigned char)*s) && !strchr("+-.", *s))
		return core_word(s, n, out);
	if (core_int(s, n, out) || core_word(s, n, out))
		return true;
	if (!is_float(s, s + n))
		return false;
	strbuf_add(&copy, s, n);
	out->kind = PARAM_FLOAT;
	out->f = strtod(copy.buf, NULL);
	return true;
}

struct of_map {
	struct arena *a;
	struct param *out;
	int depth;
};

static int add_member(void *ctx, const char *key, struct json *value)
{
	struct of_map *om = ctx;
	struct param *child = arena_calloc(om->a, sizeof(*child));

	if (!param_of_json(om->a, value, om->depth - 1, child))
		return -1;
	child->key = arena_strdup(om->a, key);
	om->out->list.v[om->out->list.n++] = child;
	return 0;
}

static bool of_json_list(struct arena *a, const struct json *j, int depth, struct param *out)
{
	size_t i, n = json_len(j);

	for (i = 0; i < n; i++) {
		struct param *item = arena_calloc(a, sizeof(*item));

		if (!param_of_json(a, json_at(j, i), depth - 1, item))
			return false;
		out->list.v[out->list.n++] = item;
	}
	return true;
}

bool param_of_json(struct arena *a, const struct json *j, int depth, struct param *out)
{
	struct of_map om = {a, out, depth};

	if (depth <= 0)
		return false;
	switch (json_kind(j)) {
	case JSON_NULL_KIND: out->kind = PARAM_NULL; return true;
	case JSON_BOOL: out->kind = PARAM_BOOL; out->b = json_bool(j); return true;
	case JSON_INT: out->kind = PARAM_INT; out->i = json_int(j); return true;
	case JSON_FLOAT: out->kind = PARAM_FLOAT; out->f = json_float(j); return true;
	case JSON_STR: out->kind = PARAM_STR; out->s = arena_strdup(a, json_str(j)); return true;
	case JSON_LIST:
	case JSON_MAP: break;
	}
	out->list.v = arena_alloc(a, (json_len(j) + 1) * sizeof(*out->list.v));
	out->list.n = 0;
	out->kind = json_kind(j) == JSON_LIST ? PARAM_LIST : PARAM_MAP;
	if (out->kind == PARAM_LIST)
		return of_json_list(a, j, depth, out);
	return json_each(j, add_member, &om) == 0;
}

bool param_read_text(struct arena *a, const char *s, struct param *out, const char **why)
{
	CLEANUP(json_freep) struct json *j = NULL;
	size_t n = strlen(s);
	bool quoted = n >= 2 && s[0] == '"' && s[n - 1] == '"';
	bool list = n >= 2 && s[0] == '[' && s[n - 1] == ']';

	if (param_core_scalar(s, n, out))
		return true;
	if (quoted || list) {
		j = json_parse(s, n, NULL, NULL);
		if (j && param_of_json(a, j, PARAMS_MAX_DEPTH - 1, out)) {
			sort_tree(out);
			return true;
		}
		*why = list ? "a list is written as in JSON, like [1, 2] or [\"a\", \"b\"]; put a string that looks "
			      "like a list in double quotes"
			    : "a quoted string is written as in JSON: '\\\"' for a quote, '\\\\' for a backslash in it";
	}
	out->kind = PARAM_STR;
	out->s = arena_strdup(a, s);
	return !quoted && !list;
}

struct param *param_of_text(struct arena *a, const char *s)
{
	struct param *pa = arena_calloc(a, sizeof(*pa));
	const char *why;

	(void)param_read_text(a, s, pa, &why);
	return pa;
}
