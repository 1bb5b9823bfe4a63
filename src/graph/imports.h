/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Project files that code brings in become inputs of the instances whose code it is. */
#ifndef GRAPH_IMPORTS_H
#define GRAPH_IMPORTS_H

#include "code/finder.h"
#include "pipeline/pipeline.h"

/* Is there any code that could bring in something? If not, nothing below has to be asked. */
bool imports_wanted(const struct pipeline *pl);
/* Puts what f finds behind the inputs of each instance, as code, with `by` and the place set; before graph_build, so that a module that a
 * stage makes is an edge. Modules that `python -m` names in a command are found as well. Left out: what is an input already or
 * lies in a directory that is code, what the instance itself makes, and all of stages with `imports = no`. Imports whose names
 * only the program knows are warnings in ds, unless the stage lists a directory or a pattern under code. pythonpath: the variable's
 * value, or NULL. */
void imports_add(struct pipeline *pl, struct code_finder *f, const char *pythonpath, struct diags *ds);
/* If a stage makes some of in's code, which may say something else by now than when the pipeline was read: calls visit with each input
 * that its code brings in as the files are, and returns true; these stand in place of in's inputs with `by`. */
bool imports_anew(const struct pipeline *pl, const struct instance *in, struct statcache *cache, struct code_book *book,
		  void (*visit)(void *ctx, const struct input *x), void *ctx);

#endif
