/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/storeroom.h"
#include "util/pool.h"

#define ALONE 4 /* so few handfuls are not worth a thread */
#define LONG (8 << 20) /* bytes that take SHA-256 some milliseconds */

struct store *store_new(const char *dir, struct gitdb *db, struct statcache *cache)
{
	struct store *s = xcalloc(1, sizeof(*s));
	CLEANUP(freep) char *closures = xstrfmt("%s/closures", dir);

	objects_init(&s->objects, dir);
	small_init(&s->small, dir, db);
	s->closures = keyed_new(closures, "closure");
	s->cache = cache;
	pthread_mutex_init(&s->linking, NULL);
	pthread_mutex_init(&s->weaving_mutex, NULL);
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	small_release(&s->small);
	closure_forget(s);
	pthread_mutex_destroy(&s->weaving_mutex);
	keyed_free(s->closures);
	objects_release(&s->objects);
	pthread_mutex_destroy(&s->linking);
	free(s->linked);
	free(s);
}

static void spread_one(void *ctx, size_t i)
{
	struct spread *sp = ctx;
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (__atomic_load_n(&sp->failed, __ATOMIC_RELAXED) || sp->fn(sp->ctx, i, &err) == 0)
		return;
	pthread_mutex_lock(&sp->mutex);
	if (!sp->failed)
		err_move(sp->err, &err);
	__atomic_store_n(&sp->failed, true, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&sp->mutex);
}

int store_spread(struct store *s, size_t n, size_t grain, int (*fn)(void *ctx, size_t i, struct err *err), void *ctx, struct err *err)
{
	CLEANUP(err_release) struct err first = ERR_INIT;
	struct spread sp = {s, fn, ctx, &first, PTHREAD_MUTEX_INITIALIZER, false};
	bool alone = n < ALONE * grain || __atomic_exchange_n(&s->spreading, true, __ATOMIC_ACQUIRE);

	pool_for(n, grain, alone ? 1 : pool_cpus(), spread_one, &sp);
	if (!alone)
		__atomic_store_n(&s->spreading, false, __ATOMIC_RELEASE);
	pthread_mutex_destroy(&sp.mutex);
	return sp.failed ? err_move(err, &first) : 0;
}

struct packer *store_packer(struct store *s)
{
	return s->small.packer;
}

int store_hold(struct store *s, bool wait, struct err *err)
{
	return objects_hold(&s->objects, wait, err);
}

void store_refresh(struct store *s)
{
	keyed_refresh(s->small.table);
	keyed_refresh(s->closures);
}

int store_sync(struct store *s, struct err *err)
{
	bool written = false;

	if (small_sync(&s->small, &written, err) < 0) {
		closure_forget(s);
		return -1;
	}
	if (closure_sync(s, &written, err) < 0)
		return -1;
	return objects_sync(&s->objects, written, err);
}

bool store_holds(struct store *s, const struct digest *id, int64_t *size)
{
	struct small_object o;

	if (!small_find(&s->small, id, &o))
		return objects_has(&s->objects, id, -1, size);
	if (size)
		*size = (int64_t)o.size;
	return true;
}

void store_learn(struct store *s, int64_t before, const struct stat *st, const struct transfer *t)
{
	CLEANUP(freep) char *path = NULL;

	if (t->bytes < LONG && !t->cloned)
		return;
	path = objects_path(&s->objects, &t->id);
	statcache_teach_path(s->cache, path, before, st, &t->id, t->fast);
}

bool store_knows(struct store *s, int64_t size, struct twins *t)
{
	CLEANUP(freep) char *path = objects_path(&s->objects, &t->id);
	const struct content c = {CONTENT_FILE, t->id, size};

	return statcache_fast(s->cache, path, false, &c, t->fast);
}

/* Git's own checksums are of no help to whom somebody wants to deceive. */
static bool is_right(struct store *s, const struct digest *id, const char *data, size_t n, struct transfer *t)
{
	struct digest got;
	struct twinhash h;

	if (!t) {
		digest_bytes(data, n, &got);
		return digest_eq(&got, id);
	}
	twinhash_init(&h, statcache_key(s->cache));
	twinhash_update(&h, data, n);
	twinhash_final(&h, &t->id, t->fast);
	t->bytes = (int64_t)n;
	return digest_eq(&t->id, id);
}

int store_read_small(struct store *s, const struct small_object *o, struct strbuf *out, struct transfer *t, struct err *err)
{
	struct err why = ERR_INIT;
	size_t start = out->len;
	char hex[DIGEST_HEX + 1], git[GIT_ID_HEX + 1];
	int got = small_read(&s->small, o, out, &why);

	if (got < 0 && why.code != ERR_CORRUPT && why.code != ERR_INVALID)
		return err_move(err, &why);
	if (got == 0 && is_right(s, &o->id, out->buf + start, out->len - start, t))
		return 0;
	strbuf_setlen(out, start);
	small_condemn(&s->small, &o->id);
	closure_distrust(s);
	digest_hex(&o->id, hex);
	git_id_hex(&o->git, git);
	err_set(err, ERR_CORRUPT, "git object %s does not hold object '%s'%s%s", git, hex, got < 0 ? ": " : "", got < 0 ? why.msg : "");
	err_release(&why);
	return -1;
}

/* Reads size bytes from fd and a bit more, to see whether there are more. */
static int read_object(struct store *s, int fd, const struct digest *id, int64_t size, struct strbuf *out,
		       struct err *err)
{
	size_t start = out->len;
	struct digest got;

	strbuf_grow(out, (size_t)size + 1);
	for (;;) {
		ssize_t n;

		if (out->cap - out->len < 2)
			strbuf_grow(out, 65536);
		n = read(fd, out->buf + out->len, out->cap - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read an object of store '%s'", s->objects.dir);
		strbuf_setlen(out, out->len + (size_t)n);
		if (n == 0 || out->len - start > (size_t)size)
			break;
	}
	digest_bytes(out->buf + start, out->len - start, &got);
	if (digest_eq(&got, id))
		return 0;
	strbuf_setlen(out, start);
	return objects_condemn(&s->objects, id, err);
}

static int too_large(const struct digest *id, uintmax_t size, size_t limit, struct err *err)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	return err_set(err, ERR_INVALID, "object '%s' has %ju bytes, more than the %zu that are read", hex, size, limit);
}

int store_get_bytes(struct store *s, const struct digest *id, size_t limit, struct strbuf *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	size_t start = out->len;
	struct small_object o;
	int64_t size;

	if (small_find(&s->small, id, &o))
		return o.size > limit ? too_large(id, o.size, limit, err) : store_read_small(s, &o, out, NULL, err);
	fd = objects_read(&s->objects, id, &size, err);
	if (fd < 0)
		return -1;
	if ((uintmax_t)size > limit)
		return too_large(id, (uintmax_t)size, limit, err);
	if (read_object(s, fd, id, size, out, err) < 0) {
		strbuf_setlen(out, start);
		return -1;
	}
	return 0;
}

static int read_text(void *ctx, const struct digest *id, struct strbuf *out, struct err *err)
{
	return store_get_bytes(ctx, id, MANIFEST_LIMIT, out, err);
}

int store_manifest(struct store *s, const struct digest *id, struct manifest *m, struct err *err)
{
	return manifest_load(m, id, read_text, s, err);
}

/* Adds the sizes of the files below the directory id to *total. */
static bool has_below(struct store *s, const struct digest *id, int depth, int64_t *total)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	struct err ignored = ERR_INIT;
	int64_t size;
	size_t i;

	if (closure_is_whole(s, id, &size)) {
		*total += size;
		return true;
	}
	if (depth > MANIFEST_DEPTH || store_manifest(s, id, &m, &ignored) < 0) {
		err_release(&ignored);
		return false;
	}
	for (i = 0; i < m.n; i++) {
		const struct manifest_entry *e = &m.v[i];

		if (e->kind == CONTENT_LINK)
			continue; /* the manifest holds it */
		if (e->kind == CONTENT_DIR) {
			if (!has_below(s, &e->id, depth + 1, total))
				return false;
		} else if (store_holds(s, &e->id, &size)) {
			*total += size;
		} else {
			return false;
		}
	}
	return true;
}

bool store_has(struct store *s, const struct content *c)
{
	int64_t total = 0, size;

	switch (c->kind) {
	case CONTENT_NONE:
		return true;
	case CONTENT_DIR:
		return has_below(s, &c->id, 0, &total) && total == c->size;
	case CONTENT_LINK:
		return store_holds(s, &c->id, NULL);
	default:
		/* The size that is asked for is what somebody wrote down, so one that differs says nothing of the object. */
		return store_holds(s, &c->id, &size) && size == c->size;
	}
}

void store_set_supplier(struct store *s, const struct store_supplier *sup)
{
	s->supplier = sup;
}

bool store_can_have(struct store *s, const struct content *c)
{
	return store_has(s, c) || (s->supplier && s->supplier->has(s->supplier->ctx, c));
}

int store_bring(struct store *s, const struct content *c, struct err *err)
{
	return !s->supplier || store_has(s, c) ? 0 : s->supplier->bring(s->supplier->ctx, c, err);
}
