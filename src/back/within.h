/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The maker of a file that was only ever made or kept as part of a directory. No table names each: back/lists.h says in which lists of files
 * to look. */
#ifndef BACK_WITHIN_H
#define BACK_WITHIN_H

#include "back/makers.h"
#include "store/store.h"

/* The store finds all small objects that the trees of runs hold, as after its tables were lost, or when git alone brought the runs of others. What
 * cannot be read there is not found. */
NODISCARD int within_learn(struct lineage *l, struct store *s, struct err *err);
/* Looks through the directories that runs made, then those that they put back, then those that they read, the oldest run first, for what
 * has that id: 1 and *out, whose path names it in its directory; 0 if none that is here has it; -1. Writes nothing. */
NODISCARD int within_find(struct makers *m, struct lineage *l, struct store *s, const struct digest *id, struct maker *out,
			  struct err *err);
/* Of what was read (k->how is MAKER_READ): does it lie in a directory that a stage had made by then? 1, and *k says so. */
NODISCARD int within_run(struct makers *m, struct lineage *l, struct store *s, const struct digest *id, struct maker *k, struct err *err);

#endif
