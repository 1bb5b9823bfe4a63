/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "stale/lockfile.h"
#include "util/file.h"
#include "util/path.h"

static int by_instance(const void *a, const void *b)
{
	return strcmp((*(const struct record *const *)a)->instance, (*(const struct record *const *)b)->instance);
}

static void push(struct snapshot *s, const struct record *r)
{
	s->records = arena_grow(&s->arena, s->records, s->n, sizeof(*s->records));
	s->records[s->n++] = r;
}

/* What a merge may have mixed counts only if it holds; what a run wrote down is what was, also under another form of keys. */
static int take_record(void *ctx, const struct lock_block *b, struct err *err)
{
	struct snapshot *s = ctx;

	(void)err;
	if (b->holds || s->origin.run)
		push(s, b->record);
	return 0;
}

static int take_lock(struct snapshot *s, const struct strbuf *lock, struct err *err)
{
	if (lockfile_read("mlmake.lock", lock->buf, lock->len, true, &s->arena, take_record, s, err) < 0)
		return -1;
	if (s->n > 1)
		qsort(s->records, s->n, sizeof(*s->records), by_instance);
	return 0;
}

static const struct record **find_record(const struct snapshot *s, size_t n, const char *instance)
{
	const struct record want = {.instance = instance}, *key = &want;

	return n ? bsearch(&key, s->records, n, sizeof(*s->records), by_instance) : NULL;
}

struct completing {
	struct snapshot *s;
	size_t sorted; /* so many come from the lock */
};

/* The records of the run itself know more than the lock: what is local. */
static int take_run_record(void *ctx, const struct lock_block *b, struct err *err)
{
	struct completing *c = ctx;
	const struct record **known = find_record(c->s, c->sorted, b->record->instance);

	(void)err;
	if (known && digest_eq(&(*known)->key, &b->record->key))
		*known = b->record;
	else if (!known)
		push(c->s, b->record);
	return 0;
}

int snapshot_find(struct snapshot *s, const struct snapshot_tools *t, const char *word, struct err *err)
{
	struct origin *o = &s->origin;
	struct completing c = {s, 0};
	char *hex = arena_alloc(&s->arena, GIT_ID_HEX + 1);

	if (origin_find(o, t->db, t->lineage, t->repo, word, err) < 0 || take_lock(s, &o->lock, err) < 0)
		return -1;
	c.sorted = s->n;
	if (lockfile_read("records", o->records.buf, o->records.len, true, &s->arena, take_run_record, &c, err) < 0)
		return -1;
	if (s->n > c.sorted)
		qsort(s->records, s->n, sizeof(*s->records), by_instance);
	s->run = o->run ? lineage_find(t->lineage, o->run, NULL) : NULL;
	s->name = o->name;
	s->has_tree = o->has_tree;
	s->tree = o->tree;
	git_id_hex(&o->source, hex);
	s->commit = o->has_source ? hex : NULL;
	return 0;
}

void snapshot_here(struct snapshot *s, const struct plan *p)
{
	size_t i;

	s->name = "the work tree";
	s->here = true;
	for (i = 0; i < p->g->n; i++)
		if (p->selected[i])
			push(s, &p->verdicts[i].now);
	if (s->n > 1)
		qsort(s->records, s->n, sizeof(*s->records), by_instance);
}

void snapshot_release(struct snapshot *s)
{
	origin_release(&s->origin);
	arena_release(&s->arena);
	*s = (struct snapshot)SNAPSHOT_INIT;
}

const struct record *snapshot_record(const struct snapshot *s, const char *instance)
{
	const struct record **found = find_record(s, s->n, instance);

	return found ? *found : NULL;
}

static bool is_content(const struct strbuf *text, const struct record_fact *f)
{
	struct digest d;

	digest_bytes(text->buf, text->len, &d);
	return digest_eq(&d, &f->content.id);
}

static bool from_source(const struct snapshot *s, const struct snapshot_tools *t, const struct record_fact *f, size_t limit,
			struct strbuf *out)
{
	CLEANUP(freep) char *path = *t->repo->prefix ? path_join(t->repo->prefix, f->name) : xstrdup(f->name);
	struct tree_entry e;

	return s->has_tree && tree_find(t->db, &s->tree, path, &e, NULL) > 0 && (e.mode == TREE_FILE || e.mode == TREE_EXEC) &&
	       gitdb_read(t->db, &e.id, GITDB_BLOB, limit, out, NULL) == 0 && is_content(out, f);
}

/* Small objects lie in the run's commit, also in a clone whose store does not know of them yet. */
static bool from_run(const struct snapshot *s, const struct snapshot_tools *t, const struct record_fact *f, size_t limit,
		     struct strbuf *out)
{
	char path[16 + DIGEST_HEX + 1] = "objects/";

	if (!s->run)
		return false;
	digest_hex(&f->content.id, path + strlen(path));
	return lineage_file(t->lineage, s->run, path, limit, out, NULL) == 0 && is_content(out, f);
}

int snapshot_bytes(const struct snapshot *s, const struct snapshot_tools *t, const struct record_fact *f, size_t limit,
		   struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (f->content.kind != CONTENT_FILE && f->content.kind != CONTENT_EXEC)
		return err_set(err, ERR_INVALID, "'%s' is no file", f->name);
	if ((uint64_t)f->content.size > limit)
		return err_set(err, ERR_INVALID, "'%s' is larger than %zu bytes", f->name, limit);
	if (store_get_bytes(t->store, &f->content.id, limit, &text, NULL) == 0)
		goto found;
	strbuf_clear(&text);
	if (file_read(f->name, limit, &text, NULL) == 0 && is_content(&text, f))
		goto found;
	strbuf_clear(&text);
	if (from_source(s, t, f, limit, &text))
		goto found;
	strbuf_clear(&text);
	if (from_run(s, t, f, limit, &text))
		goto found;
	return err_set(err, ERR_NOTFOUND, "nobody has '%s' as it was then", f->name);
found:
	strbuf_add(out, text.buf, text.len);
	return 0;
}
