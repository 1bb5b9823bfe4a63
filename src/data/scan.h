/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the bytes that divide a table stand, 64 bytes at a time. */
#ifndef DATA_SCAN_H
#define DATA_SCAN_H

#include "util/base.h"

#define SCAN_BLOCK 64

/* Bit i is about byte i of the block. */
struct scan {
	uint64_t ends;   /* separators and newlines */
	uint64_t lines;  /* newlines */
	uint64_t quotes;
	bool odd;        /* it has a byte from 0x80, or a NUL */
};

/* Looks at n blocks that begin at s. */
void scan_blocks(const char *s, size_t n, char separator, struct scan *out);
/* The same without instructions of one machine; for machines that have none, and for the tests. */
void scan_blocks_plain(const char *s, size_t n, char separator, struct scan *out);

#endif
