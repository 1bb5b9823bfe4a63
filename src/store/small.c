/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/small.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LEN (GIT_ID_LEN + 8)

void small_init(struct small *s, const char *dir, struct gitdb *db)
{
	CLEANUP(freep) char *table = xstrfmt("%s/small", dir);

	*s = (struct small){.db = db, .packer = packer_new(db), .table = keyed_new(table, "small")};
	pthread_mutex_init(&s->mutex, NULL);
}

static void forget_new(struct small *s)
{
	free(s->v);
	free(s->slots);
	s->v = NULL;
	s->slots = NULL;
	s->n = s->cap = s->n_slots = 0;
}

void small_release(struct small *s)
{
	forget_new(s);
	packer_free(s->packer);
	keyed_free(s->table);
	pthread_mutex_destroy(&s->mutex);
}

/* ---- what is new ---- */

static size_t slot_of(const struct small *s, const struct digest *id)
{
	size_t at;

	memcpy(&at, id->b, sizeof(at)); /* digests are evenly spread */
	for (at &= s->n_slots - 1; s->slots[at]; at = (at + 1) & (s->n_slots - 1))
		if (digest_eq(&s->v[s->slots[at] - 1].id, id))
			break;
	return at;
}

static struct small_object *find_new(struct small *s, const struct digest *id)
{
	size_t at;

	if (!s->n_slots)
		return NULL;
	at = slot_of(s, id);
	return s->slots[at] ? &s->v[s->slots[at] - 1] : NULL;
}

static void grow_slots(struct small *s)
{
	size_t i;

	if (s->n_slots > 2 * s->n + 2)
		return;
	s->n_slots = s->n_slots ? 2 * s->n_slots : 64;
	free(s->slots);
	s->slots = xcalloc(s->n_slots, sizeof(*s->slots));
	for (i = 0; i < s->n; i++)
		s->slots[slot_of(s, &s->v[i].id)] = (uint32_t)(i + 1);
}

void small_learn(struct small *s, const struct small_object *o)
{
	struct small_object *known;

	pthread_mutex_lock(&s->mutex);
	known = find_new(s, &o->id);
	if (known) {
		*known = *o;
	} else {
		ALLOC_GROW(s->v, s->n + 1, s->cap);
		s->v[s->n++] = *o;
		grow_slots(s);
		s->slots[slot_of(s, &o->id)] = (uint32_t)s->n;
	}
	pthread_mutex_unlock(&s->mutex);
}

/* ---- finding ---- */

static bool parse(const struct strbuf *text, struct small_object *o)
{
	if (text->len != TEXT_LEN)
		return false;
	memcpy(o->git.b, text->buf, GIT_ID_LEN);
	memcpy(&o->size, text->buf + GIT_ID_LEN, sizeof(o->size));
	o->size = le64toh(o->size);
	return true;
}

static bool look_up(struct small *s, const struct digest *id, struct small_object *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct small_object *o;

	pthread_mutex_lock(&s->mutex);
	o = find_new(s, id);
	if (o)
		*out = *o;
	pthread_mutex_unlock(&s->mutex);
	if (o)
		return true;
	out->id = *id;
	return keyed_find(s->table, id, &text) && parse(&text, out);
}

bool small_known(struct small *s, const struct digest *id, struct small_object *out)
{
	return look_up(s, id, out) && out->size != SMALL_DAMAGED;
}

bool small_is_damaged(struct small *s, const struct digest *id)
{
	struct small_object o;

	return look_up(s, id, &o) && o.size == SMALL_DAMAGED;
}

bool small_find(struct small *s, const struct digest *id, struct small_object *out)
{
	return small_known(s, id, out) && (packer_has(s->packer, &out->git) || gitdb_has(s->db, &out->git, false) ||
					   gitdb_has(s->db, &out->git, true));
}

int small_read(struct small *s, const struct small_object *o, struct strbuf *out, struct err *err)
{
	return packer_read(s->packer, &o->git, GITDB_BLOB, (size_t)o->size, out, err);
}

/* ---- changing ---- */

int small_put(struct small *s, const void *data, size_t n, const struct digest *id, bool compress, struct err *err)
{
	struct small_object o = {*id, {{0}}, n};

	if (packer_add(s->packer, GITDB_BLOB, data, n, PACKER_FRESH | (compress ? PACKER_COMPRESSED : 0), &o.git, err) < 0)
		return -1;
	small_learn(s, &o);
	return 0;
}

void small_condemn(struct small *s, const struct digest *id)
{
	small_learn(s, &(struct small_object){*id, {{0}}, SMALL_DAMAGED});
}

/* The texts of what is new, and the items that name them. */
static struct keyed_item *make_items(const struct small *s, char *texts)
{
	struct keyed_item *items = xcalloc(s->n, sizeof(*items));
	size_t i;

	for (i = 0; i < s->n; i++) {
		uint64_t size = htole64(s->v[i].size);
		char *text = texts + i * TEXT_LEN;

		memcpy(text, s->v[i].git.b, GIT_ID_LEN);
		memcpy(text + GIT_ID_LEN, &size, sizeof(size));
		items[i] = (struct keyed_item){s->v[i].id, text, TEXT_LEN, 0};
	}
	return items;
}

static int enter(struct small *s, struct err *err)
{
	CLEANUP(freep) char *texts = xmalloc(s->n * TEXT_LEN);
	CLEANUP(freep) struct keyed_item *items = make_items(s, texts);
	char name[48];
	size_t n = s->n;

	forget_new(s);
	keyed_name(name);
	return keyed_add(s->table, name, items, n, err);
}

int small_sync(struct small *s, bool *written, struct err *err)
{
	int got;

	pthread_mutex_lock(&s->mutex);
	got = packer_finish(s->packer, err);
	if (got < 0) { /* what it held is gone, and so must be what was said of it */
		forget_new(s);
	} else if (s->n) {
		*written = true;
		got = enter(s, err);
	}
	pthread_mutex_unlock(&s->mutex);
	return got;
}
