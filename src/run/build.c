/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread runs this loop: decide what has become ready, start what fits, wait. Hashing, storing and placing are
 * done by a pool's threads, stages by the launcher. A node goes WAITING -> (QUEUED -> BUSY ->) GOOD or BAD. */
#include <config.h>

#include "run/build.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/aside.h"
#include "run/finish.h"
#include "run/keeper.h"
#include "run/order.h"
#include "run/tail.h"
#include "util/file.h"
#include "util/path.h"
#include "util/pool.h"
#include "util/text.h"

#define SECOND INT64_C(1000000000)
#define INTERRUPT_GRACE (SECOND / 2)
#define TIMEOUT_GRACE (5 * SECOND)
#define TAIL_LINES 20

enum node_state { WAITING, QUEUED, BUSY, GOOD, BAD };

/* An instance that runs, is collected or restored. */
struct job {
	size_t node;
	const struct instance *in;
	const struct verdict *v;
	int id, attempt;
	bool running, timed_out;
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
	struct job *jobs;
	struct pool *pool;
	size_t running, unsettled;
	bool implicit_used, stopping, interrupted, token_wanted;
	int64_t last_tick, began;
	struct job *told; /* whose log is being read */
	bool *slots;      /* .slot-N is in use */
	size_t n_slots;
};

static int64_t tick(const struct build *b)
{
	return clock_tick(b->t->clock);
}

static void emit(struct build *b, struct event e)
{
	size_t i;

	e.now = tick(b);
	e.running = b->running;
	e.waiting = b->unsettled;
	for (i = 0; i < b->t->n_sinks; i++)
		b->t->sinks[i].emit(b->t->sinks[i].ctx, &e);
}

static struct event about(const struct build *b, enum event_kind kind, size_t node)
{
	return (struct event){.kind = kind, .node = node, .in = b->p->g->nodes[node].in, .plan = b->p};
}

static void note(struct build *b, size_t node, const char *message)
{
	struct event e = node == SIZE_MAX ? (struct event){.kind = EVENT_NOTE, .node = node}
					  : about(b, EVENT_NOTE, node);

	e.message = message;
	emit(b, e);
}

/* ---- the world as it is now ---- */

static int live_content(void *ctx, const char *path, bool follow, struct content *out, const struct instance **maker,
			struct err *err)
{
	struct build *b = ctx;

	(void)maker;
	return statcache_content(b->t->cache, path, follow, out, err);
}

static bool live_stored(void *ctx, const struct content *c)
{
	struct build *b = ctx;

	return store_has(b->t->store, c);
}

static const char *live_probe(void *ctx, const char *cmd)
{
	struct build *b = ctx;

	return b->t->probe ? b->t->probe(b->t->probe_ctx, cmd) : NULL;
}

static int live_links(void *ctx, const char *path, const struct content *c, int (*visit)(void *to, const char *link),
		      void *to)
{
	struct build *b = ctx;

	return statcache_links_out(b->t->cache, path, c, visit, to);
}

static int decide_now(struct build *b, size_t node, struct verdict *v, struct err *err)
{
	const struct world w = {live_content, live_stored, live_probe, b, live_links};
	struct decide_options opt = {b->opt->force && b->opt->force[node]};

	if (stale_decide(b->p->g->nodes[node].in, b->t->history, &w, &opt, &b->arena, v, err) < 0)
		return -1;
	if (v->state == STALE_RESTORABLE && b->no_restore[node])
		v->state = STALE_STALE;
	return 0;
}

/* ---- how nodes end ---- */

static void settle(struct build *b, size_t node, enum node_state state)
{
	b->state[node] = state;
	b->unsettled--;
}

static void add_part(struct build *b, size_t node, enum event_kind kind, const struct digest *key, int64_t duration)
{
	struct build_result *r = b->result;

	ALLOC_GROW(r->parts, r->n_parts + 1, r->cap_parts);
	r->parts[r->n_parts++] = (struct build_part){b->p->g->nodes[node].in, kind, key != NULL,
						     key ? *key : (struct digest){{0}}, duration};
}

static void node_good(struct build *b, size_t node, bool touched)
{
	const struct node *nd = &b->p->g->nodes[node];
	size_t i;

	settle(b, node, GOOD);
	for (i = 0; i < nd->n_down; i++) {
		size_t down = nd->down[i];

		if (!b->p->selected[down])
			continue;
		b->touched[down] |= touched;
		if (--b->waits[down] == 0 && b->state[down] == WAITING)
			b->ready[b->n_ready++] = down;
	}
}

static void skip_downstream(struct build *b, size_t node, const char *cause)
{
	const struct node *nd = &b->p->g->nodes[node];
	size_t i;

	for (i = 0; i < nd->n_down; i++) {
		size_t down = nd->down[i];
		struct event e;

		if (!b->p->selected[down] || b->state[down] != WAITING)
			continue;
		settle(b, down, BAD);
		b->result->skipped++;
		e = about(b, EVENT_SKIPPED, down);
		e.cause = cause;
		emit(b, e);
		skip_downstream(b, down, cause);
	}
}

static void node_bad(struct build *b, struct event e, int64_t duration)
{
	b->result->failed++;
	if (b->result->outcome == BUILD_OK)
		b->result->outcome = BUILD_FAILED;
	if (!b->opt->keep_going)
		b->stopping = true;
	add_part(b, e.node, EVENT_FAILED, NULL, duration);
	settle(b, e.node, BAD);
	emit(b, e);
	skip_downstream(b, e.node, e.in->name);
}

static void node_cannot(struct build *b, size_t node, const char *message)
{
	struct event e = about(b, EVENT_FAILED, node);

	e.message = message;
	node_bad(b, e, 0);
}

static bool same_key(const struct record *a, const struct record *b)
{
	return a && b && digest_eq(&a->key, &b->key);
}

static int node_fresh(struct build *b, size_t node, const struct verdict *v, struct err *err)
{
	struct event e = about(b, v->state == STALE_FROZEN ? EVENT_FROZEN : EVENT_FRESH, node);

	if (v->found && !same_key(v->found, v->last) && history_touch(b->t->history, v->found, err) < 0)
		return -1;
	e.verdict = v;
	e.saved = v->found ? v->found->duration : 0;
	b->result->saved = MIN(b->result->saved + MIN(e.saved, ORDER_LONGEST), ORDER_LONGEST);
	if (v->state == STALE_FROZEN)
		b->result->frozen++;
	else
		b->result->fresh++;
	node_good(b, node, false);
	emit(b, e);
	return 0;
}

/* ---- jobs ---- */

/* ---- logs ----
 *
 * Most stages write nothing, and making a file for each would cost more than many a stage: a stage writes to .slot-N, which the
 * next one takes over if it is still empty, and which gets the instance's name when it is not. */

static void take_log(struct build *b, struct job *j)
{
	for (j->slot = 0; j->slot < b->n_slots && b->slots[j->slot]; j->slot++)
		;
	if (j->slot == b->n_slots) {
		b->slots = xreallocarray(b->slots, b->n_slots + 1, sizeof(*b->slots));
		b->n_slots++;
	}
	b->slots[j->slot] = true;
	j->log = xstrfmt("%s/log/.slot-%zu", b->t->state_dir, j->slot);
}

static void free_slot(struct build *b, struct job *j)
{
	if (j->slot != SIZE_MAX)
		b->slots[j->slot] = false;
	j->slot = SIZE_MAX;
}

/* Is there something in j's log? Then it gets its name. With last, a log of an earlier run goes if there is nothing. */
static bool name_log(struct build *b, struct job *j, bool last)
{
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *path = NULL;
	struct stat st;

	if (!j->log)
		return false;
	if (j->slot == SIZE_MAX)
		return true;
	name = aside_file_name(j->in->name);
	path = xstrfmt("%s/log/%s.log", b->t->state_dir, name);
	if (stat(j->log, &st) < 0 || st.st_size == 0) {
		if (last)
			unlink(path);
		return false;
	}
	if (rename(j->log, path) < 0)
		return true;
	free(j->log);
	j->log = path;
	path = NULL;
	free_slot(b, j);
	return true;
}

static struct job *job_new(struct build *b, size_t node, const struct verdict *v)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->node = node;
	j->in = b->p->g->nodes[node].in;
	j->v = v;
	j->id = -1;
	j->attempt = 1;
	j->hold = (struct holding)HOLDING_INIT;
	j->tail = (struct tail)TAIL_INIT;
	j->slot = SIZE_MAX;
	j->paths = xcalloc(j->in->n_outs + 1, sizeof(*j->paths));
	j->next = b->jobs;
	b->jobs = j;
	b->state[node] = BUSY;
	return j;
}

static void job_free(struct build *b, struct job *j)
{
	struct job **at;

	for (at = &b->jobs; *at != j; at = &(*at)->next)
		;
	*at = j->next;
	free_slot(b, j);
	tail_release(&j->tail);
	aside_release(&j->aside);
	finish_release(&j->finish);
	free(j->marks);
	free(j->paths);
	free(j->log);
	free(j);
}

static void release_slots(struct build *b, struct job *j)
{
	resources_give(b->t->resources, &j->hold);
	for (; j->tokens; j->tokens--)
		jobserver_give(b->t->jobserver);
	if (j->implicit)
		b->implicit_used = j->implicit = false;
}

/* Cores and the like, and one token of the jobserver for each core but the very first. */
static bool take_slots(struct build *b, struct job *j)
{
	if (!resources_take(b->t->resources, &j->in->stage->use, &j->hold))
		return false;
	if (!b->t->jobserver)
		return true;
	if (!b->implicit_used)
		b->implicit_used = j->implicit = true;
	while (j->tokens + j->implicit < (size_t)j->hold.cpu) {
		if (!jobserver_take(b->t->jobserver)) {
			b->token_wanted = true;
			if (!b->running) /* alone, it runs on what it could get */
				return true;
			release_slots(b, j);
			return false;
		}
		j->tokens++;
	}
	return true;
}

/* Everything of a failed job back to how it was; returns where half-written outputs lie (owned), or NULL. */
static char *job_undo(struct build *b, struct job *j, bool put_back)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	char *where = NULL;

	if (!j->taken) { /* what stands there is still as it was */
		if (!j->aside.dir && history_end(b->t->history, j->in->name, &err) < 0)
			note(b, j->node, err.msg);
		return NULL;
	}
	if (aside_fail(b->t->state_dir, j->in->name, j->paths, j->n_paths, &where, &err) < 0 ||
	    (put_back && history_back(b->t->history, j->in->name, &err) < 0) ||
	    (put_back && aside_put_back(&j->aside, &err) < 0) ||
	    (put_back && history_end(b->t->history, j->in->name, &err) < 0))
		note(b, j->node, err.msg);
	return where;
}

static void job_failed(struct build *b, struct job *j, const char *message, bool ran)
{
	CLEANUP(strbuf_release) struct strbuf end = STRBUF_INIT;
	struct event e = about(b, EVENT_FAILED, j->node);
	CLEANUP(freep) char *where = NULL;

	e.duration = ran ? tick(b) - j->began : 0;
	e.message = message;
	e.attempt = j->attempt;
	e.outcome = b->interrupted ? BUILD_INTERRUPTED : BUILD_FAILED;
	if (ran && name_log(b, j, true)) {
		tail_end(j->log, TAIL_LINES, &end);
		e.log = j->log;
		e.tail = end.len ? end.buf : NULL;
	}
	e.aside = where = job_undo(b, j, true);
	node_bad(b, e, e.duration);
	job_free(b, j);
}

static void submit(struct build *b, struct job *j, const struct record *from)
{
	j->finish = (struct finish){.node = j->node,
				    .pl = b->p->g->pl,
				    .in = j->in,
				    .v = j->v,
				    .cache = b->t->cache,
				    .store = b->t->store,
				    .aside = &j->aside,
				    .from = from,
				    .marks = j->marks,
				    .run_id = b->t->run_id,
				    .started = j->started,
				    .duration = tick(b) - j->began,
				    .err = ERR_INIT,
				    .note = STRBUF_INIT,
				    .arena = ARENA_INIT};
	pool_submit(b->pool, finish_work, &j->finish);
}

static int write_params(struct build *b, const struct instance *in, char **file, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *name = aside_file_name(in->name);
	char **keys = xcalloc(in->n_params + 1, sizeof(*keys));
	struct json *j;
	size_t i;

	for (i = 0; i < in->n_params; i++)
		keys[i] = (char *)(uintptr_t)in->params[i].name;
	j = params_json(&b->p->g->pl->params, keys, in->n_params);
	json_write(j, true, &text);
	json_free(j);
	free(keys);
	*file = xstrfmt("%s/params/%s.json", b->t->state_dir, name);
	return file_write(*file, text.buf, text.len, 0644, false, err);
}

/* A path in the environment of a stage has to hold wherever its command changes to. */
static char *absolute(const char *path)
{
	CLEANUP(freep) char *cwd = path_is_absolute(path) ? NULL : getcwd(NULL, 0);

	return cwd ? path_join(cwd, path) : xstrdup(path);
}

static int make_env(struct build *b, struct job *j, struct strvec *env, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(freep) char *file = NULL;
	CLEANUP(freep) char *full = NULL;

	strvec_pushf(env, "MLMAKE_STAGE=%s", j->in->stage->name);
	strvec_pushf(env, "MLMAKE_INSTANCE=%s", j->in->name);
	if (j->in->n_params) {
		if (write_params(b, j->in, &file, err) < 0)
			return -1;
		full = absolute(file);
		strvec_pushf(env, "MLMAKE_PARAMS=%s", full);
	} else {
		strvec_push(env, "MLMAKE_PARAMS");
	}
	if (j->hold.n_gpus) {
		resources_gpu_ids(b->t->resources, &j->hold, &sb);
		strvec_pushf(env, "CUDA_VISIBLE_DEVICES=%s", sb.buf);
	}
	if (b->t->serving) {
		strbuf_clear(&sb);
		jobserver_makeflags(b->t->jobserver, &sb);
		strvec_pushf(env, "MAKEFLAGS=%s", sb.buf);
	}
	return 0;
}

static int launch(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(strvec_release) struct strvec env = STRVEC_INIT;
	const struct stage *st = j->in->stage;
	struct launch l = {j->in->name, j->in->cmd, st->env ? st->env->run : NULL, NULL, NULL};
	size_t i;

	for (i = 0; i < j->n_paths; i++)
		if (file_mkdirs_for(j->paths[i], err) < 0)
			return -1;
	if (!j->log)
		take_log(b, j);
	if (make_env(b, j, &env, err) < 0)
		return -1;
	l.log = j->log;
	l.env = env.v;
	j->began = tick(b);
	j->started = clock_now(b->t->clock);
	j->deadline = st->timeout ? j->began + st->timeout : INT64_MAX;
	j->kill_at = INT64_MAX;
	j->timed_out = false;
	if (b->t->launcher->start(b->t->launcher->ctx, &l, &j->id, err) < 0)
		return -1;
	j->running = true;
	b->running++;
	return 0;
}

static int move_aside(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(freep) char *id = xstrfmt("%s-%zu", b->t->run_id, j->node);

	if (history_begin(b->t->history, j->in->name, j->paths, j->n_paths, err) < 0)
		return -1;
	j->taken = aside_take(&j->aside, b->t->state_dir, id, j->paths, j->n_paths, err) == 0;
	return j->taken ? history_writes(b->t->history, j->in->name, err) : -1;
}

static void start_stage(struct build *b, struct job *j)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct event e = about(b, EVENT_START, j->node);

	for (j->n_paths = 0; j->n_paths < j->in->n_outs; j->n_paths++)
		j->paths[j->n_paths] = j->in->outs[j->n_paths].path;
	j->marks = finish_mark_inputs(b->t->cache, &j->v->now);
	if (move_aside(b, j, &err) < 0 || launch(b, j, &err) < 0) {
		release_slots(b, j);
		job_failed(b, j, err.msg, false);
		return;
	}
	e.verdict = j->v;
	e.attempt = j->attempt;
	e.estimate = MAX(b->order.expected[j->node], (int64_t)0);
	emit(b, e);
}

static void start_restore(struct build *b, size_t node, const struct verdict *v)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct job *j = job_new(b, node, v);

	j->n_paths = finish_to_restore(v, v->found, j->in, j->paths);
	j->began = tick(b);
	if (move_aside(b, j, &err) < 0) {
		job_failed(b, j, err.msg, false);
		return;
	}
	submit(b, j, v->found);
}

/* Acts on a verdict on a node that is ready: 0, or -1 if the journal cannot be written. */
static int act(struct build *b, size_t node, const struct verdict *v, struct err *err)
{
	size_t i;

	switch (v->state) {
	case STALE_FROZEN:
		for (i = 0; i < v->n_reasons; i++)
			if (v->reasons[i].kind == REASON_OUTPUT && v->reasons[i].is && !v->reasons[i].new) {
				node_cannot(b, node, "it is frozen and its output is missing; put it back or unfreeze it");
				return 0;
			}
		return node_fresh(b, node, v, err);
	case STALE_FRESH: return node_fresh(b, node, v, err);
	case STALE_RESTORABLE:
		if (!b->stopping)
			start_restore(b, node, v);
		return 0;
	case STALE_STALE:
		b->state[node] = QUEUED;
		queue_push(&b->queue, node);
		return 0;
	}
	BUG("no such state");
}

static int settle_ready(struct build *b, struct err *err)
{
	while (b->next_ready < b->n_ready && !b->interrupted) {
		size_t node = b->ready[b->next_ready++];
		const struct verdict *v = &b->p->verdicts[node];
		CLEANUP(err_release) struct err failed = ERR_INIT;

		if (b->state[node] != WAITING)
			continue;
		if (b->touched[node] || v->pending) {
			struct verdict *live = arena_alloc(&b->arena, sizeof(*live));

			if (decide_now(b, node, live, &failed) < 0) {
				node_cannot(b, node, failed.msg);
				continue;
			}
			v = live;
		}
		if (act(b, node, v, err) < 0)
			return -1;
	}
	return 0;
}

/* The digests of a record are those of the moment its stage starts, so it is decided on once more right then. */
static int start_one(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(err_release) struct err failed = ERR_INIT;
	struct verdict *v = arena_alloc(&b->arena, sizeof(*v));

	if (decide_now(b, j->node, v, &failed) < 0) {
		release_slots(b, j);
		job_failed(b, j, failed.msg, false);
		return 0;
	}
	j->v = v;
	if (v->state == STALE_STALE) {
		start_stage(b, j);
		return 0;
	}
	release_slots(b, j);
	b->state[j->node] = WAITING;
	return act(b, j->node, v, err) < 0 ? -1 : (job_free(b, j), 0);
}

/* Starts in order of priority. Who lacks cores or memory makes those behind it wait, or it would never get them; who lacks
 * a GPU or a lock does not. */
static int start_some(struct build *b, struct err *err)
{
	size_t *passed = NULL, n_passed = 0, cap = 0, i;
	int result = 0;

	b->token_wanted = false;
	if (!b->running && b->t->jobserver)
		jobserver_refill(b->t->jobserver);
	while (result == 0 && b->queue.n && !b->stopping && !b->interrupted) {
		size_t node = queue_pop(&b->queue);
		const struct use *use = &b->p->g->nodes[node].in->stage->use;
		struct job *j = job_new(b, node, NULL);

		if (take_slots(b, j)) {
			result = start_one(b, j, err);
			continue;
		}
		job_free(b, j);
		b->state[node] = QUEUED;
		ALLOC_GROW(passed, n_passed + 1, cap);
		passed[n_passed++] = node;
		if (!use->gpu && !use->n_locks)
			break;
	}
	for (i = 0; i < n_passed; i++)
		queue_push(&b->queue, passed[i]);
	free(passed);
	return result;
}

/* ---- what comes back ---- */

static void tell_line(void *ctx, const char *text, size_t n)
{
	struct build *b = ctx;
	struct progress p;
	struct event e;

	if (progress_parse(text, &p)) {
		e = about(b, EVENT_PROGRESS, b->told->node);
		e.done = p.done;
		e.total = p.total;
		e.text = p.text;
	} else if (b->opt->want_output) {
		e = about(b, EVENT_OUTPUT, b->told->node);
		e.text = text;
		e.len = n;
	} else {
		return;
	}
	emit(b, e);
}

static void tell_log(struct build *b, struct job *j, bool last)
{
	b->told = j;
	tail_read(&j->tail, j->log, last, tell_line, b);
	if (last)
		tail_release(&j->tail);
}

static void follow_log(struct build *b, struct job *j)
{
	if (name_log(b, j, false))
		tell_log(b, j, false);
}

static char *status_words(const struct build *b, const struct job *j, int status)
{
	CLEANUP(strbuf_release) struct strbuf d = STRBUF_INIT;

	if (j->timed_out) {
		text_add_duration(&d, j->in->stage->timeout);
		return xstrfmt("it took longer than its timeout of %s and was stopped", d.buf);
	}
	if (b->interrupted)
		return xstrdup("interrupted");
	if (WIFSIGNALED(status))
		return xstrfmt("killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == 127)
		return xstrdup("exit status 127: a command was not found");
	return xstrfmt("exit status %d", WEXITSTATUS(status));
}

static bool try_again(struct build *b, struct job *j, const char *message)
{
	struct event e = about(b, EVENT_RETRY, j->node);

	if (b->interrupted || b->stopping || j->attempt > j->in->stage->retry)
		return false;
	free(job_undo(b, j, false));
	e.message = message;
	e.attempt = ++j->attempt;
	e.duration = tick(b) - j->began;
	emit(b, e);
	return true;
}

static void stage_ended(struct build *b, const struct launch_end *end)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) char *words = NULL;
	struct job *j;

	for (j = b->jobs; j && (!j->running || j->id != end->id); j = j->next)
		;
	if (!j)
		return;
	j->running = false;
	b->running--;
	if (name_log(b, j, false))
		tell_log(b, j, true);
	if (end->status == 0 && !j->timed_out) {
		release_slots(b, j);
		submit(b, j, NULL);
		return;
	}
	words = status_words(b, j, end->status);
	if (try_again(b, j, words)) {
		if (launch(b, j, &err) == 0)
			return;
		free(words);
		words = xstrdup(err.msg);
	}
	release_slots(b, j);
	job_failed(b, j, words, true);
}

static int reap_stages(struct build *b, struct err *err)
{
	struct launch_end end;
	int got;

	while ((got = b->t->launcher->reap(b->t->launcher->ctx, &end, err)) > 0)
		stage_ended(b, &end);
	return got;
}

static int collected(struct build *b, struct job *j, struct err *err)
{
	struct event e = about(b, EVENT_DONE, j->node);
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	if (j->finish.result < 0) {
		job_failed(b, j, j->finish.err.msg, true);
		return 0;
	}
	if (history_add(b->t->history, &j->finish.record, err) < 0)
		return -1;
	if (aside_drop(&j->aside, &ignored) < 0)
		note(b, j->node, ignored.msg);
	if (j->finish.note.len)
		note(b, j->node, j->finish.note.buf);
	e.verdict = j->v;
	e.duration = j->finish.duration;
	e.changed = j->finish.changed;
	e.attempt = j->attempt;
	name_log(b, j, true);
	b->result->ran++;
	add_part(b, j->node, EVENT_DONE, &j->finish.record.key, e.duration);
	node_good(b, j->node, true);
	emit(b, e);
	job_free(b, j);
	return 0;
}

static void restore_failed(struct build *b, struct job *j)
{
	CLEANUP(freep) char *message =
		xstrfmt("%s; it runs instead", j->finish.err.msg ? j->finish.err.msg : "cannot be restored");
	size_t node = j->node;

	free(job_undo(b, j, true)); /* what was put back is in the store: nobody needs to know where it went */
	note(b, node, message);
	b->no_restore[node] = true;
	job_free(b, j);
	b->state[node] = QUEUED;
	queue_push(&b->queue, node);
}

static int restored(struct build *b, struct job *j, struct err *err)
{
	struct event e = about(b, EVENT_RESTORED, j->node);
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	int got;

	if (j->finish.result < 0) {
		restore_failed(b, j);
		return 0;
	}
	if (same_key(j->v->found, j->v->last))
		got = history_end(b->t->history, j->in->name, err);
	else
		got = history_touch(b->t->history, j->v->found, err);
	if (got < 0)
		return -1;
	if (aside_drop(&j->aside, &ignored) < 0)
		note(b, j->node, ignored.msg);
	if (j->finish.note.len)
		note(b, j->node, j->finish.note.buf);
	e.verdict = j->v;
	e.saved = j->v->found->duration;
	e.duration = tick(b) - j->began;
	b->result->restored++;
	b->result->saved = MIN(b->result->saved + MIN(e.saved, ORDER_LONGEST), ORDER_LONGEST);
	add_part(b, j->node, EVENT_RESTORED, &j->v->found->key, e.duration);
	node_good(b, j->node, true);
	emit(b, e);
	job_free(b, j);
	return 0;
}

static int reap_pool(struct build *b, struct err *err)
{
	struct finish *f;

	while ((f = pool_reap(b->pool))) {
		struct job *j = (struct job *)(void *)((char *)f - offsetof(struct job, finish));

		if ((f->from ? restored(b, j, err) : collected(b, j, err)) < 0)
			return -1;
	}
	return 0;
}

/* ---- time and signals ---- */

static void stop_job(struct build *b, struct job *j, bool kill, int64_t grace)
{
	b->t->launcher->stop(b->t->launcher->ctx, j->id, kill);
	j->kill_at = kill ? INT64_MAX : tick(b) + grace;
}

static void heed_signal(struct build *b)
{
	char buf[512];
	struct job *j;
	bool again = b->interrupted;

	if (read(b->t->signal_fd, buf, sizeof(buf)) <= 0)
		return;
	b->interrupted = b->stopping = true;
	b->result->outcome = BUILD_INTERRUPTED;
	for (j = b->jobs; j; j = j->next)
		if (j->running)
			stop_job(b, j, again, INTERRUPT_GRACE);
}

static void heed_deadlines(struct build *b)
{
	int64_t now = tick(b);
	struct job *j;

	for (j = b->jobs; j; j = j->next) {
		if (!j->running)
			continue;
		if (now >= j->kill_at) {
			stop_job(b, j, true, 0);
		} else if (now >= j->deadline && !j->timed_out) {
			j->timed_out = true;
			stop_job(b, j, false, TIMEOUT_GRACE);
		}
	}
}

/* What is left, if every core were kept busy, and at least the longest path; -1 if a time is unknown. */
static int64_t time_left(struct build *b)
{
	int64_t now = tick(b), work = 0, longest = 0;
	struct job *j;
	size_t i;

	for (j = b->jobs; j; j = j->next) {
		int64_t age = j->running ? now - j->began : 0;

		if (b->order.expected[j->node] < 0)
			return -1;
		work = MIN(work + MAX(b->order.expected[j->node] - age, (int64_t)0), ORDER_LONGEST);
		longest = MAX(longest, b->order.path[j->node] - age);
	}
	for (i = 0; i < b->p->g->n; i++) {
		if (!b->p->selected[i] || (b->state[i] != WAITING && b->state[i] != QUEUED) ||
		    b->p->verdicts[i].state != STALE_STALE)
			continue;
		if (b->order.expected[i] < 0)
			return -1;
		work = MIN(work + b->order.expected[i], ORDER_LONGEST);
	}
	return MAX(longest, work / MAX(b->opt->jobs, 1));
}

static void heed_tick(struct build *b)
{
	struct event e = {.kind = EVENT_TICK, .node = SIZE_MAX};
	int64_t now = tick(b);
	struct job *j;

	if (now - b->last_tick < b->opt->tick)
		return;
	b->last_tick = now;
	for (j = b->jobs; j; j = j->next)
		if (j->running)
			follow_log(b, j);
	e.estimate = time_left(b);
	emit(b, e);
}

static int poll_timeout(const struct build *b)
{
	int64_t next = b->last_tick + b->opt->tick, ms;
	const struct job *j;

	for (j = b->jobs; j; j = j->next)
		if (j->running)
			next = MIN(next, MIN(j->kill_at, j->timed_out ? INT64_MAX : j->deadline));
	ms = (next - tick(b)) / 1000000 + 1;
	return (int)MAX(MIN(ms, INT64_C(60000)), (int64_t)0);
}

static int wait_and_heed(struct build *b, struct err *err)
{
	struct pollfd fds[4] = {{.fd = b->running ? b->t->launcher->fd(b->t->launcher->ctx) : -1, .events = POLLIN},
				{.fd = pool_fd(b->pool), .events = POLLIN},
				{.fd = b->t->signal_fd, .events = POLLIN},
				{.fd = b->token_wanted ? jobserver_fd(b->t->jobserver) : -1, .events = POLLIN}};

	if (poll(fds, ARRAY_SIZE(fds), poll_timeout(b)) < 0 && errno != EINTR)
		return err_errno(err, "cannot wait");
	if (fds[2].revents)
		heed_signal(b);
	if (fds[0].revents && reap_stages(b, err) < 0)
		return -1;
	if (fds[1].revents && reap_pool(b, err) < 0)
		return -1;
	heed_deadlines(b);
	heed_tick(b);
	return 0;
}

/* ---- the whole ---- */

static void build_init(struct build *b)
{
	const struct graph *g = b->p->g;
	size_t i, j;

	b->ready = xcalloc(g->n + 1, sizeof(*b->ready));
	b->state = xcalloc(g->n + 1, sizeof(*b->state));
	b->waits = xcalloc(g->n + 1, sizeof(*b->waits));
	b->touched = xcalloc(g->n + 1, sizeof(*b->touched));
	b->no_restore = xcalloc(g->n + 1, sizeof(*b->no_restore));
	order_make(&b->order, b->p);
	b->queue.o = &b->order;
	b->pool = pool_new(MAX(pool_cpus(), 2));
	b->began = b->last_tick = tick(b);
	for (i = 0; i < g->n; i++) {
		size_t node = g->order[i];

		if (!b->p->selected[node])
			continue;
		b->unsettled++;
		for (j = 0; j < g->nodes[node].n_up; j++)
			b->waits[node] += b->p->selected[g->nodes[node].up[j]];
		if (!b->waits[node])
			b->ready[b->n_ready++] = node;
	}
}

static void build_release(struct build *b)
{
	CLEANUP(freep) char *aside = xstrfmt("%s/aside", b->t->state_dir);

	rmdir(aside); /* if it is empty, as it should be: what lies there is a trace of a run that ended badly */
	pool_free(b->pool);
	while (b->jobs)
		job_free(b, b->jobs);
	order_release(&b->order);
	queue_release(&b->queue);
	arena_release(&b->arena);
	free(b->ready);
	free(b->state);
	free(b->waits);
	free(b->touched);
	free(b->no_restore);
	free(b->slots);
}

static void skip_the_rest(struct build *b)
{
	size_t i;

	for (i = 0; i < b->p->g->n; i++) {
		size_t node = b->p->g->order[i];

		if (!b->p->selected[node] || b->state[node] == GOOD || b->state[node] == BAD)
			continue;
		settle(b, node, BAD);
		b->result->skipped++;
		emit(b, about(b, EVENT_SKIPPED, node));
	}
}

static int run_all(struct build *b, struct err *err)
{
	for (;;) {
		if (settle_ready(b, err) < 0 || start_some(b, err) < 0)
			return -1;
		if (b->next_ready < b->n_ready && !b->interrupted)
			continue;
		if (!b->running && !pool_pending(b->pool) && (!b->queue.n || b->stopping))
			return 0;
		if (wait_and_heed(b, err) < 0)
			return -1;
	}
}

int build_run(const struct plan *p, const struct build_tools *tools, const struct build_options *opt,
	      struct build_result *result, struct err *err)
{
	struct build b = {.p = p, .t = tools, .opt = opt, .result = result};
	struct event e = {.kind = EVENT_BEGIN, .node = SIZE_MAX, .plan = p, .jobs = opt->jobs};
	int got;

	memset(result, 0, sizeof(*result));
	build_init(&b);
	emit(&b, e);
	got = run_all(&b, err);
	if (got == 0)
		skip_the_rest(&b);
	result->duration = tick(&b) - b.began;
	e.kind = EVENT_END;
	e.outcome = result->outcome;
	e.duration = result->duration;
	e.saved = result->saved;
	if (got == 0)
		emit(&b, e);
	build_release(&b);
	return got;
}

void build_result_release(struct build_result *r)
{
	free(r->parts);
	memset(r, 0, sizeof(*r));
}

static bool has_ended(void *ctx, const char *path)
{
	return history_ended(ctx, path);
}

/* Each step is written down before the next, so that this too may be killed and begun again. */
static int undo_half_written(struct history *h, const char *state_dir, const struct strvec *instances,
			     const struct strvec *paths, struct strvec *notes, struct err *err)
{
	CLEANUP(freep) char *where = NULL;
	size_t i;

	for (i = 0; i < paths->n; i++)
		if (store_place_sweep(paths->v[i], err) < 0)
			return -1;
	if (paths->n && aside_fail(state_dir, "crash", (const char *const *)paths->v, paths->n, &where, err) < 0)
		return -1;
	if (where)
		strvec_pushf(notes, "the run before ended badly; what it left half-written is in '%s'", where);
	for (i = 0; i < instances->n; i++)
		if (history_back(h, instances->v[i], err) < 0)
			return -1;
	return 0;
}

int build_recover(struct history *h, const char *state_dir, const char *run_id, struct strvec *notes, struct err *err)
{
	CLEANUP(strvec_release) struct strvec instances = STRVEC_INIT, paths = STRVEC_INIT, back = STRVEC_INIT;
	const char *run = history_crashed_run(h);
	int killed;
	size_t i;

	if (run) {
		killed = *run ? keeper_sweep(run) : 0;
		if (killed)
			strvec_pushf(notes, "the run before ended badly; %d of its processes %s still there and %s stopped",
				     killed, killed == 1 ? "was" : "were", killed == 1 ? "was" : "were");
		history_half_written(h, &instances, &paths);
		if (history_begin_run(h, run_id, err) < 0 ||
		    undo_half_written(h, state_dir, &instances, &paths, notes, err) < 0)
			return -1;
	}
	if (aside_recover(state_dir, has_ended, h, &back, err) < 0)
		return -1;
	for (i = 0; i < back.n; i++)
		strvec_pushf(notes, "'%s' is put back as it was before", back.v[i]);
	for (i = 0; i < instances.n; i++)
		if (history_end(h, instances.v[i], err) < 0)
			return -1;
	return 0;
}
