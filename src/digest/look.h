/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking at one file or link: its stat data and, where an old entry does not spare it, its bytes. Internal to the
 * room. */
#ifndef DIGEST_LOOK_H
#define DIGEST_LOOK_H

#include "digest/entry.h"
#include "util/clock.h"
#include "util/err.h"
#include "util/strbuf.h"

struct stat;
struct statcache_taker;

struct look_counts {
	uint64_t files, bytes_read, bytes_hashed; /* changed atomically */
};
struct look {
	const unsigned char *secret;
	const struct clock *clock;
	struct look_counts *counts;
	/* What is known of the very file whose stat data e holds, copied to *found; may be NULL. */
	bool (*known)(void *ctx, const struct entry *e, struct entry *found);
	void *ctx;
	const char *through; /* "<dir>/objects/": a link to an object there counts as the object; NULL: none does */
	const struct statcache_taker *taker; /* NULL: nobody wants what is read */
};

/* As fstatat, and as openat for reading. A link that is not followed and counts as an object gives the object. */
NODISCARD int look_stat(const struct look *l, int at, const char *name, bool follow, struct stat *st);
NODISCARD int look_openat(const struct look *l, int at, const char *name, bool follow);

enum look_result {
	LOOK_DONE,
	LOOK_GONE = 1, /* no longer a file (a link): absent, or something else took its place */
	LOOK_FAILED = -1,
};

/* Looks at the file that name in the directory at (or AT_FDCWD) stands for; called path in messages. old is what was
 * known of it, or NULL. ERR_MOVED if it keeps changing while it is read. */
enum look_result look_file(const struct look *l, int at, const char *name, bool follow, const char *path,
			   const struct entry *old, struct entry *out, struct err *err);
/* The same of a link, whose stat data are now; its target is appended to target. */
enum look_result look_link(int at, const char *name, const char *path, const struct entry *now, struct entry *out,
			   struct strbuf *target, struct err *err);
/* Did the look find nothing that old (or NULL) did not say, also of how far it is to be believed? */
bool look_same(const struct entry *old, const struct entry *e);
/* Reads a small file once more: does it still have its stat data, are they old enough by now, and is its content the
 * same? Then it may be believed. */
bool look_again(const struct look *l, const char *path, bool follow, const struct entry *e);

#endif
