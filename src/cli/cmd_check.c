/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <unistd.h>

#include "cli/project.h"
#include "cli/tables.h"
#include "lifecycle/check.h"
#include "util/file.h"

static void forget(void *ctx, int line, const char *message)
{
	(void)ctx;
	(void)line;
	(void)message;
}

/* Judges one check by the data as they lie there. */
static int judge(struct project *p, const struct instance *in, struct check_result *r, struct err *err)
{
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	const char *tmp = file_exists(p->repo.state) ? p->repo.state : ".";
	struct check_rules rules;
	size_t i;

	if (check_rules_read(rules_read(in->cmd, &r->arena), &r->arena, &rules, forget, NULL) < 0)
		BUG("rules that were read before");
	for (i = 0; i < in->n_inputs; i++)
		if (in->inputs[i].kind == INPUT_DATA)
			strvec_push(&paths, in->inputs[i].path);
	if (check_reads_table(&rules) && check_data(&rules, &paths, tmp, r, err) < 0)
		return -1;
	return rules.cmd ? check_command(&rules, r, err) : 0;
}

static void say(const struct instance *in, const struct check_result *r, const struct style *style, struct strbuf *out)
{
	hue_addf(out, style, r->errors ? HUE_BAD : HUE_GOOD, "%-6s", r->errors ? "failed" : "passed");
	strbuf_addf(out, "  %s  ", in->name);
	check_summary(r, out);
	strbuf_addch(out, '\n');
	check_write(r, out);
}

static struct json *as_json(const struct instance *in, const struct check_result *r, const struct err *err)
{
	struct json *j = check_json(r);

	json_set_str(j, "name", in->name);
	if (err->msg)
		json_set_str(j, "outcome", "unknown");
	json_set_str(j, "problem", err->msg);
	return j;
}

/* All checks that the words name, or all; an exit code. */
static int check_all(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct json *list = args_count(a, "json") ? json_new_list() : NULL, *j;
	struct style style = project_style(p, STDOUT_FILENO);
	size_t i, n = 0;
	int code = EXIT_DONE, printed;

	for (i = 0; i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];
		struct check_result r = CHECK_RESULT_INIT;
		CLEANUP(err_release) struct err err = ERR_INIT;

		if (in->stage->kind != STAGE_CHECK || (a->words.n && !p->named[i]))
			continue;
		n++;
		if (judge(p, in, &r, &err) < 0)
			code = EXIT_STAGE_FAILED;
		else if (r.errors)
			code = EXIT_STAGE_FAILED;
		if (list)
			json_push(list, as_json(in, &r, &err));
		else if (err.msg)
			strbuf_addf(&out, "failed  %s  %s\n", in->name, err.msg);
		else
			say(in, &r, &style, &out);
		check_result_release(&r);
	}
	if (!list && !n)
		strbuf_addstr(&out, "there is no [check NAME] here; `mlmake check --infer FILE` proposes one\n");
	if (!list)
		return cli_print(&out) == EXIT_DONE ? code : EXIT_USAGE;
	j = json_new_map();
	json_set_int(j, "version", 1);
	json_set(j, "checks", list);
	printed = cli_print_json(j);
	return printed == EXIT_DONE ? code : printed;
}

static int run(struct args *a)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	struct project p;
	size_t i;
	int code;

	for (i = 0; i < a->words.n; i++)
		strvec_pushf(&names, "%s%s", skip_prefix(a->words.v[i], "check:", NULL) ? "" : "check:", a->words.v[i]);
	if (args_value(a, "infer"))
		return tables_infer(a, args_value(a, "infer"));
	code = project_open(&p, a, false);
	if (code == EXIT_DONE)
		code = project_load(&p, names.v, names.n);
	if (code == EXIT_DONE)
		code = check_all(&p, a);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{0, "infer", "FILE", "propose a [check NAME] that the data in FILE pass"},
	TABLES_OPTIONS,
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_check = {
	"check",
	"judge data by the rules of checks, as they lie there now",
	"[NAME...]",
	"Builds and records nothing. Exits with 1 if a rule is broken whose severity is error. --format, --separator,\n"
	"--no-header and --na are for --infer; a check says them in its section.",
	WORDS_TARGETS,
	options,
	run,
};
