/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/lists.h"

#include <stdlib.h>
#include <string.h>

#include "digest/manifest.h"
#include "util/map.h"

#define TEXT_LIMIT ((size_t)4 << 20)
#define WORD "list"
#define HEAD (strlen(WORD) + 1 + DIGEST_LEN) /* the word, how, the directory */
#define UNREAD '?'                           /* behind the word, and then how */
#define PREFIX 8

struct fresh {
	struct digest key;
	const char *text;
	size_t len;
};

struct lists {
	struct keyed *table;
	struct arena arena;
	struct map fresh; /* hex of the key -> struct fresh */
};

struct lists *lists_new(struct keyed *table)
{
	struct lists *l = xcalloc(1, sizeof(*l));

	l->table = table;
	return l;
}

void lists_free(struct lists *l)
{
	if (!l)
		return;
	map_release(&l->fresh);
	arena_release(&l->arena);
	free(l);
}

static void key_of(const struct digest *list, struct digest *out)
{
	char text[sizeof("mlmake-list ") + DIGEST_HEX] = "mlmake-list ";

	digest_hex(list, text + strlen(text));
	digest_bytes(text, strlen(text), out);
}

static bool is_unread(const char *text)
{
	return text[strlen(WORD)] == UNREAD;
}

/* Is it a list's text? Where the directory stands in it goes to *dir. */
static bool parse(const char *text, size_t len, const char **dir)
{
	if (len < HEAD || memcmp(text, WORD, strlen(WORD)) != 0)
		return false;
	*dir = text + HEAD - DIGEST_LEN + is_unread(text);
	return len >= HEAD + is_unread(text);
}

/* ---- taking up */

struct taking {
	struct lists *l;
	struct store *store;
	const struct digest *dir;
	int how;
	bool unread;
};

/* What could not be read in an earlier run is not tried again in each that follows, as of a directory that git holds and the store does not. */
static bool is_known(const struct taking *t, const struct digest *key, const char *hex)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct fresh *f = map_get(&t->l->fresh, hex);
	const char *dir;

	if (f)
		strbuf_add(&text, f->text, f->len);
	else if (!keyed_find(t->l->table, key, &text))
		return false;
	return parse(text.buf, text.len, &dir) && !(f && is_unread(text.buf)) && dir[-1] >= '0' + t->how;
}

static void remember(struct taking *t, const struct digest *key, const char *hex, const struct strbuf *text)
{
	struct fresh *f = arena_alloc(&t->l->arena, sizeof(*f));

	*f = (struct fresh){*key, arena_strndup(&t->l->arena, text->buf, text->len), text->len};
	map_put(&t->l->fresh, arena_strdup(&t->l->arena, hex), f);
}

static int read_list(struct store *s, const struct digest *list, struct manifest *m)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	return store_get_bytes(s, list, TEXT_LIMIT, &text, NULL) < 0 ? -1 : manifest_parse(m, text.buf, text.len, NULL);
}

static void take(struct taking *t, const struct digest *list, int depth)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];
	struct digest key;
	bool unread;
	size_t i;

	key_of(list, &key);
	digest_hex(&key, hex);
	if (is_known(t, &key, hex))
		return;
	unread = depth > MANIFEST_DEPTH + MANIFEST_LEVELS || read_list(t->store, list, &m) < 0;
	strbuf_addf(&text, WORD "%s%c", unread ? "?" : "", '0' + t->how);
	strbuf_add(&text, t->dir->b, DIGEST_LEN);
	for (i = 0; i < m.n && !unread; i++)
		if (m.v[i].kind != CONTENT_LINK)
			strbuf_add(&text, m.v[i].id.b, PREFIX);
	remember(t, &key, hex, &text);
	t->unread |= unread;
	for (i = 0; i < m.n && !unread; i++)
		if (m.v[i].kind == CONTENT_DIR)
			take(t, &m.v[i].id, depth + 1);
}

int lists_take(struct lists *l, struct store *s, const struct digest *dir, int how)
{
	struct taking t = {l, s, dir, how, false};

	take(&t, dir, 0);
	return t.unread;
}

void lists_fresh(struct lists *l, void (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx)
{
	const struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&l->fresh, &i))) {
		const struct fresh *f = s->value;

		visit(ctx, &f->key, f->text, f->len);
	}
}

/* ---- finding */

struct finding {
	const struct digest *id;
	void (*visit)(void *ctx, const struct digest *dir);
	void *ctx;
};

static int look_at(void *ctx, const struct digest *key, const char *text, size_t len)
{
	const struct finding *f = ctx;
	struct digest found;
	const char *dir, *p;

	(void)key;
	if (!parse(text, len, &dir))
		return 0;
	for (p = dir + DIGEST_LEN; !is_unread(text) && p + PREFIX <= text + len && memcmp(p, f->id->b, PREFIX) != 0; p += PREFIX)
		;
	if (!is_unread(text) && p + PREFIX > text + len)
		return 0;
	memcpy(found.b, dir, DIGEST_LEN);
	f->visit(f->ctx, &found);
	return 0;
}

void lists_find(struct lists *l, const struct digest *id, void (*visit)(void *ctx, const struct digest *dir), void *ctx)
{
	struct finding f = {id, visit, ctx};
	const struct map_slot *s;
	size_t i = 0;

	while ((s = map_next(&l->fresh, &i))) {
		const struct fresh *fresh = s->value;

		(void)look_at(&f, &fresh->key, fresh->text, fresh->len);
	}
	keyed_scan(l->table, look_at, &f);
}
