/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sections that are no stages and have an instance beside those of stages: [gate NAME] and the like.
 *
 * The table of sections in read.c names the struct kind of such a type, and says of each key how it is read:
 *     K_DATA, K_CODE, K_PARAMS, K_AFTER, K_ENV, K_VARS, K_USE, K_TIMEOUT, K_DESC ...   as of a stage (fields.c): inputs, edges, limits
 *     K_RULE      a rule; parameters in it are filled in, and count
 *     K_RULE_CMD  a rule that is a command for sh: quoted as commands are, {{data}} is the inputs, scripts in it are code
 * The rules are the instance's `cmd` (rules.h). What comes out of them at load, kind.check() says; what performs them is in lifecycle/kind.h.
 * An instance that is STAGE_CHECK is waited for by all that read one of its inputs (graph.h). */
#ifndef PIPELINE_KINDS_H
#define PIPELINE_KINDS_H

#include "pipeline/load.h"
#include "pipeline/rules.h"

struct kind {
	enum stage_kind stage;
	/* Once the outputs of all stages are known. What is wrong in the rules goes to ld->ds, at rule.line of p->sec->file (stage_error); what
	 * they read becomes inputs of g (gather_input), so that edges follow from them. `data` is gathered already. */
	void (*check)(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g);
	/* The rules as text, of what is no section of its own, in the arena, NULL after a diag. NULL: those of the section. */
	const char *(*rules)(struct load *ld, const struct proto *p);
};

/* For what is wrong with rules (struct rule_problems of rules.h): told at its line of the section, or at the section. */
struct kind_section {
	struct load *ld;
	struct proto *p;
};
void kind_problem(void *section, int line, const char *message);

extern const struct kind kind_check, kind_gate, kind_monitor, kind_rescore, kind_deploy;

/* kind_rescore.c: for each gate with `compare = rescore` an instance "rescore:NAME", which scores what is in production on what the stage that
 * the gate judges reads now. To be called when all outputs are known. */
void rescore_add(struct load *ld);

#endif
