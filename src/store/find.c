/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/storeroom.h"

#include <string.h>

#include "digest/manifest.h"

/* One text of the directory dir: of the part that name would be in, if it has parts. */
static int read_part(struct store *s, const struct content *dir, const char *name, struct manifest *m, struct err *err)
{
	struct digest id = dir->id;
	int level;

	for (level = 0;; level++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		size_t i;

		if (store_get_bytes(s, &id, MANIFEST_LIMIT, &text, err) < 0 ||
		    manifest_parse(m, text.buf, text.len, err) < 0)
			return -1;
		if (!m->parts || level == MANIFEST_LEVELS)
			return 0;
		for (i = 0; i < m->n && *m->v[i].name != manifest_digit(name, level); i++)
			;
		if (i == m->n)
			return 0;
		id = m->v[i].id;
		manifest_release(m);
	}
}

/* The entry called path[0..n) of the directory dir. */
static int find_entry(struct store *s, const struct content *dir, const char *path, size_t n, struct content *out,
		      struct err *err)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	CLEANUP(freep) char *name = xstrndup(path, n);
	size_t i;

	if (dir->kind != CONTENT_DIR)
		return err_set(err, ERR_NOTFOUND, "'%s' would lie in what is no directory", name);
	if (read_part(s, dir, name, &m, err) < 0)
		return -1;
	for (i = 0; i < m.n && !m.parts; i++)
		if (streq(m.v[i].name, name)) {
			*out = (struct content){m.v[i].kind, m.v[i].id, 0};
			return 0;
		}
	return err_set(err, ERR_NOTFOUND, "the directory holds no '%s'", name);
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

void store_tell_where(struct store *s, const struct digest *id, struct strbuf *out)
{
	struct small_object o;
	CLEANUP(freep) char *path = NULL;
	char hex[GIT_ID_HEX + 1];

	if (small_known(&s->small, id, &o)) {
		git_id_hex(&o.git, hex);
		strbuf_addf(out, "`git --git-dir=%s cat-file blob %s`", gitdb_dir(s->small.db), hex);
		return;
	}
	path = objects_path(&s->objects, id);
	strbuf_addf(out, "'%s'", path);
}
