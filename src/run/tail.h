/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stage writes to its log, read while it writes: whole lines, and among them progress reports.
 *
 *     ##mlmake progress 61/100 loss=0.4
 */
#ifndef RUN_TAIL_H
#define RUN_TAIL_H

#include "util/base.h"
#include "util/strbuf.h"

struct tail {
	int fd; /* -1: not open yet */
	struct strbuf partial;
};
#define TAIL_INIT {-1, STRBUF_INIT}

struct progress {
	int64_t done, total;
	const char *text; /* what follows; borrowed from the line */
};

/* Is line a progress report? */
bool progress_parse(const char *line, struct progress *out);
/* Reads what is new in the log and calls line for every line that is whole (without its newline); with last also for
 * what has no newline yet. A line longer than 64 KiB is handed over in pieces. */
void tail_read(struct tail *t, const char *log, bool last, void (*line)(void *ctx, const char *text, size_t n), void *ctx);
void tail_release(struct tail *t);

/* Appends the last lines of the file (at most lines of them and 8 KiB), progress reports left out. */
void tail_end(const char *log, size_t lines, struct strbuf *out);

#endif
