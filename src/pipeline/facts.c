/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters and variables that belong to a stage. What several stages share is worked out once. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/load.h"
#include "util/text.h"

struct gather {
	struct load *ld;
	struct fact *v;
	size_t n;
};

static void gather_leaf(void *ctx, const char *full_key, const struct param *leaf)
{
	CLEANUP(strbuf_release) struct strbuf canonical = STRBUF_INIT;
	struct gather *g = ctx;
	struct arena *a = &g->ld->pl->arena;

	param_canonical(leaf, &canonical);
	g->v = arena_grow(a, g->v, g->n, sizeof(*g->v));
	g->v[g->n++] = (struct fact){arena_strdup(a, full_key), arena_strndup(a, canonical.buf, canonical.len),
				     {leaf->file, leaf->line}};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fact *)a)->name, ((const struct fact *)b)->name);
}

static size_t sort_unique(struct fact *v, size_t n)
{
	size_t i, kept = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_name);
	for (i = 0; i < n; i++)
		if (!kept || !streq(v[kept - 1].name, v[i].name))
			v[kept++] = v[i];
	return kept;
}

struct facts *facts_at(struct load *ld, const char *key)
{
	struct gather g = {ld, NULL, 0};
	struct facts *f = map_get(&ld->facts, key);

	if (f)
		return f;
	if (!params_get(&ld->pl->params, key))
		return NULL;
	params_each(&ld->pl->params, key, gather_leaf, &g);
	f = arena_calloc(&ld->pl->arena, sizeof(*f));
	f->n = sort_unique(g.v, g.n);
	f->v = g.v;
	map_put(&ld->facts, arena_strdup(&ld->pl->arena, key), f);
	return f;
}

void facts_use(struct load *ld, struct proto *p, struct facts *f)
{
	struct facts_link *l;

	if (!f || f->stamp == p->number + 1)
		return;
	f->stamp = p->number + 1;
	l = arena_alloc(&ld->pl->arena, sizeof(*l));
	*l = (struct facts_link){f, p->facts};
	p->facts = l;
}

int facts_unknown(struct load *ld, const char *file, int line, const char *key)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(key);

	if (ld->params_failed)
		return -1;
	load_offer_params(ld, &near);
	nearest_hint(&near, &hint);
	if (!ld->pl->n_param_files)
		return diag_error(ld->ds, file, line, "unknown parameter '%s'; write 'params = FILE' into [project]",
				  key);
	return diag_error(ld->ds, file, line, "unknown parameter '%s'%s", key, hint.buf);
}

void facts_of_stage(struct load *ld, struct proto *p, const struct fact **v, size_t *n)
{
	struct facts_link *l = p->facts;
	struct fact *all;
	size_t total = 0;

	if (l && !l->next) {
		*v = l->facts->v;
		*n = l->facts->n;
		return;
	}
	for (; l; l = l->next)
		total += l->facts->n;
	*v = all = total ? load_alloc(ld, total * sizeof(*all)) : NULL;
	*n = 0;
	if (!all)
		return;
	for (total = 0, l = p->facts; l; total += l->facts->n, l = l->next)
		if (l->facts->n)
			memcpy(all + total, l->facts->v, l->facts->n * sizeof(*all));
	*n = sort_unique(all, total);
}

void facts_of_env(struct load *ld, struct proto *p, const struct fact **v, size_t *n)
{
	const struct env *env = p->st.env;
	size_t i, n_env = env ? env->n_vars : 0, total = n_env + p->n_env_vars;
	struct fact *all = total ? load_alloc(ld, total * sizeof(*all)) : NULL;

	*v = all;
	*n = 0;
	if (!all)
		return;
	for (i = 0; i < total; i++) {
		const char *name = i < n_env ? env->vars[i] : p->env_vars[i - n_env];
		const char *value = ld->disk->getenv(ld->disk->ctx, name);

		all[i] = (struct fact){name, value ? load_strdup(ld, value, strlen(value)) : NULL, {NULL, 0}};
	}
	*n = sort_unique(all, total);
}

static bool says(const struct params *p, const struct fact *f)
{
	CLEANUP(strbuf_release) struct strbuf canonical = STRBUF_INIT;
	const struct param *pa = params_get(p, f->name);

	if (!pa)
		return false;
	param_canonical(pa, &canonical);
	return strlen(f->value) == canonical.len && memcmp(f->value, canonical.buf, canonical.len) == 0;
}

const char *pipeline_param_moved(const struct pipeline *pl, const struct instance *in)
{
	CLEANUP(diags_release) struct diags ds = DIAGS_INIT;
	CLEANUP(params_release) struct params now = PARAMS_INIT;
	const char *moved = NULL;
	size_t i;

	if (!in->stage->reads_params)
		return NULL;
	for (i = 0; i < pl->n_param_files; i++)
		if (params_load(&now, pl->param_files[i], &ds) < 0)
			continue; /* what it should say is missing then, and found so below */
	for (i = 0; i < in->n_params && !moved; i++)
		if (in->params[i].at.file && !says(&now, &in->params[i]))
			moved = in->params[i].name;
	return moved;
}
