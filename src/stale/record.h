/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an instance was made from and what came out: its facts, its key, its record.
 *
 * A record is a block of lines, the same in the journal, in the state file, by key in the store and (without the lines
 * marked local) in mlmake.lock. The key, then one fact a line, sorted by kind and name, escaped as in C:
 *
 *     [train@3]
 *     key <sha256>
 *     cmd python src/train.py data/train.csv --seed 3
 *     code f <sha256> <size> run.pl                kinds of content: f x d l - (digest/content.h)
 *     code f <sha256> <size> ~<sha256> src/train.py               behind '~' what it means (code/code.h), if that is known
 *     code f <sha256> <size> ~<sha256> <src/train.py src/util.py  behind '<' the file that brings it in, if it was not declared
 *     data f <sha256> <size> data/train.csv
 *     data f <sha256> <size> ~<sha256> data/notes.tex   what a filter of the project's makes of it ([normal]); likewise lock
 *     data f <sha256> <size> <? conf.yaml          it was seen to be read, and was not declared (stale/learned.h)
 *     env FLAVOUR "sweet"                          variables of the environment; - if unset
 *     env [environment] "whole"                    all of them passed, whatever they are
 *     env package:numpy "1.26.4 <sha256>"          a distribution that is installed (env/environment.h), and the like
 *     lock f <sha256> <size> uv.lock
 *     metrics|outs|plots f <sha256> <size> models/churn-3.json
 *     param train.eta 0.1                          canonical text (params/params.h)
 *     value production.auc "0.83"                  what it was judged by, of instances that are no stages (struct outside, decide.h)
 *     as python src/train.py {{data}} --seed {{seed}}   local: the command as it is written
 *     absent conf.local.yaml                       local: it was looked for and not found, of stages with `watch = warn`
 *     run 20261123T180509-1f3a5c07 1732385109000000000 240000000     local: run, started (ns), duration (ns)
 *     var seed 3                                   matrix variables
 *     same outs f <sha256> <size> models/churn-3.json   what came out, where the program that the stage names as `same` took it for
 *                                                  the same as what was there, which stayed
 *
 * A record that no run made, because a person took changed inputs as harmless, has `accepted <sha256>` in place of the key's line, and
 * behind its facts, for each time, the oldest first, who did so and what was otherwise before:
 *
 *     step 20261126T141049-ff5368f9 2026-11-26T14:10:49Z <sha256 of "mlmake-facts 1\n" and the lines of the facts until then>
 *     by Jane Doe <jane@example.org>
 *     because only a comment changed
 *     was code f <sha256> <size> src/train.py      a fact that is another now, or is gone
 *     added param train.eta                        one that was not there
 *
 * The key is the SHA-256 of "mlmake-key 3\n" and the lines cmd, code, data, env, lock, param, value, var without sizes, without who brings
 * code in, and with the meaning, '~' before it, in place of its own digest where there is one; and of "kind path" lines for the
 * outputs. */
#ifndef STALE_RECORD_H
#define STALE_RECORD_H

#include "digest/content.h"
#include "graph/graph.h"
#include "util/arena.h"
#include "util/err.h"
#include "util/strbuf.h"

/* The FACT_ENV of what a source brought: a digest of the contents of its outputs. */
#define FACT_BROUGHT "[brought]"

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
	FACT_VALUE,
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

/* The name of the env fact of a stage that got the whole environment of mlmake, and not only what it declares. */
#define FACT_WHOLE "[environment]"

struct record_fact {
	enum fact_kind kind;
	const char *name;       /* path, param or variable; "" for the command */
	const char *value;      /* of cmd, env, param, value, var; NULL: unset variable */
	struct content content; /* of files */
	bool has_meaning;       /* of code, and of what there is a filter for ([normal]) */
	struct digest meaning;  /* code/book.h */
	bool unfiltered;        /* it would have one, and that is not known; not kept */
	const char *by;         /* of code that was not declared: the file that brings it in; NULL: none */
};

struct acceptance {
	const char *run;           /* id */
	int64_t when;              /* nanoseconds since 1970, whole seconds */
	const char *who, *because; /* "Name <mail>"; the reason, of any number of lines */
	struct digest before;
	struct record_fact *was, *added; /* sorted; of the added kind and name count */
	size_t n_was, n_added;
};

struct record {
	const char *instance;
	struct digest key;
	struct record_fact *facts; /* sorted by kind, then name */
	size_t n_facts;
	struct record_fact *taken; /* outputs as they came out, where `same` took them for what facts say */
	size_t n_taken;
	const char *written;       /* local: the command before expansion; NULL: not known here */
	const char **absent;       /* local: paths that it looked for and that were not there */
	size_t n_absent;
	const char *run;           /* local; NULL: not known here */
	int64_t started, duration; /* nanoseconds since 1970; nanoseconds; 0: not known */
	struct acceptance *accepted; /* the oldest first; run, started and duration are of the run that made the outputs */
	size_t n_accepted;
};

/* Do two facts of one kind and name say the same? Code does if it means the same. */
bool record_fact_same(const struct record_fact *a, const struct record_fact *b);
/* Are the bytes other though they mean the same? */
bool record_fact_reworded(const struct record_fact *a, const struct record_fact *b);
/* Sets the fact FACT_BROUGHT of r by its outputs, and the key. Its facts have room for one more; the value lives in a. */
void record_name_brought(struct record *r, struct arena *a);
/* Sorts facts as they stand in a record. */
void record_sort(struct record *r);
/* The key of r's facts; contents of outputs do not matter. Facts are sorted. */
void record_key(const struct record *r, struct digest *out);
/* Is r what it says: is its key that of its facts, and do its acceptances lead back to what was before each? */
bool record_holds(const struct record *r);
/* What r was before its last acceptance: in a, but for what it shares with r. Of a record that holds. */
void record_unaccept(const struct record *r, struct arena *a, struct record *out);
/* Puts acc behind those that r has, with `before`, `was` and `added` set to tell that last has become r. In a; acc is copied. */
void record_accept(struct record *r, const struct record *last, const struct acceptance *acc, struct arena *a);
/* Appends the block, with a blank line behind it. */
void record_write(const struct record *r, bool local, struct strbuf *out);
/* Reads one block from text[0..n), hostile, into *r, whose strings live in a. */
NODISCARD int record_parse(const char *text, size_t n, struct arena *a, struct record *r, struct err *err);
/* Length of the block that starts at text: up to and including the blank line behind it. */
size_t record_block_len(const char *text, const char *end);
/* Calls visit with each path that the block says was absent, without reading the rest. */
void record_each_absent(const char *text, size_t n, void (*visit)(void *ctx, const char *path), void *ctx);
/* The key alone, and (unless NULL) whether it was accepted, without reading the rest. */
bool record_peek_key(const char *text, size_t n, struct digest *out, bool *accepted);
/* Is text[0..n) the block that r would be written as, whatever its key and local lines are? If so r's key and local lines are set to
 * what it says: same facts, same key. Never of one that was accepted. */
bool record_take(struct record *r, const char *text, size_t n, struct arena *a);
/* Appends the block text[0..n) without its local lines. */
void record_strip_local(const char *text, size_t n, struct strbuf *out);
const struct record_fact *record_find(const struct record *r, enum fact_kind kind, const char *name);

#endif
