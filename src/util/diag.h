/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is wrong with a file, collected so that all of it is reported at once, in file and line order. */
#ifndef UTIL_DIAG_H
#define UTIL_DIAG_H

#include "util/base.h"
#include "util/strbuf.h"

enum diag_level { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	char *file; /* NULL: about the whole */
	int line;   /* 0: about the file */
	char *msg;
	size_t order;
};
struct diags {
	struct diag *v;
	size_t n, cap;
	size_t errors, warnings;
};
#define DIAGS_INIT {NULL, 0, 0, 0, 0}

/* Adds one; an equal one already there is not repeated. Always returns -1. */
PRINTF(5, 6) int diag_add(struct diags *ds, enum diag_level level, const char *file, int line, const char *fmt, ...);
#define diag_error(ds, file, line, ...) diag_add(ds, DIAG_ERROR, file, line, __VA_ARGS__)
#define diag_warn(ds, file, line, ...) diag_add(ds, DIAG_WARNING, file, line, __VA_ARGS__)
/* By file (in order of first mention), then line. */
void diags_sort(struct diags *ds);
/* "mlmake.ini:12: error: ..." for each, a line each. */
void diags_format(const struct diags *ds, struct strbuf *out);
void diags_release(struct diags *ds);

#endif
