/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Up to which run of each writer's chain something has been done, in a file of lines "<writer> <commit>" behind a line that says what
 * it holds for. It is a memory: losing it costs time. */
#ifndef REMOTE_MARKS_H
#define REMOTE_MARKS_H

#include "lineage/run.h"
#include "util/err.h"
#include "util/map.h"
#include "util/strvec.h"

struct marks {
	char *file, *about;
	struct map tips;   /* writer -> hex of a commit, owned */
	struct strvec writers;
};
#define MARKS_INIT {NULL, NULL, MAP_INIT, STRVEC_INIT}

/* Reads file; what was written about something else (a line of text) does not count. */
void marks_read(struct marks *m, const char *file, const char *about);
void marks_release(struct marks *m);
/* As if nothing had been done for that writer. */
void marks_forget(struct marks *m, const char *writer);
/* The runs (in order; those of a writer one after another) that are not covered: sets fresh[i]. A writer whose mark is not among its runs
 * counts as new. */
void marks_compare(const struct marks *m, const struct run *runs, size_t n, bool *fresh);
/* From now on all of runs are covered. Written whole. */
NODISCARD int marks_write(const struct marks *m, const struct run *runs, size_t n, struct err *err);

#endif
