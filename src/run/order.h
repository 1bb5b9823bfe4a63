/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long instances take, as far as is known, and which should start first. */
#ifndef RUN_ORDER_H
#define RUN_ORDER_H

#include "stale/plan.h"

#define ORDER_LONGEST (INT64_MAX / 4) /* times are cut here, so that what a damaged record claims does not overflow */

struct order {
	int64_t *expected; /* by node: nanoseconds; -1 if nothing is known */
	int64_t *path;     /* by node: nanoseconds from its start to the end of the longest path below it */
};

/* Expected times: of the record of the key, of the last record, `use = time=`; for the rest the mean of the others (a second
 * if there is none) counts in path. Only selected nodes. */
void order_make(struct order *o, const struct plan *p);
void order_release(struct order *o);

/* A heap of nodes, longest path first, then in order of the file. */
struct queue {
	const struct order *o;
	size_t *v, n, cap;
};
void queue_push(struct queue *q, size_t node);
size_t queue_pop(struct queue *q); /* of one that is not empty */
void queue_release(struct queue *q);

#endif
