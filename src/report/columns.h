/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of a table (data/summary.h) as people read them, and as JSON. */
#ifndef REPORT_COLUMNS_H
#define REPORT_COLUMNS_H

#include "data/summary.h"
#include "util/term.h"

/* A line a column: type, missing, what there is of it. */
void report_columns(const struct summary *s, const struct style *style, struct strbuf *out);
/* {"version": 1, "rows", "ragged", "broken", "columns": [...]} */
struct json *report_columns_json(const struct summary *s);

#endif
