/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Artifacts of a lock that somebody else wrote: the input is a lock, read as it is, and once more with each key made the one that the record
 * has, so that what it says is believed. What comes out may be put at its paths: none leads out of the project, none is twice or
 * in another, and each is found by its own path. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "back/artifacts.h"
#include "stale/lockfile.h"
#include "util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool so)
{
	if (!so)
		abort();
}

static void check_one(const struct artifacts *as, const struct artifact *a)
{
	const char *path = a->fact->name;
	CLEANUP(freep) char *below = xstrfmt("%s/x/../y", path);
	CLEANUP(freep) char *dir = path_dir(path);

	need(fact_is_output(a->fact->kind) && a->fact->content.kind != CONTENT_NONE && record_holds(a->record));
	need(!path_refusal(path) && *path != '/' && !strstr(path, "//"));
	need(artifacts_holding(as, path) == a && artifacts_holding(as, below) == a && artifacts_holding(as, dir) == NULL);
	need(artifacts_record(as, a->record->instance) == a->record);
	need(artifact_is_named(a, path) && artifact_is_named(a, a->record->instance));
}

static void read_as_artifacts(const char *text, size_t n)
{
	CLEANUP(artifacts_release) struct artifacts as = ARTIFACTS_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	size_t i;

	if (artifacts_parse(&as, "lock", text, n, &err) < 0) {
		need(err.msg != NULL);
		return;
	}
	for (i = 0; i < as.n; i++)
		check_one(&as, &as.v[i]);
}

static int write_with_key(void *ctx, const struct lock_block *b, struct err *err)
{
	struct record r = *b->record;

	(void)err;
	record_key(&r, &r.key);
	r.written = NULL;
	record_write(&r, true, ctx);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, believed = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	strbuf_add(&text, data, size);
	read_as_artifacts(text.buf, text.len);
	if (lockfile_read("lock", text.buf, text.len, true, &a, write_with_key, &believed, NULL) == 0)
		read_as_artifacts(believed.buf, believed.len);
	return 0;
}
