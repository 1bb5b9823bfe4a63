/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/tree.h"

#include <stdlib.h>
#include <string.h>
#include "util/map.h"

#define TREE_LIMIT ((size_t)256 << 20)
#define DEPTH 200 /* directories are nested at most this deep */

/* ---- reading trees */

static int damaged(const struct git_id *id, const char *what, struct err *err)
{
	char hex[GIT_ID_HEX + 1];

	git_id_hex(id, hex);
	return err_set(err, ERR_PARSE, "git object %s is no %s", hex, what);
}

static bool name_ok(const char *name)
{
	return *name && !streq(name, ".") && !streq(name, "..") && !strchr(name, '/');
}

/* "<octal mode> <name>\0<20 bytes>" at s; returns what follows, or NULL. */
static const char *take_entry(const char *s, const char *end, struct arena *a, struct tree_entry *out)
{
	const char *nul = memchr(s, '\0', (size_t)(end - s));

	out->mode = 0;
	for (; s < end && *s >= '0' && *s <= '7'; s++)
		out->mode = out->mode << 3 | (unsigned)(*s - '0');
	if (!nul || *s != ' ' || s > nul || end - nul < 1 + GIT_ID_LEN)
		return NULL;
	out->name = arena_strndup(a, s + 1, (size_t)(nul - s - 1));
	memcpy(out->id.b, nul + 1, GIT_ID_LEN);
	return name_ok(out->name) ? nul + 1 + GIT_ID_LEN : NULL;
}

int tree_read(struct gitdb *db, const struct git_id *id, size_t limit, struct arena *a, struct tree_entry **v, size_t *n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *s, *end;

	*v = NULL;
	*n = 0;
	if (gitdb_read(db, id, GITDB_TREE, limit, &text, err) < 0)
		return -1;
	for (s = text.buf, end = s + text.len; s < end; (*n)++) {
		*v = arena_grow(a, *v, *n, sizeof(**v));
		s = take_entry(s, end, a, &(*v)[*n]);
		if (!s)
			return damaged(id, "tree that can be read", err);
	}
	return 0;
}

/* 1: found, 0: not, -1. */
static int find_entry(struct gitdb *db, const struct git_id *tree, const char *name, size_t len, struct tree_entry *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *s, *end;

	if (gitdb_read(db, tree, GITDB_TREE, TREE_LIMIT, &text, err) < 0)
		return -1;
	for (s = text.buf, end = s + text.len; s < end;) {
		s = take_entry(s, end, &a, out);
		if (!s)
			return damaged(tree, "tree that can be read", err);
		if (strlen(out->name) == len && memcmp(out->name, name, len) == 0) {
			out->name = NULL;
			return 1;
		}
	}
	return 0;
}

int tree_find(struct gitdb *db, const struct git_id *tree, const char *path, struct tree_entry *out, struct err *err)
{
	struct git_id at = *tree;

	for (;;) {
		size_t n = strcspn(path, "/");
		int got = find_entry(db, &at, path, n, out, err);

		if (got <= 0)
			return got;
		if (!path[n]) {
			const char *slash = strrchr(path, '/');

			out->name = slash ? slash + 1 : path;
			return 1;
		}
		if (out->mode != TREE_DIR)
			return 0;
		at = out->id;
		path += n + 1;
	}
}

/* ---- writing trees */

void tree_add(struct tree_builder *t, const char *path, unsigned mode, const struct git_id *id)
{
	ALLOC_GROW(t->v, t->n + 1, t->cap);
	t->v[t->n++] = (struct tree_entry){path, mode, *id};
}

void tree_builder_release(struct tree_builder *t)
{
	free(t->v);
	*t = (struct tree_builder)TREE_BUILDER_INIT;
}

/* As git sorts one level of a tree: a directory's name as if a '/' stood behind it, which whole paths have there anyway. */
static int by_path(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;
	const unsigned char *s = (const unsigned char *)x->name, *t = (const unsigned char *)y->name;
	int c, d;

	while (*s && *s == *t)
		s++, t++;
	c = *s ? *s : x->mode == TREE_DIR ? '/' : 0;
	d = *t ? *t : y->mode == TREE_DIR ? '/' : 0;
	return c - d;
}

static void add_entry(struct strbuf *out, unsigned mode, const char *name, size_t len, const struct git_id *id)
{
	strbuf_addf(out, "%o ", mode);
	strbuf_add(out, name, len);
	strbuf_addch(out, '\0');
	strbuf_add(out, id->b, GIT_ID_LEN);
}

/* Is the directory path[0..len) also a file among v[0..n)? */
static bool is_file(struct tree_entry *v, size_t n, const char *path, size_t len)
{
	CLEANUP(freep) char *file = xstrndup(path, len);
	struct tree_entry key = {.name = file, .mode = TREE_FILE};

	return bsearch(&key, v, n, sizeof(*v), by_path) != NULL;
}

/* Writes v[0..n), whose paths have the first at bytes in common, as one tree. Trees are mostly digests: those of 100,000 files take a third
 * of a second to compress and are then 7 MB instead of 10. */
static int write_level(struct tree_entry *v, size_t n, size_t at, int depth, struct packer *p, struct git_id *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i, j;

	if (depth > DEPTH)
		return err_set(err, ERR_INVALID, "'%s' is nested deeper than %d levels", v->name, DEPTH);
	for (i = 0; i < n; i = j) {
		const char *name = v[i].name + at;
		size_t len = strcspn(name, "/");
		bool below = name[len] != '\0';
		struct git_id id = v[i].id;

		for (j = i + 1; j < n && strncmp(v[j].name + at, name, len) == 0 && v[j].name[at + len] == name[len]; j++)
			;
		if (below && is_file(v, n, v[i].name, at + len))
			return err_set(err, ERR_INVALID, "'%.*s' is both a file and a directory, so no tree can hold it",
				       (int)(at + len), v[i].name);
		if (below && write_level(v + i, j - i, at + len + 1, depth + 1, p, &id, err) < 0)
			return -1;
		add_entry(&text, below ? TREE_DIR : v[i].mode, name, len, &id);
	}
	return packer_add(p, GITDB_TREE, text.buf, text.len, 0, out, err);
}

int tree_write(struct tree_builder *t, struct packer *p, struct git_id *out, struct err *err)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (!*t->v[i].name || t->v[i].name[0] == '/' || ends_with(t->v[i].name, "/"))
			return err_set(err, ERR_INVALID, "'%s' is no path in a tree", t->v[i].name);
	if (t->n > 1)
		qsort(t->v, t->n, sizeof(*t->v), by_path);
	return write_level(t->v, t->n, 0, 0, p, out, err);
}

static void level_text(const struct tree_entry *v, size_t n, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		add_entry(out, v[i].mode, v[i].name, strlen(v[i].name), &v[i].id);
}

/* 1 if nothing is left of it. */
static int add_tree(struct packer *p, const struct strbuf *text, struct git_id *out, struct err *err)
{
	if (p)
		return packer_add(p, GITDB_TREE, text->buf, text->len, PACKER_COMPRESSED, out, err);
	gitdb_name(GITDB_TREE, text->buf, text->len, out);
	return 0;
}

static int cut(struct gitdb *db, struct packer *p, const struct git_id *tree, const char *path, struct git_id *out, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t n, i, len = strcspn(path, "/");
	struct tree_entry *v;
	int gone = 1;

	*out = *tree;
	if (tree_read(db, tree, TREE_LIMIT, &a, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n && !(strlen(v[i].name) == len && memcmp(v[i].name, path, len) == 0); i++)
		;
	if (i == n || (path[len] && v[i].mode != TREE_DIR))
		return 0;
	if (path[len] && (gone = cut(db, p, &v[i].id, path + len + 1, &v[i].id, err)) < 0)
		return -1;
	if (gone)
		memmove(&v[i], &v[i + 1], (--n - i) * sizeof(*v));
	if (!n)
		return 1;
	level_text(v, n, &text);
	return add_tree(p, &text, out, err);
}

int tree_without(struct gitdb *db, struct packer *p, const struct git_id *tree, const char *path, struct git_id *out, struct err *err)
{
	const struct strbuf empty = STRBUF_INIT;
	int got = cut(db, p, tree, path, out, err);

	return got > 0 ? add_tree(p, &empty, out, err) : got;
}

/* ---- commits */

static const char *line_of(const char *s, const char *word, const char **end)
{
	const char *nl = strchr(s, '\n');

	if (!nl || !skip_prefix(s, word, &s))
		return NULL;
	*end = nl;
	return s;
}

/* "Name <mail> 1732385109 +0000" */
static bool take_author(const char *s, const char *end, struct arena *a, struct commit *out)
{
	const char *close = end;

	while (close > s && *close != '>')
		close--;
	if (close == s)
		return false;
	out->author = arena_strndup(a, s, (size_t)(close + 1 - s));
	out->time = strtoll(close + 1, NULL, 10);
	return true;
}

int commit_read(struct gitdb *db, const struct git_id *id, struct arena *a, struct commit *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *s, *end, *body;
	struct git_id parent;

	memset(out, 0, sizeof(*out));
	if (gitdb_read(db, id, GITDB_COMMIT, COMMIT_LIMIT, &text, err) < 0)
		return -1;
	s = line_of(text.buf, "tree ", &end);
	if (!s || !git_id_parse(s, &out->tree))
		return damaged(id, "commit that can be read", err);
	while ((s = line_of(end + 1, "parent ", &end)) && git_id_parse(s, &parent)) {
		out->parents = arena_grow(a, out->parents, out->n_parents, sizeof(*out->parents));
		out->parents[out->n_parents++] = parent;
	}
	body = strstr(end, "\n\n");
	s = strstr(text.buf, "\nauthor ");
	if (!body || !s || s > body || !(s = line_of(s + 1, "author ", &end)) || !take_author(s, end, a, out))
		return damaged(id, "commit that can be read", err);
	out->message = arena_strdup(a, body + 2);
	return 0;
}

void commit_text(const struct commit *c, struct strbuf *out)
{
	char hex[GIT_ID_HEX + 1];
	size_t i;

	git_id_hex(&c->tree, hex);
	strbuf_addf(out, "tree %s\n", hex);
	for (i = 0; i < c->n_parents; i++) {
		git_id_hex(&c->parents[i], hex);
		strbuf_addf(out, "parent %s\n", hex);
	}
	strbuf_addf(out, "author %s %lld +0000\ncommitter %s %lld +0000\n\n%s", c->author, (long long)c->time, c->author,
		    (long long)c->time, c->message);
}

/* ---- pinning */

struct pinning {
	struct gitdb *db;
	struct packer *p;
	size_t limit;
};

static int pin_object(struct pinning *pin, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct err why = ERR_INIT;
	struct git_id same;

	if (gitdb_read(pin->db, id, kind, limit, &bytes, &why) < 0) {
		if (why.code != ERR_INVALID || kind != GITDB_BLOB || limit == SIZE_MAX)
			return err_move(err, &why);
		err_release(&why);
		return packer_stands(pin->p, id) ? 0 : pin_object(pin, id, kind, SIZE_MAX, err);
	}
	return packer_add(pin->p, kind, bytes.buf, bytes.len, PACKER_FRESH | PACKER_COMPRESSED, &same, err);
}

#define BASES 2

/* One level of the bases: what each has under a name. */
struct level {
	struct map by_name[BASES]; /* -> struct tree_entry */
	struct arena a;
	size_t n;
};

static void level_release(struct level *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		map_release(&l->by_name[i]);
	arena_release(&l->a);
}

static int level_read(struct pinning *pin, struct level *l, const struct git_id *bases, size_t n_bases, struct err *err)
{
	for (; l->n < n_bases; l->n++) {
		struct tree_entry *v;
		size_t n, i;

		if (tree_read(pin->db, &bases[l->n], pin->limit, &l->a, &v, &n, err) < 0)
			return -1;
		for (i = 0; i < n; i++)
			map_put(&l->by_name[l->n], v[i].name, &v[i]);
	}
	return 0;
}

/* The trees of that name, for the level below. 1 if one of the bases has the very entry. */
static int level_below(const struct level *l, const struct tree_entry *e, struct git_id below[BASES], size_t *n)
{
	size_t i;

	*n = 0;
	for (i = 0; i < l->n; i++) {
		const struct tree_entry *was = map_get(&l->by_name[i], e->name);

		if (was && git_id_eq(&was->id, &e->id))
			return 1;
		if (was && was->mode == TREE_DIR)
			below[(*n)++] = was->id;
	}
	return 0;
}

static int pin_tree(struct pinning *pin, const struct git_id *tree, const struct git_id *bases, size_t n_bases, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(level_release) struct level l = {.a = ARENA_INIT};
	struct git_id below[BASES];
	struct tree_entry *v;
	size_t n, i, n_below;

	if (pin_object(pin, tree, GITDB_TREE, pin->limit, err) < 0 || tree_read(pin->db, tree, pin->limit, &a, &v, &n, err) < 0 ||
	    level_read(pin, &l, bases, n_bases, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		int got = v[i].mode == TREE_COMMIT ? 1 : level_below(&l, &v[i], below, &n_below);

		if (got == 0)
			got = v[i].mode == TREE_DIR ? pin_tree(pin, &v[i].id, below, n_below, err)
						    : pin_object(pin, &v[i].id, GITDB_BLOB, pin->limit, err);
		if (got < 0)
			return -1;
	}
	return 0;
}

int tree_pin(struct gitdb *db, struct packer *p, const struct git_id *tree, const struct git_id *bases, size_t n_bases, size_t limit,
	     struct err *err)
{
	struct pinning pin = {db, p, limit};
	size_t i;

	n_bases = MIN(n_bases, (size_t)BASES);
	for (i = 0; i < n_bases; i++)
		if (git_id_eq(&bases[i], tree))
			return 0;
	return pin_tree(&pin, tree, bases, n_bases, err);
}
