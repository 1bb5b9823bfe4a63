/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the git repository that a project lies in. libgit2 is loaded by the first of them: a run that has nothing to do
 * asks none. None of them but git_source
 * runs a hook, a filter or any other command. */
#ifndef GITDB_GIT_H
#define GITDB_GIT_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "util/strvec.h"

/* Appends those of paths (project paths; n of them) that git tracks, or that hold something it tracks. */
NODISCARD int git_tracked(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err);

/* Appends those of paths that git tracks whole: a file, or a directory that holds nothing that git does not track. */
NODISCARD int git_holds(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err);

/* Appends what `git diff-index --raw -z` says of the tracked files of the work tree and the tree (hex), in full names. It reads indexes that
 * libgit2 does not, and no file: one whose stat data moved has no name. */
NODISCARD int git_diff_raw(const struct repo *r, const char *tree, struct strbuf *out, struct err *err);

/* The source that a run builds. */
struct git_source {
	char *commit;   /* that HEAD names, owned; NULL: none, or no git */
	int dirty;      /* 1: tracked files other than the project's mlmake.lock differ from it, 0: they do not, -1: not known */
	bool has_tree;
	struct git_id tree; /* of the tracked files as they are in the work tree */
	struct gitdb *apart; /* sees it; owned. NULL: db does */
};
#define GIT_SOURCE_INIT {NULL, -1, false, {{0}}, NULL}
void git_source_release(struct git_source *s);

/* Looks at HEAD and the work tree (db: gitdb_new_in). If something differs, `git add -u` writes what does into an index of its own in the directory scratch,
 * so that the user's is not touched; that runs the filters that git is configured to run, and no hook. No ref reaches the objects, so they
 * go to a directory of objects in scratch, where no `git gc` looks; out->apart sees them. */
NODISCARD int git_source(const struct repo *r, struct gitdb *db, const char *scratch, struct git_source *out, struct err *err);

#endif
