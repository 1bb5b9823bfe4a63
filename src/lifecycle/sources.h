/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources: when each was asked last, what its probes said then, and so whether it is to be asked, and whether there is something new.
 *
 * Remembered in STATE/sources.json, which may be lost: then there is something new.
 *
 *     {"raw": {"asked": 1732385109000000000, "brought": "3f9a...", "said": {"sqlite3 shop.db 'select ...'": "10"}}}
 *
 * What a probe said counts as long as the last record of the source is of what was brought then (FACT_BROUGHT): after a checkout of
 * another commit it is not. */
#ifndef LIFECYCLE_SOURCES_H
#define LIFECYCLE_SOURCES_H

#include "pipeline/pipeline.h"
#include "stale/record.h"
#include "util/json.h"

struct sources {
	char *file;
	struct json *known;
	bool changed;
};

void sources_open(struct sources *s, const char *state_dir);
void sources_release(struct sources *s);
NODISCARD int sources_save(struct sources *s, struct err *err);

/* When in was asked last, or ran last; nanoseconds since 1970, 0: not known. last: its last record, or NULL. */
int64_t sources_asked(const struct sources *s, const struct instance *in, const struct record *last);
/* Has its `every` passed, or has it none? A time that is yet to come, by a clock that went wrong, is none. */
bool sources_is_due(const struct sources *s, const struct instance *in, const struct record *last, int64_t now);
/* "asked 3d04h ago" */
void sources_words_of_age(const struct sources *s, const struct instance *in, const struct record *last, int64_t now,
			  struct strbuf *out);

/* Do the answers, one for each probe of in, say that there is something new? Then why, in words. Without probes there always is. */
bool sources_has_news(const struct sources *s, const struct instance *in, const struct record *last, const struct strvec *answers,
		      struct strbuf *why);
/* in was asked then; last is its record after that. answers NULL: its probes were not asked. */
void sources_note(struct sources *s, const struct instance *in, const struct record *last, int64_t then, const struct strvec *answers);

#endif
