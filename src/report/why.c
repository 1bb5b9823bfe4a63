/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/why.h"

#include <stdlib.h>
#include <string.h>

#include "report/acceptances.h"
#include "report/status.h"
#include "report/wording.h"
#include "util/file.h"
#include "util/linediff.h"
#include "util/text.h"

#define TEXT_LIMIT (64 * 1024)
#define MOST_CHANGED_LINES 12
#define MOST_NAMES 8
/* How far back "it runs because that one runs" is followed. */
#define MOST_UPSTREAM_LINES 20
#define MOST_UPSTREAM_DEPTH 6

static int check_node(const struct plan *p, size_t node, struct err *err)
{
	if (node >= p->g->n || !p->selected[node])
		return err_set(err, ERR_INVALID, "that instance is not part of the plan");
	return 0;
}

/* ---- changed lines ---- */

static bool is_small_file(const struct record_fact *f)
{
	return f && (f->content.kind == CONTENT_FILE || f->content.kind == CONTENT_EXEC) &&
	       f->content.size <= TEXT_LIMIT;
}

/* The text of a file as it is on disk or, if it has changed since, as it was kept. */
static bool text_now(const struct record_fact *f, const struct past_texts *t, struct strbuf *out)
{
	struct digest now;

	if (file_read(f->name, TEXT_LIMIT, out, NULL) == 0) {
		digest_bytes(out->buf, out->len, &now);
		if (digest_eq(&now, &f->content.id))
			return true;
	}
	strbuf_clear(out);
	return t->get(t->ctx, f, TEXT_LIMIT, out);
}

static bool from_store(void *ctx, const struct record_fact *f, size_t limit, struct strbuf *out)
{
	return ctx && store_get_bytes(ctx, &f->content.id, limit, out, NULL) == 0;
}

/* Old and new text of a file; false if one of them cannot be had any more. */
static bool file_texts(const struct reason *r, const struct past_texts *t, struct strbuf *old, struct strbuf *new)
{
	if (!is_small_file(r->was) || !is_small_file(r->is) || content_eq(&r->was->content, &r->is->content) ||
	    fact_is_output(r->is->kind))
		return false;
	return t->get(t->ctx, r->was, TEXT_LIMIT, old) && text_now(r->is, t, new);
}

/* The changed lines of a file or of the command; nothing if there are none to show. */
static void changed_lines(const struct reason *r, const struct past_texts *t, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf old = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf new = STRBUF_INIT;
	enum linediff_result result;

	if (r->kind == REASON_COMMAND && r->old && r->new) {
		strbuf_addstr(&old, r->old);
		strbuf_addstr(&new, r->new);
	} else if (!file_texts(r, t, &old, &new)) {
		return;
	}
	result = linediff_format((struct linediff_text){old.buf, old.len}, (struct linediff_text){new.buf, new.len},
				 MOST_CHANGED_LINES, out);
	if (result == LINEDIFF_NEWLINE)
		strbuf_addstr(out, "only the newline at its end\n");
	else if (result == LINEDIFF_BINARY)
		strbuf_addstr(out, "it is not text\n");
}

void report_changed_lines(const struct reason *r, const struct past_texts *t, const struct style *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf diff = STRBUF_INIT;
	char *line, *rest;

	changed_lines(r, t, &diff);
	for (rest = diff.buf; *rest && (line = strsep(&rest, "\n"));) {
		size_t start = out->len;

		strbuf_addstr(out, "              ");
		if (*line == '+' || *line == '-')
			strbuf_addstr(out, hue_on(s, *line == '+' ? HUE_GOOD : HUE_BAD));
		term_add_clean(out, line, strlen(line));
		if (*line == '+' || *line == '-')
			strbuf_addstr(out, hue_off(s));
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
		if (!rest)
			break;
	}
}

/* ---- who runs first, and why in turn ---- */

struct chain {
	const struct plan *p;
	const struct style *s;
	struct strbuf *out;
	bool *told;
	int lines;
};

static const struct instance *upstream_of(const struct plan *p, const struct reason *r)
{
	return r->kind == REASON_UPSTREAM && r->name ? map_get(&p->g->pl->instance_by_name, r->name) : NULL;
}

static void add_upstream(struct chain *c, const struct reason *r, int depth)
{
	const struct instance *in = upstream_of(c->p, r);
	const struct verdict *v;
	size_t i, start;

	if (!in || in->index >= c->p->g->n || !c->p->selected[in->index] || c->told[in->index])
		return;
	c->told[in->index] = true;
	v = &c->p->verdicts[in->index];
	for (i = 0; i < v->n_reasons && c->lines < MOST_UPSTREAM_LINES; i++) {
		start = c->out->len;
		strbuf_addn(c->out, ' ', 14 + 2 * (size_t)depth);
		term_add_clean(c->out, in->name, strlen(in->name));
		strbuf_addstr(c->out, ": ");
		words_reason(c->out, &v->reasons[i]);
		term_cut(c->out, start, (size_t)c->s->width, c->s);
		strbuf_addch(c->out, '\n');
		c->lines++;
		if (depth < MOST_UPSTREAM_DEPTH)
			add_upstream(c, &v->reasons[i], depth + 1);
	}
}

/* ---- reasons ---- */

static void add_reason(struct chain *c, const struct reason *r, struct store *st)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	/* Not cut to the width: it is what was asked for. */
	words_reason(&words, r);
	strbuf_addf(c->out, "    %s%-8s%s  %s", hue_on(c->s, HUE_WARN), reason_kind_name(r->kind), hue_off(c->s),
		    words.buf);
	if (r->at.file && !(r->is && r->is->by)) { /* which is in the words */
		strbuf_addf(c->out, "  %s(", hue_on(c->s, HUE_DIM));
		term_add_clean(c->out, r->at.file, strlen(r->at.file));
		strbuf_addf(c->out, ":%d)%s", r->at.line, hue_off(c->s));
	}
	strbuf_addch(c->out, '\n');
	report_changed_lines(r, &(struct past_texts){from_store, st}, c->s, c->out);
	add_upstream(c, r, 0);
}

static void add_reasons(const struct plan *p, size_t node, struct store *st, const struct style *s, struct strbuf *out)
{
	const struct verdict *v = &p->verdicts[node];
	struct chain c = {p, s, out, xcalloc(p->g->n, sizeof(bool)), 0};
	size_t i;

	c.told[node] = true;
	if (v->n_reasons)
		strbuf_addstr(out, "  because\n");
	for (i = 0; i < v->n_reasons; i++)
		add_reason(&c, &v->reasons[i], st);
	if (c.lines >= MOST_UPSTREAM_LINES)
		strbuf_addstr(out, "              and so on: `mlmake status -v` has all of them\n");
	free(c.told);
}

/* ---- what stayed the same ---- */

enum same_kind { SAME_DATA, SAME_CODE, SAME_PARAM, SAME_ENV, SAME_COMMAND, SAME_KINDS };
static const char *const same_names[] = {"data", "code", "param", "env", "command"};
static const char *const same_nouns[] = {"file", "file", "param", "value", "command"};

struct unchanged {
	const char **names[SAME_KINDS];
	size_t n[SAME_KINDS], cap[SAME_KINDS];
};

static int same_kind_of(enum fact_kind k)
{
	switch (k) {
	case FACT_CMD: return SAME_COMMAND;
	case FACT_CODE: return SAME_CODE;
	case FACT_DATA: return SAME_DATA;
	case FACT_ENV:
	case FACT_LOCK: return SAME_ENV;
	case FACT_PARAM:
	case FACT_VAR: return SAME_PARAM;
	default: return -1;
	}
}

static bool fact_same(const struct record_fact *a, const struct record_fact *b)
{
	if (fact_is_input_file(a->kind))
		return a->content.kind != CONTENT_NONE && record_fact_same(a, b);
	return a->value && b->value ? streq(a->value, b->value) : a->value == b->value;
}

static void find_unchanged(const struct verdict *v, struct unchanged *u)
{
	const struct record *then = v->found ? v->found : v->last;
	size_t i;

	for (i = 0; then && i < v->now.n_facts; i++) {
		const struct record_fact *f = &v->now.facts[i], *was = record_find(then, f->kind, f->name);
		int k = same_kind_of(f->kind);

		if (k < 0 || !was || !fact_same(f, was))
			continue;
		ALLOC_GROW(u->names[k], u->n[k] + 1, u->cap[k]);
		u->names[k][u->n[k]++] = f->name;
	}
}

static void unchanged_release(struct unchanged *u)
{
	size_t k;

	for (k = 0; k < SAME_KINDS; k++)
		free(u->names[k]);
}

static void add_unchanged(const struct verdict *v, const struct style *s, struct strbuf *out)
{
	CLEANUP(unchanged_release) struct unchanged u = {0};
	size_t k, start, total = 0;

	find_unchanged(v, &u);
	for (k = 0; k < SAME_KINDS; k++)
		total += u.n[k];
	if (!total)
		return;
	strbuf_addstr(out, "  the same as in ");
	words_record(out, v->found ? v->found : v->last);
	strbuf_addch(out, '\n');
	for (k = 0; k < SAME_KINDS; k++) {
		if (!u.n[k])
			continue;
		start = out->len;
		strbuf_addf(out, "    %-8s  ", same_names[k]);
		if (k == SAME_COMMAND)
			strbuf_addstr(out, "the command");
		else
			words_count(out, u.n[k], same_nouns[k]);
		if (k != SAME_COMMAND) {
			strbuf_addstr(out, ": ");
			words_list(out, u.names[k], u.n[k], MOST_NAMES);
		}
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
	}
}

/* ---- why nothing has to run ---- */

static void add_fresh(const struct verdict *v, struct strbuf *out)
{
	CLEANUP(unchanged_release) struct unchanged u = {0};
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	const struct record *r = v->found ? v->found : v->last;
	size_t files, i, outputs = 0;

	find_unchanged(v, &u);
	files = u.n[SAME_DATA] + u.n[SAME_CODE];
	if (files)
		words_count(&list, files, "file");
	if (u.n[SAME_PARAM]) {
		strbuf_addstr(&list, files ? ", " : "");
		words_count(&list, u.n[SAME_PARAM], "param");
	}
	if (u.n[SAME_ENV]) {
		strbuf_addstr(&list, list.len ? ", " : "");
		words_count(&list, u.n[SAME_ENV], "part");
		strbuf_addstr(&list, " of the environment");
	}
	for (i = 0; i < v->now.n_facts; i++)
		outputs += fact_is_output(v->now.facts[i].kind);
	strbuf_addf(out, "  its inputs, %s%sthe command, are %s", list.buf, list.len ? " and " : "",
		    r->n_accepted ? "" : "what they were in ");
	words_record(out, r);
	if (v->state == STALE_FRESH) {
		CLEANUP(strbuf_release) struct strbuf same = STRBUF_INIT;

		words_reworded(&same, v);
		if (same.len)
			strbuf_addf(out, ",\n  %s", same.buf);
	}
	strbuf_addf(out, ",\n  and its output%s as %s left %s\n", outputs == 1 ? " is" : "s are",
		    r->n_accepted ? "its run" : "that run", outputs == 1 ? "it" : "them");
}

/* ---- what was accepted ---- */

struct telling {
	struct store *st;
	const struct style *s;
	struct strbuf *out;
	struct chain *chain;
};

static void tell_acceptance(void *ctx, const struct acceptance *acc, const struct reason *reasons, size_t n)
{
	const struct telling *t = ctx;
	size_t i;

	strbuf_addstr(t->out, "    ");
	words_acceptance(t->out, acc);
	strbuf_addch(t->out, '\n');
	for (i = 0; i < n; i++)
		add_reason(t->chain, &reasons[i], t->st);
}

/* The result that v is about rests on a person's word. */
static void add_accepted(const struct plan *p, const struct verdict *v, struct store *st, const struct style *s,
			 struct strbuf *out)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct record *r = v->found ? v->found : v->last;
	struct chain chain = {p, s, out, NULL, 0};
	struct telling t = {st, s, out, &chain};

	if (!r || !r->n_accepted)
		return;
	strbuf_addstr(out, "  accepted as harmless since its run\n");
	acceptances_each(r, &a, tell_acceptance, &t);
}

/* What came out with other bytes and was taken for what was there. */
static void add_taken(const struct record *r, struct strbuf *out)
{
	size_t i;

	for (i = 0; r && i < r->n_taken; i++) {
		strbuf_addstr(out, "  ");
		term_add_clean(out, r->taken[i].name, strlen(r->taken[i].name));
		strbuf_addstr(out, " came out with other bytes in that run; its `same` took them for the same, so what was there before stayed\n");
	}
}

static void add_headline(const struct instance *in, const struct verdict *v, const struct style *s, struct strbuf *out)
{
	strbuf_addstr(out, hue_on(s, HUE_BOLD));
	term_add_clean(out, in->name, strlen(in->name));
	strbuf_addf(out, "%s is %s%s%s", hue_off(s), hue_on(s, words_hue(v->state)), stale_state_name(v->state),
		    hue_off(s));
	if (v->state == STALE_FRESH) {
		strbuf_addstr(out, ": it will not run\n");
	} else if (v->state == STALE_FROZEN) {
		strbuf_addstr(out, ": `frozen = yes`, so it will not run and what is on disk is taken as it is\n");
	} else if (v->state == STALE_RESTORABLE) {
		strbuf_addstr(out, ": nothing runs, its outputs are put back from ");
		words_record(out, v->found);
		strbuf_addch(out, '\n');
	} else if (v->pending && words_only_upstream(v)) {
		strbuf_addstr(out, ": it may run, and stays as it is if what runs before it comes out the same\n");
	} else {
		strbuf_addstr(out, ": it will run");
		if (v->last && v->last->duration) {
			strbuf_addstr(out, " (last time it took ");
			text_add_duration(out, v->last->duration);
			strbuf_addch(out, ')');
		}
		strbuf_addch(out, '\n');
	}
}

static void add_downstream(const struct plan *p, size_t node, const struct style *s, struct strbuf *out)
{
	size_t *nodes = NULL, n = 0, i, start = out->len;
	const char **names;

	plan_downstream(p->g, node, &nodes, &n);
	if (n) {
		names = xcalloc(n, sizeof(*names));
		for (i = 0; i < n; i++)
			names[i] = p->g->nodes[nodes[i]].in->name;
		strbuf_addstr(out, "  another result of it would make stale: ");
		words_list(out, names, n, MOST_NAMES);
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
		free(names);
	}
	free(nodes);
}

int report_why(const struct plan *p, size_t node, struct store *st, const struct style *s, struct strbuf *out,
	       struct err *err)
{
	const struct verdict *v;

	if (check_node(p, node, err) < 0)
		return -1;
	v = &p->verdicts[node];
	add_headline(p->g->nodes[node].in, v, s, out);
	if (v->state == STALE_FRESH && (v->found || v->last))
		add_fresh(v, out);
	if (v->state == STALE_FRESH || v->state == STALE_RESTORABLE)
		add_taken(v->found ? v->found : v->last, out);
	add_accepted(p, v, st, s, out);
	add_reasons(p, node, st, s, out);
	if (v->state != STALE_FROZEN)
		add_unchanged(v, s, out);
	add_downstream(p, node, s, out);
	return 0;
}

/* ---- JSON ---- */

static struct json *names_json(const char *const *names, size_t n)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < n; i++)
		json_push(list, json_new_str(names[i]));
	return list;
}

struct json *report_changed_lines_json(const struct reason *r, const struct past_texts *t)
{
	CLEANUP(strbuf_release) struct strbuf diff = STRBUF_INIT;
	struct json *list = json_new_list();
	char *rest, *line;

	changed_lines(r, t, &diff);
	for (rest = diff.buf; rest && *rest && (line = strsep(&rest, "\n"));)
		json_push(list, json_new_str(line));
	return list;
}

static struct json *taken_json(const struct record *r)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; r && i < r->n_taken; i++)
		json_push(list, json_new_str(r->taken[i].name));
	return list;
}

struct json *report_why_json(const struct plan *p, size_t node, struct store *st, struct err *err)
{
	CLEANUP(unchanged_release) struct unchanged u = {0};
	struct json *j, *list, *one, *same, *down, *reasons;
	size_t *nodes = NULL, n = 0, i;

	const struct past_texts texts = {from_store, st};

	if (check_node(p, node, err) < 0)
		return NULL;
	one = report_verdict_json(p->g->nodes[node].in, &p->verdicts[node]);
	reasons = json_get(one, "reasons");
	for (i = 0; i < p->verdicts[node].n_reasons; i++)
		json_set(json_at(reasons, i), "lines", report_changed_lines_json(&p->verdicts[node].reasons[i], &texts));
	find_unchanged(&p->verdicts[node], &u);
	same = json_new_map();
	for (i = 0; i < SAME_KINDS; i++)
		json_set(same, same_names[i], names_json(u.names[i], u.n[i]));
	json_set(one, "unchanged", same);
	json_set(one, "taken", taken_json(p->verdicts[node].found ? p->verdicts[node].found : p->verdicts[node].last));
	plan_downstream(p->g, node, &nodes, &n);
	down = json_new_list();
	for (i = 0; i < n; i++)
		json_push(down, json_new_str(p->g->nodes[nodes[i]].in->name));
	free(nodes);
	json_set(one, "downstream", down);
	list = json_new_list();
	json_push(list, one);
	j = json_new_map();
	json_set_int(j, "version", 1);
	json_set(j, "instances", list);
	return j;
}
