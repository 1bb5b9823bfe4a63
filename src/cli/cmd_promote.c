/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "cli/deploying.h"

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) char *name = NULL;
	struct deploy_request rq = {.action = "promote", .because = args_value(a, "because"), .again = args_count(a, "again") > 0};
	char *at;

	if (a->words.n != 2) {
		err_set(&err, ERR_INVALID, "what to where? `mlmake promote NAME[@VERSION] ENVIRONMENT`");
		return cli_fail(EXIT_USAGE, &err);
	}
	name = xstrdup(a->words.v[0]);
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		rq.version = at + 1;
	}
	rq.name = name;
	rq.environment = a->words.v[1];
	return deploying_main(a, &rq);
}

static const struct option_def options[] = {
	{0, "because", "REASON", "why; kept in the tag and in the log"},
	{0, "again", NULL, "ship though the same is there already"},
	{0, "events", "FILE", "write what happens to FILE as JSON Lines (-: standard output)"},
	{'q', "quiet", NULL, "show failures alone"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_promote = {
	"promote",
	"ship a version to another environment",
	"NAME[@VERSION] ENVIRONMENT",
	"The version that is in the first environment of the deploy, if none is named; its very bytes,\n"
	"from the store. Nothing is built.",
	WORDS_TARGETS,
	options,
	run,
};
