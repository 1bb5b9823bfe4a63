/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `mlmake fsck` found. */
#ifndef REPORT_CHECKED_H
#define REPORT_CHECKED_H

#include "upkeep/fsck.h"
#include "util/json.h"
#include "util/term.h"

void report_checked(const struct fsck *f, const struct style *s, struct strbuf *out);
/* {"version": 1, "sound", "findings": [{"kind", "what", "sha256", "repaired", "repair", "results": [...], "more"}], "counts": {...}} */
struct json *report_checked_json(const struct fsck *f);

#endif
