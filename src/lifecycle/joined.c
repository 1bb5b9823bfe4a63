/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Labels are held in a table by the hash of their id, 24 bytes each; predictions go by, and those with a label are scored. Of several labels for one id
 * the last counts; each prediction counts. */
#include <config.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/rows.h"
#include "data/score.h"
#include "data/value.h"
#include "lifecycle/check.h"
#include "lifecycle/monitor.h"
#include "util/hash.h"
#include "util/path.h"

#define MOST_LABELS ((size_t)1 << 21)

struct label {
	uint64_t id;   /* hash; 0: free */
	uint64_t text; /* hash of it */
	double x;      /* NAN: it is no number */
};

struct labels {
	struct label *v;
	size_t n, slots;
};

struct joining {
	const struct monitor_rules *rules;
	struct na_words na;
	enum score_metric metric;
	struct labels labels;
	struct scored *scored;
	size_t n, cap;
	uint64_t no_numbers; /* pairs that the metric cannot take */
};

static struct label *slot_of(const struct labels *ls, uint64_t id)
{
	size_t i = id & (ls->slots - 1);

	while (ls->v[i].id && ls->v[i].id != id)
		i = (i + 1) & (ls->slots - 1);
	return &ls->v[i];
}

static void grow(struct labels *ls)
{
	struct labels bigger = {NULL, ls->n, ls->slots ? ls->slots * 2 : 1024};
	size_t i;

	bigger.v = xcalloc(bigger.slots, sizeof(*bigger.v));
	for (i = 0; i < ls->slots; i++)
		if (ls->v[i].id)
			*slot_of(&bigger, ls->v[i].id) = ls->v[i];
	free(ls->v);
	*ls = bigger;
}

static double number_of(const struct field *f)
{
	struct value v = value_of(f, NULL);

	if (v.type == VALUE_INT || v.type == VALUE_NUMBER)
		return v.x;
	return v.type == VALUE_BOOL ? (f->s[0] | 32) == 't' : NAN;
}

static uint64_t hash_of(const struct field *f)
{
	uint64_t h = hash_bytes(f->s, f->n);

	return h + !h;
}

static int take_label(struct joining *j, const struct field *id, const struct field *value, struct err *err)
{
	struct labels *ls = &j->labels;
	struct label *l;

	if (2 * (ls->n + 1) > ls->slots)
		grow(ls);
	l = slot_of(ls, hash_of(id));
	ls->n += !l->id;
	if (ls->n > MOST_LABELS)
		return err_set(err, ERR_INVALID, "more than %zu labels; look at a shorter time", MOST_LABELS);
	*l = (struct label){hash_of(id), hash_of(value), number_of(value)};
	return 0;
}

/* accuracy compares classes; a probability stands for the class above or below one half. */
static bool is_same(const struct label *l, const struct field *f, double x)
{
	if (isnan(l->x) || isnan(x))
		return hash_of(f) == l->text;
	return x == l->x || ((l->x == 0 || l->x == 1) && x > 0 && x < 1 && (x > 0.5) == (l->x > 0.5));
}

static int take_prediction(struct joining *j, const struct field *id, const struct field *value, struct err *err)
{
	const struct label *l = j->labels.slots ? slot_of(&j->labels, hash_of(id)) : NULL;
	double x;

	if (!l || !l->id)
		return 0;
	x = number_of(value);
	if (j->metric != SCORE_ACCURACY && (isnan(x) || isnan(l->x))) {
		j->no_numbers++;
		return 0;
	}
	if (j->n >= MOST_LABELS)
		return err_set(err, ERR_INVALID, "more than %zu predictions with a label; look at a shorter time", MOST_LABELS);
	ALLOC_GROW(j->scored, j->n + 1, j->cap);
	j->scored[j->n++] = (struct scored){x, l->x, is_same(l, value, x)};
	return 0;
}

/* Hands each row of path that has both columns to take. */
static int each_pair(struct joining *j, const char *path, const char *value_name,
		     int (*take)(struct joining *j, const struct field *id, const struct field *value, struct err *err), struct err *err)
{
	CLEANUP(data_file_close) struct data_file f = DATA_FILE_INIT;
	CLEANUP(rows_release) struct rows r = ROWS_INIT;
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	const struct rows_options opt = check_rows_options(&j->rules->read, path);
	ssize_t id_at, value_at;
	int got;

	if (data_file_open(&f, path, err) < 0)
		return -1;
	if (rows_begin(&r, &f.src, &opt, err) < 0)
		return err_wrap(err, "%s", path);
	while ((got = rows_next(&r, err)) > 0) {
		struct field id, value;

		id_at = rows_column(&r, j->rules->id);
		value_at = rows_column(&r, value_name);
		if (r.flags & ROW_NO_OBJECT || id_at < 0 || value_at < 0 || (size_t)MAX(id_at, value_at) >= r.n_fields)
			continue;
		id = rows_field(&r, (size_t)id_at);
		if (value_is_missing(&id, &j->na))
			continue;
		strbuf_clear(&key);
		strbuf_add(&key, id.s, id.n);
		id = (struct field){key.buf, key.len, id.kind};
		value = rows_field(&r, (size_t)value_at);
		if (!value_is_missing(&value, &j->na) && take(j, &id, &value, err) < 0)
			return err_wrap(err, "%s", path);
	}
	if (got < 0)
		return err_wrap(err, "%s", path);
	if (rows_column(&r, j->rules->id) < 0 || rows_column(&r, value_name) < 0)
		return err_set(err, ERR_NOTFOUND, "%s has no column '%s'; say which it is: '%s = NAME'", path,
			       rows_column(&r, j->rules->id) < 0 ? j->rules->id : value_name,
			       rows_column(&r, j->rules->id) < 0 ? "id" : take == take_label ? "label" : "predicted");
	return 0;
}

static int join(struct joining *j, const struct monitor_actual *m, const struct strvec *data, double *value, struct err *err)
{
	CLEANUP(strvec_release) struct strvec labels = STRVEC_INIT;
	size_t i;

	glob_expand(".", m->file, &labels);
	if (!labels.n)
		return err_set(err, ERR_NOTFOUND, "there are no labels: '%s' is not there", m->file);
	for (i = 0; i < labels.n; i++)
		if (each_pair(j, labels.v[i], j->rules->label, take_label, err) < 0)
			return -1;
	for (i = 0; i < data->n; i++)
		if (each_pair(j, data->v[i], j->rules->predicted, take_prediction, err) < 0)
			return -1;
	if (!j->n && j->no_numbers)
		return err_set(err, ERR_INVALID, "%s is about numbers, and '%s' or '%s' has none", m->metric, j->rules->predicted, j->rules->label);
	*value = NAN;
	if (!j->n)
		return 0;
	*value = score(j->metric, j->scored, j->n);
	return isnan(*value) ? err_set(err, ERR_INVALID, "%s of labels of one class alone is not defined", m->metric) : 0;
}

int monitor_actual(const struct monitor_rules *rules, const struct monitor_actual *m, const struct strvec *data, double *value, size_t *n,
		   struct err *err)
{
	struct joining j = {.rules = rules, .na = {rules->read.na, rules->read.n_na}};
	int got;

	if (!score_parse(m->metric, &j.metric))
		BUG("a metric '%s'", m->metric);
	got = join(&j, m, data, value, err);
	*n = j.n;
	free(j.labels.v);
	free(j.scored);
	return got;
}
