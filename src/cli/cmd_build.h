/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_CMD_BUILD_H
#define CLI_CMD_BUILD_H

#include "cli/command.h"

extern const struct option_def build_options_table[];

/* A build as the command line asks for it. fetch: of the sources alone, which run although what they brought is there. */
int build_main(struct args *a, bool fetch);
/* The same without deploys: appends the names of those that the targets mean, whose needs are built. Without targets that is all of them,
 * if there are any. */
int build_before(struct args *a, struct strvec *deploys);

#endif
