/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of more digits than these a double may be another number than what is written; strtod rounds then. */
#define MOST_DIGITS 15
#define MOST_POWER 22
#define MOST_NUMBER 400

const char *value_type_name(enum value_type t)
{
	static const char *const names[] = {"missing", "int", "number", "bool", "date", "text"};

	return names[t];
}

const char *const value_na_like[] = {"NA", "N/A", "n/a", "na", "NULL", "null", "None", "none", "?", "-", ".", NULL};

unsigned value_is_na_like(const struct field *f)
{
	unsigned i;

	for (i = 0; f->n <= 4 && value_na_like[i]; i++)
		if (strlen(value_na_like[i]) == f->n && memcmp(value_na_like[i], f->s, f->n) == 0)
			return i + 1;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* m * 10^power, which is exact: both are doubles, and one operation rounds once. */
static double scaled(uint64_t m, int power)
{
	static const double tens[MOST_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
						    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	return power < 0 ? (double)m / tens[-power] : (double)m * tens[power];
}

static bool slow_number(const char *s, size_t n, double *x)
{
	char copy[MOST_NUMBER + 1], *end;

	if (n > MOST_NUMBER)
		return false;
	memcpy(copy, s, n);
	copy[n] = '\0';
	*x = strtod(copy, &end);
	return *end == '\0' && isfinite(*x);
}

bool value_number(const char *s, size_t n, double *x, bool *whole)
{
	const char *end = s + n, *p, *from;
	uint64_t m = 0;
	int power = 0, digits = 0, read = 0;
	bool minus, behind = false;

	while (s < end && *s == ' ')
		s++;
	while (end > s && end[-1] == ' ')
		end--;
	from = p = s;
	minus = p < end && *p == '-';
	p += p < end && (*p == '-' || *p == '+');
	for (; p < end && (is_digit(*p) || (*p == '.' && !behind)); p++) {
		if (*p == '.') {
			behind = true;
			continue;
		}
		read++;
		power -= behind;
		digits += digits || *p != '0';
		if (digits <= MOST_DIGITS)
			m = m * 10 + (unsigned)(*p - '0');
	}
	if (!read)
		return false;
	*whole = !behind;
	if (p < end) {
		int e = 0, sign = 1;

		if (*p != 'e' && *p != 'E')
			return false;
		p++;
		*whole = false;
		if (p < end && (*p == '-' || *p == '+'))
			sign = *p++ == '-' ? -1 : 1;
		if (p == end)
			return false;
		for (; p < end && is_digit(*p); p++)
			e = MIN(e * 10 + (*p - '0'), 100000);
		if (p < end)
			return false;
		power += sign * e;
	}
	if (digits > MOST_DIGITS || power < -MOST_POWER || power > MOST_POWER)
		return slow_number(from, (size_t)(end - from), x);
	*x = scaled(m, power);
	*x = minus ? -*x : *x;
	return true;
}

/* ---- dates ---- */

static int two(const char *s)
{
	return is_digit(s[0]) && is_digit(s[1]) ? (s[0] - '0') * 10 + s[1] - '0' : -1;
}

static bool is_day(const char *s)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int century = two(s), year = two(s + 2), month = two(s + 5), day = two(s + 8);
	bool leap;

	if (century < 0 || year < 0 || s[4] != '-' || s[7] != '-' || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	leap = year ? year % 4 == 0 : century % 4 == 0;
	return leap || month != 2 || day < 29;
}

/* ":MM" or ":SS" with a number below 60. */
static bool sixty(const char **s, const char *end)
{
	int x = end - *s >= 3 && **s == ':' ? two(*s + 1) : -1;

	*s += 3;
	return x >= 0 && x < 60;
}

static bool is_time(const char *s, const char *end)
{
	int hour = end - s >= 2 ? two(s) : -1;

	s += 2;
	if (hour < 0 || hour > 23 || !sixty(&s, end))
		return false;
	if (s < end && *s == ':' && !sixty(&s, end))
		return false;
	if (s + 1 < end && (*s == '.' || *s == ',') && is_digit(s[1]))
		for (s++; s < end && is_digit(*s); s++)
			;
	if (s == end || (*s == 'Z' && s + 1 == end))
		return true;
	if (*s != '+' && *s != '-')
		return false;
	s++;
	hour = end - s >= 2 ? two(s) : -1;
	s += 2;
	if (hour < 0 || hour > 23)
		return false;
	if (end - s == 2)
		return two(s) >= 0 && two(s) < 60;
	return s == end || (sixty(&s, end) && s == end);
}

static bool is_date(const char *s, size_t n)
{
	if (n < 10 || !is_digit(*s) || !is_day(s))
		return false;
	return n == 10 || ((s[10] == 'T' || s[10] == ' ') && is_time(s + 11, s + n));
}

/* ---- values ---- */

static bool is_word(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

static bool is_na(const struct field *f, const struct na_words *na)
{
	size_t i;

	for (i = 0; na && i < na->n; i++)
		if (strlen(na->v[i]) == f->n && memcmp(na->v[i], f->s, f->n) == 0)
			return true;
	return false;
}

static struct value of_text(const struct field *f)
{
	struct value v = {VALUE_TEXT, 0};
	const char *s = f->s;
	size_t n = f->n;
	bool whole;

	if (f->kind != FIELD_STRING && value_number(s, n, &v.x, &whole))
		v.type = whole ? VALUE_INT : VALUE_NUMBER;
	else if (is_date(s, n))
		v.type = VALUE_DATE;
	else if (f->kind == FIELD_STRING)
		v.type = VALUE_TEXT;
	else if (is_word(s, n, "true") || is_word(s, n, "false"))
		v.type = VALUE_BOOL;
	return v;
}

bool value_is_missing(const struct field *f, const struct na_words *na)
{
	if (f->kind == FIELD_ABSENT || f->kind == FIELD_NULL || !f->n || is_na(f, na))
		return true;
	return f->n == 3 && (f->kind == FIELD_PLAIN || f->kind == FIELD_QUOTED) && is_word(f->s, 3, "nan");
}

struct value value_of(const struct field *f, const struct na_words *na)
{
	struct value v = {VALUE_TEXT, 0};
	bool whole;

	if (value_is_missing(f, na))
		v.type = VALUE_MISSING;
	else if (f->kind == FIELD_BOOL)
		v.type = VALUE_BOOL;
	else if (f->kind == FIELD_NUMBER)
		v.type = !value_number(f->s, f->n, &v.x, &whole) ? VALUE_TEXT : whole ? VALUE_INT : VALUE_NUMBER;
	else if (f->kind != FIELD_LIST)
		v = of_text(f);
	return v;
}
