/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/statcache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

/* 1: read; 0: absent; -1: err. */
static int read_secret(const char *path, unsigned char secret[STATCACHE_SECRET], struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	unsigned char buf[STATCACHE_SECRET + 1];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot open '%s'", path);
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		return err_errno(err, "cannot read '%s'", path);
	if (n != STATCACHE_SECRET)
		return err_set(err, ERR_CORRUPT, "'%s' has not %d bytes; remove it, a new one is made", path,
			       STATCACHE_SECRET);
	memcpy(secret, buf, STATCACHE_SECRET);
	return 1;
}

static int fill_random(unsigned char *p, size_t n, struct err *err)
{
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "cannot get random bytes");
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int write_new(const char *tmp, const unsigned char *secret, struct err *err)
{
	CLEANUP(closep) int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_errno(err, "cannot create '%s'", tmp);
	if (fd_write_all(fd, secret, STATCACHE_SECRET, err) < 0)
		return err_wrap(err, "'%s'", tmp);
	if (fsync(fd) < 0)
		return err_errno(err, "cannot sync '%s'", tmp);
	return 0;
}

/* A whole secret is written beside path and linked to it: of two that race one wins, and both read the winner's. */
int statcache_secret(const char *path, unsigned char secret[STATCACHE_SECRET], struct err *err)
{
	CLEANUP(freep) char *tmp = NULL;
	int got = read_secret(path, secret, err), result;
	uint64_t number;

	if (got)
		return got < 0 ? -1 : 0;
	if (file_mkdirs_for(path, err) < 0 || fill_random((unsigned char *)&number, sizeof(number), err) < 0 ||
	    fill_random(secret, STATCACHE_SECRET, err) < 0)
		return -1;
	tmp = xstrfmt("%s.%016jx", path, (uintmax_t)number);
	result = write_new(tmp, secret, err);
	if (result == 0 && link(tmp, path) < 0 && errno != EEXIST)
		result = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0 || errno == EEXIST
				 ? 0
				 : err_errno(err, "cannot create '%s'", path);
	unlink(tmp);
	if (result < 0)
		return -1;
	got = read_secret(path, secret, err);
	if (got == 0)
		return err_set(err, ERR_IO, "'%s' vanished while it was made", path);
	return got < 0 ? -1 : 0;
}
