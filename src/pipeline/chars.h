/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs of characters of a kind, by table: strspn() builds one anew each time. */
#ifndef PIPELINE_CHARS_H
#define PIPELINE_CHARS_H

#include "util/base.h"

enum char_class {
	CHAR_ALPHA = 1,  /* a letter or '_' */
	CHAR_NAME = 2,   /* of names: letters, digits, '_', '.', '-' */
	CHAR_ATTR = 4,   /* of attributes: small letters and '-' */
	CHAR_SHELL = 8,  /* means nothing to sh, and nothing in a word either */
};

extern const uint8_t char_classes[256];

static inline bool char_is(char c, enum char_class cl)
{
	return (char_classes[(unsigned char)c] & cl) != 0;
}

/* Length of the run of such characters at the start of s. */
static inline size_t char_span(const char *s, enum char_class cl)
{
	size_t n = 0;

	while (char_is(s[n], cl))
		n++;
	return n;
}

#endif
