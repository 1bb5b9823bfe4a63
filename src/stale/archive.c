/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/archive.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"

#define FILES_LIMIT 32 /* more than this many, and the smaller half is merged */
#define ENTRY 56

struct segment {
	char *name;
	const unsigned char *map; /* NULL: empty or not readable */
	size_t size;
	size_t entries, n; /* offset of the first entry; how many */
};

struct archive {
	char *dir;
	struct segment *v;
	size_t n, cap;
	bool listed;
};

struct archive *archive_new(const char *dir)
{
	struct archive *a = xcalloc(1, sizeof(*a));

	a->dir = xstrdup(dir);
	return a;
}

static void segment_release(struct segment *s)
{
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->size);
	free(s->name);
}

static void forget(struct archive *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		segment_release(&a->v[i]);
	a->n = 0;
	a->listed = false;
}

void archive_free(struct archive *a)
{
	if (!a)
		return;
	forget(a);
	free(a->v);
	free(a->dir);
	free(a);
}

/* Finds the entries, whose number the first line says; false if there is no room for them. */
static bool segment_check(struct segment *s)
{
	const unsigned char *nl = memchr(s->map, '\n', MIN(s->size, (size_t)64));
	char line[64];
	int used = 0;

	if (!nl)
		return false;
	memcpy(line, s->map, (size_t)(nl - s->map));
	line[nl - s->map] = '\0';
	if (sscanf(line, "mlmake-records 1 %12zu%n", &s->n, &used) != 1 || line[used])
		return false;
	s->entries = (size_t)(nl + 1 - s->map);
	return s->n <= (s->size - s->entries) / ENTRY;
}

static bool segment_open(const struct archive *a, struct segment *s)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s", a->dir, s->name);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	s->map = map;
	s->size = (size_t)st.st_size;
	return segment_check(s);
}

/* Names begin with the time. Of two records of one key the newer one counts. */
static int newest_first(const void *a, const void *b)
{
	return -strcmp(((const struct segment *)a)->name, ((const struct segment *)b)->name);
}

static void list(struct archive *a)
{
	DIR *dir = opendir(a->dir);
	struct dirent *e;

	a->listed = true;
	while (dir && (e = readdir(dir))) {
		struct segment s = {.name = NULL};

		if (e->d_name[0] == '.')
			continue;
		s.name = xstrdup(e->d_name);
		if (!segment_open(a, &s)) {
			segment_release(&s);
			continue;
		}
		ALLOC_GROW(a->v, a->n + 1, a->cap);
		a->v[a->n++] = s;
	}
	if (dir)
		closedir(dir);
	if (a->n > 1)
		qsort(a->v, a->n, sizeof(*a->v), newest_first);
}

static uint64_t number_at(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* The text of entry i, or NULL if it does not lie in the file or is not what was written. */
static const char *text_at(const struct segment *s, size_t i, size_t *len)
{
	const unsigned char *e = s->map + s->entries + i * ENTRY;
	uint64_t off = number_at(e + DIGEST_LEN), n = number_at(e + DIGEST_LEN + 8), sum = number_at(e + DIGEST_LEN + 16);

	if (off > s->size || n > s->size - off || hash_bytes(s->map + off, n) != sum)
		return NULL;
	*len = n;
	return (const char *)s->map + off;
}

static const char *segment_find(const struct segment *s, const struct digest *key, size_t *len)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = memcmp(s->map + s->entries + mid * ENTRY, key->b, DIGEST_LEN);

		if (order == 0)
			return text_at(s, mid, len);
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

bool archive_find(struct archive *a, const struct digest *key, struct strbuf *out)
{
	size_t i, len;

	if (!a->listed)
		list(a);
	for (i = 0; i < a->n; i++) {
		const char *text = segment_find(&a->v[i], key, &len);

		if (text) {
			strbuf_add(out, text, len);
			return true;
		}
	}
	return false;
}

static int by_key(const void *a, const void *b)
{
	const struct archive_item *x = a, *y = b;
	int order = digest_cmp(&x->key, &y->key);

	return order ? order : x->age < y->age ? -1 : x->age > y->age;
}

static void add_number(struct strbuf *out, uint64_t v)
{
	v = htole64(v);
	strbuf_add(out, &v, sizeof(v));
}

/* Sorts, and keeps the newest of each key. */
static size_t sort_items(struct archive_item *items, size_t n)
{
	size_t i, kept = 0;

	if (n > 1)
		qsort(items, n, sizeof(*items), by_key);
	for (i = 0; i < n; i++)
		if (!kept || !digest_eq(&items[kept - 1].key, &items[i].key))
			items[kept++] = items[i];
	return kept;
}

static int write_segment(const struct archive *a, const char *name, struct archive_item *items, size_t n,
			 bool durable, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *path = xstrfmt("%s/%s", a->dir, name);
	size_t i, off;

	n = sort_items(items, n);
	strbuf_addf(&text, "mlmake-records 1 %zu\n", n);
	off = text.len + n * ENTRY;
	for (i = 0; i < n; i++) {
		strbuf_add(&text, items[i].key.b, DIGEST_LEN);
		add_number(&text, off);
		add_number(&text, items[i].len);
		add_number(&text, hash_bytes(items[i].text, items[i].len));
		off += items[i].len;
	}
	for (i = 0; i < n; i++)
		strbuf_add(&text, items[i].text, items[i].len);
	return file_write(path, text.buf, text.len, 0644, durable, err);
}

static size_t items_of(const struct segment *s, size_t age, struct archive_item *items)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		memcpy(items[n].key.b, s->map + s->entries + i * ENTRY, DIGEST_LEN);
		items[n].text = text_at(s, i, &items[n].len);
		items[n].age = age;
		n += items[n].text != NULL;
	}
	return n;
}

static int by_size(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static size_t median_size(const struct archive *a)
{
	CLEANUP(freep) size_t *sizes = xcalloc(a->n, sizeof(*sizes));
	size_t i;

	for (i = 0; i < a->n; i++)
		sizes[i] = a->v[i].size;
	qsort(sizes, a->n, sizeof(*sizes), by_size);
	return sizes[a->n / 2];
}

static int remove_parts(const struct archive *a, size_t limit, struct err *err)
{
	size_t i;

	for (i = 0; i < a->n; i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", a->dir, a->v[i].name);

		if (a->v[i].size <= limit && unlink(path) < 0 && errno != ENOENT)
			return err_errno(err, "cannot remove '%s'", path);
	}
	return 0;
}

/* The smaller half becomes one file, named after its newest part; only when that is durable do its parts go. Who loses a race over
 * a part finds it gone, which is as well. */
static int merge(struct archive *a, struct err *err)
{
	CLEANUP(freep) struct archive_item *items = NULL;
	CLEANUP(freep) char *name = NULL;
	size_t i, limit = median_size(a), total = 0, n = 0;

	for (i = 0; i < a->n; i++)
		if (a->v[i].size <= limit)
			total += a->v[i].n;
	items = xcalloc(total + 1, sizeof(*items));
	for (i = 0; i < a->n; i++) {
		if (a->v[i].size > limit)
			continue;
		if (!name)
			name = xstrfmt("%s+", a->v[i].name);
		n += items_of(&a->v[i], i, items + n);
	}
	if (!name || write_segment(a, name, items, n, true, err) < 0)
		return -1;
	return remove_parts(a, limit, err);
}

int archive_add(struct archive *a, const char *run_id, struct archive_item *items, size_t n, struct err *err)
{
	int got;

	if (!n)
		return 0;
	if (write_segment(a, run_id, items, n, false, err) < 0)
		return -1;
	forget(a);
	list(a);
	got = a->n > FILES_LIMIT ? merge(a, err) : 0;
	forget(a);
	return got;
}
