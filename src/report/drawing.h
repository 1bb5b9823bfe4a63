/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graph as text, dot, mermaid and SVG. */
#ifndef REPORT_DRAWING_H
#define REPORT_DRAWING_H

#include "stale/plan.h"
#include "util/term.h"

struct drawing {
	const struct graph *g;
	const struct plan *plan;  /* states and reasons; NULL: none are shown */
	const bool *selected;     /* by node; NULL: everything */
	bool all;                 /* otherwise the instances of a big matrix are one box, "train × 12" */
	const char *title;        /* NULL: the pipeline's name */
};

/* A tree along the flow of data, each box once, below the last of those that it waits for; the others are named
 * behind it. */
void drawing_text(const struct drawing *d, const struct style *s, struct strbuf *out);
void drawing_dot(const struct drawing *d, struct strbuf *out);
void drawing_mermaid(const struct drawing *d, struct strbuf *out);
/* A whole SVG document: layers by longest path, ordered by barycenters, readable on light and dark ground, states
 * told apart by outline and word besides colour. */
void drawing_svg(const struct drawing *d, struct strbuf *out);

#endif
