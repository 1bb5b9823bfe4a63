/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/lockfile.h"

#include <stdlib.h>
#include <string.h>

/* Chains of makers longer than this are not followed: then an instance may be left out that need not be. */
#define MOST_DEPTH 1000

static bool is_marker(const char *line, size_t n, char c)
{
	return n >= 8 && line[0] == c && memcmp(line, line + 1, 6) == 0 && (line[7] == ' ' || line[7] == '\n');
}

bool lockfile_sides(const struct strbuf *text, struct strbuf *ours, struct strbuf *theirs)
{
	enum { BOTH, OURS, BASE, THEIRS } part = BOTH;
	const char *p = text->buf, *end = p + text->len;

	if (!strstr(text->buf, "<<<<<<< "))
		return false;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl + 1 : end) - p);

		if (is_marker(p, n, '<'))
			part = OURS;
		else if (part != BOTH && is_marker(p, n, '|'))
			part = BASE;
		else if (part != BOTH && is_marker(p, n, '='))
			part = THEIRS;
		else if (part == THEIRS && is_marker(p, n, '>'))
			part = BOTH;
		else {
			if (part == BOTH || part == OURS)
				strbuf_add(ours, p, n);
			if (part == BOTH || part == THEIRS)
				strbuf_add(theirs, p, n);
		}
		p += n;
	}
	return true;
}

/* ---- reading ---- */

static int count_newlines(const char *s, const char *end)
{
	int n = 0;

	for (; s < end && (s = memchr(s, '\n', (size_t)(end - s))); s++)
		n++;
	return n;
}

/* Reads the block text[0..n) of the lock that begins at start. */
static int read_block(const char *name, const char *start, const char *text, size_t n, struct arena *a, struct lock_block *b,
		      struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	struct record *r = arena_alloc(a, sizeof(*r));
	struct digest key;

	if (record_parse(text, n, a, r, &why) < 0 || !record_peek_key(text, n, &key, NULL))
		return err_set(err, ERR_PARSE,
			       "%s:%d: %s; take the committed one with `git checkout -- %s`, or remove it: it is written anew",
			       name, 1 + count_newlines(start, text), why.msg ? why.msg : "the key does not stand first", name);
	*b = (struct lock_block){text, n, r, record_holds(r)};
	return 0;
}

int lockfile_read(const char *name, const char *text, size_t n, bool lenient, struct arena *a,
		  int (*take)(void *ctx, const struct lock_block *b, struct err *err), void *ctx, struct err *err)
{
	const char *p = text, *end = text + n;

	if (n && !lenient && (n < 15 || memcmp(text, LOCKFILE_HEAD, 15) != 0))
		return err_set(err, ERR_PARSE,
			       "%s:1: not a lock file of this version (it begins with '# mlmake.lock 1'); "
			       "move it away, or take the committed one with `git checkout -- %s`",
			       name, name);
	while (p < end) {
		struct lock_block b;
		size_t len;

		if (*p == '\n' || *p == '#') {
			p = memchr(p, '\n', (size_t)(end - p));
			p = p ? p + 1 : end;
			continue;
		}
		len = record_block_len(p, end);
		if (read_block(name, text, p, len, a, &b, lenient ? NULL : err) == 0) {
			if (take(ctx, &b, err) < 0)
				return -1;
		} else if (!lenient) {
			return -1;
		}
		p += len;
	}
	return 0;
}

static int keep(void *ctx, const struct lock_block *b, struct err *err)
{
	struct lockfile *l = ctx;
	struct lock_block *old = map_get(&l->by_instance, b->record->instance);

	(void)err;
	if (old) {
		*old = *b;
		return 0;
	}
	old = arena_alloc(&l->arena, sizeof(*old)); /* one by one: the map points at them */
	*old = *b;
	map_put(&l->by_instance, b->record->instance, old);
	return 0;
}

int lockfile_parse(struct lockfile *l, const char *name, const char *text, size_t n, struct err *err)
{
	return lockfile_read(name, text, n, false, &l->arena, keep, l, err);
}

void lockfile_release(struct lockfile *l)
{
	map_release(&l->by_instance);
	arena_release(&l->arena);
	*l = (struct lockfile)LOCKFILE_INIT;
}

/* ---- merging ---- */

/* An instance that some side knows. */
struct merged {
	const struct lock_block *base, *ours, *theirs;
	const struct lock_block *chosen; /* NULL: none */
	enum { MERGED_NOT_YET, MERGED_BUSY, MERGED_DONE } state;
	bool left_out; /* rather than removed */
};

struct merging {
	struct arena arena;
	size_t depth; /* of makers asked for */
	struct map instances; /* -> struct merged */
	struct map makers;    /* output path -> struct merged */
};

static struct merged *merged_of(struct merging *m, const struct lock_block *b)
{
	struct merged *x = map_get(&m->instances, b->record->instance);

	if (!x) {
		x = arena_calloc(&m->arena, sizeof(*x));
		map_put(&m->instances, b->record->instance, x);
	}
	return x;
}

static void add_side(struct merging *m, const struct lockfile *l, size_t where)
{
	struct map_slot *s;
	size_t i = 0, j;

	while ((s = map_next(&l->by_instance, &i))) {
		const struct lock_block *b = s->value;
		struct merged *x = merged_of(m, b);

		*(const struct lock_block **)(void *)((char *)x + where) = b;
		for (j = 0; j < b->record->n_facts; j++)
			if (fact_is_output(b->record->facts[j].kind))
				map_put(&m->makers, b->record->facts[j].name, x);
	}
}

static bool same_block(const struct lock_block *a, const struct lock_block *b)
{
	struct strbuf x = STRBUF_INIT, y = STRBUF_INIT;
	bool same;

	if (!a || !b)
		return a == b;
	if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0)
		return true;
	record_write(a->record, false, &x);
	record_write(b->record, false, &y);
	same = x.len == y.len && memcmp(x.buf, y.buf, x.len) == 0;
	strbuf_release(&x);
	strbuf_release(&y);
	return same;
}

static const struct lock_block *choose(struct merging *m, struct merged *x);

static const struct record_fact *fact_of(const struct lock_block *b, const struct record_fact *like)
{
	return b ? record_find(b->record, like->kind, like->name) : NULL;
}

/* Of an output its name alone counts, as in the key. */
static bool same_fact(const struct record_fact *a, const struct record_fact *b)
{
	if (!a || !b)
		return a == b;
	return fact_is_output(a->kind) || record_fact_same(a, b);
}

/* Does the merged state have the fact x (which is like `like`, or NULL: no such fact)? */
static bool holds_merged(struct merging *m, struct merged *in, const struct record_fact *like, const struct record_fact *x)
{
	const struct record_fact *base = fact_of(in->base, like), *ours = fact_of(in->ours, like), *theirs = fact_of(in->theirs, like);
	struct merged *maker = fact_is_input_file(like->kind) ? map_get(&m->makers, like->name) : NULL;

	if (maker && maker != in && x) {
		const struct lock_block *made = choose(m, maker);
		size_t i;

		for (i = 0; made && i < made->record->n_facts; i++)
			if (fact_is_output(made->record->facts[i].kind) && streq(made->record->facts[i].name, like->name))
				return content_eq(&made->record->facts[i].content, &x->content);
		return false;
	}
	if (same_fact(ours, theirs) || same_fact(theirs, base))
		return same_fact(x, ours);
	return same_fact(ours, base) && same_fact(x, theirs);
}

static bool fits(struct merging *m, struct merged *in, const struct lock_block *b, const struct lock_block *other)
{
	size_t i;

	if (!b->holds || !other->holds)
		return false;
	for (i = 0; i < b->record->n_facts; i++)
		if (!holds_merged(m, in, &b->record->facts[i], &b->record->facts[i]))
			return false;
	for (i = 0; i < other->record->n_facts; i++)
		if (!fact_of(b, &other->record->facts[i]) && !holds_merged(m, in, &other->record->facts[i], NULL))
			return false;
	return true;
}

static const struct lock_block *choose_of_two(struct merging *m, struct merged *x)
{
	const struct lock_block *first = x->ours, *second = x->theirs;

	if (first->record->n_accepted && !second->record->n_accepted) { /* what was run counts more */
		first = x->theirs;
		second = x->ours;
	}
	if (fits(m, x, first, second))
		return first;
	return fits(m, x, second, first) ? second : NULL;
}

static const struct lock_block *choose(struct merging *m, struct merged *x)
{
	if (x->state != MERGED_NOT_YET || m->depth > MOST_DEPTH) /* of one that is being chosen nothing is known */
		return x->chosen;
	x->state = MERGED_BUSY;
	m->depth++;
	if (same_block(x->ours, x->theirs) || same_block(x->theirs, x->base)) {
		x->chosen = x->ours;
	} else if (same_block(x->ours, x->base)) {
		x->chosen = x->theirs;
	} else {
		x->chosen = x->ours && x->theirs ? choose_of_two(m, x) : NULL;
		x->left_out = !x->chosen;
	}
	m->depth--;
	x->state = MERGED_DONE;
	return x->chosen;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void lockfile_merge(const struct lockfile *base, const struct lockfile *ours, const struct lockfile *theirs, struct strbuf *out,
		    struct strvec *left_out)
{
	struct merging m = {.arena = ARENA_INIT, .instances = MAP_INIT, .makers = MAP_INIT};
	const char **names;
	struct map_slot *s;
	size_t i = 0, n = 0;

	add_side(&m, base, offsetof(struct merged, base));
	add_side(&m, theirs, offsetof(struct merged, theirs));
	add_side(&m, ours, offsetof(struct merged, ours));
	names = arena_alloc(&m.arena, (m.instances.n + 1) * sizeof(*names));
	while ((s = map_next(&m.instances, &i)))
		names[n++] = s->key;
	qsort(names, n, sizeof(*names), by_name);
	strbuf_addstr(out, LOCKFILE_HEAD);
	for (i = 0; i < n; i++) {
		struct merged *x = map_get(&m.instances, names[i]);
		const struct lock_block *b = choose(&m, x);

		if (b)
			record_write(b->record, false, out);
		if (x->left_out)
			strvec_push(left_out, names[i]);
	}
	map_release(&m.instances);
	map_release(&m.makers);
	arena_release(&m.arena);
}
