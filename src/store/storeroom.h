/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share. */
#ifndef STORE_STOREROOM_H
#define STORE_STOREROOM_H

#include "digest/manifest.h"
#include "store/objects.h"
#include "store/store.h"

#define MANIFEST_LIMIT ((size_t)4 << 30) /* bytes of one directory's manifest */

struct store {
	struct objects objects;
	struct statcache *cache;
};

/* Reads a directory's manifest, verified. */
NODISCARD int store_manifest(struct store *s, const struct digest *id, struct manifest *m, struct err *err);

#endif
