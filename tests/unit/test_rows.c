/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of tables: against one that goes byte by byte, in pieces of all sizes; JSON Lines; what is wrong with rows. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/scan.h"
#include "slow_rows.h"
#include "tap.h"

static void same(const char *s, size_t n, char sep)
{
	CLEANUP(strbuf_release) struct strbuf want = STRBUF_INIT;
	static const size_t steps[] = {0, 1, 7, 200};
	unsigned flags;
	size_t i;

	slow_rows(s, n, sep, &want);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;

		EXPECT(fast_rows(s, n, sep, steps[i], &flags, &got));
		EXPECT_STR(got.buf, want.buf);
		EXPECT_INT((flags & (ROW_QUOTES | ROW_OPEN)) != 0, strstr(want.buf, "]!") != NULL);
	}
}

static void separated(void)
{
	static const char *const texts[] = {
		"", "\n", "a", "a,b\n1,2", "a,b\r\n1,2\r\n", "\xef\xbb\xbf" "a,b\n", "\"a\",\"b,c\"\n\"d\"\"e\",\"\"\n", "\"two\nlines\",x\ny\n",
		"a\"b,5\" pipe\n", "\"a\"x,b\n", "\"open,\nto the end", "\"a\"\r\n\"b\"\r", "\"\"\"\"\n", "\"a\"\"\n", ",,\n,\n", "a\rb,c\n",
		"\"\r\n\",1\n2,3\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		same(texts[i], strlen(texts[i]), ',');
		same(texts[i], strlen(texts[i]), ';');
	}
}

static void by_chance(void)
{
	static const char bytes[] = "aaaa,,\"\"\"\n\r;";
	unsigned seed = 11;
	int round;

	for (round = 0; round < 3000; round++) {
		char s[400];
		size_t n = (size_t)rand_r(&seed) % sizeof(s), i, kinds = 2 + (size_t)rand_r(&seed) % (sizeof(bytes) - 3);

		for (i = 0; i < n; i++)
			s[i] = bytes[(size_t)rand_r(&seed) % kinds + (kinds < 6 ? 3 : 0)];
		same(s, n, ',');
	}
}

#define BLOCKS 16

static void blocks(void)
{
	char s[SCAN_BLOCK * BLOCKS];
	struct scan plain[BLOCKS], fast[BLOCKS];
	unsigned seed = 3;
	int round;
	size_t i;

	for (round = 0; round < 300; round++) {
		for (i = 0; i < sizeof(s); i++)
			s[i] = round % 2 ? ",\"\nab"[rand_r(&seed) % 5] : (char)(rand_r(&seed) % (round % 3 ? 256 : 127) + (round % 3 == 0));
		scan_blocks_plain(s, BLOCKS, ',', plain);
		scan_blocks(s, BLOCKS, ',', fast);
		for (i = 0; i < BLOCKS; i++)
			EXPECT(plain[i].ends == fast[i].ends && plain[i].lines == fast[i].lines && plain[i].quotes == fast[i].quotes &&
			       plain[i].odd == fast[i].odd);
	}
}

/* Begins to read a text. */
static int begin(struct rows *r, struct slow_pieces *p, struct data_source *src, const char *s, size_t n, enum rows_format format,
		 struct err *err)
{
	const struct rows_options opt = {.format = format};

	*p = (struct slow_pieces){s, n, 0, 5, 0};
	*src = (struct data_source){slow_read, slow_rewind, p};
	return rows_begin(r, src, &opt, err);
}

static void is_field(struct rows *r, size_t i, enum field_kind kind, const char *want)
{
	struct field f = rows_field(r, i);
	CLEANUP(freep) char *got = f.s ? xstrndup(f.s, f.n) : xstrdup("-");

	EXPECT_STR(got, want);
	EXPECT_INT(f.kind, kind);
}

static void header(void)
{
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	struct slow_pieces p;
	struct data_source src;
	const char *s = "\xef\xbb\xbf\"id, one\";b\n1;2\n";

	EXPECT_INT(begin(&r, &p, &src, s, strlen(s), ROWS_ANY, NULL), 0);
	EXPECT_INT(r.separator, ';');
	EXPECT_INT(rows_column(&r, "id, one"), 0);
	EXPECT_INT(rows_column(&r, "b"), 1);
	EXPECT_INT(rows_column(&r, "c"), -1);
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.line, 2);
	EXPECT_INT(r.count, 1);
	is_field(&r, 1, FIELD_PLAIN, "2");
	EXPECT_INT(rows_next(&r, NULL), 0);
	EXPECT_INT(rows_next(&r, NULL), 0);
}

static void json(void)
{
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	struct slow_pieces p;
	struct data_source src;
	static const char s[] = "{\"a\": 1, \"b\": \"x\\ty\\u00e9\\ud83d\\ude00\"}\n\n{\"b\":null,\"c\":{\"d\":[1,\"]\",{}],\"e\":true},\"a\":-1.5e3}\r\n"
				"{\"a\":1,\"a\":2}\n[1]\n{\"a\":01}\n{\"a\":\"x}\n{\"a\":1} 2\n{}\n{\"z\":\"\\x\"}\n";
	static const char *const whys[] = {"a name that comes twice", "the line is no object",
					   "what is neither a text, a number, an object, a list, true, false nor null",
					   "a text that does not end", "text behind the object", NULL, "an unknown escape in a text"};
	size_t i;

	EXPECT_INT(begin(&r, &p, &src, s, sizeof(s) - 1, ROWS_ANY, NULL), 0);
	EXPECT_INT(r.format, ROWS_JSON);
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.n_fields, 2);
	is_field(&r, 0, FIELD_NUMBER, "1");
	is_field(&r, 1, FIELD_STRING, "x\ty\xc3\xa9\xf0\x9f\x98\x80");
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.line, 3);
	EXPECT_INT(r.n_fields, 4);
	is_field(&r, 0, FIELD_NUMBER, "-1.5e3");
	is_field(&r, 1, FIELD_NULL, "null");
	EXPECT_STR(r.names.v[2], "c.d");
	is_field(&r, 2, FIELD_LIST, "[1,\"]\",{}]");
	is_field(&r, 3, FIELD_BOOL, "true");
	for (i = 0; i < ARRAY_SIZE(whys); i++) {
		EXPECT_INT(rows_next(&r, NULL), 1);
		EXPECT_STR(r.why ? r.why : "", whys[i] ? whys[i] : "");
	}
	EXPECT_INT(r.line, 10);
	EXPECT_INT(rows_next(&r, NULL), 0);
}

static void wrong(void)
{
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf s = STRBUF_INIT;
	struct slow_pieces p;
	struct data_source src;
	int got;

	EXPECT_INT(begin(&r, &p, &src, "a,b\nx\0,1\n\xff,2\n\xc3\xa9,3\n", 18, ROWS_ANY, NULL), 0);
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.flags, ROW_NUL);
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.flags, ROW_UTF8);
	EXPECT_INT(rows_next(&r, NULL), 1);
	EXPECT_INT(r.flags, 0);
	EXPECT_INT(begin(&r, &p, &src, "\xff\xfe" "a\0", 4, ROWS_ANY, &err), -1);
	EXPECT_STR(err.msg, "it is UTF-16; `iconv -f UTF-16 -t UTF-8` makes UTF-8 of it");
	strbuf_addstr(&s, "a\nb\n\"");
	strbuf_addn(&s, 'x', 3 << 20);
	EXPECT_INT(begin(&r, &p, &src, s.buf, s.len, ROWS_SEPARATED, &err), 0);
	p.step = 0;
	while ((got = rows_next(&r, &err)) > 0)
		;
	EXPECT_INT(got, -1);
	EXPECT_STR(err.msg, "line 3: a row is longer than 1024 KiB; a quote may not be closed");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"quotes, ends of lines, marks, rows of all lengths", separated},
		{"small texts by chance, in pieces", by_chance},
		{"blocks with and without the machine's instructions", blocks},
		{"a header in quotes, a separator that is found", header},
		{"JSON Lines: columns as they come, names within names, what is wrong", json},
		{"NUL, what is no UTF-8, UTF-16, a row without end", wrong},
	};

	return tap_run("rows", tests, ARRAY_SIZE(tests));
}
