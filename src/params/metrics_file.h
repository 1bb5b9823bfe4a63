/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics files: numbers and short texts by name. */
#ifndef PARAMS_METRICS_FILE_H
#define PARAMS_METRICS_FILE_H

#include "util/arena.h"
#include "util/err.h"

/* Larger ones are refused by those who read them. */
#define METRICS_LIMIT ((size_t)1 << 20)

/* One value of a metrics file: a number (nan and inf are numbers) or a text. */
struct metric {
	const char *name; /* dotted: "test.auc", "classes.0" */
	bool is_number, is_int;
	double x;
	const char *text; /* of a number: as it stood in the file, if it fits in a few characters */
};
struct metrics {
	struct arena arena;
	struct metric *v; /* in order of the file */
	size_t n;
};
#define METRICS_INIT {.arena = ARENA_INIT}

/* Reads a metrics file, hostile. JSON if path ends in .json or the text begins with '{': nested maps and lists
 * become dotted names; NaN and Infinity are understood. CSV or TSV by extension: a header and one row. YAML by
 * extension, as parameters are read (params/params.h). Else lines of
 * "key = value" or "key: value", '#' and ';' comments, [section] before a key. ERR_PARSE if it is none of these, has
 * more than 1,000 values, or holds none; what was read up to there stays in *m. See err_wrap_file. */
NODISCARD int metrics_parse(struct metrics *m, const char *path, const char *text, size_t n, struct err *err);
void metrics_release(struct metrics *m);
const struct metric *metrics_find(const struct metrics *m, const char *name);
/* The same among those from number from on. */
const struct metric *metrics_find_from(const struct metrics *m, size_t from, const char *name);
/* Is s, as a whole, a number (nan and inf are)? */
bool metrics_number(const char *s, double *x);
/* The last line of text[0..n) that the extended regular expression matches: its first group, or all that matches. In a. ERR_INVALID
 * if the pattern is none, ERR_NOTFOUND if no line matches. */
NODISCARD int metrics_last_match(const char *text, size_t n, const char *pattern, struct arena *a, const char **out, struct err *err);

#endif
