/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The launcher of this machine: a small process of its own, the keeper, is the parent of all stages.
 *
 * It is forked before the first stage, while this process has one thread, and lives in a session of its own under
 * another name. Stages are its children, each the leader of a process group; the keeper is a child subreaper, so
 * whatever a stage leaves behind, also through setsid and double forks, becomes the keeper's child. When mlmake ends, in
 * whatever way (kill -9 included), the keeper sees the end of its socket, kills all of its descendants until none is
 * left, and ends. When the keeper is killed, mlmake, a subreaper as well, does the same. When both are killed at once,
 * the shells die by PR_SET_PDEATHSIG, and keeper_sweep() of the next run finds what is left by the run's id in the
 * environment. */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

#include "run/launcher.h"

struct keeper;

/* run_id: put into each stage's environment as MLMAKE_RUN, beside MLMAKE_INSTANCE. Nothing is forked yet. keep_fds:
 * descriptors that stages inherit (jobserver). lock_fd: a descriptor with a lock on it (-1: none) that the keeper, never
 * a stage, keeps open until all it started is dead, so that the next mlmake cannot begin earlier; let go of it by close,
 * not by LOCK_UN. */
struct keeper *keeper_new(const char *run_id, const int *keep_fds, size_t n_keep_fds, int lock_fd);
/* One more such lock, before it is started. */
void keeper_hold(struct keeper *k, int lock_fd);
/* Forks the keeper now, unless it runs already; the first start of a stage does the same. Stages get the environment and
 * the working directory of this moment. From here on this process is a child subreaper. */
NODISCARD int keeper_start(struct keeper *k, struct err *err);
const struct launcher *keeper_launcher(struct keeper *k);
/* Kills whatever still runs, waits until nothing does, frees. NULL is nothing. */
void keeper_free(struct keeper *k);

/* Kills every process of this user whose environment says MLMAKE_RUN=run_id, and waits until they are gone; returns how
 * many there were. A process that hangs in the kernel is waited for two seconds, and not counted. */
int keeper_sweep(const char *run_id);

#endif
