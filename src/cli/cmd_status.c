/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <unistd.h>

#include "cli/project.h"
#include "report/status.h"

static int show(struct project *p, const struct args *a)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	int code = project_load(p, a->words.v, a->words.n);

	if (code == EXIT_DONE)
		code = project_plan(p, NULL, &plan);
	if (code != EXIT_DONE)
		return code;
	if (args_count(a, "json")) {
		code = cli_print_json(report_status_json(&plan));
	} else if (!args_count(a, "quiet")) {
		report_status(&plan, &style, args_count(a, "verbose") > 0, &out);
		code = cli_print(&out);
	}
	if (code == EXIT_DONE && args_count(a, "check") && plan.counts[STALE_STALE] + plan.counts[STALE_RESTORABLE])
		code = EXIT_CHECK_STALE;
	return code;
}

static int run(struct args *a)
{
	struct project p;
	int code = project_open(&p, a, false);

	if (code == EXIT_DONE)
		code = show(&p, a);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{0, "check", NULL, "exit with 4 if anything is stale or has to be restored"},
	{0, "json", NULL, "print one JSON document"},
	{'q', "quiet", NULL, "print nothing, for use with --check"},
	{'v', "verbose", NULL, "show every reason, and what is fresh"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_status = {
	"status", "show what is stale and why",    "[NAME=VALUE...] [TARGET...]",
	NULL,     WORDS_TARGETS,                   options,
	run,
};
