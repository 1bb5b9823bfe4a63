/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Few packs instead of one a run: git looks into each of them for each object. */
#ifndef GITDB_TIDY_H
#define GITDB_TIDY_H

#include "gitdb/pack.h"

/* Notes the packs that p finished since the last time in the file list (a line "<pack> <bytes>" each); when there are many, makes one of the
 * smaller ones, which go as they go in a `git gc`: who reads them at that time looks again. Packs that git has collected meanwhile
 * are forgotten. What cannot be done now is done the next time. */
NODISCARD int tidy_packs(struct gitdb *db, struct packer *p, const char *list, struct err *err);

#endif
