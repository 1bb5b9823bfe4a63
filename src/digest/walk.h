/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Directories compared with what is cached of them, level by level, each level spread over threads. A directory
 * whose own stat data stand is not listed: its cached children are stat'ed by name; nothing is allocated for those
 * that stand. Internal to the room. */
#ifndef DIGEST_WALK_H
#define DIGEST_WALK_H

#include "digest/look.h"

struct walk_root {
	const char *path;
	bool follow;
	bool has_old;
	struct tree old; /* what is cached of path, if has_old */
	bool list_all;   /* list every directory, believed or not */

	/* answers */
	int failed;   /* -1: err is set */
	bool moved;   /* something changed under way, ask again; or path is no directory */
	bool unsure;  /* stat_only: something would have to be read */
	bool same;    /* the old tree stands as it is */
	struct tree_box *fresh; /* owned; the new tree, unless same */
	struct err err;
	char *err_path; /* what err is about: of several the first in byte order is kept */
};

/* stat_only: reads nothing, and sets unsure if it would have to. */
void walk_dirs(const struct look *l, struct walk_root *roots, size_t n, int threads, bool stat_only);
void walk_root_release(struct walk_root *r);

#endif
