/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake push` and `mlmake pull`, killed before their first, second, third ... system call that writes: then all objects on both sides
 * hash to their names, no chain of runs there speaks of what is not there, the next push or pull brings the rest, and nothing of the
 * killed one is left.
 *
 * The remote is the directory lab beside the work tree; or, if SHARE_KIND says so, "ssh", "lfs" or "rclone" reach the same directory in
 * their ways, which SHARE_REMOTE tells as lines for [remote], and SHARE_TOP is the directory above (tests/shell/t0068-share-killed.sh). What the
 * killed one had started on the other side may go on for a moment.
 *
 * Every k-th call is taken, SHARE_SAMPLES (40) in all; CRASH_ALL=1 takes all. */
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
	"[remote lab]\n%s\n"
	"[stage large]\nmatrix n = 1 2\ncmd = head -c 300000 /dev/zero | tr '\\0' {{n}} > {{outs}}\nouts = large-{{n}}\n"
	"[stage tree]\ncmd = mkdir {{outs}}; cat {{data}} {{data}} > {{outs}}/large; echo small > {{outs}}/small\ndata = large-1\nouts = tree\n";

static char top[4096] = "/tmp/mlmake-share-XXXXXX";
static const char *mlmake;
static const char *command; /* "push" or "pull" */

/* What has to be true of the other side, as shell scripts that run in the work tree. */
struct side {
	const char *name, *empty; /* the latter makes lab.before as it is before the first push */
	const char *hashes;       /* in any state; NULL: what arrives is not verified by that side */
	const char *payloads;     /* prints the names of the payloads there */
	const char *lineage;      /* prints the commits at which chains stand there */
	const char *sound, *clean;
};
#define OBJECTS "find ../lab/objects -type f 2> /dev/null | sed 's|.*/||' | grep -v '[.]'"
#define HASHES(dir) "for f in $(find " dir " -type f 2> /dev/null); do test \"$(sha256sum < $f | cut -d' ' -f1)\" = ${f##*/} || exit 1; done"
#define OURS "{ test ! -e ../lab/lineage.git/HEAD || git --git-dir=../lab/lineage.git fsck > ../fsck 2>&1; }"
#define TIPS(git) "git --git-dir=" git " for-each-ref --format='%(objectname)' refs/mlmake/log 2> /dev/null"
#define LEFT "test -z \"$(ls ../lab/incoming ../lab/arriving 2> /dev/null | grep -v ':$' | grep .)\" && test -z \"$(ls -d ../lab/lineage.git.* 2> /dev/null)\""
static const struct side sides[] = {
	{"dir", "mkdir lab.before", HASHES("../lab/objects"), OBJECTS, TIPS("../lab/lineage.git"), OURS, LEFT},
	{"ssh", "mkdir lab.before", HASHES("../lab/objects"), OBJECTS, TIPS("../lab/lineage.git"), OURS, LEFT},
	{"lfs", "mkdir -p lab.before/payloads && git init -q --bare lab.before/one.git && git -C lab.before/one.git config http.receivepack true",
	 "for f in $(find ../lab/payloads -type f ! -name '*.new'); do test \"$(sha256sum < $f | cut -d' ' -f1)\" = ${f##*/} || exit 1; done",
	 "ls ../lab/payloads | grep -v '[.]'", TIPS("../lab/one.git"), "git --git-dir=../lab/one.git fsck > ../fsck 2>&1",
	 "test -z \"$(git for-each-ref refs/mlmake/keep refs/mlmake/sending)\" && test ! -e .git/lfs"},
	{"rclone", "mkdir lab.before", NULL, OBJECTS, "ls ../lab/lineage/*/ 2> /dev/null | sed -n 's/^[0-9]*[.][0-9a-f]*[.]\\([0-9a-f]\\{40\\}\\)[.].*/\\1/p' | tail -n 1",
	 "true", "true"},
};
static const struct side *side = &sides[0];

static const char hashes[] = HASHES(".git/mlmake/objects");
static const char sound[] = "git fsck --strict > ../fsck 2>&1";
static const char clean[] = "test -z \"$(ls .git/mlmake/incoming .git/mlmake/arriving 2> /dev/null | grep -v ':$' | grep .)\"";

static bool holds(long n, const char *call, const char *test, const char *what)
{
	if (shell(test) == 0)
		return true;
	printf("# call %ld (%s): %s\n", n, call, what);
	return false;
}

/* A chain that stands there has all its files there. */
static bool no_promises(long n, const char *call)
{
	CLEANUP(freep) char *test = xstrfmt("test -z \"$(%s)\" || test $(%s | wc -l) = 3", side->lineage, side->payloads);

	return holds(n, call, test, "a chain there speaks of what is not there");
}

static bool is_complete(long n, const char *call)
{
	CLEANUP(freep) char *test = xstrfmt("test $(%s | wc -l) = 3 && test $(find .git/mlmake/objects -type f | wc -l) = 3 && test \"$(%s)\" = \"$(%s)\"",
					    side->payloads, side->lineage, TIPS(".git"));

	return holds(n, call, test, "afterwards not all is there");
}

static bool is_right(long n, const char *call)
{
	CLEANUP(freep) char *again = xstrfmt("\"$MLMAKE\" %s > ../second 2>&1 || { sed 's/^/# /' ../second; exit 1; }", command);
	const char *there = side->hashes ? side->hashes : "true";
	const char *after = side->hashes ? side->hashes : HASHES("../lab/objects");

	return holds(n, call, hashes, "an object does not hash to its name") && holds(n, call, there, "a payload there does not hash to its name") &&
	       no_promises(n, call) && holds(n, call, sound, "git finds something broken") &&
	       holds(n, call, side->sound, "git finds something broken there") && holds(n, call, again, "the next one fails") &&
	       holds(n, call, hashes, "afterwards an object does not hash to its name") &&
	       holds(n, call, after, "afterwards a payload there does not hash to its name") && is_complete(n, call) &&
	       holds(n, call, "rm -rf large-* tree && \"$MLMAKE\" 2>&1 | tail -n 1 | grep -q '^3 restored'", "it is not restored") &&
	       holds(n, call, clean, "something is left over") && holds(n, call, side->clean, "something is left over there");
}

static void begin_again(void)
{
	/* What goes on there for a moment may put a file into what is being removed. */
	static const char words[] = "i=0; until rm -rf lab work 2> /dev/null; do i=$((i + 1)); test $i -lt 100 || exit 1; sleep 0.05; done; "
				    "cp -a lab.before lab && cp -a work.before work";

	if (chdir(top) < 0 || shell(words) != 0 || chdir("work") < 0)
		die("cannot begin again");
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
	long n, tried = 0, wrong = 0, step, samples;
	int got = 1;

	run(&whole);
	samples = getenv("SHARE_SAMPLES") ? atol(getenv("SHARE_SAMPLES")) : SAMPLES;
	step = getenv("CRASH_ALL") ? 1 : (whole.writes + samples - 1) / MAX(samples, 1L);
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
	const char *remote = getenv("SHARE_REMOTE");
	CLEANUP(freep) char *text = xstrfmt(pipeline, remote ? remote : "url = ../lab");

	must(side->empty);
	must("mkdir work.before");
	if (chdir("work.before") < 0)
		die("work.before");
	must("git init -q -b main . && git config user.name t && git config user.email t@example.org");
	if (file_write("mlmake.ini", text, strlen(text), 0644, false, NULL) < 0)
		die("mlmake.ini");
	must("printf '/large-*\\n/tree\\n' > .gitignore; \"$MLMAKE\" -q && git add . && git commit -q -m 1");
	if (chdir("..") < 0)
		die("..");
}

/* Where it is, and what the other side is. */
static void find_place(void)
{
	const char *kind = getenv("SHARE_KIND"), *there = getenv("SHARE_TOP");
	size_t i;

	for (i = 0; kind && i < ARRAY_SIZE(sides); i++)
		if (streq(sides[i].name, kind))
			side = &sides[i];
	if (there && strlen(there) < sizeof(top))
		strcpy(top, there);
	if ((!there && !mkdtemp(top)) || chdir(top) < 0)
		die("no place");
	if (!kind)
		setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
}

int main(void)
{
	mlmake = getenv("MLMAKE");
	if (!mlmake)
		die("MLMAKE is not set");
	find_place();
	unsetenv("MAKEFLAGS");
	prctl(PR_SET_CHILD_SUBREAPER, 1L);
	prepare();
	puts("1..3");
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
	if (chdir("/") == 0 && !getenv("SHARE_TOP"))
		(void)!file_remove_tree(top, NULL);
	return 0;
}
