/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/artifacts.h"

#include <string.h>

#include "util/path.h"

/* Paths are compared as texts, so each has to be the one that a path has. */
static const char *refusal_of(const char *path)
{
	CLEANUP(strbuf_release) struct strbuf normal = STRBUF_INIT;

	path_normalize(path, &normal);
	return streq(normal.buf, path) ? path_refusal(path) : "is not written as paths are";
}

static int take_output(struct artifacts *as, const char *name, const struct record *r, const struct record_fact *f,
		       struct err *err)
{
	const char *refusal = refusal_of(f->name);
	struct artifact *a;

	if (refusal)
		return err_set(err, ERR_INVALID, "%s: '%s' of '%s' %s; nothing of it is used", name, f->name, r->instance,
			       refusal);
	if (f->content.kind == CONTENT_NONE)
		return err_set(err, ERR_INVALID, "%s: '%s' of '%s' is an output that is not there; nothing of it is used",
			       name, f->name, r->instance);
	as->v = arena_grow(&as->arena, as->v, as->n, sizeof(*as->v));
	a = &as->v[as->n++];
	a->record = r;
	a->fact = f;
	return 0;
}

static int take_block(struct artifacts *as, const char *name, const char *text, size_t n, struct err *err)
{
	struct record *r = arena_alloc(&as->arena, sizeof(*r));
	size_t i;

	if (record_parse(text, n, &as->arena, r, err) < 0)
		return err_wrap(err, "%s", name);
	if (!record_holds(r)) {
		as->dropped++;
		return 0;
	}
	if (map_put(&as->by_name, r->instance, r))
		return err_set(err, ERR_INVALID, "%s: there are two records of '%s'; nothing of it is used", name, r->instance);
	as->records = arena_grow(&as->arena, as->records, as->n_records, sizeof(struct record *));
	as->records[as->n_records++] = r;
	for (i = 0; i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind) && take_output(as, name, r, &r->facts[i], err) < 0)
			return -1;
	return 0;
}

const struct artifact *artifacts_holding(const struct artifacts *as, const char *path)
{
	size_t n = strlen(path);
	const struct artifact *found;

	for (;;) {
		found = map_getn(&as->by_path, path, n);
		if (found)
			return found;
		while (n && path[n - 1] != '/')
			n--;
		if (!n)
			return NULL;
		n--;
	}
}

/* No path twice, and none in another: a directory and what lies in it cannot both be put back. */
static int check_paths(struct artifacts *as, const char *name, struct err *err)
{
	size_t i;

	map_reserve(&as->by_path, as->n);
	for (i = 0; i < as->n; i++)
		if (map_put(&as->by_path, as->v[i].fact->name, &as->v[i]))
			return err_set(err, ERR_INVALID, "%s: '%s' is an output twice; nothing of it is used", name,
				       as->v[i].fact->name);
	for (i = 0; i < as->n; i++) {
		const char *path = as->v[i].fact->name;
		CLEANUP(freep) char *dir = xstrndup(path, path_dirlen(path));
		const struct artifact *above = *dir ? artifacts_holding(as, dir) : NULL;

		if (above)
			return err_set(err, ERR_INVALID, "%s: the output '%s' lies in the output '%s'; nothing of it is used", name,
				       path, above->fact->name);
	}
	return 0;
}

int artifacts_parse(struct artifacts *as, const char *name, const char *text, size_t n, struct err *err)
{
	const char *p = text, *end = text + n, *nl;
	size_t len;

	for (; p < end; p += len) {
		nl = memchr(p, '\n', (size_t)(end - p));
		len = (size_t)((nl ? nl + 1 : end) - p);
		if (*p == '\n' || *p == '#')
			continue;
		len = record_block_len(p, end);
		if (take_block(as, name, p, len, err) < 0)
			return -1;
	}
	return check_paths(as, name, err);
}

void artifacts_release(struct artifacts *as)
{
	map_release(&as->by_name);
	map_release(&as->by_path);
	arena_release(&as->arena);
	*as = (struct artifacts)ARTIFACTS_INIT;
}

const struct record *artifacts_record(const struct artifacts *as, const char *instance)
{
	return map_get(&as->by_name, instance);
}

static bool is_stage_of(const char *instance, const char *stage)
{
	size_t n = strlen(stage);

	return strncmp(instance, stage, n) == 0 && (!instance[n] || instance[n] == '@');
}

bool artifact_is_named(const struct artifact *a, const char *target)
{
	const char *instance = a->record->instance, *path = a->fact->name;

	if (is_stage_of(instance, target) || path_is_within(path, target) || path_is_within(target, path))
		return true;
	return glob_is_pattern(target) && (glob_match(target, instance) || glob_match(target, path));
}
