/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done with files when a stage has ended, or when its result is put back: work for a thread of the pool. */
#ifndef RUN_FINISH_H
#define RUN_FINISH_H

#include "run/aside.h"
#include "sandbox/seen.h"
#include "stale/decide.h"
#include "store/store.h"
#include "util/map.h"

/* An output that came out with other bytes, and the one of before. */
struct finish_pair {
	size_t fact;     /* of finish.record */
	const char *old; /* where the one of before is placed; absolute */
};

enum finish_what {
	FINISH_COLLECT,
	FINISH_RESTORE,
	FINISH_PLACE_OLD, /* for `same` to compare */
	FINISH_TAKE_OLD,  /* it said that they are the same */
};

struct finish {
	enum finish_what what;
	size_t node;
	/* given */
	const struct pipeline *pl;
	const struct instance *in;
	const struct verdict *v;
	struct statcache *cache;
	struct store *store;
	struct aside *aside;        /* what stood at the outputs before */
	const struct record *from;  /* restore: the record whose outputs are put back */
	const uint64_t *marks;      /* collect: of finish_mark_inputs(); or NULL */
	const struct map *held;     /* raw inputs that git holds; or NULL */
	struct normals *normals;    /* filters what was made (run/normal.h); NULL: there is nothing to filter */
	bool apart;                 /* nothing is taken into the store */
	const char *same_dir;       /* place old: where */
	const struct seen *seen;    /* collect: what the stage did; NULL: it was not watched */
	const char *run_id;
	int64_t started, duration;
	/* answer */
	int result;                 /* -1: err says why */
	struct err err;
	bool changed;               /* collect: some output is not what the last record says */
	struct strbuf note;         /* a sentence worth telling, or empty */
	struct strbuf watched;      /* collect: a sentence about files that are not declared, or empty */
	struct arena arena;
	struct record record;       /* collect: what came out; strings in arena or in v */
	struct finish_pair *pairs;  /* place old: what is to be compared; in arena */
	size_t n_pairs;
};

/* To be called when the stage starts, after its inputs were digested: one mark for each fact of r. Owned by the caller. */
uint64_t *finish_mark_inputs(struct statcache *cache, const struct record *r);

/* task is a struct finish.
 *
 * Collect: the inputs are looked at again (ERR_MOVED names the one that is not what the stage started from, or that was
 * written to meanwhile, even if it holds the same again: nobody knows what the stage has read), and the parameters that
 * the stage may have read from their files; the outputs are taken into the store, and of the inputs what nobody else keeps and
 * what is small, so that `why` can show its lines. Restore: the outputs of `from` are placed. Either way, what was moved aside and nobody else holds is taken into the store.
 *
 * Place old, after collect: of each output that is not what the last record says, what that one says is placed in same_dir, and
 * pairs names them; -1 if one cannot be had. Take old: what the last record says is placed in their stead, and the record says so. */
void finish_work(void *task);
void finish_release(struct finish *f);

/* Takes those inputs of in, which are on disk as now says, into the store that are kept: raw data that neither a stage makes nor git
 * holds (held, or NULL), and small files. Where one cannot be kept, a sentence is added to note, for the result is good all the same. */
NODISCARD int finish_keep_inputs(struct store *st, const struct pipeline *pl, const struct instance *in, const struct record *now,
				 const struct map *held, struct strbuf *note, struct err *err);
/* Takes in what the store lacks of an instance that is fresh: its outputs, and its inputs as above. What cannot be taken in is told in note. */
void finish_take_in(struct store *st, const struct pipeline *pl, const struct instance *in, const struct record *now,
		    const struct map *held, struct strbuf *note);

/* The outputs of in that are not on disk as r says, as paths borrowed from in; returns how many. paths has room for all. */
size_t finish_to_restore(const struct verdict *v, const struct record *r, const struct instance *in, const char **paths);

#endif
