/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/changes.h"

#include <stdlib.h>
#include <string.h>

#include "gitdb/libgit2.h"

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

static void take(git_diff *diff, struct arena *a, struct git_change **out, size_t *n)
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
		++*n;
	}
	if (*n > 1)
		qsort(*out, *n, sizeof(**out), by_path);
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
	if (got < 0)
		return libgit2_fail(err, "cannot compare with the tree of git's");
	take(diff, a, out, n);
	return 0;
}
