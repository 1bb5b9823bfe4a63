/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of this machine, as /proc shows them at one moment, and signals that cannot hit a reused pid. */
#ifndef RUN_PROCS_H
#define RUN_PROCS_H

#include "util/base.h"

struct proc {
	pid_t pid, ppid, pgid, sid;
	uint64_t start; /* clock ticks since boot; with pid it names one process for good */
	bool gone;      /* a zombie: waits for its parent, runs nothing */
};
struct procs {
	struct proc *v; /* by pid */
	size_t n, cap;
};
#define PROCS_INIT {NULL, 0, 0}

/* Reads them all anew. Processes that start or end meanwhile may be missing. */
void procs_scan(struct procs *ps);
void procs_release(struct procs *ps);
const struct proc *procs_find(const struct procs *ps, pid_t pid); /* NULL if there is none */
/* The child of ancestor that p descends from, p itself perhaps; NULL if p does not. */
const struct proc *procs_below(const struct procs *ps, const struct proc *p, pid_t ancestor);
/* Does this process descend from pid? */
bool procs_within(pid_t pid);

/* Sends sig to p if it is still the process that was scanned. */
void proc_signal(const struct proc *p, int sig);
/* Waits until p is gone, at most ms; false if it is still there then. */
bool proc_wait(const struct proc *p, int ms);
/* The value of name in the environment that pid was started with (owned); NULL if it is not there or not ours to read. */
char *proc_getenv(pid_t pid, const char *name);
/* Is one of the standard output and error of pid the file dev, ino? */
bool proc_writes_to(pid_t pid, dev_t dev, ino_t ino);

#endif
