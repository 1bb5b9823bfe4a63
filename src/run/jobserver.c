/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads go through a description of our own, opened anew by way of /proc: O_NONBLOCK on the shared one would hit every
 * other process of the pool. */
#include <config.h>

#include "run/jobserver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct jobserver {
	int in, out;        /* ours: in does not block */
	int shared[2];      /* what children inherit; -1: nothing, they open the fifo by name */
	int slots;          /* 0: client */
	char *makeflags;
	struct strbuf held; /* bytes taken */
};

static struct jobserver *js_new(void)
{
	struct jobserver *js = xcalloc(1, sizeof(*js));

	*js = (struct jobserver){-1, -1, {-1, -1}, 0, NULL, STRBUF_INIT};
	return js;
}

static int reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* ---- client ---- */

/* The value of the last jobserver option before "--" (variables come after that); owned, NULL if there is none. */
static char *find_auth(const char *flags)
{
	const char *auth = NULL, *value;
	size_t n;

	while (*(flags += strspn(flags, " \t\n"))) {
		n = strcspn(flags, " \t\n");
		if (n == 2 && strncmp(flags, "--", 2) == 0)
			break;
		if (skip_prefix(flags, "--jobserver-auth=", &value) || skip_prefix(flags, "--jobserver-fds=", &value))
			auth = value;
		flags += n;
	}
	return auth ? xstrndup(auth, strcspn(auth, " \t\n")) : NULL;
}

static bool parse_fds(const char *s, int fds[2])
{
	long v[2];
	char *end;
	int i;

	for (i = 0; i < 2; i++) {
		errno = 0;
		v[i] = strtol(s, &end, 10);
		if (end == s || errno || v[i] < INT_MIN || v[i] > INT_MAX || *end != (i ? '\0' : ','))
			return false;
		fds[i] = (int)v[i];
		s = end + 1;
	}
	return true;
}

/* Is fd an end of a pipe that may be used in this way (O_RDONLY, O_WRONLY)? */
static bool is_pipe(int fd, int access)
{
	struct stat st;
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	return flags >= 0 && ((flags & O_ACCMODE) == access || (flags & O_ACCMODE) == O_RDWR) && fstat(fd, &st) == 0 &&
	       S_ISFIFO(st.st_mode);
}

static bool open_fifo(struct jobserver *js, const char *path, char **warning)
{
	js->in = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (js->in >= 0 && is_pipe(js->in, O_RDONLY)) {
		js->out = js->in;
		return true;
	}
	*warning = xstrfmt("cannot use the jobserver of make: '%s': %s", path,
			   js->in < 0 ? strerror(errno) : "not a named pipe");
	return false;
}

static bool open_pipe(struct jobserver *js, const char *auth, char **warning)
{
	int fds[2];

	if (!parse_fds(auth, fds)) {
		*warning = xstrfmt("cannot use the jobserver of make: '%s' is neither R,W nor fifo:PATH", auth);
		return false;
	}
	if (!is_pipe(fds[0], O_RDONLY) || !is_pipe(fds[1], O_WRONLY)) {
		*warning = xstrdup("make does not pass its jobserver on; put '+' before the command that runs mlmake");
		return false;
	}
	js->in = reopen(fds[0], O_RDONLY | O_NONBLOCK);
	if (js->in < 0) {
		*warning = xstrfmt("cannot use the jobserver of make: descriptor %d: %s", fds[0], strerror(errno));
		return false;
	}
	js->out = js->shared[1] = fds[1];
	js->shared[0] = fds[0];
	return true;
}

struct jobserver *jobserver_client(const char *makeflags, char **warning)
{
	CLEANUP(freep) char *auth = makeflags ? find_auth(makeflags) : NULL;
	struct jobserver *js;
	const char *path;
	bool ok;

	*warning = NULL;
	if (!auth)
		return NULL;
	js = js_new();
	js->makeflags = xstrdup(makeflags);
	ok = skip_prefix(auth, "fifo:", &path) ? open_fifo(js, path, warning) : open_pipe(js, auth, warning);
	if (ok)
		return js;
	jobserver_free(js);
	return NULL;
}

/* ---- server ---- */

static void put(struct jobserver *js, char c)
{
	struct pollfd pfd = {.fd = js->out, .events = POLLOUT};

	while (write(js->out, &c, 1) < 0) {
		if (errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (errno != EINTR)
			return; /* the pool is gone, and with it all who wait for the byte */
	}
}

/* Numbers above 2 also when mlmake was started with closed standard descriptors. */
static int raise_fd(int fd)
{
	int high;

	if (fd > 2)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return high;
}

struct jobserver *jobserver_server(int slots, struct err *err)
{
	struct jobserver *js = js_new();
	int size, i;

	js->slots = MAX(slots, 1);
	if (pipe2(js->shared, O_CLOEXEC) < 0)
		goto fail;
	for (i = 0; i < 2; i++)
		js->shared[i] = raise_fd(js->shared[i]);
	js->out = js->shared[1];
	js->in = reopen(js->shared[0], O_RDONLY | O_NONBLOCK);
	if (js->in < 0 || js->out < 0)
		goto fail;
	size = fcntl(js->out, F_GETPIPE_SZ);
	if (size > 0 && js->slots > size)
		js->slots = size; /* filling it must not block */
	js->makeflags = xstrfmt(" -j%d --jobserver-auth=%d,%d", js->slots, js->shared[0], js->shared[1]);
	jobserver_refill(js);
	return js;
fail:
	err_errno(err, "cannot make a jobserver");
	jobserver_free(js);
	return NULL;
}

void jobserver_refill(struct jobserver *js)
{
	int there = 0, want = js->slots - 1 - (int)js->held.len;
	char c;

	if (!js->slots || ioctl(js->in, FIONREAD, &there) < 0)
		return;
	for (; there < want; there++)
		put(js, '+');
	for (; there > want && read(js->in, &c, 1) == 1; there--)
		;
}

void jobserver_free(struct jobserver *js)
{
	if (!js)
		return;
	while (js->held.len)
		jobserver_give(js);
	if (js->slots) {
		closep(&js->shared[0]);
		closep(&js->shared[1]);
	}
	closep(&js->in); /* a client's R and W are not ours to close; a fifo is in and out at once */
	strbuf_release(&js->held);
	free(js->makeflags);
	free(js);
}

/* ---- both ---- */

bool jobserver_take(struct jobserver *js)
{
	ssize_t n;
	char c;

	do
		n = read(js->in, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return false;
	strbuf_addch(&js->held, c);
	return true;
}

void jobserver_give(struct jobserver *js)
{
	if (!js->held.len)
		BUG("a job slot is given back that was not taken");
	put(js, js->held.buf[js->held.len - 1]);
	strbuf_setlen(&js->held, js->held.len - 1);
}

int jobserver_fd(const struct jobserver *js)
{
	return js->in;
}

size_t jobserver_inherited(const struct jobserver *js, int fds[2])
{
	if (js->shared[0] < 0)
		return 0;
	memcpy(fds, js->shared, sizeof(js->shared));
	return 2;
}

void jobserver_makeflags(const struct jobserver *js, struct strbuf *out)
{
	strbuf_addstr(out, js->makeflags);
}
