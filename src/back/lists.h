/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which lists of files (manifests) name what bytes, for files that were only ever made or kept as part of a directory. There may be 100,000
 * in one run, so of each file 8 bytes are remembered, once for each list in which it stands, however many runs have that list.
 *
 * In the table of makers a list has, under the SHA-256 of "mlmake-list " and its own in hex, the text "list", a byte (enum maker_how), the 32
 * bytes of the first directory of that kind to which it belonged, and the first 8 bytes of all that it names. One that could not
 * be read when it was taken up says "list?" and has nothing behind the directory. */
#ifndef BACK_LISTS_H
#define BACK_LISTS_H

#include "store/keyed.h"
#include "store/store.h"
#include "util/arena.h"

struct lists;
struct lists *lists_new(struct keyed *table); /* borrowed */
void lists_free(struct lists *l);

/* Takes up all lists of the directory dir that are not known, or as those of a directory of a lesser kind: how. 1 if one of them cannot be
 * read. */
int lists_take(struct lists *l, struct store *s, const struct digest *dir, int how);
/* Calls visit with directories that may have something with that id within them; with the same one more than once. */
void lists_find(struct lists *l, const struct digest *id, void (*visit)(void *ctx, const struct digest *dir), void *ctx);
/* Calls visit for each that the table lacks. */
void lists_fresh(struct lists *l, void (*visit)(void *ctx, const struct digest *key, const char *text, size_t len), void *ctx);

#endif
