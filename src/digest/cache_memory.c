/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers come from the table (read-only, mapped, looked up without a lock) or from the overlay, where what was
 * learnt since is kept: a tree for each path asked for. A third store knows files by inode: those that were read
 * at great cost or that the store wrote, under whichever path they are asked for next. */
#include <config.h>

#include "digest/cache_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/hash.h"

_Static_assert(STATCACHE_SECRET == FASTHASH_SECRET, "one secret");

/* What is kept of a file that is known by its inode, of which there may be as many as there are files. */
struct known {
	uint64_t dev, ino;
	int64_t size, mtime, ctime;
	uint32_t mode;
	uint8_t kind, young, pointer;
	unsigned char fast[FASTHASH_LEN];
	struct digest id;
};

static struct known **inode_slot(const struct statcache *sc, uint64_t dev, uint64_t ino)
{
	const uint64_t key[] = {dev, ino};
	size_t at = hash_bytes(key, sizeof(key)) & (sc->n_slots - 1);

	while (sc->inodes[at] && (sc->inodes[at]->ino != ino || sc->inodes[at]->dev != dev))
		at = (at + 1) & (sc->n_slots - 1);
	return &sc->inodes[at];
}

static void grow_inodes(struct statcache *sc)
{
	struct known **old = sc->inodes;
	size_t i, n_old = sc->n_slots;

	if (sc->n_slots > sc->n_inodes + sc->n_inodes / 2 + 2)
		return;
	sc->n_slots = n_old ? 2 * n_old : 64;
	sc->inodes = xcalloc(sc->n_slots, sizeof(struct known *));
	for (i = 0; i < n_old; i++)
		if (old[i])
			*inode_slot(sc, old[i]->dev, old[i]->ino) = old[i];
	free(old);
}

static void entry_of_known(const struct known *k, struct entry *e)
{
	*e = (struct entry){.dev = k->dev, .ino = k->ino, .size = k->size, .mtime = k->mtime, .ctime = k->ctime, .total = k->size,
			    .mode = k->mode, .kind = k->kind, .young = k->young, .pointer = k->pointer, .id = k->id};
	memcpy(e->fast, k->fast, FASTHASH_LEN);
}

static bool known_by_inode(void *ctx, const struct entry *e, struct entry *found)
{
	struct statcache *sc = ctx;
	const struct known *k;

	if (!__atomic_load_n(&sc->n_inodes, __ATOMIC_ACQUIRE))
		return false;
	pthread_mutex_lock(&sc->mutex);
	k = *inode_slot(sc, e->dev, e->ino);
	if (k)
		entry_of_known(k, found);
	pthread_mutex_unlock(&sc->mutex);
	return k != NULL;
}

void know_inode(struct statcache *sc, const struct entry *e)
{
	struct known **slot;

	if (e->total != e->size)
		return;
	pthread_mutex_lock(&sc->mutex);
	grow_inodes(sc);
	slot = inode_slot(sc, e->dev, e->ino);
	if (!*slot) {
		*slot = arena_alloc(&sc->known, sizeof(**slot));
		__atomic_store_n(&sc->n_inodes, sc->n_inodes + 1, __ATOMIC_RELEASE);
	}
	**slot = (struct known){e->dev, e->ino, e->size, e->mtime, e->ctime, e->mode, e->kind, e->young, e->pointer, {0}, e->id};
	memcpy((*slot)->fast, e->fast, FASTHASH_LEN);
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
	sc->look = (struct look){sc->secret, clock, &sc->counts, known_by_inode, sc, NULL, NULL};
	return sc;
}

void statcache_see_through(struct statcache *sc, const char *dir)
{
	CLEANUP(freep) char *real = realpath(dir, NULL);

	free(sc->through);
	sc->through = real ? xstrfmt("%s/objects/", real) : NULL; /* what is not there has no object to lead to */
	sc->look.through = sc->through;
}

int statcache_openat(struct statcache *sc, int at, const char *name)
{
	return look_openat(&sc->look, at, name, false);
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
	map_release(&sc->overlay);
	arena_release(&sc->known);
	free(sc->inodes);
	table_close(&sc->table);
	pthread_mutex_destroy(&sc->mutex);
	free(sc->used);
	free(sc->ahead);
	free(sc->file);
	free(sc->through);
	free(sc);
}

void memory_release(struct memory *m)
{
	tree_box_drop(m->box);
}

void overlay_key(char key[PATH_MAX + 1], const char *path, bool behind)
{
	key[0] = behind ? 'f' : 'n';
	strcpy(key + 1, path);
}

void recall(struct statcache *sc, const char *path, bool behind, struct memory *m)
{
	uint32_t root;

	*m = (struct memory){false, {0}, NULL};
	if (__atomic_load_n(&sc->n_overlay, __ATOMIC_ACQUIRE)) {
		char key[PATH_MAX + 1];
		struct learnt *l;

		overlay_key(key, path, behind);
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
	root = table_find(&sc->table, path, behind, sc->secret);
	if (root == UINT32_MAX)
		return;
	__atomic_store_n(&sc->used[root], 1, __ATOMIC_RELAXED);
	table_tree(&sc->table, root, &m->tree);
	m->found = true;
}

void recall_answer(struct statcache *sc, const char *path, bool follow, struct memory *m)
{
	recall(sc, path, false, m);
	if (!follow || (m->found && m->tree.v[0].kind != CONTENT_LINK))
		return;
	memory_release(m);
	recall(sc, path, true, m);
}

void learn_nothing(struct statcache *sc)
{
	__atomic_store_n(&sc->unmarked, true, __ATOMIC_RELAXED);
}

/* Is what was remembered of path another content? Then it was perhaps the answer to somebody. */
static bool is_other(struct statcache *sc, const char *path, bool behind, const struct learnt *l, const struct tree_box *box)
{
	struct content was, is;
	struct tree tree;
	uint32_t root;

	if (l) {
		entry_content(&l->box->v[0], &was);
	} else {
		root = table_find(&sc->table, path, behind, sc->secret);
		if (root == UINT32_MAX)
			return false;
		table_tree(&sc->table, root, &tree);
		entry_content(&tree.v[0], &was);
	}
	entry_content(&box->v[0], &is);
	return !content_eq(&was, &is);
}

void learn(struct statcache *sc, const char *path, bool behind, struct tree_box *box)
{
	char key[PATH_MAX + 1];
	struct learnt *l;

	overlay_key(key, path, behind);
	pthread_mutex_lock(&sc->mutex);
	l = map_get(&sc->overlay, key);
	if (is_other(sc, path, behind, l, box))
		learn_nothing(sc);
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

static struct entry taught(int64_t before, const struct stat *st, const struct digest *id, const unsigned char fast[16])
{
	struct entry e;

	entry_of_stat(&e, st);
	e.kind = st->st_mode & S_IXUSR ? CONTENT_EXEC : CONTENT_FILE;
	e.young = entry_is_young(&e, before);
	e.total = e.size;
	e.id = *id;
	memcpy(e.fast, fast, FASTHASH_LEN);
	return e;
}

void statcache_teach(struct statcache *sc, int64_t before, const struct stat *st, const struct digest *id,
		     const unsigned char fast[16])
{
	const struct entry e = taught(before, st, id, fast);

	know_inode(sc, &e);
}

void statcache_teach_path(struct statcache *sc, const char *path, int64_t before, const struct stat *st, const struct digest *id,
			  const unsigned char fast[16])
{
	const struct entry e = taught(before, st, id, fast);

	if (strlen(path) < PATH_MAX)
		learn(sc, path, false, tree_box_single(&e));
}

bool statcache_fast(struct statcache *sc, const char *path, bool follow, const struct content *was, unsigned char fast[16])
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;

	if (strlen(path) >= PATH_MAX)
		return false;
	recall_answer(sc, path, follow, &m);
	if (!m.found || !entry_is_file(&m.tree.v[0]))
		return false;
	entry_content(&m.tree.v[0], &then);
	memcpy(fast, m.tree.v[0].fast, FASTHASH_LEN);
	return content_eq(&then, was);
}

void statcache_hand_to(struct statcache *sc, const struct statcache_taker *t)
{
	sc->look.taker = t;
}

bool statcache_knew_size(const struct statcache *sc, int64_t size)
{
	struct tree tree;
	uint32_t root, i;

	for (root = 0; root < table_count(&sc->table); root++) {
		table_tree(&sc->table, root, &tree);
		for (i = 0; i < tree.n; i++)
			if (tree.v[i].size == size && entry_is_file(&tree.v[i]))
				return true;
	}
	return false;
}

void statcache_counts(struct statcache *sc, struct statcache_counts *out)
{
	out->files_looked_at = __atomic_load_n(&sc->counts.files, __ATOMIC_RELAXED);
	out->bytes_read = __atomic_load_n(&sc->counts.bytes_read, __ATOMIC_RELAXED);
	out->bytes_hashed = __atomic_load_n(&sc->counts.bytes_hashed, __ATOMIC_RELAXED);
}
