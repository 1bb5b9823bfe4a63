/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a remote can do, whatever it is. Internal to the room.
 *
 * Payloads are objects that are files, by SHA-256. The lineage is refs/mlmake/log/<writer>, a chain of commits a writer. All that
 * a remote says is hostile: what is not 64 hex digits names no payload, what is no good name names no writer. */
#ifndef REMOTE_TRANSPORT_H
#define REMOTE_TRANSPORT_H

#include <pthread.h>

#include "remote/remote.h"
#include "store/payload.h"
#include "util/address.h"
#include "util/process.h"
#include "util/scratch.h"

/* A list of payloads on their way. */
struct haul {
	struct payloads *here;
	struct payload *v;
	size_t n;
	int jobs;
	const struct remote_watch *watch; /* NULL: nobody */
	pthread_mutex_t mutex;
	struct remote_progress now;
	bool again; /* what came corrupt is asked for a second time */
};
/* Payload i has got into that state, after bytes in all. Several threads may call. */
void haul_note(struct haul *h, size_t i, enum payload_state state, int64_t bytes);
/* Reads n payloads of h, by their places, as those must be who leave the sending to a program that sends whatever lies there: those that
 * may not be sent get their state. */
void haul_check(struct haul *h, const size_t *batch, size_t n);
/* The next payloads that are PAYLOAD_ABSENT, from *at on, as many as one call of another program is to move: a kill or a network that dies
 * costs no more than these. batch has room for HAUL_BATCH. */
#define HAUL_BATCH 256
size_t haul_batch(const struct haul *h, size_t *at, size_t *batch);
struct transport;
/* Calls take for one batch after another. It adds to *arrived; when it fails and something had arrived, the next ones are tried all the
 * same, and the first error is that of all. */
NODISCARD int haul_take(struct haul *h, int (*take)(struct transport *t, struct haul *h, const size_t *batch, size_t n, size_t *arrived,
						    struct err *err), struct transport *t, struct err *err);
/* So many more bytes have passed. */
void haul_pass(struct haul *h, int64_t bytes);

/* The end of a writer's chain. */
struct tip {
	char *writer; /* owned */
	char *id;     /* hex of a commit, owned; NULL: there is none */
	char *old;    /* what the remote had, owned, NULL: nothing; for push */
	bool ok;      /* it was pushed */
};
struct tips {
	struct tip *v;
	size_t n, cap;
};
#define TIPS_INIT {NULL, 0, 0}
struct tip *tips_add(struct tips *t, const char *writer, const char *id); /* copies */
struct tip *tips_find(const struct tips *t, const char *writer);
void tips_sort(struct tips *t);
void tips_release(struct tips *t);
/* May this be a writer's name, in a ref and in a path? */
bool writer_is_good(const char *writer);
/* 40 or 64 hex digits. */
bool commit_is_good(const char *id);

struct transport_kind {
	/* Sets state of each payload to PAYLOAD_THERE or PAYLOAD_ABSENT; a size that was -1 may become known. */
	int (*look)(struct transport *t, struct haul *h, struct err *err);
	/* Sends those that are PAYLOAD_ABSENT: PAYLOAD_MOVED, PAYLOAD_CORRUPT (here), PAYLOAD_MISSING (here), PAYLOAD_REFUSED (there).
	 * -1 if it cannot go on; what has been sent stays. */
	int (*send)(struct transport *t, struct haul *h, struct err *err);
	/* Fetches those that are PAYLOAD_ABSENT: PAYLOAD_MOVED, PAYLOAD_CORRUPT (there), PAYLOAD_MISSING (there). */
	int (*take)(struct transport *t, struct haul *h, struct err *err);
	/* The chains there. */
	int (*tips)(struct transport *t, struct tips *out, struct err *err);
	/* Sets the chains there to id, if they still are at old; ok of each tells. */
	int (*push)(struct transport *t, struct tips *tips, struct err *err);
	/* Brings the commits of tips into the git database here, with all they reach; sets no ref. */
	int (*fetch)(struct transport *t, const struct tips *tips, struct err *err);
	void (*free)(struct transport *t);
};

struct transport {
	const struct transport_kind *kind;
	const struct address *address;
	const struct remote_here *here;
	char *git; /* what git is told, whatever directory it runs in; NULL: nothing */
	bool doubt;
};

/* ERR_NOTFOUND if it is not there and not write. */
struct transport *dir_open(const struct address *a, const struct remote_here *here, bool write, struct err *err);
struct transport *ssh_open(const struct address *a, const struct remote_here *here, bool write, struct err *err);
struct transport *lfs_open(const struct address *a, const struct remote_here *here, bool write, struct err *err);
struct transport *rclone_open(const struct address *a, const struct remote_here *here, bool write, struct err *err);

/* ---- wire.c: the lineage by git's own transports ---- */

/* Begins argv of a git command on the repository here: no hook, no gc, all that is written is written to disk. */
void wire_begin(const struct remote_here *here, struct strvec *argv);
/* Runs it. ERR_FAILED with what git said, if it does not end with 0. out and env may be NULL. */
NODISCARD int wire_run(const struct transport *t, const struct strvec *argv, char *const *env, const void *input, size_t n,
		       struct strbuf *out, const char *what, struct err *err);
/* Runs it and returns its exit status, -1 if it could not be run. */
NODISCARD int wire_ask(const struct strvec *argv, struct strbuf *out, struct err *err);
NODISCARD int wire_tips(struct transport *t, struct tips *out, struct err *err);
NODISCARD int wire_push(struct transport *t, struct tips *tips, struct err *err);
NODISCARD int wire_fetch(struct transport *t, const struct tips *tips, struct err *err);
/* Makes a bare repository at dir, of the kind that the one here is, unless it is there. */
NODISCARD int wire_make_bare(const struct transport *t, const char *dir, struct err *err);
/* "sha1" or "sha256": how the repository here names its objects. */
NODISCARD int wire_object_format(const struct transport *t, struct strbuf *out, struct err *err);

/* ---- tips.c: what is parsed from a remote ---- */

/* Reads lines "<commit>\trefs/mlmake/log/<writer>"; others are passed over. */
void tips_parse(const char *text, struct tips *out);
/* Reads what `git push --porcelain` prints, and sets ok. *refused (owned, NULL: nothing) is the first ref that the other side did not
 * take, with its reason; that somebody was faster does not count. */
void tips_pushed(const char *text, struct tips *tips, char **refused);
/* Reads lines "<size> <aa>/<bb>/<sha256>" about payloads v, sorted by id, and calls fn with the index of each that is among them. */
void listing_parse(const char *text, size_t len, const struct payload *v, size_t n, void (*fn)(void *ctx, size_t i, int64_t size),
		   void *ctx);
/* Reads "data <sha256> <n>", of this sha256: n; or "none <sha256>": -1. -2 if it is neither. */
int64_t answer_size(const char *line, const char *hex);
/* Adds the payloads of lines "<what git tells>\taa/bb/<sha256>-<size>". */
void kept_parse(const char *text, struct payload **v, size_t *n, size_t *cap);
/* What git-lfs said of a payload that did not come: PAYLOAD_MISSING, PAYLOAD_CORRUPT, or PAYLOAD_UNKNOWN if nothing that tells. */
enum payload_state lfs_said(const char *text, const char *hex);
struct bundle {
	char *writer, *from, *to; /* owned; from is "0" at the beginning */
	int64_t length, size;
};
struct bundles {
	struct bundle *v;
	size_t n, cap;
};
#define BUNDLES_INIT {NULL, 0, 0}
#define BUNDLE_LENGTH INT64_C(99999999) /* the longest chain */
/* Reads lines "<size> <writer>/<name>"; those that are no whole bundle are passed over. */
void bundles_parse(const char *text, struct bundles *out);
void bundles_release(struct bundles *b);

/* Appends "aa/bb/<sha256>"; reads it back. */
void payload_path(const struct digest *id, struct strbuf *out);
bool payload_parse_path(const char *s, struct digest *out);

/* ---- explain.c ---- */

/* Sets ERR_FAILED: what could not be done, what it means if that can be told, and the end of what the program said on standard
 * error, without secrets. Always returns -1. */
int explain(const struct transport *t, const char *what, const struct strbuf *errors, struct err *err);

#endif
