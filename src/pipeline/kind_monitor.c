/* SPDX-License-Identifier: GPL-3.0-or-later */
/* [monitor NAME] at load: its rules make sense, and what is compared with is there to be compared with. The instance reads the reference, so that its
 * statistics are found when the reference is made; what is monitored is no input. */
#include <config.h>

#include "pipeline/kinds.h"
#include "pipeline/monitor_rules.h"

static void check(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g)
{
	struct kind_section c = {ld, p};
	struct monitor_rules r;
	const struct entry *e;

	(void)g;
	/* What is wrong has been told. */
	if (monitor_rules_read(rules, &ld->pl->arena, &r, kind_problem, &c) < 0)
		return;
	for (e = p->sec->first; e && e->key->id != K_DATA; e = e->next)
		;
	if (!e && r.n_drift)
		stage_error(ld, p, r.drift[0].line, "'drift' compares with nothing; give it 'against = data/train.csv'");
}

const struct kind kind_monitor = {STAGE_MONITOR, check};
