/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a Python distribution requires: names, extras and environment markers, as PEP 503 and PEP 508 write them.
 *
 * Version constraints are passed over: what is installed is installed. */
#ifndef ENV_REQUIREMENT_H
#define ENV_REQUIREMENT_H

#include "util/arena.h"
#include "util/strbuf.h"

/* "Foo.Bar__baz" to "foo-bar-baz", of name[0..n). */
void requirement_normalize(const char *name, size_t n, struct strbuf *out);

struct requirement {
	const char *name;    /* normalized */
	const char **extras; /* normalized */
	size_t n_extras;
	const char *marker;  /* NULL: it holds everywhere */
};

/* Reads text[0..n), hostile; what it points to lives in a. False if it is none. */
bool requirement_parse(const char *text, size_t n, struct arena *a, struct requirement *out);

/* The values of the variables of markers. NULL: not known. */
struct marker_values {
	const char *python_version;      /* "3.11" */
	const char *python_full_version; /* "3.11.7" */
	const char *implementation_name; /* "cpython" */
	const char *platform_machine;    /* "x86_64" */
};

enum marker_truth { MARKER_NO, MARKER_YES, MARKER_UNKNOWN };

/* Does the marker hold on Linux with these values, where one of the extras (normalized), or none, is asked for? Unknown too if it cannot be
 * read, or compares what is not known. */
enum marker_truth marker_holds(const char *marker, const struct marker_values *v, const char *const *extras, size_t n_extras);

#endif
