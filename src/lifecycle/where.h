/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a hook runs, as git tells its children, and what state that work tree is in. Reads a few small files, and runs nothing. */
#ifndef LIFECYCLE_WHERE_H
#define LIFECYCLE_WHERE_H

#include "util/base.h"
#include "util/err.h"

struct where {
	char *common; /* git directory of the clone, absolute; owned, as all texts here */
	char *own;    /* that of the work tree */
	char *work;   /* own within common: "." or "worktrees/NAME" */
	char *ref;    /* the branch that is checked out, or that a rebase will go back to; "" if HEAD is detached */
	char *commit; /* what it names, "" if that takes more than reading a file */
	bool amid;    /* see where_is_amid */
};

/* From $GIT_DIR, else from the working directory upwards. ERR_NOTFOUND outside of git. */
NODISCARD int where_find(struct where *w, struct err *err);
void where_release(struct where *w);
/* The top of the work tree; owned, NULL if there is none. */
char *where_top(const struct where *w);
/* What stands between here and a state that somebody meant, in the work tree with that git directory: "a rebase", NULL: nothing. */
const char *where_is_amid(const char *own);

#endif
