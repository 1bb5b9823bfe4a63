/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of a monitor: what is looked at, against what, and what follows.
 *
 *     data = prod/2026-*.csv              what is seen now: patterns, found when it is looked at
 *     rows = 500..                        fewer say nothing; not said: 500
 *     drift = psi 0.2 tenure charges      a measure (data/drift.h), what is too much, and columns; 'ks p 0.01' and 'chi2 p 0.01' are about the
 *                                         probability that chance does it; '*' is every column of the reference that it can be
 *                                         asked of, but for those behind '!'
 *     correct = holm                      of such probabilities, as many are asked for: holm, bh (Benjamini and Hochberg) or none
 *     actual = auc prod/labels.csv >= production.auc - 0.03
 *                                         a metric (data/score.h) of predictions in data against labels in a file, joined by id
 *     id, predicted, label = COLUMN       of that; not said: id, predicted, label
 *     every = 1d
 *     then = retrain after 2 cooldown 7d  when it drifted twice in a row, and not within 7 days of the last time
 *     format, separator, header, na       as of a check */
#ifndef PIPELINE_MONITOR_RULES_H
#define PIPELINE_MONITOR_RULES_H

#include "pipeline/check_rules.h"
#include "pipeline/expr.h"

struct monitor_drift {
	const char *text, *measure; /* a name of data/drift.h */
	bool p;                     /* the threshold is of a probability */
	double threshold;
	const char **columns;
	size_t n;
	int line;
};

struct monitor_actual {
	const char *text, *metric; /* a name of data/score.h */
	const char *file;
	const struct expr *require; /* with "actual" for the metric's value */
	int line;
};

struct monitor_rules {
	struct check_rules read;   /* how files are read, and rows */
	uint64_t least;            /* rows */
	const char **data;         /* patterns */
	size_t n_data;
	struct monitor_drift *drift;
	size_t n_drift;
	struct monitor_actual *actual;
	size_t n_actual;
	const char *id, *predicted, *label;
	const char *correct;       /* "holm", "bh", "none" */
	int64_t every;             /* nanoseconds; 0: not said */
	bool retrain;
	int64_t after, cooldown;   /* times in a row; nanoseconds */
};

/* As check_rules_read. */
NODISCARD int monitor_rules_read(const struct rule *rules, struct arena *a, struct monitor_rules *out,
				 void (*problem)(void *ctx, int line, const char *message), void *ctx);

#endif
