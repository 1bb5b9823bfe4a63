/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An empty directory below the store's, for programs that write files themselves. */
#ifndef REMOTE_SCRATCH_H
#define REMOTE_SCRATCH_H

#include "util/base.h"
#include "util/err.h"

struct scratch {
	char *dir; /* absolute */
	int lock;
};
#define SCRATCH_INIT {NULL, -1}
NODISCARD int scratch_open(struct scratch *s, const char *shared, struct err *err);
void scratch_close(struct scratch *s); /* removes it; for CLEANUP */

#endif
