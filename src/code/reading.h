/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of the languages share; nobody else includes it. */
#ifndef CODE_READING_H
#define CODE_READING_H

#include "code/code.h"
#include "util/map.h"
#include "util/strbuf.h"

/* A file being read: its canonical form so far, its imports. */
struct reading {
	struct arena *a;
	struct code_facts *out;
	struct map seen;  /* imports by what they say */
	struct sha sha;   /* of the canonical form, by way of buf */
	char buf[4096];
	size_t n_buf;
	bool failed;      /* no meaning: there is something that is not understood */
};

/* Appends to the canonical form: a kind and a text, so that two different sequences of parts never look the same. */
void reading_add(struct reading *r, char kind, const char *text, size_t n);
/* Notes an import once; strings are copied. */
void reading_import(struct reading *r, struct code_import im);

/* python.c: n bytes of Python, as a file or (cell > 0) as a cell of a notebook, whose imports are noted with the cell's number. */
void python_read(struct reading *r, const char *text, size_t n, int cell);
/* The imports alone that may be in a text that is not understood. */
void python_guess(struct reading *r, const char *text, size_t n);
/* notebook.c */
void notebook_read(struct reading *r, const char *text, size_t n);
/* others.c */
void script_read(struct reading *r, enum code_language language, const char *text, size_t n);
void json_text_read(struct reading *r, const char *text, size_t n);

#endif
