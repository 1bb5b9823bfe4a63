/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/relay.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/pool.h"

#define RING 4

struct relay {
	int (*take)(void *ctx, const void *data, size_t n);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	unsigned char *ring; /* RING chunks */
	size_t len[RING];    /* 0: the end */
	size_t filled, taken;
	int error;
};

static void *take_chunks(void *arg)
{
	struct relay *r = arg;

	pthread_mutex_lock(&r->mutex);
	for (;;) {
		size_t slot = r->taken % RING;
		int error = r->error;

		while (r->taken == r->filled)
			pthread_cond_wait(&r->changed, &r->mutex);
		if (r->len[slot] == 0)
			break;
		pthread_mutex_unlock(&r->mutex);
		if (!error)
			error = r->take(r->ctx, r->ring + slot * RELAY_CHUNK, r->len[slot]);
		pthread_mutex_lock(&r->mutex);
		r->error = error;
		r->taken++;
		pthread_cond_signal(&r->changed);
	}
	pthread_mutex_unlock(&r->mutex);
	return NULL;
}

static void free_relay(struct relay *r)
{
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->mutex);
	free(r->ring);
	free(r);
}

struct relay *relay_new(int (*take)(void *ctx, const void *data, size_t n), void *ctx)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->take = take;
	r->ctx = ctx;
	r->ring = xmalloc(RING * RELAY_CHUNK);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->changed, NULL);
	if (pool_thread_start(&r->thread, take_chunks, r))
		return r;
	free_relay(r);
	return NULL;
}

unsigned char *relay_room(struct relay *r)
{
	pthread_mutex_lock(&r->mutex);
	while (r->filled - r->taken == RING)
		pthread_cond_wait(&r->changed, &r->mutex);
	pthread_mutex_unlock(&r->mutex);
	return r->ring + r->filled % RING * RELAY_CHUNK;
}

static bool push(struct relay *r, size_t n)
{
	bool ok;

	pthread_mutex_lock(&r->mutex);
	r->len[r->filled++ % RING] = n;
	ok = !r->error;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return ok;
}

bool relay_push(struct relay *r, size_t n)
{
	return n == 0 || push(r, n);
}

int relay_end(struct relay *r)
{
	int error;

	relay_room(r);
	push(r, 0);
	pthread_join(r->thread, NULL);
	error = r->error;
	free_relay(r);
	return error;
}
