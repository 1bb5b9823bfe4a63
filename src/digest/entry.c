/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/entry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND INT64_C(1000000000)
#define TICK (SECOND / 50)
#define COARSE (2 * SECOND)
#define MAX_SECONDS (INT64_MAX / SECOND - 10)

static int64_t nanoseconds(const struct timespec *t)
{
	int64_t s = (int64_t)t->tv_sec;

	return MIN(MAX(s, -MAX_SECONDS), MAX_SECONDS) * SECOND + t->tv_nsec;
}

void entry_of_stat(struct entry *e, const struct stat *st)
{
	memset(e, 0, sizeof(*e));
	e->dev = st->st_dev;
	e->ino = st->st_ino;
	e->size = st->st_size;
	e->mtime = nanoseconds(&st->st_mtim);
	e->ctime = nanoseconds(&st->st_ctim);
	e->mode = st->st_mode;
}

bool entry_same_stat(const struct entry *e, const struct entry *now)
{
	return e->ino == now->ino && e->ctime == now->ctime && e->mtime == now->mtime && e->size == now->size &&
	       e->mode == now->mode && e->dev == now->dev;
}

bool entry_is_young(const struct entry *e, int64_t t)
{
	int64_t last = MAX(e->mtime, e->ctime);
	int64_t unit = e->mtime % SECOND == 0 && e->ctime % SECOND == 0 ? COARSE : TICK;

	return last >= t - unit;
}

void entry_content(const struct entry *e, struct content *out)
{
	out->kind = (enum content_kind)e->kind;
	out->id = e->id;
	out->size = e->total;
}

uint32_t tree_child(const struct tree *t, uint32_t dir, const char *name)
{
	uint32_t lo = t->v[dir].first, hi = lo + t->v[dir].n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = strcmp(tree_name(t, mid), name);

		if (c == 0)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return UINT32_MAX;
}

static bool string_is_sound(const struct tree *t, uint64_t at, uint64_t len)
{
	return at < t->names_len && len < t->names_len - at && t->names[at + len] == '\0';
}

bool tree_is_sound(const struct tree *t)
{
	uint64_t next = 1;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		const struct entry *e = &t->v[i];

		if (e->kind == CONTENT_NONE || e->kind > CONTENT_LINK || i >= next ||
		    !string_is_sound(t, e->name, e->name_len))
			return false;
		if (e->kind == CONTENT_LINK && !string_is_sound(t, (uint64_t)e->name + e->name_len + 1, e->target_len))
			return false;
		if (e->kind != CONTENT_DIR)
			continue;
		if (e->first != next)
			return false;
		next += e->n;
	}
	return t->n > 0 && next == t->n;
}

struct tree_box *tree_box_new(uint32_t n, uint64_t names_len)
{
	struct tree_box *b = xmalloc(sizeof(*b));

	b->refs = 1;
	b->v = xreallocarray(NULL, n, sizeof(*b->v));
	b->names = xmalloc(names_len);
	b->t = (struct tree){n, b->v, b->names, names_len};
	return b;
}

struct tree_box *tree_box_single(const struct entry *e)
{
	struct tree_box *b = tree_box_new(1, 2);

	b->v[0] = *e;
	b->v[0].name = 0;
	b->v[0].name_len = 0;
	b->v[0].target_len = 0;
	b->v[0].first = 1;
	b->v[0].n = 0;
	memset(b->names, 0, 2); /* an empty name and, of a link, no target: only those below a directory need theirs */
	return b;
}

struct tree_box *tree_box_hold(struct tree_box *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

void tree_box_drop(struct tree_box *b)
{
	if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(b->v);
	free(b->names);
	free(b);
}
