/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is refused before anything runs: missing inputs, outputs that git tracks or that lead out of the project through a link, GPUs that are not there. */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

#include "cli/project.h"
#include "run/resources.h"

/* Checks the instances that plan would run or restore. Errors go to p->ds; -1 if there was one. Of the others what git tracks is a
 * warning. */
NODISCARD int guard_plan(struct project *p, const struct plan *plan, const struct resources *r);
/* Where plan has nothing to do: those warnings. */
void guard_fresh(struct project *p, const struct plan *plan);
/* Checks all instances, as lint does. */
void guard_everything(struct project *p);

#endif
