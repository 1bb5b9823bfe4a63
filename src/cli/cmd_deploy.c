/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/deploying.h"
#include "cli/project.h"
#include "pipeline/deploy_rules.h"
#include "report/deploys.h"
#include "util/clock.h"

/* ---- status ---- */

struct looking {
	struct project *p;
	struct registry reg;
	struct arena a;
	struct deploy_place *v;
	size_t n, n_snapshots;
	struct snapshot **snapshots; /* that data of places lie in */
};

static bool is_wanted(const struct args *a, const char *name)
{
	return !a->words.n || strvec_has(&a->words, name);
}

static struct deploy_place *add_place(struct looking *l, const char *name, const char *environment, bool gone)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (streq(l->v[i].name, name) && streq(l->v[i].environment, environment))
			return &l->v[i];
	l->v = arena_grow(&l->a, l->v, l->n, sizeof(*l->v));
	l->v[l->n] = (struct deploy_place){.name = name, .environment = environment, .gone = gone};
	return &l->v[l->n++];
}

/* All environments that sections name, and those that only the registry knows. */
static void find_places(struct looking *l, const struct args *a)
{
	const struct pipeline *pl = &l->p->pl;
	size_t i, j;

	for (i = 0; i < pl->n_instances; i++) {
		const char *name = strchr(pl->instances[i]->name, ':');
		struct deploy_rules rules;

		if (pl->instances[i]->stage->kind != STAGE_DEPLOY || !is_wanted(a, name + 1))
			continue;
		deploy_rules_of(pl->instances[i], &l->a, &rules);
		for (j = 0; j < rules.n_environments; j++)
			add_place(l, name + 1, rules.environments[j], false);
	}
	for (i = 0; i < l->reg.n; i++)
		if (l->reg.v[i]->environment && is_wanted(a, l->reg.v[i]->name))
			add_place(l, l->reg.v[i]->name, l->reg.v[i]->environment, true);
}

/* A run that is not here any more says nothing of its data. */
static void find_data(struct looking *l, struct deploy_place *place)
{
	const struct snapshot_tools tools = {&l->p->repo, l->p->db, l->p->lineage, l->p->store};
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct snapshot *s;

	if (!place->live->run)
		return;
	s = xcalloc(1, sizeof(*s));
	*s = (struct snapshot)SNAPSHOT_INIT;
	l->snapshots = xreallocarray(l->snapshots, l->n_snapshots + 1, sizeof(struct snapshot *));
	l->snapshots[l->n_snapshots++] = s;
	if (snapshot_find(s, &tools, place->live->run, &ignored) == 0)
		deploy_data(s, place->live, &l->a, place);
}

static int look_at(struct looking *l, struct deploy_place *place, struct err *err)
{
	const struct repo *repo = &l->p->repo;
	int got = shipping_read(repo, place->name, place->environment, &l->a, &place->left, err);
	char *hex;

	if (got < 0)
		return -1;
	place->has_left = got > 0;
	place->busy = got > 0 && shipping_is_held(repo, place->name);
	place->live = registry_live(&l->reg, place->name, place->environment);
	place->before = registry_before(&l->reg, place->name, place->environment);
	if (!place->live)
		return 0;
	hex = arena_alloc(&l->a, GIT_ID_HEX + 1);
	git_id_hex(&place->live->commit, hex);
	place->commit = hex;
	find_data(l, place);
	return 0;
}

static int look(struct looking *l, const struct args *a, struct err *err)
{
	size_t i;

	if (registry_read(&l->reg, l->p->db, l->p->repo.prefix ? l->p->repo.prefix : "", err) < 0)
		return -1;
	find_places(l, a);
	for (i = 0; i < l->n; i++)
		if (look_at(l, &l->v[i], err) < 0)
			return -1;
	for (i = 0; i < a->words.n; i++) {
		size_t j;

		for (j = 0; j < l->n && !streq(l->v[j].name, a->words.v[i]); j++)
			;
		if (j == l->n)
			return err_set(err, ERR_INVALID, "there is no [deploy %s]", a->words.v[i]);
	}
	return 0;
}

static int show(struct looking *l, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct style style = project_style(l->p, STDOUT_FILENO);

	if (look(l, a, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (l->reg.unreadable)
		fprintf(stderr, "mlmake: warning: %zu of the tags that say what is deployed cannot be read, and do not count\n",
			l->reg.unreadable);
	if (args_count(a, "json"))
		return cli_print_json(report_deploys_json(l->v, l->n));
	report_deploys(l->v, l->n, clock_now(&clock_system), &style, &out);
	return cli_print(&out);
}

static int status(const struct args *a)
{
	struct project p;
	struct looking l = {.p = &p, .reg = REGISTRY_INIT, .a = ARENA_INIT};
	int code = project_open(&p, a, false);
	size_t i;

	if (code == EXIT_DONE)
		code = project_load(&p, NULL, 0);
	if (code == EXIT_DONE)
		code = show(&l, a);
	for (i = 0; i < l.n_snapshots; i++) {
		snapshot_release(l.snapshots[i]);
		free(l.snapshots[i]);
	}
	free(l.snapshots);
	registry_release(&l.reg);
	arena_release(&l.a);
	project_close(&p);
	return code;
}

/* ---- deploying ---- */

static int check_args(const struct args *a, struct err *err)
{
	const char *bump = args_value(a, "bump");

	if (bump && !streq(bump, "major") && !streq(bump, "minor") && !streq(bump, "patch"))
		return err_set(err, ERR_INVALID, "--bump takes major, minor or patch, not '%s'", bump);
	if (bump && args_value(a, "as"))
		return err_set(err, ERR_INVALID, "--as says the version, so --bump has nothing to say");
	if (args_value(a, "as") && a->words.n != 1)
		return err_set(err, ERR_INVALID, "--as is the version of one deploy; name it");
	return 0;
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (check_args(a, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	return args_count(a, "status") ? status(a) : deploying_build(a, &a->words, false);
}

static const struct option_def options[] = {
	{0, "status", NULL, "show what is where, since when, by whom, from which commit and data"},
	{0, "json", NULL, "with --status or -n: print one JSON document"},
	{0, "as", "VERSION", "call it so if it is new (v1.2.0)"},
	{0, "bump", "PART", "its version is the next major, minor or patch (default: patch)"},
	{0, "because", "REASON", "why; kept in the tag and in the log"},
	{0, "again", NULL, "ship though the same is there already"},
	{0, "events", "FILE", "write what happens to FILE as JSON Lines (-: standard output)"},
	{'j', "jobs", "N", "build up to N stages at once (default: the number of cores)"},
	{'k', "keep-going", NULL, "after a failure, go on with what does not need it"},
	{'n', "dry-run", NULL, "show what would be done, and do nothing"},
	{'q', "quiet", NULL, "show failures alone"},
	{'v', "verbose", NULL, "show all reasons, and what stages write"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_deploy = {
	"deploy",
	"ship what a gate lets pass, see that it works, and remember what is where",
	"[NAME...]",
	"All deploys if none is named. What it needs is built first. If shipping or the health check\n"
	"fails, what was there before comes back.",
	WORDS_TARGETS,
	options,
	run,
};
