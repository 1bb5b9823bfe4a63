/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All work trees of a clone, and what their indexes hold, for those who must overlook nothing. */
#ifndef GITDB_WORKTREES_H
#define GITDB_WORKTREES_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"

struct worktree {
	char *git_dir; /* its own */
	char *top;     /* NULL: it has none, or it is not there */
	bool away;     /* it is not there, and git was told that it will be again (`git worktree lock`) */
};
struct worktrees {
	struct worktree *v; /* the main one first; of a bare repository without top */
	size_t n, cap;
};
#define WORKTREES_INIT {NULL, 0, 0}
/* Without git: the project's own directory alone. */
NODISCARD int worktrees_list(const struct repo *r, struct worktrees *out, struct err *err);
void worktrees_release(struct worktrees *w);

/* Calls visit with each blob that the index holds, in any stage, of a file with that name in whatever directory. Runs git, because
 * libgit2 reads neither split nor sparse indexes. */
NODISCARD int worktree_index(const struct worktree *w, const char *name, int (*visit)(void *ctx, const char *path, const struct git_id *id),
			     void *ctx, struct err *err);

/* NULL if all that refs reach is here; else why not, as words that follow "the clone": "is shallow". */
const char *worktrees_incomplete(const struct repo *r);

#endif
