/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `mlmake deploy` and `mlmake rollback` killed before their first, second, third ... system call that writes. Afterwards either it is
 * said that nobody knows what is in production, or it is what the registry says; and the next deploy makes everything right and leaves
 * nothing of the killed one. `mlmake fetch` killed likewise: what the source brought is there as it was or as it is now, whole, without
 * asking the source again.
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

#define SAMPLES 30
#define COMPLAINTS 8

static const char pipeline[] =
	"[source raw]\ncmd = cat ../upstream > {{outs}}\nouts = raw.txt\n"
	"[stage train]\ncmd = cat {{data}} > {{outs}}; echo auc = 1 > {{metrics}}\ndata = raw.txt\nouts = model.txt\nmetrics = eval.txt\n"
	"[gate release]\nof = train\nrequire = auc > 0\n"
	"[deploy api]\ngate = release\nship = model.txt\nhealth = grep -q model ../server\n"
	"cmd = cp {{ship}} ../server.new; mv ../server.new ../server\n";

static char top[] = "/tmp/mlmake-deploy-XXXXXX";
static const char *mlmake;

struct scenario {
	const char *name;
	const char *argv[4];
	bool (*is_right)(long n, const char *call);
};
static const struct scenario *current;

static bool complain(long n, const char *call, const char *what)
{
	printf("# call %ld (%s): %s\n", n, call, what);
	return shell("sed 's/^/#   /' ../second") < 0;
}

/* What is on the server is what the last assignment's tag names, or nobody claims to know. */
static bool is_honest(long n, const char *call)
{
	if (shell("\"$MLMAKE\" deploy --status > ../second 2>&1") != 0)
		return complain(n, call, "the status cannot be told");
	if (shell("grep -q 'not known what is there' ../second || test \"$(sed -n 's/.*ships  *model.txt  \\([0-9a-f]*\\).*/\\1/p' ../second)\" = "
		  "\"$(sha256sum < ../server | cut -c1-12)\"") != 0)
		return complain(n, call, "the registry says what is not so");
	return true;
}

static bool nothing_is_left(long n, const char *call)
{
	if (shell("find .git/mlmake/deploys -name '*.ships' -o -name '*#*' -o -name '*tmp*' | sed 's/^/left: /' > ../second; test ! -s ../second && "
		  "test -z \"$(ls .git/mlmake/incoming 2> /dev/null)\" && test ! -e .git/mlmake/work/top/journal") != 0)
		return complain(n, call, "something is left over");
	if (shell("git fsck > ../second 2>&1 && git for-each-ref refs/tags > ../second 2>&1") != 0)
		return complain(n, call, "git finds something wrong");
	return true;
}

static bool deploy_is_right(long n, const char *call)
{
	if (!is_honest(n, call))
		return false;
	if (shell("\"$MLMAKE\" deploy > ../second 2>&1") != 0)
		return complain(n, call, "the next deploy fails");
	if (shell("cmp -s model.txt ../server && grep -q 'two' ../server") != 0)
		return complain(n, call, "the next deploy has not shipped");
	return is_honest(n, call) && shell("! grep -q 'not known' ../second") == 0 ? nothing_is_left(n, call)
										   : complain(n, call, "the next deploy does not end it");
}

/* The next one goes back to the same version, or says that it is there already. */
static bool rollback_is_right(long n, const char *call)
{
	if (!is_honest(n, call))
		return false;
	if (shell("\"$MLMAKE\" rollback api --to=v0.0.1 > ../second 2>&1 && grep -q one ../server") != 0)
		return complain(n, call, "the next rollback fails");
	return is_honest(n, call) && shell("! grep -q 'not known' ../second") == 0 ? nothing_is_left(n, call)
										   : complain(n, call, "the next rollback does not end it");
}

static bool fetch_is_right(long n, const char *call)
{
	if (shell("mv ../upstream ../away; \"$MLMAKE\" > ../second 2>&1") != 0)
		return complain(n, call, "the next build fails");
	if (shell("echo 'model two' | cmp -s - raw.txt || echo 'model three' | cmp -s - raw.txt") != 0)
		return complain(n, call, "what was brought is neither old nor new");
	if (shell("cmp -s raw.txt model.txt") != 0)
		return complain(n, call, "what was made is not of what was brought");
	if (shell("mv ../away ../upstream; \"$MLMAKE\" fetch > ../second 2>&1 && echo 'model three' | cmp -s - raw.txt") != 0)
		return complain(n, call, "the next fetch fails");
	return nothing_is_left(n, call);
}

static void begin_again(void)
{
	if (chdir(top) < 0 || shell("rm -rf work server server.new upstream away && cp -a before work && cp -a server.before server && cp -a upstream.before "
				    "upstream") != 0 || chdir("work") < 0)
		die("cannot begin again");
	if (current->is_right == rollback_is_right) { /* from what the new one has shipped */
		must("\"$MLMAKE\" deploy -q");
	} else if (current->is_right == fetch_is_right) {
		must("echo 'model three' > ../upstream");
	}
}

static struct trace make_trace(char *argv[5])
{
	size_t i;

	argv[0] = (char *)(size_t)mlmake;
	for (i = 0; i < 4; i++)
		argv[i + 1] = (char *)(size_t)current->argv[i];
	return (struct trace){.argv = argv, .hit = kill_it};
}

/* 1, 0, or -1: there is no n-th call. */
static int attempt(long n)
{
	char *argv[6] = {NULL};
	struct trace t = make_trace(argv);

	t.stop_at = n;
	begin_again();
	if (trace_run(&t, "../first") < 0)
		die("cannot trace");
	if (!t.call)
		return t.status == 0 ? -1 : complain(n, "none", "a run that was not killed fails");
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return current->is_right(n, t.call);
}

static long count_calls(void)
{
	char *argv[6] = {NULL};
	struct trace t = make_trace(argv);

	begin_again();
	if (trace_run(&t, "../first") < 0)
		return -1;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return t.status == 0 ? t.writes : -2;
}

static void run_scenario(int number, long calls)
{
	long n, tried = 0, wrong = 0, step = getenv("CRASH_ALL") ? 1 : (calls + SAMPLES - 1) / SAMPLES;
	int got = 1;

	for (n = 1; got >= 0 && wrong < COMPLAINTS; n += step) {
		got = attempt(n);
		tried += got >= 0;
		wrong += got == 0;
	}
	printf("%sok %d - %s is killed, at %ld of about %ld calls that write\n", wrong ? "not " : "", number, current->name, tried, calls);
	fflush(stdout);
}

static void prepare(void)
{
	must("mkdir before");
	if (chdir("before") < 0)
		die("before");
	must("git init -q -b main . && git config user.name t && git config user.email t@example.org");
	if (file_write("mlmake.ini", pipeline, strlen(pipeline), 0644, false, NULL) < 0)
		die("mlmake.ini");
	must("printf '%s\\n' raw.txt model.txt eval.txt > .gitignore; echo 'model one' > ../upstream");
	must("git add . && git commit -q -m 1 && \"$MLMAKE\" deploy -q && git add . && git commit -q -m 2");
	must("echo 'model two' > ../upstream; \"$MLMAKE\" fetch -q && \"$MLMAKE\" -q && git commit -q -a -m 3");
	must("mv ../server ../server.before; mv ../upstream ../upstream.before");
}

static void leave(void)
{
	if (chdir("/") == 0 && file_remove_tree(top, NULL) < 0)
		fprintf(stderr, "# cannot remove %s\n", top);
}

int main(void)
{
	static const struct scenario scenarios[] = {
		{"deploy", {"deploy"}, deploy_is_right},
		{"rollback", {"rollback", "api"}, rollback_is_right},
		{"fetch", {"fetch"}, fetch_is_right},
	};
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
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		current = &scenarios[i];
		calls = count_calls();
		if (calls == -1) {
			printf("1..0 # SKIP ptrace is not available here\n");
			return 0;
		}
		if (calls < 0)
			die("traced it fails");
		if (!i)
			printf("1..%zu\n", sizeof(scenarios) / sizeof(scenarios[0]));
		run_scenario((int)i + 1, calls);
	}
	return 0;
}
