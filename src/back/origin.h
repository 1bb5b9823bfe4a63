/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a user's word for an old state names: a run, or a commit of the source. */
#ifndef BACK_ORIGIN_H
#define BACK_ORIGIN_H

#include "back/artifacts.h"
#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lineage/lineage.h"

struct origin {
	char *word;          /* as the user named it; owned, as all texts here */
	char *name;          /* for messages: "commit 1a2b3c4d5" or "run 20261123T180509-1f3a5c07" */
	char *run;           /* id of the run; NULL: no run of this source is known, its commit alone */
	struct git_id source, tree; /* the commit that was built or is nearest to what was built; all of the source as it was built */
	bool has_source, has_tree;
	int dirty;           /* was that tree another than source's? 1, 0, -1: not known */
	char *lock_name;     /* of the lock, for messages */
	struct strbuf lock;  /* mlmake.lock of then; "" if there was none */
	struct strbuf records; /* the run's own records, with what is local; "" if not known */
};
#define ORIGIN_INIT {.lock = STRBUF_INIT, .records = STRBUF_INIT}

/* Finds what word names. A run wins over a commit; of a commit, the newest run of exactly its source, if there is one, counts
 * (of several the one that left the lock which was committed). ERR_NOTFOUND
 * if it names nothing; ERR_INVALID if several. */
NODISCARD int origin_find(struct origin *o, struct gitdb *db, struct lineage *l, const struct repo *r, const char *word,
			  struct err *err);
void origin_release(struct origin *o);

/* The files of git's that as (of o's lock) says were read and that o's source holds with other bytes: path and instance. So the lock is
 * behind its source. Returns how many; *path and *instance (borrowed from as) tell of the first. -1 and err. */
NODISCARD int origin_behind(const struct origin *o, struct gitdb *db, const struct repo *r, const struct artifacts *as,
			    const char **path, const char **instance, struct err *err);

#endif
