/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_LIMIT 262144

extern char **environ;

/* As `git rev-parse --local-env-vars` has them, without GIT_CONFIG_COUNT and GIT_CONFIG_PARAMETERS: what the user
 * configures by them holds for every repository. */
static const char *const local_to_git[] = {
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG",       "GIT_OBJECT_DIRECTORY",   "GIT_DIR",
	"GIT_WORK_TREE",                    "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",   "GIT_INDEX_FILE",
	"GIT_NO_REPLACE_OBJECTS",           "GIT_REPLACE_REF_BASE", "GIT_PREFIX",         "GIT_SHALLOW_FILE",
	"GIT_COMMON_DIR",                   "GIT_NAMESPACE",    "GIT_QUARANTINE_PATH",
};

static bool names(const char *entry, const char *name)
{
	const char *rest;

	return skip_prefix(entry, name, &rest) && *rest == '=';
}

static bool is_passed_on(const char *entry, char *const *env)
{
	size_t i;

	if (names(entry, "LC_ALL"))
		return false;
	for (i = 0; i < ARRAY_SIZE(local_to_git); i++)
		if (names(entry, local_to_git[i]))
			return false;
	for (i = 0; env && env[i]; i++) {
		CLEANUP(freep) char *name = xstrndup(env[i], strcspn(env[i], "="));

		if (names(entry, name))
			return false;
	}
	return true;
}

/* The strings are borrowed; the array is owned. */
static char **make_environment(char *const *env)
{
	static char locale[] = "LC_ALL=C";
	size_t n = 0, i, more = 0;
	char **all;

	while (environ[n])
		n++;
	while (env && env[more])
		more++;
	all = xcalloc(n + more + 2, sizeof(*all));
	for (n = i = 0; environ[i]; i++)
		if (is_passed_on(environ[i], env))
			all[n++] = environ[i];
	for (i = 0; i < more; i++)
		all[n++] = env[i];
	all[n] = locale;
	return all;
}

/* In the child, which may call nothing that takes a lock. */
NORETURN static void become(const struct process_start *how, char **env, pid_t parent, const int fds[3], int report)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent && dup2(fds[0], 0) >= 0 && dup2(fds[1], 1) >= 0 && dup2(fds[2], 2) >= 0 &&
	    (!how->dir || chdir(how->dir) == 0))
		execvpe(how->argv->v[0], how->argv->v, env);
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

struct ends {
	int child[3], in, out, report[2];
};

static void close_ends(struct ends *e)
{
	size_t i;

	for (i = 0; i < 3; i++)
		closep(&e->child[i]);
	closep(&e->report[1]);
}

static int make_pipe(int *reads, int *writes)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*reads = fds[0];
	*writes = fds[1];
	return 0;
}

/* Above 2, so that dup2 makes each of the child's anew, without close-on-exec and over none of the others. */
static int lift(int *fd)
{
	int high = *fd > 2 ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high >= 0 && high != *fd) {
		close(*fd);
		*fd = high;
	}
	return high;
}

static int open_ends(struct ends *e, bool talk)
{
	size_t i;

	if (talk && make_pipe(&e->child[0], &e->in) < 0)
		return -1;
	if (!talk && (e->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	if (make_pipe(&e->out, &e->child[1]) < 0 || make_pipe(&e->report[0], &e->report[1]) < 0)
		return -1;
	if ((e->child[2] = memfd_create("errors", MFD_CLOEXEC)) < 0)
		return -1;
	for (i = 0; i < 3; i++)
		if (lift(&e->child[i]) < 0)
			return -1;
	return lift(&e->report[1]);
}

static void drop_ends(struct ends *e)
{
	int saved = errno;

	close_ends(e);
	closep(&e->in);
	closep(&e->out);
	closep(&e->report[0]);
	errno = saved;
}

int process_start(struct process *p, const struct process_start *how, struct err *err)
{
	struct ends e = {{-1, -1, -1}, -1, -1, {-1, -1}};
	CLEANUP(freep) char **env = make_environment(how->env);
	const char *name = how->argv->v[0];
	pid_t parent = getpid();
	int error = 0;
	ssize_t n;

	*p = (struct process)PROCESS_INIT;
	if (open_ends(&e, how->talk) < 0 || (p->errors = fcntl(e.child[2], F_DUPFD_CLOEXEC, 3)) < 0 || (p->pid = fork()) < 0) {
		p->pid = 0;
		drop_ends(&e);
		closep(&p->errors);
		return err_errno(err, "cannot start '%s'", name);
	}
	if (p->pid == 0)
		become(how, env, parent, e.child, e.report[1]);
	close_ends(&e);
	p->in = e.in;
	p->out = e.out;
	p->name = xstrdup(name);
	while ((n = read(e.report[0], &error, sizeof(error))) < 0 && errno == EINTR)
		;
	close(e.report[0]);
	if (n == 0)
		return 0;
	process_wait(p, NULL);
	errno = error;
	if (error == ENOENT && !how->dir)
		return err_set(err, ERR_NOTFOUND, "'%s' is not installed", name);
	return err_errno(err, "cannot start '%s'", name);
}

static void read_errors(int fd, struct strbuf *out)
{
	off_t size = lseek(fd, 0, SEEK_END), from = MAX(size - ERRORS_LIMIT, (off_t)0);
	size_t start = out->len;
	ssize_t n;

	strbuf_grow(out, ERRORS_LIMIT + 1);
	n = size > 0 ? pread(fd, out->buf + start, ERRORS_LIMIT, from) : 0;
	if (n > 0)
		strbuf_setlen(out, start + (size_t)n);
}

int process_wait(struct process *p, struct strbuf *errors)
{
	int status = 0;

	if (!p->pid)
		return -1;
	closep(&p->in);
	closep(&p->out);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	if (errors)
		read_errors(p->errors, errors);
	closep(&p->errors);
	free(p->name);
	p->name = NULL;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void process_end(struct process *p)
{
	if (!p->pid)
		return;
	kill(p->pid, SIGKILL);
	process_wait(p, NULL);
}

/* Both ways at once: neither side waits for the other to read. */
static int exchange(struct process *p, const char *input, size_t n, size_t limit, struct strbuf *out, struct err *err)
{
	size_t start = out->len;

	if (p->in >= 0)
		fcntl(p->in, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd fds[2] = {{.fd = p->out, .events = POLLIN}, {.fd = p->in, .events = POLLOUT}};
		ssize_t got;

		if (!n)
			closep(&p->in);
		fds[1].fd = p->in;
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_errno(err, "cannot wait for '%s'", p->name);
		if (p->in >= 0 && fds[1].revents) {
			got = write(p->in, input, n);
			if (got < 0 && errno != EAGAIN && errno != EINTR)
				n = 0; /* it reads no further; its exit status tells why */
			input += MAX(got, 0);
			n -= (size_t)MAX(got, 0);
		}
		if (!fds[0].revents)
			continue;
		strbuf_grow(out, 65536);
		got = read(p->out, out->buf + out->len, 65535);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return err_errno(err, "cannot read what '%s' says", p->name);
		strbuf_setlen(out, out->len + (size_t)MAX(got, 0));
		if (out->len - start > limit)
			return err_set(err, ERR_INVALID, "'%s' says more than the %zu bytes that are read", p->name, limit);
	}
}

int process_run(const struct process_start *how, const void *input, size_t n, size_t limit, struct strbuf *out,
		struct strbuf *errors, struct err *err)
{
	CLEANUP(process_end) struct process p = PROCESS_INIT;
	struct process_start talking = *how;

	talking.talk = n > 0;
	if (process_start(&p, &talking, err) < 0 || exchange(&p, input, n, limit, out, err) < 0)
		return -1;
	return process_wait(&p, errors);
}
