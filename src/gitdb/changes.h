/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files in which two trees differ, or a tree and the tracked files of the work tree. */
#ifndef GITDB_CHANGES_H
#define GITDB_CHANGES_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "util/arena.h"

struct git_change {
	const char *path;         /* from the top of the work tree */
	unsigned old_mode, new_mode; /* enum tree_mode; 0: not there */
	struct git_id old, new;   /* blobs; new is not set if it is the work tree's */
};

/* Compares old with new, or (NULL) with the files of the work tree that git tracks, by path in byte order. Writes nothing, and runs no
 * filter that is a command. A tree that is NULL for old is an empty one. */
NODISCARD int git_changes(const struct repo *r, const struct git_id *old, const struct git_id *new, struct arena *a,
			  struct git_change **out, size_t *n, struct err *err);

#endif
