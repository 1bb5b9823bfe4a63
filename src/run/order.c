/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/order.h"

#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static int64_t expect(const struct instance *in, const struct verdict *v)
{
	if (v->found && v->found->duration)
		return MIN(v->found->duration, ORDER_LONGEST);
	if (v->last && v->last->duration)
		return MIN(v->last->duration, ORDER_LONGEST);
	return in->stage->use.time ? MIN(in->stage->use.time, ORDER_LONGEST) : -1;
}

void order_make(struct order *o, const struct plan *p)
{
	const struct graph *g = p->g;
	int64_t sum = 0, known = 0, guess;
	size_t i, j;

	o->expected = xcalloc(g->n + 1, sizeof(*o->expected));
	o->path = xcalloc(g->n + 1, sizeof(*o->path));
	for (i = 0; i < g->n; i++) {
		if (!p->selected[i])
			continue;
		o->expected[i] = expect(g->nodes[i].in, &p->verdicts[i]);
		if (o->expected[i] >= 0) {
			sum += MIN(o->expected[i], INT64_MAX / 2 / (int64_t)(g->n + 1));
			known++;
		}
	}
	guess = known ? sum / known : SECOND;
	for (i = g->n; i-- > 0;) {
		size_t node = g->order[i];
		int64_t below = 0;

		if (!p->selected[node])
			continue;
		for (j = 0; j < g->nodes[node].n_down; j++)
			if (p->selected[g->nodes[node].down[j]])
				below = MAX(below, o->path[g->nodes[node].down[j]]);
		o->path[node] = MIN(below, ORDER_LONGEST) + (o->expected[node] >= 0 ? o->expected[node] : guess);
	}
}

void order_release(struct order *o)
{
	free(o->expected);
	free(o->path);
}

static bool before(const struct queue *q, size_t a, size_t b)
{
	return q->o->path[a] != q->o->path[b] ? q->o->path[a] > q->o->path[b] : a < b;
}

static void swap(struct queue *q, size_t i, size_t j)
{
	size_t t = q->v[i];

	q->v[i] = q->v[j];
	q->v[j] = t;
}

void queue_push(struct queue *q, size_t node)
{
	size_t i;

	ALLOC_GROW(q->v, q->n + 1, q->cap);
	q->v[q->n] = node;
	for (i = q->n++; i && before(q, q->v[i], q->v[(i - 1) / 2]); i = (i - 1) / 2)
		swap(q, i, (i - 1) / 2);
}

size_t queue_pop(struct queue *q)
{
	size_t top = q->v[0], i = 0;

	q->v[0] = q->v[--q->n];
	for (;;) {
		size_t best = i, child = 2 * i + 1;

		if (child < q->n && before(q, q->v[child], q->v[best]))
			best = child;
		if (child + 1 < q->n && before(q, q->v[child + 1], q->v[best]))
			best = child + 1;
		if (best == i)
			return top;
		swap(q, i, best);
		i = best;
	}
}

void queue_release(struct queue *q)
{
	free(q->v);
	q->v = NULL;
	q->n = q->cap = 0;
}
