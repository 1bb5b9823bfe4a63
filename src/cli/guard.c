/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/guard.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lineage/git.h"
#include "util/file.h"
#include "util/path.h"

static void guard_tracked(struct project *p, const bool *which)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) const char **paths = NULL;
	size_t i, j, n = 0;

	for (i = 0; i < p->pl.n_instances; i++)
		n += which[i] ? p->pl.instances[i]->n_outs : 0;
	paths = xcalloc(n + 1, sizeof(*paths));
	for (n = i = 0; i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; which[i] && in->stage->cache != CACHE_NO && j < in->n_outs; j++)
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
				diag_error(&p->ds, in->outs[j].at.file, in->outs[j].at.line,
					   "'%s' of stage '%s' is tracked by git, so mlmake would overwrite it: "
					   "`git rm --cached -r %s` and ignore it, or set `cache = no`",
					   tracked.v[i], in->name, tracked.v[i]);
	}
}

/* A link among the directories above an output may lead anywhere. */
static void guard_links(struct project *p, const struct instance *in, const char *top)
{
	size_t i;

	for (i = 0; i < in->n_outs; i++) {
		CLEANUP(freep) char *dir = path_dir(in->outs[i].path);
		CLEANUP(freep) char *real = NULL;

		while (!streq(dir, ".") && !file_exists(dir)) {
			char *up = path_dir(dir);

			free(dir);
			dir = up;
		}
		if (streq(dir, "."))
			continue;
		real = realpath(dir, NULL);
		if (!real || !path_is_within(real, top))
			diag_error(&p->ds, in->outs[i].at.file, in->outs[i].at.line,
				   "output '%s' of stage '%s' leads out of the project through '%s', which is %s",
				   in->outs[i].path, in->name, dir, real ? real : "a link to nowhere");
	}
}

static void guard_all(struct project *p, const bool *which)
{
	CLEANUP(freep) char *top = realpath(".", NULL);
	size_t i;

	guard_tracked(p, which);
	for (i = 0; top && i < p->pl.n_instances; i++)
		if (which[i])
			guard_links(p, p->pl.instances[i], top);
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
	guard_all(p, which);
	return p->ds.errors > errors ? -1 : 0;
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
	guard_all(p, which);
	for (i = 0; i < p->g.n; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; j < in->n_inputs; j++)
			if (access(in->inputs[j].path, F_OK) < 0 && !will_be_there(p, i, in->inputs[j].path))
				diag_error(&p->ds, in->inputs[j].at.file, in->inputs[j].at.line,
					   "stage '%s' needs '%s', which is not there and no stage makes it", in->name,
					   in->inputs[j].path);
	}
}
