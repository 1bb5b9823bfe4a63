/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a tag of the registry says, in GTO's grammar, so that `gto show` and plain `git tag` read it too:
 *
 *     api@v1.2.0           a version of what [deploy api] ships: which bytes they are
 *     api#production#7     that version is in production from then on; the 7th word about any environment of api
 *     api#production!#8    nothing is in production any more
 *     api@v1.2.0!          the version is withdrawn
 *     sub/dir=api@v1.2.0   of a project below the top of its work tree
 *
 * They are annotated tags on the commit from which it was shipped. The message is a line for people and trailers:
 *
 *     Mlmake-Deploy: 1                                format of what follows
 *     Mlmake-Version: v1.2.0                          that is assigned
 *     Mlmake-Action: deploy                           deploy promote rollback
 *     Mlmake-Run: 20261126T141049-ff5368f9            the run after which it was shipped: its lock and metrics are those of the version
 *     Mlmake-Source: clean                            clean dirty unknown: was that run's source the commit's?
 *     Mlmake-How: 3f9a0c...                           a digest of the text of the commands that shipped it
 *     Mlmake-Because: the reason that a person gave
 *     Mlmake-Ship: f <sha256> <size> models/churn.json          each thing that is shipped, as in a record
 *
 * texts escaped as in C. Others' tags of the same grammar have none of these and count all the same. */
#ifndef LIFECYCLE_RELEASE_H
#define LIFECYCLE_RELEASE_H

#include "digest/content.h"
#include "gitdb/gitdb.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

enum release_kind { RELEASE_VERSION, RELEASE_WITHDRAWN, RELEASE_ASSIGNED, RELEASE_UNASSIGNED };

struct shipped {
	const char *path;
	struct content content;
};

struct release {
	enum release_kind kind;
	const char *tag;         /* without "refs/tags/" */
	const char *name;        /* of the deploy */
	const char *environment; /* of assignments, else NULL */
	const char *version;     /* "v1.2.0"; of an assignment NULL if its tag does not say it */
	int64_t number;          /* behind '#', 0: none */
	struct git_id commit;    /* that it stands on */
	int64_t when;            /* nanoseconds since 1970, 0: not said */
	const char *who;         /* "Name <mail>"; NULL: not said, as below */
	const char *action, *run, *how, *because;
	int dirty;               /* 1, 0, -1: not known */
	struct shipped *ships;
	size_t n_ships;
};

/* Can this be the name of a deploy or an environment? Letters and digits, inside also '-', '_' and '/'. */
bool release_name_is_good(const char *s);
/* "v1.2.0", perhaps with what semantic versions may have behind it. */
bool release_version_is_good(const char *s);
/* Which of two good versions is the later? As strcmp. */
int release_version_order(const char *a, const char *b);
/* The next version: behind `before` (NULL: v0.0.1), whose last number ('p'), middle ('m') or first ('M') is one more. Owned. */
char *release_version_next(const char *before, char bump);

/* The name of the tag of r; prefix: of the project in its work tree, "" at its top. Owned. */
char *release_tag_name(const struct release *r, const char *prefix);
/* Reads the name of a tag (without "refs/tags/") into kind, tag, name, environment, version and number, in a. False if it is not in the
 * grammar or is of another project. */
bool release_parse_name(const char *tag, const char *prefix, struct arena *a, struct release *r);
/* The bytes of the tag object; of r everything but tag. */
void release_write(const struct release *r, const char *prefix, struct strbuf *out);
/* Reads the text[0..n) of a tag object, hostile, into the rest of *r, in a. Trailers that do not read count as not said. ERR_PARSE if it is
 * no tag of a commit. */
NODISCARD int release_parse(const char *text, size_t n, struct arena *a, struct release *r, struct err *err);
/* Are the same bytes shipped to the same paths? */
bool release_ships_same(const struct release *a, const struct release *b);

#endif
