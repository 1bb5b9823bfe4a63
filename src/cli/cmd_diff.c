/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd_show.h"
#include "cli/project.h"
#include "report/compare.h"

struct differing {
	struct project p;
	struct args *a;
	struct snapshot from, to;
	struct plan plan;
	struct comparison c;
	struct strvec stages;
};

static int look_here(struct differing *d)
{
	int code = project_load(&d->p, NULL, 0);

	if (code == EXIT_DONE)
		code = project_plan(&d->p, NULL, &d->plan);
	if (code == EXIT_DONE)
		snapshot_here(&d->to, &d->plan);
	return code;
}

static void read_stages(struct differing *d)
{
	size_t i;

	for (i = 0; i < d->a->n_given; i++)
		if (streq(d->a->given[i].def->name, "stage"))
			strvec_push(&d->stages, d->a->given[i].value);
}

static int compare(struct differing *d)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct snapshot_tools t = {&d->p.repo, d->p.db, d->p.lineage, d->p.store};
	const char *first = d->a->words.n ? d->a->words.v[0] : show_last_run(&d->p, "reproduced", &err);
	struct style style = project_style(&d->p, STDOUT_FILENO);
	int code = project_await(&d->p);

	if (code != EXIT_DONE)
		return code;
	if (!first || snapshot_find(&d->from, &t, first, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (d->a->words.n == 2 && snapshot_find(&d->to, &t, d->a->words.v[1], &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (d->a->words.n < 2 && (code = look_here(d)) != EXIT_DONE)
		return code;
	read_stages(d);
	if (compare_make(&d->c, &d->from, &d->to, &t, (const char *const *)d->stages.v, d->stages.n, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (args_count(d->a, "json"))
		return cli_print_json(report_compare_json(&d->c));
	report_compare(&d->c, &style, &out);
	return cli_print(&out);
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct differing d = {.a = a, .from = SNAPSHOT_INIT, .to = SNAPSHOT_INIT, .plan = PLAN_INIT, .c = COMPARISON_INIT,
			      .stages = STRVEC_INIT};
	int code;

	if (a->words.n > 2) {
		err_set(&err, ERR_INVALID, "two at most are compared: `mlmake diff A B`; --stage chooses stages");
		return cli_fail(EXIT_USAGE, &err);
	}
	code = project_open(&d.p, a, false);
	if (code == EXIT_DONE)
		code = compare(&d);
	comparison_release(&d.c);
	snapshot_release(&d.from);
	snapshot_release(&d.to);
	plan_release(&d.plan);
	strvec_release(&d.stages);
	project_close(&d.p);
	return code;
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{0, "stage", "NAME", "only this stage or instance; may be given several times"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_diff = {
	"diff",
	"show in what two runs or commits differ, and their results",
	"[A [B]]",
	"A and B are runs (`mlmake log`), commits, branches or tags. Without B, the work tree is what A is\\n"
	"compared with; without A, the last run is. Code by lines, parameters, data (of CSV: rows and\\n"
	"columns), environment, commands, outputs, metrics side by side.",
	WORDS_RUNS,
	options,
	run,
};
