/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/putback.h"
#include "cli/again.h"
#include "cli/from_remote.h"
#include "cli/learn.h"
#include "gitdb/changes.h"
#include "gitdb/git.h"
#include "report/returned.h"
#include "util/path.h"
#include "util/pool.h"
#include "util/term.h"

/* One checkout. */
struct returning {
	struct project p;
	const struct args *a;
	bool dry;
	struct origin origin;
	struct artifacts artifacts;
	struct putback putback;
	struct supply *supply; /* with --pull */
};

/* The artifacts that the words behind the first name; all if there are none. A word that names nothing is an error. */
static int choose(struct returning *r, struct err *err)
{
	CLEANUP(freep) bool *hit = xcalloc(r->a->words.n + 1, 1);
	struct putback *p = &r->putback;
	size_t i, j;

	p->items = xcalloc(r->artifacts.n + 1, sizeof(*p->items));
	for (i = 0; i < r->artifacts.n; i++) {
		bool named = r->a->words.n == 1;

		for (j = 1; j < r->a->words.n; j++) {
			CLEANUP(freep) char *target = project_target(&r->p, r->a->words.v[j]);

			if (!artifact_is_named(&r->artifacts.v[i], target))
				continue;
			hit[j] = named = true;
		}
		if (named)
			p->items[p->n++] = (struct putback_item){.a = &r->artifacts.v[i], .result = PUTBACK_WANTED};
	}
	for (j = 1; j < r->a->words.n; j++)
		if (!hit[j])
			return err_set(err, ERR_INVALID, "%s has no stage, instance or artifact '%s'", r->origin.name, r->a->words.v[j]);
	return 0;
}

/* What git tracks is git's to put back. */
static int refuse_tracked(struct returning *r, struct err *err)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;
	CLEANUP(freep) const char **paths = xcalloc(r->putback.n + 1, sizeof(*paths));
	size_t i, j = 0;

	for (i = 0; i < r->putback.n; i++)
		paths[i] = r->putback.items[i].a->fact->name;
	if (git_tracked(&r->p.repo, paths, r->putback.n, &tracked, err) < 0)
		return -1;
	for (i = 0; i < r->putback.n && j < tracked.n; i++) {
		struct putback_item *it = &r->putback.items[i];

		if (!streq(paths[i], tracked.v[j]))
			continue;
		j++;
		it->result = PUTBACK_REFUSED;
		it->note = xstrfmt("git tracks it, so it is git's to put back: `git checkout <commit> -- %s`", paths[i]);
	}
	return 0;
}

static int tell_of_origin(struct returning *r, struct err *err)
{
	const char *path = NULL, *instance = NULL;
	int behind;

	if (r->artifacts.dropped)
		fprintf(stderr, "mlmake: warning: %s: %zu records do not say what their keys say, as a merge can leave them; "
			"they are left out\n", r->origin.lock_name, r->artifacts.dropped);
	behind = origin_behind(&r->origin, r->p.db, &r->p.repo, &r->artifacts, &path, &instance, err);
	if (behind < 0)
		return -1;
	if (behind)
		fprintf(stderr, "mlmake: warning: %s is behind its source: '%s' read another '%s' than the source has%s; what "
			"it names was built before\n", r->origin.lock_name, instance, path, behind > 1 ? ", and there is more" : "");
	return 0;
}

static int show(struct returning *r)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(&r->p, STDOUT_FILENO);

	if (args_count(r->a, "json"))
		return cli_print_json(report_returned_json(&r->putback, &r->origin, r->dry));
	report_returned(&r->putback, &r->origin, r->dry, args_count(r->a, "verbose") > 0, &style, &out);
	return cli_print(&out);
}

/* A build makes what the work tree's sources say; if those are others, it would undo all of this. */
static void tell_of_sources(struct returning *r)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *lock = *r->p.repo.prefix ? path_join(r->p.repo.prefix, "mlmake.lock") : xstrdup("mlmake.lock");
	const struct origin *o = &r->origin;
	const char *first = NULL;
	struct git_change *v;
	size_t n, i, others = 0;

	if (!o->has_tree || !r->p.repo.in_git || git_changes(&r->p.repo, &o->tree, NULL, &a, &v, &n, NULL) < 0)
		return;
	for (i = 0; i < n; i++) {
		if (streq(v[i].path, lock))
			continue;
		others += first != NULL;
		first = first ? first : v[i].path;
	}
	if (!first)
		return;
	strbuf_addf(&text, "mlmake: the sources here are not those of %s ('", o->word);
	term_add_clean(&text, first, strlen(first));
	if (others)
		strbuf_addf(&text, "' and %zu more), so the next `mlmake` puts their results in place again", others);
	else
		strbuf_addstr(&text, "'), so the next `mlmake` puts their results in place again");
	if (o->dirty == 0 && o->has_source)
		strbuf_addf(&text, "; `git checkout %s` first, to go on from here", o->word);
	fprintf(stderr, "%s\n", text.buf);
}

static int put_back(struct returning *r, struct err *err)
{
	struct putback *p = &r->putback;
	bool stop = false;
	int code;

	project_sections(&r->p);
	p->cache = r->p.cache;
	p->store = r->p.store;
	p->state_dir = r->p.repo.state;
	p->threads = pool_cpus();
	if (refuse_tracked(r, err) < 0 || putback_look(p, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	stop = p->counts[PUTBACK_MISSING] && !args_count(r->a, "allow-missing");
	if (!r->dry && !stop && (putback_do(p, err) < 0 || statcache_save(r->p.cache, err) < 0))
		return cli_fail(EXIT_USAGE, err);
	code = show(r);
	if (p->counts[PUTBACK_DONE])
		tell_of_sources(r);
	if (stop && !r->dry)
		fprintf(stderr, "mlmake: error: nothing was put back, because not all of it is here; `mlmake pull --at=%s` fetches what "
			"a remote has of it, and --allow-missing puts back the rest\n", r->origin.word);
	return code != EXIT_DONE ? code : stop || p->counts[PUTBACK_REFUSED] ? EXIT_STAGE_FAILED : EXIT_DONE;
}

/* What a killed run left is put right first, and what it had recorded is written down. */
static int after_crashes(struct returning *r, struct err *err)
{
	char run_id[40];
	int code;

	run_new_id(run_id);
	code = project_recover(&r->p, run_id);
	if (code != EXIT_DONE || !history_crashed_run(r->p.history))
		return code;
	code = project_load(&r->p, NULL, 0); /* for the lock names what the pipeline has */
	if (code != EXIT_DONE)
		return code;
	return project_save(&r->p, NULL, NULL, err) < 0 ? cli_fail(EXIT_USAGE, err) : EXIT_DONE;
}

/* What the stages made, as records. Returns an exit code. */
static int build_apart(struct returning *r, struct strbuf *records)
{
	struct again g;
	int code;
	size_t i;

	again_init(&g, &r->p, &r->origin, &r->artifacts);
	g.keep = true;
	g.supply = r->supply;
	for (i = 1; i < r->a->words.n; i++)
		strvec_push(&g.targets, r->a->words.v[i]);
	code = again_run(&g);
	for (i = 0; i < g.result.n && code == EXIT_DONE; i++) {
		if (g.result.v[i].now)
			record_write(g.result.v[i].now, true, records);
		else
			code = EXIT_STAGE_FAILED;
	}
	return again_release(&g, code);
}

/* A commit that nobody has built is built first. */
static int build_first(struct returning *r, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf records = STRBUF_INIT;
	int code;

	if (r->dry) {
		fprintf(stderr, "mlmake: %s was never built, as far as is known here; it would be built first, apart\n", r->origin.name);
		return EXIT_DONE;
	}
	code = build_apart(r, &records);
	if (code != EXIT_DONE)
		return code;
	artifacts_release(&r->artifacts);
	if (artifacts_parse(&r->artifacts, r->origin.name, records.buf, records.len, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	return EXIT_DONE;
}

static int check_out(struct returning *r, struct err *err)
{
	int code = project_await(&r->p);

	if (code != EXIT_DONE)
		return code;
	code = r->dry ? EXIT_DONE : after_crashes(r, err);
	if (code != EXIT_DONE || (args_count(r->a, "pull") && !(r->supply = supply_open(&r->p, r->dry, &code))))
		return code;
	if (!r->dry && project_learn(&r->p, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (origin_find(&r->origin, r->p.db, r->p.lineage, &r->p.repo, r->a->words.v[0], err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (artifacts_parse(&r->artifacts, r->origin.lock_name, r->origin.lock.buf, r->origin.lock.len, err) < 0 ||
	    tell_of_origin(r, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (!r->artifacts.n_records) {
		code = build_first(r, err);
		if (code != EXIT_DONE || r->dry)
			return code;
	}
	if (choose(r, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	return put_back(r, err);
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct returning r = {.a = a, .origin = ORIGIN_INIT, .artifacts = ARTIFACTS_INIT};
	int code;

	r.dry = args_count(a, "dry-run") > 0;
	if (!a->words.n) {
		err_set(&err, ERR_INVALID, "which commit or run? `mlmake checkout COMMIT [TARGET...]`");
		return cli_fail(EXIT_USAGE, &err);
	}
	code = project_open(&r.p, a, !r.dry);
	if (code == EXIT_DONE)
		code = check_out(&r, &err);
	putback_release(&r.putback);
	artifacts_release(&r.artifacts);
	origin_release(&r.origin);
	supply_free(r.supply);
	project_close(&r.p);
	return code;
}

static const struct option_def options[] = {
	{0, "allow-missing", NULL, "put back what is here, though some of it is missing"},
	{0, "pull", NULL, "what is not here comes from a remote"},
	{0, "remote", "NAME", "with --pull: use [remote NAME] (default: the first in mlmake.ini)"},
	{'n', "dry-run", NULL, "show what would be done, and do nothing"},
	{0, "json", NULL, "print one JSON document"},
	{'j', "jobs", "N", "if it has to be built: up to N stages at once"},
	{'q', "quiet", NULL, "if it has to be built: show no progress"},
	{'v', "verbose", NULL, "show also what is there already"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_checkout = {
	"checkout",
	"put back the artifacts of a commit or a run",
	"COMMIT [TARGET...]",
	"COMMIT is a commit, branch or tag of the source, or a run. A TARGET (stage, instance, artifact, pattern) chooses some of\n"
	"what was built. What stands in the way and is not in the store is kept there. Sources and mlmake.lock stay as they are.",
	WORDS_RUNS,
	options,
	run,
};
