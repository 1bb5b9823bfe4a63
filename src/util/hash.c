/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/hash.h"

#define XXH_INLINE_ALL /* most of what is hashed is short, and a call into the library longer than the work */
#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t n)
{
	return XXH3_64bits(data, n);
}
