/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake performing for itself what is no stage. */
#ifndef CLI_PERFORM_H
#define CLI_PERFORM_H

/* Words for sh that perform the task whose file follows (run/task.h); owned. */
char *perform_command(void);

#endif
