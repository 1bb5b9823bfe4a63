/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions to the git repository that a project lies in. libgit2 is loaded by the first of them: a run that has nothing to do
 * asks none. None of them runs a hook, a filter or any other command. */
#ifndef GITDB_GIT_H
#define GITDB_GIT_H

#include "gitdb/repo.h"
#include "util/strvec.h"

/* Appends those of paths (project paths; n of them) that git tracks, or that hold something it tracks. */
NODISCARD int git_tracked(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err);

/* The commit that HEAD names (*commit owned; NULL before the first) and whether tracked files other than the project's
 * mlmake.lock differ from it (*dirty 1 or 0, -1 if that cannot be told). */
NODISCARD int git_source(const struct repo *r, char **commit, int *dirty, struct err *err);

#endif
