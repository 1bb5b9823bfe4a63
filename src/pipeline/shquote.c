/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/shquote.h"

#include <string.h>

#include "pipeline/chars.h"

static void scan_double(struct shquote *q, const char *s, size_t n, size_t *i)
{
	char c = s[*i];

	if (c == '\\' && *i + 1 < n)
		++*i;
	else if (c == '`' || (c == '$' && *i + 1 < n && s[*i + 1] == '('))
		q->subst = true;
	else if (c == '"')
		q->quote = 0;
}

static void scan_plain(struct shquote *q, const char *s, size_t n, size_t *i)
{
	char c = s[*i];

	if (c == '\n') {
		q->murky |= q->here;
		return;
	}
	if (c == '\\' && *i + 1 < n) {
		++*i;
	} else if (c == '\'' || c == '"') {
		q->quote = c;
		q->subst = false;
	} else if (c == '#' && (!q->last || strchr(" \t\n;&|(", q->last))) {
		q->comment = true;
	} else if (c == '<' && q->last == '<') {
		q->here = true;
	}
}

void shquote_scan(struct shquote *q, const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (q->comment)
			q->comment = s[i] != '\n';
		if (q->comment)
			continue;
		if (q->quote == '\'')
			q->quote = s[i] == '\'' ? 0 : '\'';
		else if (q->quote == '"')
			scan_double(q, s, n, &i);
		else
			scan_plain(q, s, n, &i);
		q->last = s[i];
	}
}

bool shquote_is_plain(const char *value)
{
	return *value && value[char_span(value, CHAR_SHELL)] == '\0';
}

static void add_escaped(const char *value, char quote, struct strbuf *out)
{
	for (; *value; value++) {
		if (quote == '\'' && *value == '\'') {
			strbuf_addstr(out, "'\\''");
			continue;
		}
		if (quote == '"' && strchr("\\\"$`", *value))
			strbuf_addch(out, '\\');
		strbuf_addch(out, *value);
	}
}

/* Where quoting cannot be done safely; NULL elsewhere. */
static const char *unsafe(const struct shquote *q)
{
	if (q->comment)
		return "in a comment";
	if (q->murky)
		return "after a here-document";
	if (q->quote == '"' && q->subst)
		return "in a command substitution inside \"\"";
	return NULL;
}

int shquote_add(struct shquote *q, const char *value, struct strbuf *out, const char **why)
{
	if (shquote_is_plain(value)) {
		strbuf_addstr(out, value);
		q->last = 'x';
		return 0;
	}
	*why = unsafe(q);
	if (*why)
		return -1;
	if (q->quote)
		add_escaped(value, q->quote, out);
	else
		strbuf_add_shell(out, value);
	q->last = 'x';
	return 0;
}

int shquote_add_variable(struct shquote *q, const char *name, struct strbuf *out, const char **why)
{
	*why = unsafe(q);
	if (*why)
		return -1;
	if (q->quote == '"')
		strbuf_addf(out, "${%s}", name);
	else if (q->quote)
		strbuf_addf(out, "'\"${%s}\"'", name);
	else
		strbuf_addf(out, "\"${%s}\"", name);
	q->last = 'x';
	return 0;
}
