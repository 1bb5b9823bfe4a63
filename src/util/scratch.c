/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"

/* Each process at work holds a lock on its directory: what nobody holds, a kill left. */
static void sweep(const char *above)
{
	DIR *dir = opendir(above);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", above, e->d_name);
		CLEANUP(closep) int fd = -1;

		if (e->d_name[0] == '.')
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			(void)!file_remove_tree(path, NULL);
	}
	if (dir)
		closedir(dir);
}

/* 1: somebody who sweeps was faster than the lock. */
static int make_locked(struct scratch *s, struct err *err)
{
	struct stat st;

	if (file_mkdirs(s->dir, err) < 0)
		return -1;
	s->lock = open(s->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0 && fstat(s->lock, &st) == 0 && st.st_nlink)
		return 0;
	if (s->lock < 0 && errno != ENOENT)
		return err_errno(err, "cannot open '%s'", s->dir);
	closep(&s->lock);
	return 1;
}

int scratch_open(struct scratch *s, const char *in, const char *name, struct err *err)
{
	static unsigned counter;
	CLEANUP(freep) char *root = realpath(in, NULL);
	CLEANUP(freep) char *above = NULL;
	int got;

	*s = (struct scratch)SCRATCH_INIT;
	if (!root && file_mkdirs(in, err) < 0)
		return -1;
	if (!root && !(root = realpath(in, NULL)))
		return err_errno(err, "cannot find '%s'", in);
	above = xstrfmt("%s/%s", root, name);
	sweep(above);
	s->dir = xstrfmt("%s/%ld.%u", above, (long)getpid(), __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
	while ((got = make_locked(s, err)) > 0)
		;
	return got;
}

void scratch_close(struct scratch *s)
{
	if (s->dir && s->lock >= 0)
		(void)!file_remove_tree(s->dir, NULL); /* what stays goes next time */
	free(s->dir);
	s->dir = NULL;
	closep(&s->lock);
}
