/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "data/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/text.h"

#define FIRST_LINE "mlmake-statistics 3 "
#define HASH 16
#define TOP 10

void summary_release(struct summary *s)
{
	map_release(&s->by_name);
	arena_release(&s->arena);
	*s = (struct summary)SUMMARY_INIT;
}

const struct summary_column *summary_column(const struct summary *s, const char *name)
{
	void *known = map_get(&s->by_name, name);

	return known ? &s->columns[(uintptr_t)known - 1] : NULL;
}

uint64_t summary_numbers(const struct summary_column *c)
{
	return c->n[VALUE_INT] + c->n[VALUE_NUMBER];
}

enum value_type summary_type(const struct summary_column *c)
{
	return stats_type(&(struct stats_column){.rows = c->rows, .n = {c->n[0], c->n[1], c->n[2], c->n[3], c->n[4], c->n[5]}});
}

double summary_sd(const struct summary_column *c)
{
	uint64_t n = summary_numbers(c);

	return n < 2 ? 0 : sqrt(c->m2 / (double)(n - 1));
}

double summary_missing(const struct summary_column *c)
{
	return c->rows ? (double)c->n[VALUE_MISSING] / (double)c->rows : 0;
}

/* ---- from a reading ---- */

static void take_values(struct summary *s, struct summary_column *to, const struct stats_column *from)
{
	struct stats_value *v;
	size_t i, n;
	bool exact;

	to->distinct = stats_distinct(from, &to->exact);
	v = stats_values(from, &n, &exact);
	to->values = arena_alloc(&s->arena, (n + 1) * sizeof(*to->values));
	for (i = 0; i < n; i++)
		to->values[i] = (struct summary_value){arena_strndup(&s->arena, v[i].s, v[i].n), v[i].count};
	to->n_values = n;
	free(v);
}

static struct summary_column *add_column(struct summary *s, const char *name)
{
	struct summary_column *c;

	s->columns = arena_grow(&s->arena, s->columns, s->n, sizeof(*s->columns));
	c = &s->columns[s->n++];
	*c = (struct summary_column){.name = name, .stride = 1, .exact = true};
	map_put(&s->by_name, name, (void *)(uintptr_t)s->n);
	return c;
}

void summary_take(struct summary *s, const struct stats *st)
{
	size_t i;

	s->rows = st->rows;
	s->ragged = st->ragged;
	s->broken = st->broken;
	for (i = 0; i < st->n; i++) {
		const struct stats_column *from = &st->columns[i];
		struct summary_column *to = add_column(s, arena_strdup(&s->arena, from->name));

		to->rows = from->rows;
		memcpy(to->n, from->n, sizeof(to->n));
		to->mean = from->origin + from->mean;
		to->m2 = from->m2;
		to->least = from->least;
		to->greatest = from->greatest;
		to->stride = from->stride;
		to->n_sample = from->n_sample;
		to->sample = arena_alloc(&s->arena, (to->n_sample + 1) * sizeof(*to->sample));
		if (to->n_sample)
			memcpy(to->sample, from->sample, to->n_sample * sizeof(*to->sample));
		stats_sort(to->sample, to->n_sample);
		to->na_like = from->na_like;
		to->na_mask = from->na_mask;
		to->shortest = from->shortest;
		to->longest = from->longest;
		to->first = *from->first ? arena_strdup(&s->arena, from->first) : NULL;
		to->last = *from->last ? arena_strdup(&s->arena, from->last) : NULL;
		take_values(s, to, from);
	}
}

/* ---- as text ---- */

static void add_quoted(struct strbuf *out, const char *s)
{
	strbuf_addch(out, '"');
	text_add_escaped(out, s, strlen(s), true);
	strbuf_addch(out, '"');
}

static void write_numbers(const struct summary_column *c, struct strbuf *out)
{
	const double x[] = {c->mean, c->m2, c->least, c->greatest};
	size_t i;

	strbuf_addstr(out, "numbers");
	for (i = 0; i < ARRAY_SIZE(x); i++) {
		strbuf_addch(out, ' ');
		text_add_double(out, x[i]);
	}
	strbuf_addf(out, " %llu\nsample", (unsigned long long)c->stride);
	for (i = 0; i < c->n_sample; i++) {
		strbuf_addch(out, ' ');
		text_add_double(out, c->sample[i]);
	}
	strbuf_addch(out, '\n');
}

static void write_column(const struct summary_column *c, struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, "column ");
	add_quoted(out, c->name);
	strbuf_addf(out, " %llu", (unsigned long long)c->rows);
	for (i = 0; i < ARRAY_SIZE(c->n); i++)
		strbuf_addf(out, " %llu", (unsigned long long)c->n[i]);
	strbuf_addch(out, '\n');
	if (summary_numbers(c))
		write_numbers(c, out);
	if (c->longest)
		strbuf_addf(out, "lengths %llu %llu\n", (unsigned long long)c->shortest, (unsigned long long)c->longest);
	if (c->first) {
		strbuf_addstr(out, "dates ");
		add_quoted(out, c->first);
		strbuf_addch(out, ' ');
		add_quoted(out, c->last);
		strbuf_addch(out, '\n');
	}
	if (c->na_like)
		strbuf_addf(out, "na %llu %u\n", (unsigned long long)c->na_like, c->na_mask);
	strbuf_addf(out, "values %s %llu\n", c->exact ? "exact" : "about", (unsigned long long)c->distinct);
	for (i = 0; i < c->n_values; i++) {
		strbuf_addf(out, "value %llu ", (unsigned long long)c->values[i].count);
		add_quoted(out, c->values[i].s);
		strbuf_addch(out, '\n');
	}
}

void summary_write(const struct summary *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;
	size_t i;

	strbuf_addf(&rest, "rows %llu %llu %llu\n", (unsigned long long)s->rows, (unsigned long long)s->ragged, (unsigned long long)s->broken);
	for (i = 0; i < s->n; i++)
		write_column(&s->columns[i], &rest);
	strbuf_addstr(&rest, "end\n");
	strbuf_addf(out, FIRST_LINE "%016llx\n", (unsigned long long)hash_bytes(rest.buf, rest.len));
	strbuf_add(out, rest.buf, rest.len);
}

/* ---- and back ---- */

/* A line being read: blanks divide its words. */
struct line {
	const char *at, *end;
};

static bool read_count(struct line *l, uint64_t *n)
{
	uint64_t x = 0;
	const char *from;

	if (l->at < l->end && *l->at == ' ')
		l->at++;
	for (from = l->at; l->at < l->end && *l->at >= '0' && *l->at <= '9' && l->at - from < 19; l->at++)
		x = x * 10 + (unsigned)(*l->at - '0');
	*n = x;
	return l->at > from;
}

static bool read_number(struct line *l, double *x)
{
	const char *from;
	bool whole;

	if (l->at < l->end && *l->at == ' ')
		l->at++;
	for (from = l->at; l->at < l->end && *l->at != ' '; l->at++)
		;
	return value_number(from, (size_t)(l->at - from), x, &whole);
}

static const char *read_word(struct summary *s, struct line *l)
{
	const char *from;

	if (l->at < l->end && *l->at == ' ')
		l->at++;
	for (from = l->at; l->at < l->end && *l->at != ' '; l->at++)
		;
	return l->at > from ? arena_strndup(&s->arena, from, (size_t)(l->at - from)) : NULL;
}

static const char *read_quoted(struct summary *s, struct line *l)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const char *from;

	if (l->at < l->end && *l->at == ' ')
		l->at++;
	if (l->at >= l->end || *l->at != '"')
		return NULL;
	for (from = ++l->at; l->at < l->end && *l->at != '"'; l->at++)
		l->at += *l->at == '\\';
	if (l->at >= l->end || !text_unescape(&sb, from, l->at) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	l->at++;
	return arena_strndup(&s->arena, sb.buf, sb.len);
}

static bool read_column(struct summary *s, struct line *l)
{
	const char *name = read_quoted(s, l);
	struct summary_column *c;
	uint64_t sum = 0;
	size_t i;

	if (!name || map_get(&s->by_name, name))
		return false;
	c = add_column(s, name);
	if (!read_count(l, &c->rows))
		return false;
	for (i = 0; i < ARRAY_SIZE(c->n); i++) {
		if (!read_count(l, &c->n[i]))
			return false;
		sum += c->n[i];
	}
	return sum == c->rows;
}

static bool read_sample(struct summary *s, struct summary_column *c, struct line *l)
{
	double x, before = -INFINITY;

	while (l->at < l->end) {
		if (!read_number(l, &x) || x < before || c->n_sample >= STATS_SAMPLE)
			return false;
		before = x;
		c->sample = arena_grow(&s->arena, c->sample, c->n_sample, sizeof(*c->sample));
		c->sample[c->n_sample++] = x;
	}
	return c->n_sample > 0 && !(c->stride == 1 && c->n_sample != summary_numbers(c));
}

static bool read_value(struct summary *s, struct summary_column *c, struct line *l)
{
	struct summary_value v;

	if (!read_count(l, &v.count) || !v.count || !(v.s = read_quoted(s, l)) || c->n_values >= STATS_VALUES)
		return false;
	c->values = arena_grow(&s->arena, c->values, c->n_values, sizeof(*c->values));
	c->values[c->n_values++] = v;
	return true;
}

static bool is_about(struct line *l, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0 || (l->at + n < l->end && l->at[n] != ' '))
		return false;
	l->at += n;
	return true;
}

static bool read_line(struct summary *s, struct line *l)
{
	struct summary_column *c = s->n ? &s->columns[s->n - 1] : NULL;
	const char *word;
	uint64_t mask;

	if (is_about(l, "rows"))
		return !c && read_count(l, &s->rows) && read_count(l, &s->ragged) && read_count(l, &s->broken);
	if (is_about(l, "column"))
		return read_column(s, l);
	if (!c)
		return false;
	if (is_about(l, "numbers"))
		return summary_numbers(c) && !c->n_sample && read_number(l, &c->mean) && read_number(l, &c->m2) && read_number(l, &c->least) &&
		       read_number(l, &c->greatest) && read_count(l, &c->stride) && c->stride;
	if (is_about(l, "sample"))
		return summary_numbers(c) && !c->n_sample && read_sample(s, c, l);
	if (is_about(l, "lengths"))
		return read_count(l, &c->shortest) && read_count(l, &c->longest);
	if (is_about(l, "na")) {
		if (!read_count(l, &c->na_like) || !read_count(l, &mask))
			return false;
		c->na_mask = (unsigned)mask;
		return true;
	}
	if (is_about(l, "dates"))
		return (c->first = read_quoted(s, l)) && (c->last = read_quoted(s, l));
	if (is_about(l, "values")) {
		word = read_word(s, l);
		c->exact = word && streq(word, "exact");
		return word && read_count(l, &c->distinct);
	}
	return is_about(l, "value") && read_value(s, c, l);
}

/* Is it the first line of these statistics, and are they as they were written? */
static bool is_first(const struct line *l, const char *rest, const char *end)
{
	char want[sizeof(FIRST_LINE) + HASH];
	int n = snprintf(want, sizeof(want), FIRST_LINE "%016llx", (unsigned long long)hash_bytes(rest, (size_t)(end - rest)));

	return l->end - l->at == n && memcmp(l->at, want, (size_t)n) == 0;
}

int summary_parse(struct summary *s, const char *text, size_t n, struct err *err)
{
	const char *end = text + n, *nl;
	size_t number = 0, i;

	for (; text < end; text = nl + 1) {
		struct line l;

		nl = memchr(text, '\n', (size_t)(end - text));
		if (!nl)
			break;
		l = (struct line){text, nl};
		number++;
		if (number > 1 && is_about(&l, "end")) {
			for (i = 0; i < s->n; i++)
				if (summary_numbers(&s->columns[i]) && !s->columns[i].n_sample)
					return err_set(err, ERR_PARSE, "statistics without a sample of '%s'", s->columns[i].name);
			return 0;
		}
		if (number == 1 ? !is_first(&l, nl + 1, end) : !(read_line(s, &l) && l.at == l.end))
			return err_set(err, ERR_PARSE, "line %zu is none of statistics", number);
	}
	return err_set(err, ERR_PARSE, "statistics that do not end");
}

/* ---- as JSON ---- */

static void add_quantiles(struct json *j, const struct summary_column *c)
{
	static const struct {
		const char *name;
		double p;
	} quantiles[] = {{"0.01", 0.01}, {"0.05", 0.05}, {"0.25", 0.25}, {"0.5", 0.5}, {"0.75", 0.75}, {"0.95", 0.95}, {"0.99", 0.99}};
	struct json *q = json_new_map();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(quantiles); i++)
		json_set_float(q, quantiles[i].name, stats_quantile(c->sample, c->n_sample, quantiles[i].p));
	json_set(j, "quantiles", q);
	json_set_bool(j, "quantiles_exact", c->stride == 1);
}

static struct json *types_json(const struct summary_column *c)
{
	struct json *j = json_new_map();
	int t;

	for (t = VALUE_INT; t <= VALUE_TEXT; t++)
		if (c->n[t])
			json_set_int(j, value_type_name((enum value_type)t), (int64_t)c->n[t]);
	return j;
}

struct json *summary_column_json(const struct summary_column *c)
{
	struct json *j = json_new_map(), *top = json_new_list();
	size_t i;

	json_set_str(j, "name", c->name);
	json_set_str(j, "type", value_type_name(summary_type(c)));
	json_set_int(j, "rows", (int64_t)c->rows);
	json_set_int(j, "missing", (int64_t)c->n[VALUE_MISSING]);
	json_set(j, "types", types_json(c));
	if (summary_numbers(c)) {
		json_set_float(j, "mean", c->mean);
		json_set_float(j, "sd", summary_sd(c));
		json_set_float(j, "min", c->least);
		json_set_float(j, "max", c->greatest);
		add_quantiles(j, c);
	}
	if (c->first) {
		json_set_str(j, "first", c->first);
		json_set_str(j, "last", c->last);
	}
	json_set_int(j, "shortest", (int64_t)c->shortest);
	json_set_int(j, "longest", (int64_t)c->longest);
	json_set_int(j, "distinct", (int64_t)c->distinct);
	json_set_bool(j, "distinct_exact", c->exact);
	for (i = 0; i < c->n_values && i < TOP; i++) {
		struct json *v = json_new_map();

		json_set_str(v, "value", c->values[i].s);
		json_set_int(v, "count", (int64_t)c->values[i].count);
		json_push(top, v);
	}
	json_set(j, "top", top);
	return j;
}
