/* SPDX-License-Identifier: GPL-3.0-or-later */
/* INI text, line by line, with nothing lost: full names, raw values, line numbers.
 *
 * '[header]' opens a section: everything between the '[' in column 1 and the ']' that ends the line. 'key = value'
 * starts in column 1; only '=' separates, the first one. An indented line continues the value above it, also across
 * blank lines and comments. ';' or '#' in column 1 starts a comment, anywhere else it is text. A UTF-8 byte order
 * mark and CRLF are accepted. Values have no quotes, escapes or inline comments: what they mean is for the caller. */
#ifndef UTIL_INI_H
#define UTIL_INI_H

#include "util/base.h"
#include "util/diag.h"

/* A line of a value. The strings are NUL-terminated and live until the callback returns. */
struct ini_line {
	int line;
	const char *key;   /* without blanks around it, never empty */
	const char *value; /* without blanks around it; may be empty, but not in a continuation */
	size_t indent;     /* of a continuation: bytes of blanks in front of it; else 0 */
	bool continuation; /* of the value of key, which was the last entry */
};

struct ini_handler {
	/* A section starts, also an empty one. header has no blanks around it and is never empty. */
	void (*section)(void *ctx, int line, const char *header);
	void (*entry)(void *ctx, const struct ini_line *ln);
	void *ctx;
};

#define INI_LINE_LIMIT ((size_t)1 << 20)

/* Reads text; what stands before the first header comes as entries before any section. Every malformed line (NUL
 * bytes, a bad header, no '=', no key, nothing to continue, longer than INI_LINE_LIMIT) is an error in ds at name and
 * line, and the lines after it are read on; the entries below a bad header are left out, since nobody knows where
 * they belong. Handlers may add diags of their own. -1 if this reader added an error. */
NODISCARD int ini_read(const char *name, const char *text, size_t n, const struct ini_handler *h, struct diags *ds);

#endif
