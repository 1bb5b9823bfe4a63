/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"

#define ROOM ((size_t)44 << 20)
#define LEAST_SAMPLE 64
#define LEAST_VALUES 64
#define BITS 14        /* of HyperLogLog: 16,384 registers */
#define FEW_BITS 10    /* when there is little room */
#define FRUITLESS 4    /* prunings that left nothing that came twice, after which frequent values are not looked for */

/* ---- counts of values ----
 * A table by hash. When it is full, the number of different values is estimated from then on; of texts, those that come
 * often are kept (Misra and Gries, many at a time): the median count is taken from all. */

struct stats_counts {
	struct stats_value *v;
	size_t n, cap;
	uint16_t *slots;    /* number + 1; 2 * cap of them */
	struct strbuf texts; /* v[i].s is an offset in it until stats_values hands it out */
	size_t *at;
	uint8_t *registers; /* NULL: all values are in v */
	uint64_t waiting;   /* a hash for them, when they are there */
	unsigned bits;
	bool given_up;      /* of what is frequent */
	unsigned fruitless;
};

static void counts_free(struct stats_counts *c)
{
	if (!c)
		return;
	free(c->v);
	free(c->slots);
	free(c->at);
	free(c->registers);
	strbuf_release(&c->texts);
	free(c);
}

static struct stats_counts *counts_new(void)
{
	struct stats_counts *c = xcalloc(1, sizeof(*c));

	c->texts = (struct strbuf)STRBUF_INIT;
	return c;
}


static uint16_t *slot_of(const struct stats_counts *c, uint64_t hash)
{
	size_t mask = 2 * c->cap - 1, i = hash & mask;

	while (c->slots[i] && c->v[c->slots[i] - 1].hash != hash)
		i = (i + 1) & mask;
	return &c->slots[i];
}

static void index_all(struct stats_counts *c)
{
	size_t i;

	free(c->slots);
	c->slots = xcalloc(2 * c->cap, sizeof(*c->slots));
	for (i = 0; i < c->n; i++)
		*slot_of(c, c->v[i].hash) = (uint16_t)(i + 1);
}

/* Twice as many values, if there is room for them. */
static bool counts_grow(struct stats_counts *c, size_t *room)
{
	size_t cap = c->cap ? 2 * c->cap : LEAST_VALUES;
	size_t cost = (cap - c->cap) * (sizeof(*c->v) + sizeof(*c->at) + 2 * sizeof(*c->slots) + STATS_VALUE);

	if (cap > STATS_VALUES || (c->cap && cost > *room))
		return false;
	*room -= MIN(cost, *room);
	c->cap = cap;
	c->v = xreallocarray(c->v, cap, sizeof(*c->v));
	c->at = xreallocarray(c->at, cap, sizeof(*c->at));
	index_all(c);
	return true;
}

static void estimate(struct stats_counts *c, uint64_t hash)
{
	uint64_t rest = hash << c->bits | UINT64_C(1) << (c->bits - 1);
	uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *reg = &c->registers[hash >> (64 - c->bits)];

	*reg = MAX(*reg, rank);
}

static void begin_estimate(struct stats_counts *c, size_t *room)
{
	size_t i;

	c->bits = *room > (size_t)1 << BITS ? BITS : FEW_BITS;
	*room -= MIN((size_t)1 << c->bits, *room);
	c->registers = xcalloc((size_t)1 << c->bits, 1);
	for (i = 0; i < c->n; i++)
		estimate(c, c->v[i].hash);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median_count(const struct stats_counts *c)
{
	uint64_t *all, median;
	size_t i, ones = 0;

	for (i = 0; i < c->n; i++)
		ones += c->v[i].count == 1;
	if (ones * 2 >= c->n)
		return 1;
	all = xreallocarray(NULL, c->n, sizeof(*all));
	for (i = 0; i < c->n; i++)
		all[i] = c->v[i].count;
	qsort(all, c->n, sizeof(*all), by_size);
	median = all[c->n / 2];
	free(all);
	return median;
}

static void prune(struct stats_counts *c)
{
	CLEANUP(strbuf_release) struct strbuf texts = STRBUF_INIT;
	uint64_t less = median_count(c);
	size_t i, kept = 0;

	for (i = 0; i < c->n; i++) {
		if (c->v[i].count <= less)
			continue;
		c->v[kept] = c->v[i];
		c->v[kept].count -= less;
		c->at[kept] = texts.len;
		strbuf_add(&texts, c->texts.buf + c->at[i], c->v[i].n);
		kept++;
	}
	c->n = kept;
	strbuf_clear(&c->texts);
	strbuf_add(&c->texts, texts.buf, texts.len);
	index_all(c);
	c->fruitless = kept ? 0 : c->fruitless + 1;
	c->given_up |= c->fruitless >= FRUITLESS;
}

static void counts_take(struct stats_counts *c, const char *s, size_t n, bool keep_frequent, size_t *room)
{
	uint64_t hash = hash_bytes(s, n);
	uint16_t *slot;

	if (c->registers) {
		/* Its register is fetched while other columns are dealt with. */
		estimate(c, c->waiting);
		c->waiting = hash;
		__builtin_prefetch(&c->registers[hash >> (64 - c->bits)]);
		if (c->given_up)
			return;
	}
	slot = c->cap ? slot_of(c, hash) : NULL;
	if (slot && *slot) {
		c->v[*slot - 1].count++;
		return;
	}
	if (c->n == c->cap && !(!c->registers && counts_grow(c, room))) {
		if (!c->registers) {
			begin_estimate(c, room);
			c->waiting = hash;
			c->given_up = !keep_frequent;
		}
		if (!c->given_up)
			prune(c);
		if (c->given_up) {
			c->n = 0;
			return;
		}
	}
	c->at[c->n] = c->texts.len;
	c->v[c->n] = (struct stats_value){hash, 1, NULL, MIN(n, (size_t)STATS_VALUE)};
	strbuf_add(&c->texts, s, c->v[c->n].n);
	*slot_of(c, hash) = (uint16_t)++c->n;
}

/* Flajolet, Fusy, Gandouet, Meunier: HyperLogLog (2007), with linear counting for few values; hashes of 64 bits need no correction for many. */
uint64_t stats_distinct(const struct stats_column *col, bool *exact)
{
	const struct stats_counts *c = col->counts;
	double m, sum = 0, estimated;
	size_t i, zeros = 0;

	*exact = !c || !c->registers;
	if (*exact)
		return c ? c->n : 0;
	m = (double)((size_t)1 << c->bits);
	for (i = 0; i < (size_t)1 << c->bits; i++) {
		sum += ldexp(1, -c->registers[i]);
		zeros += !c->registers[i];
	}
	estimated = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (estimated <= 2.5 * m && zeros)
		estimated = m * log(m / (double)zeros);
	return (uint64_t)llround(estimated);
}

static int by_count(const void *a, const void *b)
{
	const struct stats_value *x = a, *y = b;
	int order;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	order = memcmp(x->s, y->s, MIN(x->n, y->n));
	return order ? order : x->n < y->n ? -1 : x->n > y->n;
}

struct stats_value *stats_values(const struct stats_column *col, size_t *n, bool *exact)
{
	const struct stats_counts *c = col->counts;
	struct stats_value *v;
	size_t i;

	*exact = !c || !c->registers;
	*n = c ? c->n : 0;
	v = xcalloc(*n + 1, sizeof(*v));
	for (i = 0; i < *n; i++) {
		v[i] = c->v[i];
		v[i].s = c->texts.buf + c->at[i];
	}
	qsort(v, *n, sizeof(*v), by_count);
	return v;
}

/* ---- numbers ---- */

/* xorshift64* */
static uint64_t draw(struct stats *st)
{
	st->random ^= st->random >> 12;
	st->random ^= st->random << 25;
	st->random ^= st->random >> 27;
	return st->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* One of each two neighbours stays. */
static void thin(struct stats *st, struct stats_column *c)
{
	size_t i;

	for (i = 0; i + 1 < c->n_sample; i += 2)
		c->sample[i / 2] = c->sample[i + (draw(st) >> 63)];
	c->n_sample /= 2;
	c->stride *= 2;
	c->seen = 0;
}

static void sample(struct stats *st, struct stats_column *c, double x)
{
	if (c->n_sample == c->sample_cap) {
		size_t cap = c->sample_cap ? 2 * c->sample_cap : LEAST_SAMPLE, cost = (cap - c->sample_cap) * sizeof(*c->sample);

		if (cap > STATS_SAMPLE || (c->sample_cap && cost > st->room)) {
			thin(st, c);
		} else {
			st->room -= MIN(cost, st->room);
			c->sample_cap = cap;
			c->sample = xreallocarray(c->sample, cap, sizeof(*c->sample));
		}
	}
	if (c->stride == 1) {
		c->sample[c->n_sample++] = x;
		return;
	}
	if (!c->seen)
		c->pick = draw(st) & (c->stride - 1);
	if (c->seen == c->pick)
		c->sample[c->n_sample] = x;
	if (++c->seen == c->stride) {
		c->n_sample++;
		c->seen = 0;
	}
}

uint64_t stats_numbers(const struct stats_column *c)
{
	return c->n[VALUE_INT] + c->n[VALUE_NUMBER];
}

/* The sum of x[i] - from, four sums side by side. */
static double sum_from(const double *x, size_t n, double from)
{
	double sums[4] = {0, 0, 0, 0};
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		sums[0] += x[i] - from;
		sums[1] += x[i + 1] - from;
		sums[2] += x[i + 2] - from;
		sums[3] += x[i + 3] - from;
	}
	for (; i < n; i++)
		sums[0] += x[i] - from;
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* The sum of squares of x[i] - from about mean: from + mean is not always a double. */
static double squares_about(const double *x, size_t n, double from, double mean)
{
	double sums[4] = {0, 0, 0, 0};
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		sums[0] += (x[i] - from - mean) * (x[i] - from - mean);
		sums[1] += (x[i + 1] - from - mean) * (x[i + 1] - from - mean);
		sums[2] += (x[i + 2] - from - mean) * (x[i + 2] - from - mean);
		sums[3] += (x[i + 3] - from - mean) * (x[i + 3] - from - mean);
	}
	for (; i < n; i++)
		sums[0] += (x[i] - from - mean) * (x[i] - from - mean);
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* A block of numbers that are too large for their sum, one after the other (Welford, 1962). */
static void take_large(struct stats_column *c)
{
	double away;
	size_t i;

	for (i = 0; i < c->n_block; i++) {
		away = c->block[i] - c->origin - c->mean;
		c->mean += away / (double)++c->n_mean;
		c->m2 += away * (c->block[i] - c->origin - c->mean);
	}
	c->mean_rest = 0;
	c->n_block = 0;
}

/* Takes the block into the mean and the squares: Chan, Golub, LeVeque, Algorithms for Computing the Sample Variance (1983), the pairwise algorithm. */
static void take_block(struct stats_column *c)
{
	double n = c->n_block, before = (double)c->n_mean, mean, away, more, sum;
	size_t i;

	if (!c->n_block)
		return;
	if (!c->n_mean)
		c->origin = c->least = c->greatest = c->block[0];
	for (i = 0; i < c->n_block; i++) {
		c->least = MIN(c->least, c->block[i]);
		c->greatest = MAX(c->greatest, c->block[i]);
	}
	mean = sum_from(c->block, c->n_block, c->origin) / n;
	if (!isfinite(mean)) {
		take_large(c);
		return;
	}
	away = mean - c->mean - c->mean_rest;
	more = away * (n / (before + n)) + c->mean_rest;
	sum = c->mean + more;
	c->mean_rest = more - (sum - c->mean); /* what the sum is rounded by (Kahan, 1965) */
	c->mean = sum;
	c->m2 += squares_about(c->block, c->n_block, c->origin, mean);
	if (c->n_mean)
		c->m2 += away * away * (before * n / (before + n));
	c->n_mean += c->n_block;
	c->n_block = 0;
}

static void take_number(struct stats *st, struct stats_column *c, double x)
{
	if (c->n_block == STATS_BLOCK)
		take_block(c);
	c->block[c->n_block++] = x;
	sample(st, c, x);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

void stats_sort(double *x, size_t n)
{
	if (n)
		qsort(x, n, sizeof(*x), by_value);
}

double stats_quantile(const double *sorted, size_t n, double p)
{
	double at = p * (double)(n - 1), below = floor(at);
	size_t i = (size_t)below;

	return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* ---- columns ---- */

void stats_init(struct stats *st, const struct na_words *na)
{
	memset(st, 0, sizeof(*st));
	st->room = ROOM;
	st->random = UINT64_C(0x9e3779b97f4a7c15);
	if (na)
		st->na = *na;
}

void stats_release(struct stats *st)
{
	size_t i;

	for (i = 0; i < st->n; i++) {
		free(st->columns[i].name);
		free(st->columns[i].sample);
		counts_free(st->columns[i].counts);
	}
	free(st->columns);
	map_release(&st->by_name);
	memset(st, 0, sizeof(*st));
}

const struct stats_column *stats_column(const struct stats *st, const char *name)
{
	void *known = map_get(&st->by_name, name);

	return known ? &st->columns[(uintptr_t)known - 1] : NULL;
}

enum value_type stats_type(const struct stats_column *c)
{
	uint64_t all = c->rows - c->n[VALUE_MISSING];

	if (!all)
		return VALUE_MISSING;
	if (c->n[VALUE_INT] == all)
		return VALUE_INT;
	if (stats_numbers(c) == all)
		return VALUE_NUMBER;
	if (c->n[VALUE_BOOL] == all)
		return VALUE_BOOL;
	return c->n[VALUE_DATE] == all ? VALUE_DATE : VALUE_TEXT;
}

/* As strcmp of s, without a NUL in it, and known. */
static int compared(const char *s, size_t n, const char *known)
{
	int order = strncmp(s, known, n);

	return order ? order : known[n] ? -1 : 0;
}

static void keep_date(char *to, const char *s, size_t n)
{
	memcpy(to, s, n);
	to[n] = '\0';
}

static void take_date(struct stats_column *c, const struct field *f)
{
	size_t n = MIN(f->n, sizeof(c->first) - 1);

	if (!*c->first || compared(f->s, n, c->first) < 0)
		keep_date(c->first, f->s, n);
	if (compared(f->s, n, c->last) > 0)
		keep_date(c->last, f->s, n);
}

static void take(struct stats *st, struct stats_column *c, const struct field *f, enum value_type type, double x)
{
	unsigned word;

	c->rows++;
	c->n[type]++;
	if (type == VALUE_MISSING)
		return;
	if (type == VALUE_INT || type == VALUE_NUMBER) {
		take_number(st, c, x);
	} else if (type == VALUE_DATE) {
		take_date(c, f);
	} else if (type == VALUE_TEXT && (word = value_is_na_like(f))) {
		c->na_like++;
		c->na_mask |= 1u << (word - 1);
	}
	c->shortest = c->rows - c->n[VALUE_MISSING] == 1 ? f->n : MIN(c->shortest, f->n);
	c->longest = MAX(c->longest, f->n);
	if (!c->counts)
		c->counts = counts_new();
	counts_take(c->counts, f->s, f->n, !stats_numbers(c), &st->room);
}

/* The number of the column of this name. */
static size_t column_number(struct stats *st, const char *name)
{
	void *known = map_get(&st->by_name, name);
	struct stats_column *c;

	if (known)
		return (uintptr_t)known - 1;
	ALLOC_GROW(st->columns, st->n + 1, st->cap);
	c = &st->columns[st->n];
	*c = (struct stats_column){.name = xstrdup(name), .stride = 1, .rows = st->rows, .n = {st->rows}};
	map_put(&st->by_name, c->name, (void *)(uintptr_t)(st->n + 1));
	return st->n++;
}

/* The columns of a table by their numbers in it; SIZE_MAX: one of that name stands before it. */
struct numbering {
	size_t *v, cap, n;
	size_t different;
};

static void number_columns(struct stats *st, const struct rows *r, struct numbering *to)
{
	for (; to->n < r->names.n; to->n++) {
		size_t number = column_number(st, r->names.v[to->n]);
		struct stats_column *c = &st->columns[number];

		ALLOC_GROW(to->v, to->n + 1, to->cap);
		to->v[to->n] = c->table == st->tables ? SIZE_MAX : number;
		to->different += c->table != st->tables;
		c->table = st->tables;
	}
}

/* Field i of the row, which is of this column. */
static void take_field(struct stats *st, struct stats_column *c, struct rows *r, size_t i)
{
	struct field f = {"", 0, FIELD_ABSENT};
	enum value_type type = VALUE_MISSING;
	double x = 0;

	if (i < r->n_fields)
		rows_get(r, i, &f);
	if (r->values && i < r->n_fields) {
		type = r->values[i].type;
		x = r->values[i].x;
	} else if (!value_is_missing(&f, &st->na)) {
		type = value_present(&f, &x);
	}
	take(st, c, &f, type, x);
}

int stats_take(struct stats *st, struct rows *r, struct err *err)
{
	struct numbering numbers = {NULL, 0, 0, 0};
	size_t i;
	int got;

	st->tables++;
	number_columns(st, r, &numbers);
	while ((got = rows_next(r, err)) > 0) {
		if (!r->n && r->names.n > 1)
			continue;
		if (r->flags & ROW_NO_OBJECT) {
			st->broken++;
			continue;
		}
		number_columns(st, r, &numbers);
		for (i = 0; i < numbers.n; i++)
			if (numbers.v[i] != SIZE_MAX)
				take_field(st, &st->columns[numbers.v[i]], r, i);
		st->rows++;
		st->ragged += r->format == ROWS_SEPARATED && r->n_fields != r->names.n;
		st->broken += r->flags != 0;
		for (i = 0; numbers.different < st->n && i < st->n; i++)
			if (st->columns[i].rows < st->rows)
				take_field(st, &st->columns[i], r, SIZE_MAX);
	}
	for (i = 0; i < st->n; i++) {
		struct stats_counts *c = st->columns[i].counts;

		take_block(&st->columns[i]);
		if (c && c->registers)
			estimate(c, c->waiting);
	}
	free(numbers.v);
	return got;
}
