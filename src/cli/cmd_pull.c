/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/share.h"
#include "cli/share_runs.h"

static const struct option_def options[] = {
	{0, "remote", "NAME", "use [remote NAME] (default: the first in mlmake.ini)"},
	{0, "at", "RUN|COMMIT", "fetch what that run or commit names; may be repeated"},
	{0, "all", NULL, "fetch what all runs name, not only mlmake.lock"},
	{0, "lineage", NULL, "fetch the history of runs alone, and no large files"},
	{0, "allow-missing", NULL, "it is no failure if some files are nowhere"},
	{'n', "dry-run", NULL, "show what would be fetched, and fetch nothing"},
	{'q', "quiet", NULL, "show errors alone"},
	{'v', "verbose", NULL, "name every file that is missing or damaged"},
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

static int run(struct args *a)
{
	return share_main(a, SHARE_PULL);
}

const struct command cmd_pull = {
	"pull",
	"fetch results and the history of runs from a remote",
	"[TARGET...]",
	"They come into the store: a build or `mlmake checkout` puts them in place. Without targets: what mlmake.lock names.",
	WORDS_TARGETS,
	options,
	run,
};
