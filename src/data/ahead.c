/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/ahead.h"

#include <stdlib.h>

#include "util/pool.h"

#define BATCHES 3 /* one that is looked at, one that is ready, one that is being read */

struct ahead {
	struct split *split;
	const struct batch *first;
	struct batch batches[BATCHES]; /* in a circle */
	uint64_t made, done;           /* how many; those that are looked at no more */
	bool held, stop;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t change;
};

/* Waits until a batch is free; NULL: it is to stop. */
static struct batch *free_batch(struct ahead *a)
{
	bool stop;

	pthread_mutex_lock(&a->mutex);
	while (!a->stop && a->made - a->done == BATCHES)
		pthread_cond_wait(&a->change, &a->mutex);
	stop = a->stop;
	pthread_mutex_unlock(&a->mutex);
	return stop ? NULL : &a->batches[a->made % BATCHES];
}

static void *read_ahead(void *arg)
{
	struct ahead *a = arg;
	const struct batch *before = a->first;
	struct batch *b;
	int outcome = 1;

	while (outcome > 0 && (b = free_batch(a))) {
		split_read(a->split, b, before);
		split_rows(a->split, b, 0);
		before = b;
		outcome = b->outcome;
		pthread_mutex_lock(&a->mutex);
		a->made++;
		pthread_cond_signal(&a->change);
		pthread_mutex_unlock(&a->mutex);
	}
	return NULL;
}

struct ahead *ahead_start(struct split *s, const struct batch *before)
{
	struct ahead *a = xcalloc(1, sizeof(*a));

	a->split = s;
	a->first = before;
	pthread_mutex_init(&a->mutex, NULL);
	pthread_cond_init(&a->change, NULL);
	if (pool_thread_start(&a->thread, read_ahead, a))
		return a;
	free(a);
	return NULL;
}

struct batch *ahead_next(struct ahead *a)
{
	pthread_mutex_lock(&a->mutex);
	a->done += a->held;
	a->held = true;
	pthread_cond_signal(&a->change);
	while (a->made == a->done)
		pthread_cond_wait(&a->change, &a->mutex);
	pthread_mutex_unlock(&a->mutex);
	return &a->batches[a->done % BATCHES];
}

void ahead_stop(struct ahead *a)
{
	size_t i;

	if (!a)
		return;
	pthread_mutex_lock(&a->mutex);
	a->stop = true;
	pthread_cond_signal(&a->change);
	pthread_mutex_unlock(&a->mutex);
	pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->mutex);
	pthread_cond_destroy(&a->change);
	for (i = 0; i < BATCHES; i++)
		batch_release(&a->batches[i]);
	free(a);
}
