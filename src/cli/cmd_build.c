/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/building.h"
#include "cli/cmd_build.h"
#include "cli/deploying.h"

int build_main(struct args *a, bool fetch)
{
	CLEANUP(strvec_release) struct strvec deploys = STRVEC_INIT;
	int code = build_make(a, fetch, false, &deploys);

	return code == EXIT_DONE && deploys.n && !args_count(a, "dry-run") ? deploying_build(a, &deploys, true) : code;
}

const struct option_def build_options_table[] = {
	{'j', "jobs", "N", "run up to N stages at once (default: the number of cores)"},
	{'k', "keep-going", NULL, "after a failure, go on with what does not need it"},
	{'n', "dry-run", NULL, "show what would be done, and do nothing"},
	{'B', "always-make", NULL, "run everything selected, fresh or not"},
	{'q', "quiet", NULL, "show failures alone"},
	{'v', "verbose", NULL, "show all reasons, and what stages write"},
	{0, "pull", NULL, "what the remote has counts as restorable, and comes from there"},
	{0, "remote", "NAME", "with --pull: use [remote NAME] (default: the first in mlmake.ini)"},
	{0, "events", "FILE", "write what happens to FILE as JSON Lines (-: standard output)"},
	{0, "inherit-env", NULL, "stages get the whole environment, and the record says so"},
	{0, "json", NULL, "with -n: print one JSON document"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

static int run(struct args *a)
{
	return build_main(a, false);
}

const struct command cmd_build = {
	"build",
	"build what is stale (what plain `mlmake` does)",
	"[NAME=VALUE...] [TARGET...]",
	"A target is a stage, an instance (train@3), a pattern ('train@*') or a file that a stage makes;\n"
	"NAME=VALUE sets a parameter for this run.",
	WORDS_TARGETS,
	build_options_table,
	run,
};
