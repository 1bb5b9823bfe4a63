/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is where: the tags of the registry (lifecycle/release.h) of a project, read and added to. They are git's own, so `git tag`,
 * `git push --tags` and `git fetch --tags` do with them what they do with any. */
#ifndef LIFECYCLE_REGISTRY_H
#define LIFECYCLE_REGISTRY_H

#include "gitdb/pack.h"
#include "lifecycle/release.h"

/* The environment that is meant where none is named. */
#define REGISTRY_PRODUCTION "production"

struct registry {
	struct arena arena;
	struct release **v; /* by name; then versions, the earliest first; then assignments, in the order in which they were made */
	size_t n;
	size_t unreadable;  /* tags of the grammar that could not be read */
	const char *unread; /* one of them that is an assignment, NULL: none is */
};
#define REGISTRY_INIT {.arena = ARENA_INIT}

/* All tags of the project at prefix ("" at the top of its work tree). Without a repository there are none. */
NODISCARD int registry_read(struct registry *r, struct gitdb *db, const char *prefix, struct err *err);
/* As registry_read, for those who act on what is live: ERR_PARSE if an assignment could not be read. */
NODISCARD int registry_read_all(struct registry *r, struct gitdb *db, const char *prefix, struct err *err);
void registry_release(struct registry *r);

/* What is in the environment now: the newest assignment, its version filled in where the registry knows it, or NULL if there is none or it was
 * unassigned. name NULL: of what is live of each deploy, the newest. run, ships and the like are those of the version where the assignment does not say
 * them. */
const struct release *registry_live(struct registry *r, const char *name, const char *environment);
/* What was there before it, which is another version: NULL if there was none. */
const struct release *registry_before(struct registry *r, const char *name, const char *environment);
/* A version that is not withdrawn; NULL version: the latest. NULL: there is none. */
const struct release *registry_version(struct registry *r, const char *name, const char *version);
/* The same, also if it was withdrawn: its name is taken all the same. */
const struct release *registry_tagged(struct registry *r, const char *name, const char *version);
/* The latest version of name that ships the same as what. NULL: none does. */
const struct release *registry_same(struct registry *r, const struct release *what);
/* The next number for an assignment of name. */
int64_t registry_next_number(const struct registry *r, const char *name);
/* The time that an assignment made at now (nanoseconds) is to have: whole seconds, which is what tags know, and behind all that were made a
 * moment ago, of whatever name, for by it is told which is the newest. */
int64_t registry_next_time(const struct registry *r, int64_t now);

/* Makes the tag: its object goes through p, which is finished before the tag stands. ERR_MOVED if there is one of that name, which stays. */
NODISCARD int registry_add(const struct release *what, struct gitdb *db, struct packer *p, const char *prefix, struct err *err);

#endif
