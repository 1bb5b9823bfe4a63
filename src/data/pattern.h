/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POSIX extended regular expressions for many short texts. What most of them are made of (characters, sets, groups, alternatives, repetition, '^'
 * in front and '$' behind) is made an automaton that takes a step a byte. For other expressions, and for texts that are no ASCII,
 * regexec is asked, and what it said is remembered. */
#ifndef DATA_PATTERN_H
#define DATA_PATTERN_H

#include <regex.h>

#include "util/strbuf.h"

struct pattern {
	regex_t re;
	uint8_t *next;       /* state * 128 + byte; NULL: there is no automaton */
	bool *accepts;       /* by state */
	struct pattern_answer *answers;
	struct strbuf copy;
};

/* regex is one that regcomp takes; it is in ASCII or not, in the locale of the process. */
void pattern_init(struct pattern *p, const char *regex);
/* Does it match s[0..n) somewhere? A text with a NUL is matched by none. */
bool pattern_matches(struct pattern *p, const char *s, size_t n);
void pattern_release(struct pattern *p);

#endif
