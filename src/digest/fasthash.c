/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#define XXH_STATIC_LINKING_ONLY /* makes XXH3_state_t a complete type; nothing unstable is used */
#include "digest/fasthash.h"

#include <string.h>
#include <xxhash.h>
#ifdef HAVE_XXH_X86DISPATCH_H
#include <xxh_x86dispatch.h>
#endif

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct fasthash), "struct fasthash holds an XXH3 state");
_Static_assert(FASTHASH_SECRET >= XXH3_SECRET_SIZE_MIN, "the secret is long enough");

/* The streams of 64 and of 128 bits share their state and differ in the last step only. */
void fasthash_init(struct fasthash *f, const unsigned char secret[FASTHASH_SECRET])
{
	XXH3_INITSTATE((XXH3_state_t *)f->opaque);
	if (XXH3_128bits_reset_withSecret((XXH3_state_t *)f->opaque, secret, FASTHASH_SECRET) != XXH_OK)
		BUG("XXH3 refuses the secret");
}

void fasthash_update(struct fasthash *f, const void *data, size_t n)
{
	XXH3_128bits_update((XXH3_state_t *)f->opaque, data, n);
}

void fasthash_final(struct fasthash *f, unsigned char out[FASTHASH_LEN])
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, XXH3_128bits_digest((const XXH3_state_t *)f->opaque));
	memcpy(out, c.digest, FASTHASH_LEN);
}

uint64_t fasthash_final64(struct fasthash *f)
{
	return XXH3_64bits_digest((const XXH3_state_t *)f->opaque);
}

uint64_t fasthash_bytes64(const void *data, size_t n, const unsigned char secret[FASTHASH_SECRET])
{
	return XXH3_64bits_withSecret(data, n, secret, FASTHASH_SECRET);
}

void twinhash_init(struct twinhash *t, const unsigned char secret[FASTHASH_SECRET])
{
	fasthash_init(&t->fast, secret);
	sha_init(&t->sha);
}

void twinhash_update(struct twinhash *t, const void *data, size_t n)
{
	fasthash_update(&t->fast, data, n);
	sha_update(&t->sha, data, n);
}

void twinhash_final(struct twinhash *t, struct digest *id, unsigned char fast[FASTHASH_LEN])
{
	fasthash_final(&t->fast, fast);
	sha_final(&t->sha, id);
}
