/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/drawing.h"

#include <stdlib.h>
#include <string.h>

#include "report/boxes.h"
#include "report/wording.h"

/* Names are set in a monospaced face, whose advance is 0.6 of its size in every common one. */
#define NAME_ADVANCE 7.8 /* 13 px */
#define NOTE_ADVANCE 6.6 /* 11 px */
#define BOX_PAD 14
#define RANK_GAP 56
#define BOX_GAP 18
#define MARGIN 24
#define MOST_LABEL 36
#define MOST_NOTE 38
#define LEGEND_STEP 118

static const char look[] =
	"<style>\n"
	".g{--ink:#1b1f24;--soft:#5b6470;--line:#8a93a0;--paper:#ffffff;--plain:#f4f5f7;"
	"--fresh:#dff2e2;--fresh-e:#2d7a3a;--restorable:#dcebfa;--restorable-e:#2a66a5;"
	"--stale:#ffe6c4;--stale-e:#a85a00;--frozen:#e8e8ea;--frozen-e:#6b7078}\n"
	"@media (prefers-color-scheme:dark){"
	".g{--ink:#e8eaed;--soft:#a3abb6;--line:#747d8a;--paper:#16191d;--plain:#24282e;"
	"--fresh:#173321;--fresh-e:#63c277;--restorable:#162f49;--restorable-e:#6fb1ee;"
	"--stale:#452b08;--stale-e:#f0a648;--frozen:#2b2e33;--frozen-e:#9aa1ab}}\n"
	".g text{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;"
	"font-size:13px;fill:var(--ink)}\n"
	".g .t{font-size:15px;font-weight:bold}.g .d{font-size:11px;fill:var(--soft)}\n"
	".g .bg{fill:var(--paper)}.g rect.b{fill:var(--plain);stroke:var(--line);stroke-width:1.2}\n"
	".g .e{fill:none;stroke:var(--line);stroke-width:1.4}.g .a{fill:var(--line)}\n"
	".g .fresh rect.b{fill:var(--fresh);stroke:var(--fresh-e)}\n"
	".g .restorable rect.b{fill:var(--restorable);stroke:var(--restorable-e);"
	"stroke-dasharray:7 3;stroke-width:1.6}\n"
	".g .stale rect.b{fill:var(--stale);stroke:var(--stale-e);stroke-width:2.8}\n"
	".g .frozen rect.b{fill:var(--frozen);stroke:var(--frozen-e);stroke-dasharray:2 3;stroke-width:1.6}\n"
	".g .pile{fill:var(--plain);stroke:var(--line);stroke-width:1}\n"
	"</style>\n";

static void add_xml(struct strbuf *out, const char *s)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t i;

	term_add_clean(&clean, s, strlen(s));
	for (i = 0; i < clean.len; i++) {
		switch (clean.buf[i]) {
		case '&': strbuf_addstr(out, "&amp;"); break;
		case '<': strbuf_addstr(out, "&lt;"); break;
		case '>': strbuf_addstr(out, "&gt;"); break;
		case '"': strbuf_addstr(out, "&quot;"); break;
		default: strbuf_addch(out, clean.buf[i]);
		}
	}
}

/* A coordinate without printf's locale: tenths are enough. */
static void add_number(struct strbuf *out, double x)
{
	int64_t tenths = (int64_t)(x * 10 + (x < 0 ? -0.5 : 0.5));

	if (tenths < 0)
		strbuf_addch(out, '-');
	tenths = tenths < 0 ? -tenths : tenths;
	strbuf_addu(out, (uint64_t)(tenths / 10));
	if (tenths % 10)
		strbuf_addf(out, ".%d", (int)(tenths % 10));
}

static void add_attr(struct strbuf *out, const char *name, double x)
{
	strbuf_addf(out, " %s=\"", name);
	add_number(out, x);
	strbuf_addch(out, '"');
}

static void add_text(struct strbuf *out, const char *class, double x, double y, const char *s, size_t width)
{
	static const struct style st = {.utf8 = true};
	CLEANUP(strbuf_release) struct strbuf fit = STRBUF_INIT;

	term_add_fit(&fit, s, width, &st);
	strbuf_addf(out, "<text%s%s%s", *class ? " class=\"" : "", class, *class ? "\"" : "");
	add_attr(out, "x", x);
	add_attr(out, "y", y);
	strbuf_addch(out, '>');
	add_xml(out, fit.buf);
	strbuf_addstr(out, "</text>");
}

/* The second line of a box. */
static const char *note_of(const struct box *b)
{
	if (b->detail)
		return b->detail;
	return b->n_instances > 1 ? "" : b->stage->desc ? b->stage->desc : "";
}

static void measure_boxes(const struct boxes *bs, struct point *size)
{
	size_t i;

	for (i = 0; i < bs->n; i++) {
		const char *label = bs->v[i].label, *note = note_of(&bs->v[i]);
		double name = NAME_ADVANCE * (double)MIN(term_width(label, strlen(label)), MOST_LABEL);
		double below = NOTE_ADVANCE * (double)MIN(term_width(note, strlen(note)), MOST_NOTE);

		size[i].x = MAX(MAX(name, below), 40) + 2 * BOX_PAD;
		size[i].y = *note ? 48 : 34;
	}
}

static void add_rect(struct strbuf *out, const char *class, double x, double y, double w, double h)
{
	strbuf_addf(out, "<rect class=\"%s\"", class);
	add_attr(out, "x", x);
	add_attr(out, "y", y);
	add_attr(out, "width", w);
	add_attr(out, "height", h);
	strbuf_addstr(out, " rx=\"7\"/>");
}

static void add_box(struct strbuf *out, const struct box *b, struct point at, struct point size)
{
	const char *note = note_of(b);

	strbuf_addf(out, "<g%s%s%s><title>", b->state == BOX_NO_STATE ? "" : " class=\"",
		    b->state == BOX_NO_STATE ? "" : stale_state_name((enum stale_state)b->state),
		    b->state == BOX_NO_STATE ? "" : "\"");
	add_xml(out, b->label);
	if (*note) {
		strbuf_addstr(out, "\n");
		add_xml(out, note);
	}
	strbuf_addstr(out, "</title>");
	if (b->n_instances > 1) {
		add_rect(out, "pile", at.x + 6, at.y + 6, size.x, size.y);
		add_rect(out, "pile", at.x + 3, at.y + 3, size.x, size.y);
	}
	add_rect(out, "b", at.x, at.y, size.x, size.y);
	add_text(out, "", at.x + BOX_PAD, at.y + 21, b->label, MOST_LABEL);
	if (*note)
		add_text(out, "d", at.x + BOX_PAD, at.y + 38, note, MOST_NOTE);
	strbuf_addstr(out, "</g>\n");
}

static void add_point(struct strbuf *out, struct point p)
{
	add_number(out, p.x);
	strbuf_addch(out, ' ');
	add_number(out, p.y);
	strbuf_addch(out, ' ');
}

/* A curve through the gaps between ranks, straight where it crosses a rank; it ends short of the box, where its head
 * is. */
static void add_edge(struct strbuf *out, const struct boxes_edge *e, bool down)
{
	struct point tip = e->at[e->n - 1], from, to, c;
	size_t i;

	strbuf_addstr(out, "<path class=\"e\" d=\"M");
	add_point(out, e->at[0]);
	for (i = 0; i < e->n; i += 2) {
		from = e->at[i];
		to = e->at[i + 1];
		if (i + 2 == e->n) {
			to.x -= down ? 0 : 7;
			to.y -= down ? 7 : 0;
		}
		strbuf_addstr(out, "C");
		c = down ? (struct point){from.x, (from.y + to.y) / 2} : (struct point){(from.x + to.x) / 2, from.y};
		add_point(out, c);
		c = down ? (struct point){to.x, (from.y + to.y) / 2} : (struct point){(from.x + to.x) / 2, to.y};
		add_point(out, c);
		add_point(out, to);
		if (i + 2 < e->n) {
			strbuf_addstr(out, "L");
			add_point(out, e->at[i + 2]);
		}
	}
	strbuf_addstr(out, "\"/><path class=\"a\" d=\"M");
	add_point(out, tip);
	add_point(out, down ? (struct point){tip.x - 4, tip.y - 8} : (struct point){tip.x - 8, tip.y - 4});
	add_point(out, down ? (struct point){tip.x + 4, tip.y - 8} : (struct point){tip.x - 8, tip.y + 4});
	strbuf_addstr(out, "Z\"/>\n");
}

static size_t states_present(const struct boxes *bs, bool present[4])
{
	size_t i, n = 0;

	for (i = 0; i < bs->n; i++)
		if (bs->v[i].state != BOX_NO_STATE && !present[bs->v[i].state]) {
			present[bs->v[i].state] = true;
			n++;
		}
	return n;
}

static void add_legend(struct strbuf *out, const bool present[4], double x, double y)
{
	size_t k;

	for (k = 0; k < 4; k++) {
		if (!present[k])
			continue;
		strbuf_addf(out, "<g class=\"%s\">", stale_state_name((enum stale_state)k));
		add_rect(out, "b", x, y, 22, 14);
		add_text(out, "d", x + 30, y + 11, stale_state_name((enum stale_state)k), 0);
		strbuf_addstr(out, "</g>\n");
		x += LEGEND_STEP;
	}
}

static void add_frame(struct strbuf *out, const struct drawing *d, const struct boxes *bs, double width, double height)
{
	const char *title = d->title ? d->title : d->g->pl && d->g->pl->name ? d->g->pl->name : "pipeline";

	strbuf_addstr(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"g\" role=\"img\"");
	add_attr(out, "width", width);
	add_attr(out, "height", height);
	strbuf_addstr(out, " viewBox=\"0 0 ");
	add_point(out, (struct point){width, height});
	strbuf_setlen(out, out->len - 1);
	strbuf_addstr(out, "\">\n<title>");
	add_xml(out, title);
	strbuf_addf(out, "</title>\n<desc>%zu boxes, %zu edges</desc>\n", bs->n, bs->n_edges);
	strbuf_addstr(out, look);
	strbuf_addstr(out, "<rect class=\"bg\" width=\"100%\" height=\"100%\"/>\n");
	add_text(out, "t", MARGIN, 32, title, MOST_LABEL);
	strbuf_addch(out, '\n');
}

void drawing_svg(const struct drawing *d, struct strbuf *out)
{
	struct boxes bs = BOXES_INIT;
	struct boxes_layout l = {.arena = ARENA_INIT};
	bool present[4] = {false};
	struct point *size;
	double top = 56, width;
	size_t i, states;

	boxes_make(&bs, d, "×");
	size = xcalloc(bs.n + 1, sizeof(*size));
	measure_boxes(&bs, size);
	boxes_layout(&l, &bs, size, RANK_GAP, BOX_GAP);
	states = states_present(&bs, present);
	width = MAX(MAX(l.width + 6, (double)states * LEGEND_STEP), MOST_LABEL * 9.0) + 2 * MARGIN;
	add_frame(out, d, &bs, width, top + l.height + 6 + MARGIN + (states ? 34 : 0));
	strbuf_addf(out, "<g transform=\"translate(%d,%d)\">\n", MARGIN, (int)top);
	for (i = 0; i < l.n_edges; i++)
		add_edge(out, &l.edges[i], l.down);
	for (i = 0; i < bs.n; i++)
		add_box(out, &bs.v[i], l.corner[i], size[i]);
	strbuf_addstr(out, "</g>\n");
	add_legend(out, present, MARGIN, top + l.height + 30);
	strbuf_addstr(out, "</svg>\n");
	free(size);
	boxes_layout_release(&l);
	boxes_release(&bs);
}
