/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Separated text, a batch of it at a time: where its rows and their fields are. rows.h says what a row and a field is. */
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include "data/source.h"
#include "util/strbuf.h"

enum field_kind {
	FIELD_ABSENT, FIELD_NULL, /* of JSON */
	FIELD_PLAIN,              /* separated text: what it is, its bytes say */
	FIELD_QUOTED,
	FIELD_STRING, FIELD_NUMBER, FIELD_BOOL, FIELD_LIST /* of JSON */
};

struct field {
	const char *s; /* not terminated */
	size_t n;
	enum field_kind kind;
};

struct value; /* value.h */
struct na_words;

/* What is wrong with a row; its fields are there as well as can be. */
enum row_flag {
	ROW_NUL = 1,       /* it has a NUL */
	ROW_UTF8 = 2,      /* it is not UTF-8 */
	ROW_QUOTES = 4,    /* text behind the quote that ends a field */
	ROW_OPEN = 8,      /* a quoted field that the end of the file ends */
	ROW_NO_OBJECT = 16 /* no JSON object: see why */
};

/* Bits on top of the end of a field. */
#define END_QUOTED (UINT32_C(1) << 31)
#define END_DOUBLED (UINT32_C(1) << 30) /* with "" in it */
#define END_BROKEN (UINT32_C(1) << 29)  /* the quotes do not enclose it */
#define END_MASK (END_BROKEN - 1)

/* Positions are those of bytes in the batch. */
struct split_row {
	uint32_t start, n;  /* without what ends it */
	uint32_t first;     /* of the ends of its fields */
	uint32_t n_fields;
	uint32_t lines;     /* newlines in it and at its end */
	uint32_t flags;     /* of enum row_flag, but for JSON's */
};

struct batch {
	char *text;
	size_t n, cap;
	uint64_t offset;    /* of its first byte */
	uint32_t *ends;     /* of fields, with bits on top */
	size_t n_ends, ends_cap;
	struct value *values; /* of fields, if they are wanted */
	size_t values_cap;
	struct split_row *rows;
	size_t n_rows, rows_cap;
	size_t rest;        /* where what is no row yet begins */
	int outcome;        /* 1: more follows; 0: nothing does; -1: what follows cannot be read, and err says why */
	struct err err;
};
#define BATCH_INIT {.text = NULL, .outcome = 0}

struct split {
	const struct data_source *src;
	char separator;
	bool no_quotes;     /* quotes quote nothing */
	size_t limit;       /* bytes of a row */
	size_t piece;       /* bytes that are read in one go */
	const struct na_words *values; /* what fields say is wanted, these words meaning "missing"; NULL: it is not */

	/* of split.c */
	bool ended;         /* the source */
	bool too_long;
	uint64_t line;      /* of the row that begins at start */
	size_t start, first, scanned;
	size_t closed;      /* where the quote stood that ended the field */
	uint32_t lines, flags, mark;
	unsigned state;
	bool odd;
	struct strbuf scratch;
};

/* Reads a batch, behind what was left of the one before; NULL: at the beginning; may be b itself. Its rows are still to be found. */
void split_read(struct split *s, struct batch *b, const struct batch *before);
/* Reads on, behind what the batch has. Before split_rows. */
void split_more(struct split *s, struct batch *b);
/* Finds the rows of what was read, at least one if there is any. from: bytes at its beginning that are none. */
void split_rows(struct split *s, struct batch *b, size_t from);
void split_release(struct split *s);
void batch_release(struct batch *b);
/* batch_field for a field that begins with a quote. */
void batch_quoted_field(const struct batch *b, const struct split_row *row, size_t i, struct strbuf *scratch, struct field *f);

/* Field i of the row, without its quotes. Of one with a quote in it, the bytes are in scratch. */
static inline void batch_field(const struct batch *b, const struct split_row *row, size_t i, struct strbuf *scratch, struct field *f)
{
	const uint32_t *end = b->ends + row->first + i;
	size_t start;

	if (*end & ~END_MASK) {
		batch_quoted_field(b, row, i, scratch, f);
		return;
	}
	start = i ? (end[-1] & END_MASK) + 1 : row->start;
	f->s = b->text + start;
	f->n = MIN(*end, row->start + row->n) - start;
	f->kind = FIELD_PLAIN;
}

#endif
