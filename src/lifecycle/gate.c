/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/past.h"
#include "params/metrics_file.h"
#include "pipeline/gate_rules.h"
#include "util/text.h"

#define OF " of "
#define MISSING "missing: "
#define NONE "none: "
/* A log may be long; what counts in it is looked for line by line. */
#define LOG_LIMIT ((size_t)64 << 20)

/* ---- values ---- */

struct valuing {
	struct lifecycle *lc;
	const struct instance *gate;
	const struct gate_rules *rules;
	const struct record *now;
	void (*add)(void *to, const char *name, const char *value);
	void *to;
	struct arena a;
	struct map told; /* names of facts */
	/* What there is to compare with, found when it is first asked for: 1, 0 none, -1 and why not. */
	struct {
		bool known;
		int got;
		struct past past;
		struct err err;
	} other[GATE_SIDES];
	const struct passing *passing;
	size_t n_passing;
};

PRINTF(3, 4) static void tell(struct valuing *v, const char *name, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT;
	va_list ap;

	if (map_put(&v->told, arena_strdup(&v->a, name), v))
		return;
	va_start(ap, fmt);
	strbuf_vaddf(&value, fmt, ap);
	va_end(ap);
	v->add(v->to, name, value.buf);
}

static void tell_number(struct valuing *v, const char *name, double x)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	text_add_double(&text, x);
	tell(v, name, "%s", text.buf);
}

static void tell_metric(struct valuing *v, const char *name, const struct metric *m)
{
	if (m->is_number)
		tell_number(v, name, m->x);
	else
		tell(v, name, MISSING "'%s' is no number: %s", m->name, m->text);
}

/* The metrics file at path, as the facts have it. */
static int read_metrics(struct valuing *v, const char *path, struct metrics *m, struct err *err)
{
	const struct record_fact *f = record_find(v->now, FACT_DATA, path);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!f)
		return err_set(err, ERR_NOTFOUND, "'%s' is not there", path);
	if (lifecycle_bytes(v->lc, path, &f->content, METRICS_LIMIT, &text, err) < 0)
		return -1;
	return metrics_parse(m, path, text.buf, text.len, err) < 0 ? err_wrap_file(err, path) : 0;
}

/* What stands before the first dot may be a misspelt side or stage. */
static void offer_owners(struct valuing *v, const char *metric, struct nearest *near)
{
	const char *dot = strchr(metric, '.');
	const struct pipeline *pl = v->lc->pl;
	size_t i;

	for (i = 1; dot && i < GATE_SIDES; i++)
		nearest_offer(near, arena_fmt(&v->a, "%s%s", gate_side_name((enum gate_side)i), dot));
	for (i = 0; dot && i < pl->n_stages; i++)
		if (pl->stages[i]->n && instance_has_metrics(pl->instances[pl->stages[i]->first]))
			nearest_offer(near, arena_fmt(&v->a, "%s%s", pl->stages[i]->name, dot));
}

/* of: a metric of an instance, and not of file(). */
static void not_found(struct valuing *v, const char *name, const char *where, const char *metric, const struct metrics *m, bool of)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(metric);
	size_t i;

	for (i = 0; i < m->n; i++)
		nearest_offer(&near, m->v[i].name);
	if (of)
		offer_owners(v, metric, &near);
	nearest_hint(&near, &hint);
	tell(v, name, MISSING "%s has no '%s'%s", where, metric, hint.buf);
}

/* A metric of an instance, from whichever of its metrics files has it. */
static void value_of(struct valuing *v, const char *name, const struct instance *in, const char *metric)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct metrics all = METRICS_INIT;
	const struct metric *found = NULL, *m;
	const char *where = NULL;
	size_t i;

	for (i = 0; i < in->n_outs && !err.msg; i++) {
		const struct output *o = &in->outs[i];
		size_t had = all.n;

		if (o->kind != OUTPUT_METRICS || read_metrics(v, o->path, &all, &err) < 0)
			continue;
		m = metrics_find_from(&all, had, metric);
		if (m && found) {
			tell(v, name, MISSING "%s and %s both have '%s'; write file(\"%s\").%s", where, o->path, metric, o->path, metric);
			break;
		}
		found = m ? m : found;
		where = m || !where ? o->path : where;
	}
	if (err.msg)
		tell(v, name, MISSING "%s", err.msg);
	else if (found)
		tell_metric(v, name, found);
	else
		not_found(v, name, where, metric, &all, true);
	metrics_release(&all);
}

static void value_in_file(struct valuing *v, const struct expr_name *name, const struct gate_ref *ref)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct metrics m = METRICS_INIT;
	const struct metric *found;

	if (read_metrics(v, ref->file, &m, &err) < 0)
		tell(v, name->text, MISSING "%s", err.msg);
	else if ((found = metrics_find(&m, ref->metric)))
		tell_metric(v, name->text, found);
	else
		not_found(v, name->text, ref->file, ref->metric, &m, false);
	metrics_release(&m);
}

/* The last line that matches counts. */
static void match_in_log(struct valuing *v, const struct expr_name *name, const struct gate_ref *ref)
{
	const struct record_fact *f = record_find(v->now, FACT_DATA, ref->file);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *found = NULL;
	double x;

	if (!f)
		tell(v, name->text, MISSING "'%s' is not there", ref->file);
	else if (lifecycle_bytes(v->lc, ref->file, &f->content, LOG_LIMIT, &text, &err) < 0)
		tell(v, name->text, MISSING "%s", err.msg);
	else if (metrics_last_match(text.buf, text.len, ref->pattern, &v->a, &found, &err) < 0)
		tell(v, name->text, MISSING "%s: %s", ref->file, err.msg);
	else if (!metrics_number(found, &x))
		tell(v, name->text, MISSING "%s: what matches is no number: '%.100s'", ref->file, found);
	else
		tell_number(v, name->text, x);
}

/* ---- other runs ---- */

static int find_passing(struct valuing *v, struct err *err)
{
	if (past_passing(v->lc, v->gate, v->now, &v->passing, &v->n_passing, err) < 0)
		return -1;
	return v->n_passing > 0;
}

static int find_other(struct valuing *v, enum gate_side side, struct past *out, struct err *err)
{
	int got;

	if (side == GATE_PRODUCTION)
		return past_production(v->lc, v->gate, v->rules, v->now, out, err);
	got = find_passing(v, err);
	if (got > 0 && side == GATE_PREVIOUS)
		got = past_run(v->lc, v->passing[0].run, out, err) < 0 ? -1 : 1;
	return got;
}

static void tell_none(struct valuing *v, const char *name, enum gate_side side)
{
	if (side == GATE_PRODUCTION)
		tell(v, name, NONE "nothing else is in production yet");
	else
		tell(v, name, NONE "nothing else has passed %s yet", v->gate->name);
}

/* What the gate was of, as written. */
static const char *of_text(const char *rules, struct arena *a)
{
	const struct rule *r = rule_find(rules_read(rules, a), "of");

	return r ? r->value : "";
}

/* What the gate read then is in its record, and the run need not be looked at, if the same name meant the same then. */
static bool read_then(struct valuing *v, const struct passing *p, const char *fact, double *x)
{
	const struct record_fact *then = record_find(p->gate, FACT_VALUE, fact), *rules = record_find(p->gate, FACT_CMD, "");

	return then && then->value && metrics_number(then->value, x) && rules && streq(of_text(rules->value, &v->a), of_text(v->gate->cmd, &v->a));
}

/* Of all runs in which the gate passed, the value that is hardest to satisfy. A run that has none, or none that is a number, is passed over. */
static bool best_of(struct valuing *v, const struct expr_name *name, const char *fact, const struct instance *in, const char *metric, double *best)
{
	bool greatest = gate_best_is_greatest(v->rules, name->text), any = false;
	size_t i;

	for (i = 0; i < v->n_passing; i++) {
		struct past past;
		double x;

		if (!read_then(v, &v->passing[i], fact + strlen("best."), &x) &&
		    (past_run(v->lc, v->passing[i].run, &past, NULL) < 0 || past_metric(v->lc, &past, in->name, metric, &x, NULL) < 0))
			continue;
		if (!isfinite(x))
			continue;
		if (!any || (greatest ? x > *best : x < *best))
			*best = x;
		any = true;
	}
	return any;
}

/* What was scored anew for the gate, or why nothing was. */
static bool value_rescored(struct valuing *v, const char *fact, const struct gate_ref *ref)
{
	const struct instance *in = v->rules->rescores && ref->side == GATE_PRODUCTION ? gate_rescoring(v->lc->pl, v->gate->stage) : NULL;
	const struct metric *none;
	struct metrics m = METRICS_INIT;

	if (!in)
		return false;
	none = read_metrics(v, in->outs[0].path, &m, NULL) == 0 ? metrics_find(&m, "production") : NULL;
	if (m.n == 1 && none && streq(none->text, "none"))
		tell_none(v, fact, ref->side);
	else
		value_of(v, fact, in, ref->metric);
	metrics_release(&m);
	return true;
}

static void value_of_other(struct valuing *v, const struct expr_name *name, const char *fact, const struct instance *in,
			   const struct gate_ref *ref)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	double x;

	if (value_rescored(v, fact, ref))
		return;
	if (!v->other[ref->side].known)
		v->other[ref->side].got = find_other(v, ref->side, &v->other[ref->side].past, &v->other[ref->side].err);
	v->other[ref->side].known = true;
	if (v->other[ref->side].got < 0)
		tell(v, fact, MISSING "%s", v->other[ref->side].err.msg);
	else if (!v->other[ref->side].got || (ref->side == GATE_BEST && !best_of(v, name, fact, in, ref->metric, &x)))
		tell_none(v, fact, ref->side);
	else if (ref->side != GATE_BEST && past_metric(v->lc, &v->other[ref->side].past, in->name, ref->metric, &x, &err) < 0)
		tell(v, fact, MISSING "%s", err.msg);
	else
		tell_number(v, fact, x);
}

static void values_of_name(void *ctx, int line, const struct expr_name *name)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct valuing *v = ctx;
	struct gate_ref ref;
	size_t i;

	(void)line;
	if (gate_resolve(v->rules, v->lc->pl, name, &v->a, &ref, &err) < 0) {
		tell(v, name->text, MISSING "%s", err.msg);
		return;
	}
	if (ref.pattern)
		match_in_log(v, name, &ref);
	else if (ref.file)
		value_in_file(v, name, &ref);
	for (i = 0; i < ref.n; i++) {
		const char *fact = ref.n == 1 ? name->text : arena_fmt(&v->a, "%s" OF "%s", name->text, ref.in[i]->name);

		if (ref.side == GATE_NOW)
			value_of(v, fact, ref.in[i], ref.metric);
		else
			value_of_other(v, name, fact, ref.in[i], &ref);
	}
}

static void ignore(void *ctx, int line, const char *message)
{
	(void)ctx;
	(void)line;
	(void)message;
}

static int values(struct lifecycle *lc, const struct instance *in, const struct record *now,
		  void (*add)(void *to, const char *name, const char *value), void *to, struct err *err)
{
	struct valuing v = {.lc = lc, .gate = in, .now = now, .add = add, .to = to, .a = ARENA_INIT, .told = MAP_INIT};
	struct gate_rules rules;
	size_t i;
	int got = gate_rules_read(rules_read(in->cmd, &v.a), lc->pl, &v.a, &rules, ignore, NULL);

	v.rules = &rules;
	if (got == 0)
		gate_rules_names(&rules, values_of_name, &v);
	for (i = 0; i < GATE_SIDES; i++)
		err_release(&v.other[i].err);
	map_release(&v.told);
	arena_release(&v.a);
	return got < 0 ? err_set(err, ERR_INVALID, "its rules do not read") : 0;
}

struct looking {
	bool outside;
};

static void look_outside(void *ctx, const struct expr_name *name)
{
	struct looking *l = ctx;
	size_t i;

	for (i = 1; name->n > 1 && i < GATE_SIDES; i++)
		l->outside |= streq(name->parts[0], gate_side_name((enum gate_side)i));
}

static bool settles(const struct instance *in)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct rule *r = rules_read(in->cmd, &a);
	struct looking l = {false};
	struct expr *e;

	for (; r; r = r->next)
		if (expr_parse(r->value, &a, &e, NULL) == 0 || expr_parse_number(r->value, &a, &e, NULL) == 0)
			expr_names(e, look_outside, &l);
	return !l.outside;
}

/* ---- judging ---- */

struct judging {
	const struct record *r;
	struct arena *a;
	bool first_passes;
	const char *none; /* why there is nothing to compare with, of the requirement that is looked at */
	struct expr_values cases, noise; /* none: not said, or not known */
};

static bool is_value_of(const struct record_fact *f, const char *name)
{
	size_t n = strlen(name);

	return f->kind == FACT_VALUE && strncmp(f->name, name, n) == 0 && (!f->name[n] || strncmp(f->name + n, OF, strlen(OF)) == 0);
}

static int values_by_facts(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err)
{
	struct judging *j = ctx;
	double *v = NULL, x;
	bool none = false;
	size_t i, n = 0;

	for (i = 0; i < j->r->n_facts; i++) {
		const struct record_fact *f = &j->r->facts[i];
		const char *why;

		if (!is_value_of(f, name->text))
			continue;
		if (f->value && skip_prefix(f->value, NONE, &why)) {
			j->none = why;
			none = true;
			continue;
		}
		if (!f->value || !metrics_number(f->value, &x))
			return err_set(err, ERR_INVALID, "%s", !f->value ? "a value is missing" : skip_prefix(f->value, MISSING, &why) ? why : f->value);
		v = arena_grow(j->a, v, n, sizeof(*v));
		v[n++] = x;
	}
	*out = (struct expr_values){v, n};
	if (none)
		return 1;
	return n ? 0 : err_set(err, ERR_INVALID, "%s is not known", name->text);
}

/* Value number at of the first name with several, for people. */
struct naming {
	const struct record *r;
	size_t at;
	const char *of;
};

static void name_one(void *ctx, const struct expr_name *name)
{
	struct naming *nm = ctx;
	size_t i, k = 0, n = strlen(name->text);

	for (i = 0; !nm->of && i < nm->r->n_facts; i++)
		if (is_value_of(&nm->r->facts[i], name->text) && nm->r->facts[i].name[n] && k++ == nm->at)
			nm->of = nm->r->facts[i].name + n + strlen(OF);
}

static const char *sign_of(enum expr_op op)
{
	static const char *const signs[] = {"<", "<=", ">", ">=", "=", "!="};

	return signs[op - EXPR_LT];
}

/* ---- noise ---- */

#define NORMAL_95 1.959963984540054

static void note_name(void *ctx, const struct expr_name *name)
{
	(void)name;
	*(bool *)ctx = true;
}

/* The variance of a side of a comparison, whose value is p; -1: it is not known. */
static double variance(const struct expr *side, double p, double n)
{
	bool measured = false;

	expr_names(side, note_name, &measured);
	if (!measured)
		return 0;
	return p >= 0 && p <= 1 && n >= 1 ? p * (1 - p) / n : -1;
}

/* Of several values that for this one; of one it. */
static double value_at(const struct expr_values *v, size_t at)
{
	return v->v[at < v->n ? at : 0];
}

static void doubt(struct judging *j, const struct expr *e, struct gate_line *l)
{
	double n = j->cases.n ? value_at(&j->cases, l->m.at) : 0, noise = j->noise.n ? fabs(value_at(&j->noise, l->m.at)) : 0;
	double left, right;

	if (j->cases.n) {
		left = variance(e->args[0], l->m.left, n);
		right = variance(e->args[1], l->m.right, n);
		noise = left < 0 || right < 0 ? 0 : NORMAL_95 * sqrt(left + right);
	}
	if (!(fabs(l->m.margin) < noise))
		return;
	if (j->cases.n)
		l->doubt = arena_fmt(j->a, "the margin of %.3g is within the noise of %.6g cases, +-%.2g", l->m.margin, n, noise);
	else
		l->doubt = arena_fmt(j->a, "the margin of %.3g is within the noise of +-%.3g", l->m.margin, noise);
}

static void read_noise(struct judging *j, const struct rule *rule, struct expr_values *to, struct gate_report *out)
{
	const struct expr_world w = {values_by_facts, j};
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct expr *e;

	if (!rule || (expr_parse_number(rule->value, j->a, &e, &err) == 0 && expr_numbers(e, &w, j->a, to, &err) == 0))
		return;
	*to = (struct expr_values){NULL, 0};
	out->problem = arena_fmt(j->a, "%s = %s: %s", rule->key, rule->value, err.msg ? err.msg : j->none);
}

static void judge_one(struct judging *j, const struct expr *e, struct gate_line *l)
{
	const struct expr_world w = {values_by_facts, j};
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct naming nm = {j->r, 0, NULL};
	int got;

	j->none = NULL;
	if (expr_is_comparison(e->op)) {
		got = expr_compare(e, &w, &l->m, &err);
		l->compares = got == 0;
		l->holds = got == 0 && l->m.holds;
		l->sign = sign_of(e->op);
		nm.at = l->m.at;
		if (got == 0 && l->m.n > 1)
			expr_names(e, name_one, &nm);
		l->of = nm.of;
		if (got == 0)
			doubt(j, e, l);
	} else {
		got = expr_holds(e, &w, &l->holds, &err);
	}
	if (got == 0)
		return;
	l->none = got > 0;
	l->holds = l->none && j->first_passes;
	l->problem = arena_fmt(j->a, "%s%s", l->none ? j->none : err.msg, l->none && !l->holds ? "; `first = pass` lets the first one through" : "");
}

int gate_judge(const struct record *r, struct gate_report *out, struct err *err)
{
	struct judging j = {.r = r, .a = &out->arena};
	const struct record_fact *text = record_find(r, FACT_CMD, "");
	const struct rule *rules, *rule;
	struct expr *e;

	if (!text)
		return err_set(err, ERR_PARSE, "'%s' has no rules", r->instance);
	rules = rules_read(text->value, j.a);
	rule = rule_find(rules, "first");
	j.first_passes = rule && streq(rule->value, "pass");
	read_noise(&j, rule_find(rules, "cases"), &j.cases, out);
	read_noise(&j, rule_find(rules, "noise"), &j.noise, out);
	for (rule = rules; rule; rule = rule->next) {
		struct gate_line *l;

		if (!streq(rule->key, "require"))
			continue;
		if (expr_parse(rule->value, j.a, &e, err) < 0)
			return err_wrap(err, "'%s': require = %s", r->instance, rule->value);
		out->v = arena_grow(j.a, out->v, out->n, sizeof(*out->v));
		l = &out->v[out->n++];
		*l = (struct gate_line){.require = rule->value};
		judge_one(&j, e, l);
		out->refused += !l->holds;
	}
	return out->n ? 0 : err_set(err, ERR_PARSE, "'%s' requires nothing", r->instance);
}

void gate_report_release(struct gate_report *g)
{
	arena_release(&g->arena);
	*g = (struct gate_report)GATE_REPORT_INIT;
}

void gate_line_numbers(const struct gate_line *l, struct strbuf *out)
{
	char left[32], right[32];
	int digits = 6;

	do {
		snprintf(left, sizeof(left), "%.*g", digits, l->m.left);
		snprintf(right, sizeof(right), "%.*g", digits, l->m.right);
	} while (l->m.left != l->m.right && streq(left, right) && digits++ < 17);
	strbuf_addf(out, "%s %s %s", left, l->sign, right);
}

void gate_line_words(const struct gate_line *l, struct strbuf *out)
{
	strbuf_addf(out, "%s: ", l->require);
	if (!l->compares) {
		strbuf_addstr(out, l->problem ? l->problem : l->holds ? "holds" : "does not hold");
		return;
	}
	gate_line_numbers(l, out);
	strbuf_addstr(out, l->holds ? " holds" : " does not hold");
	if (l->of)
		strbuf_addf(out, " (%s)", l->of);
}

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	struct gate_report g = GATE_REPORT_INIT;
	size_t i;

	(void)lc;
	if (gate_judge(t->now, &g, err) < 0) {
		gate_report_release(&g);
		return -1;
	}
	for (i = 0; i < g.n; i++) {
		CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

		gate_line_words(&g.v[i], &line);
		printf("%s  %s\n", g.v[i].holds ? "ok" : "no", line.buf);
		if (!g.v[i].holds)
			strbuf_addf(message, "%s%s", message->len ? "; " : "", line.buf);
		else if (g.v[i].none)
			strvec_push(notes, line.buf);
		if (g.v[i].doubt) {
			printf("    %s\n", g.v[i].doubt);
			strvec_pushf(notes, "%s: %s", g.v[i].require, g.v[i].doubt);
		}
	}
	if (g.problem)
		strvec_push(notes, g.problem);
	*how = g.refused ? PERFORMED_REFUSED : PERFORMED_PASSED;
	gate_report_release(&g);
	return 0;
}

const struct performer performer_gate = {values, settles, perform};
