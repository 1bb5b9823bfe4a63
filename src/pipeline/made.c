/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Globs over what is and what will be: the disk together with the outputs of stages, so that a pattern finds the same
 * before and after a build. Outputs hang in a tree of directories, and only the part that a pattern can match is
 * looked at. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/load.h"
#include "util/path.h"

static struct made_dir *dir_node(struct load *ld, const char *path, size_t len)
{
	struct arena *a = &ld->pl->arena;
	struct made_dir *d = map_getn(&ld->dirs, path, len), *up;
	size_t n = len;

	if (d)
		return d;
	d = arena_calloc(a, sizeof(*d));
	d->path = arena_strndup(a, path, len);
	d->stage = SIZE_MAX;
	map_put(&ld->dirs, d->path, d);
	if (!len)
		return d;
	while (n && path[n - 1] != '/')
		n--;
	up = dir_node(ld, path, n ? n - 1 : 0);
	d->next = up->subs;
	up->subs = d;
	return d;
}

/* Lowers the number of all directories above, as far as it is not so low already. */
static void note_stage(struct load *ld, struct made_dir *d, size_t stage)
{
	while (d->stage > stage) {
		d->stage = stage;
		if (!*d->path)
			break;
		d = map_getn(&ld->dirs, d->path, path_dirlen(d->path));
	}
}

void made_add(struct load *ld, const struct instance *in, const char *path)
{
	size_t n = path_dirlen(path);
	struct made_dir *d = ld->last_dir;
	struct made *m = arena_alloc(&ld->pl->arena, sizeof(*m));

	if (!d || strncmp(d->path, path, n) != 0 || d->path[n])
		d = ld->last_dir = dir_node(ld, path, n);
	*m = (struct made){path, in, d->outputs};
	d->outputs = m;
	note_stage(ld, d, proto_of(in)->number);
}

const struct instance *made_holding(const struct map *outputs, const char *path)
{
	const struct instance *in = map_get(outputs, path);
	const char *slash;

	for (slash = strchr(path + (*path == '/'), '/'); !in && slash; slash = strchr(slash + 1, '/'))
		in = map_getn(outputs, path, (size_t)(slash - path));
	return in;
}

struct walk {
	struct load *ld;
	const char *pattern;
	size_t before;
	bool deep;
	struct match *v;
	size_t n, cap;
};

static void add_match(struct walk *w, const char *path, const struct instance *maker, bool above_outputs)
{
	ALLOC_GROW(w->v, w->n + 1, w->cap);
	w->v[w->n++] = (struct match){path, maker, above_outputs};
}

static void walk_outputs(struct walk *w, const struct made_dir *d)
{
	const struct made_dir *sub;
	const struct made *m;

	for (m = d->outputs; m; m = m->next)
		if (proto_of(m->in)->number < w->before && glob_match(w->pattern, m->path))
			add_match(w, m->path, m->in, false);
	for (sub = d->subs; sub; sub = sub->next) {
		if (sub->stage >= w->before)
			continue;
		if (glob_match(w->pattern, sub->path))
			add_match(w, sub->path, NULL, true);
		if (w->deep)
			walk_outputs(w, sub);
	}
}

static bool is_of_disk(struct walk *w, const char *path)
{
	const struct pipeline_disk *disk = w->ld->disk;
	const struct made_dir *d = map_get(&w->ld->dirs, path);

	if (d && d->stage < w->before)
		return false;
	if (made_holding(&w->ld->pl->instance_by_output, path))
		return false;
	return !disk->orphaned || !disk->orphaned(disk->ctx, path);
}

static void walk_disk(struct walk *w)
{
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;
	size_t i;

	w->ld->disk->glob(w->ld->disk->ctx, w->pattern, &found);
	for (i = 0; i < found.n; i++)
		if (is_of_disk(w, found.v[i]))
			add_match(w, arena_strdup(&w->ld->pl->arena, found.v[i]), NULL, false);
}

/* A match with the eight bytes behind what all paths have in common, so that most comparisons are of numbers. */
struct keyed {
	uint64_t key;
	struct match match;
};

static int by_path(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->match.path, y->match.path);
}

static size_t common_length(const struct match *v, size_t n)
{
	size_t i, k, len = strlen(v[0].path);

	for (i = 1; i < n; i++) {
		for (k = 0; k < len && v[i].path[k] == v[0].path[k]; k++)
			;
		len = k;
	}
	return len;
}

static void sort_matches(struct match *v, size_t n)
{
	struct keyed *keyed = xreallocarray(NULL, n, sizeof(*keyed));
	size_t i, k, common = common_length(v, n);

	for (i = 0; i < n; i++) {
		const unsigned char *rest = (const unsigned char *)v[i].path + common;

		keyed[i] = (struct keyed){0, v[i]};
		for (k = 0; k < 8; k++)
			keyed[i].key = keyed[i].key << 8 | (*rest ? *rest++ : 0);
	}
	qsort(keyed, n, sizeof(*keyed), by_path);
	for (i = 0; i < n; i++)
		v[i] = keyed[i].match;
	free(keyed);
}

void made_glob(struct load *ld, const char *pattern, size_t before, struct matches *found)
{
	CLEANUP(freep) char *fixed = glob_fixed_dir(pattern);
	const char *rest = pattern + strlen(fixed);
	struct walk w = {.ld = ld, .pattern = pattern, .before = before};
	const struct made_dir *d = path_is_absolute(pattern) ? NULL : map_get(&ld->dirs, fixed);

	memset(found, 0, sizeof(*found));
	found->inside = *fixed ? made_holding(&ld->pl->instance_by_output, fixed) : NULL;
	if (found->inside)
		return;
	rest += *rest == '/';
	w.deep = strchr(rest, '/') || strstr(rest, "**");
	if (d)
		walk_outputs(&w, d);
	walk_disk(&w);
	if (w.n > 1)
		sort_matches(w.v, w.n);
	found->n = w.n;
	found->v = w.n ? load_alloc(ld, w.n * sizeof(*w.v)) : NULL;
	if (found->v)
		memcpy(found->v, w.v, w.n * sizeof(*w.v));
	else
		found->n = 0;
	free(w.v);
}
