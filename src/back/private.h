/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A work tree of our own, for building an old state beside the user's.
 *
 * SHARED/trees/<id>/lock is held (flock) by who uses it, and by his keeper until all stages are dead; SHARED/trees/<id>/tree is the work
 * tree, unless another place was asked for. Whatever nobody holds, a kill left: the next to make one removes it.
 *
 * Within git the tree has a git directory of its own, .git, with nothing but a HEAD, which names the commit, and the way to the
 * user's (commondir), like a linked work tree that git was not told of: stages can ask git where they are. */
#ifndef BACK_PRIVATE_H
#define BACK_PRIVATE_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "util/strvec.h"

struct private_tree {
	char *home;    /* SHARED/trees/<id>; owned, as all below, and absolute */
	char *dir;     /* of the work tree */
	char *project; /* of the project in it */
	char *state;   /* where its builds keep theirs */
	bool kept;     /* dir stays when it is closed */
	int lock_fd;
};
#define PRIVATE_TREE_INIT {.lock_fd = -1}

/* Makes an empty one; dir (may be NULL) is where it shall be and stay: absent, or an empty directory. */
NODISCARD int private_open(struct private_tree *t, const struct repo *r, const char *id, const char *dir, struct err *err);
/* As private_open, for builds of which there is one at a time: waits for who is in the tree with that id. 1: it is one that a kill left, and
 * private_mark() said mark of it, so that what was built in it can be gone on with. 0: it is empty. */
NODISCARD int private_open_again(struct private_tree *t, const struct repo *r, const char *id, const char *mark, struct err *err);
/* It is complete, and of that: a word. */
NODISCARD int private_mark(struct private_tree *t, const char *mark, struct err *err);
/* Has git write the files of the commit into it as it does in a work tree of the user's (ends of lines, filters; what git-lfs has stays
 * a pointer), with an index, so that stages can ask git what differs. Runs no hook. Submodules: as below. */
NODISCARD int private_checkout(struct private_tree *t, struct gitdb *db, const struct repo *r, const struct git_id *commit, struct strvec *empty,
			       struct err *err);
/* Writes the files of the git tree into it, as git holds them, and makes the project's directory. head: the commit that stages shall see; NULL: none. ERR_INVALID for
 * names that may not be written. Submodules have what their own repositories, as
 * far as they are here, had at that commit; of those that stay empty a sentence is appended to empty. */
NODISCARD int private_export(struct private_tree *t, struct gitdb *db, const struct repo *r, const struct git_id *tree,
			     const struct git_id *head, struct strvec *empty, struct err *err);
/* Removes it, unless it is kept; of one that is kept only what a build left in its state. */
NODISCARD int private_close(struct private_tree *t, struct err *err);

#endif
