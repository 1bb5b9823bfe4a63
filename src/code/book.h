/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What code means, remembered by content, so that a file is read for it once and never again while it stays as it is. */
#ifndef CODE_BOOK_H
#define CODE_BOOK_H

#include "code/code.h"
#include "digest/statcache.h"

struct code_book;

/* dir: where it is kept (store/keyed.h); NULL: nowhere. Losing it costs time and nothing else. cache, for what is in directories,
 * is borrowed. Nothing is read yet. */
struct code_book *code_book_new(const char *dir, struct statcache *cache);
void code_book_free(struct code_book *b);

/* What the file at path, of content c, is known to say; NULL if it is in no language known here, or no longer what c
 * says. May be called from several threads; lives as long as b. */
const struct code_facts *code_book_get(struct code_book *b, const char *path, const struct content *c);
/* The meaning of the file or directory at path: of a directory the names in it, and of each file its meaning or, where it has
 * none, its bytes. False if it has none: the content's own digest decides. */
bool code_book_meaning(struct code_book *b, const char *path, const struct content *c, struct digest *out);

/* What the filter cmd ([normal]) makes of a file of content c, as a digest; false if that is not known, or c is no file. */
bool code_book_normal(struct code_book *b, const char *cmd, const struct content *c, struct digest *out);
/* Notes that it makes of it what has the digest printed. */
void code_book_note_normal(struct code_book *b, const char *cmd, const struct content *c, const struct digest *printed);

/* Forgets what the book in dir says of contents that nobody needs. */
NODISCARD int code_book_prune(const char *dir, bool (*needed)(void *ctx, const struct digest *content), void *ctx, struct err *err);
/* Keeps what was learnt. */
NODISCARD int code_book_save(struct code_book *b, struct err *err);

#endif
