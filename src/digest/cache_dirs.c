/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of a directory with all below it, for those who ask more than its content. */
#include <config.h>

#include "digest/statcache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest/cache_memory.h"
#include "digest/manifest.h"
#include "util/hash.h"
#include "util/path.h"

uint64_t statcache_written(struct statcache *sc, const char *path, bool follow, const struct content *was)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	uint64_t sum = 1;
	uint32_t i;

	if (strlen(path) >= PATH_MAX)
		return 0;
	recall_answer(sc, path, follow, &m);
	if (!m.found)
		return 0;
	entry_content(&m.tree.v[0], &then);
	if (!content_eq(&then, was))
		return 0;
	for (i = 0; i < m.tree.n; i++) {
		const struct entry *e = &m.tree.v[i];
		const uint64_t words[] = {sum, e->dev, e->ino, (uint64_t)e->mtime};

		if (entry_is_file(e))
			sum = hash_bytes(words, sizeof(words)) | 1;
	}
	return sum;
}

/* UINT32_MAX if nothing is there. */
static uint32_t find_below(const struct tree *t, const char *below)
{
	uint32_t at = 0;

	while (*below) {
		size_t n = strcspn(below, "/");
		CLEANUP(freep) char *name = xstrndup(below, n);

		if (t->v[at].kind != CONTENT_DIR || (at = tree_child(t, at, name)) == UINT32_MAX)
			return UINT32_MAX;
		below += n + (below[n] == '/');
	}
	return at;
}

bool statcache_is_below(struct statcache *sc, const char *path, const char *below, const struct stat *st, const struct content *was)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	struct entry now;
	uint32_t at;

	if (strlen(path) >= PATH_MAX)
		return false;
	recall(sc, path, false, &m);
	if (!m.found || (at = find_below(&m.tree, below)) == UINT32_MAX)
		return false;
	entry_content(&m.tree.v[at], &then);
	entry_of_stat(&now, st);
	return content_eq(&then, was) && !m.tree.v[at].young && entry_same_stat(&m.tree.v[at], &now);
}

static void manifest_of(const struct tree *t, uint32_t dir, struct manifest *m)
{
	uint32_t i;

	for (i = t->v[dir].first; i < t->v[dir].first + t->v[dir].n; i++)
		manifest_add(m, (enum content_kind)t->v[i].kind, xstrdup(tree_name(t, i)),
			     t->v[i].kind == CONTENT_LINK ? xstrdup(tree_target(t, i)) : NULL, &t->v[i].id);
}

char **dir_paths(const struct tree *t, const char *path)
{
	char **paths = xcalloc(t->n, sizeof(*paths));
	uint32_t i, j;

	if (t->v[0].kind == CONTENT_DIR)
		paths[0] = xstrdup(path);
	for (i = 0; i < t->n; i++)
		for (j = 0; t->v[i].kind == CONTENT_DIR && j < t->v[i].n; j++)
			if (t->v[t->v[i].first + j].kind == CONTENT_DIR)
				paths[t->v[i].first + j] = xstrfmt("%s/%s", paths[i], tree_name(t, t->v[i].first + j));
	return paths;
}

void free_paths(char **paths, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

int statcache_manifests(struct statcache *sc, const char *path, bool follow, const struct content *was,
			int (*visit)(void *ctx, const char *dir, const struct manifest *m), void *ctx)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	struct content then;
	int result = 0;
	char **paths;
	uint32_t i;

	if (strlen(path) >= PATH_MAX)
		return 1;
	recall_answer(sc, path, follow, &m);
	if (!m.found)
		return 1;
	entry_content(&m.tree.v[0], &then);
	if (then.kind != CONTENT_DIR || !content_eq(&then, was))
		return 1;
	paths = dir_paths(&m.tree, path);
	for (i = m.tree.n; i-- > 0 && result == 0;) {
		CLEANUP(manifest_release) struct manifest list = MANIFEST_INIT;

		if (m.tree.v[i].kind != CONTENT_DIR)
			continue;
		manifest_of(&m.tree, i, &list);
		result = visit(ctx, paths[i], &list);
	}
	free_paths(paths, m.tree.n);
	return result;
}

char *statcache_pointer(struct statcache *sc, const char *path)
{
	CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
	char **paths, *found = NULL;
	uint32_t i, at, end;

	if (strlen(path) >= PATH_MAX)
		return NULL;
	recall_answer(sc, path, true, &m);
	for (at = 0; at < m.tree.n && !m.tree.v[at].pointer; at++)
		;
	if (at >= m.tree.n)
		return NULL;
	if (at == 0)
		return xstrdup(path);
	paths = dir_paths(&m.tree, path);
	for (i = 0; i < at && !found; i++) {
		end = m.tree.v[i].first + m.tree.v[i].n;
		if (m.tree.v[i].kind == CONTENT_DIR && at >= m.tree.v[i].first && at < end)
			found = xstrfmt("%s/%s", paths[i], tree_name(&m.tree, at));
	}
	free_paths(paths, m.tree.n);
	return found;
}

/* Does the target of a link that lies depth directories below the top lead above the top? A `..` behind a name may lead
 * anywhere, if the name is a link. */
static bool leads_out(const char *target, size_t depth)
{
	bool named = *target == '/';
	size_t n;

	if (named)
		return true;
	for (; *target; target += n + (target[n] == '/')) {
		n = strcspn(target, "/");
		if (n == 2 && target[0] == '.' && target[1] == '.') {
			if (named || depth-- == 0)
				return true;
		} else if (n > 1 || (n == 1 && *target != '.')) {
			named = true;
		}
	}
	return false;
}

static bool leads_above(const char *link, const char *path)
{
	CLEANUP(freep) char *to = NULL;
	CLEANUP(freep) char *top = NULL;
	struct stat st;

	if (stat(link, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	to = realpath(link, NULL);
	top = realpath(path, NULL);
	return to && top && path_is_within(top, to);
}

static size_t count_slashes(const char *s)
{
	size_t n = 0;

	while ((s = strchr(s, '/'))) {
		n++;
		s++;
	}
	return n;
}

/* Visits those among the children of the directory dir of t, at the path below. */
static int visit_links(struct statcache *sc, const struct tree *t, uint32_t dir, const char *below, const char *path,
		       int (*visit)(void *ctx, const char *link), void *ctx)
{
	size_t depth = count_slashes(below + strlen(path));
	int result = 0;
	uint32_t i;

	for (i = t->v[dir].first; i < t->v[dir].first + t->v[dir].n && result == 0; i++) {
		CLEANUP(freep) char *link = NULL;

		if (t->v[i].kind != CONTENT_LINK || !leads_out(tree_target(t, i), depth))
			continue;
		link = xstrfmt("%s/%s", below, tree_name(t, i));
		learn_nothing(sc); /* where it leads is asked of the disk */
		if (!leads_above(link, path))
			result = visit(ctx, link);
	}
	return result;
}

static bool has_links(const struct tree *t)
{
	uint32_t i;

	for (i = 1; i < t->n; i++)
		if (t->v[i].kind == CONTENT_LINK)
			return true;
	return false;
}

int statcache_links_out(struct statcache *sc, const char *path, const struct content *was,
			int (*visit)(void *ctx, const char *link), void *ctx)
{
	int result = 0, follow;
	bool held = false;

	for (follow = 0; follow <= 1 && !held && strlen(path) < PATH_MAX; follow++) {
		CLEANUP(memory_release) struct memory m = {false, {0}, NULL};
		struct content then;
		char **paths;
		uint32_t i;

		recall(sc, path, follow, &m);
		if (m.found)
			entry_content(&m.tree.v[0], &then);
		held = m.found && then.kind == CONTENT_DIR && content_eq(&then, was);
		if (!held || !has_links(&m.tree))
			continue;
		paths = dir_paths(&m.tree, path);
		for (i = 0; i < m.tree.n && result == 0; i++)
			if (m.tree.v[i].kind == CONTENT_DIR)
				result = visit_links(sc, &m.tree, i, paths[i], path, visit, ctx);
		free_paths(paths, m.tree.n);
	}
	return result;
}
