/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics of other runs: of what is in production, and of what passed a gate before. */
#ifndef LIFECYCLE_PAST_H
#define LIFECYCLE_PAST_H

#include "lifecycle/kind.h"
#include "pipeline/gate_rules.h"

/* A run to compare with. */
struct past {
	const char *name;             /* "run 20261126T141049-ff5368f9" */
	const struct snapshot *snap;
};

/* What is in production: of the deploys that come after the gate (if there are any; else of all) what went there last. While that is what is judged now,
 * whose metrics are in now, what was there before it. 1, 0 if there is none, -1 and err if it is nowhere to be read. */
NODISCARD int past_production(struct lifecycle *lc, const struct instance *gate, const struct gate_rules *rules, const struct record *now,
			      struct past *out, struct err *err);

/* The same as the registry r has it. is_itself (1, 0, -1 and err): is that what is judged now? */
struct registry;
struct release;
NODISCARD int past_release(struct lifecycle *lc, const struct instance *gate, struct registry *r,
			   int (*is_itself)(void *ctx, const struct release *live, struct err *err), void *ctx, const struct release **out,
			   struct err *err);

/* What is in production now, of whichever deploy went there last. As past_production. */
NODISCARD int past_live(struct lifecycle *lc, struct past *out, struct err *err);

/* The runs in which the gate passed on other inputs than those in now, the newest first. */
struct passing {
	const struct run *run;
	const struct record *gate; /* the record of the gate then */
};
NODISCARD int past_passing(struct lifecycle *lc, const struct instance *gate, const struct record *now, const struct passing **v, size_t *n,
			   struct err *err);
NODISCARD int past_run(struct lifecycle *lc, const struct run *run, struct past *out, struct err *err);

/* A metric of an instance then. ERR_NOTFOUND if it had none of that name, or it is nowhere to be read; ERR_INVALID if it is no number. */
NODISCARD int past_metric(struct lifecycle *lc, const struct past *p, const char *instance, const char *metric, double *x, struct err *err);

void past_forget(struct lifecycle *lc);

#endif
