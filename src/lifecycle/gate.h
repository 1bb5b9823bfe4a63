/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a gate says: each requirement with the numbers on both sides. Follows from the facts of the gate's instance alone, so that a build, `mlmake
 * gate` and a past run say the same.
 *
 * A margin smaller than the noise is warned of. With `noise` that is what the rule says. With `cases`, n of them, a side of a comparison that
 * depends on metrics and is a proportion p, such as an accuracy, is off by its standard error, sqrt(p (1 - p) / n), of the binomial
 * distribution; the errors of two sides add up by their squares, as if both were measured on cases of their own, which for two models
 * on the same cases is on the safe side; and 1.96 of them hold 95% (NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.4.1 and
 * 7.3.3). An AUC has an error of this order (Hanley and McNeil, Radiology 143, 1982).
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
	const char *of;       /* of several comparisons: the instance it is nearest to failing for, or fails for; NULL: none in particular */
	const char *doubt;    /* the margin is within the noise, in words; NULL: it is not, or that is not known */
	const char *problem;  /* why it does not hold, or holds, beside the numbers; NULL: they say it */
};
struct gate_report {
	struct arena arena;
	struct gate_line *v;
	size_t n, refused;
	const char *problem;  /* why the noise is not known, though a rule says it; NULL: nothing */
};
#define GATE_REPORT_INIT {.arena = ARENA_INIT}

/* Judges by the rules and values of r, the record or the facts of a gate. ERR_PARSE if its rules do not read. */
NODISCARD int gate_judge(const struct record *r, struct gate_report *out, struct err *err);
void gate_report_release(struct gate_report *g);
/* "0.79 >= 0.8", of what compares: with as many digits as it takes to see that the sides differ. */
void gate_line_numbers(const struct gate_line *l, struct strbuf *out);
/* "auc >= 0.8: 0.79 >= 0.8 does not hold" */
void gate_line_words(const struct gate_line *l, struct strbuf *out);

#endif
