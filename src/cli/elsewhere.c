/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/elsewhere.h"

#include <stdio.h>
#include <stdlib.h>

#include "gitdb/git.h"
#include "gitdb/heal.h"
#include "remote/remote.h"
#include "util/pool.h"
#include "util/scratch.h"

/* What is asked of each remote. */
struct question {
	struct project *p;
	int (*ask)(struct question *q, const struct remote_section *s, const struct address *at, struct err *err);
	struct payload *v;
	size_t n;
	bool fetch;
	size_t healed;
};

static bool has_remotes(struct project *p)
{
	project_sections(p);
	return p->pl.n_remotes > 0;
}

static bool git_tracks(const struct project *p, const char *path)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;

	return git_tracked(&p->repo, &path, 1, &tracked, NULL) < 0 || tracked.n;
}

static int ask_payloads(struct question *q, const struct remote_section *s, const struct address *at, struct err *err)
{
	CLEANUP(freep) char *writer = NULL;
	struct remote_here here = {q->p->repo.shared, q->p->repo.git_dir, NULL};
	struct remote *r;
	int got;

	if (lineage_writer(q->p->lineage, &writer, err) < 0)
		return -1;
	here.writer = writer;
	r = remote_open(s->name, at, &here, pool_cpus(), false, err);
	if (!r)
		return -1;
	got = q->fetch ? remote_take(r, q->v, q->n, NULL, err) : remote_look(r, q->v, q->n, err);
	remote_free(r);
	return got;
}

/* Its chains come into a database of their own, so that git does not think that what is damaged here is here. */
static int ask_chains(struct question *q, const struct remote_section *s, const struct address *at, struct err *err)
{
	CLEANUP(scratch_close) struct scratch scratch = SCRATCH_INIT;
	CLEANUP(chains_release) struct chains chains = CHAINS_INIT;
	CLEANUP(freep) char *dir = NULL;
	struct gitdb *good = NULL;
	struct remote *r = NULL;
	size_t n = 0;
	int got;

	if (scratch_open(&scratch, q->p->repo.shared, "arriving", err) < 0)
		return -1;
	dir = xstrfmt("%s/git", scratch.dir);
	good = gitdb_new(dir);
	got = gitdb_make(good, err);
	if (got == 0 && !(r = remote_open(s->name, at, &(struct remote_here){q->p->repo.shared, dir, NULL}, pool_cpus(), false, err)))
		got = -1;
	if (got == 0 && (got = remote_pull_chains(r, &chains, err)) == 0)
		got = heal_from(q->p->db, good, &n, err);
	q->healed += n;
	remote_free(r);
	gitdb_free(good);
	return got;
}

static int ask(struct question *q, const struct remote_section *s, struct err *err)
{
	CLEANUP(address_release) struct address at = ADDRESS_INIT;

	if (!s->url || address_parse(&at, s->url, s->lfs, err) < 0)
		return s->url ? -1 : 0;
	return q->ask(q, s, &at, err);
}

/* One that cannot be asked has nothing. */
static bool has_answered(struct question *q, const struct remote_section *s)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (ask(q, s, &err) == 0)
		return true;
	fprintf(stderr, "mlmake: warning: %s; it counts as empty\n", err.msg);
	return false;
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

static void ask_all(struct project *p, const struct digest *v, const int64_t *sizes, size_t n, bool fetch, bool *there)
{
	CLEANUP(freep) struct payload *payloads = xcalloc(n + 1, sizeof(*payloads));
	struct question q = {.p = p, .ask = ask_payloads, .v = payloads, .n = n, .fetch = fetch};
	size_t i, j;

	for (i = 0; has_remotes(p) && i < p->pl.n_remotes; i++) {
		for (j = 0; j < n; j++)
			q.v[j] = (struct payload){v[j], sizes ? sizes[j] : -1, PAYLOAD_UNKNOWN};
		if (!has_answered(&q, &p->pl.remotes[i]))
			continue;
		for (j = 0; j < n; j++)
			there[j] |= is_there(find(&q, &v[j]));
	}
}

bool elsewhere_always(void *ctx, const char *path)
{
	struct project *p = ctx;
	const struct instance *maker;

	project_sections(p);
	maker = pipeline_maker(&p->pl, path);
	return maker && maker->stage->cache == CACHE_ALWAYS;
}

/* What the pipeline knows nothing of may have been kept or not. */
bool elsewhere_kept(void *ctx, const char *path, bool input)
{
	struct project *p = ctx;
	const struct instance *maker;
	size_t i, j;

	project_sections(p);
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
	(void)err;
	ask_all(ctx, v, sizes, n, false, there);
	return 0;
}

int elsewhere_fetch(void *ctx, const struct digest *v, size_t n, bool *got, struct err *err)
{
	(void)err;
	ask_all(ctx, v, NULL, n, true, got);
	return 0;
}

int elsewhere_heal(void *ctx, size_t *n, struct err *err)
{
	struct project *p = ctx;
	struct question q = {.p = p, .ask = ask_chains};
	size_t i;

	(void)err;
	for (i = 0; has_remotes(p) && i < p->pl.n_remotes; i++)
		(void)has_answered(&q, &p->pl.remotes[i]);
	*n = q.healed;
	return 0;
}
