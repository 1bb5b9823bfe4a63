/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/elsewhere.h"
#include "cli/project.h"
#include "report/collected.h"
#include "util/text.h"

#define GRACE (INT64_C(14) * 24 * 60 * 60)
#define SECOND INT64_C(1000000000)

static int read_seconds(const struct args *a, const char *name, int64_t *out, struct err *err)
{
	const char *text = args_value(a, name);
	int64_t ns;

	if (!text)
		return 0;
	if (!text_parse_duration(text, &ns) || ns < 0)
		return err_set(err, ERR_INVALID, "--%s takes a duration as '30d' or '12h', not '%s'", name, text);
	*out = ns / SECOND;
	return 0;
}

static int read_options(const struct args *a, struct gc_options *o, struct err *err)
{
	const char *runs = args_value(a, "keep-runs");

	*o = (struct gc_options){.now = (int64_t)time(NULL), .grace = GRACE, .keep_runs = -1, .keep_for = -1,
				 .force = args_count(a, "force") > 0};
	if (runs && !text_parse_int(runs, 0, INT32_MAX, &o->keep_runs))
		return err_set(err, ERR_INVALID, "--keep-runs takes a number from 0, not '%s'", runs);
	if (read_seconds(a, "keep", &o->keep_for, err) < 0)
		return -1;
	return read_seconds(a, "grace", &o->grace, err);
}

static int show(const struct gc *g, const struct project *p, bool dry)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	int code;

	if (args_count(p->args, "json"))
		return cli_print_json(report_collected_json(g, dry));
	report_collected(g, dry, &style, &out);
	code = cli_print(&out);
	fflush(stdout);
	return code;
}

/* What goes is told before it goes. */
static int collect(struct gc *g, struct project *p, bool dry, struct err *err)
{
	bool wait = !args_count(p->args, "no-wait");
	int code;

	if (gc_plan(g, dry, false, err) < 0) {
		if (err->code != ERR_LOCKED)
			return -1;
		fprintf(stderr, "mlmake: another mlmake is at work in this clone%s\n",
			wait ? "; waiting for it to end (--no-wait does not)" : "");
		if (!wait)
			return EXIT_LOCKED;
		err_clear(err);
		if (gc_plan(g, dry, true, err) < 0)
			return -1;
	}
	code = show(g, p, dry);
	return dry || code != EXIT_DONE ? code : gc_do(g, err);
}

static int gc(struct project *p)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(gc_release) struct gc g = GC_INIT;
	struct gc_options o;
	int code = project_await(p);

	if (code != EXIT_DONE)
		return code;
	if (read_options(p->args, &o, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	o.elsewhere = elsewhere_ask;
	o.always = elsewhere_always;
	o.ctx = p;
	g.repo = &p->repo;
	g.db = p->db;
	g.lineage = p->lineage;
	g.store = p->store;
	g.opt = &o;
	code = collect(&g, p, args_count(p->args, "dry-run") > 0, &err);
	if (code >= 0)
		return code;
	fprintf(stderr, "mlmake: nothing is collected%s\n", g.files.n ? " beyond what has been told" : "");
	return cli_fail(EXIT_USAGE, &err);
}

static int run(struct args *a)
{
	struct project p;
	int code = project_open(&p, a, false);

	if (code == EXIT_DONE)
		code = gc(&p);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{'n', "dry-run", NULL, "tell what would go, and do nothing"},
	{0, "keep-runs", "N", "of all runs of a project, keep the large results of the newest N (default: all)"},
	{0, "keep", "DURATION", "keep the large results of all runs younger than that (30d)"},
	{0, "force", NULL, "also what no remote has"},
	{0, "grace", "DURATION", "what nothing names goes to the trash, and what is there for good, when so old (default: 14d)"},
	{0, "json", NULL, "print one JSON document"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_gc = {
	"gc",
	"make room: remove what nothing needs, and old results",
	"",
	"Without --keep-runs and --keep only what no lock, run or work tree of this clone names is removed. With one of them the large\n"
	"results of older runs go too, unless mlmake.lock of a branch, tag or work tree names them: those that a remote has; with\n"
	"--force all. What git tracks, the log, and small results, which lie in git, stay.",
	WORDS_NONE,
	options,
	run,
};
