/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_CMD_BUILD_H
#define CLI_CMD_BUILD_H

#include "cli/command.h"

extern const struct option_def build_options_table[];

/* build_make(), and then the deploys that the targets name. */
int build_main(struct args *a, bool fetch);

#endif
