/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/columns.h"

#include <string.h>

#include "report/wording.h"

#define MOST_NAME 28
#define FREQUENT 4

static void add_short(struct strbuf *out, double x)
{
	strbuf_addf(out, "%.6g", x);
}

static void say_numbers(const struct summary_column *c, struct strbuf *out)
{
	static const double points[] = {0.05, 0.5, 0.95};
	size_t i;

	add_short(out, c->least);
	strbuf_addstr(out, "..");
	add_short(out, c->greatest);
	strbuf_addstr(out, "  mean ");
	add_short(out, c->mean);
	strbuf_addstr(out, " sd ");
	add_short(out, summary_sd(c));
	strbuf_addstr(out, "  5/50/95 % ");
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		strbuf_addstr(out, i ? " " : "");
		add_short(out, stats_quantile(c->sample, c->n_sample, points[i]));
	}
}

static void say_frequent(const struct summary_column *c, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < c->n_values && i < FREQUENT; i++) {
		strbuf_addstr(out, i ? ", " : "");
		term_add_clean(out, c->values[i].s, strlen(c->values[i].s));
		strbuf_addf(out, " %s%.3g%%", c->exact ? "" : ">=",
			    100 * (double)c->values[i].count / (double)MAX(c->rows - c->n[VALUE_MISSING], (uint64_t)1));
	}
	if (i < c->n_values)
		strbuf_addstr(out, ", ...");
	if (!c->n_values)
		strbuf_addf(out, "%llu..%llu bytes long", (unsigned long long)c->shortest, (unsigned long long)c->longest);
}

static void say_column(const struct summary_column *c, const struct style *style, size_t width, struct strbuf *out)
{
	enum value_type t = summary_type(c);
	size_t from = out->len;

	strbuf_addstr(out, "  ");
	term_add_cell(out, c->name, width, style);
	strbuf_addf(out, "  %-7s ", value_type_name(t));
	if (c->n[VALUE_MISSING])
		hue_addf(out, style, HUE_WARN, "%5.3g%%", 100 * summary_missing(c));
	else
		strbuf_addstr(out, "     -");
	strbuf_addf(out, " missing  %s%llu different  ", c->exact ? "" : "~", (unsigned long long)c->distinct);
	if (t == VALUE_INT || t == VALUE_NUMBER)
		say_numbers(c, out);
	else if (t == VALUE_DATE)
		strbuf_addf(out, "%s..%s", c->first, c->last);
	else if (t != VALUE_MISSING)
		say_frequent(c, out);
	term_cut(out, from, (size_t)style->width, style);
	strbuf_addch(out, '\n');
}

void report_columns(const struct summary *s, const struct style *style, struct strbuf *out)
{
	size_t i, width = 0;

	words_count(out, (size_t)s->rows, "row");
	strbuf_addstr(out, ", ");
	words_count(out, s->n, "column");
	if (s->ragged)
		strbuf_addf(out, "; %llu with another number of fields", (unsigned long long)s->ragged);
	if (s->broken)
		strbuf_addf(out, "; %llu that are no proper text", (unsigned long long)s->broken);
	strbuf_addch(out, '\n');
	for (i = 0; i < s->n; i++)
		width = MAX(width, term_width(s->columns[i].name, strlen(s->columns[i].name)));
	for (i = 0; i < s->n; i++)
		say_column(&s->columns[i], style, MIN(width, (size_t)MOST_NAME), out);
}

struct json *report_columns_json(const struct summary *s)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	json_set_int(j, "version", 1);
	json_set_int(j, "rows", (int64_t)s->rows);
	json_set_int(j, "ragged", (int64_t)s->ragged);
	json_set_int(j, "broken", (int64_t)s->broken);
	for (i = 0; i < s->n; i++)
		json_push(list, summary_column_json(&s->columns[i]));
	json_set(j, "columns", list);
	return j;
}
