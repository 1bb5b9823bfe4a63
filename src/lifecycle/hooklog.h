/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What came of what hooks asked for: SHARED/queue/log.
 *
 * Line 1 is "mlmake-hooklog 1"; each further line is the XXH3 of the rest in 16 hex digits, a blank, and fields between tabs,
 * escaped as in C: number, time, duration (nanoseconds), exit code, outcome, hook, project, ref, commit, tree, targets, run, text. A
 * line whose checksum is wrong counts as not written. The log is appended to, a line in one write, into room that was reserved, so that a full
 * disk can be told of; beyond 1 MiB the older half goes. */
#ifndef LIFECYCLE_HOOKLOG_H
#define LIFECYCLE_HOOKLOG_H

#include "util/arena.h"
#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct hook_event {
	uint64_t number;  /* of the entry that was dealt with last */
	int64_t time;     /* when it began; nanoseconds since 1970 */
	int64_t duration; /* nanoseconds */
	int code;         /* what the build exited with, -1: it did not */
	const char *outcome; /* "done" "same" "failed" "refused" "error" "stopped" "killed" "skipped" */
	const char *hook, *project, *ref, *commit, *tree, *targets, *run, *text; /* "" if there is none */
};

/* dir is SHARED/queue, which has to be there: a repository may be gone. */
NODISCARD int hooklog_add(const char *dir, const struct hook_event *e, struct err *err);
/* All lines, oldest first, in a. An absent log has none. */
NODISCARD int hooklog_read(const char *dir, struct arena *a, struct hook_event **v, size_t *n, struct err *err);
/* Reserves room for lines to come, and halves it if it is too long. By the worker alone. */
void hooklog_tend(const char *dir);

/* The text of a line without its end, and back (hostile). */
void hook_event_text(const struct hook_event *e, struct strbuf *out);
bool hook_event_parse(const char *text, size_t n, struct arena *a, struct hook_event *out);

/* Was e of that project, and its commit or tree this? Either may be NULL. */
bool hooklog_is_of(const struct hook_event *e, const char *project, const char *commit, const char *tree);
/* The newest build of project that had all of these targets (words; "": what plain mlmake builds) and whose commit or tree was this; NULL: none. Either may be NULL. */
const struct hook_event *hooklog_built(const struct hook_event *v, size_t n, const char *project, const char *targets, const char *commit,
				       const char *tree);

#endif
