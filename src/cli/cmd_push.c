/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/share.h"
#include "cli/share_runs.h"

static const struct option_def options[] = {
	{0, "remote", "NAME", "use [remote NAME] (default: the first in mlmake.ini)"},
	{0, "at", "RUN|COMMIT", "send what that run or commit names; may be repeated"},
	{0, "all", NULL, "look at all runs again, not only at those since the last push"},
	{0, "allow-missing", NULL, "send the rest if some files are neither here nor there"},
	{'n', "dry-run", NULL, "show what would be sent, and send nothing"},
	{'q', "quiet", NULL, "show errors alone"},
	{'v', "verbose", NULL, "name every file that is missing or damaged"},
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

static int run(struct args *a)
{
	return share_main(a, SHARE_PUSH);
}

const struct command cmd_push = {
	"push",
	"send results and the history of runs to a remote",
	"[TARGET...]",
	"Without targets and --at: what mlmake.lock and all runs name. A TARGET is a stage, an instance or an artifact.",
	WORDS_TARGETS,
	options,
	run,
};
