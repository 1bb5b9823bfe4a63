/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/storeroom.h"

struct store *store_new(const char *dir, struct statcache *cache)
{
	struct store *s = xcalloc(1, sizeof(*s));

	objects_init(&s->objects, dir);
	s->cache = cache;
	pthread_mutex_init(&s->linking, NULL);
	return s;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	objects_release(&s->objects);
	pthread_mutex_destroy(&s->linking);
	free(s->linked);
	free(s);
}

int store_sync(struct store *s, struct err *err)
{
	return objects_sync(&s->objects, err);
}

/* Reads size bytes from fd and a bit more, to see whether there are more. */
static int read_object(struct store *s, int fd, const struct digest *id, int64_t size, struct strbuf *out,
		       struct err *err)
{
	size_t start = out->len;
	struct digest got;

	strbuf_grow(out, (size_t)size + 1);
	for (;;) {
		ssize_t n;

		if (out->cap - out->len < 2)
			strbuf_grow(out, 65536);
		n = read(fd, out->buf + out->len, out->cap - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, "cannot read an object of store '%s'", s->objects.dir);
		strbuf_setlen(out, out->len + (size_t)n);
		if (n == 0 || out->len - start > (size_t)size)
			break;
	}
	digest_bytes(out->buf + start, out->len - start, &got);
	if (digest_eq(&got, id))
		return 0;
	strbuf_setlen(out, start);
	return objects_condemn(&s->objects, id, err);
}

int store_get_bytes(struct store *s, const struct digest *id, size_t limit, struct strbuf *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char hex[DIGEST_HEX + 1];
	size_t start = out->len;
	int64_t size;

	fd = objects_read(&s->objects, id, &size, err);
	if (fd < 0)
		return -1;
	digest_hex(id, hex);
	if ((uintmax_t)size > limit)
		return err_set(err, ERR_INVALID, "object '%s' has %jd bytes, more than the %zu that are read", hex,
			       (intmax_t)size, limit);
	if (read_object(s, fd, id, size, out, err) < 0) {
		strbuf_setlen(out, start);
		return -1;
	}
	return 0;
}

static int read_text(void *ctx, const struct digest *id, struct strbuf *out, struct err *err)
{
	return store_get_bytes(ctx, id, MANIFEST_LIMIT, out, err);
}

int store_manifest(struct store *s, const struct digest *id, struct manifest *m, struct err *err)
{
	return manifest_load(m, id, read_text, s, err);
}

/* Adds the sizes of the files below the directory id to *total. */
static bool has_below(struct store *s, const struct digest *id, int depth, int64_t *total)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	struct err ignored = ERR_INIT;
	int64_t size;
	size_t i;

	if (depth > MANIFEST_DEPTH || store_manifest(s, id, &m, &ignored) < 0) {
		err_release(&ignored);
		return false;
	}
	for (i = 0; i < m.n; i++) {
		const struct manifest_entry *e = &m.v[i];

		if (e->kind == CONTENT_LINK)
			continue; /* the manifest holds it */
		if (e->kind == CONTENT_DIR) {
			if (!has_below(s, &e->id, depth + 1, total))
				return false;
		} else if (objects_has(&s->objects, &e->id, -1, &size)) {
			*total += size;
		} else {
			return false;
		}
	}
	return true;
}

bool store_has(struct store *s, const struct content *c)
{
	int64_t total = 0, size;

	switch (c->kind) {
	case CONTENT_NONE:
		return true;
	case CONTENT_DIR:
		return has_below(s, &c->id, 0, &total) && total == c->size;
	case CONTENT_LINK:
		return objects_has(&s->objects, &c->id, -1, NULL);
	default:
		/* The size that is asked for is what somebody wrote down, so one that differs says nothing of the object. */
		return objects_has(&s->objects, &c->id, -1, &size) && size == c->size;
	}
}
