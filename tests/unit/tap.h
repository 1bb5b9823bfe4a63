/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unit tests: CUnit run and reported in TAP.
 *
 *     static void adds(void) { EXPECT_INT(add(2, 2), 4); }
 *     int main(void) { static const struct tap_test t[] = {{"adds", adds}}; return tap_run("arith", t, 1); }
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tap_test {
	const char *name;
	void (*fn)(void);
};

/* Runs all; prints TAP; returns the exit status (0 also when assertions fail, as automake's TAP driver wants it). */
int tap_run(const char *suite, const struct tap_test *tests, size_t n);
/* An empty directory of this test program, made and entered by tap_run, removed at its end. */
const char *tap_dir(void);

#define EXPECT(cond) tap_check((cond) != 0, __FILE__, __LINE__, "%s", #cond)
#define EXPECT_INT(got, want)                                                                              \
	do {                                                                                               \
		intmax_t got_ = (got), want_ = (want);                                                     \
		tap_check(got_ == want_, __FILE__, __LINE__, "%s is %jd, not %jd", #got, got_, want_);     \
	} while (0)
#define EXPECT_STR(got, want) tap_check_str((got), (want), #got, __FILE__, __LINE__)

void tap_check(bool ok, const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void tap_check_str(const char *got, const char *want, const char *what, const char *file, int line);

#endif
