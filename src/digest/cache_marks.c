/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking at what earlier runs asked for before anybody asks. Marks name the table by its checksum, so that they speak of no other
 * one, and have a bit for each of its roots: "0123456789abcdef 7fff..03", in hexadecimal, the first eight roots in the first two
 * digits. */
#include <config.h>

#include "digest/statcache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest/cache_memory.h"
#include "util/pool.h"

#define GRAIN 4096 /* so few files are not worth a thread */

/* A file that stat alone shows to be what it was is unmoved; all else takes a closer look. A link at the path is followed only if
 * it was. */
static uint8_t look_at(const struct statcache *sc, uint32_t root)
{
	struct entry now;
	struct tree tree;
	struct stat st;
	int64_t used;
	bool follow;
	const char *path = table_path(&sc->table, root, &follow, &used);

	table_tree(&sc->table, root, &tree);
	if (tree.v[0].young || !entry_is_file(&tree.v[0]) ||
	    look_stat(&sc->look, AT_FDCWD, path, follow, &st) < 0)
		return AHEAD_UNSURE;
	entry_of_stat(&now, &st);
	return S_ISREG(st.st_mode) && entry_same_stat(&tree.v[0], &now) ? AHEAD_UNMOVED : AHEAD_UNSURE;
}

void statcache_look_ahead(struct statcache *sc, const bool *stop)
{
	uint32_t i, n = table_count(&sc->table);

	if (!sc->ahead)
		sc->ahead = xcalloc(n + 1, 1);
	for (i = 0; i < n && !__atomic_load_n(stop, __ATOMIC_RELAXED); i++)
		if (!sc->ahead[i])
			sc->ahead[i] = look_at(sc, i);
}

void statcache_look_afresh(struct statcache *sc)
{
	free(sc->ahead);
	sc->ahead = NULL;
}

static bool has_young(const struct tree *t)
{
	uint32_t i;

	for (i = 0; i < t->n && !t->v[i].young; i++)
		;
	return i < t->n;
}

static bool was_learnt(const struct statcache *sc, const char *path, bool follow)
{
	char key[PATH_MAX + 1];

	if (!sc->overlay.n || strlen(path) >= PATH_MAX)
		return false;
	overlay_key(key, path, follow);
	return map_get(&sc->overlay, key) != NULL;
}

/* Was the root, of a table that may have been written since, asked for since open? */
static bool was_asked(const struct statcache *sc, const char *path, bool follow)
{
	uint32_t root = table_find(&sc->table, path, follow, sc->secret);

	return (root != UINT32_MAX && sc->used[root]) || was_learnt(sc, path, follow);
}

static size_t count_asked(const struct statcache *sc)
{
	size_t n = sc->overlay.n;
	uint32_t i;

	for (i = 0; i < table_count(&sc->table); i++) {
		int64_t used;
		bool follow;
		const char *path = table_path(&sc->table, i, &follow, &used);

		n += sc->used[i] && !was_learnt(sc, path, follow);
	}
	return n;
}

/* How many are marked; SIZE_MAX if one may not be believed yet. */
static size_t add_marks(const struct statcache *sc, const struct table *t, struct strbuf *out)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t i, n = table_count(t);
	size_t marked = 0;
	unsigned bits = 0;

	strbuf_addf(out, "%016" PRIx64 " ", table_checksum(t));
	for (i = 0; i < n; i++) {
		struct tree tree;
		int64_t used;
		bool follow;
		const char *path = table_path(t, i, &follow, &used);

		if (was_asked(sc, path, follow)) {
			table_tree(t, i, &tree);
			if (has_young(&tree))
				return SIZE_MAX;
			bits |= 1u << i % 4;
			marked++;
		}
		if (i % 4 == 3 || i + 1 == n) {
			strbuf_addch(out, digits[bits]);
			bits = 0;
		}
	}
	return marked;
}

bool statcache_mark(struct statcache *sc, struct strbuf *marks)
{
	struct table saved;
	size_t was = marks->len;
	bool good;

	if (!sc->file || sc->dirty || __atomic_load_n(&sc->unmarked, __ATOMIC_RELAXED) ||
	    !table_open(&saved, sc->file, sc->secret))
		return false;
	good = add_marks(sc, &saved, marks) == count_asked(sc); /* a table does not hold everything */
	if (!good)
		strbuf_setlen(marks, was);
	table_close(&saved);
	return good;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_marks(const struct statcache *sc, const char *s, uint8_t *marked)
{
	uint32_t i, n = table_count(&sc->table);
	char sum[18];

	snprintf(sum, sizeof(sum), "%016" PRIx64 " ", table_checksum(&sc->table));
	if (!n || !skip_prefix(s, sum, &s) || strlen(s) != (n + 3) / 4)
		return false;
	for (i = 0; i < n; i++) {
		int bits = hex_value(s[i / 4]);

		if (bits < 0)
			return false;
		marked[i] = bits >> i % 4 & 1;
	}
	return true;
}

struct looking {
	struct statcache *sc;
	const uint8_t *marked;
	bool moved; /* changed atomically */
};

static bool is_file(const struct statcache *sc, uint32_t root)
{
	struct tree t;

	table_tree(&sc->table, root, &t);
	return entry_is_file(&t.v[0]);
}

static void look_at_file(void *ctx, size_t i)
{
	struct looking *l = ctx;

	if (!l->marked[i] || !is_file(l->sc, (uint32_t)i) || __atomic_load_n(&l->moved, __ATOMIC_RELAXED))
		return;
	l->sc->ahead[i] = look_at(l->sc, (uint32_t)i);
	if (l->sc->ahead[i] != AHEAD_UNMOVED)
		__atomic_store_n(&l->moved, true, __ATOMIC_RELAXED);
}

/* Directories and links are asked for as they were then. What had to be learnt is to be saved, so it counts as moved. */
static bool others_unmoved(struct statcache *sc, const uint8_t *marked, int threads)
{
	CLEANUP(freep) struct content_query *q = NULL;
	CLEANUP(freep) uint32_t *roots = NULL;
	uint8_t *ahead = sc->ahead;
	size_t k, n = 0, q_cap = 0, roots_cap = 0;
	uint32_t i;
	bool same;

	for (i = 0; i < table_count(&sc->table); i++) {
		int64_t used;

		if (!marked[i] || is_file(sc, i))
			continue;
		ALLOC_GROW(q, n + 1, q_cap);
		ALLOC_GROW(roots, n + 1, roots_cap);
		memset(&q[n], 0, sizeof(*q));
		q[n].path = table_path(&sc->table, i, &q[n].follow, &used);
		roots[n++] = i;
	}
	if (!n)
		return true;
	sc->ahead = NULL;
	statcache_query(sc, q, n, threads);
	sc->ahead = ahead;
	sc->queried = false;
	same = !sc->dirty;
	for (k = 0; k < n; k++) {
		struct content was;
		struct tree t;

		table_tree(&sc->table, roots[k], &t);
		entry_content(&t.v[0], &was);
		same &= !q[k].failed && content_eq(&q[k].content, &was);
		if (!q[k].failed && q[k].content.kind != CONTENT_NONE)
			ahead[roots[k]] = AHEAD_ANSWERED;
		err_release(&q[k].err);
	}
	return same;
}

bool statcache_as_marked(struct statcache *sc, const char *marks, int threads)
{
	uint32_t n = table_count(&sc->table);
	CLEANUP(freep) uint8_t *marked = xcalloc(n + 1, 1);
	struct looking l = {sc, marked, false};

	if (!read_marks(sc, marks, marked))
		return false;
	sc->ahead = xcalloc(n + 1, 1);
	pool_for(n, GRAIN, threads, look_at_file, &l);
	if (!l.moved && others_unmoved(sc, marked, threads))
		return true;
	memset(sc->used, 0, n);
	sc->unmarked = false;
	return false;
}
