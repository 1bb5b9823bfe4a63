/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pack (version 2) is "PACK", version and number of objects, then for each object its kind and size in a variable-length number and
 * its bytes as a zlib stream, then the SHA-1 of all that. Its index (version 2) is "\377tOc", version, 256 running counts by
 * first byte, the sorted names, the CRC-32 of each entry, the offsets (those past 2 GiB in a table of their own), the
 * pack's SHA-1 and its own. Numbers are big-endian. See gitformat-pack(5). */
#include <config.h>

#include "gitdb/pack.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/digest.h"
#include "gitdb/deflate.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/strvec.h"

#define TEMPORARY "mlmake_tmp_" /* not "tmp_": `git prune` takes those */
#define KEEP "mlmake: a run that is not recorded yet\n"
#define HEAD_LEN 12
#define BUFFER (1 << 20)
#define LARGE_OFFSET UINT64_C(0x80000000)

struct entry {
	struct git_id id;
	unsigned char kind;
	uint32_t crc;
	uint64_t offset, end; /* in the pack, of the whole entry */
	size_t size;          /* of the object */
};

struct packer {
	struct gitdb *db;
	pthread_mutex_t mutex;
	char *dir;  /* objects/pack */
	char *path; /* of the pack under way */
	int fd;     /* -1: none */
	bool swept;
	uint64_t at; /* where the next entry goes, buffered bytes included */
	struct strbuf buffer;
	struct entry *v;
	size_t n, cap;
	uint32_t *slots; /* hash table over v: 1 + index, 0: free; a power of two, at least twice n */
	size_t n_slots;
	struct strvec kept; /* .keep files of finished packs */
};

struct packer *packer_new(struct gitdb *db)
{
	struct packer *p = xcalloc(1, sizeof(*p));

	p->db = db;
	p->fd = -1;
	p->buffer = (struct strbuf)STRBUF_INIT;
	p->dir = xstrfmt("%s/objects/pack", gitdb_dir(db));
	pthread_mutex_init(&p->mutex, NULL);
	return p;
}

/* Forgets the pack under way; the file, if it still has its temporary name, goes. */
static void drop(struct packer *p)
{
	if (p->path)
		unlink(p->path);
	closep(&p->fd);
	free(p->path);
	free(p->slots);
	free(p->v);
	p->path = NULL;
	p->slots = NULL;
	p->v = NULL;
	p->n = p->cap = p->n_slots = 0;
	strbuf_clear(&p->buffer);
}

void packer_free(struct packer *p)
{
	if (!p)
		return;
	drop(p);
	strbuf_release(&p->buffer);
	strvec_release(&p->kept);
	pthread_mutex_destroy(&p->mutex);
	free(p->dir);
	free(p);
}

/* ---- finding */

static size_t slot_of(const struct packer *p, const struct git_id *id)
{
	size_t at;

	memcpy(&at, id->b, sizeof(at)); /* names are evenly spread */
	for (at &= p->n_slots - 1; p->slots[at]; at = (at + 1) & (p->n_slots - 1))
		if (git_id_eq(&p->v[p->slots[at] - 1].id, id))
			break;
	return at;
}

static struct entry *find(const struct packer *p, const struct git_id *id)
{
	size_t at;

	if (!p->n_slots)
		return NULL;
	at = slot_of(p, id);
	return p->slots[at] ? &p->v[p->slots[at] - 1] : NULL;
}

static void make_slots(struct packer *p)
{
	size_t i;

	if (p->n_slots > 2 * p->n + 2)
		return;
	p->n_slots = p->n_slots ? 2 * p->n_slots : 64;
	free(p->slots);
	p->slots = xcalloc(p->n_slots, sizeof(*p->slots));
	for (i = 0; i < p->n; i++)
		p->slots[slot_of(p, &p->v[i].id)] = (uint32_t)(i + 1);
}

bool packer_has(struct packer *p, const struct git_id *id)
{
	bool has;

	pthread_mutex_lock(&p->mutex);
	has = find(p, id) != NULL;
	pthread_mutex_unlock(&p->mutex);
	return has;
}

/* ---- adding */

/* What others write is locked; what nobody holds, a kill left. */
static void sweep(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(closep) int fd = -1;

		if (strncmp(e->d_name, TEMPORARY, strlen(TEMPORARY)) != 0)
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

/* Makes the file and locks it. 1: somebody who sweeps was faster than the lock. */
static int create(struct packer *p)
{
	static unsigned counter;
	struct stat st;

	free(p->path);
	p->path = xstrfmt("%s/%s%ld.%jx.%u", p->dir, TEMPORARY, (long)getpid(), (uintmax_t)clock_tick(&clock_system),
			  __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED));
	p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->fd < 0)
		return -1;
	if ((flock(p->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && fstat(p->fd, &st) == 0 && st.st_nlink)
		return 0;
	closep(&p->fd);
	return 1;
}

static int begin(struct packer *p, struct err *err)
{
	static const unsigned char head[HEAD_LEN] = {'P', 'A', 'C', 'K', 0, 0, 0, 2};
	int got;

	if (p->fd >= 0)
		return 0;
	if (gitdb_make(p->db, err) < 0 || gitdb_open(p->db, err) < 0 || file_mkdirs(p->dir, err) < 0)
		return -1;
	if (!p->swept)
		sweep(p->dir);
	p->swept = true;
	while ((got = create(p)) > 0)
		;
	if (got < 0) {
		err_errno(err, "cannot create '%s'", p->path);
		free(p->path);
		p->path = NULL;
		return -1;
	}
	strbuf_add(&p->buffer, head, sizeof(head));
	p->at = sizeof(head);
	return 0;
}

static int flush(struct packer *p, struct err *err)
{
	if (!p->buffer.len)
		return 0;
	if (fd_write_all(p->fd, p->buffer.buf, p->buffer.len, err) < 0)
		return err_wrap(err, "'%s'", p->path);
	strbuf_clear(&p->buffer);
	return 0;
}

/* The disk may begin with what has come together: of help when all of it is synced, and not needed. */
static int hand_over(struct packer *p, struct err *err)
{
	size_t n = p->buffer.len;

	if (flush(p, err) < 0)
		return -1;
	sync_file_range(p->fd, (off_t)(p->at - n), (off_t)n, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static void add_head(struct strbuf *out, enum gitdb_kind kind, size_t n)
{
	unsigned char c = (unsigned char)(kind << 4 | (n & 15));

	for (n >>= 4; n; n >>= 7) {
		strbuf_addch(out, (char)(c | 0x80));
		c = n & 0x7f;
	}
	strbuf_addch(out, (char)c);
}

static int append(struct packer *p, const struct entry *e, const void *bytes, size_t n, struct err *err)
{
	if (find(p, &e->id)) /* another thread was faster */
		return 0;
	if (begin(p, err) < 0)
		return -1;
	strbuf_add(&p->buffer, bytes, n);
	if (p->n == UINT32_MAX - 1)
		return err_set(err, ERR_INVALID, "one pack holds no more than %u objects", UINT32_MAX - 1);
	ALLOC_GROW(p->v, p->n + 1, p->cap);
	p->v[p->n] = *e;
	p->v[p->n].offset = p->at;
	p->v[p->n++].end = p->at += n;
	make_slots(p);
	p->slots[slot_of(p, &e->id)] = (uint32_t)p->n;
	return p->buffer.len >= BUFFER ? hand_over(p, err) : 0;
}

int packer_add(struct packer *p, enum gitdb_kind kind, const void *data, size_t n, unsigned how, struct git_id *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct entry e = {.kind = (unsigned char)kind, .size = n};
	int got;

	gitdb_name(kind, data, n, &e.id);
	*out = e.id;
	if (packer_has(p, &e.id) || (!(how & PACKER_FRESH) && gitdb_has(p->db, &e.id, false)))
		return 0;
	strbuf_grow(&bytes, n + 64);
	add_head(&bytes, kind, n);
	deflate_add(data, n, how & PACKER_COMPRESSED, &bytes);
	e.crc = deflate_crc32(0, bytes.buf, bytes.len);
	pthread_mutex_lock(&p->mutex);
	got = append(p, &e, bytes.buf, bytes.len, err);
	pthread_mutex_unlock(&p->mutex);
	return got;
}

int packer_add_raw(struct packer *p, const struct git_id *id, const void *bytes, size_t n, struct err *err)
{
	const unsigned char *b = bytes;
	struct entry e = {.id = *id, .kind = b[0] >> 4 & 7, .size = b[0] & 15, .crc = deflate_crc32(0, bytes, n)};
	int shift, got;
	size_t i;

	for (i = 0, shift = 4; i + 1 < n && b[i] & 0x80 && shift < 60; i++, shift += 7)
		e.size |= (size_t)(b[i + 1] & 0x7f) << shift;
	if (e.kind < GITDB_COMMIT || e.kind > GITDB_TAG)
		return err_set(err, ERR_INVALID, "an entry of a pack is none of ours");
	pthread_mutex_lock(&p->mutex);
	got = append(p, &e, bytes, n, err);
	pthread_mutex_unlock(&p->mutex);
	return got;
}

/* ---- reading back */

static int pread_all(int fd, char *buf, size_t n, off_t at)
{
	while (n) {
		ssize_t got = pread(fd, buf, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		buf += got;
		n -= (size_t)got;
		at += got;
	}
	return 0;
}

static int read_entry(struct packer *p, const struct entry *e, struct strbuf *out, struct err *err)
{
	size_t len = (size_t)(e->end - e->offset), head = 0;
	CLEANUP(freep) char *raw = xmalloc(len);

	if (flush(p, err) < 0)
		return -1;
	if (pread_all(p->fd, raw, len, (off_t)e->offset) < 0)
		return err_errno(err, "cannot read '%s'", p->path);
	while (raw[head++] & 0x80)
		;
	if (!inflate_exactly(raw + head, len - head, e->size, out))
		return err_set(err, ERR_CORRUPT, "'%s' does not hold what was written to it", p->path);
	return 0;
}

int packer_read(struct packer *p, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct strbuf *out, struct err *err)
{
	const struct entry *e;
	int got = 1;

	pthread_mutex_lock(&p->mutex);
	e = find(p, id);
	if (e && e->kind == kind && e->size <= limit)
		got = read_entry(p, e, out, err);
	else if (e)
		got = err_set(err, ERR_INVALID, "a git object is larger or of another kind than it should be");
	pthread_mutex_unlock(&p->mutex);
	return got > 0 ? gitdb_read(p->db, id, kind, limit, out, err) : got;
}

/* ---- finishing */

static void add_be32(struct strbuf *out, uint32_t v)
{
	v = htobe32(v);
	strbuf_add(out, &v, sizeof(v));
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->id.b, ((const struct entry *)b)->id.b, GIT_ID_LEN);
}

/* Writes the number of objects into the head, and the SHA-1 of the whole behind it. */
static int close_pack(struct packer *p, unsigned char sum[SHA1_LEN], struct err *err)
{
	CLEANUP(freep) unsigned char *buf = xmalloc(BUFFER);
	uint32_t count = htobe32((uint32_t)p->n);
	struct sha1 s;
	uint64_t at;

	if (flush(p, err) < 0)
		return -1;
	if (pwrite(p->fd, &count, sizeof(count), 8) != sizeof(count))
		return err_errno(err, "cannot write '%s'", p->path);
	sha1_init(&s);
	for (at = 0; at < p->at; at += BUFFER) {
		size_t n = (size_t)MIN(p->at - at, (uint64_t)BUFFER);

		if (pread_all(p->fd, (char *)buf, n, (off_t)at) < 0)
			return err_errno(err, "cannot read '%s'", p->path);
		sha1_update(&s, buf, n);
	}
	sha1_final(&s, sum);
	if (fd_write_all(p->fd, sum, SHA1_LEN, err) < 0)
		return err_wrap(err, "'%s'", p->path);
	if (fchmod(p->fd, 0444) < 0 || fsync(p->fd) < 0)
		return err_errno(err, "cannot sync '%s'", p->path);
	return 0;
}

static void index_text(struct packer *p, const unsigned char sum[SHA1_LEN], struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf large = STRBUF_INIT;
	unsigned char own[SHA1_LEN];
	uint32_t n_large = 0;
	struct sha1 s;
	size_t i, first;

	qsort(p->v, p->n, sizeof(*p->v), by_id);
	strbuf_grow(out, p->n * 28 + 2048);
	strbuf_add(out, "\377tOc\0\0\0\2", 8);
	for (i = first = 0; first < 256; first++) {
		while (i < p->n && p->v[i].id.b[0] <= first)
			i++;
		add_be32(out, (uint32_t)i);
	}
	for (i = 0; i < p->n; i++)
		strbuf_add(out, p->v[i].id.b, GIT_ID_LEN);
	for (i = 0; i < p->n; i++)
		add_be32(out, p->v[i].crc);
	for (i = 0; i < p->n; i++) {
		uint64_t at = p->v[i].offset, be = htobe64(at);

		add_be32(out, at < LARGE_OFFSET ? (uint32_t)at : (uint32_t)LARGE_OFFSET | n_large++);
		if (at >= LARGE_OFFSET)
			strbuf_add(&large, &be, sizeof(be));
	}
	strbuf_add(out, large.buf, large.len);
	strbuf_add(out, sum, SHA1_LEN);
	sha1_init(&s);
	sha1_update(&s, out->buf, out->len);
	sha1_final(&s, own);
	strbuf_add(out, own, SHA1_LEN);
}

/* The pack before its index, for git looks for packs by their indexes; and what keeps it before both. */
static int install(struct packer *p, const unsigned char sum[SHA1_LEN], struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf idx = STRBUF_INIT;
	CLEANUP(freep) char *base = NULL;
	CLEANUP(freep) char *pack = NULL;
	CLEANUP(freep) char *index = NULL;
	CLEANUP(freep) char *keep = NULL;
	char hex[GIT_ID_HEX + 1];

	git_id_hex((const struct git_id *)(const void *)sum, hex);
	base = xstrfmt("%s/pack-%s", p->dir, hex);
	pack = xstrfmt("%s.pack", base);
	index = xstrfmt("%s.idx", base);
	keep = xstrfmt("%s.keep", base);
	index_text(p, sum, &idx);
	if (file_write(keep, KEEP, strlen(KEEP), 0644, false, err) < 0)
		return -1;
	strvec_push(&p->kept, keep);
	if (rename(p->path, pack) < 0)
		return err_errno(err, "cannot rename '%s' to '%s'", p->path, pack);
	return file_write(index, idx.buf, idx.len, 0444, true, err); /* and with it the names of all */
}

static int finish_locked(struct packer *p, struct err *err)
{
	unsigned char sum[SHA1_LEN];

	if (p->fd < 0)
		return 0;
	if (close_pack(p, sum, err) < 0 || install(p, sum, err) < 0)
		return -1;
	free(p->path);
	p->path = NULL;
	drop(p);
	return 0;
}

int packer_finish(struct packer *p, struct err *err)
{
	int got;

	pthread_mutex_lock(&p->mutex);
	got = finish_locked(p, err);
	if (got < 0) /* a half-finished one is of no use: its table is sorted, its end written */
		drop(p);
	pthread_mutex_unlock(&p->mutex);
	return got;
}

void packer_finished(struct packer *p, struct strvec *names)
{
	size_t i;

	pthread_mutex_lock(&p->mutex);
	for (i = 0; i < p->kept.n; i++) {
		const char *end = p->kept.v[i] + strlen(p->kept.v[i]) - strlen(".keep");

		strvec_push_owned(names, xstrndup(end - GIT_ID_HEX, GIT_ID_HEX));
	}
	pthread_mutex_unlock(&p->mutex);
}

/* In the order of install(). */
static int adopt(struct packer *p, const char *from, const char *name, struct err *err)
{
	CLEANUP(freep) char *pack = xstrfmt("%s/%s.pack", from, name), *to_pack = xstrfmt("%s/%s.pack", p->dir, name);
	CLEANUP(freep) char *index = xstrfmt("%s/%s.idx", from, name), *to_index = xstrfmt("%s/%s.idx", p->dir, name);
	CLEANUP(freep) char *keep = xstrfmt("%s/%s.keep", p->dir, name);

	if (!file_exists(keep)) {
		if (file_mkdirs(p->dir, err) < 0 || file_write(keep, KEEP, strlen(KEEP), 0644, false, err) < 0)
			return -1;
		strvec_push(&p->kept, keep);
	}
	if (file_exists(to_index)) /* the same objects */
		return 0;
	return file_move(pack, to_pack, err) < 0 ? -1 : file_move(index, to_index, err);
}

int packer_adopt(struct packer *p, const char *objects, struct err *err)
{
	CLEANUP(freep) char *from = xstrfmt("%s/pack", objects);
	DIR *dir = opendir(from);
	struct dirent *e;
	int got = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read '%s'", from);
	pthread_mutex_lock(&p->mutex);
	while (got == 0 && (e = readdir(dir))) {
		CLEANUP(freep) char *name = xstrdup(e->d_name);

		if (!ends_with(name, ".idx") || strlen(name) != strlen("pack-") + GIT_ID_HEX + strlen(".idx"))
			continue;
		name[strlen(name) - strlen(".idx")] = '\0';
		got = adopt(p, from, name, err);
	}
	if (got == 0 && p->kept.n)
		got = file_sync_dir(p->dir, err);
	pthread_mutex_unlock(&p->mutex);
	closedir(dir);
	return got;
}

bool packer_stands(struct packer *p, const struct git_id *id)
{
	return gitdb_has(p->db, id, true);
}

void packer_release_keep(struct packer *p)
{
	size_t i;

	pthread_mutex_lock(&p->mutex);
	for (i = 0; i < p->kept.n; i++)
		unlink(p->kept.v[i]); /* if it stays, the next sweep or a person removes it; it costs room alone */
	strvec_release(&p->kept);
	p->kept = (struct strvec)STRVEC_INIT;
	pthread_mutex_unlock(&p->mutex);
}

static bool is_ours(const char *file)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	return file_read(file, 4096, &text, NULL) == 0 && streq(text.buf, KEEP);
}

size_t packs_unkeep(struct gitdb *db)
{
	CLEANUP(freep) char *path = xstrfmt("%s/objects/pack", gitdb_dir(db));
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *file = xstrfmt("%s/%s", path, e->d_name);

		n += ends_with(e->d_name, ".keep") && is_ours(file) && unlink(file) == 0;
	}
	if (dir)
		closedir(dir);
	return n;
}
