/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What does not fit into memory is divided by the first bits of the hashes into parts, which are sorted one by one. The temporary file has no
 * name, so nothing of it stays however this ends. */
#include <config.h>

#include "data/unique.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/file.h"
#include "util/strbuf.h"

#define IN_MEMORY ((size_t)1 << 19)
#define PARTS 256
#define CHUNK ((size_t)2048) /* hashes of a part that are written together */
#define RECENT 8192          /* hashes that are known to have come */

/* What has been kept twice need not be kept once more: it comes again, and that is counted. So a column of few values takes no room, however
 * many rows it has. */
struct unique_recent {
	uint64_t hash;
	unsigned kept;
};

struct unique_part {
	uint64_t *chunks; /* offsets in the file */
	size_t n_chunks, cap;
	uint64_t *v;      /* CHUNK, n of them used, not written yet */
	size_t n;
};

static int open_unnamed(const char *dir, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	strbuf_addf(&path, "%s/mlmake-unique.XXXXXX", dir);
	fd = mkostemp(path.buf, O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "cannot make a temporary file in '%s'", dir);
	(void)unlink(path.buf);
	return fd;
}

static int write_chunk(struct unique *u, struct unique_part *p, struct err *err)
{
	off_t at = lseek(u->fd, 0, SEEK_END);

	if (at < 0)
		return err_errno(err, "cannot seek in a temporary file");
	ALLOC_GROW(p->chunks, p->n_chunks + 1, p->cap);
	p->chunks[p->n_chunks++] = (uint64_t)at;
	memset(p->v + p->n, 0, (CHUNK - p->n) * sizeof(*p->v));
	p->n = 0;
	if (fd_write_all(u->fd, p->v, CHUNK * sizeof(*p->v), err) < 0)
		return err_wrap(err, "a temporary file in '%s'", u->dir);
	return 0;
}

static int to_part(struct unique *u, uint64_t hash, struct err *err)
{
	struct unique_part *p = &u->parts[hash >> 56];

	if (!p->v)
		p->v = xreallocarray(NULL, CHUNK, sizeof(*p->v));
	p->v[p->n++] = hash;
	return p->n == CHUNK ? write_chunk(u, p, err) : 0;
}

static bool is_kept_twice(struct unique *u, uint64_t hash)
{
	struct unique_recent *r;

	if (!u->recent)
		u->recent = xcalloc(RECENT, sizeof(*u->recent));
	r = &u->recent[hash % RECENT];
	if (r->hash != hash)
		*r = (struct unique_recent){hash, 0};
	if (r->kept == 2)
		return true;
	r->kept++;
	return false;
}

int unique_take(struct unique *u, uint64_t hash, struct err *err)
{
	size_t i;

	u->count++;
	if (is_kept_twice(u, hash)) {
		u->repeated++;
		return 0;
	}
	if (u->fd >= 0)
		return to_part(u, hash, err);
	ALLOC_GROW(u->v, u->n + 1, u->cap);
	u->v[u->n++] = hash;
	if (u->n < IN_MEMORY)
		return 0;
	u->fd = open_unnamed(u->dir, err);
	if (u->fd < 0)
		return -1;
	u->parts = xcalloc(PARTS, sizeof(*u->parts));
	for (i = 0; i < u->n; i++)
		if (to_part(u, u->v[i], err) < 0)
			return -1;
	u->n = 0;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorts v[0..n) by one byte after the other, from the lowest; a byte that all have in common costs no round. */
static void sort_hashes(uint64_t *v, size_t n)
{
	uint64_t *to = xreallocarray(NULL, n, sizeof(*to)), *from = v, *other;
	size_t counts[8][256] = {{0}}, i, at, sum;
	unsigned byte, digit;

	for (i = 0; i < n; i++)
		for (byte = 0; byte < 8; byte++)
			counts[byte][v[i] >> 8 * byte & 0xff]++;
	for (byte = 0; byte < 8; byte++) {
		if (counts[byte][*from >> 8 * byte & 0xff] == n)
			continue;
		for (sum = digit = 0; digit < 256; digit++) {
			at = counts[byte][digit];
			counts[byte][digit] = sum;
			sum += at;
		}
		for (i = 0; i < n; i++)
			to[counts[byte][from[i] >> 8 * byte & 0xff]++] = from[i];
		other = from;
		from = to;
		to = other;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
	free(from != v ? from : to);
}

/* Of the n hashes in u->v. */
static void look(struct unique *u)
{
	size_t i;

	if (u->n)
		sort_hashes(u->v, u->n);
	for (i = 1; i < u->n; i++) {
		if (u->v[i] != u->v[i - 1])
			continue;
		u->repeated++;
		if (u->n_again < UNIQUE_REPEATED && !(u->n_again && u->again[u->n_again - 1] == u->v[i]))
			u->again[u->n_again++] = u->v[i];
	}
}

static int read_part(struct unique *u, struct unique_part *p, size_t in_last, struct err *err)
{
	size_t i;

	u->n = 0;
	ALLOC_GROW(u->v, p->n_chunks * CHUNK, u->cap);
	for (i = 0; i < p->n_chunks; i++) {
		size_t want = CHUNK * sizeof(*u->v), done = 0;

		while (done < want) {
			ssize_t got = pread(u->fd, (char *)(u->v + u->n) + done, want - done, (off_t)(p->chunks[i] + done));

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return err_errno(err, "cannot read a temporary file again");
			done += (size_t)got;
		}
		u->n += i + 1 == p->n_chunks ? in_last : CHUNK;
	}
	return 0;
}

int unique_end(struct unique *u, struct err *err)
{
	size_t i;

	u->again = xreallocarray(NULL, UNIQUE_REPEATED, sizeof(*u->again));
	if (u->fd < 0) {
		look(u);
		return 0;
	}
	for (i = 0; i < PARTS; i++) {
		struct unique_part *p = &u->parts[i];
		size_t in_last = p->n ? p->n : CHUNK;

		if (p->n && write_chunk(u, p, err) < 0)
			return -1;
		free(p->v);
		p->v = NULL;
		if (p->n_chunks && read_part(u, p, in_last, err) < 0)
			return -1;
		if (p->n_chunks)
			look(u);
	}
	return 0;
}

bool unique_is_again(const struct unique *u, uint64_t hash)
{
	return u->n_again && bsearch(&hash, u->again, u->n_again, sizeof(hash), by_size);
}

void unique_release(struct unique *u)
{
	size_t i;

	for (i = 0; u->parts && i < PARTS; i++) {
		free(u->parts[i].chunks);
		free(u->parts[i].v);
	}
	free(u->parts);
	free(u->recent);
	free(u->v);
	free(u->again);
	closep(&u->fd);
	u->fd = -1;
	u->v = u->again = NULL;
	u->recent = NULL;
	u->parts = NULL;
}
