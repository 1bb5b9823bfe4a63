/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing into the pipeline file what is known better than it says. */
#ifndef CLI_MEND_H
#define CLI_MEND_H

#include "cli/project.h"

/* Files that stages were seen to read (stale/learned.h) and that their sections do not name become lines 'data = ...' or 'code = ...' at the
 * end of those; all else in the file stays as it is, and doing it again changes nothing. What was written is told in out; so are names that
 * cannot be written. p is loaded, with its graph. */
NODISCARD int mend(struct project *p, struct strbuf *out, struct err *err);

#endif
