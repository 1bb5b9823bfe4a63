/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/value.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NUMBER 400 /* bytes that strtod is asked about */
#define MOST_DIGITS 19  /* that 64 bits hold for certain */
#define MOST_TENS 22    /* 10^22 is a double, 10^23 is none */
#define MOST_FIVES 27   /* 5^27 is below 2^63 */

const char *value_type_name(enum value_type t)
{
	static const char *const names[] = {"missing", "int", "number", "bool", "date", "text"};

	return names[t];
}

const char *const value_na_like[] = {"NA", "N/A", "n/a", "na", "NULL", "null", "None", "none", "?", "-", ".", NULL};

unsigned value_is_na_like(const struct field *f)
{
	unsigned i;

	if (f->n > 4 || !f->n || !strchr("Nn?-.", *f->s))
		return 0;
	for (i = 0; value_na_like[i]; i++)
		if (strlen(value_na_like[i]) == f->n && memcmp(value_na_like[i], f->s, f->n) == 0)
			return i + 1;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- numbers ----
 * The digits, without the point, are a whole number m, and the number is m * 10^power. Up to 19 digits m is exact, and then there are three
 * ways, each of which rounds once, as strtod does. If m < 2^53 and |power| <= 22, both are doubles, and one operation of the machine
 * does it (Clinger, How to Read Floating Point Numbers Accurately, 1990). If |power| <= 27, m * 5^power is found to more bits than a
 * double has, with a last bit that says whether more would follow. The rest, and longer ones, is left to strtod. */

static double by_tens(uint64_t m, int power)
{
	static const double tens[MOST_TENS + 1] = {1e0,	 1e1,  1e2,  1e3,  1e4,	 1e5,  1e6,  1e7,  1e8,	 1e9,  1e10, 1e11,
						   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	return power < 0 ? (double)m / tens[-power] : (double)m * tens[power];
}

#ifdef __SIZEOF_INT128__
/* m is not 0. m / 5^k is divided out with 62 bits or more in front of the last one. */
static double by_fives(uint64_t m, int power)
{
	static const uint64_t fives[MOST_FIVES + 1] = {
		1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u, 1953125u, 9765625u, 48828125u, 244140625u, 1220703125u,
		6103515625u, 30517578125u, 152587890625u, 762939453125u, 3814697265625u, 19073486328125u, 95367431640625u,
		476837158203125u, 2384185791015625u, 11920928955078125u, 59604644775390625u, 298023223876953125u, 1490116119384765625u,
		7450580596923828125u};
	int shift_m = __builtin_clzll(m), shift_5;
	unsigned __int128 whole;
	uint64_t five, bits;

	if (power >= 0)
		return ldexp((double)((unsigned __int128)m * fives[power]), power);
	five = fives[-power];
	shift_5 = __builtin_clzll(five);
	five <<= shift_5;
	whole = (unsigned __int128)(m << shift_m) << 63; /* below 2^64 * five: the quotient has 64 bits at most */
	bits = (uint64_t)(whole / five);
	bits |= (uint64_t)whole - bits * five != 0;
	return ldexp((double)bits, power + shift_5 - shift_m - 63);
}
#endif

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

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SWAR
/* Eight characters are a number of 64 bits, the first of them its lowest byte. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t load(const char *s)
{
	uint64_t v;

	memcpy(&v, s, sizeof(v));
	return v;
}

/* 1 to 8 characters, the last of them in the highest byte, NULs below the first. */
static uint64_t load_short(const char *s, size_t n)
{
	uint32_t first, last;

	if (n == 8)
		return load(s);
	if (n < 4)
		return ((uint64_t)(unsigned char)s[0] << (64 - 8 * n)) | ((uint64_t)(unsigned char)s[n / 2] << (64 - 8 * (n - n / 2))) |
		       ((uint64_t)(unsigned char)s[n - 1] << 56);
	memcpy(&first, s, sizeof(first));
	memcpy(&last, s + n - sizeof(last), sizeof(last));
	return (uint64_t)first << (64 - 8 * n) | (uint64_t)last << 32;
}

/* The highest bit of each byte that is above 9. */
static uint64_t above_nine(uint64_t v)
{
	return (((v & EACH(0x7f)) + EACH(0x76)) | v) & EACH(0x80);
}

/* Eight digits of 0 to 9 as a number, in three steps: neighbours become numbers of two digits, those of four, those of eight. */
static uint64_t number_of(uint64_t v)
{
	v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff);
	return (v & 0xffff) * 10000 + (v >> 32);
}

/* The same without byte i; those below move up, and low is the lowest then. */
static uint64_t without(uint64_t v, unsigned i, uint64_t low)
{
	uint64_t below = v & ((UINT64_C(1) << 8 * i) - 1);

	return (v & ~((UINT64_C(2) << (8 * i + 7)) - 1)) | below << 8 | low;
}

/* The commonest numbers: 1 to 16 digits, or 15 and a point, and nothing else. */
static bool short_number(const char *s, size_t n, uint64_t *m, int *power, bool *whole)
{
	uint64_t high, low = 0, bad_high, bad_low, bad;
	unsigned i;

	if (n <= 8) {
		high = load_short(s, n) ^ (EACH('0') << (64 - 8 * n));
	} else {
		high = load(s + n - 8) ^ EACH('0');
		low = (load(s) ^ EACH('0')) << (128 - 8 * n);
	}
	bad_high = above_nine(high);
	bad_low = above_nine(low);
	bad = bad_high | bad_low;
	*power = 0;
	*whole = !bad;
	if (bad) {
		i = (unsigned)__builtin_ctzll(bad) / 8;
		if ((bad_high && bad_low) || bad & (bad - 1) || ((bad_high ? high : low) >> 8 * i & 0xff) != ('.' ^ '0') || n == 1)
			return false;
		*power = (bad_high ? -7 : -15) + (int)i;
		if (bad_high)
			high = without(high, i, low >> 56);
		low = bad_high ? low << 8 : without(low, i, 0);
	}
	*m = number_of(high) + (low ? number_of(low) * 100000000 : 0);
	return true;
}

/* The next commonest: up to 20 characters, of which the first four at most are a digit, or a digit and a point, or the like, before those that
 * short_number takes. Its value has up to 19 digits. */
static bool middle_number(const char *s, size_t n, uint64_t *m, int *power, bool *whole)
{
	static const uint64_t tens[] = {UINT64_C(1000000000000000), UINT64_C(10000000000000000)};
	const char *rest = s + n - 16;
	const char *point = NULL;
	uint64_t first = 0;

	for (; s < rest; s++) {
		if (*s == '.' && !point)
			point = s;
		else if (is_digit(*s))
			first = first * 10 + (unsigned)(*s - '0');
		else
			return false;
	}
	if (!short_number(rest, 16, m, power, whole) || (point && !*whole) || (!point && *whole && n == 20))
		return false;
	*m += first * tens[*whole];
	if (point)
		*power = -(int)(rest - point - 1) - 16;
	*whole &= !point;
	return true;
}
#endif

/* Behind the digits that begin at p; *m has them appended, modulo 2^64. */
static const char *take_digits(const char *p, const char *end, uint64_t *m)
{
#ifdef SWAR
	uint64_t v;

	for (; end - p >= 8 && !above_nine(v = load(p) ^ EACH('0')); p += 8)
		*m = *m * 100000000 + number_of(v);
#endif
	for (; p < end && is_digit(*p); p++)
		*m = *m * 10 + (unsigned)(*p - '0');
	return p;
}

/* How many of the digits in s..end, among which there is one point at the most, stand behind leading zeros. */
static int significant(const char *s, const char *end)
{
	int n = 0;

	for (; s < end; s++)
		n += *s != '.' && (n || *s != '0');
	return n;
}

/* "e-7" as its number; what lies far from all that a double holds is cut. */
static bool take_exponent(const char *p, const char *end, int *e)
{
	int sign = 1;

	if (p == end || (*p != 'e' && *p != 'E'))
		return false;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		sign = *p++ == '-' ? -1 : 1;
	if (p == end)
		return false;
	for (*e = 0; p < end && is_digit(*p); p++)
		*e = MIN(*e * 10 + (*p - '0'), 100000);
	*e *= sign;
	return p == end;
}

/* Digits, a point perhaps, an exponent perhaps. *read: how many digits of it count. */
static bool long_number(const char *s, const char *end, uint64_t *m, ptrdiff_t *read, int *power, bool *whole)
{
	const char *point, *p;
	int e;

	*m = 0;
	point = p = take_digits(s, end, m);
	*whole = true;
	*power = 0;
	*read = p - s;
	if (p < end && *p == '.') {
		p = take_digits(p + 1, end, m);
		*whole = false;
		*read = p - s - 1;
		*power = -(int)MIN(p - point - 1, INT_MAX / 2);
	}
	if (!*read)
		return false;
	if (*read > MOST_DIGITS)
		*read = significant(s, p);
	if (p == end)
		return true;
	if (!take_exponent(p, end, &e))
		return false;
	*whole = false;
	*power += e;
	return true;
}

bool value_number(const char *s, size_t n, double *x, bool *whole)
{
	const char *end = s + n, *from;
	ptrdiff_t read = 0;
	uint64_t m = 0;
	int power;
	bool minus, fine = false;

	while (s < end && *s == ' ')
		s++;
	while (end > s && end[-1] == ' ')
		end--;
	from = s;
	minus = s < end && *s == '-';
	s += s < end && (*s == '-' || *s == '+');
#ifdef SWAR
	n = (size_t)(end - s);
	if (n && n <= 20)
		fine = n <= 16 ? short_number(s, n, &m, &power, whole) : middle_number(s, n, &m, &power, whole);
#endif
	if (!fine && !long_number(s, end, &m, &read, &power, whole))
		return false;
	if (read <= MOST_DIGITS && m < UINT64_C(1) << 53 && power >= -MOST_TENS && power <= MOST_TENS)
		*x = by_tens(m, power);
#ifdef __SIZEOF_INT128__
	else if (read <= MOST_DIGITS && m && power >= -MOST_FIVES && power <= MOST_FIVES)
		*x = by_fives(m, power);
#endif
	else
		return slow_number(from, (size_t)(end - from), x);
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
		if (*na->v[i] == *f->s && strlen(na->v[i]) == f->n && memcmp(na->v[i], f->s, f->n) == 0)
			return true;
	return false;
}

/* Can a number begin with it, or a date? */
static bool begins_number(char c)
{
	return is_digit(c) || c == '-' || c == '+' || c == '.' || c == ' ';
}

static enum value_type of_words(const char *s, size_t n)
{
	const char *word = n == 4 ? "true" : "false";

	return (n == 4 || n == 5) && (*s | 32) == *word && is_word(s, n, word) ? VALUE_BOOL : VALUE_TEXT;
}

enum value_type value_present(const struct field *f, double *x)
{
	bool whole;

	/* A number that begins with a digit has at most one '-'. */
	if (f->kind == FIELD_PLAIN && f->n >= 10 && is_digit(*f->s) && f->s[4] == '-' && f->s[7] == '-')
		return is_date(f->s, f->n) ? VALUE_DATE : VALUE_TEXT;
	if (f->kind == FIELD_BOOL || f->kind == FIELD_LIST)
		return f->kind == FIELD_BOOL ? VALUE_BOOL : VALUE_TEXT;
	if (f->kind != FIELD_STRING && !begins_number(*f->s))
		return f->kind == FIELD_NUMBER ? VALUE_TEXT : of_words(f->s, f->n);
	if (f->kind != FIELD_STRING && value_number(f->s, f->n, x, &whole))
		return whole ? VALUE_INT : VALUE_NUMBER;
	return f->kind != FIELD_NUMBER && is_date(f->s, f->n) ? VALUE_DATE : VALUE_TEXT;
}

bool value_is_word_for_missing(const struct field *f, const struct na_words *na)
{
	if (f->kind == FIELD_ABSENT || f->kind == FIELD_NULL || !f->n || is_na(f, na))
		return true;
	return f->n == 3 && (*f->s | 32) == 'n' && (f->kind == FIELD_PLAIN || f->kind == FIELD_QUOTED) && is_word(f->s, 3, "nan");
}

struct value value_of(const struct field *f, const struct na_words *na)
{
	struct value v = {VALUE_MISSING, 0};

	if (!value_is_missing(f, na))
		v.type = value_present(f, &v.x);
	return v;
}
