/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics that instances report, side by side, with their difference to the run before. */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "graph/graph.h"
#include "params/metrics_file.h"
#include "util/json.h"
#include "util/term.h"

/* The value, as people read it; nothing if m is NULL. */
void metric_words(struct strbuf *out, const struct metric *m);
struct json *metric_json(const struct metric *m); /* nan and inf are texts; NULL is null */

/* What a metrics file held before. */
struct metrics_before {
	/* The old text of path, which instance in made, appended to out; false: there is none. */
	bool (*text)(void *ctx, const struct instance *in, const char *path, struct strbuf *out);
	void *ctx;
};

struct metrics_row {
	const struct instance *in;
	/* Of all its metrics files; a name that two files share has the file's stem before it. */
	struct metrics now, before;
	bool has_before;
	char *problem;              /* why a file could not be read; NULL: none. Owned */
};
struct metrics_table {
	struct metrics_row *rows; /* instances with metrics files, in topological order */
	size_t n;
};

/* Reads the metrics files (1 MiB at most each) of the selected instances (NULL: all); before may be NULL. */
void metrics_collect(struct metrics_table *t, const struct graph *g, const bool *selected,
		     const struct metrics_before *before);
void metrics_table_release(struct metrics_table *t);

/* Instances x metrics if that fits the width, else a line for each value. */
void report_metrics(const struct metrics_table *t, const struct style *s, struct strbuf *out);
/* {"version": 1, "instances": [{"name", "metrics": {name: value}, "before": {...}|null, "difference": {...},
 * "problem": text|null}]}; nan and inf are texts. */
struct json *report_metrics_json(const struct metrics_table *t);

#endif
