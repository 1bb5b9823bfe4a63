/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of a gate: what it judges, and what it requires.
 *
 *     of = evaluate               stages or instances whose metrics plain names mean; once or more
 *     require = auc >= 0.8        pipeline/expr.h; all of them have to hold
 *     cases = n                   how many cases the metrics were measured on: a number, a metric, or what is worked out of such
 *     noise = 2 * auc_std         or by how much a metric may be off; in either case a smaller margin is warned of (lifecycle/gate.h)
 *     compare = rescore           what is in production is scored on the inputs of now by the stage that is judged; else (recorded) it has the metrics
 *                                 of its own run
 *     first = pass                what mentions production, previous or best holds while there is none; else (refuse) it does not
 *
 * A name means, after the side that it may begin with (production, previous, best): a metric of the stage or instance that it begins with,
 * the longest such beginning counting; else a metric of what the gate is of. */
#ifndef PIPELINE_GATE_RULES_H
#define PIPELINE_GATE_RULES_H

#include "pipeline/expr.h"
#include "pipeline/pipeline.h"
#include "pipeline/rules.h"

enum gate_side {
	GATE_NOW,
	GATE_PRODUCTION, /* what is deployed */
	GATE_PREVIOUS,   /* what passed the gate last, and is not what is judged now */
	GATE_BEST,       /* of all that passed it, without what is judged now, the value that is hardest to satisfy */
	GATE_SIDES
};
const char *gate_side_name(enum gate_side side); /* "production" ...; of GATE_NOW "" */

struct gate_require {
	const char *text;
	const struct expr *e;
	int line;
};

struct gate_rules {
	const struct instance **of; /* in order of the file */
	size_t n_of;
	struct gate_require *v;
	size_t n;
	const struct expr *cases, *noise; /* NULL: not said */
	int cases_line, noise_line;
	bool first_passes, rescores;
};

/* Reads rules. What is wrong is told to problem (line 0: about the gate as a whole), and then the result is -1. In a. */
NODISCARD int gate_rules_read(const struct rule *rules, const struct pipeline *pl, struct arena *a, struct gate_rules *out,
			      void (*problem)(void *ctx, int line, const char *message), void *ctx);

/* Calls visit for each name in r, in order of cases, noise, requirements, with the line where it stands. */
void gate_rules_names(const struct gate_rules *r, void (*visit)(void *ctx, int line, const struct expr_name *name), void *ctx);

/* What a name means. */
struct gate_ref {
	enum gate_side side;
	const struct instance *const *in; /* whose metrics; none for file() and match() */
	size_t n;
	const char *metric; /* its name; of file(), in the file; NULL for match() */
	const char *file, *pattern;
};

/* What name means in the rules r. ERR_INVALID if it means nothing. In a. */
NODISCARD int gate_resolve(const struct gate_rules *r, const struct pipeline *pl, const struct expr_name *name, struct arena *a,
			   struct gate_ref *out, struct err *err);

/* What scores anew for the gate; NULL: nothing does. */
const struct instance *gate_rescoring(const struct pipeline *pl, const struct stage *gate);

/* Of GATE_BEST: is it the greatest value of the name written `name` that is hardest to satisfy, or the least? All requirements agree. */
bool gate_best_is_greatest(const struct gate_rules *r, const char *name);

bool instance_has_metrics(const struct instance *in);

#endif
