/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runs of one work tree, in a file of JSON lines, one line a run, appended. A line that is damaged is skipped.
 *
 *   {"id": "20261123T180509-1f3a5c07", "time": "2026-11-23T18:05:09Z", "source": "<commit>"|null, "dirty": true|false|null,
 *    "outcome": "done"|"failed"|"interrupted"|"accepted"|"undone", "duration": 1.25, "saved": 30.1,
 *    ("author": "Jane Doe <jane@example.org>", "because": "only a comment changed",)
 *    "instances": [{"name": "train@1", "result": "done"|"restored"|"failed"|"interrupted"|"accepted"|"undone", "key": "<sha256>"|null, "duration": 0.8}]} */
#ifndef LINEAGE_RUNLOG_H
#define LINEAGE_RUNLOG_H

#include "digest/digest.h"
#include "util/arena.h"
#include "util/err.h"

struct run_part {
	const char *name;
	const char *result;
	bool has_key;
	struct digest key;
	int64_t duration; /* nanoseconds */
};

struct run {
	const char *id;
	int64_t time;         /* nanoseconds since 1970 */
	const char *source;   /* commit id; NULL: none */
	int dirty;            /* 1, 0, -1: not known */
	const char *outcome;
	const char *author, *because; /* of what a person accepted or took back; else NULL */
	int64_t duration, saved;
	struct run_part *parts; /* what ran, was restored or failed; fresh instances are not listed */
	size_t n_parts;
};

/* A name for a run: when, to the second, and something random. */
void run_new_id(char out[40]);
NODISCARD int runlog_append(const char *file, const struct run *r, struct err *err);
/* All runs, oldest first, in a. A missing file holds none. */
NODISCARD int runlog_read(const char *file, struct arena *a, struct run **runs, size_t *n, struct err *err);

#endif
