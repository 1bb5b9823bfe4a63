/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees and commits: their bytes to values and back. What is read is hostile. */
#ifndef GITDB_TREE_H
#define GITDB_TREE_H

#include "gitdb/gitdb.h"
#include "gitdb/pack.h"
#include "util/arena.h"

enum tree_mode { TREE_DIR = 040000, TREE_FILE = 0100644, TREE_EXEC = 0100755, TREE_LINK = 0120000, TREE_COMMIT = 0160000 };

struct tree_entry {
	const char *name;
	unsigned mode;
	struct git_id id;
};

/* Reads one level of a tree into a, in git's order. ERR_PARSE; ERR_INVALID over limit bytes. Names have no '/', and are not empty, "."
 * or ".."; whoever makes paths of them still says where they may lead. */
NODISCARD int tree_read(struct gitdb *db, const struct git_id *id, size_t limit, struct arena *a, struct tree_entry **v, size_t *n,
			struct err *err);
/* The entry at path ('/' between components) below the tree. 1 and *out, 0 if there is none, -1. */
NODISCARD int tree_find(struct gitdb *db, const struct git_id *tree, const char *path, struct tree_entry *out, struct err *err);

/* A tree being put together from whole paths, which are borrowed. */
struct tree_builder {
	struct tree_entry *v;
	size_t n, cap;
};
#define TREE_BUILDER_INIT {NULL, 0, 0}
void tree_add(struct tree_builder *t, const char *path, unsigned mode, const struct git_id *id);
/* Writes it and the trees below through p; *out is its name. A path twice counts once. ERR_INVALID if a path is also a directory of
 * another. */
NODISCARD int tree_write(struct tree_builder *t, struct packer *p, struct git_id *out, struct err *err);
/* The tree without what is at path; directories that get empty go too. Trees that are new go through p; NULL: they are named and not
 * written. */
NODISCARD int tree_without(struct gitdb *db, struct packer *p, const struct git_id *tree, const char *path, struct git_id *out,
			   struct err *err);
/* Adds to p all that the tree, which db sees, has and none of the trees bases has at the same path, also if the database holds it: what no
 * ref reaches a `git gc` may take at any time. Files of more than limit bytes that the database holds are left to git. ERR_NOTFOUND if
 * it has taken something already. */
NODISCARD int tree_pin(struct gitdb *db, struct packer *p, const struct git_id *tree, const struct git_id *bases, size_t n_bases,
		       size_t limit, struct err *err);
void tree_builder_release(struct tree_builder *t);

struct commit {
	struct git_id tree;
	struct git_id *parents;
	size_t n_parents;
	const char *author;  /* "Name <mail>" */
	int64_t time;        /* of the author, seconds since 1970 */
	const char *message;
};
#define COMMIT_LIMIT ((size_t)16 << 20)

NODISCARD int commit_read(struct gitdb *db, const struct git_id *id, struct arena *a, struct commit *out, struct err *err);
/* Appends its bytes; author and committer are one. */
void commit_text(const struct commit *c, struct strbuf *out);

#endif
