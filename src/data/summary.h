/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of a table, as they are kept and compared: what stats.h found, at rest.
 *
 *     mlmake-statistics 3 91c4d2a07be35f18             check sum of the rest (util/hash.h)
 *     rows 7043 0 0                                    all; with another number of fields; that are no text
 *     column "tenure" 7043 0 7043 0 0 0 0              rows, and by type: missing int number bool date text
 *     numbers 32.37 4246193.4 0.0 72.0 1               mean, sum of squares about it, least, greatest, rows a value of the sample stands for
 *     sample 0.0 0.0 1.0 ...                           sorted
 *     lengths 1 2                                      bytes, of the shortest and the longest
 *     dates "2020-01-01" "2024-12-31"                  the first and the last
 *     na 12 1                                          texts that often mean missing; which of value_na_like, as bits
 *     values exact 73                                  different ones; or about
 *     value 613 "1"                                    how often, the most frequent first
 *     end
 *
 * Each line from "numbers" on only where it says something. Texts are escaped as in C, doubles the shortest that read back. */
#ifndef DATA_SUMMARY_H
#define DATA_SUMMARY_H

#include "data/stats.h"
#include "util/arena.h"

struct summary_value {
	const char *s;
	uint64_t count;
};

struct summary_column {
	const char *name;
	uint64_t rows, n[VALUE_TEXT + 1];
	double mean, m2, least, greatest;
	double *sample;         /* sorted */
	size_t n_sample;
	uint64_t stride;        /* 1: the sample is all values */
	uint64_t shortest, longest;
	const char *first, *last; /* dates; NULL: none */
	uint64_t na_like;       /* stats.h */
	unsigned na_mask;
	uint64_t distinct;
	bool exact;             /* distinct is, and values are all there are, with their counts */
	struct summary_value *values;
	size_t n_values;
};

struct summary {
	struct arena arena;
	uint64_t rows, ragged, broken;
	struct summary_column *columns;
	size_t n;
	struct map by_name;
};
#define SUMMARY_INIT {.arena = ARENA_INIT, .by_name = MAP_INIT}

void summary_take(struct summary *s, const struct stats *st);
void summary_write(const struct summary *s, struct strbuf *out);
/* Hostile. ERR_PARSE; what was read up to there stays in *s. */
NODISCARD int summary_parse(struct summary *s, const char *text, size_t n, struct err *err);
void summary_release(struct summary *s);
const struct summary_column *summary_column(const struct summary *s, const char *name); /* NULL if there is none */

uint64_t summary_numbers(const struct summary_column *c);
enum value_type summary_type(const struct summary_column *c);
double summary_sd(const struct summary_column *c);
double summary_missing(const struct summary_column *c);
/* {"name", "type", "rows", "missing", "mean", ... "quantiles": {"0.05": x ...}, "distinct", "exact", "top": [{"value", "count"}]} */
struct json *summary_column_json(const struct summary_column *c);

#endif
