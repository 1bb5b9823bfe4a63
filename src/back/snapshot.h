/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stood at some time: the source and the records of a run, of a commit, or of the work tree. */
#ifndef BACK_SNAPSHOT_H
#define BACK_SNAPSHOT_H

#include "back/origin.h"
#include "lineage/lineage.h"
#include "stale/plan.h"
#include "store/store.h"

struct snapshot {
	struct arena arena;
	struct origin origin;
	const char *name;            /* "run 20261126T141049-ff5368f9", "commit 1a2b3c4d5 (run ...)", "the work tree" */
	const struct run *run;       /* NULL: no run is known */
	bool here;                   /* the work tree */
	bool has_tree;
	struct git_id tree;          /* of the source, from the top of the work tree down */
	const char *commit;          /* hex; the commit that was built, or the nearest; NULL: none */
	const struct record **records; /* of all instances, by byte order of name */
	size_t n;
};
#define SNAPSHOT_INIT {.arena = ARENA_INIT, .origin = ORIGIN_INIT}

struct snapshot_tools {
	const struct repo *repo;
	struct gitdb *db;
	struct lineage *lineage;
	struct store *store;
};

/* What word names, as origin_find. */
NODISCARD int snapshot_find(struct snapshot *s, const struct snapshot_tools *t, const char *word, struct err *err);
/* The selected instances as they are: their present inputs, and the outputs that are on disk. p lives as long. */
void snapshot_here(struct snapshot *s, const struct plan *p);
void snapshot_release(struct snapshot *s);

const struct record *snapshot_record(const struct snapshot *s, const char *instance); /* NULL: none */

/* Appends the bytes of a file that s has, of at most limit: from disk, from the store, or from the source as git has it.
 * ERR_NOTFOUND if nobody has them. */
NODISCARD int snapshot_bytes(const struct snapshot *s, const struct snapshot_tools *t, const struct record_fact *f, size_t limit,
			     struct strbuf *out, struct err *err);

#endif
