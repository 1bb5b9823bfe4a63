/* SPDX-License-Identifier: GPL-3.0-or-later */
/* On the wire: struct head, then n times the flags (32 bits) and the path with its NUL, then the program with its NUL. */
#include <config.h>

#include "sandbox/seen.h"

#include <stdlib.h>
#include <string.h>

#define MOST 500000 /* paths; a stage that touches more is told so */

struct head {
	uint32_t n, blind;
	int32_t number;
};

struct seen_file *seen_find(const struct seen *s, const char *path)
{
	return map_get(&s->by_path, path);
}

struct seen_file *seen_add(struct seen *s, const char *path)
{
	size_t len = strlen(path) + 1;
	struct seen_file *f;

	if (s->n == MOST) {
		s->blind |= BLIND_MANY;
		return NULL;
	}
	f = arena_alloc(&s->arena, sizeof(*f) + len);
	f->flags = 0;
	memcpy(f->path, path, len);
	map_put(&s->by_path, f->path, f);
	ALLOC_GROW(s->v, s->n + 1, s->cap);
	s->v[s->n++] = f;
	return f;
}

void seen_release(struct seen *s)
{
	map_release(&s->by_path);
	free(s->v);
	free(s->program);
	arena_release(&s->arena);
	*s = (struct seen)SEEN_INIT;
}

void seen_write(const struct seen *s, struct strbuf *out)
{
	struct head head = {(uint32_t)s->n, s->blind, s->number};
	const char *program = s->program ? s->program : "";
	size_t i;

	strbuf_add(out, &head, sizeof(head));
	for (i = 0; i < s->n; i++) {
		uint32_t flags = s->v[i]->flags;

		strbuf_add(out, &flags, sizeof(flags));
		strbuf_add(out, s->v[i]->path, strlen(s->v[i]->path) + 1);
	}
	strbuf_add(out, program, strlen(program) + 1);
}

int seen_parse(const char *text, size_t n, struct seen *s)
{
	const char *end = text + n, *nul;
	struct head head;
	uint32_t flags;
	size_t i;

	if (n < sizeof(head))
		return -1;
	memcpy(&head, text, sizeof(head));
	text += sizeof(head);
	s->blind = head.blind;
	s->number = head.number;
	for (i = 0; i < head.n; i++) {
		struct seen_file *f;

		if ((size_t)(end - text) <= sizeof(flags) ||
		    !(nul = memchr(text + sizeof(flags), '\0', (size_t)(end - text) - sizeof(flags))))
			return -1;
		memcpy(&flags, text, sizeof(flags));
		f = seen_add(s, text + sizeof(flags));
		if (f)
			f->flags = flags;
		text = nul + 1;
	}
	if (!memchr(text, '\0', (size_t)(end - text)))
		return -1;
	s->program = *text ? xstrdup(text) : NULL;
	return 0;
}
