/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/again.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/verdict.h"
#include "cli/display.h"
#include "cli/from_remote.h"
#include "cli/recorder.h"
#include "lineage/run.h"
#include "report/rebuilt.h"
#include "util/path.h"
#include "util/text.h"

#define TICK_LIVE INT64_C(100000000)
#define TICK_PLAIN INT64_C(1000000000)
#define JOBS_LIMIT 10000

void again_init(struct again *g, struct project *p, const struct origin *origin, const struct artifacts *before)
{
	memset(g, 0, sizeof(*g));
	g->p = p;
	g->a = p->args;
	g->origin = origin;
	g->before = before;
	g->tree = (struct private_tree)PRIVATE_TREE_INIT;
	g->started = clock_now(&clock_system);
	run_new_id(g->run_id);
}

void again_values(const struct args *a, const char *name, struct strvec *out)
{
	size_t i;

	for (i = 0; i < a->n_given; i++)
		if (streq(a->given[i].def->name, name))
			strvec_push(out, a->given[i].value);
}

/* As named from where the user stands. */
static char *from_below(const struct project *p, const char *path)
{
	return path_join(*p->below ? p->below : ".", path);
}

static int find_supplied(struct again *g, struct err *err)
{
	CLEANUP(strvec_release) struct strvec given = STRVEC_INIT;
	size_t i;

	again_values(g->a, "input", &given);
	for (i = 0; i < given.n; i++) {
		CLEANUP(freep) char *path = from_below(g->p, given.v[i]);
		char *real = realpath(path, NULL);

		if (!real)
			return err_errno(err, "cannot find the input '%s'", given.v[i]);
		strvec_push_owned(&g->supplied, real);
	}
	return 0;
}

static int make_tree(struct again *g, struct err *err)
{
	const char *dir = args_value(g->a, "dir");
	CLEANUP(freep) char *where = dir ? from_below(g->p, dir) : NULL;
	const struct origin *o = g->origin;
	CLEANUP(strvec_release) struct strvec empty = STRVEC_INIT;
	size_t i;

	if (!o->has_tree)
		return err_set(err, ERR_NOTFOUND, "the source of %s is not known", o->name);
	if (private_open(&g->tree, &g->p->repo, g->run_id, where, err) < 0 ||
	    private_export(&g->tree, g->p->db, &g->p->repo, &o->tree, o->has_source ? &o->source : NULL, &empty, err) < 0)
		return -1;
	for (i = 0; i < empty.n; i++)
		fprintf(stderr, "mlmake: warning: %s\n", empty.v[i]);
	return 0;
}

static int read_jobs(const struct again *g, int *jobs, struct err *err)
{
	const char *text = args_value(g->a, "jobs");
	int64_t n = 0;

	if (text && !text_parse_int(text, 1, JOBS_LIMIT, &n))
		return err_set(err, ERR_INVALID, "-j takes a number from 1 to %d, not '%s'", JOBS_LIMIT, text);
	*jobs = (int)n;
	return 0;
}

static int build(struct again *g, struct err *err)
{
	CLEANUP(freep) char *shared = realpath(g->p->repo.shared, NULL);
	CLEANUP(freep) char *git_dir = realpath(g->p->repo.git_dir, NULL);
	CLEANUP(freep) char *home = realpath(".", NULL);
	CLEANUP(display_freep) struct display *display = NULL;
	struct style style = project_style(g->p, STDERR_FILENO);
	bool verbose = args_count(g->a, "verbose") > 0;
	struct event_sink sink;
	struct rerun_options opt = {.tree = &g->tree,
				    .file = g->p->file,
				    .profile = args_value(g->a, "profile"),
				    .overrides = (const char *const *)g->a->overrides.v,
				    .n_overrides = g->a->overrides.n,
				    .targets = (const char *const *)g->targets.v,
				    .n_targets = g->targets.n,
				    .before = g->before,
				    .shared = shared,
				    .git_dir = git_dir,
				    .home = home,
				    .secret = statcache_key(g->p->cache),
				    .supplied = (const char *const *)g->supplied.v,
				    .n_supplied = g->supplied.n,
				    .run_id = g->run_id,
				    .place = PLACE_LINK,
				    .keep = g->keep,
				    .of_work = g->of_work,
				    .want_output = verbose,
				    .tick = term_is_live(STDERR_FILENO) ? TICK_LIVE : TICK_PLAIN,
				    .sinks = &sink,
				    .n_sinks = 1};

	if (!shared || !git_dir || !home)
		return err_errno(err, "cannot tell where the project lies");
	if (read_jobs(g, &opt.jobs, err) < 0)
		return -1;
	display = display_new(STDERR_FILENO, &style, verbose ? 1 : args_count(g->a, "quiet") ? -1 : 0);
	sink = display_sink(display);
	return rerun(&opt, &g->result, err);
}

/* What a remote has of what is gone, and whether that is all of it. */
static bool fetch_lacks(struct again *g)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < g->result.n_lacks; i++)
		if (supply_bring(g->supply, &g->result.lacks[i].content, &err) < 0) {
			fprintf(stderr, "mlmake: warning: '%s': %s\n", g->result.lacks[i].path, err.msg);
			return false;
		}
	return true;
}

/* While something is gone nothing runs, so it is begun anew with what was fetched. */
static int build_with_remote(struct again *g, struct err *err)
{
	if (build(g, err) < 0)
		return -1;
	if (!g->result.n_lacks || !g->supply || !fetch_lacks(g))
		return 0;
	rerun_release(&g->result);
	return build(g, err);
}

static int tell_lacks(struct again *g)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	report_lacks(&g->result, &out);
	if (args_count(g->a, "json") && g->a->cmd == &cmd_reproduce &&
	    cli_print_json(report_rebuilt_json(&g->result, g->origin->name)) != EXIT_DONE)
		return EXIT_USAGE;
	fprintf(stderr, "%smlmake: error: %s cannot be built: %zu input%s gone; `mlmake pull --at=%s` fetches what a remote has, or give each "
		"with --input=FILE, from wherever it lies: its digest is checked\n", out.buf, g->origin->name, g->result.n_lacks,
		g->result.n_lacks == 1 ? " is" : "s are", g->origin->word);
	return EXIT_STAGE_FAILED;
}

static int tell(struct again *g)
{
	size_t i;

	for (i = 0; i < g->result.notes.n; i++)
		cli_warn(g->result.notes.v[i]);
	if (g->result.n_lacks)
		return tell_lacks(g);
	for (i = 0; i < g->supplied.n; i++)
		if (!g->result.used[i])
			fprintf(stderr, "mlmake: warning: '%s' was not needed: no input that is gone has its content\n",
				g->supplied.v[i]);
	return g->result.outcome == BUILD_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_DONE;
}

int again_run(struct again *g)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (find_supplied(g, &err) < 0 || make_tree(g, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (!g->before->n_records)
		fprintf(stderr, "mlmake: %s was never built, as far as is known here; it is built now, apart\n", g->origin->name);
	if (build_with_remote(g, &err) < 0)
		return cli_fail(err.code == ERR_STOPPED ? EXIT_INTERRUPTED : EXIT_USAGE, &err);
	return tell(g);
}

static int make_durable(void *ctx, struct err *err)
{
	return project_sync(ctx, err);
}

int again_record(struct again *g, struct err *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct run run = {.id = g->run_id, .time = g->started, .duration = g->result.duration};

	verdict_parts(&g->result, &arena, &run);
	recorder_describe(g->p, &arena, &run);
	return verdict_append(g->p->lineage, g->p->db, &g->p->repo, &run, g->origin, &g->result, store_packer(g->p->store),
			      make_durable, g->p, err);
}

int again_release(struct again *g, int code)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	rerun_release(&g->result); /* which may still hold stages */
	if (private_close(&g->tree, &err) < 0)
		code = cli_fail(code == EXIT_DONE ? EXIT_USAGE : code, &err);
	strvec_release(&g->targets);
	strvec_release(&g->supplied);
	return code;
}
