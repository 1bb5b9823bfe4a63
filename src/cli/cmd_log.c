/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/project.h"
#include "report/log.h"
#include "report/runfilter.h"
#include "util/clock.h"
#include "util/text.h"

static int read_time(const struct args *a, const char *option, int64_t *out, struct err *err)
{
	const char *text = args_value(a, option);

	if (text && runfilter_time(text, clock_now(&clock_system), out, err) < 0)
		return err_wrap(err, "--%s", option);
	return 0;
}

static int read_filter(const struct args *a, struct runfilter *f, struct err *err)
{
	size_t i;

	f->author = args_value(a, "author");
	f->outcome = args_value(a, "outcome");
	f->stages = xcalloc(a->n_given + 1, sizeof(*f->stages));
	for (i = 0; i < a->n_given; i++) {
		const char *name = a->given[i].def->name;

		if (streq(name, "stage"))
			f->stages[f->n_stages++] = a->given[i].value;
		if (streq(name, "where") && runfilter_add_test(f, a->given[i].value, err) < 0)
			return err_wrap(err, "--where");
	}
	return read_time(a, "since", &f->since, err) < 0 ? -1 : read_time(a, "until", &f->until, err);
}

/* The newest runs that match, oldest first, at most limit of them (0: all). Owned. */
static struct run *choose(struct project *p, const struct runfilter *f, const struct run *runs, size_t n, size_t limit, size_t *chosen)
{
	const struct snapshot_tools t = {&p->repo, p->db, p->lineage, p->store};
	struct run *v = xcalloc(n + 1, sizeof(*v));
	size_t i, first = n;

	for (i = n; i-- > 0 && (!limit || n - first < limit);)
		if (runfilter_matches(f, &t, &runs[i]))
			v[--first] = runs[i];
	memmove(v, v + first, (n - first) * sizeof(*v));
	*chosen = n - first;
	return v;
}

static int print_runs(struct project *p, const struct args *a, const struct run *runs, size_t n, size_t limit)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);

	if (args_count(a, "json"))
		return cli_print_json(report_log_json(runs, n, limit));
	report_log(runs, n, limit, &style, &out);
	return cli_print(&out);
}

static int show_chosen(struct project *p, const struct args *a, const struct runfilter *f, const struct run *runs, size_t n,
		       size_t limit)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t chosen;
	struct run *v = choose(p, f, runs, n, limit, &chosen);
	int code;

	if (chosen || args_count(a, "json") || !n) {
		code = print_runs(p, a, v, chosen, 0);
	} else {
		strbuf_addf(&out, "none of %zu runs is like that\n", n);
		code = cli_print(&out);
	}
	free(v);
	return code;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(runfilter_release) struct runfilter f = RUNFILTER_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *limit_text = args_value(a, "limit");
	int64_t limit = 0;
	const struct run *runs;
	size_t n;
	int code;

	if (limit_text && !text_parse_int(limit_text, 1, INT32_MAX, &limit)) {
		err_set(&err, ERR_INVALID, "--limit is a number from 1, not '%s'", limit_text);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (read_filter(a, &f, &err) < 0 || lineage_runs(p->lineage, &runs, &n, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (lineage_damage(p->lineage))
		fprintf(stderr, "mlmake: warning: %s; `git fsck` tells more\n", lineage_damage(p->lineage));
	if (!runfilter_asks(&f))
		return print_runs(p, a, runs, n, (size_t)limit);
	code = project_await(p);
	return code != EXIT_DONE ? code : show_chosen(p, a, &f, runs, n, (size_t)limit);
}

static int run(struct args *a)
{
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{'n', "limit", "N", "show the newest N runs"},
	{0, "stage", "NAME", "in which this stage or instance had a part; may be given several times"},
	{0, "where", "TEST", "with a metric like this: 'auc >= 0.9'; may be given several times"},
	{0, "author", "TEXT", "by somebody whose name or address holds TEXT"},
	{0, "since", "TIME", "from then on: 2026-11-26, '2026-11-26 14:10', or 3d for three days ago"},
	{0, "until", "TIME", "before then"},
	{0, "outcome", "WORD", "done, failed, refused, interrupted, accepted, undone, reproduced, deployed, promoted or rolled-back"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_log = {"log", "list past runs, newest first", "", NULL, WORDS_NONE, options, run};
