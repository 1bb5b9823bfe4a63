/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of digests, for many of them: 32 bytes each and some room. */
#ifndef DIGEST_DIGESTSET_H
#define DIGEST_DIGESTSET_H

#include "digest/digest.h"

struct digestset {
	struct digest *slots; /* a power of two of them; all zeros: free */
	size_t n, cap;
	bool zeros;           /* is the digest of zeros in it? */
};
#define DIGESTSET_INIT {NULL, 0, 0, false}

/* true if it was not in it. */
bool digestset_add(struct digestset *s, const struct digest *id);
bool digestset_has(const struct digestset *s, const struct digest *id);
void digestset_release(struct digestset *s);

#endif
