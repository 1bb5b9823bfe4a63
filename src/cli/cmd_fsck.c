/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "cli/elsewhere.h"
#include "cli/project.h"
#include "report/checked.h"
#include "util/clock.h"
#include "util/pool.h"

#define EVERY INT64_C(100000000) /* between two states of the line, nanoseconds */

struct line {
	int64_t shown;
	bool any;
};

static void progress(void *ctx, size_t done, size_t n, int64_t bytes)
{
	struct line *l = ctx;
	int64_t now = clock_tick(&clock_system);

	(void)bytes;
	if (now - l->shown < EVERY)
		return;
	l->shown = now;
	l->any = true;
	fprintf(stderr, "\r\033[Kmlmake: %zu of %zu objects", done, n);
}

static int show(const struct fsck *f, const struct project *p)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);

	if (args_count(p->args, "json"))
		return cli_print_json(report_checked_json(f));
	report_checked(f, &style, &out);
	return cli_print(&out);
}

static int check(struct fsck *f, struct project *p, struct err *err)
{
	struct line line = {0, false};
	struct fsck_watch watch = {progress, &line};
	int got, code;

	if (term_is_live(STDERR_FILENO) && !args_count(p->args, "quiet"))
		f->watch = &watch;
	got = fsck_look(f, err);
	if (line.any)
		fputs("\r\033[K", stderr);
	if (got == 0 && f->n && args_count(p->args, "repair"))
		got = fsck_repair(f, err);
	code = got == 0 || f->n ? show(f, p) : EXIT_DONE;
	if (got < 0)
		return cli_fail(EXIT_USAGE, err);
	return code != EXIT_DONE ? code : f->n ? EXIT_STAGE_FAILED : EXIT_DONE;
}

static int fsck(struct project *p)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(fsck_release) struct fsck f = {.arena = ARENA_INIT};
	CLEANUP(freep) char *writer = NULL;
	int code = project_await(p);

	if (code != EXIT_DONE)
		return code;
	if (access(p->repo.shared, F_OK) == 0 && access(p->repo.git_dir, F_OK) == 0 && lineage_own(p->lineage, &writer) < 0)
		writer = NULL;
	f.repo = &p->repo;
	f.db = p->db;
	f.lineage = p->lineage;
	f.store = p->store;
	f.cache = p->cache;
	f.quick = args_count(p->args, "quick") > 0;
	f.threads = pool_cpus();
	f.writer = writer;
	f.kept = elsewhere_kept;
	f.kept_ctx = p;
	f.fetch = elsewhere_fetch;
	f.heal = elsewhere_heal;
	f.fetch_ctx = p;
	return check(&f, p, &err);
}

static int run(struct args *a)
{
	struct project p;
	int code = project_open(&p, a, args_count(a, "repair") > 0);

	if (code == EXIT_DONE)
		code = fsck(&p);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{0, "repair", NULL, "put right what can be: from the work tree, from remotes, by making tables anew"},
	{0, "quick", NULL, "look at what is there, and do not read it"},
	{0, "json", NULL, "print one JSON document"},
	{'q', "quiet", NULL, "show no progress"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_fsck = {
	"fsck",
	"check everything that is kept, and name what is lost",
	"",
	"Reads every object, run, record and table, and compares them with their digests. It exits with 1 if it finds damage,\n"
	"repaired or not.",
	WORDS_NONE,
	options,
	run,
};
