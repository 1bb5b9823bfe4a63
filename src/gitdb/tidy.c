/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/tidy.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitdb/deflate.h"
#include "util/file.h"

#define LIST_LIMIT ((size_t)16 << 20)
#define MANY 20                        /* packs; more than this, and the smaller ones become one, so that FEW stay */
#define FEW 10
#define LARGE (INT64_C(1) << 30)       /* bytes; such a pack is left as it is */
#define PACK_HEAD 12
#define PACK_TAIL 20
#define INDEX_HEAD (8 + 1024)

struct listed {
	char name[GIT_ID_HEX + 1];
	int64_t bytes; /* -1: its entries are in another pack now */
};

struct listing {
	struct listed *v;
	size_t n, cap;
};

static void listing_release(struct listing *l)
{
	free(l->v);
}

static void list(struct listing *l, const char *name, int64_t bytes)
{
	ALLOC_GROW(l->v, l->n + 1, l->cap);
	snprintf(l->v[l->n].name, sizeof(l->v[l->n].name), "%.40s", name);
	l->v[l->n++].bytes = bytes;
}

static char *path_of(const struct gitdb *db, const char *name, const char *end)
{
	return xstrfmt("%s/objects/pack/pack-%s.%s", gitdb_dir(db), name, end);
}

static int64_t size_of(const struct gitdb *db, const char *name)
{
	CLEANUP(freep) char *path = path_of(db, name, "pack");
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* Lines that cannot be read are forgotten: their packs just stay as they are. */
static void read_list(const struct gitdb *db, const char *file, struct listing *l)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *line, *nl;

	if (file_read(file, LIST_LIMIT, &text, NULL) < 0)
		return;
	for (line = text.buf; (nl = strchr(line, '\n')); line = nl + 1) {
		char name[GIT_ID_HEX + 1];
		struct git_id id;
		int64_t bytes;

		if (sscanf(line, "%40s %" SCNd64, name, &bytes) == 2 && git_id_parse(name, &id) && size_of(db, name) >= 0)
			list(l, name, bytes);
	}
}

static int write_list(const char *file, const struct listing *l, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].bytes >= 0)
			strbuf_addf(&text, "%s %" PRId64 "\n", l->v[i].name, l->v[i].bytes);
	return file_write(file, text.buf, text.len, 0644, false, err);
}

static void remove_pack(const struct gitdb *db, const char *name)
{
	CLEANUP(freep) char *index = path_of(db, name, "idx");
	CLEANUP(freep) char *pack = path_of(db, name, "pack");

	unlink(index); /* the index first: git looks for packs by it */
	unlink(pack);
}

/* ---- one of several */

struct mapped {
	const unsigned char *p;
	size_t n;
};

static void mapped_release(struct mapped *m)
{
	if (m->p)
		munmap((void *)(uintptr_t)m->p, m->n);
}

static bool map_file(const char *path, struct mapped *m)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return false;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	*m = (struct mapped){p, (size_t)st.st_size};
	return true;
}

static uint32_t be32_at(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

struct raw {
	const unsigned char *id;
	uint32_t offset, crc;
};

static int by_offset(const void *a, const void *b)
{
	uint32_t x = ((const struct raw *)a)->offset, y = ((const struct raw *)b)->offset;

	return x < y ? -1 : x > y;
}

/* The entries of a pack of ours, which is small, by their offsets. NULL if the index is not as it should be. Owned. */
static struct raw *entries(const struct mapped *index, const struct mapped *pack, size_t *n)
{
	struct raw *v;
	size_t i;

	if (index->n < INDEX_HEAD + 40 || memcmp(index->p, "\377tOc\0\0\0\2", 8) != 0)
		return NULL;
	*n = be32_at(index->p + INDEX_HEAD - 4);
	if (index->n != INDEX_HEAD + *n * 28 + 40)
		return NULL;
	v = xcalloc(*n + 1, sizeof(*v));
	for (i = 0; i < *n; i++)
		v[i] = (struct raw){index->p + INDEX_HEAD + i * 20, be32_at(index->p + INDEX_HEAD + *n * 24 + i * 4),
				    be32_at(index->p + INDEX_HEAD + *n * 20 + i * 4)};
	qsort(v, *n, sizeof(*v), by_offset);
	for (i = 0; i < *n; i++)
		if (v[i].offset < PACK_HEAD || v[i].offset >= pack->n - PACK_TAIL || (i && v[i].offset == v[i - 1].offset)) {
			free(v);
			return NULL;
		}
	return v;
}

/* Copies all entries of the pack called name to p. 1 if it is damaged, so that it stays as it is. */
static int copy_pack(const struct gitdb *db, const char *name, struct packer *p, struct err *err)
{
	CLEANUP(freep) char *index_path = path_of(db, name, "idx");
	CLEANUP(freep) char *pack_path = path_of(db, name, "pack");
	CLEANUP(mapped_release) struct mapped index = {NULL, 0}, pack = {NULL, 0};
	CLEANUP(freep) struct raw *v = NULL;
	size_t n, i;

	if (!map_file(index_path, &index) || !map_file(pack_path, &pack) || pack.n < PACK_HEAD + PACK_TAIL ||
	    !(v = entries(&index, &pack, &n)))
		return 1;
	for (i = 0; i < n; i++) {
		size_t end = i + 1 < n ? v[i + 1].offset : pack.n - PACK_TAIL;

		if (deflate_crc32(0, pack.p + v[i].offset, end - v[i].offset) != v[i].crc)
			return 1;
	}
	for (i = 0; i < n; i++) {
		size_t end = i + 1 < n ? v[i + 1].offset : pack.n - PACK_TAIL;
		struct git_id id;

		memcpy(id.b, v[i].id, GIT_ID_LEN);
		if (packer_add_raw(p, &id, pack.p + v[i].offset, end - v[i].offset, err) < 0)
			return -1;
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = ((const struct listed *)a)->bytes, y = ((const struct listed *)b)->bytes;

	return x < y ? -1 : x > y;
}

static int copy_packs(struct gitdb *db, struct listing *l, size_t n, struct packer *p, struct err *err)
{
	size_t i;
	int got;

	for (i = 0; i < n && l->v[i].bytes < LARGE; i++) {
		got = copy_pack(db, l->v[i].name, p, err);
		if (got < 0)
			return -1;
		if (got == 0)
			l->v[i].bytes = -1;
	}
	return packer_finish(p, err);
}

/* The n smallest become one. */
static int merge(struct gitdb *db, struct listing *l, size_t n, struct err *err)
{
	struct packer *p = packer_new(db);
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	int got;
	size_t i;

	qsort(l->v, l->n, sizeof(*l->v), by_size);
	got = copy_packs(db, l, n, p, err);
	packer_finished(p, &names);
	packer_release_keep(p);
	packer_free(p);
	if (got < 0)
		return -1;
	for (i = 0; i < l->n; i++)
		if (l->v[i].bytes < 0 && !strvec_has(&names, l->v[i].name)) /* of one pack alone comes that very pack */
			remove_pack(db, l->v[i].name);
	for (i = 0; i < names.n; i++)
		list(l, names.v[i], size_of(db, names.v[i]));
	return 0;
}

static size_t count_small(const struct listing *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		n += l->v[i].bytes < LARGE;
	return n;
}

int tidy_packs(struct gitdb *db, struct packer *p, const char *file, struct err *err)
{
	CLEANUP(listing_release) struct listing l = {NULL, 0, 0};
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	CLEANUP(freep) char *lock = xstrfmt("%s.lock", file);
	CLEANUP(closep) int fd = file_lock(lock, true, true, err);
	size_t i, n;

	if (fd < 0)
		return -1;
	packer_finished(p, &names);
	read_list(db, file, &l);
	for (i = 0; i < names.n; i++)
		list(&l, names.v[i], size_of(db, names.v[i]));
	n = count_small(&l);
	if (n > MANY && merge(db, &l, n - FEW, err) < 0)
		return -1;
	return write_list(file, &l, err);
}
