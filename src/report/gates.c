/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/gates.h"

#include <stdlib.h>
#include <string.h>

#include "lifecycle/gate.h"
#include "report/wording.h"

/* A gate as it is now. */
struct view {
	const struct verdict *v;
	const struct instance *in;
	enum gate_verdict verdict;
	struct gate_report g;
	struct err err;
};

static void look(struct view *w, const struct instance *in, const struct verdict *v)
{
	*w = (struct view){v, in, GATE_UNKNOWN, GATE_REPORT_INIT, ERR_INIT};
	if (!w->v->pending && gate_judge(&w->v->now, &w->g, &w->err) == 0)
		w->verdict = w->g.refused ? GATE_REFUSES : GATE_PASSES;
}

static void view_release(struct view *w)
{
	gate_report_release(&w->g);
	err_release(&w->err);
}

static enum gate_verdict worse(enum gate_verdict a, enum gate_verdict b)
{
	return a == GATE_REFUSES || b == GATE_PASSES ? a : b;
}

/* ---- text ---- */

/* A text that may come from a metrics file. */
static void add_clean(struct strbuf *out, const char *before, const char *text)
{
	strbuf_addstr(out, before);
	term_add_clean(out, text, strlen(text));
}

static void add_line(const struct gate_line *l, size_t require, size_t number, const struct style *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t start = out->len;

	strbuf_addstr(out, "  ");
	hue_addf(out, s, l->holds ? HUE_GOOD : HUE_BAD, "%s", l->holds ? "ok" : "no");
	strbuf_addstr(out, "  ");
	term_add_cell(out, l->require, require, s);
	if (l->compares)
		gate_line_numbers(l, &text);
	strbuf_addf(out, "  %-*s", (int)number, text.buf);
	if (l->compares)
		strbuf_addf(out, "  %+.4g", l->m.margin);
	if (l->of) {
		add_clean(out, "  (", l->of);
		strbuf_addch(out, ')');
	}
	if (l->problem)
		add_clean(out, "  ", l->problem);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_trim(out);
	strbuf_addch(out, '\n');
	if (!l->doubt)
		return;
	strbuf_addstr(out, "      ");
	hue_addf(out, s, HUE_WARN, "%s", l->doubt);
	strbuf_addch(out, '\n');
}

static void add_waits(const struct verdict *v, struct strbuf *out)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < v->n_reasons; i++) {
		if (v->reasons[i].kind != REASON_UPSTREAM)
			continue;
		add_clean(out, comma, v->reasons[i].name);
		comma = ", ";
	}
	strbuf_addstr(out, *comma ? " runs first" : "it is not decided yet");
}

static void add_gate(const struct view *w, const struct style *s, struct strbuf *out)
{
	static const struct {
		const char *word;
		enum hue hue;
	} words[] = {[GATE_PASSES] = {"passes", HUE_GOOD}, [GATE_REFUSES] = {"refuses", HUE_BAD}, [GATE_UNKNOWN] = {"is not known", HUE_WARN}};
	size_t i, require = 0, number = 0;

	hue_addf(out, s, HUE_BOLD, "%s", w->in->name);
	strbuf_addch(out, ' ');
	hue_addf(out, s, words[w->verdict].hue, "%s", words[w->verdict].word);
	if (w->v->pending) {
		strbuf_addstr(out, ": ");
		add_waits(w->v, out);
	} else if (w->err.msg) {
		add_clean(out, ": ", w->err.msg);
	}
	strbuf_addch(out, '\n');
	for (i = 0; i < w->g.n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

		if (w->g.v[i].compares)
			gate_line_numbers(&w->g.v[i], &text);
		number = MAX(number, text.len);
		require = MAX(require, term_width(w->g.v[i].require, strlen(w->g.v[i].require)));
	}
	for (i = 0; i < w->g.n; i++)
		add_line(&w->g.v[i], require, number, s, out);
	if (!w->g.problem)
		return;
	add_clean(out, "      ", w->g.problem);
	strbuf_addch(out, '\n');
}

enum gate_verdict report_gates(const struct plan *p, const bool *which, const struct style *s, struct strbuf *out)
{
	enum gate_verdict worst = GATE_PASSES;
	struct view w;
	size_t i;

	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];

		if (!which[node])
			continue;
		look(&w, p->g->nodes[node].in, &p->verdicts[node]);
		worst = worse(worst, w.verdict);
		add_gate(&w, s, out);
		view_release(&w);
	}
	return worst;
}

bool report_gate_refuses(const struct instance *in, const struct verdict *v, struct strbuf *why)
{
	const char *semicolon = "";
	struct view w;
	bool refuses;
	size_t i;

	if (in->stage->kind != STAGE_GATE || v->state != STALE_STALE)
		return false;
	look(&w, in, v);
	refuses = w.verdict == GATE_REFUSES;
	for (i = 0; refuses && i < w.g.n; i++) {
		CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

		if (w.g.v[i].holds)
			continue;
		gate_line_words(&w.g.v[i], &words);
		add_clean(why, semicolon, words.buf);
		semicolon = "; ";
	}
	view_release(&w);
	return refuses;
}

/* ---- JSON ---- */

static struct json *line_json(const struct gate_line *l)
{
	struct json *j = json_new_map();

	json_set_str(j, "require", l->require);
	json_set_bool(j, "holds", l->holds);
	json_set_bool(j, "none", l->none);
	json_set(j, "left", l->compares ? json_new_float(l->m.left) : json_new_null());
	json_set_str(j, "sign", l->sign);
	json_set(j, "right", l->compares ? json_new_float(l->m.right) : json_new_null());
	json_set(j, "margin", l->compares ? json_new_float(l->m.margin) : json_new_null());
	json_set_str(j, "of", l->of);
	json_set_str(j, "problem", l->problem);
	json_set_str(j, "doubt", l->doubt);
	return j;
}

static struct json *waits_json(const struct verdict *v)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < v->n_reasons; i++)
		if (v->reasons[i].kind == REASON_UPSTREAM)
			json_push(list, json_new_str(v->reasons[i].name));
	return list;
}

static struct json *gate_json(const struct view *w)
{
	static const char *const words[] = {[GATE_PASSES] = "passes", [GATE_REFUSES] = "refuses", [GATE_UNKNOWN] = "unknown"};
	struct json *j = json_new_map(), *lines = json_new_list(), *values = json_new_map();
	size_t i;

	for (i = 0; i < w->g.n; i++)
		json_push(lines, line_json(&w->g.v[i]));
	for (i = 0; i < w->v->now.n_facts; i++)
		if (w->v->now.facts[i].kind == FACT_VALUE)
			json_set_str(values, w->v->now.facts[i].name, w->v->now.facts[i].value);
	json_set_str(j, "name", w->in->name);
	json_set_str(j, "verdict", words[w->verdict]);
	json_set(j, "waits", waits_json(w->v));
	json_set_str(j, "problem", w->err.msg ? w->err.msg : w->g.problem);
	json_set(j, "requirements", lines);
	json_set(j, "values", values);
	return j;
}

struct json *report_gates_json(const struct plan *p, const bool *which, enum gate_verdict *worst)
{
	struct json *j = json_new_map(), *list = json_new_list();
	struct view w;
	size_t i;

	*worst = GATE_PASSES;
	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];

		if (!which[node])
			continue;
		look(&w, p->g->nodes[node].in, &p->verdicts[node]);
		*worst = worse(*worst, w.verdict);
		json_push(list, gate_json(&w));
		view_release(&w);
	}
	json_set_int(j, "version", 1);
	json_set(j, "gates", list);
	return j;
}
