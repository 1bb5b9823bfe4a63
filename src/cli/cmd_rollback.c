/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/deploying.h"

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct deploy_request rq = {.action = "rollback",
				    .version = args_value(a, "to"),
				    .because = args_value(a, "because"),
				    .again = args_count(a, "again") > 0};

	if (a->words.n < 1 || a->words.n > 2) {
		err_set(&err, ERR_INVALID, "roll back what? `mlmake rollback NAME [ENVIRONMENT]`");
		return cli_fail(EXIT_USAGE, &err);
	}
	rq.name = a->words.v[0];
	rq.environment = a->words.n > 1 ? a->words.v[1] : NULL;
	return deploying_main(a, &rq);
}

static const struct option_def options[] = {
	{0, "to", "VERSION", "ship this version (default: what was there before)"},
	{0, "because", "REASON", "why; kept in the tag and in the log"},
	{0, "again", NULL, "ship though the same is there already"},
	{0, "events", "FILE", "write what happens to FILE as JSON Lines (-: standard output)"},
	{'q', "quiet", NULL, "show failures alone"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_rollback = {
	"rollback",
	"ship what was there before again",
	"NAME [ENVIRONMENT]",
	"Its very bytes, from the store, in the first environment of the deploy if none is named. After a\n"
	"deploy that did not end well: what was there before that. Nothing is built.",
	WORDS_TARGETS,
	options,
	run,
};
