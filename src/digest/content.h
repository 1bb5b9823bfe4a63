/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a path holds, by content: kind, SHA-256 and size.
 *
 * A file's id is the SHA-256 of its bytes, a symbolic link's that of its target text, a directory's that of its
 * manifest (digest/manifest.h). Two contents are equal if kind and id are. */
#ifndef DIGEST_CONTENT_H
#define DIGEST_CONTENT_H

#include "digest/digest.h"
#include "util/base.h"

enum content_kind {
	CONTENT_NONE, /* nothing is there */
	CONTENT_FILE,
	CONTENT_EXEC, /* a file with the owner's executable bit */
	CONTENT_DIR,
	CONTENT_LINK,
};

struct content {
	enum content_kind kind;
	struct digest id;
	int64_t size; /* bytes; of a directory: of all files below it; of a link: 0 */
};

static inline bool content_eq(const struct content *a, const struct content *b)
{
	return a->kind == b->kind && (a->kind == CONTENT_NONE || digest_eq(&a->id, &b->id));
}

/* '-', 'f', 'x', 'd', 'l' and back; false for any other letter. */
char content_letter(enum content_kind kind);
bool content_of_letter(char letter, enum content_kind *kind);

#endif
