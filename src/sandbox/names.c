/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "sandbox/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"

#define PAGE 4096 /* or a multiple of it: reads do not cross its end */
#define AT_ROOT (-200) /* beside AT_FDCWD */
#define CACHED 20000 /* directories whose nature is remembered */

struct dir {
	bool left_out;
	char *project; /* of one that the project's files are reached through from outside: its project path; owned */
	char path[];
};

/* ---- what other processes say ---- */

bool names_read(pid_t pid, uint64_t addr, struct strbuf *out, bool *blind)
{
	strbuf_clear(out);
	strbuf_grow(out, PATH_MAX + 1);
	while (out->len < PATH_MAX) {
		size_t room = PAGE - addr % PAGE;
		struct iovec to, from;
		ssize_t n;
		char *nul;

		if (out->len == 0)
			room = MIN(room, (size_t)256); /* most are short */
		room = MIN(room, PATH_MAX - out->len);
		to = (struct iovec){out->buf + out->len, room};
		from = (struct iovec){(void *)(uintptr_t)addr, room};
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
		if (n <= 0) {
			*blind |= n < 0 && errno != EFAULT && errno != ESRCH;
			return false;
		}
		nul = memchr(out->buf + out->len, '\0', (size_t)n);
		strbuf_setlen(out, nul ? (size_t)(nul - out->buf) : out->len + (size_t)n);
		if (nul)
			return out->len > 0;
		addr += (uint64_t)n;
	}
	return false; /* the kernel refuses it as well */
}

/* The target of a link in /proc, which is a path if it begins with '/'. */
static bool read_link(const char *link, struct strbuf *out)
{
	ssize_t n;

	strbuf_clear(out);
	strbuf_grow(out, PATH_MAX);
	n = readlink(link, out->buf, PATH_MAX);
	if (n <= 0 || out->buf[0] != '/')
		return false;
	strbuf_setlen(out, (size_t)n);
	return true;
}

bool names_link(pid_t pid, int fd, struct strbuf *out)
{
	char link[64];

	if (fd == AT_FDCWD || fd == AT_ROOT)
		snprintf(link, sizeof(link), "/proc/%d/%s", (int)pid, fd == AT_ROOT ? "root" : "cwd");
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	return read_link(link, out);
}

/* ---- from a name to a project path ---- */

static struct dir *remember(struct names *t, const char *path)
{
	size_t len = strlen(path) + 1, i = 0;
	struct dir *d;

	if (t->dirs.n == CACHED) {
		struct map_slot *s;

		while ((s = map_next(&t->dirs, &i))) {
			free(((struct dir *)s->value)->project);
			free(s->value);
		}
		map_release(&t->dirs);
		t->dirs = (struct map)MAP_INIT;
	}
	d = xcalloc(1, sizeof(*d) + len);
	memcpy(d->path, path, len);
	map_put(&t->dirs, d->path, d);
	return d;
}

bool names_below_root(const struct names *t, const char *path)
{
	return strncmp(path, t->root, t->root_len) == 0 && (path[t->root_len] == '/' || path[t->root_len] == '\0');
}

/* Where the directory really is; false if it is not there. */
static bool real_dir(const char *dir, struct strbuf *out)
{
	CLEANUP(closep) int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && names_link(getpid(), fd, out);
}

/* An absolute path outside of the project may lead into it by a link: then the project path of its directory, or NULL. */
static const char *way_in(struct names *t, const char *path)
{
	static const char *const system[] = {"/usr/", "/lib", "/bin/", "/etc/", "/proc/", "/sys/", "/dev/", "/sbin/"};
	CLEANUP(freep) char *dir = path_dir(path);
	struct dir *d;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(system); i++)
		if (skip_prefix(path, system[i], NULL))
			return NULL;
	d = map_get(&t->dirs, dir);
	if (!d) {
		CLEANUP(strbuf_release) struct strbuf real = STRBUF_INIT;

		d = remember(t, dir);
		if (real_dir(dir, &real) && names_below_root(t, real.buf))
			d->project = xstrdup(real.buf[t->root_len] ? real.buf + t->root_len + 1 : ".");
	}
	return d->project;
}

/* The length of what in path is a link of the kernel's to what process pid has open, or stands in: /proc/self/fd/3, /dev/fd/3,
 * /proc/self/cwd, /proc/self/root; with *fd as of link_of. 0: none. Of others than pid, too: *pid. */
static size_t kernel_link(const char *path, pid_t *pid, int *fd)
{
	const char *rest = NULL, *digits;

	if (!skip_prefix(path, "/dev/fd/", &rest)) {
		if (!skip_prefix(path, "/proc/", &rest))
			return 0;
		digits = rest;
		if (!skip_prefix(rest, "self/", &rest) && !skip_prefix(rest, "thread-self/", &rest)) {
			rest += strspn(rest, "0123456789");
			if (rest == digits || *rest++ != '/')
				return 0;
			*pid = (pid_t)strtol(digits, NULL, 10);
		}
		*fd = skip_prefix(rest, "root", NULL) ? AT_ROOT : AT_FDCWD;
		if (skip_prefix(rest, "cwd", &rest) || skip_prefix(rest, "root", &rest))
			return *rest == '/' || !*rest ? (size_t)(rest - path) : 0;
		if (!skip_prefix(rest, "fd/", &rest))
			return 0;
	}
	digits = rest;
	rest += strspn(rest, "0123456789");
	if (rest == digits || rest - digits > 9 || (*rest && *rest != '/'))
		return 0;
	*fd = (int)strtol(digits, NULL, 10);
	return (size_t)(rest - path);
}

static bool climbs(const char *path)
{
	const char *s;

	for (s = strstr(path, "/.."); s; s = strstr(s + 3, "/.."))
		if (s[3] == '/' || s[3] == '\0')
			return true;
	return false;
}

/* The absolute path in t->path as a project path there; false if it is none. */
static bool into_project(struct names *t, pid_t pid)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	const char *dir;
	size_t n;
	int fd;

	strbuf_clear(&t->outside);
	if ((n = kernel_link(t->path.buf, &pid, &fd))) {
		CLEANUP(freep) char *rest = xstrdup(t->path.buf + n);

		if (!names_link(pid, fd, &t->path))
			return false;
		strbuf_addstr(&t->path, rest);
	}
	if (climbs(t->path.buf)) { /* ".." is the parent of where a link leads */
		CLEANUP(freep) char *base = xstrdup(path_base(t->path.buf));

		if (streq(base, "..") || streq(base, ".")) {
			if (!real_dir(t->path.buf, &clean))
				return false;
		} else {
			t->path.buf[path_dirlen(t->path.buf)] = '\0';
			if (!real_dir(t->path.buf, &clean))
				return false;
			strbuf_addf(&clean, "/%s", base);
		}
		strbuf_clear(&t->path);
		strbuf_add(&t->path, clean.buf, clean.len);
		strbuf_clear(&clean);
	}
	path_normalize(t->path.buf, &clean);
	strbuf_clear(&t->path);
	if (names_below_root(t, clean.buf)) {
		strbuf_addstr(&t->path, clean.buf[t->root_len] ? clean.buf + t->root_len + 1 : ".");
		return true;
	}
	dir = way_in(t, clean.buf);
	if (!dir) {
		strbuf_add(&t->outside, clean.buf, clean.len);
		return false;
	}
	if (!streq(dir, "."))
		strbuf_addf(&t->path, "%s/", dir);
	strbuf_addstr(&t->path, path_base(clean.buf));
	return true;
}

bool names_resolve(struct names *t, pid_t pid, int dir, const char *name)
{
	strbuf_clear(&t->path);
	if (*name != '/') {
		if (!names_link(pid, dir, &t->path))
			return false;
		strbuf_addch(&t->path, '/');
	}
	strbuf_addstr(&t->path, name);
	return into_project(t, pid);
}

bool names_real(const char *full, bool itself, struct strbuf *out)
{
	CLEANUP(closep) int fd = itself ? -1 : open(full, O_PATH | O_CLOEXEC);
	CLEANUP(freep) char *dir = NULL;

	if (fd >= 0 && names_link(getpid(), fd, out))
		return true;
	dir = path_dir(full);
	if (!real_dir(dir, out)) {
		strbuf_clear(out);
		strbuf_addstr(out, dir);
	}
	strbuf_addf(out, "%s%s", streq(out->buf, "/") ? "" : "/", path_base(full));
	return faccessat(AT_FDCWD, full, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool names_has(const struct names *t, const char *dir, const char *name)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s/%s", t->root, dir, name);

	return access(path, F_OK) == 0;
}

bool names_foreign(struct names *t, const char *path)
{
	struct dir *d = map_get(&t->dirs, path);

	if (!d) {
		d = remember(t, path);
		d->left_out = names_has(t, path, "pyvenv.cfg") || names_has(t, path, "conda-meta") || names_has(t, path, "CACHEDIR.TAG");
	}
	return d->left_out;
}
