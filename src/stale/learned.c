/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/learned.h"

#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "util/path.h"

#define NAMES "[names] "
#define SHOWN 300 /* bytes of names that are kept as they are; more of them as a digest */

static bool learns(const struct pipeline *pl, const struct stage *st)
{
	enum watching how = pipeline_watching(pl, st);

	return how == WATCHING_LEARN || how == WATCHING_STRICT;
}

bool learned_wanted(const struct pipeline *pl)
{
	size_t i;

	for (i = 0; i < pl->n_stages; i++)
		if (pipeline_watching(pl, pl->stages[i]) != WATCHING_OFF)
			return true;
	return false;
}

/* path as a pattern that matches nothing else. */
static void add_literal(struct strbuf *out, const char *path)
{
	for (; *path; path++) {
		if (strchr("*?[]\\", *path))
			strbuf_addch(out, '\\');
		strbuf_addch(out, *path);
	}
}

static bool is_made(const struct pipeline *pl, const char *path)
{
	return pipeline_maker(pl, path) || streq(path, "mlmake.lock") || streq(path_base(path), "__pycache__");
}

static void names_in(const struct pipeline *pl, const struct pipeline_disk *disk, const char *dir, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;
	size_t i;

	if (!streq(dir, ".")) {
		add_literal(&pattern, dir);
		strbuf_addch(&pattern, '/');
	}
	strbuf_addch(&pattern, '*');
	disk->glob(disk->ctx, pattern.buf, &found);
	for (i = 0; i < found.n; i++)
		if (!is_made(pl, found.v[i]))
			strbuf_addf(out, "%s%s", out->len ? " " : "", path_base(found.v[i]));
}

static const char *names_value(const struct pipeline *pl, const struct pipeline_disk *disk, const char *dir, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT;
	char hex[DIGEST_HEX + 1];
	struct digest d;

	names_in(pl, disk, dir, &names);
	if (names.len <= SHOWN)
		return arena_strndup(a, names.buf, names.len);
	digest_bytes(names.buf, names.len, &d);
	digest_hex(&d, hex);
	return arena_fmt(a, "sha256:%s", hex);
}

static const char *there_value(const struct pipeline_disk *disk, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf pattern = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;

	add_literal(&pattern, path);
	disk->glob(disk->ctx, pattern.buf, &found);
	return found.n ? "yes" : "no";
}

struct record_fact learned_names(const struct pipeline *pl, const struct pipeline_disk *disk, const char *dir, struct arena *a)
{
	return (struct record_fact){
		.kind = FACT_ENV, .name = arena_fmt(a, NAMES "%s", dir), .value = names_value(pl, disk, dir, a)};
}

struct record_fact learned_there(const struct pipeline_disk *disk, const char *path, struct arena *a)
{
	return (struct record_fact){.kind = FACT_ENV, .name = arena_fmt(a, LEARNED_THERE "%s", path), .value = there_value(disk, path)};
}

static bool is_program(const char *path)
{
	switch (code_language(path)) {
	case CODE_NONE:
	case CODE_JSON:
	case CODE_BY_FIRST_LINE: return false;
	default: return true;
	}
}

const char *learned_key(const struct stage *st, const char *path)
{
	bool data = !strstr(st->written, "{{data"), code = !strstr(st->written, "{{code");

	if (code && (!data || is_program(path)))
		return "code";
	return data ? "data" : NULL;
}

bool learned_about(const struct record_fact *f)
{
	return f->kind == FACT_ENV && (skip_prefix(f->name, NAMES, NULL) || skip_prefix(f->name, LEARNED_THERE, NULL));
}

/* ---- the next time ---- */

static bool is_declared(const struct instance *in, const char *path)
{
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (path_is_within(path, in->inputs[i].path))
			return true;
	for (i = 0; i < in->n_outs; i++)
		if (path_is_within(path, in->outs[i].path))
			return true;
	return false;
}

/* Records come from elsewhere, too. A name may hold anything else. */
static bool is_in_project(const char *path)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;

	path_normalize(path, &clean);
	return streq(clean.buf, path) && !path_is_absolute(path) && !path_is_within(path, "..") && !streq(path, ".");
}

struct learning {
	struct pipeline *pl;
	const struct pipeline_disk *disk;
	struct instance *in;
	struct input *inputs;
	struct fact *facts;
	size_t n_inputs, n_facts;
	struct map asked; /* path -> there_value, of what was absent */
};

static void add_fact(struct learning *l, const struct record_fact *f)
{
	struct arena *a = &l->pl->arena;
	const char *path, *value;

	if (skip_prefix(f->name, NAMES, &path))
		value = names_value(l->pl, l->disk, path, a);
	else if (skip_prefix(f->name, LEARNED_THERE, &path) && !is_declared(l->in, path))
		value = there_value(l->disk, path);
	else
		return;
	l->facts[l->n_facts++] = (struct fact){arena_strdup(a, f->name), value, l->in->stage->at};
}

static void add_to_instance(struct learning *l, const struct record *r)
{
	struct arena *a = &l->pl->arena;
	struct instance *in = l->in;
	bool reads = pipeline_watching(l->pl, in->stage) == WATCHING_LEARN;
	size_t i;

	l->inputs = arena_alloc(a, (in->n_inputs + r->n_facts + 1) * sizeof(*l->inputs));
	l->facts = arena_alloc(a, (r->n_facts + 1) * sizeof(*l->facts));
	if (in->n_inputs)
		memcpy(l->inputs, in->inputs, in->n_inputs * sizeof(*l->inputs));
	l->n_inputs = in->n_inputs;
	l->n_facts = 0;
	for (i = 0; i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];

		if (f->kind == FACT_ENV)
			add_fact(l, f);
		else if (reads && f->kind == FACT_DATA && learned_is(f) && is_in_project(f->name) && !is_declared(in, f->name))
			l->inputs[l->n_inputs++] = (struct input){.kind = INPUT_DATA,
								  .path = arena_strdup(a, f->name),
								  .keep = true,
								  .at = in->stage->at,
								  .by = INPUT_LEARNED};
	}
	in->inputs = l->inputs;
	in->n_inputs = l->n_inputs;
	in->learned = l->facts;
	in->n_learned = l->n_facts;
}

/* All are asked for, so that each is asked for again at a glance; many instances of a stage looked for the same, which is asked for
 * once. */
static void look_for_absent(void *to, const char *path)
{
	struct learning *l = to;
	const char *there = map_get(&l->asked, path);

	if (!there) {
		there = is_in_project(path) ? there_value(l->disk, path) : "no";
		map_put(&l->asked, arena_strdup(&l->pl->arena, path), (void *)(uintptr_t)there);
	}
	l->in->appeared |= streq(there, "yes");
}

void learned_add(struct pipeline *pl, struct history *h, const struct pipeline_disk *disk)
{
	struct learning l = {.pl = pl, .disk = disk, .asked = MAP_INIT};
	size_t i, n;

	for (i = 0; i < pl->n_instances; i++) {
		const struct stage *st = pl->instances[i]->stage;
		const struct record *r;
		const char *text;

		l.in = pl->instances[i];
		if (learns(pl, st) && (r = history_last(h, l.in->name)))
			add_to_instance(&l, r);
		text = pipeline_watching(pl, st) == WATCHING_OFF ? NULL : history_last_text(h, l.in->name, &n);
		if (text)
			record_each_absent(text, n, look_for_absent, &l);
	}
	map_release(&l.asked);
}
