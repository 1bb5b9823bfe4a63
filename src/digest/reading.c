/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/relay.h"

struct hashing {
	struct fasthash fast;
	struct sha sha;
};

static int add_sha(void *ctx, const void *data, size_t n)
{
	sha_update(ctx, data, n);
	return 0;
}

/* Does with n bytes all but SHA-256, if a second thread computes that. 0 or an errno. */
static int use(struct reading *r, struct hashing *h, const unsigned char *data, size_t n, bool second)
{
	if (r->bytes == 0)
		memcpy(r->head, data, MIN(n, sizeof(r->head)));
	r->bytes += (int64_t)n;
	fasthash_update(&h->fast, data, n);
	if (r->sha && !second)
		sha_update(&h->sha, data, n);
	return r->take && n ? r->take(r->ctx, data, n) : 0;
}

/* A file as long as stat said needs no read that finds the end: who asked for its stat asks again. 0 or an errno, with
 * r->take_failed. */
static int read_all(struct reading *r, struct hashing *h, int fd, int64_t size, struct relay *second)
{
	unsigned char own[RELAY_CHUNK];

	for (;;) {
		unsigned char *buf = second ? relay_room(second) : own;
		ssize_t n = pread(fd, buf, RELAY_CHUNK, r->bytes);
		int error;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (second)
			(void)!relay_push(second, (size_t)n); /* nothing fails there */
		error = use(r, h, buf, (size_t)n, second != NULL);
		r->take_failed = error != 0;
		if (error || n == 0 || (r->bytes == size && n < (ssize_t)RELAY_CHUNK))
			return error;
	}
}

int reading_run(struct reading *r, int fd, int64_t size)
{
	struct relay *second;
	struct hashing h;
	int error;

	r->bytes = 0;
	r->take_failed = false;
	fasthash_init(&h.fast, r->secret);
	if (r->sha)
		sha_init(&h.sha);
	if (size >= 4 * (int64_t)RELAY_CHUNK)
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	/* SHA-256 takes longer than all else together. XXH3 is a tenth of the work, which is sooner done than handed over. */
	second = r->sha && size >= RELAY_WORTH ? relay_new(add_sha, &h.sha) : NULL;
	error = read_all(r, &h, fd, size, second);
	if (second)
		relay_end(second);
	fasthash_final(&h.fast, r->fast);
	if (r->sha)
		sha_final(&h.sha, &r->id);
	errno = error;
	return error ? -1 : 0;
}
