/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting back: everything is built under a temporary name beside its place, so that a kill leaves no half
 * artifact under the right name, and is renamed at last. Directories are descended by descriptor. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/storeroom.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"

/* What was placed as a file, so that the cache can be taught. */
struct placed {
	int64_t before;
	struct stat st;
	struct transfer t;
};

static int teach(struct store *s, const struct placed *p)
{
	statcache_teach(s->cache, p->before, &p->st, &p->t.id, p->t.fast);
	return 0;
}

/* The umask does the rest, but the owner's bit is content. */
static int ensure_exec(int fd, enum content_kind kind, struct stat *st)
{
	if (fstat(fd, st) < 0)
		return -1;
	if (((st->st_mode & S_IXUSR) != 0) == (kind == CONTENT_EXEC))
		return 0;
	if (fchmod(fd, kind == CONTENT_EXEC ? (st->st_mode | S_IXUSR) & 07777 : st->st_mode & 0666) < 0)
		return -1;
	return fstat(fd, st);
}

static int64_t nanoseconds(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void remember_link(struct store *s, const struct digest *id, const struct stat *st)
{
	pthread_mutex_lock(&s->linking);
	ALLOC_GROW(s->linked, s->n_linked + 1, s->cap_linked);
	s->linked[s->n_linked++] = (struct linked){*id, st->st_ino, st->st_size, nanoseconds(&st->st_mtim),
						   nanoseconds(&st->st_ctim)};
	pthread_mutex_unlock(&s->linking);
}

/* Asked of the first file that is placed, and answered for all: they go to one place. */
static bool can_clone(struct store *s, int from, int at, const char *name)
{
	int known = __atomic_load_n(&s->can_clone, __ATOMIC_RELAXED), fd;

	if (known)
		return known > 0;
	fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	known = ioctl(fd, FICLONE, from) == 0 ? 1 : -1;
	close(fd);
	unlinkat(at, name, 0);
	__atomic_store_n(&s->can_clone, known, __ATOMIC_RELAXED);
	return known > 0;
}

/* 1: it cannot be linked. Afterwards *fd is open on the object. */
static int make_link(struct store *s, const struct digest *id, int from, int at, const char *name, const char *path, enum place_how how,
		     int *fd, struct err *err)
{
	CLEANUP(freep) char *target = how == PLACE_SYMLINK ? objects_link_target(&s->objects, id) : NULL;

	if (how == PLACE_SYMLINK && target) {
		if (linked_note(s, id, path, err) < 0)
			return -1;
		if (symlinkat(target, at, name) < 0)
			return errno == EPERM || errno == ENAMETOOLONG ? 1 : err_errno(err, "cannot create link '%s'", path);
		*fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
	} else if (how != PLACE_SYMLINK && objects_link(&s->objects, id, at, name, how == PLACE_SHARE)) {
		*fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	} else {
		return 1;
	}
	return *fd < 0 ? err_errno(err, "cannot open '%s'", path) : 0;
}

/* 1: it has to be cloned or copied. */
static int link_file(struct store *s, const struct digest *id, int from, int64_t size, int at, const char *name,
		     const char *path, enum place_how how, int *fd_out, struct placed *p, struct err *err)
{
	int got;

	if (!size || can_clone(s, from, at, name) || (got = make_link(s, id, from, at, name, path, how, fd_out, err)) > 0)
		return 1;
	p->before = statcache_now(s->cache);
	if (got < 0)
		return -1;
	if (fstat(*fd_out, &p->st) < 0)
		return err_errno(err, "cannot stat '%s'", path);
	if (how != PLACE_SYMLINK)
		remember_link(s, id, &p->st);
	if (transfer_read(&p->t, *fd_out, size, statcache_key(s->cache), path, err) < 0)
		return -1;
	return digest_eq(&p->t.id, id) ? 0 : objects_condemn(&s->objects, id, err);
}

static int create(enum content_kind kind, int at, const char *name, const char *path, struct err *err)
{
	int fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			kind == CONTENT_EXEC ? 0777 : 0666);

	return fd < 0 ? err_errno(err, "cannot create '%s'", path) : fd;
}

static int finish_file(struct store *s, enum content_kind kind, int fd, const char *path, struct placed *p, struct err *err)
{
	p->before = statcache_now(s->cache);
	return ensure_exec(fd, kind, &p->st) < 0 ? err_errno(err, "cannot set the mode of '%s'", path) : 0;
}

static int place_small(struct store *s, const struct small_object *o, enum content_kind kind, int at, const char *name,
		       const char *path, int *fd_out, struct placed *p, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	if (store_read_small(s, o, &bytes, &p->t, err) < 0 || (*fd_out = create(kind, at, name, path, err)) < 0)
		return -1;
	if (fd_write_all(*fd_out, bytes.buf, bytes.len, err) < 0)
		return err_wrap(err, "'%s'", path);
	return finish_file(s, kind, *fd_out, path, p, err);
}

/* An object that a clone of it was once found to hold what its name says is cloned unread while stat says that it is as it was. */
static bool clone_known(struct store *s, const struct twins *known, int from, int to, int64_t size, struct transfer *t)
{
	CLEANUP(freep) char *object = objects_path(&s->objects, &known->id);
	const struct content c = {CONTENT_FILE, known->id, size};

	if (ioctl(to, FICLONE, from) < 0 || !statcache_unmoved(s->cache, object, false, &c))
		return false;
	*t = (struct transfer){.bytes = size, .id = known->id, .cloned = true};
	memcpy(t->fast, known->fast, FASTHASH_LEN);
	return true;
}

/* Copies the object open at from to the new file open at to, whatever was written there. known, if not NULL: as for transfer_copy. A file
 * that is empty is not truncated: ext4 writes to disk what is in a truncated one when it is closed, and the close waits. */
static int copy_bytes(struct store *s, int from, int to, int64_t size, const struct twins *known, const char *path,
		      struct transfer *t, struct err *err)
{
	struct stat st;

	if (lseek(to, 0, SEEK_SET) < 0 || fstat(to, &st) < 0 || (st.st_size && ftruncate(to, 0) < 0))
		return err_errno(err, "cannot write '%s'", path);
	return transfer_copy(t, from, to, size, false, known, statcache_key(s->cache), s->objects.dir, path, err);
}

/* Copies the object open at from to the new file open at to, and sees whether it is id. */
static int copy_object(struct store *s, const struct digest *id, int from, int to, int64_t size, const char *path, struct transfer *t,
		       struct err *err)
{
	int64_t before = statcache_now(s->cache);
	struct twins known = {*id, {0}};
	bool is_known = store_knows(s, size, &known);
	struct stat st;

	if (is_known && clone_known(s, &known, from, to, size, t))
		return 0;
	if (fstat(from, &st) < 0)
		return err_errno(err, "cannot stat an object of store '%s'", s->objects.dir);
	if (is_known && copy_bytes(s, from, to, size, &known, path, t, err) < 0)
		return -1;
	is_known = is_known && digest_eq(&t->id, id);
	if (!is_known && copy_bytes(s, from, to, size, NULL, path, t, err) < 0)
		return -1;
	if (!digest_eq(&t->id, id))
		return objects_condemn(&s->objects, id, err);
	if (t->cloned || !is_known)
		store_learn(s, before, &st, t);
	return 0;
}

/* Writes the object id to name in the directory at, verified; *fd_out is open on it afterwards. */
static int place_file(struct store *s, enum content_kind kind, const struct digest *id, int at, const char *name,
		      const char *path, enum place_how how, int *fd_out, struct placed *p, struct err *err)
{
	CLEANUP(closep) int from = -1;
	struct small_object o;
	int64_t size;
	int got;

	if (small_find(&s->small, id, &o))
		return place_small(s, &o, kind, at, name, path, fd_out, p, err);
	from = objects_read(&s->objects, id, &size, err);
	if (from < 0)
		return -1;
	if (how != PLACE_COPY && kind == CONTENT_FILE &&
	    (got = link_file(s, id, from, size, at, name, path, how, fd_out, p, err)) <= 0)
		return got;
	if ((*fd_out = create(kind, at, name, path, err)) < 0 ||
	    copy_object(s, id, from, *fd_out, size, path, &p->t, err) < 0)
		return -1;
	return finish_file(s, kind, *fd_out, path, p, err);
}

static int place_link(const char *target, int at, const char *name, const char *path, struct err *err)
{
	if (symlinkat(target, at, name) < 0)
		return err_errno(err, "cannot create link '%s'", path);
	return 0;
}

/* A directory that is being placed, or one below it. */
struct placing_dir {
	struct store *s;
	const char *top, *path; /* of the one that is being placed, and of this one */
	enum place_how how;
	int depth;
	int old; /* this one in an earlier version, which the cache knows as top; -1: there is none */
	int fd;
	const struct manifest *m;
};

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	       nanoseconds(&a->st_mtim) == nanoseconds(&b->st_mtim);
}

/* Gives the file that the earlier version has here one more name, if it holds the same: then there is one file less to write, and one less
 * to remove afterwards. One that has other names already may be an object. */
static bool link_old(const struct placing_dir *d, const struct manifest_entry *e, const char *path)
{
	const struct content c = {e->kind, e->id, -1};
	struct stat st, now;

	if (d->old < 0 || d->how != PLACE_COPY || fstatat(d->old, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 || !statcache_is_below(d->s->cache, d->top, path + strlen(d->top) + 1, &st, &c) ||
	    linkat(d->old, e->name, d->fd, e->name, 0) < 0)
		return false;
	if (fstatat(d->fd, e->name, &now, AT_SYMLINK_NOFOLLOW) == 0 && same_file(&st, &now))
		return true;
	unlinkat(d->fd, e->name, 0); /* somebody was at work there */
	return false;
}

static int place_dir(struct placing_dir *d, const struct digest *id, int at, const char *name, struct err *err);

static int place_below(const struct placing_dir *d, const struct manifest_entry *e, const char *path, struct err *err)
{
	CLEANUP(closep) int old = d->old < 0 ? -1 : openat(d->old, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct placing_dir below = {.s = d->s, .top = d->top, .path = path, .how = d->how, .depth = d->depth + 1, .old = old};

	return place_dir(&below, &e->id, d->fd, e->name, err);
}

static int place_child(void *ctx, size_t i, struct err *err)
{
	const struct placing_dir *d = ctx;
	const struct manifest_entry *e = &d->m->v[i];
	CLEANUP(freep) char *child = xstrfmt("%s/%s", d->path, e->name);
	CLEANUP(closep) int fd = -1;
	struct placed p;

	if (e->kind == CONTENT_DIR)
		return place_below(d, e, child, err);
	if (e->kind == CONTENT_LINK)
		return place_link(e->target, d->fd, e->name, child, err);
	if (link_old(d, e, child))
		return 0;
	if (place_file(d->s, e->kind, &e->id, d->fd, e->name, child, d->how, &fd, &p, err) < 0)
		return -1;
	return teach(d->s, &p);
}

/* Builds the directory id as name in the directory at. */
static int place_dir(struct placing_dir *d, const struct digest *id, int at, const char *name, struct err *err)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(closep) int fd = -1;

	if (d->depth > MANIFEST_DEPTH)
		return err_set(err, ERR_INVALID, "directory '%s' is nested deeper than %d levels", d->path, MANIFEST_DEPTH);
	if (store_manifest(d->s, id, &m, err) < 0)
		return -1;
	if (mkdirat(at, name, 0777) < 0)
		return err_errno(err, "cannot make directory '%s'", d->path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "cannot open directory '%s'", d->path);
	d->fd = fd;
	d->m = &m;
	return store_spread(d->s, m.n, FILES_AT_ONCE, place_child, d, err);
}

static int place_top_link(struct store *s, const struct digest *id, int at, const char *name, const char *path,
			  struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf target = STRBUF_INIT;

	if (store_get_bytes(s, id, MANIFEST_TARGET, &target, err) < 0)
		return -1;
	if (!target.len || memchr(target.buf, '\0', target.len))
		return err_set(err, ERR_INVALID, "'%s': the stored target is none that a link can have", path);
	return place_link(target.buf, at, name, path, err);
}

/* RENAME_NOREPLACE is not known to every file system; without it the look before is not atomic. */
static int move_into_place(int at, const char *from, const char *to)
{
	struct stat st;

	if (renameat2(at, from, at, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (fstatat(at, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(at, from, at, to);
}

/* Builds c under the name tmp; a file stays open at *fd. old: the directory that stands or stood at path, -1 if there is none. */
static int build(struct store *s, const struct content *c, int at, const char *tmp, const char *path, enum place_how how,
		 int old, int *fd, struct placed *p, struct err *err)
{
	struct placing_dir dir = {.s = s, .top = path, .path = path, .how = how, .old = old};

	switch (c->kind) {
	case CONTENT_DIR:
		return place_dir(&dir, &c->id, at, tmp, err);
	case CONTENT_LINK:
		return place_top_link(s, &c->id, at, tmp, path, err);
	case CONTENT_FILE:
	case CONTENT_EXEC:
		return place_file(s, c->kind, &c->id, at, tmp, path, how, fd, p, err);
	default:
		return err_set(err, ERR_INVALID, "there is nothing to place at '%s'", path);
	}
}

static int open_parent(const char *path, struct err *err)
{
	CLEANUP(freep) char *dir = path_dir(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (file_mkdirs(dir, err) < 0)
			return -1;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? err_errno(err, "cannot open directory '%s'", dir) : fd;
}

/* What cannot be removed bears a name that says whose it is. */
static void undo(int at, const char *tmp)
{
	int saved = errno;

	(void)!file_remove_at(at, tmp);
	errno = saved;
}

/* How the temporary names beside path begin. */
static char *temporary(const char *path)
{
	return xstrfmt(".%.180s.mlmake-tmp.", path_base(path));
}

static char *new_temporary(const char *path)
{
	static unsigned counter;
	CLEANUP(freep) char *prefix = temporary(path);

	return xstrfmt("%s%ld.%u", prefix, (long)getpid(), __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
}

int store_place_sweep(const char *path, struct err *err)
{
	CLEANUP(freep) char *prefix = temporary(path);

	return beneath_check(path, NULL) < 0 ? 0 : file_sweep_prefix(path, prefix, err);
}

void store_place_by(struct store *s, enum place_how how)
{
	s->how = how;
}

int store_place(struct store *s, const struct content *c, const char *path, const char *old, struct err *err)
{
	CLEANUP(freep) char *tmp = new_temporary(path);
	CLEANUP(closep) int at = -1, fd = -1, from = old ? open(old, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	struct placed p;

	if (beneath_check(path, err) < 0)
		return -1;
	at = open_parent(path, err);
	if (at < 0 || store_bring(s, c, err) < 0)
		return -1;
	if (build(s, c, at, tmp, path, s->how, from, &fd, &p, err) < 0) {
		undo(at, tmp);
		return -1;
	}
	if (move_into_place(at, tmp, path_base(path)) < 0) {
		err_errno(err, "cannot place '%s'", path);
		undo(at, tmp);
		return -1;
	}
	if (fd >= 0 && fstat(fd, &p.st) == 0) /* the rename changed its ctime */
		teach(s, &p);
	return 0;
}

/* ---- in two steps, in place of what is there ---- */

struct placing {
	struct store *s;
	int root;
	char *path, *tmp;
	bool is_file;
	struct placed placed;
};

struct placing *store_prepare(struct store *s, const struct content *c, int root, const char *path, enum place_how how,
			      struct err *err)
{
	CLEANUP(closep) int at = -1, fd = -1, old = -1;
	struct placing *p;

	at = beneath_parent(root, path, true, err);
	if (at < 0 || store_bring(s, c, err) < 0)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->s = s;
	p->root = root;
	p->path = xstrdup(path);
	p->tmp = new_temporary(path);
	old = openat(at, path_base(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (build(s, c, at, p->tmp, path, how == PLACE_COPY ? s->how : how, old, &fd, &p->placed, err) < 0) {
		store_placing_free(p);
		return NULL;
	}
	p->is_file = fd >= 0;
	return p;
}

/* Not every file system can exchange two names. There a file replaces a file at once, and of a directory there is a moment in which
 * neither the old nor the new one is there. */
static int replace(int at, const char *tmp, const char *name)
{
	CLEANUP(freep) char *old = NULL;

	if (renameat2(at, tmp, at, name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == ENOENT)
		return renameat2(at, tmp, at, name, RENAME_NOREPLACE);
	if (errno != EINVAL)
		return -1;
	if (renameat(at, tmp, at, name) == 0)
		return 0;
	old = xstrfmt("%s.old", tmp);
	if (renameat(at, name, at, old) < 0)
		return -1;
	if (renameat(at, tmp, at, name) < 0) {
		int saved = errno;

		renameat(at, old, at, name);
		errno = saved;
		return -1;
	}
	return renameat(at, old, at, tmp);
}

int store_install(struct placing *p, struct err *err)
{
	const char *name = path_base(p->path);
	CLEANUP(closep) int at = -1;

	at = beneath_parent(p->root, p->path, false, err);
	if (at < 0)
		return -1;
	if (replace(at, p->tmp, name) < 0)
		return err_errno(err, "cannot place '%s'", p->path);
	if (p->is_file && fstatat(at, name, &p->placed.st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(p->placed.st.st_mode))
		teach(p->s, &p->placed);
	return 0;
}

void store_placing_free(struct placing *p)
{
	CLEANUP(closep) int at = -1;

	if (!p)
		return;
	at = beneath_parent(p->root, p->path, false, NULL);
	if (at >= 0)
		undo(at, p->tmp);
	free(p->path);
	free(p->tmp);
	free(p);
}

int store_prepare_sweep(int root, const char *path, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(freep) char *prefix = temporary(path);
	int at = beneath_parent(root, path, false, &ignored);
	DIR *dir = at >= 0 ? fdopendir(at) : NULL;
	struct dirent *e;
	int result = 0;

	if (!dir) {
		closep(&at);
		return 0;
	}
	while (result == 0 && (e = readdir(dir)))
		if (skip_prefix(e->d_name, prefix, NULL) && file_remove_at(dirfd(dir), e->d_name) < 0)
			result = err_errno(err, "cannot remove '%s' beside '%s'", e->d_name, path);
	closedir(dir);
	return result;
}

/* ---- hard links ---- */

/* Linking and unlinking change the ctime, so that one alone proves nothing; then it is read. */
static int check_link(struct store *s, const struct linked *l, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(closep) int fd = -1;
	struct transfer t;
	struct stat st;
	int64_t size;

	fd = objects_read(&s->objects, &l->id, &size, &ignored);
	if (fd < 0 && ignored.code == ERR_NOTFOUND) /* nobody collects meanwhile */
		return err_set(err, ERR_CORRUPT, "an object of store '%s' was written to, and moved to '%s/corrupt'", s->objects.dir,
			       s->objects.dir);
	if (fd < 0)
		return err_move(err, &ignored);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "cannot stat an object of store '%s'", s->objects.dir);
	if (st.st_ino == l->ino && st.st_size == l->size && nanoseconds(&st.st_mtim) == l->mtime &&
	    nanoseconds(&st.st_ctim) == l->ctime)
		return 0;
	if ((st.st_mode & 07777) != 0444 && fchmod(fd, 0444) < 0)
		return err_errno(err, "cannot set the mode of an object of store '%s'", s->objects.dir);
	if (transfer_read(&t, fd, size, statcache_key(s->cache), s->objects.dir, err) < 0)
		return -1;
	return digest_eq(&t.id, &l->id) ? 0 : objects_condemn(&s->objects, &l->id, err);
}

int store_check_links(struct store *s, struct err *err)
{
	int result = 0;
	size_t i;

	for (i = 0; i < s->n_linked; i++)
		if (check_link(s, &s->linked[i], result == 0 ? err : NULL) < 0)
			result = -1;
	s->n_linked = 0;
	return result;
}
