/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pipeline, its graph and a plan put together by hand, for tests of what words and draws. */
#ifndef TESTS_FAKE_PLAN_H
#define TESTS_FAKE_PLAN_H

#include <stdlib.h>

#include "stale/plan.h"

struct fake {
	struct pipeline pl;
	struct graph g;
	struct plan p;
};

static inline void fake_init(struct fake *f)
{
	*f = (struct fake){.pl = PIPELINE_INIT, .g = GRAPH_INIT, .p = PLAN_INIT};
	f->pl.name = "churn";
	f->pl.file = "mlmake.ini";
	f->pl.stages = xcalloc(1024, sizeof(*f->pl.stages));
	f->pl.instances = xcalloc(1024, sizeof(*f->pl.instances));
	f->g.pl = &f->pl;
	f->g.nodes = xcalloc(1024, sizeof(*f->g.nodes));
	f->g.order = xcalloc(1024, sizeof(*f->g.order));
	f->p.g = &f->g;
	f->p.verdicts = xcalloc(1024, sizeof(*f->p.verdicts));
	f->p.selected = xcalloc(1024, sizeof(*f->p.selected));
}

static inline struct stage *fake_stage(struct fake *f, const char *name)
{
	struct stage *st = arena_calloc(&f->pl.arena, sizeof(*st));

	st->name = arena_strdup(&f->pl.arena, name);
	st->at = (struct place){"mlmake.ini", 10 + (int)f->pl.n_stages};
	st->first = f->pl.n_instances;
	f->pl.stages[f->pl.n_stages++] = st;
	return st;
}

/* An instance of the last stage that waits for up (terminated by -1 when n_up says so); fresh. Returns its node. */
static inline size_t fake_instance(struct fake *f, const char *name, size_t n_up, const size_t *up)
{
	struct instance *in = arena_calloc(&f->pl.arena, sizeof(*in));
	struct node *nd = &f->g.nodes[f->g.n];
	size_t i;

	in->name = arena_strdup(&f->pl.arena, name);
	in->stage = f->pl.stages[f->pl.n_stages - 1];
	in->index = f->pl.n_instances;
	in->cmd = "true";
	f->pl.stages[f->pl.n_stages - 1]->n++;
	f->pl.instances[f->pl.n_instances++] = in;
	map_put(&f->pl.instance_by_name, in->name, in);
	*nd = (struct node){.in = in, .n_up = n_up};
	nd->up = arena_calloc(&f->pl.arena, (n_up + 1) * sizeof(size_t));
	for (i = 0; i < n_up; i++) {
		struct node *from = &f->g.nodes[up[i]];

		nd->up[i] = up[i];
		from->down = arena_grow(&f->pl.arena, from->down, from->n_down, sizeof(size_t));
		from->down[from->n_down++] = f->g.n;
	}
	f->g.order[f->g.n] = f->g.n;
	f->p.selected[f->g.n] = true;
	f->p.verdicts[f->g.n] = (struct verdict){.state = STALE_FRESH};
	f->p.counts[STALE_FRESH]++;
	return f->g.n++;
}

static inline void fake_state(struct fake *f, size_t node, enum stale_state state)
{
	f->p.counts[f->p.verdicts[node].state]--;
	f->p.verdicts[node].state = state;
	f->p.counts[state]++;
}

static inline struct reason *fake_reason(struct fake *f, size_t node, enum reason_kind kind, const char *name,
					 const char *old, const char *new)
{
	struct verdict *v = &f->p.verdicts[node];

	v->reasons = arena_grow(&f->p.arena, v->reasons, v->n_reasons, sizeof(*v->reasons));
	v->reasons[v->n_reasons] = (struct reason){.kind = kind, .name = name, .old = old, .new = new};
	return &v->reasons[v->n_reasons++];
}

static inline void fake_release(struct fake *f)
{
	map_release(&f->pl.instance_by_name);
	free(f->pl.stages);
	free(f->pl.instances);
	free(f->g.nodes);
	free(f->g.order);
	free(f->p.verdicts);
	free(f->p.selected);
	arena_release(&f->p.arena);
	arena_release(&f->pl.arena);
}

#endif
