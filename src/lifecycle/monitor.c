/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/monitor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/snapshot.h"
#include "lifecycle/past.h"
#include "lifecycle/statistics.h"
#include "util/file.h"
#include "util/path.h"
#include "util/scratch.h"

#define FETCH_LIMIT ((size_t)64 << 20) /* of a reference that is brought back to be read once more */

struct looking {
	struct lifecycle *lc;
	const struct instance *in;
	struct monitor_rules rules;
	struct monitor_report *out;
	struct summary ref, now;
	struct strvec data;
};

static void forget(void *ctx, int line, const char *message)
{
	(void)ctx;
	(void)line;
	(void)message;
}

struct monitor_rules monitor_rules_of(const struct instance *in, struct arena *a)
{
	struct monitor_rules r;

	if (monitor_rules_read(rules_read(in->cmd, a), a, &r, forget, NULL) < 0)
		BUG("rules that were read before");
	return r;
}

const char *monitor_outcome_name(enum monitor_outcome o)
{
	static const char *const names[] = {"calm", "drift", "unknown"};

	return names[o];
}

void monitor_report_release(struct monitor_report *r)
{
	arena_release(&r->arena);
	*r = (struct monitor_report)MONITOR_REPORT_INIT;
}

/* ---- the reference ---- */

/* The paths of the reference, and what they held in the snapshot; false: not all of them were files then. */
static bool contents_then(const struct looking *l, const struct snapshot *snap, const struct record_fact **facts)
{
	size_t i, j, n = 0;

	for (i = 0; i < l->in->n_inputs; i++) {
		const struct record_fact *found = NULL;

		if (l->in->inputs[i].kind != INPUT_DATA)
			continue;
		for (j = 0; j < snap->n && !found; j++) {
			found = record_find(snap->records[j], FACT_OUTS, l->in->inputs[i].path);
			found = found ? found : record_find(snap->records[j], FACT_DATA, l->in->inputs[i].path);
		}
		if (!found || (found->content.kind != CONTENT_FILE && found->content.kind != CONTENT_EXEC))
			return false;
		facts[n++] = found;
	}
	return n > 0;
}

static void reference_paths(const struct looking *l, struct strvec *out)
{
	size_t i;

	for (i = 0; i < l->in->n_inputs; i++)
		if (l->in->inputs[i].kind == INPUT_DATA)
			strvec_push(out, l->in->inputs[i].path);
}

/* Brings the files back below STATE and reads them. */
static int read_again(struct looking *l, const struct snapshot *snap, const struct record_fact **facts, struct statistics_files *f,
		      struct err *err)
{
	CLEANUP(strvec_release) struct strvec copies = STRVEC_INIT;
	CLEANUP(scratch_close) struct scratch to = SCRATCH_INIT;
	struct snapshot_tools t = {l->lc->repo, l->lc->db, l->lc->lineage, l->lc->store};
	size_t i;
	int got = scratch_open(&to, l->lc->repo->state, "reference", err);

	for (i = 0; i < f->paths->n && got == 0; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		const char *slash = strrchr(f->paths->v[i], '/');

		strvec_pushf(&copies, "%s/%zu/%s", to.dir, i, slash ? slash + 1 : f->paths->v[i]);
		got = snapshot_bytes(snap, &t, facts[i], FETCH_LIMIT, &text, err);
		if (got == 0)
			got = file_write(copies.v[i], text.buf, text.len, 0600, false, err);
	}
	f->paths = &copies;
	if (got == 0)
		got = statistics_of(f, &l->ref, NULL, err);
	return got;
}

static int reference_then(struct looking *l, const struct past *p, struct statistics_files *f, struct err *err)
{
	const struct record_fact **facts = xcalloc(l->in->n_inputs + 1, sizeof(*facts));
	struct digest *ids = xcalloc(l->in->n_inputs + 1, sizeof(*ids));
	size_t i;
	int got = 0;

	if (contents_then(l, p->snap, facts)) {
		for (i = 0; i < f->paths->n; i++)
			ids[i] = facts[i]->content.id;
		got = statistics_kept(f, ids, &l->ref) ? 1 : read_again(l, p->snap, facts, f, err) < 0 ? -1 : 1;
	}
	free(facts);
	free(ids);
	return got;
}

/* The statistics of what the model in production learned from, or, while nothing is in production, of what is here. */
static int find_reference(struct looking *l, struct err *err)
{
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	struct statistics_files f = {&paths, &l->rules.read, l->lc->repo->shared};
	struct past p;
	int live = past_live(l->lc, &p, err), got;

	if (live < 0)
		return -1;
	reference_paths(l, &paths);
	if (live > 0) {
		got = reference_then(l, &p, &f, err);
		if (got < 0)
			return err_wrap(err, "what is in production (%s) learned from data that cannot be read", p.name);
		l->out->reference = arena_strdup(&l->out->arena, p.name);
		if (got > 0)
			return 0;
		f.paths = &paths;
	}
	l->out->reference = "the work tree";
	return statistics_of(&f, &l->ref, NULL, err);
}

/* ---- drift ---- */

static struct monitor_line *add_line(struct looking *l, const char *measure, const char *column, const char *limit)
{
	struct monitor_report *out = l->out;

	out->v = arena_grow(&out->arena, out->v, out->n, sizeof(*out->v));
	out->v[out->n] = (struct monitor_line){.measure = measure, .column = column, .limit = limit, .value = NAN, .p = NAN};
	return &out->v[out->n++];
}

static void ask_column(struct looking *l, const struct monitor_drift *d, enum drift_measure m, const char *name)
{
	struct arena *a = &l->out->arena;
	const struct summary_column *ref = summary_column(&l->ref, name), *now = summary_column(&l->now, name);
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct monitor_line *line;
	struct drift found;

	line = add_line(l, drift_name(m), arena_strdup(a, name),
			d->p ? arena_fmt(a, "p < %g (%s)", d->threshold, l->rules.correct) : arena_fmt(a, "> %g", d->threshold));
	if (!ref || !now) {
		line->problem = arena_fmt(a, "there is no column '%s' %s", name, ref ? "now" : "in the reference");
		line->lacks = true;
		/* what is gone is missing in all rows */
		line->drifted = m == DRIFT_MISSING && ref && !now && 1 - summary_missing(ref) > d->threshold;
		return;
	}
	if (drift_between(m, ref, now, &found, &err) < 0) {
		line->problem = arena_strdup(a, err.msg);
		line->lacks = true;
		return;
	}
	line->value = found.value;
	line->threshold = d->threshold;
	line->p = d->p ? found.p : NAN;
	line->drifted = !d->p && found.value > d->threshold;
}

/* "!NAME" */
static bool is_left_out(const struct monitor_drift *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->columns[i][0] == '!' && streq(d->columns[i] + 1, name))
			return true;
	return false;
}

static bool is_news(const struct looking *l, const struct monitor_drift *d, const char *name)
{
	size_t i;

	for (i = 0; i < l->out->n_news; i++)
		if (streq(l->out->news[i], name))
			return false;
	return !summary_column(&l->ref, name) && !is_left_out(d, name);
}

/* Every column of the reference that is of a kind that the measure is about, whatever became of it since; what the reference lacks is no
 * drift, and told. */
static void ask_all(struct looking *l, const struct monitor_drift *d, enum drift_measure m)
{
	struct monitor_report *out = l->out;
	size_t i;

	for (i = 0; i < l->ref.n; i++) {
		const struct summary_column *ref = &l->ref.columns[i];
		struct drift none;

		if (!is_left_out(d, ref->name) && drift_between(m, ref, ref, &none, NULL) == 0)
			ask_column(l, d, m, ref->name);
	}
	for (i = 0; i < l->now.n; i++) {
		if (!is_news(l, d, l->now.columns[i].name))
			continue;
		out->news = arena_grow(&out->arena, out->news, out->n_news, sizeof(*out->news));
		out->news[out->n_news++] = arena_strdup(&out->arena, l->now.columns[i].name);
	}
}

static void ask(struct looking *l, const struct monitor_drift *d)
{
	enum drift_measure m;
	size_t i;

	if (!drift_parse(d->measure, &m))
		BUG("a measure '%s'", d->measure);
	for (i = 0; i < d->n; i++)
		if (streq(d->columns[i], "*"))
			ask_all(l, d, m);
		else if (d->columns[i][0] != '!')
			ask_column(l, d, m, d->columns[i]);
}

/* All probabilities together, each against its own threshold. */
static void correct(struct looking *l)
{
	enum drift_correction how = streq(l->rules.correct, "holm") ? CORRECT_HOLM : streq(l->rules.correct, "bh") ? CORRECT_BH : CORRECT_NONE;
	double *p = xcalloc(l->out->n + 1, sizeof(*p));
	size_t i, n = 0;

	for (i = 0; i < l->out->n; i++)
		if (!isnan(l->out->v[i].p))
			p[n++] = l->out->v[i].p;
	drift_correct(how, p, n);
	for (i = n = 0; i < l->out->n; i++) {
		struct monitor_line *line = &l->out->v[i];

		if (isnan(line->p))
			continue;
		line->p = p[n++];
		line->drifted = line->p < line->threshold;
	}
	free(p);
}

/* ---- actual against predicted ---- */

struct requiring {
	struct looking *l;
	double actual;
};

/* production.METRIC: of whichever instance had it then; several have to agree. */
static int production_metric(struct looking *l, const char *metric, double *x, struct err *err)
{
	struct past p;
	bool found = false;
	size_t i, j;
	double y;
	int live = past_live(l->lc, &p, err);

	if (live <= 0)
		return live < 0 ? -1 : err_set(err, ERR_NOTFOUND, "nothing is in production yet");
	for (i = 0; i < p.snap->n; i++) {
		const struct record *r = p.snap->records[i];

		for (j = 0; j < r->n_facts && r->facts[j].kind != FACT_METRICS; j++)
			;
		if (j == r->n_facts || past_metric(l->lc, &p, r->instance, metric, &y, NULL) < 0)
			continue;
		if (found && *x != y)
			return err_set(err, ERR_INVALID, "several instances had '%s' in %s", metric, p.name);
		*x = y;
		found = true;
	}
	return found ? 0 : err_set(err, ERR_NOTFOUND, "%s had no '%s'", p.name, metric);
}

static int required_value(void *ctx, const struct expr_name *name, struct expr_values *out, struct err *err)
{
	struct requiring *r = ctx;
	CLEANUP(strbuf_release) struct strbuf metric = STRBUF_INIT;
	double *x = arena_alloc(&r->l->out->arena, sizeof(*x));
	size_t i;

	*x = r->actual;
	for (i = 1; i < name->n; i++)
		strbuf_addf(&metric, "%s%s", i > 1 ? "." : "", name->parts[i]);
	if (name->n > 1 && production_metric(r->l, metric.buf, x, err) < 0)
		return -1;
	*out = (struct expr_values){x, 1};
	return 0;
}

static void ask_actual(struct looking *l, const struct monitor_actual *m)
{
	struct arena *a = &l->out->arena;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct requiring r = {l, NAN};
	const struct expr_world w = {required_value, &r};
	const char *behind = strstr(m->text, m->file);
	struct monitor_line *line = add_line(l, m->metric, m->file, behind ? arena_strdup(a, behind + strlen(m->file) + 1) : "");
	size_t n = 0;
	bool holds;

	line->is_actual = true;
	if (monitor_actual(&l->rules, m, &l->data, &r.actual, &n, &err) < 0) {
		line->problem = arena_strdup(a, err.msg);
		line->lacks = err.code != ERR_INVALID;
		return;
	}
	l->out->joined = n;
	line->value = r.actual;
	line->few = !n || n < l->rules.least;
	if (!n)
		line->problem = "no prediction has a label";
	else if (line->few)
		line->problem = arena_fmt(a, "%zu rows have a label, and %llu are needed", n, (unsigned long long)l->rules.least);
	else if (expr_holds(m->require, &w, &holds, &err) < 0)
		line->problem = arena_strdup(a, err.msg);
	else
		line->drifted = !holds;
}

/* ---- all of it ---- */

static int read_now(struct looking *l, struct err *err)
{
	struct statistics_files f = {&l->data, &l->rules.read, NULL};
	size_t i;

	for (i = 0; i < l->rules.n_data; i++)
		glob_expand(".", l->rules.data[i], &l->data);
	l->out->files = l->data.n;
	l->out->least = l->rules.least;
	if (!l->data.n)
		return 0;
	if (statistics_of(&f, &l->now, NULL, err) < 0)
		return -1;
	l->out->rows = l->now.rows;
	return 0;
}

/* Where they were looked for. */
static const char *no_data(const struct looking *l)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&out, "there are no data: nothing is at ");
	for (i = 0; i < l->rules.n_data; i++)
		strbuf_addf(&out, "%s'%s'", i ? ", " : "", l->rules.data[i]);
	return arena_strndup(&l->out->arena, out.buf, out.len);
}

static void conclude(struct monitor_report *out)
{
	bool told = false, lacks = false, few = false;
	size_t i;

	for (i = 0; i < out->n; i++) {
		const struct monitor_line *l = &out->v[i];

		out->drifted += l->drifted;
		out->measured += l->drifted || !isnan(l->value);
		told |= !l->problem;
		lacks |= l->lacks;
		few |= l->few;
	}
	out->blind = lacks || (!out->measured && !few);
	out->outcome = out->drifted ? MONITOR_DRIFT : told && !lacks ? MONITOR_CALM : MONITOR_UNKNOWN;
}

static int look(struct looking *l, struct err *err)
{
	struct monitor_report *out = l->out;
	size_t i;

	if (read_now(l, err) < 0)
		return -1;
	out->blind = !out->files;
	if (!out->files)
		out->problem = no_data(l);
	else if (out->rows < out->least)
		out->problem = arena_fmt(&out->arena, "%llu rows, and %llu are needed", (unsigned long long)out->rows,
					 (unsigned long long)out->least);
	out->outcome = MONITOR_UNKNOWN;
	if (out->problem)
		return 0;
	if (l->rules.n_drift && find_reference(l, err) < 0)
		return -1;
	for (i = 0; i < l->rules.n_drift; i++)
		ask(l, &l->rules.drift[i]);
	correct(l);
	for (i = 0; i < l->rules.n_actual; i++)
		ask_actual(l, &l->rules.actual[i]);
	conclude(out);
	return 0;
}

int monitor_look(struct lifecycle *lc, const struct instance *in, struct monitor_report *out, struct err *err)
{
	struct looking l = {.lc = lc, .in = in, .rules = monitor_rules_of(in, &out->arena), .out = out, .ref = SUMMARY_INIT,
			    .now = SUMMARY_INIT, .data = STRVEC_INIT};
	int got;

	out->name = arena_strdup(&out->arena, in->name);
	got = look(&l, err);
	summary_release(&l.ref);
	summary_release(&l.now);
	strvec_release(&l.data);
	return got;
}

/* ---- as an instance ---- */

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct monitor_rules rules;
	struct statistics_files f = {&paths, &rules.read, lc->repo->shared};

	(void)message;
	(void)notes;
	if (monitor_rules_read(rules_read(t->rules, &a), &a, &rules, forget, NULL) < 0)
		return err_set(err, ERR_INVALID, "its rules do not read");
	check_inputs(t->now, &paths);
	*how = PERFORMED_PASSED;
	if (!paths.n)
		return 0;
	if (statistics_of(&f, &s, NULL, err) < 0)
		return -1;
	printf("%llu rows, %zu columns\n", (unsigned long long)s.rows, s.n);
	return 0;
}

const struct performer performer_monitor = {.perform = perform};
