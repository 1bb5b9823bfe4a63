/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/held.h"

#include <stdlib.h>
#include <string.h>

#include "gitdb/tree.h"
#include "graph/graph.h"
#include "lifecycle/hookbuild.h"
#include "lineage/lineage.h"

#define BACK 1000 /* commits that want no build, in a row */
#define REFUSED "was refused by a gate"
#define BROKE "was built, and failed"

struct judging {
	const struct hook_section *hook;
	const struct repo *repo;
	struct gitdb *db;
	struct arena a;
	const char *targets;
	struct hook_event *v;
	size_t n;
};

/* Whoever wants no build is judged by what it stands on. */
static void step_back(struct judging *j, struct git_id *id)
{
	int i;

	for (i = 0; i < BACK; i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		struct commit c;

		if (commit_read(j->db, id, &a, &c, NULL) < 0 || !hookbuild_is_skipped(c.message) || !c.n_parents)
			return;
		*id = c.parents[0];
	}
}

/* ---- what is known of a commit's instances */

enum known { NOT_KNOWN, BUILT, LEFT /* when something else failed */, FAILED };

/* Of each what the newest build or run says that had to do with it. One that ran for more than is asked here may have failed, and what is
 * asked for be well; and what was fresh in it ran in none. */
struct evidence {
	const struct judging *j;
	const struct git_id *tree;
	struct pipeline pl;
	struct graph g;
	enum known *known;             /* by node */
	const struct run_part **parts; /* by node: FAILED */
};

static int read_in_commit(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	const struct evidence *ev = ctx;

	return hookbuild_read(ev->j->db, ev->tree, ev->j->repo->prefix, path, out, err);
}

/* Patterns find what the work tree has, with what git does not hold. */
static int load(struct evidence *ev)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	const struct pipeline_options opt = {.file = "mlmake.ini"};
	struct pipeline_disk disk = pipeline_disk_system;

	disk.read = read_in_commit;
	disk.ctx = ev;
	return pipeline_load(&ev->pl, &opt, &disk, &ignored) < 0 || graph_build(&ev->g, &ev->pl, &ignored) < 0 ? -1 : 0;
}

/* All that the targets mean and need. */
static void note_built(struct evidence *ev, const char *const *targets, size_t n, bool deploys)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	CLEANUP(freep) bool *selected = xcalloc(ev->g.n + 1, sizeof(*selected));
	size_t i;

	if (graph_select(&ev->g, targets, n, selected, NULL, &ignored) < 0)
		return;
	for (i = 0; i < ev->g.n; i++)
		if (selected[i] && (deploys || ev->g.nodes[i].in->stage->kind != STAGE_DEPLOY))
			ev->known[i] = BUILT;
}

static bool asks_for_all(const struct run *r)
{
	return r->n_targets == 1 && !*r->targets[0];
}

/* Was it fresh, and run in any case (-B)? If that fails, the result that it had is put back. */
static bool was_forced(const struct run_part *p)
{
	size_t i;

	for (i = 0; i < p->n_reasons && streq(p->reasons[i].kind, "forced"); i++)
		;
	return i && i == p->n_reasons;
}

static void take_part(struct evidence *ev, size_t i, const struct run_part *p, enum known before)
{
	bool failed = streq(p->result, "failed");

	if (streq(p->result, "interrupted") || (failed && before == BUILT && was_forced(p))) {
		ev->known[i] = before ? before : LEFT;
		return;
	}
	ev->known[i] = failed || streq(p->result, "refused") ? FAILED : BUILT;
	ev->parts[i] = p;
}

/* What it was asked for was fresh, unless it says something else of it; and what it did not come to, or not to the end of, is as it was.
 * Deploys come after a build. A run that does not say what it was asked for may have been one of another pipeline. */
static void take_run(struct evidence *ev, const struct run *r)
{
	CLEANUP(freep) enum known *before = xcalloc(ev->g.n + 1, sizeof(*before));
	const struct instance *in;
	size_t i;

	if (!r->n_targets && !streq(r->outcome, "deployed"))
		return;
	memcpy(before, ev->known, ev->g.n * sizeof(*before));
	if (r->n_targets)
		note_built(ev, r->targets, asks_for_all(r) ? 0 : r->n_targets, false);
	for (i = 0; i < r->n_left; i++)
		if ((in = pipeline_instance(&ev->pl, r->left[i])))
			ev->known[in->index] = before[in->index] ? before[in->index] : LEFT;
	for (i = 0; i < r->n_parts; i++)
		if ((in = pipeline_instance(&ev->pl, r->parts[i].name)))
			take_part(ev, in->index, &r->parts[i], before[in->index]);
}

/* A build for a hook that went well has all that the hook's section says in the commit, also if nothing had to run. */
static void take_event(struct evidence *ev, const struct hook_event *e)
{
	const struct hook_section *hook = pipeline_hook(&ev->pl, e->hook);
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	if (hook && streq(hookbuild_targets(hook->build, hook->n_build, &a), e->targets))
		note_built(ev, hook->build, hook->n_build, true);
}

/* Is all built that is asked for? *bad: what of it, or of what it needs, failed; else NULL. */
static bool weigh(const struct evidence *ev, const struct run_part **bad)
{
	const struct hook_section *hook = ev->j->hook;
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	CLEANUP(freep) bool *selected = xcalloc(ev->g.n + 1, sizeof(*selected)), *named = xcalloc(ev->g.n + 1, sizeof(*named));
	bool all = true;
	size_t i;

	if (graph_select(&ev->g, hook->build, hook->n_build, selected, named, &ignored) < 0)
		return false;
	for (i = 0; i < ev->g.n; i++) {
		all &= !(named[i] && ev->known[i] != BUILT) && !(selected[i] && ev->known[i] > BUILT);
		if (selected[i] && ev->known[i] == FAILED && !*bad)
			*bad = ev->parts[i];
	}
	return all;
}

/* What failed, in words; NULL: nothing is known to. */
struct finding {
	bool refused;
	const char *words;
};

/* What there is to go by: builds that went well, and runs, each the oldest first. */
struct found {
	const struct hook_event **events;
	const struct run **runs;
	size_t n_events, n_runs;
};

static void gather(struct evidence *ev, const struct found *f)
{
	size_t i = 0, k = 0;

	ev->known = xcalloc(ev->g.n + 1, sizeof(*ev->known));
	ev->parts = xcalloc(ev->g.n + 1, sizeof(struct run_part *));
	while (i < f->n_events || k < f->n_runs) {
		if (k == f->n_runs || (i < f->n_events && f->events[i]->time < f->runs[k]->time))
			take_event(ev, f->events[i++]);
		else
			take_run(ev, f->runs[k++]);
	}
}

static bool is_proven(struct judging *j, const struct git_id *tree, const struct found *f, struct finding *out)
{
	struct evidence ev = {.j = j, .tree = tree, .pl = PIPELINE_INIT, .g = GRAPH_INIT};
	const struct run_part *bad = NULL;
	bool all = false;

	if (load(&ev) == 0) {
		gather(&ev, f);
		all = weigh(&ev, &bad);
	}
	if (bad)
		*out = (struct finding){streq(bad->result, "refused"), arena_fmt(&j->a, "%s%s%s", bad->name, bad->said ? ": " : "", bad->said ? bad->said : "")};
	free(ev.known);
	free(ev.parts);
	graph_release(&ev.g);
	pipeline_release(&ev.pl);
	return all;
}

/* Did it do well, and was it asked for the same, by the same words? "" is what plain mlmake builds. */
static bool proves(const struct run *r, const struct hook_section *hook)
{
	size_t i, j;

	if (!streq(r->outcome, "done"))
		return false;
	if (!hook->n_build)
		return asks_for_all(r);
	for (i = 0; i < hook->n_build; i++) {
		for (j = 0; j < r->n_targets && !streq(r->targets[j], hook->build[i]); j++)
			;
		if (j == r->n_targets)
			return false;
	}
	return true;
}

/* Accepting, and shipping what is older, build nothing. */
static bool is_build(const struct run *r)
{
	return streq(r->outcome, "done") || streq(r->outcome, "failed") || streq(r->outcome, "refused") || streq(r->outcome, "interrupted") ||
	       streq(r->outcome, "deployed");
}

/* Was it built, by whatever asked for it or in its owner's own work tree, in one run or several? */
static bool was_built(struct judging *j, const char *commit, const struct git_id *tree, const char *tree_hex, struct finding *out)
{
	struct lineage *l = lineage_new(j->repo, j->db);
	CLEANUP(freep) char *lock = *j->repo->prefix ? xstrfmt("%s/mlmake.lock", j->repo->prefix) : xstrdup("mlmake.lock");
	struct found f = {.n_events = 0};
	struct git_id without;
	const struct run *runs;
	bool all = false;
	size_t i, n = 0;

	if (tree_without(j->db, NULL, tree, lock, &without, NULL) < 0 || lineage_runs(l, &runs, &n, NULL) < 0)
		n = 0;
	f.runs = arena_alloc(&j->a, (n + 1) * sizeof(struct run *));
	f.events = arena_alloc(&j->a, (j->n + 1) * sizeof(struct hook_event *));
	for (i = 0; i < n; i++)
		if (lineage_is_of(l, &runs[i], &without) && is_build(&runs[i]))
			f.runs[f.n_runs++] = &runs[i];
	for (i = 0; i < j->n; i++)
		if (j->v[i].code == 0 && hooklog_is_of(&j->v[i], j->repo->prefix, commit, tree_hex))
			f.events[f.n_events++] = &j->v[i];
	if (f.n_runs && proves(f.runs[f.n_runs - 1], j->hook))
		all = true;
	else if (f.n_runs || f.n_events)
		all = is_proven(j, tree, &f, out);
	lineage_free(l);
	return all;
}

static void hold(const char *ref, const char *hex, const char *why, const char *more, struct strbuf *out)
{
	const char *branch = ref;

	(void)skip_prefix(ref, "refs/heads/", &branch);
	strbuf_addf(out, "%s: %.9s %s%s%s\n", branch, hex, why, *more ? ": " : "", more);
}

static void judge(struct judging *j, const char *ref, struct git_id id, struct strbuf *out)
{
	const struct hook_event *e;
	struct finding found = {false, NULL};
	struct git_id tree;
	char hex[GIT_ID_HEX + 1], tree_hex[GIT_ID_HEX + 1];
	bool has_tree;

	git_id_hex(&id, hex);
	e = hooklog_built(j->v, j->n, j->repo->prefix, j->targets, hex, NULL);
	if (e && e->code == 0)
		return;
	step_back(j, &id);
	git_id_hex(&id, hex);
	has_tree = gitdb_resolve(j->db, hex, GITDB_TREE, &tree, NULL) == 0;
	if (has_tree)
		git_id_hex(&tree, tree_hex);
	e = hooklog_built(j->v, j->n, j->repo->prefix, j->targets, hex, has_tree ? tree_hex : NULL);
	if ((e && e->code == 0) || (has_tree && was_built(j, hex, &tree, tree_hex, &found)))
		return;
	if (found.words)
		hold(ref, hex, found.refused ? REFUSED : BROKE, found.words, out);
	else if (e)
		hold(ref, hex, streq(e->outcome, "refused") ? REFUSED : BROKE, e->text, out);
	else if (!j->hook->pass_unknown)
		hold(ref, hex, "was not built", "", out);
}

static bool is_id(const char *word, struct git_id *id)
{
	return strlen(word) == GIT_ID_HEX && git_id_parse(word, id);
}

/* One line of git's: "<local> <id> <ref> <id>", of which the first is as it was typed, blanks and all. What is no branch, or goes, is not
 * looked at. */
static void take_line(struct judging *j, char *line, struct strbuf *out)
{
	struct git_id id, none = {{0}};
	char *word[3];
	size_t i;

	for (i = 3; i--;) {
		word[i] = strrchr(line, ' ');
		if (!word[i])
			return;
		*word[i]++ = '\0';
	}
	if ((!is_id(word[0], &id) && gitdb_resolve(j->db, word[0], GITDB_COMMIT, &id, NULL) < 0) || git_id_eq(&id, &none) ||
	    !skip_prefix(word[1], "refs/heads/", NULL) || !hookbuild_is_wanted(j->hook->branches, j->hook->n_branches, word[1]))
		return;
	judge(j, word[1], id, out);
}

int held_judge(const struct hook_section *hook, const struct repo *r, const char *dir, const char *lines, struct strbuf *out,
	       struct err *err)
{
	struct judging j = {.hook = hook, .repo = r, .db = gitdb_new(r->git_dir), .a = ARENA_INIT};
	CLEANUP(freep) char *copy = xstrdup(lines);
	int result = hooklog_read(dir, &j.a, &j.v, &j.n, err);
	char *line, *at;

	j.targets = hookbuild_targets(hook->build, hook->n_build, &j.a);
	for (line = strtok_r(copy, "\n", &at); line && result == 0; line = strtok_r(NULL, "\n", &at))
		take_line(&j, line, out);
	gitdb_free(j.db);
	arena_release(&j.a);
	return result;
}
