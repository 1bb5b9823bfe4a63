/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where bytes come from: the run that made them, and the same for what that was made from, down to the raw data. */
#ifndef REPORT_ANCESTRY_H
#define REPORT_ANCESTRY_H

#include "back/makers.h"
#include "back/snapshot.h"
#include "util/json.h"
#include "util/term.h"

struct ancestry;

/* The bytes called id, which the user named as name. Reads the runs that had a part in them. maker: who made them, if that is known; NULL:
 * who made such bytes first. deep: what no run made by itself is looked for in the directories that runs made. */
struct ancestry *ancestry_new(struct makers *made, const struct snapshot_tools *t, const char *name, const struct digest *id,
			      const struct maker *maker, bool deep, struct err *err);
void ancestry_free(struct ancestry *a);
bool ancestry_known(const struct ancestry *a);

/* A tree: what was made shows who made it, when, from which commit, with which parameters and code; then its data, a level
 * deeper. "given" is what no run made: raw data and code. What was shown already is not shown again. */
void report_ancestry(const struct ancestry *a, const struct style *s, struct strbuf *out);
/* {"name", "sha256", "known", "how": "made"|"back"|"read"|null, "path", "instance", "run", "time", "author", "source", "dirty",
 * "command", "params": {}, "environment": {}, "code": [{"path", "sha256"}], "data": [the same again]}; of what was told already
 * "how" is "above". */
struct json *report_ancestry_json(const struct ancestry *a);

#endif
