/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/wording.h"
#include "util/file.h"
#include "util/map.h"
#include "util/path.h"

/* Further names are left out of the table (not of the JSON), which says so. */
#define MOST_COLUMNS 1000

/* ---- collecting ---- */

static void note_problem(struct metrics_row *row, const char *path, struct err *err)
{
	err_wrap_file(err, path);
	if (!row->problem)
		row->problem = xstrdup(err->msg);
	err_clear(err);
}

/* Moves what parsing path gave into all, under names that are not taken yet. */
static void merge(struct metrics *all, const struct metrics *one, const char *path)
{
	CLEANUP(freep) char *stem = path_stem(path);
	struct map names = MAP_INIT;
	size_t i;

	for (i = 0; i < all->n; i++)
		map_put(&names, all->v[i].name, &names);
	for (i = 0; i < one->n; i++) {
		struct metric copy = one->v[i];

		copy.name = map_get(&names, copy.name) ? arena_fmt(&all->arena, "%s:%s", stem, copy.name)
						       : arena_strdup(&all->arena, copy.name);
		copy.text = arena_strdup(&all->arena, copy.text);
		all->v = arena_grow(&all->arena, all->v, all->n, sizeof(*all->v));
		all->v[all->n++] = copy;
	}
	map_release(&names);
}

static void take(struct metrics *all, const char *path, const struct strbuf *text, struct metrics_row *row)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct metrics one = METRICS_INIT;

	if (metrics_parse(&one, path, text->buf, text->len, &err) < 0 && row)
		note_problem(row, path, &err);
	merge(all, &one, path);
	metrics_release(&one);
}

static void fill_row(struct metrics_row *row, const struct metrics_before *before)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	for (i = 0; i < row->in->n_outs; i++) {
		const struct output *o = &row->in->outs[i];

		if (o->kind != OUTPUT_METRICS)
			continue;
		strbuf_clear(&text);
		if (file_read(o->path, METRICS_LIMIT, &text, &err) < 0)
			note_problem(row, o->path, &err);
		else
			take(&row->now, o->path, &text, row);
		strbuf_clear(&text);
		if (before && before->text(before->ctx, row->in, o->path, &text)) {
			row->has_before = true;
			take(&row->before, o->path, &text, NULL);
		}
	}
}

static bool has_metrics(const struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n_outs; i++)
		if (in->outs[i].kind == OUTPUT_METRICS)
			return true;
	return false;
}

void metrics_collect(struct metrics_table *t, const struct graph *g, const bool *selected,
		     const struct metrics_before *before)
{
	size_t i, cap = 0;

	*t = (struct metrics_table){0};
	for (i = 0; i < g->n; i++) {
		size_t node = g->order[i];

		if ((selected && !selected[node]) || !has_metrics(g->nodes[node].in))
			continue;
		ALLOC_GROW(t->rows, t->n + 1, cap);
		t->rows[t->n] = (struct metrics_row){g->nodes[node].in, METRICS_INIT, METRICS_INIT, false, NULL};
		fill_row(&t->rows[t->n++], before);
	}
}

void metrics_table_release(struct metrics_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		metrics_release(&t->rows[i].now);
		metrics_release(&t->rows[i].before);
		free(t->rows[i].problem);
	}
	free(t->rows);
	*t = (struct metrics_table){0};
}

/* ---- words for values ---- */

void metric_words(struct strbuf *out, const struct metric *m)
{
	if (!m)
		return;
	if (!m->is_number || (m->is_int && strlen(m->text) <= 18))
		term_add_clean(out, m->text, strlen(m->text));
	else
		strbuf_addf(out, "%.6g", m->x);
}

/* "+0.004", "=", "new", "was red"; nothing without a run before. */
static void add_difference(struct strbuf *out, const struct metrics_row *row, const struct metric *now,
			   const struct metric *was)
{
	if (!row->has_before)
		return;
	if (!was) {
		strbuf_addstr(out, "new");
	} else if (!now) {
		strbuf_addstr(out, "was ");
		metric_words(out, was);
	} else if (now->is_number && was->is_number && isfinite(now->x) && isfinite(was->x)) {
		if (now->x == was->x)
			strbuf_addch(out, '=');
		else
			strbuf_addf(out, "%+.4g", now->x - was->x);
	} else if (streq(now->text, was->text)) {
		strbuf_addch(out, '=');
	} else {
		strbuf_addstr(out, "was ");
		metric_words(out, was);
	}
}

/* ---- table ---- */

struct column {
	const char *name;
	bool numbers;
	size_t value_width, diff_width;
};
struct cell {
	char *value, *diff;
};
struct sheet {
	const struct metrics_table *t;
	struct column *cols;
	size_t n, cap, name_width, left_out;
	struct cell *cells; /* row by row */
};

static void add_column(struct sheet *sh, struct map *seen, const struct metric *m)
{
	size_t *index = map_get(seen, m->name);

	if (!index && sh->n == MOST_COLUMNS) {
		sh->left_out++;
		return;
	}
	if (!index) {
		ALLOC_GROW(sh->cols, sh->n + 1, sh->cap);
		sh->cols[sh->n] = (struct column){.name = m->name, .numbers = true};
		index = xmalloc(sizeof(*index));
		*index = sh->n++;
		map_put(seen, m->name, index);
	}
	sh->cols[*index].numbers = sh->cols[*index].numbers && m->is_number;
}

static void find_columns(struct sheet *sh)
{
	struct map seen = MAP_INIT;
	struct map_slot *slot;
	size_t i, j, k = 0;

	for (i = 0; i < sh->t->n; i++) {
		const struct metrics_row *row = &sh->t->rows[i];

		for (j = 0; j < row->now.n; j++)
			add_column(sh, &seen, &row->now.v[j]);
		for (j = 0; j < row->before.n; j++)
			add_column(sh, &seen, &row->before.v[j]);
	}
	while ((slot = map_next(&seen, &k)))
		free(slot->value);
	map_release(&seen);
}

static size_t width_of(const char *s)
{
	return term_width(s, strlen(s));
}

/* Names to metrics, for one side of a row. */
static void index_metrics(struct map *map, const struct metrics *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		map_put(map, m->v[i].name, &m->v[i]);
}

static void fill_cells(struct sheet *sh)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t i, j;

	sh->cells = xcalloc(sh->t->n * sh->n + 1, sizeof(*sh->cells));
	for (i = 0; i < sh->t->n; i++) {
		const struct metrics_row *row = &sh->t->rows[i];
		struct map now = MAP_INIT, was = MAP_INIT;

		sh->name_width = MAX(sh->name_width, width_of(row->in->name));
		index_metrics(&now, &row->now);
		index_metrics(&was, &row->before);
		for (j = 0; j < sh->n; j++) {
			struct column *col = &sh->cols[j];
			struct cell *c = &sh->cells[i * sh->n + j];
			const struct metric *m = map_get(&now, col->name), *b = map_get(&was, col->name);

			strbuf_clear(&sb);
			metric_words(&sb, m);
			if (!sb.len)
				strbuf_addch(&sb, '-');
			c->value = strbuf_detach(&sb);
			if (m || b)
				add_difference(&sb, row, m, b);
			c->diff = strbuf_detach(&sb);
			col->value_width = MAX(col->value_width, width_of(c->value));
			col->diff_width = MAX(col->diff_width, width_of(c->diff));
		}
		map_release(&now);
		map_release(&was);
	}
}

static size_t column_width(const struct column *c)
{
	size_t content = c->value_width + (c->diff_width ? 1 + c->diff_width : 0);

	return MAX(width_of(c->name), content);
}

static void add_blanks(struct strbuf *out, size_t have, size_t want)
{
	if (have < want)
		strbuf_addn(out, ' ', want - have);
}

static void trim_line(struct strbuf *out)
{
	while (out->len && out->buf[out->len - 1] == ' ')
		strbuf_setlen(out, out->len - 1);
	strbuf_addch(out, '\n');
}

static void add_diff(struct strbuf *out, const struct style *s, const char *diff)
{
	bool moved = *diff == '+' || *diff == '-';

	if (*diff)
		strbuf_addf(out, "%s%s%s", hue_on(s, moved ? HUE_INFO : HUE_DIM), diff, hue_off(s));
}

/* A cell of a column: the value to the right if it is a column of numbers, then the difference. */
static void add_cell(struct strbuf *out, const struct style *s, const struct column *col, const struct cell *c)
{
	size_t value = width_of(c->value), content = col->value_width + (col->diff_width ? 1 + col->diff_width : 0);

	if (col->numbers)
		add_blanks(out, content, column_width(col));
	if (col->numbers)
		add_blanks(out, value, col->value_width);
	strbuf_addstr(out, c->value);
	if (!col->numbers)
		add_blanks(out, value, col->value_width);
	if (col->diff_width)
		strbuf_addch(out, ' ');
	add_diff(out, s, c->diff);
	add_blanks(out, width_of(c->diff), col->diff_width);
	if (!col->numbers)
		add_blanks(out, content, column_width(col));
}

static void add_wide(const struct sheet *sh, const struct style *s, struct strbuf *out)
{
	size_t i, j;

	strbuf_addn(out, ' ', sh->name_width);
	for (j = 0; j < sh->n; j++) {
		const struct column *col = &sh->cols[j];

		strbuf_addstr(out, "  ");
		if (col->numbers)
			add_blanks(out, width_of(col->name), column_width(col));
		strbuf_addstr(out, hue_on(s, HUE_BOLD));
		term_add_clean(out, col->name, strlen(col->name));
		strbuf_addstr(out, hue_off(s));
		if (!col->numbers)
			add_blanks(out, width_of(col->name), column_width(col));
	}
	trim_line(out);
	for (i = 0; i < sh->t->n; i++) {
		term_add_cell(out, sh->t->rows[i].in->name, sh->name_width, s);
		for (j = 0; j < sh->n; j++) {
			strbuf_addstr(out, "  ");
			add_cell(out, s, &sh->cols[j], &sh->cells[i * sh->n + j]);
		}
		trim_line(out);
	}
}

/* A line for each value, under the name of its instance. */
static void add_long(const struct sheet *sh, const struct style *s, struct strbuf *out)
{
	size_t i, j, name = 0, value = 0, start;

	for (j = 0; j < sh->n; j++) {
		name = MAX(name, width_of(sh->cols[j].name));
		value = MAX(value, sh->cols[j].numbers ? sh->cols[j].value_width : 0);
	}
	if (s->width)
		name = MIN(name, (size_t)s->width / 2);
	for (i = 0; i < sh->t->n; i++) {
		hue_addf(out, s, HUE_BOLD, "%s", sh->t->rows[i].in->name);
		strbuf_addch(out, '\n');
		for (j = 0; j < sh->n; j++) {
			const struct cell *c = &sh->cells[i * sh->n + j];

			if (streq(c->value, "-") && !*c->diff)
				continue;
			start = out->len;
			strbuf_addstr(out, "  ");
			term_add_cell(out, sh->cols[j].name, name, s);
			strbuf_addstr(out, "  ");
			if (sh->cols[j].numbers)
				add_blanks(out, width_of(c->value), value);
			strbuf_addf(out, "%s ", c->value);
			add_diff(out, s, c->diff);
			term_cut(out, start, (size_t)s->width, s);
			trim_line(out);
		}
	}
}

static void add_problems(const struct metrics_table *t, const struct style *s, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!t->rows[i].problem)
			continue;
		strbuf_addstr(out, hue_on(s, HUE_WARN));
		term_add_clean(out, t->rows[i].in->name, strlen(t->rows[i].in->name));
		strbuf_addf(out, ":%s ", hue_off(s));
		term_add_clean(out, t->rows[i].problem, strlen(t->rows[i].problem));
		strbuf_addch(out, '\n');
	}
}

void report_metrics(const struct metrics_table *t, const struct style *s, struct strbuf *out)
{
	struct sheet sh = {.t = t};
	size_t i, wide;

	if (!t->n) {
		strbuf_addstr(out, "no stage has metrics: add `metrics = FILE.json` to the one that measures\n");
		return;
	}
	find_columns(&sh);
	fill_cells(&sh);
	wide = sh.name_width;
	for (i = 0; i < sh.n; i++)
		wide += 2 + column_width(&sh.cols[i]);
	if (sh.n && (t->n == 1 || wide > (s->width ? (size_t)s->width : 160)))
		add_long(&sh, s, out);
	else if (sh.n)
		add_wide(&sh, s, out);
	if (sh.left_out)
		strbuf_addf(out, "and %zu more values: `--json` has all of them\n", sh.left_out);
	add_problems(t, s, out);
	for (i = 0; i < t->n * sh.n; i++) {
		free(sh.cells[i].value);
		free(sh.cells[i].diff);
	}
	free(sh.cells);
	free(sh.cols);
}

/* ---- JSON ---- */

struct json *metric_json(const struct metric *m)
{
	if (!m)
		return json_new_null();
	if (!m->is_number || !isfinite(m->x))
		return json_new_str(m->text);
	if (m->is_int && fabs(m->x) < 9e15)
		return json_new_int((int64_t)m->x);
	return json_new_float(m->x);
}

static struct json *metrics_json(const struct metrics *m)
{
	struct json *j = json_new_map();
	size_t i;

	for (i = 0; i < m->n; i++)
		json_set(j, m->v[i].name, metric_json(&m->v[i]));
	return j;
}

static struct json *difference_json(const struct metrics_row *row)
{
	struct json *j = json_new_map();
	struct map was = MAP_INIT;
	size_t i;

	index_metrics(&was, &row->before);
	for (i = 0; i < row->now.n; i++) {
		const struct metric *m = &row->now.v[i], *b = map_get(&was, m->name);

		if (b && m->is_number && b->is_number && isfinite(m->x - b->x))
			json_set_float(j, m->name, m->x - b->x);
	}
	map_release(&was);
	return j;
}

struct json *report_metrics_json(const struct metrics_table *t)
{
	struct json *j = json_new_map(), *list = json_new_list(), *one;
	size_t i;

	json_set_int(j, "version", 1);
	for (i = 0; i < t->n; i++) {
		const struct metrics_row *row = &t->rows[i];

		one = json_new_map();
		json_set_str(one, "name", row->in->name);
		json_set(one, "metrics", metrics_json(&row->now));
		json_set(one, "before", row->has_before ? metrics_json(&row->before) : json_new_null());
		json_set(one, "difference", difference_json(row));
		json_set_str(one, "problem", row->problem);
		json_push(list, one);
	}
	json_set(j, "instances", list);
	return j;
}
