/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers come from the table (read-only, mapped, looked up without a lock) or from the overlay, where what was
 * learnt since is kept: a tree for each path asked for. A third store knows files by inode: those that were read
 * at great cost or that the store wrote, under whichever path they are asked for next. */
#include <config.h>

#include "digest/cache_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(STATCACHE_SECRET == FASTHASH_SECRET, "one secret");

struct known {
	char key[40];
	struct entry e;
};

static char *inode_key(const struct entry *e, char key[40])
{
	snprintf(key, 40, "%jx:%jx", (uintmax_t)e->dev, (uintmax_t)e->ino);
	return key;
}

static bool known_by_inode(void *ctx, const struct entry *e, struct entry *found)
{
	struct statcache *sc = ctx;
	const struct known *k;
	char key[40];

	if (!__atomic_load_n(&sc->n_inodes, __ATOMIC_ACQUIRE))
		return false;
	inode_key(e, key);
	pthread_mutex_lock(&sc->mutex);
	k = map_get(&sc->inodes, key);
	if (k)
		*found = k->e;
	pthread_mutex_unlock(&sc->mutex);
	return k != NULL;
}

void know_inode(struct statcache *sc, const struct entry *e)
{
	struct known *k = xmalloc(sizeof(*k)), *old;

	inode_key(e, k->key);
	k->e = *e;
	pthread_mutex_lock(&sc->mutex);
	old = map_get(&sc->inodes, k->key);
	if (old) {
		old->e = k->e;
		free(k);
	} else {
		map_put(&sc->inodes, k->key, k);
	}
	__atomic_store_n(&sc->n_inodes, sc->inodes.n, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&sc->mutex);
}

struct statcache *statcache_open(const char *file, const unsigned char secret[STATCACHE_SECRET],
				 const struct clock *clock)
{
	struct statcache *sc = xcalloc(1, sizeof(*sc));

	sc->file = file ? xstrdup(file) : NULL;
	memcpy(sc->secret, secret, STATCACHE_SECRET);
	sc->clock = clock;
	pthread_mutex_init(&sc->mutex, NULL);
	if (file)
		table_open(&sc->table, file, sc->secret);
	sc->used = xcalloc(table_count(&sc->table), 1);
	sc->look = (struct look){sc->secret, clock, &sc->counts, known_by_inode, sc};
	return sc;
}

void statcache_free(struct statcache *sc)
{
	struct map_slot *s;
	size_t i;

	if (!sc)
		return;
	for (i = 0; (s = map_next(&sc->overlay, &i));) {
		struct learnt *l = s->value;

		tree_box_drop(l->box);
		free(l->key);
		free(l);
	}
	for (i = 0; (s = map_next(&sc->inodes, &i));)
		free(s->value);
	map_release(&sc->overlay);
	map_release(&sc->inodes);
	table_close(&sc->table);
	pthread_mutex_destroy(&sc->mutex);
	free(sc->used);
	free(sc->ahead);
	free(sc->file);
	free(sc);
}

void memory_release(struct memory *m)
{
	tree_box_drop(m->box);
}

void overlay_key(char key[PATH_MAX + 1], const char *path, bool follow)
{
	key[0] = follow ? 'f' : 'n';
	strcpy(key + 1, path);
}

void recall(struct statcache *sc, const char *path, bool follow, struct memory *m)
{
	uint32_t root;

	*m = (struct memory){false, {0}, NULL};
	if (__atomic_load_n(&sc->n_overlay, __ATOMIC_ACQUIRE)) {
		char key[PATH_MAX + 1];
		struct learnt *l;

		overlay_key(key, path, follow);
		pthread_mutex_lock(&sc->mutex);
		l = map_get(&sc->overlay, key);
		if (l) {
			m->box = tree_box_hold(l->box);
			m->tree = m->box->t;
			m->found = true;
		}
		pthread_mutex_unlock(&sc->mutex);
		if (m->found)
			return;
	}
	root = table_find(&sc->table, path, follow, sc->secret);
	if (root == UINT32_MAX)
		return;
	__atomic_store_n(&sc->used[root], 1, __ATOMIC_RELAXED);
	table_tree(&sc->table, root, &m->tree);
	m->found = true;
}

void learn(struct statcache *sc, const char *path, bool follow, struct tree_box *box)
{
	char key[PATH_MAX + 1];
	struct learnt *l;

	overlay_key(key, path, follow);
	pthread_mutex_lock(&sc->mutex);
	l = map_get(&sc->overlay, key);
	if (l) {
		tree_box_drop(l->box);
		l->box = box;
	} else {
		l = xmalloc(sizeof(*l));
		l->key = xstrdup(key);
		l->box = box;
		map_put(&sc->overlay, l->key, l);
	}
	__atomic_store_n(&sc->n_overlay, sc->overlay.n, __ATOMIC_RELEASE);
	sc->dirty = true;
	pthread_mutex_unlock(&sc->mutex);
}

const unsigned char *statcache_key(const struct statcache *sc)
{
	return sc->secret;
}

int64_t statcache_now(const struct statcache *sc)
{
	return clock_now(sc->clock);
}

void statcache_teach(struct statcache *sc, int64_t before, const struct stat *st, const struct digest *id,
		     const unsigned char fast[16])
{
	struct entry e;

	entry_of_stat(&e, st);
	e.kind = st->st_mode & S_IXUSR ? CONTENT_EXEC : CONTENT_FILE;
	e.young = entry_is_young(&e, before);
	e.total = e.size;
	e.id = *id;
	memcpy(e.fast, fast, FASTHASH_LEN);
	know_inode(sc, &e);
}

void statcache_counts(struct statcache *sc, struct statcache_counts *out)
{
	out->files_looked_at = __atomic_load_n(&sc->counts.files, __ATOMIC_RELAXED);
	out->bytes_read = __atomic_load_n(&sc->counts.bytes_read, __ATOMIC_RELAXED);
	out->bytes_hashed = __atomic_load_n(&sc->counts.bytes_hashed, __ATOMIC_RELAXED);
}
