/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What came out when an old state was built once more. */
#ifndef REPORT_REBUILT_H
#define REPORT_REBUILT_H

#include "back/verdict.h"
#include "util/json.h"
#include "util/term.h"

/* A line for each output, with what differs, and a sentence. name: "commit 1a2b3c4d5". */
void report_rebuilt(const struct rerun_result *r, const char *name, const struct style *s, struct strbuf *out);
/* {"version": 1, "name", "identical", "duration", "counts": {...}, "instances": [{"name", "result", "same_inputs", "note",
 * "duration", "outputs": [{"path", "kind", "outcome", "was", "now", "metrics": {name: {"was", "now"}}}]}], "gone": [{"path", "instance",
 * "sha256", "size"}]} */
struct json *report_rebuilt_json(const struct rerun_result *r, const char *name);
/* What to supply, with digests. */
void report_lacks(const struct rerun_result *r, struct strbuf *out);
/* A line that says how often a result was built again and came out the same; nothing if that is not known. And as a map; NULL. */
void report_verdict_count(const struct verdict_count *c, struct strbuf *out);
struct json *report_verdict_count_json(const struct verdict_count *c);

#endif
