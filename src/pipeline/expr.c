/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recursive descent over words, each with its place. Numbers and truths are told apart while reading, so that what is evaluated makes
 * sense. */
#include <config.h>

#include "pipeline/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

#define MOST_DEPTH 100
#define MOST_TEXT 65536
#define MOST_NODES 4000 /* a chain of operators is as deep as it is long */

struct parser {
	const char *text;
	size_t at; /* blanks are behind it */
	struct arena *a;
	int depth;
	int n; /* nodes */
	struct err *err;
};

static const struct {
	const char *name;
	enum expr_op op;
	size_t least, most; /* arguments */
} functions[] = {
	{"abs", EXPR_ABS, 1, 1}, {"sqrt", EXPR_SQRT, 1, 1}, {"min", EXPR_MIN, 1, 100}, {"max", EXPR_MAX, 1, 100},
	{"mean", EXPR_MEAN, 1, 100}, {"sum", EXPR_SUM, 1, 100}, {"count", EXPR_COUNT, 1, 1},
};


PRINTF(3, 4) static void *fail(struct parser *p, size_t where, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&msg, fmt, ap);
	va_end(ap);
	err_set(p->err, ERR_PARSE, "column %zu: %s", where + 1, msg.buf);
	return NULL;
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char)p->text[p->at]))
		p->at++;
}

/* Takes a sign that stands next. */
static bool take(struct parser *p, const char *sign)
{
	size_t n = strlen(sign);

	if (strncmp(p->text + p->at, sign, n) != 0)
		return false;
	p->at += n;
	skip_blanks(p);
	return true;
}

static bool in_word(unsigned char c)
{
	return isalnum(c) || c == '_' || c == '@' || c >= 0x80;
}

/* Takes a word that stands next, whole. */
static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(p->text + p->at, word, n) != 0 || in_word((unsigned char)p->text[p->at + n]) || p->text[p->at + n] == '.')
		return false;
	return take(p, word);
}

static struct expr *new_expr(struct parser *p, enum expr_op op, size_t from, size_t n)
{
	struct expr *e = arena_calloc(p->a, sizeof(*e));

	p->n++;
	e->op = op;
	e->from = from;
	e->args = arena_alloc(p->a, (n + 1) * sizeof(*e->args));
	return e;
}

/* e has been read up to here. */
static struct expr *ended(struct parser *p, struct expr *e)
{
	e->to = p->at;
	while (e->to > e->from && isspace((unsigned char)p->text[e->to - 1]))
		e->to--;
	return e;
}

static struct expr *join(struct parser *p, enum expr_op op, struct expr *left, struct expr *right)
{
	struct expr *e = new_expr(p, op, left->from, 2);

	e->args[e->n++] = left;
	e->args[e->n++] = right;
	return ended(p, e);
}

static bool is_number(struct parser *p, const struct expr *e)
{
	if (e && expr_is_truth(e->op))
		fail(p, e->from, "a number is expected here, and this is true or false");
	return e && !expr_is_truth(e->op);
}

static bool is_truth(struct parser *p, const struct expr *e)
{
	if (e && !expr_is_truth(e->op))
		fail(p, e->from, "this is a number; compare it with another, as in 'auc >= 0.8'");
	return e && expr_is_truth(e->op);
}

static struct expr *read_any(struct parser *p);

/* ---- names ---- */

/* A part in quotes, where '\' stands before a quote or another. */
static const char *read_quoted(struct parser *p)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t from = p->at++;
	char c;

	while ((c = p->text[p->at]) && c != '"') {
		if (c == '\\' && (p->text[p->at + 1] == '"' || p->text[p->at + 1] == '\\'))
			c = p->text[++p->at];
		strbuf_addch(&out, c);
		p->at++;
	}
	if (!c)
		return fail(p, from, "the quote has no end");
	p->at++;
	return arena_strndup(p->a, out.buf, out.len);
}

static const char *read_part(struct parser *p)
{
	size_t from = p->at;

	if (p->text[p->at] == '"')
		return read_quoted(p);
	while (in_word((unsigned char)p->text[p->at]))
		p->at++;
	if (p->at == from)
		return fail(p, from, p->text[from] ? "a name is expected at '%.20s'" : "a name is expected at the end%s", p->text + from);
	return arena_strndup(p->a, p->text + from, p->at - from);
}

static bool add_part(struct parser *p, struct expr_name *name)
{
	const char *part = read_part(p);

	if (!part)
		return false;
	name->parts = arena_grow(p->a, name->parts, name->n, sizeof(*name->parts));
	name->parts[name->n++] = part;
	return true;
}

/* The parts of a name, and what it is to be called. */
static struct expr *end_name(struct parser *p, struct expr_name *name, size_t from)
{
	struct expr *e = new_expr(p, EXPR_NAME, from, 0);

	while (p->text[p->at] == '.') {
		p->at++;
		if (!add_part(p, name))
			return NULL;
	}
	name->column = from + 1;
	name->text = arena_strndup(p->a, p->text + from, p->at - from);
	e->name = name;
	skip_blanks(p);
	return ended(p, e);
}

/* file("NAME") or match("NAME", "PATTERN"), behind the parenthesis. */
static struct expr *read_file(struct parser *p, size_t from, bool is_match)
{
	struct expr_name *name = arena_calloc(p->a, sizeof(*name));

	if (p->text[p->at] != '"')
		return fail(p, p->at, "the name of a file in quotes is expected");
	if (!(name->file = read_quoted(p)))
		return NULL;
	if (!*name->file)
		return fail(p, from, "an empty name");
	skip_blanks(p);
	if (is_match) {
		if (!take(p, ",") || p->text[p->at] != '"')
			return fail(p, p->at, "a pattern in quotes is expected, as in match(\"train.log\", \"loss=([0-9.]+)\")");
		if (!(name->pattern = read_quoted(p)))
			return NULL;
		skip_blanks(p);
	}
	if (p->text[p->at] != ')')
		return fail(p, p->at, "')' is expected");
	p->at++;
	if (is_match && p->text[p->at] == '.')
		return fail(p, p->at, "what is matched has no parts");
	if (!is_match && p->text[p->at] != '.')
		return fail(p, p->at, "which value of it? write file(\"%s\").NAME", name->file);
	return end_name(p, name, from);
}

/* ---- numbers ---- */

static struct expr *read_number(struct parser *p)
{
	struct expr *e = new_expr(p, EXPR_NUMBER, p->at, 0);
	const char *s = p->text + p->at;
	size_t n = strspn(s, "0123456789.");
	char *end;

	if ((s[n] == 'e' || s[n] == 'E') && strspn(s + n + 1 + (s[n + 1] == '-' || s[n + 1] == '+'), "0123456789"))
		n += 1 + (s[n + 1] == '-' || s[n + 1] == '+') + strspn(s + n + 1 + (s[n + 1] == '-' || s[n + 1] == '+'), "0123456789");
	e->number = strtod(s, &end);
	if (end != s + n || in_word((unsigned char)s[n]))
		return fail(p, p->at, "'%.*s' is no number%s", (int)(n + strspn(s + n, "%abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")), s,
			    s[n] == '%' ? "; there are no units: write 0.05 for 5%" : "");
	if (s[n] == '%')
		return fail(p, p->at + n, "there are no units: write 0.05 for 5%%");
	if (!isfinite(e->number))
		return fail(p, p->at, "the number is too large");
	p->at += n;
	skip_blanks(p);
	return ended(p, e);
}

static void *unknown_function(struct parser *p, size_t from, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		nearest_offer(&near, functions[i].name);
	nearest_offer(&near, "file");
	nearest_offer(&near, "match");
	nearest_hint(&near, &hint);
	return fail(p, from, "there is no function '%s'%s", name, near.best ? hint.buf : "; there are abs, sqrt, min, max, mean, sum, count, file and match");
}

static struct expr *read_call(struct parser *p, size_t from, const char *name)
{
	struct expr *e, *arg;
	size_t i;

	if (streq(name, "file") || streq(name, "match"))
		return read_file(p, from, *name == 'm');
	for (i = 0; i < ARRAY_SIZE(functions) && !streq(functions[i].name, name); i++)
		;
	if (i == ARRAY_SIZE(functions))
		return unknown_function(p, from, name);
	e = new_expr(p, functions[i].op, from, functions[i].most);
	do {
		if (e->n == functions[i].most)
			return fail(p, p->at, "%s() takes %zu %s", name, functions[i].most, functions[i].most == 1 ? "thing" : "things at most");
		arg = read_any(p);
		if (!is_number(p, arg))
			return NULL;
		e->args[e->n++] = arg;
	} while (take(p, ","));
	if (!take(p, ")"))
		return fail(p, p->at, "')' is expected");
	return ended(p, e);
}

static struct expr *read_name(struct parser *p)
{
	struct expr_name *name = arena_calloc(p->a, sizeof(*name));
	size_t from = p->at, behind;
	bool quoted = p->text[from] == '"';

	if (!add_part(p, name))
		return NULL;
	behind = p->at;
	skip_blanks(p);
	if (!quoted && take(p, "("))
		return read_call(p, from, name->parts[0]);
	p->at = behind;
	return end_name(p, name, from);
}

static struct expr *read_primary(struct parser *p)
{
	size_t from = p->at;
	struct expr *e;
	char c = p->text[from];

	if (take(p, "(")) {
		e = read_any(p);
		if (!e)
			return NULL;
		if (!take(p, ")"))
			return fail(p, p->at, "')' is expected, for the '(' in column %zu", from + 1);
		return e;
	}
	if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)p->text[from + 1])))
		return read_number(p);
	if (c == '"' || in_word((unsigned char)c)) {
		if (take_word(p, "and") || take_word(p, "or") || take_word(p, "not"))
			return fail(p, from, "something to compare is missing here");
		return read_name(p);
	}
	if (!c)
		return fail(p, from, "it ends where something is expected");
	return fail(p, from, "'%.*s' is not expected here", (int)MAX(text_utf8_len(p->text + from, strlen(p->text + from)), (size_t)1), p->text + from);
}

static struct expr *read_unary(struct parser *p)
{
	size_t from = p->at;
	struct expr *e, *arg;

	if (p->text[p->at] != '-' && p->text[p->at] != '+')
		return read_primary(p);
	if (++p->depth > MOST_DEPTH)
		return fail(p, from, "nested more than %d deep", MOST_DEPTH);
	if (take(p, "+")) {
		e = read_unary(p);
		p->depth--;
		return is_number(p, e) ? e : NULL;
	}
	take(p, "-");
	arg = read_unary(p);
	p->depth--;
	if (!is_number(p, arg))
		return NULL;
	e = new_expr(p, EXPR_NEGATE, from, 1);
	e->args[e->n++] = arg;
	return ended(p, e);
}

static struct expr *read_product(struct parser *p)
{
	struct expr *left = read_unary(p), *right;

	while (left && (p->text[p->at] == '*' || p->text[p->at] == '/')) {
		enum expr_op op = p->text[p->at] == '*' ? EXPR_MUL : EXPR_DIV;

		p->at++;
		skip_blanks(p);
		right = is_number(p, left) ? read_unary(p) : NULL;
		left = is_number(p, right) ? join(p, op, left, right) : NULL;
	}
	return left;
}

static struct expr *read_sum(struct parser *p)
{
	struct expr *left = read_product(p), *right;

	while (left && (p->text[p->at] == '+' || p->text[p->at] == '-')) {
		enum expr_op op = p->text[p->at] == '+' ? EXPR_ADD : EXPR_SUB;

		p->at++;
		skip_blanks(p);
		right = is_number(p, left) ? read_product(p) : NULL;
		left = is_number(p, right) ? join(p, op, left, right) : NULL;
	}
	return left;
}

static bool take_comparison(struct parser *p, enum expr_op *op)
{
	static const struct {
		const char *sign;
		enum expr_op op;
	} signs[] = {{"<=", EXPR_LE}, {">=", EXPR_GE}, {"==", EXPR_EQ}, {"!=", EXPR_NE}, {"<", EXPR_LT}, {">", EXPR_GT}, {"=", EXPR_EQ},
		     {"\xe2\x89\xa4", EXPR_LE}, {"\xe2\x89\xa5", EXPR_GE}, {"\xe2\x89\xa0", EXPR_NE}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signs); i++)
		if (take(p, signs[i].sign)) {
			*op = signs[i].op;
			return true;
		}
	return false;
}

static struct expr *read_comparison(struct parser *p)
{
	struct expr *left = read_sum(p), *right;
	enum expr_op op;
	size_t at = p->at;

	if (!left || !take_comparison(p, &op))
		return left;
	right = is_number(p, left) ? read_sum(p) : NULL;
	if (!is_number(p, right))
		return NULL;
	left = join(p, op, left, right);
	at = p->at;
	if (take_comparison(p, &op))
		return fail(p, at, "comparisons do not chain; write 'a < b and b < c'");
	return left;
}

static struct expr *read_not(struct parser *p)
{
	size_t from = p->at;
	struct expr *e, *arg;

	if (!take_word(p, "not"))
		return read_comparison(p);
	if (++p->depth > MOST_DEPTH)
		return fail(p, from, "nested more than %d deep", MOST_DEPTH);
	arg = read_not(p);
	p->depth--;
	if (!is_truth(p, arg))
		return NULL;
	e = new_expr(p, EXPR_NOT, from, 1);
	e->args[e->n++] = arg;
	return ended(p, e);
}

static struct expr *read_and(struct parser *p)
{
	struct expr *left = read_not(p), *right;

	while (left && take_word(p, "and")) {
		right = is_truth(p, left) ? read_not(p) : NULL;
		left = is_truth(p, right) ? join(p, EXPR_AND, left, right) : NULL;
	}
	return left;
}

static struct expr *read_any(struct parser *p)
{
	struct expr *left, *right;

	if (++p->depth > MOST_DEPTH)
		return fail(p, p->at, "nested more than %d deep", MOST_DEPTH);
	left = read_and(p);
	while (left && take_word(p, "or")) {
		right = is_truth(p, left) ? read_and(p) : NULL;
		left = is_truth(p, right) ? join(p, EXPR_OR, left, right) : NULL;
	}
	p->depth--;
	return left;
}

static struct expr *read_whole(struct parser *p)
{
	struct expr *e;

	if (strlen(p->text) > MOST_TEXT)
		return fail(p, MOST_TEXT, "it is longer than %d bytes", MOST_TEXT);
	skip_blanks(p);
	e = read_any(p);
	if (e && p->text[p->at])
		return fail(p, p->at, "'%.20s' is not expected here", p->text + p->at);
	if (e && p->n > MOST_NODES)
		return fail(p, p->at, "it has more than %d names, numbers and operators", MOST_NODES);
	return e;
}

int expr_parse(const char *text, struct arena *a, struct expr **out, struct err *err)
{
	struct parser p = {.text = text, .a = a, .err = err};

	*out = read_whole(&p);
	return is_truth(&p, *out) ? 0 : -1;
}

int expr_parse_number(const char *text, struct arena *a, struct expr **out, struct err *err)
{
	struct parser p = {.text = text, .a = a, .err = err};

	*out = read_whole(&p);
	return is_number(&p, *out) ? 0 : -1;
}

void expr_names(const struct expr *e, void (*visit)(void *ctx, const struct expr_name *name), void *ctx)
{
	size_t i;

	if (e->op == EXPR_NAME)
		visit(ctx, e->name);
	for (i = 0; i < e->n; i++)
		expr_names(e->args[i], visit, ctx);
}

/* ---- slopes ---- */

static enum expr_slope turned(enum expr_slope s)
{
	return s == EXPR_EASIER ? EXPR_HARDER : s == EXPR_HARDER ? EXPR_EASIER : s;
}

static enum expr_slope both(enum expr_slope x, enum expr_slope y)
{
	return x == EXPR_FLAT ? y : y == EXPR_FLAT || x == y ? x : EXPR_UNKNOWN;
}

static int no_values(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err)
{
	(void)ctx;
	(void)out;
	return err_set(err, ERR_INVALID, "'%s' is no constant", name->text);
}

/* The sign of e if it has no names; 0 if it has, or is 0. */
static int constant_sign(const struct expr *e)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct expr_world w = {no_values, NULL};
	struct expr_values v;

	if (expr_numbers(e, &w, &a, &v, NULL) != 0)
		return 0;
	return v.v[0] > 0 ? 1 : v.v[0] < 0 ? -1 : 0;
}

/* x * y, of which sign is that of y. */
static enum expr_slope scaled(enum expr_slope x, int sign)
{
	return x == EXPR_FLAT || sign > 0 ? x : sign < 0 ? turned(x) : EXPR_UNKNOWN;
}

enum expr_slope expr_slope(const struct expr *e, const char *name)
{
	enum expr_slope s[2] = {EXPR_FLAT, EXPR_FLAT}, all = EXPR_FLAT;
	size_t i;

	if (e->op == EXPR_NAME)
		return streq(e->name->text, name) ? EXPR_EASIER : EXPR_FLAT;
	for (i = 0; i < e->n; i++) {
		s[MIN(i, (size_t)1)] = expr_slope(e->args[i], name);
		all = both(all, s[MIN(i, (size_t)1)]);
	}
	switch (e->op) {
	case EXPR_NEGATE:
	case EXPR_NOT: return turned(s[0]);
	case EXPR_SUB:
	case EXPR_GT:
	case EXPR_GE: return both(s[0], turned(s[1]));
	case EXPR_LT:
	case EXPR_LE: return both(turned(s[0]), s[1]);
	case EXPR_MUL:
		return both(scaled(s[0], constant_sign(e->args[1])), scaled(s[1], constant_sign(e->args[0])));
	case EXPR_DIV: return both(scaled(s[0], constant_sign(e->args[1])), s[1] == EXPR_FLAT ? EXPR_FLAT : EXPR_UNKNOWN);
	case EXPR_ABS:
	case EXPR_EQ:
	case EXPR_NE: return all == EXPR_FLAT ? EXPR_FLAT : EXPR_UNKNOWN;
	case EXPR_COUNT: return EXPR_FLAT;
	default: return all; /* sums, means, least and greatest; and, or */
	}
}

/* ---- values ---- */

static int not_finite(double x, const char *what, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	text_add_double(&words, x);
	return err_set(err, ERR_INVALID, "%s is %s", what, words.buf);
}

static double combine(enum expr_op op, double x, double y)
{
	switch (op) {
	case EXPR_ADD: return x + y;
	case EXPR_SUB: return x - y;
	case EXPR_MUL: return x * y;
	case EXPR_DIV: return x / y;
	case EXPR_MIN: return fmin(x, y);
	case EXPR_MAX: return fmax(x, y);
	default: return x + y; /* sum, mean */
	}
}

/* One by one; what is one value goes with each of the other. */
static int spread(enum expr_op op, const struct expr_values *x, const struct expr_values *y, struct arena *a, struct expr_values *out,
		  struct err *err)
{
	size_t i, n = MAX(x->n, y->n);
	double *v = arena_alloc(a, n * sizeof(*v));

	if (x->n != n && x->n != 1)
		return err_set(err, ERR_INVALID, "%zu values meet %zu", x->n, y->n);
	if (y->n != n && y->n != 1)
		return err_set(err, ERR_INVALID, "%zu values meet %zu", x->n, y->n);
	for (i = 0; i < n; i++)
		v[i] = combine(op, x->v[x->n == 1 ? 0 : i], y->v[y->n == 1 ? 0 : i]);
	*out = (struct expr_values){v, n};
	return 0;
}

/* Over the values of one thing. */
static void fold(enum expr_op op, const struct expr_values *x, struct arena *a, struct expr_values *out)
{
	double *v = arena_alloc(a, sizeof(*v));
	size_t i;

	*v = x->v[0];
	for (i = 1; i < x->n; i++)
		*v = combine(op, *v, x->v[i]);
	if (op == EXPR_MEAN)
		*v /= (double)x->n;
	if (op == EXPR_COUNT)
		*v = (double)x->n;
	*out = (struct expr_values){v, 1};
}

static void map_one(enum expr_op op, const struct expr_values *x, struct arena *a, struct expr_values *out)
{
	double *v = arena_alloc(a, x->n * sizeof(*v));
	size_t i;

	for (i = 0; i < x->n; i++)
		v[i] = op == EXPR_ABS ? fabs(x->v[i]) : op == EXPR_SQRT ? sqrt(x->v[i]) : -x->v[i];
	*out = (struct expr_values){v, x->n};
}

static int work_out(const struct expr *e, const struct expr_values *args, struct arena *a, struct expr_values *out, struct err *err)
{
	double *v;
	size_t i, k;

	if (e->op == EXPR_NEGATE || e->op == EXPR_ABS || e->op == EXPR_SQRT) {
		map_one(e->op, &args[0], a, out);
		return 0;
	}
	if (e->n == 1) {
		fold(e->op, &args[0], a, out);
		return 0;
	}
	*out = args[0];
	for (i = 1; i < e->n; i++)
		if (spread(e->op, out, &args[i], a, out, err) < 0)
			return -1;
	if (e->op != EXPR_MEAN)
		return 0;
	v = arena_alloc(a, out->n * sizeof(*v));
	for (k = 0; k < out->n; k++)
		v[k] = out->v[k] / (double)e->n;
	out->v = v;
	return 0;
}

static int finite_values(const struct expr_values *v, const char *what, struct err *err)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (!isfinite(v->v[i]))
			return not_finite(v->v[i], what, err);
	return 0;
}

int expr_numbers(const struct expr *e, const struct expr_world *w, struct arena *a, struct expr_values *out, struct err *err)
{
	struct expr_values *args;
	size_t i;
	int got, none = 0;

	if (e->op == EXPR_NUMBER) {
		*out = (struct expr_values){&e->number, 1};
		return 0;
	}
	if (e->op == EXPR_NAME) {
		got = w->values(w->ctx, e->name, out, err);
		return got < 0 || finite_values(out, e->name->text, err) < 0 ? -1 : got;
	}
	args = arena_alloc(a, (e->n + 1) * sizeof(*args));
	for (i = 0; i < e->n; i++) {
		got = expr_numbers(e->args[i], w, a, &args[i], err);
		if (got < 0)
			return -1;
		none |= got;
	}
	if (none)
		return 1;
	return work_out(e, args, a, out, err) < 0 ? -1 : finite_values(out, e->op == EXPR_DIV ? "a quotient" : "a value", err);
}

static void compare_one(enum expr_op op, double x, double y, struct expr_margin *m)
{
	double less = y - x, more = x - y;

	m->left = x;
	m->right = y;
	switch (op) {
	case EXPR_LT: m->margin = less; m->holds = x < y; break;
	case EXPR_LE: m->margin = less; m->holds = x <= y; break;
	case EXPR_GT: m->margin = more; m->holds = x > y; break;
	case EXPR_GE: m->margin = more; m->holds = x >= y; break;
	case EXPR_EQ: m->margin = -fabs(more); m->holds = !(x < y || x > y); break;
	default: m->margin = fabs(more); m->holds = x < y || x > y; break;
	}
}

int expr_compare(const struct expr *e, const struct expr_world *w, struct expr_margin *out, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct expr_values x, y;
	struct expr_margin m;
	size_t i, n;
	int left, right;

	left = expr_numbers(e->args[0], w, &a, &x, err);
	right = left < 0 ? -1 : expr_numbers(e->args[1], w, &a, &y, err);
	if (left || right)
		return right < 0 ? -1 : 1;
	n = MAX(x.n, y.n);
	if ((x.n != n && x.n != 1) || (y.n != n && y.n != 1))
		return err_set(err, ERR_INVALID, "%zu values are compared with %zu", x.n, y.n);
	for (i = 0; i < n; i++) {
		compare_one(e->op, x.v[x.n == 1 ? 0 : i], y.v[y.n == 1 ? 0 : i], &m);
		m.at = i;
		if (!i || (out->holds && !m.holds) || (out->holds == m.holds && m.margin < out->margin))
			*out = m;
	}
	out->n = n;
	return 0;
}

int expr_holds(const struct expr *e, const struct expr_world *w, bool *holds, struct err *err)
{
	struct expr_margin m;
	bool v[2] = {false, false}, decides = e->op == EXPR_OR;
	int got[2] = {0, 0};
	size_t i;

	if (expr_is_comparison(e->op)) {
		got[0] = expr_compare(e, w, &m, err);
		if (got[0] == 0)
			*holds = m.holds;
		return got[0];
	}
	for (i = 0; i < e->n; i++)
		if ((got[i] = expr_holds(e->args[i], w, &v[i], err)) < 0)
			return -1;
	*holds = e->op == EXPR_NOT ? !v[0] : !decides;
	for (i = 0; i < e->n && e->op != EXPR_NOT; i++)
		if (!got[i] && v[i] == decides) {
			*holds = decides;
			return 0;
		}
	return got[0] || got[1];
}
