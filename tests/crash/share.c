/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake push` and `mlmake pull`, to a directory, killed before their first, second, third ... system call that writes: then all
 * objects on both sides hash to their names, no chain of runs there speaks of what is not there, the next push or pull brings the rest,
 * and nothing of the killed one is left.
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

#define SAMPLES 40
#define COMPLAINTS 8

static const char pipeline[] =
	"[remote lab]\nurl = ../lab\n"
	"[stage large]\nmatrix n = 1 2\ncmd = head -c 300000 /dev/zero | tr '\\0' {{n}} > {{outs}}\nouts = large-{{n}}\n"
	"[stage tree]\ncmd = mkdir {{outs}}; cat {{data}} {{data}} > {{outs}}/large; echo small > {{outs}}/small\ndata = large-1\nouts = tree\n";

static char top[] = "/tmp/mlmake-share-XXXXXX";
static const char *mlmake;
static const char *command; /* "push" or "pull" */

/* Of both sides, in any state. */
static const char hashes[] =
	"for f in $(find .git/mlmake/objects ../lab/objects -type f 2> /dev/null); do "
	"test \"$(sha256sum < $f | cut -d' ' -f1)\" = ${f##*/} || exit 1; done";
/* A chain that stands there has all its files there. */
static const char no_promises[] =
	"test -z \"$(git --git-dir=../lab/lineage.git for-each-ref 2> /dev/null)\" || test $(find ../lab/objects -type f | wc -l) = 3";
static const char sound[] = "git fsck --strict > ../fsck 2>&1 && { test ! -e ../lab/lineage.git/HEAD || git --git-dir=../lab/lineage.git fsck "
			    "> ../fsck 2>&1; }";
static const char complete[] =
	"test $(find ../lab/objects -type f | wc -l) = 3 && test $(find .git/mlmake/objects -type f | wc -l) = 3 && "
	"test \"$(git for-each-ref --format='%(objectname) %(refname)' refs/mlmake/log)\" = "
	"\"$(git --git-dir=../lab/lineage.git for-each-ref --format='%(objectname) %(refname)')\"";
static const char clean[] =
	"test -z \"$(ls .git/mlmake/incoming .git/mlmake/arriving ../lab/incoming ../lab/arriving 2> /dev/null | grep -v ':$' | grep .)\" && "
	"test -z \"$(ls -d ../lab/lineage.git.* 2> /dev/null)\"";

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(99);
}

static int shell(const char *cmd)
{
	return system(cmd); /* NOLINT: the words are all ours */
}

static void must(const char *cmd)
{
	if (shell(cmd) != 0)
		die(cmd);
}

static bool holds(long n, const char *call, const char *test, const char *what)
{
	if (shell(test) == 0)
		return true;
	printf("# call %ld (%s): %s\n", n, call, what);
	return false;
}

static bool is_right(long n, const char *call)
{
	CLEANUP(freep) char *again = xstrfmt("\"$MLMAKE\" %s > ../second 2>&1 || { sed 's/^/# /' ../second; exit 1; }", command);

	return holds(n, call, hashes, "an object does not hash to its name") &&
	       holds(n, call, no_promises, "a chain there speaks of what is not there") &&
	       holds(n, call, sound, "git finds something broken") && holds(n, call, again, "the next one fails") &&
	       holds(n, call, hashes, "afterwards an object does not hash to its name") &&
	       holds(n, call, complete, "afterwards not all is there") &&
	       holds(n, call, "rm -rf large-* tree && \"$MLMAKE\" 2>&1 | tail -n 1 | grep -q '^3 restored'", "it is not restored") &&
	       holds(n, call, clean, "something is left over");
}

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf lab work && cp -a lab.before lab && cp -a work.before work") != 0 || chdir("work") < 0)
		die("cannot begin again");
}

static void kill_it(pid_t pid)
{
	kill(pid, SIGKILL);
}

static void run(struct trace *t)
{
	char *const argv[] = {(char *)(size_t)mlmake, (char *)(size_t)command, NULL};

	begin_again();
	t->argv = argv;
	if (trace_run(t, "../first") < 0) {
		printf("1..0 # SKIP no ptrace here\n");
		exit(0);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) /* what it has started */
		;
}

/* 1, 0, or -1: there is no n-th call. */
static int attempt(long n)
{
	struct trace t = {.stop_at = n, .hit = kill_it};

	run(&t);
	if (t.call)
		return is_right(n, t.call);
	return t.status == 0 ? -1 : holds(n, "none", "false", "one that was not killed fails") - 1;
}

static void run_scenario(int number, const char *name)
{
	struct trace whole = {.stop_at = 0};
	long n, tried = 0, wrong = 0, step;
	int got = 1;

	run(&whole);
	step = getenv("CRASH_ALL") ? 1 : (whole.writes + SAMPLES - 1) / SAMPLES;
	for (n = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(n);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok %d - %s is killed, at %ld of about %ld calls that write\n", wrong || !tried ? "not " : "", number, name, tried,
	       whole.writes);
	fflush(stdout);
}

static void prepare(void)
{
	must("mkdir work.before");
	if (chdir("work.before") < 0)
		die("work.before");
	must("git init -q -b main . && git config user.name t && git config user.email t@example.org");
	if (file_write("mlmake.ini", pipeline, strlen(pipeline), 0644, false, NULL) < 0)
		die("mlmake.ini");
	must("printf '/large-*\\n/tree\\n' > .gitignore; \"$MLMAKE\" -q && git add . && git commit -q -m 1");
	if (chdir("..") < 0)
		die("..");
}

int main(void)
{
	mlmake = getenv("MLMAKE");
	if (!mlmake || !mkdtemp(top) || chdir(top) < 0)
		die("no place, or MLMAKE is not set");
	unsetenv("MAKEFLAGS");
	setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
	prctl(PR_SET_CHILD_SUBREAPER, 1L);
	prepare();
	puts("1..3");
	must("mkdir lab.before");
	command = "push";
	run_scenario(1, "the first push");
	must("cd ../work && \"$MLMAKE\" push -q && rm -rf ../lab.before && cp -a ../lab ../lab.before");
	must("cd .. && git clone -q \"file://$PWD/work.before\" clone && mv work.before work.first && mv clone work.before");
	command = "pull";
	run_scenario(2, "the first pull");
	must("cd .. && rm -rf work.before && mv work.first work.before && cd work.before && rm -rf ../lab && cp -a ../lab.before ../lab && "
	     "\"$MLMAKE\" -q -B && \"$MLMAKE\" -q");
	command = "push";
	run_scenario(3, "a further push");
	if (chdir("/") == 0)
		(void)!file_remove_tree(top, NULL);
	return 0;
}
