/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a store: one an object, written beside and renamed into place. Internal to the room. */
#ifndef STORE_OBJECTS_H
#define STORE_OBJECTS_H

#include <pthread.h>

#include "digest/digest.h"
#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct stat;

#define OBJECTS_WAITING 16

struct objects {
	char *dir;
	int fd;       /* of dir; -1 until something is put or found there */
	bool written; /* since the last sync; changed atomically */
	bool swept;   /* incoming/ was looked through for what kills left */
	bool trash;   /* there was a trash/ when dir was opened */
	int hold;     /* gc.lock, held shared; -1: not held */
	struct digest waiting[OBJECTS_WAITING]; /* others wrote them, and may not have synced them */
	size_t n_waiting;
	pthread_mutex_t mutex;
};
void objects_init(struct objects *o, const char *dir);
void objects_release(struct objects *o);

/* Makes the directories, if make, and holds dir (below); false if they are not there. Every other call does it by itself. */
NODISCARD int objects_open(struct objects *o, bool make, struct err *err);
/* Keeps whoever collects away until objects_release: what is found or put from now on stays. Waits if wait, else ERR_LOCKED. What
 * lies in trash/ counts as there; a look under a hold puts it back. */
NODISCARD int objects_hold(struct objects *o, bool wait, struct err *err);
/* Is the object there, with this size (-1: any)? One of another size is moved to corrupt/. *size, if not NULL, is
 * its size. */
bool objects_has(struct objects *o, const struct digest *id, int64_t want, int64_t *size);
/* A descriptor to read it from; *size is its size. ERR_NOTFOUND. Its content is not verified. */
NODISCARD int objects_read(struct objects *o, const struct digest *id, int64_t *size, struct err *err);
/* Makes a hard link to it, called name in the directory at. False if that cannot be done, or, unless writable, if the object's mode
 * would not keep this process from writing to it through the link. */
bool objects_link(struct objects *o, const struct digest *id, int at, const char *name, bool writable);
/* The absolute path of it, for a symbolic link, owned; NULL in the cases in which objects_link, not
 * writable, says false. */
char *objects_link_target(struct objects *o, const struct digest *id);
char *objects_path(const struct objects *o, const struct digest *id); /* where it lies; owned */
/* Moves it to corrupt/ and sets ERR_CORRUPT; always returns -1. */
int objects_condemn(struct objects *o, const struct digest *id, struct err *err);

/* An object being written: a file in incoming/. */
struct incoming {
	struct objects *o;
	int fd; /* -1: none */
	char name[64];
};
#define INCOMING_INIT {NULL, -1, ""}
NODISCARD int incoming_open(struct incoming *in, struct objects *o, struct err *err);
/* Names it by its content, which has size bytes. If the object is there already, the new one is dropped. */
NODISCARD int incoming_finish(struct incoming *in, const struct digest *id, int64_t size, struct err *err);
void incoming_drop(struct incoming *in); /* removes it, unless it was finished; for CLEANUP */

/* Makes what was written and what was found durable. more: something else in the same file system waits for that. */
NODISCARD int objects_sync(struct objects *o, bool more, struct err *err);

#endif
