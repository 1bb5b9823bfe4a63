/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions are answered in steps, each for all that are open: by stat where that is enough, then files are read and directories
 * walked, both spread over threads; what became something else meanwhile is asked anew.
 *
 * What no link stands before is remembered once, whether links are to be followed or not. */
#include <config.h>

#include "digest/statcache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest/cache_memory.h"
#include "digest/walk.h"
#include "util/pool.h"

#define ALONE 128        /* so few questions are not worth a thread */
#define ATTEMPTS 4
#define KNOWN_SIZE 65536 /* files from this size on are known by inode after they were read */

enum step { STEP_DONE, STEP_READ, STEP_WALK, STEP_READ_BEHIND, STEP_WALK_BEHIND }; /* behind: what the link at the path leads to */

static bool is_behind(enum step step)
{
	return step == STEP_READ_BEHIND || step == STEP_WALK_BEHIND;
}

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

/* Has the answer, behind the link at the path or not, been looked at ahead? */
static bool recall_ahead(struct statcache *sc, const char *path, bool behind, struct memory *m)
{
	uint32_t root = table_find(&sc->table, path, behind, sc->secret);

	if (root == UINT32_MAX || sc->ahead[root] < AHEAD_UNMOVED)
		return false;
	if (sc->ahead[root] == AHEAD_ANSWERED) {
		recall(sc, path, behind, m);
	} else {
		__atomic_store_n(&sc->used[root], 1, __ATOMIC_RELAXED);
		table_tree(&sc->table, root, &m->tree);
	}
	return true;
}

static bool answer_from_ahead(struct statcache *sc, struct content_query *q)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	CLEANUP(memory_release) struct memory beyond = {false, {0}, NULL};

	if (!sc->ahead || !recall_ahead(sc, q->path, false, &m))
		return false;
	if (q->follow && m.tree.v[0].kind == CONTENT_LINK) {
		if (!recall_ahead(sc, q->path, true, &beyond))
			return false;
		entry_content(&beyond.tree.v[0], &q->content);
	} else {
		entry_content(&m.tree.v[0], &q->content);
	}
	return true;
}

static enum step stat_failed(struct statcache *sc, struct content_query *q)
{
	if (errno != ENOENT && errno != ENOTDIR)
		q->failed = err_errno(&q->err, "cannot stat '%s'", q->path);
	learn_nothing(sc);
	return STEP_DONE;
}

/* What stands at the path, or behind the link there, is of that kind. */
static enum step answer_known(struct statcache *sc, struct content_query *q, const struct stat *st, bool behind)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct entry now;

	if (S_ISDIR(st->st_mode))
		return behind ? STEP_WALK_BEHIND : STEP_WALK;
	if (!S_ISREG(st->st_mode)) {
		q->failed = err_set(&q->err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", q->path);
		return STEP_DONE;
	}
	recall(sc, q->path, behind, &m);
	entry_of_stat(&now, st);
	if (!m.found || m.tree.v[0].young || !entry_same_stat(&m.tree.v[0], &now) || !entry_is_file(&m.tree.v[0]))
		return behind ? STEP_READ_BEHIND : STEP_READ;
	entry_content(&m.tree.v[0], &q->content);
	return STEP_DONE;
}

/* Answers what stat alone answers, and says what the rest needs. */
static enum step answer_by_stat(struct statcache *sc, struct content_query *q)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	enum step step;
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
	if (look_stat(&sc->look, AT_FDCWD, q->path, false, &st) < 0)
		return stat_failed(sc, q);
	if (!S_ISLNK(st.st_mode))
		return answer_known(sc, q, &st, false);
	recall(sc, q->path, false, &m);
	entry_of_stat(&now, &st);
	step = answer_link(sc, q, &now, &m);
	if (!q->follow || step != STEP_DONE || q->failed)
		return step;
	q->content = (struct content){.kind = CONTENT_NONE};
	return fstatat(AT_FDCWD, q->path, &st, 0) < 0 ? stat_failed(sc, q) : answer_known(sc, q, &st, true);
}

static enum step answer_by_reading(struct statcache *sc, struct content_query *q, bool behind)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	const struct entry *old;
	struct entry e;

	recall(sc, q->path, behind, &m);
	old = m.found ? &m.tree.v[0] : NULL;
	switch (look_file(&sc->look, AT_FDCWD, q->path, behind, q->path, old, &e, &q->err)) {
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
	learn(sc, q->path, behind, tree_box_single(&e));
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
		learn(sc, q->path, r->follow, r->fresh);
		r->fresh = NULL;
	}
}

/* Answers for directories; steps[i] stays what it is where something moved. */
static void answer_by_walking(struct statcache *sc, struct content_query **q, enum step *steps, size_t n,
			      int threads, bool list_all)
{
	CLEANUP(freep) struct walk_root *roots = xcalloc(n, sizeof(*roots));
	CLEANUP(freep) struct memory *memories = xcalloc(n, sizeof(*memories));
	size_t i;

	for (i = 0; i < n; i++) {
		bool behind = is_behind(steps[i]);

		recall(sc, q[i]->path, behind, &memories[i]);
		roots[i] = (struct walk_root){.path = q[i]->path, .follow = behind, .list_all = list_all,
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
	uint8_t *step = &b->steps[b->reads[i]];

	*step = (uint8_t)answer_by_reading(b->sc, &b->q[b->reads[i]], is_behind(*step));
}

static void read_files(struct batch *b, size_t n)
{
	CLEANUP(freep) size_t *reads = NULL;
	size_t i, cap = 0;

	b->n_reads = 0;
	for (i = 0; i < n; i++) {
		if (b->steps[i] != STEP_READ && b->steps[i] != STEP_READ_BEHIND)
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
		if (b->steps[i] != STEP_WALK && b->steps[i] != STEP_WALK_BEHIND)
			continue;
		ALLOC_GROW(q, n_dirs + 1, cap);
		q[n_dirs++] = &b->q[i];
	}
	if (!n_dirs)
		return;
	steps = xreallocarray(NULL, n_dirs, sizeof(*steps));
	for (i = 0; i < n_dirs; i++)
		steps[i] = b->steps[q[i] - b->q];
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

static void answer_all(struct statcache *sc, struct content_query *q, size_t n, int threads)
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

void statcache_query(struct statcache *sc, struct content_query *q, size_t n, int threads)
{
	__atomic_store_n(&sc->queried, true, __ATOMIC_RELAXED);
	answer_all(sc, q, n, threads);
}

int statcache_glance(struct statcache *sc, const char *path, struct content *out, struct err *err)
{
	struct content_query q = {.path = path};
	struct tree tree;
	uint32_t root;

	/* From then on stages run and files change, and threads ask. */
	if (__atomic_load_n(&sc->queried, __ATOMIC_RELAXED) || answer_by_stat(sc, &q) != STEP_DONE)
		return statcache_content(sc, path, false, out, err);
	if (q.failed)
		return err_move(err, &q.err);
	*out = q.content;
	root = table_find(&sc->table, path, false, sc->secret);
	if (root == UINT32_MAX)
		return 0;
	table_tree(&sc->table, root, &tree);
	if (!entry_is_file(&tree.v[0]) || q.content.kind != tree.v[0].kind || !digest_eq(&q.content.id, &tree.v[0].id))
		return 0;
	if (!sc->ahead)
		sc->ahead = xcalloc(table_count(&sc->table) + 1, 1);
	sc->ahead[root] = AHEAD_UNMOVED;
	return 0;
}

int statcache_content(struct statcache *sc, const char *path, bool follow, struct content *out, struct err *err)
{
	struct content_query q = {.path = path, .follow = follow};

	answer_all(sc, &q, 1, pool_cpus());
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
	if (look_stat(&sc->look, AT_FDCWD, path, follow, &st) < 0)
		return (errno == ENOENT || errno == ENOTDIR) && was->kind == CONTENT_NONE;
	recall_answer(sc, path, follow, &m);
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

