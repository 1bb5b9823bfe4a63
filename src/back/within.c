/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/within.h"

#include <stdlib.h>
#include <string.h>

#include "digest/digestset.h"
#include "digest/manifest.h"
#include "stale/lockfile.h"
#include "store/closure.h"

#define TEXT_LIMIT ((size_t)4 << 20)
#define LOCK_LIMIT ((size_t)1 << 30)

struct candidate {
	struct digest id;
	struct maker maker;
};

struct search {
	struct store *store;
	struct makers *makers;
	const struct digest *id;
	char hex[DIGEST_HEX + 1];
	struct candidate *v;
	size_t n, cap;
	struct digestset offered; /* directories */
	struct digestset seen;    /* lists that do not have it, nor what is below them */
	struct strbuf path;       /* of what was found, from the directory down */
};

static void add_candidate(void *ctx, const struct digest *dir)
{
	struct search *s = ctx;
	struct maker k;

	if (!digestset_add(&s->offered, dir) || makers_find(s->makers, dir, &k, NULL) <= 0)
		return;
	ALLOC_GROW(s->v, s->n + 1, s->cap);
	s->v[s->n++] = (struct candidate){*dir, k};
}

static int by_worth(const void *a, const void *b)
{
	const struct maker *x = &((const struct candidate *)a)->maker, *y = &((const struct candidate *)b)->maker;

	if (x->how != y->how)
		return x->how > y->how ? -1 : 1;
	if (x->run->order != y->run->order)
		return x->run->order < y->run->order ? -1 : 1;
	return x->run->turn < y->run->turn ? -1 : x->run->turn > y->run->turn;
}

static bool look_in(struct search *s, const struct digest *list, int depth);

static bool look_at(struct search *s, const struct manifest *m, const struct manifest_entry *e, int depth)
{
	size_t len = s->path.len;

	if (!m->parts) {
		strbuf_addf(&s->path, "/%s", e->name);
		if (e->kind != CONTENT_LINK && digest_eq(&e->id, s->id))
			return true;
	}
	if (e->kind == CONTENT_DIR && look_in(s, &e->id, depth + 1))
		return true;
	strbuf_setlen(&s->path, len);
	return false;
}

/* Most lists have nothing below them, and are passed over by their text. */
static bool look_in(struct search *s, const struct digest *list, int depth)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT; /* what is not here has nothing to show */
	size_t i;

	if (depth > MANIFEST_DEPTH + MANIFEST_LEVELS || !digestset_add(&s->seen, list) ||
	    store_get_bytes(s->store, list, TEXT_LIMIT, &text, &ignored) < 0 ||
	    (!strstr(text.buf, s->hex) && !strstr(text.buf, "\n#dir ") && !strstr(text.buf, "\n#part ")) ||
	    manifest_parse(&m, text.buf, text.len, &ignored) < 0)
		return false;
	for (i = 0; i < m.n; i++)
		if (look_at(s, &m, &m.v[i], depth))
			return true;
	return false;
}

static int look_through(struct search *s, struct maker *out)
{
	size_t i;

	digestset_release(&s->seen);
	s->seen = (struct digestset)DIGESTSET_INIT;
	for (i = 0; i < s->n; i++) {
		strbuf_clear(&s->path);
		strbuf_addstr(&s->path, s->v[i].maker.path);
		if (!look_in(s, &s->v[i].id, 0))
			continue;
		*out = s->v[i].maker;
		out->path = makers_text(s->makers, s->path.buf);
		return 1;
	}
	return 0;
}

int within_learn(struct lineage *l, struct store *s, struct err *err)
{
	const struct run *runs;
	size_t i, n;

	if (lineage_runs(l, &runs, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		CLEANUP(err_release) struct err ignored = ERR_INIT;
		struct tree_entry e;

		if (lineage_entry(l, &runs[i], "objects", &e, &ignored) == 1 && e.mode == TREE_DIR)
			(void)!closure_learn(s, &e.id, &ignored);
	}
	return 0;
}

static void search_release(struct search *s)
{
	free(s->v);
	digestset_release(&s->offered);
	digestset_release(&s->seen);
	strbuf_release(&s->path);
}

int within_find(struct makers *m, struct lineage *l, struct store *s, const struct digest *id, struct maker *out, struct err *err)
{
	CLEANUP(search_release) struct search find = {.store = s, .makers = m, .id = id, .path = STRBUF_INIT};
	int got;

	digest_hex(id, find.hex);
	if (makers_within(m, id, add_candidate, &find, err) < 0)
		return -1;
	if (find.n > 1)
		qsort(find.v, find.n, sizeof(*find.v), by_worth);
	got = look_through(&find, out);
	if (got || !find.n)
		return got;
	/* its tables may have lost the lists */
	return within_learn(l, s, err) < 0 ? -1 : look_through(&find, out);
}

/* ---- what a run read */

struct lying {
	struct store *store;
	const struct digest *id;
	const char *path;
	struct content dir; /* of kind CONTENT_NONE: not found */
};

static int look_at_block(void *ctx, const struct lock_block *b, struct err *err)
{
	struct lying *l = ctx;
	size_t i;

	(void)err;
	for (i = 0; i < b->record->n_facts; i++) {
		CLEANUP(err_release) struct err ignored = ERR_INIT;
		const struct record_fact *f = &b->record->facts[i];
		struct content is;
		const char *rest;

		if (fact_is_output(f->kind) && f->content.kind == CONTENT_DIR && skip_prefix(l->path, f->name, &rest) && *rest == '/' &&
		    store_find(l->store, &f->content, rest + 1, &is, &ignored) == 0 && digest_eq(&is.id, l->id)) {
			l->dir = f->content;
			return -1;
		}
	}
	return 0;
}

int within_run(struct makers *m, struct lineage *l, struct store *s, const struct digest *id, struct maker *k, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct lying lying = {.store = s, .id = id, .path = k->path, .dir = {.kind = CONTENT_NONE}};
	struct maker dir;
	int got;

	if (!strchr(k->path, '/') || lineage_file(l, k->run, "mlmake.lock", LOCK_LIMIT, &text, &ignored) < 0)
		return 0;
	(void)!lockfile_read("mlmake.lock", text.buf, text.len, true, &a, look_at_block, &lying, &ignored);
	if (lying.dir.kind == CONTENT_NONE)
		return 0;
	got = makers_find(m, &lying.dir.id, &dir, err);
	if (got <= 0 || dir.how == MAKER_READ)
		return MIN(got, 0);
	dir.path = k->path;
	*k = dir;
	return 1;
}
