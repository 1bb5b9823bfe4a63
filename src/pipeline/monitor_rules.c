/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/monitor_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/words.h"
#include "util/text.h"

#define LEAST_ROWS 500

static const char *const measures[] = {"psi", "ks", "chi2", "js", "wasserstein", "linf", "missing", NULL};
static const char *const metrics[] = {"accuracy", "auc", "logloss", "rmse", "mae", "f1", NULL};
static const char *const corrections[] = {"holm", "bh", "none", NULL};

struct reading {
	struct arena *a;
	struct monitor_rules *out;
	const struct rule *rule;
	struct rule_problems problems;
};

PRINTF(2, 3) static void tell(struct reading *r, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;
	va_list ap;

	if (r->rule)
		strbuf_addf(&msg, "'%s': ", r->rule->key);
	va_start(ap, fmt);
	strbuf_vaddf(&msg, fmt, ap);
	va_end(ap);
	rule_problem(&r->problems, r->rule ? r->rule->line : 0, "%s", msg.buf);
}

/* word among known, which ends with NULL; NULL after a problem. */
static const char *one_of(struct reading *r, const char *word, const char *const *known, const char *what)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(word);
	size_t i;

	for (i = 0; known[i]; i++) {
		if (streq(known[i], word))
			return known[i];
		nearest_offer(&near, known[i]);
	}
	nearest_hint(&near, &hint);
	if (!near.best)
		for (i = 0; known[i]; i++)
			strbuf_addf(&hint, "%s%s", i ? ", " : "; there are ", known[i]);
	tell(r, "'%s' is no %s%s", word, what, hint.buf);
	return NULL;
}

/* The words of value; false after a problem. */
static bool split(struct reading *r, const char *value, const char ***words, size_t *n)
{
	char *s = arena_strdup(r->a, value);
	const char *why;
	struct word w;
	int got;

	*words = NULL;
	*n = 0;
	while ((got = word_next(&s, false, &w, &why)) > 0) {
		*words = arena_grow(r->a, *words, *n, sizeof(**words));
		(*words)[(*n)++] = w.text;
	}
	if (got < 0)
		tell(r, "%s", why);
	return got == 0;
}

static bool read_number(const char *s, double *x)
{
	char *end;

	*x = strtod(s, &end);
	return *s && !*end && isfinite(*x);
}

/* "!NAME" says something only beside "*". */
static bool check_left_out(struct reading *r, const char *const *columns, size_t n)
{
	const char *out = NULL;
	bool all = false;
	size_t i;

	for (i = 0; i < n; i++) {
		all |= streq(columns[i], "*");
		out = columns[i][0] == '!' ? columns[i] : out;
	}
	if (out && !all)
		tell(r, "'%s' leaves a column out of '*', which is not there", out);
	return !out || all;
}

static void read_drift(struct reading *r)
{
	struct monitor_rules *out = r->out;
	struct monitor_drift d = {.text = r->rule->value, .line = r->rule->line};
	const char **words;
	size_t n, at = 1;

	if (!split(r, r->rule->value, &words, &n))
		return;
	d.measure = one_of(r, n ? words[0] : "", measures, "measure");
	if (!d.measure)
		return;
	if (n > at && streq(words[at], "p")) {
		d.p = true;
		at++;
	}
	if (d.p != streq(d.measure, "chi2") && !streq(d.measure, "ks")) {
		tell(r, d.p ? "%s has no probability; write '%s 0.2 COLUMN...'" : "%s is judged by its probability; write '%s p 0.01 COLUMN...'",
		     d.measure, d.measure);
		return;
	}
	if (n <= at || !read_number(words[at], &d.threshold) || d.threshold < 0 || (d.p && d.threshold >= 1)) {
		tell(r, "'%s' is no threshold; write '%s %s0.2 COLUMN...'", n > at ? words[at] : "", d.measure, d.p ? "p " : "");
		return;
	}
	at++;
	if (n <= at) {
		tell(r, "it names no column; '*' is all of them");
		return;
	}
	if (!check_left_out(r, words + at, n - at))
		return;
	d.columns = words + at;
	d.n = n - at;
	out->drift = arena_grow(r->a, out->drift, out->n_drift, sizeof(*out->drift));
	out->drift[out->n_drift++] = d;
}

/* The first name that means nothing here. */
static void find_strange(void *ctx, const struct expr_name *name)
{
	const char **strange = ctx;
	bool known = streq(name->text, "actual") || (name->n > 1 && !name->file && streq(name->parts[0], "production"));

	if (!known && !*strange)
		*strange = name->text;
}

static void read_actual(struct reading *r)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct monitor_rules *out = r->out;
	struct monitor_actual m = {.text = r->rule->value, .line = r->rule->line};
	char *s = arena_strdup(r->a, r->rule->value);
	struct word metric, file;
	const char *why, *strange = NULL;
	struct expr *e;

	if (word_next(&s, false, &metric, &why) <= 0 || !(m.metric = one_of(r, metric.text, metrics, "metric")))
		return;
	if (word_next(&s, false, &file, &why) <= 0) {
		tell(r, "which labels? write '%s prod/labels.csv >= 0.8'", m.metric);
		return;
	}
	m.file = file.text;
	while (*s == ' ')
		s++;
	if (expr_parse(arena_fmt(r->a, "actual %s", s), r->a, &e, &err) < 0) {
		tell(r, "after '%s': %s", m.file, err.msg);
		return;
	}
	expr_names(e, find_strange, &strange);
	if (strange) {
		tell(r, "'%s' means nothing here; there are numbers, actual and production.METRIC", strange);
		return;
	}
	m.require = e;
	out->actual = arena_grow(r->a, out->actual, out->n_actual, sizeof(*out->actual));
	out->actual[out->n_actual++] = m;
}

static void read_then(struct reading *r)
{
	struct monitor_rules *out = r->out;
	const char **words;
	size_t n, i;

	if (!split(r, r->rule->value, &words, &n))
		return;
	if (!n || !streq(words[0], "retrain")) {
		tell(r, "write 'retrain', 'retrain after 2' or 'retrain after 2 cooldown 7d'");
		return;
	}
	out->retrain = true;
	for (i = 1; i < n; i += 2) {
		const char *value = i + 1 < n ? words[i + 1] : "";

		if (streq(words[i], "after") && text_parse_int(value, 1, 1000, &out->after))
			continue;
		if (streq(words[i], "cooldown") && text_parse_duration(value, &out->cooldown))
			continue;
		tell(r, "'%s %s' means nothing here; write 'retrain after 2 cooldown 7d'", words[i], value);
		return;
	}
}

static void read_data(struct reading *r)
{
	struct monitor_rules *out = r->out;
	const char **words;
	size_t n, i;

	if (!split(r, r->rule->value, &words, &n))
		return;
	for (i = 0; i < n; i++) {
		out->data = arena_grow(r->a, out->data, out->n_data, sizeof(*out->data));
		out->data[out->n_data++] = words[i];
	}
}

static const char *unquoted(struct reading *r, const char *s)
{
	size_t n = strlen(s);

	return n >= 2 && s[0] == '"' && s[n - 1] == '"' ? arena_strndup(r->a, s + 1, n - 2) : s;
}

static void read_rule(struct reading *r)
{
	const char *key = r->rule->key;

	if (streq(key, "drift"))
		read_drift(r);
	else if (streq(key, "actual"))
		read_actual(r);
	else if (streq(key, "then"))
		read_then(r);
	else if (streq(key, "data"))
		read_data(r);
	else if (streq(key, "id"))
		r->out->id = unquoted(r, r->rule->value);
	else if (streq(key, "predicted"))
		r->out->predicted = unquoted(r, r->rule->value);
	else if (streq(key, "label"))
		r->out->label = unquoted(r, r->rule->value);
	else if (streq(key, "correct"))
		r->out->correct = one_of(r, r->rule->value, corrections, "correction");
	else if (streq(key, "every") && (!text_parse_duration(r->rule->value, &r->out->every) || r->out->every < 60 * INT64_C(1000000000)))
		tell(r, "'%s' is no time between two looks; write 15m, 6h or 1d", r->rule->value);
}

int monitor_rules_read(const struct rule *rules, struct arena *a, struct monitor_rules *out,
		       void (*problem)(void *ctx, int line, const char *message), void *ctx)
{
	struct reading r = {.a = a, .out = out, .problems = {problem, ctx, 0}};
	int got;

	if (!rules) {
		tell(&r, "it looks at nothing; give it 'data = prod/*.csv'");
		return -1;
	}
	*out = (struct monitor_rules){.id = "id", .predicted = "predicted", .label = "label", .correct = corrections[0], .after = 1};
	got = check_rules_read(rules, a, &out->read, problem, ctx);
	for (r.rule = rules; r.rule; r.rule = r.rule->next)
		read_rule(&r);
	if (!out->n_data)
		tell(&r, "it looks at nothing; give it 'data = prod/*.csv'");
	if (!out->n_drift && !out->n_actual)
		tell(&r, "it asks nothing; give it 'drift = psi 0.2 COLUMN...' or 'actual = auc LABELS >= 0.8'");
	if (got < 0 || r.problems.n)
		return -1;
	out->least = out->read.rows.has_low ? (uint64_t)out->read.rows.low : out->read.rows.text ? 0 : LEAST_ROWS;
	return 0;
}
