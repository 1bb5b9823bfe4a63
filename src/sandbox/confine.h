/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Landlock: what a stage may touch. Outside of the project it may read everything, and write to /dev and /proc; all
 * else is what the rules say.
 *
 * A rule counts for all that is below its path. Which names there are is no secret: Landlock lets stat through. */
#ifndef SANDBOX_CONFINE_H
#define SANDBOX_CONFINE_H

#include "util/base.h"

/* Rules are texts: a letter and an absolute path. What is not there is passed over. A rule for what the project lies in counts
 * for what is beside the project only. */
#define CONFINE_READ 'r'  /* read, list, run */
#define CONFINE_LIST 'l'  /* list */
#define CONFINE_WRITE 'w' /* all of it, with making and removing */

/* A descriptor of the rules; -errno if there is no Landlock here. */
NODISCARD int confine_make(const char *root, char *const *rules, size_t n);
/* In the stage's process: binds it, and all that it starts. 0 or an errno. Safe after vfork. */
NODISCARD int confine_enter(int fd);

#endif
