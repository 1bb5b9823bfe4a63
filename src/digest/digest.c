/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows libcrypto. The low-level calls are deprecated in OpenSSL 3, and kept on purpose: the
 * EVP ones load the configuration and the providers first, which takes 1.5 ms, half of what a whole run with
 * nothing to do may take. */
#include <config.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest/digest.h"

#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha), "struct sha holds a SHA256_CTX");

void sha_init(struct sha *s)
{
	SHA256_Init((SHA256_CTX *)s->opaque);
}

void sha_update(struct sha *s, const void *data, size_t n)
{
	SHA256_Update((SHA256_CTX *)s->opaque, data, n);
}

void sha_final(struct sha *s, struct digest *out)
{
	SHA256_Final(out->b, (SHA256_CTX *)s->opaque);
}

void digest_bytes(const void *data, size_t n, struct digest *out)
{
	struct sha s;

	sha_init(&s);
	sha_update(&s, data, n);
	sha_final(&s, out);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_LEN) == 0;
}

int digest_cmp(const struct digest *a, const struct digest *b)
{
	return memcmp(a->b, b->b, DIGEST_LEN);
}

void digest_hex(const struct digest *d, char out[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < DIGEST_LEN; i++) {
		out[2 * i] = digits[d->b[i] >> 4];
		out[2 * i + 1] = digits[d->b[i] & 15];
	}
	out[DIGEST_HEX] = '\0';
}

/* The value of a hex digit and one, or 0. */
static const unsigned char nibbles[256] = {
	['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

bool digest_parse(const char *s, struct digest *out)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t i;

	for (i = 0; i < DIGEST_LEN; i++) {
		unsigned char hi = nibbles[u[2 * i]], lo;

		if (!hi) /* do not read past the end of a short string */
			return false;
		lo = nibbles[u[2 * i + 1]];
		if (!lo)
			return false;
		out->b[i] = (unsigned char)((hi - 1) << 4 | (lo - 1));
	}
	return true;
}
