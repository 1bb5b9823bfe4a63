/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [check NAME] at load: its rules make sense, and there is something to check. */
#include <config.h>

#include "pipeline/check_rules.h"
#include "pipeline/kinds.h"

static void check(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g)
{
	struct kind_section c = {ld, p};
	struct check_rules r;
	const struct entry *e;

	(void)g;
	for (e = p->sec->first; e && e->key->id != K_DATA; e = e->next)
		;
	if (!e)
		stage_error(ld, p, p->sec->line, "'%s' checks nothing; give it 'data = FILE'", p->st.name);
	/* What is wrong has been told. */
	(void)!check_rules_read(rules, &ld->pl->arena, &r, kind_problem, &c);
}

const struct kind kind_check = {STAGE_CHECK, check};
