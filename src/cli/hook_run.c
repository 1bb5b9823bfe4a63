/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What git waits for: everything here is a few small files, and nothing opens the project; of what is pushed its mlmake.ini is read. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/again.h"
#include "cli/hook.h"
#include "lifecycle/held.h"
#include "lifecycle/hookbuild.h"
#include "lifecycle/hookqueue.h"
#include "lifecycle/where.h"
#include "lifecycle/worker.h"
#include "util/file.h"
#include "util/path.h"

#define INPUT_LIMIT ((size_t)64 << 20)
#define SKIP_OPTION "mlmake.skip"

struct hooking {
	struct args *a;
	const char *name;
	struct where where;
	char *dir;             /* SHARED/queue */
	struct strvec projects;
	struct strbuf input;   /* what git says on standard input, where it is read */
	bool has_input;
	size_t asked;          /* branches that were put into the queue */
	size_t refused;        /* those of them that their mlmake.ini leaves out */
	const char *branch;    /* the last that will be built, or was left out */
	const char *why;       /* why that one was */
	struct arena arena;
};

static int read_input(struct hooking *h, struct err *err)
{
	ssize_t n;

	h->has_input = true;
	do {
		strbuf_grow(&h->input, 65536);
		n = read(STDIN_FILENO, h->input.buf + h->input.len, 65535);
		if (n < 0 && errno != EINTR)
			return err_errno(err, "cannot read what git says");
		strbuf_setlen(&h->input, h->input.len + (size_t)MAX(n, (ssize_t)0));
	} while (n && h->input.len < INPUT_LIMIT);
	return 0;
}

/* What was read is there to be read again. */
static void give_input_back(struct hooking *h)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd >= 0 && fd_write_all(fd, h->input.buf, h->input.len, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		dup2(fd, STDIN_FILENO);
	closep(&fd);
}

/* The hook that stood there before has the last word. */
static int go_on(struct hooking *h, int code)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *then = args_value(h->a, "then");
	char **argv;
	size_t i, n = h->a->words.n;

	if (!then || code != EXIT_DONE)
		return code;
	if (h->has_input)
		give_input_back(h);
	argv = xcalloc(n + 2, sizeof(*argv));
	argv[0] = (char *)(uintptr_t)then;
	for (i = 2; i < n; i++) /* behind "run NAME" */
		argv[i - 1] = h->a->words.v[i];
	execv(then, argv);
	free(argv);
	err_errno(&err, "cannot run '%s'", then);
	return cli_fail(EXIT_USAGE, &err);
}

/* MLMAKE_HOOKS=0 says so, and what a stage commits would otherwise build itself again and again. */
static bool is_off(void)
{
	const char *said = getenv("MLMAKE_HOOKS");

	return (said && streq(said, "0")) || getenv("MLMAKE_RUN");
}

/* ---- asking for a build */

/* What a client is told. The worker looks for itself, and the log has all of it. */
static void note_branch(struct hooking *h, const char *ref, const char *why)
{
	if (!why || h->asked == h->refused) {
		h->branch = arena_strdup(&h->arena, ref);
		h->why = why;
	}
	h->refused += why != NULL;
	h->asked++;
}

static int enqueue(struct hooking *h, const char *ref, const char *commit, struct err *err)
{
	bool pushed = streq(h->name, "post-receive"), built = !pushed;
	const char *why = NULL;
	size_t i;

	for (i = 0; i < h->projects.n; i++) {
		struct hook_entry e = {.hook = (char *)(uintptr_t)h->name,
					.work = h->where.work,
					.project = h->projects.v[i],
					.ref = (char *)(uintptr_t)ref,
					.commit = (char *)(uintptr_t)commit,
					.amid = h->where.amid};

		if (hookqueue_add(h->dir, &e, err) < 0)
			return -1;
		if (!built) {
			why = hookbuild_refusal(h->where.common, &e, &h->arena);
			built = !why;
		}
	}
	note_branch(h, ref, built ? NULL : why);
	return 0;
}

static bool push_says_skip(void)
{
	const char *count = getenv("GIT_PUSH_OPTION_COUNT");
	int i, n = count ? atoi(count) : 0;

	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *name = xstrfmt("GIT_PUSH_OPTION_%d", i);
		const char *said = getenv(name);

		if (said && streq(said, SKIP_OPTION))
			return true;
	}
	return false;
}

/* "<old> <new> <ref>" a line; a branch that goes is nothing to build. */
static int enqueue_pushed(struct hooking *h, struct err *err)
{
	CLEANUP(freep) char *copy = NULL;
	char *line, *at;

	if (read_input(h, err) < 0)
		return -1;
	if (!h->projects.n || push_says_skip())
		return 0;
	copy = xstrdup(h->input.buf);
	for (line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		char *new = strchr(line, ' '), *ref = new ? strchr(new + 1, ' ') : NULL;

		if (!ref || !skip_prefix(ref + 1, "refs/heads/", NULL))
			continue;
		*ref++ = '\0';
		if (new[1 + strspn(new + 1, "0")] && enqueue(h, ref, new + 1, err) < 0)
			return -1;
	}
	return 0;
}

/* One line, for the client. */
static void tell_client(const struct hooking *h)
{
	const char *name = h->branch;
	size_t built = h->asked - h->refused;

	(void)skip_prefix(name, "refs/heads/", &name);
	if (built > 1)
		printf("mlmake: %zu branches will be built\n", built);
	else if (built)
		printf("mlmake: %s will be built\n", name);
	else if (h->asked > 1)
		printf("mlmake: %zu branches are not built\n", h->asked);
	else
		printf("mlmake: %s is not built: %s\n", name, h->why);
	fflush(stdout);
}

/* Of a project that is not there (in another repository that shares these hooks, on another branch) nothing is built. */
static void leave_out_absent(struct hooking *h)
{
	CLEANUP(freep) char *top = where_top(&h->where);
	size_t i, kept = 0;

	for (i = 0; top && i < h->projects.n; i++) {
		CLEANUP(freep) char *dir = path_join(top, h->projects.v[i]);
		CLEANUP(freep) char *file = path_join(dir, "mlmake.ini");

		if (file_exists(file))
			h->projects.v[kept++] = h->projects.v[i];
		else
			free(h->projects.v[i]);
	}
	if (top)
		h->projects.n = kept;
}

static int ask(struct hooking *h, struct err *err)
{
	bool pushed = streq(h->name, "post-receive");

	if (!pushed)
		leave_out_absent(h);
	if ((pushed ? enqueue_pushed(h, err) : !h->projects.n ? 0 : enqueue(h, h->where.ref, h->where.commit, err)) < 0)
		return -1;
	if (!h->asked)
		return 0;
	if (pushed)
		tell_client(h);
	return worker_start(h->where.common, HOOK_PROGRAM, err);
}

/* What was asked for and cannot be written down is told where it will be looked for, too. */
static void tell_failure(struct hooking *h, struct err *err)
{
	struct hook_event e = {.time = clock_now(&clock_system), .code = -1, .outcome = "error", .hook = h->name, .project = "",
			       .ref = h->where.ref ? h->where.ref : "", .commit = h->where.commit ? h->where.commit : "",
			       .tree = "", .targets = "", .run = "", .text = err->msg};

	fprintf(stderr, "mlmake: warning: this is not built: %s\n", err->msg);
	if (h->dir)
		(void)!hooklog_add(h->dir, &e, NULL);
}

/* ---- judging a push */

static int judge_project(struct hooking *h, const char *project, struct strbuf *out, struct err *err)
{
	CLEANUP(pipeline_release) struct pipeline pl = PIPELINE_INIT;
	CLEANUP(repo_release) struct repo r = {0};
	CLEANUP(freep) char *top = where_top(&h->where), *dir = path_join(top ? top : ".", project);
	const struct hook_section *hook;

	if (chdir(dir) < 0)
		return 0;
	pipeline_load_sections(&pl, "mlmake.ini", &pipeline_disk_system);
	hook = pipeline_hook(&pl, h->name);
	if (!hook)
		return 0;
	if (repo_at(&r, h->where.own, project, err) < 0)
		return -1;
	return held_judge(hook, &r, h->dir, h->input.buf, out, err);
}

/* pre-commit, the program, reads what git says itself, and tells by other means. */
static void take_from_pre_commit(struct hooking *h)
{
	const char *commit = getenv("PRE_COMMIT_TO_REF"), *from = getenv("PRE_COMMIT_LOCAL_BRANCH"), *to = getenv("PRE_COMMIT_REMOTE_BRANCH");

	if (!h->input.len && from && to) /* a branch that is new there has no commit */
		strbuf_addf(&h->input, "%s %s %s -\n", from, commit ? commit : from, to);
}

/* What cannot be judged is not known. */
static int judge_push(struct hooking *h, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	char *line, *at;
	size_t i;

	if (read_input(h, err) < 0)
		return cli_fail(EXIT_STAGE_FAILED, err);
	take_from_pre_commit(h);
	leave_out_absent(h);
	for (i = 0; i < h->projects.n; i++)
		if (judge_project(h, h->projects.v[i], &out, err) < 0)
			return cli_fail(EXIT_STAGE_FAILED, err);
	if (here && chdir(here) < 0)
		return EXIT_STAGE_FAILED;
	if (!out.len)
		return EXIT_DONE;
	for (line = strtok_r(out.buf, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		fprintf(stderr, "mlmake: push held: %s\n", line);
	fprintf(stderr, "mlmake: `mlmake hook log` tells more; `git push --no-verify` pushes all the same\n");
	return EXIT_STAGE_FAILED;
}

int hook_run(struct args *a, const char *name)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hooking h = {.a = a, .name = name, .projects = STRVEC_INIT, .input = STRBUF_INIT, .arena = ARENA_INIT};
	int code = EXIT_DONE;

	if (pipeline_hook_name(name, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	again_values(a, "in", &h.projects);
	if (!args_count(a, "in"))
		strvec_push(&h.projects, "");
	if (!is_off() && where_find(&h.where, &err) == 0 && !strstr(h.where.work, "mlmake/trees/")) {
		h.dir = path_join(h.where.common, "mlmake/queue");
		if (streq(name, "pre-push"))
			code = judge_push(&h, &err);
		else if (ask(&h, &err) < 0)
			tell_failure(&h, &err);
	} else if (err.msg) {
		tell_failure(&h, &err);
	}
	code = go_on(&h, code);
	where_release(&h.where);
	free(h.dir);
	arena_release(&h.arena);
	strvec_release(&h.projects);
	strbuf_release(&h.input);
	return code;
}
