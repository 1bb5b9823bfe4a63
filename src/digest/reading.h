/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a file once: its digests, and for who wants them the very bytes that were digested. */
#ifndef DIGEST_READING_H
#define DIGEST_READING_H

#include "digest/fasthash.h"

#define READING_HEAD 64

struct reading {
	/* to be filled in */
	const unsigned char *secret; /* for XXH3, which is always computed */
	bool sha;                    /* SHA-256 as well */
	int (*take)(void *ctx, const void *data, size_t n); /* gets the bytes, until it returns an errno, which ends the reading; or NULL */
	void *ctx;

	/* what came out */
	int64_t bytes;
	struct digest id; /* if sha */
	unsigned char fast[FASTHASH_LEN];
	unsigned char head[READING_HEAD]; /* the first of the bytes */
	bool take_failed;
};

/* Reads the file open at fd to its end, from its beginning, whatever its offset. size is what stat said of it: it may have more bytes by now,
 * or fewer. A second thread computes SHA-256 of many. -1 and errno. */
NODISCARD int reading_run(struct reading *r, int fd, int64_t size);

#endif
