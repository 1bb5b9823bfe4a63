/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is every value there once? For any number of values in bounded memory: 8 MiB in memory, what is more in a temporary file of 8 bytes a
 * value.
 *
 * Values are taken as 64-bit hashes. Equal values have equal hashes, so where no hash comes twice, no value does. Where one does, the
 * table is read once more, and the few values of those hashes are compared as they are. */
#ifndef DATA_UNIQUE_H
#define DATA_UNIQUE_H

#include "util/base.h"
#include "util/err.h"

#define UNIQUE_REPEATED 1000 /* hashes that are named */

struct unique {
	const char *dir;    /* for the temporary file; borrowed */
	uint64_t *v;
	size_t n, cap;
	uint64_t count;
	int fd;             /* -1: all are in memory */
	struct unique_part *parts;
	struct unique_recent *recent;
	/* of unique_end */
	uint64_t repeated;  /* values that had been there before: count less the different ones */
	uint64_t *again;    /* sorted hashes that come twice or more, the least UNIQUE_REPEATED of them */
	size_t n_again;
};
#define UNIQUE_INIT(directory) {.dir = (directory), .fd = -1}

NODISCARD int unique_take(struct unique *u, uint64_t hash, struct err *err);
/* All have been taken: fills repeated and again. */
NODISCARD int unique_end(struct unique *u, struct err *err);
bool unique_is_again(const struct unique *u, uint64_t hash);
void unique_release(struct unique *u);

#endif
