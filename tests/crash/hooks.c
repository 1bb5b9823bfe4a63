/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hook, its worker and the build that it starts, killed before the first, second, third ... system call by which any of them writes:
 * one of them, or all at once. The next `mlmake hook` finds what was asked for, the commit is built, a build in the work tree
 * restores it, the user's files and index are as they were, and nothing is left.
 *
 * Every k-th call is taken; CRASH_ALL=1 takes all. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"
#include "util/file.h"

#define SAMPLES 25 /* of each scenario */
#define COMPLAINTS 8

static const char pipeline[] =
	"[project]\nwatch = off\n"
	"[stage one]\ncmd = sort {{data}} > {{outs}}\ndata = raw.txt\nouts = one.txt\n"
	"[stage two]\ncmd = mkdir {{outs}}; cp {{data}} {{outs}}/a; head -c 200000 /dev/zero > {{outs}}/big\ndata = one.txt\nouts = two\n"
	"[hook post-commit]\n";

/* The copy of mlmake is known by its name among all processes. */
static const char prepare_all[] =
	"cp \"$MLMAKE\" mm && mkdir before && cd before && git init -q -b main . && git config user.name t && git config user.email t@example.org && "
	"cp ../mlmake.ini . && printf '/one.txt\\n/two\\n/raw.txt\\n/mlmake.lock\\n' > .gitignore && printf 'b\\na\\n' > raw.txt && "
	"git add . && git commit -q -m first && echo change >> .gitignore && echo staged > staged && git add staged && git write-tree > ../index";

static const char check_asked[] = "ls .git/mlmake/queue 2> ../said | grep -q '^0'";

static const char check_all[] =
	"exec > ../said 2>&1; for i in 1 2 3; do ../mm hook watch && break; done; ../mm hook log; ../mm hook log -n 1 | grep -q ' done ' || exit 1; "
	"test -z \"$(ls .git/mlmake/queue | grep '^0')\" || { echo entries; exit 1; }; "
	"test ! -e .git/mlmake/trees/hook || { echo a tree; exit 1; }; test ! -e .git/mlmake/queue/now || { echo now; exit 1; }; "
	"git write-tree | cmp - ../index || exit 1; test \"$(git status --porcelain | tr '\\n' '|')\" = ' M .gitignore|A  staged|' || exit 1; "
	"../mm && grep -q '^a$' two/a && test $(stat -c %s two/big) = 200000 || exit 1; test $(../mm log | grep -c failed) = 0 || exit 1; ../mm fsck";

static const char kill_all[] = "for p in /proc/[0-9]*; do test \"$(readlink $p/exe)\" = \"$PWD/mm\" && kill -9 ${p#/proc/}; done; :";

static char top[] = "/tmp/mlmake-hooks-XXXXXX";
static char program[64];
static char *const argv[] = {program, (char *)(size_t)"hook", (char *)(size_t)"run", (char *)(size_t)"post-commit", NULL};

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf work && cp -a before work") != 0 || chdir("work") < 0)
		die("cannot begin again");
}

static void kill_them_all(pid_t pid)
{
	kill(pid, SIGKILL);
	if (chdir(top) < 0 || shell(kill_all) != 0 || chdir("work") < 0)
		die("cannot kill");
}

static bool complain(long n, const char *call, const char *what)
{
	printf("# call %ld (%s): %s\n", n, call, what);
	return shell("sed 's/^/#   /' ../said; ls -la .git/mlmake/queue | sed 's/^/#   /'") < 0;
}

/* 1, 0, or -1: there is no n-th call. */
static int attempt(long n, void (*hit)(pid_t pid))
{
	struct trace t = {.argv = argv, .stop_at = n, .hit = hit, .children = program};
	bool asked;

	begin_again();
	if (trace_run(&t, "../said") < 0)
		die("cannot trace");
	asked = shell(check_asked) == 0 || file_exists(".git/mlmake/queue/last");
	if (!asked) /* killed before it was written down: a commit of which git itself says that its hook failed */
		return t.call && (shell("../mm hook run post-commit") != 0 || shell(check_all) == 0 || complain(n, t.call, "the next hook builds nothing"));
	if (shell(check_all) != 0)
		return complain(n, t.call ? t.call : "none", "it is not built, or something is left");
	return t.call ? 1 : -1;
}

static long count_calls(void)
{
	struct trace t = {.argv = argv, .children = program};

	begin_again();
	if (trace_run(&t, "../said") < 0)
		return -1;
	return t.status == 0 && shell(check_all) == 0 ? t.writes : -2;
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

static void scenario(int number, const char *who, long calls, void (*hit)(pid_t pid))
{
	long n, tried = 0, wrong = 0, step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	int got = 1;

	for (n = number; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(n, hit);
		tried += got >= 0;
		wrong += got == 0;
		fflush(stdout);
	}
	printf("%sok %d - %s killed, at %ld of about %ld calls that write\n", wrong ? "not " : "", number, who, tried, calls);
}

int main(void)
{
	long calls;

	if (!getenv("MLMAKE") || !mkdtemp(top) || chdir(top) < 0)
		die("no MLMAKE, or no temporary directory");
	snprintf(program, sizeof(program), "%s/mm", top);
	atexit(leave);
	unsetenv("MAKEFLAGS");
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot look for leaks while it is traced */
	if (file_write("mlmake.ini", pipeline, sizeof(pipeline) - 1, 0644, false, NULL) < 0 || shell(prepare_all) != 0)
		die("cannot prepare");
	calls = count_calls();
	if (calls == -1) {
		printf("1..0 # SKIP ptrace is not available here\n");
		return 0;
	}
	if (calls < 0) {
		(void)!shell("sed 's/^/#   /' ../said");
		die("a traced hook fails");
	}
	printf("1..2\n");
	scenario(1, "one process", calls, kill_it);
	scenario(2, "all processes", calls, kill_them_all);
	return 0;
}
