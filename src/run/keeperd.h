/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper's side of keeper.h: the process that is the parent of all stages, and what goes over its socket.
 *
 * mlmake sends requests, each a struct keeper_request followed by n NUL-terminated strings; with KEEPER_START comes, as
 * SCM_RIGHTS, the descriptor of the log. The keeper sends one struct keeper_end for each stage that ended. Both sides
 * are the same program, so everything is in this machine's own layout. The end of the stream is the end of mlmake. */
#ifndef RUN_KEEPERD_H
#define RUN_KEEPERD_H

#include "run/launcher.h"

enum keeper_type {
	KEEPER_START, /* name, cmd, prefix ("" for none), n_skip paths, n_rules rules, then the environment */
	KEEPER_TERM,
	KEEPER_KILL,
};

struct keeper_request {
	uint32_t size; /* of the request, this head included */
	uint32_t type;
	int32_t id;
	uint32_t n;
	uint32_t watch; /* enum watch_depth */
	uint32_t n_skip, n_rules, confined, whole_env;
};

struct keeper_end {
	struct launch_end end; /* without seen */
	uint32_t size;         /* of what was seen (sandbox/seen.h), which follows; 0: nothing was to be */
};

#define KEEPER_LOCKS 2

struct keeperd_options {
	int sock;            /* to mlmake */
	const int *lock_fds; /* KEEPER_LOCKS of them, kept open to the end, -1: none */
	const int *keep_fds; /* for the stages */
	size_t n_keep_fds;
	const char *run_id;
};

/* Turns the calling process, a fresh fork of mlmake with all signals blocked, into the keeper. */
NORETURN void keeperd_main(const struct keeperd_options *opt);

#endif
