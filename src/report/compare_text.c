/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/unified.h"
#include "report/wording.h"
#include "util/text.h"

#define MOST_NAMES 6
#define DIGITS 12       /* of a digest */
#define NAME_COLUMN 28  /* columns that names get at most */

struct page {
	const struct comparison *c;
	const struct style *s;
	struct strbuf *out;
	bool any;
};

static void begin_section(struct page *p, const char *name)
{
	hue_addf(p->out, p->s, HUE_BOLD, "%s", name);
	strbuf_addch(p->out, '\n');
	p->any = true;
}

static void end_line(struct page *p, size_t start)
{
	term_cut(p->out, start, (size_t)p->s->width, p->s);
	strbuf_addch(p->out, '\n');
}

/* A name in a column of its own, if it fits there. */
static void add_name(struct page *p, const char *name, size_t width)
{
	strbuf_addstr(p->out, "  ");
	if (term_width(name, strlen(name)) > width)
		term_add_clean(p->out, name, strlen(name));
	else
		term_add_cell(p->out, name, width, p->s);
	strbuf_addstr(p->out, "  ");
}

static void add_old_new(struct page *p, const char *old, const char *new)
{
	strbuf_addstr(p->out, hue_on(p->s, HUE_BAD));
	term_add_clean(p->out, old ? old : "(unset)", strlen(old ? old : "(unset)"));
	strbuf_addf(p->out, "%s -> %s", hue_off(p->s), hue_on(p->s, HUE_GOOD));
	term_add_clean(p->out, new ? new : "(unset)", strlen(new ? new : "(unset)"));
	strbuf_addstr(p->out, hue_off(p->s));
}

static void add_for(struct page *p, const char *const *instances, size_t n)
{
	strbuf_addf(p->out, "  %s(", hue_on(p->s, HUE_DIM));
	words_list(p->out, instances, n, MOST_NAMES);
	strbuf_addf(p->out, ")%s", hue_off(p->s));
}

/* ---- head ---- */

static void add_side(struct page *p, const char *word, const struct snapshot *s)
{
	size_t start = p->out->len;

	strbuf_addf(p->out, "%-5s ", word);
	strbuf_addstr(p->out, hue_on(p->s, HUE_BOLD));
	term_add_clean(p->out, s->name, strlen(s->name));
	strbuf_addstr(p->out, hue_off(p->s));
	if (s->run) {
		strbuf_addstr(p->out, "  ");
		words_time(p->out, s->run->time, false);
		strbuf_addstr(p->out, "  ");
		term_add_clean(p->out, s->run->outcome, strlen(s->run->outcome));
	}
	if (s->run && s->commit && strncmp(s->name, "commit", 6) != 0) {
		strbuf_addf(p->out, "  %.9s", s->commit);
		strbuf_addstr(p->out, s->run->dirty == 1 ? " with changes" : "");
	}
	end_line(p, start);
}

/* ---- code ---- */

/* Tabs as blanks up to the next eighth column, the rest clean. */
static void add_text(struct page *p, const char *s, size_t n)
{
	size_t column = 1;

	while (n) {
		const char *tab = memchr(s, '\t', n);
		size_t len = tab ? (size_t)(tab - s) : n, start = p->out->len;

		term_add_clean(p->out, s, len);
		column += term_width(p->out->buf + start, p->out->len - start);
		if (!tab)
			return;
		strbuf_addn(p->out, ' ', 8 - (column - 1) % 8);
		column += 8 - (column - 1) % 8;
		s = tab + 1;
		n -= len + 1;
	}
}

/* sign: as of a hunk; '!' of a line that tells of trouble. */
static void add_code_line(void *ctx, char sign, const char *s, size_t n)
{
	struct page *p = ctx;
	size_t start = p->out->len;
	enum hue hue = sign == '-' ? HUE_BAD : sign == '+' ? HUE_GOOD : sign == '!' ? HUE_WARN : HUE_INFO;

	strbuf_addstr(p->out, "    ");
	if (sign != ' ')
		strbuf_addstr(p->out, hue_on(p->s, hue));
	if (sign != '@' && sign != '!')
		strbuf_addch(p->out, sign);
	add_text(p, s, n);
	if (sign != ' ')
		strbuf_addstr(p->out, hue_off(p->s));
	end_line(p, start);
}

static const char *change_word(const struct git_change *g)
{
	return !g->old_mode ? "added" : !g->new_mode ? "removed" : g->old_mode != g->new_mode ? "changed its mode" : "changed";
}

static void add_source(struct page *p, const struct compared_source *src, size_t width)
{
	size_t start = p->out->len;

	add_name(p, src->path, width);
	strbuf_addstr(p->out, change_word(&src->change));
	if (src->has_text)
		strbuf_addf(p->out, "  +%zu -%zu", src->added, src->removed);
	end_line(p, start);
	if (src->has_text)
		unified_diff((struct linediff_text){src->old.buf, src->old.len}, (struct linediff_text){src->new.buf, src->new.len},
			     &(struct unified_sink){add_code_line, p});
}

static size_t column(size_t n, const char *(*name)(const void *items, size_t i), const void *items)
{
	size_t i, widest = 4;

	for (i = 0; i < n; i++)
		widest = MAX(widest, term_width(name(items, i), strlen(name(items, i))));
	return MIN(widest, (size_t)NAME_COLUMN);
}

static const char *source_name(const void *items, size_t i)
{
	return ((const struct compared_source *)items)[i].path;
}

static void add_file(struct page *p, const struct compared_file *f, size_t width);

static const char *file_name(const void *items, size_t i)
{
	return ((const struct compared_file *)items)[i].path;
}

static bool has_files(const struct comparison *c, enum reason_kind kind)
{
	size_t i;

	for (i = 0; i < c->n_files; i++)
		if (c->files[i].kind == kind)
			return true;
	return false;
}

static void add_files(struct page *p, enum reason_kind kind)
{
	const struct comparison *c = p->c;
	size_t i, width = column(c->n_files, file_name, c->files);

	for (i = 0; i < c->n_files; i++)
		if (c->files[i].kind == kind)
			add_file(p, &c->files[i], width);
}

static void add_code(struct page *p)
{
	const struct comparison *c = p->c;
	size_t i, width = column(c->n_sources, source_name, c->sources);

	if (!c->n_sources && !has_files(c, REASON_CODE))
		return;
	begin_section(p, "code");
	for (i = 0; i < c->n_sources; i++)
		add_source(p, &c->sources[i], width);
	add_files(p, REASON_CODE);
}

/* ---- values ---- */

static const char *value_name(const void *items, size_t i)
{
	return ((const struct compared_value *)items)[i].name;
}

static void add_values(struct page *p, const char *title, enum reason_kind kind)
{
	const struct comparison *c = p->c;
	size_t i, start, width = column(c->n_values, value_name, c->values);
	bool begun = false;

	for (i = 0; i < c->n_values; i++) {
		const struct compared_value *v = &c->values[i];

		if (v->kind != kind)
			continue;
		if (!begun)
			begin_section(p, title);
		begun = true;
		start = p->out->len;
		add_name(p, v->name, width);
		add_old_new(p, v->old, v->new);
		add_for(p, v->instances, v->n_instances);
		end_line(p, start);
	}
	if (kind == REASON_ENV && has_files(c, kind)) {
		if (!begun)
			begin_section(p, title);
		add_files(p, kind);
	}
}

static const char *machine_name(const void *items, size_t i)
{
	return ((const struct compared_fact *)items)[i].name;
}

static void add_machine(struct page *p)
{
	const struct comparison *c = p->c;
	size_t i, width = column(c->n_machine, machine_name, c->machine);

	if (c->n_machine)
		begin_section(p, "machine (recorded, and part of no key)");
	for (i = 0; i < c->n_machine; i++) {
		size_t start = p->out->len;

		add_name(p, c->machine[i].name, width);
		add_old_new(p, c->machine[i].old, c->machine[i].new);
		end_line(p, start);
	}
}

static void add_commands(struct page *p)
{
	const struct comparison *c = p->c;
	bool begun = false;
	size_t i, start;

	for (i = 0; i < c->n_values; i++) {
		const struct compared_value *v = &c->values[i];

		if (v->kind != REASON_COMMAND)
			continue;
		if (!begun)
			begin_section(p, "commands");
		begun = true;
		start = p->out->len;
		strbuf_addstr(p->out, "  ");
		term_add_clean(p->out, v->instances[0], strlen(v->instances[0]));
		end_line(p, start);
		unified_diff((struct linediff_text){v->old, strlen(v->old)}, (struct linediff_text){v->new, strlen(v->new)},
			     &(struct unified_sink){add_code_line, p});
	}
}

/* ---- data and outputs ---- */

static void add_content(struct page *p, const struct record_fact *f)
{
	char hex[DIGEST_HEX + 1];

	if (!f || f->content.kind == CONTENT_NONE) {
		strbuf_addstr(p->out, "none");
		return;
	}
	digest_hex(&f->content.id, hex);
	strbuf_addf(p->out, "%.*s", DIGITS, hex);
}

static void add_sizes(struct page *p, const struct compared_file *f)
{
	bool old = f->was && f->was->content.kind != CONTENT_NONE, new = f->is && f->is->content.kind != CONTENT_NONE;

	strbuf_addstr(p->out, "  ");
	if (old)
		text_add_size(p->out, f->was->content.size);
	if (old && new && f->was->content.size == f->is->content.size)
		return;
	strbuf_addstr(p->out, old && new ? " -> " : "");
	if (new)
		text_add_size(p->out, f->is->content.size);
}

static void add_names(struct page *p, const char *word, const struct strvec *names)
{
	size_t start = p->out->len;

	if (!names->n)
		return;
	strbuf_addf(p->out, "    %s %s: ", names->n == 1 ? "column" : "columns", word);
	words_list(p->out, (const char *const *)names->v, names->n, MOST_NAMES);
	end_line(p, start);
}

static void add_examples(struct page *p, char sign, const struct strvec *rows, uint64_t total)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		add_code_line(p, sign, rows->v[i], strlen(rows->v[i]));
	if (total > rows->n && rows->n)
		strbuf_addf(p->out, "    %c ... and %ju more\n", sign, (uintmax_t)(total - rows->n));
}

static void add_rows(struct page *p, const struct csv_diff *d)
{
	strbuf_addf(p->out, "    rows: %ju -> %ju, %ju added, %ju removed\n", (uintmax_t)d->rows_old, (uintmax_t)d->rows_new,
		    (uintmax_t)d->added, (uintmax_t)d->removed);
	add_names(p, "added", &d->columns_added);
	add_names(p, "removed", &d->columns_removed);
	if (d->columns_moved)
		strbuf_addstr(p->out, "    the columns stand in another order\n");
	if (!d->added && !d->removed && d->rows_old && !d->columns_added.n && !d->columns_removed.n && !d->columns_moved)
		strbuf_addstr(p->out, "    the same rows in another order or with other ends of lines\n");
	add_examples(p, '-', &d->examples_removed, d->removed);
	add_examples(p, '+', &d->examples_added, d->added);
}

static void add_entries(struct page *p, const struct compared_entries *es)
{
	size_t i, total = es->added + es->removed + es->changed;

	strbuf_addf(p->out, "    files: %zu added, %zu removed, %zu changed\n", es->added, es->removed, es->changed);
	for (i = 0; i < es->examples.n; i++) {
		size_t start = p->out->len;
		const char *e = es->examples.v[i];

		strbuf_addf(p->out, "    %s", hue_on(p->s, *e == '+' ? HUE_GOOD : *e == '-' ? HUE_BAD : HUE_WARN));
		term_add_clean(p->out, e, strlen(e));
		strbuf_addstr(p->out, hue_off(p->s));
		end_line(p, start);
	}
	if (total > es->examples.n)
		strbuf_addf(p->out, "    ... and %zu more\n", total - es->examples.n);
}

static void add_file(struct page *p, const struct compared_file *f, size_t width)
{
	size_t start = p->out->len;

	add_name(p, f->path, width);
	add_content(p, f->was);
	strbuf_addstr(p->out, " -> ");
	add_content(p, f->is);
	add_sizes(p, f);
	add_for(p, f->instances, f->n_instances);
	end_line(p, start);
	if (f->has_entries)
		add_entries(p, &f->entries);
	else if (f->has_rows)
		add_rows(p, &f->rows);
	else if (f->problem)
		add_code_line(p, '!', f->problem, strlen(f->problem));
}

static void add_file_section(struct page *p, const char *title, enum reason_kind kind)
{
	if (!has_files(p->c, kind))
		return;
	begin_section(p, title);
	add_files(p, kind);
}

/* ---- metrics ---- */

static void add_difference(struct strbuf *out, const struct compared_metric *m)
{
	if (!m->was || !m->is || !m->was->is_number || !m->is->is_number || !isfinite(m->was->x) || !isfinite(m->is->x))
		return;
	if (m->was->x == m->is->x)
		strbuf_addch(out, '=');
	else
		strbuf_addf(out, "%+.4g", m->is->x - m->was->x);
}

struct metric_widths {
	size_t instance, name, was, is;
};

static size_t words_width(const struct metric *m)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	metric_words(&sb, m);
	return MAX(term_width(sb.buf, sb.len), (size_t)1);
}

static struct metric_widths find_widths(const struct comparison *c)
{
	struct metric_widths w = {0, 0, 1, 1};
	size_t i;

	for (i = 0; i < c->n_metrics; i++) {
		const struct compared_metric *m = &c->metrics[i];

		w.instance = MIN(MAX(w.instance, term_width(m->instance, strlen(m->instance))), (size_t)NAME_COLUMN);
		w.name = MIN(MAX(w.name, term_width(m->name, strlen(m->name))), (size_t)NAME_COLUMN);
		w.was = MAX(w.was, words_width(m->was));
		w.is = MAX(w.is, words_width(m->is));
	}
	return w;
}

static void add_number(struct page *p, const struct metric *m, size_t width)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t n;

	metric_words(&sb, m);
	if (!sb.len)
		strbuf_addch(&sb, '-');
	n = term_width(sb.buf, sb.len);
	strbuf_addn(p->out, ' ', width > n ? width - n : 0);
	strbuf_addstr(p->out, sb.buf);
}

static void add_metrics(struct page *p)
{
	const struct comparison *c = p->c;
	struct metric_widths w = find_widths(c);
	size_t i;

	if (c->n_metrics)
		begin_section(p, "metrics");
	for (i = 0; i < c->n_metrics; i++) {
		CLEANUP(strbuf_release) struct strbuf diff = STRBUF_INIT;
		const struct compared_metric *m = &c->metrics[i];
		bool again = i && streq(c->metrics[i - 1].instance, m->instance);
		size_t start = p->out->len;

		strbuf_addstr(p->out, "  ");
		term_add_cell(p->out, again ? "" : m->instance, w.instance, p->s);
		strbuf_addstr(p->out, "  ");
		term_add_cell(p->out, m->name, w.name, p->s);
		strbuf_addstr(p->out, "  ");
		add_number(p, m->was, w.was);
		strbuf_addstr(p->out, " -> ");
		add_number(p, m->is, w.is);
		add_difference(&diff, m);
		if (diff.len) {
			strbuf_addstr(p->out, "  ");
			hue_addf(p->out, p->s, *diff.buf == '=' ? HUE_DIM : HUE_INFO, "%s", diff.buf);
		}
		end_line(p, start);
	}
}

static void add_instances(struct page *p, const char *word, const char *const *names, size_t n)
{
	size_t start = p->out->len;

	if (!n)
		return;
	strbuf_addf(p->out, "  %-8s  ", word);
	words_list(p->out, names, n, MOST_NAMES);
	end_line(p, start);
}

void report_compare(const struct comparison *c, const struct style *s, struct strbuf *out)
{
	struct page p = {c, s, out, false};

	add_side(&p, "from", c->a);
	add_side(&p, "to", c->b);
	add_code(&p);
	add_values(&p, "params", REASON_PARAM);
	add_file_section(&p, "data", REASON_DATA);
	add_values(&p, "environment", REASON_ENV);
	add_machine(&p);
	add_commands(&p);
	if (c->n_gone || c->n_come)
		begin_section(&p, "instances");
	add_instances(&p, "removed", c->gone, c->n_gone);
	add_instances(&p, "added", c->come, c->n_come);
	add_file_section(&p, "outputs", REASON_OUTPUT);
	add_metrics(&p);
	if (!p.any)
		strbuf_addstr(out, "nothing differs\n");
}
