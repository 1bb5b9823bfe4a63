/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table of texts by 32-byte key, in a directory of files that are never changed: each addition is a file, and many small
 * ones are merged from time to time.
 *
 * A file has the line "mlmake-<kind> 1 <count>\n", then count entries of 56 bytes in byte order of key (key; offset, length
 * and XXH3-64 of the text, little-endian), then the texts. It is written beside its name and renamed. Names begin with the
 * time: of two texts of one key that in the later file counts. A damaged file counts as absent, a damaged text too.
 *
 * Calls may be made from several threads at once; other processes may add and merge at any time. */
#ifndef STORE_KEYED_H
#define STORE_KEYED_H

#include "digest/digest.h"
#include "util/err.h"
#include "util/strbuf.h"

struct keyed;

struct keyed *keyed_new(const char *dir, const char *kind); /* reads nothing yet; kind lives as long */
void keyed_free(struct keyed *k);

/* Appends the text of key; false if there is none. */
bool keyed_find(struct keyed *k, const struct digest *key, struct strbuf *out);
bool keyed_has(struct keyed *k, const struct digest *key);
/* Sees what others have added since the first look. */
void keyed_refresh(struct keyed *k);

struct keyed_item {
	struct digest key;
	const char *text; /* borrowed */
	size_t len;
	size_t age; /* of two with one key the one with the lesser age is kept */
};
/* Adds items (which get sorted) as one file. Made durable by whoever syncs the file system. */
NODISCARD int keyed_add(struct keyed *k, const char *name, struct keyed_item *items, size_t n, struct err *err);
/* A name for keyed_add by whoever has none of its own: the time, to the nanosecond, and something random. */
void keyed_name(char out[48]);

/* Calls visit with each key and its text, in no stated order. Stops at the first that returns other than 0 and returns it. visit
 * may look into the table but not add to it. */
int keyed_visit(struct keyed *k, int (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx);
/* The same, faster, and also with texts in whose place newer ones have come. */
int keyed_scan(struct keyed *k, int (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx);
/* Makes one file of all that is there, without those for which drop says so. Durable. */
NODISCARD int keyed_prune(struct keyed *k, bool (*drop)(void *ctx, const struct digest *key, const char *text, size_t len),
			  void *ctx, struct err *err);

/* How many of its files and texts are damaged, and so count as absent. */
size_t keyed_damage(struct keyed *k);

#endif
