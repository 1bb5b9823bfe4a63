/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SHA-256, the identity of content; and SHA-1, by which git names its objects and which identifies nothing of ours. */
#ifndef DIGEST_DIGEST_H
#define DIGEST_DIGEST_H

#include "util/base.h"

#define DIGEST_LEN 32
#define DIGEST_HEX 64

struct digest {
	unsigned char b[DIGEST_LEN];
};

/* A digest under way. */
struct sha {
	_Alignas(16) unsigned char opaque[128];
};
void sha_init(struct sha *s);
void sha_update(struct sha *s, const void *data, size_t n);
void sha_final(struct sha *s, struct digest *out);

#define SHA1_LEN 20
struct sha1 {
	_Alignas(16) unsigned char opaque[128];
};
void sha1_init(struct sha1 *s);
void sha1_update(struct sha1 *s, const void *data, size_t n);
void sha1_final(struct sha1 *s, unsigned char out[SHA1_LEN]);

void digest_bytes(const void *data, size_t n, struct digest *out);
bool digest_eq(const struct digest *a, const struct digest *b);
int digest_cmp(const struct digest *a, const struct digest *b);
/* 64 lower-case hex digits and a NUL. */
void digest_hex(const struct digest *d, char out[DIGEST_HEX + 1]);
/* Reads exactly 64 lower-case hex digits at s; what follows is the caller's business. */
bool digest_parse(const char *s, struct digest *out);

#endif
