/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows libcrypto. It is opened with the first digest, for loading it takes 0.6 ms and a run with nothing to
 * do computes none. The low-level calls are deprecated in OpenSSL 3, and kept on purpose: the EVP ones load the configuration and
 * the providers first, which takes another 1.5 ms. */
#include <config.h>

#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest/digest.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/library.h"

#ifdef OPENSSL_SHLIB_VERSION
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define LIBRARY "libcrypto.so." STRING(OPENSSL_SHLIB_VERSION)
#else
#define LIBRARY "libcrypto.so." SHLIB_VERSION_NUMBER
#endif

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha), "struct sha holds a SHA256_CTX");
_Static_assert(sizeof(SHA_CTX) <= sizeof(struct sha1), "struct sha1 holds a SHA_CTX");

static __typeof__(SHA256_Init) *p_init;
static __typeof__(SHA256_Update) *p_update;
static __typeof__(SHA256_Final) *p_final;
static __typeof__(SHA1_Init) *p_init1;
static __typeof__(SHA1_Update) *p_update1;
static __typeof__(SHA1_Final) *p_final1;

/* Without digests nothing can be done and nothing is half done, so this ends the program, as running out of memory does. */
static void load(void)
{
	static const struct library_symbol symbols[] = {
		{"SHA256_Init", &p_init}, {"SHA256_Update", &p_update}, {"SHA256_Final", &p_final},
		{"SHA1_Init", &p_init1},   {"SHA1_Update", &p_update1},   {"SHA1_Final", &p_final1}};
	struct err err = ERR_INIT;

	if (library_open(LIBRARY, symbols, ARRAY_SIZE(symbols), &err) == 0)
		return;
	fprintf(stderr, "mlmake: error: %s\n", err.msg);
	_exit(2);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

void sha_init(struct sha *s)
{
	pthread_once(&once, load);
	p_init((SHA256_CTX *)s->opaque);
}

void sha_update(struct sha *s, const void *data, size_t n)
{
	p_update((SHA256_CTX *)s->opaque, data, n);
}

void sha_final(struct sha *s, struct digest *out)
{
	p_final(out->b, (SHA256_CTX *)s->opaque);
}

void sha1_init(struct sha1 *s)
{
	pthread_once(&once, load);
	p_init1((SHA_CTX *)s->opaque);
}

void sha1_update(struct sha1 *s, const void *data, size_t n)
{
	p_update1((SHA_CTX *)s->opaque, data, n);
}

void sha1_final(struct sha1 *s, unsigned char out[SHA1_LEN])
{
	p_final1(out, (SHA_CTX *)s->opaque);
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
