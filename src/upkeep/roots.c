/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "upkeep/roots.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gitdb/tree.h"
#include "gitdb/worktrees.h"
#include "util/file.h"
#include "util/path.h"

#define LOCK "mlmake.lock"
#define TEXT_LIMIT ((size_t)1 << 30)
#define TREE_LIMIT ((size_t)256 << 20)
#define DEPTH 200
#define SHIPS "\nMlmake-Ship: "
#define TAGS 100 /* a tag of a tag of a tag ... */

void roots_release(struct roots *r)
{
	digestset_release(&r->seen);
}

/* true the first time. */
static bool is_new(struct roots *r, const struct git_id *id)
{
	struct digest key = {{0}};

	memcpy(key.b, id->b, GIT_ID_LEN);
	return digestset_add(&r->seen, &key);
}

static int take_blob(struct roots *r, const struct git_id *id, const struct root *root, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!is_new(r, id))
		return 0;
	if (gitdb_read(r->db, id, GITDB_BLOB, TEXT_LIMIT, &text, err) < 0)
		return err_wrap(err, "%s", root->where);
	return r->take(r->ctx, root, text.buf, text.len, err);
}

/* ---- commits */

static int visit_tree(struct roots *r, const struct git_id *id, const struct root *root, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tree_entry *v;
	size_t n, i;

	if (!is_new(r, id))
		return 0;
	if (depth > DEPTH)
		return err_set(err, ERR_INVALID, "%s: directories are nested deeper than %d levels", root->where, DEPTH);
	if (tree_read(r->db, id, TREE_LIMIT, &a, &v, &n, err) < 0)
		return err_wrap(err, "%s", root->where);
	for (i = 0; i < n; i++) {
		int got = 0;

		if (v[i].mode == TREE_DIR)
			got = visit_tree(r, &v[i].id, root, depth + 1, err);
		else if ((v[i].mode == TREE_FILE || v[i].mode == TREE_EXEC) && streq(v[i].name, LOCK))
			got = take_blob(r, &v[i].id, root, err);
		if (got < 0)
			return -1;
	}
	return 0;
}

struct todo {
	struct git_id *v;
	size_t n, cap;
};

static int visit_commit(struct roots *r, const struct git_id *id, struct todo *todo, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char hex[GIT_ID_HEX + 1], where[64];
	struct root root = {where, NULL};
	struct commit c;
	size_t i;

	git_id_hex(id, hex);
	snprintf(where, sizeof(where), LOCK " of commit %.10s", hex);
	if (commit_read(r->db, id, &a, &c, err) < 0 || visit_tree(r, &c.tree, &root, 0, err) < 0)
		return -1;
	for (i = 0; r->history && i < c.n_parents; i++) {
		ALLOC_GROW(todo->v, todo->n + 1, todo->cap);
		todo->v[todo->n++] = c.parents[i];
	}
	return 0;
}

static int visit_history(struct roots *r, const struct git_id *id, struct err *err)
{
	struct todo todo = {NULL, 0, 0};
	struct git_id at = *id;
	int got = 0;

	for (;;) {
		if (is_new(r, &at))
			got = visit_commit(r, &at, &todo, err);
		if (got < 0 || !todo.n)
			break;
		at = todo.v[--todo.n];
	}
	free(todo.v);
	return got;
}

/* A tag's text begins with "object <id>". One of the registry names what was deployed (lifecycle/release.h). */
static int visit_object(struct roots *r, const struct git_id *id, const char *name, int depth, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct root root = {name, NULL};
	enum gitdb_kind kind;
	struct git_id at;
	const char *rest;
	size_t size;

	if (gitdb_look(r->db, id, &kind, &size, err) < 0)
		return err_wrap(err, "%s", name);
	if (kind == GITDB_COMMIT)
		return visit_history(r, id, err);
	if (kind == GITDB_TREE)
		return visit_tree(r, id, &root, 0, err);
	if (kind != GITDB_TAG)
		return 0;
	if (gitdb_read(r->db, id, GITDB_TAG, TEXT_LIMIT, &text, err) < 0)
		return err_wrap(err, "%s", name);
	if (depth > TAGS || !skip_prefix(text.buf, "object ", &rest) || !git_id_parse(rest, &at))
		return err_set(err, ERR_CORRUPT, "the tag '%s' cannot be read", name);
	if (strstr(text.buf, SHIPS) && is_new(r, id) && r->take(r->ctx, &root, text.buf, text.len, err) < 0)
		return -1;
	return visit_object(r, &at, name, depth + 1, err);
}

/* The chains of runs are looked at run by run. */
static int visit_ref(void *ctx, const char *name, const struct git_id *id)
{
	struct roots *r = ctx;

	if (skip_prefix(name, LINEAGE_REFS, NULL))
		return 0;
	return visit_object(r, id, name, 0, r->err);
}

static int visit_refs(struct roots *r, struct err *err)
{
	CLEANUP(freep) char *broken = NULL;
	struct err why = ERR_INIT;

	if (gitdb_open(r->db, &why) < 0) {
		if (why.code != ERR_NOTFOUND || r->repo->in_git)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	broken = gitdb_broken_ref(r->db);
	if (broken)
		return err_set(err, ERR_CORRUPT, "the ref '%s' cannot be read", broken);
	r->err = err;
	return gitdb_refs(r->db, "refs/*", visit_ref, r, err);
}

/* ---- work trees */

/* ERR_NOTFOUND is nothing. */
static int take_file(struct roots *r, const char *path, bool *there, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct root root = {path, NULL};
	struct err why = ERR_INIT;

	if (file_read(path, TEXT_LIMIT, &text, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	if (there)
		*there = true;
	return r->take(r->ctx, &root, text.buf, text.len, err);
}

/* Undoes work_name() of gitdb/repo.c: "top", "in-sub%2Fdir". NULL if it is none. Owned. */
static char *prefix_of(const char *name)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const char *p;

	if (streq(name, "top"))
		return xstrdup("");
	if (!skip_prefix(name, "in-", &p))
		return NULL;
	for (; *p; p++) {
		unsigned code;

		if (*p != '%')
			strbuf_addch(&sb, *p);
		else if (sscanf(p + 1, "%2x", &code) == 1 && p[1] && p[2]) {
			strbuf_addch(&sb, (char)code);
			p += 2;
		}
	}
	return strbuf_detach(&sb);
}

static int visit_project(struct roots *r, const struct worktree *w, const char *works, const char *name, struct err *err)
{
	CLEANUP(freep) char *state = xstrfmt("%s/%s/state", works, name);
	CLEANUP(freep) char *journal = xstrfmt("%s/%s/journal", works, name);
	CLEANUP(freep) char *prefix = prefix_of(name);
	CLEANUP(freep) char *dir = NULL;
	CLEANUP(freep) char *lock = NULL;

	if (take_file(r, state, NULL, err) < 0 || take_file(r, journal, &r->journals, err) < 0)
		return -1;
	if (!prefix || !w->top)
		return 0;
	dir = *prefix ? path_join(w->top, prefix) : xstrdup(w->top);
	lock = path_join(dir, LOCK);
	return take_file(r, lock, NULL, err);
}

static int visit_projects(struct roots *r, const struct worktree *w, const char *works, struct err *err)
{
	DIR *dir = opendir(works);
	struct dirent *e;
	int got = 0;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, "cannot read directory '%s'", works);
	while (got == 0 && (errno = 0, e = readdir(dir)))
		if (e->d_name[0] != '.')
			got = visit_project(r, w, works, e->d_name, err);
	if (got == 0 && errno)
		got = err_errno(err, "cannot read directory '%s'", works);
	closedir(dir);
	return got;
}

struct indexed {
	struct roots *r;
	const struct worktree *w;
	struct err *err;
};

/* What the index holds may be on disk under that name too, in a project that has not been built here. */
static int visit_indexed(void *ctx, const char *path, const struct git_id *id)
{
	struct indexed *in = ctx;
	CLEANUP(freep) char *where = xstrfmt("%s in the index of %s", path, in->w->git_dir);
	CLEANUP(freep) char *file = in->w->top ? path_join(in->w->top, path) : NULL;
	struct root root = {where, NULL};

	if (take_blob(in->r, id, &root, in->err) < 0)
		return -1;
	return file ? take_file(in->r, file, NULL, in->err) : 0;
}

/* A HEAD that is no branch. */
static int visit_head(struct roots *r, const struct worktree *w, struct err *err)
{
	CLEANUP(freep) char *file = path_join(w->git_dir, "HEAD");
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct git_id id;

	if (!r->repo->in_git || file_read(file, 65536, &text, NULL) < 0 || text.len < GIT_ID_HEX || !git_id_parse(text.buf, &id))
		return 0;
	return visit_object(r, &id, file, 0, err);
}

static int visit_worktree(struct roots *r, const struct worktree *w, struct err *err)
{
	CLEANUP(freep) char *works = r->repo->in_git ? path_join(w->git_dir, "mlmake/work") : path_join(r->repo->shared, "work");
	struct indexed in = {r, w, err};

	if (w->away)
		return err_set(err, ERR_NOTFOUND, "the work tree of '%s' is not there now, though it is expected back (`git worktree list`)",
			       w->git_dir);
	if (visit_head(r, w, err) < 0 || visit_projects(r, w, works, err) < 0)
		return -1;
	return worktree_index(w, LOCK, visit_indexed, &in, err);
}

int roots_visit(struct roots *r, struct err *err)
{
	CLEANUP(worktrees_release) struct worktrees w = WORKTREES_INIT;
	const char *incomplete = r->repo->in_git ? worktrees_incomplete(r->repo) : NULL;
	size_t i;

	if (incomplete)
		return err_set(err, ERR_INVALID, "this clone %s", incomplete);
	if (visit_refs(r, err) < 0 || worktrees_list(r->repo, &w, err) < 0)
		return -1;
	for (i = 0; i < w.n; i++)
		if (visit_worktree(r, &w.v[i], err) < 0)
			return -1;
	return 0;
}

/* ---- runs */

int roots_run(struct roots *r, const struct run *run, struct err *err)
{
	static const char *const names[] = {LOCK, "records"};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(freep) char *where = xstrfmt("run %s", run->id);
	struct root root = {where, run};
	struct commit c;
	size_t i;

	if (commit_read(r->db, &run->commit, &a, &c, err) < 0)
		return err_wrap(err, "%s", where);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct tree_entry e;
		int got = tree_find(r->db, &c.tree, names[i], &e, err);

		if (got < 0 || (got > 0 && take_blob(r, &e.id, &root, err) < 0))
			return err_wrap(err, "%s", where);
	}
	return 0;
}
