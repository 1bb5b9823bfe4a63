/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zlib streams (RFC 1950) in memory, and its checksums. Internal to the room; the only file that knows zlib, which is opened
 * by name when it is first needed. */
#ifndef GITDB_DEFLATE_H
#define GITDB_DEFLATE_H

#include "util/strbuf.h"

/* Appends data[0..n) as a zlib stream: compressed, or only stored, which costs no time. */
void deflate_add(const void *data, size_t n, bool compress, struct strbuf *out);
/* Appends the n bytes that the stream in[0..len) holds. False if it does not hold just these. */
bool inflate_exactly(const void *in, size_t len, size_t n, struct strbuf *out);
uint32_t deflate_crc32(uint32_t crc, const void *data, size_t n);

#endif
