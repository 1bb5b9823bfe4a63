/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gitdb/git.h"
#include "gitdb/libgit2.h"
#include "util/file.h"
#include "util/path.h"

#define FILE_LIMIT ((size_t)1 << 30)
#define EMPTY_TREE "4b825dc642cb6eb9a060e54bf8d69288fbee4904" /* which git knows without its being there */

static void repository_freep(git_repository **r)
{
	if (*r)
		p_git_repository_free(*r);
}

static void tree_freep(git_tree **t)
{
	if (*t)
		p_git_tree_free(*t);
}

static void diff_freep(git_diff **d)
{
	if (*d)
		p_git_diff_free(*d);
}

static int look_up(git_tree **out, git_repository *repo, const struct git_id *id, struct err *err)
{
	git_oid oid;

	*out = NULL;
	if (!id)
		return 0;
	memcpy(oid.id, id->b, GIT_ID_LEN);
	if (p_git_tree_lookup(out, repo, &oid) < 0)
		return libgit2_fail(err, "cannot read a tree of git's");
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct git_change *)a)->path, ((const struct git_change *)b)->path);
}

/* Does the file hold the blob as it is? */
static bool is_blob(const struct repo *r, const char *path, const struct git_id *id)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	CLEANUP(freep) char *whole = path_join(r->top, path);
	struct git_id is;

	if (file_read(whole, FILE_LIMIT, &bytes, NULL) < 0)
		return false;
	gitdb_name(GITDB_BLOB, bytes.buf, bytes.len, &is);
	return git_id_eq(&is, id);
}

/* here: r's work tree is what is compared with, of which libgit2 says modified also of a file that is as in the tree, and not as in the index. */
static void take(git_diff *diff, const struct repo *here, struct arena *a, struct git_change **out, size_t *n)
{
	size_t i, total = p_git_diff_num_deltas(diff);

	*out = arena_alloc(a, (total + 1) * sizeof(**out));
	*n = 0;
	for (i = 0; i < total; i++) {
		const git_diff_delta *d = p_git_diff_get_delta(diff, i);
		struct git_change *c = &(*out)[*n];

		if (d->status == GIT_DELTA_UNMODIFIED || d->status == GIT_DELTA_IGNORED || d->status == GIT_DELTA_UNTRACKED)
			continue;
		c->path = arena_strdup(a, d->new_file.path ? d->new_file.path : d->old_file.path);
		c->old_mode = d->status == GIT_DELTA_ADDED ? 0 : d->old_file.mode;
		c->new_mode = d->status == GIT_DELTA_DELETED ? 0 : d->new_file.mode;
		memcpy(c->old.b, d->old_file.id.id, GIT_ID_LEN);
		memcpy(c->new.b, d->new_file.id.id, GIT_ID_LEN);
		if (here && c->old_mode == c->new_mode && is_blob(here, c->path, &c->old))
			continue;
		++*n;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), by_path);
}

/* ---- by git, where libgit2 cannot read the index ---- */

/* One ":<mode> <mode> <id> <id> <letter>", its NUL, and the path; returns what follows, NULL if it is none. */
static const char *take_raw(const struct repo *r, const char *s, const char *end, struct arena *a, struct git_change **v, size_t *n)
{
	char old[GIT_ID_HEX + 1], new[GIT_ID_HEX + 1], letter;
	struct git_change c = {.path = NULL};
	const char *path, *next;

	if (sscanf(s, ":%o %o %40s %40s %c", &c.old_mode, &c.new_mode, old, new, &letter) != 5 || !git_id_parse(old, &c.old) ||
	    !git_id_parse(new, &c.new) || !(path = memchr(s, '\0', (size_t)(end - s))) || ++path == end ||
	    !(next = memchr(path, '\0', (size_t)(end - path))))
		return NULL;
	if (c.old_mode == c.new_mode && is_blob(r, path, &c.old)) /* its stat data alone moved */
		return next + 1;
	c.path = arena_strdup(a, path);
	*v = arena_grow(a, *v, *n, sizeof(**v));
	(*v)[(*n)++] = c;
	return next + 1;
}

static int by_git(const struct repo *r, const struct git_id *old, struct arena *a, struct git_change **out, size_t *n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf raw = STRBUF_INIT;
	char hex[GIT_ID_HEX + 1] = EMPTY_TREE;
	const char *s, *end;

	if (old)
		git_id_hex(old, hex);
	if (git_diff_raw(r, hex, &raw, err) < 0)
		return -1;
	*out = NULL;
	*n = 0;
	for (s = raw.buf, end = s + raw.len; s && s < end;)
		s = take_raw(r, s, end, a, out, n);
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), by_path);
	return s ? 0 : err_set(err, ERR_PARSE, "`git diff-index` said what is not understood");
}

int git_changes(const struct repo *r, const struct git_id *old, const struct git_id *new, struct arena *a, struct git_change **out,
		size_t *n, struct err *err)
{
	CLEANUP(repository_freep) git_repository *repo = NULL;
	CLEANUP(tree_freep) git_tree *from = NULL;
	CLEANUP(tree_freep) git_tree *to = NULL;
	CLEANUP(diff_freep) git_diff *diff = NULL;
	git_diff_options opt;
	int got;

	if (libgit2_load(err) < 0)
		return -1;
	if (p_git_repository_open(&repo, r->in_git ? r->top : r->git_dir) < 0)
		return libgit2_fail(err, "cannot open the git repository");
	if (look_up(&from, repo, old, err) < 0 || look_up(&to, repo, new, err) < 0)
		return -1;
	if (p_git_diff_options_init(&opt, GIT_DIFF_OPTIONS_VERSION) < 0)
		return libgit2_fail(err, "libgit2 does not know its own version");
	opt.flags |= GIT_DIFF_IGNORE_SUBMODULES;
	got = new ? p_git_diff_tree_to_tree(&diff, repo, from, to, &opt)
		  : p_git_diff_tree_to_workdir_with_index(&diff, repo, from, &opt);
	if (got < 0 && !new)
		return by_git(r, old, a, out, n, err);
	if (got < 0)
		return libgit2_fail(err, "cannot compare with the tree of git's");
	take(diff, new ? NULL : r, a, out, n);
	return 0;
}
