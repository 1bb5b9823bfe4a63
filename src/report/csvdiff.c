/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both files are read side by side, a row of one and a row of the other. A table holds what was met more often in one than in the
 * other so far, so files that are mostly the same need little of it. If it gets too large, the rows are divided by their hashes into
 * parts, each of which takes a reading of its own. */
#include <config.h>

#include "report/csvdiff.h"

#include <stdlib.h>
#include <string.h>

#include "data/rows.h"
#include "util/hash.h"
#include "util/map.h"

#define LEAST_SLOTS ((size_t)1 << 12)
#define MOST_SLOTS ((size_t)1 << 21) /* of 20 bytes each */
#define GROWTH 8                     /* so that old and new table together stay below the limit */

/* ---- rows and columns ---- */

static const struct rows_options whole_rows = {.format = ROWS_SEPARATED, .raw = true},
				 unquoted_rows = {.format = ROWS_SEPARATED, .raw = true, .no_quotes = true};

struct header {
	struct strvec names;
	char separator;
	bool named; /* it is a header, not data */
};

/* The next row: 1, 0 at the end, -1; also if it shows that this is no text, or that quotes quote nothing. */
static int next_row(struct rows *r, struct err *err)
{
	int got = rows_next(r, err);

	if (got > 0 && r->flags & ROW_NUL)
		return err_set(err, ERR_INVALID, "it is not text");
	if (got > 0 && r->flags & ROW_OPEN)
		return err_set(err, ERR_INVALID, "line %llu: a quote is never closed", (unsigned long long)r->line);
	return got;
}

static bool is_number(const char *s)
{
	char *end;

	strtod(s, &end);
	return *s && !*end;
}

static void read_header(struct header *h, struct rows *r)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i;

	h->separator = r->separator;
	for (i = 0; i < r->n_fields; i++) {
		struct field f = rows_field(r, i);

		strvec_push_owned(&h->names, xstrndup(f.s, f.n));
	}
	h->named = true;
	for (i = 0; i < h->names.n; i++)
		h->named &= *h->names.v[i] && !is_number(h->names.v[i]) && !map_put(&seen, h->names.v[i], h);
}

/* ---- what was met more often in one than in the other ---- */

struct table {
	uint64_t *hash; /* 0: free */
	int32_t *net;   /* more in the old: positive */
	uint64_t *offset;
	size_t n, slots;
};

static void table_release(struct table *t)
{
	free(t->hash);
	free(t->net);
	free(t->offset);
	memset(t, 0, sizeof(*t));
}

static void table_init(struct table *t, size_t slots)
{
	t->n = 0;
	t->slots = slots;
	t->hash = xcalloc(slots, sizeof(*t->hash));
	t->net = xmalloc(slots * sizeof(*t->net));
	t->offset = xmalloc(slots * sizeof(*t->offset));
}

static size_t slot_of(const struct table *t, uint64_t hash)
{
	size_t i = hash & (t->slots - 1);

	while (t->hash[i] && t->hash[i] != hash)
		i = (i + 1) & (t->slots - 1);
	return i;
}

static void table_grow(struct table *t)
{
	struct table bigger;
	size_t i;

	table_init(&bigger, t->slots * GROWTH);
	for (i = 0; i < t->slots; i++) {
		size_t to;

		if (!t->hash[i])
			continue;
		to = slot_of(&bigger, t->hash[i]);
		bigger.hash[to] = t->hash[i];
		bigger.net[to] = t->net[i];
		bigger.offset[to] = t->offset[i];
		bigger.n++;
	}
	table_release(t);
	*t = bigger;
}

/* What follows a slot that becomes free moves up, so that looking for it does not stop there. */
static void table_remove(struct table *t, size_t free_slot)
{
	size_t i = free_slot, mask = t->slots - 1;

	for (;;) {
		i = (i + 1) & mask;
		if (!t->hash[i])
			break;
		if (((i - (t->hash[i] & mask)) & mask) < ((i - free_slot) & mask))
			continue;
		t->hash[free_slot] = t->hash[i];
		t->net[free_slot] = t->net[i];
		t->offset[free_slot] = t->offset[i];
		free_slot = i;
	}
	t->hash[free_slot] = 0;
	t->n--;
}

/* false: it is full. */
static bool table_count(struct table *t, uint64_t hash, int by, uint64_t offset)
{
	size_t i;

	hash += hash == 0;
	i = slot_of(t, hash);
	if (t->hash[i]) {
		t->net[i] += by;
		if (!t->net[i])
			table_remove(t, i);
		return true;
	}
	if ((t->n + 1) * 5 > t->slots * 4) {
		if (t->slots >= MOST_SLOTS)
			return false;
		table_grow(t);
		i = slot_of(t, hash);
	}
	t->hash[i] = hash;
	t->net[i] = by;
	t->offset[i] = offset;
	t->n++;
	return true;
}

/* ---- comparing ---- */

struct side {
	const struct data_source *src;
	struct rows rows;
	struct header header;
	size_t *common; /* columns that count, in the order of the old file; NULL: the whole row does */
	size_t n_common;
	int sign;
	uint64_t n_rows;
};

struct comparing {
	struct csv_diff *d;
	const struct rows_options *how;
	struct side sides[2];
	struct table table;
	uint64_t parts, part;
};

static uint64_t hash_row(struct side *s)
{
	uint64_t sum = 0;
	size_t i;

	if (!s->common)
		return hash_bytes(s->rows.row, s->rows.n);
	for (i = 0; i < s->n_common; i++) {
		bool has = s->common[i] < s->rows.n_fields;
		struct field f = has ? rows_field(&s->rows, s->common[i]) : (struct field){NULL, 0, FIELD_ABSENT};
		uint64_t h = has ? hash_bytes(f.s, f.n) : 1;

		sum = hash_bytes((const uint64_t[]){sum, h}, 2 * sizeof(h));
	}
	return sum;
}

/* The next row of s into the table: 1, 0 at the end, -1, 2 if the table is full. */
static int take_row(struct comparing *c, struct side *s, struct err *err)
{
	int got = next_row(&s->rows, err);
	uint64_t hash;

	if (got <= 0)
		return got;
	s->n_rows++;
	hash = hash_row(s);
	if (c->parts > 1 && (hash >> 32) % c->parts != c->part)
		return 1;
	return table_count(&c->table, hash, s->sign, s->rows.offset) ? 1 : 2;
}

static int begin_side(struct comparing *c, struct side *s, struct err *err)
{
	s->n_rows = 0;
	if (rows_begin(&s->rows, s->src, c->how, err) < 0)
		return -1;
	return c->d->header && next_row(&s->rows, err) < 0 ? -1 : 0;
}

/* Reads both once: 0, -1, 2 if the table got full. */
static int pass(struct comparing *c, struct err *err)
{
	bool open[2] = {true, true};
	size_t i;
	int got;

	for (i = 0; i < 2; i++)
		if (begin_side(c, &c->sides[i], err) < 0)
			return -1;
	while (open[0] || open[1])
		for (i = 0; i < 2; i++) {
			if (!open[i])
				continue;
			got = take_row(c, &c->sides[i], err);
			if (got < 0 || got == 2)
				return got;
			open[i] = got > 0;
		}
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The first rows of one side that the table still holds, found again by where they stand. */
static int add_examples(struct comparing *c, struct side *s, struct strvec *out, struct err *err)
{
	uint64_t first[CSVDIFF_EXAMPLES + 1];
	size_t i, n = 0, at = 0;
	int got = 1;

	for (i = 0; i < c->table.slots; i++) {
		if (!c->table.hash[i] || (c->table.net[i] > 0) != (s->sign > 0))
			continue;
		first[n++] = c->table.offset[i];
		qsort(first, n, sizeof(*first), by_offset);
		n = MIN(n, (size_t)CSVDIFF_EXAMPLES);
	}
	if (!n)
		return 0;
	if (rows_begin(&s->rows, s->src, c->how, err) < 0)
		return -1;
	while (at < n && out->n < CSVDIFF_EXAMPLES && (got = next_row(&s->rows, err)) > 0)
		if (s->rows.offset == first[at]) {
			strvec_push_owned(out, xstrndup(s->rows.row, s->rows.n));
			at++;
		}
	return got < 0 ? -1 : 0;
}

static int count_part(struct comparing *c, struct err *err)
{
	struct csv_diff *d = c->d;
	size_t i;

	for (i = 0; i < c->table.slots; i++) {
		if (!c->table.hash[i])
			continue;
		if (c->table.net[i] > 0)
			d->removed += (uint64_t)c->table.net[i];
		else
			d->added += (uint64_t)-(int64_t)c->table.net[i];
	}
	if (d->examples_removed.n < CSVDIFF_EXAMPLES && add_examples(c, &c->sides[0], &d->examples_removed, err) < 0)
		return -1;
	if (d->examples_added.n < CSVDIFF_EXAMPLES && add_examples(c, &c->sides[1], &d->examples_added, err) < 0)
		return -1;
	return 0;
}

static void begin_again(struct comparing *c)
{
	c->d->added = c->d->removed = 0;
	strvec_release(&c->d->examples_added);
	strvec_release(&c->d->examples_removed);
	c->d->examples_added = c->d->examples_removed = (struct strvec)STRVEC_INIT;
	c->part = 0;
}

static int compare_rows(struct comparing *c, struct err *err)
{
	c->parts = 1;
	c->part = 0;
	while (c->part < c->parts) {
		int got;

		table_release(&c->table);
		table_init(&c->table, LEAST_SLOTS);
		got = pass(c, err);
		if (got < 0)
			return -1;
		if (got == 2) {
			c->parts *= 4;
			begin_again(c);
			continue;
		}
		if (count_part(c, err) < 0)
			return -1;
		c->part++;
	}
	c->d->rows_old = c->sides[0].n_rows;
	c->d->rows_new = c->sides[1].n_rows;
	return 0;
}

static ssize_t column_of(const struct header *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->names.n; i++)
		if (streq(h->names.v[i], name))
			return (ssize_t)i;
	return -1;
}

static void compare_columns(struct comparing *c)
{
	struct side *old = &c->sides[0], *new = &c->sides[1];
	ssize_t last = -1;
	size_t i;

	for (i = 0; i < 2; i++)
		c->sides[i].common = xcalloc(old->header.names.n + 1, sizeof(*c->sides[i].common));
	for (i = 0; i < old->header.names.n; i++) {
		ssize_t at = column_of(&new->header, old->header.names.v[i]);

		if (at < 0) {
			strvec_push(&c->d->columns_removed, old->header.names.v[i]);
			continue;
		}
		c->d->columns_moved |= at < last;
		last = at;
		old->common[old->n_common++] = i;
		new->common[new->n_common++] = (size_t)at;
	}
	for (i = 0; i < new->header.names.n; i++)
		if (column_of(&old->header, new->header.names.v[i]) < 0)
			strvec_push(&c->d->columns_added, new->header.names.v[i]);
}

static bool same_columns(const struct header *a, const struct header *b)
{
	size_t i;

	if (a->names.n != b->names.n || a->separator != b->separator)
		return false;
	for (i = 0; i < a->names.n; i++)
		if (!streq(a->names.v[i], b->names.v[i]))
			return false;
	return true;
}

static int read_headers(struct comparing *c, struct err *err)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		struct side *s = &c->sides[i];
		int got;

		if (rows_begin(&s->rows, s->src, c->how, err) < 0 || (got = next_row(&s->rows, err)) < 0)
			return -1;
		if (got)
			read_header(&s->header, &s->rows);
	}
	c->d->header = c->sides[0].header.named && c->sides[1].header.named;
	if (c->d->header && !same_columns(&c->sides[0].header, &c->sides[1].header))
		compare_columns(c);
	return 0;
}

static int compare(struct csv_diff *d, const struct data_source *old, const struct data_source *new, const struct rows_options *how,
		   struct err *err)
{
	struct comparing c = {.d = d, .how = how,
			      .sides = {{.src = old, .rows = ROWS_INIT, .sign = 1}, {.src = new, .rows = ROWS_INIT, .sign = -1}}};
	size_t i;
	int got = read_headers(&c, err) < 0 || compare_rows(&c, err) < 0 ? -1 : 0;

	table_release(&c.table);
	for (i = 0; i < 2; i++) {
		rows_release(&c.sides[i].rows);
		strvec_release(&c.sides[i].header.names);
		free(c.sides[i].common);
	}
	return got;
}

int csv_diff(struct csv_diff *d, const struct data_source *old, const struct data_source *new, struct err *err)
{
	CLEANUP(err_release) struct err first = ERR_INIT;

	if (compare(d, old, new, &whole_rows, &first) == 0)
		return 0;
	csv_diff_release(d);
	if (first.code != ERR_INVALID)
		return err_move(err, &first);
	if (compare(d, old, new, &unquoted_rows, err) == 0)
		return 0;
	csv_diff_release(d);
	return -1;
}

void csv_diff_release(struct csv_diff *d)
{
	strvec_release(&d->columns_added);
	strvec_release(&d->columns_removed);
	strvec_release(&d->examples_added);
	strvec_release(&d->examples_removed);
	*d = (struct csv_diff)CSV_DIFF_INIT;
}
