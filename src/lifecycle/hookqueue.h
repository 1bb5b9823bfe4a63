/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What git's hooks have asked for and nobody has dealt with.
 *
 *     SHARED/queue/<number>   an entry: a symbolic link whose target is all there is to say (below). It is made in one step, so that it
 *                             is there whole or not at all, at whatever moment power goes; on most file systems it needs no block
 *     SHARED/queue/last       a link to the greatest number that was dealt with: numbers only grow, whatever the clock does
 *     SHARED/queue/worker     held (flock) by the worker (lifecycle/worker.h)
 *     SHARED/queue/now        what it builds, as a line of the log
 *     SHARED/queue/home       of a bare repository: the directory that has what git does not hold
 *     SHARED/queue/log        what came of it (lifecycle/hooklog.h)
 *     SHARED/queue/out/       what builds printed, by number; NUMBER.d: what the stages did, of one that failed
 *     SHARED/queue/seen       stat cache of raw data outside of private trees, cache-PROJECT of what is in them; may be lost
 *
 * The target of an entry: "1 HOOK WORK PROJECT REF COMMIT FLAGS". WORK is the git directory of the work tree within the common one
 * ("." or "worktrees/NAME"), PROJECT that of the project within the work tree, REF the branch as a whole name, COMMIT what it
 * named, FLAGS "amid" in the middle of a rebase and the like; "-" is nothing; blanks, control characters and '%' are %XX. */
#ifndef LIFECYCLE_HOOKQUEUE_H
#define LIFECYCLE_HOOKQUEUE_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct hook_entry {
	uint64_t number;
	char *hook;    /* NULL: what stands there is no entry; owned, as all texts here */
	char *work;
	char *project; /* "" at the top */
	char *ref;     /* "" if HEAD was detached */
	char *commit;  /* "" if it is not known */
	bool amid;     /* in the middle of a rebase, merge, cherry-pick or bisection */
};
struct hookqueue {
	struct hook_entry *v; /* by number */
	size_t n;
	uint64_t last; /* the greatest number that was dealt with */
};
#define HOOKQUEUE_INIT {NULL, 0, 0}

/* dir is SHARED/queue in all of these. Makes it; number is set. */
NODISCARD int hookqueue_add(const char *dir, struct hook_entry *e, struct err *err);
/* An absent directory is an empty queue. */
NODISCARD int hookqueue_read(const char *dir, struct hookqueue *out, struct err *err);
void hookqueue_release(struct hookqueue *q);
/* One that is gone already is no error. */
NODISCARD int hookqueue_remove(const char *dir, uint64_t number, struct err *err);
/* Do two entries ask for the same thing at perhaps another time? */
bool hookqueue_same(const struct hook_entry *a, const struct hook_entry *b);

/* Is it there still? What is built has an entry until it ends: taking that away is how the worker is asked to stop. */
bool hookqueue_has(const char *dir, uint64_t number);

/* The text of an entry, and back (hostile; false if it is none). */
void hook_entry_text(const struct hook_entry *e, struct strbuf *out);
bool hook_entry_parse(const char *text, struct hook_entry *out);
void hook_entry_release(struct hook_entry *e);

#endif
