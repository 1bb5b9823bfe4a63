/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/cmd_build.h"

static int run(struct args *a)
{
	return build_main(a, true);
}

const struct command cmd_fetch = {
	"fetch",
	"run sources again, to see whether their data is new",
	"[SOURCE...]",
	"A plain build uses what a source has brought; this asks anew. All sources if none is named.",
	WORDS_TARGETS,
	build_options_table,
	run,
};
