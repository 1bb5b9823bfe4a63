/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread runs this loop: decide what has become ready, start what fits, wait. Hashing, storing and placing are
 * done by a pool's threads, stages by the launcher. A node goes WAITING -> (QUEUED -> BUSY ->) GOOD or BAD. */
#include <config.h>

#include "run/job.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/passing.h"
#include "run/watching.h"

#define SECOND INT64_C(1000000000)
#define INTERRUPT_GRACE (SECOND / 2)
#define TIMEOUT_GRACE (5 * SECOND)
#define TAIL_LINES 20

void build_emit(struct build *b, struct event e)
{
	size_t i;

	e.now = tick(b);
	e.running = b->running;
	e.waiting = b->unsettled;
	for (i = 0; i < b->t->n_sinks; i++)
		b->t->sinks[i].emit(b->t->sinks[i].ctx, &e);
}

struct event build_about(const struct build *b, enum event_kind kind, size_t node)
{
	return (struct event){.kind = kind, .node = node, .in = b->p->g->nodes[node].in, .plan = b->p};
}

void build_note(struct build *b, size_t node, const char *message)
{
	struct event e = node == SIZE_MAX ? (struct event){.kind = EVENT_NOTE, .node = node}
					  : build_about(b, EVENT_NOTE, node);

	e.message = message;
	build_emit(b, e);
}

static int decide_now(struct build *b, size_t node, struct verdict *v, struct err *err)
{
	struct disk_world disk = {b->t->cache, b->t->store, b->t->probe, b->t->probe_ctx, b->t->code, b->p->g->pl, b->t->outside};
	const struct world w = world_on_disk(&disk);
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
	r->parts[r->n_parts++] = (struct build_part){b->p->g->nodes[node].in, node, kind, b->interrupted,
						     false, key != NULL, key ? *key : (struct digest){{0}}, duration};
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
		e = build_about(b, EVENT_SKIPPED, down);
		e.cause = cause;
		build_emit(b, e);
		skip_downstream(b, down, cause);
	}
}

static void node_bad(struct build *b, struct event e, int64_t duration)
{
	bool refused = e.outcome == BUILD_REFUSED;

	b->result->failed++;
	if (b->result->outcome == BUILD_OK || (b->result->outcome == BUILD_REFUSED && !refused))
		b->result->outcome = refused ? BUILD_REFUSED : BUILD_FAILED;
	if (!b->opt->keep_going)
		b->stopping = true;
	add_part(b, e.node, EVENT_FAILED, NULL, duration);
	b->result->parts[b->result->n_parts - 1].refused = refused;
	settle(b, e.node, BAD);
	build_emit(b, e);
	skip_downstream(b, e.node, e.in->name);
}

static void node_cannot(struct build *b, size_t node, const char *message)
{
	struct event e = build_about(b, EVENT_FAILED, node);

	e.message = message;
	node_bad(b, e, 0);
}

static bool same_key(const struct record *a, const struct record *b)
{
	return a && b && digest_eq(&a->key, &b->key);
}

static int node_fresh(struct build *b, size_t node, const struct verdict *v, struct err *err)
{
	struct event e = build_about(b, v->state == STALE_FROZEN ? EVENT_FROZEN : EVENT_FRESH, node);

	if (v->found && !same_key(v->found, v->last) && history_touch(b->t->history, v->found, err) < 0)
		return -1;
	e.verdict = v;
	e.saved = v->found ? v->found->duration : 0;
	b->result->saved = MIN(b->result->saved + MIN(e.saved, ORDER_LONGEST), ORDER_LONGEST);
	if (v->state == STALE_FROZEN)
		b->result->frozen++;
	else
		b->result->fresh++;
	b->fresh[node] = v;
	node_good(b, node, false);
	build_emit(b, e);
	return 0;
}

/* ---- jobs ---- */

static void job_failed(struct build *b, struct job *j, const char *message, bool ran, bool refused)
{
	CLEANUP(strbuf_release) struct strbuf end = STRBUF_INIT;
	struct event e = build_about(b, EVENT_FAILED, j->node);
	CLEANUP(freep) char *where = NULL;

	e.duration = ran ? tick(b) - j->began : 0;
	e.message = message;
	e.attempt = j->attempt;
	e.outcome = b->interrupted ? BUILD_INTERRUPTED : refused ? BUILD_REFUSED : BUILD_FAILED;
	if (ran && job_name_log(b, j, true)) {
		tail_end(j->log, TAIL_LINES, &end);
		e.log = j->log;
		e.tail = end.len ? end.buf : NULL;
	}
	e.aside = where = job_undo(b, j, true);
	node_bad(b, e, e.duration);
	job_free(b, j);
}

static void start_stage(struct build *b, struct job *j)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct event e = build_about(b, EVENT_START, j->node);

	for (j->n_paths = 0; j->n_paths < j->in->n_outs; j->n_paths++)
		j->paths[j->n_paths] = j->in->outs[j->n_paths].path;
	j->marks = finish_mark_inputs(b->t->cache, &j->v->now);
	if (job_move_aside(b, j, &err) < 0 || job_launch(b, j, &err) < 0) {
		job_release_slots(b, j);
		job_failed(b, j, err.msg, false, false);
		return;
	}
	e.verdict = j->v;
	e.attempt = j->attempt;
	e.estimate = MAX(b->order.expected[j->node], (int64_t)0);
	build_emit(b, e);
}

static void start_restore(struct build *b, size_t node, const struct verdict *v)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct job *j = job_new(b, node, v);

	j->n_paths = finish_to_restore(v, v->found, j->in, j->paths);
	j->began = tick(b);
	if (job_move_aside(b, j, &err) < 0) {
		job_failed(b, j, err.msg, false, false);
		return;
	}
	job_submit(b, j, v->found);
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
		job_release_slots(b, j);
		job_failed(b, j, failed.msg, false, false);
		return 0;
	}
	j->v = v;
	if (v->state == STALE_STALE) {
		start_stage(b, j);
		return 0;
	}
	job_release_slots(b, j);
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

		if (job_take_slots(b, j)) {
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

static bool try_again(struct build *b, struct job *j, const char *message)
{
	struct event e = build_about(b, EVENT_RETRY, j->node);

	if (b->interrupted || b->stopping || j->attempt > j->in->stage->retry)
		return false;
	free(job_undo(b, j, false));
	e.message = message;
	e.attempt = ++j->attempt;
	e.duration = tick(b) - j->began;
	build_emit(b, e);
	return true;
}

/* What the stage did beside what it declares, once a stage; and that it could not be seen, once a build. */
static void tell_seen(struct build *b, struct job *j)
{
	CLEANUP(strbuf_release) struct strbuf blind = STRBUF_INIT;

	if (!j->seen)
		return;
	if (j->seen->blind & BLIND_UNWATCHED) {
		if (!b->blind_told)
			strbuf_addf(&blind, "stages are not watched for undeclared files: %s (%s)",
				    j->seen->number == EBUSY ? "something watches what mlmake itself runs in"
							     : "this system does not allow it",
				    strerror(j->seen->number));
		b->blind_told = true;
	} else {
		watching_blind_words(j->seen, &blind);
	}
	if ((!blind.len && !j->finish.watched.len) || map_get(&b->noted, j->in->stage->name))
		return;
	map_put(&b->noted, j->in->stage->name, j);
	if (j->finish.watched.len)
		build_note(b, j->node, j->finish.watched.buf);
	if (blind.len)
		build_note(b, j->seen->blind & BLIND_UNWATCHED ? SIZE_MAX : j->node, blind.buf);
}

/* What came out is what it is, and is written down. */
static int record_result(struct build *b, struct job *j, struct err *err)
{
	struct event e = build_about(b, EVENT_DONE, j->node);
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	job_release_slots(b, j);
	if (history_add(b->t->history, &j->finish.record, err) < 0)
		return -1;
	if (aside_drop(&j->aside, &ignored) < 0)
		build_note(b, j->node, ignored.msg);
	if (j->finish.note.len)
		build_note(b, j->node, j->finish.note.buf);
	tell_seen(b, j);
	e.verdict = j->v;
	e.duration = j->finish.duration;
	e.changed = j->finish.changed;
	e.attempt = j->attempt;
	job_name_log(b, j, true);
	b->result->ran++;
	add_part(b, j->node, EVENT_DONE, &j->finish.record.key, e.duration);
	node_good(b, j->node, true);
	build_emit(b, e);
	job_free(b, j);
	return 0;
}

/* Without what was before, or a program that compares, it is another one. */
static int not_compared(struct build *b, struct job *j, struct err *why, struct err *err)
{
	strbuf_addf(&j->finish.note, "%s`same` cannot compare: %s", j->finish.note.len ? "; " : "", why->msg);
	err_clear(why);
	return record_result(b, j, err);
}

/* Exit status 0 says that what came out is the same as what was before; anything else, that it is not. */
static int compared(struct build *b, struct job *j, const struct launch_end *end, struct err *err)
{
	job_compared(b, j);
	if (end->status == 0 && !j->timed_out) {
		job_resubmit(b, j, FINISH_TAKE_OLD);
		return 0;
	}
	if (j->timed_out || !WIFEXITED(end->status) || WEXITSTATUS(end->status) > 1)
		strbuf_addf(&j->finish.note, "%s`same` ended badly (%s), so what came out counts as another",
			    j->finish.note.len ? "; " : "", j->timed_out ? "out of time" : "its log ends in .same.log");
	return record_result(b, j, err);
}

static void add_hint(const struct build *b, const struct job *j, char **words)
{
	CLEANUP(freep) char *said = *words;
	CLEANUP(freep) char *hint = b->interrupted || j->timed_out ? NULL : passing_hint(j->in, j->log);

	*words = hint ? xstrfmt("%s; %s", said, hint) : xstrdup(said);
}

static int stage_ended(struct build *b, struct launch_end *end, struct err *err)
{
	CLEANUP(err_release) struct err failed = ERR_INIT;
	CLEANUP(freep) char *words = NULL;
	bool refused;
	struct job *j;

	for (j = b->jobs; j && (!j->running || j->id != end->id); j = j->next)
		;
	if (!j)
		return 0;
	j->running = false;
	b->running--;
	if (j->comparing)
		return compared(b, j, end, err);
	job_forget_seen(j);
	j->seen = end->seen;
	end->seen = NULL;
	if (job_name_log(b, j, false))
		job_tell_log(b, j, true);
	words = job_said(b, j, end->status, &refused);
	if (end->status == 0 && !j->timed_out) {
		if (!j->in->same)
			job_release_slots(b, j);
		job_submit(b, j, NULL);
		return 0;
	}
	if (!words)
		words = job_status_words(b, j, end);
	if (!refused && try_again(b, j, words)) {
		if (job_launch(b, j, &failed) == 0)
			return 0;
		free(words);
		words = xstrdup(failed.msg);
	}
	job_release_slots(b, j);
	if (!refused)
		add_hint(b, j, &words);
	job_failed(b, j, words, true, refused);
	return 0;
}

static int reap_stages(struct build *b, struct err *err)
{
	struct launch_end end;
	int got;

	while ((got = b->t->launcher->reap(b->t->launcher->ctx, &end, err)) > 0) {
		int ended = stage_ended(b, &end, err);

		launch_end_release(&end);
		if (ended < 0)
			return -1;
	}
	return got;
}

/* A step of a job that ended well so far has been done: what comes next? */
static int collected(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;

	if (j->finish.what == FINISH_PLACE_OLD && j->finish.result < 0)
		return not_compared(b, j, &j->finish.err, err);
	if (j->finish.result < 0) {
		job_release_slots(b, j);
		job_failed(b, j, j->finish.err.msg, true, false);
		return 0;
	}
	if (!b->interrupted && job_wants_comparing(j)) {
		job_resubmit(b, j, FINISH_PLACE_OLD);
		return 0;
	}
	if (j->finish.what == FINISH_PLACE_OLD)
		return !b->interrupted && job_compare(b, j, &why) < 0 ? not_compared(b, j, &why, err)
		       : b->interrupted				      ? record_result(b, j, err)
								      : 0;
	if (j->finish.what == FINISH_TAKE_OLD)
		build_note(b, j->node, "what came out has other bytes; `same` takes it for what was there, which stays");
	return record_result(b, j, err);
}

static void restore_failed(struct build *b, struct job *j)
{
	CLEANUP(freep) char *message =
		xstrfmt("%s; it runs instead", j->finish.err.msg ? j->finish.err.msg : "cannot be restored");
	size_t node = j->node;

	free(job_undo(b, j, true)); /* what was put back is in the store: nobody needs to know where it went */
	build_note(b, node, message);
	b->no_restore[node] = true;
	job_free(b, j);
	b->state[node] = QUEUED;
	queue_push(&b->queue, node);
}

static int restored(struct build *b, struct job *j, struct err *err)
{
	struct event e = build_about(b, EVENT_RESTORED, j->node);
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
		build_note(b, j->node, ignored.msg);
	if (j->finish.note.len)
		build_note(b, j->node, j->finish.note.buf);
	e.verdict = j->v;
	e.saved = j->v->found->duration;
	e.duration = tick(b) - j->began;
	b->result->restored++;
	b->result->saved = MIN(b->result->saved + MIN(e.saved, ORDER_LONGEST), ORDER_LONGEST);
	add_part(b, j->node, EVENT_RESTORED, &j->v->found->key, e.duration);
	node_good(b, j->node, true);
	build_emit(b, e);
	job_free(b, j);
	return 0;
}

static int reap_pool(struct build *b, struct err *err)
{
	struct finish *f;

	while ((f = pool_reap(b->pool))) {
		struct job *j = (struct job *)(void *)((char *)f - offsetof(struct job, finish));

		if ((f->what == FINISH_RESTORE ? restored(b, j, err) : collected(b, j, err)) < 0)
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
		if (j->running && !j->comparing)
			job_follow_log(b, j);
	e.estimate = time_left(b);
	build_emit(b, e);
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
	b->fresh = xcalloc(g->n + 1, sizeof(*b->fresh));
	if (b->p->counts[STALE_STALE] + b->p->counts[STALE_RESTORABLE]) /* otherwise nothing is ever queued */
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
	CLEANUP(freep) char *same = xstrfmt("%s/same", b->t->state_dir);

	rmdir(same);
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
	free(b->fresh);
	map_release(&b->watched);
	map_release(&b->noted);
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
		build_emit(b, build_about(b, EVENT_SKIPPED, node));
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

/* ---- what is fresh and not in the store ---- */

struct taking {
	struct build *b;
	pthread_mutex_t mutex;
};

static void take_one(void *ctx, size_t node)
{
	struct taking *t = ctx;
	const struct build *b = t->b;
	CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;

	if (!b->fresh[node])
		return;
	finish_take_in(b->t->store, b->p->g->pl, b->p->g->nodes[node].in, &b->fresh[node]->now, b->t->held, &note);
	if (!note.len)
		return;
	pthread_mutex_lock(&t->mutex);
	build_note(t->b, node, note.buf);
	pthread_mutex_unlock(&t->mutex);
}

/* A run that was killed has lost its small objects, and a clone has none of what its mlmake.lock calls fresh: they come in with
 * the next run that does something. */
static void take_in(struct build *b)
{
	struct taking t = {b, PTHREAD_MUTEX_INITIALIZER};

	if (b->opt->apart || b->interrupted || (!b->result->n_parts && !history_dirty(b->t->history)))
		return;
	pool_for(b->p->g->n, 16, b->p->g->n > 64 ? pool_cpus() : 1, take_one, &t);
}

int build_run(const struct plan *p, const struct build_tools *tools, const struct build_options *opt,
	      struct build_result *result, struct err *err)
{
	struct build b = {.p = p, .t = tools, .opt = opt, .result = result};
	struct event e = {.kind = EVENT_BEGIN, .node = SIZE_MAX, .plan = p, .jobs = opt->jobs};
	size_t i;
	int got;

	memset(result, 0, sizeof(*result));
	build_init(&b);
	build_emit(&b, e);
	for (i = 0; opt->notes && i < p->g->n; i++)
		if (opt->notes[i])
			build_note(&b, i, opt->notes[i]);
	got = run_all(&b, err);
	if (got == 0)
		skip_the_rest(&b);
	if (got == 0)
		take_in(&b);
	result->duration = tick(&b) - b.began;
	e.kind = EVENT_END;
	e.outcome = result->outcome;
	e.duration = result->duration;
	e.saved = result->saved;
	if (got == 0)
		build_emit(&b, e);
	build_release(&b);
	return got;
}

void build_result_release(struct build_result *r)
{
	free(r->parts);
	memset(r, 0, sizeof(*r));
}
