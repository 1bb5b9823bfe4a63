/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/runfilter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "report/metrics.h"
#include "stale/lockfile.h"
#include "util/clock.h"
#include "util/text.h"

#define RECORDS_LIMIT ((size_t)1 << 30)
#define METRICS_LIMIT ((size_t)1 << 20)

int runfilter_add_test(struct runfilter *f, const char *text, struct err *err)
{
	static const struct {
		const char *word;
		int how;
	} operators[] = {{"<=", TEST_AT_MOST}, {">=", TEST_AT_LEAST}, {"==", TEST_EQUAL}, {"!=", TEST_NOT_EQUAL},
			 {"<", TEST_LESS},     {">", TEST_MORE},      {"=", TEST_EQUAL}};
	size_t n = strcspn(text, "<>=!"), name = n, i;
	const char *number;
	char *end;
	double x;

	while (name && text[name - 1] == ' ')
		name--;
	for (i = 0; i < ARRAY_SIZE(operators); i++)
		if (skip_prefix(text + n, operators[i].word, &number))
			break;
	if (!name || i == ARRAY_SIZE(operators))
		return err_set(err, ERR_INVALID, "'%s' is no test of a metric, such as 'auc >= 0.9'", text);
	x = strtod(number, &end);
	while (*end == ' ')
		end++;
	if (end == number || *end)
		return err_set(err, ERR_INVALID, "'%s' does not end in a number, as in 'auc >= 0.9'", text);
	f->tests = xreallocarray(f->tests, f->n_tests + 1, sizeof(*f->tests));
	f->tests[f->n_tests++] = (struct metric_test){xstrndup(text + strspn(text, " "), name - strspn(text, " ")), operators[i].how, x};
	return 0;
}

static bool local_time(const char *text, const char *format, int64_t *out)
{
	struct tm tm;
	const char *end;
	time_t t;

	memset(&tm, 0, sizeof(tm));
	end = strptime(text, format, &tm);
	if (!end || *end)
		return false;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	*out = (int64_t)t * 1000000000;
	return t > 0 && t < INT64_MAX / 1000000000;
}

int runfilter_time(const char *text, int64_t now, int64_t *out, struct err *err)
{
	int64_t ago;

	if (clock_parse_iso(text, strlen(text), out) || local_time(text, "%Y-%m-%d", out) || local_time(text, "%Y-%m-%d %H:%M", out) ||
	    local_time(text, "%Y-%m-%d %H:%M:%S", out))
		return 0;
	if (text_parse_duration(text, &ago) && ago <= now) {
		*out = now - ago;
		return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' is no time: write 2026-11-26, '2026-11-26 14:10', or how long ago, as 2h or 3d", text);
}

bool runfilter_asks(const struct runfilter *f)
{
	return f->n_stages || f->n_tests || f->author || f->outcome || f->since || f->until != INT64_MAX;
}

static bool is_named(const struct runfilter *f, const char *instance)
{
	size_t i, n;

	for (i = 0; i < f->n_stages; i++) {
		n = strlen(f->stages[i]);
		if (strncmp(instance, f->stages[i], n) == 0 && (!instance[n] || instance[n] == '@'))
			return true;
	}
	return !f->n_stages;
}

static bool has_part(const struct runfilter *f, const struct run *r)
{
	size_t i;

	for (i = 0; i < r->n_parts; i++)
		if (is_named(f, r->parts[i].name))
			return true;
	return !f->n_stages;
}

static bool holds(const struct metric_test *t, double x)
{
	switch (t->how) {
	case TEST_LESS: return x < t->x;
	case TEST_AT_MOST: return x <= t->x;
	case TEST_EQUAL: return x == t->x;
	case TEST_NOT_EQUAL: return x != t->x;
	case TEST_AT_LEAST: return x >= t->x;
	default: return x > t->x;
	}
}

/* The metrics of a run being looked at: which tests hold of some instance. */
struct testing {
	const struct runfilter *f;
	const struct snapshot_tools *t;
	struct snapshot s; /* of the run alone, for reading contents */
	bool *hold;
};

static void test_file(struct testing *k, const struct record_fact *fact)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct metrics m = METRICS_INIT;
	size_t i;

	if (snapshot_bytes(&k->s, k->t, fact, METRICS_LIMIT, &text, NULL) == 0 &&
	    metrics_parse(&m, fact->name, text.buf, text.len, NULL) == 0)
		for (i = 0; i < k->f->n_tests; i++) {
			const struct metric *x = metrics_find(&m, k->f->tests[i].name);

			k->hold[i] |= x && x->is_number && holds(&k->f->tests[i], x->x);
		}
	metrics_release(&m);
}

static int test_record(void *ctx, const struct lock_block *b, struct err *err)
{
	struct testing *k = ctx;
	size_t i;

	(void)err;
	for (i = 0; is_named(k->f, b->record->instance) && i < b->record->n_facts; i++)
		if (b->record->facts[i].kind == FACT_METRICS)
			test_file(k, &b->record->facts[i]);
	return 0;
}

static bool metrics_match(const struct runfilter *f, const struct snapshot_tools *t, const struct run *r)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(freep) bool *hold = xcalloc(f->n_tests + 1, sizeof(*hold));
	struct testing k = {f, t, {.run = r, .has_tree = r->has_tree, .tree = r->tree}, hold};
	size_t i;

	if (lineage_file(t->lineage, r, "records", RECORDS_LIMIT, &text, NULL) < 0 ||
	    lockfile_read("records", text.buf, text.len, true, &a, test_record, &k, NULL) < 0)
		return false;
	for (i = 0; i < f->n_tests; i++)
		if (!hold[i])
			return false;
	return true;
}

bool runfilter_matches(const struct runfilter *f, const struct snapshot_tools *t, const struct run *r)
{
	if (r->time < f->since || r->time >= f->until || !has_part(f, r))
		return false;
	if (f->outcome && !streq(r->outcome, f->outcome))
		return false;
	if (f->author && !(r->author && strcasestr(r->author, f->author)))
		return false;
	return !f->n_tests || metrics_match(f, t, r);
}

void runfilter_release(struct runfilter *f)
{
	size_t i;

	for (i = 0; i < f->n_tests; i++)
		free(f->tests[i].name);
	free(f->tests);
	free(f->stages);
	*f = (struct runfilter)RUNFILTER_INIT;
}
