/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of a check: what has to be so of a table.
 *
 *     format = csv                csv, tsv or jsonl; not said: by the name of the file, else by its first byte
 *     separator = ;               one character, or 'tab'
 *     header = no                 the columns are called 1, 2, ...
 *     na = NA ?                   words that mean missing, beside nothing and "nan"
 *     rows = 1000..               how many
 *     unique = store day          no two rows have the same values in these columns; a line of its own for each such set
 *     others = error              columns without a rule are wrong; or warn; else they are fine
 *     column NAME = WORD...       int number bool date text (what type), LOW..HIGH (of numbers and dates), set VALUE..., match REGEX (POSIX
 *                                 extended), missing SHARE (at most; 0.05 or 5%), length LOW..HIGH (bytes), unique, optional (it may be absent)
 *     severity = warn             what is wrong is told, and stops nothing; a rule that ends with the word warn is so by itself
 *     cmd = python3 check.py      a command that judges, and prints JSON (lifecycle/check.h)
 *
 * LOW..HIGH is closed on both ends; either may be left out; a single value means just that. */
#ifndef PIPELINE_CHECK_RULES_H
#define PIPELINE_CHECK_RULES_H

#include "pipeline/rules.h"
#include "util/err.h"

enum check_type { CHECK_ANY, CHECK_INT, CHECK_NUMBER, CHECK_BOOL, CHECK_DATE, CHECK_TEXT };

/* Bounds as numbers, or as texts (dates, by byte order). */
struct check_range {
	const char *text;     /* as it is written; NULL: none */
	bool has_low, has_high, dates;
	double low, high;
	const char *low_date, *high_date;
};

struct check_column {
	const char *name;
	enum check_type type;
	struct check_range range, length;
	const char **set;     /* NULL: any value */
	size_t n_set;
	const char *match;    /* NULL: any */
	double missing;       /* at most this share; 1: any */
	const char *missing_text;
	bool unique, optional, warn;
	int line;
};

struct check_unique {
	const char **columns;
	size_t n;
	const char *text;
	bool warn;
	int line;
};

struct check_rules {
	char separator;        /* 0: found */
	const char *format;    /* NULL: found */
	bool no_header, warn;
	const char **na;
	size_t n_na;
	struct check_range rows;
	bool rows_warn;
	enum { OTHERS_FINE, OTHERS_WARN, OTHERS_WRONG } others;
	struct check_column *columns; /* in order of mention, each once */
	size_t n_columns;
	struct check_unique *unique;
	size_t n_unique;
	const char *cmd;       /* NULL: none */
};

/* Reads rules. What is wrong is told to problem (line 0: about the check as a whole), and then the result is -1. In a. */
NODISCARD int check_rules_read(const struct rule *rules, struct arena *a, struct check_rules *out,
			       void (*problem)(void *ctx, int line, const char *message), void *ctx);
/* Is there a rule about rows or columns, or none for a command either? */
bool check_reads_table(const struct check_rules *r);
/* ';' for ";", a tab for "tab" or "\t"; 0 if s is no separator. */
char check_separator(const char *s);

#endif
