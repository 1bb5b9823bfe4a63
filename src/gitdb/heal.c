/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where git finds an object twice it takes the copy that is whole, and so it does when it makes a pack; libgit2 takes the first that it
 * finds. So a damaged pack has to go once there are copies of what is damaged in it. */
#include <config.h>

#include "gitdb/heal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gitdb/pack.h"
#include "util/file.h"
#include "util/map.h"
#include "util/process.h"

#define BLOB_LIMIT ((size_t)4 << 30)
#define OUTPUT_LIMIT ((size_t)1 << 30)

/* The names of the damaged ones, in hex. */
struct wounds {
	struct map set;
	struct strvec names;
};

static void wounds_release(struct wounds *w)
{
	map_release(&w->set);
	strvec_release(&w->names);
}

static int run(const struct gitdb *db, const char *const *words, const struct strbuf *input, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv, .talk = input != NULL};
	int status;

	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", gitdb_dir(db));
	for (; *words; words++)
		strvec_push(&argv, *words);
	status = process_run(&how, input ? input->buf : NULL, input ? input->len : 0, OUTPUT_LIMIT, out, &said, err);
	strbuf_trim(&said);
	if (status > 0)
		err_set(err, ERR_FAILED, "`git %s` failed: %s", argv.v[2], said.buf);
	return status == 0 ? 0 : -1;
}

static bool is_whole(struct gitdb *db, const struct git_id *id, enum gitdb_kind kind)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;

	return gitdb_read(db, id, kind, BLOB_LIMIT, &bytes, &ignored) == 0;
}

static int copy_one(struct gitdb *db, struct gitdb *good, const char *hex, struct packer *p, struct wounds *w, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct git_id id, same;
	enum gitdb_kind kind;
	size_t size;

	if (!git_id_parse(hex, &id))
		return 0;
	if (gitdb_look(good, &id, &kind, &size, err) < 0)
		return -1;
	if (is_whole(db, &id, kind))
		return 0;
	if (gitdb_read(good, &id, kind, BLOB_LIMIT, &bytes, err) < 0 ||
	    packer_add(p, kind, bytes.buf, bytes.len, kind == GITDB_BLOB ? PACKER_FRESH : PACKER_FRESH | PACKER_COMPRESSED, &same, err) < 0)
		return -1;
	strvec_pushf(&w->names, "%.40s", hex);
	return 0;
}

static int copy_all(struct gitdb *db, struct gitdb *good, struct packer *p, struct wounds *w, struct err *err)
{
	const char *const words[] = {"rev-list", "--objects", "--no-object-names", "--all",
				     gitdb_is_shallow(db) ? "--first-parent" : NULL, NULL};
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	const char *line, *nl;
	size_t i;

	if (run(good, words, NULL, &list, err) < 0)
		return -1;
	for (line = list.buf; (nl = strchr(line, '\n')); line = nl + 1)
		if (nl - line == GIT_ID_HEX && copy_one(db, good, line, p, w, err) < 0)
			return -1;
	for (i = 0; i < w->names.n; i++)
		map_put(&w->set, w->names.v[i], w);
	return packer_finish(p, err);
}

/* ---- what was damaged goes */

static void remove_pack(const char *dir, const char *name)
{
	static const char *const ends[] = {"idx", "rev", "bitmap", "pack"}; /* the index first: git looks for packs by it */
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s.%s", dir, name, ends[i]);

		unlink(path);
	}
}

/* The names of all objects that the index lists, one a line, and whether a damaged one is among them. */
static bool lists_wound(const struct gitdb *db, const char *dir, const char *name, const struct wounds *w, struct strbuf *ids)
{
	static const char *const words[] = {"show-index", NULL};
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf index = STRBUF_INIT, text = STRBUF_INIT;
	CLEANUP(freep) char *path = xstrfmt("%s/%s.idx", dir, name);
	bool hit = false;
	const char *line, *nl;

	if (file_read(path, OUTPUT_LIMIT, &index, &ignored) < 0 || run(db, words, &index, &text, &ignored) < 0)
		return false;
	for (line = text.buf; (nl = strchr(line, '\n')); line = nl + 1) { /* "<offset> <name> (<crc>)" */
		const char *id = memchr(line, ' ', (size_t)(nl - line));
		char hex[GIT_ID_HEX + 1];

		if (!id || nl - id <= GIT_ID_HEX)
			continue;
		snprintf(hex, sizeof(hex), "%.40s", id + 1);
		hit |= map_get(&w->set, hex) != NULL;
		strbuf_addf(ids, "%s\n", hex);
	}
	return hit;
}

/* Without the damaged one's place being known; a pack that cannot be read in other parts either stays. */
static void write_anew(const struct gitdb *db, const char *dir, const char *name, const struct strbuf *ids)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf new = STRBUF_INIT;
	CLEANUP(freep) char *to = xstrfmt("%s/pack", dir);
	CLEANUP(freep) char *midx = xstrfmt("%s/multi-pack-index", dir);
	const char *const words[] = {"-c", "core.fsync=all", "pack-objects", "--quiet", to, NULL};

	if (run(db, words, ids, &new, &ignored) < 0)
		return;
	strbuf_trim(&new);
	if (strcmp(new.buf, name + strlen("pack-")) == 0)
		return;
	unlink(midx); /* names the pack, and is made again by who made it */
	remove_pack(dir, name);
}

static void drop_from_packs(const struct gitdb *db, const struct strvec *fresh, const struct wounds *w)
{
	CLEANUP(freep) char *path = xstrfmt("%s/objects/pack", gitdb_dir(db));
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t i, len;

	while (dir && (e = readdir(dir)))
		if ((len = strlen(e->d_name)) > 4 && streq(e->d_name + len - 4, ".idx") && skip_prefix(e->d_name, "pack-", NULL))
			strvec_pushf(&names, "%.*s", (int)(len - 4), e->d_name);
	if (dir)
		closedir(dir);
	for (i = 0; i < names.n; i++) {
		CLEANUP(strbuf_release) struct strbuf ids = STRBUF_INIT;

		if (!strvec_has(fresh, names.v[i] + strlen("pack-")) && lists_wound(db, path, names.v[i], w, &ids))
			write_anew(db, path, names.v[i], &ids);
	}
}

static void drop_loose(const struct gitdb *db, const struct wounds *w)
{
	size_t i;

	for (i = 0; i < w->names.n; i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/objects/%.2s/%s", gitdb_dir(db), w->names.v[i], w->names.v[i] + 2);

		unlink(path);
	}
}

int heal_from(struct gitdb *db, struct gitdb *good, size_t *n, struct err *err)
{
	CLEANUP(wounds_release) struct wounds w = {MAP_INIT, STRVEC_INIT};
	CLEANUP(strvec_release) struct strvec fresh = STRVEC_INIT;
	struct packer *p = packer_new(db);
	int got = copy_all(db, good, p, &w, err);

	*n = 0;
	if (got == 0 && w.names.n) {
		*n = w.names.n;
		packer_finished(p, &fresh);
		drop_loose(db, &w);
		drop_from_packs(db, &fresh, &w);
		packer_release_keep(p);
	}
	packer_free(p);
	return got;
}
