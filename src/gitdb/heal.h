/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects of git's that are damaged or gone, had again from another database. */
#ifndef GITDB_HEAL_H
#define GITDB_HEAL_H

#include "gitdb/gitdb.h"

/* Of the objects that the refs of good reach (if db is a shallow clone, by first parents alone), those that db cannot read are copied from
 * there, verified; *n says how many they were. A pack of db that holds a damaged one is written anew with the copy in its place, and a
 * loose one goes; what cannot be written anew stays beside the copy. */
NODISCARD int heal_from(struct gitdb *db, struct gitdb *good, size_t *n, struct err *err);

#endif
