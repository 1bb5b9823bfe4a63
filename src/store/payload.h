/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The objects of a store that are files, for those who carry them from one place to another.
 *
 * A place is a directory with objects/aa/bb/<sha256> and incoming/, the layout of a store (store/store.h), be it the store of this
 * clone or one on another disk that many write to. Nothing enters that does not hash to its name, and what is found not to is
 * moved to corrupt/. An object appears whole or not at all. Calls may be made from several threads at once. */
#ifndef STORE_PAYLOAD_H
#define STORE_PAYLOAD_H

#include "digest/digest.h"
#include "util/base.h"
#include "util/err.h"

struct payloads;
struct payloads *payloads_new(const char *dir); /* looks at nothing yet */
void payloads_free(struct payloads *p);
const char *payloads_dir(const struct payloads *p);
/* Makes the directories, and removes from incoming/ what kills left. */
NODISCARD int payloads_make(struct payloads *p, struct err *err);

/* Is it there with that size (-1: any)? Looks at name and size. */
bool payloads_has(struct payloads *p, const struct digest *id, int64_t size);
/* Is it there? If so *size is its size. */
bool payloads_size(struct payloads *p, const struct digest *id, int64_t *size);
/* A descriptor to read it from, and its size. Not verified. ERR_NOTFOUND. */
NODISCARD int payloads_open(struct payloads *p, const struct digest *id, int64_t *size, struct err *err);
/* Reads all of it. ERR_NOTFOUND; ERR_CORRUPT if it does not hash to its name. */
NODISCARD int payloads_verify(struct payloads *p, const struct digest *id, struct err *err);
/* Moves it to corrupt/ and sets ERR_CORRUPT; always returns -1. */
int payloads_condemn(struct payloads *p, const struct digest *id, struct err *err);
/* Copies it from one place to another, as a clone where the file system can, digested on the way. ERR_CORRUPT if it is corrupt in
 * from, where it is moved to corrupt/ if that can be done. */
NODISCARD int payloads_copy(struct payloads *from, struct payloads *to, const struct digest *id, struct err *err);
/* Makes the regular file at path, on the same file system, the object id, if it hashes to it; ERR_CORRUPT otherwise. The file is gone
 * afterwards in either case. */
NODISCARD int payloads_adopt(struct payloads *p, const char *path, const struct digest *id, struct err *err);
/* Makes all that was taken in durable. One call for a batch. */
NODISCARD int payloads_sync(struct payloads *p, struct err *err);

/* An object that arrives in pieces. */
struct arrival;
struct arrival *arrival_begin(struct payloads *p, struct err *err); /* NULL on failure */
NODISCARD int arrival_write(struct arrival *a, const void *data, size_t n, struct err *err);
/* It is complete, and should be id. ERR_CORRUPT if it is not; then it is dropped. */
NODISCARD int arrival_end(struct arrival *a, const struct digest *id, struct err *err);
void arrival_drop(struct arrival **a); /* frees it; for CLEANUP */

#endif
