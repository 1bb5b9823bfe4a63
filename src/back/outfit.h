/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A private tree gets what its pipeline reads and git does not hold, as far as it can be had, so that a build there finds what
 * a build in the user's work tree would.
 *
 * What the commit's own mlmake.lock names counts; what it does not name, or what is gone, is taken as it is in the user's
 * project at this moment. A stage that the lock knows gets of a pattern the files that it had. What sources brought and what frozen
 * stages made is data here. */
#ifndef BACK_OUTFIT_H
#define BACK_OUTFIT_H

#include "back/rerun.h"
#include "lineage/lineage.h"

struct outfit {
	const char *home;           /* the user's project, absolute; NULL: there is none */
	const char *cache;          /* a stat cache for what lies there */
	struct lineage *lineage;    /* the runs that are here */
	struct rerun_result result; /* notes: sentences worth telling */
};

/* home, cache and lineage (borrowed) are set. Of opt count tree, file, before, shared, git_dir, secret, place; it lives as long as o. The
 * working directory is where it was when this returns. */
NODISCARD int outfit_tree(struct outfit *o, const struct rerun_options *opt, struct err *err);
/* Once the build is over: is what the tree shared with the store as it was? ERR_CORRUPT if not, and then the store has let go of it. */
NODISCARD int outfit_check(struct outfit *o, struct err *err);
void outfit_release(struct outfit *o);

#endif
