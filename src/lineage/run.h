/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run did, as a value and as the text `run` in its commit.
 *
 *     # mlmake run 1
 *     id 20261123T180509-1f3a5c07
 *     time 1732385109000000000              nanoseconds since 1970
 *     duration 240000000                    nanoseconds
 *     saved 0                               what the restored and fresh would have taken
 *     outcome done                          done failed interrupted refused accepted undone reproduced deployed promoted rolled-back
 *     author A U Thor <author@example.org>
 *     command mlmake train eta=0.05         quoted for the shell
 *     because the comment was wrong         why a person did it, if they had to say
 *     host Linux 6.1.0 x86_64, 2 cores      recorded, not part of any key
 *     machine cpu AMD EPYC 7B13             one thing that is known of it (env/host.h): name, value
 *     project sub/dir                       of the project within its repository; not at the top
 *     source <commit> clean|dirty|unknown   what HEAD named, and whether tracked files differed from it
 *     tree <tree>                           the source that was built, without mlmake.lock: `source` in the commit's tree
 *     target train@1                        what was asked for, a line each; empty: what plain mlmake builds. None: not said, as
 *                                           when the command line changed the pipeline
 *     left score                            what was to be built and was not reached, a line each: all else that was asked for and is no
 *                                           part was fresh
 *     part done 800000000 <key> train@1     what ran, was restored, failed ...: result, nanoseconds, key or -, instance
 *     said auc >= 0.8: 0.79 >= 0.8 does not hold      of the part above: why it failed, what it refused, or what was told of
 *                                           it though it did well
 *     why param<TAB>train.eta<TAB>=0.1<TAB>=0.05     of the part above: kind, name, old and new (absent: no '=')
 *
 * in this order, texts escaped as in C. A line that begins with a word unknown to the reader is passed over. */
#ifndef LINEAGE_RUN_H
#define LINEAGE_RUN_H

#include "digest/digest.h"
#include "gitdb/gitdb.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

struct run_reason {
	const char *kind, *name;
	const char *old, *new; /* NULL: absent */
};

struct run_part {
	const char *name;     /* of the instance */
	const char *result;   /* "done" "restored" "failed" "refused" "interrupted" "accepted" "undone" "same" "differs" */
	bool has_key;
	struct digest key;
	int64_t duration;     /* nanoseconds */
	const char *said;     /* why it failed or refused, or what is worth knowing of it; NULL: nothing */
	struct run_reason *reasons;
	size_t n_reasons;
};

/* Of the machine. */
struct run_fact {
	const char *name, *value;
};

struct run {
	const char *id;
	int64_t time;            /* nanoseconds since 1970 */
	int64_t duration, saved;
	const char *outcome;
	const char *author, *command, *because, *host; /* NULL: not said */
	struct run_fact *machine;
	size_t n_machine;
	const char *project;     /* "" at the top */
	const char *source;      /* commit id; NULL: none */
	int dirty;               /* 1, 0, -1: not known */
	bool has_tree;
	struct git_id tree;
	const char **targets;
	size_t n_targets;
	const char **left;
	size_t n_left;
	struct run_part *parts;  /* what ran, was restored or failed; fresh instances are not listed */
	size_t n_parts;
	/* Not of the text: where it was found. */
	struct git_id commit;
	const char *writer;
	bool own;                /* of this clone and this project */
	int64_t order;           /* its place in time: no earlier than that of the run before it in its chain */
	size_t turn;             /* of those with one order, the lesser came first */
};

/* A name for a run: when, to the second, and something random. */
void run_new_id(char out[40]);
void run_write(const struct run *r, struct strbuf *out);
/* Reads text[0..n), hostile, into *r, whose strings live in a; commit and writer are not touched. ERR_PARSE. */
NODISCARD int run_parse(const char *text, size_t n, struct arena *a, struct run *r, struct err *err);

#endif
