/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is read of millions of fields: numbers against strtod, patterns against regexec, rows of a thread that reads ahead against those without. */
#include <config.h>

#include <inttypes.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/pattern.h"
#include "data/value.h"
#include "slow_rows.h"
#include "tap.h"

static uint64_t state = 88172645463325252;

/* xorshift64* */
static uint64_t draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(unsigned n)
{
	return (unsigned)((draw() >> 32) % n);
}

/* ---- numbers ---- */

/* Is s a decimal number, by the words of value.h? */
static bool is_number(const char *s, bool *whole)
{
	size_t digits = 0;

	s += *s == '-' || *s == '+';
	for (*whole = true; (*s >= '0' && *s <= '9') || (*s == '.' && *whole); s++) {
		*whole &= *s != '.';
		digits += *s != '.';
	}
	if (!digits || !*s)
		return digits > 0;
	*whole = false;
	if (*s != 'e' && *s != 'E')
		return false;
	s += 1 + (s[1] == '-' || s[1] == '+');
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* Where s ends, memory ends. */
static void as_strtod(const char *s)
{
	size_t n = strlen(s);
	char *exact = xmalloc(n);
	double want = strtod(s, NULL), x = 0;
	bool whole, is_whole = false, is = is_number(s, &whole) && isfinite(want), got;

	memcpy(exact, s, n);
	got = value_number(exact, n, &x, &is_whole);
	free(exact);
	if (got == is && (!is || (memcmp(&x, &want, sizeof(x)) == 0 && whole == is_whole)))
		return;
	EXPECT_STR(s, "");
	printf("# %d %.17g %d, not %d %.17g %d\n", got, x, is_whole, is, want, whole);
}

static void known(void)
{
	static const char *const numbers[] = {
		"0", "-0", "00", ".0", "0.", ".", "-", "+", "-.", "1e", "1e+", "e1", "1e5.", "9007199254740993", "9007199254740992.5",
		"9007199254740993.00000000000000000001", "18014398509481985", "18014398509481986.9", "1e22", "1e23", "8.5e22", "9e22",
		"9007199254740991e22", "123456789012345678e-27", "1e-27", "9999999999999999999", "18446744073709551615", "18446744073709551616",
		"18446744073709551617e-5", "0.1234567890123456789", "0.12345678901234567890", "5e-324", "4.9e-324", "2.4703282292062327e-324",
		"2.4703282292062328e-324", "2.2250738585072014e-308", "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623158e308",
		"1.7976931348623159e308", "1e309", "0e999999", "0.000000000000000000000000000000000000001", "1000000000000000000000000000000000000000",
		"12345678", "123456789", "1234567.8", "12345678.", ".12345678", "1234567812345678", "12345678.12345678", "-1234567812345678.1",
		"00000000000000000001", "01234567890123456789", "12345678901234567890", "1.2.3", "1..2", "12345678,1", "1234567 ", "1 2", "1_000", "0x10",
		"inf", "nan", "infinity", "1e99999999999999999999", "1e-99999999999999999999",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strchr(numbers[i], ' '))
			as_strtod(numbers[i]);
}

static void by_chance(void)
{
	char s[1200];
	double x;
	uint64_t bits;
	int round;

	for (round = 0; round < 400000; round++) {
		unsigned n = 1 + below(24), i;

		bits = draw();
		memcpy(&x, &bits, sizeof(x));
		switch (round % 8) {
		case 0: snprintf(s, sizeof(s), "%.*g", (int)below(21) + 1, isfinite(x) ? x : 0); break;
		case 1: snprintf(s, sizeof(s), "%.*g", (int)below(5) + 15, (double)(bits >> 11) / 9007199254740992.0); break;
		case 2: snprintf(s, sizeof(s), "%" PRIu64 "e%d", bits >> below(64), (int)below(70) - 35); break;
		case 3: snprintf(s, sizeof(s), "%" PRIu64 ".%" PRIu64, bits >> below(64), draw() >> below(64)); break;
		/* half-way between two doubles, and next to it */
		case 4: snprintf(s, sizeof(s), "%" PRIu64 "e-%u", ((bits >> 10) | 1 | UINT64_C(1) << 53) - 1 + below(3), below(28)); break;
		case 5: snprintf(s, sizeof(s), "%.*f", (int)below(50), ldexp((double)(bits >> 11) + 0.0, -(int)below(60))); break;
		default:
			for (i = 0; i < n; i++)
				s[i] = (char)('0' + below(10));
			s[n] = '\0';
			if (round % 8 == 6)
				s[below(n)] = '.';
			s[below(n)] = ".-+eE/:;x\x01\x80\xff" "0123"[below(16)];
		}
		as_strtod(s);
	}
	for (round = 0; round < 20000; round++) { /* subnormal ones */
		bits = draw() >> (12 + below(52));
		memcpy(&x, &bits, sizeof(x));
		snprintf(s, sizeof(s), "%.*g", (int)below(25) + 1, x);
		as_strtod(s);
	}
}

/* ---- patterns ---- */

struct both {
	const char *regex;
	struct pattern p;
	regex_t re;
};

static void both_begin(struct both *b, const char *regex)
{
	b->regex = regex;
	if (regcomp(&b->re, regex, REG_EXTENDED | REG_NOSUB))
		abort();
	pattern_init(&b->p, regex);
}

static void both_end(struct both *b)
{
	pattern_release(&b->p);
	regfree(&b->re);
}

static void as_regexec(struct both *b, const char *s, size_t n)
{
	CLEANUP(freep) char *copy = xstrndup(s, n);
	bool want = strlen(copy) == n && regexec(&b->re, copy, 0, NULL, 0) == 0;

	if (pattern_matches(&b->p, s, n) == want)
		return;
	EXPECT_STR(b->regex, "");
	printf("# matches '%s': %d\n", copy, want);
}

/* Is it made an automaton? However that is, it matches as it should. */
static bool has_automaton(const char *regex)
{
	static const char *const texts[] = {"", "a", "b", "ab", "abc", "AB-1234", "xAB-1234", "AB-12345", "xx", "xxy", "xxxy", "xxxxy", "abbabb",
					    "a\nc", "axc", ".w", "d", "bcad", "me@home.org", "acd", "]", "^", "-", "7", "y", "é", "aéc", "\xff", "x\\"};
	struct both b;
	bool has;
	size_t i;

	both_begin(&b, regex);
	has = b.p.next != NULL;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		as_regexec(&b, texts[i], strlen(texts[i]));
	as_regexec(&b, "a\0b", 3);
	both_end(&b);
	return has;
}

static void patterns(void)
{
	static const char *const automata[] = {"^[A-Z]{2}-[0-9]{4}$", "a", "a|b", "^a", "a$", "^(a|bc)*d?$", "[[:digit:]]+", "[]a-c^-]", "[^]x]",
					       "x{2,3}y", "(ab{0,2}){2}", "a.c", "\\.\\w", "^[^@]+@[^@]+\\.[a-z]{2,}$", "(a|b)(c|d)+", "x{0}y", "(a*)*b"},
				 *const others[] = {"", "^", "$", "^a|b$", "(^a)", "a{2}{3}", "\\ba", "(a)\\1", "()", "a||b", "[[=a=]]", "é", "a{70}",
						    "[ab]{40}[cd]{40}", "a**"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(automata); i++)
		EXPECT(has_automaton(automata[i]));
	for (i = 0; i < ARRAY_SIZE(others); i++)
		EXPECT(!has_automaton(others[i]));
}

static void patterns_by_chance(void)
{
	static const char *const pieces[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", "(", ")", "|", "*", "+", "?", "{2}", "{1,2}", "{0,}", "^", "$",
					     "\\.", "[[:alpha:]]", "-", "\\w", "(a|b)", "(ab)", "}", "]"};
	size_t automata = 0;
	int round, i;

	for (round = 0; round < 6000; round++) {
		CLEANUP(strbuf_release) struct strbuf regex = STRBUF_INIT;
		struct both b;

		for (i = 1 + (int)below(7); i; i--)
			strbuf_addstr(&regex, pieces[below(ARRAY_SIZE(pieces))]);
		if (regcomp(&b.re, regex.buf, REG_EXTENDED | REG_NOSUB))
			continue;
		regfree(&b.re);
		both_begin(&b, regex.buf);
		automata += b.p.next != NULL;
		for (i = 0; i < 20; i++) {
			char s[10];
			size_t n = below(9), j;

			for (j = 0; j < n; j++)
				s[j] = "aaabbc.-d}]"[below(11)];
			as_regexec(&b, s, n);
		}
		both_end(&b);
	}
	EXPECT(automata > 1000);
}

/* ---- rows read ahead ---- */

/* Rows of s, as much of each as there is to tell; up to most of them. */
static void tell(const char *s, size_t n, const struct rows_options *opt, uint64_t most, struct strbuf *out)
{
	struct slow_pieces p = {s, n, 0, 0, 0};
	const struct data_source src = {slow_read, slow_rewind, &p};
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	size_t i;
	int got = rows_begin(&r, &src, opt, &err);

	while (got >= 0 && r.count < most && (got = rows_next(&r, &err)) > 0) {
		strbuf_addf(out, "%zu %zu %u %zu", (size_t)r.line, (size_t)r.offset, r.flags, r.n_fields);
		for (i = 0; i < r.n_fields; i++) {
			struct field f = rows_field(&r, i);
			double x = 0;
			enum value_type t = value_is_missing(&f, NULL) ? VALUE_MISSING : value_present(&f, &x);

			EXPECT(!r.values || (r.values[i].type == t && (t == VALUE_MISSING || t > VALUE_NUMBER || r.values[i].x == x)));
			strbuf_addf(out, " %d:", f.kind);
			strbuf_add(out, f.s ? f.s : "", f.s ? f.n : 0);
		}
		strbuf_addch(out, '\n');
	}
	strbuf_addf(out, "%d %s", got, err.msg ? err.msg : "");
	if (got == 0)
		EXPECT_INT(rows_next(&r, NULL), 0);
	rows_stop(&r);
}

static void ahead(void)
{
	static const size_t sizes[] = {0, 64, 1000, 0};
	static const struct na_words none = {NULL, 0};
	CLEANUP(strbuf_release) struct strbuf csv = STRBUF_INIT, json = STRBUF_INIT;
	size_t i;
	int row;

	strbuf_addstr(&csv, "\xef\xbb\xbf" "a,b,c\r\n");
	for (row = 0; row < 30000; row++) {
		strbuf_addf(&csv, row % 7 ? "%d,%u.%u,x" : "%d,\"%u\"\"\n%u\",\"\"", row, below(100), below(1000));
		strbuf_addstr(&csv, row % 11 ? "\n" : "\r\n");
		strbuf_addf(&json, "{\"a\":%d,\"b\":\"\\n%u\"%s}\n", row, below(100), row % 5 ? "" : ",\"c\":[1]");
	}
	strbuf_addstr(&csv, "the last");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct rows_options with = {.format = ROWS_SEPARATED, .separator = ',', .piece = sizes[i], .ahead = true, .values = &none},
				    without = {.format = ROWS_SEPARATED, .separator = ','};
		uint64_t most = i == 3 ? 20000 : UINT64_MAX; /* and the rest is never read */
		CLEANUP(strbuf_release) struct strbuf one = STRBUF_INIT, two = STRBUF_INIT, three = STRBUF_INIT, four = STRBUF_INIT;

		tell(csv.buf, csv.len, &with, most, &one);
		tell(csv.buf, csv.len, &without, most, &two);
		EXPECT(one.len == two.len && memcmp(one.buf, two.buf, one.len) == 0);
		with.format = without.format = ROWS_JSON;
		tell(json.buf, json.len, &with, most, &three);
		tell(json.buf, json.len, &without, most, &four);
		EXPECT(three.len == four.len && memcmp(three.buf, four.buf, three.len) == 0);
	}
}

/* A row beyond the limit, far behind where the thread began: what is before it is read, and it is named by its first line. */
static void too_long(void)
{
	static const struct rows_options with = {.format = ROWS_SEPARATED, .ahead = true, .piece = 256, .limit = 2048},
					 without = {.format = ROWS_SEPARATED, .limit = 2048};
	CLEANUP(strbuf_release) struct strbuf csv = STRBUF_INIT, one = STRBUF_INIT, two = STRBUF_INIT;
	int row;

	for (row = 0; row < 5000; row++)
		strbuf_addstr(&csv, "a,b\n");
	strbuf_addstr(&csv, "\"open\n");
	strbuf_addn(&csv, 'x', 5000);
	tell(csv.buf, csv.len, &with, UINT64_MAX, &one);
	tell(csv.buf, csv.len, &without, UINT64_MAX, &two);
	EXPECT_STR(one.buf, two.buf);
	EXPECT(strstr(one.buf, "\n4999 19992 0 2 2:a 2:b\n") != NULL);
	EXPECT(strstr(one.buf, "-1 line 5001: a row is longer than 2 KiB; a quote may not be closed") != NULL);
	strbuf_setlen(&csv, 20000);
	strbuf_addn(&csv, 'x', 2048); /* as long as it may be */
	strbuf_clear(&one);
	tell(csv.buf, csv.len, &with, UINT64_MAX, &one);
	EXPECT(ends_with(one.buf, "\n0 "));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"numbers that are written in some odd way", known},
		{"numbers by chance, half-way, subnormal, and what is none, as strtod", by_chance},
		{"patterns as regexec", patterns},
		{"patterns by chance", patterns_by_chance},
		{"a thread reads ahead: the same rows, whether it gets to the end or not", ahead},
		{"a row beyond the limit", too_long},
	};

	return tap_run("values", tests, ARRAY_SIZE(tests));
}
