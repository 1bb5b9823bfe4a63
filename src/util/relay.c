/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/relay.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/pool.h"

#define RING 16
#define BURST (RING / 2)
#define AT_ONCE 8 /* with more of them, every processor is busy anyway, and each has a ring in memory */

struct relay {
	int (*take)(void *ctx, const void *data, size_t n);
	void *ctx;
	pthread_t thread;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	unsigned char *ring; /* RING chunks */
	size_t len[RING];
	size_t filled, taken;
	bool ended;
	int error;
};

static int at_work; /* changed atomically */

/* Who has to wait waits for a burst: to be woken takes about as long as to deal with a chunk. Is there something to take? */
static bool await_chunk(struct relay *r)
{
	if (r->taken == r->filled)
		while (!r->ended && r->filled - r->taken < BURST)
			pthread_cond_wait(&r->changed, &r->mutex);
	return r->taken < r->filled;
}

static void *take_chunks(void *arg)
{
	struct relay *r = arg;

	pthread_mutex_lock(&r->mutex);
	while (await_chunk(r)) {
		size_t slot = r->taken % RING;
		int error = r->error;

		pthread_mutex_unlock(&r->mutex);
		if (!error)
			error = r->take(r->ctx, r->ring + slot * RELAY_CHUNK, r->len[slot]);
		pthread_mutex_lock(&r->mutex);
		r->error = error;
		r->taken++;
		if (r->filled - r->taken <= BURST)
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
	__atomic_sub_fetch(&at_work, 1, __ATOMIC_RELAXED);
}

struct relay *relay_new(int (*take)(void *ctx, const void *data, size_t n), void *ctx)
{
	struct relay *r;

	if (__atomic_add_fetch(&at_work, 1, __ATOMIC_RELAXED) > AT_ONCE) {
		__atomic_sub_fetch(&at_work, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
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
	if (r->filled - r->taken == RING)
		while (r->filled - r->taken > BURST)
			pthread_cond_wait(&r->changed, &r->mutex);
	pthread_mutex_unlock(&r->mutex);
	return r->ring + r->filled % RING * RELAY_CHUNK;
}

bool relay_push(struct relay *r, size_t n)
{
	bool ok;

	pthread_mutex_lock(&r->mutex);
	if (n)
		r->len[r->filled++ % RING] = n;
	ok = !r->error;
	if (r->filled - r->taken >= BURST)
		pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return ok;
}

int relay_end(struct relay *r)
{
	int error;

	pthread_mutex_lock(&r->mutex);
	r->ended = true;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	pthread_join(r->thread, NULL);
	error = r->error;
	free_relay(r);
	return error;
}
