/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/deflate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "util/library.h"

#define LIBRARY "libz.so.1"
#define STORED 65535 /* bytes that one stored block holds at most */

static __typeof__(deflateInit_) *p_deflateInit_;
static __typeof__(deflateReset) *p_deflateReset;
static __typeof__(deflateBound) *p_deflateBound;
static __typeof__(deflate) *p_deflate;
static __typeof__(deflateEnd) *p_deflateEnd;
static __typeof__(uncompress) *p_uncompress;
static __typeof__(crc32) *p_crc32;
static __typeof__(adler32) *p_adler32;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* git cannot do without it either, so that it is missing ends the program, as running out of memory does. */
static void load(void)
{
	static const struct library_symbol symbols[] = {{"deflateInit_", &p_deflateInit_},
							{"deflateReset", &p_deflateReset},
							{"deflateBound", &p_deflateBound},
							{"deflate", &p_deflate},
							{"deflateEnd", &p_deflateEnd},
							{"uncompress", &p_uncompress},
							{"crc32", &p_crc32},
							{"adler32", &p_adler32}};
	struct err err = ERR_INIT;

	if (library_open(LIBRARY, symbols, ARRAY_SIZE(symbols), &err) == 0)
		return;
	fprintf(stderr, "mlmake: error: %s\n", err.msg);
	_exit(2);
}

/* n more bytes were written behind the end, for which there was room. */
static void grown(struct strbuf *sb, size_t n)
{
	sb->len += n;
	sb->buf[sb->len] = '\0';
}

static void add_stored(const unsigned char *data, size_t n, struct strbuf *out)
{
	uint32_t sum = (uint32_t)p_adler32(1, NULL, 0);
	size_t at = 0;

	strbuf_grow(out, n + n / STORED * 5 + 16);
	strbuf_add(out, "\x78\x01", 2);
	do {
		size_t part = MIN(n - at, (size_t)STORED);
		unsigned char head[5] = {at + part == n, part & 255, part >> 8, ~part & 255, (~part >> 8) & 255};

		strbuf_add(out, head, sizeof(head));
		strbuf_add(out, data + at, part);
		sum = (uint32_t)p_adler32(sum, data + at, (uInt)part);
		at += part;
	} while (at < n);
	strbuf_add(out, (unsigned char[]){sum >> 24, sum >> 16 & 255, sum >> 8 & 255, sum & 255}, 4);
}

/* One at rest is kept: to make another takes as long as to compress a few KiB. */
static z_stream *spare; /* changed atomically */

static z_stream *take_stream(void)
{
	z_stream *z = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQ_REL);

	if (z) {
		p_deflateReset(z);
		return z;
	}
	z = xcalloc(1, sizeof(*z));
	if (p_deflateInit_(z, Z_DEFAULT_COMPRESSION, ZLIB_VERSION, (int)sizeof(*z)) != Z_OK)
		BUG("zlib does not begin");
	return z;
}

static void give_back(z_stream *z)
{
	z = __atomic_exchange_n(&spare, z, __ATOMIC_ACQ_REL);
	if (!z)
		return;
	p_deflateEnd(z);
	free(z);
}

static void add_compressed(const void *data, size_t n, struct strbuf *out)
{
	z_stream *z = take_stream();
	uLong room = p_deflateBound(z, n);

	strbuf_grow(out, room);
	z->next_in = (Bytef *)data;
	z->avail_in = (uInt)n;
	z->next_out = (Bytef *)out->buf + out->len;
	z->avail_out = (uInt)room;
	if (n > UINT32_MAX / 2 || p_deflate(z, Z_FINISH) != Z_STREAM_END)
		BUG("zlib does not compress");
	grown(out, z->total_out);
	give_back(z);
}

void deflate_add(const void *data, size_t n, bool compress, struct strbuf *out)
{
	pthread_once(&once, load);
	if (compress)
		add_compressed(data, n, out);
	else
		add_stored(data, n, out);
}

bool inflate_exactly(const void *in, size_t len, size_t n, struct strbuf *out)
{
	uLongf got = n;

	pthread_once(&once, load);
	strbuf_grow(out, n + 1);
	if (p_uncompress((Bytef *)out->buf + out->len, &got, in, len) != Z_OK || got != n)
		return false;
	grown(out, n);
	return true;
}

uint32_t deflate_crc32(uint32_t crc, const void *data, size_t n)
{
	pthread_once(&once, load);
	return (uint32_t)p_crc32(crc, data, (uInt)n);
}
