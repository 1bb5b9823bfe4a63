/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters as TOML 1.0. Dates and times are checked and kept as strings, as they are written. A reader that met an
 * error goes on with the next line that looks like a header or a 'key =', so that one mistake gives one message. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "params/params_tree.h"

/* How a table or array came to be, which decides who may add to it. */
enum origin {
	BY_HEADER,    /* [t], or an element of [[t]] */
	BY_SUBHEADER, /* [t.x] made t on its way */
	BY_DOTS,      /* t.x = 1 did */
	BY_VALUE,     /* t = {...}, t = [...], or a scalar: closed */
	BY_ELEMENTS,  /* [[t]]: an array of tables */
};

struct node {
	struct param p;
	enum origin origin;
};

struct toml {
	struct build *b;
	const char *at, *end;
	int line, depth;
	struct param *table; /* keys go here */
	int table_depth;
	struct strbuf text;  /* of the string that is read */
};

/* A dotted key: its parts, each NUL-terminated. */
struct key {
	struct strbuf parts;
	size_t n;
};

static struct node *node_of(struct param *pa)
{
	return (struct node *)pa;
}

static struct param *new_node(struct toml *t, enum param_kind kind, enum origin origin)
{
	struct param *pa = build_node(t->b, kind, t->line, sizeof(struct node));

	node_of(pa)->origin = origin;
	return pa;
}

#define fail(t, ...) build_error((t)->b, (t)->line, __VA_ARGS__)

/* The byte n ahead, or '\0' at the end: the text holds no NUL. */
static char peek(const struct toml *t, size_t n)
{
	return (size_t)(t->end - t->at) > n ? t->at[n] : '\0';
}

static bool looking_at(const struct toml *t, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(t->end - t->at) >= n && memcmp(t->at, s, n) == 0;
}

static bool take(struct toml *t, const char *s)
{
	if (!looking_at(t, s))
		return false;
	t->at += strlen(s);
	return true;
}

static void skip_blanks(struct toml *t)
{
	while (peek(t, 0) == ' ' || peek(t, 0) == '\t')
		t->at++;
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct toml *t)
{
	if (peek(t, 0) != '#')
		return 0;
	while (t->at < t->end && *t->at != '\n' && !looking_at(t, "\r\n")) {
		if (is_control(*t->at))
			return fail(t, "a control character in a comment");
		t->at++;
	}
	return 0;
}

static bool take_newline(struct toml *t)
{
	if (!take(t, "\n") && !take(t, "\r\n"))
		return false;
	t->line++;
	return true;
}

/* Blanks, newlines and comments within an array. */
static int skip_space(struct toml *t)
{
	for (;;) {
		skip_blanks(t);
		if (skip_comment(t) < 0)
			return -1;
		if (!take_newline(t))
			return 0;
	}
}

static int hex_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static int add_code_point(struct toml *t, int digits)
{
	uint32_t c = 0;
	int i, v;

	for (i = 0; i < digits; i++) {
		v = hex_value(peek(t, 0));
		if (v < 0)
			return fail(t, "'\\%c' wants %d hexadecimal digits", digits == 4 ? 'u' : 'U', digits);
		c = c << 4 | (uint32_t)v;
		t->at++;
	}
	if (c == 0)
		return fail(t, "a parameter cannot hold a NUL character");
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(t, "U+%04X is no Unicode character", c);
	if (c < 0x80) {
		strbuf_addch(&t->text, (char)c);
		return 0;
	}
	if (c < 0x800) {
		strbuf_addch(&t->text, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			strbuf_addch(&t->text, (char)(0xe0 | c >> 12));
		} else {
			strbuf_addch(&t->text, (char)(0xf0 | c >> 18));
			strbuf_addch(&t->text, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		strbuf_addch(&t->text, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	strbuf_addch(&t->text, (char)(0x80 | (c & 0x3f)));
	return 0;
}

/* A backslash at the end of a line of a """string""" takes all white space after it away. */
static bool take_line_end(struct toml *t)
{
	const char *start = t->at;

	skip_blanks(t);
	if (!take_newline(t)) {
		t->at = start;
		return false;
	}
	do
		skip_blanks(t);
	while (take_newline(t));
	return true;
}

static int read_escape(struct toml *t, bool multiline)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	const char *name;
	char c;

	t->at++;
	if (multiline && take_line_end(t))
		return 0;
	c = peek(t, 0);
	name = c ? strchr(names, c) : NULL;
	if (name) {
		strbuf_addch(&t->text, values[name - names]);
		t->at++;
		return 0;
	}
	if (c != 'u' && c != 'U')
		return fail(t, "an unknown escape in a string; '\\\\' gives a backslash, or use 'single quotes'");
	t->at++;
	return add_code_point(t, c == 'u' ? 4 : 8);
}

/* Reads a string on one line, behind its opening quote, into t->text. */
static int read_short_string(struct toml *t, char quote)
{
	strbuf_clear(&t->text);
	while (t->at < t->end && *t->at != quote) {
		if (is_control(*t->at))
			return fail(t, "%s", strchr("\r\n", *t->at) ? "a string without its closing quote"
								    : "a control character in a string");
		if (quote == '"' && *t->at == '\\') {
			if (read_escape(t, false) < 0)
				return -1;
		} else {
			strbuf_addch(&t->text, *t->at++);
		}
	}
	return t->at < t->end ? (t->at++, 0) : fail(t, "a string without its closing quote");
}

/* The same for one in three quotes, which may end in up to two more that belong to it. */
static int read_long_string(struct toml *t, char quote)
{
	char three[4] = {quote, quote, quote, '\0'};
	int start = t->line;

	strbuf_clear(&t->text);
	take_newline(t);
	while (t->at < t->end) {
		if (take(t, three)) {
			for (int extra = 0; extra < 2 && peek(t, 0) == quote; extra++)
				strbuf_addch(&t->text, *t->at++);
			return 0;
		}
		if (take_newline(t)) {
			strbuf_addch(&t->text, '\n');
		} else if (is_control(*t->at)) {
			return fail(t, "a control character in a string");
		} else if (quote == '"' && *t->at == '\\') {
			if (read_escape(t, true) < 0)
				return -1;
		} else {
			strbuf_addch(&t->text, *t->at++);
		}
	}
	return build_error(t->b, start, "a string that starts here lacks its closing %s", three);
}

static struct param *read_string(struct toml *t)
{
	char quote = *t->at;
	struct param *pa = new_node(t, PARAM_STR, BY_VALUE);
	int failed;

	if (peek(t, 1) == quote && peek(t, 2) == quote) {
		t->at += 3;
		failed = read_long_string(t, quote);
	} else {
		t->at++;
		failed = read_short_string(t, quote);
	}
	pa->s = failed ? "" : arena_strndup(t->b->arena, t->text.buf, t->text.len);
	return failed ? NULL : pa;
}

static bool is_bare(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static int read_key(struct toml *t, struct key *k)
{
	for (;;) {
		skip_blanks(t);
		if (peek(t, 0) == '"' || peek(t, 0) == '\'') {
			if (read_short_string(t, *t->at++) < 0)
				return -1;
			strbuf_add(&k->parts, t->text.buf, t->text.len);
		} else {
			const char *start = t->at;

			while (is_bare(peek(t, 0)))
				t->at++;
			if (t->at == start)
				return fail(t, "a key is expected; one beyond letters, digits, '_', '-' needs quotes");
			strbuf_add(&k->parts, start, (size_t)(t->at - start));
		}
		strbuf_addch(&k->parts, '\0');
		k->n++;
		skip_blanks(t);
		if (!take(t, "."))
			return 0;
		if (k->n >= PARAMS_MAX_DEPTH)
			return fail(t, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
	}
}

/* Reads digits of base with single '_' between them into t->text; false if there is none or an '_' is misplaced. */
static bool take_digits(struct toml *t, int base)
{
	size_t n = 0;

	for (;; n++) {
		int v = hex_value(peek(t, 0));

		if (v >= 0 && v < base) {
			strbuf_addch(&t->text, *t->at++);
			continue;
		}
		v = hex_value(peek(t, 1));
		if (peek(t, 0) != '_' || n == 0 || t->at[-1] == '_' || v < 0 || v >= base)
			return n > 0;
		t->at++;
	}
}

static bool ends_value(const struct toml *t)
{
	return t->at >= t->end || strchr(" \t\r\n,]}#", *t->at);
}

static struct param *not_a_value(struct toml *t, const char *start)
{
	size_t n = 0;

	while (start + n < t->end && n < 40 && !strchr("\r\n,]}#", start[n]))
		n++;
	while (n && strchr(" \t", start[n - 1]))
		n--;
	if (n == 0)
		fail(t, "a value is missing");
	else
		fail(t, "'%.*s' is no value; a string needs \"quotes\"", (int)n, start);
	return NULL;
}

static struct param *int_value(struct toml *t, int base, const char *start)
{
	struct param *pa = new_node(t, PARAM_INT, BY_VALUE);

	errno = 0;
	pa->i = strtoll(t->text.buf, NULL, base);
	if (errno) {
		fail(t, "'%.*s' does not fit 64 bits", (int)MIN(t->at - start, 40), start);
		return NULL;
	}
	return pa;
}

static struct param *float_value(struct toml *t, double x)
{
	struct param *pa = new_node(t, PARAM_FLOAT, BY_VALUE);

	pa->f = x;
	return pa;
}

static struct param *read_number(struct toml *t)
{
	const char *start = t->at;
	bool sign = peek(t, 0) == '-' || peek(t, 0) == '+', fraction = false;
	int base = looking_at(t, "0x") ? 16 : looking_at(t, "0o") ? 8 : looking_at(t, "0b") ? 2 : 10;

	strbuf_clear(&t->text);
	if (base != 10) {
		t->at += 2;
		return take_digits(t, base) && ends_value(t) ? int_value(t, base, start) : not_a_value(t, start);
	}
	if (sign)
		strbuf_addch(&t->text, *t->at++);
	if (take(t, "inf") || take(t, "nan")) {
		double x = t->at[-1] == 'f' ? INFINITY : NAN;

		return ends_value(t) ? float_value(t, *start == '-' ? -x : x) : not_a_value(t, start);
	}
	if (!take_digits(t, 10) || (t->text.buf[sign] == '0' && t->text.len > (size_t)sign + 1))
		return not_a_value(t, start);
	if (take(t, ".")) {
		fraction = true;
		strbuf_addch(&t->text, '.');
		if (!take_digits(t, 10))
			return not_a_value(t, start);
	}
	if (take(t, "e") || take(t, "E")) {
		fraction = true;
		strbuf_addch(&t->text, 'e');
		if (peek(t, 0) == '-' || peek(t, 0) == '+')
			strbuf_addch(&t->text, *t->at++);
		if (!take_digits(t, 10))
			return not_a_value(t, start);
	}
	if (!ends_value(t))
		return not_a_value(t, start);
	return fraction ? float_value(t, strtod(t->text.buf, NULL)) : int_value(t, 10, start);
}

/* Does s match form, in which 'd' is a digit and all else itself? Returns what is behind it, or NULL. */
static const char *match(const char *s, const char *end, const char *form)
{
	for (; *form; form++, s++)
		if (s >= end || (*form == 'd' ? !isdigit((unsigned char)*s) : *s != *form))
			return NULL;
	return s;
}

static int two(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

static bool is_day(const char *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = two(s) * 100 + two(s + 2), month = two(s + 5), day = two(s + 8);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (leap && month == 2);
}

/* Reads a date, a time, or both with or without an offset. Sets *ok to false if it has the form and not the range.
 * Returns what is behind it; NULL if it is something else. */
static const char *match_time(const char *s, const char *end, bool *ok)
{
	const char *date = match(s, end, "dddd-dd-dd"), *time = s, *p;

	*ok = !date || is_day(s);
	if (date) {
		if (date >= end || !strchr("Tt ", *date) || !match(date + 1, end, "dd:"))
			return date;
		time = date + 1;
	}
	p = match(time, end, "dd:dd:dd");
	if (!p)
		return NULL;
	*ok = *ok && two(time) < 24 && two(time + 3) < 60 && two(time + 6) <= 60;
	if (p < end && *p == '.') {
		if (!match(p, end, ".d"))
			return NULL;
		for (p++; p < end && isdigit((unsigned char)*p);)
			p++;
	}
	if (!date || p >= end)
		return p;
	if (*p == 'Z' || *p == 'z')
		return p + 1;
	if (*p != '+' && *p != '-')
		return p;
	if (!match(p + 1, end, "dd:dd"))
		return NULL;
	*ok = *ok && two(p + 1) < 24 && two(p + 4) < 60;
	return p + 6;
}

static struct param *read_time(struct toml *t)
{
	const char *start = t->at, *behind;
	struct param *pa;
	bool ok;

	behind = match_time(start, t->end, &ok);
	if (behind)
		t->at = behind;
	if (!behind || !ok || !ends_value(t))
		return not_a_value(t, start);
	pa = new_node(t, PARAM_STR, BY_VALUE);
	pa->s = arena_strndup(t->b->arena, start, (size_t)(behind - start));
	return pa;
}

static struct param *read_value(struct toml *t);
static int read_pair(struct toml *t, struct param *table, int depth);

static struct param *read_array(struct toml *t)
{
	struct param *list = new_node(t, PARAM_LIST, BY_VALUE), *item;

	t->at++;
	for (;;) {
		if (skip_space(t) < 0)
			return NULL;
		if (take(t, "]"))
			return list;
		item = read_value(t);
		if (!item || skip_space(t) < 0)
			return NULL;
		build_push(t->b, list, item);
		if (!take(t, ",") && peek(t, 0) != ']') {
			build_error(t->b, t->line, "an array (from line %d) wants ',' or ']' here", list->line);
			return NULL;
		}
	}
}

static struct param *read_inline_table(struct toml *t)
{
	struct param *table = new_node(t, PARAM_MAP, BY_HEADER);

	t->at++;
	skip_blanks(t);
	if (!take(t, "}")) {
		do {
			if (read_pair(t, table, t->depth) < 0)
				return NULL;
			skip_blanks(t);
		} while (take(t, ","));
		if (!take(t, "}")) {
			fail(t, "an inline table wants ',' or '}' here; it stands on one line");
			return NULL;
		}
	}
	node_of(table)->origin = BY_VALUE;
	return table;
}

static struct param *read_nested(struct toml *t)
{
	struct param *pa;

	if (t->depth >= PARAMS_MAX_DEPTH) {
		fail(t, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
		return NULL;
	}
	t->depth++;
	pa = *t->at == '[' ? read_array(t) : read_inline_table(t);
	t->depth--;
	return pa;
}

static struct param *read_value(struct toml *t)
{
	const char *start = t->at;
	struct param *pa;

	switch (peek(t, 0)) {
	case '"':
	case '\'': return read_string(t);
	case '[':
	case '{': return read_nested(t);
	case 't':
	case 'f':
		if (!take(t, "true") && !take(t, "false"))
			return not_a_value(t, start);
		pa = new_node(t, PARAM_BOOL, BY_VALUE);
		pa->b = *start == 't';
		return ends_value(t) ? pa : not_a_value(t, start);
	default: break;
	}
	if (match(t->at, t->end, "dddd-") || match(t->at, t->end, "dd:"))
		return read_time(t);
	return read_number(t);
}

/* The table that the key's next part names below map, made if absent, on the way of a dotted key. */
static struct param *step_dots(struct toml *t, struct param *map, const char *part)
{
	struct param *next = build_find(t->b, map, part, strlen(part));

	if (!next) {
		next = new_node(t, PARAM_MAP, BY_DOTS);
		build_put(t->b, map, part, strlen(part), next);
		return next;
	}
	if (next->kind != PARAM_MAP || node_of(next)->origin == BY_HEADER || node_of(next)->origin == BY_VALUE) {
		fail(t, "'%s' is complete since line %d and takes no more keys here", part, next->line);
		return NULL;
	}
	node_of(next)->origin = BY_DOTS;
	return next;
}

/* The same on the way of a header, where an array of tables stands for its last one. */
static struct param *step_header(struct toml *t, struct param *map, const char *part)
{
	struct param *next = build_find(t->b, map, part, strlen(part));

	if (!next) {
		next = new_node(t, PARAM_MAP, BY_SUBHEADER);
		build_put(t->b, map, part, strlen(part), next);
		return next;
	}
	if (next->kind == PARAM_LIST && node_of(next)->origin == BY_ELEMENTS)
		return next->list.v[next->list.n - 1];
	if (next->kind != PARAM_MAP || node_of(next)->origin == BY_VALUE) {
		fail(t, "'%s' is a value since line %d and cannot be a table", part, next->line);
		return NULL;
	}
	return next;
}

/* "key = value" into table. */
static int set_pair(struct toml *t, struct param *table, struct key *k)
{
	const char *part = k->parts.buf;
	struct param *value, *old;
	size_t i;

	for (i = 0; i + 1 < k->n; i++) {
		table = step_dots(t, table, part);
		if (!table)
			return -1;
		part += strlen(part) + 1;
	}
	old = build_find(t->b, table, part, strlen(part));
	if (old)
		return fail(t, "'%s' is set a second time; the first is in line %d", part, old->line);
	skip_blanks(t);
	value = read_value(t);
	if (!value)
		return -1;
	build_put(t->b, table, part, strlen(part), value);
	return 0;
}

static int read_pair(struct toml *t, struct param *table, int depth)
{
	struct key k = {STRBUF_INIT, 0};
	int result = read_key(t, &k), outer = t->depth;

	if (result == 0 && !take(t, "="))
		result = fail(t, "'=' is expected after the key '%s'", k.parts.buf);
	if (result == 0 && depth + (int)k.n > PARAMS_MAX_DEPTH)
		result = fail(t, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
	if (result == 0) {
		t->depth = depth + (int)k.n - 1;
		result = set_pair(t, table, &k);
		t->depth = outer;
	}
	strbuf_release(&k.parts);
	return result;
}

static struct param *open_table(struct toml *t, struct param *map, const char *part)
{
	struct param *table = build_find(t->b, map, part, strlen(part));

	if (!table) {
		table = new_node(t, PARAM_MAP, BY_HEADER);
		build_put(t->b, map, part, strlen(part), table);
		return table;
	}
	if (table->kind != PARAM_MAP || node_of(table)->origin != BY_SUBHEADER) {
		fail(t, "'%s' is defined a second time; the first is in line %d", part, table->line);
		return NULL;
	}
	node_of(table)->origin = BY_HEADER;
	return table;
}

static struct param *open_element(struct toml *t, struct param *map, const char *part)
{
	struct param *list = build_find(t->b, map, part, strlen(part)), *table;

	if (!list) {
		list = new_node(t, PARAM_LIST, BY_ELEMENTS);
		build_put(t->b, map, part, strlen(part), list);
	}
	if (list->kind != PARAM_LIST || node_of(list)->origin != BY_ELEMENTS) {
		fail(t, "'%s' is no array of tables; it is defined in line %d", part, list->line);
		return NULL;
	}
	table = new_node(t, PARAM_MAP, BY_HEADER);
	build_push(t->b, list, table);
	return table;
}

/* Finds the table that a header names. Each part may cost two levels: an array and its element. */
static struct param *find_table(struct toml *t, struct key *k, bool element)
{
	struct param *map = t->b->root;
	const char *part = k->parts.buf;
	size_t i;

	t->table_depth = 1;
	for (i = 0; i + 1 < k->n && map; i++) {
		const struct param *below;

		map = step_header(t, map, part);
		below = map;
		t->table_depth += below && !below->key ? 2 : 1;
		part += strlen(part) + 1;
	}
	t->table_depth += element ? 2 : 1;
	if (map && t->table_depth > PARAMS_MAX_DEPTH) {
		fail(t, "parameters nest deeper than %d levels", PARAMS_MAX_DEPTH);
		return NULL;
	}
	if (!map)
		return NULL;
	return element ? open_element(t, map, part) : open_table(t, map, part);
}

static int read_header(struct toml *t)
{
	struct key k = {STRBUF_INIT, 0};
	bool element = take(t, "[[");
	struct param *table = NULL;

	if (!element)
		t->at++;
	if (read_key(t, &k) == 0) {
		if (take(t, element ? "]]" : "]"))
			table = find_table(t, &k, element);
		else
			fail(t, "the header lacks its '%s'", element ? "]]" : "]");
	}
	strbuf_release(&k.parts);
	if (!table) { /* what follows belongs to nothing, and must not seem to be set twice elsewhere */
		t->table = new_node(t, PARAM_MAP, BY_HEADER);
		t->table_depth = 1;
		return -1;
	}
	t->table = table;
	return 0;
}

/* Goes to the start of the next line that looks like one of its own. */
static void resync(struct toml *t)
{
	while (t->at < t->end) {
		const char *nl = memchr(t->at, '\n', (size_t)(t->end - t->at)), *p;

		t->at = nl ? nl + 1 : t->end;
		t->line += nl != NULL;
		if (peek(t, 0) == '[')
			return;
		for (p = t->at; p < t->end && (is_bare(*p) || strchr(" \t.\"'", *p));)
			p++;
		if (p < t->end && p > t->at && *p == '=')
			return;
	}
}

static int read_line(struct toml *t)
{
	skip_blanks(t);
	if (peek(t, 0) == '[') {
		if (read_header(t) < 0)
			return -1;
	} else if (t->at < t->end && !strchr("#\r\n", *t->at)) {
		if (read_pair(t, t->table, t->table_depth) < 0)
			return -1;
	}
	skip_blanks(t);
	if (skip_comment(t) < 0)
		return -1;
	if (t->at < t->end && !take_newline(t))
		return fail(t, "text after the end of a line's value or header");
	return 0;
}

void params_read_toml(struct build *b, const char *text, size_t n)
{
	struct toml t = {.b = b, .at = text, .end = text + n, .line = 1, .table_depth = 1, .text = STRBUF_INIT};

	if (build_check_utf8(b, text, n) < 0)
		return;
	take(&t, "\xef\xbb\xbf");
	b->root = new_node(&t, PARAM_MAP, BY_HEADER);
	t.table = b->root;
	while (t.at < t.end)
		if (read_line(&t) < 0)
			resync(&t);
	strbuf_release(&t.text);
}
