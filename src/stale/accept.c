/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/accept.h"

#include <stdlib.h>
#include <string.h>

#include "stale/learned.h"

struct checking {
	struct accepting *ac;
	const struct graph *g;
	const bool *named;
	const struct plan_tools *tools;
	struct diags *ds;
	bool *good; /* by node: its outputs on disk are what they shall be */
};

/* By path alone: an output may have become a metric. */
static const struct record_fact *output_at(const struct record *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind) && streq(r->facts[i].name, path))
			return &r->facts[i];
	return NULL;
}

static int check_outputs(const struct instance *in, const struct verdict *v, struct err *err)
{
	size_t i;

	for (i = 0; i < v->now.n_facts; i++) {
		const struct record_fact *is = &v->now.facts[i], *was;

		if (!fact_is_output(is->kind))
			continue;
		was = output_at(v->last, is->name);
		if (is->content.kind == CONTENT_NONE)
			return err_set(err, ERR_INVALID, "'%s' cannot be accepted: its output '%s' is missing", in->name, is->name);
		if (!was)
			return err_set(err, ERR_INVALID, "'%s' cannot be accepted: no run has made its output '%s'", in->name,
				       is->name);
		if (!content_eq(&was->content, &is->content))
			return err_set(err, ERR_INVALID, "'%s' cannot be accepted: its output '%s' is not as it was left", in->name,
				       is->name);
	}
	return 0;
}

/* A result of these inputs that is known already is another one than what is there, or the instance were fresh; unless something is
 * there now that the run looked for in vain. */
static int check_known(const struct checking *c, const struct instance *in, const struct verdict *v, struct err *err)
{
	const struct record *known = history_find(c->tools->history, &v->now.key);

	if (v->state == STALE_RESTORABLE)
		return err_set(err, ERR_INVALID, "'%s' cannot be accepted: what these inputs give is known; `mlmake %s` puts it back",
			       in->name, in->name);
	if (known && !known->n_accepted && !stale_matches(v, known))
		return err_set(err, ERR_INVALID, "'%s' cannot be accepted: a run of these inputs gave something else", in->name);
	return 0;
}

static int check_upstream(const struct checking *c, size_t node, struct err *err)
{
	const struct node *nd = &c->g->nodes[node];
	size_t i;

	for (i = 0; i < nd->n_up; i++)
		if (!c->good[nd->up[i]])
			return err_set(err, ERR_INVALID, "'%s' cannot be accepted: '%s' is not fresh; build it first, or accept both",
				       nd->in->name, c->g->nodes[nd->up[i]].in->name);
	return 0;
}

static int judge(const struct checking *c, size_t node, const struct verdict *v, struct err *err)
{
	const struct instance *in = c->g->nodes[node].in;

	if (check_upstream(c, node, err) < 0 || check_outputs(in, v, err) < 0)
		return -1;
	return check_known(c, in, v, err);
}

/* An input that is not there is missing because nobody has made it yet, if that one is not good. */
static int decide(const struct checking *c, size_t node, struct verdict *v, struct err *err)
{
	struct disk_world disk = {c->tools->cache, c->tools->store, c->tools->probe, c->tools->probe_ctx, c->tools->code, NULL};
	const struct world w = world_on_disk(&disk);
	const struct decide_options opt = {false};

	if (stale_decide(c->g->nodes[node].in, c->tools->history, &w, &opt, &c->ac->arena, v, err) == 0)
		return 0;
	check_upstream(c, node, err);
	return -1;
}

static int check_node(struct checking *c, size_t node, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	const struct instance *in = c->g->nodes[node].in;
	struct verdict *v = &c->ac->verdicts[node];

	if (c->named[node] && in->stage->kind != STAGE_COMMAND)
		return err_set(err, ERR_INVALID, "'%s' cannot be accepted: change its rules, which is what it goes by", in->name);
	if (c->named[node] && !history_last(c->tools->history, in->name))
		return err_set(err, ERR_INVALID, "'%s' cannot be accepted: it was never built", in->name);
	if (decide(c, node, v, &why) < 0)
		return c->named[node] ? err_move(err, &why) : 0;
	if (v->state == STALE_FRESH || v->state == STALE_FROZEN) {
		c->good[node] = check_upstream(c, node, NULL) == 0;
		c->ac->n_fresh += c->named[node];
		return 0;
	}
	if (!c->named[node])
		return 0;
	if (judge(c, node, v, err) < 0)
		return -1;
	c->good[node] = true;
	c->ac->nodes[c->ac->n++] = node;
	return 0;
}

int accept_check(struct accepting *ac, const struct graph *g, const bool *selected, const bool *named,
		 const struct plan_tools *tools, struct diags *ds)
{
	CLEANUP(freep) bool *good = xcalloc(g->n + 1, sizeof(*good));
	struct checking c = {ac, g, named, tools, ds, good};
	int result = 0;
	size_t i;

	ac->verdicts = arena_calloc(&ac->arena, (g->n + 1) * sizeof(*ac->verdicts));
	ac->nodes = arena_alloc(&ac->arena, (g->n + 1) * sizeof(*ac->nodes));
	for (i = 0; i < g->n; i++) {
		CLEANUP(err_release) struct err err = ERR_INIT;

		if (!selected[g->order[i]] || check_node(&c, g->order[i], &err) == 0)
			continue;
		diag_error(ds, NULL, 0, "%s", err.msg);
		result = -1;
	}
	return result;
}

/* What the run looked for and is still not there. */
static void keep_absent(const struct verdict *v, struct arena *a, struct record *out)
{
	size_t i, j;

	out->absent = arena_alloc(a, (v->last->n_absent + 1) * sizeof(*out->absent));
	out->n_absent = 0;
	for (i = 0; i < v->last->n_absent; i++) {
		for (j = 0; j < v->n_reasons; j++) {
			const char *path;

			if (skip_prefix(v->reasons[j].name, LEARNED_THERE, &path) && streq(path, v->last->absent[i]))
				break;
		}
		if (j == v->n_reasons)
			out->absent[out->n_absent++] = v->last->absent[i];
	}
}

int accept_record(const struct verdict *v, const struct acceptance *acc, struct arena *a, struct record *out, struct err *err)
{
	*out = v->now;
	out->run = v->last->run;
	out->started = v->last->started;
	out->duration = v->last->duration;
	keep_absent(v, a, out);
	record_accept(out, v->last, acc, a);
	if (!record_holds(out))
		return err_set(err, ERR_INVALID, "'%s' cannot be accepted: it has a fact twice", out->instance);
	return 0;
}

void accepting_release(struct accepting *ac)
{
	arena_release(&ac->arena);
	*ac = (struct accepting)ACCEPTING_INIT;
}
