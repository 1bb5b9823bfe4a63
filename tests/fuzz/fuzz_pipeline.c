/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake.ini, a file it includes and a parameter file, separated by lines "%%", on a small disk of names. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/pipeline.h"
#include "util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const disk_files[] = {"a.csv", "b c.csv", "data/1.csv", "data/2.csv", "data/sub/3.csv", "src/x.py",
					 "run.sh"};

struct parts {
	const char *text[3];
	size_t n[3];
};

static void glob(void *ctx, const char *pattern, struct strvec *out)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < ARRAY_SIZE(disk_files); i++)
		if (glob_match(pattern, disk_files[i]))
			strvec_push(out, disk_files[i]);
}

static int read_part(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	const struct parts *p = ctx;
	size_t i = streq(path, "mlmake.ini") ? 0 : streq(path, "i.ini") ? 1 : strncmp(path, "p.", 2) == 0 ? 2 : 3;

	if (i == 3 || !p->text[i])
		return err_set(err, ERR_NOTFOUND, "cannot open '%s'", path);
	strbuf_add(out, p->text[i], p->n[i]);
	return 0;
}

static bool is_file(void *ctx, const char *path)
{
	size_t i;

	(void)ctx;
	for (i = 0; i < ARRAY_SIZE(disk_files); i++)
		if (streq(path, disk_files[i]))
			return true;
	return false;
}

static const char *variable(void *ctx, const char *name)
{
	(void)ctx;
	return *name == 'H' ? "value" : NULL;
}

static void split(struct parts *p, const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		const char *cut = i < 2 ? memmem(text, n, "%%\n", 3) : NULL;

		p->text[i] = text;
		p->n[i] = cut ? (size_t)(cut - text) : n;
		if (!cut)
			break;
		n -= p->n[i] + 3;
		text = cut + 3;
	}
}

/* What a good model promises. */
static void check(const struct pipeline *pl)
{
	size_t i, k;

	for (i = 0; i < pl->n_instances; i++) {
		const struct instance *in = pl->instances[i];

		if (in->index != i || !in->cmd || (in->stage->kind == STAGE_COMMAND && (!*in->cmd || !in->n_outs)) ||
		    pipeline_instance(pl, in->name) != in)
			abort();
		for (k = 0; k < in->n_outs; k++)
			if (path_refusal(in->outs[k].path) || pipeline_maker(pl, in->outs[k].path) != in)
				abort();
		for (k = 0; k < in->n_inputs; k++)
			if (pipeline_maker(pl, in->inputs[k].path) == in)
				abort();
		for (k = 1; k < in->n_params; k++)
			if (strcmp(in->params[k - 1].name, in->params[k].name) >= 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts parts = {{NULL, NULL, NULL}, {0, 0, 0}};
	const struct pipeline_disk disk = {glob, read_part, NULL, is_file, variable, &parts};
	const struct pipeline_options opt = {.file = "mlmake.ini", .profile = size % 2 ? "ci" : NULL,
					     .max_instances = 200};
	struct pipeline pl = PIPELINE_INIT;
	struct diags ds = DIAGS_INIT;
	int rc;

	split(&parts, (const char *)data, size);
	rc = pipeline_load(&pl, &opt, &disk, &ds);
	if ((rc < 0) != (ds.errors > 0))
		abort();
	if (rc == 0)
		check(&pl);
	pipeline_release(&pl);
	diags_release(&ds);
	return 0;
}
