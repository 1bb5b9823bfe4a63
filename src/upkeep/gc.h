/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Room made in the store, by what nobody needs and, if asked for, by the large results of old runs.
 *
 * Under gc.lock, so that nobody writes meanwhile: gc_plan marks what is needed and says what would go; gc_do lets it go. An object that
 * goes is moved to trash/ and is found there until the grace is over. Killed at any step it has moved some and not others, and
 * the next one goes on. Small objects are git's, which collects what no ref reaches by itself. */
#ifndef UPKEEP_GC_H
#define UPKEEP_GC_H

#include "digest/digestset.h"
#include "gitdb/repo.h"
#include "lineage/lineage.h"
#include "store/collect.h"
#include "util/arena.h"

struct gc_options {
	int64_t now;            /* seconds since 1970 */
	int64_t grace;          /* seconds since an object was last of use, and that it lies in trash/ */
	int64_t keep_runs;      /* per project, the newest; -1: all */
	int64_t keep_for;       /* seconds; -1: for ever. A run that either keeps is kept; -1 for both: all are */
	bool force;             /* also the last copy */
	bool (*always)(void *ctx, const char *path); /* is the artifact one that is never collected? NULL: none is */
	/* Sets there[i] if another place holds v[i]; NULL: there is none. */
	int (*elsewhere)(void *ctx, const struct digest *v, const int64_t *sizes, size_t n, bool *there, struct err *err);
	void *ctx;
};

/* A part of an old run that would be lost here. */
struct gc_result {
	const struct run *run;
	const char *instance, *path;
	bool input;         /* raw data, which nothing makes */
	bool always;        /* its stage says that it is never collected */
	size_t n, n_kept;   /* objects; those of them that stay, because no other place has them */
	int64_t bytes, bytes_kept;
	size_t n_elsewhere; /* of those that go */
};

struct gc_count {
	size_t n;
	int64_t bytes;
};

struct gc {
	const struct repo *repo;
	struct gitdb *db;
	struct lineage *lineage;
	struct store *store;
	const struct gc_options *opt;
	int lock_fd;
	/* answers of gc_plan */
	struct gc_result *results; /* newest run first */
	size_t n_results;
	struct gc_count needed, garbage, lost, kept, young, trashed, gone, back, rest; /* needed; nothing's; of old runs, going and kept;
		 * not needed and younger than the grace; in trash/ already; going from there for good, back to where they were;
		 * in corrupt/ and incoming/ */
	struct gc_count small; /* what git holds of ours */
	size_t n_runs, n_old;
	bool journals;         /* a run is under way, or was killed and is not recovered: what it left stays */
	/* private */
	struct arena arena;
	struct stored_files files;
	unsigned char *fate;   /* by file */
	uint32_t *claim;       /* by file: 1 + index of a result */
	struct digestset marked, records; /* all that is needed, and keys of records; keys that old runs name */
	int64_t now;
};
#define GC_INIT {.lock_fd = -1, .arena = ARENA_INIT, .files = STORED_FILES_INIT}

/* repo to opt are set. Takes the lock, unless dry. ERR_LOCKED if somebody writes and !wait; whatever cannot be read is an error: then nothing may go. */
NODISCARD int gc_plan(struct gc *g, bool dry, bool wait, struct err *err);
NODISCARD int gc_do(struct gc *g, struct err *err);
void gc_release(struct gc *g);

#endif
