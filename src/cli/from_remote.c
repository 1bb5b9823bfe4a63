/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/from_remote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/share.h"

/* What has been asked for is remembered, so that a plan asks for each payload once. */
struct supply {
	struct share share;
	struct store_supplier supplier;
	pthread_mutex_t mutex; /* of all: one connection, one request */
	struct arena arena;
	struct map there;      /* hex -> itself if it is there, "" if not */
};

static const char *answer(struct supply *s, const struct digest *id)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	return map_get(&s->there, hex);
}

/* Asks for those that nobody has asked for yet. */
static int ask(struct supply *s, const struct payload *v, size_t n, struct err *err)
{
	CLEANUP(freep) struct payload *unknown = xcalloc(n + 1, sizeof(*unknown));
	size_t i, n_unknown = 0;

	for (i = 0; i < n; i++)
		if (!answer(s, &v[i].id))
			unknown[n_unknown++] = v[i];
	if (remote_look(s->share.remote, unknown, n_unknown, err) < 0)
		return -1;
	for (i = 0; i < n_unknown; i++) {
		char *hex = arena_alloc(&s->arena, DIGEST_HEX + 1);

		digest_hex(&unknown[i].id, hex);
		map_put(&s->there, hex, unknown[i].state == PAYLOAD_THERE ? hex : (char *)(uintptr_t)"");
	}
	return 0;
}

static bool has_all(struct supply *s, struct wanted *w)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	size_t i;

	if (ask(s, w->v, w->n, &err) < 0) {
		fprintf(stderr, "mlmake: warning: %s\n", err.msg);
		return false;
	}
	for (i = 0; i < w->n; i++)
		if (!payloads_has(w->here, &w->v[i].id, -1) && !*answer(s, &w->v[i].id))
			return false;
	return true;
}

static bool has(void *ctx, const struct content *c)
{
	struct supply *s = ctx;
	struct wanted w;
	bool yes;

	wanted_init(&w, s->share.p->store, s->share.p->repo.shared);
	wanted_add(&w, c, "", false);
	pthread_mutex_lock(&s->mutex);
	yes = has_all(s, &w);
	pthread_mutex_unlock(&s->mutex);
	wanted_release(&w);
	return yes;
}

static int take(struct supply *s, struct wanted *w, size_t *moved, struct err *err)
{
	size_t i;
	int got;

	pthread_mutex_lock(&s->mutex);
	got = remote_take(s->share.remote, w->v, w->n, NULL, err);
	pthread_mutex_unlock(&s->mutex);
	*moved = 0;
	for (i = 0; got == 0 && i < w->n; i++) {
		*moved += w->v[i].state == PAYLOAD_MOVED;
		if (w->v[i].state == PAYLOAD_CORRUPT)
			got = err_set(err, ERR_CORRUPT, "what remote '%s' has of it does not hash to its name", s->share.section->name);
		else if (w->v[i].state != PAYLOAD_THERE && w->v[i].state != PAYLOAD_MOVED)
			got = err_set(err, ERR_NOTFOUND, "remote '%s' does not have all of it", s->share.section->name);
	}
	return got;
}

/* The list of a directory's files may come first, and tell of more. */
static int bring(void *ctx, const struct content *c, struct err *err)
{
	struct supply *s = ctx;
	size_t moved = 1;
	int got = 0;

	while (got == 0 && moved && !store_has(s->share.p->store, c)) {
		struct wanted w;

		wanted_init(&w, s->share.p->store, s->share.p->repo.shared);
		wanted_add(&w, c, "", false);
		got = take(s, &w, &moved, err);
		wanted_release(&w);
	}
	return got;
}

int supply_bring(struct supply *s, const struct content *c, struct err *err)
{
	return bring(s, c, err);
}

static int connect_to(struct supply *s, bool dry, struct err *err)
{
	CLEANUP(chains_release) struct chains chains = CHAINS_INIT;
	size_t i;

	if (!dry && gitdb_make(s->share.p->db, err) < 0)
		return -1;
	if (share_open(&s->share, false, err) < 0 || (!dry && share_pull_lineage(&s->share, &chains, err) < 0))
		return -1;
	for (i = 0; i < chains.n; i++)
		if (chains.v[i].state == CHAIN_DIVERGED)
			fprintf(stderr, "mlmake: warning: remote '%s': the chain of '%s' there is not ours any more; `mlmake pull` says "
				"more\n", s->share.section->name, chains.v[i].writer);
	return 0;
}

struct supply *supply_open(struct project *p, bool dry, int *code)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct supply *s = xcalloc(1, sizeof(*s));

	s->share = (struct share)SHARE_INIT;
	s->arena = (struct arena)ARENA_INIT;
	s->there = (struct map)MAP_INIT;
	pthread_mutex_init(&s->mutex, NULL);
	*code = share_choose(&s->share, p);
	if (*code == EXIT_DONE && connect_to(s, dry, &err) < 0)
		*code = cli_fail(EXIT_USAGE, &err);
	if (*code != EXIT_DONE) {
		supply_free(s);
		return NULL;
	}
	s->supplier = (struct store_supplier){has, bring, s};
	store_set_supplier(p->store, &s->supplier);
	return s;
}

void supply_free(struct supply *s)
{
	if (!s)
		return;
	if (s->share.p && s->share.p->store)
		store_set_supplier(s->share.p->store, NULL);
	share_release(&s->share);
	pthread_mutex_destroy(&s->mutex);
	map_release(&s->there);
	arena_release(&s->arena);
	free(s);
}
