/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records that are known: the last one of each instance, and any by its key.
 *
 *   STATE/state      the last record of every instance, one file, rewritten whole once a run (temporary, fsync, rename)
 *   STATE/journal    what happened since: appended line by line, each with a checksum; removed when state is written
 *   SHARED/records/  every record by key, for all work trees of this clone (store/keyed.h)
 *   SHARED/undone    acceptances that were taken back, a line "<run> <instance>" each: records by key that rest on one do not count
 *   mlmake.lock      the tracked copy: records without what is local to a machine
 *
 * A journal that is there at open belongs to a run that ended badly; its records count, and recover says what else it left. */
#ifndef STALE_HISTORY_H
#define STALE_HISTORY_H

#include "stale/record.h"
#include "store/keyed.h"
#include "util/strvec.h"

struct history;

struct history_paths {
	const char *state;  /* directory of this work tree and project */
	const char *shared; /* directory of the clone */
	const char *lock;   /* "mlmake.lock" */
};

/* Reads what is there. Damage to state or journal is no error: what cannot be read is not known. A lock file that does not
 * parse is: ERR_PARSE with file and line. With conflicts of a merge of git's in it, what both sides say is known by its key,
 * and as the last record of an instance counts what ours says. Blocks that do not hold are left out. In either case *conflict
 * is set. */
NODISCARD struct history *history_open(const struct history_paths *paths, bool *conflict, struct err *err);
void history_free(struct history *h);
/* Without reading what is known: if state was written for mlmake.lock as it stands there and no run left a journal, what tells this
 * state from all others is appended to out. Otherwise false: history_open would find news. */
bool history_glance(const struct history_paths *paths, struct strbuf *out);
/* SHARED/records, for who tidies it. Owned. */
struct keyed *history_records(const char *shared);
/* Forgets those that are not what their keys say. */
NODISCARD int history_prune_records(const char *shared, struct err *err);
/* NULL if the state of a work tree is whole, else which part is not: "state' is damaged ...". */
const char *history_damage(const char *state);

/* The last record of an instance here, or what mlmake.lock says of it; NULL if neither. */
const struct record *history_last(struct history *h, const char *instance);
/* The same as unread text, for several threads to parse (record_parse) without waiting for each other. */
const char *history_last_text(const struct history *h, const char *instance, size_t *n);
/* A record with that key, rather of a run than accepted; NULL if none is known. */
const struct record *history_find(struct history *h, const struct digest *key);
/* Takes in the records in text[0..n) (record.h), of runs elsewhere and hostile: what does not hold and what is known by its key
 * is left out, and what was accepted, too: that counts where mlmake.lock says it, and may have been taken back. Durable after a
 * sync of the file system. */
NODISCARD int history_learn(struct history *h, const char *text, size_t n, struct err *err);
/* A last record that names path as an output, be it of an instance that is gone or used to make it; NULL if none does. Lives as long
 * as h. */
const struct record *history_made(struct history *h, const char *path);

/* The journal of a run. Nothing below is needed for reading. Beginning twice is beginning once. */
NODISCARD int history_begin_run(struct history *h, const char *run_id, struct err *err);
/* What stands at paths is about to be moved aside for instance. */
NODISCARD int history_begin(struct history *h, const char *instance, const char *const *paths, size_t n,
			    struct err *err);
/* It has been: what stands there from now on is written by instance. */
NODISCARD int history_writes(struct history *h, const char *instance, struct err *err);
/* instance failed and nothing half-written stands at its paths any more; what stood there before is to be put back. */
NODISCARD int history_back(struct history *h, const char *instance, struct err *err);
/* instance has ended: what stands at its paths is what shall stand there. */
NODISCARD int history_end(struct history *h, const char *instance, struct err *err);
/* A record came true; it is copied. It is also the end of instance. */
NODISCARD int history_add(struct history *h, const struct record *r, struct err *err);
/* The record that instance had is the last one again or anew (restored, found fresh): as history_add, not a new result. */
NODISCARD int history_touch(struct history *h, const struct record *r, struct err *err);

/* What was accepted of instance in that run no longer counts, for all work trees of the clone, unless mlmake.lock or the last
 * record of the instance says it. Durable. */
NODISCARD int history_undo(struct history *h, const char *instance, const char *run, struct err *err);

/* Writes state and records; rewrites mlmake.lock if it would differ: one block for each instance that `current` holds. Removes
 * the journal. before_commit (may be NULL) is called with the lock's text after the records are archived and before lock and
 * state are written, to make what they speak of durable. */
NODISCARD int history_save(struct history *h, bool (*current)(void *ctx, const char *instance), void *ctx,
			   int (*before_commit)(void *ctx, const struct strbuf *lock, struct err *err), void *commit_ctx, struct err *err);
/* Is there anything that history_save would write? */
bool history_dirty(const struct history *h);

/* What the run whose journal was found at open left: its id (NULL: there was none), and the paths that were being written. */
const char *history_crashed_run(const struct history *h);
void history_half_written(const struct history *h, struct strvec *instances, struct strvec *paths);
/* Had the stage that was the last to write path ended, so that its result stands there? */
bool history_ended(const struct history *h, const char *path);

#endif
