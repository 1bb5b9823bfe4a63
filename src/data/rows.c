/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/rows.h"

#include <stdlib.h>
#include <string.h>

#include "data/jsonrows.h"
#include "data/value.h"
#include "util/pool.h"

#define PIECE ((size_t)1 << 16)
#define LIMIT ((size_t)1 << 20)
#define MOST_LIMIT ((size_t)1 << 28)
#define AHEAD_FROM 4 /* batches, before a thread is worth its while */

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

/* ---- rows ---- */

/* The batch that comes next. */
static void next_batch(struct rows *r)
{
	if (!r->ahead && r->opt.ahead && r->n_batches >= AHEAD_FROM && pool_cpus() > 1) {
		r->ahead = ahead_start(&r->split, &r->own);
		r->opt.ahead = r->ahead != NULL;
	}
	if (r->ahead) {
		r->now = ahead_next(r->ahead);
	} else {
		split_read(&r->split, &r->own, &r->own);
		split_rows(&r->split, &r->own, 0);
	}
	r->next = 0;
	r->n_batches++;
}

static int next_separated(struct rows *r, struct err *err)
{
	const struct split_row *row;

	while (r->next == r->now->n_rows) {
		if (r->now->outcome < 0)
			return err_set(err, r->now->err.code, "%s", r->now->err.msg);
		if (r->now->outcome == 0)
			return 0;
		next_batch(r);
	}
	row = r->at = &r->now->rows[r->next++];
	r->row = r->now->text + row->start;
	r->n = row->n;
	r->n_fields = row->n_fields;
	r->flags = row->flags;
	r->values = r->split.values ? r->now->values + row->first : NULL;
	r->offset = r->now->offset + row->start;
	r->line = r->next_line;
	r->next_line += row->lines;
	r->count++;
	return 1;
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

/* What s[0..n) is, which the source begins with. *from: where its rows begin. */
static int look_at_first(struct rows *r, const char *s, size_t n, size_t *from, struct err *err)
{
	size_t i;

	if (n >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0))
		return err_set(err, ERR_INVALID, "it is UTF-16; `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it");
	*from = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	if (r->format == ROWS_ANY) {
		for (i = *from; i < n && strchr(" \t\r\n", s[i]) && s[i]; i++)
			;
		r->format = i < n && s[i] == '{' ? ROWS_JSON : ROWS_SEPARATED;
	}
	if (r->format == ROWS_JSON)
		r->json = r->json ? r->json : json_columns_new();
	if (r->format == ROWS_JSON)
		r->separator = '\n';
	else
		r->separator = r->opt.separator ? r->opt.separator : find_separator(s + *from, n - *from);
	return 0;
}

static int read_first(struct rows *r, struct err *err)
{
	size_t from = 0;

	if (r->src->rewind(r->src->ctx, err) < 0)
		return -1;
	split_read(&r->split, &r->own, NULL);
	while (r->own.outcome > 0 && r->own.n < MIN(r->split.piece / 2, r->split.limit))
		split_more(&r->split, &r->own);
	if (r->own.outcome < 0)
		return err_set(err, r->own.err.code, "%s", r->own.err.msg);
	if (look_at_first(r, r->own.text, r->own.n, &from, err) < 0)
		return -1;
	r->split.separator = r->separator;
	r->split.no_quotes = r->opt.no_quotes || r->format == ROWS_JSON;
	r->split.values = r->format == ROWS_JSON ? NULL : r->opt.values;
	split_rows(&r->split, &r->own, from);
	return 0;
}

static void to_first_row(struct rows *r)
{
	r->now = &r->own;
	r->next = 0;
	r->n_batches = 1;
	r->count = 0;
	r->line = r->next_line = 1;
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

int rows_begin(struct rows *r, const struct data_source *src, const struct rows_options *opt, struct err *err)
{
	bool known = r->names.n > 0;

	rows_stop(r);
	r->src = src;
	r->opt = *opt;
	r->format = opt->format;
	split_release(&r->split);
	r->split = (struct split){.src = src, .limit = MIN(opt->limit ? opt->limit : LIMIT, MOST_LIMIT),
				  .piece = opt->piece ? opt->piece : PIECE, .scratch = STRBUF_INIT};
	to_first_row(r);
	if (read_first(r, err) < 0)
		return -1;
	if (r->opt.raw || r->format == ROWS_JSON)
		return 0;
	if (r->opt.no_header && known)
		return 0;
	strvec_release(&r->names);
	r->names = (struct strvec)STRVEC_INIT;
	if (read_names(r, err) < 0)
		return -1;
	if (r->opt.no_header)
		to_first_row(r);
	r->count = 0;
	return 0;
}

void rows_stop(struct rows *r)
{
	ahead_stop(r->ahead);
	r->ahead = NULL;
}

void rows_release(struct rows *r)
{
	rows_stop(r);
	split_release(&r->split);
	batch_release(&r->own);
	free(r->fields);
	strbuf_release(&r->scratch);
	strvec_release(&r->names);
	json_columns_free(r->json);
	*r = (struct rows)ROWS_INIT;
}
