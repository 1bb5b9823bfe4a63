/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether what was built once came out the same when it was built again: a fact about a key, kept in the lineage as parts "same" and
 * "differs" of runs with the outcome "reproduced", and counted. */
#ifndef BACK_VERDICT_H
#define BACK_VERDICT_H

#include "back/origin.h"
#include "back/rerun.h"
#include "lineage/lineage.h"

/* The parts of a run that tells of v: of those alone that ran from the very inputs, for of nothing else can it be said. In a. */
void verdict_parts(const struct rerun_result *v, struct arena *a, struct run *run);
/* Appends run (id, time, parts and who ran it are set), whose outcome is "reproduced", to the lineage: its source and its lock are those of
 * o. make_durable as in lineage_append. */
NODISCARD int verdict_append(struct lineage *l, struct gitdb *db, const struct repo *r, struct run *run, const struct origin *o,
			     const struct rerun_result *v, struct packer *p, int (*make_durable)(void *ctx, struct err *err), void *ctx,
			     struct err *err);

struct verdict_count {
	size_t same, differs;
	int64_t last;    /* when it was seen last; nanoseconds since 1970 */
	const char *run; /* by which run; lives as long as the lineage */
};
/* All zero if nothing is known. */
void verdict_count(struct lineage *l, const struct digest *key, struct verdict_count *out);

#endif
