/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which payloads contents need: their objects that are files. What lies in git travels with the lineage. */
#ifndef REMOTE_WANTED_H
#define REMOTE_WANTED_H

#include "digest/content.h"
#include "remote/remote.h"
#include "store/payload.h"
#include "store/store.h"
#include "util/arena.h"
#include "util/map.h"

struct wanted {
	struct arena arena;
	struct payload *v; /* each once; sorted by remote_look and the like */
	size_t n, cap;
	struct map seen;   /* hex of contents and objects -> anything */
	struct store *store;
	struct payloads *here;
	bool open;         /* some directory is not known in full before more of it is here */
};
void wanted_init(struct wanted *w, struct store *s, const char *shared);
void wanted_release(struct wanted *w);

/* Adds what c needs, which stands at path (for messages; copied). optional: nobody misses it if it is nowhere. */
void wanted_add(struct wanted *w, const struct content *c, const char *path, bool optional);

#endif
