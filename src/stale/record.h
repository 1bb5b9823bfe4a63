/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an instance was made from and what came out: its facts, its key, its record.
 *
 * A record is a block of lines, the same in the journal, in the state file, by key in the store and (without the lines
 * marked local) in mlmake.lock. The key, then one fact a line, sorted by kind and name, escaped as in C:
 *
 *     [train@3]
 *     key <sha256>
 *     cmd python src/train.py data/train.csv --seed 3
 *     code f <sha256> <size> src/train.py          kinds of content: f x d l - (digest/content.h)
 *     data f <sha256> <size> data/train.csv
 *     env OMP_NUM_THREADS "4"                      variables of the environment; - if unset
 *     lock f <sha256> <size> uv.lock
 *     metrics|outs|plots f <sha256> <size> models/churn-3.json
 *     param train.eta 0.1                          canonical text (params/params.h)
 *     as python src/train.py {{data}} --seed {{seed}}   local: the command as it is written
 *     run 20261123T180509-1f3a5c07 1732385109000000000 240000000     local: run, started (ns), duration (ns)
 *     var seed 3                                   matrix variables
 *
 * The key is the SHA-256 of "mlmake-key 1\n" and the lines cmd, code, data, env, lock, param, var without sizes, and of "kind path"
 * lines for the outputs. */
#ifndef STALE_RECORD_H
#define STALE_RECORD_H

#include "digest/content.h"
#include "graph/graph.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

enum fact_kind { /* in the order of their words */
	FACT_CMD,
	FACT_CODE,
	FACT_DATA,
	FACT_ENV,
	FACT_LOCK,
	FACT_METRICS,
	FACT_OUTS,
	FACT_PARAM,
	FACT_PLOTS,
	FACT_VAR,
};
const char *fact_kind_name(enum fact_kind kind);
static inline bool fact_is_output(enum fact_kind k)
{
	return k == FACT_METRICS || k == FACT_OUTS || k == FACT_PLOTS;
}
static inline bool fact_is_input_file(enum fact_kind k)
{
	return k == FACT_CODE || k == FACT_DATA || k == FACT_LOCK;
}

struct record_fact {
	enum fact_kind kind;
	const char *name;       /* path, param or variable; "" for the command */
	const char *value;      /* of cmd, env, param, var; NULL: unset variable */
	struct content content; /* of files */
};

struct record {
	const char *instance;
	struct digest key;
	struct record_fact *facts; /* sorted by kind, then name */
	size_t n_facts;
	const char *written;       /* local: the command before expansion; NULL: not known here */
	const char *run;           /* local; NULL: not known here */
	int64_t started, duration; /* nanoseconds since 1970; nanoseconds; 0: not known */
};

/* Sorts facts as they stand in a record. */
void record_sort(struct record *r);
/* The key of r's facts; contents of outputs do not matter. Facts are sorted. */
void record_key(const struct record *r, struct digest *out);
/* Appends the block, with a blank line behind it. */
void record_write(const struct record *r, bool local, struct strbuf *out);
/* Reads one block from text[0..n), hostile, into *r, whose strings live in a. */
NODISCARD int record_parse(const char *text, size_t n, struct arena *a, struct record *r, struct err *err);
/* The key alone, without reading the rest. */
bool record_peek_key(const char *text, size_t n, struct digest *out);
/* Is text[0..n) the block that r would be written as, whatever its key and local lines are? If so r's key and local lines are set to
 * what it says: same facts, same key. */
bool record_take(struct record *r, const char *text, size_t n, struct arena *a);
/* Appends the block text[0..n) without its local lines. */
void record_strip_local(const char *text, size_t n, struct strbuf *out);
const struct record_fact *record_find(const struct record *r, enum fact_kind kind, const char *name);

#endif
