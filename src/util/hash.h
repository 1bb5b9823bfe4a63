/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XXH3, 64 bits, without a secret: for tables in memory, for check sums against damage and for short names. Whoever wants
 * to can find two texts of one value, so it never tells whether a file is still the same (digest/ does). */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include "util/base.h"

uint64_t hash_bytes(const void *data, size_t n);

#endif
