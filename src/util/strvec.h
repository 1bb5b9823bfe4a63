/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of strings that owns its strings. v is NULL-terminated once it holds something. */
#ifndef UTIL_STRVEC_H
#define UTIL_STRVEC_H

#include "util/base.h"

struct strvec {
	char **v;
	size_t n, cap;
};
#define STRVEC_INIT {NULL, 0, 0}

void strvec_push(struct strvec *sv, const char *s);
void strvec_push_owned(struct strvec *sv, char *s); /* takes s */
PRINTF(2, 3) void strvec_pushf(struct strvec *sv, const char *fmt, ...);
void strvec_sort(struct strvec *sv); /* byte order */
void strvec_uniq(struct strvec *sv); /* of a sorted list */
bool strvec_has(const struct strvec *sv, const char *s);
void strvec_release(struct strvec *sv);

#endif
