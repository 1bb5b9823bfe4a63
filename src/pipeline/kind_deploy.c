/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [deploy NAME] at load: it reads what it ships, and comes after its gate. */
#include <config.h>

#include <ctype.h>
#include <string.h>

#include "pipeline/deploy_rules.h"
#include "pipeline/kinds.h"
#include "util/text.h"

/* It becomes part of the name of a tag, in a grammar that others read too, and which has '/' as well. */
static bool is_tag_name(const char *s)
{
	const char *p;

	for (p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && (p == s || !p[1] || !strchr("-_", *p)))
			return false;
	return *s != '\0';
}

static void check_names(struct kind_section *c, const struct deploy_rules *r)
{
	size_t i;

	if (!is_tag_name(c->p->sec->name))
		stage_error(c->ld, c->p, c->p->sec->line, "'%s' becomes part of the names of tags, which have letters, digits, '-' and '_', and "
			    "begin and end with a letter or a digit", c->p->sec->name);
	for (i = 0; i < r->n_environments; i++)
		if (!is_tag_name(r->environments[i]))
			stage_error(c->ld, c->p, c->p->sec->line, "the environment '%s' becomes part of the names of tags, which have "
				    "letters, digits, '-' and '_', and begin and end with a letter or a digit", r->environments[i]);
}

static void no_such_gate(struct kind_section *c, const struct deploy_rules *r)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(r->gate);
	size_t i;

	for (i = 0; i < c->ld->pl->n_stages; i++)
		if (c->ld->pl->stages[i]->kind == STAGE_GATE)
			nearest_offer(&near, strchr(c->ld->pl->stages[i]->name, ':') + 1);
	nearest_hint(&near, &hint);
	stage_error(c->ld, c->p, r->gate_line, "there is no [gate %s]%s", r->gate, hint.buf);
}

static void come_after_gate(struct kind_section *c, const struct deploy_rules *r)
{
	CLEANUP(freep) char *name = xstrfmt("gate:%s", r->gate);
	const struct stage *gate = pipeline_stage(c->ld->pl, name);

	if (!gate) {
		no_such_gate(c, r);
		return;
	}
	c->p->after = arena_grow(&c->ld->pl->arena, c->p->after, c->p->n_after, sizeof(*c->p->after));
	c->p->after[c->p->n_after++] = gate;
}

static void check(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g)
{
	struct kind_section c = {ld, p};
	struct deploy_rules r;
	size_t i;

	if (deploy_rules_read(rules, &ld->pl->arena, &r, kind_problem, &c) < 0)
		return;
	check_names(&c, &r);
	if (r.gate)
		come_after_gate(&c, &r);
	for (i = 0; i < r.n_ships; i++)
		gather_input(g, INPUT_DATA, r.ships[i], r.ship_line);
}

const struct kind kind_deploy = {STAGE_DEPLOY, check};
