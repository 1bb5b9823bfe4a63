/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines in which two small texts differ, by the greedy algorithm of E. Myers, "An O(ND) Difference Algorithm and
 * Its Variations" (1986), with bounded work: texts that differ in more than some hundred lines are shown as one
 * replacement. */
#ifndef UTIL_LINEDIFF_H
#define UTIL_LINEDIFF_H

#include "util/base.h"
#include "util/strbuf.h"

struct linediff_text {
	const char *s;
	size_t n;
};

enum linediff_result {
	LINEDIFF_SAME,    /* not a byte differs */
	LINEDIFF_CHANGED,
	LINEDIFF_NEWLINE, /* only the newline at the end came or went */
	LINEDIFF_BINARY,  /* one of them holds a NUL: no lines */
};

/* A changed line: sign '-' with its number in the old text, or '+' with that in the new; s[0..n) without its newline,
 * untrusted. Deletions come before the insertions that replace them. */
struct linediff_sink {
	void (*line)(void *ctx, char sign, size_t number, const char *s, size_t n);
	void *ctx;
};

/* Tells sink the first `limit` changed lines; *more (may be NULL) gets the number of those not told. */
enum linediff_result linediff(struct linediff_text old, struct linediff_text new, size_t limit,
			      const struct linediff_sink *sink, size_t *more);
/* The same as text: "-12: old line\n+12: new line\n", control characters escaped, tabs as blanks unless blanks are
 * all that differs. "... and 7 more lines\n" stands for the rest. */
enum linediff_result linediff_format(struct linediff_text old, struct linediff_text new, size_t limit,
				     struct strbuf *out);

#endif
