/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The repositories of submodules that are here: below modules/ of the git directory, where git keeps them, and of those in turn. */
#ifndef BACK_MODULES_H
#define BACK_MODULES_H

#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "util/strvec.h"

struct modules {
	struct gitdb **v;
	struct strvec dirs; /* of each */
	size_t n;
	bool looked;
};
#define MODULES_INIT {NULL, STRVEC_INIT, 0, false}

/* The first that has the commit; NULL: none. Looks for them when it is first asked. It lives as long as m. */
struct gitdb *modules_with(struct modules *m, const struct repo *r, const struct git_id *commit);
void modules_release(struct modules *m);

#endif
