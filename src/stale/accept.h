/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changed inputs taken as harmless: the outputs that are there become the result of the inputs as they are, without a run. */
#ifndef STALE_ACCEPT_H
#define STALE_ACCEPT_H

#include "stale/plan.h"

/* What may be accepted, decided with the disk as it is. */
struct accepting {
	struct arena arena;
	struct verdict *verdicts; /* by node; only where selected */
	size_t *nodes, n;         /* those to be accepted, in topological order */
	size_t n_fresh;           /* named instances for which there is nothing to accept */
};
#define ACCEPTING_INIT {.arena = ARENA_INIT}

/* Judges the named instances of g (flags by node; named ones are selected). Those that are fresh or frozen are counted. It would be
 * a lie to accept for an instance that was never built, whose outputs are not those of its last record, that a run has built from
 * these very inputs, or for which something runs first: an error in ds for each, and -1. */
NODISCARD int accept_check(struct accepting *ac, const struct graph *g, const bool *selected, const bool *named,
			   const struct plan_tools *tools, struct diags *ds);
/* The record that an instance gets with verdict v: its present facts, with acc behind what was accepted before. In a. */
NODISCARD int accept_record(const struct verdict *v, const struct acceptance *acc, struct arena *a, struct record *out,
			    struct err *err);
void accepting_release(struct accepting *ac);

#endif
