/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes from one descriptor to another, digested on the way. Internal to the room. */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "digest/digest.h"
#include "digest/fasthash.h"
#include "util/err.h"

struct transfer {
	int64_t bytes;
	struct digest id;
	unsigned char fast[FASTHASH_LEN];
	bool cloned; /* by transfer_copy: the file system let both share their room */
};
/* Copies all of from to the empty file to: as a clone where the file system can, then reading what was cloned;
 * else what is digested is what is written. to_sync: it will be synced, so the disk begins to write at once. expected, if not NULL: the
 * digests that the bytes are believed to have. Then XXH3 alone is computed; if it agrees, so does the id that comes out, and if not, that is
 * all zeroes. from_name and to_name are for messages. */
NODISCARD int transfer_copy(struct transfer *t, int from, int to, int64_t size, bool to_sync, const struct twins *expected,
			    const unsigned char *secret, const char *from_name, const char *to_name, struct err *err);
/* What is written to a file piece by piece, as by transfer_copy. */
struct writing {
	int fd;
	bool to_sync;
	int64_t written, handed; /* handed: to the disk */
};
int writing_take(void *writing, const void *data, size_t n); /* 0 or an errno */
/* Only reads. */
NODISCARD int transfer_read(struct transfer *t, int from, int64_t size, const unsigned char *secret, const char *from_name, struct err *err);

#endif
