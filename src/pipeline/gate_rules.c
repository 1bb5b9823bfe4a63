/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/gate_rules.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/words.h"
#include "util/path.h"
#include "util/text.h"

static const char *const side_names[] = {"", "production", "previous", "best"};

const char *gate_side_name(enum gate_side side)
{
	return side_names[side];
}

bool instance_has_metrics(const struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n_outs && in->outs[i].kind != OUTPUT_METRICS; i++)
		;
	return i < in->n_outs;
}

/* Rules on their way. */
struct reading {
	const struct pipeline *pl;
	struct arena *a;
	struct gate_rules *out;
	struct rule_problems problems;
};

static void add_of(struct reading *r, const struct instance *in)
{
	struct gate_rules *g = r->out;
	size_t i;

	for (i = 0; i < g->n_of && g->of[i] != in; i++)
		;
	if (i < g->n_of)
		return;
	g->of = arena_grow(r->a, g->of, g->n_of, sizeof(*g->of));
	g->of[g->n_of++] = in;
}

static void no_such_stage(struct reading *r, int line, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	for (i = 0; i < r->pl->n_stages; i++)
		if (r->pl->stages[i]->kind == STAGE_COMMAND)
			nearest_offer(&near, r->pl->stages[i]->name);
	nearest_hint(&near, &hint);
	rule_problem(&r->problems, line, "'of' names '%s', which is no stage%s", name, hint.buf);
}

/* The instances of what name names; false if it names nothing. */
static bool find_instances(const struct pipeline *pl, const char *name, const struct instance *const **v, size_t *n)
{
	const struct stage *st = pipeline_stage(pl, name);
	const struct instance *in = pipeline_instance(pl, name);

	if (!in && !st)
		return false;
	*v = (const struct instance *const *)&pl->instances[in ? in->index : st->first];
	*n = in ? 1 : st->n;
	return true;
}

static void read_of(struct reading *r, const struct rule *rule)
{
	char *s = arena_strdup(r->a, rule->value);
	const struct instance *const *v;
	const char *why;
	struct word w;
	size_t i, n;
	int got;

	while ((got = word_next(&s, false, &w, &why)) > 0) {
		if (!find_instances(r->pl, w.text, &v, &n)) {
			no_such_stage(r, rule->line, w.text);
			continue;
		}
		for (i = 0; i < n && instance_has_metrics(v[i]); i++)
			add_of(r, v[i]);
		if (i < n)
			rule_problem(&r->problems, rule->line, "'of' names '%s', which has no metrics; give it 'metrics = FILE.json'", w.text);
	}
	if (got < 0)
		rule_problem(&r->problems, rule->line, "%s", why);
}

static void read_require(struct reading *r, const struct rule *rule)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct gate_rules *g = r->out;
	struct expr *e;

	if (expr_parse(rule->value, r->a, &e, &err) < 0) {
		rule_problem(&r->problems, rule->line, "'require': %s", err.msg);
		return;
	}
	g->v = arena_grow(r->a, g->v, g->n, sizeof(*g->v));
	g->v[g->n++] = (struct gate_require){rule->value, e, rule->line};
}

static void read_number(struct reading *r, const struct rule *rule, const struct expr **to, int *line)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct expr *e;

	*line = rule->line;
	if (expr_parse_number(rule->value, r->a, &e, &err) < 0)
		rule_problem(&r->problems, rule->line, "'%s': %s", rule->key, err.msg);
	else
		*to = e;
}

/* One of two words. */
static void read_choice(struct reading *r, const struct rule *rule, const char *yes, const char *no, bool *to)
{
	*to = streq(rule->value, yes);
	if (!*to && !streq(rule->value, no))
		rule_problem(&r->problems, rule->line, "'%s' takes %s or %s, not '%s'", rule->key, yes, no, rule->value);
}

struct naming {
	void (*visit)(void *ctx, int line, const struct expr_name *name);
	void *ctx;
	int line;
};

static void pass_name(void *ctx, const struct expr_name *name)
{
	const struct naming *nm = ctx;

	nm->visit(nm->ctx, nm->line, name);
}

void gate_rules_names(const struct gate_rules *r, void (*visit)(void *ctx, int line, const struct expr_name *name), void *ctx)
{
	struct naming nm = {visit, ctx, r->cases_line};
	size_t i;

	if (r->cases)
		expr_names(r->cases, pass_name, &nm);
	nm.line = r->noise_line;
	if (r->noise)
		expr_names(r->noise, pass_name, &nm);
	for (i = 0; i < r->n; i++) {
		nm.line = r->v[i].line;
		expr_names(r->v[i].e, pass_name, &nm);
	}
}

/* In which direction the values of a name make the requirements harder, of all of them together. */
static enum expr_slope slope_of(const struct gate_rules *g, const char *name)
{
	enum expr_slope s = EXPR_FLAT;
	size_t i;

	for (i = 0; i < g->n; i++) {
		enum expr_slope one = expr_slope(g->v[i].e, name);

		s = s == EXPR_FLAT || s == one ? one : one == EXPR_FLAT ? s : EXPR_UNKNOWN;
	}
	return s;
}

bool gate_best_is_greatest(const struct gate_rules *r, const char *name)
{
	return slope_of(r, name) != EXPR_EASIER;
}

static void check_name(void *ctx, int line, const struct expr_name *name)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct reading *r = ctx;
	struct gate_ref ref;

	if (gate_resolve(r->out, r->pl, name, r->a, &ref, &err) < 0)
		rule_problem(&r->problems, line, "column %zu: %s", name->column, err.msg);
	else if (ref.side == GATE_PRODUCTION && r->out->rescores && (ref.n != 1 || ref.in[0] != r->out->of[0]))
		rule_problem(&r->problems, line, "column %zu: `compare = rescore` scores '%s' alone, and '%s' is of another", name->column,
			     r->out->of[0]->name, name->text);
	else if (ref.side == GATE_BEST && slope_of(r->out, name->text) == EXPR_UNKNOWN)
		rule_problem(&r->problems, line, "column %zu: whether the greatest or the least '%s' is the best does not follow; compare it "
			     "with <, <=, > or >=, and in one direction only", name->column, name->text);
}

int gate_rules_read(const struct rule *rules, const struct pipeline *pl, struct arena *a, struct gate_rules *out,
		    void (*problem)(void *ctx, int line, const char *message), void *ctx)
{
	struct reading r = {pl, a, out, {problem, ctx, 0}};
	const struct rule *rule;

	memset(out, 0, sizeof(*out));
	for (rule = rules; rule; rule = rule->next) {
		if (streq(rule->key, "of"))
			read_of(&r, rule);
		else if (streq(rule->key, "require"))
			read_require(&r, rule);
		else if (streq(rule->key, "first"))
			read_choice(&r, rule, "pass", "refuse", &out->first_passes);
		else if (streq(rule->key, "compare"))
			read_choice(&r, rule, "rescore", "recorded", &out->rescores);
		else if (streq(rule->key, "cases"))
			read_number(&r, rule, &out->cases, &out->cases_line);
		else if (streq(rule->key, "noise"))
			read_number(&r, rule, &out->noise, &out->noise_line);
	}
	if (!rule_find(rules, "of"))
		rule_problem(&r.problems, 0, "it judges nothing; write 'of = STAGE'");
	if (!rule_find(rules, "require"))
		rule_problem(&r.problems, 0, "it requires nothing; write 'require = METRIC >= NUMBER'");
	if (out->cases && out->noise)
		rule_problem(&r.problems, out->noise_line, "'noise' and 'cases' both say what the noise is; leave one out");
	if (!r.problems.n)
		gate_rules_names(out, check_name, &r);
	return r.problems.n ? -1 : 0;
}

const struct instance *gate_rescoring(const struct pipeline *pl, const struct stage *gate)
{
	CLEANUP(freep) char *name = xstrfmt("rescore:%s", strchr(gate->name, ':') + 1);

	return pipeline_instance(pl, name);
}

/* parts[from..to) with dots between them. */
static const char *join(const struct expr_name *name, size_t from, size_t to, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t i;

	for (i = from; i < to; i++)
		strbuf_addf(&out, "%s%s", i > from ? "." : "", name->parts[i]);
	return arena_strndup(a, out.buf, out.len);
}

static enum gate_side side_of(const struct expr_name *name)
{
	size_t i;

	for (i = 1; name->n > 1 && i < GATE_SIDES; i++)
		if (streq(name->parts[0], side_names[i]))
			return (enum gate_side)i;
	return GATE_NOW;
}

int gate_resolve(const struct gate_rules *r, const struct pipeline *pl, const struct expr_name *name, struct arena *a,
		 struct gate_ref *out, struct err *err)
{
	size_t from, k, i;

	memset(out, 0, sizeof(*out));
	out->file = name->file;
	out->pattern = name->pattern;
	if (name->file) {
		out->metric = name->pattern ? NULL : join(name, 0, name->n, a);
		return 0;
	}
	out->side = side_of(name);
	from = out->side != GATE_NOW;
	if (from && pipeline_stage(pl, name->parts[0]))
		return err_set(err, ERR_INVALID, "'%s' is both a stage and what the gate compares with; give the stage another name", name->parts[0]);
	for (k = name->n - 1; k > from; k--) {
		if (!find_instances(pl, join(name, from, k, a), &out->in, &out->n))
			continue;
		out->metric = join(name, k, name->n, a);
		for (i = 0; i < out->n; i++)
			if (!instance_has_metrics(out->in[i]))
				return err_set(err, ERR_INVALID, "'%s' has no metrics, so there is no '%s' of it", out->in[i]->name, out->metric);
		return 0;
	}
	if (name->n > from + 1 && strchr(name->parts[from], '@'))
		return err_set(err, ERR_INVALID, "'%s' is no stage and no instance", name->parts[from]);
	out->in = (const struct instance *const *)r->of;
	out->n = r->n_of;
	out->metric = join(name, from, name->n, a);
	return 0;
}
