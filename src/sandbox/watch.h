/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sees what the processes of a stage do with the files of the project: all of them, static ones and their children too.
 *
 * The method is seccomp's user notification: a filter on the stage makes the kernel stop each call that names a file until this
 * thread has looked at the name and sent it on. Measured with Linux 6.18 on two busy cores, time on processors (bench/watch.c; of
 * ptrace and LD_PRELOAD the time that passed, as the ratio to the command alone, least of several):
 *
 *     method                       trains in Python   gcc, 500 opens a file   cp in sh   open, read, close   ordinary user   static programs
 *     user notification, opens           1.00               1.07 to 1.13         1.34            5.7              yes            yes
 *     the same, and stat, access         1.00               1.08 to 1.14         1.37            5.7              yes            yes
 *     the same, and readlink (lookups)   1.00               1.27 to 1.31         1.42            5.7              yes            yes
 *     the same, strict, and Landlock     1.00               1.26 to 1.35         1.42            5.7              yes            yes
 *     ptrace and seccomp (strace)                                                2.80            5.6              yes            yes
 *     LD_PRELOAD                         1.08                                    1.10            1.4              yes            no
 *     fanotify                     says neither what was not found nor, to an ordinary user, which process it was: not measured
 *     eBPF                         not for ordinary users (kernel.unprivileged_bpf_disabled = 2): not measured
 *
 * A call that is looked at costs 5 microseconds, and the filter 70 a stage. ptrace also takes the place of debuggers in the stage.
 * If this process dies, the kernel closes the descriptor, and a call that waits ends with ENOSYS: nothing hangs.
 *
 * Left out: what lies outside of the project, .git, mlmake's own files, virtual environments (pyvenv.cfg, conda-meta) and
 * directories that call themselves caches (CACHEDIR.TAG). Byte code of Python that is read stands for its source, which Python does
 * not read then. A name is resolved as the process sees it, before the call is made; links on the way are not followed, so that it is
 * the name that the program used.
 *
 * A stage with bounds is refused what these do not allow of the project, with EACCES, by where the name leads; then only byte code
 * that is written and virtual environments are left out. */
#ifndef SANDBOX_WATCH_H
#define SANDBOX_WATCH_H

#include "sandbox/filter.h"
#include "sandbox/seen.h"

struct watch;

/* root: the project's directory as the kernel calls it (getcwd). Starts a thread, which takes no signals if the caller has
 * blocked them. NULL: err says why. */
struct watch *watch_new(const char *root, struct err *err);
/* A stage is about to start. What lies at or below skip[0..n) is of no interest. rules: its bounds (bounds.h), for WATCH_CHANGES;
 * NULL: it has none. */
void watch_begin(struct watch *w, int id, char *const *skip, size_t n, char *const *rules, size_t n_rules);
/* In the stage's process, after vfork: goes under the filter and hands the descriptor over. 0, or an errno. */
NODISCARD int watch_enter(const struct watch *w, int id, const struct filter *f);
/* It could not be watched. */
void watch_failed(struct watch *w, int id, int number);
/* All of it is dead: what was seen goes to *out, which is empty. */
void watch_end(struct watch *w, int id, struct seen *out);

#endif
