/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XXH3 under the secret of this clone: the fast answer to "is this still the same file?". Its values never leave
 * the stat cache; STORE.md's reason is that without the secret two files of equal XXH3 can be written down. */
#ifndef DIGEST_FASTHASH_H
#define DIGEST_FASTHASH_H

#include "digest/digest.h"
#include "util/base.h"

#define FASTHASH_LEN 16
#define FASTHASH_SECRET 192

struct fasthash {
	_Alignas(64) unsigned char opaque[640];
};
/* secret is borrowed until the last update. */
void fasthash_init(struct fasthash *f, const unsigned char secret[FASTHASH_SECRET]);
void fasthash_update(struct fasthash *f, const void *data, size_t n);
void fasthash_final(struct fasthash *f, unsigned char out[FASTHASH_LEN]);
/* 64 bits of the same, of a stream and of bytes at hand. */
uint64_t fasthash_final64(struct fasthash *f);
uint64_t fasthash_bytes64(const void *data, size_t n, const unsigned char secret[FASTHASH_SECRET]);

/* Both digests of one content. */
struct twins {
	struct digest id;
	unsigned char fast[FASTHASH_LEN];
};

/* Both digests of one stream of bytes. */
struct twinhash {
	struct fasthash fast;
	struct sha sha;
};
void twinhash_init(struct twinhash *t, const unsigned char secret[FASTHASH_SECRET]);
void twinhash_update(struct twinhash *t, const void *data, size_t n);
void twinhash_final(struct twinhash *t, struct digest *id, unsigned char fast[FASTHASH_LEN]);

#endif
