/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int pool_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return MAX(CPU_COUNT(&set), 1);
	return MAX((int)sysconf(_SC_NPROCESSORS_ONLN), 1);
}

bool pool_thread_start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(t, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return !failed;
}

struct loop {
	size_t n, grain, next;
	void (*fn)(void *, size_t);
	void *ctx;
};

static void *loop_thread(void *arg)
{
	struct loop *l = arg;

	for (;;) {
		size_t i = __atomic_fetch_add(&l->next, l->grain, __ATOMIC_RELAXED);
		size_t end;

		if (i >= l->n)
			return NULL;
		end = MIN(l->n, i + l->grain);
		for (; i < end; i++)
			l->fn(l->ctx, i);
	}
}

void pool_for(size_t n, size_t grain, int threads, void (*fn)(void *ctx, size_t i), void *ctx)
{
	struct loop l = {n, MAX(grain, (size_t)1), 0, fn, ctx};
	pthread_t t[64];
	int i, started = 0;

	threads = MIN(threads, (int)ARRAY_SIZE(t));
	for (i = 1; i < threads && (size_t)i * l.grain < n; i++)
		if (pool_thread_start(&t[started], loop_thread, &l))
			started++;
	loop_thread(&l);
	for (i = 0; i < started; i++)
		pthread_join(t[i], NULL);
}

struct item {
	struct item *next;
	void (*work)(void *);
	void *task;
};

struct queue {
	struct item *head, **tail;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct queue todo, done;
	pthread_t *threads;
	int n_threads, max_threads, idle;
	size_t pending;
	bool stopping;
	int fd;
};

static void enqueue(struct queue *q, struct item *it)
{
	it->next = NULL;
	*q->tail = it;
	q->tail = &it->next;
}

static struct item *dequeue(struct queue *q)
{
	struct item *it = q->head;

	if (it && !(q->head = it->next))
		q->tail = &q->head;
	return it;
}

struct pool *pool_new(int threads)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	p->max_threads = MAX(threads, 1);
	p->threads = xcalloc((size_t)p->max_threads, sizeof(*p->threads));
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->more, NULL);
	p->todo.tail = &p->todo.head;
	p->done.tail = &p->done.head;
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->fd < 0)
		BUG("eventfd failed");
	return p;
}

static void *pool_thread(void *arg)
{
	struct pool *p = arg;
	uint64_t one = 1;

	pthread_mutex_lock(&p->mutex);
	for (;;) {
		struct item *it = dequeue(&p->todo);

		if (!it) {
			if (p->stopping)
				break;
			p->idle++;
			pthread_cond_wait(&p->more, &p->mutex);
			p->idle--;
			continue;
		}
		pthread_mutex_unlock(&p->mutex);
		it->work(it->task);
		pthread_mutex_lock(&p->mutex);
		enqueue(&p->done, it);
		if (write(p->fd, &one, sizeof(one)) < 0)
			BUG("eventfd write failed");
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

void pool_submit(struct pool *p, void (*work)(void *task), void *task)
{
	struct item *it = xmalloc(sizeof(*it));

	it->work = work;
	it->task = task;
	pthread_mutex_lock(&p->mutex);
	enqueue(&p->todo, it);
	p->pending++;
	if (p->idle == 0 && p->n_threads < p->max_threads &&
	    pool_thread_start(&p->threads[p->n_threads], pool_thread, p))
		p->n_threads++;
	if (p->n_threads == 0)
		BUG("cannot start a thread");
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->mutex);
}

int pool_fd(struct pool *p)
{
	return p->fd;
}

void *pool_reap(struct pool *p)
{
	struct item *it;
	void *task = NULL;
	uint64_t n;

	pthread_mutex_lock(&p->mutex);
	it = dequeue(&p->done);
	if (it) {
		task = it->task;
		p->pending--;
	}
	if (!p->done.head && read(p->fd, &n, sizeof(n)) < 0)
		n = 0; /* nothing was signalled */
	pthread_mutex_unlock(&p->mutex);
	free(it);
	return task;
}

size_t pool_pending(const struct pool *p)
{
	return p->pending;
}

void pool_free(struct pool *p)
{
	struct item *it;
	int i;

	if (!p)
		return;
	pthread_mutex_lock(&p->mutex);
	p->stopping = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->mutex);
	for (i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while ((it = dequeue(&p->done)))
		free(it);
	pthread_mutex_destroy(&p->mutex);
	pthread_cond_destroy(&p->more);
	close(p->fd);
	free(p->threads);
	free(p);
}
