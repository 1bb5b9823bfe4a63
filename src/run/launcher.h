/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting stages and hearing how they ended, handed in so that scheduling is tested without a fork.
 *
 * A stage ends when its shell does: whatever else it started, and left running, is killed then. */
#ifndef RUN_LAUNCHER_H
#define RUN_LAUNCHER_H

#include "sandbox/filter.h"
#include "sandbox/seen.h"
#include "util/base.h"
#include "util/err.h"

/* All borrowed for the call. */
struct launch {
	const char *name;   /* of the instance */
	const char *cmd;    /* text for one `sh -eu -c` */
	const char *prefix; /* words for sh that run the shell, e.g. "uv run --frozen"; NULL: none */
	char *const *env;   /* "NAME=VALUE" on top of what passes of mlmake's own environment (run/passing.h; "NAME" alone unsets);
			     * NULL-terminated */
	const char *log;    /* file that takes standard output and error, made new; input is /dev/null */
	bool whole_env;     /* all of mlmake's own environment passes */
	enum watch_depth watch;
	char *const *skip;  /* project paths at and below which nothing is watched; NULL-terminated, NULL: none */
	char *const *rules; /* what it may touch (sandbox/bounds.h), with WATCH_CHANGES; NULL-terminated, NULL: everything */
};

struct launch_end {
	int id;
	int status;         /* as waitpid gives it */
	int64_t cpu;        /* nanoseconds of user and system time, with all waited-for children */
	int64_t max_rss;    /* bytes, of the largest process */
	int unconfined;     /* errno of why the rules could not hold: it was not run. 0: they did, or there were none */
	struct seen *seen;  /* what was watched; the caller's (launch_end_release); NULL: nothing was to be */
};

void launch_end_release(struct launch_end *end);

struct launcher {
	/* Starts l; *id names it from now on. -1 if its log cannot be made or the launcher is lost; a shell that cannot
	 * be run ends as one with exit status 127, and the log says why. */
	int (*start)(void *ctx, const struct launch *l, int *id, struct err *err);
	/* Asks all processes of id to end: SIGTERM, or SIGKILL if kill. The end is reported as any other, when the last of
	 * its processes is gone: one that ignores SIGTERM needs a second call with kill, also when its shell has ended
	 * already. An id that has ended is no error. */
	void (*stop)(void *ctx, int id, bool kill);
	/* Readable while ends wait; -1 before the first start. */
	int (*fd)(void *ctx);
	/* Takes one end, which the caller releases, without blocking: 1, 0 if none waits, -1 if the launcher itself is lost (everything it started is
	 * dead, and no more ends come). */
	int (*reap)(void *ctx, struct launch_end *out, struct err *err);
	void *ctx;
};

#endif
