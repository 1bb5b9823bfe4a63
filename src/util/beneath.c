/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

/* Steps from the directory at, which is closed, to name in it. whole[0..n) is what it is called in messages. */
static int step(int at, const char *name, bool make, const char *whole, size_t n, struct err *err)
{
	int fd = openat(at, name, DIRECTORY);

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, 0777) < 0 && errno != EEXIST)
			fd = -1;
		else
			fd = openat(at, name, DIRECTORY);
	}
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		err_set(err, ERR_INVALID, "'%.*s' is a symbolic link or no directory, and nothing is put behind it", (int)n, whole);
	else if (fd < 0)
		err_errno(err, "cannot open directory '%.*s'", (int)n, whole);
	close(at);
	return fd;
}

int beneath_parent(int root, const char *path, bool make, struct err *err)
{
	int at = openat(root, ".", DIRECTORY);
	const char *p = path, *slash;

	if (at < 0)
		return err_errno(err, "cannot open the directory above '%s'", path);
	for (; at >= 0 && (slash = strchr(p, '/')); p = slash + 1) {
		CLEANUP(freep) char *name = xstrndup(p, (size_t)(slash - p));

		at = step(at, name, make, path, (size_t)(slash - path), err);
	}
	return at;
}

int beneath_check(const char *path, struct err *err)
{
	CLEANUP(freep) char *dir = xstrdup(path);
	CLEANUP(freep) char *real = NULL;
	CLEANUP(freep) char *top = NULL;
	size_t n;

	do {
		n = path_dirlen(dir);
		dir[n] = '\0';
	} while (n && !file_exists(dir));
	if (!n || path_refusal(path))
		return 0;
	real = realpath(dir, NULL);
	top = getcwd(NULL, 0);
	if (real && top && path_is_within(real, top))
		return 0;
	return err_set(err, ERR_INVALID, "'%s' leads out of the project through '%s', which is %s", path, dir, real ? real : "a link to nowhere");
}
