/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was learnt goes into the table: young entries of small files are looked at once more, what nobody has asked for in long is
 * dropped, and the rest is written in the order of paths. */
#include <config.h>

#include "digest/statcache.h"

#include <stdlib.h>
#include <string.h>

#include "digest/cache_memory.h"
#include "util/pool.h"

#define SECOND INT64_C(1000000000)
#define DAY INT64_C(86400)
#define KEPT (60 * DAY)          /* a path not asked for in so long is dropped */
#define ALONE 128                /* so few files are not worth a thread */
#define AGAIN_SIZE (1 << 20)     /* looked at again: files up to here, */
#define AGAIN_TOTAL (64 << 20)   /* up to so many bytes */

/* Young entries that save looks at once more. */
struct second_look {
	const struct look *look;
	struct second_file {
		char *path;
		bool follow;
		struct entry *e;
	} *v;
	size_t n, cap;
	int64_t bytes;
	int64_t now;
};

static void second_file(void *ctx, size_t i)
{
	struct second_look *s = ctx;

	if (look_again(s->look, s->v[i].path, s->v[i].follow, s->v[i].e))
		s->v[i].e->young = false;
}

static bool is_worth(const struct second_look *s, const struct entry *e)
{
	return e->young && entry_is_file(e) && e->total <= AGAIN_SIZE && s->bytes + e->total <= AGAIN_TOTAL &&
	       !entry_is_young(e, s->now);
}

static void note_second(struct second_look *s, struct entry *e, char *path, bool follow)
{
	ALLOC_GROW(s->v, s->n + 1, s->cap);
	s->v[s->n++] = (struct second_file){path, follow, e};
	s->bytes += e->total;
}

static void note_young(struct second_look *s, const struct learnt *l)
{
	struct tree_box *b = l->box;
	char **paths = NULL;
	uint32_t i, j;

	if (is_worth(s, &b->v[0]))
		note_second(s, &b->v[0], xstrdup(l->key + 1), l->key[0] == 'f');
	for (i = 0; i < b->t.n; i++) {
		for (j = b->v[i].first; b->v[i].kind == CONTENT_DIR && j < b->v[i].first + b->v[i].n; j++) {
			if (!is_worth(s, &b->v[j]))
				continue;
			if (!paths)
				paths = dir_paths(&b->t, l->key + 1);
			note_second(s, &b->v[j], xstrfmt("%s/%s", paths[i], tree_name(&b->t, j)), false);
		}
	}
	if (paths)
		free_paths(paths, b->t.n);
}

static void look_at_young(struct statcache *sc)
{
	struct second_look s = {.look = &sc->look, .now = clock_now(sc->clock)};
	struct map_slot *slot;
	size_t i;

	for (i = 0; (slot = map_next(&sc->overlay, &i));)
		note_young(&s, slot->value);
	pool_for(s.n, 8, s.n > ALONE ? pool_cpus() : 1, second_file, &s);
	for (i = 0; i < s.n; i++)
		free(s.v[i].path);
	free(s.v);
}

struct items {
	struct table_item *v;
	size_t n, cap;
	uint64_t entries;
};

static void add_item(struct items *items, const char *path, bool follow, int64_t used, const struct tree *t)
{
	if (items->entries + t->n > UINT32_MAX || items->n >= INT32_MAX)
		return; /* more than a table holds: not remembered */
	items->entries += t->n;
	ALLOC_GROW(items->v, items->n + 1, items->cap);
	items->v[items->n++] = (struct table_item){path, follow, used, *t};
}

/* In the order of paths, which is about the order in which they are asked for: neighbours lie in one cache line. */
static int by_path(const void *a, const void *b)
{
	const struct table_item *x = a, *y = b;
	int c = strcmp(x->path, y->path);

	return c ? c : (int)x->follow - (int)y->follow;
}

static void collect(struct statcache *sc, struct items *items, int64_t now)
{
	char key[PATH_MAX + 1];
	struct map_slot *s;
	struct tree t;
	uint32_t r;
	size_t i;

	for (r = 0; r < table_count(&sc->table); r++) {
		bool follow;
		int64_t used;
		const char *path = table_path(&sc->table, r, &follow, &used);

		if (sc->used[r])
			used = now;
		if (strlen(path) >= PATH_MAX || (used < now - KEPT))
			continue;
		overlay_key(key, path, follow);
		if (map_get(&sc->overlay, key))
			continue;
		table_tree(&sc->table, r, &t);
		add_item(items, path, follow, used, &t);
	}
	for (i = 0; (s = map_next(&sc->overlay, &i));) {
		const struct learnt *l = s->value;

		add_item(items, l->key + 1, l->key[0] == 'f', now, &l->box->t);
	}
	if (items->n)
		qsort(items->v, items->n, sizeof(*items->v), by_path);
}

/* Does some path's time of use need freshening? Once a day is enough. */
static bool is_stale(const struct statcache *sc, int64_t now)
{
	bool follow;
	int64_t used;
	uint32_t r;

	for (r = 0; r < table_count(&sc->table); r++)
		if (sc->used[r] && (table_path(&sc->table, r, &follow, &used), used < now - DAY))
			return true;
	return false;
}

int statcache_save(struct statcache *sc, struct err *err)
{
	int64_t now = clock_now(sc->clock) / SECOND;
	struct items items = {NULL, 0, 0, 0};
	int result;

	if (!sc->file || (!sc->dirty && !is_stale(sc, now)))
		return 0;
	look_at_young(sc);
	collect(sc, &items, now);
	result = table_write(sc->file, items.v, items.n, sc->secret, err);
	free(items.v);
	if (result == 0)
		sc->dirty = false;
	return result;
}
