/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may be pushed: what was built, as far as it is known. Reads the log of hooks and the lineage, and builds nothing. */
#ifndef LIFECYCLE_HELD_H
#define LIFECYCLE_HELD_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lifecycle/hooklog.h"
#include "pipeline/pipeline.h"

/* lines: what git tells a pre-push hook, "<local ref> <id> <remote ref> <id>" each (the first id may be a name). Appends why a push of them is held, a line each:
 * nothing if it is not. */
NODISCARD int held_judge(const struct hook_section *hook, const struct repo *r, const char *dir, const char *lines, struct strbuf *out,
			 struct err *err);

#endif
