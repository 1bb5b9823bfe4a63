/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text that stands for one directory; its SHA-256 is the directory's id.
 *
 *     #mlmake directory 1
 *     #dir <sha256>  sub         a directory below, by the id of its own manifest
 *     #exec  run.sh              this file is executable
 *     #link  name<TAB>target     a symbolic link; '\', newline and TAB in either are written \\ \n \t
 *     <sha256>  file             as sha256sum writes it, so that `sha256sum -c` checks the files of this level
 *
 * All #dir lines, then #exec, #link, files, each group in byte order of name. Names are single components. */
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
};
#define MANIFEST_INIT {NULL, 0, 0}

#define MANIFEST_LINE1 "#mlmake directory 1\n"
#define MANIFEST_DEPTH 200     /* directories are nested at most this deep */
#define MANIFEST_TARGET 4095   /* bytes of a link's target */

/* May name stand in a manifest? NULL if so, else why not: empty, ".", "..", ".git" in any spelling, '/', control
 * characters, over 255 bytes. */
const char *manifest_name_refusal(const char *name);
/* Takes name and target. */
void manifest_add(struct manifest *m, enum content_kind kind, char *name, char *target, const struct digest *id);
void manifest_sort(struct manifest *m);
void manifest_write(const struct manifest *m, struct strbuf *out); /* m is sorted */
/* Reads hostile text: ERR_PARSE for anything that manifest_write would not have written. The id of a link is that
 * of its target. */
NODISCARD int manifest_parse(struct manifest *m, const char *text, size_t n, struct err *err);
void manifest_release(struct manifest *m);

#endif
