/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is kept looked at: objects, runs, records, locks, refs, tables. Looking changes nothing but that the store moves a
 * corrupt manifest that it has to read out of the way, as ever. */
#ifndef UPKEEP_FSCK_H
#define UPKEEP_FSCK_H

#include "digest/digestset.h"
#include "digest/statcache.h"
#include "gitdb/repo.h"
#include "lineage/lineage.h"
#include "stale/record.h"
#include "store/collect.h"
#include "util/arena.h"

enum finding_kind {
	FINDING_CORRUPT, /* an object does not hold what its name says */
	FINDING_MISSING, /* an object that this clone made is gone, and nobody took it */
	FINDING_MODE,    /* others may write to an object */
	FINDING_STRAY,   /* a file that is no object lies among them */
	FINDING_REF,
	FINDING_RUN,
	FINDING_RECORD,
	FINDING_LOCK,
	FINDING_TABLE,
	FINDING_STATE,
};
const char *finding_kind_name(enum finding_kind k);

struct finding {
	enum finding_kind kind;
	const char *what;      /* a sentence for people */
	bool has_id;
	struct digest id;
	const char **results;  /* what is lost with it: "out.bin of train, run ... of 2026-11-26, commit ..." */
	size_t n_results;      /* of which at most FINDING_RESULTS are listed */
	bool repaired;
	const char *repair;    /* how; NULL: not */
};
#define FINDING_RESULTS 5

struct fsck_watch {
	void (*progress)(void *ctx, size_t done, size_t n, int64_t bytes); /* from any thread, one at a time */
	void *ctx;
};

struct fsck_counts {
	size_t objects, small, runs, records, locks; /* looked at */
	int64_t bytes;
	size_t collected, elsewhere; /* objects that gc took; that runs of other clones name and that are not here */
	bool journals;
};

struct fsck {
	const struct repo *repo;
	struct gitdb *db;
	struct lineage *lineage;
	struct store *store;
	struct statcache *cache;
	bool quick;            /* names and sizes, nothing is read */
	int threads;
	const char *writer;    /* of this clone; NULL: none */
	/* Is an artifact or input kept, as far as the pipeline says now? */
	bool (*kept)(void *ctx, const char *path, bool input);
	void *kept_ctx;
	const struct fsck_watch *watch;
	/* Fetches objects; got[i] is set for those that are here now, verified. */
	int (*fetch)(void *ctx, const struct digest *v, size_t n, bool *got, struct err *err);
	/* Replaces objects of git's that are damaged or gone by what remotes have; *n says how many. */
	int (*heal)(void *ctx, size_t *n, struct err *err);
	void *fetch_ctx; /* of both */
	/* answers */
	struct finding *v;
	size_t n;
	struct fsck_counts counts;
	/* private */
	struct arena arena;
	struct fsck_source *sources; /* work tree files that may hold what is corrupt or missing */
	size_t n_sources;
};

/* 0 also if something was found. */
NODISCARD int fsck_look(struct fsck *f, struct err *err);
/* What can be put right: from the work tree, from remotes, by taking away, by making tables anew. The store is held (store_hold). */
NODISCARD int fsck_repair(struct fsck *f, struct err *err);
void fsck_release(struct fsck *f);

#endif
