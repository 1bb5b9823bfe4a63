/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outputs out of the way: the old ones while a stage writes new ones, the half-written ones after it failed.
 *
 * STATE/aside/<id>/list names the paths, one a line, escaped; STATE/aside/<id>/<n> is what stood at line n. The list is
 * written before anything moves, so whatever a crash leaves can be put back. STATE/failed/<instance>/ keeps what the last
 * failure of an instance left half-written, under the paths it had. */
#ifndef RUN_ASIDE_H
#define RUN_ASIDE_H

#include "util/base.h"
#include "util/err.h"
#include "util/strvec.h"

struct aside {
	char *dir;             /* NULL: nothing was there to be moved */
	const char *const *paths; /* borrowed */
	bool *moved;
	size_t n;
};
#define ASIDE_INIT {NULL, NULL, NULL, 0}

/* Moves what stands at paths aside. On failure everything is back where it was. */
NODISCARD int aside_take(struct aside *a, const char *state, const char *id, const char *const *paths, size_t n,
			 struct err *err);
/* Where paths[i] lies now; owned. NULL if nothing stood there. */
char *aside_where(const struct aside *a, size_t i);
/* Puts everything back; nothing may stand at the paths. */
NODISCARD int aside_put_back(struct aside *a, struct err *err);
/* Lets go of what was moved, for good. */
NODISCARD int aside_drop(struct aside *a, struct err *err);
void aside_release(struct aside *a); /* memory only */

/* Moves what stands at paths to STATE/failed/<instance>/, in place of what lay there. *where (owned) is that directory, or NULL if
 * nothing stood there. */
NODISCARD int aside_fail(const char *state, const char *instance, const char *const *paths, size_t n, char **where,
			 struct err *err);
/* Puts back what a crashed run had moved aside; something that stands there goes to STATE/failed/crash/. Appends the paths.
 * Where ended (may be NULL) says that the stage had ended, what was moved is let go of. What no list names is kept in
 * STATE/failed/crash/. */
NODISCARD int aside_recover(const char *state, bool (*ended)(void *ctx, const char *path), void *ctx,
			    struct strvec *paths, struct err *err);

/* An instance's name as one file name: '/' and '%' escaped, long ones shortened with a hash; owned. */
char *aside_file_name(const char *instance);

#endif
