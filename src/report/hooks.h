/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What hooks asked for and what came of it. */
#ifndef REPORT_HOOKS_H
#define REPORT_HOOKS_H

#include "lifecycle/hooklog.h"
#include "lifecycle/hookqueue.h"
#include "util/json.h"
#include "util/term.h"

/* The newest `limit` of events (oldest first, as hooklog_read has them; 0: all), newest first. */
void report_hooklog(const struct hook_event *v, size_t n, size_t limit, const struct style *s, struct strbuf *out);
/* {"version": 1, "builds": [{"number", "time", "seconds", "hook", "project", "branch", "commit", "tree", "targets", "outcome", "exit", "run",
 * "text"}]} */
struct json *report_hooklog_json(const struct hook_event *v, size_t n, size_t limit);
/* One line of the log. */
void report_hook_event(const struct hook_event *e, const struct style *s, struct strbuf *out);
/* {"number", "hook", "project", "branch", "commit"} of an entry that waits. */
struct json *report_entry_json(const struct hook_entry *e);
/* "main", or the commit if there is no branch; borrowed. */
const char *words_branch(const char *ref, const char *commit);

#endif
