/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A monitor: what a model sees now, against what it learned from, and its predictions against what came to pass.
 *
 * In the pipeline a monitor is an instance that reads the reference: its statistics are found in the build that makes it, and kept by content
 * (lifecycle/statistics.h). So of what is in production they are known when the data are gone. */
#ifndef LIFECYCLE_MONITOR_H
#define LIFECYCLE_MONITOR_H

#include "data/drift.h"
#include "lifecycle/kind.h"
#include "pipeline/monitor_rules.h"
#include "util/json.h"

enum monitor_outcome { MONITOR_CALM, MONITOR_DRIFT, MONITOR_UNKNOWN };
const char *monitor_outcome_name(enum monitor_outcome o); /* "calm", "drift", "unknown" */

/* One question and its answer. */
struct monitor_line {
	const char *measure, *column; /* "psi", "tenure"; "auc", the file of labels */
	const char *limit;            /* "> 0.2", "p < 0.01 (holm)": what would be drift; of an actual: what it requires */
	double value, p, threshold;   /* p as corrected; NAN: none */
	bool is_actual, drifted;
	const char *problem;          /* why there is no answer; NULL: there is */
	bool lacks, few;              /* then: what it is about is not there, or not to be measured any more; there are too few labels yet */
};

struct monitor_report {
	struct arena arena;
	const char *name;             /* "monitor:drift" */
	const char *reference;        /* "run 2026...", "the work tree"; NULL: none is needed */
	const char *problem;          /* why nothing can be told; NULL: something can */
	uint64_t rows, least;
	size_t files, joined;         /* rows of predictions with a label */
	struct monitor_line *v;
	size_t n, drifted, measured;
	const char **news;            /* where all columns were asked for: those that the reference lacks */
	size_t n_news;
	bool blind;                   /* something that it was told to look at is not there, or nothing could be measured; too few rows are neither */
	enum monitor_outcome outcome;
};
#define MONITOR_REPORT_INIT {.arena = ARENA_INIT}

/* Looks at what in (a monitor) is about. What cannot be told is in *out; -1 only if nothing can be said at all. */
NODISCARD int monitor_look(struct lifecycle *lc, const struct instance *in, struct monitor_report *out, struct err *err);
void monitor_report_release(struct monitor_report *r);

/* The rules of a monitor; they have been read without an error before. In a. */
struct monitor_rules monitor_rules_of(const struct instance *in, struct arena *a);

/* Predictions and labels joined (lifecycle/joined.c): the metric over the rows of data whose id has a label. *n: how many; 0, and NAN, if no
 * prediction has one. ERR_NOTFOUND if there are no labels or a column is missing, ERR_INVALID if the metric is not defined. */
NODISCARD int monitor_actual(const struct monitor_rules *rules, const struct monitor_actual *m, const struct strvec *data, double *value,
			     size_t *n, struct err *err);

void monitor_write(const struct monitor_report *r, struct strbuf *out);
struct json *monitor_json(const struct monitor_report *r);

#endif
