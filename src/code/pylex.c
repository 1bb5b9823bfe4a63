/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two places need care. What a comment is: a carriage return alone ends a line for CPython, so a text that has one is
 * not read. And f-strings: up to 3.11 they end like any string, from 3.12 on the quotes of strings inside of {} do not
 * end them; where the two rules do not find the same end, the text is not read. */
#include <config.h>

#include "code/pylex.h"

#include <string.h>

#include "util/text.h"

#define FIELD_DEPTH 16 /* of f-strings in f-strings; CPython allows more */
#define TAB 8

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool in_name(char c)
{
	return begins_name(c) || is_digit(c);
}

/* The byte at s, or NUL past the end; no text that is read has a NUL in it. */
static char peek(const struct pylex *l, const char *s)
{
	return s < l->end ? *s : '\0';
}

/* ---- is this a text at all? ---- */

static bool has_lone_cr(const char *s, const char *end)
{
	while (s < end && (s = memchr(s, '\r', (size_t)(end - s)))) {
		if (s + 1 == end || s[1] != '\n')
			return true;
		s++;
	}
	return false;
}

static bool is_utf8(const char *s, const char *end)
{
	size_t n;

	for (; s < end; s += n) {
		for (; s < end && !(*s & 0x80); s++)
			;
		n = s < end ? text_utf8_len(s, (size_t)(end - s)) : 1;
		if (!n)
			return false;
	}
	return true;
}

/* The value of "coding: X" or "coding=X" in the comment [s, end), NULL if there is none. */
static const char *coding(const char *s, const char *end, size_t *n)
{
	static const char word[] = "coding";

	for (; end - s > (ptrdiff_t)sizeof(word); s++) {
		const char *v = s + sizeof(word) - 1;

		if (memcmp(s, word, sizeof(word) - 1) != 0 || (*v != ':' && *v != '='))
			continue;
		for (v++; v < end && (*v == ' ' || *v == '\t'); v++)
			;
		for (*n = 0; v + *n < end && (in_name(v[*n]) || v[*n] == '-' || v[*n] == '.'); (*n)++)
			;
		if (*n)
			return v;
	}
	return NULL;
}

static bool is_utf8_name(const char *s, size_t n)
{
	static const char *const names[] = {"utf-8", "utf8", "ascii", "us-ascii", NULL};
	char name[16];
	size_t i;

	if (n >= sizeof(name))
		return false;
	for (i = 0; i < n; i++)
		name[i] = s[i] == '_' ? '-' : s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + 32) : s[i];
	name[n] = '\0';
	for (i = 0; names[i] && !streq(names[i], name); i++)
		;
	return names[i] != NULL;
}

/* A coding other than UTF-8 in one of the first two lines: what its bytes mean is not known here. */
static bool is_coded(const char *s, const char *end)
{
	int line;

	for (line = 1; line <= 2 && s < end; line++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *eol = nl ? nl : end, *v;
		const char *hash = memchr(s, '#', (size_t)(eol - s));
		size_t n;

		if (hash && (v = coding(hash, eol, &n)) && !is_utf8_name(v, n))
			return true;
		s = nl ? nl + 1 : end;
	}
	return false;
}

void pylex_init_part(struct pylex *l, const char *text, size_t n)
{
	memset(l, 0, offsetof(struct pylex, brackets));
	l->text = l->at = l->line_start = text;
	l->end = text + n;
	l->line = 1;
	l->fresh = l->alone = true;
	l->n_indents = 1;
	l->indents[0] = l->alt_indents[0] = 0;
	l->last = PYLEX_NEWLINE;
	l->sound = true;
}

void pylex_init(struct pylex *l, const char *text, size_t n, bool ipython)
{
	pylex_init_part(l, text, n);
	l->ipython = ipython;
	l->sound = !memchr(text, '\0', n) && !has_lone_cr(text, l->end) && is_utf8(text, l->end) && !is_coded(text, l->end);
}

/* ---- strings ---- */

struct quote {
	char c;
	bool triple, raw, formatted;
};

static bool closes(const char *s, const char *end, const struct quote *q)
{
	if (*s != q->c)
		return false;
	return !q->triple || (end - s >= 3 && s[1] == q->c && s[2] == q->c);
}

/* Behind the string whose opening quotes end at s, as all strings were read up to 3.11; NULL if it does not end. */
static const char *plain_end(const char *s, const char *end, const struct quote *q)
{
	for (; s < end; s++) {
		if (closes(s, end, q))
			return s + (q->triple ? 3 : 1);
		if (*s == '\n' && !q->triple)
			return NULL;
		if (*s == '\\' && s + 1 < end && *++s == '\r') /* and its newline */
			s++;
	}
	return NULL;
}

/* Is the word [s, s + n) a prefix of strings? -1: of none that Python 3 has, though it looks like one. */
static int prefix_of(const char *s, size_t n, struct quote *q)
{
	static const char *const known[] = {"r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt", NULL};
	char low[4];
	size_t i;

	if (n > 3)
		return 0;
	for (i = 0; i < n; i++) {
		low[i] = (char)(s[i] | 32);
		if (!strchr("rbfut", low[i]))
			return 0;
	}
	low[n] = '\0';
	for (i = 0; known[i] && !streq(known[i], low); i++)
		;
	if (n && !known[i])
		return -1;
	q->raw = strchr(low, 'r') != NULL;
	q->formatted = strpbrk(low, "ft") != NULL;
	return 1;
}

/* Reads the opening quotes at s; returns what is behind them. */
static const char *open_quote(const char *s, const char *end, struct quote *q)
{
	q->c = *s;
	q->triple = end - s >= 3 && s[1] == *s && s[2] == *s;
	return s + (q->triple ? 3 : 1);
}

static const char *formatted_end(const char *s, const char *end, const struct quote *q, int depth);

/* Behind a backslash and what it takes with it, in the text of an f-string. */
static const char *behind_backslash(const char *s, const char *end, const struct quote *q)
{
	if (s + 1 < end && (s[1] == '{' || s[1] == '}'))
		return s + 1;
	if (!q->raw && end - s > 2 && s[1] == 'N' && s[2] == '{') {
		const char *close = memchr(s, '}', (size_t)(end - s));

		return close ? close + 1 : NULL;
	}
	if (s + 1 < end && s[1] == '\r')
		s++;
	return end - s >= 2 ? s + 2 : NULL;
}

static const char *field_end(const char *s, const char *end, const struct quote *q, int depth);

/* Behind the '}' that ends a format; s is behind its ':'. */
static const char *format_end(const char *s, const char *end, const struct quote *q, int depth)
{
	while (s && s < end) {
		if (*s == '}')
			return s + 1;
		if (closes(s, end, q) || (*s == '\n' && !q->triple))
			return NULL;
		s = *s == '{' ? field_end(s + 1, end, q, depth + 1) : *s == '\\' ? behind_backslash(s, end, q) : s + 1;
	}
	return NULL;
}

/* Behind a string in a field, which begins at s with its prefix; NULL if it does not end or is not known. */
static const char *inner_end(const char *s, size_t prefix, const char *end, int depth)
{
	struct quote q;

	if (prefix_of(s, prefix, &q) < 0)
		return NULL;
	if (prefix_of(s, prefix, &q) == 0)
		q.raw = q.formatted = false;
	s = open_quote(s + prefix, end, &q);
	return q.formatted ? formatted_end(s, end, &q, depth + 1) : plain_end(s, end, &q);
}

/* Behind the '}' that ends a field of an f-string; s is behind its '{'. Comments and backslashes, which 3.12 allows there, are
 * not known. */
static const char *field_end(const char *s, const char *end, const struct quote *q, int depth)
{
	size_t nested = 0, n;

	if (depth > FIELD_DEPTH)
		return NULL;
	while (s && s < end) {
		char c = *s;

		for (n = 0; begins_name(c) && s + n < end && in_name(s[n]); n++)
			;
		if (s + n < end && (s[n] == '\'' || s[n] == '"')) {
			s = inner_end(s, n, end, depth);
			continue;
		}
		if (n) {
			s += n;
			continue;
		}
		if (c == '#' || c == '\\' || (c == '\n' && !q->triple))
			return NULL;
		if (c == '}' && !nested)
			return s + 1;
		if (c == ':' && !nested)
			return format_end(s + 1, end, q, depth);
		if (c == '(' || c == '[' || c == '{')
			nested++;
		if ((c == ')' || c == ']' || c == '}') && nested-- == 0)
			return NULL;
		s++;
	}
	return NULL;
}

/* Behind the f-string whose opening quotes end at s, as 3.12 reads it. */
static const char *formatted_end(const char *s, const char *end, const struct quote *q, int depth)
{
	if (depth > FIELD_DEPTH)
		return NULL;
	while (s && s < end) {
		bool doubled = s + 1 < end && s[1] == *s;

		if (closes(s, end, q))
			return s + (q->triple ? 3 : 1);
		if (*s == '\n' && !q->triple)
			return NULL;
		if (*s == '\\')
			s = behind_backslash(s, end, q);
		else if (*s == '{')
			s = doubled ? s + 2 : field_end(s + 1, end, q, depth);
		else if (*s == '}')
			s = doubled ? s + 2 : NULL;
		else
			s++;
	}
	return NULL;
}

/* ---- tokens ---- */

static void set(struct pylex *l, struct pylex_token *t, enum pylex_kind kind, const char *s, size_t n)
{
	*t = (struct pylex_token){kind, s, n, l->line, l->alone};
	if (kind == PYLEX_NOTE)
		return;
	l->last = kind;
	l->last_char = n ? s[n - 1] : '\0';
}

static void unknown(struct pylex *l, struct pylex_token *t)
{
	l->sound = false;
	*t = (struct pylex_token){PYLEX_UNKNOWN, l->at, 0, l->line, false};
}

/* A token from l->at to e; lines in it are counted. */
static void take(struct pylex *l, struct pylex_token *t, enum pylex_kind kind, const char *e)
{
	const char *s;

	set(l, t, kind, l->at, (size_t)(e - l->at));
	l->fresh = l->alone = false;
	for (s = l->at; kind == PYLEX_STRING && s < e && (s = memchr(s, '\n', (size_t)(e - s))); s++) {
		l->line++;
		l->line_start = s + 1;
	}
	l->at = e;
}

static void take_string(struct pylex *l, struct pylex_token *t, size_t prefix, struct quote *q)
{
	const char *s = open_quote(l->at + prefix, l->end, q), *e = plain_end(s, l->end, q);

	if (!e || (q->formatted && formatted_end(s, l->end, q, 0) != e))
		unknown(l, t);
	else
		take(l, t, PYLEX_STRING, e);
}

static void take_name(struct pylex *l, struct pylex_token *t)
{
	struct quote q = {0};
	const char *e = l->at;
	int prefix;

	while (e < l->end && in_name(*e))
		e++;
	if (e < l->end && (*e == '\'' || *e == '"')) {
		prefix = prefix_of(l->at, (size_t)(e - l->at), &q);
		if (prefix < 0)
			unknown(l, t);
		else if (prefix > 0)
			take_string(l, t, (size_t)(e - l->at), &q);
		if (prefix)
			return;
	}
	take(l, t, PYLEX_NAME, e);
}

/* Behind digits of base with single '_' before each but the first (which lead allows, too). */
static const char *digits(const struct pylex *l, const char *s, int base, bool lead)
{
	for (;; lead = true) {
		const char *d = lead && peek(l, s) == '_' ? s + 1 : s;
		char c = peek(l, d), low = (char)(c | 32);
		bool good = is_digit(c) ? c - '0' < base : base == 16 && low >= 'a' && low <= 'f';

		if (!good)
			return s;
		s = d + 1;
	}
}

static const char *exponent(const struct pylex *l, const char *s)
{
	const char *e = s + 1;

	if ((peek(l, s) | 32) != 'e')
		return s;
	if (peek(l, e) == '+' || peek(l, e) == '-')
		e++;
	return is_digit(peek(l, e)) ? digits(l, e, 10, false) : s;
}

static void take_number(struct pylex *l, struct pylex_token *t)
{
	const char *s = l->at, *e;
	char kind = (char)(peek(l, s + 1) | 32);
	int base = *s != '0' ? 0 : kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;

	if (base) {
		e = digits(l, s + 2, base, true);
		if (e == s + 2)
			e = NULL;
	} else {
		e = digits(l, s, 10, false);
		if (peek(l, e) == '.')
			e = digits(l, e + 1, 10, false);
		e = exponent(l, e);
		if ((peek(l, e) | 32) == 'j')
			e++;
	}
	if (!e || in_name(peek(l, e))) /* "1if" is two tokens, "0x1for" others than it seems */
		unknown(l, t);
	else
		take(l, t, PYLEX_NUMBER, e);
}

static size_t op_len(const struct pylex *l)
{
	static const char *const ops[] = {"**=", "//=", ">>=", "<<=", "...", "!=", "%=", "&=", "**", "*=", "+=", "-=", "->",
					  "//",	 "/=",	"<<",  "<=",  "==",  ">=", ">>", "@=", "^=", "|=", ":=", NULL};
	size_t i, left = (size_t)(l->end - l->at);

	for (i = 0; ops[i]; i++)
		if (strlen(ops[i]) <= left && memcmp(ops[i], l->at, strlen(ops[i])) == 0)
			return strlen(ops[i]);
	return strchr("()[]{}:,;+-*/|&<>=.%~^@", *l->at) ? 1 : 0;
}

/* False: a bracket that does not fit, or too many. */
static bool nest(struct pylex *l, char c)
{
	if (c == '(' || c == '[' || c == '{') {
		if (l->depth == PYLEX_BRACKETS)
			return false;
		l->brackets[l->depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
	} else if (c == ')' || c == ']' || c == '}') {
		return l->depth > 0 && l->brackets[--l->depth] == c;
	}
	return true;
}

/* Does a value end before here, so that '%' can be an operator? In a notebook it begins a command otherwise. */
static bool behind_value(const struct pylex *l)
{
	return l->last == PYLEX_NUMBER || l->last == PYLEX_STRING || l->last == PYLEX_NAME ||
	       (l->last == PYLEX_OP && strchr(")]}", l->last_char));
}

static void take_op(struct pylex *l, struct pylex_token *t)
{
	size_t n = op_len(l);

	if (!n || !nest(l, *l->at) || (*l->at == '<' && peek(l, l->at + 1) == '>') ||
	    (l->ipython && *l->at == '%' && !behind_value(l)) || (l->ipython && l->fresh && strchr(",;/", *l->at)))
		unknown(l, t);
	else
		take(l, t, PYLEX_OP, l->at + n);
}

/* ---- lines ---- */

static void end_line(struct pylex *l)
{
	l->at++;
	l->line++;
	l->line_start = l->at;
	l->alone = true;
	if (!l->depth) {
		l->fresh = true;
		l->measured = false;
	}
}

static bool at_newline(const struct pylex *l)
{
	return *l->at == '\n' || (*l->at == '\r' && l->end - l->at > 1);
}

/* Does it begin with '#', blanks, word? */
static bool says(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	for (s++; s < end && (*s == ' ' || *s == '\t'); s++)
		;
	return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

static bool opens_block(const char *s, const char *end)
{
	return end - s > 6 && memcmp(s, "# /// ", 6) == 0;
}

/* Does the comment [s, end) at l->at mean something? */
static bool counts(struct pylex *l, const char *s, const char *end)
{
	size_t n;

	if (s == l->line_start && (l->block_line ? l->block_line == l->line - 1 : false)) {
		l->block_line = l->line;
		return true;
	}
	l->block_line = 0;
	if (s == l->line_start && opens_block(s, end)) {
		l->block_line = l->line;
		return true;
	}
	if (l->line == 1 && s == l->line_start && end - s > 1 && s[1] == '!')
		return true;
	if (l->line <= 2 && coding(s, end, &n))
		return true;
	return says(s, end, "type:") || says(s, end, "cython:") || says(s, end, "distutils:");
}

/* At a '#'. False: it does not count. */
static bool comment(struct pylex *l, struct pylex_token *t)
{
	const char *s = l->at, *nl = memchr(s, '\n', (size_t)(l->end - s)), *e = nl ? nl : l->end;

	l->at = e;
	if (e > s && e[-1] == '\r') {
		e--;
		l->at--;
	}
	if (!counts(l, s, e))
		return false;
	set(l, t, PYLEX_NOTE, s, (size_t)(e - s));
	return true;
}

/* The indentation of a line that has something on it. False: the token is *t. */
static bool measure(struct pylex *l, struct pylex_token *t)
{
	const char *s = l->line_start;
	int column = 0, alt = 0, top = l->n_indents - 1;

	l->measured = true;
	if (l->line == 1 && s == l->text && l->end - s >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; s < l->at; s++) {
		column = *s == '\f' ? 0 : *s == '\t' ? (column / TAB + 1) * TAB : column + 1;
		alt = *s == '\f' ? 0 : alt + 1;
		if (column > 1 << 20)
			return unknown(l, t), false;
	}
	if (column == l->indents[top])
		return alt == l->alt_indents[top] || (unknown(l, t), false);
	if (column > l->indents[top]) {
		if (alt <= l->alt_indents[top] || l->n_indents == PYLEX_INDENTS)
			return unknown(l, t), false;
		l->indents[l->n_indents] = column;
		l->alt_indents[l->n_indents++] = alt;
		set(l, t, PYLEX_INDENT, l->at, 0);
		return false;
	}
	while (l->n_indents > 1 && column < l->indents[l->n_indents - 1]) {
		l->n_indents--;
		l->dedents++;
	}
	if (column != l->indents[l->n_indents - 1] || alt != l->alt_indents[l->n_indents - 1])
		return unknown(l, t), false;
	l->dedents--;
	set(l, t, PYLEX_DEDENT, l->at, 0);
	return false;
}

/* A line of IPython's, with those that it continues on. */
static void take_magic(struct pylex *l, struct pylex_token *t)
{
	const char *e = l->at;

	for (;;) {
		const char *nl = memchr(e, '\n', (size_t)(l->end - e));

		e = nl ? nl : l->end;
		if (!nl || (e[-1] != '\\' && !(e[-1] == '\r' && e - l->at > 1 && e[-2] == '\\')))
			break;
		e++;
		l->line++;
	}
	take(l, t, PYLEX_MAGIC, e);
}

static void finish(struct pylex *l, struct pylex_token *t)
{
	if (l->depth) {
		unknown(l, t);
	} else if (!l->fresh) {
		l->fresh = true;
		set(l, t, PYLEX_NEWLINE, l->at, 0);
	} else if (l->n_indents > 1) {
		l->n_indents--;
		set(l, t, PYLEX_DEDENT, l->at, 0);
	} else {
		set(l, t, PYLEX_END, l->at, 0);
	}
}

/* Past what does not count. False: the token is *t already. */
static bool skip(struct pylex *l, struct pylex_token *t)
{
	while (l->at < l->end) {
		char c = *l->at;

		if (c == ' ' || c == '\t' || c == '\f') {
			l->at++;
		} else if (c == '#') {
			if (comment(l, t))
				return false;
		} else if (at_newline(l)) {
			bool tells = !l->fresh && !l->depth;

			if (tells)
				set(l, t, PYLEX_NEWLINE, l->at, 0);
			l->at += c == '\r';
			end_line(l);
			if (tells)
				return false;
		} else if (c == '\\') {
			l->at++;
			if (l->at < l->end && *l->at == '\r')
				l->at++;
			if ((l->fresh && !l->depth) || l->end - l->at < 2 || *l->at != '\n')
				return unknown(l, t), false;
			l->at++;
			l->line++;
			l->line_start = l->at;
			l->alone = true;
		} else {
			return true;
		}
	}
	finish(l, t);
	return false;
}

void pylex_next(struct pylex *l, struct pylex_token *t)
{
	struct quote q = {0};
	char c;

	if (!l->sound) {
		unknown(l, t);
		return;
	}
	if (l->dedents) {
		l->dedents--;
		set(l, t, PYLEX_DEDENT, l->at, 0);
		return;
	}
	if (l->at == l->text && l->end - l->at >= 3 && memcmp(l->at, "\xef\xbb\xbf", 3) == 0) {
		set(l, t, PYLEX_NOTE, l->at, 3);
		l->at += 3;
		return;
	}
	if (!skip(l, t))
		return;
	if (l->fresh && !l->depth && !l->measured && !measure(l, t))
		return;
	c = *l->at;
	if (l->ipython && l->fresh && !l->depth && (c == '%' || c == '!'))
		take_magic(l, t);
	else if (begins_name(c))
		take_name(l, t);
	else if (is_digit(c) || (c == '.' && is_digit(peek(l, l->at + 1))))
		take_number(l, t);
	else if (c == '\'' || c == '"')
		take_string(l, t, 0, &q);
	else
		take_op(l, t);
}
