/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the runs of other clones bring, once their chains are here: by `mlmake pull`, or by git alone. */
#ifndef CLI_LEARN_H
#define CLI_LEARN_H

#include "cli/project.h"

/* Records and small objects of runs that are new here count from now on; SHARED/learnt remembers up to which run. To be called when what
 * is known is open. */
NODISCARD int project_learn(struct project *p, struct err *err);

#endif
