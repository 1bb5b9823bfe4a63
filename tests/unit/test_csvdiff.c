/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows in which CSV files differ, against counting them one by one. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/csvdiff.h"
#include "tap.h"
#include "util/strbuf.h"

/* A text that is handed out in small pieces, of other sizes each time. */
struct pieces {
	const char *s;
	size_t n, at, turn;
};

static ssize_t read_piece(void *ctx, void *buf, size_t n, struct err *err)
{
	struct pieces *p = ctx;
	size_t take = MIN(MIN(n, p->n - p->at), 1 + p->turn % 7);

	(void)err;
	p->turn++;
	memcpy(buf, p->s + p->at, take);
	p->at += take;
	return (ssize_t)take;
}

static int rewind_pieces(void *ctx, struct err *err)
{
	(void)err;
	((struct pieces *)ctx)->at = 0;
	return 0;
}

static int diff(struct csv_diff *d, const char *old, const char *new)
{
	struct pieces a = {old, strlen(old), 0, 0}, b = {new, strlen(new), 0, 3};
	const struct data_source from = {read_piece, rewind_pieces, &a}, to = {read_piece, rewind_pieces, &b};

	*d = (struct csv_diff)CSV_DIFF_INIT;
	return csv_diff(d, &from, &to, NULL);
}

static void rows(void)
{
	struct csv_diff d;

	EXPECT_INT(diff(&d, "id,x\n1,a\n2,b\n3,c\n", "id,x\n3,c\n1,a\n4,d\n4,d\n"), 0);
	EXPECT(d.header && !d.columns_added.n && !d.columns_removed.n);
	EXPECT_INT(d.rows_old, 3);
	EXPECT_INT(d.rows_new, 4);
	EXPECT_INT(d.removed, 1);
	EXPECT_INT(d.added, 2);
	EXPECT_INT(d.examples_removed.n, 1);
	EXPECT_STR(d.examples_removed.v[0], "2,b");
	EXPECT_STR(d.examples_added.v[0], "4,d");
	csv_diff_release(&d);
	/* the same, moved about; with other ends of lines, and without the last newline */
	EXPECT_INT(diff(&d, "id,x\n1,a\n2,b\n2,b", "id,x\r\n2,b\r\n1,a\r\n2,b\r\n"), 0);
	EXPECT_INT(d.removed + d.added, 0);
	csv_diff_release(&d);
	/* no header: numbers */
	EXPECT_INT(diff(&d, "1,2\n3,4\n", "3,4\n"), 0);
	EXPECT(!d.header);
	EXPECT_INT(d.removed, 1);
	csv_diff_release(&d);
	EXPECT_INT(diff(&d, "", "a,b\n1,2\n"), 0);
	EXPECT_INT(d.added, 2);
	csv_diff_release(&d);
	EXPECT_INT(diff(&d, "", ""), 0);
	EXPECT_INT(d.rows_old + d.rows_new + d.added + d.removed, 0);
	csv_diff_release(&d);
}

static void quotes(void)
{
	struct csv_diff d;

	EXPECT_INT(diff(&d, "id,text\n1,\"two\nlines\"\n2,b\n", "id,text\n2,b\n1,\"two\nother\"\n"), 0);
	EXPECT_INT(d.rows_old, 2);
	EXPECT_INT(d.removed, 1);
	EXPECT_INT(d.added, 1);
	EXPECT_STR(d.examples_removed.v[0], "1,\"two\nlines\"");
	csv_diff_release(&d);
}

static void columns(void)
{
	struct csv_diff d;

	EXPECT_INT(diff(&d, "id;x;y\n1;a;7\n2;b;8\n", "y;id;z\n8;2;q\n9;1;r\n"), 0);
	EXPECT_INT(d.columns_added.n, 1);
	EXPECT_STR(d.columns_added.v[0], "z");
	EXPECT_INT(d.columns_removed.n, 1);
	EXPECT_STR(d.columns_removed.v[0], "x");
	EXPECT(d.columns_moved);
	EXPECT_INT(d.removed, 1);
	EXPECT_INT(d.added, 1);
	EXPECT_STR(d.examples_removed.v[0], "1;a;7");
	EXPECT_STR(d.examples_added.v[0], "9;1;r");
	csv_diff_release(&d);
	EXPECT_INT(diff(&d, "\xef\xbb\xbf\"id\"\tx\n1\ta\n", "id\tx\n1\ta\n"), 0);
	EXPECT(d.header && !d.columns_added.n && !d.columns_removed.n && !d.columns_moved);
	EXPECT_INT(d.added + d.removed, 0);
	csv_diff_release(&d);
	/* rows that are short or long do not trip it */
	EXPECT_INT(diff(&d, "a,b,c\n1\n1,2,3,4,5,6\n", "a,c\n1\n"), 0);
	csv_diff_release(&d);
}

static void no_csv(void)
{
	struct pieces a = {"a\0b", 3, 0, 0};
	const struct data_source src = {read_piece, rewind_pieces, &a};
	struct csv_diff d = CSV_DIFF_INIT;

	EXPECT_INT(csv_diff(&d, &src, &src, NULL), -1);
}

/* Rows "NUMBER\n" of from, from + step ... */
struct numbers {
	uint32_t from, n, at;
};

static ssize_t read_numbers(void *ctx, void *buf, size_t n, struct err *err)
{
	struct numbers *c = ctx;
	size_t len = 0;

	(void)err;
	for (; c->at < c->n && len + 16 < n; c->at++)
		len += (size_t)sprintf((char *)buf + len, "%u\n", c->from + c->at);
	return (ssize_t)len;
}

static int rewind_numbers(void *ctx, struct err *err)
{
	(void)err;
	((struct numbers *)ctx)->at = 0;
	return 0;
}

/* More different rows than the table holds. */
static void many(void)
{
	struct numbers a = {0, 1000000, 0}, b = {900000, 1000001, 0};
	const struct data_source from = {read_numbers, rewind_numbers, &a}, to = {read_numbers, rewind_numbers, &b};
	struct csv_diff d = CSV_DIFF_INIT;

	EXPECT_INT(csv_diff(&d, &from, &to, NULL), 0);
	EXPECT_INT(d.rows_old, 1000000);
	EXPECT_INT(d.removed, 900000);
	EXPECT_INT(d.added, 900001);
	EXPECT_INT(d.examples_added.n, CSVDIFF_EXAMPLES);
	csv_diff_release(&d);
}

/* Against a count of each value. */
static void by_chance(void)
{
	unsigned seed = 7;
	int round, i;

	for (round = 0; round < 300; round++) {
		CLEANUP(strbuf_release) struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
		int net[40] = {0}, added = 0, removed = 0, n = rand_r(&seed) % 200;
		struct csv_diff d;

		for (i = 0; i < n; i++) {
			int v = rand_r(&seed) % 40, to_old = rand_r(&seed) % 2;

			strbuf_addf(to_old ? &old : &new, "%d,\"q%d\"\n", v, v);
			net[v] += to_old ? 1 : -1;
		}
		for (i = 0; i < 40; i++) {
			removed += MAX(net[i], 0);
			added += MAX(-net[i], 0);
		}
		EXPECT_INT(diff(&d, old.buf, new.buf), 0);
		EXPECT_INT(d.removed, removed);
		EXPECT_INT(d.added, added);
		csv_diff_release(&d);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"rows are compared as a multiset", rows},
		{"a row may hold newlines in quotes", quotes},
		{"columns that came, went and moved; rows by those that both have", columns},
		{"what is no text is refused", no_csv},
		{"files that differ in more rows than memory holds", many},
		{"small files by chance, against a count", by_chance},
	};

	return tap_run("csvdiff", tests, ARRAY_SIZE(tests));
}
