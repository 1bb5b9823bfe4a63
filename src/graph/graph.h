/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances and who waits for whom. An instance depends on the makers of the files that it reads, and on `after`; and on each check of a
 * file that it reads (STAGE_CHECK), unless it is a check itself: what does not pass is read by nobody. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "pipeline/pipeline.h"
#include "util/diag.h"

struct node {
	const struct instance *in;
	size_t *up, n_up;     /* indices of nodes this one waits for, sorted, each once */
	size_t *down, n_down; /* the reverse */
};

struct graph {
	struct arena arena;
	const struct pipeline *pl; /* borrowed; node i is pl->instances[i] */
	struct node *nodes;
	size_t n;
	size_t *order; /* a topological order: whoever is waited for comes first; otherwise in order of the file */
};
#define GRAPH_INIT {.arena = ARENA_INIT}

/* Builds *g. A cycle is an error in ds that names the path around, and -1. */
NODISCARD int graph_build(struct graph *g, const struct pipeline *pl, struct diags *ds);
void graph_release(struct graph *g);

/* Marks in selected[g->n] what the targets name, and what that needs. A target is a stage, an instance, a pattern over
 * either (as in util/path.h), or a file that some instance makes (or that lies in a directory it makes); of gates and the like the name
 * without "gate:" as well, if nothing else has it. No targets: the
 * pipeline's defaults, or everything but deploys, which a pattern does not mean either. named (may be NULL) marks the targets alone. -1 with an error in ds for each
 * target that names nothing. */
NODISCARD int graph_select(const struct graph *g, const char *const *targets, size_t n, bool *selected, bool *named,
			   struct diags *ds);

#endif
