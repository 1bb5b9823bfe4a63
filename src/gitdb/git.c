/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/git.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gitdb/libgit2.h"
#include "util/path.h"

static void repository_freep(git_repository **r)
{
	if (*r)
		p_git_repository_free(*r);
}

static void index_freep(git_index **i)
{
	if (*i)
		p_git_index_free(*i);
}

static int open_repository(const struct repo *r, git_repository **out, struct err *err)
{
	*out = NULL;
	if (libgit2_load(err) < 0)
		return -1;
	if (p_git_repository_open(out, r->top) < 0)
		return libgit2_fail(err, "cannot open the git repository");
	return 0;
}

int git_tracked(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err)
{
	CLEANUP(repository_freep) git_repository *repo = NULL;
	CLEANUP(index_freep) git_index *index = NULL;
	size_t i, pos;

	if (!r->in_git)
		return 0;
	if (open_repository(r, &repo, err) < 0)
		return -1;
	if (p_git_repository_index(&index, repo) < 0)
		return libgit2_fail(err, "cannot read git's index");
	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *path = *r->prefix ? path_join(r->prefix, paths[i]) : xstrdup(paths[i]);
		CLEANUP(freep) char *below = xstrfmt("%s/", path);

		if (p_git_index_find(&pos, index, path) == 0 || p_git_index_find_prefix(&pos, index, below) == 0)
			strvec_push(out, paths[i]);
	}
	return 0;
}

static bool is_about(const git_diff_delta *d, const char *path)
{
	return d && streq(d->new_file.path ? d->new_file.path : d->old_file.path, path);
}

/* Of the tracked files but mlmake.lock: that one follows from the others, and the build has just written it. */
static int is_dirty(git_repository *repo, const char *lock)
{
	git_status_options opt;
	git_status_list *list;
	size_t n, i;
	int dirty = 0;

	if (p_git_status_options_init(&opt, GIT_STATUS_OPTIONS_VERSION) < 0)
		return -1;
	opt.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
	opt.flags = GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
	if (p_git_status_list_new(&list, repo, &opt) < 0)
		return -1;
	n = p_git_status_list_entrycount(list);
	for (i = 0; i < n && !dirty; i++) {
		const git_status_entry *e = p_git_status_byindex(list, i);

		dirty = !is_about(e->head_to_index, lock) && !is_about(e->index_to_workdir, lock);
	}
	p_git_status_list_free(list);
	return dirty;
}

int git_source(const struct repo *r, char **commit, int *dirty, struct err *err)
{
	CLEANUP(repository_freep) git_repository *repo = NULL;
	CLEANUP(freep) char *lock = *r->prefix ? path_join(r->prefix, "mlmake.lock") : xstrdup("mlmake.lock");
	char hex[GIT_OID_HEXSZ + 1];
	git_oid id;

	*commit = NULL;
	*dirty = -1;
	if (!r->in_git)
		return 0;
	if (open_repository(r, &repo, err) < 0)
		return -1;
	if (p_git_reference_name_to_id(&id, repo, "HEAD") < 0)
		return 0;
	*commit = xstrdup(p_git_oid_tostr(hex, sizeof(hex), &id));
	*dirty = is_dirty(repo, lock);
	return 0;
}
