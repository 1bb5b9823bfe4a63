/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/objects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"

#define DAY 86400
#define UNSYNCED 120 /* an object younger than so many seconds may be another's and not on disk yet */

/* "objects/aa/bb/<sha256>" */
#define NAME_LEN (14 + DIGEST_HEX)
#define TRASH "trash/"

static void object_name(const struct digest *id, char name[NAME_LEN + 1])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	snprintf(name, NAME_LEN + 1, "objects/%.2s/%.2s/%s", hex, hex + 2, hex);
}

void objects_init(struct objects *o, const char *dir)
{
	*o = (struct objects){.dir = xstrdup(dir), .fd = -1, .hold = -1};
	pthread_mutex_init(&o->mutex, NULL);
}

void objects_release(struct objects *o)
{
	closep(&o->fd);
	closep(&o->hold);
	pthread_mutex_destroy(&o->mutex);
	free(o->dir);
}

static int hold_locked(struct objects *o, bool wait, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/gc.lock", o->dir);
	int fd = o->hold;

	if (fd < 0) {
		fd = file_lock(file, false, wait, err);
		__atomic_store_n(&o->hold, fd, __ATOMIC_RELAXED);
	}
	return fd < 0 ? -1 : 0;
}

int objects_hold(struct objects *o, bool wait, struct err *err)
{
	int result;

	pthread_mutex_lock(&o->mutex);
	result = file_mkdirs(o->dir, err) < 0 ? -1 : hold_locked(o, wait, err);
	pthread_mutex_unlock(&o->mutex);
	return result;
}

/* Whoever writes an object holds a lock on it: what nobody holds, a kill left. */
static void remove_abandoned(int dir, const char *name)
{
	CLEANUP(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
}

/* Removes what kills left in incoming/. What cannot be removed stays; it does no harm. */
static void sweep(int fd)
{
	int in = openat(fd, "incoming", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = in >= 0 ? fdopendir(in) : NULL;
	struct dirent *e;

	if (!dir) {
		closep(&in);
		return;
	}
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			remove_abandoned(dirfd(dir), e->d_name);
	closedir(dir);
}

static int make_dirs(struct objects *o, int fd, struct err *err)
{
	static const char *const names[] = {"objects", "incoming", "corrupt"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (mkdirat(fd, names[i], 0777) < 0 && errno != EEXIST)
			return err_errno(err, "cannot make directory '%s/%s'", o->dir, names[i]);
	sweep(fd);
	return 0;
}

static int open_locked(struct objects *o, bool make, struct err *err)
{
	int fd = o->fd;

	if (fd < 0) {
		if (make && file_mkdirs(o->dir, err) < 0)
			return -1;
		fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_errno(err, "cannot open store '%s'", o->dir);
	}
	if (make && !o->swept) {
		if (hold_locked(o, true, err) < 0 || make_dirs(o, fd, err) < 0) {
			if (fd != o->fd)
				close(fd);
			return -1;
		}
		__atomic_store_n(&o->swept, true, __ATOMIC_RELEASE);
	}
	if (fd != o->fd) { /* others may be reading it already */
		o->trash = faccessat(fd, "trash", F_OK, 0) == 0;
		__atomic_store_n(&o->fd, fd, __ATOMIC_RELEASE);
	}
	return 0;
}

int objects_open(struct objects *o, bool make, struct err *err)
{
	int result;

	if (__atomic_load_n(&o->fd, __ATOMIC_ACQUIRE) >= 0 && (!make || __atomic_load_n(&o->swept, __ATOMIC_ACQUIRE)))
		return 0;
	pthread_mutex_lock(&o->mutex);
	result = open_locked(o, make, err);
	pthread_mutex_unlock(&o->mutex);
	return result;
}

/* link and unlink, where the file system has no RENAME_NOREPLACE. */
static int move_new(int at, const char *from, const char *to)
{
	int result = renameat2(at, from, at, to, RENAME_NOREPLACE);

	if (result < 0 && errno == EINVAL && (result = linkat(at, from, at, to, 0)) == 0)
		unlinkat(at, from, 0);
	return result;
}

/* Makes objects/aa and objects/aa/bb of name. */
static int make_prefix(struct objects *o, const char *name)
{
	char dir[NAME_LEN + 1];

	snprintf(dir, sizeof(dir), "%.10s", name);
	if (mkdirat(o->fd, dir, 0777) < 0 && errno != EEXIST)
		return -1;
	snprintf(dir, sizeof(dir), "%.13s", name);
	return mkdirat(o->fd, dir, 0777) < 0 && errno != EEXIST ? -1 : 0;
}

/* Where an object that name does not hold lies among what was collected: name becomes that. Whoever holds the store puts it back. */
static bool in_trash(struct objects *o, char name[NAME_LEN + 1])
{
	char from[sizeof(TRASH) + DIGEST_HEX];

	if (!o->trash)
		return false;
	snprintf(from, sizeof(from), TRASH "%s", strrchr(name, '/') + 1);
	if (__atomic_load_n(&o->hold, __ATOMIC_RELAXED) >= 0)
		return make_prefix(o, name) == 0 &&
		       (move_new(o->fd, from, name) == 0 || faccessat(o->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	if (faccessat(o->fd, from, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	memcpy(name, from, sizeof(from));
	return true;
}

static int condemn(struct objects *o, const char *name)
{
	char to[8 + DIGEST_HEX + 1];

	if (mkdirat(o->fd, "corrupt", 0777) < 0 && errno != EEXIST)
		return -1;
	snprintf(to, sizeof(to), "corrupt/%s", strrchr(name, '/') + 1);
	return renameat(o->fd, name, o->fd, to);
}

int objects_condemn(struct objects *o, const struct digest *id, struct err *err)
{
	char name[NAME_LEN + 1];

	object_name(id, name);
	if (condemn(o, name) < 0 && (errno != ENOENT || (in_trash(o, name) && condemn(o, name) < 0)))
		return err_set(err, ERR_CORRUPT, "object '%s/%s' does not hold what its name says and cannot be moved "
			       "away: %s", o->dir, name, strerror(errno));
	return err_set(err, ERR_CORRUPT, "object '%s/%s' does not hold what its name says; it was moved to '%s/corrupt'",
		       o->dir, name, o->dir);
}

/* A sync of the file system waits for whatever anybody has written to it, so of few objects each is synced by itself. */
static void await(struct objects *o, const struct digest *id)
{
	size_t i;

	pthread_mutex_lock(&o->mutex);
	for (i = 0; i < o->n_waiting && !digest_eq(&o->waiting[i], id); i++)
		;
	if (i == OBJECTS_WAITING)
		__atomic_store_n(&o->written, true, __ATOMIC_RELAXED);
	else if (i == o->n_waiting)
		o->waiting[o->n_waiting++] = *id;
	pthread_mutex_unlock(&o->mutex);
}

/* An object found here counts as used today, for those who collect the unused, and perhaps waits to be on disk. */
static void found(struct objects *o, const struct digest *id, const char *name, const struct stat *st)
{
	time_t now = time(NULL);

	if (st->st_mtime < now - DAY)
		utimensat(o->fd, name, NULL, AT_SYMLINK_NOFOLLOW); /* of help, not needed */
	if (st->st_ctime > now - UNSYNCED)
		await(o, id);
}

bool objects_has(struct objects *o, const struct digest *id, int64_t want, int64_t *size)
{
	char name[NAME_LEN + 1];
	struct stat st;

	if (objects_open(o, false, NULL) < 0)
		return false;
	object_name(id, name);
	if (fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    (errno != ENOENT || !in_trash(o, name) || fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0))
		return false;
	if (!S_ISREG(st.st_mode) || (want >= 0 && st.st_size != want)) {
		condemn(o, name); /* if this fails, the next to write it says so */
		return false;
	}
	if (size)
		*size = st.st_size;
	found(o, id, name, &st);
	return true;
}

int objects_read(struct objects *o, const struct digest *id, int64_t *size, struct err *err)
{
	char name[NAME_LEN + 1];
	struct stat st;
	int fd;

	object_name(id, name);
	if (objects_open(o, false, err) < 0)
		return -1;
	fd = openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		fd = in_trash(o, name) ? openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
		errno = fd < 0 ? ENOENT : errno;
	}
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOTFOUND, "the store '%s' does not hold object '%s'", o->dir,
			       strrchr(name, '/') + 1);
	if (fd < 0 && errno == ELOOP) /* a link is no object */
		return objects_condemn(o, id, err);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, "cannot open object '%s/%s'", o->dir, name);
		closep(&fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return objects_condemn(o, id, err);
	}
	*size = st.st_size;
	return fd;
}

bool objects_link(struct objects *o, const struct digest *id, int at, const char *name, bool writable)
{
	char from[NAME_LEN + 1];

	object_name(id, from);
	if (objects_open(o, false, NULL) < 0 || (!writable && faccessat(o->fd, from, W_OK, AT_EACCESS) == 0))
		return false;
	return linkat(o->fd, from, at, name, 0) == 0;
}

char *objects_link_target(struct objects *o, const struct digest *id)
{
	char name[NAME_LEN + 1];
	CLEANUP(freep) char *dir = realpath(o->dir, NULL);

	object_name(id, name);
	if (!dir || objects_open(o, false, NULL) < 0 || faccessat(o->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
	    faccessat(o->fd, name, W_OK, AT_EACCESS) == 0)
		return NULL;
	return xstrfmt("%s/%s", dir, name);
}

char *objects_path(const struct objects *o, const struct digest *id)
{
	char name[NAME_LEN + 1];

	object_name(id, name);
	return xstrfmt("%s/%s", o->dir, name);
}

/* Makes the file and locks it. 1: somebody who sweeps was faster than the lock. */
static int incoming_create(struct incoming *in)
{
	static unsigned counter;
	struct stat st;

	snprintf(in->name, sizeof(in->name), "incoming/%ld.%jx.%u", (long)getpid(),
		 (uintmax_t)clock_tick(&clock_system), __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
	in->fd = openat(in->o->fd, in->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (in->fd < 0)
		return -1;
	if ((flock(in->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && fstat(in->fd, &st) == 0 && st.st_nlink)
		return 0;
	closep(&in->fd);
	return 1;
}

int incoming_open(struct incoming *in, struct objects *o, struct err *err)
{
	int got;

	if (objects_open(o, true, err) < 0)
		return -1;
	in->o = o;
	while ((got = incoming_create(in)) > 0)
		;
	if (got < 0)
		return err_errno(err, "cannot create '%s/%s'", o->dir, in->name);
	return 0;
}

void incoming_drop(struct incoming *in)
{
	int saved = errno;

	if (in->fd >= 0) {
		close(in->fd);
		unlinkat(in->o->fd, in->name, 0);
		in->fd = -1;
	}
	errno = saved;
}

/* Has somebody made it writable? Then it may hold anything. */
static bool was_opened(struct objects *o, const char *name)
{
	struct stat st;

	return fstatat(o->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode & 0222;
}

int incoming_finish(struct incoming *in, const struct digest *id, int64_t size, struct err *err)
{
	struct objects *o = in->o;
	char name[NAME_LEN + 1];
	int i, result = -1;

	object_name(id, name);
	if (fchmod(in->fd, 0444) < 0)
		return err_errno(err, "cannot set the mode of '%s/%s'", o->dir, in->name);
	for (i = 0; i < 3 && result < 0; i++) {
		result = move_new(o->fd, in->name, name);
		if (result < 0 && errno == EEXIST && objects_has(o, id, size, NULL)) {
			if (!was_opened(o, name))
				return 0; /* somebody was faster; the caller drops this one */
			result = renameat(o->fd, in->name, o->fd, name);
		}
		if (result < 0 && errno != EEXIST && (errno != ENOENT || make_prefix(o, name) < 0))
			break;
	}
	if (result < 0)
		return err_errno(err, "cannot create object '%s/%s'", o->dir, name);
	__atomic_store_n(&o->written, true, __ATOMIC_RELAXED);
	closep(&in->fd);
	return 0;
}

static int sync_name(struct objects *o, const char *name)
{
	CLEANUP(closep) int fd = openat(o->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	return fsync(fd);
}

/* An object and the directories that lead to it. */
static int sync_object(struct objects *o, const struct digest *id)
{
	char name[NAME_LEN + 1];
	char *end;

	object_name(id, name);
	if (sync_name(o, name) < 0)
		return -1;
	while ((end = strrchr(name, '/'))) {
		*end = '\0';
		if (sync_name(o, name) < 0)
			return -1;
	}
	return fsync(o->fd);
}

static int sync_waiting(struct objects *o)
{
	int result = 0;

	pthread_mutex_lock(&o->mutex);
	while (result == 0 && o->n_waiting) {
		result = sync_object(o, &o->waiting[o->n_waiting - 1]);
		o->n_waiting -= result == 0;
	}
	pthread_mutex_unlock(&o->mutex);
	return result;
}

static int sync_all(struct objects *o)
{
	pthread_mutex_lock(&o->mutex);
	o->n_waiting = 0;
	pthread_mutex_unlock(&o->mutex);
	if (syncfs(o->fd) == 0)
		return 0;
	__atomic_store_n(&o->written, true, __ATOMIC_RELAXED);
	return -1;
}

int objects_sync(struct objects *o, bool more, struct err *err)
{
	bool all = __atomic_exchange_n(&o->written, false, __ATOMIC_RELAXED) || more;

	if (all && objects_open(o, false, err) < 0)
		return -1;
	if ((all ? sync_all(o) : sync_waiting(o)) < 0)
		return err_errno(err, "cannot sync store '%s'", o->dir);
	return 0;
}
