/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layered drawing after Sugiyama, Tagawa and Toda (1981): an edge that crosses ranks gets a slot in each of them,
 * slots are ordered by sweeps of barycenters, and placed as near to their neighbours as the order allows (least
 * squares under distances, solved exactly by pooling adjacent violators). */
#include <config.h>

#include "report/boxes.h"

#include <stdlib.h>
#include <string.h>

#define SWEEPS 12
/* Beyond this many slots long edges are drawn straight. */
#define MOST_SLOTS 20000

/* A box, or the place where a long edge crosses a rank. */
struct slot {
	size_t box;       /* SIZE_MAX: an edge passes */
	size_t rank, pos; /* pos: index in its rank */
	double at, size;  /* centre and extent across the ranks */
	double wish;
	size_t *prev, n_prev, *next, n_next;
};

struct work {
	struct arena *a;
	const struct boxes *bs;
	const struct point *size;
	struct slot *slots;
	size_t n, cap;
	size_t **ranks; /* slots by rank, in order */
	size_t *n_in_rank;
	double gap;
	bool down;
};

static size_t new_slot(struct work *w, size_t box, size_t rank, double size)
{
	ALLOC_GROW(w->slots, w->n + 1, w->cap);
	w->slots[w->n] = (struct slot){.box = box, .rank = rank, .size = size};
	return w->n++;
}

static void join(struct work *w, size_t from, size_t to)
{
	struct slot *a = &w->slots[from], *b = &w->slots[to];

	a->next = arena_grow(w->a, a->next, a->n_next, sizeof(size_t));
	a->next[a->n_next++] = to;
	b->prev = arena_grow(w->a, b->prev, b->n_prev, sizeof(size_t));
	b->prev[b->n_prev++] = from;
}

/* Slots for boxes come first, so that slot i is box i. chain[e] gets the passing slots of edge e, SIZE_MAX for none. */
static void make_slots(struct work *w, struct boxes_layout *l)
{
	const struct boxes *bs = w->bs;
	size_t i, j, r, e = 0;

	for (i = 0; i < bs->n; i++)
		new_slot(w, i, bs->v[i].rank, w->down ? w->size[i].x : w->size[i].y);
	for (i = 0; i < bs->n; i++)
		for (j = 0; j < bs->v[i].n_down; j++) {
			size_t to = bs->v[i].down[j], last = i;
			size_t lo = bs->v[i].rank, hi = bs->v[to].rank, span = hi > lo + 1 ? hi - lo - 1 : 0;
			struct boxes_edge *edge = &l->edges[e++];

			if (w->n + span > MOST_SLOTS)
				span = 0;
			*edge = (struct boxes_edge){.from = i, .to = to, .n = 2 * span + 2};
			edge->at = arena_calloc(w->a, edge->n * sizeof(*edge->at));
			for (r = 0; r < span; r++) {
				size_t s = new_slot(w, SIZE_MAX, lo + 1 + r, 0);

				/* Remembered here until place_edges knows where it is. */
				edge->at[2 * r + 1].x = (double)s;
				join(w, last, s);
				last = s;
			}
			if (hi > lo)
				join(w, last, to);
		}
	l->n_edges = e;
}

static void make_ranks(struct work *w)
{
	size_t i, r, *fill;

	w->n_in_rank = arena_calloc(w->a, (w->bs->n_ranks + 1) * sizeof(size_t));
	w->ranks = arena_calloc(w->a, (w->bs->n_ranks + 1) * sizeof(size_t *));
	for (i = 0; i < w->n; i++)
		w->n_in_rank[w->slots[i].rank]++;
	for (r = 0; r < w->bs->n_ranks; r++)
		w->ranks[r] = arena_calloc(w->a, (w->n_in_rank[r] + 1) * sizeof(size_t));
	fill = xcalloc(w->bs->n_ranks + 1, sizeof(size_t));
	for (i = 0; i < w->n; i++) {
		w->slots[i].pos = fill[w->slots[i].rank]++;
		w->ranks[w->slots[i].rank][w->slots[i].pos] = i;
	}
	free(fill);
}

/* Mean position of the neighbours on one side; the slot's own where it has none. */
static double barycenter(const struct work *w, const struct slot *s, bool forward)
{
	const size_t *near = forward ? s->prev : s->next;
	size_t n = forward ? s->n_prev : s->n_next, i;
	double sum = 0;

	if (!n)
		return (double)s->pos;
	for (i = 0; i < n; i++)
		sum += (double)w->slots[near[i]].pos;
	return sum / (double)n;
}

static int by_wish(const void *a, const void *b, void *slots)
{
	const struct slot *v = slots, *x = &v[*(const size_t *)a], *y = &v[*(const size_t *)b];

	if (x->wish != y->wish)
		return x->wish < y->wish ? -1 : 1;
	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

static void order_rank(struct work *w, size_t r, bool forward)
{
	size_t i;

	for (i = 0; i < w->n_in_rank[r]; i++)
		w->slots[w->ranks[r][i]].wish = barycenter(w, &w->slots[w->ranks[r][i]], forward);
	qsort_r(w->ranks[r], w->n_in_rank[r], sizeof(size_t), by_wish, w->slots);
	for (i = 0; i < w->n_in_rank[r]; i++)
		w->slots[w->ranks[r][i]].pos = i;
}

static int by_number(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static size_t tree_sum(const size_t *tree, size_t i)
{
	size_t sum = 0;

	for (i++; i; i -= i & -i)
		sum += tree[i - 1];
	return sum;
}

/* Crossings between rank r and the next one: inversions among the ends of edges taken in order of their beginnings. */
static size_t crossings_after(const struct work *w, size_t r)
{
	size_t width = w->n_in_rank[r + 1], *tree = xcalloc(width + 1, sizeof(*tree)), seen = 0, total = 0, i, j, k;

	for (i = 0; i < w->n_in_rank[r]; i++) {
		const struct slot *s = &w->slots[w->ranks[r][i]];
		size_t *ends = xcalloc(s->n_next + 1, sizeof(*ends)), n = 0;

		for (j = 0; j < s->n_next; j++)
			if (w->slots[s->next[j]].rank == r + 1)
				ends[n++] = w->slots[s->next[j]].pos;
		qsort(ends, n, sizeof(*ends), by_number);
		for (j = 0; j < n; j++)
			total += seen - tree_sum(tree, ends[j]);
		for (j = 0; j < n; j++)
			for (k = ends[j] + 1; k <= width; k += k & -k)
				tree[k - 1]++;
		seen += n;
		free(ends);
	}
	free(tree);
	return total;
}

static size_t crossings(const struct work *w)
{
	size_t r, total = 0;

	for (r = 0; r + 1 < w->bs->n_ranks; r++)
		total += crossings_after(w, r);
	return total;
}

static void remember(const struct work *w, size_t *pos)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		pos[i] = w->slots[i].pos;
}

/* Sweeps forward and back; the order with the fewest crossings is kept. */
static void order_slots(struct work *w)
{
	size_t *best = xcalloc(w->n + 1, sizeof(*best)), fewest = crossings(w), i, r, now;
	int sweep;

	remember(w, best);
	for (sweep = 0; sweep < SWEEPS && fewest; sweep++) {
		for (i = 1; i < w->bs->n_ranks; i++) {
			r = sweep % 2 ? w->bs->n_ranks - 1 - i : i;
			order_rank(w, r, sweep % 2 == 0);
		}
		if ((now = crossings(w)) < fewest) {
			fewest = now;
			remember(w, best);
		}
	}
	for (i = 0; i < w->n; i++) {
		w->slots[i].pos = best[i];
		w->ranks[w->slots[i].rank][best[i]] = i;
	}
	free(best);
}

static double apart(const struct work *w, const struct slot *a, const struct slot *b)
{
	double gap = a->box == SIZE_MAX || b->box == SIZE_MAX ? w->gap * 0.6 : w->gap;

	return (a->size + b->size) / 2 + gap;
}

/* Puts the slots of a rank nearest to their wishes: with the distances taken off, the positions must not fall, and
 * neighbours that would are pooled at their mean. */
static void place_rank(struct work *w, size_t r)
{
	size_t n = w->n_in_rank[r], i, blocks = 0;
	double *mean = xcalloc(n + 1, sizeof(*mean)), *weight = xcalloc(n + 1, sizeof(*weight)), offset = 0;
	size_t *count = xcalloc(n + 1, sizeof(*count)), at = 0, j;

	for (i = 0; i < n; i++) {
		struct slot *s = &w->slots[w->ranks[r][i]];

		if (i)
			offset += apart(w, &w->slots[w->ranks[r][i - 1]], s);
		mean[blocks] = s->wish - offset;
		weight[blocks] = s->box == SIZE_MAX ? 2 : 1;
		count[blocks++] = 1;
		while (blocks > 1 && mean[blocks - 2] > mean[blocks - 1]) {
			double sum = weight[blocks - 2] + weight[blocks - 1];

			mean[blocks - 2] = (mean[blocks - 2] * weight[blocks - 2] +
					    mean[blocks - 1] * weight[blocks - 1]) / sum;
			weight[blocks - 2] = sum;
			count[blocks - 2] += count[blocks - 1];
			blocks--;
		}
	}
	offset = 0;
	for (i = 0; i < blocks; i++)
		for (j = 0; j < count[i]; j++, at++) {
			struct slot *s = &w->slots[w->ranks[r][at]];

			if (at)
				offset += apart(w, &w->slots[w->ranks[r][at - 1]], s);
			s->at = mean[i] + offset;
		}
	free(mean);
	free(weight);
	free(count);
}

static double near_mean(const struct work *w, const struct slot *s, bool prev, bool next)
{
	double sum = 0, n = 0;
	size_t i;

	for (i = 0; prev && i < s->n_prev; i++, n++)
		sum += w->slots[s->prev[i]].at;
	for (i = 0; next && i < s->n_next; i++, n++)
		sum += w->slots[s->next[i]].at;
	return n > 0 ? sum / n : s->at;
}

static void place_slots(struct work *w)
{
	size_t i, r;
	int sweep;

	for (r = 0; r < w->bs->n_ranks; r++) {
		for (i = 0; i < w->n_in_rank[r]; i++)
			w->slots[w->ranks[r][i]].wish = 0;
		place_rank(w, r);
	}
	for (sweep = 0; sweep < SWEEPS; sweep++) {
		bool last = sweep >= SWEEPS - 2;

		for (i = 0; i < w->bs->n_ranks; i++) {
			size_t j;

			r = sweep % 2 ? w->bs->n_ranks - 1 - i : i;
			for (j = 0; j < w->n_in_rank[r]; j++) {
				struct slot *s = &w->slots[w->ranks[r][j]];

				s->wish = near_mean(w, s, last || sweep % 2 == 0, last || sweep % 2 == 1);
			}
			place_rank(w, r);
		}
	}
}

static struct point turned(const struct work *w, double along, double across)
{
	return w->down ? (struct point){across, along} : (struct point){along, across};
}

/* Where each rank begins and ends along the flow. */
static double measure_ranks(const struct work *w, double rank_gap, double *begin, double *end)
{
	double at = 0;
	size_t r, i;

	for (i = 0; i < w->bs->n; i++) {
		double *most = &end[w->bs->v[i].rank];

		*most = MAX(*most, w->down ? w->size[i].y : w->size[i].x);
	}
	for (r = 0; r < w->bs->n_ranks; r++) {
		begin[r] = at;
		end[r] += at;
		at = end[r] + rank_gap;
	}
	return w->bs->n_ranks ? at - rank_gap : 0;
}

static void place_edges(const struct work *w, struct boxes_layout *l, const double *begin, const double *end)
{
	size_t i, k;

	for (i = 0; i < l->n_edges; i++) {
		struct boxes_edge *e = &l->edges[i];
		const struct slot *from = &w->slots[e->from], *to = &w->slots[e->to];
		double length = w->down ? w->size[e->from].y : w->size[e->from].x;

		for (k = 0; k + 1 < e->n / 2; k++) {
			const struct slot *pass = &w->slots[(size_t)e->at[2 * k + 1].x];

			e->at[2 * k + 1] = turned(w, begin[pass->rank], pass->at);
			e->at[2 * k + 2] = turned(w, end[pass->rank], pass->at);
		}
		e->at[0] = turned(w, begin[from->rank] + length, from->at);
		e->at[e->n - 1] = turned(w, begin[to->rank], to->at);
	}
}

static void measure(struct work *w, struct boxes_layout *l, double length)
{
	double lo = 0, hi = 0;
	size_t i;

	for (i = 0; i < w->n; i++) {
		double a = w->slots[i].at - w->slots[i].size / 2, b = w->slots[i].at + w->slots[i].size / 2;

		lo = i ? MIN(lo, a) : a;
		hi = i ? MAX(hi, b) : b;
	}
	for (i = 0; i < w->n; i++)
		w->slots[i].at -= lo;
	l->width = w->down ? hi - lo : length;
	l->height = w->down ? length : hi - lo;
}

/* Long thin graphs flow down, as a page does; others to the right, where labels are wide and boxes low. */
static bool flows_down(const struct boxes *bs)
{
	size_t *count = xcalloc(bs->n_ranks + 1, sizeof(*count)), widest = 0, i;

	for (i = 0; i < bs->n; i++)
		widest = MAX(widest, ++count[bs->v[i].rank]);
	free(count);
	return bs->n_ranks > 6 && bs->n_ranks > 2 * widest;
}

void boxes_layout(struct boxes_layout *l, const struct boxes *bs, const struct point *size, double rank_gap,
		  double box_gap)
{
	struct work w = {.a = &l->arena, .bs = bs, .size = size, .gap = box_gap, .down = flows_down(bs)};
	double *begin = xcalloc(bs->n_ranks + 1, sizeof(double)), *end = xcalloc(bs->n_ranks + 1, sizeof(double));
	double length;
	size_t i;

	l->down = w.down;
	l->edges = arena_calloc(&l->arena, (bs->n_edges + 1) * sizeof(*l->edges));
	l->corner = arena_calloc(&l->arena, (bs->n + 1) * sizeof(*l->corner));
	make_slots(&w, l);
	make_ranks(&w);
	order_slots(&w);
	place_slots(&w);
	length = measure_ranks(&w, rank_gap, begin, end);
	measure(&w, l, length);
	for (i = 0; i < bs->n; i++)
		l->corner[i] = turned(&w, begin[bs->v[i].rank], w.slots[i].at - w.slots[i].size / 2);
	place_edges(&w, l, begin, end);
	free(w.slots);
	free(begin);
	free(end);
}

void boxes_layout_release(struct boxes_layout *l)
{
	arena_release(&l->arena);
	*l = (struct boxes_layout){.arena = ARENA_INIT};
}
