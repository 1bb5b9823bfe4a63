/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_CMD_BUILD_H
#define CLI_CMD_BUILD_H

#include "cli/command.h"

extern const struct option_def build_options_table[];

/* A build as the command line asks for it. fetch: of the sources alone, which run although what they brought is there. */
int build_main(struct args *a, bool fetch);

#endif
