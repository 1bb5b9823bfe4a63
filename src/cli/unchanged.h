/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plain `mlmake` in a project where nothing has changed since the last one, which need not read the pipeline to say so
 * (stale/glance.h). */
#ifndef CLI_UNCHANGED_H
#define CLI_UNCHANGED_H

#include "cli/project.h"

/* Has nothing changed since a build like this found everything fresh? Then *fresh says how many instances are. Otherwise what the
 * pipeline asks of the disk is noted from now on, for unchanged_keep. Before anything of p is loaded or awaited. */
bool unchanged_since(struct project *p, size_t *fresh);
/* The build of plan has ended and what it learnt is saved: if it had nothing to do, it is kept for the next one. */
NODISCARD int unchanged_keep(struct project *p, const struct plan *plan, struct err *err);

struct pipeline_disk unchanged_disk(struct unchanged *u); /* the disk as the pipeline sees it, which notes */
struct code_disk unchanged_code(struct unchanged *u);
void unchanged_free(struct unchanged *u);

#endif
