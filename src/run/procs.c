/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/procs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/strbuf.h"

/* fields of /proc/PID/stat, counted from the state behind the name */
enum { STAT_PPID = 1, STAT_PGID = 2, STAT_SID = 3, STAT_THREADS = 17, STAT_START = 19 };

static bool parse_stat(char *text, struct proc *p)
{
	unsigned long long v[STAT_START + 1] = {0};
	char *s = strrchr(text, ')'); /* the name before it may hold anything */
	char state;
	int i;

	if (!s || s[1] != ' ' || !s[2])
		return false;
	state = s[2];
	s += 3;
	for (i = 1; i <= STAT_START; i++)
		v[i] = strtoull(s, &s, 10);
	p->ppid = (pid_t)v[STAT_PPID];
	p->pgid = (pid_t)v[STAT_PGID];
	p->sid = (pid_t)v[STAT_SID];
	p->start = v[STAT_START];
	/* a first thread that ended before the others looks like a zombie, too */
	p->gone = state == 'X' || (state == 'Z' && v[STAT_THREADS] <= 1);
	return true;
}

static bool read_stat(pid_t pid, struct proc *p)
{
	char path[32], text[1024];
	CLEANUP(closep) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	p->pid = pid;
	return parse_stat(text, p);
}

static int by_pid(const void *a, const void *b)
{
	const struct proc *p = a, *q = b;

	return (p->pid > q->pid) - (p->pid < q->pid);
}

void procs_scan(struct procs *ps)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	ps->n = 0;
	while (d && (e = readdir(d))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);

		if (*end || pid <= 0)
			continue;
		ALLOC_GROW(ps->v, ps->n + 1, ps->cap);
		if (read_stat((pid_t)pid, &ps->v[ps->n]))
			ps->n++;
	}
	if (d)
		closedir(d);
	if (ps->n)
		qsort(ps->v, ps->n, sizeof(*ps->v), by_pid);
}

void procs_release(struct procs *ps)
{
	free(ps->v);
	*ps = (struct procs)PROCS_INIT;
}

const struct proc *procs_find(const struct procs *ps, pid_t pid)
{
	struct proc key = {.pid = pid};

	return ps->n ? bsearch(&key, ps->v, ps->n, sizeof(*ps->v), by_pid) : NULL;
}

const struct proc *procs_below(const struct procs *ps, const struct proc *p, pid_t ancestor)
{
	size_t steps;

	/* the scan is not of one instant, so that reused pids could even form a ring */
	for (steps = 0; p && steps <= ps->n; steps++) {
		if (p->ppid == ancestor)
			return p;
		p = procs_find(ps, p->ppid);
	}
	return NULL;
}

bool procs_within(pid_t pid)
{
	CLEANUP(procs_release) struct procs ps = PROCS_INIT;

	procs_scan(&ps);
	return procs_below(&ps, procs_find(&ps, getpid()), pid) != NULL;
}

void proc_signal(const struct proc *p, int sig)
{
	CLEANUP(closep) int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	struct proc now;

	if (fd < 0 && errno == ESRCH)
		return;
	if (!read_stat(p->pid, &now) || now.start != p->start)
		return;
	if (fd < 0) /* no descriptors left, or an old kernel */
		kill(p->pid, sig);
	else
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

bool proc_wait(const struct proc *p, int ms)
{
	struct proc now;

	while (read_stat(p->pid, &now) && now.start == p->start && !now.gone) {
		if (ms-- <= 0)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

static bool read_environ(pid_t pid, struct strbuf *out)
{
	char path[32];
	CLEANUP(closep) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do {
		strbuf_grow(out, 8192);
		n = read(fd, out->buf + out->len, 8191);
		if (n > 0)
			strbuf_setlen(out, out->len + (size_t)n);
	} while (n > 0);
	return out->len > 0;
}

char *proc_getenv(pid_t pid, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t len = strlen(name), i;

	if (!read_environ(pid, &sb))
		return NULL;
	for (i = 0; i < sb.len; i += strlen(sb.buf + i) + 1)
		if (strncmp(sb.buf + i, name, len) == 0 && sb.buf[i + len] == '=')
			return xstrdup(sb.buf + i + len + 1);
	return NULL;
}

bool proc_writes_to(pid_t pid, dev_t dev, ino_t ino)
{
	char path[40];
	struct stat st;
	int fd;

	for (fd = 1; fd <= 2; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		if (stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino)
			return true;
	}
	return false;
}
