/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever mlmake was doing when it was killed, the next run makes the work tree what it would have been.
 *
 * A small project in which one stage has to run again over old outputs, one to be restored and one to run for the first
 * time is built once undisturbed. Then it is built again and again from the same beginning, and killed before its
 * first, second, third ... system call that writes, until it comes to its end. After each kill the next run must succeed
 * and leave exactly what the undisturbed one left, and nothing of what the first one had under way.
 *
 * Every k-th call is taken, so that all scenarios together take a minute; CRASH_ALL=1 takes all. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"
#include "util/file.h"
#include "util/strbuf.h"
#include "util/strvec.h"

#define STATE ".mlmake/work/top"
#define SAMPLES 60   /* of each scenario */
#define COMPLAINTS 8 /* of each scenario */

static const char pipeline[] =
	"[project]\nname = crash\nparams = params.ini\n"
	"[stage count]\ncmd = sleep 600 & wc -c < data.txt > {{outs.1}}; mkdir -p {{outs.2}}/empty; tr a-z A-Z < data.txt > {{outs.2}}/big;"
	" cp data.txt {{outs.2}}/run.sh; chmod +x {{outs.2}}/run.sh; ln -s big {{outs.2}}/link\n"
	"data = data.txt\nouts = count.txt shout\n"
	"[stage scale]\ncmd = echo {{size}} > {{outs.1}}; mkdir -p {{outs.2}}; echo {{size}} > {{outs.2}}/a; echo b > {{outs.2}}/b\n"
	"outs = deep/scale.txt deep/parts\n"
	"[stage join]\ncmd = cat count.txt deep/scale.txt shout/big deep/parts/a > {{outs}}; echo '{\"n\": 1}' > {{metrics}}\n"
	"data = count.txt shout deep\nouts = join.txt\nmetrics = metrics.json\n";

static char top[] = "/tmp/mlmake-crash-XXXXXX";
static char tag[64]; /* in the environment of everything that is started here */
static const char *mlmake;
static struct strbuf wanted = STRBUF_INIT; /* the tree that the undisturbed build left */

static void put(const char *path, const char *text)
{
	if (file_write(path, text, strlen(text), 0644, false, NULL) < 0)
		die(path);
}

/* Waits for every process that was started here and lost its parent. False if one does not end. */
static volatile sig_atomic_t too_long;

static void on_alarm(int sig)
{
	(void)sig;
	too_long = 1;
}

static bool has_tag(const char *pid)
{
	CLEANUP(freep) char *file = xstrfmt("/proc/%s/environ", pid);
	CLEANUP(strbuf_release) struct strbuf env = STRBUF_INIT;
	CLEANUP(closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(&env, buf, (size_t)n);
	return memmem(env.buf, env.len, tag, strlen(tag)) != NULL;
}

static void kill_tagged(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && atol(e->d_name) != getpid() && has_tag(e->d_name))
			kill((pid_t)atol(e->d_name), SIGKILL);
	if (dir)
		closedir(dir);
}

static bool all_gone(void)
{
	bool gone;

	too_long = 0;
	alarm(20);
	while (!too_long && (waitpid(-1, NULL, 0) > 0 || errno == EINTR))
		;
	gone = !too_long;
	alarm(0);
	if (!gone) {
		kill_tagged();
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	return gone;
}

/* Everything below path as lines "path kind content", but for .mlmake. */
static void list_tree(const char *path, struct strbuf *out);

static void list_one(const char *path, struct strbuf *out)
{
	char target[256];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return;
	strbuf_addf(out, "%s %s%s ", path, S_ISDIR(st.st_mode) ? "d" : S_ISLNK(st.st_mode) ? "l" : "f",
		    S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR) ? "x" : "");
	if (S_ISLNK(st.st_mode) && (n = readlink(path, target, sizeof(target))) > 0)
		strbuf_add(out, target, (size_t)n);
	if (S_ISREG(st.st_mode) && file_read(path, (size_t)1 << 24, out, NULL) < 0)
		strbuf_addstr(out, "unreadable");
	strbuf_addch(out, '\n');
	if (S_ISDIR(st.st_mode))
		list_tree(path, out);
}

static void list_tree(const char *path, struct strbuf *out)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t i;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, ".mlmake") != 0)
			strvec_push(&names, e->d_name);
	if (dir)
		closedir(dir);
	strvec_sort(&names);
	for (i = 0; i < names.n; i++) {
		CLEANUP(freep) char *below = xstrfmt("%s/%s", path, names.v[i]);

		list_one(below, out);
	}
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool empty = true;

	while (dir && (e = readdir(dir)))
		empty &= e->d_name[0] == '.' && (!e->d_name[1] || e->d_name[1] == '.');
	if (dir)
		closedir(dir);
	return empty;
}

/* ---- one attempt ---- */

struct scenario {
	const char *name;
	void (*hit)(pid_t pid);
	bool survives; /* mlmake itself is not killed, so it may succeed */
};

static bool complain(long n, const char *call, const char *what)
{
	printf("# call %ld (%s): %s\n", n, call ? call : "none", what);
	return false;
}

static bool is_right(long n, const char *call, int status)
{
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;

	if (status != 0)
		return complain(n, call, "the next run fails") && shell("sed 's/^/#   /' ../second >&2");
	if (shell("\"$MLMAKE\" status --check > ../third 2>&1") != 0)
		return complain(n, call, "something is stale after the next run") || shell("sed 's/^/#   /' ../second ../third") < 0;
	list_tree(".", &got);
	if (got.len != wanted.len || memcmp(got.buf, wanted.buf, got.len) != 0) {
		put("../got", got.buf);
		complain(n, call, "the work tree is not that of an undisturbed build");
		return shell("diff ../wanted ../got | sed 's/^/#   /'; sed 's/^/#   /' ../second") < 0;
	}
	if (file_exists(STATE "/journal"))
		return complain(n, call, "the journal is still there");
	if (!is_empty(STATE "/aside"))
		return complain(n, call, "something is left in aside/") || shell("find " STATE "/aside | sed 's/^/#   /'") < 0;
	if (shell("ls .mlmake/git/objects/pack/tmp_mlmake_* > ../third 2>&1") == 0)
		return complain(n, call, "an unfinished pack is left") || shell("sed 's/^/#   /' ../third") < 0;
	if (!is_empty(".mlmake/incoming"))
		return complain(n, call, "something is left in incoming/");
	return true;
}

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf work && cp -a before work") != 0 || chdir("work") < 0)
		die("cannot begin again");
}

/* 1: all is well after the n-th call; 0: it is not; -1: there is no n-th call. */
static int attempt(const struct scenario *sc, long n)
{
	char *const argv[] = {(char *)(size_t)mlmake, (char *)(size_t)"-j2", NULL};
	struct trace t = {.argv = argv, .stop_at = n, .hit = sc->hit};
	int status;

	begin_again();
	if (trace_run(&t, "../first") < 0)
		die("cannot trace");
	if (!t.call)
		return t.status == 0 ? -1 : complain(n, NULL, "a run that was not killed fails");
	if (!sc->survives && !(WIFSIGNALED(t.status) && WTERMSIG(t.status) == SIGKILL))
		return complain(n, t.call, "the kill did not kill");
	status = shell("\"$MLMAKE\" -j2 > ../second 2>&1");
	if (!all_gone())
		return complain(n, t.call, "a process is left over");
	return is_right(n, t.call, status);
}

static long count_calls(void)
{
	char *const argv[] = {(char *)(size_t)mlmake, (char *)(size_t)"-j2", NULL};
	struct trace t = {.argv = argv};

	begin_again();
	if (trace_run(&t, "../first") < 0)
		return -1;
	all_gone();
	return t.status == 0 ? t.writes : -2;
}

static bool run_scenario(const struct scenario *sc, int number, long calls)
{
	long n, tried = 0, wrong = 0;
	long step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	int got = 1;

	for (n = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(sc, n);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok %d - %s, at %ld of about %ld calls that write\n", wrong ? "not " : "", number, sc->name, tried, calls);
	fflush(stdout);
	return !wrong;
}

/* ---- who is killed ---- */

static pid_t find_keeper(pid_t of)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	while (dir && !found && (e = readdir(dir))) {
		CLEANUP(freep) char *file = xstrfmt("/proc/%s/stat", e->d_name);
		FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(file, "re") : NULL;
		char name[32];
		int pid, parent;

		if (f && fscanf(f, "%d (%31[^)]) %*c %d", &pid, name, &parent) == 3 && parent == of &&
		    strcmp(name, "stage-keeper") == 0)
			found = pid;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void kill_mlmake(pid_t pid)
{
	kill(pid, SIGKILL);
}

static void kill_group(pid_t pid)
{
	kill(-pid, SIGKILL);
}

static void kill_keeper(pid_t pid)
{
	pid_t keeper = find_keeper(pid);

	if (keeper)
		kill(keeper, SIGKILL);
}

static void kill_both(pid_t pid)
{
	pid_t keeper = find_keeper(pid);

	kill(pid, SIGKILL);
	if (keeper)
		kill(keeper, SIGKILL);
}

/* ---- the beginning ---- */

static void build_or_die(const char *params, const char *data)
{
	put("params.ini", params);
	put("data.txt", data);
	if (shell("\"$MLMAKE\" -q > ../first 2>&1") != 0) {
		if (shell("sed 's/^/# /' ../first") != 0)
			die("sed");
		die("the project cannot be built");
	}
}

/* `count` has run before and its data changed; `scale` is to be restored; `join` never ran, for it was not there. */
static void prepare(void)
{
	const char *join = strstr(pipeline, "[stage join]");
	CLEANUP(freep) char *without = xstrndup(pipeline, (size_t)(join - pipeline));

	if (mkdir("before", 0777) < 0 || chdir("before") < 0)
		die("cannot make the project");
	put("mlmake.ini", without);
	build_or_die("size = 1\n", "one\n");
	build_or_die("size = 2\n", "one\n");
	put("mlmake.ini", pipeline);
	put("params.ini", "size = 1\n");
	put("data.txt", "two and three\n");
	begin_again();
	if (shell("\"$MLMAKE\" -q > ../first 2>&1") != 0)
		die("the project cannot be built");
	list_tree(".", &wanted);
	put("../wanted", wanted.buf);
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		{"mlmake is killed", kill_mlmake, false},
		{"its process group is killed", kill_group, false},
		{"the keeper is killed", kill_keeper, true},
		{"mlmake and the keeper are killed", kill_both, false},
	};
	struct sigaction act = {.sa_handler = on_alarm};
	size_t i;
	long calls;

	mlmake = getenv("MLMAKE");
	if (!mlmake || !mkdtemp(top) || chdir(top) < 0)
		die("no MLMAKE, or no temporary directory");
	atexit(leave);
	snprintf(tag, sizeof(tag), "MLMAKE_CRASH_TEST=%ld.", (long)getpid());
	putenv(tag);
	unsetenv("MAKEFLAGS");
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot look for leaks while it is traced */
	sigaction(SIGALRM, &act, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prepare();
	calls = count_calls();
	if (calls == -1) {
		printf("1..0 # SKIP ptrace is not available here\n");
		return 0;
	}
	if (calls < 0)
		die("a traced build fails");
	printf("1..%zu\n", sizeof(scenarios) / sizeof(scenarios[0]));
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		run_scenario(&scenarios[i], (int)i + 1, calls);
	strbuf_release(&wanted);
	return 0;
}
