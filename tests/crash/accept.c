/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake accept`, and its --undo, killed before its first, second, third ... system call that writes: nothing has run, no
 * output has changed, and what is known is what was before or what shall be. The same command given again comes to the end that
 * it would have come to.
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

#define SAMPLES 60
#define COMPLAINTS 8

static const char pipeline[] = "[stage one]\ncmd = sh one.sh > {{outs}}; echo ran >> count\ncode = one.sh\nouts = one.txt\n"
			       "[stage two]\ncmd = cat {{data}} > {{outs}}; echo ran >> count\ndata = one.txt\nouts = two.txt\n";

/* What is killed, what tells that it has been done, and that it has not. */
struct deed {
	const char *name;
	const char *argv[6];
	const char *again, *done, *not_done, *written;
};

static char top[] = "/tmp/mlmake-accept-XXXXXX";

static void put(const char *path, const char *text)
{
	if (file_write(path, text, strlen(text), 0644, false, NULL) < 0)
		die(path);
}

static bool complain(long n, const char *call, const char *what)
{
	printf("# call %ld (%s): %s\n", n, call ? call : "none", what);
	if (shell("sed 's/^/#   /' ../said") != 0)
		die("sed");
	return false;
}

static bool is_right(const struct deed *d, long n, const char *call)
{
	bool done = shell(d->done) == 0;

	if (!done && shell(d->not_done) != 0)
		return complain(n, call, "it is neither done nor not done");
	if (shell(d->again) != 0)
		return complain(n, call, "given again, it fails");
	if (shell(d->done) != 0 || shell(d->written) != 0)
		return complain(n, call, "given again, it is not done");
	if (shell("cmp -s count ../count && cmp -s one.txt ../one.txt && cmp -s two.txt ../two.txt") != 0)
		return complain(n, call, "something has run, or an output has changed");
	if (file_exists(".mlmake/work/top/journal"))
		return complain(n, call, "the journal is still there");
	return true;
}

static void begin_again(const char *before)
{
	CLEANUP(freep) char *cmd = xstrfmt("rm -rf work && cp -a %s work", before);

	if (chdir(top) < 0 || shell(cmd) != 0 || chdir("work") < 0)
		die("cannot begin again");
}

/* 1: all is well after the n-th call; 0: it is not; -1: there is no n-th call. */
static int attempt(const struct deed *d, const char *before, long n, long *calls)
{
	struct trace t = {.argv = (char *const *)(uintptr_t)d->argv, .stop_at = n, .hit = kill_it};

	begin_again(before);
	if (trace_run(&t, "../said") < 0)
		return -2;
	*calls = t.writes;
	if (!t.call)
		return t.status == 0 ? -1 : complain(n, NULL, "without a kill it fails");
	if (!(WIFSIGNALED(t.status) && WTERMSIG(t.status) == SIGKILL))
		return complain(n, t.call, "the kill did not kill");
	return is_right(d, n, t.call);
}

static int run_deed(const struct deed *d, const char *before, int number)
{
	long n, tried = 0, wrong = 0, calls = 0, step;
	int got = attempt(d, before, 0, &calls);

	if (got == -2)
		return -1;
	step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	for (n = 1, got = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		long ignored;

		got = attempt(d, before, n, &ignored);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok %d - %s is killed, at %ld of about %ld calls that write\n", wrong ? "not " : "", number, d->name, tried, calls);
	fflush(stdout);
	return 0;
}

static void prepare(void)
{
	must("mkdir before");
	if (chdir("before") < 0)
		die("cannot make the project");
	put("mlmake.ini", pipeline);
	put("one.sh", "echo 1\n");
	must("\"$MLMAKE\" -q > ../said 2>&1");
	put("one.sh", "echo 1; : and more\n");
	must("cp count one.txt two.txt ..; cp -a . ../accepted");
	must("cd ../accepted && \"$MLMAKE\" accept one --because x > ../said 2>&1");
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

int main(void)
{
	const char *mlmake = getenv("MLMAKE");
	const char *accepted = "\"$MLMAKE\" status --check > ../said 2>&1";
	const char *stale = "\"$MLMAKE\" status --check > ../said 2>&1; [ $? = 4 ]";
	const struct deed deeds[] = {
		{"accept", {mlmake, "accept", "one", "--because", "x", NULL},
		 "\"$MLMAKE\" accept one --because x > ../said 2>&1 || grep -q 'nothing to accept' ../said", accepted, stale,
		 "[ $(grep -c '^step ' mlmake.lock) = 1 ]"},
		{"accept --undo", {mlmake, "accept", "one", "--undo", NULL},
		 "\"$MLMAKE\" accept one --undo > ../said 2>&1 || grep -q 'nothing to take back' ../said", stale, accepted,
		 "! grep -q '^step ' mlmake.lock"},
	};
	static const char *const befores[] = {"before", "accepted"};
	size_t i;

	if (!mlmake || !mkdtemp(top) || chdir(top) < 0)
		die("no MLMAKE, or no temporary directory");
	atexit(leave);
	unsetenv("MAKEFLAGS");
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot look for leaks while it is traced */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prepare();
	for (i = 0; i < 2; i++)
		if (run_deed(&deeds[i], befores[i], (int)i + 1) < 0) {
			printf("1..0 # SKIP ptrace is not available here\n");
			return 0;
		}
	printf("1..2\n");
	return 0;
}
