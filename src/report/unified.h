/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two texts as a unified difference: hunks of changed lines with three lines around them. */
#ifndef REPORT_UNIFIED_H
#define REPORT_UNIFIED_H

#include "util/linediff.h"

/* Calls line with each line of it, in order: sign is '@' for the head of a hunk ("@@ -3,7 +3,8 @@"), ' ', '-' or '+'; s[0..n)
 * is untrusted and without its newline. */
struct unified_sink {
	void (*line)(void *ctx, char sign, const char *s, size_t n);
	void *ctx;
};
enum linediff_result unified_diff(struct linediff_text old, struct linediff_text new, const struct unified_sink *sink);

#endif
