/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte string that grows. buf is always NUL-terminated and never NULL; it may hold NULs. */
#ifndef UTIL_STRBUF_H
#define UTIL_STRBUF_H

#include "util/base.h"

struct strbuf {
	char *buf;
	size_t len, cap;
};
extern char strbuf_empty[1];
#define STRBUF_INIT {strbuf_empty, 0, 0}

void strbuf_release(struct strbuf *sb);
/* Empty, keeping the memory. */
void strbuf_clear(struct strbuf *sb);
void strbuf_grow(struct strbuf *sb, size_t extra);
void strbuf_setlen(struct strbuf *sb, size_t len);
void strbuf_add(struct strbuf *sb, const void *data, size_t n);
void strbuf_addstr(struct strbuf *sb, const char *s);
void strbuf_addch(struct strbuf *sb, char c);
void strbuf_addn(struct strbuf *sb, char c, size_t n); /* c, n times */
PRINTF(2, 3) void strbuf_addf(struct strbuf *sb, const char *fmt, ...);
PRINTF(2, 0) void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap);
void strbuf_addu(struct strbuf *sb, uint64_t n); /* decimal, without printf */
/* Quoted for sh: as it is if it needs no quotes, else in single quotes. */
void strbuf_add_shell(struct strbuf *sb, const char *s);
/* Returns the string, owned by the caller, and leaves sb empty. */
char *strbuf_detach(struct strbuf *sb);
void strbuf_trim(struct strbuf *sb); /* blanks and newlines at the end */

#endif
