/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share. */
#ifndef STORE_STOREROOM_H
#define STORE_STOREROOM_H

#include <pthread.h>

#include "digest/manifest.h"
#include "store/objects.h"
#include "store/small.h"
#include "store/store.h"
#include "store/transfer.h"

#define MANIFEST_LIMIT ((size_t)4 << 20) /* bytes of one text of a manifest: all its names and targets at their longest, escaped */

/* An object that has been hard-linked, as it was then. */
struct linked {
	struct digest id;
	uint64_t ino;
	int64_t size, mtime, ctime;
};

struct store {
	struct objects objects;
	struct small small;
	struct keyed *closures; /* store/closure.h */
	pthread_mutex_t weaving_mutex;
	struct weaving *weaving; /* what is not in closures yet; NULL: nothing */
	bool distrust; /* the tables may have lost some of what they knew */
	struct statcache *cache;
	struct statcache_taker taker; /* of store_take_digested */
	bool (*wanted)(void *ctx, const char *path);
	void *wanted_ctx;
	int64_t taking; /* bytes of the files that are being taken in; changed atomically */
	enum place_how how; /* of store_place */
	const struct store_supplier *supplier; /* NULL: nobody */
	bool spreading; /* a loop of store_spread has threads; changed atomically */
	int can_clone; /* 1, -1, 0: not asked yet; changed atomically */
	pthread_mutex_t linking;
	struct linked *linked;
	size_t n_linked, cap_linked;
};

/* Is all that the directory id needs in git, by its closure? *bytes is the size of its files. Where it is not known the answer is no. */
bool closure_is_whole(struct store *s, const struct digest *id, int64_t *bytes);
/* A blob is damaged, and nobody knows which directories need it: none is known to be whole. */
void closure_distrust(struct store *s);
/* Enters what is new in the table, after the pack; or forgets it. */
NODISCARD int closure_sync(struct store *s, bool *written, struct err *err);
void closure_forget(struct store *s);

/* A loop over the n entries of a directory. The first error ends it. */
struct spread {
	struct store *s;
	int (*fn)(void *ctx, size_t i, struct err *err);
	void *ctx;
	struct err *err;
	pthread_mutex_t mutex; /* of err */
	bool failed;           /* changed atomically */
};
/* Calls fn for 0 <= i < n, on several threads if no other such loop of this store has any and there are some for each: so many are
 * handed out at a time. -1: err is set. */
NODISCARD int store_spread(struct store *s, size_t n, size_t grain, int (*fn)(void *ctx, size_t i, struct err *err), void *ctx,
			   struct err *err);
#define FILES_AT_ONCE 16

/* The object t->id was found to hold what its name says; *st is its stat, from after the time before. If it is large or was cloned, the
 * cache remembers that, so that next time the XXH3 of its bytes tells whether they are the same. */
void store_learn(struct store *s, int64_t before, const struct stat *st, const struct transfer *t);
/* Names what was written to in, since the time before, by its content t, and learns it. */
NODISCARD int store_keep(struct store *s, struct incoming *in, int64_t before, const struct transfer *t, struct err *err);
/* The XXH3 of the object t->id of size bytes, if it is remembered. */
bool store_knows(struct store *s, int64_t size, struct twins *t);
/* A link at path, which need not be absolute, is going to lead to the object. */
NODISCARD int linked_note(struct store *s, const struct digest *id, const char *path, struct err *err);
/* Has what is not here of c brought by the supplier, if there is one. */
NODISCARD int store_bring(struct store *s, const struct content *c, struct err *err);
/* Is the object there, as a file or in git? *size, if not NULL, is its size. */
bool store_holds(struct store *s, const struct digest *id, int64_t *size);
/* Appends the bytes of a small object, verified; *t, if not NULL, says what else is to be known of them. */
NODISCARD int store_read_small(struct store *s, const struct small_object *o, struct strbuf *out, struct transfer *t,
			       struct err *err);
/* Reads all entries of a directory, verified. */
NODISCARD int store_manifest(struct store *s, const struct digest *id, struct manifest *m, struct err *err);
/* Puts the texts of a directory; its id goes to *id. */
NODISCARD int store_put_manifest(struct store *s, const struct manifest *m, struct digest *id, struct err *err);

#endif
