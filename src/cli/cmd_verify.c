/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/again.h"
#include "lineage/pinned.h"
#include "report/rebuilt.h"

/* One verification. */
struct verifying {
	struct project *p;
	bool twice;
	struct origin origin;      /* the work tree */
	struct artifacts before;   /* what the stages read and made, as it is */
	struct again first, second;
	bool first_begun, second_begun;
	struct artifacts between;  /* what the first time made */
};

/* The source as it is in the work tree. */
static int look_at_source(struct verifying *v, struct err *err)
{
	CLEANUP(git_source_release) struct git_source source = GIT_SOURCE_INIT;
	struct packer *p = store_packer(v->p->store);
	struct origin *o = &v->origin;
	struct git_id built;

	if (!v->p->repo.in_git)
		return err_set(err, ERR_INVALID, "verify needs git, which knows what the source is");
	if (pinned_source(&v->p->repo, p, &source, &built, err) < 0 || packer_finish(p, err) < 0)
		return -1;
	o->word = xstrdup("HEAD");
	o->name = xstrdup("the work tree");
	o->lock_name = xstrdup("the work tree");
	o->dirty = source.dirty;
	o->has_tree = source.has_tree;
	o->tree = source.tree;
	o->has_source = source.commit && git_id_parse(source.commit, &o->source);
	return o->has_tree ? 0 : err_set(err, ERR_INVALID, "git tracks nothing here yet: `git add` the source first");
}

/* What in reads now; what it made stands there if it is to be compared with, and else any content will do. */
static int add_facts(const struct verifying *v, const struct instance *in, const struct verdict *now, struct strbuf *out, struct err *err)
{
	struct record r = now->now;
	CLEANUP(freep) struct record_fact *facts = xcalloc(r.n_facts + 1, sizeof(*facts));
	size_t i;

	if (now->pending)
		return err_set(err, ERR_INVALID, "'%s' reads what is not built yet; run `mlmake` first", in->name);
	if (now->found && now->state == STALE_FRESH) {
		record_write(now->found, true, out);
		return 0;
	}
	if (!v->twice)
		return err_set(err, ERR_INVALID, "'%s' is %s, so there is no result to verify; run `mlmake` first, or verify it --twice",
			       in->name, stale_state_name(now->state));
	memcpy(facts, r.facts, r.n_facts * sizeof(*facts));
	for (i = 0; i < r.n_facts; i++)
		if (fact_is_output(facts[i].kind))
			facts[i].content = (struct content){.kind = CONTENT_FILE};
	r.facts = facts;
	r.written = NULL;
	record_key(&r, &r.key);
	record_write(&r, false, out);
	return 0;
}

static int gather(struct verifying *v, const struct plan *plan, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	for (i = 0; i < v->p->g.n; i++)
		if (v->p->named[i] && add_facts(v, v->p->g.nodes[i].in, &plan->verdicts[i], &text, err) < 0)
			return -1;
	return artifacts_parse(&v->before, v->origin.lock_name, text.buf, text.len, err);
}

static int build_again(struct verifying *v, struct again *g, const struct artifacts *before)
{
	size_t i;

	again_init(g, v->p, &v->origin, before);
	g->of_work = true;
	for (i = 0; i < v->p->g.n; i++)
		if (v->p->named[i])
			strvec_push(&g->targets, v->p->g.nodes[i].in->name);
	return again_run(g);
}

/* What the first time made becomes what the second time is compared with. */
static int take_first(struct verifying *v, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	for (i = 0; i < v->first.result.n; i++)
		if (v->first.result.v[i].now)
			record_write(v->first.result.v[i].now, true, &text);
	return artifacts_parse(&v->between, "the first time", text.buf, text.len, err);
}

static const struct rerun_output *output_of(const struct rerun_result *r, const char *path)
{
	size_t i, j;

	for (i = 0; i < r->n; i++)
		for (j = 0; j < r->v[i].n_outs; j++)
			if (streq(r->v[i].outs[j].path, path))
				return &r->v[i].outs[j];
	return NULL;
}

/* The store does not have what the first time made, but it was read. */
static void lend_texts(const struct rerun_result *from, struct rerun_result *to)
{
	size_t i, j;

	for (i = 0; i < to->n; i++)
		for (j = 0; j < to->v[i].n_outs; j++) {
			struct rerun_output *o = &to->v[i].outs[j];
			const struct rerun_output *was = output_of(from, o->path);

			if (o->outcome == RERUN_DIFFERS && !o->was_text && was && was->now_text)
				o->was_text = xstrdup(was->now_text);
		}
}

static int show(const struct verifying *v, const struct again *g)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(v->p, STDOUT_FILENO);
	const char *name = v->twice ? "the second time" : "once more";

	if (args_count(g->a, "json"))
		return cli_print_json(report_rebuilt_json(&g->result, name));
	report_rebuilt(&g->result, name, &style, &out);
	return cli_print(&out);
}

static bool all_ran(const struct rerun_result *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i].end != RERUN_RAN)
			return false;
	return true;
}

static int build_and_compare(struct verifying *v, struct err *err)
{
	struct again *last = &v->first;
	int code;

	v->first_begun = true;
	code = build_again(v, &v->first, &v->before);
	if (code != EXIT_DONE)
		return code;
	if (v->twice && all_ran(&v->first.result)) {
		if (take_first(v, err) < 0)
			return cli_fail(EXIT_USAGE, err);
		v->second_begun = true;
		last = &v->second;
		code = build_again(v, last, &v->between);
		if (code != EXIT_DONE)
			return code;
		lend_texts(&v->first.result, &v->second.result);
	}
	if (again_record(last, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	code = show(v, last);
	return code != EXIT_DONE ? code : rerun_is_identical(&last->result) ? EXIT_DONE : EXIT_STAGE_FAILED;
}

static int verify(struct verifying *v, struct err *err)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	int code = project_load(v->p, v->p->args->words.v, v->p->args->words.n);

	if (code == EXIT_DONE)
		code = project_plan(v->p, NULL, &plan);
	if (code != EXIT_DONE)
		return code;
	if (look_at_source(v, err) < 0 || gather(v, &plan, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	code = build_and_compare(v, err);
	packer_release_keep(store_packer(v->p->store));
	if (v->second_begun)
		code = again_release(&v->second, code);
	return v->first_begun ? again_release(&v->first, code) : code;
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct project p;
	struct verifying v = {.p = &p, .origin = ORIGIN_INIT, .before = ARTIFACTS_INIT, .between = ARTIFACTS_INIT};
	int code;

	if (!a->words.n) {
		err_set(&err, ERR_INVALID, "which stage? `mlmake verify STAGE --twice`; `mlmake status -v` lists them");
		return cli_fail(EXIT_USAGE, &err);
	}
	v.twice = args_count(a, "twice") > 0;
	code = project_open(&p, a, false);
	if (code == EXIT_DONE)
		code = verify(&v, &err);
	artifacts_release(&v.before);
	artifacts_release(&v.between);
	origin_release(&v.origin);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{0, "twice", NULL, "run each stage twice, and compare the two"},
	{'j', "jobs", "N", "run up to N stages at once (default: the number of cores)"},
	{0, "json", NULL, "print one JSON document"},
	{'q', "quiet", NULL, "show no progress"},
	{'v', "verbose", NULL, "show what stages write"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_verify = {
	"verify",
	"run stages once more, apart, to see whether they come out the same",
	"[NAME=VALUE...] STAGE...",
	"Each stage runs on its inputs as they are, in a work tree of its own, and what comes out is compared with the result that is\n"
	"there, or, run twice, with itself. Whether it is deterministic is kept, and `mlmake why` tells. Your work tree stays as it is.",
	WORDS_TARGETS,
	options,
	run,
};
