/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inputs come from the store, from what the user supplies, or from the user's work tree where it still holds them; each is what its
 * digest says. */
#include <config.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/rerun_work.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"

struct need {
	const struct record *record;
	const struct record_fact *fact;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct need *)a)->fact->name, ((const struct need *)b)->fact->name);
}

/* Will one of those that run make it, or something in it? */
static bool is_made(const struct rerun_work *w, const struct record_fact *f)
{
	const struct artifact *a = artifacts_holding(w->opt->before, f->name);
	size_t i;

	for (i = 0; a && i < w->n_records; i++)
		if (w->records[i] == a->record)
			return true;
	return false;
}

static struct need *gather(const struct rerun_work *w, size_t *n)
{
	struct need *v = NULL;
	size_t i, j, cap = 0;

	*n = 0;
	for (i = 0; i < w->n_records; i++)
		for (j = 0; j < w->records[i]->n_facts; j++) {
			const struct record_fact *f = &w->records[i]->facts[j];

			if (!fact_is_input_file(f->kind) || f->content.kind == CONTENT_NONE || is_made(w, f))
				continue;
			ALLOC_GROW(v, *n + 1, cap);
			v[(*n)++] = (struct need){w->records[i], f};
		}
	if (*n)
		qsort(v, *n, sizeof(*v), by_path); /* directories before what is in them */
	return v;
}

/* Git has a large file of git-lfs's as a text that names it. */
static bool is_pointer(const char *path)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	return file_read(path, POINTER_LIMIT, &text, NULL) == 0 && skip_prefix(text.buf, POINTER_LINE1, NULL);
}

int rerun_from_store(struct rerun_work *w, const struct content *c, const char *path, int root, struct err *err)
{
	struct placing *p;
	int got;

	if (!store_has(w->store, c))
		return 1;
	/* A tree that stays with the user shares no file with the store. */
	p = store_prepare(w->store, c, root, path, w->opt->tree->kept ? PLACE_COPY : w->opt->place, err);
	if (!p)
		return -1;
	got = store_install(p, err);
	store_placing_free(p);
	return got;
}

/* 1: path holds something else. The copy is looked at, not what was copied. */
static int from_path(struct rerun_work *w, const struct record_fact *f, int root, const char *path, struct err *err)
{
	CLEANUP(freep) char *real = NULL;
	CLEANUP(closep) int at = -1;
	struct content is;

	real = realpath(path, NULL);
	if (!real || statcache_content(w->cache, real, true, &is, NULL) < 0 || !content_eq(&is, &f->content))
		return 1;
	at = beneath_parent(root, f->name, true, err);
	if (at < 0)
		return -1;
	if (file_copy_tree(real, f->name, err) < 0 || statcache_content(w->cache, f->name, true, &is, err) < 0)
		return -1;
	if (content_eq(&is, &f->content))
		return 0;
	return err_set(err, ERR_MOVED, "'%s' changed while it was copied", path);
}

static int from_anywhere(struct rerun_work *w, struct rerun_result *out, const struct record_fact *f, int root, struct err *err)
{
	CLEANUP(freep) char *mine = w->opt->home ? path_join(w->opt->home, f->name) : NULL;
	size_t i;
	int got = rerun_from_store(w, &f->content, f->name, root, err);

	for (i = 0; i < w->opt->n_supplied && got > 0; i++) {
		got = from_path(w, f, root, w->opt->supplied[i], err);
		out->used[i] |= got == 0;
	}
	return got > 0 && mine ? from_path(w, f, root, mine, err) : got;
}

static void lack(struct rerun_result *out, const struct need *n)
{
	size_t i;

	for (i = 0; i < out->n_lacks; i++)
		if (streq(out->lacks[i].path, n->fact->name))
			return;
	out->lacks = xreallocarray(out->lacks, out->n_lacks + 1, sizeof(*out->lacks));
	out->lacks[out->n_lacks++] = (struct rerun_lack){n->fact->name, n->record->instance, n->fact->content};
}

static int place_one(struct rerun_work *w, struct rerun_result *out, const struct need *n, int root, struct err *err)
{
	const struct record_fact *f = n->fact;
	struct content is;
	int got;

	if (path_refusal(f->name)) /* of this machine, not of the project: as it is */
		return 0;
	if (statcache_content(w->cache, f->name, true, &is, err) < 0)
		return -1;
	if (content_eq(&is, &f->content))
		return 0;
	if (is.kind != CONTENT_NONE && is_pointer(f->name)) {
		if (file_remove_tree(f->name, err) < 0)
			return -1;
	} else if (is.kind != CONTENT_NONE) {
		return 0; /* the source's own counts; that it was another is told with the result */
	}
	got = from_anywhere(w, out, f, root, err);
	if (got > 0)
		lack(out, n);
	return got < 0 ? err_wrap(err, "input '%s' of '%s'", f->name, n->record->instance) : 0;
}

int rerun_place_inputs(struct rerun_work *w, struct rerun_result *out, struct err *err)
{
	CLEANUP(closep) int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(freep) struct need *v = NULL;
	size_t i, n;

	if (root < 0)
		return err_errno(err, "cannot open '%s'", w->opt->tree->project);
	v = gather(w, &n);
	for (i = 0; i < n; i++)
		if (place_one(w, out, &v[i], root, err) < 0)
			return -1;
	return 0;
}

/* Of what was never built nobody knows what it would have read, so what git does not have comes from the user's work tree as it is. */
int rerun_bring_inputs(struct rerun_work *w, struct rerun_result *out, struct err *err)
{
	size_t i, j;

	for (i = 0; i < w->g.n; i++) {
		const struct instance *in = w->g.nodes[i].in;

		for (j = 0; w->selected[i] && j < in->n_inputs; j++) {
			const char *path = in->inputs[j].path;
			CLEANUP(freep) char *mine = path_join(w->opt->home, path);
			CLEANUP(freep) char *real = NULL;

			if (artifacts_record(w->opt->before, in->name) || path_refusal(path) || file_exists(path) ||
			    pipeline_maker(&w->pl, path) || !(real = realpath(mine, NULL)))
				continue;
			if (file_mkdirs_for(path, err) < 0 || file_copy_tree(real, path, err) < 0)
				return err_wrap(err, "input '%s' of '%s'", path, in->name);
			strvec_pushf(&out->notes, "'%s' is not in git, and taken as it is in your work tree", path);
		}
	}
	return 0;
}

static int bring(struct rerun_work *w, const char *path, struct err *err)
{
	CLEANUP(freep) char *mine = path_join(w->opt->home, path);

	if (path_refusal(path) || file_exists(path) || !file_exists(mine))
		return 0;
	return file_mkdirs_for(path, err) < 0 ? -1 : file_copy_tree(mine, path, err);
}

int rerun_bring_pipeline(struct rerun_work *w, struct err *err)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	struct pipeline_options opt = {.file = w->opt->file, .profile = w->opt->profile};
	size_t i;

	if (bring(w, w->opt->file, err) < 0)
		return -1;
	(void)!pipeline_load(&w->pl, &opt, &pipeline_disk_system, &ignored); /* says what it reads */
	for (i = 0; i < w->pl.n_param_files; i++)
		if (bring(w, w->pl.param_files[i], err) < 0)
			return -1;
	return 0;
}
