/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every record by its key, for all work trees of a clone: DIR/<run>, one file a run, some merged from time to time.
 *
 * A file has the line "mlmake-records 1 <count>\n", then count entries of 56 bytes in byte order of key (key; offset, length
 * and XXH3-64 of the text, little-endian), then the texts. It is written beside its name and renamed, and never changed. */
#ifndef STALE_ARCHIVE_H
#define STALE_ARCHIVE_H

#include "digest/digest.h"
#include "util/err.h"
#include "util/strbuf.h"

struct archive;

struct archive *archive_new(const char *dir); /* reads nothing yet */
void archive_free(struct archive *a);

/* Appends the text of the record with that key; false if there is none. A damaged file counts as absent. */
bool archive_find(struct archive *a, const struct digest *key, struct strbuf *out);

struct archive_item {
	struct digest key;
	const char *text; /* borrowed */
	size_t len;
	size_t age; /* of two with one key the one with the lesser age is kept */
};
/* Adds items (which get sorted) as one file. Made durable by whoever syncs the file system. Many small files are merged;
 * another process may do the same at any time. */
NODISCARD int archive_add(struct archive *a, const char *run_id, struct archive_item *items, size_t n, struct err *err);

#endif
