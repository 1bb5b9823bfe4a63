/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gates say of the metrics as they are. Nothing is run. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/project.h"
#include "report/gates.h"

/* Marks the gates that the words name, or all, and selects them with what they need. */
static int choose(struct project *p, const struct args *a, struct err *err)
{
	CLEANUP(strvec_release) struct strvec targets = STRVEC_INIT;
	size_t i;

	for (i = 0; i < p->pl.n_stages; i++)
		if (!a->words.n && p->pl.stages[i]->kind == STAGE_GATE)
			strvec_push(&targets, p->pl.stages[i]->name);
	for (i = 0; i < a->words.n; i++) {
		CLEANUP(freep) char *name = xstrfmt("gate:%s", a->words.v[i]);
		const struct stage *st = pipeline_stage(&p->pl, name);

		if (!st)
			st = pipeline_stage(&p->pl, a->words.v[i]);
		if (!st || st->kind != STAGE_GATE)
			return err_set(err, ERR_INVALID, "there is no [gate %s]", a->words.v[i]);
		strvec_push(&targets, st->name);
	}
	if (!targets.n)
		return err_set(err, ERR_INVALID, "%s has no gates; mlmake.ini(5) says what they look like", p->file);
	return graph_select(&p->g, (const char *const *)targets.v, targets.n, p->selected, p->named, &p->ds);
}

static int show(struct project *p, const struct args *a, struct plan *plan)
{
	static const int codes[] = {[GATE_PASSES] = EXIT_DONE, [GATE_REFUSES] = EXIT_GATE, [GATE_UNKNOWN] = EXIT_CHECK_STALE};
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	enum gate_verdict worst;
	struct json *j;
	int code;

	if (args_count(a, "json")) {
		j = report_gates_json(plan, p->named, &worst);
		code = cli_print_json(j);
	} else {
		worst = report_gates(plan, p->named, &style, &out);
		code = cli_print(&out);
	}
	return code == EXIT_DONE ? codes[worst] : code;
}

static int gate(struct project *p, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	int code = project_load(p, NULL, 0);

	if (code != EXIT_DONE)
		return code;
	if (choose(p, a, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	code = project_plan(p, NULL, &plan);
	return code == EXIT_DONE ? show(p, a, &plan) : code;
}

static int run(struct args *a)
{
	return project_read(a, gate);
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_gate = {
	"gate",
	"what gates require, the numbers on both sides, and whether they pass",
	"[NAME...]",
	"Runs nothing. Exits with 3 if a gate refuses, with 4 if a stage has to run before that can be told.",
	WORDS_TARGETS,
	options,
	run,
};
