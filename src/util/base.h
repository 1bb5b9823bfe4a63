/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every file needs: attributes, allocation that cannot fail, bugs. */
#ifndef UTIL_BASE_H
#define UTIL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
/* Runs fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Our own mistake: says where and aborts. */
#define BUG(...) bug_(__FILE__, __LINE__, __VA_ARGS__)
NORETURN PRINTF(3, 4) void bug_(const char *file, int line, const char *fmt, ...);

/* Running out of memory ends the program with a message. Results are owned by the caller (free). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
PRINTF(1, 2) char *xstrfmt(const char *fmt, ...);

/* Makes room for at least want items in an array that grows by half. */
#define ALLOC_GROW(array, want, cap)                                                       \
	do {                                                                               \
		size_t want_ = (want);                                                     \
		if (want_ > (cap)) {                                                       \
			(cap) = MAX(want_, (cap) + (cap) / 2 + 16);                        \
			(array) = xreallocarray((array), (cap), sizeof(*(array)));         \
		}                                                                          \
	} while (0)

/* Cleanup for a char * that is owned: CLEANUP(freep) char *s = ...; */
void freep(void *pointer_to_pointer);
/* Cleanup for a file descriptor; -1 is none. */
void closep(int *fd);

static inline bool streq(const char *a, const char *b)
{
	return __builtin_strcmp(a, b) == 0;
}

/* Does s start with prefix? If so and rest is not NULL, *rest points behind it. */
bool skip_prefix(const char *s, const char *prefix, const char **rest);
bool ends_with(const char *s, const char *suffix);

#endif
