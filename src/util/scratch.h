/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory of a process's own for a while, empty at first. */
#ifndef UTIL_SCRATCH_H
#define UTIL_SCRATCH_H

#include "util/base.h"
#include "util/err.h"

struct scratch {
	char *dir; /* absolute */
	int lock;
};
#define SCRATCH_INIT {NULL, -1}
/* Makes it in IN/NAME/, and removes there what killed processes left. */
NODISCARD int scratch_open(struct scratch *s, const char *in, const char *name, struct err *err);
void scratch_close(struct scratch *s); /* removes it; for CLEANUP */

#endif
