/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data judged by the rules of a check (pipeline/check_rules.h): one pass over the files, in memory bounded whatever their size, and a second
 * one only to name the rows of values that should be unique and are not.
 *
 * All files of a check are one table in parts: rows are counted and values unique over all of them. Of a directory, the files in it with a
 * name of a table (.csv and the like) are taken, in byte order. An empty line is no row, except in a table of one column.
 *
 * A `cmd` judges for itself and prints one JSON document:
 *
 *     {"passed": false, "findings": [{"rule": "...", "column": "...", "severity": "error"|"warn", "message": "...",
 *                                     "count": 3, "of": 100, "examples": [{"file": "...", "line": 7, "value": "..."}]}]}
 *
 * "passed" is needed, and what is not known is passed over. "success" and "results" as Great Expectations prints them are understood in
 * place of it. Nothing printed and a status of 0 is a pass; another status a failure. */
#ifndef LIFECYCLE_CHECK_H
#define LIFECYCLE_CHECK_H

#include "pipeline/check_rules.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/json.h"
#include "util/strvec.h"

#define CHECK_EXAMPLES 5

struct check_example {
	const char *file;
	uint64_t line;        /* 0: of no line in particular */
	const char *value;    /* for people: escaped, cut */
};
/* Something that is not as the rules want it. */
struct finding {
	const char *rule;     /* "rows", "column age", "unique id", "rows of the table", "cmd" */
	const char *column;   /* NULL: of none */
	bool warn;
	const char *message;
	uint64_t count, of;   /* rows or values; of 0: not counted */
	struct check_example examples[CHECK_EXAMPLES];
	size_t n_examples;
};
struct check_result {
	struct arena arena;
	struct finding *v;    /* in the order of the rules */
	size_t n, errors;
	uint64_t rows;
	size_t files;
};
#define CHECK_RESULT_INIT {.arena = ARENA_INIT}

/* Judges paths by the rules. tmp: a directory for temporary files. ERR_NOTFOUND, ERR_IO; what is wrong with the data is in *out. */
NODISCARD int check_data(const struct check_rules *rules, const struct strvec *paths, const char *tmp, struct check_result *out,
			 struct err *err);
/* Runs rules->cmd in this directory with sh -eu; what it says goes to standard error. Adds what it found. */
NODISCARD int check_command(const struct check_rules *rules, struct check_result *out, struct err *err);
/* What a command printed (of that exit status), hostile, as findings. ERR_PARSE. */
NODISCARD int check_read_answer(const char *text, size_t n, int status, const struct check_rules *rules, struct check_result *out,
				struct err *err);
void check_result_release(struct check_result *r);

/* "  error  column age: 3 of 1,000 values are not in 0..120" and the examples below it, each finding. */
void check_write(const struct check_result *r, struct strbuf *out);
/* "3 errors, 1 warning in 1,000 rows" */
void check_summary(const struct check_result *r, struct strbuf *out);
/* {"outcome": "passed"|"failed", "rows", "files", "findings": [...]} */
struct json *check_json(const struct check_result *r);

/* Tells of each column of a header that has the name of an earlier one, "'x' is the name of columns 2 and 4". */
struct strvec;
void check_header(const struct strvec *names, void (*tell)(void *ctx, const char *words), void *ctx);
/* How the rows of path are to be read. */
struct rows_options;
struct rows_options check_rows_options(const struct check_rules *rules, const char *path);
/* The files that path means, in order: itself, or those of a directory. */
NODISCARD int check_files(const char *path, struct strvec *out, struct err *err);
/* The data that an instance was declared to read, by the facts that it is performed with: borrowed names. */
struct record;
void check_inputs(const struct record *now, struct strvec *out);
/* 1234567 as "1,234,567" */
void check_count(struct strbuf *out, uint64_t n);

#endif
