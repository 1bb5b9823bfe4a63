/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/origin.h"

#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "gitdb/tree.h"
#include "util/path.h"

#define LOCK_LIMIT ((size_t)1 << 30)
#define SOURCE_LIMIT ((size_t)1 << 30) /* bytes of a tracked file that is compared with a fact */
#define SHOWN 9                        /* digits of a commit */

/* The name of a project file below the top of the work tree. */
static char *in_tree(const struct repo *r, const char *path)
{
	return r->prefix && *r->prefix ? path_join(r->prefix, path) : xstrdup(path);
}

static int read_file(struct gitdb *db, const struct git_id *tree, const char *path, struct strbuf *out, struct err *err)
{
	struct tree_entry e;
	int got = tree_find(db, tree, path, &e, err);

	if (got <= 0)
		return got;
	if (e.mode != TREE_FILE && e.mode != TREE_EXEC)
		return err_set(err, ERR_INVALID, "'%s' is no file there", path);
	return gitdb_read(db, &e.id, GITDB_BLOB, LOCK_LIMIT, out, err) < 0 ? -1 : 1;
}

/* A run that ended badly has its lock, too: what came true until then. */
static int of_run(struct origin *o, struct lineage *l, const struct run *run, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	o->run = xstrdup(run->id);
	o->lock_name = xstrfmt("mlmake.lock of run %s", run->id);
	o->has_tree = run->has_tree;
	o->tree = run->tree;
	o->dirty = run->dirty;
	if (run->source && git_id_parse(run->source, &o->source))
		o->has_source = true;
	if (lineage_file(l, run, "mlmake.lock", LOCK_LIMIT, &o->lock, err) < 0)
		return err_wrap(err, "run %s", run->id);
	if (lineage_file(l, run, "records", LOCK_LIMIT, &o->records, &ignored) < 0)
		strbuf_clear(&o->records); /* they say when and how long, and are not needed */
	return 0;
}

static int of_commit(struct origin *o, struct gitdb *db, struct lineage *l, const struct repo *r, const char *word, struct err *err)
{
	CLEANUP(freep) char *lock = in_tree(r, "mlmake.lock");
	const struct run *run;
	struct git_id built;
	struct tree_entry own;
	int has_lock;
	char hex[GIT_ID_HEX + 1];

	if (gitdb_resolve(db, word, GITDB_COMMIT, &o->source, err) < 0) {
		if (err && err->code != ERR_NOTFOUND)
			return err_wrap(err, "'%s'", word);
		err_clear(err);
		return err_set(err, ERR_NOTFOUND, "'%s' is neither a run nor a commit; `mlmake log` and `git log` list them", word);
	}
	if (gitdb_resolve(db, word, GITDB_TREE, &o->tree, err) < 0 ||
	    tree_without(db, NULL, &o->tree, lock, &built, err) < 0)
		return err_wrap(err, "'%s'", word);
	git_id_hex(&o->source, hex);
	o->has_source = o->has_tree = true;
	has_lock = tree_find(db, &o->tree, lock, &own, err);
	if (has_lock < 0)
		return -1;
	run = lineage_built(l, &built, has_lock ? &own.id : NULL);
	if (run) {
		struct git_id source = o->source, tree = o->tree;

		if (of_run(o, l, run, err) < 0)
			return -1;
		o->name = xstrfmt("commit %.*s (run %s)", SHOWN, hex, run->id);
		o->has_source = o->has_tree = true;
		o->source = source; /* of several with that tree the one that was asked for */
		o->tree = tree;
		o->dirty = 0;
		return 0;
	}
	o->name = xstrfmt("commit %.*s", SHOWN, hex);
	o->lock_name = xstrfmt("%s of commit %.*s", lock, SHOWN, hex);
	return read_file(db, &o->tree, lock, &o->lock, err) < 0 ? err_wrap(err, "%s", o->name) : 0;
}

int origin_find(struct origin *o, struct gitdb *db, struct lineage *l, const struct repo *r, const char *word, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	const struct run *run = lineage_find(l, word, &why);

	o->word = xstrdup(word);
	if (run) {
		o->name = xstrfmt("run %s", run->id);
		if (!streq(run->project, r->prefix))
			return err_set(err, ERR_INVALID, "%s is of another project of this repository, '%s'", o->name,
				       *run->project ? run->project : ".");
		return of_run(o, l, run, err);
	}
	if ((why.code != ERR_NOTFOUND && why.code != ERR_INVALID) || !r->in_git)
		return err_move(err, &why);
	if (of_commit(o, db, l, r, word, err) == 0)
		return 0;
	return why.code == ERR_INVALID ? err_move(err, &why) : -1; /* it begins several runs, and is no commit either */
}

void origin_release(struct origin *o)
{
	free(o->word);
	free(o->name);
	free(o->run);
	free(o->lock_name);
	strbuf_release(&o->lock);
	strbuf_release(&o->records);
	*o = (struct origin)ORIGIN_INIT;
}

/* Code counts by what it says, where that is known. */
static bool means_the_same(const struct record_fact *f, const struct strbuf *text)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct code_facts facts;

	if (!f->has_meaning || text->len > CODE_LIMIT)
		return false;
	code_read(code_language(f->name), text->buf, text->len, &arena, &facts);
	return facts.has_meaning && digest_eq(&facts.meaning, &f->meaning);
}

/* 1: the source holds another file at path than f says; 0: it holds that one, or none. */
static int differs(const struct origin *o, struct gitdb *db, const struct repo *r, const struct record_fact *f, struct err *err)
{
	CLEANUP(freep) char *path = in_tree(r, f->name);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct tree_entry e;
	struct digest id;
	int got;

	if (path_refusal(f->name) || (f->content.kind != CONTENT_FILE && f->content.kind != CONTENT_EXEC))
		return 0;
	got = tree_find(db, &o->tree, path, &e, err);
	if (got <= 0 || (e.mode != TREE_FILE && e.mode != TREE_EXEC))
		return MIN(got, 0);
	if (gitdb_read(db, &e.id, GITDB_BLOB, SOURCE_LIMIT, &text, err) < 0)
		return -1;
	digest_bytes(text.buf, text.len, &id);
	return !digest_eq(&id, &f->content.id) && !means_the_same(f, &text);
}

int origin_behind(const struct origin *o, struct gitdb *db, const struct repo *r, const struct artifacts *as, const char **path,
		  const char **instance, struct err *err)
{
	size_t i, j;
	int n = 0, got;

	for (i = 0; i < as->n_records && o->has_tree; i++)
		for (j = 0; j < as->records[i]->n_facts; j++) {
			const struct record_fact *f = &as->records[i]->facts[j];

			if (!fact_is_input_file(f->kind) || artifacts_holding(as, f->name))
				continue;
			got = differs(o, db, r, f, err);
			if (got < 0)
				return -1;
			if (got && !n++) {
				*path = f->name;
				*instance = as->records[i]->instance;
			}
		}
	return n;
}
