/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/path.h"

int file_read(const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "cannot stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
	if ((uintmax_t)st.st_size > limit)
		return err_set(err, ERR_INVALID, "'%s' has %jd bytes, more than the %zu that are read", path,
			       (intmax_t)st.st_size, limit);
	strbuf_grow(out, (size_t)st.st_size + 1);
	for (;;) {
		ssize_t n;

		if (out->cap - out->len < 2)
			strbuf_grow(out, 65536);
		n = read(fd, out->buf + out->len, out->cap - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read '%s'", path);
		if (n == 0)
			break;
		out->len += (size_t)n;
		out->buf[out->len] = '\0';
		if (out->len > limit)
			return err_set(err, ERR_INVALID, "'%s' has more than the %zu bytes that are read", path, limit);
	}
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n, struct err *err)
{
	const char *p = data;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, "cannot write");
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_sync_dir(const char *dir, struct err *err)
{
	CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_errno(err, "cannot sync directory '%s'", dir);
	return 0;
}

int file_write(const char *path, const void *data, size_t n, mode_t mode, bool durable, struct err *err)
{
	CLEANUP(freep) char *tmp = NULL;
	CLEANUP(freep) char *dir = path_dir(path);
	CLEANUP(closep) int fd = -1;

	if (file_mkdirs(dir, err) < 0)
		return -1;
	tmp = xstrfmt("%s/.%s.tmp%ld", dir, path_base(path), (long)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, "cannot create '%s'", tmp);
	if (fd_write_all(fd, data, n, err) < 0) {
		err_wrap(err, "'%s'", path);
		goto undo;
	}
	if (durable && fsync(fd) < 0) {
		err_errno(err, "cannot sync '%s'", tmp);
		goto undo;
	}
	if (rename(tmp, path) < 0) {
		err_errno(err, "cannot rename '%s' to '%s'", tmp, path);
		goto undo;
	}
	return durable ? file_sync_dir(dir, err) : 0;
undo:
	unlink(tmp);
	return -1;
}

int file_sweep_prefix(const char *path, const char *prefix, struct err *err)
{
	CLEANUP(freep) char *name = path_dir(path);
	DIR *dir = opendir(name);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read directory '%s'", name);
	while (result == 0 && (e = readdir(dir)))
		if (skip_prefix(e->d_name, prefix, NULL) && file_remove_at(dirfd(dir), e->d_name) < 0)
			result = err_errno(err, "cannot remove '%s/%s'", name, e->d_name);
	closedir(dir);
	return result;
}

int file_sweep(const char *path, struct err *err)
{
	CLEANUP(freep) char *prefix = xstrfmt(".%s.tmp", path_base(path));

	return file_sweep_prefix(path, prefix, err);
}

int file_mkdirs(const char *dir, struct err *err)
{
	CLEANUP(freep) char *copy = NULL;
	struct stat st;
	char *p;

	if (mkdir(dir, 0777) == 0 || (errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode)))
		return 0;
	if (errno != ENOENT)
		return err_errno(err, "cannot make directory '%s'", dir);
	copy = xstrdup(dir);
	for (p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return err_errno(err, "cannot make directory '%s'", copy);
		*p = '/';
	}
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make directory '%s'", dir);
	return 0;
}

int file_mkdirs_for(const char *path, struct err *err)
{
	CLEANUP(freep) char *dir = path_dir(path);

	return file_mkdirs(dir, err);
}

int file_remove_at(int at, const char *name)
{
	struct dirent *e;
	DIR *dir;
	int fd, result = 0;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	fchmod(fd, 0700); /* a read-only directory cannot be emptied; if this fails, the removal says so */
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -1;
	}
	while (result == 0 && (e = readdir(dir)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			result = file_remove_at(dirfd(dir), e->d_name);
	closedir(dir);
	if (result == 0)
		result = unlinkat(at, name, AT_REMOVEDIR);
	return result;
}

int file_remove_tree(const char *path, struct err *err)
{
	if (file_remove_at(AT_FDCWD, path) < 0)
		return err_errno(err, "cannot remove '%s'", path);
	return 0;
}

static int copy_file(const char *from, const char *to, mode_t mode, struct err *err)
{
	CLEANUP(closep) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(closep) int out = -1;
	ssize_t n;

	if (in < 0)
		return err_errno(err, "cannot open '%s'", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0777);
	if (out < 0)
		return err_errno(err, "cannot create '%s'", to);
	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0)
		;
	if (n < 0) {
		char buf[65536];

		if (lseek(in, 0, SEEK_SET) < 0 || ftruncate(out, 0) < 0 || lseek(out, 0, SEEK_SET) < 0)
			return err_errno(err, "cannot copy '%s'", from);
		while ((n = read(in, buf, sizeof(buf))) > 0)
			if (fd_write_all(out, buf, (size_t)n, err) < 0)
				return err_wrap(err, "'%s'", to);
		if (n < 0)
			return err_errno(err, "cannot read '%s'", from);
	}
	if (fchmod(out, mode & 07777) < 0)
		return err_errno(err, "cannot set the mode of '%s'", to);
	return 0;
}

static int copy_dir(const char *from, const char *to, mode_t mode, struct err *err)
{
	DIR *dir = opendir(from);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return err_errno(err, "cannot read directory '%s'", from);
	if (mkdir(to, 0700) < 0)
		result = err_errno(err, "cannot make directory '%s'", to);
	while (result == 0 && (e = readdir(dir))) {
		CLEANUP(freep) char *a = xstrfmt("%s/%s", from, e->d_name);
		CLEANUP(freep) char *b = xstrfmt("%s/%s", to, e->d_name);

		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			result = file_copy_tree(a, b, err);
	}
	closedir(dir);
	if (result == 0 && chmod(to, mode & 07777) < 0)
		result = err_errno(err, "cannot set the mode of '%s'", to);
	return result;
}

int file_copy_tree(const char *from, const char *to, struct err *err)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		return err_errno(err, "cannot stat '%s'", from);
	if (S_ISDIR(st.st_mode))
		return copy_dir(from, to, st.st_mode, err);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, st.st_mode, err);
	if (S_ISLNK(st.st_mode)) {
		char target[PATH_MAX];
		ssize_t n = readlink(from, target, sizeof(target) - 1);

		if (n < 0)
			return err_errno(err, "cannot read link '%s'", from);
		target[n] = '\0';
		if (symlink(target, to) < 0)
			return err_errno(err, "cannot create link '%s'", to);
		return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", from);
}

/* A directory that goes to another parent gets its ".." written, which one that is read-only does not allow. */
static int rename_read_only(const char *from, const char *to)
{
	struct stat st;
	int result, saved;

	if (lstat(from, &st) < 0 || !S_ISDIR(st.st_mode) || (st.st_mode & S_IWUSR)) {
		errno = EACCES;
		return -1;
	}
	if (chmod(from, (st.st_mode & 07777) | S_IWUSR) < 0)
		return -1;
	result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
	saved = errno;
	chmod(result == 0 ? to : from, st.st_mode & 07777); /* of help to whoever looks, not needed */
	errno = saved;
	return result;
}

static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EACCES)
		return rename_read_only(from, to);
	if (errno == EINVAL && !file_exists(to)) /* the file system has no RENAME_NOREPLACE */
		return rename(from, to);
	return -1;
}

/* The copy gets its name once it is whole: whoever recovers from a kill takes what bears that name for the thing itself. */
static int move_across(const char *from, const char *to, struct err *err)
{
	CLEANUP(freep) char *dir = path_dir(to);
	CLEANUP(freep) char *part = xstrfmt("%s/.%.180s.mlmake-part", dir, path_base(to));
	struct err ignored = ERR_INIT;

	if (file_remove_tree(part, err) < 0)
		return -1;
	if (file_copy_tree(from, part, err) == 0) {
		if (rename_new(part, to) == 0)
			return file_remove_tree(from, err);
		err_errno(err, "cannot move '%s' to '%s'", part, to);
	}
	if (file_remove_tree(part, &ignored) < 0)
		err_release(&ignored);
	return -1;
}

int file_move(const char *from, const char *to, struct err *err)
{
	if (rename_new(from, to) == 0)
		return 0;
	if (errno == ENOENT) {
		if (!file_exists(from))
			return err_errno(err, "cannot move '%s'", from);
		if (file_mkdirs_for(to, err) < 0)
			return -1;
		if (rename_new(from, to) == 0)
			return 0;
	}
	if (errno != EXDEV)
		return err_errno(err, "cannot move '%s' to '%s'", from, to);
	return move_across(from, to, err);
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

void file_prune_dirs(const char *path, const char *stop)
{
	CLEANUP(freep) char *dir = path_dir(path);

	while (path_is_within(dir, stop) && !streq(dir, stop) && !streq(dir, ".") && rmdir(dir) == 0) {
		char *up = path_dir(dir);

		free(dir);
		dir = up;
	}
}

int file_lock(const char *path, bool exclusive, bool wait, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0 && errno == EACCES) /* another user's, in a place that several share */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "cannot open lock '%s'", path);
	while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			err_set(err, ERR_LOCKED, "'%s' is locked", path);
		else
			err_errno(err, "cannot lock '%s'", path);
		close(fd);
		return -1;
	}
	return fd;
}
