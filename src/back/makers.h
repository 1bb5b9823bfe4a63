/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From bytes back to the run that made them, over all chains that this clone has.
 *
 * SHARED/made is a table (store/keyed.h) from SHA-256 to "made|back|read <commit of the run> <instance>\t<path>": the first run
 * that made them; else the first that had them put back, or read them as data. Under the SHA-256 of "mlmake-made <writer>" it
 * says "upto <commit>": how far that writer's chain was taken up. It is a cache: what it lacks is read from the chains. */
#ifndef BACK_MAKERS_H
#define BACK_MAKERS_H

#include "lineage/lineage.h"

enum maker_how {
	MAKER_READ, /* nobody is known to have made it: it is raw data */
	MAKER_BACK, /* put back by a run; the one that made it is not known here */
	MAKER_RUN,
};

struct maker {
	enum maker_how how;
	const struct run *run;
	const char *instance, *path; /* live as long as the struct makers */
};

struct makers;
struct makers *makers_new(const struct repo *r, struct gitdb *db, struct lineage *l); /* borrowed; reads nothing yet */
void makers_free(struct makers *m);

/* Who made the bytes called id: 1 and *out, 0 if nobody knows, -1. Writes nothing. */
NODISCARD int makers_find(struct makers *m, const struct digest *id, struct maker *out, struct err *err);
/* Calls take with all that is known, in no stated order, of ids for which want says so. Writes nothing. */
NODISCARD int makers_visit(struct makers *m, bool (*want)(void *ctx, const struct digest *id),
			   void (*take)(void *ctx, const struct digest *id, const struct maker *k), void *ctx, struct err *err);
const char *makers_text(struct makers *m, const char *s); /* a copy that lives as long as m */
/* Takes r, which has just been appended to this clone's chain, into the table; and if it lacks more, all that it lacks: then it
 * returns 1. */
NODISCARD int makers_add(struct makers *m, const struct run *r, struct err *err);

#endif
