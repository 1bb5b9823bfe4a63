/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether what was built once came out the same when it was built again: a fact about a key, counted.
 *
 * SHARED/verdicts is appended to, a line a verdict: "<xxh3-64 of the rest> <key> same|differs <run> <time in ns>". A line that is
 * damaged is passed over. Losing the file loses the counts. */
#ifndef BACK_VERDICT_H
#define BACK_VERDICT_H

#include "digest/digest.h"
#include "util/base.h"
#include "util/err.h"

struct verdict_fact {
	struct digest key;
	bool same;
};
/* Adds them as one: all or, after a crash, some of them. */
NODISCARD int verdicts_add(const char *shared, const char *run_id, int64_t now, const struct verdict_fact *v, size_t n,
			   struct err *err);

struct verdict_count {
	size_t same, differs;
	int64_t last; /* when it was seen last; nanoseconds since 1970 */
};
/* All zero if nothing is known. */
NODISCARD int verdicts_find(const char *shared, const struct digest *key, struct verdict_count *out, struct err *err);

#endif
