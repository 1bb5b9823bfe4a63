/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake checkout` killed before its first, second, third ... system call that writes: each artifact is then as it was or as it
 * shall be, whole; the next checkout brings the rest and leaves nothing of the killed one; and what was in the way is in the
 * store. `mlmake reproduce` killed likewise: the work tree and what is known of it are as they were, and the next one comes to its end and
 * leaves nothing of the killed one.
 *
 * Every k-th call is taken; CRASH_ALL=1 takes all. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"
#include "util/file.h"
#include "util/strbuf.h"

#define SAMPLES 60
#define COMPLAINTS 8
#define ARTIFACTS 4

static const char pipeline[] =
	"[project]\nparams = params.ini\n"
	"[stage file]\ncmd = echo {{n}} > {{outs}}\nouts = deep/file.txt\n"
	"[stage tree]\ncmd = mkdir -p {{outs}}/empty; seq {{n}} 9 > {{outs}}/a; cp {{outs}}/a {{outs}}/b; ln -s a {{outs}}/l; chmod +x {{outs}}/b\n"
	"outs = tree\n"
	"[stage kind]\ncmd = if [ {{n}} = 1 ]; then mkdir {{outs}}; echo 1 > {{outs}}/x; else echo 2 > {{outs}}; fi\nouts = kind\n"
	"[stage link]\ncmd = ln -s {{n}} {{outs}}\nouts = link\n";
static const char *const names[ARTIFACTS] = {"deep/file.txt", "tree", "kind", "link"};

static char top[] = "/tmp/mlmake-return-XXXXXX";
static const char *mlmake;
static char *old[ARTIFACTS], *new[ARTIFACTS], *everything;
static const char *command; /* "checkout" or "reproduce" */

/* What an artifact is, as text; owned. */
static char *picture(const char *name)
{
	CLEANUP(freep) char *cmd = xstrfmt("{ find %s -printf '%%P %%y %%l %%m\\n' | sort; find %s -type f | sort | xargs -r cat; } > ../picture "
					   "2>&1", name, name);
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	must(cmd);
	if (file_read("../picture", (size_t)1 << 20, &sb, NULL) < 0)
		die("picture");
	return strbuf_detach(&sb);
}

static bool complain(long n, const char *call, const char *what, const char *name)
{
	printf("# call %ld (%s): %s %s\n", n, call, what, name);
	return false;
}

static bool is_whole(long n, const char *call, bool finished)
{
	size_t i;

	for (i = 0; i < ARTIFACTS; i++) {
		CLEANUP(freep) char *now = picture(names[i]);

		if (strcmp(now, new[i]) != 0 && (finished || strcmp(now, old[i]) != 0)) {
			printf("# it is: %s\n", now);
			return complain(n, call, finished ? "not put back:" : "neither old nor new:", names[i]);
		}
	}
	return true;
}

static bool is_right(long n, const char *call)
{
	if (!is_whole(n, call, false))
		return false;
	if (shell("\"$MLMAKE\" checkout v1 > ../second 2>&1") != 0)
		return complain(n, call, "the next checkout fails", "") && shell("sed 's/^/#   /' ../second") < 0;
	if (!is_whole(n, call, true))
		return false;
	if (shell("test -z \"$(find . -name '*mlmake-tmp*')\" && test ! -e .git/mlmake/work/top/placing && "
		  "test -z \"$(ls .git/mlmake/incoming 2> /dev/null)\"") != 0)
		return complain(n, call, "something is left over", "");
	/* `mine` was nobody's but the user's */
	if (shell("grep -rqs mine .git/mlmake/objects || git cat-file --batch-all-objects --batch | grep -q mine") != 0)
		return complain(n, call, "what was in the way is lost", "");
	return true;
}

/* The work tree, git's index and what a build knows; owned. */
static char *picture_of_all(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	must("{ find . -path ./.git -prune -o -printf '%p %y %l %m %s %T@\\n' | sort; sha256sum .git/index .git/mlmake/work/top/state; "
	     "find . -path ./.git -prune -o -type f -print | sort | xargs sha256sum; } > ../picture 2>&1");
	if (file_read("../picture", (size_t)1 << 20, &sb, NULL) < 0)
		die("picture");
	return strbuf_detach(&sb);
}

static bool is_untouched(long n, const char *call)
{
	CLEANUP(freep) char *now = picture_of_all();

	if (strcmp(now, everything) != 0)
		return complain(n, call, "something of the user's has changed", "") && shell("diff ../picture ../everything") < 0;
	if (shell("\"$MLMAKE\" reproduce v1 > ../second 2>&1") != 0)
		return complain(n, call, "the next reproduce fails", "") && shell("sed 's/^/#   /' ../second") < 0;
	if (shell("test \"$(ls .git/mlmake/trees)\" = lock && test -z \"$(ls .git/mlmake/incoming 2> /dev/null)\"") != 0)
		return complain(n, call, "something is left over", "");
	return true;
}

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf work && cp -a before work") != 0 || chdir("work") < 0)
		die("cannot begin again");
}

/* 1, 0, or -1: there is no n-th call. */
static int attempt(long n)
{
	char *const argv[] = {(char *)(size_t)mlmake, (char *)(size_t)command, (char *)(size_t)"v1", NULL};
	struct trace t = {.argv = argv, .stop_at = n, .hit = kill_it};

	begin_again();
	if (trace_run(&t, "../first") < 0)
		die("cannot trace");
	if (!t.call)
		return t.status == 0 ? -1 : complain(n, "none", "a run that was not killed fails", "");
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return strcmp(command, "checkout") == 0 ? is_right(n, t.call) : is_untouched(n, t.call);
}

static long count_calls(void)
{
	char *const argv[] = {(char *)(size_t)mlmake, (char *)(size_t)command, (char *)(size_t)"v1", NULL};
	struct trace t = {.argv = argv};

	begin_again();
	if (trace_run(&t, "../first") < 0)
		return -1;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return t.status == 0 ? t.writes : -2;
}

static void run_scenario(const char *name, int number, long calls)
{
	long n, tried = 0, wrong = 0, step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	int got = 1;

	for (n = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(n);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok %d - %s is killed, at %ld of about %ld calls that write\n", wrong ? "not " : "", number, name, tried, calls);
	fflush(stdout);
}

static void prepare(void)
{
	size_t i;

	must("mkdir before");
	if (chdir("before") < 0)
		die("before");
	must("git init -q -b main . && git config user.name t && git config user.email t@example.org");
	if (file_write("mlmake.ini", pipeline, strlen(pipeline), 0644, false, NULL) < 0)
		die("mlmake.ini");
	must("printf '%s\\n' /deep /tree /kind /link > .gitignore; echo 'n = 1' > params.ini; \"$MLMAKE\" -q");
	must("git add . && git commit -q -m 1 && git tag v1");
	for (i = 0; i < ARTIFACTS; i++)
		new[i] = picture(names[i]);
	must("echo 'n = 2' > params.ini; \"$MLMAKE\" -q; git commit -q -a -m 2; echo mine > tree/mine");
	for (i = 0; i < ARTIFACTS; i++)
		old[i] = picture(names[i]);
	begin_again(); /* times and inodes as in a copy */
	everything = picture_of_all();
	must("cp ../picture ../everything");
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

int main(void)
{
	static const char *const commands[] = {"checkout", "reproduce"};
	long calls;
	size_t i;

	mlmake = getenv("MLMAKE");
	if (!mlmake || !mkdtemp(top) || chdir(top) < 0)
		die("no MLMAKE, or no temporary directory");
	atexit(leave);
	unsetenv("MAKEFLAGS");
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot look for leaks while it is traced */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prepare();
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		command = commands[i];
		calls = count_calls();
		if (calls == -1) {
			printf("1..0 # SKIP ptrace is not available here\n");
			return 0;
		}
		if (calls < 0)
			die("traced it fails");
		if (!i)
			printf("1..%zu\n", sizeof(commands) / sizeof(commands[0]));
		run_scenario(command, (int)i + 1, calls);
	}
	for (i = 0; i < ARTIFACTS; i++) {
		free(old[i]);
		free(new[i]);
	}
	free(everything);
	return 0;
}
