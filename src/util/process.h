/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other programs: started without a shell, talked to through pipes, waited for.
 *
 * A child does not outlive the thread that started it by more than it takes to die of SIGTERM, and speaks English (LC_ALL=C), so
 * that what it says can be understood. What it writes to standard error is collected. It sees none of the variables by which git
 * tells its children which repository they are in (GIT_DIR and the like). */
#ifndef UTIL_PROCESS_H
#define UTIL_PROCESS_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"
#include "util/strvec.h"

struct process_start {
	const struct strvec *argv; /* argv->v[0] is looked for in PATH */
	char *const *env;          /* "NAME=VALUE" on top of ours, ends with NULL; NULL: none */
	const char *dir;           /* to run it in; NULL: here */
	bool talk;                 /* its standard input is a pipe to us, else empty */
};

struct process {
	pid_t pid; /* 0: none */
	int in;    /* writes to its standard input; -1: none */
	int out;   /* reads from its standard output */
	int errors;
	char *name;
};
#define PROCESS_INIT {0, -1, -1, -1, NULL}

/* ERR_NOTFOUND if there is no such program. Writing to one that has gone gives EPIPE: SIGPIPE is ignored by whoever calls this. */
NODISCARD int process_start(struct process *p, const struct process_start *how, struct err *err);
/* Closes our ends and waits. Its exit status; 128 + n if signal n killed it. Appends the end of what it said on standard error,
 * at most 256 KiB. */
int process_wait(struct process *p, struct strbuf *errors);
/* Kills it if it runs, and waits; for CLEANUP. */
void process_end(struct process *p);

/* Starts it, writes input[0..n) to it, reads what it prints (ERR_INVALID beyond limit bytes), waits. Returns its exit status, -1 and err
 * if it could not be run. */
NODISCARD int process_run(const struct process_start *how, const void *input, size_t n, size_t limit, struct strbuf *out,
			  struct strbuf *errors, struct err *err);

#endif
