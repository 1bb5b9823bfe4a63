/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The worker: a process of its own session that deals with the queue of a clone, one build at a time, and ends.
 *
 * SHARED/queue/worker is held (flock) by it and by the process that builds. A hook first makes its entry, then tries that lock; a worker
 * that finds the queue empty lets go of the lock, and looks once more. So an entry is seen by the worker that is at work or by one that
 * the hook starts, whatever the order. Killed, a worker is replaced by the process that builds for it, when that has stopped its build;
 * if that is killed too, by the next hook or `mlmake hook`. */
#ifndef LIFECYCLE_WORKER_H
#define LIFECYCLE_WORKER_H

#include "util/base.h"
#include "util/err.h"

/* Starts one for the clone with that git directory (absolute), unless one is at work. program is mlmake. Nothing of the calling process is
 * kept: no descriptor, no terminal, none of the variables by which git speaks to its children. */
NODISCARD int worker_start(const char *common, const char *program, struct err *err);
/* Is one at work? dir is SHARED/queue. A hook that asks for something in the very moment of this question takes the answer for a worker: who
 * asks looks at the queue once more, as a worker does, and starts one. */
bool worker_is_there(const char *dir);

#endif
