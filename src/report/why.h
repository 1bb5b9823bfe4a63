/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Everything that is known of one decision. */
#ifndef REPORT_WHY_H
#define REPORT_WHY_H

#include "stale/plan.h"
#include "util/json.h"
#include "util/term.h"

/* Every reason of node (selected in p) with old and new value and where it stands, with the changed lines of text
 * files up to 64 KiB (old ones from st, which may be NULL; new ones from disk), and for "upstream" who runs first
 * and why; what stayed the same; what else would become stale; what it is restored from. Of a fresh instance: why it
 * will not run. A text that cannot be had is left out, and that is no error; -1 with ERR_INVALID only if node is not
 * part of p. */
NODISCARD int report_why(const struct plan *p, size_t node, struct store *st, const struct style *s,
			 struct strbuf *out, struct err *err);

/* {"version": 1, "instances": [one]}: as report_verdict_json, whose reasons have "lines": ["-12: old", "+12: new"]
 * as well, and with "unchanged": {"data": [names], ...} and "downstream": [names]. NULL and err as above. */
NODISCARD struct json *report_why_json(const struct plan *p, size_t node, struct store *st, struct err *err);

/* Where texts of the past are to be had: appends that of f, of at most limit bytes; false if nobody has it. */
struct past_texts {
	bool (*get)(void *ctx, const struct record_fact *f, size_t limit, struct strbuf *out);
	void *ctx;
};
/* The changed lines of a small text file or of a command, indented as below a reason, each on a line; nothing if there are none to show. */
void report_changed_lines(const struct reason *r, const struct past_texts *t, const struct style *s, struct strbuf *out);
/* ["-12: old", "+12: new"] */
struct json *report_changed_lines_json(const struct reason *r, const struct past_texts *t);

#endif
