/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A remote as the supplier of the project's store: what it has counts as restorable, and comes when it is put back. */
#ifndef CLI_FROM_REMOTE_H
#define CLI_FROM_REMOTE_H

#include "cli/project.h"

struct supply;

/* Connects to the remote that --remote names, or the first; unless dry, fetches its lineage first. NULL and *code if that cannot be done;
 * what is wrong has been told. p's pipeline has been read. */
struct supply *supply_open(struct project *p, bool dry, int *code);
/* Brings what is not here of c, verified. ERR_NOTFOUND if it does not have all of it. */
NODISCARD int supply_bring(struct supply *s, const struct content *c, struct err *err);
void supply_free(struct supply *s); /* before the store; NULL is nothing */

#endif
