/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One command started through a launcher and waited for, beside any build. */
#ifndef RUN_ONCE_H
#define RUN_ONCE_H

#include "run/launcher.h"

enum once_end {
	ONCE_ENDED,   /* by itself */
	ONCE_STOPPED, /* because signal_fd was readable; it is left to be read */
	ONCE_LATE,    /* because of its timeout */
	ONCE_TALKS,   /* because it printed too much */
};

struct once {
	int64_t timeout; /* nanoseconds, 0: none */
	int64_t grace;   /* from asking it to end until it is killed; 0: it is killed at once */
	int64_t most;    /* bytes that it may print, 0: no end */
	const char *prints; /* the file that it prints to; NULL: the log */
	int signal_fd;   /* -1: none */
};

/* Runs what and waits. *status is as waitpid gives it. -1 if it cannot be started or the launcher is lost. */
NODISCARD int launch_once(const struct launcher *l, const struct launch *what, const struct once *o, int *status, enum once_end *how,
			  struct err *err);
/* "exit status 7", "killed by signal 9 (Killed)", "it took longer than 1m00s and was stopped"; of ONCE_ENDED with status 0 "it succeeded" */
void once_words(const struct once *o, int status, enum once_end how, struct strbuf *out);

#endif
