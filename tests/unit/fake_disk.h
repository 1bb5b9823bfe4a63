/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pipeline and its graph from the text of mlmake.ini, through the real pipeline room, on a disk made of names. */
#ifndef TESTS_FAKE_DISK_H
#define TESTS_FAKE_DISK_H

#include <string.h>

#include "graph/graph.h"
#include "tap.h"
#include "util/path.h"

struct fake_disk {
	struct pipeline_disk disk;
	const char *text;         /* of mlmake.ini */
	const char *params;       /* of params.ini; NULL: there is none */
	const char *const *files; /* that are there, NULL-terminated, or NULL */
	struct pipeline pl;
	struct graph g;
	struct diags ds;
	struct strbuf said; /* what ds says, as a person reads it */
};

static inline void fake_disk_glob(void *ctx, const char *pattern, struct strvec *out)
{
	const struct fake_disk *d = ctx;
	size_t i;

	for (i = 0; d->files && d->files[i]; i++)
		if (glob_match(pattern, d->files[i]))
			strvec_push(out, d->files[i]);
	strvec_sort(out);
}

static inline int fake_disk_read(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	const struct fake_disk *d = ctx;
	const char *text = streq(path, "mlmake.ini") ? d->text : streq(path, "params.ini") ? d->params : NULL;

	if (!text)
		return err_set(err, ERR_NOTFOUND, "cannot open '%s'", path);
	strbuf_addstr(out, text);
	return 0;
}

static inline bool fake_disk_is_file(void *ctx, const char *path)
{
	const struct fake_disk *d = ctx;
	size_t i;

	for (i = 0; d->files && d->files[i]; i++)
		if (streq(d->files[i], path))
			return true;
	return false;
}

static inline const char *fake_disk_getenv(void *ctx, const char *name)
{
	(void)ctx;
	return streq(name, "THREADS") ? "4" : NULL;
}

/* Loads text; -1 if pipeline or graph have errors, which d->said tells. */
static inline int fake_disk_load(struct fake_disk *d, const char *text, const char *params, const char *const *files)
{
	const struct pipeline_options opt = {.file = "mlmake.ini"};
	int got;

	*d = (struct fake_disk){.text = text, .params = params, .files = files, .pl = PIPELINE_INIT, .g = GRAPH_INIT,
				.ds = DIAGS_INIT, .said = STRBUF_INIT};
	d->disk = (struct pipeline_disk){fake_disk_glob, fake_disk_read, NULL, fake_disk_is_file, fake_disk_getenv, d};
	got = pipeline_load(&d->pl, &opt, &d->disk, &d->ds);
	if (got == 0)
		got = graph_build(&d->g, &d->pl, &d->ds);
	diags_format(&d->ds, &d->said);
	return got;
}

/* The same where it has to be right. */
static inline void fake_disk_use(struct fake_disk *d, const char *text, const char *params, const char *const *files)
{
	int got = fake_disk_load(d, text, params, files);

	EXPECT_INT(got, 0);
	if (got)
		EXPECT_STR(d->said.buf, "");
}

static inline void fake_disk_release(struct fake_disk *d)
{
	graph_release(&d->g);
	pipeline_release(&d->pl);
	diags_release(&d->ds);
	strbuf_release(&d->said);
}

/* The node of an instance. */
static inline size_t fake_node(const struct fake_disk *d, const char *name)
{
	const struct instance *in = pipeline_instance(&d->pl, name);

	tap_check(in != NULL, __FILE__, __LINE__, "there is no instance '%s'", name);
	return in ? in->index : 0;
}

#endif
