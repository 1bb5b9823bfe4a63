/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small objects: blobs in git packs, found by SHA-256. Internal to the room.
 *
 * The pack that is written grows until small_sync; what it holds is found by this process alone, and lost if it is killed. The
 * table dir/small (store/keyed.h, kind "small") says of each object what git calls it: 20 bytes, and its size, 8 bytes, little-endian;
 * a size of all ones says that git's copy is damaged and another is sought. The table may be lost: what is put again, or learnt
 * from trees, comes back. Git may have collected an object that the table names: each is asked for before it counts as here. */
#ifndef STORE_SMALL_H
#define STORE_SMALL_H

#include <pthread.h>

#include "digest/digest.h"
#include "gitdb/pack.h"
#include "store/keyed.h"

struct small_object {
	struct digest id;
	struct git_id git;
	uint64_t size; /* SMALL_DAMAGED: git's copy does not hold it */
};
#define SMALL_DAMAGED UINT64_MAX

struct small {
	struct gitdb *db; /* borrowed */
	struct packer *packer;
	struct keyed *table;
	pthread_mutex_t mutex; /* of what is new */
	struct small_object *v; /* not in the table yet */
	size_t n, cap;
	uint32_t *slots; /* hash table over v: 1 + index, 0: free; a power of two, at least twice n */
	size_t n_slots;
};
void small_init(struct small *s, const char *dir, struct gitdb *db);
void small_release(struct small *s);

/* Is it here? *out says what is known of it. */
bool small_find(struct small *s, const struct digest *id, struct small_object *out);
/* Is something known of it, though git may have lost it? */
bool small_known(struct small *s, const struct digest *id, struct small_object *out);
bool small_is_damaged(struct small *s, const struct digest *id);
/* Takes in data, whose SHA-256 is id and which is not here. */
NODISCARD int small_put(struct small *s, const void *data, size_t n, const struct digest *id, bool compress, struct err *err);
/* Notes what is in git already. */
void small_learn(struct small *s, const struct small_object *o);
/* Appends the bytes that git holds for o, not verified against its id. */
NODISCARD int small_read(struct small *s, const struct small_object *o, struct strbuf *out, struct err *err);
/* Remembers that git does not hold it. */
void small_condemn(struct small *s, const struct digest *id);
/* Finishes the pack, durably, and then enters what is new in the table, which is durable after a sync of its file system. *written is set
 * if there was something. */
NODISCARD int small_sync(struct small *s, bool *written, struct err *err);

#endif
