/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fetch, build, gate, deploy; or production stays as it is, and the reason is told. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "cli/cmd_build.h"
#include "cli/deploying.h"

static int stopped(const char *why, int code)
{
	if (code == EXIT_STAGE_FAILED || code == EXIT_USAGE)
		fprintf(stderr, "mlmake: not retrained: %s; what is deployed stays as it is\n", why);
	return code;
}

static int run(struct args *a)
{
	struct args all = *a, here;
	int code;

	all.words = (struct strvec)STRVEC_INIT;
	code = build_main(&all, true);
	if (code != EXIT_DONE)
		return stopped("not every source could be fetched", code);
	here = args_once_there(a);
	code = deploying_build(&here, &a->words, false);
	free(here.given);
	return code;
}

const struct command cmd_retrain = {
	"retrain",
	"fetch what is new, build, and deploy what the gates let pass",
	"[NAME=VALUE...] [NAME...]",
	"NAME is a deploy; all of them if none is named, and without any the default targets are built.\n"
	"If a source, a stage or a gate says no, what is deployed stays as it is.",
	WORDS_TARGETS,
	build_options_table,
	run,
};
