/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting back: everything is built under a temporary name beside its place, so that a kill leaves no half
 * artifact under the right name, and is renamed at last. Directories are descended by descriptor. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/storeroom.h"
#include "store/transfer.h"
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

/* Writes the object id to name in the directory at, verified; *fd_out is open on it afterwards. */
static int place_file(struct store *s, enum content_kind kind, const struct digest *id, int at, const char *name,
		      const char *path, int *fd_out, struct placed *p, struct err *err)
{
	CLEANUP(closep) int from = -1;
	int64_t size;

	from = objects_read(&s->objects, id, &size, err);
	if (from < 0)
		return -1;
	*fd_out = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			 kind == CONTENT_EXEC ? 0777 : 0666);
	if (*fd_out < 0)
		return err_errno(err, "cannot create '%s'", path);
	if (transfer_copy(&p->t, from, *fd_out, size, statcache_key(s->cache), s->objects.dir, path, err) < 0)
		return -1;
	if (!digest_eq(&p->t.id, id))
		return objects_condemn(&s->objects, id, err);
	p->before = statcache_now(s->cache);
	if (ensure_exec(*fd_out, kind, &p->st) < 0)
		return err_errno(err, "cannot set the mode of '%s'", path);
	return 0;
}

static int place_link(const char *target, int at, const char *name, const char *path, struct err *err)
{
	if (symlinkat(target, at, name) < 0)
		return err_errno(err, "cannot create link '%s'", path);
	return 0;
}

static int place_dir(struct store *s, const struct digest *id, int at, const char *name, const char *path, int depth,
		     struct err *err);

static int place_child(struct store *s, const struct manifest_entry *e, int dir, const char *path, int depth,
		       struct err *err)
{
	CLEANUP(freep) char *child = xstrfmt("%s/%s", path, e->name);
	CLEANUP(closep) int fd = -1;
	struct placed p;

	if (e->kind == CONTENT_DIR)
		return place_dir(s, &e->id, dir, e->name, child, depth + 1, err);
	if (e->kind == CONTENT_LINK)
		return place_link(e->target, dir, e->name, child, err);
	if (place_file(s, e->kind, &e->id, dir, e->name, child, &fd, &p, err) < 0)
		return -1;
	return teach(s, &p);
}

static int place_dir(struct store *s, const struct digest *id, int at, const char *name, const char *path, int depth,
		     struct err *err)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(closep) int fd = -1;
	size_t i;

	if (depth > MANIFEST_DEPTH)
		return err_set(err, ERR_INVALID, "directory '%s' is nested deeper than %d levels", path,
			       MANIFEST_DEPTH);
	if (store_manifest(s, id, &m, err) < 0)
		return -1;
	if (mkdirat(at, name, 0777) < 0)
		return err_errno(err, "cannot make directory '%s'", path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "cannot open directory '%s'", path);
	for (i = 0; i < m.n; i++)
		if (place_child(s, &m.v[i], fd, path, depth, err) < 0)
			return -1;
	return 0;
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

/* Builds c under the name tmp; a file stays open at *fd. */
static int build(struct store *s, const struct content *c, int at, const char *tmp, const char *path, int *fd,
		 struct placed *p, struct err *err)
{
	switch (c->kind) {
	case CONTENT_DIR:
		return place_dir(s, &c->id, at, tmp, path, 0, err);
	case CONTENT_LINK:
		return place_top_link(s, &c->id, at, tmp, path, err);
	case CONTENT_FILE:
	case CONTENT_EXEC:
		return place_file(s, c->kind, &c->id, at, tmp, path, fd, p, err);
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

/* Keeps the error that led here; what cannot be removed bears a name that says whose it is. */
static void undo(const char *path, const char *tmp)
{
	CLEANUP(freep) char *dir = path_dir(path);
	CLEANUP(freep) char *all = xstrfmt("%s/%s", dir, tmp);
	struct err ignored = ERR_INIT;

	if (file_remove_tree(all, &ignored) < 0)
		err_release(&ignored);
}

/* How the temporary names beside path begin. */
static char *temporary(const char *path)
{
	return xstrfmt(".%.180s.mlmake-tmp.", path_base(path));
}

int store_place_sweep(const char *path, struct err *err)
{
	CLEANUP(freep) char *prefix = temporary(path);

	return file_sweep_prefix(path, prefix, err);
}

int store_place(struct store *s, const struct content *c, const char *path, struct err *err)
{
	static unsigned counter;
	const char *base = path_base(path);
	CLEANUP(freep) char *tmp = NULL;
	CLEANUP(freep) char *prefix = NULL;
	CLEANUP(closep) int at = -1, fd = -1;
	struct placed p;

	at = open_parent(path, err);
	if (at < 0)
		return -1;
	prefix = temporary(path);
	tmp = xstrfmt("%s%ld.%u", prefix, (long)getpid(), __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
	if (build(s, c, at, tmp, path, &fd, &p, err) < 0) {
		undo(path, tmp);
		return -1;
	}
	if (move_into_place(at, tmp, base) < 0) {
		err_errno(err, "cannot place '%s'", path);
		undo(path, tmp);
		return -1;
	}
	if (fd >= 0 && fstat(fd, &p.st) == 0) /* the rename changed its ctime */
		teach(s, &p);
	return 0;
}
