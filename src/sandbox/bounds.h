/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stage with `watch = strict` may touch of the project, as rules: texts of a letter and an absolute path. Directories may be
 * listed, all of them; that counts by the names in them (stale/learned.h).
 *
 * Two hold a stage to them. Landlock (confine.h) is certain, and coarse: who may make a file may make any in its directory. So the
 * watcher (watch.h) looks at each name before the call is made, and refuses what the rules do not allow; it can be deceived
 * by a program that changes a name in its memory while the kernel reads it. */
#ifndef SANDBOX_BOUNDS_H
#define SANDBOX_BOUNDS_H

#include "util/arena.h"
#include "util/map.h"

#define BOUNDS_READ 'r'  /* may be read and run, and all that is below it */
#define BOUNDS_WRITE 'w' /* an output, which may not be there yet: it and all below it may be made, read, written and removed */
#define BOUNDS_FREE 't'  /* likewise, and nobody notes it: what is temporary; it may lie outside of the project */

struct bounds {
	struct arena arena;
	struct map read, write, free;
	struct map made_in; /* directories of outputs: what is new there is not refused */
};
#define BOUNDS_INIT {ARENA_INIT, MAP_INIT, MAP_INIT, MAP_INIT, MAP_INIT}

void bounds_add(struct bounds *b, const char *rule);
void bounds_release(struct bounds *b);

/* Of absolute paths without links. */
bool bounds_read(const struct bounds *b, const char *path);
bool bounds_write(const struct bounds *b, const char *path);
bool bounds_free(const struct bounds *b, const char *path);
bool bounds_new(const struct bounds *b, const char *path); /* path is not there: may it be made? */

/* Is path, or what it lies in, a key of m? */
bool bounds_covers(const struct map *m, const char *path);

#endif
