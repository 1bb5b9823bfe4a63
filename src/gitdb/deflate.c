/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/deflate.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "util/library.h"

#define LIBRARY "libz.so.1"
#define STORED 65535 /* bytes that one stored block holds at most */

static __typeof__(compress2) *p_compress2;
static __typeof__(compressBound) *p_compressBound;
static __typeof__(uncompress) *p_uncompress;
static __typeof__(crc32) *p_crc32;
static __typeof__(adler32) *p_adler32;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* git cannot do without it either, so that it is missing ends the program, as running out of memory does. */
static void load(void)
{
	static const struct library_symbol symbols[] = {{"compress2", &p_compress2},
							{"compressBound", &p_compressBound},
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

void deflate_add(const void *data, size_t n, bool compress, struct strbuf *out)
{
	uLongf room;

	pthread_once(&once, load);
	if (!compress) {
		add_stored(data, n, out);
		return;
	}
	room = p_compressBound(n);
	strbuf_grow(out, room);
	if (p_compress2((Bytef *)out->buf + out->len, &room, data, n, Z_DEFAULT_COMPRESSION) != Z_OK)
		BUG("zlib does not compress");
	grown(out, room);
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
