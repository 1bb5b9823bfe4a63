/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/verdict.h"

#include <string.h>

#include "stale/lockfile.h"

static bool came_out_the_same(const struct rerun *r)
{
	size_t i;

	for (i = 0; i < r->n_outs; i++)
		if (r->outs[i].outcome != RERUN_IDENTICAL && r->outs[i].outcome != RERUN_SAME)
			return false;
	return true;
}

void verdict_parts(const struct rerun_result *v, struct arena *a, struct run *run)
{
	size_t i;

	run->outcome = "reproduced";
	run->parts = arena_calloc(a, (v->n + 1) * sizeof(*run->parts));
	run->n_parts = 0;
	for (i = 0; i < v->n; i++) {
		const struct rerun *r = &v->v[i];

		if (r->end != RERUN_RAN || !r->same_key)
			continue;
		run->parts[run->n_parts++] = (struct run_part){.name = r->instance,
							       .result = came_out_the_same(r) ? "same" : "differs",
							       .has_key = true,
							       .key = r->was->key,
							       .duration = r->duration};
	}
}

static int add_text(struct tree_builder *t, const char *path, const struct strbuf *text, struct packer *p, struct err *err)
{
	struct git_id id;

	if (packer_add(p, GITDB_BLOB, text->buf, text->len, PACKER_COMPRESSED, &id, err) < 0)
		return -1;
	tree_add(t, path, TREE_FILE, &id);
	return 0;
}

static int add_source(struct run *run, const struct origin *o, struct gitdb *db, const struct repo *r, struct tree_builder *t,
		      struct packer *p, struct err *err)
{
	CLEANUP(freep) char *lock = r->prefix && *r->prefix ? xstrfmt("%s/mlmake.lock", r->prefix) : xstrdup("mlmake.lock");

	if (!o->has_tree)
		return 0;
	if (tree_without(db, p, &o->tree, lock, &run->tree, err) < 0)
		return -1;
	run->has_tree = true;
	tree_add(t, "source", TREE_DIR, &run->tree);
	return 0;
}

int verdict_append(struct lineage *l, struct gitdb *db, const struct repo *r, struct run *run, const struct origin *o,
		   const struct rerun_result *v, struct packer *p, int (*make_durable)(void *ctx, struct err *err), void *ctx,
		   struct err *err)
{
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	CLEANUP(strbuf_release) struct strbuf records = STRBUF_INIT, lock = STRBUF_INIT;
	char hex[GIT_ID_HEX + 1];
	size_t i;

	if (!run->n_parts)
		return 0;
	for (i = 0; i < v->n; i++)
		if (v->v[i].now)
			record_write(v->v[i].now, true, &records);
	strbuf_addstr(&lock, o->lock.len ? o->lock.buf : LOCKFILE_HEAD); /* of a source without one, one that says nothing */
	if (add_source(run, o, db, r, &t, p, err) < 0 || add_text(&t, "records", &records, p, err) < 0 ||
	    add_text(&t, "mlmake.lock", &lock, p, err) < 0)
		return -1;
	run->dirty = o->dirty;
	if (o->has_source) {
		git_id_hex(&o->source, hex);
		run->source = hex;
	}
	if (lineage_append(l, run, &t, p, make_durable, ctx, err) < 0)
		return -1;
	run->source = NULL;
	return 0;
}

void verdict_count(struct lineage *l, const struct digest *key, struct verdict_count *out)
{
	const struct run *runs;
	size_t n, i, j;

	memset(out, 0, sizeof(*out));
	if (lineage_runs(l, &runs, &n, NULL) < 0)
		return;
	for (i = 0; i < n; i++)
		for (j = 0; j < runs[i].n_parts && streq(runs[i].outcome, "reproduced"); j++) {
			const struct run_part *part = &runs[i].parts[j];

			if (!part->has_key || !digest_eq(&part->key, key))
				continue;
			out->same += streq(part->result, "same");
			out->differs += streq(part->result, "differs");
			out->last = runs[i].time;
			out->run = runs[i].id;
		}
}
