/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which symbolic links lead to objects, so that these are not collected.
 *
 * dir/linked/<sha256 of the link's absolute path>   the lines "mlmake-linked 1", "<sha256 of the object>", and the path, escaped
 *
 * It is written before the link, and tells nothing once the link is gone or leads elsewhere. A link that was moved is not known. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/closure.h"
#include "store/collect.h"
#include "store/storeroom.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define LINE1 "mlmake-linked 1\n"
#define NOTE_LIMIT ((size_t)16 * PATH_MAX)

static char *dir_of(const struct store *s)
{
	return xstrfmt("%s/linked", s->objects.dir);
}

int linked_note(struct store *s, const struct digest *id, const char *path, struct err *err)
{
	CLEANUP(freep) char *cwd = path_is_absolute(path) ? NULL : getcwd(NULL, 0);
	CLEANUP(freep) char *whole = cwd ? path_join(cwd, path) : xstrdup(path);
	CLEANUP(freep) char *dir = dir_of(s);
	CLEANUP(freep) char *file = NULL;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX + 1], name[DIGEST_HEX + 1];
	struct digest key;

	digest_hex(id, hex);
	digest_bytes(whole, strlen(whole), &key);
	digest_hex(&key, name);
	file = xstrfmt("%s/%s", dir, name);
	strbuf_addf(&text, LINE1 "%s\n", hex);
	text_add_escaped(&text, whole, strlen(whole), false);
	strbuf_addch(&text, '\n');
	return file_mkdirs(dir, err) < 0 ? -1 : file_write(file, text.buf, text.len, 0644, false, err);
}

/* Does the link of which the note speaks lead to the object still? */
static bool still_leads(struct store *s, const char *file, struct digest *id)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, path = STRBUF_INIT;
	CLEANUP(freep) char *objects = store_objects_dir(s);
	CLEANUP(freep) char *want = NULL;
	char target[PATH_MAX];
	const char *p, *nl;
	ssize_t n;

	if (!objects || file_read(file, NOTE_LIMIT, &text, NULL) < 0 || !skip_prefix(text.buf, LINE1, &p) || !digest_parse(p, id) ||
	    p[DIGEST_HEX] != '\n' || !(nl = strchr(p + DIGEST_HEX + 1, '\n')) || !text_unescape(&path, p + DIGEST_HEX + 1, nl) ||
	    memchr(path.buf, '\0', path.len))
		return false;
	n = readlink(path.buf, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	want = xstrfmt("%s/%.2s/%.2s/%.*s", objects, p, p + 2, DIGEST_HEX, p);
	return streq(target, want);
}

int store_linked(struct store *s, bool forget, void (*visit)(void *ctx, const struct digest *id), void *ctx, struct err *err)
{
	CLEANUP(freep) char *path = dir_of(s);
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read '%s'", path);
	while (errno = 0, (e = readdir(dir))) {
		CLEANUP(freep) char *file = xstrfmt("%s/%s", path, e->d_name);
		struct digest id;

		if (e->d_name[0] == '.')
			continue;
		if (still_leads(s, file, &id))
			visit(ctx, &id);
		else if (forget)
			unlink(file);
	}
	if (errno) {
		err_errno(err, "cannot read '%s'", path);
		closedir(dir);
		return -1;
	}
	closedir(dir);
	return 0;
}

char *store_objects_dir(const struct store *s)
{
	CLEANUP(freep) char *real = realpath(s->objects.dir, NULL);

	return real ? xstrfmt("%s/objects", real) : NULL;
}

/* ---- what links were written through ---- */

static int doubt_one(void *ctx, const struct digest *id, int64_t size, bool small)
{
	CLEANUP(err_release) struct err why = ERR_INIT;

	if (!small && size >= 0 && store_verify(ctx, id, &why) < 0 && why.code == ERR_CORRUPT)
		store_quarantine(ctx, id);
	return 0;
}

void store_doubt(struct store *s, const struct content *c)
{
	closure_visit(s, c, doubt_one, s);
}
