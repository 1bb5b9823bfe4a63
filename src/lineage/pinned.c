/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Git writes what differs from the commit into an object directory of our own, where no `git gc` looks. From there it goes to the run's
 * pack, which is kept. */
#include <config.h>

#include "lineage/pinned.h"

#include <stdlib.h>

#include "util/path.h"
#include "util/scratch.h"

#define LIMIT ((size_t)32 << 20) /* bytes of a file or of one level of a tree */
#define TRIES 5

static int pin(struct gitdb *db, const struct repo *r, struct packer *p, const char *scratch, const struct git_source *s,
	       struct git_id *built, struct err *err)
{
	CLEANUP(freep) char *objects = path_join(scratch, "objects");
	CLEANUP(freep) char *lock = *r->prefix ? xstrfmt("%s/mlmake.lock", r->prefix) : xstrdup("mlmake.lock");
	struct gitdb *sees = s->apart ? s->apart : db;
	struct lineage *l = lineage_new(r, db);
	struct git_id bases[2];
	size_t n = lineage_sources(l, s->commit, bases);

	lineage_free(l);
	if (!s->has_tree)
		return 0;
	if (packer_adopt(p, objects, err) < 0 || tree_pin(sees, p, &s->tree, bases, n, LIMIT, err) < 0)
		return -1;
	return tree_without(sees, p, &s->tree, lock, built, err);
}

static int try(const struct repo *r, struct packer *p, struct git_source *out, struct git_id *built, struct err *err)
{
	CLEANUP(scratch_close) struct scratch scratch = SCRATCH_INIT;
	struct gitdb *db;
	int got;

	if (!r->in_git)
		return 0;
	if (scratch_open(&scratch, r->state, "source", err) < 0)
		return -1;
	db = gitdb_new_in(r->git_dir, r->top);
	got = git_source(r, db, scratch.dir, out, err);
	if (got == 0)
		got = pin(db, r, p, scratch.dir, out, built, err);
	gitdb_free(out->apart);
	out->apart = NULL;
	gitdb_free(db);
	return got;
}

/* What git found in the repository already, and no ref reaches, a `git gc` may have taken before it was read: then git writes it anew. */
int pinned_source(const struct repo *r, struct packer *p, struct git_source *out, struct git_id *built, struct err *err)
{
	int i, got = -1;

	for (i = 0; i < TRIES && got < 0; i++) {
		err_clear(err);
		git_source_release(out);
		got = try(r, p, out, built, err);
	}
	out->has_tree &= got == 0;
	return got;
}
