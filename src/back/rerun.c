/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order of things: the pipeline is read once to know which stages bring data rather than compute (sources, frozen ones) and are
 * not run; then the inputs are put in place, since patterns look at the disk; then it is read for good, with the parameters and
 * variables that the records show. */
#include <config.h>

#include "back/rerun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/rerun_work.h"
#include "env/environment.h"
#include "graph/imports.h"
#include "run/probe.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"
#include "util/pool.h"

#define TEXT_LIMIT ((size_t)1 << 20)

/* ---- which ---- */

static bool is_chosen(const struct rerun_work *w, const struct record *r)
{
	size_t i, j;

	if (!w->opt->n_targets)
		return true;
	for (i = 0; i < w->opt->n_targets; i++)
		for (j = 0; j < w->opt->before->n; j++)
			if (w->opt->before->v[j].record == r && artifact_is_named(&w->opt->before->v[j], w->opt->targets[i]))
				return true;
	return false;
}

static const struct stage *stage_of(const struct rerun_work *w, const char *instance)
{
	CLEANUP(freep) char *name = xstrndup(instance, strcspn(instance, "@"));

	return pipeline_stage(&w->pl, name);
}

/* What brings data is not asked again, unless by name. */
static bool computes(const struct rerun_work *w, const struct record *r)
{
	const struct stage *st = stage_of(w, r->instance);

	if (memchr(r->instance, ':', strcspn(r->instance, "@"))) /* what is judged or shipped today is not of then */
		return false;
	return w->opt->n_targets || !st || !(st->is_source || st->frozen);
}

void rerun_choose(struct rerun_work *w)
{
	const struct artifacts *as = w->opt->before;
	size_t i;

	w->records = xcalloc(as->n_records + 1, sizeof(struct record *));
	for (i = 0; i < as->n_records; i++)
		if (is_chosen(w, as->records[i]) && computes(w, as->records[i]))
			w->records[w->n_records++] = as->records[i];
}

/* ---- the pipeline ---- */

int rerun_load(struct rerun_work *w, const struct pipeline_disk *disk, struct diags *ds)
{
	CLEANUP(strvec_release) struct strvec all = STRVEC_INIT;
	struct pipeline_options opt = {.file = w->opt->file, .profile = w->opt->profile, .inherit = w->inherit};
	size_t i;

	for (i = 0; i < w->overrides.n; i++)
		strvec_push(&all, w->overrides.v[i]);
	for (i = 0; i < w->opt->n_overrides; i++)
		strvec_push(&all, w->opt->overrides[i]);
	opt.overrides = all.v;
	opt.n_overrides = all.n;
	graph_release(&w->g);
	pipeline_release(&w->pl);
	return pipeline_load(&w->pl, &opt, disk, ds);
}

static int diags_fail(struct diags *ds, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	diags_sort(ds);
	diags_format(ds, &text);
	strbuf_trim(&text);
	return err_set(err, ERR_INVALID, "its pipeline cannot be built:\n%s", text.buf);
}

static bool has_override(const struct rerun_work *w, const char *name)
{
	CLEANUP(freep) char *start = xstrfmt("%s=", name);
	size_t i;

	for (i = 0; i < w->overrides.n; i++)
		if (skip_prefix(w->overrides.v[i], start, NULL))
			return true;
	return false;
}

/* What the record has and the files do not say was set for that run. Two records of one lock can differ in it; then the first counts, and
 * the other is found to have run from something else. */
static bool find_overlays(struct rerun_work *w, const struct instance *in, const struct record *r)
{
	bool any = !w->inherit && !in->stage->inherits && record_find(r, FACT_ENV, FACT_WHOLE);
	size_t i;

	w->inherit |= any;
	for (i = 0; i < in->n_params; i++) {
		const struct record_fact *f = record_find(r, FACT_PARAM, in->params[i].name);

		if (!f || !f->value || streq(f->value, in->params[i].value) || has_override(w, f->name))
			continue;
		strvec_pushf(&w->overrides, "%s=%s", f->name, f->value);
		any = true;
	}
	for (i = 0; i < in->n_env; i++) {
		const struct record_fact *f = record_find(r, FACT_ENV, in->env[i].name);
		const char *now = getenv(in->env[i].name);

		if (!f || (f->value && now ? streq(f->value, now) : f->value == now))
			continue;
		if (f->value ? setenv(f->name, f->value, 1) : unsetenv(f->name))
			continue; /* then it is found to be other */
		any = true;
	}
	return any;
}

static int load_for_good(struct rerun_work *w, struct err *err)
{
	CLEANUP(diags_release) struct diags ds = DIAGS_INIT;
	bool again = false;
	size_t i;

	if (rerun_load(w, &pipeline_disk_system, &ds) < 0)
		return diags_fail(&ds, err);
	for (i = 0; i < w->n_records; i++) {
		const struct instance *in = pipeline_instance(&w->pl, w->records[i]->instance);

		again |= in && find_overlays(w, in, w->records[i]);
	}
	diags_release(&ds);
	ds = (struct diags)DIAGS_INIT;
	if (again && rerun_load(w, &pipeline_disk_system, &ds) < 0)
		return diags_fail(&ds, err);
	imports_add(&w->pl, w->finder, getenv("PYTHONPATH"), &ds);
	if (graph_build(&w->g, &w->pl, &ds) < 0)
		return diags_fail(&ds, err);
	return 0;
}

static int select_instances(struct rerun_work *w, struct err *err)
{
	CLEANUP(diags_release) struct diags ds = DIAGS_INIT;
	CLEANUP(freep) bool *named = xcalloc(w->g.n + 1, 1);
	size_t i;

	w->selected = xcalloc(w->g.n + 1, 1);
	for (i = 0; i < w->n_records; i++) {
		const struct instance *in = pipeline_instance(&w->pl, w->records[i]->instance);

		if (in)
			w->selected[in->index] = true;
	}
	if (w->n_records)
		return 0;
	if (graph_select(&w->g, w->opt->targets, w->opt->n_targets, w->selected, named, &ds) < 0)
		return diags_fail(&ds, err);
	for (i = 0; w->opt->before->n_records && i < w->g.n; i++)
		w->selected[i] = named[i] && w->pl.instances[i]->stage->kind == STAGE_COMMAND; /* what comes before is as it was */
	return 0;
}

/* A stage writes where its outputs are named, so that must be in here. */
static int check_outputs(struct rerun_work *w, struct err *err)
{
	CLEANUP(closep) int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i, j;

	if (root < 0)
		return err_errno(err, "cannot open '%s'", w->opt->tree->project);
	for (i = 0; i < w->g.n; i++)
		for (j = 0; w->selected[i] && j < w->g.nodes[i].in->n_outs; j++) {
			struct err why = ERR_INIT;
			int at = beneath_parent(root, w->g.nodes[i].in->outs[j].path, false, &why);

			if (at < 0 && why.code != ERR_NOTFOUND)
				return err_move(err, &why);
			err_release(&why);
			closep(&at);
		}
	return 0;
}

/* ---- running ---- */

/* What the instances made last: so `forced` is the reason, and it is known how long they take. */
static int write_before(struct rerun_work *w, const char *file, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&text, "# mlmake.lock 1\n\n");
	for (i = 0; i < w->n_records; i++)
		record_write(w->records[i], true, &text);
	return file_write(file, text.buf, text.len, 0644, false, err);
}

static int open_history(struct rerun_work *w, struct err *err)
{
	CLEANUP(freep) char *lock = xstrfmt("%s/before.lock", w->opt->tree->state);
	struct history_paths paths = {w->opt->tree->state, w->opt->tree->state, lock};
	bool conflict;

	if (write_before(w, lock, err) < 0)
		return -1;
	w->history = history_open(&paths, &conflict, err);
	return w->history ? history_begin_run(w->history, w->opt->run_id, err) : -1;
}

/* Events go on to who listens, but for what speaks of files that will be gone, and for the end, after which more is told. */
static void listen(void *ctx, const struct event *e)
{
	struct rerun_work *w = ctx;
	struct event on = *e;
	size_t i;

	if (e->kind == EVENT_FAILED && e->in && e->message && !w->failures[e->in->index])
		w->failures[e->in->index] = xstrdup(e->message);
	if (e->kind == EVENT_END)
		return;
	if (!w->opt->tree->kept)
		on.log = on.aside = NULL;
	for (i = 0; i < w->opt->n_sinks; i++)
		w->opt->sinks[i].emit(w->opt->sinks[i].ctx, &on);
}

static int run_all(struct rerun_work *w, struct rerun_result *out, struct err *err)
{
	const struct rerun_options *opt = w->opt;
	struct build_tools tools = {.cache = w->cache, .store = w->store, .history = w->history, .clock = &clock_system,
				    .state_dir = opt->tree->state, .run_id = opt->run_id, .probe = probes_get,
				    .probe_ctx = &w->probes, .code = w->code};
	struct build_options how = {.jobs = w->machine.jobs, .keep_going = true, .want_output = opt->want_output,
				    .apart = !opt->keep, .force = w->selected, .tick = opt->tick};
	const struct event_sink sink = {listen, w};
	int got;

	tools.sinks = &sink;
	tools.n_sinks = 1;
	machine_lend(&w->machine, &tools);
	if (keeper_start(w->machine.keeper, err) < 0)
		return -1;
	got = build_run(&w->plan, &tools, &how, &w->built, err);
	out->outcome = w->built.outcome;
	out->duration = w->built.duration;
	return got;
}

static int plan_and_run(struct rerun_work *w, struct rerun_result *out, struct err *err)
{
	CLEANUP(diags_release) struct diags ds = DIAGS_INIT;
	const struct machine_options opt = {.run_id = w->opt->run_id,
					    .jobs = w->opt->jobs     ? w->opt->jobs
						    : w->pl.jobs     ? (int)MIN(w->pl.jobs, (int64_t)10000)
								     : pool_cpus(),
					    .jobs_given = w->opt->jobs > 0,
					    .g = &w->g,
					    .selected = w->selected,
					    .lock_fd = w->opt->tree->lock_fd};
	const struct plan_tools tools = {w->cache, w->store, w->history, probes_get, &w->probes, pool_cpus(), w->code};
	const struct env_tools look = {&pipeline_disk_system, &code_disk_system, w->cache, pool_cpus(), w->opt->home, probes_answer, &w->probes};
	char *warning = NULL;
	int got = machine_open(&w->machine, &opt, &warning, err);

	if (warning)
		strvec_push_owned(&out->notes, warning);
	if (got == 0 && environment_look(&w->pl, w->selected, &look, false, &ds) < 0)
		return diags_fail(&ds, err);
	if (got < 0 || probes_run(&w->probes, &w->pl, w->selected, keeper_launcher(w->machine.keeper), w->machine.signal_fd, err) < 0)
		return -1;
	if (environment_look(&w->pl, w->selected, &look, true, &ds) < 0)
		return diags_fail(&ds, err);
	w->failures = xcalloc(w->g.n + 1, sizeof(char *));
	if (plan_make(&w->plan, &w->g, w->selected, w->selected, &tools, &ds) < 0)
		return diags_fail(&ds, err);
	return run_all(w, out, err);
}

/* ---- what came out ---- */

static const struct build_part *part_of(const struct rerun_work *w, const struct instance *in)
{
	size_t i;

	for (i = 0; i < w->built.n_parts; i++)
		if (w->built.parts[i].in == in)
			return &w->built.parts[i];
	return NULL;
}

static char *text_of(struct rerun_work *w, const struct content *c)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (c->kind != CONTENT_FILE || store_get_bytes(w->store, &c->id, TEXT_LIMIT, &text, NULL) < 0)
		return NULL;
	return strbuf_detach(&text);
}

/* What `same` took for the same is in place of what came out, which the record names beside. */
static const struct record_fact *taken(const struct record *r, const struct record_fact *f)
{
	size_t i;

	for (i = 0; f && i < r->n_taken; i++)
		if (r->taken[i].kind == f->kind && streq(r->taken[i].name, f->name))
			return &r->taken[i];
	return NULL;
}

static void compare_output(struct rerun_work *w, const struct record *now, const struct record_fact *was, const struct record_fact *is,
			   struct rerun_output *o)
{
	const struct record_fact *came = now ? taken(now, is) : NULL;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct record_fact *any = was ? was : is;

	*o = (struct rerun_output){.kind = any->kind, .path = any->name};
	if (was)
		o->was = was->content;
	if (is)
		o->now = came ? came->content : is->content;
	if (!is)
		o->outcome = RERUN_MISSING;
	else if (!was)
		o->outcome = RERUN_NEW;
	else
		o->outcome = !content_eq(&was->content, &is->content) ? RERUN_DIFFERS : came ? RERUN_SAME : RERUN_IDENTICAL;
	if (o->kind != FACT_METRICS || !is)
		return;
	if (o->outcome == RERUN_DIFFERS)
		o->was_text = text_of(w, &o->was);
	if (is->content.kind == CONTENT_FILE && file_read(is->name, TEXT_LIMIT, &text, NULL) == 0)
		o->now_text = strbuf_detach(&text);
}

static size_t count_outputs(const struct record *r)
{
	size_t i, n = 0;

	for (i = 0; r && i < r->n_facts; i++)
		n += fact_is_output(r->facts[i].kind);
	return n;
}

static void compare_outputs(struct rerun_work *w, struct rerun *r)
{
	size_t i;

	r->outs = xcalloc(count_outputs(r->was) + count_outputs(r->now) + 1, sizeof(*r->outs));
	for (i = 0; r->was && i < r->was->n_facts; i++) {
		const struct record_fact *f = &r->was->facts[i];

		if (fact_is_output(f->kind))
			compare_output(w, r->now, f, r->now ? record_find(r->now, f->kind, f->name) : NULL, &r->outs[r->n_outs++]);
	}
	for (i = 0; r->now && i < r->now->n_facts; i++) {
		const struct record_fact *f = &r->now->facts[i];

		if (fact_is_output(f->kind) && !(r->was && record_find(r->was, f->kind, f->name)))
			compare_output(w, r->now, NULL, f, &r->outs[r->n_outs++]);
	}
}

static void add_value(struct strbuf *out, const struct record_fact *f)
{
	strbuf_addstr(out, f && f->value ? f->value : f ? "(unset)" : "(none)");
}

/* The first input in which they differ, as words. */
static char *difference(const struct rerun_work *w, const struct record *was, const struct record *now)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct record *lists[2] = {was, now};
	size_t l, i;

	for (l = 0; l < 2; l++)
		for (i = 0; i < lists[l]->n_facts; i++) {
			const struct record_fact *f = &lists[l]->facts[i];
			const struct record_fact *a = record_find(was, f->kind, f->name), *b = record_find(now, f->kind, f->name);

			if (fact_is_output(f->kind) || f->kind == FACT_CMD || (a && b && record_fact_same(a, b)))
				continue;
			if (!fact_is_input_file(f->kind)) {
				strbuf_addf(&out, "%s: ", f->name);
				add_value(&out, a);
				strbuf_addstr(&out, " -> ");
				add_value(&out, b);
			} else if (!a || !b) {
				strbuf_addf(&out, "it %s '%s'", a ? "no longer reads" : "reads also", f->name);
			} else if (pipeline_maker(&w->pl, f->name)) {
				strbuf_addf(&out, "its input '%s' came out otherwise", f->name);
			} else {
				strbuf_addf(&out, "it read another '%s'", f->name);
			}
			return strbuf_detach(&out);
		}
	return xstrdup("it had another command, or other outputs");
}

static void take_result(struct rerun_work *w, struct rerun *r, const struct instance *in)
{
	const struct build_part *part = in ? part_of(w, in) : NULL;

	r->end = !in ? RERUN_GONE : !part ? RERUN_SKIPPED : part->result == EVENT_DONE ? RERUN_RAN : RERUN_FAILED;
	if (part)
		r->duration = part->duration;
	if (r->end == RERUN_RAN)
		r->now = history_last(w->history, in->name);
	if (r->end == RERUN_GONE)
		r->note = xstrdup("its source has no such stage or instance");
	else if (r->end == RERUN_FAILED && w->failures[in->index])
		r->note = xstrdup(w->failures[in->index]);
	r->same_key = r->was && r->now && digest_eq(&r->was->key, &r->now->key);
	if (r->was && r->now && !r->same_key)
		r->note = difference(w, r->was, r->now);
	compare_outputs(w, r);
}

static void take_results(struct rerun_work *w, struct rerun_result *out)
{
	size_t i;

	out->v = xcalloc(w->n_records + w->g.n + 1, sizeof(*out->v));
	for (i = 0; i < w->g.n; i++) {
		const struct instance *in = w->g.nodes[w->g.order[i]].in;
		struct rerun *r = &out->v[out->n];

		if (!w->selected[in->index])
			continue;
		out->n++;
		r->instance = in->name;
		r->was = artifacts_record(w->opt->before, in->name);
		take_result(w, r, in);
	}
	for (i = 0; i < w->n_records; i++) {
		struct rerun *r = &out->v[out->n];

		if (pipeline_instance(&w->pl, w->records[i]->instance))
			continue;
		out->n++;
		r->instance = w->records[i]->instance;
		r->was = w->records[i];
		take_result(w, r, NULL);
	}
}

/* ---- the whole ---- */

static int all_steps(struct rerun_work *w, struct rerun_result *out, struct err *err)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;

	if (w->opt->of_work && rerun_bring_pipeline(w, err) < 0)
		return -1;
	(void)!rerun_load(w, &pipeline_disk_system, &ignored); /* errors are told when the inputs are there */
	rerun_choose(w);
	if (rerun_place_inputs(w, out, err) < 0)
		return -1;
	if (out->n_lacks)
		return 0;
	if (load_for_good(w, err) < 0 || select_instances(w, err) < 0 || check_outputs(w, err) < 0 ||
	    rerun_bring_inputs(w, out, err) < 0 || open_history(w, err) < 0 || plan_and_run(w, out, err) < 0)
		return -1;
	take_results(w, out);
	return 0;
}

struct rerun_work *rerun_work_new(const struct rerun_options *opt, const char *cache)
{
	struct rerun_work *w = xcalloc(1, sizeof(*w));

	w->opt = opt;
	w->pl = (struct pipeline)PIPELINE_INIT;
	w->g = (struct graph)GRAPH_INIT;
	w->plan = (struct plan)PLAN_INIT;
	w->machine = (struct machine)MACHINE_INIT;
	w->cache = statcache_open(cache, opt->secret, &clock_system);
	statcache_see_through(w->cache, opt->shared);
	w->code = code_book_new(NULL, w->cache);
	w->finder = code_finder_new(w->cache, w->code, &code_disk_system);
	w->db = gitdb_new(opt->git_dir);
	w->store = store_new(opt->shared, w->db, w->cache);
	return w;
}

int rerun(const struct rerun_options *opt, struct rerun_result *out, struct err *err)
{
	CLEANUP(closep) int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rerun_work *w = rerun_work_new(opt, NULL);
	int result;

	memset(out, 0, sizeof(*out));
	out->work = w;
	out->used = xcalloc(opt->n_supplied + 1, 1);
	probes_open(&w->probes, opt->tree->state);
	if (here < 0 || chdir(opt->tree->project) < 0)
		return err_errno(err, "cannot enter '%s'", opt->tree->project);
	result = all_steps(w, out, err);
	machine_release(&w->machine);
	if (result == 0 && opt->keep)
		result = store_sync(w->store, err);
	if (store_check_links(w->store, result == 0 ? err : NULL) < 0 && result == 0)
		result = err_wrap(err, "a stage wrote to one of its inputs, and that object of the store is lost");
	if (fchdir(here) < 0 && result == 0)
		result = err_errno(err, "cannot go back");
	return result;
}

bool rerun_is_identical(const struct rerun_result *r)
{
	size_t i, j;

	if (r->n_lacks)
		return false;
	for (i = 0; i < r->n; i++) {
		if (r->v[i].end != RERUN_RAN)
			return false;
		for (j = 0; j < r->v[i].n_outs; j++)
			if (r->v[i].outs[j].outcome == RERUN_DIFFERS || r->v[i].outs[j].outcome == RERUN_MISSING)
				return false;
	}
	return true;
}

void rerun_work_free(struct rerun_work *w)
{
	size_t i;

	if (!w)
		return;
	machine_release(&w->machine);
	for (i = 0; w->failures && i < w->g.n; i++)
		free(w->failures[i]);
	free(w->failures);
	build_result_release(&w->built);
	plan_release(&w->plan);
	free(w->selected);
	free(w->records);
	strvec_release(&w->overrides);
	history_free(w->history);
	probes_release(&w->probes);
	graph_release(&w->g);
	pipeline_release(&w->pl);
	store_free(w->store);
	gitdb_free(w->db);
	code_finder_free(w->finder);
	code_book_free(w->code);
	statcache_free(w->cache);
	free(w);
}

void rerun_release(struct rerun_result *r)
{
	size_t i, j;

	for (i = 0; i < r->n; i++) {
		for (j = 0; j < r->v[i].n_outs; j++) {
			free(r->v[i].outs[j].was_text);
			free(r->v[i].outs[j].now_text);
		}
		free(r->v[i].outs);
		free(r->v[i].note);
	}
	free(r->v);
	free(r->lacks);
	free(r->used);
	strvec_release(&r->notes);
	rerun_work_free(r->work);
	memset(r, 0, sizeof(*r));
}
