/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Languages that are not tokenized: of R, shell and SQL only whole lines are left out, those that are blank or a comment where
 * certainly neither a string nor a here-document nor a continued line is open. Whether that is certain is found by
 * following quotes; a text with anything that would need more than that is not understood. */
#include <config.h>

#include <string.h>

#include "code/reading.h"
#include "util/json.h"

#define FAIL (-1)
#define MAX_NAME 1024

/* What is open at the end of a line: 0 nothing, a quote, '*' a comment of SQL, '\\' a continued line. */
struct follow {
	const char *s, *end; /* of the line, without its newline */
	int open;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* Where the quote that is open ends, or NULL: not on this line. */
static const char *behind_quote(const struct follow *f, const char *s, bool backslash)
{
	for (; s < f->end; s++) {
		if (*s == '\\' && backslash)
			s++;
		else if (*s == f->open)
			return s + 1;
	}
	return NULL;
}

/* R has strings in three kinds of quotes, raw strings, and operators between '%' that may hold anything. */
static int follow_r(struct follow *f)
{
	const char *s = f->s, *e;

	while (s < f->end) {
		if (f->open) {
			s = behind_quote(f, s, true);
			if (!s)
				return f->open;
			f->open = 0;
		} else if (*s == '#') {
			return 0;
		} else if (*s == '%') {
			e = memchr(s + 1, '%', (size_t)(f->end - s - 1));
			for (s++; e && s < e; s++)
				if (strchr("\"'`#", *s))
					return FAIL;
			s++;
		} else if (strchr("\"'`", *s)) {
			if (s > f->s && (s[-1] | 32) == 'r' && *s != '`' && (s - 1 == f->s || !is_word(s[-2])))
				return FAIL;
			f->open = *s++;
		} else {
			s++;
		}
	}
	return f->open;
}

/* Behind `$(...)`, `${...}` or `...` in double quotes, if there are no quotes in it. */
static const char *behind_expansion(const struct follow *f, const char *s)
{
	char close = s[0] == '`' ? '`' : s[1] == '(' ? ')' : '}';

	for (s += s[0] == '`' ? 1 : 2; s < f->end; s++) {
		if (*s == close)
			return s + 1;
		if (strchr("\"'`\\($", *s) || (*s == '{' && close == '}'))
			return NULL;
	}
	return NULL;
}

/* In the shell a '#' begins a comment only where a word could begin. A script that reads itself ($0), and one that asks for its
 * lines' numbers, are not understood, unless it is only the directory that it wants to know. */
static int follow_shell(struct follow *f)
{
	const char *s = f->s;

	if (f->open == '\\')
		f->open = 0;
	while (s < f->end) {
		if (f->open == '\'') {
			s = behind_quote(f, s, false);
			if (!s)
				return '\'';
			f->open = 0;
		} else if (*s == '\\') {
			if (s + 1 == f->end)
				return f->open ? f->open : '\\';
			s += 2;
		} else if (f->open && *s == f->open) {
			f->open = 0;
			s++;
		} else if (*s == '`' || (*s == '$' && s + 1 < f->end && (s[1] == '(' || s[1] == '{'))) {
			if (f->open) {
				s = behind_expansion(f, s);
				if (!s)
					return FAIL;
			} else if (*s == '`' || s[1] == '{') {
				s = behind_expansion(f, s);
				if (!s)
					return FAIL;
			} else {
				s += 2;
			}
		} else if (f->open) {
			s++;
		} else if (*s == '#' && (s == f->s || strchr(" \t;&|()", s[-1]))) {
			return 0;
		} else if (*s == '$' && s + 1 < f->end && strchr("'\"", s[1])) {
			return FAIL;
		} else if (*s == '<' && s + 1 < f->end && s[1] == '<') {
			return FAIL;
		} else if (*s == '(' && s + 1 < f->end && s[1] == '(') {
			return FAIL;
		} else {
			if (*s == '\'' || *s == '"')
				f->open = *s;
			s++;
		}
	}
	return f->open;
}

/* Dollar quotes, backslashes (of psql, and in strings of MySQL) and templates are not understood. */
static int follow_sql(struct follow *f)
{
	const char *s = f->s;

	while (s < f->end) {
		bool pair = s + 1 < f->end;

		if (f->open == '*') {
			if (pair && s[0] == '/' && s[1] == '*') /* nests in some, not in others */
				return FAIL;
			if (pair && s[0] == '*' && s[1] == '/') {
				f->open = 0;
				s++;
			}
		} else if (*s == '\\' || *s == '$' || *s == '#' || *s == '`' || (pair && *s == '{' && strchr("{%#", s[1]))) {
			return FAIL;
		} else if (f->open) {
			if (*s == f->open)
				f->open = 0;
		} else if (pair && s[0] == '-' && s[1] == '-') {
			return 0;
		} else if (pair && s[0] == '/' && s[1] == '*') {
			f->open = '*';
			s++;
		} else if (*s == '\'' || *s == '"') {
			f->open = *s;
		}
		s++;
	}
	return f->open;
}

static bool is_comment(enum code_language language, const char *s, size_t n, bool first)
{
	static const char loud[] = "'+-|!"; /* roxygen, knitr, shebang */

	if (language == CODE_SQL)
		return n >= 2 && s[0] == '-' && s[1] == '-' && (n == 2 || s[2] == ' ') && !memchr(s, ':', n) && !memchr(s, '?', n) &&
		       !memchr(s, '%', n) && !memchr(s, '@', n) && !memchr(s, '{', n) && !memchr(s, '$', n) && !memchr(s, '\\', n);
	if (n < 1 || s[0] != '#' || (first && n > 1 && s[1] == '!'))
		return false;
	return language != CODE_R || n < 2 || !strchr(loud, s[1]);
}

/* A script that reads itself. */
static bool reads_itself(const char *text, size_t n)
{
	static const char *const fine[] = {"dirname ", "dirname -- ", "basename ", "basename -- ", NULL};
	const char *s = text, *end = text + n;
	size_t i, len;

	if (memmem(text, n, "LINENO", 6) || memmem(text, n, "BASH_SOURCE", 11) || memmem(text, n, "BASH_COMMAND", 12))
		return true;
	for (; (s = memmem(s, (size_t)(end - s), "$0", 2)); s += 2) {
		const char *at = s > text && s[-1] == '"' ? s - 1 : s;

		for (i = 0; fine[i]; i++) {
			len = strlen(fine[i]);
			if ((size_t)(at - text) >= len && memcmp(at - len, fine[i], len) == 0)
				break;
		}
		if (!fine[i])
			return true;
	}
	return memmem(text, n, "${0", 3) != NULL;
}

/* ---- what they bring in ---- */

/* The name [s, e), if it is a plain one. */
static void bring_in(struct reading *r, const char *s, const char *e, int line)
{
	char name[MAX_NAME];
	size_t n = (size_t)(e - s);

	if (!n || n >= sizeof(name))
		return;
	memcpy(name, s, n);
	name[n] = '\0';
	if (!strpbrk(name, "$`*?\\"))
		reading_import(r, (struct code_import){IMPORT_FILE, line, 0, NULL, name});
	else
		reading_import(r, (struct code_import){IMPORT_UNKNOWN, line, 0, NULL, "source"});
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s;
}

/* #include "name" */
static void include_of_c(struct reading *r, const char *s, const char *end, int line)
{
	const char *e;

	s = skip_blanks(s, end);
	if (s == end || *s != '#')
		return;
	s = skip_blanks(s + 1, end);
	if (end - s < 8 || (memcmp(s, "include", 7) != 0 && memcmp(s, "import ", 7) != 0))
		return;
	s = skip_blanks(s + 7, end);
	if (s < end && *s == '"' && (e = memchr(s + 1, '"', (size_t)(end - s - 1))))
		bring_in(r, s + 1, e, line);
}

/* source("name"), sys.source("name"), also several on a line. */
static void source_of_r(struct reading *r, const char *s, const char *end, int line)
{
	const char *e;

	while ((s = memmem(s, (size_t)(end - s), "source", 6))) {
		s = skip_blanks(s + 6, end);
		if (s == end || *s != '(')
			continue;
		s = skip_blanks(s + 1, end);
		if (end - s > 4 && memcmp(s, "file", 4) == 0) {
			s = skip_blanks(s + 4, end);
			if (s < end && *s == '=')
				s = skip_blanks(s + 1, end);
		}
		if (s < end && (*s == '"' || *s == '\'') && (e = memchr(s + 1, *s, (size_t)(end - s - 1))))
			bring_in(r, s + 1, e, line);
		else if (s < end)
			reading_import(r, (struct code_import){IMPORT_UNKNOWN, line, 0, NULL, "source"});
	}
}

/* `. name` and `source name` where a command begins. */
static void source_of_shell(struct reading *r, const char *s, const char *end, int line)
{
	const char *e;
	char quote;

	while (s < end) {
		s = skip_blanks(s, end);
		if (end - s > 7 && memcmp(s, "source", 6) == 0 && (s[6] == ' ' || s[6] == '\t'))
			s += 6;
		else if (end - s > 2 && *s == '.' && (s[1] == ' ' || s[1] == '\t'))
			s += 1;
		else
			goto next;
		s = skip_blanks(s, end);
		quote = s < end && (*s == '"' || *s == '\'') ? *s++ : '\0';
		for (e = s; e < end && *e != quote && (quote || !strchr(" \t;&|()#", *e)); e++)
			;
		bring_in(r, s, e, line);
	next:
		while (s < end && !strchr(";&|(){", *s))
			s++;
		for (; s < end && strchr(";&|(){", *s); s++)
			;
	}
}

static int follow(enum code_language language, struct follow *f)
{
	switch (language) {
	case CODE_R: return follow_r(f);
	case CODE_SHELL: return follow_shell(f);
	default: return follow_sql(f);
	}
}

void script_read(struct reading *r, enum code_language language, const char *text, size_t n)
{
	const char *s = text, *end = text + n, *next;
	int line = 1, open = 0;

	if (memchr(text, '\0', n) || memchr(text, '\r', n) || (language == CODE_SHELL && reads_itself(text, n)))
		r->failed = true;
	for (; s < end; s = next, line++) {
		const char *nl = memchr(s, '\n', (size_t)(end - s)), *eol = nl ? nl : end;
		const char *word = skip_blanks(s, eol);
		bool comment = !open && is_comment(language, word, (size_t)(eol - word), line == 1);

		next = nl ? nl + 1 : end;
		if (language == CODE_C)
			include_of_c(r, s, eol, line);
		else if (language == CODE_R && !comment)
			source_of_r(r, s, eol, line);
		else if (language == CODE_SHELL && !comment)
			source_of_shell(r, s, eol, line);
		if (r->failed || comment || (!open && word == eol))
			continue;
		reading_add(r, open ? 'o' : 'l', s, (size_t)(eol - s));
		open = follow(language, &(struct follow){s, eol, open});
		if (open == FAIL)
			r->failed = true;
	}
	if (open)
		r->failed = true;
}

void json_text_read(struct reading *r, const char *text, size_t n)
{
	CLEANUP(json_freep) struct json *j = json_parse(text, n, NULL, NULL);
	const char *s = text, *end = text + n, *from;

	if (!j) {
		r->failed = true;
		return;
	}
	while (s < end) {
		from = s;
		if (*s == '"')
			for (s++; s < end && *s != '"'; s++)
				s += *s == '\\';
		s++;
		if (!strchr(" \t\r\n", *from))
			reading_add(r, 'j', from, (size_t)(MIN(s, end) - from));
	}
}
