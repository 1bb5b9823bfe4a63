/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A requirement: what reads can be worked out, or says why not; and where it says that it gets easier the greater x is, it does. The same
 * text as rules: what is read and written again reads as the same. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/expr.h"
#include "pipeline/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

/* The name that is looked at is x, all others are 1, 2, 3. */
struct numbers {
	const char *name;
	double x;
};

static int values(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err)
{
	static const double others[] = {1, 2, 3};
	const struct numbers *nm = ctx;

	(void)err;
	*out = streq(name->text, nm->name) ? (struct expr_values){&nm->x, 1} : (struct expr_values){others, 1 + strlen(name->text) % 3};
	return 0;
}

struct first {
	const char *name;
};

static void take_first(void *ctx, const struct expr_name *name)
{
	struct first *f = ctx;

	need(name->column >= 1 && name->text[0]);
	if (!f->name)
		f->name = name->text;
}

static int holds(const struct expr *e, const char *name, double x)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct numbers nm = {name, x};
	const struct expr_world w = {values, &nm};
	bool yes = false;

	if (expr_holds(e, &w, &yes, &err) < 0) {
		need(err.msg != NULL);
		return -1;
	}
	return yes;
}

static void check_slope(const struct expr *e, const char *name)
{
	static const double xs[] = {-3, -0.5, 0, 0.25, 1, 1000};
	enum expr_slope s = expr_slope(e, name);
	size_t i;

	for (i = 0; i + 1 < ARRAY_SIZE(xs); i++) {
		int low = holds(e, name, xs[i]), high = holds(e, name, xs[i + 1]);

		if (low < 0 || high < 0)
			continue;
		need(s != EXPR_EASIER || high >= low);
		need(s != EXPR_HARDER || high <= low);
		need(s != EXPR_FLAT || high == low);
	}
}

static void check_rules(const char *text, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	const struct rule *r;

	for (r = rules_read(text, a); r; r = r->next)
		rule_write(r, &once);
	for (r = rules_read(once.buf, a); r; r = r->next)
		rule_write(r, &twice);
	need(streq(once.buf, twice.buf));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *text = arena_strndup(&a, (const char *)data, size);
	struct first f = {NULL};
	struct expr *e;

	if (expr_parse(text, &a, &e, &err) == 0) {
		need(e->to <= size && e->from <= e->to);
		expr_names(e, take_first, &f);
		check_slope(e, f.name ? f.name : "x");
	} else {
		need(strncmp(err.msg, "column ", 7) == 0);
	}
	check_rules(text, &a);
	return 0;
}
