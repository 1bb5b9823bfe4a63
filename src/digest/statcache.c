/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers come from the table (read-only, mapped, looked up without a lock) or from the overlay, where what was
 * learnt since is kept: a tree for each path asked for. A third store knows files by inode: those that were read
 * at great cost or that the store wrote, under whichever path they are asked for next. */
#include <config.h>

#include "digest/statcache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest/look.h"
#include "digest/manifest.h"
#include "digest/table.h"
#include "digest/walk.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/path.h"
#include "util/pool.h"

#define SECOND INT64_C(1000000000)
#define DAY INT64_C(86400)
#define KEPT (60 * DAY)          /* a path not asked for in so long is dropped */
#define ALONE 128                /* so few questions are not worth a thread */
#define ATTEMPTS 4
#define KNOWN_SIZE 65536         /* files from this size on are known by inode after they were read */
#define AGAIN_SIZE (1 << 20)     /* looked at again by save: files up to here, */
#define AGAIN_TOTAL (64 << 20)   /* up to so many bytes */

_Static_assert(STATCACHE_SECRET == FASTHASH_SECRET, "one secret");

struct learnt {
	char *key; /* 'f' or 'n' (links followed or not), then the path */
	struct tree_box *box;
};
struct known {
	char key[40];
	struct entry e;
};

struct statcache {
	char *file;
	unsigned char secret[STATCACHE_SECRET];
	const struct clock *clock;
	struct table table;
	uint8_t *used; /* of each root of the table: asked for since open; changed atomically */
	uint8_t *ahead; /* of each root: found unchanged by looking ahead; NULL: nobody looked */
	pthread_mutex_t mutex;
	struct map overlay; /* struct learnt */
	size_t n_overlay;   /* read without the lock, to know that there is nothing to look for */
	struct map inodes;  /* struct known */
	size_t n_inodes;
	bool dirty;
	struct look look;
	struct look_counts counts;
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

static void know_inode(struct statcache *sc, const struct entry *e)
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

/* What is remembered of a path: borrowed from the table, or held in box. */
struct memory {
	bool found;
	struct tree tree;
	struct tree_box *box;
};

static void memory_release(struct memory *m)
{
	tree_box_drop(m->box);
}

static void overlay_key(char key[PATH_MAX + 1], const char *path, bool follow)
{
	key[0] = follow ? 'f' : 'n';
	strcpy(key + 1, path);
}

/* path is shorter than PATH_MAX. */
static void recall(struct statcache *sc, const char *path, bool follow, struct memory *m)
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

/* Takes box. */
static void learn(struct statcache *sc, const char *path, bool follow, struct tree_box *box)
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

enum step { STEP_DONE, STEP_READ, STEP_WALK };

static void answer_failed(struct content_query *q)
{
	q->failed = -1;
}

/* A link, not followed: reading it costs no more than looking it up. */
static enum step answer_link(struct statcache *sc, struct content_query *q, const struct entry *now,
			     const struct memory *m)
{
	CLEANUP(strbuf_release) struct strbuf target = STRBUF_INIT;
	struct entry e;

	switch (look_link(AT_FDCWD, q->path, q->path, now, &e, &target, &q->err)) {
	case LOOK_DONE:
		break;
	case LOOK_GONE:
		return STEP_READ;
	default:
		answer_failed(q);
		return STEP_DONE;
	}
	entry_content(&e, &q->content);
	if (!m->found || !look_same(&m->tree.v[0], &e))
		learn(sc, q->path, false, tree_box_single(&e));
	return STEP_DONE;
}

void statcache_look_ahead(struct statcache *sc, const bool *stop)
{
	uint32_t i, n = table_count(&sc->table);

	statcache_look_afresh(sc);
	sc->ahead = xcalloc(n + 1, 1);
	for (i = 0; i < n && !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
		struct entry now;
		struct tree tree;
		struct stat st;
		int64_t used;
		bool follow;
		const char *path = table_path(&sc->table, i, &follow, &used);

		table_tree(&sc->table, i, &tree);
		if (follow || tree.v[0].young || !entry_is_file(&tree.v[0]) ||
		    fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		entry_of_stat(&now, &st);
		sc->ahead[i] = S_ISREG(st.st_mode) && entry_same_stat(&tree.v[0], &now);
	}
}

void statcache_look_afresh(struct statcache *sc)
{
	free(sc->ahead);
	sc->ahead = NULL;
}

static bool answer_from_ahead(struct statcache *sc, struct content_query *q)
{
	struct tree tree;
	uint32_t root;

	if (!sc->ahead || q->follow || __atomic_load_n(&sc->n_overlay, __ATOMIC_ACQUIRE))
		return false;
	root = table_find(&sc->table, q->path, false, sc->secret);
	if (root == UINT32_MAX || !sc->ahead[root])
		return false;
	__atomic_store_n(&sc->used[root], 1, __ATOMIC_RELAXED);
	table_tree(&sc->table, root, &tree);
	entry_content(&tree.v[0], &q->content);
	return true;
}

/* Answers what stat alone answers, and says what the rest needs. */
static enum step answer_by_stat(struct statcache *sc, struct content_query *q)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct entry now;
	struct stat st;

	q->content = (struct content){.kind = CONTENT_NONE};
	q->failed = 0;
	q->err = (struct err)ERR_INIT;
	if (strlen(q->path) >= PATH_MAX) {
		q->failed = err_set(&q->err, ERR_INVALID, "the path '%.60s...' is longer than the system allows", q->path);
		return STEP_DONE;
	}
	if (answer_from_ahead(sc, q))
		return STEP_DONE;
	if (fstatat(AT_FDCWD, q->path, &st, q->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			q->failed = err_errno(&q->err, "cannot stat '%s'", q->path);
		return STEP_DONE;
	}
	if (S_ISDIR(st.st_mode))
		return STEP_WALK;
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		q->failed = err_set(&q->err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", q->path);
		return STEP_DONE;
	}
	recall(sc, q->path, q->follow, &m);
	entry_of_stat(&now, &st);
	if (S_ISLNK(st.st_mode))
		return answer_link(sc, q, &now, &m);
	if (!m.found || m.tree.v[0].young || !entry_same_stat(&m.tree.v[0], &now) || !entry_is_file(&m.tree.v[0]))
		return STEP_READ;
	entry_content(&m.tree.v[0], &q->content);
	return STEP_DONE;
}

static enum step answer_by_reading(struct statcache *sc, struct content_query *q)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	const struct entry *old;
	struct entry e;

	recall(sc, q->path, q->follow, &m);
	old = m.found ? &m.tree.v[0] : NULL;
	switch (look_file(&sc->look, AT_FDCWD, q->path, q->follow, q->path, old, &e, &q->err)) {
	case LOOK_GONE:
		return STEP_READ;
	case LOOK_FAILED:
		answer_failed(q);
		return STEP_DONE;
	case LOOK_DONE:
		break;
	}
	entry_content(&e, &q->content);
	if (look_same(old, &e))
		return STEP_DONE;
	if (e.total >= KNOWN_SIZE)
		know_inode(sc, &e);
	learn(sc, q->path, q->follow, tree_box_single(&e));
	return STEP_DONE;
}

static void answer_from_walk(struct statcache *sc, struct content_query *q, struct walk_root *r)
{
	if (r->failed) {
		q->failed = err_move(&q->err, &r->err);
	} else if (r->same) {
		entry_content(&r->old.v[0], &q->content);
	} else {
		entry_content(&r->fresh->t.v[0], &q->content);
		learn(sc, q->path, q->follow, r->fresh);
		r->fresh = NULL;
	}
}

/* Answers for directories; steps[i] stays STEP_WALK where something moved. */
static void answer_by_walking(struct statcache *sc, struct content_query **q, enum step *steps, size_t n,
			      int threads, bool list_all)
{
	CLEANUP(freep) struct walk_root *roots = xcalloc(n, sizeof(*roots));
	CLEANUP(freep) struct memory *memories = xcalloc(n, sizeof(*memories));
	size_t i;

	for (i = 0; i < n; i++) {
		recall(sc, q[i]->path, q[i]->follow, &memories[i]);
		roots[i] = (struct walk_root){.path = q[i]->path, .follow = q[i]->follow, .list_all = list_all,
					      .has_old = memories[i].found, .old = memories[i].tree};
	}
	walk_dirs(&sc->look, roots, n, threads, false);
	for (i = 0; i < n; i++) {
		if (!roots[i].moved || roots[i].failed) {
			answer_from_walk(sc, q[i], &roots[i]);
			steps[i] = STEP_DONE;
		}
		walk_root_release(&roots[i]);
		memory_release(&memories[i]);
	}
}

struct batch {
	struct statcache *sc;
	struct content_query *q;
	uint8_t *steps; /* enum step, of each */
	size_t *reads;  /* which are to be read */
	size_t n_reads;
	int threads;
};

static void batch_stat(void *ctx, size_t i)
{
	struct batch *b = ctx;

	b->steps[i] = (uint8_t)answer_by_stat(b->sc, &b->q[i]);
}

static void batch_read(void *ctx, size_t i)
{
	struct batch *b = ctx;

	b->steps[b->reads[i]] = (uint8_t)answer_by_reading(b->sc, &b->q[b->reads[i]]);
}

static void read_files(struct batch *b, size_t n)
{
	CLEANUP(freep) size_t *reads = NULL;
	size_t i, cap = 0;

	b->n_reads = 0;
	for (i = 0; i < n; i++) {
		if (b->steps[i] != STEP_READ)
			continue;
		ALLOC_GROW(reads, b->n_reads + 1, cap);
		reads[b->n_reads++] = i;
	}
	b->reads = reads;
	pool_for(b->n_reads, 1, b->threads, batch_read, b);
	b->reads = NULL;
}

static void walk_directories(struct batch *b, size_t n, bool list_all)
{
	CLEANUP(freep) struct content_query **q = NULL;
	CLEANUP(freep) enum step *steps = NULL;
	size_t i, n_dirs = 0, cap = 0;

	for (i = 0; i < n; i++) {
		if (b->steps[i] != STEP_WALK)
			continue;
		ALLOC_GROW(q, n_dirs + 1, cap);
		q[n_dirs++] = &b->q[i];
	}
	if (!n_dirs)
		return;
	steps = xreallocarray(NULL, n_dirs, sizeof(*steps));
	for (i = 0; i < n_dirs; i++)
		steps[i] = STEP_WALK;
	answer_by_walking(b->sc, q, steps, n_dirs, b->threads, list_all);
	for (i = 0; i < n_dirs; i++)
		b->steps[q[i] - b->q] = (uint8_t)steps[i];
}

/* What became something else between the steps is asked anew, from the beginning. */
static bool again(struct batch *b, size_t n)
{
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (b->steps[i] == STEP_DONE)
			continue;
		batch_stat(b, i);
		any |= b->steps[i] != STEP_DONE;
	}
	return any;
}

void statcache_query(struct statcache *sc, struct content_query *q, size_t n, int threads)
{
	CLEANUP(freep) uint8_t *steps = xcalloc(n, 1);
	struct batch b = {.sc = sc, .q = q, .steps = steps, .threads = threads};
	int attempt;
	size_t i;

	pool_for(n, 64, n > ALONE ? threads : 1, batch_stat, &b);
	if (sc->ahead)
		statcache_look_afresh(sc);
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		read_files(&b, n);
		walk_directories(&b, n, attempt > 0);
		if (!again(&b, n))
			return;
	}
	for (i = 0; i < n; i++)
		if (steps[i] != STEP_DONE)
			q[i].failed = err_set(&q[i].err, ERR_MOVED, "'%s' keeps changing while it is read", q[i].path);
}

int statcache_content(struct statcache *sc, const char *path, bool follow, struct content *out, struct err *err)
{
	struct content_query q = {.path = path, .follow = follow};

	statcache_query(sc, &q, 1, 1);
	if (q.failed)
		return err_move(err, &q.err);
	*out = q.content;
	return 0;
}

static bool dir_unmoved(struct statcache *sc, const char *path, bool follow, const struct memory *m)
{
	struct walk_root r = {.path = path, .follow = follow, .has_old = true, .old = m->tree};
	bool same;

	walk_dirs(&sc->look, &r, 1, pool_cpus(), true);
	same = r.same && !r.failed && !r.moved && !r.unsure;
	walk_root_release(&r);
	return same;
}

bool statcache_unmoved(struct statcache *sc, const char *path, bool follow, const struct content *was)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	struct entry now;
	struct stat st;

	if (strlen(path) >= PATH_MAX)
		return false;
	if (fstatat(AT_FDCWD, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return (errno == ENOENT || errno == ENOTDIR) && was->kind == CONTENT_NONE;
	recall(sc, path, follow, &m);
	if (!m.found)
		return false;
	entry_content(&m.tree.v[0], &then);
	entry_of_stat(&now, &st);
	if (!content_eq(&then, was))
		return false;
	if (then.kind == CONTENT_DIR)
		return dir_unmoved(sc, path, follow, &m);
	return !m.tree.v[0].young && entry_same_stat(&m.tree.v[0], &now);
}

uint64_t statcache_written(struct statcache *sc, const char *path, bool follow, const struct content *was)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	uint64_t sum = 1;
	uint32_t i;

	if (strlen(path) >= PATH_MAX)
		return 0;
	recall(sc, path, follow, &m);
	if (!m.found)
		return 0;
	entry_content(&m.tree.v[0], &then);
	if (!content_eq(&then, was))
		return 0;
	for (i = 0; i < m.tree.n; i++) {
		const struct entry *e = &m.tree.v[i];
		const uint64_t words[] = {sum, e->dev, e->ino, (uint64_t)e->mtime};

		if (entry_is_file(e))
			sum = hash_bytes(words, sizeof(words)) | 1;
	}
	return sum;
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

static void manifest_of(const struct tree *t, uint32_t dir, struct manifest *m)
{
	uint32_t i;

	for (i = t->v[dir].first; i < t->v[dir].first + t->v[dir].n; i++)
		manifest_add(m, (enum content_kind)t->v[i].kind, xstrdup(tree_name(t, i)),
			     t->v[i].kind == CONTENT_LINK ? xstrdup(tree_target(t, i)) : NULL, &t->v[i].id);
}

/* The path of each directory of the tree, owned, at the directory's number; NULL for all else. */
static char **dir_paths(const struct tree *t, const char *path)
{
	char **paths = xcalloc(t->n, sizeof(*paths));
	uint32_t i, j;

	if (t->v[0].kind == CONTENT_DIR)
		paths[0] = xstrdup(path);
	for (i = 0; i < t->n; i++)
		for (j = 0; t->v[i].kind == CONTENT_DIR && j < t->v[i].n; j++)
			if (t->v[t->v[i].first + j].kind == CONTENT_DIR)
				paths[t->v[i].first + j] = xstrfmt("%s/%s", paths[i], tree_name(t, t->v[i].first + j));
	return paths;
}

static void free_paths(char **paths, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

int statcache_manifests(struct statcache *sc, const char *path, const struct content *was,
			int (*visit)(void *ctx, const char *dir, const struct manifest *m), void *ctx)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	int result = 0;
	char **paths;
	uint32_t i;

	if (strlen(path) >= PATH_MAX)
		return 1;
	recall(sc, path, false, &m);
	if (!m.found)
		return 1;
	entry_content(&m.tree.v[0], &then);
	if (then.kind != CONTENT_DIR || !content_eq(&then, was))
		return 1;
	paths = dir_paths(&m.tree, path);
	for (i = m.tree.n; i-- > 0 && result == 0;) {
		CLEANUP(manifest_release) struct manifest list = MANIFEST_INIT;

		if (m.tree.v[i].kind != CONTENT_DIR)
			continue;
		manifest_of(&m.tree, i, &list);
		result = visit(ctx, paths[i], &list);
	}
	free_paths(paths, m.tree.n);
	return result;
}

/* Does the target of a link that lies depth directories below the top lead above the top? A `..` behind a name may lead
 * anywhere, if the name is a link. */
static bool leads_out(const char *target, size_t depth)
{
	bool named = *target == '/';
	size_t n;

	if (named)
		return true;
	for (; *target; target += n + (target[n] == '/')) {
		n = strcspn(target, "/");
		if (n == 2 && target[0] == '.' && target[1] == '.') {
			if (named || depth-- == 0)
				return true;
		} else if (n > 1 || (n == 1 && *target != '.')) {
			named = true;
		}
	}
	return false;
}

static bool leads_above(const char *link, const char *path)
{
	CLEANUP(freep) char *to = NULL;
	CLEANUP(freep) char *top = NULL;
	struct stat st;

	if (stat(link, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	to = realpath(link, NULL);
	top = realpath(path, NULL);
	return to && top && path_is_within(top, to);
}

static size_t count_slashes(const char *s)
{
	size_t n = 0;

	while ((s = strchr(s, '/'))) {
		n++;
		s++;
	}
	return n;
}

/* Visits those among the children of the directory dir of t, at the path below. */
static int visit_links(const struct tree *t, uint32_t dir, const char *below, const char *path,
		       int (*visit)(void *ctx, const char *link), void *ctx)
{
	size_t depth = count_slashes(below + strlen(path));
	int result = 0;
	uint32_t i;

	for (i = t->v[dir].first; i < t->v[dir].first + t->v[dir].n && result == 0; i++) {
		CLEANUP(freep) char *link = NULL;

		if (t->v[i].kind != CONTENT_LINK || !leads_out(tree_target(t, i), depth))
			continue;
		link = xstrfmt("%s/%s", below, tree_name(t, i));
		if (!leads_above(link, path))
			result = visit(ctx, link);
	}
	return result;
}

static bool has_links(const struct tree *t)
{
	uint32_t i;

	for (i = 1; i < t->n; i++)
		if (t->v[i].kind == CONTENT_LINK)
			return true;
	return false;
}

int statcache_links_out(struct statcache *sc, const char *path, const struct content *was,
			int (*visit)(void *ctx, const char *link), void *ctx)
{
	int result = 0, follow;
	bool held = false;

	for (follow = 1; follow >= 0 && !held && strlen(path) < PATH_MAX; follow--) {
		CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
		struct content then;
		char **paths;
		uint32_t i;

		recall(sc, path, follow, &m);
		if (m.found)
			entry_content(&m.tree.v[0], &then);
		held = m.found && then.kind == CONTENT_DIR && content_eq(&then, was);
		if (!held || !has_links(&m.tree))
			continue;
		paths = dir_paths(&m.tree, path);
		for (i = 0; i < m.tree.n && result == 0; i++)
			if (m.tree.v[i].kind == CONTENT_DIR)
				result = visit_links(&m.tree, i, paths[i], path, visit, ctx);
		free_paths(paths, m.tree.n);
	}
	return result;
}

void statcache_counts(struct statcache *sc, struct statcache_counts *out)
{
	out->files_looked_at = __atomic_load_n(&sc->counts.files, __ATOMIC_RELAXED);
	out->bytes_read = __atomic_load_n(&sc->counts.bytes_read, __ATOMIC_RELAXED);
	out->bytes_hashed = __atomic_load_n(&sc->counts.bytes_hashed, __ATOMIC_RELAXED);
}

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
