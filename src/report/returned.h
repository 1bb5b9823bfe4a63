/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `mlmake checkout` did, or would do. */
#ifndef REPORT_RETURNED_H
#define REPORT_RETURNED_H

#include "back/origin.h"
#include "back/putback.h"
#include "util/json.h"
#include "util/term.h"

/* One line for each artifact that was put back (dry: would be), is missing or refused; verbose: for all. Then a sentence. */
void report_returned(const struct putback *p, const struct origin *o, bool dry, bool verbose, const struct style *s,
		     struct strbuf *out);
/* {"version": 1, "name", "run", "commit", "counts": {...}, "artifacts": [{"path", "instance", "result", "sha256", "size", "note"}]} */
struct json *report_returned_json(const struct putback *p, const struct origin *o, bool dry);

#endif
