/* SPDX-License-Identifier: GPL-3.0-or-later */
/* push and pull, from the command line to the exit code. */
#ifndef CLI_SHARE_RUNS_H
#define CLI_SHARE_RUNS_H

#include "cli/command.h"

enum share_way { SHARE_PUSH, SHARE_PULL };
int share_main(struct args *a, enum share_way way);

#endif
