/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which past runs are asked for. */
#ifndef REPORT_RUNFILTER_H
#define REPORT_RUNFILTER_H

#include "back/snapshot.h"

/* "auc >= 0.9": of some instance of the run. */
struct metric_test {
	char *name; /* owned */
	enum { TEST_LESS, TEST_AT_MOST, TEST_EQUAL, TEST_NOT_EQUAL, TEST_AT_LEAST, TEST_MORE } how;
	double x;
};

struct runfilter {
	const char **stages;  /* stages or instances, one of which had a part in it */
	size_t n_stages;
	struct metric_test *tests; /* all of which hold */
	size_t n_tests;
	const char *author;   /* part of it, whatever the case; NULL: anybody */
	const char *outcome;  /* NULL: any */
	int64_t since, until; /* nanoseconds since 1970 */
};
#define RUNFILTER_INIT {.until = INT64_MAX}

/* "NAME OPERATOR NUMBER", with one of < <= = == != >= > . ERR_INVALID. */
NODISCARD int runfilter_add_test(struct runfilter *f, const char *text, struct err *err);
/* A time: "2026-11-26", "2026-11-26 14:10", both local, "2026-11-26T14:10:49Z", or how long before now: "2h", "3d". ERR_INVALID. */
NODISCARD int runfilter_time(const char *text, int64_t now, int64_t *out, struct err *err);
bool runfilter_asks(const struct runfilter *f); /* is anything asked? */
bool runfilter_matches(const struct runfilter *f, const struct snapshot_tools *t, const struct run *r);
void runfilter_release(struct runfilter *f);

#endif
