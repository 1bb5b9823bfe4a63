/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/held.h"

#include <stdlib.h>
#include <string.h>

#include "gitdb/tree.h"
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

static bool was_part(const struct run *r, const char *target)
{
	size_t i, n = strlen(target);

	for (i = 0; i < r->n_parts; i++)
		if (strncmp(r->parts[i].name, target, n) == 0 && (!r->parts[i].name[n] || r->parts[i].name[n] == '@'))
			return true;
	return false;
}

/* Did its owner build it in his own work tree? */
static bool was_built_by_hand(struct judging *j, const struct git_id *tree)
{
	struct lineage *l = lineage_new(j->repo, j->db);
	CLEANUP(freep) char *lock = *j->repo->prefix ? xstrfmt("%s/mlmake.lock", j->repo->prefix) : xstrdup("mlmake.lock");
	const struct run *r = NULL;
	struct git_id without;
	bool all = false;
	size_t i;

	if (tree_without(j->db, NULL, tree, lock, &without, NULL) == 0)
		r = lineage_built(l, &without, NULL);
	if (r) {
		all = true;
		for (i = 0; i < j->hook->n_build; i++)
			all &= was_part(r, j->hook->build[i]);
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

/* One line of git's; what is no branch, or goes, is not looked at. */
static void take_line(struct judging *j, char *line, struct strbuf *out)
{
	char *word[4] = {NULL}, *at;
	struct git_id id, none = {{0}};
	size_t i;

	for (i = 0; i < 4; i++)
		word[i] = strtok_r(i ? NULL : line, " ", &at);
	if (!word[3] || (!is_id(word[1], &id) && gitdb_resolve(j->db, word[1], GITDB_COMMIT, &id, NULL) < 0) || git_id_eq(&id, &none) ||
	    !skip_prefix(word[2], "refs/heads/", NULL) || !hookbuild_is_wanted(j->hook->branches, j->hook->n_branches, word[2]))
		return;
	judge(j, word[2], id, out);
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
