/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a lock, of any commit and by anybody, says was built: records, and the artifacts that they name. */
#ifndef BACK_ARTIFACTS_H
#define BACK_ARTIFACTS_H

#include "stale/record.h"
#include "util/arena.h"
#include "util/map.h"

struct artifact {
	const struct record *record;    /* of the instance that made it */
	const struct record_fact *fact; /* kind, path and content */
};
struct artifacts {
	struct arena arena;
	struct record **records; /* in order of the text */
	size_t n_records;
	struct artifact *v;
	size_t n;
	size_t dropped;     /* blocks that do not say what their key says, as a merge by lines can leave them */
	struct map by_name; /* instance -> record */
	struct map by_path; /* path -> artifact */
};
#define ARTIFACTS_INIT {.arena = ARENA_INIT, .by_name = MAP_INIT, .by_path = MAP_INIT}

/* Reads the blocks of text[0..n) (record.h), hostile; name is what it is called in messages. ERR_PARSE. ERR_INVALID, before
 * anything can have been written, for an output that no stage may have: a path that leads out of the project or into git's
 * directory, one that two instances make, one that lies in another. */
NODISCARD int artifacts_parse(struct artifacts *as, const char *name, const char *text, size_t n, struct err *err);
void artifacts_release(struct artifacts *as);

const struct record *artifacts_record(const struct artifacts *as, const char *instance); /* NULL if there is none */
/* The artifact that is path, or that path lies in; NULL if there is none. */
const struct artifact *artifacts_holding(const struct artifacts *as, const char *path);

/* Does target, as a user names it, mean a? The name of its stage or instance, its path, a directory above it or a path in it, or a
 * pattern of instances or paths. */
bool artifact_is_named(const struct artifact *a, const char *target);

#endif
