/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/keyed.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
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

struct keyed {
	char *dir;
	const char *kind;
	pthread_rwlock_t lock; /* of all below */
	struct segment *v;
	size_t n, cap;
	bool listed;
	struct timespec changed; /* of dir, when it was listed */
};

struct keyed *keyed_new(const char *dir, const char *kind)
{
	struct keyed *k = xcalloc(1, sizeof(*k));

	k->dir = xstrdup(dir);
	k->kind = kind;
	pthread_rwlock_init(&k->lock, NULL);
	return k;
}

static void segment_release(struct segment *s)
{
	if (s->map)
		munmap((void *)(uintptr_t)s->map, s->size);
	free(s->name);
}

static void forget(struct keyed *k)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		segment_release(&k->v[i]);
	k->n = 0;
	k->listed = false;
}

void keyed_free(struct keyed *k)
{
	if (!k)
		return;
	forget(k);
	pthread_rwlock_destroy(&k->lock);
	free(k->v);
	free(k->dir);
	free(k);
}

/* Finds the entries, whose number the first line says; false if there is no room for them. */
static bool segment_check(const struct keyed *k, struct segment *s)
{
	const unsigned char *nl = memchr(s->map, '\n', MIN(s->size, (size_t)64));
	char line[64];
	const char *rest;
	int used = 0;

	if (!nl)
		return false;
	memcpy(line, s->map, (size_t)(nl - s->map));
	line[nl - s->map] = '\0';
	if (!skip_prefix(line, "mlmake-", &rest) || !skip_prefix(rest, k->kind, &rest) ||
	    sscanf(rest, " 1 %12zu%n", &s->n, &used) != 1 || rest[used])
		return false;
	s->entries = (size_t)(nl + 1 - s->map);
	return s->n <= (s->size - s->entries) / ENTRY;
}

/* 1: it is gone; 0: it is of no use, as if it were not there. */
static int segment_open(const struct keyed *k, struct segment *s)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s", k->dir, s->name);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *map;

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return 0;
	s->map = map;
	s->size = (size_t)st.st_size;
	if (!segment_check(k, s))
		s->n = 0;
	return 0;
}

/* Names begin with the time. Of two texts of one key the newer one counts. */
static int newest_first(const void *a, const void *b)
{
	return -strcmp(((const struct segment *)a)->name, ((const struct segment *)b)->name);
}

/* 1: a file went away while they were listed, into another that may not have been seen. */
static int list_once(struct keyed *k)
{
	DIR *dir = opendir(k->dir);
	struct dirent *e;
	struct stat st;
	int gone = 0;

	k->changed = (struct timespec){0, 0};
	if (!dir)
		return 0;
	if (fstat(dirfd(dir), &st) == 0)
		k->changed = st.st_mtim;
	while ((e = readdir(dir))) {
		struct segment s = {.name = NULL};

		if (e->d_name[0] == '.')
			continue;
		s.name = xstrdup(e->d_name);
		gone |= segment_open(k, &s);
		if (!s.n) {
			segment_release(&s);
			continue;
		}
		ALLOC_GROW(k->v, k->n + 1, k->cap);
		k->v[k->n++] = s;
	}
	closedir(dir);
	if (k->n > 1)
		qsort(k->v, k->n, sizeof(*k->v), newest_first);
	return gone;
}

static void list(struct keyed *k)
{
	int i, gone = 1;

	for (i = 0; i < 4 && gone; i++) {
		forget(k);
		gone = list_once(k);
	}
	k->listed = true;
}

/* Takes the lock for reading, with the files listed. */
static void look(struct keyed *k)
{
	pthread_rwlock_rdlock(&k->lock);
	if (k->listed)
		return;
	pthread_rwlock_unlock(&k->lock);
	pthread_rwlock_wrlock(&k->lock);
	if (!k->listed)
		list(k);
	pthread_rwlock_unlock(&k->lock);
	look(k);
}

void keyed_refresh(struct keyed *k)
{
	struct stat st;

	pthread_rwlock_wrlock(&k->lock);
	if (k->listed && stat(k->dir, &st) == 0 &&
	    (st.st_mtim.tv_sec != k->changed.tv_sec || st.st_mtim.tv_nsec != k->changed.tv_nsec))
		forget(k);
	pthread_rwlock_unlock(&k->lock);
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

static const unsigned char *key_at(const struct segment *s, size_t i)
{
	return s->map + s->entries + i * ENTRY;
}

/* Where key would stand if keys were spread evenly, as digests are. */
static size_t guess(const struct segment *s, const struct digest *key)
{
	uint64_t head;

	memcpy(&head, key->b, sizeof(head));
	return (size_t)(((unsigned __int128)be64toh(head) * s->n) >> 64);
}

/* The range [*lo, *hi) around the guess outside of which key cannot stand: found in steps that double. */
static void narrow(const struct segment *s, const struct digest *key, size_t *lo, size_t *hi)
{
	size_t at = guess(s, key), step;

	*lo = 0;
	*hi = s->n;
	if (memcmp(key_at(s, at), key->b, DIGEST_LEN) <= 0) {
		for (step = 4; *lo = at, step < s->n - at; at += step, step *= 2)
			if (memcmp(key_at(s, at + step), key->b, DIGEST_LEN) > 0) {
				*hi = at + step;
				return;
			}
	} else {
		for (step = 4; *hi = at, step <= at; at -= step, step *= 2)
			if (memcmp(key_at(s, at - step), key->b, DIGEST_LEN) <= 0) {
				*lo = at - step;
				return;
			}
	}
}

static const char *segment_find(const struct segment *s, const struct digest *key, size_t *len)
{
	size_t lo, hi;

	narrow(s, key, &lo, &hi);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = memcmp(key_at(s, mid), key->b, DIGEST_LEN);

		if (order == 0)
			return text_at(s, mid, len);
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* The text of key in the files from the first, newest one up to n. */
static const char *find(const struct keyed *k, size_t n, const struct digest *key, size_t *len)
{
	const char *text = NULL;
	size_t i;

	for (i = 0; i < n && !text; i++)
		text = segment_find(&k->v[i], key, len);
	return text;
}

bool keyed_find(struct keyed *k, const struct digest *key, struct strbuf *out)
{
	const char *text;
	size_t len;

	look(k);
	text = find(k, k->n, key, &len);
	if (text)
		strbuf_add(out, text, len);
	pthread_rwlock_unlock(&k->lock);
	return text != NULL;
}

bool keyed_has(struct keyed *k, const struct digest *key)
{
	size_t len;
	bool has;

	look(k);
	has = find(k, k->n, key, &len) != NULL;
	pthread_rwlock_unlock(&k->lock);
	return has;
}

static int visit_segment(const struct keyed *k, size_t at, bool all, int (*visit)(void *, const struct digest *, const char *, size_t),
			 void *ctx)
{
	int result = 0;
	size_t i;

	for (i = 0; i < k->v[at].n && result == 0; i++) {
		const char *text;
		struct digest key;
		size_t len, newer;

		memcpy(key.b, key_at(&k->v[at], i), DIGEST_LEN);
		text = text_at(&k->v[at], i, &len);
		if (text && (all || !find(k, at, &key, &newer)))
			result = visit(ctx, &key, text, len);
	}
	return result;
}

static int visit_all(struct keyed *k, bool all, int (*visit)(void *, const struct digest *, const char *, size_t), void *ctx)
{
	int result = 0;
	size_t i;

	look(k);
	for (i = 0; i < k->n && result == 0; i++)
		result = visit_segment(k, i, all, visit, ctx);
	pthread_rwlock_unlock(&k->lock);
	return result;
}

int keyed_visit(struct keyed *k, int (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx)
{
	return visit_all(k, false, visit, ctx);
}

int keyed_scan(struct keyed *k, int (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx)
{
	return visit_all(k, true, visit, ctx);
}

static int by_key(const void *a, const void *b)
{
	const struct keyed_item *x = a, *y = b;
	int order = digest_cmp(&x->key, &y->key);

	return order ? order : x->age < y->age ? -1 : x->age > y->age;
}

static void add_number(struct strbuf *out, uint64_t v)
{
	v = htole64(v);
	strbuf_add(out, &v, sizeof(v));
}

/* Sorts, and keeps the newest of each key. */
static size_t sort_items(struct keyed_item *items, size_t n)
{
	size_t i, kept = 0;

	if (n > 1)
		qsort(items, n, sizeof(*items), by_key);
	for (i = 0; i < n; i++)
		if (!kept || !digest_eq(&items[kept - 1].key, &items[i].key))
			items[kept++] = items[i];
	return kept;
}

static int write_segment(const struct keyed *k, const char *name, struct keyed_item *items, size_t n,
			 bool durable, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *path = xstrfmt("%s/%s", k->dir, name);
	size_t i, off, size;

	n = sort_items(items, n);
	strbuf_addf(&text, "mlmake-%s 1 %zu\n", k->kind, n);
	off = text.len + n * ENTRY;
	for (i = 0, size = off; i < n; i++)
		size += items[i].len;
	strbuf_grow(&text, size);
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

static size_t items_of(const struct segment *s, size_t age, struct keyed_item *items)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		memcpy(items[n].key.b, key_at(s, i), DIGEST_LEN);
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

static size_t median_size(const struct keyed *k)
{
	CLEANUP(freep) size_t *sizes = xcalloc(k->n, sizeof(*sizes));
	size_t i;

	for (i = 0; i < k->n; i++)
		sizes[i] = k->v[i].size;
	qsort(sizes, k->n, sizeof(*sizes), by_size);
	return sizes[k->n / 2];
}

static int remove_parts(const struct keyed *k, size_t limit, struct err *err)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", k->dir, k->v[i].name);

		if (k->v[i].size <= limit && unlink(path) < 0 && errno != ENOENT)
			return err_errno(err, "cannot remove '%s'", path);
	}
	return 0;
}

static unsigned salt(void)
{
	unsigned n = 0;

	return getrandom(&n, sizeof(n), GRND_NONBLOCK) == sizeof(n) ? n : (unsigned)getpid();
}

/* The smaller half becomes one file, named after its newest part; only when that is durable do its parts go. Who loses a race over
 * a part finds it gone, which is as well; but what two make of the same parts, of which one saw fewer, has two names. */
static int merge(struct keyed *k, struct err *err)
{
	CLEANUP(freep) struct keyed_item *items = NULL;
	CLEANUP(freep) char *name = NULL;
	size_t i, limit = median_size(k), total = 0, n = 0;

	for (i = 0; i < k->n; i++)
		if (k->v[i].size <= limit)
			total += k->v[i].n;
	items = xcalloc(total + 1, sizeof(*items));
	for (i = 0; i < k->n; i++) {
		if (k->v[i].size > limit)
			continue;
		if (!name)
			name = xstrfmt("%.*s+%08x", (int)strcspn(k->v[i].name, "+"), k->v[i].name, salt());
		n += items_of(&k->v[i], i, items + n);
	}
	if (!name || write_segment(k, name, items, n, true, err) < 0)
		return -1;
	return remove_parts(k, limit, err);
}

int keyed_add(struct keyed *k, const char *name, struct keyed_item *items, size_t n, struct err *err)
{
	int got;

	if (!n)
		return 0;
	pthread_rwlock_wrlock(&k->lock);
	got = write_segment(k, name, items, n, false, err);
	if (got == 0) {
		list(k);
		if (k->n > FILES_LIMIT)
			got = merge(k, err);
		forget(k);
	}
	pthread_rwlock_unlock(&k->lock);
	return got;
}

void keyed_name(char out[48])
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm) || !strftime(out, 24, "%Y%m%dT%H%M%S", &tm))
		*out = '\0';
	snprintf(out + strlen(out), 24, ".%09ld-%08x", now.tv_nsec, salt());
}

/* What is left of all files, the newest text of each key. */
static size_t items_left(const struct keyed *k, bool (*drop)(void *, const struct digest *, const char *, size_t), void *ctx,
			 struct keyed_item *items)
{
	size_t i, j, all = 0, n = 0;

	for (i = 0; i < k->n; i++)
		all += items_of(&k->v[i], i, items + all);
	all = sort_items(items, all);
	for (j = 0; j < all; j++)
		if (!drop(ctx, &items[j].key, items[j].text, items[j].len))
			items[n++] = items[j];
	return n;
}

static int prune(struct keyed *k, bool (*drop)(void *, const struct digest *, const char *, size_t), void *ctx, struct err *err)
{
	CLEANUP(freep) struct keyed_item *items = NULL;
	CLEANUP(freep) char *name = NULL;
	size_t i, total = 0, n;

	for (i = 0; i < k->n; i++)
		total += k->v[i].n;
	if (!total)
		return 0;
	items = xcalloc(total, sizeof(*items));
	n = items_left(k, drop, ctx, items);
	if (k->n == 1 && n == total)
		return 0;
	name = xstrfmt("%s+", k->v[0].name);
	if (n && write_segment(k, name, items, n, true, err) < 0)
		return -1;
	return remove_parts(k, SIZE_MAX, err);
}

int keyed_prune(struct keyed *k, bool (*drop)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx,
		struct err *err)
{
	int got;

	pthread_rwlock_wrlock(&k->lock);
	list(k);
	got = prune(k, drop, ctx, err);
	forget(k);
	pthread_rwlock_unlock(&k->lock);
	return got;
}

static size_t segment_damage(const struct keyed *k, const char *name)
{
	struct segment s = {.name = xstrdup(name)};
	size_t i, n = 0, len;

	if (segment_open(k, &s) == 0) {
		n += !s.map || !segment_check(k, &s);
		for (i = 0; i < s.n; i++)
			n += !text_at(&s, i, &len);
	}
	segment_release(&s);
	return n;
}

size_t keyed_damage(struct keyed *k)
{
	DIR *dir = opendir(k->dir);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			n += segment_damage(k, e->d_name);
	if (dir)
		closedir(dir);
	return n;
}
