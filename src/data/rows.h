/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables as streams of rows: CSV, TSV and other texts with separators, and JSON Lines. One pass, in memory bounded by the longest
 * row, whatever the size of the file.
 *
 * Separated text is RFC 4180's: a row ends at "\n" or "\r\n"; a field that begins with '"' ends at the next one, '""' stands for
 * a quote, and newlines and separators in it are text. A quote further inside a field is a character like others. Rows may have
 * any number of fields. A UTF-8 byte order mark at the beginning is skipped. An empty line is a row of one empty field.
 *
 * A line of JSON Lines is an object. Its names are columns, those of objects within it dotted ("user.age"); a list is a text. The columns
 * are known as they come, so an early row has fewer than a later one; what an object does not have is absent. */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include "data/ahead.h"
#include "data/split.h"
#include "util/strbuf.h"
#include "util/strvec.h"

#define ROWS_MOST_COLUMNS 20000

enum rows_format { ROWS_ANY, ROWS_SEPARATED, ROWS_JSON };

struct rows_options {
	enum rows_format format;
	char separator;   /* 0: ',', ';', a tab or '|', whichever the first row has most of */
	bool no_header;   /* columns are called "1", "2", ... */
	bool raw;         /* no header either, and no columns: the caller looks at fields alone */
	bool no_quotes;   /* quotes quote nothing */
	bool ahead;       /* where there is much to read and a processor for it, a thread reads and splits it: it alone reads src then */
	const struct na_words *values; /* what fields say is to be found as well, these words meaning "missing"; NULL: it is not */
	size_t limit;     /* bytes of a row; 0: 1 MiB */
	size_t piece;     /* bytes that are read in one go; 0: 128 KiB */
};

struct json_columns;
struct rows {
	/* the row that rows_next gave */
	const char *row;          /* as it stands, without its end; valid until the next call */
	size_t n, n_fields;
	uint64_t offset, line;    /* of its first byte; of its first line, from 1 */
	unsigned flags;           /* of enum row_flag */
	const char *why;          /* of ROW_NO_OBJECT */
	const struct value *values; /* of its fields; NULL: they were not wanted, or this is JSON */
	struct strvec names;      /* of the columns, as far as they are known */
	char separator;
	enum rows_format format;  /* what it turned out to be */
	uint64_t count;           /* rows so far, without the header */

	uint64_t next_line;       /* of the row that comes next; of the one that cannot be read */

	/* of rows.c */
	const struct data_source *src;
	struct rows_options opt;
	struct split split;
	struct batch own;         /* those before a thread reads ahead; all if none does */
	const struct batch *now;  /* in which the row is */
	const struct split_row *at; /* the row, in it */
	struct ahead *ahead;
	size_t next, n_batches;   /* row of the batch that comes next; batches so far */
	struct strbuf scratch;
	struct field *fields;     /* of JSON */
	struct json_columns *json;
};
#define ROWS_INIT {.row = NULL, .scratch = STRBUF_INIT, .names = STRVEC_INIT}

/* Begins at the beginning of src, and reads the header. May be called again. ERR_INVALID if it is UTF-16, or as rows_next. */
NODISCARD int rows_begin(struct rows *r, const struct data_source *src, const struct rows_options *opt, struct err *err);
/* No row is to be read any more: src may go, though it was not read to its end. */
void rows_stop(struct rows *r);
void rows_release(struct rows *r); /* the same, and all that it has */
/* The next row: 1, 0 at the end, -1: ERR_INVALID "line N: ..." for a row beyond the limit, after which there is no going on. */
NODISCARD int rows_next(struct rows *r, struct err *err);
/* Field i of the row, without its quotes. Of one with a quote in it, the bytes are valid until the next call for such a one. */
static inline void rows_get(struct rows *r, size_t i, struct field *f)
{
	if (r->format == ROWS_JSON)
		*f = r->fields[i];
	else
		batch_field(r->now, r->at, i, &r->scratch, f);
}
static inline struct field rows_field(struct rows *r, size_t i)
{
	struct field f;

	rows_get(r, i, &f);
	return f;
}
/* The column of this name; -1 if there is none (yet). */
ssize_t rows_column(const struct rows *r, const char *name);
/* By its extension: .csv, .tsv, .tab, .psv; .jsonl, .ndjson; ROWS_ANY for others, of which the first byte tells. */
enum rows_format rows_format_of(const char *path);

#endif
