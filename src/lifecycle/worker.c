/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle/hookbuild.h"
#include "lifecycle/where.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define DEATHS 5        /* of builds of the same thing, in a row: then it is given up */
#define LOOK_AGAIN 2000 /* milliseconds, when what is waited for cannot be watched */
#define KEPT_OUTPUTS 100
#define SAID_LIMIT 65536
#define LINE_LIMIT ((size_t)1 << 20)

struct worker {
	const char *common, *program;
	char *dir;
	int lock_fd, watch_fd, signal_fd;
	bool stopping;          /* it was asked to end */
	int deaths;
	uint64_t died;          /* the first number of what died so often */
};

/* ---- one build, seen from the worker */

struct child {
	pid_t pid;
	int fd;                 /* it reports here */
	bool stoppable, stopped, cancelled;
	struct strbuf said;     /* "busy 0|1", then "end UPTO [LINE]" */
	const struct hook_entry *v;
	size_t n;
	uint64_t seen;          /* the greatest number when it began */
};

static void report_begun(void *ctx, bool stoppable)
{
	dprintf(*(int *)ctx, "busy %d\n", stoppable);
}

static void worker_loop(struct worker *w);

/* Whoever is left alone by a worker that was killed is the worker now. */
NORETURN static void child_main(struct worker *w, const struct child *c, int report, pid_t parent)
{
	const struct hookbuild_options opt = {w->common, w->dir, w->program, c->v, c->n, report_begun, &report};
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	struct arena a = ARENA_INIT;
	struct hook_event e;
	uint64_t upto;

	closep(&w->watch_fd);
	closep(&w->signal_fd);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent) {
		hookbuild(&opt, &a, &upto, &e);
		strbuf_addf(&line, "end %llu ", (unsigned long long)upto);
		if (e.outcome)
			hook_event_text(&e, &line);
		strbuf_addch(&line, '\n');
		(void)!fd_write_all(report, line.buf, line.len, NULL);
	}
	closep(&report);
	if (getppid() != parent) {
		signal(SIGTERM, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, 0);
		worker_loop(w);
	}
	_exit(0);
}

static int child_start(struct worker *w, struct child *c, struct err *err)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, "cannot make a pipe");
	c->pid = fork();
	if (c->pid == 0) {
		close(fds[0]);
		child_main(w, c, fds[1], parent);
	}
	close(fds[1]);
	c->fd = fds[0];
	return c->pid < 0 ? err_errno(err, "cannot start a build") : 0;
}

static void stop_child(struct child *c)
{
	if (!c->stopped)
		kill(c->pid, SIGTERM);
	c->stopped = true;
}

/* Is there something newer of what is being built? */
static bool is_overtaken(const struct worker *w, const struct child *c)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
	size_t i;

	if (hookqueue_read(w->dir, &q, NULL) < 0)
		return false;
	for (i = 0; i < q.n; i++)
		if (q.v[i].number > c->seen && hookqueue_same(&q.v[i], &c->v[0]))
			return true;
	return false;
}

/* Somebody took all that asked for it out of the queue. */
static bool is_cancelled(const struct worker *w, const struct child *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (hookqueue_has(w->dir, c->v[i].number))
			return false;
	return true;
}

static void drain(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

static void take_signals(struct worker *w)
{
	struct signalfd_siginfo info;

	while (read(w->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		w->stopping |= info.ssi_signo != SIGCHLD;
}

/* False at the end of what it says. */
static bool listen_to(struct child *c)
{
	char buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));

	if (n > 0 && c->said.len < LINE_LIMIT)
		strbuf_add(&c->said, buf, (size_t)n);
	c->stoppable |= skip_prefix(c->said.buf, "busy 1\n", NULL);
	return n > 0 || (n < 0 && errno == EINTR);
}

static void look_around(struct worker *w, struct child *c)
{
	if (is_cancelled(w, c))
		c->cancelled = true;
	if (c->cancelled || w->stopping || (c->stoppable && is_overtaken(w, c)))
		stop_child(c);
}

static void child_wait(struct worker *w, struct child *c)
{
	bool open = true;

	while (open) {
		struct pollfd fds[3] = {{.fd = c->fd, .events = POLLIN}, {.fd = w->watch_fd, .events = POLLIN},
					{.fd = w->signal_fd, .events = POLLIN}};

		if (poll(fds, 3, LOOK_AGAIN) < 0 && errno != EINTR)
			break;
		drain(w->watch_fd);
		take_signals(w);
		if (fds[0].revents)
			open = listen_to(c);
		look_around(w, c);
	}
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- what came of it */

static void tell(struct worker *w, const struct hook_event *e)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (hooklog_add(w->dir, e, &err) < 0)
		err_clear(&err); /* nobody is there to be told */
}

/* Of something that no build of ours could tell of. */
static void tell_of(struct worker *w, const struct hook_entry *about, const char *outcome, const char *text)
{
	bool known = about->hook != NULL;

	tell(w, &(struct hook_event){.number = about->number, .time = clock_now(&clock_system), .code = -1, .outcome = outcome,
				     .hook = known ? about->hook : "", .project = known ? about->project : "", .ref = known ? about->ref : "",
				     .commit = known ? about->commit : "", .tree = "", .targets = "", .run = "", .text = text});
}

/* What a worker that is gone, or a build that is, was at. last: if it had not said yet (NULL: then there is nothing to tell). */
static void tell_killed(struct worker *w, const struct hook_entry *last, const char *text)
{
	CLEANUP(freep) char *file = path_join(w->dir, "now");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event e;

	if (file_read(file, LINE_LIMIT, &line, NULL) == 0 && hook_event_parse(line.buf, line.len, &a, &e)) {
		e.outcome = "killed";
		e.text = text;
		tell(w, &e);
	} else if (last) {
		tell_of(w, last, "killed", text);
	}
	unlink(file);
}

/* What cannot be removed would be built again and again: then it is left to the next worker. */
static void remove_entries(struct worker *w, const struct child *c, uint64_t upto)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].number <= upto && hookqueue_remove(w->dir, c->v[i].number, NULL) < 0)
			w->stopping = true;
}

/* The last thing that it said is "end UPTO LINE"; false if it did not come so far. */
static bool parse_end(const struct child *c, struct arena *a, uint64_t *upto, struct hook_event *e)
{
	const char *p = c->said.buf;
	char *end;

	if (skip_prefix(p, "busy ", NULL))
		p = strchr(p, '\n') ? strchr(p, '\n') + 1 : "";
	if (!ends_with(c->said.buf, "\n") || !skip_prefix(p, "end ", &p))
		return false;
	*upto = strtoull(p, &end, 10);
	if (*end != ' ')
		return false;
	if (end[1] == '\n')
		e->outcome = NULL;
	else if (!hook_event_parse(end + 1, strcspn(end + 1, "\n"), a, e))
		return false;
	return true;
}

/* Killed from outside, it is begun again; dying on its own it would go on doing so. */
static bool is_hopeless(struct worker *w, const struct child *c)
{
	w->deaths = w->died == c->v[0].number ? w->deaths + 1 : 1;
	w->died = c->v[0].number;
	return w->deaths >= DEATHS;
}

static void after(struct worker *w, struct child *c)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(freep) char *now = path_join(w->dir, "now");
	struct hook_event e;
	uint64_t upto;
	bool ended = parse_end(c, &a, &upto, &e);

	if (!ended || (e.outcome && streq(e.outcome, "killed"))) {
		bool hopeless = is_hopeless(w, c);

		tell_killed(w, &c->v[c->n - 1], hopeless ? "it died each time; it is not tried again" : "it is begun again");
		if (hopeless || c->cancelled)
			remove_entries(w, c, c->seen);
		return;
	}
	unlink(now);
	if (e.outcome && streq(e.outcome, "stopped")) {
		e.text = c->cancelled	? "as was asked for"
			 : w->stopping	? "the worker was asked to end"
			 : c->stopped	? "a newer commit came"
					: "somebody sent it a signal";
		tell(w, &e);
		if (c->cancelled || !c->stopped)
			remove_entries(w, c, upto);
		return; /* what is newer is built with what was asked before */
	}
	if (e.outcome)
		tell(w, &e);
	remove_entries(w, c, upto);
}

static void remove_old_outputs(struct worker *w, uint64_t number)
{
	CLEANUP(freep) char *path = path_join(w->dir, "out");
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *one = xstrfmt("%s/%s", path, e->d_name);

		if (e->d_name[0] != '.' && strtoull(e->d_name, NULL, 10) + KEPT_OUTPUTS < number)
			(void)!file_remove_tree(one, NULL);
	}
	if (dir)
		closedir(dir);
}

static void build(struct worker *w, const struct hook_entry *v, size_t n)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct child c = {.fd = -1, .said = STRBUF_INIT, .v = v, .n = n, .seen = v[n - 1].number};

	remove_old_outputs(w, c.seen);
	hooklog_tend(w->dir);
	if (child_start(w, &c, &err) == 0) {
		child_wait(w, &c);
		after(w, &c);
	} else {
		tell_of(w, &v[n - 1], "error", err.msg);
		w->stopping = true; /* the next hook tries again */
	}
	closep(&c.fd);
	strbuf_release(&c.said);
}

/* ---- what is next */

/* What is no entry is told of once, and out of the queue. */
static void drop_broken(struct worker *w, struct hookqueue *q)
{
	size_t i, kept = 0;

	for (i = 0; i < q->n; i++) {
		if (q->v[i].hook) {
			q->v[kept++] = q->v[i];
			continue;
		}
		tell_of(w, &q->v[i], "error", "what stood in the queue was no entry");
		w->stopping |= hookqueue_remove(w->dir, q->v[i].number, NULL) < 0;
		hook_entry_release(&q->v[i]);
	}
	q->n = kept;
}

static bool must_wait(const struct worker *w, const struct hook_entry *e)
{
	CLEANUP(freep) char *own = path_join(w->common, e->work);

	return !streq(e->hook, "post-receive") && where_is_amid(own);
}

/* Who asked first comes first, with all that asked for the same; what has to wait lets others by. NULL: nothing can be done now. */
static struct hook_entry *choose(const struct worker *w, const struct hookqueue *q, size_t *n)
{
	struct hook_entry *v = xcalloc(q->n + 1, sizeof(*v));
	size_t i, j;

	for (i = 0, *n = 0; i < q->n && !*n; i++)
		for (j = i; j < q->n && !must_wait(w, &q->v[i]); j++)
			if (hookqueue_same(&q->v[i], &q->v[j]) && !must_wait(w, &q->v[j]))
				v[(*n)++] = q->v[j];
	if (*n)
		return v;
	free(v);
	return NULL;
}

/* The git directory of a work tree in which something goes on tells when that ends; the queue, when something comes. */
static void await(struct worker *w, const struct hookqueue *q)
{
	struct pollfd fds[2] = {{.fd = w->watch_fd, .events = POLLIN}, {.fd = w->signal_fd, .events = POLLIN}};
	CLEANUP(freep) struct hook_entry *ready = NULL;
	size_t i;

	for (i = 0; i < q->n; i++) {
		CLEANUP(freep) char *own = path_join(w->common, q->v[i].work);

		inotify_add_watch(w->watch_fd, own, IN_CREATE | IN_DELETE | IN_MOVE | IN_DELETE_SELF);
	}
	ready = choose(w, q, &i);
	if (ready) /* it ended before it was watched */
		return;
	(void)!poll(fds, 2, LOOK_AGAIN);
	drain(w->watch_fd);
	take_signals(w);
}

/* Until nothing is left, or nothing can be done. */
static void work(struct worker *w)
{
	while (!w->stopping) {
		CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
		CLEANUP(freep) struct hook_entry *v = NULL;
		size_t n;

		take_signals(w);
		if (hookqueue_read(w->dir, &q, NULL) < 0 || !q.n)
			return;
		drop_broken(w, &q);
		v = choose(w, &q, &n);
		if (v)
			build(w, v, n);
		else if (q.n)
			await(w, &q);
	}
}

static bool has_entries(const struct worker *w)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;

	return hookqueue_read(w->dir, &q, NULL) == 0 && q.n;
}

static int try_lock(const char *dir, struct err *err)
{
	CLEANUP(freep) char *lock = path_join(dir, "worker");

	return file_lock(lock, true, false, err);
}

static void worker_loop(struct worker *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->watch_fd >= 0)
		inotify_add_watch(w->watch_fd, w->dir, IN_CREATE | IN_MOVED_TO | IN_DELETE);
	tell_killed(w, NULL, "its worker was killed");
	for (;;) {
		work(w);
		closep(&w->lock_fd);
		if (w->stopping || !has_entries(w) || (w->lock_fd = try_lock(w->dir, NULL)) < 0)
			break;
	}
}

/* ---- the beginning */

static void forget_variables(void)
{
	static const char *const names[] = {
		/* as `git rev-parse --local-env-vars` has them */
		"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_OBJECT_DIRECTORY", "GIT_DIR",
		"GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE",
		"GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_COMMON_DIR", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
		/* what git sets for a hook, and of a commit what speaks of that one alone */
		"GIT_EXEC_PATH", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_REFLOG_ACTION", "GIT_CHERRY_PICK_HELP", "GIT_MERGE_AUTOEDIT",
		"GIT_QUARANTINE_PATH", "GIT_PUSH_OPTION_COUNT", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE",
		"GIT_LITERAL_PATHSPECS", "GIT_INDEX_VERSION",
		/* of make, whose jobserver is not for us */
		"MAKEFLAGS", "MFLAGS", "MAKELEVEL",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void ask_git(const char *word, struct strbuf *out)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};

	strvec_push(&argv, "git");
	if (!skip_prefix(word, "--exec-path", NULL))
		strvec_push(&argv, "rev-parse");
	strvec_push(&argv, word);
	if (process_run(&how, NULL, 0, SAID_LIMIT, out, &said, NULL) != 0)
		strbuf_clear(out);
	strbuf_trim(out);
}

/* What this git has and an older one had not; and its own programs, which it puts before all others. */
static void forget_more(void)
{
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT, programs = STRBUF_INIT;
	const char *path = getenv("PATH"), *rest;
	char *name, *at;

	ask_git("--local-env-vars", &names);
	for (name = strtok_r(names.buf, "\n", &at); name; name = strtok_r(NULL, "\n", &at))
		unsetenv(name);
	ask_git("--exec-path", &programs);
	while (programs.len && path && skip_prefix(path, programs.buf, &rest) && *rest == ':')
		path = rest + 1;
	if (path) {
		CLEANUP(freep) char *own = xstrdup(path);

		setenv("PATH", own, 1);
	}
}

/* Output has nowhere to go but a file, for what libraries say. */
static void let_go(int lock_fd)
{
	int null = open("/dev/null", O_RDWR);
	int fd;

	for (fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (lock_fd > 3)
		close_range(3, (unsigned)lock_fd - 1, 0);
	close_range((unsigned)lock_fd + 1, ~0u, 0);
}

static void reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

NORETURN static void worker_main(const char *common, const char *program, char *dir, int lock_fd)
{
	struct worker w = {.common = common, .program = program, .dir = dir, .lock_fd = lock_fd, .watch_fd = -1, .signal_fd = -1};

	setsid();
	if (fork() != 0) /* no terminal can become ours, and nobody has to wait for us */
		_exit(0);
	let_go(lock_fd);
	reset_signals();
	prctl(PR_SET_NAME, "mlmake-worker");
	if (chdir(common) < 0)
		_exit(1);
	forget_variables();
	forget_more();
	worker_loop(&w);
	_exit(0);
}

/* 0, 1 and 2 may be closed: the lock must be above them. */
static int lift(int *fd)
{
	int high = *fd > 2 ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (high != *fd)
		close(*fd);
	*fd = high;
	return high;
}

int worker_start(const char *common, const char *program, struct err *err)
{
	CLEANUP(freep) char *dir = path_join(common, "mlmake/queue");
	struct err why = ERR_INIT;
	pid_t pid;
	int fd;

	if (file_mkdirs(dir, err) < 0)
		return -1;
	fd = try_lock(dir, &why);
	if (fd < 0 && why.code == ERR_LOCKED) {
		err_release(&why);
		return 0;
	}
	if (fd < 0)
		return err_move(err, &why);
	pid = lift(&fd) < 0 ? -1 : fork();
	if (pid == 0)
		worker_main(common, program, dir, fd);
	closep(&fd);
	if (pid < 0)
		return err_errno(err, "cannot start a worker");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

bool worker_is_there(const char *dir)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	CLEANUP(freep) char *lock = path_join(dir, "worker");
	int fd = file_exists(lock) ? try_lock(dir, &why) : -1;

	closep(&fd);
	return why.code == ERR_LOCKED;
}
