/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything about one run. */
#ifndef REPORT_RUN_PAGE_H
#define REPORT_RUN_PAGE_H

#include "back/snapshot.h"
#include "util/json.h"
#include "util/term.h"

struct run_page {
	const struct snapshot *s;          /* of the run */
	const struct snapshot_tools *t;
	const char *const *names;          /* stages or instances to be shown; n_names 0: all */
	size_t n_names;
};

/* Is the part named? */
bool run_page_shows(const struct run_page *p, const char *instance);

/* Who, when, where, how; how the source differed from its commit; then each part: why, its command, inputs, outputs and
 * metrics. Of more than a dozen parts only a line each, unless they are named. */
void report_run(const struct run_page *p, const struct style *s, struct strbuf *out);
/* {"version": 1, as an entry of `log --json`, "writer", "command", "host", "machine": {NAME: VALUE}, "git", "tree", "changes": [{"path", "added",
 * "removed"}], "instances": [..., "reasons", "facts": [{"kind", "name", "value"|"sha256" "size"}], "metrics", "accepted"]} */
struct json *report_run_json(const struct run_page *p);

/* Why the parts of the run ran: as `why`, of the past. */
void report_past_why(const struct run_page *p, const struct style *s, struct strbuf *out);
/* {"version": 1, "run", "instances": [{"name", "result", "reasons": [{"kind", "name", "old", "new", "lines"}]}]} */
struct json *report_past_why_json(const struct run_page *p);

#endif
