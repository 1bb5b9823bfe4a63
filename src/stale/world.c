/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "code/book.h"
#include "digest/statcache.h"
#include "graph/imports.h"
#include "stale/decide.h"
#include "store/store.h"

static int content_on_disk(void *ctx, const char *path, bool follow, struct content *out, const struct instance **maker,
			   struct err *err)
{
	const struct disk_world *d = ctx;

	(void)maker;
	return statcache_content(d->cache, path, follow, out, err);
}

static bool stored(void *ctx, const struct content *c)
{
	return store_can_have(((const struct disk_world *)ctx)->store, c);
}

static const char *probe(void *ctx, const char *cmd)
{
	const struct disk_world *d = ctx;

	return d->probe ? d->probe(d->probe_ctx, cmd) : NULL;
}

static int links_on_disk(void *ctx, const char *path, const struct content *c, int (*visit)(void *to, const char *link),
			 void *to)
{
	return statcache_links_out(((const struct disk_world *)ctx)->cache, path, c, visit, to);
}

static bool meaning(void *ctx, const char *path, const struct content *c, const struct normal *filter, struct digest *out)
{
	const struct disk_world *d = ctx;

	return d->code && (filter ? code_book_normal(d->code, filter->cmd, c, out) : code_book_meaning(d->code, path, c, out));
}

static bool imports(void *ctx, const struct instance *in, void (*visit)(void *to, const struct input *x), void *to)
{
	const struct disk_world *d = ctx;

	return d->code && d->pl && imports_anew(d->pl, in, d->cache, d->code, visit, to);
}

struct world world_on_disk(struct disk_world *d)
{
	return (struct world){content_on_disk, stored, probe, d, links_on_disk, meaning, imports, d->outside};
}
