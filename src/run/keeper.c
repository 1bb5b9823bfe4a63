/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake's side: requests out, ends in. */
#include <config.h>

#include "run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/keeperd.h"
#include "run/procs.h"
#include "util/file.h"
#include "util/strbuf.h"

#define SWEEP_WAIT_MS 2000 /* for one killed process to go: it may hang in the kernel, on a dead network disk */

struct keeper {
	struct launcher launcher;
	char *run_id;
	int *keep_fds;
	size_t n_keep_fds;
	int lock_fds[KEEPER_LOCKS];
	pid_t pid; /* 0: not started */
	int sock;
	bool lost;
	int last_id;
	struct strbuf in, out;
};

/* The descendants of a dead keeper have become our children. They are known by their session: none can be in ours. */
static void kill_orphans(void)
{
	CLEANUP(procs_release) struct procs ps = PROCS_INIT;
	pid_t self = getpid(), sid = getsid(0);
	size_t i, alive;

	do {
		procs_scan(&ps);
		alive = 0;
		for (i = 0; i < ps.n; i++) {
			const struct proc *root = procs_below(&ps, &ps.v[i], self);

			if (root && root->sid != sid && !ps.v[i].gone)
				proc_signal(&ps.v[i], SIGKILL);
		}
		for (i = 0; i < ps.n; i++)
			if (ps.v[i].ppid == self && ps.v[i].sid != sid) {
				waitpid(ps.v[i].pid, NULL, 0);
				alive++; /* what hung below it hangs below us now */
			}
	} while (alive);
}

static void wait_for_keeper(struct keeper *k)
{
	int status = -1;

	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status) /* it did not do its own part */
		kill_orphans();
}

static int lose(struct keeper *k, struct err *err)
{
	if (!k->lost) {
		k->lost = true;
		kill(k->pid, SIGKILL);
		wait_for_keeper(k);
	}
	return err_set(err, ERR_KILLED, "the process 'stage-keeper' was killed; all that it ran has been stopped");
}

/* ---- requests ---- */

/* Opened here rather than there, so that an error is told at once. */
static int open_log(const char *path, struct err *err)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC;
	int fd = open(path, flags, 0666);

	if (fd < 0 && errno == ENOENT) {
		if (file_mkdirs_for(path, err) < 0)
			return -1;
		fd = open(path, flags, 0666);
	}
	return fd < 0 ? err_errno(err, "cannot write the log '%s'", path) : fd;
}

static ssize_t send_some(int sock, const char *data, size_t n, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.buf = {0}};
	struct iovec iov = {(char *)data, n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* Sends the request in k->out, fd with its first byte. */
static int send_request(struct keeper *k, int fd)
{
	size_t done = 0;

	while (done < k->out.len) {
		ssize_t n = send_some(k->sock, k->out.buf + done, k->out.len - done, done ? -1 : fd);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

static void add_string(struct keeper *k, const char *s, uint32_t *n)
{
	strbuf_add(&k->out, s, strlen(s) + 1);
	++*n;
}

static int start_stage(void *ctx, const struct launch *l, int *id, struct err *err)
{
	struct keeper *k = ctx;
	struct keeper_request r = {.type = KEEPER_START, .id = k->last_id + 1};
	CLEANUP(closep) int log = -1;
	size_t i;

	if (!k->pid && keeper_start(k, err) < 0)
		return -1;
	if (k->lost)
		return lose(k, err);
	log = open_log(l->log, err);
	if (log < 0)
		return -1;
	strbuf_clear(&k->out);
	strbuf_add(&k->out, &r, sizeof(r));
	add_string(k, l->name, &r.n);
	add_string(k, l->cmd, &r.n);
	add_string(k, l->prefix ? l->prefix : "", &r.n);
	r.watch = l->watch;
	r.confined = l->rules != NULL;
	r.whole_env = l->whole_env;
	for (; l->skip && l->skip[r.n_skip]; r.n_skip++)
		add_string(k, l->skip[r.n_skip], &r.n);
	for (; l->rules && l->rules[r.n_rules]; r.n_rules++)
		add_string(k, l->rules[r.n_rules], &r.n);
	for (i = 0; l->env && l->env[i]; i++)
		add_string(k, l->env[i], &r.n);
	if (k->out.len > UINT32_MAX)
		return err_set(err, ERR_INVALID, "the command of '%s' is too long", l->name);
	r.size = (uint32_t)k->out.len;
	memcpy(k->out.buf, &r, sizeof(r));
	if (send_request(k, log) < 0)
		return lose(k, err);
	*id = k->last_id = r.id;
	return 0;
}

static void stop_stage(void *ctx, int id, bool force)
{
	struct keeper *k = ctx;
	struct keeper_request r = {.size = sizeof(r), .type = force ? KEEPER_KILL : KEEPER_TERM, .id = id};

	if (!k->pid || k->lost)
		return;
	strbuf_clear(&k->out);
	strbuf_add(&k->out, &r, sizeof(r));
	(void)!send_request(k, -1); /* if it is lost, the next reap says so */
}

/* ---- ends ---- */

static int ends_fd(void *ctx)
{
	return ((struct keeper *)ctx)->sock;
}

void launch_end_release(struct launch_end *end)
{
	if (end->seen)
		seen_release(end->seen);
	free(end->seen);
	end->seen = NULL;
}

static bool take_end(struct keeper *k, struct launch_end *out)
{
	struct keeper_end e;
	size_t n;

	if (k->in.len < sizeof(e))
		return false;
	memcpy(&e, k->in.buf, sizeof(e));
	n = sizeof(e) + e.size;
	if (k->in.len < n)
		return false;
	*out = e.end;
	out->seen = NULL;
	if (e.size) {
		out->seen = xcalloc(1, sizeof(*out->seen));
		if (seen_parse(k->in.buf + sizeof(e), e.size, out->seen) < 0)
			BUG("the keeper's report is cut");
	}
	memmove(k->in.buf, k->in.buf + n, k->in.len - n);
	strbuf_setlen(&k->in, k->in.len - n);
	return true;
}

static int reap_stage(void *ctx, struct launch_end *out, struct err *err)
{
	struct keeper *k = ctx;
	char buf[16384];
	ssize_t n;

	if (!k->pid)
		return 0;
	while (!take_end(k, out)) {
		n = k->lost ? 0 : recv(k->sock, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return lose(k, err);
		strbuf_add(&k->in, buf, (size_t)n);
	}
	return 1;
}

/* ---- the keeper ---- */

struct keeper *keeper_new(const char *run_id, const int *keep_fds, size_t n_keep_fds, int lock_fd)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	*k = (struct keeper){
		.launcher = {start_stage, stop_stage, ends_fd, reap_stage, k},
		.run_id = xstrdup(run_id),
		.keep_fds = xreallocarray(NULL, n_keep_fds, sizeof(int)),
		.n_keep_fds = n_keep_fds,
		.lock_fds = {lock_fd, -1},
		.sock = -1,
		.in = STRBUF_INIT,
		.out = STRBUF_INIT,
	};
	if (n_keep_fds)
		memcpy(k->keep_fds, keep_fds, n_keep_fds * sizeof(int));
	return k;
}

void keeper_hold(struct keeper *k, int lock_fd)
{
	if (k->pid || k->lock_fds[1] >= 0)
		BUG("a keeper that runs, or holds all it can, is to hold one more lock");
	k->lock_fds[1] = lock_fd;
}

int keeper_start(struct keeper *k, struct err *err)
{
	struct keeperd_options opt = {-1, k->lock_fds, k->keep_fds, k->n_keep_fds, k->run_id};
	sigset_t all, before;
	int pair[2];

	if (k->pid)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, "cannot make a socket to start stages with");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	opt.sock = pair[1];
	sigfillset(&all); /* no handler of ours may run over there */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	k->pid = fork();
	if (k->pid == 0)
		keeperd_main(&opt);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (k->pid < 0) {
		k->pid = 0;
		close(pair[0]);
		return err_errno(err, "cannot start the process that runs the stages");
	}
	k->sock = pair[0];
	return 0;
}

const struct launcher *keeper_launcher(struct keeper *k)
{
	return &k->launcher;
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	closep(&k->sock);
	if (k->pid && !k->lost)
		wait_for_keeper(k);
	strbuf_release(&k->in);
	strbuf_release(&k->out);
	free(k->keep_fds);
	free(k->run_id);
	free(k);
}

/* ---- after a crash ---- */

static bool sweep_one(const struct proc *p, const char *run_id)
{
	CLEANUP(freep) char *run = proc_getenv(p->pid, "MLMAKE_RUN");

	if (!run || !streq(run, run_id))
		return false;
	proc_signal(p, SIGKILL);
	return proc_wait(p, SWEEP_WAIT_MS);
}

int keeper_sweep(const char *run_id)
{
	CLEANUP(procs_release) struct procs ps = PROCS_INIT;
	int count = 0, found;
	size_t i;

	do { /* again, because what was killed may have forked before */
		procs_scan(&ps);
		found = 0;
		for (i = 0; i < ps.n; i++)
			found += ps.v[i].pid != getpid() && !ps.v[i].gone && sweep_one(&ps.v[i], run_id);
		count += found;
	} while (found);
	return count;
}
