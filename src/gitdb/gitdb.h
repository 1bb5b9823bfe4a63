/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The database of a git directory: objects and refs. libgit2 is loaded by the first call that needs it. No call runs a hook, a
 * filter or any other command. Reading may be done from several threads at once. */
#ifndef GITDB_GITDB_H
#define GITDB_GITDB_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

#define GIT_ID_LEN 20
#define GIT_ID_HEX 40

/* The name of an object of git's (SHA-1). Nothing of ours is identified by it: it says where bytes lie. */
struct git_id {
	unsigned char b[GIT_ID_LEN];
};
static inline bool git_id_eq(const struct git_id *a, const struct git_id *b)
{
	return __builtin_memcmp(a->b, b->b, GIT_ID_LEN) == 0;
}
void git_id_hex(const struct git_id *id, char out[GIT_ID_HEX + 1]);
/* Reads exactly 40 lower-case hex digits at s; what follows is the caller's business. */
bool git_id_parse(const char *s, struct git_id *out);

enum gitdb_kind { GITDB_COMMIT = 1, GITDB_TREE = 2, GITDB_BLOB = 3, GITDB_TAG = 4 }; /* as in packs */

/* The name that git gives to such an object. */
void gitdb_name(enum gitdb_kind kind, const void *data, size_t n, struct git_id *out);

struct gitdb;

/* For the git directory dir (borrowed; the common one of a clone). Opens nothing yet. */
struct gitdb *gitdb_new(const char *dir);
/* The same as the work tree at top sees it, which has a HEAD and an index. */
struct gitdb *gitdb_new_in(const char *dir, const char *top);
void gitdb_free(struct gitdb *db);
/* An object directory of its own in dir (absolute, made if missing), which sees what db has, too: for objects that no ref of db's reaches
 * yet. It has no refs. */
struct gitdb *gitdb_apart(struct gitdb *db, const char *dir, struct err *err);
const char *gitdb_dir(const struct gitdb *db);
/* Makes dir a bare repository if nothing is there. */
NODISCARD int gitdb_make(struct gitdb *db, struct err *err);
/* Opens it: ERR_NOTFOUND if nothing is there; ERR_INVALID for what libgit2 cannot use (owned by another user, SHA-256), with what to do.
 * All calls below do it by themselves. */
NODISCARD int gitdb_open(struct gitdb *db, struct err *err);
bool gitdb_is_shallow(struct gitdb *db);

/* Is the object here? refresh: also look for packs that appeared since. */
bool gitdb_has(struct gitdb *db, const struct git_id *id, bool refresh);
/* Appends the object, which has to be of that kind and of at most limit bytes. ERR_NOTFOUND, ERR_INVALID, ERR_CORRUPT. */
NODISCARD int gitdb_read(struct gitdb *db, const struct git_id *id, enum gitdb_kind kind, size_t limit, struct strbuf *out,
			 struct err *err);
/* Kind and size, without its bytes. ERR_NOTFOUND. */
NODISCARD int gitdb_look(struct gitdb *db, const struct git_id *id, enum gitdb_kind *kind, size_t *size, struct err *err);

/* The object that a revision names (a branch, HEAD~2, v1.0, abc123, ABC:path). ERR_NOTFOUND. If want is not 0, tags are followed until
 * an object of that kind comes; a commit leads to its tree. */
NODISCARD int gitdb_resolve(struct gitdb *db, const char *revision, enum gitdb_kind want, struct git_id *out, struct err *err);

/* What the ref (whole name) points at: 1 and *out, 0 if there is no such ref, -1. */
NODISCARD int gitdb_ref(struct gitdb *db, const char *name, struct git_id *out, struct err *err);
/* Sets it, if it still is old (NULL: if it is not there). ERR_MOVED if another was faster. */
NODISCARD int gitdb_set_ref(struct gitdb *db, const char *name, const struct git_id *old, const struct git_id *id, const char *why,
			    struct err *err);
/* Sets one that cannot be read, whatever stands there. */
NODISCARD int gitdb_mend_ref(struct gitdb *db, const char *name, const struct git_id *id, const char *why, struct err *err);
/* Removes the lock that a killed process left on the ref. To be called when nobody can be holding it. */
void gitdb_break_lock(struct gitdb *db, const char *name);
/* All refs whose whole names match glob ("refs/mlmake/log/" and a star), in no stated order. What visit returns, unless 0, ends it. */
NODISCARD int gitdb_refs(struct gitdb *db, const char *glob, int (*visit)(void *ctx, const char *name, const struct git_id *id),
			 void *ctx, struct err *err);

/* The name of a ref that cannot be read, which gitdb_refs passes over; NULL if there is none. Owned. */
char *gitdb_broken_ref(struct gitdb *db);

/* Who commits, as git is configured: "Name <mail>"; with a name made of the login where nothing is configured. Owned. */
char *gitdb_user(struct gitdb *db);

#endif
