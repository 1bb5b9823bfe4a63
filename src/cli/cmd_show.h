/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands that tell of one run share. */
#ifndef CLI_CMD_SHOW_H
#define CLI_CMD_SHOW_H

#include "cli/project.h"

enum show_what { SHOW_ALL, SHOW_WHY };

/* Prints the run that word names, of it the stages names[0..n), or all if n is 0. Returns an exit code. */
int show_run(struct project *p, const char *word, char *const *names, size_t n, enum show_what what);

/* The id of the newest run of this project in this clone whose outcome is not `but` (NULL: any will do). NULL and ERR_NOTFOUND if there is none. */
const char *show_last_run(struct project *p, const char *but, struct err *err);

#endif
