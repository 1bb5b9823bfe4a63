/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/closure.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/storeroom.h"
#include "util/map.h"

#define MANIFEST "manifest"
#define TREE_LIMIT ((size_t)256 << 20)
#define BLOB_LIMIT ((size_t)16 << 20)

/* What is known of a manifest: its tree, and of a tree that was made here and holds all that the directory needs, the bytes of its files.
 * In the table they are 20 bytes, and 8 more (little-endian) where whole. */
struct closure {
	struct git_id tree;
	bool whole;
	uint64_t bytes;
};
#define TEXT_LEN (GIT_ID_LEN + 8)

/* What is not in the table yet. */
struct weaving {
	struct store *s;
	pthread_mutex_t mutex; /* of what follows */
	struct arena arena;
	struct keyed_item *items; /* in arena */
	size_t n;
	struct map made; /* hex of a manifest -> struct closure */
};

static struct weaving *begin(struct store *s)
{
	pthread_mutex_lock(&s->weaving_mutex);
	if (!s->weaving) {
		s->weaving = xcalloc(1, sizeof(*s->weaving));
		s->weaving->s = s;
		pthread_mutex_init(&s->weaving->mutex, NULL);
	}
	return s->weaving;
}

static int end(struct store *s, int result)
{
	pthread_mutex_unlock(&s->weaving_mutex);
	return result;
}

void closure_forget(struct store *s)
{
	struct weaving *w = s->weaving;

	if (!w)
		return;
	map_release(&w->made);
	arena_release(&w->arena);
	pthread_mutex_destroy(&w->mutex);
	free(w);
	s->weaving = NULL;
}

static const char *hex_in(struct arena *a, const struct digest *id)
{
	char *hex = arena_alloc(a, DIGEST_HEX + 1);

	digest_hex(id, hex);
	return hex;
}

static void remember(struct weaving *w, const struct digest *id, const struct closure *c)
{
	uint64_t bytes = htole64(c->bytes);
	struct closure *copy;
	char *text;

	pthread_mutex_lock(&w->mutex);
	copy = arena_alloc(&w->arena, sizeof(*copy));
	text = arena_alloc(&w->arena, TEXT_LEN);
	*copy = *c;
	memcpy(text, c->tree.b, GIT_ID_LEN);
	memcpy(text + GIT_ID_LEN, &bytes, sizeof(bytes));
	map_put(&w->made, hex_in(&w->arena, id), copy);
	w->items = arena_grow(&w->arena, w->items, w->n, sizeof(*w->items));
	w->items[w->n++] = (struct keyed_item){*id, text, c->whole ? TEXT_LEN : GIT_ID_LEN, 0};
	pthread_mutex_unlock(&w->mutex);
}

static bool is_here(struct store *s, const struct git_id *tree)
{
	return packer_has(s->small.packer, tree) || gitdb_has(s->small.db, tree, true);
}

/* What the table says of a manifest, if git has the tree. */
static bool look_up(struct store *s, const struct digest *id, struct closure *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!keyed_find(s->closures, id, &text) || (text.len != GIT_ID_LEN && text.len != TEXT_LEN))
		return false;
	*out = (struct closure){.whole = text.len == TEXT_LEN};
	memcpy(out->tree.b, text.buf, GIT_ID_LEN);
	if (out->whole)
		memcpy(&out->bytes, text.buf + GIT_ID_LEN, sizeof(out->bytes));
	out->bytes = le64toh(out->bytes);
	return is_here(s, &out->tree);
}

static bool recall(struct weaving *w, const struct digest *id, struct closure *out)
{
	char hex[DIGEST_HEX + 1];
	const struct closure *made;

	digest_hex(id, hex);
	pthread_mutex_lock(&w->mutex);
	made = map_get(&w->made, hex);
	if (made)
		*out = *made;
	pthread_mutex_unlock(&w->mutex);
	return made || look_up(w->s, id, out);
}

bool closure_is_whole(struct store *s, const struct digest *id, int64_t *bytes)
{
	struct closure c;

	if (!look_up(s, id, &c) || !c.whole || c.bytes > INT64_MAX)
		return false;
	*bytes = (int64_t)c.bytes;
	return true;
}

static bool drop_all(void *ctx, const struct digest *key, const char *text, size_t len)
{
	(void)ctx;
	(void)key;
	(void)text;
	(void)len;
	return true;
}

void closure_distrust(struct store *s)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	if (keyed_prune(s->closures, drop_all, NULL, &ignored) < 0)
		err_clear(&ignored); /* then a directory is called whole that is not, and putting it back fails */
}

int closure_sync(struct store *s, bool *written, struct err *err)
{
	struct weaving *w = begin(s);
	char name[48];
	int got = 0;

	if (w->n) {
		*written = true;
		keyed_name(name);
		got = keyed_add(s->closures, name, w->items, w->n, err);
	}
	closure_forget(s);
	return end(s, got);
}

/* ---- making */

static int weave(struct weaving *w, const struct digest *id, int depth, struct closure *out, struct err *err);

/* Adds an entry of a manifest to the tree of c, if something of it is in git. */
static int add_entry(struct weaving *w, const struct manifest_entry *e, int depth, struct tree_builder *t, struct arena *names,
		     struct closure *c, struct err *err)
{
	struct small_object o;
	struct closure below;

	if (e->kind == CONTENT_LINK) /* the manifest holds it */
		return 0;
	if (e->kind == CONTENT_DIR) {
		if (weave(w, &e->id, depth + 1, &below, err) < 0)
			return -1;
		tree_add(t, hex_in(names, &e->id), TREE_DIR, &below.tree);
		c->whole &= below.whole;
		c->bytes += below.bytes;
	} else if (small_find(&w->s->small, &e->id, &o)) {
		tree_add(t, hex_in(names, &e->id), TREE_FILE, &o.git);
		c->bytes += o.size;
	} else {
		c->whole = false;
	}
	return 0;
}

/* Of a file and a directory under one digest, the file being the directory's manifest, the directory is enough. */
static void drop_doubles(struct tree_builder *t)
{
	CLEANUP(map_release) struct map dirs = MAP_INIT;
	size_t i, n = 0;

	for (i = 0; i < t->n; i++)
		if (t->v[i].mode == TREE_DIR)
			map_put(&dirs, t->v[i].name, t);
	for (i = 0; i < t->n; i++)
		if (t->v[i].mode == TREE_DIR || !map_get(&dirs, t->v[i].name))
			t->v[n++] = t->v[i];
	t->n = n;
}

struct parts {
	struct weaving *w;
	const struct manifest *m;
	int depth;
};

static int weave_part(void *ctx, size_t i, struct err *err)
{
	const struct parts *p = ctx;
	struct closure made;

	return weave(p->w, &p->m->v[i].id, p->depth + 1, &made, err);
}

static int weave(struct weaving *w, const struct digest *id, int depth, struct closure *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	CLEANUP(arena_release) struct arena names = ARENA_INIT;
	struct small_object own;
	size_t i;

	if (recall(w, id, out))
		return 0;
	*out = (struct closure){.whole = small_find(&w->s->small, id, &own)};
	if (depth > MANIFEST_DEPTH + MANIFEST_LEVELS)
		return err_set(err, ERR_INVALID, "a stored directory is nested deeper than %d levels", MANIFEST_DEPTH);
	if (store_get_bytes(w->s, id, MANIFEST_LIMIT, &text, err) < 0 || manifest_parse(&m, text.buf, text.len, err) < 0)
		return -1;
	if (m.parts && store_spread(w->s, m.n, 1, weave_part, &(struct parts){w, &m, depth}, err) < 0)
		return -1;
	if (out->whole)
		tree_add(&t, MANIFEST, TREE_FILE, &own.git);
	for (i = 0; i < m.n; i++)
		if (add_entry(w, &m.v[i], depth, &t, &names, out, err) < 0)
			return -1;
	drop_doubles(&t);
	if (tree_write(&t, w->s->small.packer, &out->tree, err) < 0)
		return -1;
	remember(w, id, out);
	return 0;
}

static int make_pointer(struct store *s, const struct content *c, struct in_git *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];

	digest_hex(&c->id, hex);
	strbuf_addf(&text, "mlmake-object 1\nsha256 %s\nsize %lld\n", hex, (long long)c->size);
	out->mode = TREE_FILE;
	return packer_add(s->small.packer, GITDB_BLOB, text.buf, text.len, PACKER_COMPRESSED, &out->blob, err);
}

static int make_dir(struct store *s, const struct content *c, struct in_git *out, struct err *err)
{
	struct closure made;
	int got = end(s, weave(begin(s), &c->id, 0, &made, err));

	if (got < 0)
		return -1;
	out->below = made.tree;
	out->below_mode = TREE_DIR;
	return 0;
}

int closure_make(struct store *s, const struct content *c, struct in_git *out, struct err *err)
{
	struct small_object o;

	memset(out, 0, sizeof(*out));
	if (c->kind == CONTENT_DIR && store_holds(s, &c->id, NULL) && make_dir(s, c, out, err) < 0)
		return -1;
	if (!small_find(&s->small, &c->id, &o))
		return make_pointer(s, c, out, err);
	out->blob = o.git;
	out->mode = c->kind == CONTENT_EXEC ? TREE_EXEC : c->kind == CONTENT_LINK ? TREE_LINK : TREE_FILE;
	if (!out->below_mode) {
		out->below = o.git;
		out->below_mode = TREE_FILE;
	}
	return 0;
}

/* ---- learning */

/* Only what holds what its name says is learnt: what is put is not stored if it seems to be here already. */
static int learn_blob(struct weaving *w, const struct digest *id, const struct git_id *git, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	CLEANUP(err_release) struct err why = ERR_INIT;
	struct small_object o;
	struct digest is;

	if (small_find(&w->s->small, id, &o))
		return 0;
	if (gitdb_read(w->s->small.db, git, GITDB_BLOB, BLOB_LIMIT, &bytes, &why) < 0)
		return why.code == ERR_NOTFOUND ? err_move(err, &why) : 0;
	digest_bytes(bytes.buf, bytes.len, &is);
	if (digest_eq(&is, id))
		small_learn(&w->s->small, &(struct small_object){*id, *git, bytes.len});
	return 0;
}

static bool is_made(struct weaving *w, const struct digest *id)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	return map_get(&w->made, hex) != NULL;
}

/* owner: the manifest whose closure the tree is; NULL for the tree `objects` itself. */
static int learn_tree(struct weaving *w, const struct digest *owner, const struct git_id *tree, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tree_entry *v;
	struct small_object o;
	struct closure known;
	struct digest id;
	size_t n, i;
	int got = 0;

	/* The table of closures may know what the one of small objects has lost. */
	if (owner && recall(w, owner, &known) && git_id_eq(&known.tree, tree) &&
	    (is_made(w, owner) || (!w->s->distrust && small_find(&w->s->small, owner, &o))))
		return 0;
	if (depth > MANIFEST_DEPTH + MANIFEST_LEVELS)
		return err_set(err, ERR_INVALID, "the objects of a run are nested deeper than %d levels", MANIFEST_DEPTH);
	if (tree_read(w->s->small.db, tree, TREE_LIMIT, &a, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n && got == 0; i++) {
		if (owner && streq(v[i].name, MANIFEST))
			got = learn_blob(w, owner, &v[i].id, err);
		else if (strlen(v[i].name) != DIGEST_HEX || !digest_parse(v[i].name, &id))
			continue;
		else if (v[i].mode == TREE_DIR)
			got = learn_tree(w, &id, &v[i].id, depth + 1, err);
		else if (v[i].mode == TREE_FILE)
			got = learn_blob(w, &id, &v[i].id, err);
	}
	if (got == 0 && owner)
		remember(w, owner, &(struct closure){.tree = *tree});
	return got;
}

int closure_learn(struct store *s, const struct git_id *objects, struct err *err)
{
	return end(s, learn_tree(begin(s), NULL, objects, 0, err));
}

/* ---- visiting */

struct visiting {
	struct store *s;
	int (*visit)(void *ctx, const struct digest *id, int64_t size, bool small);
	void *ctx;
};

static int visit_object(struct visiting *v, const struct digest *id)
{
	struct small_object o;
	int64_t size = -1;

	if (small_find(&v->s->small, id, &o))
		return v->visit(v->ctx, id, (int64_t)o.size, true);
	if (!objects_has(&v->s->objects, id, -1, &size))
		size = -1;
	return v->visit(v->ctx, id, size, false);
}

static int visit_text(struct visiting *v, const struct digest *id, int depth)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	int got = visit_object(v, id);
	size_t i;

	if (got || depth > MANIFEST_DEPTH + MANIFEST_LEVELS || store_get_bytes(v->s, id, MANIFEST_LIMIT, &text, NULL) < 0 ||
	    manifest_parse(&m, text.buf, text.len, NULL) < 0)
		return got;
	for (i = 0; i < m.n && got == 0; i++)
		if (m.v[i].kind == CONTENT_DIR)
			got = visit_text(v, &m.v[i].id, depth + 1);
		else if (m.v[i].kind != CONTENT_LINK)
			got = visit_object(v, &m.v[i].id);
	return got;
}

int closure_visit(struct store *s, const struct content *c,
		  int (*visit)(void *ctx, const struct digest *id, int64_t size, bool small), void *ctx)
{
	struct visiting v = {s, visit, ctx};

	if (c->kind == CONTENT_NONE)
		return 0;
	return c->kind == CONTENT_DIR ? visit_text(&v, &c->id, 0) : visit_object(&v, &c->id);
}
