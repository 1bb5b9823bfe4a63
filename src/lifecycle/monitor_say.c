/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <math.h>
#include <string.h>

#include "lifecycle/check.h"
#include "lifecycle/monitor.h"
#include "util/term.h"

#define MOST_NEWS 8 /* names that are shown */

static void write_line(const struct monitor_line *l, size_t width, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf column = STRBUF_INIT;

	term_add_clean(&column, l->column, strlen(l->column));
	strbuf_addf(out, "  %-5s  %-11s %-*s  ", l->drifted ? "drift" : l->problem ? "?" : "calm", l->measure, (int)width, column.buf);
	if (!isnan(l->value))
		strbuf_addf(out, "%.4g", l->value);
	if (!isnan(l->p))
		strbuf_addf(out, ", p %.3g", l->p);
	if (!l->problem) {
		strbuf_addf(out, "  (%s%s)", l->is_actual ? "wanted " : "drift is ", l->limit);
	} else {
		strbuf_addstr(out, isnan(l->value) ? "" : ": ");
		term_add_clean(out, l->problem, strlen(l->problem));
	}
	strbuf_addch(out, '\n');
}

void monitor_write(const struct monitor_report *r, struct strbuf *out)
{
	size_t i, width = 0;

	strbuf_addf(out, "%-7s  %s  ", monitor_outcome_name(r->outcome), r->name);
	if (r->problem)
		strbuf_addstr(out, r->problem);
	else if (r->outcome == MONITOR_UNKNOWN)
		strbuf_addf(out, "%zu of %zu could be measured", r->measured, r->n);
	else
		strbuf_addf(out, "%zu of %zu drifted", r->drifted, r->n);
	if (!r->problem) {
		strbuf_addstr(out, ", in ");
		check_count(out, r->rows);
		strbuf_addf(out, " row%s", r->rows == 1 ? "" : "s");
	}
	if (r->reference)
		strbuf_addf(out, " against %s", r->reference);
	strbuf_addch(out, '\n');
	for (i = 0; i < r->n; i++)
		width = MAX(width, MIN(strlen(r->v[i].column), (size_t)30));
	for (i = 0; i < r->n; i++)
		write_line(&r->v[i], width, out);
	if (r->n_news)
		strbuf_addstr(out, "  new    the reference lacks ");
	for (i = 0; i < MIN(r->n_news, (size_t)MOST_NEWS); i++) {
		strbuf_addstr(out, i ? ", " : "");
		term_add_clean(out, r->news[i], strlen(r->news[i]));
	}
	if (r->n_news > MOST_NEWS)
		strbuf_addf(out, " and %zu more columns", r->n_news - MOST_NEWS);
	if (r->n_news)
		strbuf_addch(out, '\n');
}

static struct json *line_json(const struct monitor_line *l)
{
	struct json *j = json_new_map();

	json_set_str(j, "measure", l->measure);
	json_set_str(j, "column", l->column);
	json_set_float(j, "value", l->value);
	json_set_float(j, "p", l->p);
	json_set_str(j, "limit", l->limit);
	json_set_bool(j, "drift", l->drifted);
	json_set_str(j, "problem", l->problem);
	return j;
}

struct json *monitor_json(const struct monitor_report *r)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	json_set_str(j, "name", r->name);
	json_set_str(j, "outcome", monitor_outcome_name(r->outcome));
	json_set_int(j, "rows", (int64_t)r->rows);
	json_set_int(j, "files", (int64_t)r->files);
	json_set_str(j, "reference", r->reference);
	json_set_str(j, "problem", r->problem);
	json_set_int(j, "measured", (int64_t)r->measured);
	for (i = 0; i < r->n; i++)
		json_push(list, line_json(&r->v[i]));
	json_set(j, "answers", list);
	list = json_new_list();
	for (i = 0; i < r->n_news; i++)
		json_push(list, json_new_str(r->news[i]));
	json_set(j, "new", list);
	return j;
}
