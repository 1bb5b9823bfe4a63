/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [gate NAME] at load: it reads the metrics and files that its requirements mention. */
#include <config.h>

#include "pipeline/gate_rules.h"
#include "pipeline/kinds.h"

struct checking {
	struct kind_section at;
	struct gather *g;
	const struct gate_rules *rules;
};

static void read_metrics_of(struct checking *c, const struct instance *in, int line)
{
	size_t i;

	for (i = 0; i < in->n_outs; i++)
		if (in->outs[i].kind == OUTPUT_METRICS)
			gather_input(c->g, INPUT_DATA, in->outs[i].path, line);
}

/* Of other runs the stages' metrics of today say nothing. */
static void read_name(void *ctx, int line, const struct expr_name *name)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct checking *c = ctx;
	struct gate_ref ref;
	const char *path;
	size_t i;

	if (gate_resolve(c->rules, c->at.ld->pl, name, &c->at.ld->pl->arena, &ref, &err) < 0)
		return;
	for (i = 0; ref.side == GATE_NOW && i < ref.n; i++)
		read_metrics_of(c, ref.in[i], line);
	path = ref.file ? item_path(c->at.ld, ref.file, true) : NULL;
	if (path)
		gather_input(c->g, INPUT_DATA, path, line);
}

static void check(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g)
{
	struct checking c = {.at = {ld, p}, .g = g};
	struct gate_rules r;
	size_t i;

	if (ld->incomplete || gate_rules_read(rules, ld->pl, &ld->pl->arena, &r, kind_problem, &c.at) < 0)
		return;
	c.rules = &r;
	for (i = 0; i < r.n_of; i++)
		read_metrics_of(&c, r.of[i], rule_find(rules, "of")->line);
	gate_rules_names(&r, read_name, &c);
	if (r.rescores && gate_rescoring(ld->pl, &p->st))
		read_metrics_of(&c, gate_rescoring(ld->pl, &p->st), rule_find(rules, "compare")->line);
}

const struct kind kind_gate = {STAGE_GATE, check, NULL};
