/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/display.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/wording.h"
#include "util/file.h"
#include "util/path.h"
#include "util/strvec.h"
#include "util/text.h"

#define SECOND INT64_C(1000000000)
/* The block is not redrawn for news of progress more often than this. */
#define REDRAW_EVERY (SECOND / 10)
#define HEARTBEAT_EVERY (30 * SECOND)
#define MOST_SKIPPED_LINES 5
#define MOST_NAMES 8
#define TEXT_LIMIT 300
/* No stage is believed to take longer than some years. */
#define MOST_LEFT 1e17

struct runner {
	size_t node;
	const char *name;
	int64_t began, estimate, done, total;
	char *text; /* of its last progress; owned */
};

struct display {
	int fd, verbosity;
	struct style style;
	bool live, annotate, pretended, broken;
	int columns, rows;
	const struct plan *plan;
	struct runner *v;
	size_t n, cap;
	struct strbuf lines;   /* to be written above the block */
	size_t *drawn;         /* widths of the lines of the block on the screen */
	size_t n_drawn, cap_drawn;
	int drawn_columns;     /* how wide the terminal was then */
	int64_t began, drawn_at, wrote_at;
	size_t ran, restored, fresh, frozen, failed, refused, stopped, skipped;
	size_t finished;       /* of those that the plan expects to run or to be restored */
	size_t running, waiting;
	int64_t saved, eta, eta_at; /* eta -1: not known */
	size_t longest_name;
	struct strvec failures;
};

/* ---- writing ---- */

static void ask_size(struct display *d)
{
	if (d->live && !d->pretended)
		term_size(d->fd, &d->columns, &d->rows);
	if (d->live)
		d->style.width = d->columns;
}

static void write_out(struct display *d, const struct strbuf *sb)
{
	if (sb->len && !d->broken && fd_write_all(d->fd, sb->buf, sb->len, NULL) < 0)
		d->broken = true;
}

/* The cursor stands below the block: to its first line, counting what a narrower window has wrapped. */
static void add_up(struct display *d, struct strbuf *out)
{
	size_t i, rows = 0, columns = (size_t)MAX(d->columns, 1);

	for (i = 0; i < d->n_drawn; i++)
		rows += d->drawn[i] ? (d->drawn[i] - 1) / columns + 1 : 1;
	rows = MIN(rows, (size_t)MAX(d->rows - 1, 1));
	if (d->n_drawn)
		strbuf_addf(out, "\033[%zuA\r", rows);
}

/* ---- the block ---- */

static void add_age(struct strbuf *out, int64_t ns)
{
	int64_t s = MAX(ns, 0) / SECOND;

	if (s < 60)
		strbuf_addf(out, "%jds", (intmax_t)s);
	else if (s < 3600)
		strbuf_addf(out, "%jdm%02jds", (intmax_t)(s / 60), (intmax_t)(s % 60));
	else
		strbuf_addf(out, "%jdh%02jdm", (intmax_t)(s / 3600), (intmax_t)(s / 60 % 60));
}

static void add_bar(struct strbuf *out, const struct style *s, int64_t done, int64_t total, int width)
{
	double part = MAX(MIN((double)done / (double)total, 1), 0);
	int full = (int)(part * width + 0.5), i;

	if (!s->utf8)
		strbuf_addch(out, '[');
	strbuf_addstr(out, hue_on(s, HUE_INFO));
	for (i = 0; i < full; i++)
		strbuf_addstr(out, s->utf8 ? "█" : "#");
	strbuf_addstr(out, hue_off(s));
	for (; i < width; i++)
		strbuf_addstr(out, s->utf8 ? "░" : ".");
	strbuf_addstr(out, s->utf8 ? " " : "] ");
}

/* What is left for a runner: by its progress, else by what it took last time; -1 if neither says. */
static int64_t left_of(const struct runner *r, int64_t age)
{
	double left;

	if (r->total > 0 && r->done > 0) {
		left = (double)age * ((double)r->total / (double)r->done - 1);
		return left < 0 ? 0 : left < MOST_LEFT ? (int64_t)left : -1;
	}
	return r->estimate > age ? r->estimate - age : -1;
}

static size_t block_name_width(const struct display *d)
{
	size_t longest = 0, i;

	for (i = 0; i < d->n; i++)
		longest = MAX(longest, term_width(d->v[i].name, strlen(d->v[i].name)));
	return MIN(longest, (size_t)MAX(d->columns / 3, 8));
}

static void add_runner(const struct display *d, const struct runner *r, size_t name_width, int64_t now,
		       struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf age = STRBUF_INIT;
	int64_t left = left_of(r, now - r->began);
	const struct style *s = &d->style;

	strbuf_addf(out, "%s%s%s ", hue_on(s, HUE_INFO), s->utf8 ? "▸" : ">", hue_off(s));
	term_add_cell(out, r->name, name_width, s);
	add_age(&age, now - r->began);
	strbuf_addf(out, " %6s  ", age.buf);
	if (r->total > 0) {
		if (d->columns >= 60)
			add_bar(out, s, r->done, r->total, d->columns >= 100 ? 20 : 10);
		strbuf_addf(out, "%3d%%  ", (int)MIN(MAX((double)r->done / (double)r->total * 100, 0), 100));
	}
	if (left >= 0) {
		strbuf_addstr(out, hue_on(s, HUE_DIM));
		add_age(out, left);
		strbuf_addf(out, " left%s  ", hue_off(s));
	}
	if (r->text)
		strbuf_addstr(out, r->text);
}

static size_t total_of(const struct display *d)
{
	if (d->plan)
		return d->plan->counts[STALE_STALE] + d->plan->counts[STALE_RESTORABLE];
	return d->finished + d->running + d->waiting;
}

static void add_total(const struct display *d, size_t hidden, int64_t now, struct strbuf *out)
{
	int64_t left = d->eta < 0 ? -1 : MAX(d->eta - (now - d->eta_at), 0);

	hue_addf(out, &d->style, HUE_BOLD, "%zu/%zu", d->finished, total_of(d));
	strbuf_addf(out, "  %zu running", d->n);
	if (hidden)
		strbuf_addf(out, " (%zu not shown)", hidden);
	if (d->failed) {
		strbuf_addstr(out, ", ");
		hue_addf(out, &d->style, HUE_BAD, "%zu failed", d->failed);
	}
	if (left >= 0) {
		strbuf_addstr(out, ", about ");
		add_age(out, left);
		strbuf_addstr(out, " left");
	}
}

/* Ends a line of the block that began at start: one column is left free, since a full line would wrap. */
static void end_line(struct display *d, struct strbuf *out, size_t start)
{
	term_cut(out, start, (size_t)MAX(d->columns - 1, 1), &d->style);
	while (out->len > start && out->buf[out->len - 1] == ' ')
		strbuf_setlen(out, out->len - 1);
	ALLOC_GROW(d->drawn, d->n_drawn + 1, d->cap_drawn);
	d->drawn[d->n_drawn++] = term_width(out->buf + start, out->len - start);
	strbuf_addstr(out, "\033[K\n");
}

static void add_block(struct display *d, int64_t now, struct strbuf *out)
{
	size_t shown = (size_t)MAX(d->rows - 2, 1), i, width, start;

	d->n_drawn = 0;
	if (!d->n || d->verbosity < 0)
		return;
	shown = d->n < shown ? d->n : shown - 1;
	width = block_name_width(d);
	for (i = 0; i < shown; i++) {
		start = out->len;
		add_runner(d, &d->v[i], width, now, out);
		end_line(d, out, start);
	}
	start = out->len;
	add_total(d, d->n - shown, now, out);
	end_line(d, out, start);
}

/* Shows what is new, in one write. Without new lines the block is redrawn only if it is time or it must be. */
static void show(struct display *d, int64_t now, bool must)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t had = d->n_drawn;

	if (d->lines.len)
		d->wrote_at = now;
	if (!d->live) {
		write_out(d, &d->lines);
	} else if (d->lines.len || must || now - d->drawn_at >= REDRAW_EVERY) {
		strbuf_addstr(&out, "\033[?2026h");
		add_up(d, &out);
		/* Lines of any length may wrap: what is below is wiped before, not behind each. Written over lines that a
		   narrower window has wrapped, the block would be taken for one long line when the window widens again. */
		if (had && (d->lines.len || d->columns != d->drawn_columns))
			strbuf_addstr(&out, "\033[J");
		strbuf_add(&out, d->lines.buf, d->lines.len);
		add_block(d, now, &out);
		strbuf_addstr(&out, had ? "\033[J\033[?2026l" : "\033[?2026l");
		if (had || d->n_drawn || d->lines.len)
			write_out(d, &out);
		d->drawn_at = now;
		d->drawn_columns = d->columns;
	}
	strbuf_clear(&d->lines);
}

/* ---- lines ---- */

enum line_kind { LINE_DONE, LINE_RESTORED, LINE_FRESH, LINE_FROZEN, LINE_FAILED, LINE_SKIPPED, LINE_RETRY, LINE_START,
		 LINE_PASSED, LINE_REFUSED, LINE_STOPPED };
static const struct {
	const char *word, *mark;
	enum hue hue;
} line_looks[] = {
	[LINE_DONE] = {"done", "✓", HUE_GOOD},       [LINE_RESTORED] = {"restored", "↺", HUE_INFO},
	[LINE_FRESH] = {"fresh", "=", HUE_GOOD},     [LINE_FROZEN] = {"frozen", "∗", HUE_DIM},
	[LINE_FAILED] = {"failed", "✗", HUE_BAD},    [LINE_SKIPPED] = {"skipped", "-", HUE_WARN},
	[LINE_RETRY] = {"retry", "↻", HUE_WARN},     [LINE_START] = {"start", "▸", HUE_INFO},
	[LINE_PASSED] = {"passed", "✓", HUE_GOOD},   [LINE_REFUSED] = {"refused", "✗", HUE_BAD},
	[LINE_STOPPED] = {"stopped", "-", HUE_WARN},
};

/* Begins a line: mark or word, name, and its time if it is not negative. */
static void add_head(struct display *d, enum line_kind kind, const struct event *e, int64_t duration)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	const char *name = e->in ? e->in->name : "";
	const struct style *s = &d->style;
	size_t start, used, width = MIN(d->longest_name, d->live ? (size_t)MAX(d->columns / 3, 8) : 32);

	strbuf_addstr(&d->lines, hue_on(s, line_looks[kind].hue));
	if (d->live && s->utf8)
		strbuf_addf(&d->lines, "%s%s ", line_looks[kind].mark, hue_off(s));
	else
		strbuf_addf(&d->lines, "%-8s%s ", line_looks[kind].word, hue_off(s));
	start = d->lines.len;
	if (d->live)
		term_add_fit(&d->lines, name, (size_t)MAX(d->columns / 2, 8), s);
	else
		term_add_clean(&d->lines, name, strlen(name));
	used = term_width(d->lines.buf + start, d->lines.len - start);
	if (used < width)
		strbuf_addn(&d->lines, ' ', width - used);
	if (duration >= 0) {
		text_add_duration(&time, duration);
		strbuf_addf(&d->lines, "  %6s", time.buf);
	}
}

static void end_head(struct display *d, size_t start)
{
	term_cut(&d->lines, start, d->live ? (size_t)MAX(d->columns - 1, 1) : 0, &d->style);
	while (d->lines.len > start && d->lines.buf[d->lines.len - 1] == ' ')
		strbuf_setlen(&d->lines, d->lines.len - 1);
	strbuf_addch(&d->lines, '\n');
}

static void add_reasons(struct display *d, const struct verdict *v)
{
	size_t i;

	for (i = 0; v && i < v->n_reasons; i++) {
		strbuf_addf(&d->lines, "    %-8s  ", reason_kind_name(v->reasons[i].kind));
		words_reason(&d->lines, &v->reasons[i]);
		strbuf_addch(&d->lines, '\n');
	}
}

/* One line for something that ended well: what it was and why, with a word on how it ended. */
static void add_ended(struct display *d, enum line_kind kind, const struct event *e, int64_t duration, const char *how)
{
	size_t start = d->lines.len;

	add_head(d, kind, e, duration);
	strbuf_addstr(&d->lines, "  ");
	if (e->verdict)
		words_first_reason(&d->lines, e->verdict);
	if (*how)
		strbuf_addf(&d->lines, "%s%s", e->verdict && e->verdict->n_reasons ? "; " : "", how);
	end_head(d, start);
}

/* ---- failures ---- */

static void add_annotation_part(struct strbuf *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
			strbuf_addf(out, "%%%02X", (unsigned char)*s);
		else
			strbuf_addch(out, *s);
	}
}

static void add_annotation(struct display *d, const struct event *e)
{
	strbuf_addstr(&d->lines, "::error title=");
	add_annotation_part(&d->lines, e->in ? e->in->name : "mlmake", true);
	strbuf_addstr(&d->lines, " failed");
	if (e->in && e->in->stage->at.file) {
		strbuf_addstr(&d->lines, ",file=");
		add_annotation_part(&d->lines, e->in->stage->at.file, true);
		strbuf_addf(&d->lines, ",line=%d", e->in->stage->at.line);
	}
	strbuf_addstr(&d->lines, "::");
	add_annotation_part(&d->lines, e->message ? e->message : "failed", false);
	strbuf_addch(&d->lines, '\n');
}

/* Did anything stand where its outputs go before it ran? */
static bool had_outputs(const struct display *d, size_t node)
{
	const struct record *now;
	size_t i;

	if (!d->plan || node >= d->plan->g->n || !d->plan->selected[node])
		return false;
	now = &d->plan->verdicts[node].now;
	for (i = 0; i < now->n_facts; i++)
		if (fact_is_output(now->facts[i].kind) && now->facts[i].content.kind != CONTENT_NONE)
			return true;
	return false;
}

static void add_where(struct display *d, const char *what, const char *path)
{
	strbuf_addf(&d->lines, "    %s: ", what);
	term_add_clean(&d->lines, path, strlen(path));
	strbuf_addch(&d->lines, '\n');
}

char *display_log(const char *log, bool *goes)
{
	CLEANUP(freep) char *dir = path_dir(log), *kept = NULL;
	char c;

	*goes = readlink(dir, &c, 1) > 0;
	if (*goes)
		kept = realpath(dir, NULL);
	return kept ? path_join(kept, path_base(log)) : xstrdup(log);
}

static void add_remains(struct display *d, const struct event *e)
{
	bool goes = false;
	CLEANUP(freep) char *log = e->log ? display_log(e->log, &goes) : NULL;

	if (log)
		add_where(d, "whole log", log);
	if (e->aside && !goes)
		add_where(d, "half-written outputs", e->aside);
}

static void add_failure(struct display *d, const struct event *e)
{
	add_head(d, e->outcome == BUILD_REFUSED ? LINE_REFUSED : LINE_FAILED, e, e->duration > 0 ? e->duration : -1);
	strbuf_addf(&d->lines, "  %s", hue_on(&d->style, HUE_BAD));
	term_add_clean(&d->lines, e->message ? e->message : "", e->message ? strlen(e->message) : 0);
	strbuf_addstr(&d->lines, hue_off(&d->style));
	if (e->attempt > 1)
		strbuf_addf(&d->lines, " (attempt %d)", e->attempt);
	strbuf_addch(&d->lines, '\n');
	if (e->tail)
		term_add_lines(&d->lines, d->live && d->style.utf8 ? "    │ " : "    | ", e->tail, strlen(e->tail));
	add_remains(d, e);
	if (e->log && had_outputs(d, e->node))
		strbuf_addstr(&d->lines, "    its outputs are again those of before\n");
	if (d->annotate)
		add_annotation(d, e);
}

/* Stages that ^C ended have not failed; the build says so in these words. */
static bool was_interrupted(const struct event *e)
{
	return e->outcome == BUILD_INTERRUPTED;
}

static void on_failed(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	if (was_interrupted(e)) {
		d->stopped++;
		if (d->verbosity >= 0) {
			add_head(d, LINE_STOPPED, e, e->duration > 0 ? e->duration : -1);
			end_head(d, start);
		}
		return;
	}
	*(e->outcome == BUILD_REFUSED ? &d->refused : &d->failed) += 1;
	if (e->in && e->outcome != BUILD_REFUSED)
		strvec_push(&d->failures, e->in->name);
	add_failure(d, e);
}

/* ---- the closing sentence ---- */

void display_nothing(size_t fresh, size_t frozen, struct strbuf *out)
{
	strbuf_addstr(out, "nothing to do");
	if (fresh == 1)
		strbuf_addstr(out, ": 1 artifact is fresh");
	else if (fresh)
		strbuf_addf(out, ": %zu artifacts are fresh", fresh);
	if (frozen)
		strbuf_addf(out, "%s%zu frozen", fresh ? ", " : ": ", frozen);
	strbuf_addch(out, '\n');
}

static void add_counts(struct display *d)
{
	const struct {
		size_t n;
		const char *word;
	} counts[] = {{d->failed, "failed"},     {d->refused, "refused"}, {d->stopped, "stopped"}, {d->skipped, "skipped"}, {d->ran, "ran"},
		      {d->restored, "restored"}, {d->fresh, "fresh"},     {d->frozen, "frozen"}};
	const char *comma = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i].n) {
			strbuf_addf(&d->lines, "%s%zu %s", comma, counts[i].n, counts[i].word);
			comma = ", ";
		}
}

static void add_closing(struct display *d, const struct event *e)
{
	bool bad = e->outcome != BUILD_OK;

	if (d->verbosity < 0 && !bad)
		return;
	if (!bad && !(d->ran + d->restored + d->failed + d->refused + d->skipped + d->stopped)) {
		display_nothing(d->fresh, d->frozen, &d->lines);
		return;
	}
	strbuf_addstr(&d->lines, hue_on(&d->style, bad ? HUE_BAD : HUE_BOLD));
	strbuf_addstr(&d->lines, e->outcome == BUILD_INTERRUPTED ? "interrupted: " : "");
	add_counts(d);
	strbuf_addf(&d->lines, "%s in ", hue_off(&d->style));
	text_add_duration(&d->lines, e->now - d->began);
	if (d->saved >= SECOND) {
		strbuf_addstr(&d->lines, "; ");
		text_add_duration(&d->lines, d->saved);
		strbuf_addstr(&d->lines, " saved");
	}
	strbuf_addch(&d->lines, '\n');
	if (d->failures.n > 1) {
		strbuf_addstr(&d->lines, "failed: ");
		words_list(&d->lines, (const char *const *)d->failures.v, d->failures.n, MOST_NAMES);
		strbuf_addch(&d->lines, '\n');
	}
	if (bad && d->ran + d->restored)
		strbuf_addstr(&d->lines, "what finished is kept: the next `mlmake` goes on from there\n");
}

/* ---- events ---- */

static struct runner *runner_of(struct display *d, size_t node)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->v[i].node == node)
			return &d->v[i];
	return NULL;
}

static void drop_runner(struct display *d, size_t node)
{
	struct runner *r = runner_of(d, node);

	if (!r)
		return;
	free(r->text);
	memmove(r, r + 1, (size_t)(d->v + d->n - (r + 1)) * sizeof(*r));
	d->n--;
}

/* Did the plan expect this node to do something? */
static bool was_due(const struct display *d, size_t node)
{
	if (!d->plan)
		return true;
	if (node >= d->plan->g->n || !d->plan->selected[node])
		return false;
	return d->plan->verdicts[node].state == STALE_STALE || d->plan->verdicts[node].state == STALE_RESTORABLE;
}

static void on_begin(struct display *d, const struct event *e)
{
	size_t i;

	d->began = d->wrote_at = e->now;
	d->plan = e->plan;
	d->eta = -1;
	for (i = 0; d->plan && i < d->plan->g->n; i++)
		if (was_due(d, i)) {
			const char *name = d->plan->g->nodes[i].in->name;

			d->longest_name = MAX(d->longest_name, term_width(name, strlen(name)));
		}
}

static void on_start(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	drop_runner(d, e->node);
	ALLOC_GROW(d->v, d->n + 1, d->cap);
	d->v[d->n++] = (struct runner){.node = e->node, .name = e->in ? e->in->name : "", .began = e->now,
				       .estimate = e->estimate};
	if (d->verbosity > 0) {
		add_head(d, LINE_START, e, -1);
		end_head(d, start);
		add_reasons(d, e->verdict);
	}
}

static void on_progress(struct display *d, const struct event *e)
{
	struct runner *r = runner_of(d, e->node);
	struct strbuf text = STRBUF_INIT;

	if (!r)
		return;
	r->done = e->done;
	r->total = e->total;
	free(r->text);
	if (e->text)
		term_add_clean(&text, e->text, MIN(e->len ? e->len : strlen(e->text), TEXT_LIMIT));
	r->text = strbuf_detach(&text);
}

static void on_output(struct display *d, const struct event *e)
{
	CLEANUP(strbuf_release) struct strbuf prefix = STRBUF_INIT;

	if (d->verbosity < 1 || !e->text)
		return;
	strbuf_addstr(&prefix, hue_on(&d->style, HUE_DIM));
	if (e->in)
		term_add_clean(&prefix, e->in->name, strlen(e->in->name));
	strbuf_addf(&prefix, " |%s ", hue_off(&d->style));
	term_add_lines(&d->lines, prefix.buf, e->text, e->len);
}

/* Has it rules in place of a command, and no outputs? */
static bool is_performed(const struct event *e)
{
	return e->in && e->in->stage->kind != STAGE_COMMAND;
}

/* Others only made what is needed to judge. */
static bool is_judge(const struct event *e)
{
	return e->in && (e->in->stage->kind == STAGE_CHECK || e->in->stage->kind == STAGE_GATE);
}

static void on_done(struct display *d, const struct event *e)
{
	d->ran++;
	if (d->verbosity >= 0)
		add_ended(d, is_judge(e) ? LINE_PASSED : LINE_DONE, e, e->duration,
			  e->changed || is_performed(e) ? "" : "its outputs came out the same");
}

static void on_restored(struct display *d, const struct event *e)
{
	CLEANUP(strbuf_release) struct strbuf how = STRBUF_INIT;

	d->restored++;
	d->saved += e->saved;
	if (d->verbosity < 0)
		return;
	if (e->saved > 0) {
		text_add_duration(&how, e->saved);
		strbuf_addstr(&how, " saved");
	}
	add_ended(d, LINE_RESTORED, e, -1, how.buf);
	if (d->verbosity > 0)
		add_reasons(d, e->verdict);
}

static void on_fresh(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	d->fresh++;
	d->saved += e->saved;
	if (d->verbosity < 0 || (d->verbosity == 0 && !(d->plan && was_due(d, e->node))))
		return;
	add_head(d, LINE_FRESH, e, -1);
	if (d->plan && was_due(d, e->node))
		strbuf_addstr(&d->lines, "  its inputs came out the same");
	end_head(d, start);
}

static void on_frozen(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	d->frozen++;
	if (d->verbosity < 1)
		return;
	add_head(d, LINE_FROZEN, e, -1);
	end_head(d, start);
}

static void on_skipped(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	d->skipped++;
	if (d->verbosity < 0 || (d->verbosity == 0 && (!e->cause || d->skipped > MOST_SKIPPED_LINES)))
		return;
	add_head(d, LINE_SKIPPED, e, -1);
	strbuf_addstr(&d->lines, e->cause ? "  needs " : "  the build stopped");
	if (e->cause) {
		term_add_clean(&d->lines, e->cause, strlen(e->cause));
		strbuf_addstr(&d->lines, ", which failed");
	}
	end_head(d, start);
}

static void on_retry(struct display *d, const struct event *e)
{
	size_t start = d->lines.len;

	if (d->verbosity < 0)
		return;
	add_head(d, LINE_RETRY, e, e->duration > 0 ? e->duration : -1);
	strbuf_addstr(&d->lines, "  ");
	if (e->message)
		term_add_clean(&d->lines, e->message, strlen(e->message));
	strbuf_addf(&d->lines, ": attempt %d", e->attempt);
	end_head(d, start);
}

static void on_note(struct display *d, const struct event *e)
{
	if (d->verbosity < 0 || !e->message)
		return;
	strbuf_addf(&d->lines, "%snote:%s ", hue_on(&d->style, HUE_WARN), hue_off(&d->style));
	if (e->in) {
		term_add_clean(&d->lines, e->in->name, strlen(e->in->name));
		strbuf_addstr(&d->lines, ": ");
	}
	term_add_clean(&d->lines, e->message, strlen(e->message));
	strbuf_addch(&d->lines, '\n');
}

/* A sign of life where nothing is redrawn, so that CI does not take a long training for a hung one. */
static void heartbeat(struct display *d, int64_t now)
{
	size_t i;

	if (d->live || d->verbosity < 0 || !d->n || now - d->wrote_at < HEARTBEAT_EVERY)
		return;
	strbuf_addstr(&d->lines, "still running: ");
	for (i = 0; i < d->n && i < MOST_NAMES; i++) {
		strbuf_addstr(&d->lines, i ? ", " : "");
		term_add_clean(&d->lines, d->v[i].name, strlen(d->v[i].name));
		strbuf_addstr(&d->lines, " (");
		add_age(&d->lines, now - d->v[i].began);
		if (d->v[i].total > 0)
			strbuf_addf(&d->lines, ", %jd/%jd", (intmax_t)d->v[i].done, (intmax_t)d->v[i].total);
		strbuf_addch(&d->lines, ')');
	}
	if (i < d->n)
		strbuf_addf(&d->lines, " and %zu more", d->n - i);
	strbuf_addch(&d->lines, '\n');
}

static void on_tick(struct display *d, const struct event *e)
{
	d->eta = e->estimate;
	d->eta_at = e->now;
	heartbeat(d, e->now);
}

static bool is_end_of_instance(enum event_kind k)
{
	return k == EVENT_DONE || k == EVENT_RESTORED || k == EVENT_FRESH || k == EVENT_FAILED || k == EVENT_SKIPPED;
}

static void handle(struct display *d, const struct event *e)
{
	switch (e->kind) {
	case EVENT_BEGIN: on_begin(d, e); break;
	case EVENT_START: on_start(d, e); break;
	case EVENT_PROGRESS: on_progress(d, e); break;
	case EVENT_OUTPUT: on_output(d, e); break;
	case EVENT_DONE: on_done(d, e); break;
	case EVENT_RESTORED: on_restored(d, e); break;
	case EVENT_FRESH: on_fresh(d, e); break;
	case EVENT_FAILED: on_failed(d, e); break;
	case EVENT_RETRY: on_retry(d, e); break;
	case EVENT_SKIPPED: on_skipped(d, e); break;
	case EVENT_FROZEN: on_frozen(d, e); break;
	case EVENT_NOTE: on_note(d, e); break;
	case EVENT_TICK: on_tick(d, e); break;
	case EVENT_END: add_closing(d, e); break;
	}
}

static void emit(void *ctx, const struct event *e)
{
	struct display *d = ctx;

	if (d->n || e->kind == EVENT_BEGIN)
		ask_size(d);
	d->running = e->running;
	d->waiting = e->waiting;
	if (is_end_of_instance(e->kind)) {
		drop_runner(d, e->node);
		d->finished += was_due(d, e->node);
	}
	if (e->kind == EVENT_END)
		while (d->n)
			drop_runner(d, d->v[0].node);
	handle(d, e);
	show(d, e->now, e->kind == EVENT_END);
}

struct display *display_new(int fd, const struct style *s, int verbosity)
{
	struct display *d = xcalloc(1, sizeof(*d));
	const char *ci = getenv("GITHUB_ACTIONS");

	*d = (struct display){.fd = fd, .style = *s, .verbosity = verbosity, .live = term_is_live(fd),
			      .lines = STRBUF_INIT, .columns = 80, .rows = 24, .eta = -1};
	d->annotate = ci && *ci && !streq(ci, "false");
	if (!d->live)
		d->style.width = 0;
	return d;
}

void display_pretend(struct display *d, bool live, int columns, int rows, bool annotate)
{
	d->pretended = true;
	d->live = live;
	d->columns = columns;
	d->rows = rows;
	d->annotate = annotate;
}

struct event_sink display_sink(struct display *d)
{
	return (struct event_sink){emit, d};
}

void display_free(struct display *d)
{
	if (!d)
		return;
	while (d->n)
		drop_runner(d, d->v[0].node);
	if (d->n_drawn)
		show(d, d->drawn_at, true);
	free(d->v);
	free(d->drawn);
	strbuf_release(&d->lines);
	strvec_release(&d->failures);
	free(d);
}

/* ---- what would happen ---- */


enum intent { WOULD_RUN, MAY_RUN, WOULD_RESTORE, NOTHING };

static enum intent intent_of(const struct verdict *v)
{
	if (v->state == STALE_RESTORABLE)
		return WOULD_RESTORE;
	if (v->state != STALE_STALE)
		return NOTHING;
	return words_only_upstream(v) ? MAY_RUN : WOULD_RUN;
}

/* "unless clean comes out the same" */
static void add_cutoff(struct strbuf *out, const struct verdict *v)
{
	const char **names = xcalloc(v->n_reasons + 1, sizeof(*names));
	size_t i;

	for (i = 0; i < v->n_reasons; i++)
		names[i] = v->reasons[i].name;
	strbuf_addstr(out, "stays as it is if ");
	words_list(out, names, v->n_reasons, 3);
	strbuf_addstr(out, v->n_reasons == 1 ? " comes out the same" : " come out the same");
	free(names);
}

static void add_intent(const struct plan *p, size_t node, size_t name_width, const struct style *s, struct strbuf *out)
{
	static const struct {
		const char *words;
		enum hue hue;
	} looks[] = {{"run", HUE_WARN}, {"may run", HUE_DIM}, {"restore", HUE_INFO}};
	const struct verdict *v = &p->verdicts[node];
	enum intent intent = intent_of(v);
	size_t start = out->len;

	strbuf_addf(out, "%s%-7s%s  ", hue_on(s, looks[intent].hue), looks[intent].words, hue_off(s));
	if (s->width)
		term_add_cell(out, p->g->nodes[node].in->name, name_width, s);
	else
		strbuf_addf(out, "%-*s", (int)name_width, p->g->nodes[node].in->name);
	strbuf_addstr(out, "  ");
	if (intent == MAY_RUN)
		add_cutoff(out, v);
	else
		words_first_reason(out, v);
	term_cut(out, start, (size_t)s->width, s);
	while (out->buf[out->len - 1] == ' ')
		strbuf_setlen(out, out->len - 1);
	strbuf_addch(out, '\n');
}

static void add_intents_closing(const size_t n[3], size_t fresh, size_t frozen, int64_t work, struct strbuf *out)
{
	static const char *const words[] = {"would run", "may run", "would be restored"};
	const char *comma = "";
	size_t i;

	if (!n[WOULD_RUN] && !n[MAY_RUN] && !n[WOULD_RESTORE]) {
		strbuf_addf(out, "nothing to do: %zu fresh", fresh);
		strbuf_addf(out, frozen ? ", %zu frozen\n" : "\n", frozen);
		return;
	}
	for (i = 0; i < 3; i++)
		if (n[i]) {
			strbuf_addf(out, "%s%zu %s", comma, n[i], words[i]);
			comma = ", ";
		}
	if (fresh)
		strbuf_addf(out, ", %zu fresh", fresh);
	if (frozen)
		strbuf_addf(out, ", %zu frozen", frozen);
	if (work > 0) {
		strbuf_addstr(out, "; at most ");
		text_add_duration(out, work);
		strbuf_addstr(out, " of work, going by the last runs");
	}
	strbuf_addch(out, '\n');
}

void display_plan(const struct plan *p, const struct style *s, struct strbuf *out)
{
	size_t n[3] = {0}, i, width = 0;
	int64_t work = 0;

	for (i = 0; i < p->g->n; i++)
		if (p->selected[i] && intent_of(&p->verdicts[i]) != NOTHING)
			width = MAX(width, term_width(p->g->nodes[i].in->name, strlen(p->g->nodes[i].in->name)));
	width = MIN(width, s->width ? (size_t)MAX(s->width / 3, 8) : 32);
	for (i = 0; i < p->g->n; i++) {
		size_t node = p->g->order[i];
		const struct verdict *v = &p->verdicts[node];

		if (!p->selected[node] || intent_of(v) == NOTHING)
			continue;
		n[intent_of(v)]++;
		if (intent_of(v) != WOULD_RESTORE && v->last)
			work += v->last->duration;
		add_intent(p, node, width, s, out);
	}
	add_intents_closing(n, p->counts[STALE_FRESH], p->counts[STALE_FROZEN], work, out);
}

void display_freep(struct display **d)
{
	display_free(*d);
}
