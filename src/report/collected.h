/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `mlmake gc` takes, or would take. */
#ifndef REPORT_COLLECTED_H
#define REPORT_COLLECTED_H

#include "upkeep/gc.h"
#include "util/json.h"
#include "util/term.h"

/* Each result that is lost: stage, path, bytes, run, commit, date, and how it can be had again. Then sentences. dry: nothing goes. */
void report_collected(const struct gc *g, bool dry, const struct style *s, struct strbuf *out);
/* {"version": 1, "dry", "results": [{"run", "commit", "date", "instance", "path", "input", "objects", "bytes", "elsewhere", "kept",
 * "kept_bytes"}], "counts": {"needed": {"objects", "bytes"}, "results", "kept", "garbage", "young", "trash", "removed", "restored",
 * "rest", "git"}} */
struct json *report_collected_json(const struct gc *g, bool dry);

#endif
