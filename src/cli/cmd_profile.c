/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <unistd.h>

#include "cli/project.h"
#include "cli/tables.h"
#include "report/columns.h"

static int profile(struct args *a)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) char *shared = NULL;
	enum color_choice color = COLOR_AUTO;
	const char *when = args_value(a, "color");
	struct check_rules rules;
	struct statistics_files f = {&a->words, &rules, NULL};
	struct style style;

	if (!a->words.n) {
		err_set(&err, ERR_INVALID, "which file? `mlmake profile data/train.csv`");
		return cli_fail(EXIT_USAGE, &err);
	}
	if (when && !color_choice_parse(when, &color)) {
		err_set(&err, ERR_INVALID, "option '--color' takes auto, always or never, and not '%s'", when);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (tables_rules(a, &arena, &rules, &err) < 0 || tables_enter(a, &shared, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	f.shared = shared;
	if (statistics_of(&f, &s, NULL, &err) < 0 || tables_warn(&f, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (args_count(a, "json"))
		return cli_print_json(report_columns_json(&s));
	style = style_for(STDOUT_FILENO, color);
	report_columns(&s, &style, &out);
	return cli_print(&out);
}

static const struct option_def options[] = {
	TABLES_OPTIONS,
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_profile = {
	"profile",
	"show what the columns of a table hold",
	"FILE...",
	"CSV, TSV and JSON Lines of any size. Several files are parts of one table. What was found is kept by content,\n"
	"so the same bytes are not read again.",
	WORDS_FILES,
	options,
	profile,
};
