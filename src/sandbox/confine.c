/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "sandbox/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/bounds.h"
#include "util/path.h"

#ifndef __NR_landlock_create_ruleset /* the same on all machines */
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL ((1ULL << 15) - 1)
/* of ALL, what a file can have */
#define OF_FILE \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)

struct ruleset {
	int fd;
	uint64_t handled;
	const char *root;
};

static uint64_t handled_by(long version)
{
	return version >= 3 ? ALL : version == 2 ? ALL & ~LANDLOCK_ACCESS_FS_TRUNCATE : ALL >> 2;
}

/* How: O_NOFOLLOW or 0. */
static void allow(const struct ruleset *r, const char *path, int how, uint64_t what)
{
	CLEANUP(closep) int fd = open(path, O_PATH | O_CLOEXEC | how);
	struct landlock_path_beneath_attr rule;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
		return;
	rule = (struct landlock_path_beneath_attr){
		.allowed_access = what & r->handled & (S_ISDIR(st.st_mode) ? ALL : OF_FILE), .parent_fd = fd};
	(void)syscall(__NR_landlock_add_rule, r->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0); /* what is not allowed is denied */
}

/* All in dir but what leads to the project. */
static void allow_beside(const struct ruleset *r, const char *dir, uint64_t what)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", streq(dir, "/") ? "" : dir, e->d_name);

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (!path_is_within(r->root, path))
			allow(r, path, O_NOFOLLOW, what);
		else if (!streq(r->root, path))
			allow_beside(r, path, what);
	}
	if (d)
		closedir(d);
}

static void allow_all(const struct ruleset *r, const char *path, uint64_t what)
{
	if (path_is_within(r->root, path) && !streq(r->root, path))
		allow_beside(r, path, what);
	else
		allow(r, path, 0, what);
}

static void allow_rule(const struct ruleset *r, const char *rule)
{
	CLEANUP(freep) char *dir = path_dir(rule + 1);

	switch (*rule) {
	case BOUNDS_READ: allow_all(r, rule + 1, READ); break;
	case BOUNDS_WRITE: allow(r, dir, 0, ALL); break;
	case BOUNDS_FREE: allow_all(r, rule + 1, ALL); break;
	default: break;
	}
}

long confine_version(void)
{
	long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const char *lower = getenv("MLMAKE_LANDLOCK");

	if (version < 0)
		return -errno;
	if (lower && *lower)
		version = MIN(version, strtol(lower, NULL, 10));
	return version > 0 ? version : -EOPNOTSUPP;
}

int confine_make(const char *root, char *const *rules, size_t n)
{
	long version = confine_version();
	struct ruleset r = {-1, version > 0 ? handled_by(version) : 0, root};
	struct landlock_ruleset_attr attr = {.handled_access_fs = r.handled};
	size_t i;

	if (version < 0)
		return (int)version;
	r.fd = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (r.fd < 0)
		return -errno;
	fcntl(r.fd, F_SETFD, FD_CLOEXEC);
	allow_all(&r, "/", READ);
	allow_all(&r, "/dev", ALL); /* who may write to a device is said elsewhere */
	allow_all(&r, "/proc", ALL);
	allow(&r, root, 0, LANDLOCK_ACCESS_FS_READ_DIR);
	for (i = 0; i < n; i++)
		allow_rule(&r, rules[i]);
	return r.fd;
}

int confine_enter(int fd)
{
	if (syscall(__NR_landlock_restrict_self, fd, 0) == 0)
		return 0;
	if (errno != EPERM || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	return syscall(__NR_landlock_restrict_self, fd, 0) == 0 ? 0 : errno;
}
