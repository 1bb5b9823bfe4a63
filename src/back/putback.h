/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Artifacts of an earlier run put at their paths, losing nothing of what stands there.
 *
 * First all of them are built under temporary names beside their places, and what is replaced and the store does not hold is taken
 * into it; then everything is made durable; then each gets its name at once. So a kill at any moment leaves at each path the old
 * content or the new one, whole. STATE/placing names the paths meanwhile, one a line, escaped, behind a line
 * "mlmake-placing 1": who finds it removes the temporary names. */
#ifndef BACK_PUTBACK_H
#define BACK_PUTBACK_H

#include "back/artifacts.h"
#include "store/store.h"

enum putback_result {
	PUTBACK_THERE,   /* it is there already */
	PUTBACK_MISSING, /* the store does not have it */
	PUTBACK_REFUSED, /* note says why; what stands there is untouched */
	PUTBACK_WANTED,  /* to be put back */
	PUTBACK_DONE,    /* it has been */
};
struct putback_item {
	const struct artifact *a;
	enum putback_result result;
	struct content present; /* what stands there */
	char *note;             /* owned, NULL: nothing to tell. REFUSED: why. MISSING: who took it. DONE: what became of what stood there */
	struct placing *placing;
};
struct putback {
	struct statcache *cache;
	struct store *store;
	const char *state_dir;
	int threads;
	struct putback_item *items; /* owned */
	size_t n;
	size_t counts[PUTBACK_DONE + 1]; /* by result */
	bool started;
	int root;
};

/* Looks at what is there: every item is THERE, MISSING, REFUSED or WANTED. Writes nothing. Items' a are given; an item that is REFUSED
 * already stays so. Paths are below the working directory. */
NODISCARD int putback_look(struct putback *p, struct err *err);
/* Puts all that are WANTED in place: DONE or REFUSED. Under the project's lock. */
NODISCARD int putback_do(struct putback *p, struct err *err);
void putback_release(struct putback *p);

/* Did a putback end badly here? */
bool putback_left_traces(const char *state_dir);
/* Removes what it left. Under the project's lock. */
NODISCARD int putback_recover(const char *state_dir, struct err *err);

#endif
