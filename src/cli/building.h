/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CLI_BUILDING_H
#define CLI_BUILDING_H

#include "cli/command.h"

/* One build as the command line asks for it, of all but deploys, to the exit code. fetch: of the sources alone, which run
 * although what they brought is there. Appends to deploys the names of those that the targets mean, whose needs are built; without
 * targets, if all_deploys, that is all of them. */
int build_make(struct args *a, bool fetch, bool all_deploys, struct strvec *deploys);

#endif
