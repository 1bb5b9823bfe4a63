/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokens of a Python text, as CPython's own tokenizer finds them, without comments, blank lines and the lines that
 * are joined. Knows its limits: whatever CPython 3 refuses, reads differently from version to version, or reads in a way
 * not known here ends in PYLEX_UNKNOWN, and nothing may be concluded from the tokens before. Never reads past the text,
 * in time linear in it. Internal to the room. */
#ifndef CODE_PYLEX_H
#define CODE_PYLEX_H

#include "util/base.h"

#define PYLEX_BRACKETS 200 /* as deep as CPython goes */
#define PYLEX_INDENTS 100

enum pylex_kind {
	PYLEX_END,
	PYLEX_NAME,
	PYLEX_NUMBER,
	PYLEX_STRING, /* prefix and quotes included */
	PYLEX_OP,
	PYLEX_NEWLINE, /* of a logical line */
	PYLEX_INDENT,
	PYLEX_DEDENT,
	PYLEX_NOTE,    /* a comment that counts: shebang, coding, PEP 723, type, cython; also a byte order mark */
	PYLEX_MAGIC,   /* notebooks: a line that is IPython's own, as it stands */
	PYLEX_UNKNOWN,
};

struct pylex_token {
	enum pylex_kind kind;
	const char *text; /* borrowed from the text */
	size_t len;
	int line;         /* from 1 */
	bool alone;       /* PYLEX_NOTE: nothing stands before it on its line */
};

struct pylex {
	const char *text, *at, *end, *line_start;
	int line;
	bool ipython;    /* lines that begin with '%' or '!' are IPython's */
	bool fresh;      /* no token of this logical line yet */
	bool measured;   /* its indentation is dealt with */
	bool alone;      /* no token on this physical line yet */
	bool sound;      /* the text is one that can be read at all */
	enum pylex_kind last;
	char last_char;  /* of the last token */
	int block_line;  /* the line of a PEP 723 block read last, 0: none */
	int dedents;     /* still to be told */
	int depth;
	int n_indents;
	char brackets[PYLEX_BRACKETS];
	int indents[PYLEX_INDENTS], alt_indents[PYLEX_INDENTS];
};

/* text is borrowed. */
void pylex_init(struct pylex *l, const char *text, size_t n, bool ipython);
/* The same of a statement out of a text that is not understood as a whole. */
void pylex_init_part(struct pylex *l, const char *text, size_t n);
/* The next token; after PYLEX_END and PYLEX_UNKNOWN the same again. */
void pylex_next(struct pylex *l, struct pylex_token *t);
static inline bool pylex_is(const struct pylex_token *t, const char *word)
{
	return t->len == __builtin_strlen(word) && __builtin_memcmp(t->text, word, t->len) == 0;
}

#endif
