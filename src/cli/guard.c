/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/guard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gitdb/git.h"
#include "sandbox/confine.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/map.h"
#include "util/path.h"

/* What is made is refused; of what is as it was a word now is better than a refusal when it changes. */
static void tell_of_tracked(struct project *p, const struct instance *in, const struct output *out, bool made)
{
	if (made)
		diag_error(&p->ds, out->at.file, out->at.line,
			   "'%s' of stage '%s' is tracked by git, so mlmake would overwrite it: "
			   "`git rm --cached -r %s` and ignore it, or set `cache = no`", out->path, in->name, out->path);
	else
		diag_warn(&p->ds, out->at.file, out->at.line,
			  "'%s' of stage '%s' is tracked by git, and will not be overwritten when it is to be made again: "
			  "`git rm --cached -r %s` and ignore it, or set `cache = no`", out->path, in->name, out->path);
}

/* asked: of which instances; which: those that are made. */
static void guard_tracked(struct project *p, const bool *asked, const bool *which)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) const char **paths = NULL;
	size_t i, j, n = 0;

	for (i = 0; i < p->pl.n_instances; i++)
		n += asked[i] ? p->pl.instances[i]->n_outs : 0;
	paths = xcalloc(n + 1, sizeof(*paths));
	for (n = i = 0; i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; asked[i] && in->stage->cache != CACHE_NO && j < in->n_outs; j++)
			paths[n++] = in->outs[j].path;
	}
	if (n && git_tracked(&p->repo, paths, n, &tracked, &err) < 0) {
		diag_warn(&p->ds, NULL, 0, "cannot ask git which outputs it tracks: %s", err.msg);
		return;
	}
	for (i = 0; i < tracked.n; i++) {
		const struct instance *in = pipeline_maker(&p->pl, tracked.v[i]);

		for (j = 0; in && j < in->n_outs; j++)
			if (streq(in->outs[j].path, tracked.v[i]))
				tell_of_tracked(p, in, &in->outs[j], which[in->index]);
	}
}

/* Where directories really are, each asked for once. */
struct places {
	char *top;         /* the project's own real path */
	struct map real;   /* directory as it is named -> real path; "" if it is not there */
	struct arena arena;
};

/* The real path of the nearest directory above path that is there; "" if that is a link to nowhere. */
static const char *real_dir(struct places *at, const char *path, size_t *rest)
{
	size_t n = path_dirlen(path);
	const char *known;

	for (;; n = path_dirlen(known)) {
		CLEANUP(freep) char *dir = n ? xstrndup(path, n) : xstrdup(".");
		CLEANUP(freep) char *real = NULL;

		*rest = n ? n + 1 : 0;
		known = map_getn(&at->real, dir, strlen(dir));
		if (known)
			return known;
		if (!n || file_exists(dir)) {
			real = realpath(dir, NULL);
			known = arena_strdup(&at->arena, real ? real : "");
			map_put(&at->real, arena_strdup(&at->arena, dir), (void *)(uintptr_t)known);
			return known;
		}
		known = arena_strdup(&at->arena, dir);
	}
}

/* The project path under which path would be named if no directory above it were a link; NULL if it lies elsewhere. Owned. */
static char *real_name(struct places *at, const char *path)
{
	size_t rest, n = strlen(at->top);
	const char *dir = real_dir(at, path, &rest);

	if (!*dir || !path_is_within(dir, at->top))
		return NULL;
	dir += n + (dir[n] == '/');
	return path_join(*dir ? dir : ".", path + rest);
}

/* A link among the directories above an output may lead anywhere, also to what another stage makes. */
static void guard_output(struct project *p, struct places *at, const struct instance *in, const struct output *out)
{
	CLEANUP(freep) char *name = real_name(at, out->path);
	const struct instance *other;
	size_t rest;

	if (!name) {
		const char *dir = real_dir(at, out->path, &rest);

		diag_error(&p->ds, out->at.file, out->at.line,
			   "output '%s' of stage '%s' leads out of the project through '%.*s', which is %s", out->path,
			   in->name, (int)(rest ? rest - 1 : 0), out->path, *dir ? dir : "a link to nowhere");
		return;
	}
	other = pipeline_maker(&p->pl, name);
	if (other && other != in)
		diag_error(&p->ds, out->at.file, out->at.line,
			   "output '%s' of stage '%s' is '%s' by another name, which stage '%s' makes", out->path,
			   in->name, name, other->name);
}

/* Who waits for whom follows from names, so what a stage makes has to be called what that stage calls it. */
static void guard_input(struct project *p, struct places *at, const struct instance *in, const struct input *ip)
{
	CLEANUP(freep) char *name = NULL;
	const struct instance *maker;

	if (path_is_absolute(ip->path) || pipeline_maker(&p->pl, ip->path))
		return;
	name = real_name(at, ip->path);
	maker = name && !streq(name, ip->path) ? pipeline_maker(&p->pl, name) : NULL;
	if (maker)
		diag_error(&p->ds, ip->at.file, ip->at.line,
			   "'%s', which stage '%s' reads, is '%s' by another name, which stage '%s' makes; name it so",
			   ip->path, in->name, name, maker->name);
}

static void guard_links(struct project *p, const bool *which)
{
	struct places at = {realpath(".", NULL), MAP_INIT, ARENA_INIT};
	size_t i, j;

	for (i = 0; at.top && i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; which[i] && j < in->n_outs; j++)
			guard_output(p, &at, in, &in->outs[j]);
		for (j = 0; p->selected[i] && j < in->n_inputs; j++)
			guard_input(p, &at, in, &in->inputs[j]);
	}
	free(at.top);
	map_release(&at.real);
	arena_release(&at.arena);
}

/* A checkout without git-lfs, or with a filter of it, has a few lines in place of the data. */
static void guard_lfs(struct project *p, const bool *which)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i, j;

	for (i = 0; i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; which[i] && j < in->n_inputs; j++) {
			const struct input *ip = &in->inputs[j];
			CLEANUP(freep) char *found = NULL;

			if (pipeline_maker(&p->pl, ip->path) || map_put(&seen, ip->path, p))
				continue;
			found = statcache_pointer(p->cache, ip->path);
			if (found)
				diag_error(&p->ds, ip->at.file, ip->at.line,
					   "'%s', which stage '%s' reads, is a pointer of git-lfs and not the data: `git lfs pull` brings it",
					   found, in->name);
		}
	}
}

/* What is made is kept in git's database: better to know now that it cannot be than when a stage has run for hours. */
static void guard_database(struct project *p)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (gitdb_open(p->db, &err) < 0 && err.code != ERR_NOTFOUND)
		diag_error(&p->ds, NULL, 0, "%s", err.msg);
}

/* Better to know it now than when what comes before has run for hours. */
static void guard_confined(struct project *p, const struct plan *plan)
{
	long version = confine_version();
	const struct stage *told = NULL;
	size_t i;

	for (i = 0; i < p->g.n && version < 0; i++) {
		const struct stage *st = p->pl.instances[i]->stage;

		if (!plan->selected[i] || plan->verdicts[i].state != STALE_STALE || st == told || st->kind != STAGE_COMMAND ||
		    pipeline_watching(&p->pl, st) != WATCHING_STRICT)
			continue;
		diag_error(&p->ds, st->at.file, st->at.line,
			   "stage '%s' has `watch = strict`, and this system has no Landlock, which would confine it (%s): Linux has it from "
			   "5.13 on, unless it is switched off when it starts or by a container; `watch = learn` needs none",
			   st->name, strerror((int)-version));
		told = st;
	}
}

int guard_plan(struct project *p, const struct plan *plan, const struct resources *r)
{
	CLEANUP(freep) bool *which = xcalloc(p->g.n + 1, sizeof(*which));
	size_t i, errors = p->ds.errors;

	for (i = 0; i < p->g.n; i++) {
		const struct instance *in = p->pl.instances[i];
		CLEANUP(err_release) struct err err = ERR_INIT;
		enum stale_state s = plan->verdicts[i].state;

		which[i] = plan->selected[i] && (s == STALE_STALE || s == STALE_RESTORABLE);
		if (which[i] && resources_check(r, &in->stage->use, &err) < 0)
			diag_error(&p->ds, in->stage->at.file, in->stage->at.line, "stage '%s': %s", in->name, err.msg);
	}
	guard_database(p);
	guard_confined(p, plan);
	guard_lfs(p, which);
	guard_tracked(p, plan->selected, which);
	guard_links(p, which);
	return p->ds.errors > errors ? -1 : 0;
}

void guard_fresh(struct project *p, const struct plan *plan)
{
	CLEANUP(freep) bool *none = xcalloc(p->g.n + 1, sizeof(*none));

	guard_tracked(p, plan->selected, none);
}

/* Will path be there once node's upstream has run, as a directory above something made? */
static bool will_be_there(const struct project *p, size_t node, const char *path)
{
	const struct node *n = &p->g.nodes[node];
	size_t i, j;

	for (i = 0; i < n->n_up; i++) {
		const struct instance *up = p->g.nodes[n->up[i]].in;

		for (j = 0; j < up->n_outs; j++)
			if (path_is_within(up->outs[j].path, path))
				return true;
	}
	return pipeline_maker(&p->pl, path) != NULL;
}

void guard_everything(struct project *p)
{
	CLEANUP(freep) bool *which = xcalloc(p->g.n + 1, sizeof(*which));
	size_t i, j;

	memset(which, 1, p->g.n);
	guard_tracked(p, which, which);
	guard_links(p, which);
	for (i = 0; i < p->g.n; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; j < in->n_inputs; j++)
			if (access(in->inputs[j].path, F_OK) < 0 && !will_be_there(p, i, in->inputs[j].path))
				diag_error(&p->ds, in->inputs[j].at.file, in->inputs[j].at.line,
					   "stage '%s' needs '%s', which is not there and no stage makes it", in->name,
					   in->inputs[j].path);
	}
}
