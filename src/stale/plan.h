/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decisions for all selected instances, in topological order, as the world is before anything runs. */
#ifndef STALE_PLAN_H
#define STALE_PLAN_H

#include "code/book.h"
#include "digest/statcache.h"
#include "graph/graph.h"
#include "stale/decide.h"
#include "store/store.h"

struct plan {
	struct arena arena;
	const struct graph *g;
	struct verdict *verdicts; /* by node; only where selected */
	bool *selected;
	size_t counts[4];         /* of selected instances, by enum stale_state */
	size_t settled;           /* of the fresh: by what the last record and the disk say, and nothing else */
	struct arena *chunks;     /* private: where parallel parts keep theirs */
	size_t n_chunks;
};
#define PLAN_INIT {.arena = ARENA_INIT}

struct plan_tools {
	struct statcache *cache;
	struct store *store;
	struct history *history;
	const char *(*probe)(void *ctx, const char *cmd); /* see struct world; may be NULL */
	void *probe_ctx;
	int threads;
	struct code_book *code; /* what code means; NULL: bytes count */
	const struct outside *outside; /* may be NULL */
};

/* Decides all selected (g->n flags, copied). A missing input that nobody makes, and one that cannot be read, are errors in ds at their
 * place in the pipeline file; then -1. force: by node, or NULL. */
NODISCARD int plan_make(struct plan *p, const struct graph *g, const bool *selected, const bool *force,
			const struct plan_tools *tools, struct diags *ds);
void plan_release(struct plan *p);

/* The instances that would become stale if node were rebuilt with another result: all downstream, in order. */
void plan_downstream(const struct graph *g, size_t node, size_t **nodes, size_t *n);

#endif
