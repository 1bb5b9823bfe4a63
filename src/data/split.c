/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks of 64 bytes become masks of where separators, newlines and quotes stand (scan.h), and only those bytes are looked at.
 * A block without quotes, outside of a quoted field, is all ends of fields. In others the quotes lead through three states. */
#include <config.h>

#include "data/split.h"

#include <stdlib.h>
#include <string.h>

#include "data/scan.h"
#include "data/value.h"
#include "util/text.h"

#define BLOCKS 16   /* that are looked at in one go */
#define MUCH 8      /* pieces: a batch of more gives its memory back */

enum { PLAIN, IN_QUOTES, BEHIND_QUOTE };

void batch_release(struct batch *b)
{
	free(b->text);
	free(b->ends);
	free(b->rows);
	free(b->values);
	err_release(&b->err);
	*b = (struct batch)BATCH_INIT;
}

void split_release(struct split *s)
{
	strbuf_release(&s->scratch);
}

void batch_quoted_field(const struct batch *b, const struct split_row *row, size_t i, struct strbuf *scratch, struct field *f)
{
	const uint32_t *mark = b->ends + row->first + i;
	size_t start = i ? (mark[-1] & END_MASK) + 1 : row->start, end = MIN(*mark & END_MASK, row->start + row->n), at;

	f->kind = *mark & END_BROKEN ? FIELD_PLAIN : FIELD_QUOTED;
	start += f->kind == FIELD_QUOTED;
	end -= f->kind == FIELD_QUOTED;
	f->s = b->text + start;
	f->n = end - start;
	if (f->kind == FIELD_PLAIN || !(*mark & END_DOUBLED))
		return;
	strbuf_clear(scratch);
	for (at = start; at < end; at++) {
		strbuf_addch(scratch, b->text[at]);
		at += b->text[at] == '"';
	}
	f->s = scratch->buf;
	f->n = scratch->len;
}

/* ---- reading ---- */

void split_more(struct split *s, struct batch *b)
{
	ssize_t got;

	ALLOC_GROW(b->text, b->n + s->piece + SCAN_BLOCK, b->cap);
	got = s->src->read(s->src->ctx, b->text + b->n, s->piece, &b->err);
	b->n += (size_t)MAX(got, 0);
	s->ended = got == 0;
	b->outcome = got > 0 ? 1 : (int)got;
}

void split_read(struct split *s, struct batch *b, const struct batch *before)
{
	size_t rest = before ? before->n - before->rest : 0;
	uint64_t offset = before ? before->offset + before->rest : 0;

	if (!before) {
		s->ended = s->too_long = false;
		s->line = 1;
	}
	if (b != before && b->cap > rest + MUCH * s->piece)
		batch_release(b);
	if (b != before)
		ALLOC_GROW(b->text, rest + s->piece + SCAN_BLOCK, b->cap);
	if (rest)
		memmove(b->text, before->text + before->rest, rest);
	b->n = rest;
	b->offset = offset;
	b->n_ends = b->n_rows = 0;
	split_more(s, b);
}

/* ---- fields ---- */

static inline void end_field(struct split *s, struct batch *b, size_t pos, bool last)
{
	if (s->state == BEHIND_QUOTE && pos != s->closed + 1 && !(last && pos == s->closed + 2 && b->text[pos - 1] == '\r')) {
		s->flags |= ROW_QUOTES;
		s->mark |= END_BROKEN;
	}
	b->ends[b->n_ends++] = (uint32_t)pos | s->mark;
	s->mark = 0;
	s->state = PLAIN;
}

static size_t field_start(const struct split *s, const struct batch *b)
{
	return b->n_ends > s->first ? (b->ends[b->n_ends - 1] & END_MASK) + 1 : s->start;
}

static void at_quote(struct split *s, const struct batch *b, size_t pos)
{
	if (s->state == PLAIN && pos == field_start(s, b)) {
		s->state = IN_QUOTES;
		s->mark = END_QUOTED;
	} else if (s->state == IN_QUOTES) {
		s->state = BEHIND_QUOTE;
		s->closed = pos;
	} else if (s->state == BEHIND_QUOTE && pos == s->closed + 1) {
		s->state = IN_QUOTES;
		s->mark |= END_DOUBLED;
	}
}

/* ---- rows ---- */

static bool is_utf8(const char *s, size_t n)
{
	size_t len;

	for (; n; s += len, n -= len) {
		uint64_t eight;

		for (; n >= sizeof(eight) && (memcpy(&eight, s, sizeof(eight)), !(eight & UINT64_C(0x8080808080808080))); n -= 8)
			s += sizeof(eight);
		if (!n)
			break;
		len = text_utf8_len(s, n);
		if (!len)
			return false;
	}
	return true;
}

/* What begins at pos is a new row. */
static void begin_row(struct split *s, const struct batch *b, size_t pos)
{
	s->start = pos;
	s->first = b->n_ends;
	s->lines = s->flags = 0;
	s->odd = false;
}

/* The row ends at pos; newline: with one. Its fields have ended. */
static void end_row(struct split *s, struct batch *b, size_t pos, bool newline)
{
	const char *text = b->text + s->start;
	size_t n = pos - s->start;

	s->too_long |= n > s->limit;
	if (s->too_long)
		return;
	n -= n && text[n - 1] == '\r';
	if (s->odd) {
		s->flags |= memchr(text, '\0', n) ? ROW_NUL : 0;
		s->flags |= is_utf8(text, n) ? 0 : ROW_UTF8;
	}
	b->rows[b->n_rows++] = (struct split_row){(uint32_t)s->start, (uint32_t)n, (uint32_t)s->first, (uint32_t)(b->n_ends - s->first),
						  s->lines + newline, s->flags};
	s->line += s->lines + newline;
	begin_row(s, b, pos + newline);
}

/* A block outside of quotes, and without them. */
static void take_plain(struct split *s, struct batch *b, const struct scan *m)
{
	size_t before = b->n_ends;
	uint32_t *e = b->ends + before, at = (uint32_t)s->scanned;
	uint64_t bits = m->ends, lines = m->lines;

	for (; bits; bits &= bits - 1)
		*e++ = at + (unsigned)__builtin_ctzll(bits);
	for (; lines; lines &= lines - 1) {
		b->n_ends = before + (unsigned)__builtin_popcountll(m->ends & (lines ^ (lines - 1)));
		end_row(s, b, b->ends[b->n_ends - 1], true);
		s->odd = m->odd;
	}
	b->n_ends = (size_t)(e - b->ends);
}

/* A block with quotes in it, or within quotes. */
static void take_quoted(struct split *s, struct batch *b, const struct scan *m)
{
	uint64_t bits = m->ends | m->quotes;

	for (; bits; bits &= bits - 1) {
		unsigned p = (unsigned)__builtin_ctzll(bits);
		bool line = m->lines >> p & 1;

		if (m->quotes >> p & 1) {
			at_quote(s, b, s->scanned + p);
		} else if (s->state == IN_QUOTES) {
			s->lines += line;
		} else {
			end_field(s, b, s->scanned + p, line);
			if (!line)
				continue;
			end_row(s, b, s->scanned + p, true);
			s->odd = m->odd;
		}
	}
}

/* How many blocks wait; those of less than 64 bytes do so for more. */
static size_t blocks_left(const struct split *s, const struct batch *b)
{
	size_t n = b->n > s->scanned ? b->n - s->scanned : 0;

	return MIN((n + (s->ended ? SCAN_BLOCK - 1 : 0)) / SCAN_BLOCK, (size_t)BLOCKS);
}

static void take_blocks(struct split *s, struct batch *b)
{
	struct scan blocks[BLOCKS];
	size_t n, i;

	memset(b->text + b->n, 0, SCAN_BLOCK);
	while (!s->too_long && (n = blocks_left(s, b))) {
		ALLOC_GROW(b->ends, b->n_ends + n * SCAN_BLOCK + 1, b->ends_cap);
		ALLOC_GROW(b->rows, b->n_rows + n * SCAN_BLOCK + 1, b->rows_cap);
		scan_blocks(b->text + s->scanned, n, s->separator, blocks);
		for (i = 0; i < n; i++, s->scanned += SCAN_BLOCK) {
			s->odd |= blocks[i].odd;
			if (s->no_quotes || (s->state == PLAIN && !blocks[i].quotes))
				take_plain(s, b, &blocks[i]);
			else
				take_quoted(s, b, &blocks[i]);
		}
	}
}

/* The end of the source ends a row as well. */
static void take_last(struct split *s, struct batch *b)
{
	s->too_long |= b->n > s->start + s->limit;
	if (b->n <= s->start || s->too_long)
		return;
	ALLOC_GROW(b->ends, b->n_ends + 1, b->ends_cap);
	ALLOC_GROW(b->rows, b->n_rows + 1, b->rows_cap);
	if (s->state == IN_QUOTES) {
		s->flags |= ROW_OPEN;
		s->mark |= END_BROKEN;
	}
	end_field(s, b, b->n, true);
	end_row(s, b, b->n, false);
}

static void find_values(struct split *s, struct batch *b)
{
	size_t i, j;

	ALLOC_GROW(b->values, b->n_ends, b->values_cap);
	for (i = 0; i < b->n_rows; i++)
		for (j = 0; j < b->rows[i].n_fields; j++) {
			struct value *v = &b->values[b->rows[i].first + j];
			struct field f;

			batch_field(b, &b->rows[i], j, &s->scratch, &f);
			v->type = value_is_missing(&f, s->values) ? VALUE_MISSING : value_present(&f, &v->x);
		}
}

void split_rows(struct split *s, struct batch *b, size_t from)
{
	s->scanned = from;
	s->state = PLAIN;
	s->mark = 0;
	begin_row(s, b, from);
	take_blocks(s, b);
	while (!b->n_rows && b->outcome > 0 && !s->too_long && b->n - s->start <= s->limit) {
		split_more(s, b);
		take_blocks(s, b);
	}
	if (b->outcome == 0 && !s->too_long)
		take_last(s, b);
	b->rest = MIN(s->start, b->n);
	if (s->values)
		find_values(s, b);
	if (s->too_long || (!b->n_rows && b->outcome > 0))
		b->outcome = err_set(&b->err, ERR_INVALID, "line %llu: a row is longer than %zu KiB%s", (unsigned long long)s->line,
				     s->limit >> 10, s->state == IN_QUOTES ? "; a quote may not be closed" : "");
}
