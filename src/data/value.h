/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a field says: nothing, a number, a truth, a date, or a text. */
#ifndef DATA_VALUE_H
#define DATA_VALUE_H

#include "data/rows.h"

enum value_type { VALUE_MISSING, VALUE_INT, VALUE_NUMBER, VALUE_BOOL, VALUE_DATE, VALUE_TEXT };

struct value {
	enum value_type type;
	double x; /* of VALUE_INT and VALUE_NUMBER */
};

/* Words that mean "missing", beside nothing at all and "nan". */
struct na_words {
	const char *const *v;
	size_t n;
};

/* Of separated text, a number is a decimal one, with blanks around it or not; "nan" is missing; infinities, hexadecimal numbers
 * and numbers that no double holds are texts. true and false in any case are truths. A date is YYYY-MM-DD, perhaps with 'T' or a
 * blank and HH:MM[:SS[.fraction]] and 'Z' or an offset behind it, on a day that there is. Of JSON, the type is the value's own, and a text may be
 * a date. na may be NULL. */
struct value value_of(const struct field *f, const struct na_words *na);
/* Words that often mean "missing" where they stand among numbers: "NA", "?" and the like. Ends with NULL. */
extern const char *const value_na_like[];
/* The number of that word + 1; 0: it is none. */
unsigned value_is_na_like(const struct field *f);
bool value_is_word_for_missing(const struct field *f, const struct na_words *na);
/* Is it VALUE_MISSING? Less work than all of value_of. */
static inline bool value_is_missing(const struct field *f, const struct na_words *na)
{
	return (f->kind <= FIELD_NULL || !f->n || (na && na->n) || (*f->s | 32) == 'n') && value_is_word_for_missing(f, na);
}
/* What a field says that is not missing; *x: the number, if it is one. */
enum value_type value_present(const struct field *f, double *x);
/* "int", "number", "bool", "date", "text", "missing" */
const char *value_type_name(enum value_type t);
/* Is s[0..n) a decimal number? *whole: without point and exponent. */
bool value_number(const char *s, size_t n, double *x, bool *whole);

#endif
