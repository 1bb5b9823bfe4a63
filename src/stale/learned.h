/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an instance was seen to depend on without its being declared.
 *
 * Of stages with `watch = learn` or `strict` it stands in the record: a file that was read as a data fact with INPUT_LEARNED as `by`, which counts in the key as if it had been
 * declared; the names in a directory that was listed, and whether a path is there that was looked for, as env facts called
 * "[names] DIR" and "[there] PATH". From the next time on the instance has them as inputs.
 *
 * With `watch = warn` only what was looked for and not found is kept, beside the facts (record.h): it makes the instance stale when it
 * appears, and is no part of the key, nor of mlmake.lock. */
#ifndef STALE_LEARNED_H
#define STALE_LEARNED_H

#include "stale/history.h"

/* Before the path in the name of a fact. */
#define LEARNED_THERE "[there] "

/* Is there a stage that learns? One with `watch = strict` learns what it listed and did not find; with `watch = warn`, what it did not
 * find. */
bool learned_wanted(const struct pipeline *pl);
/* Puts what the last record of each instance that learns has learned behind its inputs, but for what is declared by now; before
 * graph_build, so that what a stage makes is an edge. Of others, says whether something has appeared. Of disk, globs are asked. */
void learned_add(struct pipeline *pl, struct history *h, const struct pipeline_disk *disk);

/* The facts that say so, for the record of a run that has ended. The names in dir are those without a '.' in front, and without
 * what stages make. */
struct record_fact learned_names(const struct pipeline *pl, const struct pipeline_disk *disk, const char *dir, struct arena *a);
struct record_fact learned_there(const struct pipeline_disk *disk, const char *path, struct arena *a);
/* The key under which a file can be declared without changing the command, whose {{data}} would name it; NULL if there is none. */
const char *learned_key(const struct stage *st, const char *path);
bool learned_about(const struct record_fact *f); /* one of those */
static inline bool learned_is(const struct record_fact *f)
{
	return f->by && streq(f->by, INPUT_LEARNED);
}

#endif
