/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the columns of a table hold, found in one pass and in bounded memory: some 48 MiB, however many rows and columns there are.
 *
 * Exact: rows, missing values, types, least, greatest, mean, standard deviation, lengths. Exact up to a bound, and said to be estimates
 * beyond it: the sample from which quantiles come (every value, up to STATS_SAMPLE; then one of each 2, 4, 8 ... in a row, chosen
 * by a fixed sequence, so that the same data give the same statistics), the number of different values (then HyperLogLog: 0.8 %
 * standard error), the frequent values (then Misra and Gries: counts are lower bounds). */
#ifndef DATA_STATS_H
#define DATA_STATS_H

#include "data/value.h"
#include "util/json.h"
#include "util/map.h"

#define STATS_SAMPLE 16384
#define STATS_VALUES 4096   /* different values that are counted */
#define STATS_BLOCK 32     /* numbers whose mean is taken together */
#define STATS_VALUE 64      /* bytes of one that are kept */

struct stats_value {
	uint64_t hash, count;
	const char *s; /* cut at STATS_VALUE bytes; in a text of its column's */
	size_t n;
};

struct stats_counts; /* of stats.c */

struct stats_column {
	char *name;
	uint64_t rows;     /* that have such a field, or lack it: all since the beginning */
	uint64_t n[VALUE_TEXT + 1]; /* by type; n[VALUE_MISSING] is those that lack it */
	/* of numbers */
	double origin;     /* the first of them: means are taken from there, so that nothing is lost of numbers far from zero */
	double mean, m2;   /* less origin; sum of squares about it */
	double mean_rest;  /* what no digit of mean is left for */
	double least, greatest;
	uint64_t n_mean;   /* values of which all these are; others wait in block */
	double block[STATS_BLOCK];
	unsigned n_block;
	double *sample;
	size_t n_sample, sample_cap;
	uint64_t stride;   /* a value of the sample stands for so many */
	uint64_t seen, pick; /* in the current stride */
	/* of others */
	uint64_t na_like;  /* texts that often mean "missing" */
	unsigned na_mask;  /* which of value_na_like they are */
	uint64_t shortest, longest; /* bytes */
	char first[24], last[24];   /* dates, by byte order; cut */
	struct stats_counts *counts;
	size_t table;      /* in which it was met last */
};

struct stats {
	struct stats_column *columns;
	size_t n, cap;
	struct map by_name;
	uint64_t rows, ragged, broken; /* broken: not text, not UTF-8, quotes, no object */
	size_t room;                   /* bytes that may still be taken */
	uint64_t random;
	size_t tables;
	struct na_words na;
};

void stats_init(struct stats *st, const struct na_words *na); /* na, borrowed, may be NULL */
void stats_release(struct stats *st);
/* Takes all rows of r, from rows_begin on, beside what was taken before: columns of one name are one. Of two in one table, the first
 * counts. */
NODISCARD int stats_take(struct stats *st, struct rows *r, struct err *err);

enum value_type stats_type(const struct stats_column *c); /* the narrowest that all values have; VALUE_MISSING: there are none */
uint64_t stats_numbers(const struct stats_column *c);     /* how many values are numbers */
/* The p-quantile of sorted x[0..n), between neighbours linearly (type 7 of Hyndman and Fan, numpy's and R's default). */
double stats_quantile(const double *sorted, size_t n, double p);
void stats_sort(double *x, size_t n);
/* How many different values there are; *exact: it is no estimate. */
uint64_t stats_distinct(const struct stats_column *c, bool *exact);
/* The frequent values, most frequent first, then by bytes; owned by the caller (free). *exact: these are all values, and the counts are exact. */
struct stats_value *stats_values(const struct stats_column *c, size_t *n, bool *exact);
const struct stats_column *stats_column(const struct stats *st, const char *name); /* NULL if there is none */

#endif
