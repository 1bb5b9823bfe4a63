/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/storeroom.h"

#include <string.h>

#include "digest/manifest.h"

/* The entry called path[0..n) of the directory dir. */
static int find_entry(struct store *s, const struct content *dir, const char *path, size_t n, struct content *out,
		      struct err *err)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	size_t i;

	if (dir->kind != CONTENT_DIR)
		return err_set(err, ERR_NOTFOUND, "'%.*s' would lie in what is no directory", (int)n, path);
	if (store_manifest(s, &dir->id, &m, err) < 0)
		return -1;
	for (i = 0; i < m.n; i++)
		if (strlen(m.v[i].name) == n && memcmp(m.v[i].name, path, n) == 0) {
			*out = (struct content){m.v[i].kind, m.v[i].id, 0};
			return 0;
		}
	return err_set(err, ERR_NOTFOUND, "the directory holds no '%.*s'", (int)n, path);
}

int store_find(struct store *s, const struct content *dir, const char *path, struct content *out, struct err *err)
{
	*out = *dir;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (find_entry(s, out, path, n, out, err) < 0)
			return -1;
		path += n + (path[n] == '/');
	}
	return 0;
}

void store_object_path(const struct store *s, const struct digest *id, struct strbuf *out)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	strbuf_addf(out, "%s/objects/%.2s/%.2s/%s", s->objects.dir, hex, hex + 2, hex);
}
