/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "params/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "params/params_tree.h"
#include "util/file.h"
#include "util/text.h"

static const struct {
	const char *extension;
	void (*read)(struct build *b, const char *text, size_t n);
} formats[] = {
	{".ini", params_read_ini},   {".cfg", params_read_ini},   {".json", params_read_json},
	{".yaml", params_read_yaml}, {".yml", params_read_yaml}, {".toml", params_read_toml},
};

int params_parse(struct params *p, const char *name, const char *text, size_t n, struct diags *ds)
{
	const char *dot = strrchr(name, '.');
	struct build b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (dot && strcasecmp(dot, formats[i].extension) == 0)
			break;
	if (i == ARRAY_SIZE(formats))
		return diag_error(ds, name, 0, "cannot tell the format of parameters by this name; "
					       "end it with .ini, .yaml, .json or .toml");
	if (n > PARAMS_MAX_FILE)
		return diag_error(ds, name, 0, "a parameter file is limited to 16 MiB");
	build_init(&b, &p->arena, name, ds);
	formats[i].read(&b, text, n);
	return build_done(&b, p);
}

int params_load(struct params *p, const char *path, struct diags *ds)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (file_read(path, PARAMS_MAX_FILE, &text, &err) < 0)
		return diag_error(ds, path, 0, "%s", err.msg);
	return params_parse(p, path, text.buf, text.len, ds);
}

/* The map that holds the parameter at key below map, and its index there. A component is taken up to each '.' in turn,
 * since keys may hold dots themselves; every node of the tree is visited at most once. */
static const struct param *find(const struct param *map, const char *key, size_t *at)
{
	size_t n = 0;

	if (map->kind != PARAM_MAP)
		return NULL;
	for (;;) {
		n += strcspn(key + n, ".");
		if (param_search(map, key, n, at)) {
			const struct param *below;

			if (!key[n])
				return map;
			below = find(map->list.v[*at], key + n + 1, at);
			if (below)
				return below;
		}
		if (!key[n])
			return NULL;
		n++;
	}
}

const struct param *params_get(const struct params *p, const char *key)
{
	const struct param *map;
	size_t at;

	if (!p->root)
		return NULL;
	map = find(p->root, key, &at);
	return map ? map->list.v[at] : NULL;
}

static void insert(struct arena *a, struct param *map, size_t at, struct param *child)
{
	struct param **v = arena_alloc(a, (map->list.n + 1) * sizeof(*v));

	if (at)
		memcpy(v, map->list.v, at * sizeof(*v));
	v[at] = child;
	if (map->list.n > at)
		memcpy(v + at + 1, map->list.v + at, (map->list.n - at) * sizeof(*v));
	map->list.v = v;
	map->list.n++;
}

/* Puts value at key, which is not there, making the maps above it. */
static int add(struct params *p, const char *key, struct param *value, struct err *err)
{
	struct param *map = p->root;
	const char *k = key;
	size_t at, n, depth = 1;

	for (;; k += n + 1) {
		struct param *next;

		n = strcspn(k, ".");
		if (n == 0 || ++depth > PARAMS_MAX_DEPTH)
			return err_set(err, ERR_INVALID, n ? "parameter '%s' nests too deep"
							   : "parameter '%s' has an empty part", key);
		if (!k[n])
			break;
		if (!param_search(map, k, n, &at)) {
			next = arena_calloc(&p->arena, sizeof(*next));
			next->kind = PARAM_MAP;
			next->key = arena_strndup(&p->arena, k, n);
			insert(&p->arena, map, at, next);
		}
		map = map->list.v[at];
		if (map->kind != PARAM_MAP)
			return err_set(err, ERR_INVALID, "cannot set '%s': '%.*s' is a value, not a section", key,
				       (int)(k + n - key), key);
	}
	if (param_search(map, k, n, &at))
		BUG("parameter '%s' is there and was not found", key);
	value->key = arena_strdup(&p->arena, k);
	insert(&p->arena, map, at, value);
	return 0;
}

static int no_such_parameter(const struct params *p, const char *key, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(key);

	params_offer(p, &near);
	nearest_hint(&near, &hint);
	return err_set(err, ERR_INVALID, "no parameter '%s'%s%s", key, hint.buf,
		       p->root && p->root->list.n ? "" : "; no parameters are loaded");
}

int params_set(struct params *p, const char *key, const char *text, bool must_exist, struct err *err)
{
	struct param *value = arena_calloc(&p->arena, sizeof(*value));
	const char *why;
	const struct param *map;
	size_t at;

	if (!param_read_text(&p->arena, text, value, &why))
		return err_set(err, ERR_INVALID, "parameter '%s': %s", key, why);
	map = p->root ? find(p->root, key, &at) : NULL;
	if (!map && must_exist)
		return no_such_parameter(p, key, err);
	if (!map) {
		if (!p->root) {
			p->root = arena_calloc(&p->arena, sizeof(*p->root));
			p->root->kind = PARAM_MAP;
		}
		return add(p, key, value, err);
	}
	if (map->list.v[at]->kind == PARAM_MAP)
		return err_set(err, ERR_INVALID, "cannot set '%s': it is a section; set a key in it: '%s.KEY=...'", key,
			       key);
	value->key = map->list.v[at]->key;
	map->list.v[at] = value;
	return 0;
}

struct leaf {
	size_t name; /* offset of its full key */
	const char *full;
	const struct param *pa;
};

struct leaves {
	struct leaf *v;
	size_t n, cap;
	struct strbuf names; /* each NUL-terminated */
};

static void collect(struct leaves *ls, struct strbuf *prefix, const struct param *pa, bool root)
{
	size_t i, len = prefix->len;

	if (pa->kind != PARAM_MAP) {
		ALLOC_GROW(ls->v, ls->n + 1, ls->cap);
		ls->v[ls->n++] = (struct leaf){ls->names.len, NULL, pa};
		strbuf_add(&ls->names, prefix->buf, prefix->len + 1);
		return;
	}
	for (i = 0; i < pa->list.n; i++) {
		if (!root)
			strbuf_addch(prefix, '.');
		strbuf_addstr(prefix, pa->list.v[i]->key);
		collect(ls, prefix, pa->list.v[i], false);
		strbuf_setlen(prefix, len);
	}
}

static int by_full_key(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;
	int order = strcmp(x->full, y->full);

	return order ? order : (x->name > y->name) - (x->name < y->name);
}

/* In order of full key, which is not that of the tree: "a-b" stands before "a.b". */
static void sort_leaves(struct leaves *ls)
{
	bool sorted = true;
	size_t i;

	for (i = 0; i < ls->n; i++) {
		ls->v[i].full = ls->names.buf + ls->v[i].name;
		sorted = sorted && (i == 0 || by_full_key(&ls->v[i - 1], &ls->v[i]) < 0);
	}
	if (!sorted)
		qsort(ls->v, ls->n, sizeof(*ls->v), by_full_key);
}

void params_each(const struct params *p, const char *key,
		 void (*fn)(void *ctx, const char *full_key, const struct param *leaf), void *ctx)
{
	CLEANUP(strbuf_release) struct strbuf prefix = STRBUF_INIT;
	struct leaves ls = {NULL, 0, 0, STRBUF_INIT};
	const struct param *pa = *key ? params_get(p, key) : p->root;
	size_t i;

	if (!pa)
		return;
	if (pa->kind != PARAM_MAP) {
		fn(ctx, key, pa);
		return;
	}
	strbuf_addstr(&prefix, key);
	collect(&ls, &prefix, pa, !*key);
	sort_leaves(&ls);
	for (i = 0; i < ls.n; i++)
		fn(ctx, ls.v[i].full, ls.v[i].pa);
	free(ls.v);
	strbuf_release(&ls.names);
}

static void offer_below(struct arena *a, const struct param *map, struct strbuf *prefix, struct nearest *n)
{
	size_t i, len = prefix->len;

	for (i = 0; i < map->list.n; i++) {
		const struct param *child = map->list.v[i];

		if (len)
			strbuf_addch(prefix, '.');
		strbuf_addstr(prefix, child->key);
		nearest_offer(n, prefix->buf);
		if (n->best == prefix->buf) /* it outlives the buffer */
			n->best = arena_strdup(a, prefix->buf);
		if (child->kind == PARAM_MAP)
			offer_below(a, child, prefix, n);
		strbuf_setlen(prefix, len);
	}
}

void params_offer(const struct params *p, struct nearest *n)
{
	CLEANUP(strbuf_release) struct strbuf prefix = STRBUF_INIT;

	if (p->root) /* what is found lives in the arena; the tree stays as it is */
		offer_below((struct arena *)(uintptr_t)&p->arena, p->root, &prefix, n);
}

static void add_int(struct strbuf *out, int64_t i)
{
	if (i < 0)
		strbuf_addch(out, '-');
	strbuf_addu(out, i < 0 ? -(uint64_t)i : (uint64_t)i);
}

static void canonical_all(const struct param *pa, struct strbuf *out)
{
	bool map = pa->kind == PARAM_MAP;
	size_t i;

	strbuf_addch(out, map ? '{' : '[');
	for (i = 0; i < pa->list.n; i++) {
		if (i)
			strbuf_addch(out, ',');
		if (map) {
			json_write_string(pa->list.v[i]->key, strlen(pa->list.v[i]->key), out);
			strbuf_addch(out, ':');
		}
		param_canonical(pa->list.v[i], out);
	}
	strbuf_addch(out, map ? '}' : ']');
}

void param_canonical(const struct param *pa, struct strbuf *out)
{
	switch (pa->kind) {
	case PARAM_NULL: strbuf_addstr(out, "null"); break;
	case PARAM_BOOL: strbuf_addstr(out, pa->b ? "true" : "false"); break;
	case PARAM_INT: add_int(out, pa->i); break;
	case PARAM_FLOAT: text_add_double(out, pa->f); break;
	case PARAM_STR: json_write_string(pa->s, strlen(pa->s), out); break;
	case PARAM_LIST:
	case PARAM_MAP: canonical_all(pa, out); break;
	}
}

void param_plain(const struct param *pa, struct strbuf *out)
{
	size_t i;

	if (pa->kind == PARAM_STR) {
		strbuf_addstr(out, pa->s);
	} else if (pa->kind == PARAM_LIST) {
		for (i = 0; i < pa->list.n; i++) {
			if (i)
				strbuf_addch(out, ' ');
			param_plain(pa->list.v[i], out);
		}
	} else {
		param_canonical(pa, out);
	}
}

/* JSON has no infinities: they become the strings "inf", "-inf" and "nan", which Python's float() reads. */
static struct json *json_of_float(double x)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (isfinite(x))
		return json_new_float(x);
	text_add_double(&text, x);
	return json_new_str(text.buf);
}

struct json *param_json(const struct param *pa)
{
	struct json *j;
	size_t i;

	switch (pa->kind) {
	case PARAM_NULL: return json_new_null();
	case PARAM_BOOL: return json_new_bool(pa->b);
	case PARAM_INT: return json_new_int(pa->i);
	case PARAM_FLOAT: return json_of_float(pa->f);
	case PARAM_STR: return json_new_str(pa->s);
	case PARAM_LIST:
	case PARAM_MAP: break;
	}
	j = pa->kind == PARAM_MAP ? json_new_map() : json_new_list();
	for (i = 0; i < pa->list.n; i++) {
		if (pa->kind == PARAM_MAP)
			json_set(j, pa->list.v[i]->key, param_json(pa->list.v[i]));
		else
			json_push(j, param_json(pa->list.v[i]));
	}
	return j;
}

/* Puts the parameter that find() finds at key below map into j, with the maps on the way. */
static void put_json(struct json *j, const struct param *map, const char *key)
{
	size_t n = 0, at, ignored;

	for (;; n++) {
		const struct param *child;
		struct json *below;

		n += strcspn(key + n, ".");
		if (param_search(map, key, n, &at)) {
			child = map->list.v[at];
			if (!key[n]) {
				json_set(j, child->key, param_json(child));
				return;
			}
			if (find(child, key + n + 1, &ignored)) {
				below = json_get(j, child->key);
				if (!below)
					json_set(j, child->key, below = json_new_map());
				put_json(below, child, key + n + 1);
				return;
			}
		}
		if (!key[n])
			return;
	}
}

struct json *params_json(const struct params *p, char *const *keys, size_t n)
{
	struct json *j = json_new_map();
	size_t i;

	for (i = 0; i < n && p->root; i++)
		put_json(j, p->root, keys[i]);
	return j;
}

void params_release(struct params *p)
{
	arena_release(&p->arena);
	p->root = NULL;
}
