/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fresh, restorable, stale or frozen, and all the reasons. The one place that decides: status, why, -n and the build
 * ask here. */
#ifndef STALE_DECIDE_H
#define STALE_DECIDE_H

#include "stale/history.h"
#include "stale/record.h"

enum stale_state {
	STALE_FRESH,      /* the record of this key names exactly the outputs on disk */
	STALE_RESTORABLE, /* there is a record of this key and the store has its outputs */
	STALE_STALE,      /* neither */
	STALE_FROZEN,     /* `frozen = yes`: what is on disk is taken as it is */
};

enum reason_kind {
	REASON_NEW,      /* no record of the instance */
	REASON_DATA,
	REASON_CODE,
	REASON_PARAM,    /* also matrix variables */
	REASON_ENV,      /* variables, probes and lock files */
	REASON_COMMAND,  /* of what is no stage: its rules */
	REASON_VALUE,    /* of what is no stage: what it is judged by */
	REASON_OUTPUT,   /* missing, changed on disk, newly declared */
	REASON_UPSTREAM, /* name: the instance that will run first */
	REASON_FORCED,   /* -B, or a fetch that was asked for */
};

struct reason {
	enum reason_kind kind;
	const char *name;      /* param, path, instance; "" for the command */
	const char *old, *new; /* texts for people; NULL: was not there / is not there */
	const struct record_fact *was, *is; /* for files: the facts compared; NULL if none */
	struct place at;       /* where the new value stands; file NULL: nowhere */
};

struct verdict {
	enum stale_state state;
	bool pending;                /* an upstream instance runs first, so the key is not known yet */
	const struct record *last;   /* the instance's last record; NULL: none */
	const struct record *found;  /* fresh and restorable: the record of the key */
	struct record now;           /* the facts as they are, outputs with their content on disk; key set unless pending */
	struct reason *reasons;      /* of a fresh instance: none */
	size_t n_reasons;
};

/* What instances that are no stages (not STAGE_COMMAND) depend on beside their inputs, handed in: the contract is in lifecycle/kind.h. */
struct outside {
	/* Calls add for each value of in, whose other facts are now; none is pending. -1 and err if that cannot be told. */
	int (*values)(void *ctx, const struct instance *in, const struct record *now,
		      void (*add)(void *to, const char *name, const char *value), void *to, struct err *err);
	/* Do its values follow from its inputs alone? Then values may be called for it from several threads at once. */
	bool (*settles)(void *ctx, const struct instance *in);
	/* Of a deploy, whose result is outside: is what in would ship there already? Appends what is there, in words. */
	bool (*live)(void *ctx, const struct instance *in, const struct record *now, struct strbuf *there);
	void *ctx;
};

/* The world as seen by a decision, handed in. */
struct world {
	/* What path holds: 0 and *out (CONTENT_NONE: nothing there), 1 if that will be known only after the instance *maker
	 * has run, -1 and err. */
	int (*content)(void *ctx, const char *path, bool follow, struct content *out, const struct instance **maker,
		       struct err *err);
	/* Could this content be put back? */
	bool (*stored)(void *ctx, const struct content *c);
	/* The value of a probe of env, canonical text; NULL: not known. */
	const char *(*probe)(void *ctx, const char *cmd);
	void *ctx;
	/* As statcache_links_out(): the links that lead out of the directory c at path. May be NULL. */
	int (*links)(void *ctx, const char *path, const struct content *c, int (*visit)(void *to, const char *link),
		     void *to);
	/* What c at path means: as code_book_normal() if there is a filter for it, else as code_book_meaning(). May be NULL: bytes count. */
	bool (*meaning)(void *ctx, const char *path, const struct content *c, const struct normal *filter, struct digest *out);
	/* As imports_anew(). May be NULL: in's inputs stand. */
	bool (*imports)(void *ctx, const struct instance *in, void (*visit)(void *to, const struct input *x), void *to);
	const struct outside *outside; /* NULL: nothing outside counts */
};

/* The world as the disk is: nothing is pending. d lives as long as the world. */
struct statcache;
struct store;
struct code_book;
struct disk_world {
	struct statcache *cache;
	struct store *store;
	const char *(*probe)(void *ctx, const char *cmd); /* may be NULL */
	void *probe_ctx;
	struct code_book *code; /* may be NULL */
	const struct pipeline *pl; /* who makes what; may be NULL */
	const struct outside *outside; /* may be NULL */
};
struct world world_on_disk(struct disk_world *d);

struct decide_options {
	bool force; /* -B */
};

/* Decides for in. Everything in *out lives in a or in h. -1 if a content cannot be read. */
NODISCARD int stale_decide(const struct instance *in, struct history *h, const struct world *w,
			   const struct decide_options *opt, struct arena *a, struct verdict *out, struct err *err);

/* The facts of in as the world is, without those inputs that are pending (out->pending); no key and no verdict yet. */
NODISCARD int stale_look(const struct instance *in, const struct world *w, struct arena *a, struct verdict *out,
			 struct err *err);
/* Does r say what v->now says, with the same key and the outputs that are on disk? The test for fresh. */
bool stale_matches(const struct verdict *v, const struct record *r);

/* What differs between two records, as reasons that is is not was. In a; places are not known. */
void stale_compare(const struct record *was, const struct record *is, struct arena *a, struct reason **reasons, size_t *n);

const char *stale_state_name(enum stale_state s);   /* "fresh" ... */
const char *reason_kind_name(enum reason_kind k);   /* "new" "data" ... as in --json */
bool reason_kind_of(const char *name, enum reason_kind *out); /* and back */
/* "train.eta: 0.1 -> 0.05", "src/train.py changed", ... one line without its kind */
void reason_words(const struct reason *r, struct strbuf *out);

#endif
