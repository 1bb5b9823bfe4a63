/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of mlmake.lock: the line LOCKFILE_HEAD, then the blocks of record.h, sorted by instance. Merging it by what it says.
 *
 * After a merge of git's own it may hold conflicts, between "<<<<<<< ", perhaps "||||||| ", "=======" and ">>>>>>> ": then each
 * side is read as if it stood alone. */
#ifndef STALE_LOCKFILE_H
#define STALE_LOCKFILE_H

#include "stale/record.h"
#include "util/map.h"
#include "util/strvec.h"

#define LOCKFILE_HEAD "# mlmake.lock 1: what was built from what. Written by mlmake; commit it with the code.\n\n"

/* Does text hold conflicts of a merge? If so, the two sides are appended. */
bool lockfile_sides(const struct strbuf *text, struct strbuf *ours, struct strbuf *theirs);

struct lock_block {
	const char *text; /* borrowed, with the blank line behind it, unless it is the last and has none */
	size_t len;
	const struct record *record; /* in the arena */
	bool holds;                  /* record_holds */
};

/* Calls take with each block of text[0..n) (which it may keep) until one returns -1. ERR_PARSE with "name:LINE: ..." if text is
 * no lock file, and if a block cannot be read; with lenient, such blocks are passed over. */
NODISCARD int lockfile_read(const char *name, const char *text, size_t n, bool lenient, struct arena *a,
			    int (*take)(void *ctx, const struct lock_block *b, struct err *err), void *ctx, struct err *err);

struct lockfile {
	struct arena arena;
	struct lock_block *v;
	size_t n;
	struct map by_instance; /* -> struct lock_block */
};
#define LOCKFILE_INIT {.arena = ARENA_INIT, .by_instance = MAP_INIT}
/* Reads all of text, which must live as long. Of two blocks of one instance the later counts. */
NODISCARD int lockfile_parse(struct lockfile *l, const char *name, const char *text, size_t n, struct err *err);
void lockfile_release(struct lockfile *l);

/* Merges what two sides made of base. An instance that one side alone changed, added or removed is as that side says. If both
 * did, each in its way, the block counts that says what holds once the facts are merged, where a fact that one side alone
 * changed is as that side says, and an artifact is as the block chosen for its maker says. If neither does, the instance is
 * left out: appended to left_out. */
void lockfile_merge(const struct lockfile *base, const struct lockfile *ours, const struct lockfile *theirs, struct strbuf *out,
		    struct strvec *left_out);

#endif
