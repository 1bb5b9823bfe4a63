/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "cli/project.h"
#include "report/log.h"
#include "util/text.h"

static int show(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	const char *limit_text = args_value(a, "limit");
	int64_t limit = 0;
	const struct run *runs;
	size_t n;

	if (limit_text && !text_parse_int(limit_text, 1, INT32_MAX, &limit)) {
		err_set(&err, ERR_INVALID, "--limit is a number from 1, not '%s'", limit_text);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (lineage_runs(p->lineage, &runs, &n, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (lineage_damage(p->lineage))
		fprintf(stderr, "mlmake: warning: %s; `git fsck` tells more\n", lineage_damage(p->lineage));
	if (args_count(a, "json"))
		return cli_print_json(report_log_json(runs, n, (size_t)limit));
	report_log(runs, n, (size_t)limit, &style, &out);
	return cli_print(&out);
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
	{0, "json", NULL, "print one JSON document"},
	{'n', "limit", "N", "show the newest N runs"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_log = {"log", "list past runs, newest first", "", NULL, WORDS_NONE, options, run};
