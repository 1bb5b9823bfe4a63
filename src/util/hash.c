/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *data, size_t n)
{
	return XXH3_64bits(data, n);
}
