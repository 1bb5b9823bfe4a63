/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "remote/remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/remoteroom.h"
#include "util/path.h"
#include "util/pool.h"

#define JOBS_LIMIT 64
#define BATCH_BYTES (INT64_C(256) << 20)

void haul_note(struct haul *h, size_t i, enum payload_state state, int64_t bytes)
{
	pthread_mutex_lock(&h->mutex);
	h->v[i].state = state;
	h->now.done++;
	h->now.bytes += MAX(bytes, INT64_C(0));
	if (h->watch)
		h->watch->progress(h->watch->ctx, &h->now);
	pthread_mutex_unlock(&h->mutex);
}

struct checking {
	struct haul *h;
	const size_t *batch;
};

static void check_one(void *ctx, size_t k)
{
	struct checking *c = ctx;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct payload *p = &c->h->v[c->batch[k]];

	if (payloads_verify(c->h->here, &p->id, &err) < 0)
		haul_note(c->h, c->batch[k], err.code == ERR_CORRUPT ? PAYLOAD_CORRUPT : PAYLOAD_MISSING, 0);
}

void haul_check(struct haul *h, const size_t *batch, size_t n)
{
	struct checking c = {h, batch};

	pool_for(n, 1, pool_cpus(), check_one, &c);
}

size_t haul_batch(const struct haul *h, size_t *at, size_t *batch)
{
	int64_t bytes = 0;
	size_t n = 0;

	for (; *at < h->n && n < HAUL_BATCH && (bytes < BATCH_BYTES || n < (size_t)h->jobs); ++*at)
		if (h->v[*at].state == PAYLOAD_ABSENT) {
			batch[n++] = *at;
			bytes += MAX(h->v[*at].size, INT64_C(0));
		}
	return n;
}

int haul_take(struct haul *h, int (*take)(struct transport *t, struct haul *h, const size_t *batch, size_t n, size_t *arrived,
					   struct err *err), struct transport *t, struct err *err)
{
	CLEANUP(freep) size_t *batch = xcalloc(HAUL_BATCH, sizeof(*batch));
	CLEANUP(err_release) struct err first = ERR_INIT;
	size_t at = 0, n, arrived = 1;

	while (arrived && (n = haul_batch(h, &at, batch)) > 0) {
		CLEANUP(err_release) struct err here = ERR_INIT;

		arrived = 0;
		if (take(t, h, batch, n, &arrived, &here) == 0)
			arrived = 1;
		else if (!first.msg)
			err_move(&first, &here);
	}
	return first.msg ? err_move(err, &first) : 0;
}

void haul_pass(struct haul *h, int64_t bytes)
{
	pthread_mutex_lock(&h->mutex);
	h->now.bytes += bytes;
	if (h->watch)
		h->watch->progress(h->watch->ctx, &h->now);
	pthread_mutex_unlock(&h->mutex);
}

static void haul_begin(struct haul *h, struct remote *r, struct payload *v, size_t n, const struct remote_watch *watch)
{
	*h = (struct haul){.here = r->payloads, .v = v, .n = n, .jobs = r->jobs, .watch = watch};
	pthread_mutex_init(&h->mutex, NULL);
}

static void haul_end(struct haul *h)
{
	pthread_mutex_destroy(&h->mutex);
}

/* What is still to be done, for those who watch. */
static void announce(struct haul *h, const char *what)
{
	size_t i;

	h->now = (struct remote_progress){.what = what};
	for (i = 0; i < h->n; i++)
		if (h->v[i].state == PAYLOAD_ABSENT) {
			h->now.n++;
			h->now.of += MAX(h->v[i].size, INT64_C(0));
		}
	if (h->watch && h->now.n)
		h->watch->progress(h->watch->ctx, &h->now);
}

/* Git is told an absolute path, for it may run elsewhere. */
static char *git_url(const struct address *a)
{
	CLEANUP(freep) char *cwd = a->kind == ADDRESS_DIR ? getcwd(NULL, 0) : NULL;

	if (!a->git)
		return NULL;
	return cwd ? path_join(cwd, a->git) : xstrdup(a->git);
}

struct remote *remote_open(const char *name, const struct address *a, const struct remote_here *here, int jobs, bool write,
			   struct err *err)
{
	static struct transport *(*const open[])(const struct address *, const struct remote_here *, bool, struct err *) = {
		[ADDRESS_DIR] = dir_open, [ADDRESS_SSH] = ssh_open, [ADDRESS_LFS] = lfs_open, [ADDRESS_RCLONE] = rclone_open};
	struct transport *t = open[a->kind](a, here, write, err);
	struct remote *r;

	if (!t) {
		err_wrap(err, "remote '%s'", name);
		return NULL;
	}
	t->git = git_url(a);
	r = xcalloc(1, sizeof(*r));
	*r = (struct remote){.name = xstrdup(name), .t = t, .jobs = MAX(MIN(jobs, JOBS_LIMIT), 1)};
	r->payloads = payloads_new(here->shared);
	return r;
}

void remote_free(struct remote *r)
{
	if (!r)
		return;
	free(r->t->git);
	r->t->kind->free(r->t);
	payloads_free(r->payloads);
	free(r->name);
	free(r);
}

void remote_doubt(struct remote *r)
{
	r->t->doubt = true;
}

int remote_look(struct remote *r, struct payload *v, size_t n, struct err *err)
{
	struct haul h;
	int got;

	payloads_sort(v, n);
	haul_begin(&h, r, v, n, NULL);
	got = n ? r->t->kind->look(r->t, &h, err) : 0;
	haul_end(&h);
	return got < 0 ? err_wrap(err, "remote '%s'", r->name) : 0;
}

static size_t count(const struct payload *v, size_t n, enum payload_state state)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		found += v[i].state == state;
	return found;
}

static void turn(struct payload *v, size_t n, enum payload_state from, enum payload_state to)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].state == from)
			v[i].state = to;
}

/* What did not arrive as it was sent is sent once more. */
static int send_twice(struct remote *r, struct haul *h, struct err *err)
{
	if (r->t->kind->send(r->t, h, err) < 0)
		return -1;
	if (!count(h->v, h->n, PAYLOAD_REFUSED))
		return 0;
	turn(h->v, h->n, PAYLOAD_REFUSED, PAYLOAD_ABSENT);
	h->again = true;
	return r->t->kind->send(r->t, h, err);
}

int remote_send(struct remote *r, struct payload *v, size_t n, const struct remote_watch *watch, struct err *err)
{
	struct haul h;
	int got;

	payloads_sort(v, n);
	haul_begin(&h, r, v, n, watch);
	got = n ? r->t->kind->look(r->t, &h, err) : 0;
	announce(&h, "sending");
	if (got == 0 && count(v, n, PAYLOAD_ABSENT))
		got = send_twice(r, &h, err);
	haul_end(&h);
	return got < 0 ? err_wrap(err, "remote '%s'", r->name) : 0;
}

static void look_here(struct remote *r, struct payload *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i].state = payloads_has(r->payloads, &v[i].id, v[i].size) ? PAYLOAD_THERE : PAYLOAD_ABSENT;
}

/* What is not there the second time was corrupt the first. */
static int take_twice(struct remote *r, struct haul *h, struct err *err)
{
	CLEANUP(freep) bool *corrupt = xcalloc(h->n + 1, sizeof(*corrupt));
	size_t i;
	int got = r->t->kind->take(r->t, h, err);

	if (got < 0 || !count(h->v, h->n, PAYLOAD_CORRUPT))
		return got;
	for (i = 0; i < h->n; i++)
		corrupt[i] = h->v[i].state == PAYLOAD_CORRUPT;
	turn(h->v, h->n, PAYLOAD_CORRUPT, PAYLOAD_ABSENT);
	h->again = true;
	got = r->t->kind->take(r->t, h, err);
	for (i = 0; i < h->n; i++)
		if (corrupt[i] && h->v[i].state != PAYLOAD_MOVED)
			h->v[i].state = PAYLOAD_CORRUPT;
	return got;
}

int remote_take(struct remote *r, struct payload *v, size_t n, const struct remote_watch *watch, struct err *err)
{
	CLEANUP(err_release) struct err synced = ERR_INIT;
	struct haul h;
	int got = 0;

	payloads_sort(v, n);
	look_here(r, v, n);
	haul_begin(&h, r, v, n, watch);
	announce(&h, "fetching");
	if (count(v, n, PAYLOAD_ABSENT)) {
		got = take_twice(r, &h, err);
		if (payloads_sync(r->payloads, &synced) < 0 && got == 0)
			got = err_move(err, &synced);
	}
	haul_end(&h);
	return got < 0 ? err_wrap(err, "remote '%s'", r->name) : 0;
}
