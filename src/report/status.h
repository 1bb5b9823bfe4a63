/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is stale, as text and as JSON. */
#ifndef REPORT_STATUS_H
#define REPORT_STATUS_H

#include "stale/plan.h"
#include "util/json.h"
#include "util/term.h"

/* Every selected instance that is not fresh with its first reason (all of them and fresh ones too if verbose), in
 * topological order; instances of one stage that say the same share a line. Then a closing sentence with counts and
 * what to type next. */
void report_status(const struct plan *p, const struct style *s, bool verbose, struct strbuf *out);

/* {"version": 1, "counts": {...}, "instances": [...]}: selected instances in topological order, each as below. */
struct json *report_status_json(const struct plan *p);
/* {"name", "stage", "state", "pending", "key", "reasons": [{"kind", "name", "old", "new", "file", "line"}]} and,
 * where there is a record, "run" and "time" and, if it was accepted, "accepted" (report/acceptances.h); key is null while it is not known, old and new where there is none,
 * file and line are left out. */
struct json *report_verdict_json(const struct instance *in, const struct verdict *v);

#endif
