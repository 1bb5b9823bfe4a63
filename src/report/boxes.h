/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is drawn of a graph: boxes, each an instance or a collapsed stage, and the edges between them. */
#ifndef REPORT_BOXES_H
#define REPORT_BOXES_H

#include "report/drawing.h"
#include "util/arena.h"

#define BOX_NO_STATE (-1)

struct box {
	const struct stage *stage;
	const char *label;    /* "train@1", "train x 12"; untrusted */
	/* "stale: train.eta: 0.1 -> 0.05 +2" (two more reasons), "3 stale, 9 fresh"; NULL without a plan; untrusted */
	const char *detail;
	int state;            /* enum stale_state, the one most in need of attention; BOX_NO_STATE without a plan */
	size_t n_instances;
	size_t *up, n_up;     /* boxes it waits for, each once */
	size_t *down, n_down;
	size_t rank;          /* longest path from a box that waits for none */
};

struct boxes {
	struct arena arena;
	struct box *v;
	size_t n, n_ranks, n_edges;
	size_t *order; /* by rank, then as in the graph's order */
};
#define BOXES_INIT {.arena = ARENA_INIT}

/* times: how "train x 12" is written. */
void boxes_make(struct boxes *bs, const struct drawing *d, const char *times);
void boxes_release(struct boxes *bs);

/* ---- layout in the plane ---- */

struct point {
	double x, y;
};
struct boxes_edge {
	size_t from, to;
	struct point *at; /* pairs: where it leaves a column and where it enters the next one */
	size_t n;
};
struct boxes_layout {
	struct arena arena;
	struct point *corner; /* upper left, by box */
	struct boxes_edge *edges;
	size_t n_edges;
	double width, height;
	bool down;            /* ranks are rows and data flows down; otherwise columns, to the right */
};

/* Places boxes of sizes size[i]; gaps: between ranks, between boxes of a rank. */
void boxes_layout(struct boxes_layout *l, const struct boxes *bs, const struct point *size, double rank_gap,
		  double box_gap);
void boxes_layout_release(struct boxes_layout *l);

#endif
