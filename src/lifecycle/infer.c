/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What these data are like becomes what data have to be like, with some room: bounds are rounded outwards to two digits, half of the rows
 * are enough. */
#include <config.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/statistics.h"
#include "util/map.h"
#include "util/text.h"

#define MOST_SET 20        /* values that are listed */
#define PER_VALUE 5        /* rows for each of them, or they are too few to tell */
#define MOST_KEYS 3        /* columns that are looked at for being unique */

static double round_out(double x, bool up)
{
	double unit;

	if (x == 0)
		return 0;
	unit = pow(10, floor(log10(fabs(x))) - 1);
	x = up ? ceil(x / unit) : floor(x / unit);
	return unit >= 1 ? x * unit : x / round(1 / unit);
}

static void add_bound(struct strbuf *out, double x)
{
	if (x == floor(x) && fabs(x) < 1e15)
		strbuf_addf(out, "%.0f", x);
	else
		text_add_double(out, x);
}

static void add_range(struct strbuf *out, const struct summary_column *c)
{
	strbuf_addch(out, ' ');
	add_bound(out, c->least >= 0 && c->least < c->greatest / 2 ? 0 : round_out(c->least, false));
	strbuf_addstr(out, "..");
	add_bound(out, round_out(c->greatest, true));
}

static bool can_be_set(const struct summary_column *c)
{
	CLEANUP(strbuf_release) struct strbuf word = STRBUF_INIT;
	size_t i;

	if (!c->exact || c->n_values > MOST_SET || c->rows < PER_VALUE * c->n_values || c->longest >= STATS_VALUE)
		return false;
	for (i = 0; i < c->n_values; i++)
		if (!text_add_word(&word, c->values[i].s))
			return false;
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct summary_value *)a)->s, ((const struct summary_value *)b)->s);
}

static void add_set(struct strbuf *out, struct summary_column *c)
{
	size_t i;

	qsort(c->values, c->n_values, sizeof(*c->values), by_text);
	strbuf_addstr(out, " set");
	for (i = 0; i < c->n_values; i++) {
		strbuf_addch(out, ' ');
		if (!text_add_word(out, c->values[i].s))
			BUG("a value that can be no word");
	}
}

/* Nothing is missing; or as much again as is, in full per cents. */
static void add_missing(struct strbuf *out, const struct summary_column *c)
{
	uint64_t n = c->n[VALUE_MISSING];

	if (!n)
		strbuf_addstr(out, " missing 0");
	else if (n * 2 < c->rows)
		strbuf_addf(out, " missing %.0f%%", MIN(ceil(200 * summary_missing(c)), 99));
}

static void add_column(struct strbuf *out, struct summary_column *c, bool is_key)
{
	enum value_type t = summary_type(c);

	strbuf_addf(out, "column %s = %s", c->name, t == VALUE_MISSING ? "missing 100%" : value_type_name(t));
	if (t == VALUE_MISSING) {
		strbuf_addch(out, '\n');
		return;
	}
	if ((t == VALUE_INT || t == VALUE_NUMBER) && !is_key)
		add_range(out, c);
	else if (t == VALUE_DATE)
		strbuf_addf(out, " %.10s..", c->first);
	else if (t == VALUE_TEXT && can_be_set(c))
		add_set(out, c);
	if (is_key)
		strbuf_addstr(out, " unique");
	add_missing(out, c);
	strbuf_addch(out, '\n');
}

/* Can mlmake.ini name this column? */
static bool can_be_named(const char *name)
{
	return *name && !strchr(name, '=') && !strchr(name, '\n') && *name != ' ' && name[strlen(name) - 1] != ' ' && *name != '"';
}

/* Which columns have no value twice: those of whole numbers or texts that have about as many different values as rows, looked at in full. */
static int find_keys(const struct statistics_files *f, const struct summary *s, struct map *keys, struct err *err)
{
	struct check_rules rules = *f->rules;
	struct check_column columns[MOST_KEYS];
	struct check_result found = CHECK_RESULT_INIT;
	size_t i, j, n = 0;
	int got = 0;

	for (i = 0; i < s->n && n < MOST_KEYS; i++) {
		const struct summary_column *c = &s->columns[i];
		enum value_type t = summary_type(c);
		double share = c->rows ? (double)c->distinct / (double)c->rows : 0;

		if ((t != VALUE_INT && t != VALUE_TEXT) || c->n[VALUE_MISSING] || c->rows < 2 || (c->exact ? share < 1 : share < 0.95))
			continue;
		columns[n++] = (struct check_column){.name = c->name, .missing = 1, .unique = true};
	}
	rules.columns = columns;
	rules.n_columns = n;
	if (n)
		got = check_data(&rules, f->paths, f->shared && *f->shared ? f->shared : ".", &found, err);
	for (i = 0; i < n && got == 0; i++) {
		for (j = 0; j < found.n && !(found.v[j].column && streq(found.v[j].column, columns[i].name)); j++)
			;
		if (j == found.n)
			map_put(keys, columns[i].name, keys);
	}
	check_result_release(&found);
	return got;
}

/* Where the texts of a column are words for "missing" among numbers, those words become `na`, and the data are read once more. words has room for
 * all of them. */
static int find_na(const struct statistics_files *f, struct summary *s, struct check_rules *rules, const char **words, struct err *err)
{
	struct statistics_files again = *f;
	unsigned mask = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct summary_column *c = &s->columns[i];

		if (c->na_like && c->na_like == c->n[VALUE_TEXT] && c->na_like < summary_numbers(c))
			mask |= c->na_mask;
	}
	if (!mask || f->rules->n_na)
		return 0;
	rules->na = words;
	for (i = 0; value_na_like[i]; i++)
		if (mask >> i & 1)
			words[rules->n_na++] = value_na_like[i];
	again.rules = rules;
	summary_release(s);
	return statistics_of(&again, s, NULL, err);
}

int statistics_infer(const struct statistics_files *f, const char *name, struct strbuf *out, struct err *err)
{
	CLEANUP(summary_release) struct summary s = SUMMARY_INIT;
	CLEANUP(map_release) struct map keys = MAP_INIT;
	struct check_rules rules = *f->rules;
	struct statistics_files read = *f;
	const char *words[16];
	size_t i;

	if (statistics_of(f, &s, NULL, err) < 0 || find_na(f, &s, &rules, words, err) < 0)
		return -1;
	read.rules = &rules;
	if (find_keys(&read, &s, &keys, err) < 0)
		return -1;
	strbuf_addf(out, "[check %s]\ndata = ", name);
	for (i = 0; i < f->paths->n; i++) {
		strbuf_addstr(out, i ? " " : "");
		if (!text_add_word(out, f->paths->v[i]))
			return err_set(err, ERR_INVALID, "'%s' cannot stand in mlmake.ini", f->paths->v[i]);
	}
	strbuf_addch(out, '\n');
	if (rules.no_header)
		strbuf_addstr(out, "header = no\n");
	if (rules.separator)
		strbuf_addf(out, "separator = %s\n", rules.separator == '\t' ? "tab" : (char[]){rules.separator, 0});
	if (rules.n_na) {
		strbuf_addstr(out, "na =");
		for (i = 0; i < rules.n_na; i++)
			strbuf_addf(out, " %s", rules.na[i]);
		strbuf_addch(out, '\n');
	}
	strbuf_addstr(out, "rows = ");
	add_bound(out, round_out((double)(s.rows / 2), false));
	strbuf_addstr(out, "..\n");
	for (i = 0; i < s.n; i++)
		if (can_be_named(s.columns[i].name))
			add_column(out, &s.columns[i], map_get(&keys, s.columns[i].name) != NULL);
		else
			strbuf_addf(out, "# a column has a name that cannot stand here\n");
	return 0;
}
