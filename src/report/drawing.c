/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The drawings that are text: a tree, dot, mermaid. */
#include <config.h>

#include "report/drawing.h"

#include <stdlib.h>
#include <string.h>

#include "report/boxes.h"
#include "report/wording.h"

/* ---- tree ---- */

#define MOST_INDENT 90 /* columns */
#define LEAST_ROOM 14  /* for a name */
#define NARROW 64      /* columns below which a step of the tree takes two of them instead of three */

struct tree {
	const struct boxes *bs;
	const struct style *s;
	struct strbuf *out, indent;
	size_t *parent;  /* the box under which a box stands; SIZE_MAX: at the margin */
	size_t *kids, *n_kids, *first_kid; /* boxes grouped by parent */
};

/* A box stands under the last one in order of those it waits for, so that all of them are above it. */
static void find_parents(struct tree *t)
{
	size_t *at = xcalloc(t->bs->n + 1, sizeof(*at)), i, j;

	for (i = 0; i < t->bs->n; i++)
		at[t->bs->order[i]] = i;
	for (i = 0; i < t->bs->n; i++) {
		const struct box *b = &t->bs->v[i];

		t->parent[i] = SIZE_MAX;
		for (j = 0; j < b->n_up; j++)
			if (t->bs->v[b->up[j]].rank < b->rank &&
			    (t->parent[i] == SIZE_MAX || at[b->up[j]] > at[t->parent[i]]))
				t->parent[i] = b->up[j];
	}
	free(at);
}

static void group_kids(struct tree *t)
{
	size_t *fill = xcalloc(t->bs->n + 1, sizeof(*fill)), i, total = 0;

	for (i = 0; i < t->bs->n; i++)
		if (t->parent[i] != SIZE_MAX)
			t->n_kids[t->parent[i]]++;
	for (i = 0; i < t->bs->n; i++) {
		t->first_kid[i] = total;
		total += t->n_kids[i];
	}
	for (i = 0; i < t->bs->n; i++) {
		size_t b = t->bs->order[i], p = t->parent[b];

		if (p != SIZE_MAX)
			t->kids[t->first_kid[p] + fill[p]++] = b;
	}
	free(fill);
}

/* Does box stand on the way from the margin to i? Then it need not be named again. */
static bool is_above(const struct tree *t, size_t i, size_t box)
{
	while (i != SIZE_MAX && i != box && t->bs->v[i].rank > t->bs->v[box].rank)
		i = t->parent[i];
	return i == box;
}

static void add_box(struct tree *t, size_t i)
{
	const struct box *b = &t->bs->v[i];
	const char **others = xcalloc(b->n_up + 1, sizeof(*others));
	size_t j, n = 0;

	for (j = 0; j < b->n_up; j++)
		if (!is_above(t, i, b->up[j]))
			others[n++] = t->bs->v[b->up[j]].label;
	if (b->state != BOX_NO_STATE)
		strbuf_addf(t->out, "%s%s%s ", hue_on(t->s, words_hue((enum stale_state)b->state)),
			    words_mark((enum stale_state)b->state, t->s), hue_off(t->s));
	strbuf_addstr(t->out, hue_on(t->s, HUE_BOLD));
	term_add_clean(t->out, b->label, strlen(b->label));
	strbuf_addstr(t->out, hue_off(t->s));
	if (n) {
		strbuf_addstr(t->out, "  (and after ");
		words_list(t->out, others, n, 4);
		strbuf_addch(t->out, ')');
	}
	if (b->detail && b->state != STALE_FRESH) {
		strbuf_addf(t->out, "  %s", hue_on(t->s, HUE_DIM));
		term_add_clean(t->out, b->detail, strlen(b->detail));
		strbuf_addstr(t->out, hue_off(t->s));
	}
	free(others);
}

/* Beyond this indentation grows no more, so that names have room. */
static size_t most_indent(const struct style *s)
{
	return s->width ? (size_t)MIN(MAX(s->width - LEAST_ROOM, s->width / 4), MOST_INDENT) : MOST_INDENT;
}

/* Prints the boxes under root, depth first, without recursion: chains may be thousands long. */
static void add_tree(struct tree *t, size_t root)
{
	bool narrow = t->s->width && t->s->width < NARROW;
	const char *line = narrow ? "" : t->s->utf8 ? "─" : "-", *blanks = narrow ? "  " : "   ";
	const char *tee = t->s->utf8 ? "├" : "+", *corner = t->s->utf8 ? "└" : "`", *bar = t->s->utf8 ? "│" : "|";
	struct level {
		size_t box, next, indent;
	} *stack = xreallocarray(NULL, t->bs->n + 1, sizeof(*stack));
	size_t depth = 0, first = t->out->len, most = most_indent(t->s);

	add_box(t, root);
	term_cut(t->out, first, (size_t)t->s->width, t->s);
	strbuf_addch(t->out, '\n');
	stack[depth++] = (struct level){root, 0, 0};
	while (depth) {
		struct level *l = &stack[depth - 1];
		size_t kid, start = t->out->len, keep;
		bool last;

		if (l->next == t->n_kids[l->box]) {
			depth--;
			continue;
		}
		kid = t->kids[t->first_kid[l->box] + l->next++];
		last = l->next == t->n_kids[l->box];
		strbuf_setlen(&t->indent, l->indent);
		strbuf_addf(t->out, "%s%s%s ", t->indent.buf, last ? corner : tee, line);
		add_box(t, kid);
		term_cut(t->out, start, (size_t)t->s->width, t->s);
		strbuf_addch(t->out, '\n');
		keep = l->indent;
		if (term_width(t->indent.buf, keep) < most)
			strbuf_addf(&t->indent, "%s%s", last ? " " : bar, blanks + 1);
		stack[depth++] = (struct level){kid, 0, t->indent.len};
	}
	free(stack);
}

void drawing_text(const struct drawing *d, const struct style *s, struct strbuf *out)
{
	struct boxes bs = BOXES_INIT;
	struct tree t = {.bs = &bs, .s = s, .out = out, .indent = STRBUF_INIT};
	size_t i;

	boxes_make(&bs, d, s->utf8 ? "×" : "x");
	t.parent = xcalloc(bs.n + 1, sizeof(size_t));
	t.kids = xcalloc(bs.n + 1, sizeof(size_t));
	t.n_kids = xcalloc(bs.n + 1, sizeof(size_t));
	t.first_kid = xcalloc(bs.n + 1, sizeof(size_t));
	find_parents(&t);
	group_kids(&t);
	for (i = 0; i < bs.n; i++)
		if (t.parent[bs.order[i]] == SIZE_MAX)
			add_tree(&t, bs.order[i]);
	free(t.parent);
	free(t.kids);
	free(t.n_kids);
	free(t.first_kid);
	strbuf_release(&t.indent);
	boxes_release(&bs);
}

/* ---- dot ---- */

static void add_dot_quoted(struct strbuf *out, const char *s)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t i;

	term_add_clean(&clean, s, strlen(s));
	for (i = 0; i < clean.len; i++) {
		if (clean.buf[i] == '"' || clean.buf[i] == '\\')
			strbuf_addch(out, '\\');
		strbuf_addch(out, clean.buf[i]);
	}
}

static const char *dot_look(int state)
{
	switch (state) {
	case STALE_FRESH: return "fillcolor=\"#d9efdc\", style=\"rounded,filled\"";
	case STALE_RESTORABLE: return "fillcolor=\"#d6e6f7\", style=\"rounded,filled,dashed\"";
	case STALE_STALE: return "fillcolor=\"#fde3c0\", style=\"rounded,filled,bold\"";
	case STALE_FROZEN: return "fillcolor=\"#e4e4e4\", style=\"rounded,filled,dotted\"";
	default: return "style=\"rounded\"";
	}
}

static const char *title_of(const struct drawing *d)
{
	return d->title ? d->title : d->g->pl && d->g->pl->name ? d->g->pl->name : "pipeline";
}

void drawing_dot(const struct drawing *d, struct strbuf *out)
{
	struct boxes bs = BOXES_INIT;
	size_t i, j;

	boxes_make(&bs, d, "x");
	strbuf_addstr(out, "digraph \"");
	add_dot_quoted(out, title_of(d));
	strbuf_addstr(out, "\" {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n");
	for (i = 0; i < bs.n; i++) {
		strbuf_addf(out, "\tn%zu [label=\"", i);
		add_dot_quoted(out, bs.v[i].label);
		if (bs.v[i].detail) {
			strbuf_addstr(out, "\\n");
			if (bs.v[i].n_instances > 1)
				add_dot_quoted(out, bs.v[i].detail);
			else
				strbuf_addstr(out, stale_state_name((enum stale_state)bs.v[i].state));
			strbuf_addstr(out, "\", tooltip=\"");
			add_dot_quoted(out, bs.v[i].detail);
		}
		strbuf_addf(out, "\", %s];\n", dot_look(bs.v[i].state));
	}
	for (i = 0; i < bs.n; i++)
		for (j = 0; j < bs.v[i].n_down; j++)
			strbuf_addf(out, "\tn%zu -> n%zu;\n", i, bs.v[i].down[j]);
	strbuf_addstr(out, "}\n");
	boxes_release(&bs);
}

/* ---- mermaid ---- */

/* In a quoted label only entities are safe: "#35;" is mermaid's way to write one. */
static void add_mermaid_label(struct strbuf *out, const char *s)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t i;

	term_add_clean(&clean, s, strlen(s));
	for (i = 0; i < clean.len; i++) {
		if (strchr("\"#&<>;`\\|[]{}()*_~", clean.buf[i]))
			strbuf_addf(out, "#%d;", clean.buf[i]);
		else
			strbuf_addch(out, clean.buf[i]);
	}
}

void drawing_mermaid(const struct drawing *d, struct strbuf *out)
{
	struct boxes bs = BOXES_INIT;
	size_t i, j;

	boxes_make(&bs, d, "x");
	strbuf_addstr(out, "flowchart LR\n");
	for (i = 0; i < bs.n; i++) {
		strbuf_addf(out, "    n%zu[\"", i);
		add_mermaid_label(out, bs.v[i].label);
		if (bs.v[i].detail) {
			strbuf_addstr(out, "<br/>");
			add_mermaid_label(out, bs.v[i].n_instances > 1
						       ? bs.v[i].detail
						       : stale_state_name((enum stale_state)bs.v[i].state));
		}
		strbuf_addstr(out, "\"]");
		if (bs.v[i].state != BOX_NO_STATE)
			strbuf_addf(out, ":::%s", stale_state_name((enum stale_state)bs.v[i].state));
		strbuf_addch(out, '\n');
	}
	for (i = 0; i < bs.n; i++)
		for (j = 0; j < bs.v[i].n_down; j++)
			strbuf_addf(out, "    n%zu --> n%zu\n", i, bs.v[i].down[j]);
	if (d->plan)
		strbuf_addstr(out, "    classDef fresh fill:#d9efdc,stroke:#2d7a3a,color:#111\n"
				   "    classDef restorable fill:#d6e6f7,stroke:#2a66a5,color:#111,"
				   "stroke-dasharray:6 3\n"
				   "    classDef stale fill:#fde3c0,stroke:#a85a00,color:#111,stroke-width:3px\n"
				   "    classDef frozen fill:#e4e4e4,stroke:#666,color:#111,stroke-dasharray:2 3\n");
	boxes_release(&bs);
}
