/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/boxes.h"

#include <stdlib.h>
#include <string.h>

#include "report/wording.h"

/* Stages with more instances than this become one box. */
#define MOST_BOXES_A_STAGE 6

struct maker {
	struct boxes *bs;
	const struct drawing *d;
	size_t *box_of; /* by node; SIZE_MAX: not drawn */
};

static bool drawn(const struct drawing *d, size_t node)
{
	return !d->selected || d->selected[node];
}

/* How many instances of the stage of node i are drawn. */
static size_t drawn_instances(const struct drawing *d, const struct stage *st)
{
	size_t i, n = 0;

	for (i = st->first; i < st->first + st->n; i++)
		n += drawn(d, i);
	return n;
}

static void assign(struct maker *m, const char *times)
{
	const struct graph *g = m->d->g;
	size_t i, j, cap = 0;

	for (i = 0; i < g->n; i++)
		m->box_of[i] = SIZE_MAX;
	m->bs->v = NULL;
	for (i = 0; i < g->n; i++) {
		size_t node = g->order[i], n;
		const struct stage *st = g->nodes[node].in->stage;
		struct box *b;

		if (!drawn(m->d, node) || m->box_of[node] != SIZE_MAX)
			continue;
		ALLOC_GROW(m->bs->v, m->bs->n + 1, cap);
		b = &m->bs->v[m->bs->n];
		*b = (struct box){.stage = st, .label = g->nodes[node].in->name, .n_instances = 1};
		b->state = BOX_NO_STATE;
		m->box_of[node] = m->bs->n;
		n = m->d->all ? 1 : drawn_instances(m->d, st);
		if (n > MOST_BOXES_A_STAGE) {
			b->label = arena_fmt(&m->bs->arena, "%s %s %zu", st->name, times, n);
			b->n_instances = n;
			for (j = st->first; j < st->first + st->n; j++)
				if (drawn(m->d, j))
					m->box_of[j] = m->bs->n;
		}
		m->bs->n++;
	}
}

static void add_edge(struct arena *a, size_t **list, size_t *n, size_t to)
{
	*list = arena_grow(a, *list, *n, sizeof(**list));
	(*list)[(*n)++] = to;
}

/* Edges between boxes, each once. seen[x] == y + 1 says that x -> y is there: all edges into a box come in one go,
 * if its nodes are visited in one go. */
static void connect(struct maker *m)
{
	const struct graph *g = m->d->g;
	size_t *seen = xcalloc(m->bs->n + 1, sizeof(*seen)), *first, *next, b, i, j;

	/* The nodes of each box, as chains. */
	first = xreallocarray(NULL, m->bs->n + 1, sizeof(*first));
	next = xreallocarray(NULL, g->n + 1, sizeof(*next));
	for (b = 0; b < m->bs->n; b++)
		first[b] = SIZE_MAX;
	for (i = g->n; i-- > 0;)
		if (m->box_of[i] != SIZE_MAX) {
			next[i] = first[m->box_of[i]];
			first[m->box_of[i]] = i;
		}
	for (b = 0; b < m->bs->n; b++)
		for (i = first[b]; i != SIZE_MAX; i = next[i])
			for (j = 0; j < g->nodes[i].n_up; j++) {
				size_t from = m->box_of[g->nodes[i].up[j]];

				if (from == SIZE_MAX || from == b || seen[from] == b + 1)
					continue;
				seen[from] = b + 1;
				add_edge(&m->bs->arena, &m->bs->v[b].up, &m->bs->v[b].n_up, from);
				add_edge(&m->bs->arena, &m->bs->v[from].down, &m->bs->v[from].n_down, b);
				m->bs->n_edges++;
			}
	free(first);
	free(next);
	free(seen);
}

/* Longest paths. Collapsing can make a cycle (a stage's instances before and behind another's): what is left of Kahn's
 * algorithm then is taken up where it stands. */
static void rank(struct boxes *bs)
{
	size_t *waits = xcalloc(bs->n + 1, sizeof(*waits)), *queue = xcalloc(bs->n + 1, sizeof(*queue));
	bool *done = xcalloc(bs->n + 1, sizeof(*done));
	size_t i, j, head = 0, tail = 0, scan = 0;

	for (i = 0; i < bs->n; i++)
		if (!(waits[i] = bs->v[i].n_up)) {
			done[i] = true;
			queue[tail++] = i;
		}
	for (;;) {
		if (head == tail) {
			while (scan < bs->n && done[scan])
				scan++;
			if (scan == bs->n)
				break;
			done[scan] = true;
			queue[tail++] = scan;
		}
		i = queue[head++];
		bs->n_ranks = MAX(bs->n_ranks, bs->v[i].rank + 1);
		for (j = 0; j < bs->v[i].n_down; j++) {
			size_t to = bs->v[i].down[j];

			if (done[to])
				continue;
			bs->v[to].rank = MAX(bs->v[to].rank, bs->v[i].rank + 1);
			if (--waits[to] == 0) {
				done[to] = true;
				queue[tail++] = to;
			}
		}
	}
	free(waits);
	free(done);
	free(queue);
}

static void sort_by_rank(struct boxes *bs)
{
	size_t *start = xcalloc(bs->n_ranks + 2, sizeof(*start)), i;

	bs->order = arena_calloc(&bs->arena, (bs->n + 1) * sizeof(*bs->order));
	for (i = 0; i < bs->n; i++)
		start[bs->v[i].rank + 1]++;
	for (i = 1; i <= bs->n_ranks; i++)
		start[i] += start[i - 1];
	for (i = 0; i < bs->n; i++)
		bs->order[start[bs->v[i].rank]++] = i;
	free(start);
}

/* The state that asks for attention most. */
static int worse(int a, int b)
{
	static const int urgency[] = {[STALE_FRESH] = 1, [STALE_RESTORABLE] = 2, [STALE_STALE] = 3, [STALE_FROZEN] = 0};

	return a == BOX_NO_STATE || urgency[b] > urgency[a] ? b : a;
}

static void add_details(struct maker *m)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const struct plan *p = m->d->plan;
	size_t(*counts)[4], i, k;

	counts = xcalloc(m->bs->n + 1, sizeof(*counts));
	for (i = 0; i < m->d->g->n; i++) {
		struct box *b;

		if (m->box_of[i] == SIZE_MAX || !p->selected[i])
			continue;
		b = &m->bs->v[m->box_of[i]];
		b->state = worse(b->state, p->verdicts[i].state);
		counts[m->box_of[i]][p->verdicts[i].state]++;
		if (b->n_instances > 1)
			continue;
		strbuf_clear(&sb);
		strbuf_addstr(&sb, stale_state_name(p->verdicts[i].state));
		if (p->verdicts[i].n_reasons && p->verdicts[i].state != STALE_FRESH) {
			strbuf_addstr(&sb, ": ");
			words_reason(&sb, &p->verdicts[i].reasons[0]);
			if (p->verdicts[i].n_reasons > 1)
				strbuf_addf(&sb, " +%zu", p->verdicts[i].n_reasons - 1);
		}
		b->detail = arena_strdup(&m->bs->arena, sb.buf);
	}
	for (i = 0; i < m->bs->n; i++) {
		if (m->bs->v[i].n_instances == 1 || m->bs->v[i].state == BOX_NO_STATE)
			continue;
		strbuf_clear(&sb);
		for (k = 0; k < 4; k++)
			if (counts[i][k])
				strbuf_addf(&sb, "%s%zu %s", sb.len ? ", " : "", counts[i][k],
					    stale_state_name((enum stale_state)k));
		m->bs->v[i].detail = arena_strdup(&m->bs->arena, sb.buf);
	}
	free(counts);
}

void boxes_make(struct boxes *bs, const struct drawing *d, const char *times)
{
	struct maker m = {bs, d, xcalloc(d->g->n + 1, sizeof(size_t))};

	assign(&m, times);
	connect(&m);
	rank(bs);
	sort_by_rank(bs);
	if (d->plan)
		add_details(&m);
	free(m.box_of);
}

void boxes_release(struct boxes *bs)
{
	free(bs->v);
	arena_release(&bs->arena);
	*bs = (struct boxes)BOXES_INIT;
}
