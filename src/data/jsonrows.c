/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objects of a file mostly have the same names in the same order, so the name that followed the last time is tried first. */
#include <config.h>

#include "data/jsonrows.h"

#include <stdlib.h>
#include <string.h>

#include "util/map.h"

#define MOST_DEPTH 64

struct json_columns {
	struct map by_name; /* number + 1 */
	size_t cap;
	struct strbuf name; /* of the objects around it, dotted */
};

struct parse {
	struct json_columns *c;
	struct strvec *names;
	struct field **fields;
	char *s, *end;
	size_t next; /* the column that is expected */
	const char *why;
};

struct json_columns *json_columns_new(void)
{
	struct json_columns *c = xcalloc(1, sizeof(*c));

	c->name = (struct strbuf)STRBUF_INIT;
	return c;
}

void json_columns_free(struct json_columns *c)
{
	if (!c)
		return;
	map_release(&c->by_name);
	strbuf_release(&c->name);
	free(c);
}

static bool wrong(struct parse *p, const char *why)
{
	p->why = p->why ? p->why : why;
	return false;
}

static void blanks(struct parse *p)
{
	while (p->s < p->end && (*p->s == ' ' || *p->s == '\t' || *p->s == '\r'))
		p->s++;
}

static bool take(struct parse *p, char c)
{
	blanks(p);
	if (p->s >= p->end || *p->s != c)
		return false;
	p->s++;
	return true;
}

static int hex4(const char *s, const char *end)
{
	int x = 0, i;

	for (i = 0; i < 4; i++) {
		int c = s + i < end ? s[i] : 0;
		int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;

		if (digit < 0)
			return -1;
		x = x * 16 + digit;
	}
	return x;
}

static char *put_utf8(char *to, unsigned x)
{
	if (x < 0x80) {
		*to++ = (char)x;
	} else if (x < 0x800) {
		*to++ = (char)(0xc0 | x >> 6);
		*to++ = (char)(0x80 | (x & 63));
	} else if (x < 0x10000) {
		*to++ = (char)(0xe0 | x >> 12);
		*to++ = (char)(0x80 | (x >> 6 & 63));
		*to++ = (char)(0x80 | (x & 63));
	} else {
		*to++ = (char)(0xf0 | x >> 18);
		*to++ = (char)(0x80 | (x >> 12 & 63));
		*to++ = (char)(0x80 | (x >> 6 & 63));
		*to++ = (char)(0x80 | (x & 63));
	}
	return to;
}

/* Behind "\u". A pair of surrogates is one character; half of one is U+FFFD. */
static bool unicode(struct parse *p, char **to)
{
	int x = hex4(p->s, p->end), low;

	if (x < 0)
		return wrong(p, "a \\u without four digits");
	p->s += 4;
	if (x >= 0xd800 && x < 0xdc00 && p->end - p->s >= 6 && p->s[0] == '\\' && p->s[1] == 'u' &&
	    (low = hex4(p->s + 2, p->end)) >= 0xdc00 && low < 0xe000) {
		p->s += 6;
		x = 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
	} else if (x >= 0xd800 && x < 0xe000) {
		x = 0xfffd;
	}
	*to = put_utf8(*to, (unsigned)x);
	return true;
}

static bool escape(struct parse *p, char **to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (p->s >= p->end)
		return wrong(p, "a text that does not end");
	if (*p->s == 'u') {
		p->s++;
		return unicode(p, to);
	}
	at = *p->s ? strchr(from, *p->s) : NULL;
	if (!at)
		return wrong(p, "an unknown escape in a text");
	p->s++;
	*(*to)++ = is[at - from];
	return true;
}

/* Behind the first quote; without escapes, in place. */
static bool text(struct parse *p, char **s, size_t *n)
{
	char *to = *s = p->s;

	while (p->s < p->end && *p->s != '"') {
		char *from = p->s;

		while (p->s < p->end && *p->s != '"' && *p->s != '\\' && (unsigned char)*p->s >= 0x20)
			p->s++;
		if (to != from)
			memmove(to, from, (size_t)(p->s - from));
		to += p->s - from;
		if (p->s < p->end && *p->s == '\\') {
			p->s++;
			if (!escape(p, &to))
				return false;
		} else if (p->s < p->end && *p->s != '"') {
			return wrong(p, "a control character in a text");
		}
	}
	if (p->s >= p->end)
		return wrong(p, "a text that does not end");
	p->s++;
	*n = (size_t)(to - *s);
	return true;
}

static size_t digits(struct parse *p)
{
	char *from = p->s;

	while (p->s < p->end && *p->s >= '0' && *p->s <= '9')
		p->s++;
	return (size_t)(p->s - from);
}

static bool number(struct parse *p, struct field *f)
{
	char *from = p->s;
	size_t n;

	p->s += *p->s == '-';
	n = digits(p);
	if (!n || (n > 1 && p->s[-(ssize_t)n] == '0'))
		return wrong(p, "what is neither a text, a number, an object, a list, true, false nor null");
	if (p->s < p->end && *p->s == '.') {
		p->s++;
		if (!digits(p))
			return wrong(p, "a number without digits behind its point");
	}
	if (p->s < p->end && (*p->s | 32) == 'e') {
		p->s++;
		p->s += p->s < p->end && (*p->s == '+' || *p->s == '-');
		if (!digits(p))
			return wrong(p, "a number without digits in its exponent");
	}
	*f = (struct field){from, (size_t)(p->s - from), FIELD_NUMBER};
	return true;
}

static bool word(struct parse *p, struct field *f)
{
	static const struct {
		const char *word;
		enum field_kind kind;
	} words[] = {{"true", FIELD_BOOL}, {"false", FIELD_BOOL}, {"null", FIELD_NULL}};
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		n = strlen(words[i].word);
		if ((size_t)(p->end - p->s) >= n && memcmp(p->s, words[i].word, n) == 0) {
			*f = (struct field){p->s, n, words[i].kind};
			p->s += n;
			return true;
		}
	}
	return number(p, f);
}

/* A list, of which all stands as it is: only its end is looked for. */
static bool list(struct parse *p, struct field *f)
{
	char *from = p->s;
	size_t depth = 0;

	for (; p->s < p->end; p->s++) {
		if (*p->s == '"') {
			for (p->s++; p->s < p->end && *p->s != '"'; p->s++)
				p->s += *p->s == '\\';
		} else if (*p->s == '[' || *p->s == '{') {
			depth++;
		} else if ((*p->s == ']' || *p->s == '}') && --depth == 0) {
			p->s++;
			*f = (struct field){from, (size_t)(p->s - from), FIELD_LIST};
			return true;
		}
	}
	p->s = p->end;
	return wrong(p, "a list that does not end");
}

static bool is_name(const struct parse *p, size_t i, const char *s, size_t n)
{
	return i < p->names->n && strlen(p->names->v[i]) == n && memcmp(p->names->v[i], s, n) == 0;
}

/* The number of the column of this name, a new one if need be. */
static bool column(struct parse *p, const char *s, size_t n, size_t *number)
{
	struct json_columns *c = p->c;
	void *known;

	if (is_name(p, p->next, s, n)) {
		*number = p->next;
	} else if ((known = map_getn(&c->by_name, s, n))) {
		*number = (uintptr_t)known - 1;
	} else if (p->names->n >= ROWS_MOST_COLUMNS) {
		return wrong(p, "there are more than 20,000 different names");
	} else if (memchr(s, '\0', n)) {
		return wrong(p, "a name with a NUL in it");
	} else {
		size_t had = c->cap;

		*number = p->names->n;
		strvec_push_owned(p->names, xstrndup(s, n));
		map_put(&c->by_name, p->names->v[*number], (void *)(uintptr_t)(*number + 1));
		ALLOC_GROW(*p->fields, p->names->n, c->cap);
		if (c->cap != had)
			memset(*p->fields + had, 0, (c->cap - had) * sizeof(**p->fields));
	}
	p->next = *number + 1;
	if ((*p->fields)[*number].kind != FIELD_ABSENT)
		return wrong(p, "a name that comes twice");
	return true;
}

static bool object(struct parse *p, size_t depth);

static bool member(struct parse *p, size_t depth)
{
	size_t outer = p->c->name.len, n, number;
	struct field f;
	char *s;
	bool fine;

	if (!take(p, '"'))
		return wrong(p, "a name without quotes");
	if (!text(p, &s, &n))
		return false;
	if (!take(p, ':'))
		return wrong(p, "a name without ':'");
	blanks(p);
	if (p->s >= p->end)
		return wrong(p, "a name without a value");
	if (*p->s == '{') {
		strbuf_add(&p->c->name, s, n);
		strbuf_addch(&p->c->name, '.');
		fine = depth < MOST_DEPTH ? object(p, depth + 1) : wrong(p, "objects in objects, more than 64 deep");
		strbuf_setlen(&p->c->name, outer);
		return fine;
	}
	if (outer)
		strbuf_add(&p->c->name, s, n);
	fine = outer ? column(p, p->c->name.buf, p->c->name.len, &number) : column(p, s, n, &number);
	strbuf_setlen(&p->c->name, outer);
	if (!fine)
		return false;
	if (*p->s == '"') {
		p->s++;
		f.kind = FIELD_STRING;
		fine = text(p, &s, &f.n);
		f.s = s;
	} else {
		fine = *p->s == '[' ? list(p, &f) : word(p, &f);
	}
	if (fine)
		(*p->fields)[number] = f;
	return fine;
}

static bool object(struct parse *p, size_t depth)
{
	if (!take(p, '{'))
		return wrong(p, "the line is no object");
	if (take(p, '}'))
		return true;
	do
		if (!member(p, depth))
			return false;
	while (take(p, ','));
	return take(p, '}') || wrong(p, "an object that does not end");
}

const char *json_row(struct json_columns *c, char *s, size_t n, struct strvec *names, struct field **fields)
{
	struct parse p = {.c = c, .names = names, .fields = fields, .s = s, .end = s + n};

	if (*fields)
		memset(*fields, 0, names->n * sizeof(**fields));
	strbuf_clear(&c->name);
	if (object(&p, 0)) {
		blanks(&p);
		if (p.s < p.end)
			wrong(&p, "text behind the object");
	}
	return p.why;
}
