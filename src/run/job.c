/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/passing.h"
#include "run/task.h"
#include "run/watching.h"
#include "sandbox/bounds.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

/* Of commands that take hardly longer than to watch them so many instances of each stage, and so many in all, are watched in one build
 * when nothing is to be learned. */
#define WATCHED_TO_WARN 16
#define WATCHED_IN_ALL 200

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
bool job_name_log(struct build *b, struct job *j, bool last)
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

struct job *job_new(struct build *b, size_t node, const struct verdict *v)
{
	struct job *j = xcalloc(1, sizeof(*j));

	j->build = b;
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

void job_forget_seen(struct job *j)
{
	if (j->seen)
		seen_release(j->seen);
	free(j->seen);
	j->seen = NULL;
}

void job_free(struct build *b, struct job *j)
{
	struct job **at;

	for (at = &b->jobs; *at != j; at = &(*at)->next)
		;
	*at = j->next;
	free_slot(b, j);
	if (j->same_dir)
		(void)!file_remove_tree(j->same_dir, NULL); /* the next comparison does it otherwise */
	free(j->same_dir);
	if (j->tmp_dir)
		(void)!file_remove_tree(j->tmp_dir, NULL); /* likewise */
	free(j->tmp_dir);
	tail_release(&j->tail);
	aside_release(&j->aside);
	finish_release(&j->finish);
	job_forget_seen(j);
	free(j->marks);
	free(j->paths);
	free(j->log);
	if (j->task)
		task_remove(j->task);
	free(j->task);
	free(j);
}

void job_release_slots(struct build *b, struct job *j)
{
	resources_give(b->t->resources, &j->hold);
	for (; j->tokens; j->tokens--)
		jobserver_give(b->t->jobserver);
	if (j->implicit)
		b->implicit_used = j->implicit = false;
}

/* Cores and the like, and one token of the jobserver for each core but the very first. */
bool job_take_slots(struct build *b, struct job *j)
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
			job_release_slots(b, j);
			return false;
		}
		j->tokens++;
	}
	return true;
}

void job_submit(struct build *b, struct job *j, const struct record *from)
{
	j->finish = (struct finish){.what = from ? FINISH_RESTORE : FINISH_COLLECT,
				    .node = j->node,
				    .pl = b->p->g->pl,
				    .in = j->in,
				    .v = j->v,
				    .cache = b->t->cache,
				    .store = b->t->store,
				    .aside = &j->aside,
				    .from = from,
				    .marks = j->marks,
				    .seen = j->seen,
				    .normals = b->t->normals,
				    .apart = b->opt->apart,
				    .held = b->t->held,
				    .run_id = b->t->run_id,
				    .started = j->started,
				    .duration = tick(b) - j->began,
				    .err = ERR_INIT,
				    .note = STRBUF_INIT,
				    .watched = STRBUF_INIT,
				    .arena = ARENA_INIT};
	pool_submit(b->pool, finish_work, &j->finish);
}

void job_resubmit(struct build *b, struct job *j, enum finish_what what)
{
	if (!j->same_dir) {
		CLEANUP(freep) char *name = aside_file_name(j->in->name);

		j->same_dir = xstrfmt("%s/same/%s", b->t->state_dir, name);
	}
	j->finish.what = what;
	j->finish.same_dir = j->same_dir;
	pool_submit(b->pool, finish_work, &j->finish);
}

bool job_wants_comparing(const struct job *j)
{
	return j->in->same && j->finish.what == FINISH_COLLECT && j->finish.changed && j->v->last;
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

/* PYTHONPATH with the directories of the stage's environment in front; nothing if there are none. */
static void add_paths(const struct env *e, struct strvec *env)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	const char *before = getenv("PYTHONPATH");
	size_t i;

	for (i = 0; e && i < e->n_paths; i++) {
		CLEANUP(freep) char *full = absolute(e->paths[i]);

		strbuf_addf(&list, "%s%s", i ? ":" : "", full);
	}
	if (list.len)
		strvec_pushf(env, "PYTHONPATH=%s%s%s", list.buf, before && *before ? ":" : "", before ? before : "");
}

/* By its digest, so that what runs is what counts. */
static void add_image(const struct env *e, struct strvec *env)
{
	const char *reference = e ? e->image_reference : NULL;
	CLEANUP(freep) char *full = reference && e->image_file ? absolute(reference) : NULL;

	if (reference)
		strvec_pushf(env, "MLMAKE_IMAGE=%s", full ? full : reference);
	else
		strvec_push(env, "MLMAKE_IMAGE");
}

static int make_env(struct build *b, struct job *j, struct strvec *env, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(freep) char *seed = passing_seed(j->in);
	CLEANUP(freep) char *file = NULL;
	CLEANUP(freep) char *full = NULL;

	strvec_pushf(env, "MLMAKE_SEED=%s", seed);
	passing_declared(j->in->stage->env, j->in, env);
	add_image(j->in->stage->env, env);
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
	add_paths(j->in->stage->env, env);
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

/* Is this one of those that are enough to warn? The others run the same command. */
static bool is_sample(struct build *b, const struct job *j)
{
	size_t *n = map_get(&b->watched, j->in->stage->name);

	if (!n) {
		n = arena_calloc(&b->arena, sizeof(*n));
		map_put(&b->watched, j->in->stage->name, n);
	}
	if (*n >= WATCHED_TO_WARN || b->n_watched >= WATCHED_IN_ALL)
		return false;
	(*n)++;
	b->n_watched++;
	return true;
}

static enum watch_depth watch_depth(struct build *b, const struct job *j)
{
	if (j->task)
		return WATCH_NOTHING;
	switch (pipeline_watching(b->p->g->pl, j->in->stage)) {
	case WATCHING_OFF: return WATCH_NOTHING;
	case WATCHING_LEARN: return WATCH_LOOKUPS;
	case WATCHING_STRICT: return WATCH_CHANGES;
	default: break;
	}
	if (!watching_is_plain(j->in))
		return WATCH_QUESTIONS;
	return !watching_is_declared(j->in) && is_sample(b, j) ? WATCH_OPENS : WATCH_NOTHING;
}

/* What is no stage is mlmake's own work, started as a stage is. */
static int make_task(struct build *b, struct job *j, struct strbuf *cmd, struct err *err)
{
	if (!b->t->performer)
		return err_set(err, ERR_INVALID, "there is nobody here to perform it");
	if (!j->task)
		j->task = task_file(b->t->state_dir, j->in->name);
	if (task_write(j->task, &j->v->now, err) < 0)
		return -1;
	strbuf_addf(cmd, "exec %s ", b->t->performer);
	strbuf_add_shell(cmd, j->task);
	return 0;
}

/* Where a stage with bounds may write what is temporary: where everyone does, or, if the project lies there, a directory of its own,
 * which is then its TMPDIR. */
static int find_temporary(struct build *b, struct job *j, const char *root, struct strvec *env, struct strvec *out, struct err *err)
{
	static const char *const usual[] = {"/tmp", "/var/tmp"};
	const char *tmp = getenv("TMPDIR");
	CLEANUP(freep) char *full = path_join(root, tmp && *tmp ? tmp : usual[0]);
	CLEANUP(freep) char *real = realpath(full, NULL), *name = aside_file_name(j->in->name);
	CLEANUP(freep) char *log = xstrfmt("%s/log/%s.log", b->t->state_dir, name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(usual); i++)
		if (!path_is_within(root, usual[i]))
			strvec_push(out, usual[i]);
	strvec_push(out, j->log); /* /dev/stderr leads there, */
	strvec_push(out, log);    /* also when it has got its name */
	if (real && !path_is_within(root, real)) {
		strvec_push(out, full);
		return 0;
	}
	if (!j->tmp_dir)
		j->tmp_dir = xstrfmt("%s/tmp/%s", b->t->state_dir, name);
	if (file_remove_tree(j->tmp_dir, err) < 0 || file_mkdirs(j->tmp_dir, err) < 0) /* of a run that was killed */
		return -1;
	free(full);
	full = absolute(j->tmp_dir);
	strvec_push(out, full);
	strvec_pushf(env, "TMPDIR=%s", full);
	return 0;
}

static int make_rules(struct build *b, struct job *j, struct strvec *env, struct strvec *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec temporary = STRVEC_INIT;
	CLEANUP(freep) char *root = getcwd(NULL, 0), *name = aside_file_name(j->in->name);
	CLEANUP(freep) char *params = xstrfmt("%s/params/%s.json", b->t->state_dir, name);
	CLEANUP(freep) char *objects = NULL;

	if (!root)
		return err_errno(err, "cannot find out where the project is");
	if (find_temporary(b, j, root, env, &temporary, err) < 0)
		return -1;
	watching_rules(b->p->g->pl, j->in, j->v, j->in->n_params ? params : NULL, (const char *const *)temporary.v, out);
	objects = b->p->g->pl->linking == LINKING_SYMBOLIC ? store_objects_dir(b->t->store) : NULL;
	if (objects) /* where links in directories lead */
		strvec_pushf(out, "%c%s", BOUNDS_READ, objects);
	return 0;
}

int job_launch(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(strvec_release) struct strvec env = STRVEC_INIT, skip = STRVEC_INIT, rules = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf cmd = STRBUF_INIT;
	const struct stage *st = j->in->stage;
	struct launch l = {.name = j->in->name, .cmd = j->in->cmd, .prefix = st->env ? st->env->run : NULL};
	size_t i;

	for (i = 0; i < j->n_paths; i++)
		if (beneath_check(j->paths[i], err) < 0 || file_mkdirs_for(j->paths[i], err) < 0)
			return -1;
	if (st->kind != STAGE_COMMAND) {
		if (make_task(b, j, &cmd, err) < 0)
			return -1;
		l.cmd = cmd.buf;
	}
	if (!j->log)
		take_log(b, j);
	if (make_env(b, j, &env, err) < 0)
		return -1;
	l.watch = watch_depth(b, j);
	if (l.watch == WATCH_CHANGES && make_rules(b, j, &env, &rules, err) < 0)
		return -1;
	if (l.watch != WATCH_NOTHING && l.watch != WATCH_CHANGES)
		watching_skip(j->in, j->v, &skip);
	l.log = j->log;
	l.env = env.v;
	l.whole_env = st->inherits;
	l.skip = skip.v;
	l.rules = rules.v;
	job_forget_seen(j);
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

/* One command for each output that came out otherwise; all of them have to say that it is the same. */
static void compare_script(const struct job *j, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < j->finish.n_pairs; i++) {
		const struct finish_pair *p = &j->finish.pairs[i];

		strbuf_addstr(out, "MLMAKE_OLD=");
		strbuf_add_shell(out, p->old);
		strbuf_addstr(out, "\nMLMAKE_NEW=");
		strbuf_add_shell(out, j->finish.record.facts[p->fact].name);
		strbuf_addf(out, "\nexport MLMAKE_OLD MLMAKE_NEW\n(\n%s\n)\n", j->in->same);
	}
}

static char *comparing_log(const struct build *b, const struct job *j)
{
	CLEANUP(freep) char *name = aside_file_name(j->in->name);

	return xstrfmt("%s/log/%s.same.log", b->t->state_dir, name);
}

int job_compare(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(strvec_release) struct strvec env = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf script = STRBUF_INIT;
	CLEANUP(freep) char *log = comparing_log(b, j);
	const struct stage *st = j->in->stage;
	struct launch l = {.name = j->in->name, .prefix = st->env ? st->env->run : NULL, .log = log,
			   .whole_env = st->inherits};

	compare_script(j, &script);
	if (make_env(b, j, &env, err) < 0)
		return -1;
	l.cmd = script.buf;
	l.env = env.v;
	j->deadline = st->timeout ? tick(b) + st->timeout : INT64_MAX;
	j->kill_at = INT64_MAX;
	j->timed_out = false;
	if (b->t->launcher->start(b->t->launcher->ctx, &l, &j->id, err) < 0)
		return -1;
	j->comparing = j->running = true;
	b->running++;
	return 0;
}

void job_compared(struct build *b, struct job *j)
{
	CLEANUP(freep) char *log = comparing_log(b, j);
	struct stat st;

	j->comparing = false;
	if (stat(log, &st) == 0 && st.st_size == 0)
		unlink(log);
}

int job_move_aside(struct build *b, struct job *j, struct err *err)
{
	CLEANUP(freep) char *id = xstrfmt("%s-%zu", b->t->run_id, j->node);

	if (history_begin(b->t->history, j->in->name, j->paths, j->n_paths, err) < 0)
		return -1;
	j->taken = aside_take(&j->aside, b->t->state_dir, id, j->paths, j->n_paths, err) == 0;
	return j->taken ? history_writes(b->t->history, j->in->name, err) : -1;
}

/* Everything of a failed job back to how it was; returns where half-written outputs lie (owned), or NULL. */
char *job_undo(struct build *b, struct job *j, bool put_back)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	char *where = NULL;

	if (!j->taken) { /* what stands there is still as it was */
		if (!j->aside.dir && history_end(b->t->history, j->in->name, &err) < 0)
			build_note(b, j->node, err.msg);
		return NULL;
	}
	if (aside_fail(b->t->state_dir, j->in->name, j->paths, j->n_paths, &where, &err) < 0 ||
	    (put_back && history_back(b->t->history, j->in->name, &err) < 0) ||
	    (put_back && aside_put_back(&j->aside, &err) < 0) ||
	    (put_back && history_end(b->t->history, j->in->name, &err) < 0))
		build_note(b, j->node, err.msg);
	return where;
}

static void tell_line(void *ctx, const char *text, size_t n)
{
	struct build *b = ctx;
	struct progress p;
	struct event e;

	if (progress_parse(text, &p)) {
		e = build_about(b, EVENT_PROGRESS, b->told->node);
		e.done = p.done;
		e.total = p.total;
		e.text = p.text;
	} else if (b->opt->want_output) {
		e = build_about(b, EVENT_OUTPUT, b->told->node);
		e.text = text;
		e.len = n;
	} else {
		return;
	}
	build_emit(b, e);
}

void job_tell_log(struct build *b, struct job *j, bool last)
{
	b->told = j;
	tail_read(&j->tail, j->log, last, tell_line, b);
	if (last)
		tail_release(&j->tail);
}

void job_follow_log(struct build *b, struct job *j)
{
	if (job_name_log(b, j, false))
		job_tell_log(b, j, false);
}

static void tell_note(void *ctx, const char *note)
{
	struct job *j = ctx;

	build_note(j->build, j->node, note);
}

char *job_said(struct build *b, struct job *j, int status, bool *refused)
{
	char *message = NULL;

	*refused = false;
	if (!j->task || !WIFEXITED(status) || j->timed_out || b->interrupted)
		return NULL;
	task_said(j->task, &message, tell_note, j);
	*refused = WEXITSTATUS(status) == TASK_REFUSED;
	return message;
}

static char *ended_how(const struct build *b, const struct job *j, int status)
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
	if (WEXITSTATUS(status) == 126)
		return xstrdup("exit status 126: a command could not be executed; is it executable?");
	return xstrfmt("exit status %d", WEXITSTATUS(status));
}

char *job_status_words(const struct build *b, const struct job *j, const struct launch_end *end)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	struct undeclared u = UNDECLARED_INIT;
	char *how;

	if (end->unconfined)
		return xstrfmt("it was not run, since this system cannot confine it as `watch = strict` asks (%s)%s",
			       strerror(end->unconfined),
			       end->unconfined == EBUSY ? "; something watches what mlmake itself runs in" : "");
	how = ended_how(b, j, end->status);
	if (!b->interrupted && j->seen)
		watching_refused(j->seen, &u);
	watching_words(j->in->stage, &u, false, &words);
	undeclared_release(&u);
	if (words.len) {
		strbuf_addf(&words, " (%s)", how);
		free(how);
		how = xstrdup(words.buf);
	}
	return how;
}
