/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Seeing at a glance that there is still nothing to do.
 *
 * Whether everything is fresh follows from what pipeline and code ask of the disk, from the records, and from the contents of the files
 * that are inputs and outputs. A build that found everything fresh keeps its questions with digests of the answers; the next one
 * asks the same questions, and if nothing is answered otherwise it need not read the pipeline to know what follows. */
#ifndef STALE_GLANCE_H
#define STALE_GLANCE_H

#include "code/finder.h"
#include "digest/statcache.h"
#include "graph/graph.h"
#include "stale/history.h"

struct glance;

struct glance_place {
	const char *file;            /* STATE/glance */
	const char *program;         /* what tells this program from other versions of it, and the project's place */
	struct history_paths paths;
	const struct pipeline_disk *disk;
	const struct code_disk *code;
	struct statcache *cache;
	int threads;
};

/* Is everything as it was when this was kept? Then *fresh is how many instances are fresh. Before any other question to the
 * cache. */
bool glance_holds(const struct glance_place *at, size_t *fresh);

/* What at.disk and at.code are asked from now on, through glance_disk and glance_code, is noted. at and what it points to are
 * borrowed. */
struct glance *glance_new(const struct glance_place *at);
struct pipeline_disk glance_disk(struct glance *g);
struct code_disk glance_code(struct glance *g);
/* To be called by a build that held the project's lock, whose pipeline was read through glance_disk, and what its code brings in
 * looked for through glance_code, that found all it was asked for
 * fresh by no more than the last records and the contents of files, and that saved what it learnt. Keeps nothing where the cache or
 * the records would not allow it to hold. */
NODISCARD int glance_keep(struct glance *g, size_t fresh, struct err *err);
void glance_free(struct glance *g);

#endif
