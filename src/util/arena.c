/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK (64 * 1024 - 64)
#define HUGE_PAGE ((size_t)2 << 20)
#define SMALL_CHUNKS 32 /* from so many chunks on, an arena grows by huge pages: they cost one page fault each */
#define ALIGN 16

struct arena_chunk {
	struct arena_chunk *next;
	_Alignas(ALIGN) char data[];
};

static bool one_malloc_each(void)
{
	static int mode = -1;

	if (__atomic_load_n(&mode, __ATOMIC_RELAXED) < 0) {
		const char *s = getenv("MLMAKE_ARENA");

		__atomic_store_n(&mode, s && streq(s, "malloc"), __ATOMIC_RELAXED);
	}
	return __atomic_load_n(&mode, __ATOMIC_RELAXED);
}

static struct arena_chunk *huge_chunk(size_t size)
{
	void *p;

	if (posix_memalign(&p, HUGE_PAGE, size) != 0)
		return NULL;
	madvise(p, size, MADV_HUGEPAGE); /* if the system has none, it is memory all the same */
	return p;
}

static char *add_chunk(struct arena *a, size_t n)
{
	struct arena_chunk *c = n >= HUGE_PAGE - sizeof(*c) ? huge_chunk(sizeof(*c) + n) : NULL;

	if (!c)
		c = xmalloc(sizeof(*c) + n);
	c->next = a->chunks;
	a->chunks = c;
	return c->data;
}

void *arena_alloc(struct arena *a, size_t n)
{
	char *p;

	if (n > SIZE_MAX - CHUNK)
		BUG("arena object too large");
	if (one_malloc_each())
		return add_chunk(a, n);
	n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN; /* also nothing is somewhere */
	if (n > CHUNK / 4)
		return add_chunk(a, n);
	if ((size_t)(a->end - a->at) < n) {
		size_t size = a->n_chunks++ < SMALL_CHUNKS ? CHUNK : HUGE_PAGE - sizeof(struct arena_chunk);

		a->at = add_chunk(a, size);
		a->end = a->at + size;
	}
	p = a->at;
	a->at += n;
	return p;
}

void *arena_calloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, copy;
	int n;
	char *p;

	va_start(ap, fmt);
	va_copy(copy, ap);
	n = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	if (n < 0)
		BUG("cannot format '%s'", fmt);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *array, size_t n, size_t item_size)
{
	void *bigger;

	if (n == 0)
		return arena_alloc(a, 2 * item_size);
	if (n < 2 || (n & (n - 1)))
		return array;
	bigger = arena_alloc(a, 2 * n * item_size);
	memcpy(bigger, array, n * item_size);
	return bigger;
}

void arena_release(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena)ARENA_INIT;
}
