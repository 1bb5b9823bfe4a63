/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results shared with others: payloads and lineage to a remote and back.
 *
 * A push sends the payloads first, then the chains of runs, so that nothing a remote's lineage speaks of is still to come. A pull
 * takes the chains first. Either may be killed at any step and run again: what has arrived counts. Chains only grow: one that was
 * rewritten there is an error and changes nothing here, and the other way round. */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include "digest/digest.h"
#include "util/address.h"
#include "util/base.h"
#include "util/err.h"
#include "util/strvec.h"

enum payload_state {
	PAYLOAD_UNKNOWN,
	PAYLOAD_THERE,   /* where it should go: nothing to do */
	PAYLOAD_ABSENT,  /* to be moved */
	PAYLOAD_MOVED,   /* it has been */
	PAYLOAD_MISSING, /* neither here nor there */
	PAYLOAD_CORRUPT, /* what its owner has does not hash to its name */
	PAYLOAD_REFUSED, /* the other side did not take it */
};

struct payload {
	struct digest id;
	int64_t size; /* -1: not known */
	enum payload_state state;
	const char *path; /* of something that needs it, for messages; borrowed, may be NULL */
	bool optional;    /* nobody misses it if it is nowhere */
};

void payloads_sort(struct payload *v, size_t n); /* by id */
struct payload *payloads_find(struct payload *v, size_t n, const struct digest *id); /* sorted; NULL */

/* This side. */
struct remote_here {
	const char *shared; /* the store's directory */
	const char *git;    /* git directory that has the chains */
	const char *writer; /* who writes runs here; NULL: nobody yet */
};

struct remote_progress {
	const char *what;  /* "sending", "fetching" */
	size_t done, n;    /* payloads */
	int64_t bytes, of; /* of those whose size is known */
};
struct remote_watch {
	/* From any thread, one at a time. */
	void (*progress)(void *ctx, const struct remote_progress *p);
	void *ctx;
};

/* How a writer's chain stands. */
enum chain_state {
	CHAIN_SAME,
	CHAIN_NEW,      /* was not there and has been made */
	CHAIN_GREW,     /* was behind and has been brought up */
	CHAIN_AHEAD,    /* the other side is behind */
	CHAIN_BEHIND,   /* the other side has more */
	CHAIN_DIVERGED, /* neither holds the other: left as it is on both sides */
	CHAIN_RACED,    /* somebody else was faster; again */
};
const char *chain_state_name(enum chain_state s);
struct chain {
	char *writer;
	enum chain_state state;
	char *here, *there; /* commit ids; NULL: none */
};
struct chains {
	struct chain *v; /* by name */
	size_t n, cap;
};
#define CHAINS_INIT {NULL, 0, 0}
void chains_release(struct chains *c);
bool chains_raced(const struct chains *c); /* is one CHAIN_RACED? */

struct remote;
/* Opens the remote called name at a (both borrowed). If it is not there: ERR_NOTFOUND, unless write, which makes it. jobs: how many
 * things at once. */
struct remote *remote_open(const char *name, const struct address *a, const struct remote_here *here, int jobs, bool write,
			   struct err *err);
void remote_free(struct remote *r);
/* From now on what the remote says it keeps is not believed where it can be offered once more: a git host may have lost it. */
void remote_doubt(struct remote *r);

/* Which of them are there: PAYLOAD_THERE or PAYLOAD_ABSENT; sizes that are -1 may become known. */
NODISCARD int remote_look(struct remote *r, struct payload *v, size_t n, struct err *err);
/* Sends those that the remote lacks, every one read and verified on the way; durable there when it returns. Sets the states. -1 if it
 * had to stop, with states as far as it got. */
NODISCARD int remote_send(struct remote *r, struct payload *v, size_t n, const struct remote_watch *watch, struct err *err);
/* Fetches those that are not here, verified; durable here when it returns. What arrives corrupt is asked for once more. */
NODISCARD int remote_take(struct remote *r, struct payload *v, size_t n, const struct remote_watch *watch, struct err *err);

/* Compares the chains and changes nothing. */
NODISCARD int remote_chains(struct remote *r, struct chains *out, struct err *err);
/* Brings the chains there up to ours; those of other writers too, as far as they grow. CHAIN_DIVERGED and CHAIN_RACED are for the caller
 * to speak of. */
NODISCARD int remote_push_chains(struct remote *r, struct chains *out, struct err *err);
/* Brings ours up to theirs. */
NODISCARD int remote_pull_chains(struct remote *r, struct chains *out, struct err *err);

#endif
