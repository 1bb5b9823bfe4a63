/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source of a run, which no ref reaches until the run is recorded. */
#ifndef LINEAGE_PINNED_H
#define LINEAGE_PINNED_H

#include "gitdb/git.h"
#include "lineage/lineage.h"

/* Looks at the source (git_source) and adds to p all of it that no ref reaches, so that no `git gc` takes it. built: its tree without the
 * project's mlmake.lock. On any thread, for it has a handle of its own on the repository. If it has no tree, git tracks nothing. ERR_MOVED and others if it cannot be had. */
NODISCARD int pinned_source(const struct repo *r, struct packer *p, struct git_source *out, struct git_id *built, struct err *err);

#endif
