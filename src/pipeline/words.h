/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A value split into words: at blanks, with "quoted words", with attr=value words, with {{ templates }} kept whole. */
#ifndef PIPELINE_WORDS_H
#define PIPELINE_WORDS_H

#include "util/base.h"

struct word {
	char *text;   /* NUL-terminated; the name, if it is an attr */
	char *value;  /* of name=value, if attrs were asked for; else NULL */
	bool quoted;  /* "..." (the value, if it is an attr): its '*' is a star */
	bool pattern; /* not quoted, and a magic character of a glob outside of templates */
	bool tmpl;    /* contains "{{" */
};

/* Cuts the next word off *s, in place. 1, or 0 at the end, or -1 with *why (words for a message) at a bad quote; then
 * the rest of the line is lost. */
int word_next(char **s, bool attrs, struct word *w, const char **why);

#endif
