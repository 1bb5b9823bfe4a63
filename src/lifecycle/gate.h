/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a gate says: each requirement with the numbers on both sides. Follows from the facts of the gate's instance alone, so that a build, `mlmake
 * gate` and a past run say the same.
 *
 * The facts are "value NAME" for each name in its requirements, as it is written there, and "value NAME of INSTANCE" where it has several
 * values: a number, or why there is none, "missing: ..." or "none: ..." (nothing to compare with yet). */
#ifndef LIFECYCLE_GATE_H
#define LIFECYCLE_GATE_H

#include "pipeline/expr.h"
#include "stale/record.h"

struct gate_line {
	const char *require;  /* as it is written */
	bool holds;
	bool none;            /* it mentions what there is not yet, and that decided */
	bool compares;        /* left, right and margin are known: it is one comparison */
	const char *sign;     /* ">=" */
	struct expr_margin m;
	const char *of;       /* of several values: the instance it is nearest to failing for, or fails for; NULL: none in particular */
	const char *problem;  /* why it does not hold, or holds, beside the numbers; NULL: they say it */
};
struct gate_report {
	struct arena arena;
	struct gate_line *v;
	size_t n, refused;
};
#define GATE_REPORT_INIT {.arena = ARENA_INIT}

/* Judges by the rules and values of r, the record or the facts of a gate. ERR_PARSE if its rules do not read. */
NODISCARD int gate_judge(const struct record *r, struct gate_report *out, struct err *err);
void gate_report_release(struct gate_report *g);
/* "auc is 0.79, and 0.8 is required" */
void gate_line_words(const struct gate_line *l, struct strbuf *out);

#endif
