/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rows in which two CSV files differ, as multisets: rows that only moved do not differ. The files are read as streams; the
 * memory is bounded, some 50 MiB, whatever their size, since files that differ in more rows than that holds are read several
 * times.
 *
 * The rows are those of data/rows.h; if a quote is never closed, quotes quote nothing. The first row is a header if it has names
 * alone: no number, nothing empty, nothing twice. If columns were added or removed, the rows are compared by those that both have. Rows count as equal if their
 * 64-bit hashes are. */
#ifndef REPORT_CSVDIFF_H
#define REPORT_CSVDIFF_H

#include "data/source.h"
#include "util/err.h"
#include "util/strvec.h"

#define CSVDIFF_EXAMPLES 3

struct csv_diff {
	bool header;                         /* both have one */
	struct strvec columns_added, columns_removed;
	bool columns_moved;                  /* those that both have stand in another order */
	uint64_t rows_old, rows_new;         /* without the header */
	uint64_t added, removed;
	struct strvec examples_added, examples_removed; /* rows as they stand, at most CSVDIFF_EXAMPLES, the first ones */
};
#define CSV_DIFF_INIT {.header = false}

/* ERR_INVALID if it is no CSV: a NUL, or a row of more than 1 MiB. */
NODISCARD int csv_diff(struct csv_diff *d, const struct data_source *old, const struct data_source *new, struct err *err);
void csv_diff_release(struct csv_diff *d);

#endif
