/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads: a loop spread over several, and a pool that takes tasks and reports them done to one event loop. */
#ifndef UTIL_POOL_H
#define UTIL_POOL_H

#include <pthread.h>

#include "util/base.h"

/* Calls fn(ctx, i) for 0 <= i < n, handed out in order in batches of grain to at most threads threads, the caller being
 * one of them; returns when all are done. threads <= 1 starts none. */
void pool_for(size_t n, size_t grain, int threads, void (*fn)(void *ctx, size_t i), void *ctx);

/* Starts a thread with every signal blocked, so that signals reach the event loop. False if it cannot. */
bool pool_thread_start(pthread_t *t, void *(*fn)(void *), void *arg);

/* The number of processors this process may use. */
int pool_cpus(void);

struct pool;
struct pool *pool_new(int threads); /* threads start with the first task; they take no signals */
/* Runs work(task) on some thread. Afterwards pool_reap hands the task back. */
void pool_submit(struct pool *p, void (*work)(void *task), void *task);
/* A descriptor that is readable while tasks wait to be reaped. */
int pool_fd(struct pool *p);
void *pool_reap(struct pool *p); /* a finished task, or NULL */
size_t pool_pending(const struct pool *p); /* submitted and not reaped */
void pool_free(struct pool *p); /* waits for what was submitted; NULL is nothing */

#endif
