/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statistics of tables in files, kept by what was read: SHARED/statistics/<sha256>, of the digests of the files and how they were read. So
 * what has been split into columns once is not again, wherever it lies; the file may be lost at any time. */
#ifndef LIFECYCLE_STATISTICS_H
#define LIFECYCLE_STATISTICS_H

#include "data/summary.h"
#include "digest/digest.h"
#include "lifecycle/check.h"

struct statistics_files {
	const struct strvec *paths;       /* one table in parts */
	const struct check_rules *rules;  /* how they are read: format, separator, header, na */
	const char *shared;               /* SHARED; NULL, or not there: nothing is kept */
};

/* Fills *s (from what is kept, if *id is known there). id: of the files' contents; may be NULL. ERR_NOTFOUND, ERR_INVALID, ERR_IO. */
NODISCARD int statistics_of(const struct statistics_files *f, struct summary *s, struct digest *id, struct err *err);
/* The same of files with these contents, wherever they are now, if they are kept. */
NODISCARD bool statistics_kept(const struct statistics_files *f, const struct digest *contents, struct summary *s);
/* What of the files there are no statistics of, since a column has the name of an earlier one, in words, appended to out. As statistics_of. */
NODISCARD int statistics_lack(const struct statistics_files *f, struct strvec *out, struct err *err);
/* A [check NAME] that these data pass, for a person to begin with. paths as in f. */
NODISCARD int statistics_infer(const struct statistics_files *f, const char *name, struct strbuf *out, struct err *err);

#endif
