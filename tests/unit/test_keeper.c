/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/keeper.h"
#include "run/procs.h"
#include "tap.h"
#include "util/file.h"
#include "util/strbuf.h"

/* Only a bound for when something is broken: nothing waits that long. */
#define PATIENCE_MS 60000

static pid_t test_pid;

/* Of this test program alone. */
static const char *run_name(int n)
{
	static char names[32][32];

	snprintf(names[n], sizeof(names[n]), "unit-%d-%d", (int)test_pid, n);
	return names[n];
}

static const char *read_text(const char *path)
{
	static struct strbuf sb = STRBUF_INIT;

	strbuf_clear(&sb);
	if (file_read(path, 64 << 20, &sb, NULL) < 0)
		return "(no file)";
	return sb.buf;
}

static int start_full(struct keeper *k, const char *name, const char *cmd, const char *prefix, char *const *env,
		      const char *log)
{
	const struct launcher *la = keeper_launcher(k);
	struct launch l = {name, cmd, prefix, env, log};
	struct err err = ERR_INIT;
	int id = -1;

	if (la->start(la->ctx, &l, &id, &err) < 0)
		printf("# start: %s\n", err.msg);
	err_release(&err);
	return id;
}

static int start(struct keeper *k, const char *name, const char *cmd)
{
	return start_full(k, name, cmd, NULL, NULL, "log");
}

static void stop(struct keeper *k, int id, bool force)
{
	keeper_launcher(k)->stop(keeper_launcher(k)->ctx, id, force);
}

/* Waits for an end: what reap returns, 0 only if patience ends. */
static int reap(struct keeper *k, struct launch_end *end)
{
	const struct launcher *la = keeper_launcher(k);
	struct pollfd p = {.fd = la->fd(la->ctx), .events = POLLIN};
	int r;

	while ((r = la->reap(la->ctx, end, NULL)) == 0)
		if (poll(&p, 1, PATIENCE_MS) == 0)
			return 0;
	return r;
}

static int status_of(struct keeper *k, const char *cmd)
{
	struct launch_end end = {.status = -1};
	int id = start(k, "s", cmd);

	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(end.id, id);
	return end.status;
}

/* How many live processes have MLMAKE_RUN=run? */
static size_t count_run(const char *run)
{
	struct procs ps = PROCS_INIT;
	size_t i, n = 0;

	procs_scan(&ps);
	for (i = 0; i < ps.n; i++) {
		char *v = ps.v[i].gone ? NULL : proc_getenv(ps.v[i].pid, "MLMAKE_RUN");

		n += v && strcmp(v, run) == 0;
		free(v);
	}
	procs_release(&ps);
	return n;
}

static bool wait_for_count(const char *run, size_t n)
{
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms += 2) {
		if (count_run(run) == n)
			return true;
		poll(NULL, 0, 2);
	}
	return false;
}

static bool is_alive(pid_t pid)
{
	struct procs ps = PROCS_INIT;
	const struct proc *p;
	bool alive;

	procs_scan(&ps);
	p = procs_find(&ps, pid);
	alive = p && !p->gone;
	procs_release(&ps);
	return alive;
}

/* The keeper that this process started last: its child that leads a session. */
static pid_t find_keeper(pid_t parent)
{
	struct procs ps = PROCS_INIT;
	pid_t found = -1;
	size_t i;

	procs_scan(&ps);
	for (i = 0; i < ps.n; i++)
		if (ps.v[i].ppid == parent && ps.v[i].sid == ps.v[i].pid && !ps.v[i].gone)
			found = ps.v[i].pid;
	procs_release(&ps);
	return found;
}

/* A named pipe by which a stage says that it has come to a point: `echo x > NAME`. */
static void await_word(const char *fifo, char *word, size_t size)
{
	int fd = open(fifo, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got = 0;

	while (fd >= 0 && (n = read(fd, word + got, size - 1 - (size_t)got)) > 0)
		got += n;
	word[got] = '\0';
	close(fd);
}

static pid_t await_pid(const char *fifo)
{
	char word[32];

	await_word(fifo, word, sizeof(word));
	return (pid_t)atoi(word);
}

static void statuses(void)
{
	struct keeper *k = keeper_new(run_name(1), NULL, 0, -1);
	int s;

	EXPECT_INT(status_of(k, "exit 0"), 0);
	s = status_of(k, "exit 3");
	EXPECT(WIFEXITED(s));
	EXPECT_INT(WEXITSTATUS(s), 3);
	s = status_of(k, "kill -KILL $$");
	EXPECT(WIFSIGNALED(s));
	EXPECT_INT(WTERMSIG(s), SIGKILL);
	s = status_of(k, "no-such-command-here");
	EXPECT_INT(WEXITSTATUS(s), 127);
	EXPECT(strstr(read_text("log"), "no-such-command-here") != NULL);
	keeper_free(k);
}

static void one_shell(void)
{
	struct keeper *k = keeper_new(run_name(2), NULL, 0, -1);

	EXPECT_INT(status_of(k, "a=1\nb=2\necho $((a + b))"), 0);
	EXPECT_STR(read_text("log"), "3\n");
	EXPECT_INT(WEXITSTATUS(status_of(k, "echo one\nfalse\necho two")), 1);
	EXPECT_STR(read_text("log"), "one\n");
	EXPECT(WEXITSTATUS(status_of(k, "echo one\necho $not_set_anywhere\necho two")) != 0);
	EXPECT(strstr(read_text("log"), "two") == NULL);
	keeper_free(k);
}

static void logs(void)
{
	struct keeper *k = keeper_new(run_name(3), NULL, 0, -1);
	const struct launcher *la = keeper_launcher(k);
	struct launch l = {"n", "echo x", NULL, NULL, "."};
	struct err err = ERR_INIT;
	struct launch_end end;
	int id;

	EXPECT_INT(la->fd(la->ctx), -1);
	EXPECT_INT(status_of(k, "echo a much longer text than the next"), 0);
	EXPECT_INT(status_of(k, "echo out; echo err >&2; cat"), 0); /* cat ends: the input is empty */
	EXPECT_STR(read_text("log"), "out\nerr\n");
	EXPECT_INT(la->start(la->ctx, &l, &id, &err), -1);
	EXPECT_INT(err.code, ERR_IO);
	EXPECT_STR(err.msg, "cannot write the log '.': Is a directory");
	err_release(&err);
	start_full(k, "n", "echo deep", NULL, NULL, "logs/deep/one");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_STR(read_text("logs/deep/one"), "deep\n");
	keeper_free(k);
}

static void environment(void)
{
	static char added[] = "ADDED=a=b", old[] = "MLMAKE_CHANGED=old", new[] = "MLMAKE_CHANGED=new", removed[] = "MLMAKE_REMOVED";
	static char forged[] = "MLMAKE_RUN=forged";
	char *env[] = {added, old, new, removed, forged, NULL}, want[96];
	const char *script = "echo $ADDED $MLMAKE_CHANGED ${MLMAKE_REMOVED-gone} ${UNDECLARED-none} $TZ $MLMAKE_CHANGEDNOT $MLMAKE_RUN "
			     "$MLMAKE_INSTANCE\nenv | grep -c ^MLMAKE_CHANGED=";
	struct launch_end end;
	struct launch l;
	struct keeper *k;
	int id;

	setenv("MLMAKE_CHANGED", "outer", 1);
	setenv("MLMAKE_REMOVED", "outer", 1);
	setenv("MLMAKE_CHANGEDNOT", "outer", 1);
	setenv("UNDECLARED", "outer", 1);
	setenv("TZ", "Antarctica/Troll", 1);
	k = keeper_new(run_name(4), NULL, 0, -1);
	start_full(k, "train@3", script, NULL, env, "log");
	EXPECT_INT(reap(k, &end), 1);
	snprintf(want, sizeof(want), "a=b new gone none UTC outer %s train@3\n1\n", run_name(4));
	EXPECT_STR(read_text("log"), want);
	l = (struct launch){.name = "train@3", .cmd = script, .env = env, .log = "log", .whole_env = true};
	EXPECT_INT(keeper_launcher(k)->start(keeper_launcher(k)->ctx, &l, &id, NULL), 0);
	EXPECT_INT(reap(k, &end), 1);
	snprintf(want, sizeof(want), "a=b new gone outer Antarctica/Troll outer %s train@3\n1\n", run_name(4));
	EXPECT_STR(read_text("log"), want);
	unsetenv("TZ");
	keeper_free(k);
}

static void prefixes(void)
{
	struct keeper *k = keeper_new(run_name(5), NULL, 0, -1);
	struct launch_end end = {.status = -1};

	start_full(k, "n", "echo \"$WORD\" $#\necho 'it'\\''s'\nfalse\necho no", "env WORD='two words'", NULL, "log");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_STR(read_text("log"), "two words 0\nit's\n");
	EXPECT_INT(WEXITSTATUS(end.status), 1);
	start_full(k, "n", "echo x", "no-such-wrapper", NULL, "log");
	EXPECT_INT(reap(k, &end), 1);
	/* 126: a directory of PATH may not be searched, so sh cannot know */
	EXPECT(WEXITSTATUS(end.status) == 127 || WEXITSTATUS(end.status) == 126);
	EXPECT(strstr(read_text("log"), "no-such-wrapper") != NULL);
	keeper_free(k);
}

/* A script of about size bytes that prints "end" and then fails before "no". */
static char *big_script(size_t size)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_addstr(&sb, "a=1\n: ");
	while (sb.len < size)
		strbuf_addstr(&sb, "data/some/name-of-a-file.csv ");
	strbuf_addstr(&sb, "\necho end $a\nfalse\necho no");
	return strbuf_detach(&sb);
}

static void huge_commands(void)
{
	static const size_t sizes[] = {99 << 10, 128 << 10, 200 << 10, 5 << 20};
	struct keeper *k = keeper_new(run_name(6), NULL, 0, -1);
	struct launch_end end = {.status = -1};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *cmd = big_script(sizes[i]);

		EXPECT_INT(WEXITSTATUS(status_of(k, cmd)), 1);
		EXPECT_STR(read_text("log"), "end 1\n");
		start_full(k, "n", cmd, "env X=1", NULL, "log");
		EXPECT_INT(reap(k, &end), 1);
		EXPECT_INT(WEXITSTATUS(end.status), 1);
		EXPECT_STR(read_text("log"), "end 1\n");
		free(cmd);
	}
	keeper_free(k);
}

static void what_cannot_be_run_says_so(void)
{
	struct keeper *k = keeper_new(run_name(7), NULL, 0, -1);
	char *big = xmalloc(200001), *env[] = {big, NULL};
	struct launch_end end = {.status = -1};
	const char *valgrind = getenv("VALGRIND");
	int id;

	if (valgrind && *valgrind) { /* it cannot go on after an exec that failed */
		keeper_free(k);
		free(big);
		return;
	}
	memset(big, 'x', 200000);
	big[1] = '=';
	big[200000] = '\0';
	id = start_full(k, "n", "echo x", NULL, env, "log");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(end.id, id);
	EXPECT(WIFEXITED(end.status));
	EXPECT_INT(WEXITSTATUS(end.status), 127);
	EXPECT_STR(read_text("log"),
		   "mlmake: cannot start '/bin/sh': Argument list too long\n"
		   "mlmake: its environment is too large; let it read a long list from a file\n");
	EXPECT_INT(status_of(k, "true"), 0);
	free(big);
	keeper_free(k);
}

static void what_a_stage_leaves_is_killed(void)
{
	static const char *const cmds[] = {
		"sleep 1000 & echo $! > p",
		"(setsid sh -c 'echo $$ > p; exec sleep 1000' &) ; while ! test -s p; do :; done",
		"(setsid env -i sh -c 'echo $$ > p; exec sleep 1000' &) ; while ! test -s p; do :; done",
		"(setsid sh -c 'sh -c \"echo \\$\\$ > p; trap : TERM; sleep 1000; :\" & wait' &) ; while ! test -s p; do :; done",
		"(setsid env -i sh -c 'echo $$ > p; exec sleep 1000' >/dev/null 2>&1 &) ; while ! test -s p; do :; done",
	};
	struct keeper *k = keeper_new(run_name(8), NULL, 0, -1);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		unlink("p");
		EXPECT_INT(status_of(k, cmds[i]), 0);
		EXPECT(atoi(read_text("p")) > 1);
		EXPECT(!is_alive(atoi(read_text("p"))));
		EXPECT_INT(count_run(run_name(8)), 0);
	}
	keeper_free(k);
}

static void others_are_left_alone(void)
{
	struct keeper *k = keeper_new(run_name(9), NULL, 0, -1);
	struct launch_end end = {.status = -1};
	pid_t daemon;
	int a, b, i;

	EXPECT_INT(mkfifo("ready", 0600), 0);
	EXPECT_INT(mkfifo("go", 0600), 0);
	a = start_full(k, "a", "(setsid sh -c 'echo $$ > ready; exec sleep 1000' &)\nread x < go", NULL, NULL, "la");
	daemon = await_pid("ready");
	EXPECT(is_alive(daemon));
	for (i = 0; i < 3; i++) {
		unlink("p");
		b = start_full(k, "b", "(setsid env -i sh -c 'echo $$ > p; exec sleep 1000' &)\n"
			       "while ! test -s p; do :; done", NULL, NULL, "lb");
		EXPECT_INT(reap(k, &end), 1);
		EXPECT_INT(end.id, b);
		EXPECT(!is_alive(atoi(read_text("p"))));
		EXPECT(is_alive(daemon));
	}
	EXPECT_INT(file_write("go2", "x\n", 2, 0600, false, NULL), 0);
	start_full(k, "b", "cat go2 > go", NULL, NULL, "lb");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(reap(k, &end), 1);
	EXPECT(end.id == a || end.id == a + 4);
	EXPECT(!is_alive(daemon));
	keeper_free(k);
}

static void stopping(void)
{
	struct keeper *k = keeper_new(run_name(10), NULL, 0, -1);
	struct launch_end end = {.status = -1};
	char word[32];
	int id;

	EXPECT_INT(mkfifo("f10", 0600), 0);
	id = start(k, "n", "trap 'echo bye; exit 7' TERM; sh -c 'echo r > f10; exec sleep 1000' & wait");
	await_word("f10", word, sizeof(word));
	stop(k, id + 1, false); /* of none: no harm */
	stop(k, id, false);
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(WEXITSTATUS(end.status), 7);
	EXPECT_STR(read_text("log"), "bye\n");
	stop(k, id, true);

	/* the shell dies at once, its child takes the time to save */
	id = start(k, "n", "sh -c 'trap \"cat late; exit 0\" TERM; sh -c \"echo r > f10; exec sleep 1000\" & wait'; :");
	EXPECT_INT(mkfifo("late", 0600), 0);
	await_word("f10", word, sizeof(word));
	stop(k, id, false);
	EXPECT_INT(file_write("saved", "saved\n", 6, 0600, false, NULL), 0);
	start_full(k, "other", "cat saved > late", NULL, NULL, "log2");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_STR(read_text("log"), "saved\n");
	EXPECT_INT(count_run(run_name(10)), 0);
	keeper_free(k);
}

static void stopping_by_force(void)
{
	struct keeper *k = keeper_new(run_name(11), NULL, 0, -1);
	const struct launcher *la = keeper_launcher(k);
	struct launch_end end = {.status = -1};
	pid_t escaped;
	int id;

	EXPECT_INT(mkfifo("f11", 0600), 0);
	EXPECT_INT(mkfifo("never", 0600), 0);
	id = start(k, "n", "trap '' TERM\n(setsid sh -c 'echo $$ > f11; sleep 1000; :' &)\nwhile :; do sleep 1000; done");
	escaped = await_pid("f11");
	stop(k, id, false);
	EXPECT_INT(la->reap(la->ctx, &end, NULL), 0);
	EXPECT(is_alive(escaped));
	stop(k, id, true);
	EXPECT_INT(reap(k, &end), 1);
	EXPECT(WIFSIGNALED(end.status) && WTERMSIG(end.status) == SIGKILL);
	EXPECT(!is_alive(escaped));

	/* the shell goes at SIGTERM, what it left does not */
	id = start(k, "n", "(setsid sh -c 'trap \"\" TERM; echo $$ > f11; while :; do sleep 1000; done' &)\n"
		   "echo $$ > leader; read x < never");
	escaped = await_pid("f11");
	while (!strchr(read_text("leader"), '\n'))
		poll(NULL, 0, 1);
	stop(k, id, false);
	while (is_alive(atoi(read_text("leader"))))
		poll(NULL, 0, 1);
	EXPECT_INT(la->reap(la->ctx, &end, NULL), 0);
	EXPECT(is_alive(escaped));
	stop(k, id, true);
	EXPECT_INT(reap(k, &end), 1);
	EXPECT_INT(end.id, id);
	EXPECT_INT(count_run(run_name(11)), 0);
	keeper_free(k);
}

/* Signals 32 and 33 are the C library's own: posix_spawn, by which make starts us, leaves them ignored for good. */
#define INTERNAL_SIGNALS 0x180000000ull

static void descriptors_and_signals(void)
{
	unsigned long long blocked = 1, ignored = 1;
	int pair[2], other = open("/dev/null", O_RDONLY), fd;
	struct strbuf want = STRBUF_INIT;
	struct keeper *k;

	EXPECT_INT(pipe2(pair, O_CLOEXEC), 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	k = keeper_new(run_name(12), pair, 2, -1);
	EXPECT_INT(status_of(k, "n=0; while [ $n -lt 50 ]; do if [ -e /proc/$$/fd/$n ]; then echo $n; fi\n"
			     "n=$((n + 1)); done"), 0);
	for (fd = 0; fd < 50; fd++)
		if (fd <= 2 || fd == pair[0] || fd == pair[1])
			strbuf_addf(&want, "%d\n", fd);
	EXPECT_STR(read_text("log"), want.buf);
	strbuf_release(&want);
	EXPECT_INT(status_of(k, "grep -E '^Sig(Blk|Ign):' /proc/self/status"), 0);
	EXPECT_INT(sscanf(read_text("log"), "SigBlk:\t%llx\nSigIgn:\t%llx", &blocked, &ignored), 2);
	EXPECT_INT(blocked, 0);
	EXPECT_INT(ignored & ~INTERNAL_SIGNALS, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	keeper_free(k);
	close(pair[0]);
	close(pair[1]);
	close(other);
}

static void usage_is_measured(void)
{
	struct keeper *k = keeper_new(run_name(13), NULL, 0, -1);
	struct launch_end end = {.cpu = 0};

	start(k, "n", "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done'; :");
	EXPECT_INT(reap(k, &end), 1);
	EXPECT(end.cpu > 1000000);           /* the loop takes tens of milliseconds, in a grandchild */
	EXPECT(end.cpu < 60 * 1000000000LL);
	EXPECT(end.max_rss > 100000);        /* bytes */
	keeper_free(k);
}

static void many(void)
{
	struct keeper *k = keeper_new(run_name(14), NULL, 0, -1);
	struct launch_end end;
	bool seen[201] = {false};
	int i, in_flight = 0, started = 0, wrong = 0;

	for (i = 0; i < 200;) {
		while (in_flight < 20 && started < 200) {
			char cmd[64], log[32];

			snprintf(cmd, sizeof(cmd), "echo %d; exit %d", started, started % 7);
			snprintf(log, sizeof(log), "many-%d", started);
			wrong += start_full(k, "n", cmd, NULL, NULL, log) != ++started;
			in_flight++;
		}
		if (reap(k, &end) != 1)
			break;
		in_flight--;
		i++;
		wrong += end.id < 1 || end.id > 200 || seen[end.id] || WEXITSTATUS(end.status) != (end.id - 1) % 7;
		seen[end.id] = true;
	}
	EXPECT_INT(i, 200);
	EXPECT_INT(wrong, 0);
	EXPECT_STR(read_text("many-137"), "137\n");
	keeper_free(k);
}

static void freeing_stops_everything(void)
{
	struct keeper *k = keeper_new(run_name(15), NULL, 0, -1);
	pid_t escaped;

	EXPECT_INT(mkfifo("f15", 0600), 0);
	start(k, "n", "trap '' TERM INT HUP; sleep 1000 & setsid sh -c 'echo $$ > f15; exec sleep 1000' & wait");
	escaped = await_pid("f15");
	EXPECT(is_alive(escaped));
	keeper_free(k);
	EXPECT(!is_alive(escaped));
	EXPECT_INT(count_run(run_name(15)), 0);
	EXPECT_INT(waitpid(-1, NULL, WNOHANG), -1); /* no children at all */
	EXPECT_INT(errno, ECHILD);
	keeper_free(NULL);
	keeper_free(keeper_new("never started", NULL, 0, -1));
}

/* Plays mlmake in a process of its own that holds the lock; returns when its stage is under way. */
static pid_t other_mlmake(const char *run, const char *fifo, const char *lock, const char *cmd)
{
	pid_t pid;

	EXPECT_INT(mkfifo(fifo, 0600), 0);
	pid = fork();
	if (pid == 0) {
		int fd = file_lock(lock, true, false, NULL);
		struct keeper *k = keeper_new(run, NULL, 0, fd);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (start(k, "n", cmd) > 0)
			for (;;)
				pause();
		_exit(1);
	}
	return pid;
}

static void kill_9_of_mlmake(void)
{
	pid_t mlmake = other_mlmake(run_name(16), "f16", "lock16", "sleep 1000 & setsid sleep 1000 & echo r > f16; wait");
	char word[32];
	int lock;

	await_word("f16", word, sizeof(word));
	EXPECT(wait_for_count(run_name(16), 3));
	EXPECT_INT(file_lock("lock16", true, false, NULL), -1);
	kill(mlmake, SIGKILL);
	EXPECT_INT(waitpid(mlmake, NULL, 0), mlmake);
	lock = file_lock("lock16", true, true, NULL); /* waits for the keeper */
	EXPECT(lock >= 0);
	EXPECT_INT(count_run(run_name(16)), 0);
	close(lock);
	while (waitpid(-1, NULL, 0) > 0) /* the keeper has become our child */
		;
}

static void kill_9_of_the_keeper(void)
{
	struct keeper *k = keeper_new(run_name(17), NULL, 0, -1);
	const struct launcher *la = keeper_launcher(k);
	struct launch l = {"n", "echo x", NULL, NULL, "log"};
	struct err err = ERR_INIT;
	struct launch_end end;
	pid_t escaped, own = fork(), keeper;
	int id;

	if (own == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	EXPECT_INT(mkfifo("f17", 0600), 0);
	start(k, "n", "sleep 1000 & (setsid env -i sh -c 'echo $$ > f17; exec sleep 1000' &) ; wait");
	escaped = await_pid("f17");
	keeper = find_keeper(getpid());
	EXPECT(keeper > 1);
	kill(keeper, SIGKILL);
	EXPECT_INT(reap(k, &end), -1);
	EXPECT(!is_alive(escaped));
	EXPECT_INT(count_run(run_name(17)), 0);
	EXPECT(is_alive(own)); /* a child of ours that is none of the keeper's */
	EXPECT_INT(la->reap(la->ctx, &end, &err), -1);
	EXPECT_INT(err.code, ERR_KILLED);
	EXPECT_STR(err.msg, "the process 'stage-keeper' was killed; all that it ran has been stopped");
	err_release(&err);
	EXPECT_INT(la->start(la->ctx, &l, &id, &err), -1);
	err_release(&err);
	stop(k, 1, true);
	keeper_free(k);
	kill(own, SIGKILL);
	EXPECT_INT(waitpid(own, NULL, 0), own);
}

static void sweeping(void)
{
	pid_t mlmake = other_mlmake(run_name(18), "f18", "lock18", "sleep 1000 & setsid sleep 1000 & echo r > f18; wait");
	pid_t keeper;
	char word[32];

	await_word("f18", word, sizeof(word));
	EXPECT(wait_for_count(run_name(18), 3));
	keeper = find_keeper(mlmake);
	kill(mlmake, SIGSTOP); /* so that neither can clean up after the other */
	kill(keeper, SIGKILL);
	kill(mlmake, SIGKILL);
	EXPECT_INT(waitpid(mlmake, NULL, 0), mlmake);
	EXPECT(wait_for_count(run_name(18), 2)); /* the shell is gone by itself */
	EXPECT_INT(keeper_sweep(run_name(1)), 0); /* the start of its name, but another */
	EXPECT_INT(keeper_sweep(run_name(18)), 2);
	EXPECT_INT(count_run(run_name(18)), 0);
	EXPECT_INT(keeper_sweep(run_name(18)), 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"exit status and signal are told", statuses},
		{"a command of several lines is one sh -eu", one_shell},
		{"the log takes output and errors, the input is empty", logs},
		{"environment is added to, changed and cut", environment},
		{"a prefix runs the shell", prefixes},
		{"commands longer than an argument may be", huge_commands},
		{"what cannot be run says why in its log", what_cannot_be_run_says_so},
		{"what a stage leaves behind is killed", what_a_stage_leaves_is_killed},
		{"and what others run is left alone", others_are_left_alone},
		{"stop asks, and gives time", stopping},
		{"stop by force", stopping_by_force},
		{"stages get clean descriptors and signals", descriptors_and_signals},
		{"time and memory are measured", usage_is_measured},
		{"two hundred stages, twenty at a time", many},
		{"freeing the keeper stops everything", freeing_stops_everything},
		{"kill -9 of mlmake: all dies, then the lock is free", kill_9_of_mlmake},
		{"kill -9 of the keeper: all dies", kill_9_of_the_keeper},
		{"kill -9 of both: the next run sweeps", sweeping},
	};

	test_pid = getpid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return tap_run("keeper", tests, ARRAY_SIZE(tests));
}
