/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small texts that people write and read: durations, sizes, near misses, escapes. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include "util/base.h"
#include "util/strbuf.h"

/* "90", "90s", "15m", "1h", "1h30m", "2d", "250ms" to nanoseconds (a bare number is seconds); false if it is none or
 * does not fit. */
bool text_parse_duration(const char *s, int64_t *ns);
/* "512", "64K", "2G", "1.5GiB" to bytes, by powers of 1024; false if it is none or does not fit. */
bool text_parse_size(const char *s, int64_t *bytes);
/* A whole decimal number in [lo, hi]; false otherwise. */
bool text_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out);
/* "0.24s", "12.3s", "4m05s", "2h03m", "3d04h" */
void text_add_duration(struct strbuf *out, int64_t ns);
/* "312 B", "1.5 MiB" */
void text_add_size(struct strbuf *out, int64_t bytes);
/* The shortest decimal that reads back as x, always with '.', 'e', "inf" or "nan" in it: "0.1", "1.0", "1e+20", "-inf". */
void text_add_double(struct strbuf *out, double x);
/* Control characters, '\' and (if quotes) '"' as C escapes \n \t \r \\ \" \xNN; bytes from 0x80 stay. */
void text_add_escaped(struct strbuf *out, const char *s, size_t n, bool quotes);
/* Undoes it: reads up to end; false if an escape is malformed. */
bool text_unescape(struct strbuf *out, const char *s, const char *end);

/* Appends s as one word of a list in mlmake.ini, in quotes where it needs them; false (nothing appended) if none can stand for it. */
bool text_add_word(struct strbuf *out, const char *s);

/* Length of the UTF-8 sequence that s[0..n), n > 0, begins with; 0 if it begins with none. */
size_t text_utf8_len(const char *s, size_t n);

/* Collects the name nearest to one that is misspelt, or lacks what stands before its last dots: */
struct nearest {
	const char *wanted;
	const char *best; /* borrowed; NULL if nothing is near */
	size_t distance;
};
#define NEAREST_INIT(word) {(word), NULL, 0}
void nearest_offer(struct nearest *n, const char *candidate);
/* Appends "; did you mean 'best'?" if there is one. */
void nearest_hint(const struct nearest *n, struct strbuf *out);

#endif
