/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values, statistics, uniqueness, and the findings of checks, against figures worked out otherwise. */
#include <config.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/summary.h"
#include "data/unique.h"
#include "lifecycle/check.h"
#include "slow_rows.h"
#include "tap.h"
#include "util/hash.h"

static void near(double got, double want, double within)
{
	EXPECT(fabs(got - want) <= within * MAX(1, fabs(want)));
	if (!(fabs(got - want) <= within * MAX(1, fabs(want))))
		printf("# %.17g, not %.17g\n", got, want);
}

static struct value value(const char *s, enum field_kind kind)
{
	const struct field f = {s, strlen(s), kind};

	return value_of(&f, NULL);
}

static void values(void)
{
	static const struct {
		const char *s;
		enum value_type type;
		double x;
	} v[] = {
		{"", VALUE_MISSING, 0}, {"NaN", VALUE_MISSING, 0}, {"7", VALUE_INT, 7}, {" -7 ", VALUE_INT, -7}, {"+0.1", VALUE_NUMBER, 0.1},
		{"1e3", VALUE_NUMBER, 1000}, {".5", VALUE_NUMBER, 0.5}, {"5.", VALUE_NUMBER, 5}, {"1.7976931348623157e308", VALUE_NUMBER, 1.7976931348623157e308},
		{"123456789012345678901234567890", VALUE_INT, 123456789012345678901234567890.0}, {"0.1234567890123456789", VALUE_NUMBER, 0.1234567890123456789},
		{"1e999", VALUE_TEXT, 0}, {"inf", VALUE_TEXT, 0}, {"0x10", VALUE_TEXT, 0}, {"1,5", VALUE_TEXT, 0}, {"-", VALUE_TEXT, 0}, {"1e", VALUE_TEXT, 0},
		{"1.2.3", VALUE_TEXT, 0}, {"True", VALUE_BOOL, 0}, {"2024-02-29", VALUE_DATE, 0}, {"2023-02-29", VALUE_TEXT, 0}, {"1900-02-29", VALUE_TEXT, 0},
		{"2000-02-29T23:59:59.5Z", VALUE_DATE, 0}, {"2000-02-29 23:59+02:00", VALUE_DATE, 0}, {"2000-02-29T24:00", VALUE_TEXT, 0},
		{"    -1e-10", VALUE_NUMBER, -1e-10}, {"    -12-10", VALUE_TEXT, 0}, {"  1e-3-1-1", VALUE_TEXT, 0},
		{"2000-02-29T", VALUE_TEXT, 0}, {"2000-02-29T1", VALUE_TEXT, 0}, {"2000-02-29T10:00+", VALUE_TEXT, 0}, {"2000-13-01", VALUE_TEXT, 0},
	};
	char digits[500];
	bool whole;
	double x;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		struct value got = value(v[i].s, FIELD_PLAIN);

		EXPECT_INT(got.type, v[i].type);
		EXPECT(v[i].type > VALUE_NUMBER || got.x == v[i].x);
	}
	EXPECT_INT(value("7", FIELD_STRING).type, VALUE_TEXT);
	EXPECT_INT(value("2024-01-01", FIELD_STRING).type, VALUE_DATE);
	EXPECT_INT(value("7", FIELD_NUMBER).type, VALUE_INT);
	EXPECT_INT(value("[7]", FIELD_LIST).type, VALUE_TEXT);
	memset(digits, '1', sizeof(digits));
	EXPECT(!value_number(digits, sizeof(digits), &x, &whole));
}

static void numbers_by_chance(void)
{
	unsigned seed = 5;
	int round;

	for (round = 0; round < 20000; round++) {
		char s[64];
		double want = (rand_r(&seed) - 1e9) * pow(10, rand_r(&seed) % 60 - 30), x;
		bool whole;

		snprintf(s, sizeof(s), round % 2 ? "%.*g" : "%.*f", rand_r(&seed) % 17 + 1, round % 2 ? want : fmod(want, 1e6));
		EXPECT(value_number(s, strlen(s), &x, &whole));
		EXPECT(x == strtod(s, NULL));
	}
}

/* Statistics of a text. */
static void take(struct summary *s, const char *text, size_t n)
{
	struct slow_pieces p = {text, n, 0, 0, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	const struct rows_options opt = {.format = ROWS_ANY};
	struct rows r = ROWS_INIT;
	struct stats st;

	stats_init(&st, NULL);
	EXPECT_INT(rows_begin(&r, &src, &opt, NULL), 0);
	EXPECT_INT(stats_take(&st, &r, NULL), 0);
	summary_take(s, &st);
	stats_release(&st);
	rows_release(&r);
}

static void statistics(void)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT, back = SUMMARY_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
	const char *csv = "x,c,d\n1,a,2024-01-02\n2,b,\n4,a,2023-01-01\n,a,2024-05-01\n8.5,\"q\"\"\n\",2024-01-01\n3\n";
	const struct summary_column *x, *c;

	take(&s, csv, strlen(csv));
	EXPECT_INT(s.rows, 6);
	EXPECT_INT(s.ragged, 1);
	x = summary_column(&s, "x");
	EXPECT_INT(summary_type(x), VALUE_NUMBER);
	EXPECT_INT(x->n[VALUE_MISSING], 1);
	near(x->mean, 3.7, 1e-15);                  /* numpy.mean([1, 2, 4, 8.5, 3]) */
	near(summary_sd(x), 2.9068883707497264, 1e-15); /* numpy.std(..., ddof=1) */
	near(stats_quantile(x->sample, x->n_sample, 0.9), 6.7, 1e-15); /* numpy.quantile(..., 0.9) */
	c = summary_column(&s, "c");
	EXPECT_INT(c->distinct, 3);
	EXPECT_STR(c->values[0].s, "a");
	EXPECT_INT(c->values[0].count, 3);
	EXPECT_STR(summary_column(&s, "d")->first, "2023-01-01");
	EXPECT_STR(summary_column(&s, "d")->last, "2024-05-01");
	summary_write(&s, &text);
	EXPECT_INT(summary_parse(&back, text.buf, text.len, NULL), 0);
	summary_write(&back, &again);
	EXPECT_STR(again.buf, text.buf);
}

/* Dates with a time have a blank in them. */
static void times(void)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT, back = SUMMARY_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *csv = "d\n2024-01-02 10:30\n2023-01-01 07:00\n";

	take(&s, csv, strlen(csv));
	summary_write(&s, &text);
	EXPECT_INT(summary_parse(&back, text.buf, text.len, NULL), 0);
	EXPECT_STR(summary_column(&back, "d")->first, "2023-01-01 07:00");
	EXPECT_STR(summary_column(&back, "d")->last, "2024-01-02 10:30");
}

/* Numbers so large that their mean is not a double. */
static void far_from_zero(void)
{
	CLEANUP(strbuf_release) struct strbuf csv = STRBUF_INIT;
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT;
	int i;

	strbuf_addstr(&csv, "a,b\n");
	for (i = 0; i < 1000; i++)
		strbuf_addstr(&csv, i % 2 ? "10000000000000002,1700000000000000256\n" : "10000000000000000,1700000000000000000\n");
	take(&s, csv.buf, csv.len);
	near(summary_sd(summary_column(&s, "a")), sqrt(1000 / 999.0), 1e-14);
	near(summary_sd(summary_column(&s, "b")), 128 * sqrt(1000 / 999.0), 1e-14);
}

/* Many values: the mean of numbers far from zero, estimates within their error, the same each time. */
static void many(void)
{
	CLEANUP(strbuf_release) struct strbuf csv = STRBUF_INIT, one = STRBUF_INIT, two = STRBUF_INIT;
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT, t = SUMMARY_INIT;
	const struct summary_column *c;
	int i;

	strbuf_addstr(&csv, "far,id,often\n");
	for (i = 0; i < 200000; i++)
		strbuf_addf(&csv, "%d,k%d,%s%d\n", 1000000000 + i % 3, i, i % 4 ? "r" : "same", i % 4 ? i : 0);
	take(&s, csv.buf, csv.len);
	take(&t, csv.buf, csv.len);
	summary_write(&s, &one);
	summary_write(&t, &two);
	EXPECT(one.len == two.len && memcmp(one.buf, two.buf, one.len) == 0);
	c = summary_column(&s, "far");
	near(c->mean - 1e9, (66667 * 0 + 66667 * 1 + 66666 * 2) / 200000.0, 1.2e-7); /* half of what tells two doubles near 1e9 apart */
	near(summary_sd(c), 0.816495, 1e-5);
	EXPECT_INT(c->distinct, 3);
	EXPECT(c->n_sample <= STATS_SAMPLE && c->stride > 1);
	c = summary_column(&s, "id");
	EXPECT(!c->exact);
	near((double)c->distinct, 200000, 0.03);
	c = summary_column(&s, "often");
	EXPECT_STR(c->values[0].s, "same0");
	EXPECT(c->values[0].count <= 50000 && c->values[0].count > 49000);
}

static void unique(void)
{
	static const uint32_t sizes[] = {0, 1, 1000, 3000000};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		CLEANUP(unique_release) struct unique u = UNIQUE_INIT(".");
		uint32_t k, twice = sizes[i] / 1000, x;

		for (k = 0; k < sizes[i] + twice; k++) {
			x = k < sizes[i] ? k : (k - sizes[i]) * 997 % sizes[i];
			EXPECT_INT(unique_take(&u, hash_bytes(&x, sizeof(x)), NULL), 0);
		}
		EXPECT_INT(unique_end(&u, NULL), 0);
		EXPECT_INT(u.repeated, twice);
		EXPECT_INT(u.n_again, MIN(twice, (uint32_t)UNIQUE_REPEATED));
		EXPECT((u.fd >= 0) == (sizes[i] > 1000000));
		x = 0;
		EXPECT(sizes[i] < 1000 || sizes[i] > 1000000 || unique_is_again(&u, hash_bytes(&x, sizeof(x))));
	}
}

/* Few values that come often take little room: what is kept of them is not written out. */
static void few_values(void)
{
	CLEANUP(unique_release) struct unique u = UNIQUE_INIT(".");
	uint64_t k;

	for (k = 0; k < 3000000; k++)
		EXPECT_INT(unique_take(&u, hash_bytes(&(uint64_t){k % 100}, sizeof(k)), NULL), 0);
	EXPECT(u.fd < 0 && u.n < 500000);
	EXPECT_INT(unique_end(&u, NULL), 0);
	EXPECT_INT(u.count, 3000000);
	EXPECT_INT(u.repeated, 3000000 - 100);
	EXPECT_INT(u.n_again, 100);
}

static void first_problem(void *ctx, int line, const char *message)
{
	CLEANUP(freep) char *was = *(char **)ctx;

	*(char **)ctx = was && *was ? xstrdup(was) : xstrfmt("%d %s", line, message);
}

/* What is wrong with rules. */
static void is_wrong(const char *text, const char *want)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(freep) char *got = NULL;
	struct check_rules r;
	int status = check_rules_read(rules_read(text, &a), &a, &r, first_problem, &got);

	EXPECT_STR(got ? got : "", want);
	EXPECT_INT(status, *want ? -1 : 0);
}

static void rules(void)
{
	is_wrong("column x = int 0..120 missing 5%\ncolumn y = set a \"b c\" missing 0 warn\nrows = 1000.. warn\nunique = a b\n", "");
	is_wrong("column x = date 2020-01-01.. match ^2 length 10\ncolumn z = -1.5e3..\nheader = no\nseparator = tab\n", "");
	is_wrong("column x = int number\n", "0 'column x': a column has one type");
	is_wrong("column x = 5..1\n", "0 'column x': nothing is in 5..1");
	is_wrong("column x = 1..2020-01-01\n", "0 'column x': '1..2020-01-01' means nothing here; write a type, a range, set, match, "
					      "missing, length, unique, optional or warn");
	is_wrong("column x = nunber\n", "0 'column x': 'nunber' means nothing here; did you mean 'number'?");
	is_wrong("column x = match [a\n", "0 'column x': '[a' is no regular expression: Unmatched [, [^, [:, [., or [=");
	is_wrong("column x = missing 7\n", "0 'column x': '7' is no share; write 0, 0.05 or 5%");
	is_wrong("column x = missing\n", "0 'column x': 'missing' needs a share, such as 0, 0.05 or 5% behind it");
	is_wrong("column x = set missing 0\n", "0 'column x': 'set' needs values behind it");
	is_wrong("column x = text 1..2\n", "0 'column x': a text has no range; 'length 1..2' is about its bytes");
	is_wrong("column x = int 2020-01-01..\n", "0 'column x': a range 2020-01-01.. is none of its type");
	is_wrong("rows = -1..\n", "0 'rows': '-1..' is no number or range of them; write 10, 10.., ..20 or 10..20");
	is_wrong("rows = 1.. 2\n", "0 'rows': write one number or range");
	is_wrong("separator = ab\n", "0 'separator': 'ab' is no separator; write one character, or tab");
	is_wrong("severity = bad\n", "0 'severity': 'bad' means nothing here");
	is_wrong("column x = \"open\n", "0 'column x': a '\"' without its partner");
	is_wrong("", "0 it has no rules; give it 'rows = 1..', 'column NAME = int' or the like");
}

/* The findings of rules about a file, a line each: rule, count, places. */
static void finds(const char *rules_text, const char *csv, const char *want)
{
	CLEANUP(check_result_release) struct check_result r = CHECK_RESULT_INIT;
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	CLEANUP(freep) char *problem = NULL;
	struct check_rules rules;
	FILE *f = fopen("t.csv", "w");
	size_t i, j;

	if (!f)
		abort();
	fputs(csv, f);
	fclose(f);
	strvec_push(&paths, "t.csv");
	EXPECT_INT(check_rules_read(rules_read(rules_text, &r.arena), &r.arena, &rules, first_problem, &problem), 0);
	EXPECT_INT(check_data(&rules, &paths, ".", &r, NULL), 0);
	for (i = 0; i < r.n; i++) {
		strbuf_addf(&got, "%s%s: %s", r.v[i].warn ? "~" : "", r.v[i].rule, r.v[i].message);
		for (j = 0; j < r.v[i].n_examples; j++)
			strbuf_addf(&got, " %llu=%s", (unsigned long long)r.v[i].examples[j].line, r.v[i].examples[j].value);
		strbuf_addch(&got, '\n');
	}
	EXPECT_STR(got.buf, want);
	unlink("t.csv");
}

static void findings(void)
{
	finds("column a = int 0..10\n", "a,b\n1,x\n\"\n\",y\n11,z\n", "column a: 1 of 3 values is no whole number 3=\\n\n"
	      "column a: 1 of 3 values is not in 0..10 5=11\n");
	finds("column a = unique\nunique = a b warn\n", "a,b\n1,x\n1,y\n,y\n,y\n1,x\n",
	      "~unique a b warn: 1 of 3 rows has been there before 6=1, x, as on line 2\n"
	      "column a: 2 of 3 values have been there before 3=1, as on line 2 6=1, as on line 2\n");
	finds("column a = missing 50%\ncolumn b = missing 49%\n", "a,b\n1,\n,1\n", "column b: 1 of 2 values (50 %) is missing, and at most 49% may be 2=(missing)\n");
	finds("rows = 2..\nothers = error\ncolumn aa = optional\ncolumn bb = int\n", "aa,b\n", "rows: 0 rows, and 2.. are wanted\n"
	      "others: 1 column without a rule 1=b\ncolumn bb: there is no such column; did you mean 'b'? 1=there is no such column; did you mean 'b'?\n");
	finds("column d = date ..2024-01-31\n", "d\n2024-01-31T10:00\n2024-02-01\n\n", "column d: 1 of 2 values is not in ..2024-01-31 3=2024-02-01\n");
	finds("column b = bool\ncolumn m = match ^[A-Z]+$\ncolumn l = length 2..3\n", "b,m,l\n1,AB,xy\ntrue,Ab,x\n2,A,xyz\n",
	      "column b: 1 of 3 values is no truth value 4=2\ncolumn m: 1 of 3 values does not match ^[A-Z]+$ 3=Ab\n"
	      "column l: 1 of 3 values is not 2..3 bytes long 3=x\n");
	finds("column 2 = int\nheader = no\n", "1,2\n3,x\n", "column 2: 1 of 2 values is no whole number 2=x\n");
	finds("column a = int\nna = NA\nseverity = warn\n", "a,a\nNA,1\nx,2\n", "~format: a column has a name twice 1='a' is the name of columns 1 and 2\n"
	      "~column a: 1 of 1 value is no whole number 3=x\n");
	finds("rows = 0..\nformat = jsonl\n", "{\"a\":1}\n{\"a\":}\n\n[]\n", "format: 2 of 3 rows have no JSON object "
	      "2=what is neither a text, a number, an object, a list, true, false nor null 4=the line is no object\n");
	finds("column a = int missing 0\nformat = jsonl\n", "{\"b\":1}\n{\"a\":\"1\"}\n{\"a\":2,\"b\":1}\n",
	      "column a: 1 of 2 values is no whole number 2=1\ncolumn a: 1 of 3 values (33.3 %) is missing, and at most none may be 1=(missing)\n");
}

static void answers(void)
{
	static const struct {
		const char *text;
		int status;
		size_t findings, errors;
		int code;
	} v[] = {
		{"", 0, 0, 0, 0}, {"", 3, 1, 1, 0}, {"{\"passed\": true}", 0, 0, 0, 0}, {"{\"passed\": false}", 0, 1, 1, 0},
		{"{\"passed\": true}", 1, 1, 1, 0}, {"{\"passed\": true, \"findings\": [{\"rule\": \"x\", \"severity\": \"warn\", \"message\": \"m\"}]}", 0, 1, 0, 0},
		{"{\"passed\": false, \"findings\": [{\"count\": 1e99, \"examples\": [1, {\"line\": -4}, null, [], {}, 6, 7]}]}", 0, 1, 1, 0},
		{"{\"success\": false, \"results\": [{\"success\": true}, {\"success\": false, \"expectation_config\": {\"type\": \"t\", \"kwargs\": {\"column\": \"c\"}},"
		 " \"result\": {\"unexpected_count\": 2, \"element_count\": 9, \"partial_unexpected_list\": [\"a\", null]}}]}", 0, 1, 1, 0},
		{"no JSON", 0, 0, 0, -1}, {"[]", 0, 0, 0, -1}, {"{\"passed\": \"yes\"}", 0, 0, 0, -1},
	};
	const struct check_rules rules = {.cmd = "x"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		CLEANUP(check_result_release) struct check_result r = CHECK_RESULT_INIT;

		EXPECT_INT(check_read_answer(v[i].text, strlen(v[i].text), v[i].status, &rules, &r, NULL), v[i].code);
		EXPECT_INT(r.n, v[i].findings);
		EXPECT_INT(r.errors, v[i].errors);
	}
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"what a field says", values},
		{"numbers by chance, as strtod reads them", numbers_by_chance},
		{"statistics, written and read back", statistics},
		{"dates with a time, written and read back", times},
		{"of numbers far from zero", far_from_zero},
		{"of many values", many},
		{"values that come twice, also beyond memory", unique},
		{"a million times the same few values take no room", few_values},
		{"rules that make no sense", rules},
		{"what rules find, and where", findings},
		{"what a command answers", answers},
	};

	return tap_run("tables", tests, ARRAY_SIZE(tests));
}
