/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/registry.h"

#include <stdlib.h>
#include <string.h>

#include "gitdb/tree.h"

#define TAGS "refs/tags/"
#define TEXT_LIMIT ((size_t)1 << 24)
#define SECOND INT64_C(1000000000)
#define MOMENT (60 * SECOND) /* what is further ahead another clock has said */

struct reading {
	struct registry *r;
	struct gitdb *db;
	const char *prefix;
};

/* A tag that git made without -a is a commit's name and no more. */
static int read_text(struct reading *rd, const struct git_id *id, struct release *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	enum gitdb_kind kind;
	size_t size;

	if (gitdb_look(rd->db, id, &kind, &size, NULL) < 0)
		return -1;
	out->dirty = -1;
	out->commit = *id;
	if (kind != GITDB_TAG)
		return kind == GITDB_COMMIT ? 0 : -1;
	if (gitdb_read(rd->db, id, GITDB_TAG, TEXT_LIMIT, &text, NULL) < 0)
		return -1;
	return release_parse(text.buf, text.len, &rd->r->arena, out, NULL);
}

static int visit(void *ctx, const char *ref, const struct git_id *id)
{
	struct reading *rd = ctx;
	struct registry *r = rd->r;
	struct release found, *to;
	const char *tag;

	if (!skip_prefix(ref, TAGS, &tag) || !release_parse_name(tag, rd->prefix, &r->arena, &found))
		return 0;
	if (read_text(rd, id, &found) < 0) {
		r->unreadable++;
		if (found.environment && !r->unread)
			r->unread = found.tag;
		return 0;
	}
	to = arena_alloc(&r->arena, sizeof(*to));
	*to = found;
	r->v = arena_grow(&r->arena, r->v, r->n, sizeof(*r->v));
	r->v[r->n++] = to;
	return 0;
}

static int order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Numbers come before times: a clock may have gone wrong. */
static int by_turn(const void *x, const void *y)
{
	const struct release *a = *(struct release *const *)x, *b = *(struct release *const *)y;
	int got = strcmp(a->name, b->name);

	if (!got)
		got = order(a->environment != NULL, b->environment != NULL);
	if (!got && !a->environment)
		got = release_version_order(a->version, b->version);
	if (!got)
		got = order(a->number, b->number);
	if (!got)
		got = order(a->when, b->when);
	return got ? got : strcmp(a->tag, b->tag);
}

static bool is_withdrawn(const struct registry *r, const struct release *v)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i]->kind == RELEASE_WITHDRAWN && streq(r->v[i]->name, v->name) && streq(r->v[i]->version, v->version))
			return true;
	return false;
}

/* As GTO has it, an assignment is of the version that is registered on the same commit. */
static const struct release *version_of(struct registry *r, const struct release *a)
{
	const struct release *best = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct release *v = r->v[i];

		if (v->kind != RELEASE_VERSION || !streq(v->name, a->name))
			continue;
		if (a->version ? streq(v->version, a->version) : git_id_eq(&v->commit, &a->commit))
			best = v;
	}
	return best;
}

static void complete(struct registry *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct release *a = r->v[i];
		const struct release *v = a->kind == RELEASE_ASSIGNED ? version_of(r, a) : NULL;

		if (!v)
			continue;
		a->version = v->version;
		if (!a->run)
			a->run = v->run;
		if (!a->n_ships) {
			a->ships = v->ships;
			a->n_ships = v->n_ships;
			a->dirty = v->dirty;
		}
	}
}

int registry_read(struct registry *r, struct gitdb *db, const char *prefix, struct err *err)
{
	struct reading rd = {r, db, prefix};
	struct err why = ERR_INIT;

	if (gitdb_open(db, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	if (gitdb_refs(db, TAGS "*", visit, &rd, err) < 0)
		return -1;
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_turn);
	complete(r);
	return 0;
}

int registry_read_all(struct registry *r, struct gitdb *db, const char *prefix, struct err *err)
{
	if (registry_read(r, db, prefix, err) < 0)
		return -1;
	if (r->unread)
		return err_set(err, ERR_PARSE, "the tag '%s' cannot be read, so what is deployed is not known; fetch it again, or remove it with "
			       "`git tag -d`", r->unread);
	return 0;
}

void registry_release(struct registry *r)
{
	arena_release(&r->arena);
	*r = (struct registry)REGISTRY_INIT;
}

static bool is_about(const struct release *a, const char *name, const char *environment)
{
	return a->environment && streq(a->environment, environment) && streq(a->name, name);
}

static const struct release *live_of(const struct registry *r, const char *name, const char *environment)
{
	const struct release *last = NULL;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (is_about(r->v[i], name, environment))
			last = r->v[i];
	return last && last->kind == RELEASE_ASSIGNED ? last : NULL;
}

const struct release *registry_live(struct registry *r, const char *name, const char *environment)
{
	const struct release *live = NULL;
	size_t i;

	if (name)
		return live_of(r, name, environment);
	for (i = 0; i < r->n; i++) {
		const char *each = r->v[i]->name;
		const struct release *is = i && streq(each, r->v[i - 1]->name) ? NULL : live_of(r, each, environment);

		if (is && (!live || is->when >= live->when))
			live = is;
	}
	return live;
}

static bool is_same_version(const struct release *a, const struct release *b)
{
	if (a->version && b->version)
		return streq(a->version, b->version);
	return a->n_ships ? release_ships_same(a, b) : git_id_eq(&a->commit, &b->commit);
}

const struct release *registry_before(struct registry *r, const char *name, const char *environment)
{
	const struct release *live = registry_live(r, name, environment), *before = NULL;
	size_t i;

	for (i = 0; live && i < r->n && r->v[i] != live; i++) {
		const struct release *a = r->v[i];

		if (is_about(a, name, environment) && a->kind == RELEASE_ASSIGNED && !is_same_version(a, live))
			before = a;
	}
	return before;
}

static const struct release *find_version(struct registry *r, const char *name, const char *version, bool withdrawn)
{
	const struct release *best = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct release *v = r->v[i];

		if (v->kind == RELEASE_VERSION && streq(v->name, name) && (!version || streq(v->version, version)) &&
		    (withdrawn || !is_withdrawn(r, v)))
			best = v;
	}
	return best;
}

const struct release *registry_version(struct registry *r, const char *name, const char *version)
{
	return find_version(r, name, version, false);
}

const struct release *registry_tagged(struct registry *r, const char *name, const char *version)
{
	return find_version(r, name, version, true);
}

const struct release *registry_same(struct registry *r, const struct release *what)
{
	const struct release *best = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct release *v = r->v[i];

		if (v->kind == RELEASE_VERSION && streq(v->name, what->name) && release_ships_same(v, what) && !is_withdrawn(r, v))
			best = v;
	}
	return best;
}

int64_t registry_next_number(const struct registry *r, const char *name)
{
	int64_t last = 0;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i]->environment && streq(r->v[i]->name, name))
			last = MAX(last, r->v[i]->number);
	return last + 1;
}

int64_t registry_next_time(const struct registry *r, int64_t now)
{
	int64_t next = now / SECOND * SECOND;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i]->environment && r->v[i]->when >= next && r->v[i]->when < now + MOMENT)
			next = r->v[i]->when + SECOND;
	return next;
}

int registry_add(const struct release *what, struct gitdb *db, struct packer *p, const char *prefix, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *tag = release_tag_name(what, prefix);
	CLEANUP(freep) char *ref = xstrfmt(TAGS "%s", tag);
	struct git_id id, there;
	int got = gitdb_ref(db, ref, &there, err);

	if (got < 0)
		return -1;
	if (got > 0)
		return err_set(err, ERR_MOVED, "there is a tag '%s' already", tag);
	release_write(what, prefix, &text);
	if (packer_add(p, GITDB_TAG, text.buf, text.len, PACKER_COMPRESSED, &id, err) < 0 || packer_finish(p, err) < 0 ||
	    gitdb_set_ref(db, ref, NULL, &id, "mlmake deploy", err) < 0)
		return -1;
	packer_release_keep(p);
	return 0;
}
