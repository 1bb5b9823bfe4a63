/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <string.h>
#include <unistd.h>

#include "cli/cmd_show.h"
#include "cli/project.h"
#include "report/rebuilt.h"
#include "report/why.h"
#include "run/aside.h"
#include "util/file.h"

/* What became of in the last time it was tried: nothing to say if that went well. */
static void add_last_failure(struct project *p, const struct instance *in, const struct run *runs, size_t n,
			     struct strbuf *out)
{
	CLEANUP(freep) char *name = aside_file_name(in->name);
	CLEANUP(freep) char *log = xstrfmt("%s/log/%s.log", p->repo.state, name);
	size_t i, j;

	for (i = n; i-- > 0;)
		for (j = 0; runs[i].own && j < runs[i].n_parts; j++) {
			const struct run_part *part = &runs[i].parts[j];

			if (!streq(part->name, in->name))
				continue;
			if (part->has_key || !(streq(part->result, "failed") || streq(part->result, "interrupted") ||
					       streq(part->result, "refused")))
				return;
			strbuf_addf(out, "  when it was last tried, in run %s, it %s%s%s\n", runs[i].id,
				    streq(part->result, "interrupted") ? "was interrupted"
				    : streq(part->result, "refused")   ? "refused"
								       : "failed",
				    file_exists(log) ? "; its log is " : "", file_exists(log) ? log : "");
			if (part->said) {
				strbuf_addstr(out, "    ");
				term_add_clean(out, part->said, strlen(part->said));
				strbuf_addch(out, '\n');
			}
			return;
		}
}

/* What was told when the result that is there was made, which is not made again. */
static void add_told(const struct instance *in, const struct record *r, const struct run *runs, size_t n, struct strbuf *out)
{
	size_t i, j;

	for (i = n; r && i-- > 0;)
		for (j = 0; j < runs[i].n_parts; j++) {
			const struct run_part *part = &runs[i].parts[j];

			if (!part->has_key || !streq(part->result, "done") || !streq(part->name, in->name) || !digest_eq(&part->key, &r->key))
				continue;
			if (part->said) {
				strbuf_addf(out, "  when it ran, in run %s: ", runs[i].id);
				term_add_clean(out, part->said, strlen(part->said));
				strbuf_addch(out, '\n');
			}
			return;
		}
}

/* Of the result that is there, or was last. */
static struct verdict_count count_verdicts(struct project *p, const struct verdict *v)
{
	const struct record *r = v->found ? v->found : v->last;
	struct verdict_count c = {0};

	if (r)
		verdict_count(p->lineage, &r->key, &c);
	return c;
}

static int show_text(struct project *p, const struct plan *plan)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct run *runs;
	size_t n;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	struct verdict_count verdicts;
	size_t i;

	if (lineage_runs(p->lineage, &runs, &n, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	for (i = 0; i < p->g.n; i++) {
		if (!p->named[i])
			continue;
		if (out.len)
			strbuf_addch(&out, '\n');
		if (report_why(plan, i, p->store, &style, &out, &err) < 0)
			return cli_fail(EXIT_USAGE, &err);
		verdicts = count_verdicts(p, &plan->verdicts[i]);
		report_verdict_count(&verdicts, &out);
		if (plan->verdicts[i].state == STALE_FRESH || plan->verdicts[i].state == STALE_RESTORABLE)
			add_told(p->g.nodes[i].in, plan->verdicts[i].found ? plan->verdicts[i].found : plan->verdicts[i].last, runs, n, &out);
		if (plan->verdicts[i].state == STALE_STALE)
			add_last_failure(p, p->g.nodes[i].in, runs, n, &out);
	}
	return cli_print(&out);
}

static int show_json(struct project *p, const struct plan *plan)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct verdict_count verdicts;
	struct json *all = NULL;
	size_t i;

	for (i = 0; i < p->g.n; i++) {
		CLEANUP(json_freep) struct json *one = NULL;

		if (!p->named[i])
			continue;
		one = report_why_json(plan, i, p->store, &err);
		if (!one) {
			json_free(all);
			return cli_fail(EXIT_USAGE, &err);
		}
		verdicts = count_verdicts(p, &plan->verdicts[i]);
		json_set(json_at(json_get(one, "instances"), 0), "rebuilt", report_verdict_count_json(&verdicts));
		if (!all) {
			all = one;
			one = NULL;
			continue;
		}
		json_push(json_get(all, "instances"), json_take(json_at(json_get(one, "instances"), 0)));
	}
	return all ? cli_print_json(all) : EXIT_DONE;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	int code = project_load(p, a->words.v, a->words.n);

	if (code == EXIT_DONE)
		code = project_plan(p, NULL, &plan);
	if (code != EXIT_DONE)
		return code;
	return args_count(a, "json") ? show_json(p, &plan) : show_text(p, &plan);
}

static int show_then(struct project *p, const struct args *a)
{
	return show_run(p, args_value(a, "run"), a->words.v, a->words.n, SHOW_WHY);
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (!a->words.n && !args_count(a, "run")) {
		err_set(&err, ERR_INVALID, "which stage? `mlmake why STAGE`; `mlmake status` lists them");
		return cli_fail(EXIT_USAGE, &err);
	}
	return project_read(a, args_count(a, "run") ? show_then : show);
}

static const struct option_def options[] = {
	{0, "inherit-env", NULL, "as a build with this option would see it"},
	{0, "json", NULL, "print one JSON document"},
	{0, "run", "RUN", "tell why it ran in that run (`mlmake log`)"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_why = {
	"why",
	"tell why a stage would run, or why it will not",
	"[NAME=VALUE...] TARGET...",
	"Every reason with its old and its new value, the changed lines of small text files, what\n"
	"stayed the same, and what would become stale in turn.",
	WORDS_TARGETS,
	options,
	run,
};
