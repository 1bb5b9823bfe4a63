/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which objects the texts of roots need. Every SHA-256 in a text counts, so that nothing is overlooked that a damaged or newer text says;
 * of directories, what is below them too. */
#ifndef UPKEEP_NEEDS_H
#define UPKEEP_NEEDS_H

#include "digest/digestset.h"
#include "lineage/lineage.h"
#include "store/store.h"

struct needs {
	struct store *store;
	struct lineage *lineage;
	struct digestset needed;
	struct digestset dirs; /* those of them that were looked into */
	bool learnt;           /* all that the trees of runs hold */
};
/* ERR_CORRUPT, ERR_IO if what is below a directory cannot be told, though the store or a run should know. */
NODISCARD int needs_text(struct needs *m, const char *text, size_t n, struct err *err);
void needs_release(struct needs *m);

/* Looks into the directory with that manifest: visit as for store_walk. What the trees of all runs hold is learnt first if that is needed. */
NODISCARD int needs_walk(struct needs *m, const struct digest *manifest, bool (*visit)(void *ctx, const struct digest *id, bool dir),
			 void *ctx, struct err *err);

#endif
