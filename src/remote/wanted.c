/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "remote/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "store/closure.h"

void wanted_init(struct wanted *w, struct store *s, const char *shared)
{
	*w = (struct wanted){.arena = ARENA_INIT, .seen = MAP_INIT, .store = s};
	w->here = payloads_new(shared);
}

void wanted_release(struct wanted *w)
{
	free(w->v);
	map_release(&w->seen);
	payloads_free(w->here);
	arena_release(&w->arena);
}

/* False if it was added before. */
static bool is_new(struct wanted *w, const char *what, const struct digest *id)
{
	char name[DIGEST_HEX + 16];
	size_t n = strlen(what);

	memcpy(name, what, n);
	digest_hex(id, name + n);
	if (map_get(&w->seen, name))
		return false;
	map_put(&w->seen, arena_strdup(&w->arena, name), w);
	return true;
}

/* What is being added. */
struct adding {
	struct wanted *w;
	const struct content *c;
	const char *path;
	bool optional;
};

/* A payload is what is a file here, or is not here at all. */
static int add_object(void *ctx, const struct digest *id, int64_t size, bool small)
{
	struct adding *a = ctx;
	struct wanted *w = a->w;

	if (size >= 0 && small)
		return 0;
	w->open |= size < 0 && a->c->kind == CONTENT_DIR;
	if (!is_new(w, "object ", id))
		return 0;
	if (size < 0 && a->c->kind != CONTENT_DIR && a->c->kind != CONTENT_LINK)
		size = a->c->size;
	ALLOC_GROW(w->v, w->n + 1, w->cap);
	w->v[w->n++] = (struct payload){.id = *id, .size = size, .path = a->path, .optional = a->optional};
	return 0;
}

void wanted_add(struct wanted *w, const struct content *c, const char *path, bool optional)
{
	struct adding a = {w, c, NULL, optional};

	if (c->kind == CONTENT_NONE || !is_new(w, "content ", &c->id))
		return;
	a.path = arena_strdup(&w->arena, path);
	closure_visit(w->store, c, add_object, &a);
}
