/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory for things that die together. With MLMAKE_ARENA=malloc in the environment each object is a malloc of
 * its own, so that the sanitizers and valgrind see every overrun. Not shared between threads. */
#ifndef UTIL_ARENA_H
#define UTIL_ARENA_H

#include "util/base.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	char *at, *end;
	size_t n_chunks;
};
#define ARENA_INIT {NULL, NULL, NULL, 0}

void *arena_alloc(struct arena *a, size_t n);  /* aligned for any object, contents undefined */
void *arena_calloc(struct arena *a, size_t n); /* zeroed */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
PRINTF(2, 3) char *arena_fmt(struct arena *a, const char *fmt, ...);
void arena_release(struct arena *a);
/* Room for item number n (counting from 0) in an array in the arena that doubles at powers of two. */
void *arena_grow(struct arena *a, void *array, size_t n, size_t item_size);

#endif
