/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash map from strings to pointers. Keys are borrowed: they must live as long as the map. */
#ifndef UTIL_MAP_H
#define UTIL_MAP_H

#include "util/base.h"

struct map_slot {
	const char *key; /* NULL: free */
	uint64_t hash;
	void *value;
};
struct map {
	struct map_slot *slots; /* a power of two of them */
	size_t n, cap;
};
#define MAP_INIT {NULL, 0, 0}

void *map_get(const struct map *m, const char *key); /* NULL if absent */
void *map_getn(const struct map *m, const char *key, size_t len);
/* Sets key to value and returns what stood there before (NULL: nothing; then key is kept). value is not NULL. */
void *map_put(struct map *m, const char *key, void *value);
/* Makes room for n entries in all, so that filling a large map does not copy it again and again. */
void map_reserve(struct map *m, size_t n);
void map_release(struct map *m); /* keys and values are not touched */
/* Visits every entry, in no stated order: for (i = 0; (s = map_next(m, &i)); ) */
struct map_slot *map_next(const struct map *m, size_t *i);

#endif
