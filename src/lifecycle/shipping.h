/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is being shipped, or was when whoever did it was killed: SHARED/deploys/<name>#<environment>, one for all work trees of a clone, and
 * as in tags <prefix>=<name>#<environment> for a project below the top of its work tree.
 *
 *     # mlmake shipping 1
 *     name api
 *     environment production
 *     version v0.1.1
 *     phase checking
 *     since 1732385109000000000          nanoseconds since 1970
 *     who Jane Doe <jane@example.org>
 *     run 20261126T141049-ff5368f9       that is being made
 *     before v0.1.0                      what was there; absent: nothing
 *     why health: exit status 7          of an unknown state
 *
 * in this order, texts escaped as in C. It is written anew, durably, before each step, and goes when what is there is known again: so if it
 * is found and nobody holds the lock beside it, what is in the environment is not known. <name>.lock is held (flock) by who ships;
 * <name>.ships/ holds the copies that are shipped.
 *
 * Who ships anything of the project holds .lock (flock) as well, from before its gates are looked at to after its tag is written, since gates
 * compare with what is in production, whatever brought it there. Its one line says who that is. It is taken behind the project's own lock
 * (STATE/lock), and nothing is waited for by who holds it. */
#ifndef LIFECYCLE_SHIPPING_H
#define LIFECYCLE_SHIPPING_H

#include "gitdb/repo.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

enum shipping_phase {
	SHIPPING_SHIPS,   /* cmd is about to run */
	SHIPPING_CHECKS,  /* it has run; health decides */
	SHIPPING_UNDOES,  /* it failed, and what was before is being put back */
	SHIPPING_NOTES,   /* it works; what remains is to write that down */
	SHIPPING_UNKNOWN, /* it could not be undone */
};

struct shipping {
	const char *name, *environment, *version;
	enum shipping_phase phase;
	int64_t since;
	const char *who, *run;
	const char *before, *why; /* NULL: none */
};

/* Paths below SHARED, owned. */
char *shipping_ships_dir(const struct repo *repo, const char *name);

/* The locks of who ships name. all is what a keeper may hold until nothing ships any more (run/keeper.h). */
struct shipping_locks {
	int all, own;
};
#define SHIPPING_LOCKS_INIT {-1, -1}

/* Waits if wait, else ERR_LOCKED. */
NODISCARD int shipping_lock(const struct repo *repo, const char *name, bool wait, struct shipping_locks *out, struct err *err);
void shipping_unlock(struct shipping_locks *l);
/* "mlmake with process id 4711 is deploying 'api'", of who holds them. */
void shipping_holder(const struct repo *repo, struct strbuf *out);
NODISCARD int shipping_write(const struct repo *repo, const struct shipping *s, struct err *err);
/* 1 and *out, in a, if something is there; 0; -1 if it cannot be read. */
NODISCARD int shipping_read(const struct repo *repo, const char *name, const char *environment, struct arena *a, struct shipping *out,
			    struct err *err);
NODISCARD int shipping_clear(const struct repo *repo, const char *name, const char *environment, struct err *err);
/* Is somebody shipping name now? */
bool shipping_is_held(const struct repo *repo, const char *name);

/* Reads the text of such a file, hostile. ERR_PARSE. */
NODISCARD int shipping_parse(const char *text, size_t n, struct arena *a, struct shipping *out, struct err *err);
/* "the deploy of v0.1.1 to production, begun 2026-11-26T17:40:11Z by Jane Doe <...>, did not end: it was being checked" */
void shipping_words(const struct shipping *s, struct strbuf *out);

#endif
