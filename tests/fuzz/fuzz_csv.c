/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two CSV files, divided by the first line "=". However they are read, the counts are the same; there and back they change
 * places; and what is compared with itself does not differ. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "report/csvdiff.h"
#include "util/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
	const char *s;
	size_t n, at, step;
};

static ssize_t read_piece(void *ctx, void *buf, size_t n, struct err *err)
{
	struct pieces *p = ctx;

	(void)err;
	n = MIN(n, MIN(p->step, p->n - p->at));
	memcpy(buf, p->s + p->at, n);
	p->at += n;
	return (ssize_t)n;
}

static int rewind_pieces(void *ctx, struct err *err)
{
	(void)err;
	((struct pieces *)ctx)->at = 0;
	return 0;
}

static int diff(struct csv_diff *d, const struct strbuf *old, const struct strbuf *new, size_t step)
{
	struct pieces a = {old->buf, old->len, 0, step}, b = {new->buf, new->len, 0, step + 1};
	const struct data_source from = {read_piece, rewind_pieces, &a}, to = {read_piece, rewind_pieces, &b};

	*d = (struct csv_diff)CSV_DIFF_INIT;
	return csv_diff(d, &from, &to, NULL);
}

static void need(bool so)
{
	if (!so)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
	struct csv_diff d, back, slow, same;
	const char *s = (const char *)data, *at = size ? memmem(s, size, "\n=\n", 3) : NULL;
	int got;

	strbuf_add(&old, s, at ? (size_t)(at + 1 - s) : size);
	if (at)
		strbuf_add(&new, at + 3, size - (size_t)(at + 3 - s));
	got = diff(&d, &old, &new, SIZE_MAX / 2);
	need(diff(&slow, &old, &new, 1) == got && diff(&back, &new, &old, 64) == got);
	if (got == 0) {
		need(d.rows_old + d.added == d.rows_new + d.removed);
		need(d.examples_added.n <= d.added && d.examples_removed.n <= d.removed);
		need(slow.added == d.added && slow.removed == d.removed && slow.rows_old == d.rows_old && slow.header == d.header);
		if (!d.columns_added.n && !d.columns_removed.n && !d.columns_moved)
			need(back.added == d.removed && back.removed == d.added);
		need(diff(&same, &old, &old, 7) == 0 && !same.added && !same.removed && !same.columns_added.n && !same.columns_moved);
		csv_diff_release(&same);
	}
	csv_diff_release(&d);
	csv_diff_release(&slow);
	csv_diff_release(&back);
	strbuf_release(&old);
	strbuf_release(&new);
	return 0;
}
