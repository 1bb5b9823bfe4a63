/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/map.h"

#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

static struct map_slot *find(const struct map *m, const char *key, size_t len, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key) {
		struct map_slot *s = &m->slots[i];

		if (s->hash == hash && strncmp(s->key, key, len) == 0 && s->key[len] == '\0')
			break;
		i = (i + 1) & (m->cap - 1);
	}
	return &m->slots[i];
}

static void resize(struct map *m, size_t cap)
{
	struct map_slot *old = m->slots;
	size_t i, j, old_cap = m->cap;

	m->slots = xcalloc(cap, sizeof(*m->slots));
	m->cap = cap;
	for (i = 0; i < old_cap; i++) {
		if (!old[i].key)
			continue;
		for (j = old[i].hash & (cap - 1); m->slots[j].key; j = (j + 1) & (cap - 1))
			;
		m->slots[j] = old[i];
	}
	free(old);
}

void *map_getn(const struct map *m, const char *key, size_t len)
{
	struct map_slot *s;

	if (!m->cap)
		return NULL;
	s = find(m, key, len, hash_bytes(key, len));
	return s->key ? s->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_getn(m, key, strlen(key));
}

void *map_put(struct map *m, const char *key, void *value)
{
	size_t len = strlen(key);
	uint64_t hash = hash_bytes(key, len);
	struct map_slot *s;
	void *old;

	if (!value)
		BUG("a map holds no NULL");
	if (2 * (m->n + 1) > m->cap)
		resize(m, m->cap ? 2 * m->cap : 16);
	s = find(m, key, len, hash);
	old = s->key ? s->value : NULL;
	if (!s->key) {
		s->key = key;
		s->hash = hash;
		m->n++;
	}
	s->value = value;
	return old;
}

void map_reserve(struct map *m, size_t n)
{
	size_t cap = m->cap ? m->cap : 16;

	while (cap / 2 < n)
		cap *= 2;
	if (cap > m->cap)
		resize(m, cap);
}

struct map_slot *map_next(const struct map *m, size_t *i)
{
	while (*i < m->cap) {
		struct map_slot *s = &m->slots[(*i)++];

		if (s->key)
			return s;
	}
	return NULL;
}

void map_release(struct map *m)
{
	free(m->slots);
	*m = (struct map)MAP_INIT;
}
