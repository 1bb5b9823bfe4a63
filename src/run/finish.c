/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/finish.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env/environment.h"
#include "params/metrics_file.h"
#include "run/normal.h"
#include "run/watching.h"
#include "stale/learned.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

/* Files up to this many bytes are kept though somebody else has them, so that a later `why` can show the lines that changed. */
#define KEEP_BYTES 65536
/* A stage that took so long (nanoseconds) is worth looking at every file of its environment again. */
#define THOROUGH INT64_C(1000000000)

uint64_t *finish_mark_inputs(struct statcache *cache, const struct record *r)
{
	uint64_t *marks = xcalloc(r->n_facts + 1, sizeof(*marks));
	size_t i;

	for (i = 0; i < r->n_facts; i++)
		if (fact_is_input_file(r->facts[i].kind))
			marks[i] = statcache_written(cache, r->facts[i].name, true, &r->facts[i].content);
	return marks;
}

static int check_inputs(struct finish *f)
{
	const struct record *now = &f->v->now;
	size_t i;

	for (i = 0; i < now->n_facts; i++) {
		const struct record_fact *was = &now->facts[i];
		struct content is;

		if (!fact_is_input_file(was->kind))
			continue;
		if (statcache_content(f->cache, was->name, true, &is, &f->err) < 0)
			return -1;
		if (!content_eq(&is, &was->content)) {
			store_doubt(f->store, &was->content); /* of which it may be a link */
			return err_set(&f->err, ERR_MOVED,
				       "'%s' changed while it ran, so its result is not recorded; run mlmake again, "
				       "unless the stage writes to it itself: then it is an output",
				       was->name);
		}
		if (f->marks && f->marks[i] && f->marks[i] != statcache_written(f->cache, was->name, true, &is))
			return err_set(&f->err, ERR_MOVED,
				       "'%s' was written to while it ran, and what of it was read is not known, so its "
				       "result is not recorded; run mlmake again", was->name);
	}
	return 0;
}

/* What an installer writes is always looked at, all that is installed only where that is little beside what the stage took. */
static int check_environment(struct finish *f)
{
	const char *moved = environment_moved(f->in->stage->env, f->cache, f->duration >= THOROUGH);

	if (!moved)
		return 0;
	return err_set(&f->err, ERR_MOVED, "%s was changed or installed anew since mlmake looked at [env %s], so its result is not recorded; run "
		       "mlmake again", moved, f->in->stage->env->name);
}

static int check_params(struct finish *f)
{
	const char *moved = pipeline_param_moved(f->pl, f->in);

	if (!moved)
		return 0;
	return err_set(&f->err, ERR_MOVED,
		       "parameter '%s' changed while it ran, and it may have read either value, so its result is not "
		       "recorded; run mlmake again", moved);
}

static int take_output(struct finish *f, struct record_fact *fact)
{
	struct content c;
	int got;

	if (beneath_check(fact->name, &f->err) < 0)
		return -1;
	if (f->in->stage->cache == CACHE_NO || f->apart)
		got = statcache_content(f->cache, fact->name, false, &c, &f->err);
	else
		got = store_put(f->store, fact->name, &c, &f->err);
	if (got < 0 && f->err.code != ERR_NOTFOUND)
		return err_wrap(&f->err, "output '%s'", fact->name);
	if (got < 0 || c.kind == CONTENT_NONE)
		return err_set(&f->err, ERR_FAILED, "its command succeeded and did not make '%s'", fact->name);
	fact->content = c;
	return 0;
}

static void add_note(struct strbuf *note, const struct err *err, const char *path)
{
	strbuf_addf(note, "%s'%s' cannot be kept in the store: %s", note->len ? "; " : "", path, err->msg);
}

static int read_metrics(const struct record_fact *fact, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct metrics m = METRICS_INIT;
	int got;

	if (fact->content.kind == CONTENT_DIR)
		return err_set(err, ERR_INVALID, "it is a directory");
	if (fact->content.size > (int64_t)METRICS_LIMIT) {
		text_add_size(&text, fact->content.size);
		return err_set(err, ERR_INVALID, "it has %s, and no more than %zu KiB are read", text.buf, METRICS_LIMIT >> 10);
	}
	if (file_read(fact->name, METRICS_LIMIT, &text, err) < 0)
		return -1;
	got = metrics_parse(&m, fact->name, text.buf, text.len, err);
	metrics_release(&m);
	return got;
}

/* A gate would refuse for it, and that may be hours from now. */
static void look_at_metrics(struct finish *f, const struct record_fact *fact)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (fact->kind != FACT_METRICS || read_metrics(fact, &err) == 0)
		return;
	strbuf_addf(&f->note, "%s'%s' holds no metrics that can be read: ", f->note.len ? "; " : "", fact->name);
	if (isdigit((unsigned char)*err.msg)) /* a line */
		strbuf_addf(&f->note, "%s:", fact->name);
	strbuf_addstr(&f->note, err.msg);
}

static bool is_kept(const struct pipeline *pl, const struct input *input, const struct content *c, const struct map *held)
{
	if (!input->keep)
		return false;
	if (!pipeline_maker(pl, input->path) && !(held && map_get(held, input->path)))
		return true;
	return c->size <= KEEP_BYTES && (c->kind == CONTENT_FILE || c->kind == CONTENT_EXEC);
}

int finish_keep_inputs(struct store *st, const struct pipeline *pl, const struct instance *in, const struct record *now,
		       const struct map *held, struct strbuf *note, struct err *err)
{
	size_t i;

	for (i = 0; i < in->n_inputs; i++) {
		CLEANUP(err_release) struct err failed = ERR_INIT;
		enum fact_kind kind = in->inputs[i].kind == INPUT_DATA   ? FACT_DATA
				      : in->inputs[i].kind == INPUT_CODE ? FACT_CODE
									 : FACT_LOCK;
		const struct record_fact *fact = record_find(now, kind, in->inputs[i].path);

		if (!fact || !is_kept(pl, &in->inputs[i], &fact->content, held) ||
		    store_put_input(st, fact->name, &fact->content, &failed) == 0)
			continue;
		if (failed.code == ERR_MOVED)
			return err_move(err, &failed);
		add_note(note, &failed, fact->name);
	}
	return 0;
}

void finish_take_in(struct store *st, const struct pipeline *pl, const struct instance *in, const struct record *now,
		    const struct map *held, struct strbuf *note)
{
	CLEANUP(err_release) struct err moved = ERR_INIT;
	size_t i;

	for (i = 0; i < now->n_facts && in->stage->cache != CACHE_NO; i++) {
		CLEANUP(err_release) struct err failed = ERR_INIT;
		const struct record_fact *fact = &now->facts[i];

		if (fact_is_output(fact->kind) && store_put_known(st, fact->name, &fact->content, &failed) < 0)
			add_note(note, &failed, fact->name);
	}
	if (finish_keep_inputs(st, pl, in, now, held, note, &moved) < 0)
		strbuf_addf(note, "%s%s", note->len ? "; " : "", moved.msg);
}

static bool recorded(const struct record *r, const struct record_fact *fact)
{
	const struct record_fact *was = r ? record_find(r, fact->kind, fact->name) : NULL;

	return was && content_eq(&was->content, &fact->content);
}

/* What stood at an output before and the store does not hold is kept: a person made it, or a run that was killed before all it had made
 * was in the store. */
static int save_aside(struct finish *f)
{
	size_t i, j;

	for (i = 0; i < f->aside->n; i++) {
		CLEANUP(freep) char *where = aside_where(f->aside, i);
		struct content c;

		for (j = 0; where && j < f->v->now.n_facts; j++) {
			const struct record_fact *fact = &f->v->now.facts[j];

			if (!fact_is_output(fact->kind) || !streq(fact->name, f->aside->paths[i]))
				continue;
			if ((recorded(f->v->last, fact) && f->in->stage->cache == CACHE_NO) ||
			    store_has(f->store, &fact->content))
				break;
			if (store_put(f->store, where, &c, &f->err) < 0)
				return err_wrap(&f->err, "cannot keep what stood at '%s'", fact->name);
			if (recorded(f->v->last, fact) || !content_eq(&c, &fact->content)) /* a link to an object that was damaged */
				break;
			strbuf_addf(&f->note, "%s'%s' was not as any run left it; that version is kept in the store as ",
				    f->note.len ? "; " : "", fact->name);
			store_tell_where(f->store, &c.id, &f->note);
			break;
		}
	}
	return 0;
}

/* What it holds now it held when it was read if nobody has written to it since the stage started. (Of the time stamps of a file the
 * last few milliseconds do not tell.) */
static int learn_read(struct finish *f, const char *path, struct record_fact *out)
{
	struct stat st;

	*out = (struct record_fact){.kind = FACT_DATA, .name = arena_strdup(&f->arena, path), .by = INPUT_LEARNED};
	if (statcache_content(f->cache, path, true, &out->content, &f->err) < 0)
		return err_wrap(&f->err, "which it was seen to read");
	if (stat(path, &st) == 0 && (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec > f->started)
		return err_set(&f->err, ERR_MOVED,
			       "'%s', which it was seen to read, changed while it ran, so its result is not recorded; run mlmake again, "
			       "unless a stage writes it: then it is an output of that", path);
	return 0;
}

/* The record says what the stage was seen to depend on, and no longer what it was seen to depend on before. */
static int learn(struct finish *f, const struct undeclared *u)
{
	size_t n = f->record.n_facts + u->read.n + u->listed.n + u->missing.n, kept = 0, i;
	struct record_fact *facts = arena_alloc(&f->arena, (n + 1) * sizeof(*facts));

	for (i = 0; i < f->record.n_facts; i++) {
		const struct record_fact *fact = &f->record.facts[i];

		if (!learned_is(fact) && !learned_about(fact))
			facts[kept++] = *fact;
	}
	for (i = 0; i < u->read.n; i++)
		if (learn_read(f, u->read.v[i], &facts[kept++]) < 0)
			return -1;
	for (i = 0; i < u->listed.n; i++)
		facts[kept++] = learned_names(f->pl, &pipeline_disk_system, u->listed.v[i], &f->arena);
	for (i = 0; i < u->missing.n; i++)
		facts[kept++] = learned_there(&pipeline_disk_system, u->missing.v[i], &f->arena);
	f->record.facts = facts;
	f->record.n_facts = kept;
	record_sort(&f->record);
	record_key(&f->record, &f->record.key);
	return 0;
}

/* What the record of today's inputs had learned already is no news. */
static void drop_known(struct strvec *v, const struct record *now, enum fact_kind kind, const char *prefix)
{
	size_t i, n = 0;

	for (i = 0; i < v->n; i++) {
		CLEANUP(freep) char *name = xstrfmt("%s%s", prefix, v->v[i]);

		if (record_find(now, kind, name))
			free(v->v[i]);
		else
			v->v[n++] = v->v[i];
	}
	v->n = n;
	if (v->v)
		v->v[n] = NULL;
}

/* What a stage was refused it may have done without, and what it left behind somebody else may come to read: neither is a result. */
static int judge_bounded(struct finish *f, const struct undeclared *u)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	watching_words(f->in->stage, u, false, &words);
	if (u->read.n || u->written.n || u->changed.n)
		return err_set(&f->err, ERR_FAILED, "%s", words.buf);
	strbuf_add(&f->watched, words.buf, words.len);
	if (!(f->seen->blind & ~(unsigned)BLIND_PRIVILEGE))
		return learn(f, u);
	strbuf_clear(&words);
	watching_blind_words(f->seen, &words);
	return err_set(&f->err, ERR_FAILED, "%s, so that `watch = strict` cannot hold", words.buf);
}

static void keep_absent(struct finish *f, const struct undeclared *u)
{
	size_t i;

	f->record.absent = arena_alloc(&f->arena, (u->missing.n + 1) * sizeof(*f->record.absent));
	for (i = 0; i < u->missing.n; i++)
		f->record.absent[i] = arena_strdup(&f->arena, u->missing.v[i]);
	f->record.n_absent = i;
}

static int judge_seen(struct finish *f)
{
	struct undeclared u = UNDECLARED_INIT;
	enum watching how = pipeline_watching(f->pl, f->in->stage);
	int got = 0;

	if (!f->seen || f->seen->blind & BLIND_UNWATCHED)
		return 0;
	watching_find(f->pl, f->in, f->seen, &u);
	if (how == WATCHING_LEARN) {
		got = learn(f, &u);
		drop_known(&u.read, &f->v->now, FACT_DATA, "");
		drop_known(&u.listed, &f->v->now, FACT_ENV, "[names] ");
	}
	if (how == WATCHING_WARN)
		keep_absent(f, &u);
	if (how == WATCHING_STRICT)
		got = judge_bounded(f, &u);
	else
		watching_words(f->in->stage, &u, how == WATCHING_LEARN, &f->watched);
	undeclared_release(&u);
	return got;
}

/* Files that were learned are kept like declared ones. */
static int keep_learned(struct finish *f)
{
	struct input x = {.kind = INPUT_DATA, .keep = true, .by = INPUT_LEARNED};
	struct instance in = *f->in;
	size_t i;

	in.inputs = &x;
	in.n_inputs = 1;
	for (i = 0; i < f->record.n_facts; i++) {
		if (!learned_is(&f->record.facts[i]))
			continue;
		x.path = f->record.facts[i].name;
		if (finish_keep_inputs(f->store, f->pl, &in, &f->record, f->held, &f->note, &f->err) < 0)
			return -1;
	}
	return 0;
}

static int collect(struct finish *f)
{
	const struct record *now = &f->v->now;
	size_t i;

	if (check_inputs(f) < 0 || check_params(f) < 0 || check_environment(f) < 0)
		return -1;
	f->record = *now;
	f->record.facts = arena_alloc(&f->arena, (now->n_facts + 2) * sizeof(*now->facts));
	memcpy(f->record.facts, now->facts, now->n_facts * sizeof(*now->facts));
	for (i = 0; i < now->n_facts; i++) {
		struct record_fact *fact = &f->record.facts[i];

		if (!fact_is_output(fact->kind))
			continue;
		if (take_output(f, fact) < 0)
			return -1;
		look_at_metrics(f, fact);
		f->changed |= !recorded(f->v->last, fact);
	}
	f->record.run = f->run_id;
	f->record.started = f->started;
	f->record.duration = f->duration;
	if (f->in->stage->is_source)
		record_name_brought(&f->record, &f->arena);
	if (judge_seen(f) < 0)
		return -1;
	if (f->apart)
		return 0;
	if (finish_keep_inputs(f->store, f->pl, f->in, now, f->held, &f->note, &f->err) < 0)
		return -1;
	return keep_learned(f);
}

/* What filters make of r's outputs, for those that are decided on next. */
static int learn_normal_forms(struct finish *f, const struct record *r)
{
	size_t i;

	for (i = 0; f->normals && i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind) &&
		    normals_learn_output(f->normals, f->in, r->facts[i].name, &r->facts[i].content, &f->note, &f->err) < 0)
			return -1;
	return 0;
}

static int restore(struct finish *f)
{
	size_t i, j;

	for (i = 0; i < f->from->n_facts; i++) {
		const struct record_fact *fact = &f->from->facts[i];

		for (j = 0; fact_is_output(fact->kind) && j < f->aside->n; j++) {
			CLEANUP(freep) char *old = aside_where(f->aside, j);

			if (streq(f->aside->paths[j], fact->name) &&
			    store_place(f->store, &fact->content, fact->name, old, &f->err) < 0)
				return err_wrap(&f->err, "cannot put back '%s'", fact->name);
		}
	}
	return 0;
}

static char *absolute(const char *path)
{
	CLEANUP(freep) char *cwd = path_is_absolute(path) ? NULL : getcwd(NULL, 0);

	return cwd ? path_join(cwd, path) : xstrdup(path);
}

static int place_old(struct finish *f)
{
	CLEANUP(freep) char *dir = absolute(f->same_dir);
	size_t i;

	if (file_remove_tree(f->same_dir, &f->err) < 0) /* of a run that was killed */
		return -1;
	f->pairs = arena_alloc(&f->arena, (f->record.n_facts + 1) * sizeof(*f->pairs));
	f->n_pairs = 0;
	for (i = 0; i < f->record.n_facts; i++) {
		const struct record_fact *is = &f->record.facts[i], *was;

		if (!fact_is_output(is->kind) || recorded(f->v->last, is))
			continue;
		was = record_find(f->v->last, is->kind, is->name);
		if (!was)
			return err_set(&f->err, ERR_NOTFOUND, "'%s' was no output before", is->name);
		f->pairs[f->n_pairs] = (struct finish_pair){i, arena_fmt(&f->arena, "%s/%zu/%s", dir, i, path_base(is->name))};
		if (store_place(f->store, &was->content, f->pairs[f->n_pairs++].old, NULL, &f->err) < 0)
			return -1;
	}
	return 0;
}

/* A kill in between leaves the stage unended, and what was before it is put back. */
static int take_old(struct finish *f)
{
	struct record *r = &f->record;
	size_t i;

	r->taken = arena_alloc(&f->arena, (f->n_pairs + 1) * sizeof(*r->taken));
	for (i = 0; i < f->n_pairs; i++) {
		struct record_fact *fact = &r->facts[f->pairs[i].fact];
		const struct record_fact *was = record_find(f->v->last, fact->kind, fact->name);

		if (file_remove_tree(fact->name, &f->err) < 0 || store_place(f->store, &was->content, fact->name, NULL, &f->err) < 0)
			return -1;
		r->taken[r->n_taken++] = *fact;
		fact->content = was->content;
	}
	f->changed = false;
	if (f->in->stage->is_source)
		record_name_brought(r, &f->arena);
	return 0;
}

void finish_work(void *task)
{
	struct finish *f = task;

	switch (f->what) {
	case FINISH_COLLECT: f->result = collect(f); break;
	case FINISH_RESTORE: f->result = restore(f); break;
	case FINISH_PLACE_OLD: f->result = place_old(f); return;
	case FINISH_TAKE_OLD: f->result = take_old(f); return;
	}
	if (f->result == 0 && !f->apart)
		f->result = save_aside(f);
	if (f->result == 0)
		f->result = learn_normal_forms(f, f->what == FINISH_COLLECT ? &f->record : f->from);
}

void finish_release(struct finish *f)
{
	err_release(&f->err);
	strbuf_release(&f->note);
	strbuf_release(&f->watched);
	arena_release(&f->arena);
}

size_t finish_to_restore(const struct verdict *v, const struct record *r, const struct instance *in, const char **paths)
{
	static const enum fact_kind kinds[] = {
		[OUTPUT_OUTS] = FACT_OUTS, [OUTPUT_METRICS] = FACT_METRICS, [OUTPUT_PLOTS] = FACT_PLOTS};
	size_t i, n = 0;

	for (i = 0; i < in->n_outs; i++) {
		const struct record_fact *is = record_find(&v->now, kinds[in->outs[i].kind], in->outs[i].path);

		if (!is || !recorded(r, is))
			paths[n++] = in->outs[i].path;
	}
	return n;
}
