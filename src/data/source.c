/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t read_file(void *ctx, void *buf, size_t n, struct err *err)
{
	struct data_file *f = ctx;
	ssize_t got;

	while ((got = read(f->fd, buf, n)) < 0 && errno == EINTR)
		;
	return got < 0 ? err_errno(err, "cannot read '%s'", f->path) : got;
}

static int rewind_file(void *ctx, struct err *err)
{
	struct data_file *f = ctx;

	return lseek(f->fd, 0, SEEK_SET) < 0 ? err_errno(err, "cannot read '%s' again", f->path) : 0;
}

int data_file_open(struct data_file *f, const char *path, struct err *err)
{
	struct stat st;

	f->path = path;
	f->src = (struct data_source){read_file, rewind_file, f};
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(err, ERR_NOTFOUND, "'%s' is not there", path);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return err_errno(err, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is no regular file", path);
	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

void data_file_close(struct data_file *f)
{
	closep(&f->fd);
	f->fd = -1;
}
