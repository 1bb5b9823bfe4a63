/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/load.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define MAX_HINTS 20000 /* comparisons of names */

static void system_glob(void *ctx, const char *pattern, struct strvec *out)
{
	(void)ctx;
	glob_expand(".", pattern, out);
}

static int system_read(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	(void)ctx;
	return file_read(path, MAX_FILE, out, err);
}

static bool system_is_file(void *ctx, const char *path)
{
	struct stat st;

	(void)ctx;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *system_getenv(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

const struct pipeline_disk pipeline_disk_system = {system_glob, system_read, NULL, system_is_file, system_getenv, NULL};

void *load_alloc(struct load *ld, size_t n)
{
	if (n > MAX_EXPANDED - ld->expanded) {
		if (!ld->too_big)
			diag_error(ld->ds, ld->pl->file, 0, "the expanded pipeline is larger than %zu GiB",
				   MAX_EXPANDED >> 30);
		ld->too_big = true;
		return NULL;
	}
	ld->expanded += n;
	return arena_alloc(&ld->pl->arena, n);
}

const char *load_strdup(struct load *ld, const char *s, size_t n)
{
	char *p = load_alloc(ld, n + 1);

	if (!p)
		return NULL;
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

bool load_may_hint(struct load *ld)
{
	return ld->hints < MAX_HINTS && ++ld->hints;
}

void load_offer_params(struct load *ld, struct nearest *near)
{
	if (!load_may_hint(ld))
		return;
	ld->hints += MAX_HINTS / 10;
	params_offer(&ld->pl->params, near);
}

static void load_release(struct load *ld)
{
	map_release(&ld->files);
	map_release(&ld->headers);
	map_release(&ld->envs);
	map_release(&ld->facts);
	map_release(&ld->globs);
	map_release(&ld->is_file);
	map_release(&ld->dirs);
	strbuf_release(&ld->text);
	strbuf_release(&ld->path);
	strbuf_release(&ld->word);
}

int pipeline_load(struct pipeline *pl, const struct pipeline_options *opt, const struct pipeline_disk *disk,
		  struct diags *ds)
{
	CLEANUP(load_release) struct load ld = {.pl = pl, .opt = opt, .disk = disk, .ds = ds, .text = STRBUF_INIT,
						.path = STRBUF_INIT, .word = STRBUF_INIT};
	size_t errors = ds->errors;

	pl->file = arena_strdup(&pl->arena, opt->file);
	read_sections(&ld);
	fields_project(&ld);
	fields_stages(&ld);
	expand_outputs(&ld);
	expand_inputs(&ld);
	validate(&ld);
	diags_sort(ds);
	return ds->errors == errors ? 0 : -1;
}

void pipeline_release(struct pipeline *pl)
{
	map_release(&pl->stage_by_name);
	map_release(&pl->instance_by_name);
	map_release(&pl->instance_by_output);
	params_release(&pl->params);
	arena_release(&pl->arena);
	*pl = (struct pipeline)PIPELINE_INIT;
}

enum watching pipeline_watching(const struct pipeline *pl, const struct stage *st)
{
	return st->watch ? st->watch : pl->watch ? pl->watch : WATCHING_WARN;
}

const struct normal *pipeline_normal(const struct stage *st, const char *path)
{
	size_t i;

	for (i = 0; st->pl && st->pl->n_normals && i < st->n_exact; i++)
		if (glob_match(st->exact[i], path))
			return NULL;
	for (i = 0; st->pl && i < st->pl->n_normals; i++) {
		const struct normal *n = &st->pl->normals[i];

		if (glob_match(n->pattern, strchr(n->pattern, '/') ? path : path_base(path)))
			return n;
	}
	return NULL;
}

static void find_nothing(void *ctx, const char *pattern, struct strvec *out)
{
	(void)ctx;
	(void)pattern;
	(void)out;
}

static bool is_no_file(void *ctx, const char *path)
{
	(void)ctx;
	(void)path;
	return false;
}

void pipeline_load_sections(struct pipeline *pl, const char *file, const struct pipeline_disk *disk)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	const struct pipeline_options opt = {.file = file};
	struct pipeline_disk bare = *disk;

	bare.glob = find_nothing;
	bare.is_file = is_no_file;
	(void)!pipeline_load(pl, &opt, &bare, &ignored);
}

const struct stage *pipeline_stage(const struct pipeline *pl, const char *name)
{
	return map_get(&pl->stage_by_name, name);
}

const struct stage *pipeline_short_name(const struct pipeline *pl, const char *name)
{
	const struct stage *found = NULL;
	size_t i;

	if (pipeline_stage(pl, name) || pipeline_instance(pl, name) || pipeline_maker(pl, name))
		return NULL;
	for (i = 0; i < pl->n_stages; i++) {
		const struct stage *st = pl->stages[i];

		/* what a gate has scored anew is no section of its own */
		if (st->kind == STAGE_COMMAND || st->kind == STAGE_RESCORE || !streq(strchr(st->name, ':') + 1, name))
			continue;
		if (found)
			return NULL;
		found = st;
	}
	return found;
}

const struct hook_section *pipeline_hook(const struct pipeline *pl, const char *name)
{
	size_t i;

	for (i = 0; i < pl->n_hooks; i++)
		if (streq(pl->hooks[i].name, name))
			return &pl->hooks[i];
	return NULL;
}

const struct instance *pipeline_instance(const struct pipeline *pl, const char *name)
{
	return map_get(&pl->instance_by_name, name);
}

const struct instance *pipeline_maker(const struct pipeline *pl, const char *path)
{
	return made_holding(&pl->instance_by_output, path);
}

const char *input_kind_name(enum input_kind kind)
{
	static const char *const names[] = {"data", "code", "lock"};

	return names[kind];
}

const char *output_kind_name(enum output_kind kind)
{
	static const char *const names[] = {"outs", "metrics", "plots"};

	return names[kind];
}
