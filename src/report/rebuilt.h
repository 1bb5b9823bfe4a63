/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What came out when an old state was built once more. */
#ifndef REPORT_REBUILT_H
#define REPORT_REBUILT_H

#include "back/rerun.h"
#include "util/json.h"
#include "util/term.h"

/* A line for each output, with what differs, and a sentence. name: "commit 1a2b3c4d5". */
void report_rebuilt(const struct rerun_result *r, const char *name, const struct style *s, struct strbuf *out);
/* {"version": 1, "name", "identical", "duration", "counts": {...}, "instances": [{"name", "result", "same_inputs", "note",
 * "duration", "outputs": [{"path", "kind", "outcome", "was", "now", "metrics": {name: {"was", "now"}}}]}]} */
struct json *report_rebuilt_json(const struct rerun_result *r, const char *name);
/* What to supply, with digests. */
void report_lacks(const struct rerun_result *r, struct strbuf *out);

#endif
