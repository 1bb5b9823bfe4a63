/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small pieces of wording that the views share. */
#ifndef REPORT_WORDING_H
#define REPORT_WORDING_H

#include "stale/decide.h"
#include "util/json.h"
#include "util/term.h"

/* "1 file", "3 files"; "1 directory", "2 directories" */
void words_count(struct strbuf *out, size_t n, const char *noun);
/* "2026-11-23 18:05" in local time; with seconds if asked for. */
void words_time(struct strbuf *out, int64_t ns, bool seconds);
/* "Jane Doe" of "Jane Doe <jane@example.org>" */
void words_person(struct strbuf *out, const char *who);
/* "Jane Doe, 2026-11-23 18:05: only a comment changed" */
void words_acceptance(struct strbuf *out, const struct acceptance *acc);
/* The value of a parameter, variable or thing about an environment; of digests in the latter the beginning. */
void words_value(struct strbuf *out, const struct record_fact *f);
/* "run 20261123T180509-1f3a5c07 of 2026-11-23 18:05", "mlmake.lock" if the run is not known; "what Jane Doe accepted on 2026-11-23
 * 18:05" if no run made the record. */
void words_record(struct strbuf *out, const struct record *r);
/* One line for r, safe to show: reason_words(), cleaned. */
void words_reason(struct strbuf *out, const struct reason *r);
/* The whole of r, not cleaned, for scripts. Never NULL. */
struct json *words_reason_json(const struct reason *r);
/* "same (comments only): src/a.py, src/b.py; same (filtered): notes.tex" of what has other bytes than the record says, and means the same;
 * nothing if there is none. */
void words_reworded(struct strbuf *out, const struct verdict *v);
/* The first reason, and " (and 2 more reasons)". Nothing for no reasons. */
void words_first_reason(struct strbuf *out, const struct verdict *v);
/* A sign for a state that does not depend on colour: one column in UTF-8, a letter without. */
const char *words_mark(enum stale_state s, const struct style *st);
enum hue words_hue(enum stale_state s);
/* names[0..n) joined by ", ", clean, at most `most` of them and then "and 5 more". */
void words_list(struct strbuf *out, const char *const *names, size_t n, size_t most);
/* Is every reason that another instance runs first? Then v is stale only if that one comes out differently. */
bool words_only_upstream(const struct verdict *v);

#endif
