/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A requirement is
 *
 *     name [extra, extra] (>=1.0, <2) ; marker         the parentheses may lack, and so may all but the name
 *     name [extra] @ url ; marker                      with a blank before the semicolon
 *
 * and a marker compares, with `and`, `or` and parentheses, variables and quoted texts: python_version >= "3.8" and extra == 'test'. As
 * versions they are compared if both are numbers with dots between them, as texts otherwise. */
#include <config.h>

#include "env/requirement.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 64 /* parentheses */
#define NUMBERS 8  /* in a version that is compared */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

static bool is_of_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || is_separator(c);
}

void requirement_normalize(const char *name, size_t n, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!is_separator(name[i]))
			strbuf_addch(out, name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i]);
		else if (!i || !is_separator(name[i - 1]))
			strbuf_addch(out, '-');
	}
}

/* ---- requirements ---- */

struct cursor {
	const char *s, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->s < c->end && is_blank(*c->s))
		c->s++;
}

static bool take(struct cursor *c, char what)
{
	skip_blanks(c);
	if (c->s == c->end || *c->s != what)
		return false;
	c->s++;
	return true;
}

/* NULL if there is no name. */
static const char *take_name(struct cursor *c, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;
	const char *from;

	skip_blanks(c);
	for (from = c->s; c->s < c->end && is_of_name(*c->s); c->s++)
		;
	if (c->s == from)
		return NULL;
	requirement_normalize(from, (size_t)(c->s - from), &name);
	return arena_strndup(a, name.buf, name.len);
}

static bool take_extras(struct cursor *c, struct arena *a, struct requirement *out)
{
	if (!take(c, '['))
		return true;
	while (!take(c, ']')) {
		const char *name = take_name(c, a);

		if (!name)
			return false;
		out->extras = arena_grow(a, (void *)out->extras, out->n_extras, sizeof(*out->extras));
		out->extras[out->n_extras++] = name;
		if (!take(c, ',') && (c->s == c->end || *c->s != ']'))
			return false;
	}
	return true;
}

/* Where the marker begins: behind the first semicolon, of a URL behind the first with a blank before it. */
static const char *find_marker(const struct cursor *c, bool url)
{
	const char *s;

	for (s = c->s; s < c->end; s++)
		if (*s == ';' && (!url || (s > c->s && is_blank(s[-1]))))
			return s + 1;
	return NULL;
}

bool requirement_parse(const char *text, size_t n, struct arena *a, struct requirement *out)
{
	struct cursor c = {text, text + n};
	const char *marker;
	bool url;

	*out = (struct requirement){0};
	if (memchr(text, '\0', n) || !(out->name = take_name(&c, a)) || !take_extras(&c, a, out))
		return false;
	url = take(&c, '@');
	if (!url && c.s < c.end && !strchr("(<>=!~;", *c.s))
		return false;
	marker = find_marker(&c, url);
	if (marker)
		out->marker = arena_strndup(a, marker, (size_t)(c.end - marker));
	return true;
}

/* ---- markers ---- */

struct marker {
	const char *s;
	const struct marker_values *v;
	const char *extra; /* "": none */
	int depth;
	bool broken;
};

struct operand {
	const char *s; /* NULL: not known */
	size_t n;
	bool is_extra, is_full_version;
};

static void marker_blanks(struct marker *m)
{
	while (is_blank(*m->s))
		m->s++;
}

static bool marker_word(struct marker *m, const char *word)
{
	size_t n = strlen(word);

	marker_blanks(m);
	if (strncmp(m->s, word, n) != 0 || isalnum((unsigned char)m->s[n]) || m->s[n] == '_')
		return false;
	m->s += n;
	return true;
}

static struct operand known(const char *s)
{
	return (struct operand){.s = s, .n = s ? strlen(s) : 0};
}

static bool take_variable(struct marker *m, struct operand *out)
{
	const struct { const char *name, *value; } all[] = {
		{"python_version", m->v->python_version},
		{"python_full_version", m->v->python_full_version},
		{"implementation_name", m->v->implementation_name},
		{"implementation_version", m->v->python_full_version},
		{"platform_machine", m->v->platform_machine},
		{"platform_python_implementation", m->v->implementation_name && streq(m->v->implementation_name, "cpython") ? "CPython" : NULL},
		{"os_name", "posix"},   {"sys_platform", "linux"}, {"platform_system", "Linux"}, {"platform_release", NULL},
		{"platform_version", NULL}, {"extra", m->extra},
		{"os.name", "posix"},   {"sys.platform", "linux"}, {"platform.machine", m->v->platform_machine}, /* PEP 345 */
		{"python_implementation", NULL}, {"platform.version", NULL}, {"platform.python_implementation", NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (!marker_word(m, all[i].name))
			continue;
		*out = known(all[i].value);
		out->is_extra = streq(all[i].name, "extra");
		out->is_full_version = streq(all[i].name, "python_full_version") || streq(all[i].name, "implementation_version");
		return true;
	}
	return false;
}

static bool take_operand(struct marker *m, struct operand *out)
{
	const char *end;

	marker_blanks(m);
	if (*m->s != '"' && *m->s != '\'')
		return take_variable(m, out);
	end = strchr(m->s + 1, *m->s);
	if (!end)
		return false;
	*out = (struct operand){.s = m->s + 1, .n = (size_t)(end - m->s - 1)};
	m->s = end + 1;
	return true;
}

enum comparison { CMP_NONE, CMP_LT, CMP_LE, CMP_NE, CMP_EQ, CMP_GE, CMP_GT, CMP_LIKE, CMP_SAME, CMP_IN, CMP_NOT_IN };

static enum comparison take_comparison(struct marker *m)
{
	static const struct { const char *text; enum comparison what; } all[] = {
		{"===", CMP_SAME}, {"<=", CMP_LE}, {"!=", CMP_NE}, {"==", CMP_EQ}, {">=", CMP_GE}, {"~=", CMP_LIKE}, {"<", CMP_LT}, {">", CMP_GT},
	};
	size_t i;

	marker_blanks(m);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (skip_prefix(m->s, all[i].text, &m->s))
			return all[i].what;
	if (marker_word(m, "in"))
		return CMP_IN;
	return marker_word(m, "not") && marker_word(m, "in") ? CMP_NOT_IN : CMP_NONE;
}

struct version {
	long v[NUMBERS];
	size_t n;
	bool any; /* ".*" behind it */
};

static bool read_version(const struct operand *o, struct version *out)
{
	const char *s = o->s, *end = o->s + o->n;

	memset(out, 0, sizeof(*out));
	while (s < end && is_blank(*s))
		s++;
	while (end > s && is_blank(end[-1]))
		end--;
	for (;;) {
		long n = 0;
		const char *from = s;

		if (out->n && s + 1 == end && *s == '*') {
			out->any = true;
			return true;
		}
		for (; s < end && *s >= '0' && *s <= '9' && n < 1000000; s++)
			n = n * 10 + (*s - '0');
		if (s == from || out->n == NUMBERS)
			return false;
		out->v[out->n++] = n;
		if (s == end)
			return true;
		if (*s++ != '.')
			return false;
	}
}

static int compare_versions(const struct version *a, const struct version *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		long x = i < a->n ? a->v[i] : 0, y = i < b->n ? b->v[i] : 0;

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static bool by_order(enum comparison c, int order)
{
	switch (c) {
	case CMP_LT: return order < 0;
	case CMP_LE: return order <= 0;
	case CMP_GE: return order >= 0;
	case CMP_GT: return order > 0;
	case CMP_NE: return order != 0;
	default: return order == 0;
	}
}

static enum marker_truth compare_as_versions(enum comparison c, const struct version *a, const struct version *b)
{
	if (c == CMP_LIKE) /* ~= 3.8.1: at least that, and 3.8.* */
		return b->n > 1 && !b->any && compare_versions(a, b, NUMBERS) >= 0 && compare_versions(a, b, b->n - 1) == 0;
	if (b->any && c != CMP_EQ && c != CMP_NE)
		return MARKER_UNKNOWN;
	return by_order(c, compare_versions(a, b, b->any ? b->n : NUMBERS));
}

/* Of a full version the first two numbers may be known, and tell. */
static enum marker_truth compare_with_unknown(const struct marker *m, enum comparison c, const struct operand *a, const struct operand *b)
{
	struct operand known_part = known(m->v->python_version);
	struct version x, y;

	if (!a->is_full_version || !known_part.s || !b->s || c == CMP_LIKE || !read_version(&known_part, &x) || !read_version(b, &y) ||
	    y.any || y.n < 2 || compare_versions(&x, &y, 2) == 0)
		return MARKER_UNKNOWN;
	return by_order(c, compare_versions(&x, &y, 2));
}

static bool same_text(const struct operand *a, const struct operand *b, bool normalized)
{
	CLEANUP(strbuf_release) struct strbuf x = STRBUF_INIT, y = STRBUF_INIT;

	if (!normalized)
		return a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
	requirement_normalize(a->s, a->n, &x);
	requirement_normalize(b->s, b->n, &y);
	return streq(x.buf, y.buf);
}

static enum marker_truth compare(const struct marker *m, enum comparison c, const struct operand *a, const struct operand *b)
{
	struct version x, y;
	bool extra = a->is_extra || b->is_extra;
	int order;

	if (!a->s || !b->s)
		return compare_with_unknown(m, c, a, b);
	if (c == CMP_IN || c == CMP_NOT_IN)
		return (memmem(b->s, b->n, a->s, a->n) != NULL) == (c == CMP_IN);
	if (c == CMP_SAME)
		return same_text(a, b, false);
	if (!extra && read_version(a, &x) && !x.any && read_version(b, &y))
		return compare_as_versions(c, &x, &y);
	if (c == CMP_EQ || c == CMP_NE)
		return same_text(a, b, extra) == (c == CMP_EQ);
	if (c == CMP_LIKE)
		return MARKER_UNKNOWN;
	order = memcmp(a->s, b->s, MIN(a->n, b->n));
	return by_order(c, order ? order : a->n < b->n ? -1 : a->n > b->n);
}

static enum marker_truth either(struct marker *m);

static enum marker_truth one(struct marker *m)
{
	struct operand a = {0}, b = {0};
	enum marker_truth result;
	enum comparison c;

	marker_blanks(m);
	if (*m->s == '(') {
		m->s++;
		if (m->depth++ == DEEPEST)
			m->broken = true;
		result = m->broken ? MARKER_UNKNOWN : either(m);
		m->depth--;
		marker_blanks(m);
		if (*m->s != ')')
			m->broken = true;
		else
			m->s++;
		return result;
	}
	if (take_operand(m, &a) && (c = take_comparison(m)) != CMP_NONE && take_operand(m, &b))
		return compare(m, c, &a, &b);
	m->broken = true;
	return MARKER_UNKNOWN;
}

static enum marker_truth both(struct marker *m)
{
	enum marker_truth result = one(m), next;

	while (!m->broken && marker_word(m, "and")) {
		next = one(m);
		if (result != MARKER_NO && next != MARKER_YES)
			result = next;
	}
	return result;
}

static enum marker_truth either(struct marker *m)
{
	enum marker_truth result = both(m), next;

	while (!m->broken && marker_word(m, "or")) {
		next = both(m);
		if (result != MARKER_YES && next != MARKER_NO)
			result = next;
	}
	return result;
}

static enum marker_truth holds_for(const char *marker, const struct marker_values *v, const char *extra)
{
	struct marker m = {.s = marker, .v = v, .extra = extra};
	enum marker_truth result = either(&m);

	marker_blanks(&m);
	return m.broken || *m.s ? MARKER_UNKNOWN : result;
}

enum marker_truth marker_holds(const char *marker, const struct marker_values *v, const char *const *extras, size_t n_extras)
{
	enum marker_truth result = holds_for(marker, v, ""), next;
	size_t i;

	for (i = 0; i < n_extras && result != MARKER_YES; i++) {
		next = holds_for(marker, v, extras[i]);
		if (next != MARKER_NO)
			result = next;
	}
	return result;
}
