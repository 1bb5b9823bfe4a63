/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the stat cache remembers, for the files that answer from it, derive from it and save it. Internal to the room. */
#ifndef DIGEST_CACHE_MEMORY_H
#define DIGEST_CACHE_MEMORY_H

#include <limits.h>
#include <pthread.h>

#include "digest/look.h"
#include "digest/statcache.h"
#include "digest/table.h"
#include "util/arena.h"
#include "util/map.h"

struct known;

struct learnt {
	char *key; /* 'n' (what stands at the path) or 'f' (what the link that stands there leads to), then the path */
	struct tree_box *box;
};

enum ahead {
	AHEAD_UNKNOWN, /* nobody looked */
	AHEAD_UNSURE,  /* takes a closer look */
	AHEAD_UNMOVED, /* as it was, by stat */
	AHEAD_ANSWERED /* by the closer look: what is remembered is what is there */
};

struct statcache {
	char *file;
	unsigned char secret[STATCACHE_SECRET];
	const struct clock *clock;
	struct table table;
	uint8_t *used; /* of each root of the table: asked for since open; changed atomically */
	uint8_t *ahead; /* of each root, an enum ahead; NULL: nobody looked */
	pthread_mutex_t mutex;
	struct map overlay; /* struct learnt */
	size_t n_overlay;   /* read without the lock, to know that there is nothing to look for */
	struct known **inodes; /* files by inode, in a hash table: NULL is free; a power of two, at least 1.5 times n_inodes */
	size_t n_inodes, n_slots;
	struct arena known;    /* where they lie */
	bool dirty;
	bool queried; /* statcache_query was called; changed atomically */
	bool unmarked; /* something was answered that the roots do not stand for; changed atomically */
	struct look look;
	char *through; /* for look */
	struct look_counts counts;
};

/* What is remembered of a path: borrowed from the table, or held in box. */
struct memory {
	bool found;
	struct tree tree;
	struct tree_box *box;
};
void memory_release(struct memory *m);

/* The paths of all these are shorter than PATH_MAX. */
void overlay_key(char key[PATH_MAX + 1], const char *path, bool behind);
void recall(struct statcache *sc, const char *path, bool behind, struct memory *m); /* behind: what the link at path leads to */
/* What the last question for path, links followed or not, was answered with. */
void recall_answer(struct statcache *sc, const char *path, bool follow, struct memory *m);
void learn(struct statcache *sc, const char *path, bool behind, struct tree_box *box); /* takes box */
void learn_nothing(struct statcache *sc); /* an answer was given that nothing of this is kept of */
/* The very file that e was seen of is known by its inode from now on, whatever its path. */
void know_inode(struct statcache *sc, const struct entry *e);

/* The path of each directory of the tree, owned, at the directory's number; NULL for all else. */
char **dir_paths(const struct tree *t, const char *path);
void free_paths(char **paths, uint32_t n);

#endif
