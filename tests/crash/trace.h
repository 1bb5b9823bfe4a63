/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program run under ptrace, stopped before its n-th system call that writes. Its threads are followed, its children not, unless that
 * is asked for. */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

struct trace {
	char *const *argv;
	long stop_at;         /* before the call of this number, counted from 1; 0: never */
	void (*hit)(pid_t pid); /* called then, once, with the process that is at the call; it may kill it */
	const char *children;   /* its children are followed too, and of them those whose program is this file (absolute); NULL: none are */
	/* answers */
	long writes;          /* calls that write seen so far */
	const char *call;     /* name of the one that was stopped at; NULL: it never came */
	int status;           /* as waitpid gives it */
};

/* Runs it to its end, in a process group of its own, with output to the file of that name. -1: no ptrace here. */
int trace_run(struct trace *t, const char *output);

/* ---- for all that run such programs ---- */

/* Ends with a line of TAP that says what failed, and errno. */
void die(const char *what) __attribute__((noreturn));
int shell(const char *cmd); /* as system() */
void must(const char *cmd); /* a command that fails ends it */
void kill_it(pid_t pid);    /* for hit: with SIGKILL */

#endif
