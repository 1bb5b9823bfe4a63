/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows libgit2. It is opened by name when it is needed, for it takes 10 ms to load and start. */
#include <config.h>

#include "lineage/git.h"

#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/library.h"
#include "util/path.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define LIBRARY "libgit2.so." STRING(LIBGIT2_VER_MAJOR) "." STRING(LIBGIT2_VER_MINOR)

#define FUNCTIONS(X)                                                                                       \
	X(git_libgit2_init)                                                                                \
	X(git_error_last)                                                                                  \
	X(git_repository_open)                                                                             \
	X(git_repository_free)                                                                             \
	X(git_repository_index)                                                                            \
	X(git_index_free)                                                                                  \
	X(git_index_find)                                                                                  \
	X(git_index_find_prefix)                                                                           \
	X(git_reference_name_to_id)                                                                        \
	X(git_oid_tostr)                                                                                   \
	X(git_status_list_new)                                                                             \
	X(git_status_list_entrycount)                                                                      \
	X(git_status_byindex)                                                                              \
	X(git_status_list_free)                                                                            \
	X(git_status_options_init)

#define DECLARE(name) static __typeof__(name) *p_##name;
FUNCTIONS(DECLARE)

static int load(struct err *err)
{
#define SYMBOL(name) {#name, &p_##name},
	static const struct library_symbol symbols[] = {FUNCTIONS(SYMBOL)};
	static bool loaded;

	if (loaded)
		return 0;
	if (library_open(LIBRARY, symbols, ARRAY_SIZE(symbols), err) < 0)
		return -1;
	if (p_git_libgit2_init() < 0)
		return err_set(err, ERR_IO, "libgit2 does not start");
	loaded = true;
	return 0;
}

static int fail(const char *what, struct err *err)
{
	const git_error *e = p_git_error_last();

	return err_set(err, ERR_IO, "%s: %s", what, e && e->message ? e->message : "unknown git error");
}

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
	if (load(err) < 0)
		return -1;
	if (p_git_repository_open(out, r->top) < 0)
		return fail("cannot open the git repository", err);
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
		return fail("cannot read git's index", err);
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
