/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the processes of a stage did with the files of the project: one entry a path, in the order in which they came to it. */
#ifndef SANDBOX_SEEN_H
#define SANDBOX_SEEN_H

#include "util/arena.h"
#include "util/err.h"
#include "util/map.h"
#include "util/strbuf.h"

enum seen_flag {
	SEEN_READ = 1,     /* opened for reading, or run, when it was there and nothing of the stage had written it */
	SEEN_WRITTEN = 2,  /* opened for writing, made, or put there by rename, link or symlink */
	SEEN_MISSING = 4,  /* looked for, and was not there the first time */
	SEEN_LISTED = 8,   /* its names were read: a directory */
	SEEN_ASKED = 16,   /* asked whether it is there, or what it is (only where lookups are watched) */
	SEEN_DIR = 32,     /* it was a directory the first time */
	/* refused, as the bounds of the stage do not allow it (bounds.h): */
	SEEN_NOT_READ = 64,
	SEEN_NOT_WRITTEN = 128, /* written, made, removed or replaced */
};

/* What could not be seen. */
enum seen_blind {
	BLIND_UNWATCHED = 1,  /* anything: this system does not allow it; number says why */
	BLIND_MEMORY = 2,     /* some names: the memory of a process could not be read */
	BLIND_MOUNTS = 4,     /* what a process did after it mounted something or changed its root */
	BLIND_MANY = 8,       /* there were more paths than are kept */
	BLIND_DAEMON = 16,    /* what a container's daemon did for a process that spoke to it */
	BLIND_PRIVILEGE = 32, /* a setuid program ran without the privileges that it expects */
};

struct seen_file {
	unsigned flags;
	char path[]; /* a project path; absolute if it lies outside, of which only SEEN_NOT_WRITTEN is noted */
};

struct seen {
	struct map by_path; /* -> struct seen_file */
	struct seen_file **v;
	size_t n, cap;
	unsigned blind;
	int number;      /* errno of BLIND_UNWATCHED */
	char *program;   /* of BLIND_PRIVILEGE; owned; NULL: none */
	struct arena arena;
};
#define SEEN_INIT {.by_path = MAP_INIT, .arena = ARENA_INIT}

/* The entry of path; NULL if there is none. */
struct seen_file *seen_find(const struct seen *s, const char *path);
/* A new one, without flags; NULL if there are too many. */
struct seen_file *seen_add(struct seen *s, const char *path);
void seen_release(struct seen *s);

/* Appends s in the machine's own layout, and reads it back from text[0..n), which comes from our own keeper; -1 if it is cut. */
void seen_write(const struct seen *s, struct strbuf *out);
NODISCARD int seen_parse(const char *text, size_t n, struct seen *s);

#endif
