/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drift and scores, against values that scipy 1.17.1 and scikit-learn 1.9.1 gave (t0157 asks them again); what monitors do next. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/drift.h"
#include "data/score.h"
#include "lifecycle/monitorlog.h"
#include "lifecycle/timer.h"
#include "slow_rows.h"
#include "tap.h"
#include "util/hash.h"

static void near(double got, double want)
{
	bool fine = fabs(got - want) <= 1e-9 * MAX(fabs(want), 1e-3);

	EXPECT(fine);
	if (!fine)
		printf("# %.17g, not %.17g\n", got, want);
}

static void formulas(void)
{
	static const double a[] = {0.1, 0.5, 0.5, 0.9, 1.3, 2.2, 2.2, 3.1}, b[] = {0.4, 0.5, 1.1, 1.9, 2.2, 2.9, 3.3, 4.1};
	static const uint64_t n[] = {10, 0, 25, 40, 3}, m[] = {12, 5, 20, 0, 9};
	double p;

	near(drift_ks(a, 8, b, 8), 0.25);
	near(drift_ks_p(0.25, 8, 8), 0.9639452436648751); /* special.kolmogorov(0.5) */
	near(drift_ks_p(0.3, 2, 2), 0.9999906941986655);
	near(drift_ks_p(2.5, 2, 2), 7.453306344157342e-06);
	near(drift_ks_p(0, 2, 2), 1);
	near(drift_wasserstein(a, 8, b, 8), 0.7);
	near(drift_psi(n, m, 5), 2.5738540777444294);
	near(drift_js(n, m, 5), 0.6126028664749471);
	near(drift_linf(n, m, 5), 0.5128205128205128);
	near(drift_chi2(n, m, 5, &p), 43.367465063117244);
	near(p, 8.68138731144433e-09);
	near(drift_chi2(n, n, 1, &p), 0);
	near(p, 1);
}

static void corrections(void)
{
	static const double p[] = {0.01, 0.04, 0.03, 0.005, 0.5}, holm[] = {0.04, 0.09, 0.09, 0.025, 0.5},
			    bh[] = {0.025, 0.05, 0.05, 0.025, 0.5}; /* stats.false_discovery_control */
	static const double *const want[] = {holm, bh, p};
	double x[5];
	size_t how, i;

	for (how = CORRECT_HOLM; how <= CORRECT_NONE; how++) {
		memcpy(x, p, sizeof(x));
		drift_correct((enum drift_correction)how, x, 5);
		for (i = 0; i < 5; i++)
			near(x[i], want[how][i]);
	}
	drift_correct(CORRECT_HOLM, x, 0);
}

static void scores(void)
{
	static const double y[] = {0, 1, 1, 0, 1, 0, 0, 1}, s[] = {.1, .9, .4, .4, .7, .2, .6, .8},
			    want[] = {0.75, 0.90625, 0.41963627067463816, 0.3657184709581949, 0.3125, 0.75};
	struct scored v[8];
	size_t m, i;

	for (m = 0; m < SCORE_METRICS; m++) {
		for (i = 0; i < 8; i++)
			v[i] = (struct scored){s[i], y[i], (s[i] > 0.5) == (y[i] > 0.5)};
		near(score((enum score_metric)m, v, 8), want[m]);
	}
	for (i = 0; i < 8; i++)
		v[i].actual = 0;
	EXPECT(isnan(score(SCORE_AUC, v, 8)));
}

/* Columns as they come from a reading of these texts. */
static struct summary_column *column(struct summary *s, const char *text)
{
	struct stats st;
	struct rows r = ROWS_INIT;
	struct slow_pieces p = {text, strlen(text), 0, 0, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	const struct rows_options opt = {.format = ROWS_SEPARATED, .separator = ','};

	stats_init(&st, NULL);
	EXPECT_INT(rows_begin(&r, &src, &opt, NULL), 0);
	EXPECT_INT(stats_take(&st, &r, NULL), 0);
	summary_take(s, &st);
	stats_release(&st);
	rows_release(&r);
	return &s->columns[0];
}

static double between(enum drift_measure m, const char *ref, const char *now, const char *problem)
{
	CLEANUP(summary_release) struct summary a = SUMMARY_INIT, b = SUMMARY_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct drift d;
	int got = drift_between(m, column(&a, ref), column(&b, now), &d, &err);

	EXPECT_INT(got, problem ? -1 : 0);
	EXPECT_STR(err.msg ? err.msg : "", problem ? problem : "");
	return got < 0 ? NAN : d.value;
}

static void columns(void)
{
	/* values of numbers, whatever they look like; what is new counts */
	near(between(DRIFT_LINF, "x\n1\n1\n2\n2\n", "x\n1.0\n1.0\n2.0\n2.0\n", NULL), 0);
	near(between(DRIFT_LINF, "x\n1\n1\n2\n2\n", "x\n1\n1\n2\n7\n", NULL), 0.25);
	near(between(DRIFT_JS, "x\na\na\n", "x\nb\nb\n", NULL), 1);
	near(between(DRIFT_WASSERSTEIN, "x\n0\n2\n", "x\n1\n3\n", NULL), 1 / sqrt(2));
	near(between(DRIFT_MISSING, "x,y\n1,1\n,1\n", "x,y\n,1\n,1\n", NULL), 0.5);
	near(between(DRIFT_MISSING, "x,y\n,1\n", "x,y\n1,1\n", NULL), 0);
	between(DRIFT_KS, "x\na\n", "x\n1\n", "ks is about numbers, and in the reference it has others");
	between(DRIFT_PSI, "x,y\n1,1\n", "x,y\n,1\n", "all values are missing now");
	between(DRIFT_PSI, "x\n1\n", "x\n", "there are no rows now");
	between(DRIFT_WASSERSTEIN, "x\n1\n1\n", "x\n2\n", "all values of the reference are the same, so there is no measure of how far others are");
}

#define HOUR INT64_C(3600000000000)

static void add(struct monitor_log *log, int64_t when, enum monitor_outcome outcome, bool acted, int status)
{
	ALLOC_GROW(log->v, log->n + 1, log->cap);
	log->v[log->n++] = (struct monitor_entry){when, outcome, acted, status, NULL};
}

/* Is something done at `now` after another look that found drift? */
static bool acts(const struct monitor_log *log, const struct monitor_rules *rules, int64_t now)
{
	struct monitor_decision d = monitor_decide(log, rules, MONITOR_DRIFT, now);

	EXPECT(d.act == !d.waits);
	free(d.waits);
	return d.act;
}

static void deciding(void)
{
	const struct monitor_rules rules = {.retrain = true, .after = 2, .cooldown = 10 * HOUR, .every = HOUR}, none = {.after = 1};
	struct monitor_log log = MONITOR_LOG_INIT;

	EXPECT(!acts(&log, &rules, 0));
	add(&log, 1 * HOUR, MONITOR_DRIFT, false, -1);
	EXPECT(acts(&log, &rules, 2 * HOUR));
	EXPECT(!monitor_decide(&log, &none, MONITOR_DRIFT, 2 * HOUR).act);
	EXPECT(!monitor_decide(&log, &rules, MONITOR_CALM, 2 * HOUR).act);
	/* what can tell nothing neither counts nor breaks the row; calm does */
	add(&log, 2 * HOUR, MONITOR_UNKNOWN, false, -1);
	EXPECT(acts(&log, &rules, 3 * HOUR));
	add(&log, 3 * HOUR, MONITOR_CALM, false, -1);
	EXPECT(!acts(&log, &rules, 4 * HOUR));
	/* cooldown, from the action on */
	add(&log, 4 * HOUR, MONITOR_DRIFT, false, -1);
	add(&log, 5 * HOUR, MONITOR_DRIFT, true, -1);
	add(&log, 5 * HOUR, MONITOR_DRIFT, true, 0);
	EXPECT(monitor_log_ended(&log, 4) && !monitor_log_ended(&log, 5));
	add(&log, 6 * HOUR, MONITOR_DRIFT, false, -1);
	EXPECT(!acts(&log, &rules, 14 * HOUR));
	EXPECT(acts(&log, &rules, 15 * HOUR));
	/* the clock goes back a year and on from there: what has passed is what passed between looks */
	add(&log, 14 * HOUR, MONITOR_DRIFT, false, -1);
	add(&log, -8000 * HOUR, MONITOR_DRIFT, false, -1);
	EXPECT(!acts(&log, &rules, -8000 * HOUR));
	EXPECT(acts(&log, &rules, -7999 * HOUR));
	EXPECT(monitor_is_due(&log, &rules, -7999 * HOUR));
	EXPECT(!monitor_is_due(&log, &rules, -8000 * HOUR + 1));
	EXPECT(monitor_is_due(&log, &rules, -9000 * HOUR));
	/* each failure doubles the wait; what was killed is one */
	add(&log, 100 * HOUR, MONITOR_DRIFT, true, 3);
	add(&log, 200 * HOUR, MONITOR_DRIFT, true, -1);
	add(&log, 201 * HOUR, MONITOR_DRIFT, false, -1);
	EXPECT(!acts(&log, &rules, 239 * HOUR));
	EXPECT(acts(&log, &rules, 240 * HOUR));
	monitor_log_release(&log);
}

static void lines(void)
{
	static const char *const good = "{\"outcome\":\"drift\",\"ns\":5,\"action\":{\"exit\":3}}", *const bad[] = {"{}", "[]", "{\"outcome\":1}", "x"};
	struct monitor_entry e;
	char line[200];
	size_t i;
	int n = snprintf(line, sizeof(line), "%016llx %s", (unsigned long long)hash_bytes(good, strlen(good)), good);

	EXPECT(monitor_entry_parse(line, (size_t)n, &e));
	EXPECT(e.when == 5 && e.outcome == MONITOR_DRIFT && e.acted && e.exit == 3);
	json_free(e.json);
	line[30] ^= 1;
	EXPECT(!monitor_entry_parse(line, (size_t)n, &e));
	EXPECT(!monitor_entry_parse(line, 10, &e));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		n = snprintf(line, sizeof(line), "%016llx %s", (unsigned long long)hash_bytes(bad[i], strlen(bad[i])), bad[i]);
		EXPECT(!monitor_entry_parse(line, (size_t)n, &e));
	}
}

static void crontabs(void)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT, text = STRBUF_INIT, out = STRBUF_INIT;
	struct timer t = {"/a b", "/usr/bin/mlmake", "monitor --due", "/a b/log%", 3 * HOUR, NULL};
	const char *others = "\r\n# x\n0 0 * * * y # mlmake-monitor 00\n\n";

	EXPECT(timer_cron_line(&t, &line));
	EXPECT(strstr(line.buf, " * * * * cd '/a b' && /usr/bin/mlmake monitor --due >> '/a b/log\\%' 2>&1 # mlmake-monitor ") != NULL);
	t.path = "/opt/a b:/bin";
	EXPECT(timer_cron_line(&t, &out));
	EXPECT(strstr(out.buf, "cd '/a b' && PATH='/opt/a b:/bin' /usr/bin/mlmake ") != NULL);
	strbuf_clear(&out);
	strbuf_addn(&text, 'x', 2000);
	t.path = text.buf;
	EXPECT(!timer_cron_line(&t, &out));
	strbuf_clear(&out);
	strbuf_clear(&text);
	strbuf_addf(&text, "%s%s%slast", others, line.buf, others);
	EXPECT(timer_cron_without(text.buf, text.len, "/a b", &out));
	strbuf_clear(&text);
	strbuf_addf(&text, "%s%slast", others, others);
	EXPECT_STR(out.buf, text.buf);
	strbuf_clear(&out);
	EXPECT(!timer_cron_without(text.buf, text.len, "/a b", &out));
	EXPECT_STR(out.buf, text.buf);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"formulas of drift", formulas},
		{"many questions", corrections},
		{"scores", scores},
		{"columns", columns},
		{"when something is done", deciding},
		{"lines of a history", lines},
		{"crontabs", crontabs},
	};

	return tap_run("drift", tests, ARRAY_SIZE(tests));
}
