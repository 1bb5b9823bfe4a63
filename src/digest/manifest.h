/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text that stands for one directory; its SHA-256 is the directory's id.
 *
 *     #mlmake directory 1
 *     #dir <sha256>  sub         a directory below, by the id of its own manifest
 *     #exec  run.sh              this file is executable
 *     #link  name<TAB>target     a symbolic link; '\', newline and TAB in either are written \\ \n \t
 *     <sha256>  file             as sha256sum writes it, so that `sha256sum -c` checks the files of this level
 *
 * All #dir lines, then #exec, #link, files, each group in byte order of name. Names are single components.
 *
 * A directory of more than MANIFEST_PART entries is cut into parts, so that a change of one file costs a small text and
 * not all of them. Then the text has nothing but lines
 *
 *     #part <sha256>  7          what belongs to those entries whose name has this as first hex digit of its own SHA-256
 *
 * in order of the digit, none for a part without entries. A part is a text like that of a directory, and is itself cut by the
 * next digit if it has more than MANIFEST_PART entries. So each directory has one form, which follows from its entries. */
#ifndef DIGEST_MANIFEST_H
#define DIGEST_MANIFEST_H

#include "digest/content.h"
#include "util/err.h"
#include "util/strbuf.h"

struct manifest_entry {
	enum content_kind kind; /* FILE, EXEC, DIR or LINK */
	char *name;             /* owned */
	char *target;           /* of a LINK, owned; else NULL */
	struct digest id;
};
struct manifest {
	struct manifest_entry *v; /* in byte order of name */
	size_t n, cap;
	bool parts; /* of one text: the entries are parts, of kind DIR, called by their digits */
};
#define MANIFEST_INIT {NULL, 0, 0, false}

#define MANIFEST_LINE1 "#mlmake directory 1\n"
#define MANIFEST_PART 256      /* entries in one text; with 16 lines a level above, 100,000 files make texts of 2 KiB */
#define MANIFEST_LEVELS 16     /* so many digits count */
#define MANIFEST_DEPTH 200     /* directories are nested at most this deep */
#define MANIFEST_TARGET 4095   /* bytes of a link's target */

/* May name stand in a manifest? NULL if so, else why not: empty, ".", "..", ".git" in any spelling, '/', control
 * characters, over 255 bytes. */
const char *manifest_name_refusal(const char *name);
/* Takes name and target. */
void manifest_add(struct manifest *m, enum content_kind kind, char *name, char *target, const struct digest *id);
void manifest_sort(struct manifest *m);

/* The texts of the directory m, which is sorted and whole: calls emit with each and its SHA-256, a part before the text that names it,
 * that of the directory last; its SHA-256 goes to *id. Stops at the first -1 and returns it. emit may be NULL; up to so many threads call
 * it at once. */
int manifest_emit(const struct manifest *m, int threads,
		  int (*emit)(void *ctx, const struct digest *id, const char *text, size_t n), void *ctx, struct digest *id);
void manifest_id(const struct manifest *m, struct digest *id);
/* Reads the whole directory id, whose texts read appends to out (and verifies). ERR_PARSE for anything that manifest_emit would not have
 * made, also for a part that stands where it does not belong. */
NODISCARD int manifest_load(struct manifest *m, const struct digest *id,
			    int (*read)(void *ctx, const struct digest *id, struct strbuf *out, struct err *err), void *ctx,
			    struct err *err);

/* One text, of a directory or of a part. */
void manifest_write(const struct manifest *m, struct strbuf *out); /* m is sorted */
/* Reads hostile text: ERR_PARSE for anything that manifest_write would not have written. The id of a link is that
 * of its target. */
NODISCARD int manifest_parse(struct manifest *m, const char *text, size_t n, struct err *err);
/* The digit of the part at that level (0: the directory's own parts) which name belongs to. */
char manifest_digit(const char *name, int level);
void manifest_release(struct manifest *m);

#endif
