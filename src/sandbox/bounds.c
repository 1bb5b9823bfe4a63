/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "sandbox/bounds.h"

#include <string.h>

#include "util/path.h"

static void put(struct bounds *b, struct map *m, const char *path)
{
	map_put(m, path, b);
}

void bounds_add(struct bounds *b, const char *rule)
{
	const char *path = arena_strdup(&b->arena, rule + 1);

	switch (*rule) {
	case BOUNDS_READ: put(b, &b->read, path); break;
	case BOUNDS_WRITE:
		put(b, &b->made_in, arena_strndup(&b->arena, path, MAX(path_dirlen(path), (size_t)1)));
		put(b, &b->write, path);
		break;
	case BOUNDS_FREE: put(b, &b->free, path); break;
	default: BUG("a rule that is none: %s", rule);
	}
}

void bounds_release(struct bounds *b)
{
	map_release(&b->read);
	map_release(&b->write);
	map_release(&b->free);
	map_release(&b->made_in);
	arena_release(&b->arena);
}

bool bounds_covers(const struct map *m, const char *path)
{
	size_t n = strlen(path);

	while (n && !map_getn(m, path, n))
		while (n && path[--n] != '/')
			;
	return n > 0;
}

bool bounds_read(const struct bounds *b, const char *path)
{
	return bounds_covers(&b->read, path) || bounds_write(b, path);
}

bool bounds_write(const struct bounds *b, const char *path)
{
	return bounds_covers(&b->write, path) || bounds_free(b, path);
}

bool bounds_free(const struct bounds *b, const char *path)
{
	return bounds_covers(&b->free, path);
}

bool bounds_new(const struct bounds *b, const char *path)
{
	return bounds_write(b, path) || bounds_covers(&b->made_in, path);
}
