/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/past.h"

#include <stdlib.h>
#include <string.h>

#include "back/snapshot.h"
#include "lifecycle/registry.h"
#include "params/metrics_file.h"
#include "stale/lockfile.h"
#include "util/map.h"

#define RECORDS_LIMIT ((size_t)1 << 30)

/* What was read already: runs do not change. */
struct past_memory {
	struct arena arena;
	struct map snapshots; /* word -> struct snapshot */
	struct map gates;     /* "RUN INSTANCE" -> struct record; one without facts: there is none */
};

static struct past_memory *memory_of(struct lifecycle *lc)
{
	if (!lc->memory) {
		lc->memory = xcalloc(1, sizeof(*lc->memory));
		*lc->memory = (struct past_memory){ARENA_INIT, MAP_INIT, MAP_INIT};
	}
	return lc->memory;
}

void past_forget(struct lifecycle *lc)
{
	struct past_memory *m = lc->memory;
	struct map_slot *slot;
	size_t i = 0;

	if (!m)
		return;
	while ((slot = map_next(&m->snapshots, &i))) {
		snapshot_release(slot->value);
		free(slot->value);
	}
	map_release(&m->snapshots);
	map_release(&m->gates);
	arena_release(&m->arena);
	free(m);
	lc->memory = NULL;
}

static struct snapshot_tools tools_of(const struct lifecycle *lc)
{
	return (struct snapshot_tools){lc->repo, lc->db, lc->lineage, lc->store};
}

static const struct snapshot *find_snapshot(struct lifecycle *lc, const char *word, struct err *err)
{
	struct past_memory *m = memory_of(lc);
	struct snapshot_tools t = tools_of(lc);
	struct snapshot *s = map_get(&m->snapshots, word);

	if (s)
		return s;
	s = xmalloc(sizeof(*s));
	*s = (struct snapshot)SNAPSHOT_INIT;
	if (snapshot_find(s, &t, word, err) < 0) {
		snapshot_release(s);
		free(s);
		return NULL;
	}
	map_put(&m->snapshots, arena_strdup(&m->arena, word), s);
	return s;
}

static int find_past(struct lifecycle *lc, const char *word, struct past *out, struct err *err)
{
	out->snap = find_snapshot(lc, word, err);
	if (!out->snap)
		return -1;
	out->name = out->snap->name;
	return 0;
}

int past_run(struct lifecycle *lc, const struct run *run, struct past *out, struct err *err)
{
	return find_past(lc, run->id, out, err);
}

/* ---- production ---- */

static bool comes_after(const struct instance *in, const struct instance *gate)
{
	size_t i;

	for (i = 0; i < in->n_after && in->after[i] != gate->stage; i++)
		;
	return i < in->n_after;
}

/* The deploy that the gate lets through and that shipped last; NULL: of any. *none: there are such deploys, and nothing of them is there. */
static const char *deploy_of(struct lifecycle *lc, const struct instance *gate, struct registry *r, bool *none)
{
	const struct release *live = NULL;
	const char *name = NULL;
	size_t i;

	*none = false;
	for (i = 0; i < lc->pl->n_instances; i++) {
		const struct instance *in = lc->pl->instances[i];
		const char *deploy = in->stage->kind == STAGE_DEPLOY ? strchr(in->stage->name, ':') + 1 : NULL;
		const struct release *there = deploy && comes_after(in, gate) ? registry_live(r, deploy, REGISTRY_PRODUCTION) : NULL;

		*none |= deploy && comes_after(in, gate);
		if (there && (!live || there->when >= live->when)) {
			live = there;
			name = deploy;
		}
	}
	*none &= !live;
	return name;
}

/* Did the instances that the gate judges have the very metrics then that they have now? */
static bool is_judged(const struct past *p, const struct gate_rules *rules, const struct record *now)
{
	size_t i, j;

	for (i = 0; i < rules->n_of; i++) {
		const struct instance *in = rules->of[i];
		const struct record *then = snapshot_record(p->snap, in->name);

		for (j = 0; j < in->n_outs; j++) {
			const char *path = in->outs[j].path;
			const struct record_fact *is = record_find(now, FACT_DATA, path);
			const struct record_fact *was = then ? record_find(then, FACT_METRICS, path) : NULL;

			if (in->outs[j].kind == OUTPUT_METRICS && !(is && was && content_eq(&is->content, &was->content)))
				return false;
		}
	}
	return true;
}

static int take_release(struct lifecycle *lc, const struct release *r, struct past *out, struct err *err)
{
	char hex[GIT_ID_HEX + 1];

	git_id_hex(&r->commit, hex);
	return find_past(lc, r->run ? r->run : hex, out, err) < 0 ? err_wrap(err, "what '%s' names", r->tag) : 0;
}

int past_release(struct lifecycle *lc, const struct instance *gate, struct registry *r,
		 int (*is_itself)(void *ctx, const struct release *live, struct err *err), void *ctx, const struct release **out, struct err *err)
{
	const char *deploy;
	bool none;
	int got;

	deploy = deploy_of(lc, gate, r, &none);
	*out = none ? NULL : registry_live(r, deploy, REGISTRY_PRODUCTION);
	if (!*out)
		return 0;
	got = is_itself(ctx, *out, err);
	if (got > 0)
		*out = registry_before(r, (*out)->name, REGISTRY_PRODUCTION);
	return got < 0 ? -1 : *out != NULL;
}

struct judging {
	struct lifecycle *lc;
	const struct gate_rules *rules;
	const struct record *now;
};

static int has_these_metrics(void *ctx, const struct release *live, struct err *err)
{
	const struct judging *j = ctx;
	struct past p;

	return take_release(j->lc, live, &p, err) < 0 ? -1 : is_judged(&p, j->rules, j->now);
}

int past_production(struct lifecycle *lc, const struct instance *gate, const struct gate_rules *rules, const struct record *now,
		    struct past *out, struct err *err)
{
	struct judging j = {lc, rules, now};
	struct registry r = REGISTRY_INIT;
	const struct release *there;
	int got = registry_read_all(&r, lc->db, lc->repo->prefix ? lc->repo->prefix : "", err);

	if (got == 0)
		got = past_release(lc, gate, &r, has_these_metrics, &j, &there, err);
	if (got > 0 && take_release(lc, there, out, err) < 0)
		got = -1;
	registry_release(&r);
	return got;
}

int past_live(struct lifecycle *lc, struct past *out, struct err *err)
{
	const struct release *live;
	struct registry r = REGISTRY_INIT;
	int got = registry_read_all(&r, lc->db, lc->repo->prefix ? lc->repo->prefix : "", err);

	live = got == 0 ? registry_live(&r, NULL, REGISTRY_PRODUCTION) : NULL;
	if (live)
		got = take_release(lc, live, out, err) < 0 ? -1 : 1;
	registry_release(&r);
	return got;
}

/* ---- what passed ---- */

struct finding {
	const char *instance;
	struct arena *a;
	struct record found; /* in a; without facts: none */
};

static int take_block(void *ctx, const struct lock_block *b, struct err *err)
{
	struct finding *f = ctx;

	if (!streq(b->record->instance, f->instance))
		return 0;
	return record_parse(b->text, b->len, f->a, &f->found, err);
}

/* The record that the gate left in the run; NULL if it left none that can be read. Those of the others may be many, in many runs. */
static const struct record *gate_record(struct lifecycle *lc, const struct run *run, const char *instance)
{
	struct past_memory *m = memory_of(lc);
	CLEANUP(freep) char *key = xstrfmt("%s %s", run->id, instance);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena scratch = ARENA_INIT;
	struct finding f = {.instance = instance, .a = &m->arena};
	struct record *known = map_get(&m->gates, key);

	if (!known) {
		if (lineage_file(lc->lineage, run, "records", RECORDS_LIMIT, &text, NULL) == 0)
			(void)!lockfile_read("records", text.buf, text.len, true, &scratch, take_block, &f, NULL);
		known = arena_alloc(&m->arena, sizeof(*known));
		*known = f.found;
		map_put(&m->gates, arena_strdup(&m->arena, key), known);
	}
	return known->n_facts ? known : NULL;
}

static bool passed(const struct run *run, const char *instance)
{
	size_t i;

	for (i = 0; i < run->n_parts; i++)
		if (streq(run->parts[i].name, instance) && streq(run->parts[i].result, "done"))
			return true;
	return false;
}

static bool same_inputs(const struct record *a, const struct record *b)
{
	size_t i, n = 0, m = 0;

	for (i = 0; i < a->n_facts; i++) {
		const struct record_fact *f = &a->facts[i], *other = record_find(b, f->kind, f->name);

		if (f->kind != FACT_DATA)
			continue;
		if (!other || !content_eq(&other->content, &f->content))
			return false;
		n++;
	}
	for (i = 0; i < b->n_facts; i++)
		m += b->facts[i].kind == FACT_DATA;
	return n == m;
}

int past_passing(struct lifecycle *lc, const struct instance *gate, const struct record *now, const struct passing **v, size_t *n,
		 struct err *err)
{
	const char *prefix = lc->repo->prefix ? lc->repo->prefix : "";
	struct past_memory *m = memory_of(lc);
	struct passing *found = NULL;
	const struct run *runs;
	size_t i, n_runs;

	*n = 0;
	if (lineage_runs(lc->lineage, &runs, &n_runs, err) < 0)
		return -1;
	for (i = n_runs; i-- > 0;) {
		const struct record *then;

		if (!streq(runs[i].project ? runs[i].project : "", prefix) || !passed(&runs[i], gate->name))
			continue;
		then = gate_record(lc, &runs[i], gate->name);
		if (!then || same_inputs(then, now))
			continue;
		found = arena_grow(&m->arena, found, *n, sizeof(*found));
		found[(*n)++] = (struct passing){&runs[i], then};
	}
	*v = found;
	return 0;
}

/* ---- metrics ---- */

static int read_metrics(struct lifecycle *lc, const struct past *p, const struct record_fact *f, struct metrics *m, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct snapshot_tools t = tools_of(lc);

	if (snapshot_bytes(p->snap, &t, f, METRICS_LIMIT, &text, err) < 0)
		return -1;
	return metrics_parse(m, f->name, text.buf, text.len, err) < 0 ? err_wrap_file(err, f->name) : 0;
}

int past_metric(struct lifecycle *lc, const struct past *p, const char *instance, const char *metric, double *x, struct err *err)
{
	const struct record *r = snapshot_record(p->snap, instance);
	const struct metric *found = NULL;
	struct metrics m = METRICS_INIT;
	int got = 0;
	size_t i;

	if (!r)
		return err_set(err, ERR_NOTFOUND, "%s has no '%s'", p->name, instance);
	for (i = 0; got == 0 && !found && i < r->n_facts; i++) {
		if (r->facts[i].kind != FACT_METRICS)
			continue;
		got = read_metrics(lc, p, &r->facts[i], &m, err);
		found = got == 0 ? metrics_find(&m, metric) : NULL;
	}
	if (got < 0)
		err_wrap(err, "%s", p->name);
	else if (!found)
		got = err_set(err, ERR_NOTFOUND, "%s has no '%s' of '%s'", p->name, metric, instance);
	else if (!found->is_number)
		got = err_set(err, ERR_INVALID, "'%s' of %s is no number: %s", metric, p->name, found->text);
	else
		*x = found->x;
	metrics_release(&m);
	return got;
}
