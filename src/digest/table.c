/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file, in the byte order of its machine:
 *
 *     head      "mlmake-statcache 2\n", padded; checksum; counts
 *     entries   those of all roots' trees, one tree after the other
 *     roots     a path as asked for, whether links were followed, where its entries and names lie, when last used
 *     slots     a power of two of them: number of a root + 1, or 0; found by the hash of the path, then linearly
 *     names     strings, each with a NUL
 *
 * The checksum is the keyed XXH3-64 of all that follows it: a table of another clone, of another byte order or with a
 * flipped bit is no table. */
#include <config.h>

#include "digest/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"

#define MAGIC "mlmake-statcache 2\n"
#define LARGE ((size_t)4 << 20) /* a table that takes room in memory */

struct table_head {
	char magic[32];
	uint64_t checksum;
	uint64_t byte_order;
	uint64_t names_len;
	uint32_t n_entries, n_roots, n_slots, reserved;
};
#define BYTE_ORDER_MARK UINT64_C(0x0102030405060708)
#define CHECKED_FROM (offsetof(struct table_head, byte_order))

struct table_root {
	uint64_t names, names_len; /* its tree's share of the names */
	uint64_t path;             /* where in all names */
	int64_t used;
	uint32_t path_len, follow;
	uint32_t first, n; /* its tree's entries */
};
_Static_assert(sizeof(struct table_head) % 8 == 0 && sizeof(struct table_root) % 8 == 0 &&
	       sizeof(struct entry) % 8 == 0, "the parts stay aligned");

static uint64_t path_hash(const char *path, size_t len, bool follow, const unsigned char *secret)
{
	uint64_t h = fasthash_bytes64(path, len, secret);

	return follow ? ~h : h;
}

/* Roots share nothing: each one's entries and names begin where those of the one before end. */
static bool root_is_sound(const struct table *t, const struct table_root *r, uint32_t *first, uint64_t *names)
{
	const struct table_head *h = t->head;
	struct tree tree;

	if (r->n == 0 || r->first != *first || r->n > h->n_entries - *first || r->follow > 1)
		return false;
	if (r->names != *names || r->names_len > h->names_len - r->names || r->path != r->names + r->names_len)
		return false;
	if (r->path >= h->names_len || r->path_len >= h->names_len - r->path || t->names[r->path + r->path_len] ||
	    memchr(t->names + r->path, '\0', r->path_len))
		return false;
	*first += r->n;
	*names = r->path + r->path_len + 1;
	table_tree(t, (uint32_t)(r - t->roots), &tree);
	return tree_is_sound(&tree);
}

static bool is_sound(struct table *t)
{
	const struct table_head *h = t->map;
	uint64_t want, names = 0;
	uint32_t i, first = 0;

	if (t->len < sizeof(*h))
		return false;
	want = sizeof(*h) + (uint64_t)h->n_entries * sizeof(struct entry) +
	       (uint64_t)h->n_roots * sizeof(struct table_root) + (uint64_t)h->n_slots * sizeof(uint32_t);
	if (want > t->len || h->names_len != t->len - want || (h->n_slots & (h->n_slots - 1)) || h->n_slots % 2 ||
	    h->n_slots < h->n_roots)
		return false;
	t->head = h;
	t->entries = (const struct entry *)(h + 1);
	t->roots = (const struct table_root *)(t->entries + h->n_entries);
	t->slots = (const uint32_t *)(t->roots + h->n_roots);
	t->names = (const char *)(t->slots + h->n_slots);
	for (i = 0; i < h->n_slots; i++)
		if (t->slots[i] > h->n_roots)
			return false;
	for (i = 0; i < h->n_roots; i++)
		if (!root_is_sound(t, &t->roots[i], &first, &names))
			return false;
	return true;
}

bool table_open_bytes(struct table *t, const void *bytes, size_t n, const unsigned char secret[FASTHASH_SECRET])
{
	static const char magic[32] = MAGIC;
	const struct table_head *h = bytes;

	*t = (struct table)TABLE_INIT;
	if (n < sizeof(*h) || memcmp(h->magic, magic, sizeof(magic)) != 0 || h->byte_order != BYTE_ORDER_MARK ||
	    fasthash_bytes64((const char *)bytes + CHECKED_FROM, n - CHECKED_FROM, secret) != h->checksum)
		return false;
	t->map = (void *)bytes;
	t->len = n;
	if (is_sound(t))
		return true;
	*t = (struct table)TABLE_INIT;
	return false;
}

bool table_open(struct table *t, const char *path, const unsigned char secret[FASTHASH_SECRET])
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *map;

	*t = (struct table)TABLE_INIT;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct table_head) ||
	    (uintmax_t)st.st_size > SIZE_MAX)
		return false;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	if (table_open_bytes(t, map, (size_t)st.st_size, secret)) {
		if (t->len > LARGE) /* little of it may be asked for, and what is comes from the page cache */
			madvise(map, t->len, MADV_DONTNEED);
		return true;
	}
	munmap(map, (size_t)st.st_size);
	return false;
}

void table_close(struct table *t)
{
	if (t->map)
		munmap(t->map, t->len);
	*t = (struct table)TABLE_INIT;
}

uint32_t table_count(const struct table *t)
{
	return t->map ? t->head->n_roots : 0;
}

uint64_t table_checksum(const struct table *t)
{
	return t->map ? t->head->checksum : 0;
}

uint32_t table_find(const struct table *t, const char *path, bool follow, const unsigned char secret[FASTHASH_SECRET])
{
	size_t len = strlen(path);
	uint32_t i, tried;

	if (!t->map || !t->head->n_slots)
		return UINT32_MAX;
	i = (uint32_t)path_hash(path, len, follow, secret) & (t->head->n_slots - 1);
	for (tried = 0; tried < t->head->n_slots && t->slots[i]; tried++) {
		const struct table_root *r = &t->roots[t->slots[i] - 1];

		if (r->path_len == len && r->follow == follow && memcmp(t->names + r->path, path, len) == 0)
			return t->slots[i] - 1;
		i = (i + 1) & (t->head->n_slots - 1);
	}
	return UINT32_MAX;
}

void table_tree(const struct table *t, uint32_t root, struct tree *out)
{
	const struct table_root *r = &t->roots[root];

	out->n = r->n;
	out->v = t->entries + r->first;
	out->names = t->names + r->names;
	out->names_len = r->names_len;
}

const char *table_path(const struct table *t, uint32_t root, bool *follow, int64_t *used)
{
	const struct table_root *r = &t->roots[root];

	*follow = r->follow != 0;
	*used = r->used;
	return t->names + r->path;
}

/* A file being written, with the checksum of all but the head. */
struct sink {
	int fd;
	struct fasthash sum;
	char buf[65536];
	size_t n;
	bool failed;
	struct err *err;
};

static void sink_flush(struct sink *s)
{
	if (!s->failed && fd_write_all(s->fd, s->buf, s->n, s->err) < 0)
		s->failed = true;
	s->n = 0;
}

static void sink_add(struct sink *s, const void *data, size_t n)
{
	if (!n)
		return;
	fasthash_update(&s->sum, data, n);
	if (n > sizeof(s->buf) - s->n)
		sink_flush(s);
	if (n > sizeof(s->buf)) {
		if (!s->failed && fd_write_all(s->fd, data, n, s->err) < 0)
			s->failed = true;
		return;
	}
	memcpy(s->buf + s->n, data, n);
	s->n += n;
}

static void head_of(struct table_head *h, const struct table_item *v, size_t n)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	strcpy(h->magic, MAGIC);
	h->byte_order = BYTE_ORDER_MARK;
	h->n_roots = (uint32_t)n;
	for (h->n_slots = 2; h->n_slots < 2 * n; h->n_slots *= 2)
		;
	for (i = 0; i < n; i++) {
		h->n_entries += v[i].tree.n;
		h->names_len += v[i].tree.names_len + strlen(v[i].path) + 1;
	}
}

static void add_roots(struct sink *s, const struct table_item *v, size_t n)
{
	uint64_t names = 0;
	uint32_t first = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		struct table_root r = {.names = names, .names_len = v[i].tree.names_len, .used = v[i].used,
				       .path_len = (uint32_t)strlen(v[i].path), .follow = v[i].follow,
				       .first = first, .n = v[i].tree.n};

		r.path = names + r.names_len;
		names = r.path + r.path_len + 1;
		first += r.n;
		sink_add(s, &r, sizeof(r));
	}
}

static void add_slots(struct sink *s, const struct table_item *v, size_t n, uint32_t n_slots,
		      const unsigned char *secret)
{
	CLEANUP(freep) uint32_t *slots = xcalloc(n_slots, sizeof(*slots));
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t at = (uint32_t)path_hash(v[i].path, strlen(v[i].path), v[i].follow, secret) & (n_slots - 1);

		while (slots[at])
			at = (at + 1) & (n_slots - 1);
		slots[at] = (uint32_t)i + 1;
	}
	sink_add(s, slots, n_slots * sizeof(*slots));
}

static int write_parts(int fd, const struct table_item *v, size_t n, const unsigned char *secret, struct err *err)
{
	CLEANUP(freep) struct sink *s = xmalloc(sizeof(*s));
	struct table_head h;
	size_t i;

	head_of(&h, v, n);
	s->fd = fd;
	s->n = 0;
	s->failed = false;
	s->err = err;
	fasthash_init(&s->sum, secret);
	fasthash_update(&s->sum, (char *)&h + CHECKED_FROM, sizeof(h) - CHECKED_FROM);
	if (lseek(fd, sizeof(h), SEEK_SET) < 0)
		return err_errno(err, "cannot seek");
	for (i = 0; i < n; i++)
		sink_add(s, v[i].tree.v, v[i].tree.n * sizeof(*v[i].tree.v));
	add_roots(s, v, n);
	add_slots(s, v, n, h.n_slots, secret);
	for (i = 0; i < n; i++) {
		sink_add(s, v[i].tree.names, v[i].tree.names_len);
		sink_add(s, v[i].path, strlen(v[i].path) + 1);
	}
	sink_flush(s);
	if (s->failed)
		return -1;
	h.checksum = fasthash_final64(&s->sum);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "cannot seek");
	return fd_write_all(fd, &h, sizeof(h), err);
}

int table_write(const char *path, const struct table_item *v, size_t n, const unsigned char secret[FASTHASH_SECRET],
		struct err *err)
{
	CLEANUP(freep) char *tmp = xstrfmt("%s.tmp%ld", path, (long)getpid());
	CLEANUP(closep) int fd = -1;
	int result;

	if (file_mkdirs_for(path, err) < 0)
		return -1;
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "cannot create '%s'", tmp);
	result = write_parts(fd, v, n, secret, err);
	if (result < 0)
		err_wrap(err, "'%s'", tmp);
	else if (rename(tmp, path) < 0)
		result = err_errno(err, "cannot rename '%s' to '%s'", tmp, path);
	if (result < 0)
		unlink(tmp);
	return result;
}

void table_seal(void *bytes, size_t n, const unsigned char secret[FASTHASH_SECRET])
{
	struct table_head *h = bytes;

	if (n < sizeof(*h))
		return;
	strcpy(h->magic, MAGIC);
	memset(h->magic + sizeof(MAGIC), 0, sizeof(h->magic) - sizeof(MAGIC));
	h->byte_order = BYTE_ORDER_MARK;
	h->checksum = fasthash_bytes64((char *)bytes + CHECKED_FROM, n - CHECKED_FROM, secret);
}
