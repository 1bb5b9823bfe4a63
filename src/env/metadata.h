/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of an installed Python distribution say: METADATA or PKG-INFO, requires.txt, RECORD, direct_url.json. All hostile. */
#ifndef ENV_METADATA_H
#define ENV_METADATA_H

#include "env/requirement.h"

struct metadata {
	const char *name, *version; /* as written; NULL: not said */
	struct requirement *requires;
	size_t n_requires;
	bool wrong;                 /* a line that says what it requires cannot be read */
};

/* Reads the head of METADATA or PKG-INFO; what it points to lives in a. */
void metadata_parse(const char *text, size_t n, struct arena *a, struct metadata *out);
/* Adds what requires.txt of an .egg-info says: lines, in sections called [EXTRA:MARKER]. */
void metadata_parse_requires(const char *text, size_t n, struct arena *a, struct metadata *out);
/* Calls visit with each path of a RECORD. False if a quotation in it does not end: then there may be others. */
bool metadata_each_file(const char *text, size_t n, void (*visit)(void *ctx, const char *path), void *ctx);
/* The directory that an editable install works from, by direct_url.json; owned, NULL if it is none. */
char *metadata_editable(const char *text, size_t n);

#endif
