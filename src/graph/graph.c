/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "util/path.h"
#include "util/text.h"

struct made {
	const char *path;
	size_t node;
};

/* Which outputs lie in a directory? Most inputs are no directory with outputs in it, which `above` tells at once; only for
 * one that is are all outputs sorted. */
struct made_list {
	const struct pipeline *pl;
	struct map above;    /* every directory above an output */
	struct arena arena;  /* its keys */
	struct made *sorted; /* in byte order of path; NULL: not yet */
	size_t n;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct made *)a)->path, ((const struct made *)b)->path);
}

static void note_directories(struct made_list *l)
{
	size_t i, j, n;

	for (i = 0; i < l->pl->n_instances; i++)
		for (j = 0; j < l->pl->instances[i]->n_outs; j++) {
			const char *path = l->pl->instances[i]->outs[j].path;

			for (n = path_dirlen(path); n; n--) {
				if (path[n] != '/')
					continue;
				if (map_getn(&l->above, path, n))
					break;
				map_put(&l->above, arena_strndup(&l->arena, path, n), l);
			}
		}
}

static void sort_outputs(struct made_list *l)
{
	size_t i, j, total = 0;

	for (i = 0; i < l->pl->n_instances; i++)
		total += l->pl->instances[i]->n_outs;
	l->sorted = xmalloc((total + 1) * sizeof(*l->sorted));
	for (i = 0; i < l->pl->n_instances; i++)
		for (j = 0; j < l->pl->instances[i]->n_outs; j++)
			l->sorted[l->n++] = (struct made){l->pl->instances[i]->outs[j].path, i};
	qsort(l->sorted, l->n, sizeof(*l->sorted), by_path);
}

static void made_release(struct made_list *l)
{
	map_release(&l->above);
	arena_release(&l->arena);
	free(l->sorted);
}

struct edges {
	size_t *v;
	size_t n, cap;
};

static void edge_add(struct edges *e, size_t to)
{
	ALLOC_GROW(e->v, e->n + 1, e->cap);
	e->v[e->n++] = to;
}

/* Index of the first output that is not before the text path followed by '/'. */
static size_t first_within(const struct made_list *l, const char *dir)
{
	CLEANUP(freep) char *prefix = xstrfmt("%s/", dir);
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(l->sorted[mid].path, prefix) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void find_makers(struct made_list *l, const char *path, struct edges *e)
{
	const struct instance *maker = pipeline_maker(l->pl, path);
	bool all = streq(path, ".");
	size_t i;

	if (maker) {
		edge_add(e, maker->index);
		return;
	}
	if (!all && !map_get(&l->above, path))
		return;
	if (!l->sorted)
		sort_outputs(l);
	for (i = all ? 0 : first_within(l, path); i < l->n && path_is_within(l->sorted[i].path, path); i++)
		edge_add(e, l->sorted[i].node);
}

/* What checks look at. */
struct guarded {
	const char *path;
	size_t node;
};
struct guards {
	struct guarded *v;
	size_t n, cap;
	struct map at; /* path -> 1 + index in v of the first; those of one path stand together */
};

static int by_guarded(const void *a, const void *b)
{
	const struct guarded *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : x->node < y->node ? -1 : x->node > y->node;
}

static void find_guards(const struct graph *g, struct guards *gs)
{
	size_t i, j;

	for (i = 0; i < g->n; i++) {
		const struct instance *in = g->nodes[i].in;

		for (j = 0; in->stage->kind == STAGE_CHECK && j < in->n_inputs; j++) {
			if (in->inputs[j].kind != INPUT_DATA)
				continue;
			ALLOC_GROW(gs->v, gs->n + 1, gs->cap);
			gs->v[gs->n++] = (struct guarded){in->inputs[j].path, i};
		}
	}
	if (gs->n > 1)
		qsort(gs->v, gs->n, sizeof(*gs->v), by_guarded);
	for (i = gs->n; i-- > 0;)
		map_put(&gs->at, gs->v[i].path, (void *)(uintptr_t)(i + 1));
}

static void guards_release(struct guards *gs)
{
	map_release(&gs->at);
	free(gs->v);
}

static void add_guards_at(const struct guards *gs, const char *path, size_t n, struct edges *e)
{
	size_t i = (size_t)(uintptr_t)map_getn(&gs->at, path, n);

	for (; i && i <= gs->n && strncmp(gs->v[i - 1].path, path, n) == 0 && !gs->v[i - 1].path[n]; i++)
		edge_add(e, gs->v[i - 1].node);
}

/* Index of the first whose path is not before path. */
static size_t first_guarded(const struct guards *gs, const char *path)
{
	size_t lo = 0, hi = gs->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(gs->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The checks of path, of a directory above it, or of something in it. */
static void add_guards(const struct guards *gs, const char *path, struct edges *e)
{
	size_t i, len = strlen(path), n = len;

	for (; n; n--)
		if (n == len || path[n] == '/')
			add_guards_at(gs, path, n, e);
	for (i = first_guarded(gs, path); i < gs->n && strncmp(gs->v[i].path, path, len) == 0; i++)
		if (gs->v[i].path[len] == '/')
			edge_add(e, gs->v[i].node);
}

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static void node_set_up(struct graph *g, struct node *nd, struct edges *e)
{
	size_t i, n = 0;

	if (e->n > 1)
		qsort(e->v, e->n, sizeof(*e->v), by_index);
	for (i = 0; i < e->n; i++)
		if (!n || e->v[n - 1] != e->v[i])
			e->v[n++] = e->v[i];
	nd->up = arena_alloc(&g->arena, n * sizeof(*nd->up));
	if (n)
		memcpy(nd->up, e->v, n * sizeof(*nd->up));
	nd->n_up = n;
}

static void connect(struct graph *g, struct made_list *l)
{
	struct edges e = {NULL, 0, 0};
	struct guards gs = {NULL, 0, 0, MAP_INIT};
	size_t i, j, k;

	find_guards(g, &gs);
	for (i = 0; i < g->n; i++) {
		const struct instance *in = g->nodes[i].in;

		e.n = 0;
		for (j = 0; gs.n && in->stage->kind != STAGE_CHECK && j < in->n_inputs; j++)
			add_guards(&gs, in->inputs[j].path, &e);
		for (j = 0; j < in->n_inputs; j++)
			find_makers(l, in->inputs[j].path, &e);
		for (j = 0; j < in->n_after; j++)
			for (k = 0; k < in->after[j]->n; k++)
				edge_add(&e, in->after[j]->first + k);
		node_set_up(g, &g->nodes[i], &e);
	}
	free(e.v);
	guards_release(&gs);
}

static void reverse(struct graph *g)
{
	size_t i, j;

	for (i = 0; i < g->n; i++)
		for (j = 0; j < g->nodes[i].n_up; j++)
			g->nodes[g->nodes[i].up[j]].n_down++;
	for (i = 0; i < g->n; i++) {
		g->nodes[i].down = arena_alloc(&g->arena, g->nodes[i].n_down * sizeof(size_t));
		g->nodes[i].n_down = 0;
	}
	for (i = 0; i < g->n; i++)
		for (j = 0; j < g->nodes[i].n_up; j++) {
			struct node *up = &g->nodes[g->nodes[i].up[j]];

			up->down[up->n_down++] = i;
		}
}

/* What of the instance's inputs comes from maker, for the words of a cycle. */
static const char *link_between(const struct graph *g, size_t node, size_t maker)
{
	const struct instance *in = g->nodes[node].in;
	size_t i, j;

	for (i = 0; i < in->n_inputs; i++) {
		const struct instance *m = g->nodes[maker].in;

		for (j = 0; j < m->n_outs; j++)
			if (path_is_within(in->inputs[i].path, m->outs[j].path) ||
			    path_is_within(m->outs[j].path, in->inputs[i].path))
				return m->outs[j].path;
	}
	return NULL;
}

/* Everything left over by the sort has something left over upstream: walking up from any must come round. */
static void report_cycle(const struct graph *g, const bool *sorted, struct diags *ds)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	size_t *seen_at = xcalloc(g->n, sizeof(*seen_at));
	size_t *path = xmalloc((g->n + 1) * sizeof(*path));
	size_t at, n = 0, i;

	for (at = 0; sorted[at]; at++)
		;
	while (!seen_at[at]) {
		path[n++] = at;
		seen_at[at] = n;
		for (i = 0; sorted[g->nodes[at].up[i]]; i++)
			;
		at = g->nodes[at].up[i];
	}
	path[n] = at;
	/* path runs upstream; tell it in the direction of the data */
	strbuf_addstr(&words, g->nodes[at].in->name);
	for (i = n; i-- > seen_at[at] - 1;) {
		const char *file = link_between(g, path[i], path[i + 1]);

		strbuf_addf(&words, file ? " -> (%s) -> %s" : " -> %s%s", file ? file : "", g->nodes[path[i]].in->name);
	}
	diag_error(ds, g->nodes[at].in->stage->at.file, g->nodes[at].in->stage->at.line,
		   "stages wait for each other in a circle: %s", words.buf);
	free(seen_at);
	free(path);
}

static int sort(struct graph *g, struct diags *ds)
{
	size_t *waits = xmalloc((g->n + 1) * sizeof(*waits));
	bool *sorted = xcalloc(g->n + 1, sizeof(*sorted));
	size_t i, head = 0, n = 0;

	g->order = arena_alloc(&g->arena, (g->n + 1) * sizeof(*g->order));
	for (i = 0; i < g->n; i++) {
		waits[i] = g->nodes[i].n_up;
		if (!waits[i])
			g->order[n++] = i;
	}
	while (head < n) {
		const struct node *nd = &g->nodes[g->order[head]];

		sorted[g->order[head++]] = true;
		for (i = 0; i < nd->n_down; i++)
			if (--waits[nd->down[i]] == 0)
				g->order[n++] = nd->down[i];
	}
	if (n < g->n)
		report_cycle(g, sorted, ds);
	free(waits);
	free(sorted);
	return n < g->n ? -1 : 0;
}

int graph_build(struct graph *g, const struct pipeline *pl, struct diags *ds)
{
	struct made_list l = {.pl = pl, .above = MAP_INIT, .arena = ARENA_INIT};
	size_t i;

	g->pl = pl;
	g->n = pl->n_instances;
	g->nodes = arena_calloc(&g->arena, g->n * sizeof(*g->nodes));
	for (i = 0; i < g->n; i++)
		g->nodes[i].in = pl->instances[i];
	note_directories(&l);
	connect(g, &l);
	made_release(&l);
	reverse(g);
	return sort(g, ds);
}

void graph_release(struct graph *g)
{
	arena_release(&g->arena);
	*g = (struct graph)GRAPH_INIT;
}

static bool mark_stage(const struct stage *st, bool *named)
{
	size_t i;

	for (i = 0; i < st->n; i++)
		named[st->first + i] = true;
	return st->n > 0;
}

/* What changes the world is done when it is named. */
static bool must_be_named(const struct instance *in)
{
	return in->stage->kind == STAGE_DEPLOY;
}

static bool mark_pattern(const struct graph *g, const char *pattern, bool *named)
{
	const struct pipeline *pl = g->pl;
	bool any = false, deploys = strncmp(pattern, "deploy:", 7) == 0;
	size_t i, j;

	for (i = 0; i < g->n; i++) {
		const struct instance *in = pl->instances[i];
		bool hit = glob_match(pattern, in->name) || glob_match(pattern, in->stage->name);

		for (j = 0; j < in->n_outs && !hit; j++)
			hit = glob_match(pattern, in->outs[j].path);
		if (hit && (deploys || !must_be_named(in)))
			any = named[i] = true;
	}
	return any;
}

static bool mark_target(const struct graph *g, const char *target, bool *named)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	const struct stage *st = pipeline_stage(g->pl, target);
	const struct instance *in = pipeline_instance(g->pl, target);
	bool any = false;
	size_t i, j;

	if (in)
		return named[in->index] = true;
	if (!st)
		st = pipeline_short_name(g->pl, target);
	if (st)
		return mark_stage(st, named);
	path_normalize(target, &path);
	in = pipeline_maker(g->pl, path.buf);
	if (in)
		return named[in->index] = true;
	if (glob_is_pattern(target))
		return mark_pattern(g, target, named);
	for (i = 0; i < g->n; i++) /* a directory above outputs */
		for (j = 0; j < g->pl->instances[i]->n_outs; j++)
			if (path_is_within(g->pl->instances[i]->outs[j].path, path.buf))
				any = named[i] = true;
	return any;
}

/* The first instance that reads a path. */
static const struct instance *reader_of(const struct graph *g, const char *target)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	size_t i, j;

	path_normalize(target, &path);
	for (i = 0; i < g->n; i++)
		for (j = 0; j < g->pl->instances[i]->n_inputs; j++)
			if (streq(g->pl->instances[i]->inputs[j].path, path.buf))
				return g->pl->instances[i];
	return NULL;
}

static void report_target(const struct graph *g, const char *target, struct diags *ds)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(target);
	const struct instance *reader;
	size_t i, j;

	for (i = 0; i < g->pl->n_stages; i++)
		nearest_offer(&near, g->pl->stages[i]->name);
	for (i = 0; i < g->n; i++) {
		nearest_offer(&near, g->pl->instances[i]->name);
		for (j = 0; j < g->pl->instances[i]->n_outs; j++)
			nearest_offer(&near, g->pl->instances[i]->outs[j].path);
	}
	reader = reader_of(g, target);
	nearest_hint(&near, &hint);
	if (reader)
		diag_error(ds, NULL, 0, "'%s' is read by '%s', and no stage makes it; name a stage, an instance or an output",
			   target, reader->name);
	else
		diag_error(ds, NULL, 0, "no stage, instance or output is named '%s'%s", target,
			   hint.len ? hint.buf : "; `mlmake status -v` lists them");
}

int graph_select(const struct graph *g, const char *const *targets, size_t n, bool *selected, bool *named,
		 struct diags *ds)
{
	bool *mine = named ? named : xcalloc(g->n + 1, sizeof(*mine));
	size_t i, j;
	int result = 0;

	if (!n) {
		targets = g->pl->defaults;
		n = g->pl->n_defaults;
	}
	for (i = 0; i < g->n; i++)
		mine[i] = n == 0 && !must_be_named(g->pl->instances[i]);
	for (i = 0; i < n; i++)
		if (!mark_target(g, targets[i], mine)) {
			report_target(g, targets[i], ds);
			result = -1;
		}
	for (i = 0; i < g->n; i++)
		selected[i] = mine[i];
	for (i = g->n; i-- > 0;) {
		const struct node *nd = &g->nodes[g->order[i]];

		for (j = 0; selected[g->order[i]] && j < nd->n_up; j++)
			selected[nd->up[j]] = true;
	}
	if (!named)
		free(mine);
	return result;
}
