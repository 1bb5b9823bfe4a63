/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/digestset.h"

#include <stdlib.h>
#include <string.h>

static const struct digest zeros;

/* Where id stands, or where it would. */
static size_t slot_of(const struct digestset *s, const struct digest *id)
{
	size_t at;

	memcpy(&at, id->b, sizeof(at)); /* digests are evenly spread */
	for (at &= s->cap - 1; !digest_eq(&s->slots[at], &zeros) && !digest_eq(&s->slots[at], id); at = (at + 1) & (s->cap - 1))
		;
	return at;
}

/* At most three in four slots are taken. */
static void grow(struct digestset *s)
{
	struct digestset larger = {.cap = s->cap ? 2 * s->cap : 64, .zeros = s->zeros, .n = s->n};
	size_t i;

	if (4 * (s->n + 1) <= 3 * s->cap)
		return;
	larger.slots = xcalloc(larger.cap, sizeof(*larger.slots));
	for (i = 0; i < s->cap; i++)
		if (!digest_eq(&s->slots[i], &zeros))
			larger.slots[slot_of(&larger, &s->slots[i])] = s->slots[i];
	free(s->slots);
	*s = larger;
}

bool digestset_add(struct digestset *s, const struct digest *id)
{
	size_t at;
	bool was;

	if (digest_eq(id, &zeros)) {
		was = s->zeros;
		s->zeros = true;
		return !was;
	}
	grow(s);
	at = slot_of(s, id);
	if (digest_eq(&s->slots[at], id))
		return false;
	s->slots[at] = *id;
	s->n++;
	return true;
}

bool digestset_has(const struct digestset *s, const struct digest *id)
{
	if (digest_eq(id, &zeros))
		return s->zeros;
	return s->n && digest_eq(&s->slots[slot_of(s, id)], id);
}

void digestset_release(struct digestset *s)
{
	free(s->slots);
	*s = (struct digestset)DIGESTSET_INIT;
}
