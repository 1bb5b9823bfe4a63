/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

bool text_parse_duration(const char *s, int64_t *ns)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = {{"ms", SECOND / 1000}, {"s", SECOND},        {"m", 60 * SECOND}, {"h", 3600 * SECOND},
		     {"d", 86400 * SECOND}, {"w", 604800 * SECOND}};
	double total = 0;
	bool bare = true;
	size_t i;

	if (!isdigit((unsigned char)*s))
		return false;
	while (*s) {
		double value;
		char *end;
		size_t n;

		if (!isdigit((unsigned char)*s) || (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')))
			return false;
		n = strspn(s, "0123456789.");
		value = strtod(s, &end);
		if (end != s + n)
			return false;
		s = end;
		n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
		if (n == 0 && *s == '\0' && bare) {
			total = value * (double)SECOND;
			break;
		}
		bare = false; /* is the 30 of "1h30" minutes or seconds? */
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].unit) == n && memcmp(units[i].unit, s, n) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return false;
		total += value * (double)units[i].ns;
		s += n;
	}
	if (!(total >= 0 && total < 9e18))
		return false;
	*ns = (int64_t)llround(total);
	return true;
}

bool text_parse_size(const char *s, int64_t *bytes)
{
	static const char letters[] = "KMGTPE";
	const char *letter;
	double value;
	char *end;

	if (!isdigit((unsigned char)*s) || (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')))
		return false;
	value = strtod(s, &end);
	if (end != s + strspn(s, "0123456789.")) /* an exponent, which looks like exabytes */
		return false;
	if (*end && (letter = strchr(letters, toupper((unsigned char)*end)))) {
		value = ldexp(value, 10 * (int)(letter - letters + 1));
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'B' || *end == 'b')
			end++;
	} else if (*end == 'B') {
		end++;
	}
	if (*end || !(value >= 0 && value < 9e18))
		return false;
	*bytes = (int64_t)value;
	return true;
}

bool text_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)*s) && !(*s == '-' && isdigit((unsigned char)s[1])))
		return false;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || v < lo || v > hi)
		return false;
	*out = v;
	return true;
}

void text_add_duration(struct strbuf *out, int64_t ns)
{
	int64_t s = ns < 60 * SECOND ? (ns + SECOND / 2) / SECOND : ns / SECOND;

	if (ns < 10 * SECOND - SECOND / 200) /* what would show as 10.00 and 60.0 goes on below */
		strbuf_addf(out, "%.2fs", (double)ns / (double)SECOND);
	else if (ns < 60 * SECOND - SECOND / 20)
		strbuf_addf(out, "%.1fs", (double)ns / (double)SECOND);
	else if (s < 3600)
		strbuf_addf(out, "%jdm%02jds", (intmax_t)(s / 60), (intmax_t)(s % 60));
	else if (s < 86400)
		strbuf_addf(out, "%jdh%02jdm", (intmax_t)(s / 3600), (intmax_t)(s / 60 % 60));
	else
		strbuf_addf(out, "%jdd%02jdh", (intmax_t)(s / 86400), (intmax_t)(s / 3600 % 24));
}

void text_add_size(struct strbuf *out, int64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	size_t i = 0;

	if (bytes < 1024) {
		strbuf_addf(out, "%jd B", (intmax_t)bytes);
		return;
	}
	for (v /= 1024; v >= 1023.5 && i + 1 < ARRAY_SIZE(units); i++)
		v /= 1024;
	strbuf_addf(out, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i]);
}

void text_add_double(struct strbuf *out, double x)
{
	/* 15 digits are the most that always survive the way from text to double and back; below the normal range fewer do. */
	int precision = fpclassify(x) == FP_SUBNORMAL ? 1 : 15;
	char text[40];

	if (isnan(x)) {
		strbuf_addstr(out, "nan");
		return;
	}
	do {
		snprintf(text, sizeof(text), "%.*g", precision, x);
	} while (precision++ < 17 && strtod(text, NULL) != x);
	strbuf_addstr(out, text);
	if (!strpbrk(text, ".en")) /* 'n' of "inf" */
		strbuf_addstr(out, ".0");
}

void text_add_escaped(struct strbuf *out, const char *s, size_t n, bool quotes)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			strbuf_addstr(out, "\\n");
		else if (c == '\t')
			strbuf_addstr(out, "\\t");
		else if (c == '\r')
			strbuf_addstr(out, "\\r");
		else if (c == '\\' || (quotes && c == '"'))
			strbuf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			strbuf_addf(out, "\\x%02x", c);
		else
			strbuf_addch(out, (char)c);
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool text_unescape(struct strbuf *out, const char *s, const char *end)
{
	while (s < end) {
		const char *run = memchr(s, '\\', (size_t)(end - s));

		if (!run) {
			strbuf_add(out, s, (size_t)(end - s));
			return true;
		}
		strbuf_add(out, s, (size_t)(run - s));
		s = run + 1;
		if (s >= end)
			return false;
		switch (*s++) {
		case 'n': strbuf_addch(out, '\n'); break;
		case 't': strbuf_addch(out, '\t'); break;
		case 'r': strbuf_addch(out, '\r'); break;
		case '\\': strbuf_addch(out, '\\'); break;
		case '"': strbuf_addch(out, '"'); break;
		case 'x':
			if (end - s < 2 || hex_digit(s[0]) < 0 || hex_digit(s[1]) < 0)
				return false;
			strbuf_addch(out, (char)(hex_digit(s[0]) * 16 + hex_digit(s[1])));
			s += 2;
			break;
		default: return false;
		}
	}
	return true;
}

/* Levenshtein distance with transpositions (optimal string alignment), over at most 63 bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), i, j, row[3][64];

	if (n > 63 || m > 63)
		return SIZE_MAX;
	for (j = 0; j <= m; j++)
		row[0][j] = j;
	for (i = 1; i <= n; i++) {
		size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (j = 1; j <= m; j++) {
			size_t d = up[j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

			d = MIN(d, MIN(up[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = MIN(d, up2[j - 2] + 1);
			now[j] = d;
		}
	}
	return row[n % 3][m];
}

static bool is_end_of(const char *word, const char *dotted)
{
	size_t n = strlen(word), m = strlen(dotted);

	return n && m > n && dotted[m - n - 1] == '.' && streq(dotted + m - n, word);
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->wanted), d = distance(n->wanted, candidate);

	if (is_end_of(n->wanted, candidate))
		d = 0;
	else if (d > (len <= 3 ? 1 : len <= 6 ? 2 : 3) || d >= len)
		return;
	if (!n->best || d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

void nearest_hint(const struct nearest *n, struct strbuf *out)
{
	if (n->best)
		strbuf_addf(out, "; did you mean '%s'?", n->best);
}

size_t text_utf8_len(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t want, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		want = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		want = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		want = 4;
	else
		return 0;
	if (want > n)
		return 0;
	for (i = 1; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return want;
}

bool text_add_word(struct strbuf *out, const char *s)
{
	const unsigned char *c;

	for (c = (const unsigned char *)s; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			return false;
	if (!*s || strstr(s, "{{"))
		return false;
	if (s[strcspn(s, " =*?[]\\'\"#;{}")] == '\0') {
		strbuf_addstr(out, s);
		return true;
	}
	strbuf_addch(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addch(out, '\\');
		strbuf_addch(out, *s);
	}
	strbuf_addch(out, '"');
	return true;
}
