/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks of 64 bytes become masks of where separators, newlines and quotes stand (scan.h), and only those bytes are looked at.
 * A block without quotes, outside of a quoted field, is all ends of fields. In others the quotes lead through three states. */
#include <config.h>

#include "data/rows.h"

#include <stdlib.h>
#include <string.h>

#include "data/jsonrows.h"
#include "util/text.h"

#define CHUNK ((size_t)1 << 17)
#define LIMIT ((size_t)1 << 20)
#define MOST_LIMIT ((size_t)1 << 28)

/* Bits on top of the end of a field. */
#define END_QUOTED (UINT32_C(1) << 31)
#define END_DOUBLED (UINT32_C(1) << 30) /* with "" in it */
#define END_BROKEN (UINT32_C(1) << 29)  /* the quotes do not enclose it */
#define END_MASK (END_BROKEN - 1)

enum { PLAIN, IN_QUOTES, BEHIND_QUOTE };

enum rows_format rows_format_of(const char *path)
{
	static const struct {
		const char *ext;
		enum rows_format format;
	} exts[] = {{".csv", ROWS_SEPARATED}, {".tsv", ROWS_SEPARATED}, {".tab", ROWS_SEPARATED}, {".psv", ROWS_SEPARATED},
		    {".jsonl", ROWS_JSON}, {".ndjson", ROWS_JSON}};
	size_t n = strlen(path), i;

	for (i = 0; i < ARRAY_SIZE(exts); i++) {
		size_t len = strlen(exts[i].ext);

		if (n > len && strcasecmp(path + n - len, exts[i].ext) == 0)
			return exts[i].format;
	}
	return ROWS_ANY;
}

/* ---- the buffer ---- */

/* Reads on. What stands before the row goes. */
static int fill(struct rows *r, struct err *err)
{
	ssize_t got;

	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->end -= r->at;
		r->scanned -= r->at;
		r->at = 0;
	}
	if (r->end >= r->opt.limit)
		return err_set(err, ERR_INVALID, "line %llu: a row is longer than %zu KiB%s", (unsigned long long)r->next_line,
			       r->opt.limit >> 10, r->state == IN_QUOTES ? "; a quote may not be closed" : "");
	ALLOC_GROW(r->buf, r->end + CHUNK + SCAN_BLOCK, r->cap);
	got = r->src->read(r->src->ctx, r->buf + r->end, CHUNK, err);
	if (got < 0)
		return -1;
	r->end += (size_t)got;
	r->ended = got == 0;
	return 0;
}

/* More blocks: 1, 0 if there are none, -1. Those of less than 64 bytes wait for more. */
static int scan_more(struct rows *r, struct err *err)
{
	size_t n;

	while (!(n = r->end > r->scanned ? (r->end - r->scanned) / SCAN_BLOCK : 0)) {
		if (r->ended && r->scanned >= r->end)
			return 0;
		if (r->ended) {
			memset(r->buf + r->end, 0, SCAN_BLOCK);
			n = 1;
			break;
		}
		if (fill(r, err) < 0)
			return -1;
	}
	r->n_blocks = MIN(n, (size_t)ROWS_BATCH);
	r->block = 0;
	r->left = UINT64_MAX;
	scan_blocks(r->buf + r->scanned, r->n_blocks, r->separator, r->blocks);
	r->scanned += r->n_blocks * SCAN_BLOCK;
	return 1;
}

/* ---- rows ---- */

static void end_field(struct rows *r, size_t pos, bool last)
{
	bool cr = last && r->state == BEHIND_QUOTE && pos == r->closed + 2 && r->buf[r->at + pos - 1] == '\r';

	if (r->state == BEHIND_QUOTE && pos != r->closed + 1 && !cr) {
		r->flags |= ROW_QUOTES;
		r->mark |= END_BROKEN;
	}
	r->ends[r->n_fields++] = (uint32_t)pos | r->mark;
	r->mark = 0;
	r->state = PLAIN;
}

static size_t field_start(const struct rows *r, size_t i)
{
	return i ? (r->ends[i - 1] & END_MASK) + 1 : 0;
}

static void at_quote(struct rows *r, size_t pos)
{
	if (r->state == PLAIN && pos == field_start(r, r->n_fields)) {
		r->state = IN_QUOTES;
		r->mark = END_QUOTED;
	} else if (r->state == IN_QUOTES) {
		r->state = BEHIND_QUOTE;
		r->closed = pos;
	} else if (r->state == BEHIND_QUOTE && pos == r->closed + 1) {
		r->state = IN_QUOTES;
		r->mark |= END_DOUBLED;
	}
}

/* Goes through what is left of a block with quotes in it, or within quotes. Does the row end there? */
static bool step_quotes(struct rows *r, const struct scan *m, size_t base)
{
	uint64_t bits = (m->ends | m->quotes) & r->left;

	for (; bits; bits &= bits - 1) {
		unsigned p = (unsigned)__builtin_ctzll(bits);
		bool line = m->lines >> p & 1;

		if (m->quotes >> p & 1) {
			at_quote(r, base + p);
		} else if (r->state == IN_QUOTES) {
			r->next_line += line;
		} else {
			end_field(r, base + p, line);
			if (!line)
				continue;
			r->left = ~UINT64_C(1) << p;
			return true;
		}
	}
	return false;
}

static bool step_plain(struct rows *r, const struct scan *m, size_t base)
{
	uint64_t bits = m->ends & r->left, lines = m->lines & r->left;
	uint32_t *e = r->ends + r->n_fields;
	unsigned p;

	if (lines) {
		p = (unsigned)__builtin_ctzll(lines);
		r->left = ~UINT64_C(1) << p;
		bits &= ~r->left;
	}
	for (; bits; bits &= bits - 1)
		*e++ = (uint32_t)(base + (unsigned)__builtin_ctzll(bits));
	r->n_fields = (size_t)(e - r->ends);
	return lines != 0;
}

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

/* The row ends at pos; what follows begins at next. */
static void end_row(struct rows *r, size_t pos, size_t next)
{
	r->row = r->buf + r->at;
	r->n = pos && r->row[pos - 1] == '\r' ? pos - 1 : pos;
	r->offset = r->next_offset;
	r->next_offset += next;
	r->next_line += next > pos;
	r->at += next;
	r->count++;
	if (!r->odd)
		return;
	r->flags |= memchr(r->row, '\0', r->n) ? ROW_NUL : 0;
	r->flags |= is_utf8(r->row, r->n) ? 0 : ROW_UTF8;
}

static bool last_row(struct rows *r)
{
	size_t n = r->end - r->at;

	if (!n)
		return false;
	ALLOC_GROW(r->ends, r->n_fields + 1, r->ends_cap);
	if (r->state == IN_QUOTES) {
		r->flags |= ROW_OPEN;
		r->mark |= END_BROKEN;
	}
	end_field(r, n, true);
	end_row(r, n, n);
	r->scanned = r->end;
	return true;
}

static int next_separated(struct rows *r, struct err *err)
{
	int got;

	r->n_fields = 0;
	r->flags = 0;
	r->odd = false;
	r->line = r->next_line;
	do {
		for (; r->block < r->n_blocks; r->block++, r->left = UINT64_MAX) {
			const struct scan *m = &r->blocks[r->block];
			size_t base = r->scanned - (r->n_blocks - r->block) * SCAN_BLOCK - r->at;

			ALLOC_GROW(r->ends, r->n_fields + SCAN_BLOCK, r->ends_cap);
			r->odd |= m->odd;
			if (r->opt.no_quotes || (r->state == PLAIN && !m->quotes) ? step_plain(r, m, base) : step_quotes(r, m, base)) {
				size_t pos = r->ends[r->n_fields - 1] & END_MASK;

				end_row(r, pos, pos + 1);
				return 1;
			}
		}
		got = scan_more(r, err);
	} while (got > 0);
	return got < 0 ? -1 : last_row(r);
}

int rows_next(struct rows *r, struct err *err)
{
	int got;

	while ((got = next_separated(r, err)) > 0 && r->format == ROWS_JSON) {
		if (r->n == strspn(r->row, " \t\r") || r->n == 0) {
			r->count--;
			continue;
		}
		r->why = json_row(r->json, (char *)(uintptr_t)r->row, r->n, &r->names, &r->fields);
		r->n_fields = r->names.n;
		r->flags |= r->why ? ROW_NO_OBJECT : 0;
		break;
	}
	return got;
}

struct field rows_field(struct rows *r, size_t i)
{
	size_t start, end, at;
	uint32_t mark;

	if (r->format == ROWS_JSON)
		return r->fields[i];
	start = field_start(r, i);
	mark = r->ends[i];
	end = MIN(mark & END_MASK, r->n);
	if (!(mark & END_QUOTED) || mark & END_BROKEN)
		return (struct field){r->row + start, end - start, FIELD_PLAIN};
	start++;
	end--;
	if (!(mark & END_DOUBLED))
		return (struct field){r->row + start, end - start, FIELD_QUOTED};
	strbuf_clear(&r->scratch);
	for (at = start; at < end; at++) {
		strbuf_addch(&r->scratch, r->row[at]);
		at += r->row[at] == '"';
	}
	return (struct field){r->scratch.buf, r->scratch.len, FIELD_QUOTED};
}

ssize_t rows_column(const struct rows *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->names.n; i++)
		if (streq(r->names.v[i], name))
			return (ssize_t)i;
	return -1;
}

/* ---- the beginning ---- */

static char find_separator(const char *s, size_t n)
{
	static const char candidates[] = ",;\t|";
	size_t counts[sizeof(candidates)] = {0}, i, best = 0;
	const char *c;
	bool quoted = false;

	for (i = 0; i < n && (quoted || s[i] != '\n'); i++) {
		quoted ^= s[i] == '"';
		c = quoted || !s[i] ? NULL : strchr(candidates, s[i]);
		if (c)
			counts[c - candidates]++;
	}
	for (i = 0; candidates[i]; i++)
		if (counts[i] > counts[best])
			best = i;
	return candidates[best];
}

/* Enough of it that the first row can be judged. */
static int fill_first(struct rows *r, struct err *err)
{
	do
		if (fill(r, err) < 0)
			return -1;
	while (!r->ended && r->end < MIN(CHUNK / 2, r->opt.limit));
	return 0;
}

static int look_at_first(struct rows *r, struct err *err)
{
	size_t i;

	if (r->end >= 2 && (memcmp(r->buf, "\xff\xfe", 2) == 0 || memcmp(r->buf, "\xfe\xff", 2) == 0))
		return err_set(err, ERR_INVALID, "it is UTF-16; `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it");
	if (r->end >= 3 && memcmp(r->buf, "\xef\xbb\xbf", 3) == 0)
		r->at = r->scanned = r->next_offset = 3;
	if (r->format == ROWS_ANY) {
		for (i = r->at; i < r->end && strchr(" \t\r\n", r->buf[i]) && r->buf[i]; i++)
			;
		r->format = i < r->end && r->buf[i] == '{' ? ROWS_JSON : ROWS_SEPARATED;
	}
	if (r->format == ROWS_JSON) {
		r->separator = '\n';
		r->opt.no_quotes = true;
		r->json = r->json ? r->json : json_columns_new();
	} else {
		r->separator = r->opt.separator ? r->opt.separator : find_separator(r->buf + r->at, r->end - r->at);
	}
	return 0;
}

static int read_names(struct rows *r, struct err *err)
{
	size_t i;
	int got = rows_next(r, err);

	for (i = 0; got > 0 && i < r->n_fields; i++) {
		struct field f = rows_field(r, i);

		strvec_push_owned(&r->names, r->opt.no_header ? xstrfmt("%zu", i + 1) : xstrndup(f.s, f.n));
	}
	return got < 0 ? -1 : 0;
}

static void restart(struct rows *r)
{
	r->at = r->end = r->scanned = r->block = r->n_blocks = 0;
	r->ended = r->odd = false;
	r->next_offset = r->count = 0;
	r->line = r->next_line = 1;
	r->state = PLAIN;
	r->mark = 0;
}

static int begin(struct rows *r, struct err *err)
{
	restart(r);
	if (r->src->rewind(r->src->ctx, err) < 0 || fill_first(r, err) < 0)
		return -1;
	return look_at_first(r, err);
}

int rows_begin(struct rows *r, const struct data_source *src, const struct rows_options *opt, struct err *err)
{
	bool known = r->names.n > 0;

	r->src = src;
	r->opt = *opt;
	r->opt.limit = MIN(opt->limit ? opt->limit : LIMIT, MOST_LIMIT);
	r->format = opt->format;
	if (begin(r, err) < 0)
		return -1;
	if (r->opt.raw || r->format == ROWS_JSON)
		return 0;
	if (r->opt.no_header && known)
		return 0;
	strvec_release(&r->names);
	r->names = (struct strvec)STRVEC_INIT;
	if (read_names(r, err) < 0)
		return -1;
	if (!r->opt.no_header)
		r->count = 0;
	return r->opt.no_header ? begin(r, err) : 0;
}

void rows_release(struct rows *r)
{
	free(r->buf);
	free(r->ends);
	free(r->fields);
	strbuf_release(&r->scratch);
	strvec_release(&r->names);
	json_columns_free(r->json);
	*r = (struct rows)ROWS_INIT;
}
