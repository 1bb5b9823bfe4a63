/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What contents are in git's trees: how a run's commit holds them, so that git keeps, sends and fetches them with it.
 *
 * A small object is a blob. Of a directory (and of each part of its manifest) there is a tree, its closure: `manifest`, the text; its small
 * files under their SHA-256; the closures of its parts and directories under theirs. What is large is not in git: it stands in
 * the store under its SHA-256. dir/closures (store/keyed.h, kind "closure") remembers the tree of each manifest, and whether it holds all
 * that the directory needs, so that one look tells that it is here; it may be lost. */
#ifndef STORE_CLOSURE_H
#define STORE_CLOSURE_H

#include "gitdb/tree.h"
#include "store/store.h"

/* How content stands in a tree. */
struct in_git {
	unsigned mode;      /* enum tree_mode, of blob under the content's own path */
	struct git_id blob; /* a small file's bytes, a link's target, a directory's manifest; of a large file, and of one that the store
	                     * does not hold, the text "mlmake-object 1\nsha256 <hex>\nsize <n>\n" */
	unsigned below_mode; /* TREE_FILE or TREE_DIR: of below, under the content's SHA-256; 0: nothing of it is in git */
	struct git_id below;
};
/* What is new goes through store_packer. ERR_CORRUPT, ERR_NOTFOUND if a part of a directory is missing. */
NODISCARD int closure_make(struct store *s, const struct content *c, struct in_git *out, struct err *err);
/* Enters what the tree `objects` of a fetched run holds, unless it is known. A blob that does not hold what its name says, or of more than
 * 16 MiB, is passed over. */
NODISCARD int closure_learn(struct store *s, const struct git_id *objects, struct err *err);

/* Calls visit for each object that c needs, once or several times, manifests included. An object that is not here has size -1, and what is
 * below a manifest that is not here is not known. Stops at the first that returns other than 0, and returns it. */
int closure_visit(struct store *s, const struct content *c,
		  int (*visit)(void *ctx, const struct digest *id, int64_t size, bool small), void *ctx);

#endif
