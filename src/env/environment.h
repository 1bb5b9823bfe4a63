/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine has of the environments of a pipeline, as facts for the keys of the stages that use them:
 *
 *     [python]          3.11.7 <sha256 of the interpreter>        with `interpreter` or `uses`
 *     package:numpy     1.26.4 <sha256 of names and contents>     of each that `uses` names, and of what they require
 *     image:NAME        sha256:...                                 of a container, by digest
 *
 * Whatever has to be asked of a program stands in the environment's questions; a build asks, and looks again. */
#ifndef ENV_ENVIRONMENT_H
#define ENV_ENVIRONMENT_H

#include "env/interpreter.h"

/* The files that facts were taken from, the first n_core of which tell of an installation, and the others are all of it. */
struct env_files {
	struct env_file {
		const char *path, *of; /* of: the distribution, or "the interpreter" */
		struct content content;
	} *v;
	size_t n, n_core;
};

/* Is there an environment with something to look at? */
bool environment_wanted(const struct pipeline *pl);
/* Sets facts, questions and files of the environments that instances use (selected: by index; NULL: of all). What is wrong goes to ds; -1
 * if that are errors. A question that was not answered yet leaves a fact unknown, which is worth a warning if tell. */
NODISCARD int environment_look(struct pipeline *pl, const bool *selected, const struct env_tools *t, bool tell, struct diags *ds);
/* Is there something to be asked by every build? Has something been answered not at all, or in a way that nobody understands: what? */
bool environment_asks_always(const struct pipeline *pl);
const char *environment_unanswered(const struct pipeline *pl);
/* What of e is no longer as it was when it was looked at: "numpy" or "the interpreter"; NULL: nothing. With all, every file is looked
 * at, else those that an installer writes. May be called from several threads. */
const char *environment_moved(const struct env *e, struct statcache *cache, bool all);

#endif
