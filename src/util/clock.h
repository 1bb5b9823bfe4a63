/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clock, handed in so that tests set it. */
#ifndef UTIL_CLOCK_H
#define UTIL_CLOCK_H

#include "util/base.h"
#include "util/strbuf.h"

struct clock {
	int64_t (*now)(void *ctx);  /* nanoseconds since 1970, for records and file times */
	int64_t (*tick)(void *ctx); /* nanoseconds that only go forward, for durations */
	void *ctx;
};
extern const struct clock clock_system;

static inline int64_t clock_now(const struct clock *c) { return c->now(c->ctx); }
static inline int64_t clock_tick(const struct clock *c) { return c->tick(c->ctx); }

/* "2026-11-23T18:05:09Z" of nanoseconds since 1970. */
void clock_iso(int64_t ns, struct strbuf *out);
/* Reads exactly that; false for anything else, and for times before 1970. */
bool clock_parse_iso(const char *s, size_t n, int64_t *ns);

#endif
