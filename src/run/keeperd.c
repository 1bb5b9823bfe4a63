/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread, one loop: requests come in over the socket, SIGCHLD over a signalfd, ends go out.
 *
 * When the leader of a stage has ended, whatever of the stage is left has become a child of the keeper, or hangs
 * below such a child. In the usual case there is none, which one read of /proc/self/task/TID/children shows.
 * Otherwise the processes are told apart by process group, by MLMAKE_INSTANCE in their environment and by the log they
 * write to, and killed; the end is reported when the last has gone. A process that hides from all three lives on
 * while other stages run, and not longer. */
#include <config.h>

#include "run/keeperd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/passing.h"
#include "run/procs.h"
#include "sandbox/confine.h"
#include "sandbox/watch.h"
#include "util/file.h"
#include "util/strbuf.h"

extern char **environ;

#define SHELL "/bin/sh"
/* The filter knows it by its address. */
static const char shell[] = SHELL;
/* Linux takes no single argument of 128 KiB or more; longer commands are read from a file in memory. */
#define ARGUMENT_MAX (100 * 1024)
#define SETTLE_MS 50 /* how often a stage with leftovers is looked at when no SIGCHLD tells */

struct job {
	int id;
	pid_t pid;    /* leader and process group */
	char *name;
	dev_t dev;    /* of the log */
	ino_t ino;
	int script;   /* a command too long for an argument, -1: none */
	bool ended;   /* the leader has; end says how */
	bool stopped; /* SIGTERM was asked for: leftovers get the time that mlmake gives */
	bool killed;
	bool busy;    /* ended, and something of it is left */
	bool watched;
	struct launch_end end;
};

struct keeperd {
	const struct keeperd_options *opt;
	pid_t self;
	int signals, children; /* descriptors; -1: none */
	struct job *jobs;
	size_t n, cap;
	struct strbuf in, out;
	int *logs; /* received, for the KEEPER_START requests to come */
	size_t n_logs, cap_logs;
	struct procs procs;
	char *root;           /* where stages start */
	char **base;          /* what stages get of our environment */
	struct watch *watch;  /* NULL: no stage was to be watched yet */
	struct filter filter; /* of depth */
	enum watch_depth depth;
};

/* What one vfork needs; the child runs on it in our memory. */
struct spawn {
	const char *argv[12];
	char **envp;
	int log;
	pid_t keeper;
	sigset_t none;
	int id;
	struct watch *watch;  /* NULL: unwatched */
	const struct filter *filter;
	int rules;            /* -1: it may touch everything */
	int script;           /* -1: none */
	int unwatched, unconfined; /* the child's answer: an errno */
};

/* who a process belongs to, besides an index of jobs */
enum { OWNER_ENDED = -1, OWNER_UNKNOWN = -2 };

static void send_end(struct keeperd *k, const struct launch_end *end, bool watched)
{
	struct keeper_end e = {.end = *end};
	size_t at = k->out.len;
	struct seen seen = SEEN_INIT;

	strbuf_add(&k->out, &e, sizeof(e));
	if (!watched)
		return;
	watch_end(k->watch, end->id, &seen);
	seen_write(&seen, &k->out);
	seen_release(&seen);
	e.size = (uint32_t)(k->out.len - at - sizeof(e));
	memcpy(k->out.buf + at, &e, sizeof(e));
}

/* ---- starting ---- */

/* Tells the log why a stage cannot start. Safe after vfork. */
static void say_why(int log, int number)
{
	char text[256];
	const char *hint = "";
	int n;

	if (number == E2BIG)
		hint = "mlmake: its environment is too large; let it read a long list from a file\n";
	else if (number == EAGAIN)
		hint = "mlmake: the limit on processes is reached; see 'ulimit -u', or build with a smaller -j\n";
	n = snprintf(text, sizeof(text), "mlmake: cannot start '%s': %s\n%s", SHELL, strerror(number), hint);
	if (log >= 0 && n > 0)
		(void)!write(log, text, MIN((size_t)n, sizeof(text) - 1));
}

/* Both, or it does not run. The command in memory cannot be reached by way of the keeper from within. */
static void confined(struct spawn *s)
{
	s->unconfined = confine_enter(s->rules);
	if (!s->unconfined)
		s->unconfined = watch_enter(s->watch, s->id, s->filter);
	if (s->unconfined)
		_exit(127);
	if (s->script >= 0)
		fcntl(s->script, F_SETFD, 0);
}

static NORETURN void child(struct spawn *s)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != s->keeper)
		_exit(127);
	dup2(s->log, 1);
	dup2(s->log, 2);
	if (s->rules >= 0)
		confined(s);
	else if (s->watch)
		s->unwatched = watch_enter(s->watch, s->id, s->filter);
	sigprocmask(SIG_SETMASK, &s->none, NULL);
	execve(shell, (char *const *)s->argv, s->envp);
	say_why(2, errno);
	_exit(127);
}

static pid_t spawn(struct spawn *s)
{
	pid_t pid = vfork();

	if (pid == 0)
		child(s);
	return pid;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && (b[n] == '=' || b[n] == '\0');
}

static bool names_any(char *const *list, size_t n, const char *entry)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (same_name(entry, list[i]))
			return true;
	return false;
}

/* base with changes on top; an entry without '=' removes. The strings are borrowed. */
static char **make_env(char *const *base, char *const *changes, size_t n)
{
	size_t count = 0, k = 0, i;
	char **env;

	while (base[count])
		count++;
	env = xreallocarray(NULL, count + n + 1, sizeof(*env));
	for (i = 0; i < count; i++)
		if (!names_any(changes, n, base[i]))
			env[k++] = base[i];
	for (i = 0; i < n; i++)
		if (strchr(changes[i], '=') && !names_any(changes + i + 1, n - i - 1, changes[i]))
			env[k++] = changes[i];
	env[k] = NULL;
	return env;
}

static int make_script(const char *cmd)
{
	int fd = memfd_create("stage", MFD_CLOEXEC);

	if (fd >= 0 && fd_write_all(fd, cmd, strlen(cmd), NULL) < 0)
		closep(&fd);
	return fd;
}

/* sh -eu -c CMD, or sh -eu FILE, run by `exec PREFIX "$@"` if there is a prefix. The file is opened through our pid,
 * so that a prefix that closes descriptors does no harm. */
static void make_argv(struct spawn *s, const char *cmd, const char *file, const char *prefix)
{
	size_t n = 0;

	if (prefix) {
		s->argv[n++] = "sh";
		s->argv[n++] = "-c";
		s->argv[n++] = prefix;
		s->argv[n++] = "sh";
	}
	s->argv[n++] = "sh";
	s->argv[n++] = "-eu";
	if (!file)
		s->argv[n++] = "-c";
	s->argv[n++] = file ? file : cmd;
	s->argv[n] = NULL;
}

/* The stage never ran: its status is that of a shell that finds no command. */
static void report_unstarted(struct keeperd *k, const struct spawn *s, int number)
{
	struct launch_end end = {.id = s->id, .status = W_EXITCODE(127, 0), .unconfined = s->unconfined};

	if (!s->unconfined)
		say_why(s->log, number);
	send_end(k, &end, false);
}

static void add_job(struct keeperd *k, const struct spawn *s, pid_t pid, const char *name, int log, int script)
{
	struct job j = {.id = s->id, .pid = pid, .name = xstrdup(name), .script = script, .watched = s->watch != NULL};
	struct stat st;

	j.end.unconfined = s->unconfined;

	if (fstat(log, &st) == 0) {
		j.dev = st.st_dev;
		j.ino = st.st_ino;
	}
	ALLOC_GROW(k->jobs, k->n + 1, k->cap);
	k->jobs[k->n++] = j;
}

/* From here on what the stage does is noted under its id. */
static void begin_watching(struct keeperd *k, struct spawn *s, const struct keeper_request *r, char *const *skip)
{
	char *const *rules = r->confined ? skip + r->n_skip : NULL;
	enum watch_depth depth = (enum watch_depth)r->watch;
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (depth == WATCH_NOTHING)
		return;
	if (!k->watch)
		k->watch = watch_new(k->root, &err);
	if (!k->watch)
		return;
	if (k->depth != depth && !filter_make(&k->filter, depth, shell)) {
		watch_begin(k->watch, s->id, skip, r->n_skip, rules, r->n_rules);
		watch_failed(k->watch, s->id, ENOSYS);
		return;
	}
	k->depth = depth;
	watch_begin(k->watch, s->id, skip, r->n_skip, rules, r->n_rules);
	s->watch = k->watch;
	s->filter = &k->filter;
}

/* What the child said of it. The memory that it wrote to was ours. */
static void take_answer(struct keeperd *k, const struct spawn *s)
{
	if (s->watch && s->unwatched)
		watch_failed(k->watch, s->id, s->unwatched);
}

/* str: name, cmd, prefix, what is skipped, rules, changes; two places behind them are free. */
static void start(struct keeperd *k, const struct keeper_request *r, char **str, int log)
{
	size_t n = r->n, first = 3 + r->n_skip + r->n_rules;
	CLEANUP(freep) char *run = xstrfmt("MLMAKE_RUN=%s", k->opt->run_id);
	CLEANUP(freep) char *instance = xstrfmt("MLMAKE_INSTANCE=%s", str[0]);
	CLEANUP(freep) char *prefix = *str[2] ? xstrfmt("exec %s \"$@\"", str[2]) : NULL;
	struct spawn s = {.log = log, .keeper = k->self, .id = r->id, .rules = -1};
	int script = -1, error = log < 0 ? EMFILE : 0;
	char file[48];
	pid_t pid;

	str[n++] = run;
	str[n++] = instance;
	sigemptyset(&s.none);
	if (strlen(str[1]) > ARGUMENT_MAX && (script = make_script(str[1])) < 0)
		error = errno;
	s.script = script;
	if (r->confined)
		snprintf(file, sizeof(file), "/proc/self/fd/%d", script);
	else
		snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)k->self, script);
	make_argv(&s, str[1], script >= 0 ? file : NULL, prefix);
	s.envp = make_env(r->whole_env ? environ : k->base, str + first, n - first);
	if (!error && r->confined && (s.rules = confine_make(k->root, str + 3 + r->n_skip, r->n_rules)) < 0)
		error = s.unconfined = -s.rules;
	if (!error)
		begin_watching(k, &s, r, str + 3);
	if (!error && r->confined && !s.watch)
		error = s.unconfined = ENOSYS;
	pid = error ? -1 : spawn(&s);
	if (pid < 0) {
		struct seen seen = SEEN_INIT;

		error = error ? error : errno;
		if (s.watch)
			watch_end(k->watch, s.id, &seen);
		seen_release(&seen);
		report_unstarted(k, &s, error);
		closep(&script);
	} else {
		take_answer(k, &s);
		add_job(k, &s, pid, str[0], log, script);
	}
	if (s.rules >= 0)
		close(s.rules);
	free(s.envp);
}

/* ---- ending ---- */

static struct job *running(struct keeperd *k, pid_t pid)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (!k->jobs[i].ended && k->jobs[i].pid == pid)
			return &k->jobs[i];
	return NULL;
}

static int64_t nanoseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000000 + (int64_t)t->tv_usec * 1000;
}

/* Takes all zombies. The group of a leader is killed while its zombie still holds the number. */
static bool reap(struct keeperd *k)
{
	siginfo_t info = {.si_pid = 0};
	bool any = false;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		struct job *j = running(k, info.si_pid);
		struct rusage ru = {.ru_maxrss = 0};
		int status = 0;

		if (j && !j->stopped)
			kill(-j->pid, SIGKILL);
		if (wait4(info.si_pid, &status, 0, &ru) < 0)
			break;
		if (j) {
			j->ended = any = true;
			j->end = (struct launch_end){
				.id = j->id,
				.unconfined = j->end.unconfined,
				.status = status,
				.cpu = nanoseconds(&ru.ru_utime) + nanoseconds(&ru.ru_stime),
				.max_rss = (int64_t)ru.ru_maxrss * 1024,
			};
		}
		info.si_pid = 0;
	}
	return any;
}

static size_t count_ended(const struct keeperd *k)
{
	size_t i, n = 0;

	for (i = 0; i < k->n; i++)
		n += k->jobs[i].ended;
	return n;
}

/* Are all our children leaders of running stages? false also if that cannot be seen cheaply. */
static bool only_leaders(struct keeperd *k)
{
	char text[4096], *s = text, *end;
	ssize_t n = k->children < 0 ? -1 : pread(k->children, text, sizeof(text) - 1, 0);

	if (n < 0 || n == sizeof(text) - 1)
		return false;
	text[n] = '\0';
	for (;;) {
		pid_t pid = (pid_t)strtol(s, &end, 10);

		if (end == s)
			return true;
		if (!running(k, pid))
			return false;
		s = end;
	}
}

static int owner_by_group(const struct keeperd *k, const struct proc *p)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (!k->jobs[i].ended && (k->jobs[i].pid == p->pid || k->jobs[i].pid == p->pgid))
			return (int)i;
	for (i = 0; i < k->n; i++)
		if (k->jobs[i].ended && k->jobs[i].pid == p->pgid)
			return (int)i;
	return OWNER_UNKNOWN;
}

static int owner_by_environ(const struct keeperd *k, const struct proc *p)
{
	CLEANUP(freep) char *run = proc_getenv(p->pid, "MLMAKE_RUN");
	CLEANUP(freep) char *name = run ? proc_getenv(p->pid, "MLMAKE_INSTANCE") : NULL;
	size_t i;

	if (!name || !streq(run, k->opt->run_id))
		return OWNER_UNKNOWN;
	for (i = 0; i < k->n; i++)
		if (streq(k->jobs[i].name, name))
			return (int)i;
	return OWNER_ENDED;
}

static int owner_by_log(const struct keeperd *k, const struct proc *p)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		if (k->jobs[i].ino && proc_writes_to(p->pid, k->jobs[i].dev, k->jobs[i].ino))
			return (int)i;
	return OWNER_UNKNOWN;
}

/* The nearest ancestor that anything is known of decides. */
static int owner(const struct keeperd *k, const struct proc *p)
{
	static int (*const by[])(const struct keeperd *, const struct proc *) = {
		owner_by_group, owner_by_environ, owner_by_log,
	};
	const struct proc *q;
	size_t i, steps;
	int job;

	for (i = 0; i < ARRAY_SIZE(by); i++) {
		q = p;
		for (steps = 0; q && q->pid != k->self && steps <= k->procs.n; steps++) {
			if ((job = by[i](k, q)) != OWNER_UNKNOWN)
				return job;
			q = procs_find(&k->procs, q->ppid);
		}
	}
	return OWNER_UNKNOWN;
}

static void leftover(struct keeperd *k, const struct proc *p, bool alone)
{
	int o = owner(k, p);
	size_t i;

	if (o >= 0 && !k->jobs[o].ended)
		return;
	if (o >= 0) {
		k->jobs[o].busy = true;
		if (!k->jobs[o].stopped || k->jobs[o].killed)
			proc_signal(p, SIGKILL);
	} else if (o == OWNER_ENDED || alone) {
		for (i = 0; i < k->n; i++)
			k->jobs[i].busy |= k->jobs[i].ended && alone;
		proc_signal(p, SIGKILL);
	}
}

static void free_job(struct job *j)
{
	free(j->name);
	closep(&j->script);
}

static void report_ended(struct keeperd *k)
{
	size_t i, kept = 0;

	for (i = 0; i < k->n; i++) {
		struct job *j = &k->jobs[i];

		if (j->ended && !j->busy) {
			send_end(k, &j->end, j->watched);
			free_job(j);
		} else {
			k->jobs[kept++] = *j;
		}
	}
	k->n = kept;
}

/* Reports the stages of which nothing is left, and kills what is left of the others. */
static void settle(struct keeperd *k)
{
	bool alone = count_ended(k) == k->n;
	size_t i;

	for (i = 0; i < k->n; i++)
		k->jobs[i].busy = false;
	if (!only_leaders(k)) {
		procs_scan(&k->procs);
		for (i = 0; i < k->procs.n; i++)
			if (!k->procs.v[i].gone && procs_below(&k->procs, &k->procs.v[i], k->self))
				leftover(k, &k->procs.v[i], alone);
	}
	report_ended(k);
}

static void stop(struct keeperd *k, int id, int sig)
{
	struct job *j = NULL;
	size_t i;

	for (i = 0; i < k->n && !j; i++)
		if (k->jobs[i].id == id)
			j = &k->jobs[i];
	if (!j)
		return; /* its end is on its way */
	j->stopped = true;
	j->killed |= sig == SIGKILL;
	procs_scan(&k->procs); /* before the parents go */
	if (!j->ended)
		kill(-j->pid, sig);
	for (i = 0; i < k->procs.n; i++) {
		const struct proc *p = &k->procs.v[i];

		if (!p->gone && (j->ended || p->pgid != j->pid) && procs_below(&k->procs, p, k->self) &&
		    owner(k, p) == j - k->jobs)
			proc_signal(p, sig);
	}
}

/* mlmake is gone, or wants us to go: so does everything below us. */
static void kill_all(struct keeperd *k)
{
	struct pollfd pfd = {.fd = k->signals, .events = POLLIN};
	struct signalfd_siginfo info;
	size_t i;

	for (i = 0; i < k->n; i++)
		if (!k->jobs[i].ended)
			kill(-k->jobs[i].pid, SIGKILL);
	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return;
		procs_scan(&k->procs);
		for (i = 0; i < k->procs.n; i++)
			if (!k->procs.v[i].gone && procs_below(&k->procs, &k->procs.v[i], k->self))
				proc_signal(&k->procs.v[i], SIGKILL);
		if (poll(&pfd, 1, SETTLE_MS) > 0)
			(void)!read(k->signals, &info, sizeof(info));
	}
}

/* ---- the socket ---- */

static int next_log(struct keeperd *k)
{
	int fd;

	if (!k->n_logs)
		return -1;
	fd = k->logs[0];
	memmove(k->logs, k->logs + 1, --k->n_logs * sizeof(*k->logs));
	return fd;
}

static void request(struct keeperd *k, const struct keeper_request *r, char *text)
{
	CLEANUP(freep) char **str = NULL;
	CLEANUP(closep) int log = -1;
	uint32_t i;

	if (r->type != KEEPER_START) {
		stop(k, r->id, r->type == KEEPER_KILL ? SIGKILL : SIGTERM);
		return;
	}
	log = next_log(k);
	str = xreallocarray(NULL, r->n + 2, sizeof(*str));
	for (i = 0; i < r->n; i++) {
		str[i] = text;
		text += strlen(text) + 1;
	}
	start(k, r, str, log);
}

static void requests(struct keeperd *k)
{
	struct keeper_request r;
	size_t at = 0;

	while (k->in.len - at >= sizeof(r)) {
		memcpy(&r, k->in.buf + at, sizeof(r));
		if (k->in.len - at < r.size)
			break;
		request(k, &r, k->in.buf + at + sizeof(r));
		at += r.size;
	}
	if (at) {
		memmove(k->in.buf, k->in.buf + at, k->in.len - at);
		strbuf_setlen(&k->in, k->in.len - at);
	}
}

static void receive_log(struct keeperd *k, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	else if (!(msg->msg_flags & MSG_CTRUNC)) /* truncated: it came, and we have no descriptor left for it */
		return;
	ALLOC_GROW(k->logs, k->n_logs + 1, k->cap_logs);
	k->logs[k->n_logs++] = fd;
}

/* Takes what is there; false at the end of the stream. A read brings at most one descriptor: Linux ends it there. */
static bool receive(struct keeperd *k)
{
	enum { CHUNK = 65536 };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n;

	strbuf_grow(&k->in, CHUNK);
	iov = (struct iovec){k->in.buf + k->in.len, CHUNK};
	n = recvmsg(k->opt->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	receive_log(k, &msg);
	strbuf_setlen(&k->in, k->in.len + (size_t)n);
	requests(k);
	return true;
}

static void flush(struct keeperd *k)
{
	ssize_t n = send(k->opt->sock, k->out.buf, k->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return; /* full, or mlmake is gone, which the next read tells */
	memmove(k->out.buf, k->out.buf + n, k->out.len - (size_t)n);
	strbuf_setlen(&k->out, k->out.len - (size_t)n);
}

/* ---- the process ---- */

static void close_others(const struct keeperd_options *opt)
{
	unsigned int fd = 3;
	size_t i;

	for (;;) { /* the gaps between what is kept, in order */
		unsigned int next = ~0u;

		for (i = 0; i < 1 + KEEPER_LOCKS + opt->n_keep_fds; i++) {
			int kept = i == 0 ? opt->sock : i <= KEEPER_LOCKS ? opt->lock_fds[i - 1] : opt->keep_fds[i - 1 - KEEPER_LOCKS];

			if (kept >= 0 && (unsigned int)kept >= fd && (unsigned int)kept < next)
				next = (unsigned int)kept;
		}
		if (next > fd)
			close_range(fd, next == ~0u ? ~0u : next - 1, 0);
		if (next == ~0u)
			return;
		fd = next + 1;
	}
}

static void set_up_descriptors(const struct keeperd_options *opt)
{
	int null = open("/dev/null", O_RDWR), fd;
	size_t i;

	for (fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	close_others(opt);
	fcntl(opt->sock, F_SETFD, FD_CLOEXEC);
	for (i = 0; i < KEEPER_LOCKS; i++)
		if (opt->lock_fds[i] >= 0)
			fcntl(opt->lock_fds[i], F_SETFD, FD_CLOEXEC);
	for (i = 0; i < opt->n_keep_fds; i++)
		fcntl(opt->keep_fds[i], F_SETFD, 0);
}

/* All signals stay blocked, and none is ignored or handled, so that a stage needs no more than an empty mask. */
static int set_up_signals(void)
{
	sigset_t chld;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	return signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void loop(struct keeperd *k)
{
	struct signalfd_siginfo info;
	struct pollfd p[2];

	for (;;) {
		p[0] = (struct pollfd){k->opt->sock, POLLIN | (k->out.len ? POLLOUT : 0), 0};
		p[1] = (struct pollfd){k->signals, POLLIN, 0};
		if (poll(p, 2, count_ended(k) ? SETTLE_MS : -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			(void)!read(k->signals, &info, sizeof(info));
		if ((p[1].revents && reap(k)) || count_ended(k))
			settle(k);
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR) && !receive(k))
			return;
		if (k->out.len)
			flush(k);
	}
}

void keeperd_main(const struct keeperd_options *opt)
{
	struct keeperd k = {.opt = opt, .self = getpid(), .root = getcwd(NULL, 0), .base = passing_base(environ), .in = STRBUF_INIT,
			    .out = STRBUF_INIT, .procs = PROCS_INIT};
	char path[48];

	setsid();
	prctl(PR_SET_NAME, "stage-keeper");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_up_descriptors(opt);
	k.signals = set_up_signals();
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)k.self);
	k.children = open(path, O_RDONLY | O_CLOEXEC);
	if (k.signals >= 0)
		loop(&k);
	kill_all(&k);
	_exit(0); /* the lock goes with us */
}
