/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A row on disk: eight 32-bit integers in the machine's byte order; v[0] is 1, v[1..6] are features, v[7] is the
 * target. */
#ifndef ROW_H
#define ROW_H

#include <stdint.h>

#define COLUMNS 8
#define TARGET (COLUMNS - 1)

struct row {
	int32_t v[COLUMNS];
};

#endif
