/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What push and pull did, or would do, and how a remote stands. */
#ifndef REPORT_SHARED_H
#define REPORT_SHARED_H

#include "remote/remote.h"
#include "util/json.h"
#include "util/term.h"

struct shared {
	const char *remote, *url; /* its name; where, as it may be shown */
	bool push, dry;
	bool lineage;             /* chains was filled in */
	const struct payload *v;
	size_t n;
	const struct chains *chains;
	bool allow_missing;
};

/* Is all that was asked for done? */
bool shared_is_whole(const struct shared *s);
/* Two lines: files, lineage. */
void report_shared(const struct shared *s, struct strbuf *out);
/* A line for each thing that is wrong, without "mlmake: error: "; at most some of a kind unless verbose. */
void report_shared_problems(const struct shared *s, bool verbose, struct strvec *out);
/* {"version": 1, "remote", "url", "way": "push"|"pull", "dry_run", "whole", "files": {"wanted", "there", "moved", "left", "bytes",
 * "missing": [{"sha256", "size", "path"}], "corrupt": [...]}, "chains": [{"writer", "state", "here", "there"}]} */
struct json *report_shared_json(const struct shared *s);

/* How the remote stands to what is here: v has been looked for there, with `here` for each whether it is here. Two lines. */
void report_standing(const struct shared *s, const bool *here, struct strbuf *out);
struct json *report_standing_json(const struct shared *s, const bool *here);

#endif
