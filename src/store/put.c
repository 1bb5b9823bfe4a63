/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/storeroom.h"
#include "util/file.h"
#include "util/pool.h"

/* Up to here an object goes to git. 64 MiB of random bytes in files of so many KiB (1: 32 MiB), cpu seconds in a file each and in a pack:
 *
 *               1          8          32         64         128        256        1024
 *     put       1.8 0.5    0.7 0.5    0.30 0.38  0.28 0.38  0.27 0.37  0.20 0.34  0.20 0.40
 *     place     1.1 1.4    0.4 0.5    0.24 0.37  0.22 0.40  0.23 0.31  0.18 0.32  0.17 0.45
 *     MiB       233 37     97 65      73 64      69 64      67 64      66 64      65 64
 *
 * and 0.3 to 0.6 s of `git repack`, whatever the size. So from 64 KiB on a pack costs half as much time again and saves little room. */
#define SMALL (64 * 1024)

#define LACKED INT64_MIN

static bool same_stat(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int moved(const char *path, struct err *err)
{
	return err_set(err, ERR_MOVED, "'%s' changed while it was read", path);
}

static int put_file(struct store *s, const void *data, size_t n, const struct digest *id, struct err *err)
{
	CLEANUP(incoming_drop) struct incoming in = INCOMING_INIT;

	if (incoming_open(&in, &s->objects, err) < 0)
		return -1;
	if (fd_write_all(in.fd, data, n, err) < 0)
		return err_wrap(err, "store '%s'", s->objects.dir);
	return incoming_finish(&in, id, (int64_t)n, err);
}

/* Git's copy of an object may be damaged and stay where it is: then the object becomes a file. */
static int put_new(struct store *s, const void *data, size_t n, const struct digest *id, bool text, struct err *err)
{
	if (n > SMALL || small_is_damaged(&s->small, id))
		return put_file(s, data, n, id, err);
	return small_put(&s->small, data, n, id, text, err);
}

static int put_memory(struct store *s, const void *data, size_t n, const struct digest *id, bool text, struct err *err)
{
	struct small_object o;

	if (small_find(&s->small, id, &o) || objects_has(&s->objects, id, (int64_t)n, NULL))
		return 0;
	return put_new(s, data, n, id, text, err);
}

int store_put_bytes(struct store *s, const void *data, size_t n, struct digest *out, struct err *err)
{
	digest_bytes(data, n, out);
	return put_memory(s, data, n, out, false, err);
}

struct texts_to_put {
	struct store *s;
	pthread_mutex_t mutex; /* of what follows */
	bool failed;
	struct err *err; /* the first one */
};

static int put_text(void *ctx, const struct digest *id, const char *text, size_t n)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct texts_to_put *t = ctx;

	if (put_memory(t->s, text, n, id, true, &err) == 0)
		return 0;
	pthread_mutex_lock(&t->mutex);
	if (!t->failed)
		err_move(t->err, &err);
	t->failed = true;
	pthread_mutex_unlock(&t->mutex);
	return -1;
}

int store_put_manifest(struct store *s, const struct manifest *m, struct digest *id, struct err *err)
{
	struct texts_to_put t = {s, PTHREAD_MUTEX_INITIALIZER, false, err};
	int got = manifest_emit(m, pool_cpus(), put_text, &t, id);

	pthread_mutex_destroy(&t.mutex);
	return got;
}

/* Digests a small file in memory. absent: it is known not to be here. */
static int put_small(struct store *s, int fd, const char *path, bool absent, struct transfer *t, struct err *err)
{
	unsigned char buf[SMALL + 1];
	struct twinhash h;
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < sizeof(buf)) {
		n = read(fd, buf + len, sizeof(buf) - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return err_errno(err, "cannot read '%s'", path);
		else
			len += (size_t)n;
		if (n > 0 && (int64_t)len == t->bytes)
			break; /* all that stat promised; the stat afterwards tells whether there was more */
	}
	if ((int64_t)len != t->bytes)
		return moved(path, err);
	twinhash_init(&h, statcache_key(s->cache));
	twinhash_update(&h, buf, len);
	twinhash_final(&h, &t->id, t->fast);
	return absent ? put_new(s, buf, len, &t->id, false, err) : put_memory(s, buf, len, &t->id, false, err);
}

int store_keep(struct store *s, struct incoming *in, int64_t before, const struct transfer *t, struct err *err)
{
	struct stat st;

	if (fstat(in->fd, &st) < 0)
		return err_errno(err, "cannot stat an object of store '%s'", s->objects.dir);
	store_learn(s, before, &st, t);
	return incoming_finish(in, &t->id, t->bytes, err);
}

/* expected: its digests, if they are known. */
static int put_large(struct store *s, int fd, const char *path, const struct twins *expected, struct transfer *t, struct err *err)
{
	CLEANUP(incoming_drop) struct incoming in = INCOMING_INIT;
	int64_t size = t->bytes, before = statcache_now(s->cache);

	if (incoming_open(&in, &s->objects, err) < 0 ||
	    transfer_copy(t, fd, in.fd, size, true, expected, statcache_key(s->cache), path, s->objects.dir, err) < 0)
		return -1;
	if (t->bytes != size || (expected && !digest_eq(&t->id, &expected->id)))
		return moved(path, err);
	return store_keep(s, &in, before, t, err);
}

/* Takes in the regular file open at fd, whose fstat after the time before is *st (LACKED: what it holds is known to the cache and not
 * here). What a file that moves left in the store is whole, and harms nobody. */
static int put_fd(struct store *s, int fd, const char *path, int64_t before, const struct stat *st,
		  struct content *out, struct err *err)
{
	struct transfer t;
	struct stat after;
	int result;

	t.bytes = st->st_size;
	result = st->st_size <= SMALL ? put_small(s, fd, path, before == LACKED, &t, err) : put_large(s, fd, path, NULL, &t, err);
	if (result < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return err_errno(err, "cannot stat '%s'", path);
	if (!same_stat(st, &after))
		return moved(path, err);
	if (before != LACKED)
		statcache_teach(s->cache, before, &after, &t.id, t.fast);
	*out = (struct content){st->st_mode & S_IXUSR ? CONTENT_EXEC : CONTENT_FILE, t.id, t.bytes};
	return 0;
}

/* Appends the target of the link to target. */
static int read_link(int at, const char *name, const char *path, struct strbuf *target, struct err *err)
{
	char buf[MANIFEST_TARGET + 2];
	ssize_t n = readlinkat(at, name, buf, sizeof(buf));

	if (n < 0)
		return err_errno(err, "cannot read link '%s'", path);
	if (n > MANIFEST_TARGET)
		return err_set(err, ERR_INVALID, "link '%s' has a target longer than %d bytes", path, MANIFEST_TARGET);
	strbuf_add(target, buf, (size_t)n);
	return 0;
}

static int put_at(struct store *s, int at, const char *name, const char *path, int depth, struct content *out,
		  char **target, struct err *err);

/* The entries of a directory: their names first, in order, so that a pack holds files in the order in which they are placed. */
struct putting {
	struct store *s;
	int dir;
	const char *path;
	int depth;
	struct manifest m;
	int64_t total; /* changed atomically */
};

static int list_names(struct putting *p, DIR *dir, struct err *err)
{
	struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		const char *refusal;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		refusal = manifest_name_refusal(e->d_name);
		if (refusal)
			return err_set(err, ERR_INVALID, "'%s/%s' cannot be part of an artifact: its name %s", p->path, e->d_name,
				       refusal);
		manifest_add(&p->m, CONTENT_NONE, xstrdup(e->d_name), NULL, &(struct digest){{0}});
	}
	if (errno)
		return err_errno(err, "cannot read directory '%s'", p->path);
	manifest_sort(&p->m);
	return 0;
}

static int put_child(void *ctx, size_t i, struct err *err)
{
	struct putting *p = ctx;
	struct manifest_entry *e = &p->m.v[i];
	CLEANUP(freep) char *child = xstrfmt("%s/%s", p->path, e->name);
	struct content c;

	if (put_at(p->s, p->dir, e->name, child, p->depth + 1, &c, &e->target, err) < 0)
		return -1;
	__atomic_add_fetch(&p->total, c.size, __ATOMIC_RELAXED);
	e->kind = c.kind;
	e->id = c.id;
	return 0;
}

static int put_entries(struct putting *p, DIR *dir, struct err *err)
{
	struct stat before, after;

	if (p->depth > MANIFEST_DEPTH)
		return err_set(err, ERR_INVALID, "directory '%s' is nested deeper than %d levels", p->path, MANIFEST_DEPTH);
	if (fstat(p->dir, &before) < 0)
		return err_errno(err, "cannot stat '%s'", p->path);
	if (list_names(p, dir, err) < 0 || store_spread(p->s, p->m.n, FILES_AT_ONCE, put_child, p, err) < 0)
		return -1;
	return fstat(p->dir, &after) == 0 && !same_stat(&before, &after) ? moved(p->path, err) : 0;
}

/* Takes fd. */
static int put_dir(struct store *s, int fd, const char *path, int depth, struct content *out, struct err *err)
{
	struct putting p = {.s = s, .dir = fd, .path = path, .depth = depth, .m = MANIFEST_INIT};
	DIR *dir = fdopendir(fd);
	int result;

	if (!dir) {
		close(fd);
		return err_errno(err, "cannot read directory '%s'", path);
	}
	result = put_entries(&p, dir, err);
	closedir(dir);
	*out = (struct content){CONTENT_DIR, {{0}}, p.total};
	if (result == 0)
		result = store_put_manifest(s, &p.m, &out->id, err);
	manifest_release(&p.m);
	return result;
}

/* A link below a directory lies in its manifest, and its target goes to *target_out; one on its own is an object. */
static int put_link(struct store *s, int at, const char *name, const char *path, struct content *out,
		    char **target_out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf target = STRBUF_INIT;

	if (read_link(at, name, path, &target, err) < 0)
		return -1;
	out->kind = CONTENT_LINK;
	out->size = 0;
	if (!target_out)
		return store_put_bytes(s, target.buf, target.len, &out->id, err);
	digest_bytes(target.buf, target.len, &out->id);
	*target_out = strbuf_detach(&target);
	return 0;
}

/* What is open at fd (-1: errno says why) under that name, having been opened after the time before. Takes fd. */
static int put_open(struct store *s, int fd, int64_t before, int at, const char *name, const char *path, int depth,
		    struct content *out, char **target, struct err *err)
{
	struct stat st;
	int result;

	if (fd < 0 && errno == ELOOP)
		return put_link(s, at, name, path, out, target, err);
	if (fd < 0 && (errno == ENXIO || errno == ENODEV))
		return err_set(err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", path);
	if (fd < 0)
		return err_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		result = err_errno(err, "cannot stat '%s'", path);
	else if (S_ISDIR(st.st_mode))
		return put_dir(s, fd, path, depth, out, err);
	else if (!S_ISREG(st.st_mode))
		result = err_set(err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", path);
	else
		result = put_fd(s, fd, path, before, &st, out, err);
	close(fd);
	return result;
}

static int put_at(struct store *s, int at, const char *name, const char *path, int depth, struct content *out,
		  char **target, struct err *err)
{
	int64_t before = statcache_now(s->cache);
	int fd = statcache_openat(s->cache, at, name);

	return put_open(s, fd, before, at, name, path, depth, out, target, err);
}

int store_put(struct store *s, const char *path, struct content *out, struct err *err)
{
	return put_at(s, AT_FDCWD, path, path, 0, out, NULL, err);
}

static int put_followed(struct store *s, const char *path, struct content *out, struct err *err)
{
	int64_t before = statcache_now(s->cache);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return put_open(s, fd, before, AT_FDCWD, path, path, 0, out, NULL, err);
}

static int check_known(const char *path, const struct content *got, const struct content *known, struct err *err)
{
	if (content_eq(got, known))
		return 0;
	return err_set(err, ERR_MOVED, "'%s' changed after it was digested", path);
}

struct known_dir {
	struct store *s;
	struct err *err;
	const char *dir;
	const struct manifest *m;
};

static int put_known_child(void *ctx, size_t i, struct err *err)
{
	const struct known_dir *k = ctx;
	const struct manifest_entry *e = &k->m->v[i];
	CLEANUP(freep) char *path = NULL;
	struct content known = {e->kind, e->id, -1}, got;
	int fd;

	if ((e->kind != CONTENT_FILE && e->kind != CONTENT_EXEC) || store_holds(k->s, &e->id, NULL))
		return 0;
	path = xstrfmt("%s/%s", k->dir, e->name);
	fd = statcache_openat(k->s->cache, AT_FDCWD, path);
	if (put_open(k->s, fd, LACKED, AT_FDCWD, path, path, 0, &got, NULL, err) < 0)
		return -1;
	return check_known(path, &got, &known, err);
}

/* Puts what one directory of a known tree lacks in the store, then its manifest. */
static int put_known_dir(void *ctx, const char *dir, const struct manifest *m)
{
	struct known_dir *k = ctx;
	struct digest id;

	k->dir = dir;
	k->m = m;
	if (store_spread(k->s, m->n, FILES_AT_ONCE, put_known_child, k, k->err) < 0)
		return -1;
	return store_put_manifest(k->s, m, &id, k->err);
}

/* Takes in a large file of which the cache knows both digests. 1: it is none. */
static int put_digested(struct store *s, const char *path, bool follow, const struct content *known, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct twins expected = {known->id, {0}};
	struct transfer t = {.bytes = known->size};
	struct stat st, after;

	if (known->size <= SMALL || !statcache_fast(s->cache, path, follow, known, expected.fast))
		return 1;
	fd = follow ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : statcache_openat(s->cache, AT_FDCWD, path);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != known->size ||
	    !(st.st_mode & S_IXUSR) != (known->kind == CONTENT_FILE))
		return 1;
	if (put_large(s, fd, path, &expected, &t, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0)
		return err_errno(err, "cannot stat '%s'", path);
	return same_stat(&st, &after) ? 0 : moved(path, err);
}

static int put_known(struct store *s, const char *path, bool follow, const struct content *known, struct err *err)
{
	struct known_dir k = {.s = s, .err = err};
	struct content got;
	int result = 1;

	if (known->kind == CONTENT_NONE || store_has(s, known))
		return 0;
	if (known->kind == CONTENT_DIR)
		result = statcache_manifests(s->cache, path, follow, known, put_known_dir, &k);
	else
		result = put_digested(s, path, follow, known, err);
	if (result <= 0)
		return result;
	if ((follow ? put_followed(s, path, &got, err) : store_put(s, path, &got, err)) < 0)
		return -1;
	return check_known(path, &got, known, err);
}

int store_put_known(struct store *s, const char *path, const struct content *known, struct err *err)
{
	return put_known(s, path, false, known, err);
}

int store_put_input(struct store *s, const char *path, const struct content *known, struct err *err)
{
	return put_known(s, path, true, known, err);
}
