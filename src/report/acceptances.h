/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people took as harmless, step by step. */
#ifndef REPORT_ACCEPTANCES_H
#define REPORT_ACCEPTANCES_H

#include "stale/decide.h"
#include "util/json.h"

/* Calls visit with each acceptance of r, the oldest first, and what differed then, which lives in a. */
void acceptances_each(const struct record *r, struct arena *a,
		      void (*visit)(void *ctx, const struct acceptance *acc, const struct reason *reasons, size_t n), void *ctx);
/* [{"run", "time", "who", "because", "reasons": [as of a verdict]}] */
struct json *report_acceptances_json(const struct record *r);

#endif
