/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Code by meaning: what of a file can make a difference to those who run it, and which other files it brings in.
 *
 * The meaning of a file is the SHA-256 of a canonical form of it. Two files of one language with the same meaning do the same;
 * that of two with another one is not known. A file that is not understood for certain has no meaning: its bytes
 * count. In Python comments, blank lines, blanks between tokens and the joining of lines do not count; everything else does,
 * also comments that somebody reads: shebang, coding, `# type:`, `# cython:`, `# distutils:`, PEP 723. Of a notebook the source
 * and the tags of its code cells and the name and language of its kernel count. In R, shell and SQL whole lines that are
 * comments and blank lines do not count, in JSON blanks between values. What cannot be told apart safely is told apart. */
#ifndef CODE_CODE_H
#define CODE_CODE_H

#include "digest/digest.h"
#include "util/arena.h"

/* Larger files are not read for their meaning. */
#define CODE_LIMIT ((size_t)16 << 20)

enum code_language {
	CODE_NONE, CODE_PYTHON, CODE_NOTEBOOK, CODE_R, CODE_SHELL, CODE_C, CODE_JSON, CODE_SQL,
	CODE_BY_FIRST_LINE, /* of a name without an ending: "#!" and an interpreter in the text say more */
};

/* By the ending of a name. A directory may look like a program without an ending. */
enum code_language code_language(const char *path);

enum code_import_how {
	IMPORT_MODULE,  /* Python: module after level dots; name of it, or NULL: the module itself, or "*" */
	IMPORT_FILE,    /* name: a path as it is written: of R's source(), shell's `.`, C's #include "", %run */
	IMPORT_UNKNOWN, /* something is brought in whose name only the program knows; name: what does so, as import_module */
};
struct code_import {
	enum code_import_how how;
	int line;   /* of a notebook: the number of the cell */
	int level;
	const char *module; /* dotted, may be "" if level > 0 */
	const char *name;
};

struct code_facts {
	bool has_meaning;
	struct digest meaning;
	bool moves_path; /* it changes where Python looks for modules (sys.path) */
	struct code_import *imports; /* in order of lines, none twice but for the line */
	size_t n_imports;
};

/* Reads a file of the given language; *out lives in a. text is hostile: linear time, bounded depth. */
void code_read(enum code_language language, const char *text, size_t n, struct arena *a, struct code_facts *out);

#endif
