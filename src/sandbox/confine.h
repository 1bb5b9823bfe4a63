/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Landlock: holds a stage, and all that it starts, to the rules of bounds.h as far as the kernel can.
 *
 * Outside of the project it may read everything, and write to /dev and /proc and what the rules say. In the project it may list,
 * and open what the rules say; an output's rule holds for all that is in the directory in which it is made. Which
 * names there are is no secret: Landlock lets stat through, and also chmod and the like of what one owns.
 *
 * Versions of Landlock: 1 (Linux 5.13) lets nothing be moved from one directory to another; up to 2 (5.19, Debian 12's 6.1)
 * truncate() is let through, and O_TRUNC of what is opened for reading: these the watcher alone refuses. 3 is Linux 6.2. */
#ifndef SANDBOX_CONFINE_H
#define SANDBOX_CONFINE_H

#include "util/base.h"

/* The version of Landlock here; -errno if there is none. MLMAKE_LANDLOCK, for tests, makes it a lower one; 0: none. */
long confine_version(void);
/* A descriptor of the rules; -errno if there is no Landlock here. What is not there is passed over, links are followed. A rule for
 * what the project lies in counts for what is beside the project only. */
NODISCARD int confine_make(const char *root, char *const *rules, size_t n);
/* In the stage's process: binds it, and all that it starts. 0 or an errno. Safe after vfork. */
NODISCARD int confine_enter(int fd);

#endif
