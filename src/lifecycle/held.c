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

/* ---- built in its owner's own work tree */

/* A commit's pipeline, and what of it was built. */
struct by_hand {
	const struct judging *j;
	const struct git_id *tree;
	struct pipeline pl;
	struct graph g;
	bool *built; /* by node */
};

static int read_in_commit(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	const struct by_hand *h = ctx;

	return hookbuild_read(h->j->db, h->tree, h->j->repo->prefix, path, out, err);
}

/* Patterns find what the work tree has, with what git does not hold. */
static int load(struct by_hand *h)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	const struct pipeline_options opt = {.file = "mlmake.ini"};
	struct pipeline_disk disk = pipeline_disk_system;

	disk.read = read_in_commit;
	disk.ctx = h;
	return pipeline_load(&h->pl, &opt, &disk, &ignored) < 0 || graph_build(&h->g, &h->pl, &ignored) < 0 ? -1 : 0;
}

/* Was it asked for the same, by the same words? "" is what plain mlmake builds. */
static bool was_asked_for_all(const struct run *r, const struct hook_section *hook)
{
	size_t i, j;

	if (!hook->n_build)
		return r->n_targets == 1 && !*r->targets[0];
	for (i = 0; i < hook->n_build; i++) {
		for (j = 0; j < r->n_targets && !streq(r->targets[j], hook->build[i]); j++)
			;
		if (j == r->n_targets)
			return false;
	}
	return true;
}

/* What it ran, and all that it was asked for, which else was fresh. Deploys come after a build. */
static void mark_built(struct by_hand *h, const struct run *r)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	CLEANUP(freep) bool *selected = xcalloc(h->g.n + 1, sizeof(*selected));
	bool all = r->n_targets == 1 && !*r->targets[0];
	size_t i;

	for (i = 0; i < r->n_parts; i++) {
		const struct instance *in = pipeline_instance(&h->pl, r->parts[i].name);

		if (in)
			h->built[in->index] = true;
	}
	if (!r->n_targets || graph_select(&h->g, r->targets, all ? 0 : r->n_targets, selected, NULL, &ignored) < 0)
		return;
	for (i = 0; i < h->g.n; i++)
		h->built[i] |= selected[i] && h->g.nodes[i].in->stage->kind != STAGE_DEPLOY;
}

static bool is_all_built(const struct by_hand *h)
{
	const struct hook_section *hook = h->j->hook;
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	CLEANUP(freep) bool *selected = xcalloc(h->g.n + 1, sizeof(*selected)), *named = xcalloc(h->g.n + 1, sizeof(*named));
	size_t i;

	if (graph_select(&h->g, hook->build, hook->n_build, selected, named, &ignored) < 0)
		return false;
	for (i = 0; i < h->g.n; i++)
		if (named[i] && !h->built[i])
			return false;
	return true;
}

static bool is_covered(const struct judging *j, const struct git_id *tree, const struct run *const *v, size_t n)
{
	struct by_hand h = {.j = j, .tree = tree, .pl = PIPELINE_INIT, .g = GRAPH_INIT};
	bool all = false;
	size_t i;

	if (load(&h) == 0) {
		h.built = xcalloc(h.g.n + 1, sizeof(*h.built));
		for (i = 0; i < n; i++)
			mark_built(&h, v[i]);
		all = is_all_built(&h);
	}
	free(h.built);
	graph_release(&h.g);
	pipeline_release(&h.pl);
	return all;
}

/* Did its owner build it in his own work tree, in one run or several? */
static bool was_built_by_hand(struct judging *j, const struct git_id *tree)
{
	struct lineage *l = lineage_new(j->repo, j->db);
	CLEANUP(freep) char *lock = *j->repo->prefix ? xstrfmt("%s/mlmake.lock", j->repo->prefix) : xstrdup("mlmake.lock");
	CLEANUP(freep) const struct run **of = NULL;
	const struct run *runs;
	struct git_id without;
	size_t i, n, n_of = 0;
	bool all = false;

	if (tree_without(j->db, NULL, tree, lock, &without, NULL) == 0 && lineage_runs(l, &runs, &n, NULL) == 0) {
		of = xcalloc(n + 1, sizeof(*of));
		for (i = 0; i < n; i++)
			if (lineage_is_good(l, &runs[i], &without)) {
				of[n_of++] = &runs[i];
				all |= was_asked_for_all(&runs[i], j->hook);
			}
		all = all || (n_of && is_covered(j, tree, of, n_of));
	}
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
	if ((e && e->code == 0) || (has_tree && was_built_by_hand(j, &tree)))
		return;
	if (e)
		hold(ref, hex, streq(e->outcome, "refused") ? "was refused by a gate" : "was built, and failed", e->text, out);
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
