/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/store.h"

#include <string.h>

#include "digest/manifest.h"

#define MANIFEST_LIMIT ((size_t)1 << 30)

/* The entry called path[0..n) of the directory dir. */
static int find_entry(struct store *s, const struct content *dir, const char *path, size_t n, struct content *out,
		      struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	size_t i;

	if (dir->kind != CONTENT_DIR)
		return err_set(err, ERR_NOTFOUND, "'%.*s' would lie in what is no directory", (int)n, path);
	if (store_get_bytes(s, &dir->id, MANIFEST_LIMIT, &text, err) < 0 ||
	    manifest_parse(&m, text.buf, text.len, err) < 0)
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
