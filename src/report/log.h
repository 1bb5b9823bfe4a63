/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Past runs, newest first. */
#ifndef REPORT_LOG_H
#define REPORT_LOG_H

#include "lineage/run.h"
#include "util/json.h"
#include "util/term.h"

/* runs[0..n) as lineage_runs gives them, oldest first; the newest `limit` are shown (0: all). */
void report_log(const struct run *runs, size_t n, size_t limit, const struct style *s, struct strbuf *out);
/* {"version": 1, "runs": [{"id", "time", "source", "dirty", "outcome", "duration", "saved", "instances": [{"name",
 * "result", "key", "duration"}]}]}, durations in seconds. */
struct json *report_log_json(const struct run *runs, size_t n, size_t limit);

struct json *report_log_entry_json(const struct run *r);

/* "2 ran, 1 restored in 0.4s" */
void words_run_counts(struct strbuf *out, const struct run *r);
enum hue words_outcome_hue(const char *outcome);

#endif
