/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A build under way: what the loop (build.c) and a single job (job.c) share. Nobody else includes this. */
#ifndef RUN_JOB_H
#define RUN_JOB_H

#include "run/aside.h"
#include "run/build.h"
#include "run/finish.h"
#include "run/order.h"
#include "run/tail.h"
#include "util/pool.h"

enum node_state { WAITING, QUEUED, BUSY, GOOD, BAD };

/* An instance that runs, is collected or restored. */
struct build;
struct job {
	struct build *build;
	size_t node;
	const struct instance *in;
	const struct verdict *v;
	int id, attempt;
	bool running, timed_out;
	bool comparing; /* what runs is `same` */
	char *task;     /* what mlmake itself performs, as a file (run/task.h); NULL: a command of the project's */
	char *same_dir; /* what it compares with */
	char *tmp_dir;  /* of a stage with bounds, if it has one of its own */
	bool taken; /* old outputs are aside */
	struct aside aside;
	const char **paths; /* outputs that are moved aside */
	size_t n_paths;
	struct holding hold;
	size_t tokens;
	bool implicit;
	int64_t began, started, deadline, kill_at; /* ticks; started: wall clock */
	char *log;        /* where it writes: .slot-N, and its own name once it has written something */
	size_t slot;      /* SIZE_MAX: none */
	struct tail tail;
	uint64_t *marks;  /* of what it started from */
	struct finish finish;
	struct seen *seen;  /* what it did when it ran; NULL: it was not watched */
	struct job *next;
};

struct build {
	const struct plan *p;
	const struct build_tools *t;
	const struct build_options *opt;
	struct build_result *result;
	struct arena arena;
	struct order order;
	struct queue queue; /* stale ones that may start */
	size_t *ready, n_ready, next_ready;
	enum node_state *state;
	size_t *waits;
	bool *touched;    /* something upstream was run or restored since the plan was made */
	bool *no_restore; /* restoring failed once */
	const struct verdict **fresh; /* by node: the verdict by which it was fresh, or NULL */
	struct job *jobs;
	struct pool *pool;
	size_t running, unsettled;
	bool implicit_used, stopping, interrupted, token_wanted;
	int64_t last_tick, began;
	struct job *told; /* whose log is being read */
	struct map watched; /* by name of stage: how many instances of it, as a pointer into the arena */
	size_t n_watched;   /* in all */
	struct map noted;   /* names of stages whose undeclared files were told */
	bool blind_told;    /* it was said that nothing is watched */
	bool *slots;      /* .slot-N is in use */
	size_t n_slots;
};

static inline int64_t tick(const struct build *b)
{
	return clock_tick(b->t->clock);
}

/* build.c: events, filled in with what every event says. */
void build_emit(struct build *b, struct event e);
struct event build_about(const struct build *b, enum event_kind kind, size_t node);
void build_note(struct build *b, size_t node, const char *message); /* SIZE_MAX: about no node */

/* job.c: one instance that runs, is collected or restored. */
/* In b->jobs until job_free. */
struct job *job_new(struct build *b, size_t node, const struct verdict *v);
void job_free(struct build *b, struct job *j);
void job_forget_seen(struct job *j);
/* Cores and the like, and one token of the jobserver for each core but the very first. All of it, or nothing and false. */
bool job_take_slots(struct build *b, struct job *j);
void job_release_slots(struct build *b, struct job *j);
/* Writes down that j->paths are about to be written, and moves what stands there aside. */
NODISCARD int job_move_aside(struct build *b, struct job *j, struct err *err);
/* Starts the command. */
NODISCARD int job_launch(struct build *b, struct job *j, struct err *err);
/* Hands j's files to the pool: to collect what it made, or to restore what `from` names. */
void job_submit(struct build *b, struct job *j, const struct record *from);
/* Hands them over once more, after they were collected: for what has to do with `same`. */
void job_resubmit(struct build *b, struct job *j, enum finish_what what);
/* Is what came out to be compared with what was before? Not twice. */
bool job_wants_comparing(const struct job *j);
/* Starts the command that compares, when what it compares with is placed. */
NODISCARD int job_compare(struct build *b, struct job *j, struct err *err);
/* It has ended: an empty log goes. */
void job_compared(struct build *b, struct job *j);
/* Everything of a failed job back to how it was; returns where half-written outputs lie (owned), or NULL. */
char *job_undo(struct build *b, struct job *j, bool put_back);
/* Is there something in j's log? Then it gets its name. With last, a log of an earlier run goes if there is nothing. */
bool job_name_log(struct build *b, struct job *j, bool last);
/* Tells the lines that are new in the log. job_follow_log: if there are any. */
void job_tell_log(struct build *b, struct job *j, bool last);
void job_follow_log(struct build *b, struct job *j);
/* What whoever performed j said: notes are told; the message (owned), or NULL. *refused: is it a refusal? */
char *job_said(struct build *b, struct job *j, int status, bool *refused);
/* How it ended, in words, with what it was refused; owned. */
char *job_status_words(const struct build *b, const struct job *j, const struct launch_end *end);

#endif
