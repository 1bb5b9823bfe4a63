/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake gc` killed before its first, second, third ... system call that writes: whatever is needed is there, the log and fsck say so,
 * and the next gc takes the rest and leaves nothing of the killed one.
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

#define SAMPLES 60
#define COMPLAINTS 8

static const char pipeline[] =
	"[project]\nparams = params.ini\n"
	"[stage large]\ncmd = head -c {{n}} /dev/zero | tr '\\0' x > {{outs}}\nouts = large.bin\n"
	"[stage tree]\ncmd = mkdir {{outs}}; seq {{n}} > {{outs}}/s; echo {{n}} > {{outs}}/t\nouts = tree\n";

/* Builds of 200000 to 203000, the last two committed; a stray; something to put back; leftovers. */
static const char prepare_all[] =
	"mkdir before && cd before && git init -q -b main . && git config user.name t && git config user.email t@example.org && "
	"cp ../mlmake.ini . && printf '/large.bin\\n/tree\\n' > .gitignore && "
	"for n in 200000 201000 202000 203000; do echo \"n = $n\" > params.ini; \"$MLMAKE\" -q || exit 1; git add .; "
	"git commit -q -m $n; done && d=.git/mlmake && "
	"s=0000000000000000000000000000000000000000000000000000000000000001 && mkdir -p $d/objects/00/00 $d/trash && "
	"echo stray > $d/objects/00/00/$s && touch -d 2000-01-01 $d/objects/00/00/$s && "
	"i=$(sha256sum large.bin | cut -d' ' -f1) && mv $(find $d/objects -name $i) $d/trash && : > $d/incoming/1.1.1 && "
	"printf 'mlmake: a run that is not recorded yet\\n' > .git/objects/pack/pack-0000000000000000000000000000000000000001.keep";

/* All that HEAD needs is there. */
static const char check_needed[] =
	"\"$MLMAKE\" fsck --quick > ../said 2>&1 || { grep -v '^stray\\|^corrupt' ../said | grep -q '^[a-z]*  ' && exit 1; }; "
	"rm -rf large.bin tree && \"$MLMAKE\" checkout HEAD > ../said 2>&1 && test $(stat -c %s large.bin) = 203000 && "
	"test $(cat tree/t) = 203000 && \"$MLMAKE\" log > ../said 2>&1 && test $(grep -c done ../said) = 4 && git fsck --no-dangling > ../said 2>&1";

static const char check_done[] =
	"find .git/mlmake -name '*.tmp*' -exec touch -d 2000-01-01 {} +; "
	"\"$MLMAKE\" gc --keep-runs=0 --force --grace=0 > ../said 2>&1 && \"$MLMAKE\" fsck > ../said 2>&1 && d=.git/mlmake && "
	"test $(find $d/objects -type f | wc -l) = 2 && test -z \"$(ls $d/trash $d/incoming | grep -v :)\" && "
	"test -z \"$(find .git -name '*.keep')\" && test -z \"$(find $d -name '*.tmp*')\"";

static char top[] = "/tmp/mlmake-collect-XXXXXX";
static char *const argv[] = {NULL, (char *)(size_t)"gc", (char *)(size_t)"--keep-runs=0", (char *)(size_t)"--force",
			     (char *)(size_t)"--grace=0", NULL};
static char *own_argv[6];

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf work && cp -a before work") != 0 || chdir("work") < 0)
		die("cannot begin again");
}

static bool complain(long n, const char *call, const char *what)
{
	printf("# call %ld (%s): %s\n", n, call, what);
	return shell("sed 's/^/#   /' ../said; find .git/mlmake/objects .git/mlmake/trash -type f | sed 's/^/#   /'") < 0;
}

/* 1, 0, or -1: there is no n-th call. */
static int attempt(long n)
{
	struct trace t = {.argv = own_argv, .stop_at = n, .hit = kill_it};

	begin_again();
	if (trace_run(&t, "../said") < 0)
		die("cannot trace");
	if (!t.call)
		return t.status == 0 ? -1 : complain(n, "none", "a gc that was not killed fails");
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (shell(check_needed) != 0)
		return complain(n, t.call, "something needed is gone");
	return shell(check_done) == 0 || complain(n, t.call, "the next gc does not finish it");
}

static long count_calls(void)
{
	struct trace t = {.argv = own_argv};

	begin_again();
	if (trace_run(&t, "../said") < 0)
		return -1;
	return t.status == 0 ? t.writes : -2;
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

int main(void)
{
	long calls, n, step, tried = 0, wrong = 0;
	int got = 1, i;

	for (i = 1; i < 6; i++)
		own_argv[i] = argv[i];
	own_argv[0] = getenv("MLMAKE");
	if (!own_argv[0] || !mkdtemp(top) || chdir(top) < 0)
		die("no MLMAKE, or no temporary directory");
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
	if (calls < 0)
		die("a traced gc fails");
	printf("1..1\n");
	step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	for (n = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(n);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok 1 - gc is killed, at %ld of about %ld calls that write\n", wrong ? "not " : "", tried, calls);
	return 0;
}
