/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/linediff.h"

#include <stdlib.h>
#include <string.h>

#include "util/text.h"

/* Edits beyond which a middle part counts as replaced as a whole; the trace takes their square in ints. */
#define MOST_EDITS 400

struct line {
	const char *s;
	size_t n;
	uint64_t hash;
};
struct lines {
	struct line *v;
	size_t n, cap;
};

struct diff {
	struct lines old, new;
	size_t skip;            /* equal lines at the beginning */
	ptrdiff_t n_old, n_new; /* lines between the equal ends */
	bool *deleted, *inserted;
};

static void split(struct linediff_text text, struct lines *out)
{
	const char *s = text.s, *end = text.s + text.n;

	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		struct line l = {s, (size_t)((nl ? nl : end) - s), 14695981039346656037u};
		size_t i;

		for (i = 0; i < l.n; i++)
			l.hash = (l.hash ^ (unsigned char)s[i]) * 1099511628211u;
		ALLOC_GROW(out->v, out->n + 1, out->cap);
		out->v[out->n++] = l;
		s = nl ? nl + 1 : end;
	}
}

static bool same(const struct line *a, const struct line *b)
{
	return a->hash == b->hash && a->n == b->n && memcmp(a->s, b->s, a->n) == 0;
}

static bool same_at(const struct diff *d, ptrdiff_t x, ptrdiff_t y)
{
	return same(&d->old.v[d->skip + (size_t)x], &d->new.v[d->skip + (size_t)y]);
}

static void trim_ends(struct diff *d)
{
	size_t n = MIN(d->old.n, d->new.n), end = 0;

	while (d->skip < n && same(&d->old.v[d->skip], &d->new.v[d->skip]))
		d->skip++;
	while (end < n - d->skip && same(&d->old.v[d->old.n - 1 - end], &d->new.v[d->new.n - 1 - end]))
		end++;
	d->n_old = (ptrdiff_t)(d->old.n - d->skip - end);
	d->n_new = (ptrdiff_t)(d->new.n - d->skip - end);
}

/* Row e of the trace: the furthest x on each diagonal -e, -e+2 .. e, kept at indices 0 .. e. */
static ptrdiff_t *row(ptrdiff_t *trace, ptrdiff_t e)
{
	return trace + e * (e + 1) / 2;
}

/* Does the path to diagonal k with e edits come down from k + 1 (an insertion)? */
static bool comes_down(const ptrdiff_t *before, ptrdiff_t e, ptrdiff_t k)
{
	ptrdiff_t at = (k + e) / 2; /* index of k - 1 in the row before is at - 1, that of k + 1 is at */

	return k == -e || (k != e && before[at - 1] < before[at]);
}

/* The least number of edits, -1 if it is more than most. Fills the trace. */
static ptrdiff_t forward(const struct diff *d, ptrdiff_t *trace, ptrdiff_t most)
{
	ptrdiff_t e, k, x;

	for (e = 0; e <= most; e++) {
		ptrdiff_t *now = row(trace, e), *before = e ? row(trace, e - 1) : NULL;

		for (k = -e; k <= e; k += 2) {
			if (!before)
				x = 0;
			else if (comes_down(before, e, k))
				x = before[(k + e) / 2];
			else
				x = before[(k + e) / 2 - 1] + 1;
			while (x < d->n_old && x - k < d->n_new && x - k >= 0 && same_at(d, x, x - k))
				x++;
			now[(k + e) / 2] = x;
			if (k == d->n_old - d->n_new && x >= d->n_old)
				return e;
		}
	}
	return -1;
}

static void backward(struct diff *d, ptrdiff_t *trace, ptrdiff_t e)
{
	ptrdiff_t k = d->n_old - d->n_new;

	for (; e > 0; e--) {
		const ptrdiff_t *before = row(trace, e - 1);

		if (comes_down(before, e, k)) {
			ptrdiff_t x = before[(k + e) / 2];

			k++;
			if (x - k >= 0 && x - k < d->n_new)
				d->inserted[x - k] = true;
		} else {
			ptrdiff_t x = before[(k + e) / 2 - 1];

			k--;
			if (x < d->n_old)
				d->deleted[x] = true;
		}
	}
}

static void solve(struct diff *d)
{
	ptrdiff_t most = MIN(d->n_old + d->n_new, MOST_EDITS), edits = -1;
	ptrdiff_t *trace;

	d->deleted = xcalloc((size_t)d->n_old + 1, sizeof(bool));
	d->inserted = xcalloc((size_t)d->n_new + 1, sizeof(bool));
	if (d->n_old && d->n_new) {
		trace = xreallocarray(NULL, (size_t)((most + 1) * (most + 2) / 2), sizeof(*trace));
		edits = forward(d, trace, most);
		if (edits >= 0)
			backward(d, trace, edits);
		free(trace);
	}
	if (edits < 0) {
		memset(d->deleted, true, (size_t)d->n_old);
		memset(d->inserted, true, (size_t)d->n_new);
	}
}

static void tell(const struct linediff_sink *sink, size_t *left, size_t *rest, char sign, size_t index,
		 const struct line *l)
{
	if (*left) {
		(*left)--;
		sink->line(sink->ctx, sign, index + 1, l->s, l->n);
	} else {
		(*rest)++;
	}
}

static size_t emit(const struct diff *d, size_t left, const struct linediff_sink *sink)
{
	ptrdiff_t x = 0, y = 0;
	size_t rest = 0;

	while (x < d->n_old || y < d->n_new) {
		if (x < d->n_old && d->deleted[x]) {
			tell(sink, &left, &rest, '-', d->skip + (size_t)x, &d->old.v[d->skip + (size_t)x]);
			x++;
		} else if (y < d->n_new && d->inserted[y]) {
			tell(sink, &left, &rest, '+', d->skip + (size_t)y, &d->new.v[d->skip + (size_t)y]);
			y++;
		} else {
			x++;
			y++;
		}
	}
	return rest;
}

enum linediff_result linediff(struct linediff_text old, struct linediff_text new, size_t limit,
			      const struct linediff_sink *sink, size_t *more)
{
	struct diff d = {0};
	enum linediff_result result = LINEDIFF_CHANGED;
	size_t rest = 0;

	if (more)
		*more = 0;
	if (old.n == new.n && (!old.n || memcmp(old.s, new.s, old.n) == 0))
		return LINEDIFF_SAME;
	if ((old.n && memchr(old.s, '\0', old.n)) || (new.n && memchr(new.s, '\0', new.n)))
		return LINEDIFF_BINARY;
	split(old, &d.old);
	split(new, &d.new);
	trim_ends(&d);
	if (d.n_old || d.n_new) {
		solve(&d);
		rest = emit(&d, limit, sink);
	} else {
		result = LINEDIFF_NEWLINE;
	}
	if (more)
		*more = rest;
	free(d.old.v);
	free(d.new.v);
	free(d.deleted);
	free(d.inserted);
	return result;
}

/* Do the texts differ in blanks, tabs and carriage returns alone? */
static bool only_blanks(struct linediff_text a, struct linediff_text b)
{
	size_t i = 0, j = 0;

	for (;;) {
		while (i < a.n && strchr(" \t\r", a.s[i]))
			i++;
		while (j < b.n && strchr(" \t\r", b.s[j]))
			j++;
		if (i == a.n || j == b.n)
			return i == a.n && j == b.n;
		if (a.s[i++] != b.s[j++])
			return false;
	}
}

struct formatter {
	struct strbuf *out;
	bool show_tabs;
};

static void format_line(void *ctx, char sign, size_t number, const char *s, size_t n)
{
	struct formatter *f = ctx;
	size_t i;

	strbuf_addf(f->out, "%c%zu: ", sign, number);
	for (i = 0; i < n; i++) {
		if (s[i] == '\t' && !f->show_tabs)
			strbuf_addstr(f->out, "    ");
		else if (s[i] == '\\')
			strbuf_addch(f->out, '\\');
		else
			text_add_escaped(f->out, s + i, 1, false);
	}
	strbuf_addch(f->out, '\n');
}

enum linediff_result linediff_format(struct linediff_text old, struct linediff_text new, size_t limit,
				     struct strbuf *out)
{
	struct formatter f = {out, only_blanks(old, new)};
	struct linediff_sink sink = {format_line, &f};
	size_t more;
	enum linediff_result result = linediff(old, new, limit, &sink, &more);

	if (more)
		strbuf_addf(out, "... and %zu more line%s\n", more, more == 1 ? "" : "s");
	return result;
}
