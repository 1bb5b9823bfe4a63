/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requirements over numbers: "auc >= production.auc - 0.005 and max(loss) < 2".
 *
 *     or, and, not                    of what is true or false
 *     < <= > >= = == !=               of numbers, not in a chain
 *     + - * /, unary -, parentheses   of numbers
 *     abs(x) sqrt(x)
 *     min max mean sum count          of one thing: over its values, where it has several; min and max of more: the least and greatest
 *     12 0.5 1e-3                     numbers, without units
 *     auc, test.auc, evaluate@3.auc   names: parts with dots between them; "f1-score" in quotes where a part has other characters
 *     file("report.json").auc         a value in a file
 *     match("train.log", "loss=(.*)") what the last line that matches says: of the first group, or of all that matches
 *
 * A name may have several values, as of all instances of a stage. Numbers are then combined one by one, and a comparison has to hold for
 * each. Nothing here knows what names mean. */
#ifndef PIPELINE_EXPR_H
#define PIPELINE_EXPR_H

#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

enum expr_op {
	EXPR_NUMBER, EXPR_NAME,
	EXPR_NEGATE, EXPR_ADD, EXPR_SUB, EXPR_MUL, EXPR_DIV,
	EXPR_ABS, EXPR_SQRT, EXPR_MIN, EXPR_MAX, EXPR_MEAN, EXPR_SUM, EXPR_COUNT,
	EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE, EXPR_EQ, EXPR_NE, /* from here on: true or false */
	EXPR_AND, EXPR_OR, EXPR_NOT,
};
static inline bool expr_is_truth(enum expr_op op)
{
	return op >= EXPR_LT;
}
static inline bool expr_is_comparison(enum expr_op op)
{
	return op >= EXPR_LT && op <= EXPR_NE;
}

struct expr_name {
	const char **parts;   /* "evaluate@3", "auc" */
	size_t n;
	const char *file;     /* of file() and match(); NULL: neither */
	const char *pattern;  /* of match() */
	const char *text;     /* as it is written here, blanks squeezed: `evaluate@3.auc`, `file("r.json").auc` */
	size_t column;        /* from 1 */
};

struct expr {
	enum expr_op op;
	double number;
	const struct expr_name *name;
	struct expr **args;
	size_t n;
	size_t from, to; /* the text that it was read from: bytes [from, to) */
};

/* Reads text, which has to be true or false. In a. ERR_PARSE: "column 9: ...". */
NODISCARD int expr_parse(const char *text, struct arena *a, struct expr **out, struct err *err);
/* The same of what has to be a number. */
NODISCARD int expr_parse_number(const char *text, struct arena *a, struct expr **out, struct err *err);
/* Calls visit for each name in e, in order of the text. */
void expr_names(const struct expr *e, void (*visit)(void *ctx, const struct expr_name *name), void *ctx);

/* Is e, a truth, the easier to hold the greater the values of the name written `name` are (EXPR_EASIER), the harder, neither, or can that not be
 * told? */
enum expr_slope { EXPR_FLAT, EXPR_EASIER, EXPR_HARDER, EXPR_UNKNOWN };
enum expr_slope expr_slope(const struct expr *e, const char *name);

struct expr_values {
	const double *v;
	size_t n;
};

struct expr_world {
	/* What name stands for: one value or more. 1: there is none yet, and *out is what there is of them; -1 and err. */
	int (*values)(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err);
	void *ctx;
};

/* The numbers that e, which is no truth, stands for. In a. ERR_INVALID if one is not finite, or lists of several lengths meet. 1: it has none
 * yet, and what it names is fine otherwise. */
NODISCARD int expr_numbers(const struct expr *e, const struct expr_world *w, struct arena *a, struct expr_values *out,
			   struct err *err);
/* Does e, which is a truth, hold? All of it is looked at, so that what is missing anywhere is an error. 1: that hangs on comparisons with what
 * is not there yet; *holds is not set. */
NODISCARD int expr_holds(const struct expr *e, const struct expr_world *w, bool *holds, struct err *err);

/* A comparison: the values where it is nearest to failing, or fails by most, and by how much it holds: negative or 0 and not *holds if it does not. Of
 * = and != by how much the sides differ. 1: a side has no value yet. */
struct expr_margin {
	double left, right, margin;
	size_t at, n; /* which of the values, and how many there are to compare */
	bool holds;
};
NODISCARD int expr_compare(const struct expr *e, const struct expr_world *w, struct expr_margin *out, struct err *err);

#endif
