/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules: what a section that is no stage says, as text. It stands where the command of a stage stands, in the key and in records, so that a
 * changed rule is a reason that `why` shows. Each rule is a line
 *
 *     key = value
 *     key argument = value
 *      = value                   goes on with the rule above: one more line of the same value in mlmake.ini
 *
 * in the order of the keys of the section's type, then of mention; templates are filled in, and blanks outside of quotes are one blank. */
#ifndef PIPELINE_RULES_H
#define PIPELINE_RULES_H

#include "util/arena.h"
#include "util/strbuf.h"

struct rule {
	const char *key;
	const char *arg;   /* NULL: none */
	const char *value;
	int line;          /* of mlmake.ini; 0: not known */
	bool more;         /* goes on with the rule before */
	const struct rule *next;
};

/* How it is told what is wrong with rules: at a line of mlmake.ini, 0: nowhere in particular. */
struct rule_problems {
	void (*tell)(void *ctx, int line, const char *message);
	void *ctx;
	size_t n; /* so far */
};
PRINTF(3, 4) void rule_problem(struct rule_problems *to, int line, const char *fmt, ...);

/* Appends r's line. */
void rule_write(const struct rule *r, struct strbuf *out);
/* Reads what rule_write wrote; lines that are none are passed over. In a. NULL: none. */
const struct rule *rules_read(const char *text, struct arena *a);
/* The first of rules with this key; NULL if there is none. */
const struct rule *rule_find(const struct rule *rules, const char *key);
/* The lines of a text of several, that begins with r, joined by '\n'. In a. */
const char *rule_text(const struct rule *r, struct arena *a);

#endif
