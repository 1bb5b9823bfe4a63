/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/status.h"

#include <stdlib.h>
#include <string.h>

#include "report/acceptances.h"
#include "report/gates.h"
#include "report/wording.h"
#include "util/clock.h"
#include "util/map.h"

/* A stage that would take more lines than this says only what most of its instances say. */
#define MOST_LINES_A_STAGE 8

/* Columns below which a line has no room for name and reason. */
#define NARROW 64

/* Instances of one stage and state with one first reason. */
struct group {
	const struct stage *stage;
	enum stale_state state;
	const char *first; /* name of its first instance */
	const char *words;
	size_t n;
	bool various;      /* other reasons were merged in */
};

struct groups {
	struct arena arena;
	struct map by_key;  /* stage, state and words -> struct group */
	struct map crowded; /* stage and state -> struct group, once there are too many of the former */
	struct map lines;   /* stage -> number of groups, as a size_t in the arena */
	struct group **v;
	size_t n, cap;
};

static struct group *group_for(struct groups *gs, const struct stage *st, enum stale_state state, const char *words,
			       const char *name)
{
	const char *key = arena_fmt(&gs->arena, "%s\n%d\n%s", st->name, (int)state, words);
	const char *broad = arena_fmt(&gs->arena, "%s\n%d", st->name, (int)state);
	size_t *lines = map_get(&gs->lines, broad);
	struct group *g = map_get(&gs->by_key, key);

	if (g)
		return g;
	if (!lines) {
		lines = arena_calloc(&gs->arena, sizeof(*lines));
		map_put(&gs->lines, broad, lines);
	}
	if (*lines >= MOST_LINES_A_STAGE && (g = map_get(&gs->crowded, broad))) {
		g->various = true;
		return g;
	}
	g = arena_calloc(&gs->arena, sizeof(*g));
	*g = (struct group){.stage = st, .state = state, .first = name, .words = words};
	map_put(&gs->by_key, key, g);
	if (++*lines == MOST_LINES_A_STAGE)
		map_put(&gs->crowded, broad, g);
	ALLOC_GROW(gs->v, gs->n + 1, gs->cap);
	gs->v[gs->n++] = g;
	return g;
}

/* "refuses: auc >= 0.8: 0.79 >= 0.8 does not hold" */
static bool add_refusal(struct strbuf *out, const struct instance *in, const struct verdict *v)
{
	CLEANUP(strbuf_release) struct strbuf why = STRBUF_INIT;

	if (!report_gate_refuses(in, v, &why))
		return false;
	strbuf_addf(out, "refuses: %s", why.buf);
	return true;
}

/* The first reason; of a gate that refuses, that. Of instances that each wait for their own one of a matrix, all say the same: "train runs
 * first". */
static void add_common_words(struct strbuf *out, const struct plan *p, const struct instance *in,
			     const struct verdict *v)
{
	const struct instance *up = NULL;

	if (add_refusal(out, in, v))
		return;
	if (v->n_reasons == 1 && v->reasons[0].kind == REASON_UPSTREAM)
		up = map_get(&p->g->pl->instance_by_name, v->reasons[0].name);
	if (up && in->stage->n > 1 && up->stage->n > 1) {
		term_add_clean(out, up->stage->name, strlen(up->stage->name));
		strbuf_addstr(out, " runs first");
	} else {
		words_first_reason(out, v);
	}
}

static void collect(struct groups *gs, const struct plan *p)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t i;

	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];
		const struct verdict *v = &p->verdicts[node];
		const struct instance *in = p->g->nodes[node].in;

		if (!p->selected[node])
			continue;
		strbuf_clear(&sb);
		if (v->state == STALE_FRESH)
			words_reworded(&sb, v);
		else
			add_common_words(&sb, p, in, v);
		if (v->state == STALE_FRESH && !sb.len)
			continue;
		group_for(gs, in->stage, v->state, arena_strdup(&gs->arena, sb.buf), in->name)->n++;
	}
}

/* A line for name; in a narrow window the words stand below it. */
static void add_line(struct strbuf *out, const struct style *s, enum stale_state state, const char *name, size_t width,
		     const char *words)
{
	bool narrow = s->width && s->width < NARROW;
	size_t start = out->len;

	strbuf_addf(out, "%s%s %-10s%s  ", hue_on(s, words_hue(state)), words_mark(state, s), stale_state_name(state),
		    hue_off(s));
	if (narrow || !*words)
		term_add_fit(out, name, narrow ? (size_t)MAX(s->width - 14, 8) : 0, s);
	else
		term_add_cell(out, name, width, s);
	if (*words && narrow) {
		strbuf_addch(out, '\n');
		start = out->len;
	}
	if (*words)
		strbuf_addf(out, "%s%s", narrow ? "    " : "  ", words);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

static const char *group_name(struct groups *gs, const struct group *g, const struct style *s)
{
	if (g->n == 1)
		return g->first;
	return arena_fmt(&gs->arena, "%s %s %zu", g->stage->name, s->utf8 ? "×" : "x", g->n);
}

/* The column of names: as wide as the longest, within a third of the line. */
static size_t name_column(size_t longest, const struct style *s)
{
	size_t most = s->width ? MAX((size_t)s->width / 3, 8) : 48;

	return MIN(longest, most);
}

static void add_groups(const struct plan *p, const struct style *s, struct strbuf *out)
{
	struct groups gs = {.arena = ARENA_INIT};
	size_t i, longest = 0;

	collect(&gs, p);
	for (i = 0; i < gs.n; i++) {
		const char *name = group_name(&gs, gs.v[i], s);

		longest = MAX(longest, term_width(name, strlen(name)));
	}
	for (i = 0; i < gs.n; i++)
		add_line(out, s, gs.v[i]->state, group_name(&gs, gs.v[i], s), name_column(longest, s),
			 gs.v[i]->various ? "for various reasons" : gs.v[i]->words);
	map_release(&gs.by_key);
	map_release(&gs.crowded);
	map_release(&gs.lines);
	free(gs.v);
	arena_release(&gs.arena);
}

/* A result that rests on somebody's word bears it. */
static void add_accepted(struct strbuf *out, const struct verdict *v, const struct style *s)
{
	const struct record *r = v->found ? v->found : v->last;
	size_t start = out->len;

	if (v->state == STALE_STALE || !r || !r->n_accepted)
		return;
	strbuf_addstr(out, "    accepted  ");
	words_acceptance(out, &r->accepted[r->n_accepted - 1]);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

static void add_all(const struct plan *p, const struct style *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	size_t i, j, longest = 0;

	for (i = 0; i < p->g->n; i++)
		if (p->selected[i])
			longest = MAX(longest, term_width(p->g->nodes[i].in->name, strlen(p->g->nodes[i].in->name)));
	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];
		const struct verdict *v = &p->verdicts[node];

		if (!p->selected[node])
			continue;
		strbuf_clear(&words);
		if (v->state == STALE_FRESH)
			words_reworded(&words, v);
		else
			add_refusal(&words, p->g->nodes[node].in, v);
		add_line(out, s, v->state, p->g->nodes[node].in->name, name_column(longest, s), words.buf);
		add_accepted(out, v, s);
		for (j = 0; j < v->n_reasons; j++) {
			size_t start = out->len;

			strbuf_clear(&words);
			words_reason(&words, &v->reasons[j]);
			strbuf_addf(out, "    %-8s  %s", reason_kind_name(v->reasons[j].kind), words.buf);
			term_cut(out, start, (size_t)s->width, s);
			strbuf_addch(out, '\n');
		}
	}
}

static void mark_downstream(const struct plan *p, size_t node, bool *marks)
{
	size_t *nodes = NULL, n = 0, i;

	plan_downstream(p->g, node, &nodes, &n);
	for (i = 0; i < n; i++)
		marks[nodes[i]] = true;
	free(nodes);
}

/* The first gate that refuses; NULL: none does. *alone: whatever else is stale comes after one that does, and so does not run. */
static const char *find_refusal(const struct plan *p, bool *alone)
{
	bool *behind = xcalloc(p->g->n + 1, sizeof(*behind));
	const char *first = NULL;
	size_t i;

	*alone = true;
	for (i = 0; i < p->g->n; i++) {
		CLEANUP(strbuf_release) struct strbuf why = STRBUF_INIT;
		size_t node = p->g->order[i];
		const struct instance *in = p->g->nodes[node].in;

		if (!p->selected[node] || p->verdicts[node].state != STALE_STALE)
			continue;
		if (report_gate_refuses(in, &p->verdicts[node], &why)) {
			first = first ? first : in->name;
			mark_downstream(p, node, behind);
		}
		*alone &= behind[node] || why.len;
	}
	free(behind);
	return first;
}

static void add_closing(const struct plan *p, struct strbuf *out)
{
	static const enum stale_state order[] = {STALE_STALE, STALE_RESTORABLE, STALE_FROZEN, STALE_FRESH};
	const size_t *n = p->counts;
	const char *comma = "", *refuses;
	bool alone;
	size_t i;

	if (!n[STALE_STALE] && !n[STALE_RESTORABLE]) {
		if (n[STALE_FRESH] + n[STALE_FROZEN] == 0)
			strbuf_addstr(out, "nothing to do: there are no stages\n");
		else if (!n[STALE_FROZEN])
			strbuf_addf(out, "nothing to do: %s%zu fresh\n", n[STALE_FRESH] > 1 ? "all " : "",
				    n[STALE_FRESH]);
		else
			strbuf_addf(out, "nothing to do: %zu fresh, %zu frozen\n", n[STALE_FRESH], n[STALE_FROZEN]);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (n[order[i]]) {
			strbuf_addf(out, "%s%zu %s", comma, n[order[i]], stale_state_name(order[i]));
			comma = ", ";
		}
	refuses = find_refusal(p, &alone);
	if (!refuses || !alone || n[STALE_RESTORABLE])
		strbuf_addstr(out, n[STALE_STALE] && !(refuses && alone) ? ": run `mlmake` to rebuild\n"
						  : ": run `mlmake` to put the outputs back, nothing has to be computed\n");
	else
		strbuf_addch(out, '\n');
	if (refuses)
		strbuf_addf(out, "%s would refuse again: `mlmake why %s` tells on what grounds\n", refuses, refuses);
}

void report_status(const struct plan *p, const struct style *s, bool verbose, struct strbuf *out)
{
	size_t start = out->len;

	if (verbose)
		add_all(p, s, out);
	else
		add_groups(p, s, out);
	if (out->len > start)
		strbuf_addch(out, '\n');
	add_closing(p, out);
}

struct json *report_verdict_json(const struct instance *in, const struct verdict *v)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	const struct record *r = v->found ? v->found : v->last;
	struct json *j = json_new_map(), *reasons = json_new_list();
	char hex[DIGEST_HEX + 1];
	size_t i;

	json_set_str(j, "name", in->name);
	json_set_str(j, "stage", in->stage->name);
	json_set_str(j, "state", stale_state_name(v->state));
	json_set_bool(j, "pending", v->pending);
	digest_hex(&v->now.key, hex);
	json_set_str(j, "key", v->pending ? NULL : hex);
	for (i = 0; i < v->n_reasons; i++)
		json_push(reasons, words_reason_json(&v->reasons[i]));
	json_set(j, "reasons", reasons);
	if (r && r->run)
		json_set_str(j, "run", r->run);
	if (r && r->started) {
		clock_iso(r->started, &time);
		json_set_str(j, "time", time.buf);
	}
	if (r && r->n_accepted)
		json_set(j, "accepted", report_acceptances_json(r));
	return j;
}

struct json *report_status_json(const struct plan *p)
{
	struct json *j = json_new_map(), *list = json_new_list(), *counts = json_new_map();
	size_t i;

	json_set_int(j, "version", 1);
	for (i = 0; i < ARRAY_SIZE(p->counts); i++)
		json_set_int(counts, stale_state_name((enum stale_state)i), (int64_t)p->counts[i]);
	json_set(j, "counts", counts);
	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];

		if (p->selected[node])
			json_push(list, report_verdict_json(p->g->nodes[node].in, &p->verdicts[node]));
	}
	json_set(j, "instances", list);
	return j;
}
