/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/rules.h"

#include <stdarg.h>
#include <string.h>

void rule_problem(struct rule_problems *to, int line, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&msg, fmt, ap);
	va_end(ap);
	to->tell(to->ctx, line, msg.buf);
	to->n++;
}

void rule_write(const struct rule *r, struct strbuf *out)
{
	if (!r->more)
		strbuf_addstr(out, r->key);
	if (!r->more && r->arg)
		strbuf_addf(out, " %s", r->arg);
	strbuf_addf(out, " = %s\n", r->value);
}

/* A line whose head, up to " = ", is s[0..n). */
static struct rule *read_rule(const char *s, size_t n, const char *value, size_t value_len, const struct rule *last, struct arena *a)
{
	struct rule *r = arena_calloc(a, sizeof(*r));
	const char *blank = memchr(s, ' ', n);

	r->value = arena_strndup(a, value, value_len);
	if (!n && last) {
		r->key = last->key;
		r->arg = last->arg;
		r->more = true;
		return r;
	}
	r->key = arena_strndup(a, s, blank ? (size_t)(blank - s) : n);
	if (blank)
		r->arg = arena_strndup(a, blank + 1, (size_t)(s + n - blank - 1));
	return r;
}

const struct rule *rules_read(const char *text, struct arena *a)
{
	struct rule *first = NULL, *last = NULL, *r;
	const char *nl, *equals;

	for (; *text; text = *nl ? nl + 1 : nl) {
		nl = text + strcspn(text, "\n");
		equals = memmem(text, (size_t)(nl - text), " = ", 3);
		if (!equals || (equals == text && !last))
			continue;
		r = read_rule(text, (size_t)(equals - text), equals + 3, (size_t)(nl - equals - 3), last, a);
		if (last)
			last->next = r;
		else
			first = r;
		last = r;
	}
	return first;
}

const struct rule *rule_find(const struct rule *rules, const char *key)
{
	while (rules && !streq(rules->key, key))
		rules = rules->next;
	return rules;
}

const char *rule_text(const struct rule *r, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, r->value);
	for (r = r->next; r && r->more; r = r->next)
		strbuf_addf(&text, "\n%s", r->value);
	return arena_strndup(a, text.buf, text.len);
}
