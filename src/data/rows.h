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

#include "data/scan.h"
#include "data/source.h"
#include "util/strbuf.h"
#include "util/strvec.h"

#define ROWS_MOST_COLUMNS 20000
#define ROWS_BATCH 16 /* blocks looked at in one go */

enum rows_format { ROWS_ANY, ROWS_SEPARATED, ROWS_JSON };

/* What is wrong with a row; its fields are there as well as can be. */
enum row_flag {
	ROW_NUL = 1,       /* it has a NUL */
	ROW_UTF8 = 2,      /* it is not UTF-8 */
	ROW_QUOTES = 4,    /* text behind the quote that ends a field */
	ROW_OPEN = 8,      /* a quoted field that the end of the file ends */
	ROW_NO_OBJECT = 16 /* no JSON object: see why */
};

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

struct rows_options {
	enum rows_format format;
	char separator;   /* 0: ',', ';', a tab or '|', whichever the first row has most of */
	bool no_header;   /* columns are called "1", "2", ... */
	bool raw;         /* no header either, and no columns: the caller looks at fields alone */
	bool no_quotes;   /* quotes quote nothing */
	size_t limit;     /* bytes of a row; 0: 1 MiB */
};

struct json_columns;
struct rows {
	/* the row that rows_next gave */
	const char *row;          /* as it stands, without its end; valid until the next call */
	size_t n, n_fields;
	uint64_t offset, line;    /* of its first byte; of its first line, from 1 */
	unsigned flags;           /* of enum row_flag */
	const char *why;          /* of ROW_NO_OBJECT */
	struct strvec names;      /* of the columns, as far as they are known */
	char separator;
	enum rows_format format;  /* what it turned out to be */
	uint64_t count;           /* rows so far, without the header */

	/* of rows.c */
	const struct data_source *src;
	struct rows_options opt;
	char *buf;
	size_t at, end, cap;      /* the row begins at buf[at]; there are bytes up to end */
	size_t scanned;           /* up to where blocks have been looked at */
	bool ended;
	uint64_t next_offset, next_line;
	struct scan blocks[ROWS_BATCH];
	size_t block, n_blocks;
	uint64_t left;            /* bits of the block that have not been dealt with */
	uint32_t *ends;           /* of fields, relative to the row, with bits of rows.c on top */
	size_t ends_cap;
	unsigned state, mark;
	size_t closed;            /* where the quote stood that ended the field */
	bool odd;
	struct strbuf scratch;
	struct field *fields;     /* of JSON */
	struct json_columns *json;
};
#define ROWS_INIT {.row = NULL, .scratch = STRBUF_INIT, .names = STRVEC_INIT}

/* Begins at the beginning of src, and reads the header. May be called again. ERR_INVALID if it is UTF-16, or as rows_next. */
NODISCARD int rows_begin(struct rows *r, const struct data_source *src, const struct rows_options *opt, struct err *err);
void rows_release(struct rows *r);
/* The next row: 1, 0 at the end, -1: ERR_INVALID "line N: ..." for a row beyond the limit, after which there is no going on. */
NODISCARD int rows_next(struct rows *r, struct err *err);
/* Field i of the row, without its quotes. Of one with a quote in it, the bytes are valid until the next call for such a one. */
struct field rows_field(struct rows *r, size_t i);
/* The column of this name; -1 if there is none (yet). */
ssize_t rows_column(const struct rows *r, const char *name);
/* By its extension: .csv, .tsv, .tab, .psv; .jsonl, .ndjson; ROWS_ANY for others, of which the first byte tells. */
enum rows_format rows_format_of(const char *path);

#endif
