/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that says which results are wanted: mlmake.lock of commits, of indexes and of work trees; state and journal of each work tree; tags of
 * what was deployed; runs. */
#ifndef UPKEEP_ROOTS_H
#define UPKEEP_ROOTS_H

#include "digest/digestset.h"
#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lineage/lineage.h"

struct root {
	const char *where;     /* for messages: "mlmake.lock of commit 1a2b3c4d5e", a file, "run 2026..." */
	const struct run *run; /* whose text it is; NULL: nobody's */
};

struct roots {
	const struct repo *repo;
	struct gitdb *db;
	struct lineage *lineage;
	bool history; /* of refs, not only the commits that they name */
	int (*take)(void *ctx, const struct root *root, const char *text, size_t n, struct err *err);
	void *ctx;
	/* what has been seen: objects of git's, their names filled up with zeros */
	struct digestset seen;
	bool journals; /* answer: a journal is pending somewhere */
	struct err *err;
};

/* Calls take with each different text but those of runs. A state's or journal's text is as it is on disk. Whatever cannot be read is an error, and ends
 * it. */
NODISCARD int roots_visit(struct roots *r, struct err *err);
/* The lock and the records of a run, unless they have been seen. */
NODISCARD int roots_run(struct roots *r, const struct run *run, struct err *err);
void roots_release(struct roots *r);

#endif
