/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a project keeps what mlmake knows: in the git directory, or in .mlmake/ where there is no git.
 *
 *   shared   <common git directory>/mlmake          store, records by key, secret: one for all work trees of the clone
 *   state    <git directory>/mlmake/work/<project>  stat cache, state, journal, logs, lock: this work tree and project
 *   git_dir  <common git directory>                 the database that lineage and small artifacts go to
 *
 * Without git, git_dir is .mlmake/git, a bare repository of our own that the first run makes.
 * Found by reading .git, HEAD and commondir alone, without running git or loading a library. */
#ifndef GITDB_REPO_H
#define GITDB_REPO_H

#include "util/base.h"
#include "util/err.h"

struct repo {
	bool in_git;
	char *top;    /* of the work tree, relative to the project ("." or "../.."); NULL without git */
	char *prefix; /* of the project within the work tree, "" at its top */
	char *shared, *state, *git_dir;
	char *own_dir; /* git directory of this work tree; NULL without git */
};

/* For the project in the working directory. Makes nothing. ERR_INVALID if .git is there and no repository. */
NODISCARD int repo_find(struct repo *r, struct err *err);
/* For the project at prefix of the work tree whose git directory is own_dir, without looking for either: top is NULL. */
NODISCARD int repo_at(struct repo *r, const char *own_dir, const char *prefix, struct err *err);
void repo_release(struct repo *r);

#endif
