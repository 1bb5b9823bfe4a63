/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "cli/again.h"
#include "cli/from_remote.h"
#include "cli/learn.h"
#include "report/rebuilt.h"

static int show(const struct again *g)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(g->p, STDOUT_FILENO);

	if (args_count(g->a, "json"))
		return cli_print_json(report_rebuilt_json(&g->result, g->origin->name));
	report_rebuilt(&g->result, g->origin->name, &style, &out);
	return cli_print(&out);
}

static int build_and_compare(struct again *g, struct err *err)
{
	int code = again_run(g);

	if (code != EXIT_DONE)
		return code;
	if (again_record(g, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	code = show(g);
	if (g->tree.kept)
		fprintf(stderr, "mlmake: it was built in '%s'\n", g->tree.project);
	return code != EXIT_DONE ? code : rerun_is_identical(&g->result) ? EXIT_DONE : EXIT_STAGE_FAILED;
}

static int reproduce(struct project *p, struct supply *supply, const char *word, struct err *err)
{
	CLEANUP(origin_release) struct origin origin = ORIGIN_INIT;
	CLEANUP(artifacts_release) struct artifacts before = ARTIFACTS_INIT;
	struct again g;

	if (project_learn(p, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (origin_find(&origin, p->db, p->lineage, &p->repo, word, err) < 0 ||
	    artifacts_parse(&before, origin.lock_name, origin.lock.buf, origin.lock.len, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	again_init(&g, p, &origin, &before);
	g.supply = supply;
	again_values(p->args, "stage", &g.targets);
	return again_release(&g, build_and_compare(&g, err));
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct supply *supply = NULL;
	struct project p;
	int code;

	if (a->words.n != 1) {
		err_set(&err, ERR_INVALID, "which commit or run? `mlmake reproduce COMMIT`");
		return cli_fail(EXIT_USAGE, &err);
	}
	code = project_open(&p, a, false);
	if (code == EXIT_DONE)
		code = project_await(&p);
	if (code == EXIT_DONE && args_count(a, "pull"))
		supply = supply_open(&p, false, &code);
	if (code == EXIT_DONE)
		code = reproduce(&p, supply, a->words.v[0], &err);
	supply_free(supply);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{0, "stage", "STAGE", "run this stage, instance or maker of a file alone, on inputs as they were; may be repeated"},
	{0, "dir", "DIR", "build in DIR, a new directory, which stays"},
	{0, "input", "FILE", "take an input that is gone from FILE, if its digest is right; may be repeated"},
	{0, "pull", NULL, "an input that is not here comes from a remote"},
	{0, "remote", "NAME", "with --pull: use [remote NAME] (default: the first in mlmake.ini)"},
	{'j', "jobs", "N", "run up to N stages at once (default: the number of cores)"},
	{0, "json", NULL, "print one JSON document"},
	{'q', "quiet", NULL, "show no progress"},
	{'v', "verbose", NULL, "show what stages write"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_reproduce = {
	"reproduce",
	"build an old state once more, apart, and compare",
	"[NAME=VALUE...] COMMIT",
	"COMMIT is a commit, branch or tag of the source, or a run. All stages that were built run again in a work tree of their own,\n"
	"with the parameters of then, and each output is compared with what it was. Your work tree stays as it is.",
	WORDS_RUNS,
	options,
	run,
};
