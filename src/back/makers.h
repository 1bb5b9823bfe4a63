/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From bytes back to the run that made them, over all chains that this clone has.
 *
 * SHARED/made is a table (store/keyed.h) from SHA-256 to "made|back|read <commit of the run> <instance>\t<path>": the first run
 * that made them; else the first that had them put back, or read them as data. Under the SHA-256 of "mlmake-made 2 <writer>" it
 * says "upto <commit>": how far that writer's chain was taken up. What files are in directories: back/lists.h. It is a cache: what it
 * lacks is read from the chains. */
#ifndef BACK_MAKERS_H
#define BACK_MAKERS_H

#include "lineage/lineage.h"
#include "store/store.h"

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
/* Borrowed; reads nothing yet. */
struct makers *makers_new(const struct repo *r, struct gitdb *db, struct lineage *l, struct store *s);
void makers_free(struct makers *m);

/* Who made the bytes called id: 1 and *out, 0 if nobody knows, -1. Writes nothing. */
NODISCARD int makers_find(struct makers *m, const struct digest *id, struct maker *out, struct err *err);
/* Calls visit with the directories that runs made, put back or read which may have something with that id within them; with the same one
 * more than once. Writes nothing. */
NODISCARD int makers_within(struct makers *m, const struct digest *id, void (*visit)(void *ctx, const struct digest *dir), void *ctx,
			    struct err *err);
const char *makers_text(struct makers *m, const char *s); /* a copy that lives as long as m */
/* Takes r, which has just been appended to this clone's chain, into the table; and if it lacks more, all that it lacks: then it
 * returns 1. */
NODISCARD int makers_add(struct makers *m, const struct run *r, struct err *err);
/* Takes into the table all that it lacks, as after a fetch. */
NODISCARD int makers_refresh(struct makers *m, struct err *err);

#endif
