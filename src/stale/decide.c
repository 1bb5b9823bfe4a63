/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/decide.h"

#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "stale/learned.h"
#include "util/path.h"

const char *stale_state_name(enum stale_state s)
{
	static const char *const names[] = {"fresh", "restorable", "stale", "frozen"};

	return names[s];
}

static const char *const reason_names[] = {"new", "data", "code", "param", "env", "command", "value", "output", "upstream", "forced"};

const char *reason_kind_name(enum reason_kind k)
{
	return reason_names[k];
}

bool reason_kind_of(const char *name, enum reason_kind *out)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(reason_names); k++)
		if (streq(reason_names[k], name)) {
			*out = (enum reason_kind)k;
			return true;
		}
	return false;
}

/* A decision under way. */
struct decision {
	const struct instance *in;
	const struct world *w;
	struct arena *a;
	struct verdict *v;
	size_t room, n_links; /* of facts, not counting those of links */
};

static void add_reason(struct decision *d, struct reason r)
{
	struct verdict *v = d->v;

	v->reasons = arena_grow(d->a, v->reasons, v->n_reasons, sizeof(*v->reasons));
	v->reasons[v->n_reasons++] = r;
}

static struct record_fact *add_fact(struct verdict *v, enum fact_kind kind, const char *name, const char *value)
{
	struct record_fact *f = &v->now.facts[v->now.n_facts++];

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->name = name;
	f->value = value;
	return f;
}

static void add_upstream(struct decision *d, const struct instance *maker)
{
	size_t i;

	for (i = 0; i < d->v->n_reasons; i++)
		if (d->v->reasons[i].kind == REASON_UPSTREAM && streq(d->v->reasons[i].name, maker->name))
			return;
	add_reason(d, (struct reason){.kind = REASON_UPSTREAM, .name = maker->name});
}

/* A link that leads out of a directory that is an input. */
struct link_out {
	struct decision *d;
	enum fact_kind kind;
};

/* The fact of a link comes in addition to those that there is room for. */
static struct record_fact *add_link_fact(struct decision *d, enum fact_kind kind, const char *name)
{
	struct record *now = &d->v->now;
	struct record_fact *facts;

	if ((d->n_links & (d->n_links + 1)) == 0) { /* 0, 1, 3, 7 ...: as many again */
		facts = arena_alloc(d->a, (d->room + 2 * d->n_links + 1) * sizeof(*facts));
		memcpy(facts, now->facts, now->n_facts * sizeof(*facts));
		now->facts = facts;
	}
	d->n_links++;
	return add_fact(d->v, kind, name, NULL);
}

/* What a stage reads through the link is an input, too. One that leads to nothing that can be read is not read. */
static int look_at_link(void *to, const char *link)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	const struct link_out *l = to;
	const struct instance *maker = NULL;
	struct decision *d = l->d;
	struct content c;
	size_t i;
	int got;

	for (i = 0; i < d->in->n_inputs; i++)
		if (streq(d->in->inputs[i].path, link))
			return 0;
	got = d->w->content(d->w->ctx, link, true, &c, &maker, &ignored);
	if (got > 0) {
		d->v->pending = true;
		add_upstream(d, maker);
	} else if (got == 0 && c.kind != CONTENT_NONE) {
		add_link_fact(d, l->kind, arena_strdup(d->a, link))->content = c;
	}
	return 0;
}

/* Is it code that the stage wants to be taken by its bytes? Then a directory that may hold such code, too. */
static bool is_exact(const struct stage *st, const char *path, const struct content *c)
{
	size_t i;

	for (i = 0; i < st->n_exact; i++)
		if (c->kind == CONTENT_DIR || glob_match(st->exact[i], path))
			return true;
	return false;
}

static const struct normal *filter_of(const struct decision *d, const struct record_fact *f)
{
	bool learned = f->by && streq(f->by, INPUT_LEARNED); /* what was only seen to be read is taken as it is */

	return learned || !fact_is_input_file(f->kind) ? NULL : pipeline_normal(d->in->stage, f->name);
}

/* An input as it is on disk: code by what it says, and whatever there is a filter for by what that prints. */
static void describe(struct decision *d, struct record_fact *f, const struct content *c, const char *by)
{
	const struct normal *filter;

	f->content = *c;
	f->by = by;
	filter = filter_of(d, f);
	if (!d->w->meaning || !(filter || f->kind == FACT_CODE) || (f->kind == FACT_CODE && is_exact(d->in->stage, f->name, c)))
		return;
	f->has_meaning = d->w->meaning(d->w->ctx, f->name, c, filter, &f->meaning);
	f->unfiltered = filter && !f->has_meaning && (c->kind == CONTENT_FILE || c->kind == CONTENT_EXEC);
}

/* What code brings in by now. A file that is gone again brings in nothing. */
static void look_at_import(void *to, const struct input *x)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	const struct instance *maker = NULL;
	struct decision *d = to;
	struct content c;

	if (d->w->content(d->w->ctx, x->path, true, &c, &maker, &ignored) == 0 && c.kind != CONTENT_NONE)
		describe(d, add_link_fact(d, FACT_CODE, arena_strdup(d->a, x->path)), &c,
			 x->by ? arena_strdup(d->a, x->by) : NULL);
}

static int look_at_input(struct decision *d, const struct input *ip, struct err *err)
{
	static const enum fact_kind kinds[] = {
		[INPUT_DATA] = FACT_DATA, [INPUT_CODE] = FACT_CODE, [INPUT_LOCK] = FACT_LOCK};
	const struct instance *maker = NULL;
	struct record_fact *f;
	struct content c;
	int got = d->w->content(d->w->ctx, ip->path, true, &c, &maker, err);

	if (got < 0)
		return err_wrap(err, "%s:%d: stage '%s'", ip->at.file, ip->at.line, d->in->name);
	if (got > 0) {
		d->v->pending = true;
		add_upstream(d, maker);
		return 0;
	}
	if (c.kind == CONTENT_NONE && !(ip->by && streq(ip->by, INPUT_LEARNED)))
		return err_set(err, ERR_NOTFOUND, "%s:%d: stage '%s' needs '%s', which is not there and no stage makes it",
			       ip->at.file, ip->at.line, d->in->name, ip->path);
	f = add_fact(d->v, kinds[ip->kind], ip->path, NULL);
	describe(d, f, &c, ip->by);
	if (c.kind != CONTENT_DIR || !d->w->links)
		return 0;
	return d->w->links(d->w->ctx, ip->path, &c, look_at_link, &(struct link_out){d, kinds[ip->kind]});
}

static int look_at_output(struct decision *d, const struct output *op, struct err *err)
{
	static const enum fact_kind kinds[] = {
		[OUTPUT_OUTS] = FACT_OUTS, [OUTPUT_METRICS] = FACT_METRICS, [OUTPUT_PLOTS] = FACT_PLOTS};
	const struct instance *maker = NULL;
	struct content c;

	/* An instance's own outputs are never pending; asked without following links. */
	if (d->w->content(d->w->ctx, op->path, false, &c, &maker, err) != 0)
		return err_wrap(err, "%s:%d: output of '%s'", op->at.file, op->at.line, d->in->name);
	add_fact(d->v, kinds[op->kind], op->path, NULL)->content = c;
	return 0;
}

static void look_at_env(struct decision *d)
{
	const struct env *e = d->in->stage->env;
	size_t i;

	for (i = 0; i < d->in->n_env; i++)
		add_fact(d->v, FACT_ENV, d->in->env[i].name, d->in->env[i].value);
	for (i = 0; i < d->in->n_learned; i++)
		add_fact(d->v, FACT_ENV, d->in->learned[i].name, d->in->learned[i].value);
	if (d->in->stage->inherits)
		add_fact(d->v, FACT_ENV, FACT_WHOLE, "whole");
	if (e && e->run)
		add_fact(d->v, FACT_ENV, "[run]", e->run);
	for (i = 0; e && i < e->n_facts; i++)
		add_fact(d->v, FACT_ENV, e->facts[i].name, e->facts[i].value);
	for (i = 0; e && i < e->n_probes; i++) {
		const char *said = d->w->probe ? d->w->probe(d->w->ctx, e->probes[i]) : NULL;

		add_fact(d->v, FACT_ENV, arena_fmt(d->a, "[probe] %s", e->probes[i]), said);
	}
}

static const char *filter_name(struct arena *a, const struct normal *n)
{
	return arena_fmt(a, "[normal] %s", n->pattern);
}

/* Of inputs that are not there yet, too. */
static bool is_filter_of_any(const struct decision *d, const struct normal *n)
{
	size_t i;

	for (i = 0; i < d->v->now.n_facts; i++)
		if (filter_of(d, &d->v->now.facts[i]) == n)
			return true;
	for (i = 0; i < d->in->n_inputs; i++)
		if (!(d->in->inputs[i].by && streq(d->in->inputs[i].by, INPUT_LEARNED)) &&
		    pipeline_normal(d->in->stage, d->in->inputs[i].path) == n)
			return true;
	return false;
}

static void look_at_filters(struct decision *d)
{
	const struct pipeline *pl = d->in->stage->pl;
	size_t i;

	for (i = 0; pl && i < pl->n_normals; i++)
		if (is_filter_of_any(d, &pl->normals[i]))
			add_link_fact(d, FACT_ENV, filter_name(d->a, &pl->normals[i]))->value = pl->normals[i].cmd;
}

/* What is as it was when it was filtered, by the filter of today, has the normal form that it had, though that is not remembered here. */
static void take_normal_forms(struct decision *d)
{
	const struct record *last = d->v->last;
	size_t i;

	for (i = 0; last && i < d->v->now.n_facts; i++) {
		struct record_fact *f = &d->v->now.facts[i];
		const struct record_fact *was = f->unfiltered ? record_find(last, f->kind, f->name) : NULL, *by;

		if (!was || !was->has_meaning || !content_eq(&was->content, &f->content))
			continue;
		by = record_find(last, FACT_ENV, filter_name(d->a, filter_of(d, f)));
		if (!by || !by->value || !streq(by->value, filter_of(d, f)->cmd))
			continue;
		f->has_meaning = true;
		f->meaning = was->meaning;
		f->unfiltered = false;
	}
}

static void add_value(void *to, const char *name, const char *value)
{
	struct decision *d = to;
	struct record_fact *f = add_link_fact(d, FACT_VALUE, arena_strdup(d->a, name));

	f->value = value ? arena_strdup(d->a, value) : NULL;
}

static int look_outside(struct decision *d, struct err *err)
{
	const struct outside *o = d->w->outside;

	if (d->in->stage->kind == STAGE_COMMAND || d->v->pending || !o)
		return 0;
	if (o->values(o->ctx, d->in, &d->v->now, add_value, d, err) < 0)
		return err_wrap(err, "%s:%d: '%s'", d->in->stage->at.file, d->in->stage->at.line, d->in->name);
	return 0;
}

int stale_look(const struct instance *in, const struct world *w, struct arena *a, struct verdict *out, struct err *err)
{
	struct decision d = {.in = in, .w = w, .a = a, .v = out};
	const struct env *e = in->stage->env;
	bool anew;
	size_t i;

	d.room = 3 + in->n_inputs + in->n_outs + in->n_params + in->n_vars + in->n_env + in->n_learned + (e ? e->n_probes + e->n_facts : 0);
	memset(out, 0, sizeof(*out));
	out->now.instance = in->name;
	out->now.written = in->stage->written;
	out->now.facts = arena_alloc(a, d.room * sizeof(*out->now.facts));
	add_fact(out, FACT_CMD, "", in->cmd);
	anew = w->imports && w->imports(w->ctx, in, look_at_import, &d);
	for (i = 0; i < in->n_inputs; i++)
		if (!(anew && in->inputs[i].by) && look_at_input(&d, &in->inputs[i], err) < 0)
			return -1;
	look_at_env(&d);
	for (i = 0; i < in->n_params; i++)
		add_fact(out, FACT_PARAM, in->params[i].name, in->params[i].value);
	for (i = 0; i < in->n_vars; i++)
		add_fact(out, FACT_VAR, in->vars[i].name, in->vars[i].value);
	for (i = 0; i < in->n_outs; i++)
		if (look_at_output(&d, &in->outs[i], err) < 0)
			return -1;
	look_at_filters(&d);
	record_sort(&out->now);
	if (look_outside(&d, err) < 0)
		return -1;
	record_sort(&out->now);
	return 0;
}

/* A source's key says what it brought last, so that each snapshot has a record of its own, and mlmake.lock of a commit says which one
 * it was built from. */
static void remember_brought(struct verdict *v)
{
	const struct record_fact *was = v->last ? record_find(v->last, FACT_ENV, FACT_BROUGHT) : NULL;

	if (!was)
		return;
	add_fact(v, FACT_ENV, FACT_BROUGHT, was->value);
	record_sort(&v->now);
}

static bool outputs_match(const struct record *now, const struct record *r)
{
	size_t i, n = 0, m = 0;

	for (i = 0; i < now->n_facts; i++) {
		const struct record_fact *is = &now->facts[i], *was;

		if (!fact_is_output(is->kind))
			continue;
		was = record_find(r, is->kind, is->name);
		if (!was || is->content.kind == CONTENT_NONE || !content_eq(&was->content, &is->content))
			return false;
		n++;
	}
	for (i = 0; i < r->n_facts; i++)
		m += fact_is_output(r->facts[i].kind);
	return n == m;
}

bool stale_matches(const struct verdict *v, const struct record *r)
{
	return !v->pending && digest_eq(&v->now.key, &r->key) && outputs_match(&v->now, r);
}

static const char *hex_of(struct decision *d, const struct content *c)
{
	char *hex;

	if (!c || c->kind == CONTENT_NONE)
		return NULL;
	hex = arena_alloc(d->a, DIGEST_HEX + 1);
	digest_hex(&c->id, hex);
	return hex;
}

static struct place place_of(const struct decision *d, enum fact_kind kind, const char *name)
{
	const struct instance *in = d->in;
	size_t i;

	if (!in)
		return (struct place){NULL, 0};
	for (i = 0; kind == FACT_PARAM && i < in->n_params; i++)
		if (streq(in->params[i].name, name))
			return in->params[i].at;
	for (i = 0; fact_is_input_file(kind) && i < in->n_inputs; i++)
		if (streq(in->inputs[i].path, name))
			return in->inputs[i].at;
	for (i = 0; fact_is_output(kind) && i < in->n_outs; i++)
		if (streq(in->outs[i].path, name))
			return in->outs[i].at;
	return kind == FACT_CMD ? in->stage->at : (struct place){NULL, 0};
}

static enum reason_kind reason_of(enum fact_kind k)
{
	switch (k) {
	case FACT_CMD: return REASON_COMMAND;
	case FACT_CODE: return REASON_CODE;
	case FACT_DATA: return REASON_DATA;
	case FACT_ENV:
	case FACT_LOCK: return REASON_ENV;
	case FACT_PARAM:
	case FACT_VAR: return REASON_PARAM;
	case FACT_VALUE: return REASON_VALUE;
	default: return REASON_OUTPUT;
	}
}

/* Of a package people want the version; of two that are called the same, that they are not. */
static const char *shown(struct decision *d, const struct record_fact *f, const struct record_fact *other)
{
	const char *blank = f && f->value ? strchr(f->value, ' ') : NULL;
	size_t n;

	if (!blank || f->kind != FACT_ENV || !(skip_prefix(f->name, ENV_PACKAGE, NULL) || streq(f->name, ENV_PYTHON)))
		return f ? f->value : NULL;
	n = (size_t)(blank - f->value);
	if (other && other->value && strncmp(f->value, other->value, n + 1) == 0)
		return arena_fmt(d->a, "%.*s (%.8s)", (int)n, f->value, blank + strlen(blank) - MIN(strlen(blank + 1), (size_t)DIGEST_HEX));
	return arena_strndup(d->a, f->value, n);
}

static void compare(struct decision *d, const struct record_fact *was, const struct record_fact *is)
{
	const struct record_fact *any = was ? was : is;
	bool file = fact_is_input_file(any->kind);
	struct reason r = {.kind = reason_of(any->kind), .name = any->name, .was = was, .is = is};

	if (fact_is_output(any->kind)) {
		if (was && is && content_eq(&was->content, &is->content))
			return;
		if (was && !is && d->v->last && !file)
			r.new = NULL; /* no longer declared */
		r.old = was ? hex_of(d, &was->content) : NULL;
		r.new = is ? hex_of(d, &is->content) : NULL;
	} else {
		if (was && is && record_fact_same(was, is))
			return;
		r.old = was && file ? hex_of(d, &was->content) : shown(d, was, is);
		r.new = is && file ? hex_of(d, &is->content) : shown(d, is, was);
	}
	r.at = place_of(d, any->kind, any->name);
	add_reason(d, r);
}

/* Is the path an input of in that will be known only later? Then nothing can be said of it now, nor of what follows from it. */
static bool is_pending(const struct decision *d, const struct record_fact *f)
{
	size_t i;

	if (d->v->pending && f->kind == FACT_VALUE)
		return true;
	if (!d->v->pending || !fact_is_input_file(f->kind))
		return false;
	for (i = 0; i < d->in->n_inputs; i++)
		if (streq(d->in->inputs[i].path, f->name))
			return true;
	return false;
}

static int fact_order(const struct record_fact *a, const struct record_fact *b)
{
	return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1) : strcmp(a->name, b->name);
}

/* Both lists are sorted: what differs between them, with old and new. */
static void explain(struct decision *d, const struct record *last)
{
	const struct record *now = &d->v->now;
	size_t i = 0, j = 0;

	while (i < last->n_facts || j < now->n_facts) {
		const struct record_fact *was = i < last->n_facts ? &last->facts[i] : NULL;
		const struct record_fact *is = j < now->n_facts ? &now->facts[j] : NULL;
		int order = !was ? 1 : !is ? -1 : fact_order(was, is);

		if (order < 0) {
			if (!is_pending(d, was))
				compare(d, was, NULL);
			i++;
		} else if (order > 0) {
			compare(d, NULL, is);
			j++;
		} else {
			compare(d, was, is);
			i++;
			j++;
		}
	}
}

static int rank(enum reason_kind k)
{
	static const int ranks[] = {[REASON_FORCED] = 0, [REASON_NEW] = 1,     [REASON_PARAM] = 2,
				    [REASON_CODE] = 3,   [REASON_VALUE] = 4,   [REASON_DATA] = 5,     [REASON_ENV] = 6,
				    [REASON_COMMAND] = 7, [REASON_UPSTREAM] = 8, [REASON_OUTPUT] = 9};

	return ranks[k];
}

static int by_rank(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	if (rank(x->kind) != rank(y->kind))
		return rank(x->kind) - rank(y->kind);
	return strcmp(x->name, y->name);
}

static bool all_stored(const struct world *w, const struct instance *in, const struct record *r)
{
	size_t i;

	if (in->stage->cache == CACHE_NO)
		return false;
	for (i = 0; i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind) && !w->stored(w->ctx, &r->facts[i].content))
			return false;
	return true;
}

static bool all_outputs_there(const struct verdict *v)
{
	size_t i;

	for (i = 0; i < v->now.n_facts; i++)
		if (fact_is_output(v->now.facts[i].kind) && v->now.facts[i].content.kind == CONTENT_NONE)
			return false;
	return true;
}

/* The command is written as it was, so if it differs then by what it is made of; that is said already. */
static void drop_command(struct verdict *v)
{
	size_t i, n = 0;
	bool other = false;

	for (i = 0; i < v->n_reasons; i++)
		other |= v->reasons[i].kind != REASON_COMMAND && v->reasons[i].kind != REASON_FORCED;
	for (i = 0; i < v->n_reasons; i++)
		if (!other || v->reasons[i].kind != REASON_COMMAND)
			v->reasons[n++] = v->reasons[i];
	v->n_reasons = n;
}

static void give_reasons(struct decision *d, bool force)
{
	struct verdict *v = d->v;
	const struct record *against = v->last ? v->last : v->found;

	if (force)
		add_reason(d, (struct reason){.kind = REASON_FORCED, .name = ""});
	if (against)
		explain(d, against);
	if (against && against->written && v->now.written && streq(against->written, v->now.written))
		drop_command(v);
	if (!against)
		add_reason(d, (struct reason){.kind = REASON_NEW, .name = ""});
	if (v->n_reasons > 1)
		qsort(v->reasons, v->n_reasons, sizeof(*v->reasons), by_rank);
}

void stale_compare(const struct record *was, const struct record *is, struct arena *a, struct reason **reasons, size_t *n)
{
	struct verdict v = {.now = *is};
	struct decision d = {.a = a, .v = &v};

	explain(&d, was);
	if (was->written && is->written && streq(was->written, is->written))
		drop_command(&v);
	if (v.n_reasons > 1)
		qsort(v.reasons, v.n_reasons, sizeof(*v.reasons), by_rank);
	*reasons = v.reasons;
	*n = v.n_reasons;
}

/* What the run that made r looked for in vain is there now: then it would do something else. */
static bool add_appeared(struct decision *d, const struct record *r)
{
	const struct stage *st = d->in->stage;
	size_t i, n = d->v->n_reasons;

	if (st->is_source || st->frozen || !st->pl || pipeline_watching(st->pl, st) == WATCHING_OFF)
		return false;
	for (i = 0; i < r->n_absent; i++) {
		CLEANUP(err_release) struct err ignored = ERR_INIT;
		const struct instance *maker;
		struct content c;

		if (d->w->content(d->w->ctx, r->absent[i], false, &c, &maker, &ignored) == 0 && c.kind != CONTENT_NONE)
			add_reason(d, (struct reason){.kind = REASON_ENV,
						      .name = arena_fmt(d->a, LEARNED_THERE "%s", r->absent[i]), .old = "no", .new = "yes"});
	}
	return d->v->n_reasons > n;
}

/* The record of the key: mostly the last one, so that is asked first. */
static const struct record *find_record(const struct verdict *v, struct history *h)
{
	if (v->pending)
		return NULL;
	if (v->last && digest_eq(&v->last->key, &v->now.key))
		return v->last;
	return history_find(h, &v->now.key);
}

/* A deploy is fresh if what it ships is where it ships it; no record of ours can tell. */
static void decide_on_deploy(struct decision *d, bool force)
{
	CLEANUP(strbuf_release) struct strbuf there = STRBUF_INIT;
	const struct outside *o = d->w->outside;
	struct verdict *v = d->v;

	v->last = v->found = NULL;
	v->state = STALE_STALE;
	if (v->pending)
		return;
	if (o && o->live(o->ctx, d->in, &v->now, &there) && !force)
		v->state = STALE_FRESH;
	else
		add_reason(d, (struct reason){.kind = force ? REASON_FORCED : REASON_VALUE, .name = force ? "" : "live",
					      .old = arena_strdup(d->a, there.buf), .new = "what is here"});
}

int stale_decide(const struct instance *in, struct history *h, const struct world *w, const struct decide_options *opt,
		 struct arena *a, struct verdict *out, struct err *err)
{
	struct decision d = {.in = in, .w = w, .a = a, .v = out};
	bool there;

	if (stale_look(in, w, a, out, err) < 0)
		return -1;
	out->last = history_last(h, in->name);
	take_normal_forms(&d);
	if (in->stage->is_source)
		remember_brought(out);
	if (!out->pending)
		record_key(&out->now, &out->now.key);
	if (in->stage->kind == STAGE_DEPLOY) {
		decide_on_deploy(&d, opt->force);
		return 0;
	}
	out->found = find_record(out, h);
	if (out->found && add_appeared(&d, out->found))
		out->found = NULL;
	there = all_outputs_there(out);
	if (in->stage->is_source && there && !opt->force && (!out->last || digest_eq(&out->last->key, &out->now.key)) &&
	    !(out->found && !stale_matches(out, out->found) && all_stored(w, in, out->found))) {
		/* A plain build uses what a source brought; fetching is asked for. A source that is another one by now, with
		 * another command, has brought nothing yet. What stands there in place of what it brought is replaced by that, if it
		 * can be had. */
		out->state = STALE_FRESH;
		out->n_reasons = 0;
		out->pending = false;
		if (out->found && !stale_matches(out, out->found))
			out->found = NULL;
		return 0;
	}
	if (out->found && stale_matches(out, out->found) && (!opt->force || in->stage->frozen)) {
		out->state = in->stage->frozen ? STALE_FROZEN : STALE_FRESH;
		return 0;
	}
	give_reasons(&d, opt->force && !in->stage->frozen);
	if (in->stage->frozen && there)
		out->state = STALE_FROZEN;
	else if (out->found && (!opt->force || in->stage->frozen) && all_stored(w, in, out->found))
		out->state = STALE_RESTORABLE;
	else
		out->state = in->stage->frozen ? STALE_FROZEN : STALE_STALE;
	if (out->state != STALE_RESTORABLE)
		out->found = NULL;
	return 0;
}

/* Who brings it in, if that is not declared. The line is that of today. */
static void words_of_importer(const struct reason *r, struct strbuf *out)
{
	const struct record_fact *f = r->is ? r->is : r->was;
	enum code_language language;

	if (!f || !f->by)
		return;
	if (streq(f->by, INPUT_LEARNED)) {
		strbuf_addstr(out, " (which it was seen to read)");
		return;
	}
	language = code_language(f->by);
	strbuf_addstr(out, language == CODE_PYTHON || language == CODE_NOTEBOOK ? " (imported by " : " (read by ");
	strbuf_addstr(out, f->by);
	if (r->is && r->at.file && streq(r->at.file, f->by))
		strbuf_addf(out, language == CODE_NOTEBOOK ? ", cell %d" : ":%d", r->at.line);
	strbuf_addch(out, ')');
}

static void words_of_file(const struct reason *r, struct strbuf *out)
{
	strbuf_addstr(out, r->name);
	if (!r->old)
		strbuf_addstr(out, " is a new input");
	else if (!r->new)
		strbuf_addstr(out, r->is ? " is gone" : " is no longer an input");
	else if (r->was && r->is && r->was->content.kind != r->is->content.kind)
		strbuf_addstr(out, digest_eq(&r->was->content.id, &r->is->content.id) ? " changed its executable bit"
										     : " changed its kind");
	else if (r->was && r->is && r->was->has_meaning != r->is->has_meaning && content_eq(&r->was->content, &r->is->content))
		strbuf_addstr(out, r->is->has_meaning ? " is no longer taken by its bytes" : " is taken by its bytes now");
	else if (r->is && r->is->unfiltered)
		strbuf_addstr(out, " has other bytes; a build filters it, and may find it the same");
	else
		strbuf_addstr(out, " changed");
	words_of_importer(r, out);
}

static void words_of_output(const struct reason *r, struct strbuf *out)
{
	strbuf_addstr(out, r->name);
	if (!r->was)
		strbuf_addstr(out, " is a new output");
	else if (!r->is)
		strbuf_addstr(out, " is no longer an output");
	else if (!r->new)
		strbuf_addstr(out, " is missing");
	else
		strbuf_addstr(out, " is not as it was left");
}

/* A digest in it is told apart from others by its beginning. */
static void words_of_one(struct strbuf *out, const char *s)
{
	struct digest id;

	while (*s) {
		size_t n = strcspn(s, " ");

		strbuf_add(out, s, n == DIGEST_HEX && digest_parse(s, &id) ? 8 : n);
		s += n;
		for (; *s == ' '; s++)
			strbuf_addch(out, ' ');
	}
}

static void words_of_value(const char *name, const struct reason *r, const char *none, struct strbuf *out)
{
	strbuf_addf(out, "%s: ", name);
	words_of_one(out, r->old ? r->old : none);
	strbuf_addstr(out, " -> ");
	words_of_one(out, r->new ? r->new : none);
}

static void words_of_env(const struct reason *r, struct strbuf *out)
{
	const char *package;

	if (streq(r->name, FACT_WHOLE))
		strbuf_addstr(out, r->new ? "it gets the whole environment" : "it ran with the whole environment (--inherit-env)");
	else if (skip_prefix(r->name, ENV_PACKAGE, &package))
		words_of_value(package, r, "(none)", out);
	else if (streq(r->name, ENV_PYTHON))
		words_of_value("Python", r, "(not known)", out);
	else
		words_of_value(r->name, r, "(unset)", out);
}

void reason_words(const struct reason *r, struct strbuf *out)
{
	switch (r->kind) {
	case REASON_NEW: strbuf_addstr(out, "never built"); break;
	case REASON_FORCED: strbuf_addstr(out, "forced"); break;
	case REASON_UPSTREAM: strbuf_addf(out, "%s runs first", r->name); break;
	case REASON_COMMAND: strbuf_addstr(out, "the command changed"); break;
	case REASON_DATA:
	case REASON_CODE: words_of_file(r, out); break;
	case REASON_OUTPUT: words_of_output(r, out); break;
	case REASON_ENV:
		if (r->was ? r->was->kind == FACT_LOCK : r->is && r->is->kind == FACT_LOCK)
			words_of_file(r, out);
		else
			words_of_env(r, out);
		break;
	case REASON_VALUE:
	case REASON_PARAM:
		words_of_value(r->name, r, "(unset)", out);
		break;
	}
}
