/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One commit built because a hook asked for it: found, laid out in a private tree, built by mlmake itself, told of. In a process of its own
 * that the worker started; SIGTERM stops the build, which keeps what it has finished. */
#ifndef LIFECYCLE_HOOKBUILD_H
#define LIFECYCLE_HOOKBUILD_H

#include "gitdb/gitdb.h"
#include "lifecycle/hooklog.h"
#include "lifecycle/hookqueue.h"

struct hookbuild_options {
	const char *common;  /* git directory of the clone, absolute */
	const char *dir;     /* SHARED/queue, absolute */
	const char *program; /* mlmake */
	const struct hook_entry *v; /* that ask for the same, by number; n > 0 of them */
	size_t n;
	/* Called when it is known what happens if another asks: is this build to be stopped then? */
	void (*begun)(void *ctx, bool stoppable);
	void *ctx;
};

/* *upto: the entries up to that number are dealt with. *e says what came of it, in a; outcome NULL: nothing worth telling. What goes wrong is
 * told there, too. */
void hookbuild(const struct hookbuild_options *opt, struct arena *a, uint64_t *upto, struct hook_event *e);

/* Why nothing is built of the branch of e at its commit, as the mlmake.ini there has it, in a; NULL: it is, or cannot be told yet. */
const char *hookbuild_refusal(const char *common, const struct hook_entry *e, struct arena *a);

/* Appends a file of the project at prefix in that tree. ERR_NOTFOUND. */
NODISCARD int hookbuild_read(struct gitdb *db, const struct git_id *tree, const char *prefix, const char *path, struct strbuf *out,
			     struct err *err);
/* Does a commit with that message want no build? */
bool hookbuild_is_skipped(const char *message);
/* Does one of the patterns match the branch that ref (whole) names? */
bool hookbuild_is_wanted(const char *const *patterns, size_t n, const char *ref);
/* The targets of a section as one text. */
const char *hookbuild_targets(const char *const *v, size_t n, struct arena *a);

#endif
