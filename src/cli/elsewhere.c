/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/elsewhere.h"

#include <stdio.h>
#include <stdlib.h>

#include "gitdb/git.h"
#include "remote/remote.h"
#include "util/pool.h"

struct question {
	struct project *p;
	struct payload *v;
	size_t n;
	bool fetch;
};

/* What else is wrong with mlmake.ini is no matter here. */
static bool load_sections(struct project *p)
{
	struct pipeline_options opt = {.file = p->file, .profile = args_value(p->args, "profile")};
	struct pipeline_disk disk = project_disk(p);

	if (!p->pl.file && !p->sections_tried && pipeline_load(&p->pl, &opt, &disk, &p->ds) < 0)
		diags_release(&p->ds);
	p->sections_tried = true;
	return p->pl.n_remotes > 0;
}

static bool git_tracks(const struct project *p, const char *path)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;

	return git_tracked(&p->repo, &path, 1, &tracked, NULL) < 0 || tracked.n;
}

static int ask_at(struct question *q, const struct remote_section *s, const struct address *at, const char *writer, struct err *err)
{
	struct remote_here here = {q->p->repo.shared, q->p->repo.git_dir, writer};
	struct remote *r = remote_open(s->name, at, &here, pool_cpus(), false, err);
	int got;

	if (!r)
		return -1;
	got = q->fetch ? remote_take(r, q->v, q->n, NULL, err) : remote_look(r, q->v, q->n, err);
	remote_free(r);
	return got;
}

static int ask(struct question *q, const struct remote_section *s, struct err *err)
{
	CLEANUP(address_release) struct address at = ADDRESS_INIT;
	CLEANUP(freep) char *writer = NULL;

	if (!s->url || address_parse(&at, s->url, s->lfs, err) < 0)
		return s->url ? -1 : 0;
	if (lineage_writer(q->p->lineage, &writer, err) < 0)
		return -1;
	return ask_at(q, s, &at, writer, err);
}

static int by_id(const void *a, const void *b)
{
	return digest_cmp(&((const struct payload *)a)->id, &((const struct payload *)b)->id);
}

static const struct payload *find(const struct question *q, const struct digest *id)
{
	const struct payload key = {.id = *id};

	return bsearch(&key, q->v, q->n, sizeof(*q->v), by_id);
}

static bool is_there(const struct payload *p)
{
	return p && (p->state == PAYLOAD_THERE || p->state == PAYLOAD_MOVED);
}

static int ask_all(struct project *p, const struct digest *v, const int64_t *sizes, size_t n, bool fetch, bool *there, struct err *err)
{
	CLEANUP(freep) struct payload *payloads = xcalloc(n + 1, sizeof(*payloads));
	struct question q = {p, payloads, n, fetch};
	size_t i, j;

	for (i = 0; load_sections(p) && i < p->pl.n_remotes; i++) {
		for (j = 0; j < n; j++)
			q.v[j] = (struct payload){v[j], sizes ? sizes[j] : -1, PAYLOAD_UNKNOWN};
		if (ask(&q, &p->pl.remotes[i], err) < 0) {
			fprintf(stderr, "mlmake: warning: %s; it counts as empty\n", err->msg);
			err_clear(err);
			continue;
		}
		for (j = 0; j < n; j++)
			there[j] |= is_there(find(&q, &v[j]));
	}
	return 0;
}

bool elsewhere_always(void *ctx, const char *path)
{
	struct project *p = ctx;
	const struct instance *maker;

	load_sections(p);
	maker = pipeline_maker(&p->pl, path);
	return maker && maker->stage->cache == CACHE_ALWAYS;
}

/* What the pipeline knows nothing of may have been kept or not. */
bool elsewhere_kept(void *ctx, const char *path, bool input)
{
	struct project *p = ctx;
	const struct instance *maker;
	size_t i, j;

	load_sections(p);
	maker = pipeline_maker(&p->pl, path);
	if (!input)
		return maker && maker->stage->cache != CACHE_NO;
	for (i = 0; i < p->pl.n_instances && !maker; i++)
		for (j = 0; j < p->pl.instances[i]->n_inputs; j++) {
			const struct input *in = &p->pl.instances[i]->inputs[j];

			if (streq(in->path, path))
				return in->keep && !git_tracks(p, path);
		}
	return false;
}

int elsewhere_ask(void *ctx, const struct digest *v, const int64_t *sizes, size_t n, bool *there, struct err *err)
{
	return ask_all(ctx, v, sizes, n, false, there, err);
}

int elsewhere_fetch(void *ctx, const struct digest *v, size_t n, bool *got, struct err *err)
{
	return ask_all(ctx, v, NULL, n, true, got, err);
}
