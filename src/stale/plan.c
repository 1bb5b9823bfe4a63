/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plan is made in three steps: all paths are looked at at once, spread over threads; then each instance is compared
 * with its last record as if everything upstream were fresh, also spread over threads, which settles a build with
 * nothing to do; then what did not settle is decided in topological order. */
#include <config.h>

#include "stale/plan.h"

#include <stdlib.h>
#include <string.h>

#include "digest/manifest.h"
#include "util/map.h"
#include "util/path.h"
#include "util/pool.h"

#define MANIFEST_LIMIT ((size_t)1 << 30)
/* Instances that one thread settles with one arena: some chunks for each thread, none too small to be worth it. */
#define CHUNKS_A_THREAD 4
#define CHUNK_LEAST 64

struct making {
	struct plan *p;
	const struct plan_tools *tools;
	const bool *force;
	struct diags *ds;
	struct content_query *queries;
	size_t n_queries;
	struct asked {                /* who asked for what: of node i the entries first[i] .. first[i + 1] */
		const char *path;
		const struct content_query *q;
	} *asked;
	size_t *first, n_asked;
	struct map by_path; /* path -> query */
	struct arena *chunk_arenas;
	size_t chunk_size;
	bool *settled;
	const struct instance *asking;
};

static void ask_for(struct making *m, const char *path)
{
	struct content_query *q = map_get(&m->by_path, path);

	if (!q) {
		q = &m->queries[m->n_queries++];
		memset(q, 0, sizeof(*q));
		q->path = path;
		map_put(&m->by_path, path, q);
	}
	m->asked[m->n_asked++] = (struct asked){path, q};
}

static void look_at_everything(struct making *m)
{
	const struct graph *g = m->p->g;
	size_t i, j, total = 0;

	for (i = 0; i < g->n; i++)
		if (m->p->selected[i])
			total += g->nodes[i].in->n_inputs + g->nodes[i].in->n_outs;
	m->queries = xmalloc((total + 1) * sizeof(*m->queries));
	m->asked = xmalloc((total + 1) * sizeof(*m->asked));
	m->first = xmalloc((g->n + 1) * sizeof(*m->first));
	map_reserve(&m->by_path, total);
	for (i = 0; i < g->n; i++) {
		const struct instance *in = g->nodes[i].in;

		m->first[i] = m->n_asked;
		for (j = 0; m->p->selected[i] && j < in->n_inputs; j++)
			ask_for(m, in->inputs[j].path);
		for (j = 0; m->p->selected[i] && j < in->n_outs; j++)
			ask_for(m, in->outs[j].path);
	}
	m->first[g->n] = m->n_asked;
	statcache_query(m->tools->cache, m->queries, m->n_queries, m->tools->threads);
}

/* The answer for a path of node's. Few are few, and the very pointer was asked for: no need to hash. */
static const struct content_query *answer(const struct making *m, size_t node, const char *path)
{
	size_t i;

	for (i = m->first[node]; i < m->first[node + 1]; i++)
		if (m->asked[i].path == path)
			return m->asked[i].q;
	return map_get(&m->by_path, path);
}

/* What is on disk, from the queries. Links are looked at as links there; an input that is one is asked for again. */
static int on_disk(const struct making *m, size_t node, const char *path, bool follow, struct content *out,
		   struct err *err)
{
	const struct content_query *q = answer(m, node, path);

	if (!q)
		return statcache_content(m->tools->cache, path, follow, out, err);
	if (q->failed)
		return err_set(err, q->err.code, "%s", q->err.msg);
	if (follow && q->content.kind == CONTENT_LINK)
		return statcache_content(m->tools->cache, path, true, out, err);
	*out = q->content;
	return 0;
}

/* One node's view of the disk, for a thread. */
struct looking {
	const struct making *m;
	size_t node;
};

static int content_on_disk(void *ctx, const char *path, bool follow, struct content *out,
			   const struct instance **maker, struct err *err)
{
	const struct looking *l = ctx;

	(void)maker;
	return on_disk(l->m, l->node, path, follow, out, err);
}

static const char *probe_of(const struct making *m, const char *cmd)
{
	return m->tools->probe ? m->tools->probe(m->tools->probe_ctx, cmd) : NULL;
}

static int links_on_disk(void *ctx, const char *path, const struct content *c, int (*visit)(void *to, const char *link),
			 void *to)
{
	return statcache_links_out(((const struct looking *)ctx)->m->tools->cache, path, c, visit, to);
}

static int links_planned(void *ctx, const char *path, const struct content *c, int (*visit)(void *to, const char *link),
			 void *to)
{
	return statcache_links_out(((const struct making *)ctx)->tools->cache, path, c, visit, to);
}

static bool meaning_of(const struct making *m, const char *path, const struct content *c, const struct normal *filter, struct digest *out)
{
	struct code_book *b = m->tools->code;

	return b && (filter ? code_book_normal(b, filter->cmd, c, out) : code_book_meaning(b, path, c, out));
}

static bool meaning_on_disk(void *ctx, const char *path, const struct content *c, const struct normal *filter, struct digest *out)
{
	return meaning_of(((const struct looking *)ctx)->m, path, c, filter, out);
}

static bool meaning_planned(void *ctx, const char *path, const struct content *c, const struct normal *filter, struct digest *out)
{
	return meaning_of(ctx, path, c, filter, out);
}

static const char *probe_on_disk(void *ctx, const char *cmd)
{
	return probe_of(((const struct looking *)ctx)->m, cmd);
}

static const char *probe_planned(void *ctx, const char *cmd)
{
	return probe_of(ctx, cmd);
}

static bool stored(void *ctx, const struct content *c)
{
	struct making *m = ctx;

	return store_can_have(m->tools->store, c);
}

/* What path will be once maker's recorded outputs are put back; 1 if the record does not say. */
static int content_in_record(struct making *m, const struct record *r, const char *path, struct content *out)
{
	size_t i;

	for (i = 0; i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];

		if (!fact_is_output(f->kind) || !path_is_within(path, f->name))
			continue;
		*out = f->content;
		if (!streq(path, f->name) && store_find(m->tools->store, &f->content, path + strlen(f->name) + 1, out, NULL) < 0)
			return 1;
		return out->kind == CONTENT_LINK; /* where it leads is seen once it is there */
	}
	return 1;
}

static bool settled_on_disk(const struct verdict *v)
{
	return v->state == STALE_FRESH || v->state == STALE_FROZEN;
}

/* The world as it will be once everything upstream is as it should be. */
static int content_planned(void *ctx, const char *path, bool follow, struct content *out,
			   const struct instance **maker, struct err *err)
{
	struct making *m = ctx;
	const struct plan *p = m->p;
	const struct instance *made_by = pipeline_maker(p->g->pl, path);
	const struct node *nd = &p->g->nodes[m->asking->index];
	size_t i, j;

	if (made_by == m->asking)
		return on_disk(m, m->asking->index, path, follow, out, err);
	if (made_by) {
		const struct verdict *v = &p->verdicts[made_by->index];

		if (settled_on_disk(v))
			return on_disk(m, m->asking->index, path, follow, out, err);
		*maker = made_by;
		return v->state == STALE_RESTORABLE ? content_in_record(m, v->found, path, out) : 1;
	}
	/* a directory that holds what others make */
	for (i = 0; i < nd->n_up; i++) {
		const struct instance *up = p->g->nodes[nd->up[i]].in;

		if (settled_on_disk(&p->verdicts[nd->up[i]]))
			continue;
		for (j = 0; j < up->n_outs; j++)
			if (path_is_within(up->outs[j].path, path)) {
				*maker = up;
				return 1;
			}
	}
	return on_disk(m, m->asking->index, path, follow, out, err);
}

/* An instance is fresh if the record that would be written now is the one that is there. Touches nothing that threads share. */
static void try_to_settle(struct making *m, size_t i, struct arena *a)
{
	struct looking l = {m, i};
	const struct world w = {content_on_disk, NULL, probe_on_disk, &l, links_on_disk, meaning_on_disk, NULL,
				m->tools->outside}; /* what is stored is not asked here */
	const struct instance *in = m->p->g->nodes[i].in;
	struct verdict *v = &m->p->verdicts[i];
	const char *text;
	size_t n;

	if (in->stage->is_source || in->stage->frozen || in->appeared || (m->force && m->force[i]))
		return;
	if (w.outside && in->stage->kind != STAGE_COMMAND && !w.outside->settles(w.outside->ctx, in))
		return;
	text = history_last_text(m->tools->history, in->name, &n);
	if (!text || stale_look(in, &w, a, v, NULL) < 0 || !record_take(&v->now, text, n, a))
		return;
	v->state = STALE_FRESH;
	v->last = v->found = &v->now;
	m->settled[i] = true;
}

static void settle_chunk(void *ctx, size_t chunk)
{
	struct making *m = ctx;
	size_t i, end = MIN(m->p->g->n, (chunk + 1) * m->chunk_size);

	for (i = chunk * m->chunk_size; i < end; i++)
		if (m->p->selected[i])
			try_to_settle(m, i, &m->chunk_arenas[chunk]);
}

static bool upstream_is_fresh(const struct making *m, size_t node)
{
	const struct node *nd = &m->p->g->nodes[node];
	size_t i;

	for (i = 0; i < nd->n_up; i++)
		if (!settled_on_disk(&m->p->verdicts[nd->up[i]]))
			return false;
	return true;
}

static int decide_one(struct making *m, size_t i)
{
	const struct world w = {content_planned, stored, probe_planned, m, links_planned, meaning_planned, NULL, m->tools->outside};
	struct decide_options opt = {m->force && m->force[i]};
	const struct instance *in = m->p->g->nodes[i].in;
	struct err err = ERR_INIT;
	const char *at;
	char *end;
	long line;

	m->asking = in;
	if (stale_decide(in, m->tools->history, &w, &opt, &m->p->arena, &m->p->verdicts[i], &err) == 0)
		return 0;
	/* The message begins with "FILE:LINE: ", which a diagnostic carries apart. */
	at = strchr(err.msg, ':');
	line = at ? strtol(at + 1, &end, 10) : 0;
	if (line > 0 && end[0] == ':' && end[1] == ' ')
		diag_error(m->ds, in->stage->at.file, (int)line, "%s", end + 2);
	else
		diag_error(m->ds, in->stage->at.file, in->stage->at.line, "%s", err.msg);
	err_release(&err);
	m->p->verdicts[i].state = STALE_STALE; /* for those downstream */
	return -1;
}

static int decide_all(struct making *m)
{
	const struct graph *g = m->p->g;
	int result = 0;
	size_t i;

	for (i = 0; i < g->n; i++) {
		size_t node = g->order[i];

		if (!m->p->selected[node])
			continue;
		if (m->settled[node] && upstream_is_fresh(m, node))
			m->p->settled++;
		else if (decide_one(m, node) < 0)
			result = -1;
		m->p->counts[m->p->verdicts[node].state]++;
	}
	return result;
}

int plan_make(struct plan *p, const struct graph *g, const bool *selected, const bool *force,
	      const struct plan_tools *tools, struct diags *ds)
{
	struct making m = {.p = p, .tools = tools, .force = force, .ds = ds, .by_path = MAP_INIT};
	size_t i;
	int result;

	p->g = g;
	p->verdicts = arena_calloc(&p->arena, (g->n + 1) * sizeof(*p->verdicts));
	p->selected = arena_alloc(&p->arena, g->n + 1);
	memcpy(p->selected, selected, g->n);
	m.chunk_size = MAX(g->n / (CHUNKS_A_THREAD * (size_t)MAX(tools->threads, 1)) + 1, (size_t)CHUNK_LEAST);
	p->n_chunks = (g->n + m.chunk_size - 1) / m.chunk_size;
	p->chunks = m.chunk_arenas = xcalloc(p->n_chunks, sizeof(*m.chunk_arenas));
	m.settled = arena_calloc(&p->arena, g->n + 1);
	look_at_everything(&m);
	pool_for(p->n_chunks, 1, tools->threads, settle_chunk, &m);
	result = decide_all(&m);
	for (i = 0; i < m.n_queries; i++)
		err_release(&m.queries[i].err);
	free(m.queries);
	free(m.asked);
	free(m.first);
	map_release(&m.by_path);
	return result;
}

void plan_release(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n_chunks; i++)
		arena_release(&p->chunks[i]);
	free(p->chunks);
	arena_release(&p->arena);
	*p = (struct plan)PLAN_INIT;
}

void plan_downstream(const struct graph *g, size_t node, size_t **nodes, size_t *n)
{
	bool *hit = xcalloc(g->n + 1, 1);
	size_t i, j;

	*nodes = xmalloc((g->n + 1) * sizeof(**nodes));
	*n = 0;
	hit[node] = true;
	for (i = 0; i < g->n; i++) {
		const struct node *nd = &g->nodes[g->order[i]];

		for (j = 0; j < nd->n_up && !hit[g->order[i]]; j++)
			hit[g->order[i]] = hit[nd->up[j]];
		if (hit[g->order[i]] && g->order[i] != node)
			(*nodes)[(*n)++] = g->order[i];
	}
	free(hit);
}
