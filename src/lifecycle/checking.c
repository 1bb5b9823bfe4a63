/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each thing that can be wrong has a tally: how often, and the first places. What tallies hold becomes findings at the end. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/pattern.h"
#include "data/unique.h"
#include "data/value.h"
#include "lifecycle/check.h"
#include "util/hash.h"
#include "util/map.h"
#include "util/text.h"

#define VALUE_SHOWN 60

struct tally {
	uint64_t n;
	struct check_example examples[CHECK_EXAMPLES];
	size_t n_examples;
};

enum wrong { WRONG_TYPE, WRONG_RANGE, WRONG_SET, WRONG_MATCH, WRONG_LENGTH, WRONG_MISSING, WRONG_ABSENT, WRONGS };

struct column_state {
	const struct check_column *rule;
	ssize_t at;        /* in the table being read; -1: it is not there */
	uint64_t values;   /* that are not missing */
	struct tally wrong[WRONGS];
	enum check_type type; /* the rule's, or what its range is of */
	struct map set;
	struct pattern pattern;
};

struct unique_state {
	const char *rule, *column; /* column NULL: several */
	const char *const *names;
	size_t n;
	bool warn;
	ssize_t *at;
	struct unique u;
	struct tally again;
	struct map first;      /* of the second reading: key -> struct check_example of its first row */
	uint64_t verified;
};

enum row_wrong { BAD_RAGGED, BAD_NUL, BAD_UTF8, BAD_QUOTES, BAD_OPEN, BAD_OBJECT, BAD_READ, BAD_HEADER, BADS };

struct checking {
	const struct check_rules *rules;
	struct check_result *out;
	struct na_words na;
	struct column_state *columns;
	struct unique_state *unique;
	size_t n_unique;
	struct tally bad[BADS], others;
	struct map ruled;      /* names with a rule */
	const char *file;
	struct rows rows;
	struct strbuf key;
	size_t known;          /* columns that have been looked for */
	bool again;            /* it is the second reading */
};

void check_count(struct strbuf *out, uint64_t n)
{
	char digits[24];
	int len = 0, i;

	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	for (i = len - 1; i >= 0; i--) {
		strbuf_addch(out, digits[i]);
		if (i && i % 3 == 0)
			strbuf_addch(out, ',');
	}
}

/* ---- tallies ---- */

/* s[0..n) as it is shown: control characters escaped, and only its beginning. */
static const char *shown(struct checking *c, const char *s, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t cut = MIN(n, (size_t)VALUE_SHOWN);

	while (cut < n && cut && ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--;
	text_add_escaped(&sb, s, cut, false);
	if (cut < n)
		strbuf_addstr(&sb, "...");
	return arena_strndup(&c->out->arena, sb.buf, sb.len);
}

/* Room for one more example; NULL: there are enough. */
static struct check_example *count(struct checking *c, struct tally *t)
{
	struct check_example *e;

	t->n++;
	if (t->n_examples == CHECK_EXAMPLES)
		return NULL;
	e = &t->examples[t->n_examples++];
	*e = (struct check_example){c->file, c->rows.line, NULL};
	return e;
}

static void count_value(struct checking *c, struct tally *t, const struct field *f)
{
	struct check_example *e = count(c, t);

	if (e)
		e->value = shown(c, f->s ? f->s : "", f->s ? f->n : 0);
}

static void count_text(struct checking *c, struct tally *t, const char *text)
{
	struct check_example *e = count(c, t);

	if (e)
		e->value = arena_strdup(&c->out->arena, text);
}

/* ---- values ---- */

static bool has_type(enum check_type want, const struct field *f, enum value_type is, double x)
{
	switch (want) {
	case CHECK_INT: return is == VALUE_INT;
	case CHECK_NUMBER: return is == VALUE_INT || is == VALUE_NUMBER;
	case CHECK_BOOL: return is == VALUE_BOOL || (is == VALUE_INT && (x == 0 || x == 1));
	case CHECK_DATE: return is == VALUE_DATE;
	case CHECK_TEXT: return f->kind == FIELD_PLAIN || f->kind == FIELD_QUOTED || f->kind == FIELD_STRING;
	case CHECK_ANY: break;
	}
	return true;
}

static bool is_number_within(const struct check_range *g, double x)
{
	return (!g->has_low || x >= g->low) && (!g->has_high || x <= g->high);
}

/* Dates by byte order; one with a time lies on its day, so that "..2024-12-31" has all of that day. */
static bool is_date_within(const struct check_range *g, const struct field *f)
{
	size_t low = g->has_low ? strlen(g->low_date) : 0, high = g->has_high ? strlen(g->high_date) : 0;

	return (!low || strncmp(f->s, g->low_date, MIN(low, f->n)) >= 0) && (!high || strncmp(f->s, g->high_date, MIN(high, f->n)) <= 0);
}

static void judge_value(struct checking *c, struct column_state *s, const struct field *f)
{
	const struct check_column *rule = s->rule;
	enum value_type is = VALUE_TEXT;
	double x = 0;

	if (value_is_missing(f, &c->na)) {
		count_text(c, &s->wrong[WRONG_MISSING], "(missing)");
		return;
	}
	s->values++;
	if (s->type != CHECK_ANY && s->type != CHECK_TEXT)
		is = value_present(f, &x);
	if (!has_type(s->type, f, is, x)) {
		count_value(c, &s->wrong[WRONG_TYPE], f);
		return;
	}
	if (rule->range.text && !(rule->range.dates ? is_date_within(&rule->range, f) : is_number_within(&rule->range, x)))
		count_value(c, &s->wrong[WRONG_RANGE], f);
	if (rule->n_set && !map_getn(&s->set, f->s, f->n))
		count_value(c, &s->wrong[WRONG_SET], f);
	if (rule->match && !pattern_matches(&s->pattern, f->s, f->n))
		count_value(c, &s->wrong[WRONG_MATCH], f);
	if (rule->length.text && !is_number_within(&rule->length, (double)f->n))
		count_value(c, &s->wrong[WRONG_LENGTH], f);
}

/* ---- unique ---- */

/* The values of a row in the columns of u, one behind the other with their lengths; false if one is missing. */
static bool unique_key(struct checking *c, const struct unique_state *u)
{
	size_t i;

	strbuf_clear(&c->key);
	for (i = 0; i < u->n; i++) {
		struct field f;

		if (u->at[i] < 0 || (size_t)u->at[i] >= c->rows.n_fields)
			return false;
		f = rows_field(&c->rows, (size_t)u->at[i]);
		if (value_is_missing(&f, &c->na))
			return false;
		if (u->n > 1)
			strbuf_add(&c->key, &f.n, sizeof(f.n));
		strbuf_add(&c->key, f.s, f.n);
	}
	return true;
}

/* The hash of what a row has in the columns of u; false if a value is missing. */
static bool unique_hash(struct checking *c, const struct unique_state *u, uint64_t *hash)
{
	struct field f;

	if (u->n > 1) {
		if (!unique_key(c, u))
			return false;
		*hash = hash_bytes(c->key.buf, c->key.len);
		return true;
	}
	if (*u->at < 0 || (size_t)*u->at >= c->rows.n_fields)
		return false;
	rows_get(&c->rows, (size_t)*u->at, &f);
	if (value_is_missing(&f, &c->na))
		return false;
	*hash = hash_bytes(f.s, f.n);
	return true;
}

static int take_unique(struct checking *c, struct err *err)
{
	uint64_t hash;
	size_t i;

	for (i = 0; i < c->n_unique; i++)
		if (unique_hash(c, &c->unique[i], &hash) && unique_take(&c->unique[i].u, hash, err) < 0)
			return -1;
	return 0;
}

static void name_repeated(struct checking *c, struct unique_state *u)
{
	struct arena *a = &c->out->arena;
	struct check_example *first, *e;
	char hex[2 * 8 + 1];
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	const char *kept;
	size_t i;

	if (!unique_key(c, u) || !unique_is_again(&u->u, hash_bytes(c->key.buf, c->key.len)))
		return;
	/* a map has strings without NULs */
	for (i = 0; i < c->key.len; i++) {
		snprintf(hex, sizeof(hex), "%02x", (unsigned char)c->key.buf[i]);
		strbuf_addstr(&key, hex);
	}
	first = map_getn(&u->first, key.buf, key.len);
	if (!first) {
		kept = arena_strndup(a, key.buf, key.len);
		first = arena_alloc(a, sizeof(*first));
		*first = (struct check_example){c->file, c->rows.line, NULL};
		map_put(&u->first, kept, first);
		return;
	}
	u->verified++;
	e = count(c, &u->again);
	if (!e)
		return;
	strbuf_clear(&key);
	for (i = 0; i < u->n; i++) {
		struct field f = rows_field(&c->rows, (size_t)u->at[i]);

		strbuf_addf(&key, "%s%s", i ? ", " : "", shown(c, f.s, f.n));
	}
	if (streq(first->file, c->file))
		e->value = arena_fmt(a, "%s, as on line %llu", key.buf, (unsigned long long)first->line);
	else
		e->value = arena_fmt(a, "%s, as in %s:%llu", key.buf, first->file, (unsigned long long)first->line);
}

/* ---- rows ---- */

static void look_for_columns(struct checking *c)
{
	size_t i, j;

	for (i = 0; i < c->rules->n_columns; i++)
		c->columns[i].at = rows_column(&c->rows, c->columns[i].rule->name);
	for (i = 0; i < c->n_unique; i++)
		for (j = 0; j < c->unique[i].n; j++)
			c->unique[i].at[j] = rows_column(&c->rows, c->unique[i].names[j]);
	for (; c->known < c->rows.names.n; c->known++)
		if (c->rules->others && !c->again && !map_get(&c->ruled, c->rows.names.v[c->known]))
			count_text(c, &c->others, c->rows.names.v[c->known]);
}

static void judge_shape(struct checking *c)
{
	static const struct {
		unsigned flag;
		enum row_wrong bad;
		const char *text;
	} flags[] = {{ROW_NUL, BAD_NUL, "a NUL"}, {ROW_UTF8, BAD_UTF8, "bytes that are no UTF-8"},
		     {ROW_QUOTES, BAD_QUOTES, "text behind the quote that ends a field"}, {ROW_OPEN, BAD_OPEN, "the quote is never closed"}};
	struct rows *r = &c->rows;
	size_t i;

	if (r->format == ROWS_SEPARATED && r->n_fields != r->names.n)
		count_text(c, &c->bad[BAD_RAGGED],
			   arena_fmt(&c->out->arena, "%zu field%s, not %zu", r->n_fields, r->n_fields == 1 ? "" : "s", r->names.n));
	for (i = 0; r->flags && i < ARRAY_SIZE(flags); i++)
		if (r->flags & flags[i].flag)
			count_text(c, &c->bad[flags[i].bad], flags[i].text);
	if (r->flags & ROW_NO_OBJECT)
		count_text(c, &c->bad[BAD_OBJECT], r->why);
}

static int judge_row(struct checking *c, struct err *err)
{
	static const struct field absent = {"", 0, FIELD_ABSENT};
	struct rows *r = &c->rows;
	size_t i;

	c->out->rows++;
	if (r->flags || r->n_fields != r->names.n)
		judge_shape(c);
	if (r->flags & ROW_NO_OBJECT)
		return 0;
	if (c->known < r->names.n)
		look_for_columns(c);
	for (i = 0; i < c->rules->n_columns; i++) {
		struct column_state *s = &c->columns[i];
		struct field f;

		if (s->at < 0 && r->format == ROWS_SEPARATED)
			continue;
		if (s->at >= 0 && (size_t)s->at < r->n_fields)
			rows_get(r, (size_t)s->at, &f);
		else
			f = absent;
		judge_value(c, s, &f);
	}
	return take_unique(c, err);
}

/* An empty line. */
static bool is_no_row(const struct rows *r)
{
	return !r->n && r->names.n > 1;
}

void check_header(const struct strvec *names, void (*tell)(void *ctx, const char *words), void *ctx)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i;

	for (i = 0; i < names->n; i++) {
		uintptr_t before = (uintptr_t)map_put(&seen, names->v[i], (void *)(uintptr_t)(i + 1));
		CLEANUP(freep) char *words = before ? xstrfmt("'%s' is the name of columns %zu and %zu", names->v[i], (size_t)before, i + 1) : NULL;

		if (words)
			tell(ctx, words);
	}
}

static void count_header(void *ctx, const char *words)
{
	struct checking *c = ctx;

	count_text(c, &c->bad[BAD_HEADER], words);
}

static void judge_header(struct checking *c)
{
	c->rows.line = 1;
	check_header(&c->rows.names, count_header, c);
}

static void judge_absent(struct checking *c)
{
	size_t i, j;

	c->rows.line = c->rows.format == ROWS_SEPARATED;
	for (i = 0; i < c->rules->n_columns; i++) {
		const struct check_column *rule = c->columns[i].rule;
		struct nearest near = NEAREST_INIT(rule->name);
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

		if (rows_column(&c->rows, rule->name) >= 0 || rule->optional)
			continue;
		for (j = 0; j < c->rows.names.n && j < 1000; j++)
			nearest_offer(&near, c->rows.names.v[j]);
		strbuf_addstr(&text, c->rows.names.n ? "there is no such column" : "there are no columns");
		nearest_hint(&near, &text);
		count_text(c, &c->columns[i].wrong[WRONG_ABSENT], text.buf);
	}
}

struct rows_options check_rows_options(const struct check_rules *rules, const char *path)
{
	enum rows_format by_name = rows_format_of(path);
	size_t n = strlen(path);
	bool tabs = n > 4 && (strcasecmp(path + n - 4, ".tsv") == 0 || strcasecmp(path + n - 4, ".tab") == 0);
	struct rows_options opt = {.format = by_name, .separator = rules->separator, .no_header = rules->no_header, .ahead = true};

	if (rules->format)
		opt.format = streq(rules->format, "jsonl") ? ROWS_JSON : ROWS_SEPARATED;
	if (opt.format == ROWS_JSON)
		opt.limit = (size_t)16 << 20;
	if (!opt.separator && tabs)
		opt.separator = '\t';
	return opt;
}

/* Reads a file and hands its rows to one. A row that cannot be read ends it, and is a finding of the first reading. */
static int each_row(struct checking *c, const char *path, int (*one)(struct checking *c, struct err *err), struct err *err)
{
	CLEANUP(data_file_close) struct data_file f = DATA_FILE_INIT;
	CLEANUP(err_release) struct err bad = ERR_INIT;
	struct rows_options opt = check_rows_options(c->rules, path);
	int got;

	c->file = arena_strdup(&c->out->arena, path);
	c->known = 0;
	rows_release(&c->rows);
	if (data_file_open(&f, path, err) < 0)
		return -1;
	got = rows_begin(&c->rows, &f.src, &opt, &bad);
	if (got == 0 && !c->again)
		judge_header(c);
	if (got == 0)
		look_for_columns(c);
	while (got >= 0 && (got = rows_next(&c->rows, &bad)) > 0)
		if (!is_no_row(&c->rows) && one(c, err) < 0) {
			rows_stop(&c->rows);
			return -1;
		}
	if (got < 0 && bad.code != ERR_INVALID)
		return err_move(err, &bad);
	if (!c->again && got < 0) {
		c->rows.line = c->rows.next_line;
		count_text(c, &c->bad[BAD_READ], bad.msg);
	}
	if (!c->again)
		judge_absent(c);
	return 0;
}

static int name_all_repeated(struct checking *c, struct err *err)
{
	size_t i;

	(void)err;
	if (c->known < c->rows.names.n)
		look_for_columns(c);
	for (i = 0; i < c->n_unique && !(c->rows.flags & ROW_NO_OBJECT); i++)
		name_repeated(c, &c->unique[i]);
	return 0;
}

static int end_unique(struct checking *c, const struct strvec *files, struct err *err)
{
	bool any = false;
	size_t i;

	for (i = 0; i < c->n_unique; i++) {
		if (unique_end(&c->unique[i].u, err) < 0)
			return -1;
		any |= c->unique[i].u.n_again > 0;
	}
	c->again = true;
	for (i = 0; any && i < files->n; i++)
		if (each_row(c, files->v[i], name_all_repeated, err) < 0)
			return -1;
	return 0;
}

/* ---- findings ---- */

static struct finding *found(struct checking *c, const char *rule, const char *column, bool warn, const struct tally *t, uint64_t of)
{
	struct check_result *out = c->out;
	struct finding *f;

	out->v = arena_grow(&out->arena, out->v, out->n, sizeof(*out->v));
	f = &out->v[out->n++];
	*f = (struct finding){.rule = rule, .column = column, .warn = warn, .count = t ? t->n : 0, .of = of};
	if (t) {
		memcpy(f->examples, t->examples, sizeof(f->examples));
		f->n_examples = t->n_examples;
	}
	out->errors += !warn;
	return f;
}

/* "3 of 1,000 values" */
static void add_counts(struct strbuf *sb, uint64_t n, uint64_t of, const char *what)
{
	check_count(sb, n);
	strbuf_addstr(sb, " of ");
	check_count(sb, of);
	strbuf_addf(sb, " %s%s", what, of == 1 ? "" : "s");
}

static void say_set(struct strbuf *sb, const struct check_column *rule)
{
	size_t i;

	for (i = 0; i < rule->n_set && i < 6; i++)
		strbuf_addf(sb, "%s%s", i ? ", " : "", rule->set[i]);
	if (i < rule->n_set)
		strbuf_addf(sb, " and %zu more", rule->n_set - i);
}

static void say_wrong(struct strbuf *sb, const struct column_state *s, enum wrong w)
{
	static const char *const types[] = {"", "whole number", "number", "truth value", "date (YYYY-MM-DD)", "text"};
	const struct check_column *rule = s->rule;
	uint64_t n = s->wrong[w].n, rows = s->values + s->wrong[WRONG_MISSING].n;

	if (w == WRONG_ABSENT) {
		strbuf_addstr(sb, s->wrong[w].examples[0].value);
		return;
	}
	if (w == WRONG_MISSING) {
		add_counts(sb, n, rows, "value");
		strbuf_addf(sb, " (%.3g %%) %s missing, and at most %s may be", 100 * (double)n / (double)rows, n == 1 ? "is" : "are",
			    rule->missing > 0 ? rule->missing_text : "none");
		return;
	}
	add_counts(sb, n, s->values, "value");
	strbuf_addstr(sb, w == WRONG_MATCH ? n == 1 ? " does not " : " do not " : n == 1 ? " is " : " are ");
	switch (w) {
	case WRONG_TYPE: strbuf_addf(sb, "no %s%s", types[s->type], n > 1 && s->type != CHECK_DATE ? "s" : ""); break;
	case WRONG_RANGE: strbuf_addf(sb, "not in %s", rule->range.text); break;
	case WRONG_SET: strbuf_addstr(sb, "none of "); say_set(sb, rule); break;
	case WRONG_MATCH: strbuf_addf(sb, "match %s", rule->match); break;
	default: strbuf_addf(sb, "not %s bytes long", rule->length.text); break;
	}
}

static void find_in_column(struct checking *c, struct column_state *s)
{
	struct arena *a = &c->out->arena;
	const char *rule = arena_fmt(a, "column %s", s->rule->name);
	uint64_t rows = s->values + s->wrong[WRONG_MISSING].n;
	enum wrong w;

	for (w = WRONG_TYPE; w < WRONGS; w++) {
		CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
		struct finding *f;

		if (!s->wrong[w].n || (w == WRONG_MISSING && (double)s->wrong[w].n <= s->rule->missing * (double)rows))
			continue;
		say_wrong(&sb, s, w);
		f = found(c, rule, s->rule->name, s->rule->warn, &s->wrong[w], w == WRONG_ABSENT ? 0 : w == WRONG_MISSING ? rows : s->values);
		f->message = arena_strdup(a, sb.buf);
	}
}

static void find_repeated(struct checking *c, struct unique_state *u)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct finding *f;
	size_t i;

	for (i = 0; i < u->n; i++)
		if (c->out->rows && !u->u.count && u->at[i] < 0)
			break;
	if (i < u->n) {
		f = found(c, u->rule, u->column, u->warn, NULL, 0);
		f->message = arena_fmt(&c->out->arena, "there is no column '%s'", u->names[i]);
		return;
	}
	/* Equal hashes that are not equal values are told apart as long as all of them are known. */
	u->again.n = u->u.n_again < UNIQUE_REPEATED ? u->verified : u->u.repeated;
	if (!u->again.n)
		return;
	add_counts(&sb, u->again.n, u->u.count, u->n > 1 ? "row" : "value");
	strbuf_addf(&sb, " %s been there before", u->again.n == 1 ? "has" : "have");
	f = found(c, u->rule, u->column, u->warn, &u->again, u->u.count);
	f->message = arena_strdup(&c->out->arena, sb.buf);
}

static void find_rows(struct checking *c)
{
	const struct check_range *g = &c->rules->rows;
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct finding *f;

	if (!g->text || is_number_within(g, (double)c->out->rows))
		return;
	check_count(&sb, c->out->rows);
	strbuf_addf(&sb, " row%s, and %s are wanted", c->out->rows == 1 ? "" : "s", g->text);
	f = found(c, "rows", NULL, c->rules->rows_warn, NULL, 0);
	f->count = c->out->rows;
	f->message = arena_strdup(&c->out->arena, sb.buf);
}

static void find_bad_rows(struct checking *c)
{
	static const char *const words[] = {"another number of fields than the header", "a NUL", "bytes that are no UTF-8",
					    "text behind the quote that ends a field", "a quote that is never closed", "no JSON object"};
	size_t i;

	for (i = 0; i < BADS; i++) {
		CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
		const struct tally *t = &c->bad[i];
		struct finding *f;

		if (!t->n)
			continue;
		if (i < ARRAY_SIZE(words)) {
			add_counts(&sb, t->n, c->out->rows, "row");
			strbuf_addf(&sb, " %s %s", t->n == 1 ? "has" : "have", words[i]);
		} else {
			strbuf_addstr(&sb, i == BAD_READ ? "it cannot be read to its end" : "a column has a name twice");
		}
		f = found(c, "format", NULL, c->rules->warn, t, i < ARRAY_SIZE(words) ? c->out->rows : 0);
		f->message = arena_strdup(&c->out->arena, sb.buf);
	}
}

static void find_all(struct checking *c)
{
	size_t i;

	find_bad_rows(c);
	find_rows(c);
	for (i = 0; i < c->n_unique; i++)
		if (!c->unique[i].column || c->unique[i].n > 1)
			find_repeated(c, &c->unique[i]);
	if (c->others.n) {
		struct finding *f = found(c, "others", NULL, c->rules->others == OTHERS_WARN || c->rules->warn, &c->others, 0);

		f->message = arena_fmt(&c->out->arena, "%llu column%s without a rule", (unsigned long long)c->others.n,
				       c->others.n == 1 ? "" : "s");
	}
	for (i = 0; i < c->rules->n_columns; i++)
		find_in_column(c, &c->columns[i]);
	for (i = 0; i < c->n_unique; i++)
		if (c->unique[i].column && c->unique[i].n == 1)
			find_repeated(c, &c->unique[i]);
}

/* ---- beginning and end ---- */

static void add_unique(struct checking *c, const char *rule, const char *column, const char *const *names, size_t n, bool warn,
		       const char *tmp)
{
	c->unique = xreallocarray(c->unique, c->n_unique + 1, sizeof(*c->unique));
	c->unique[c->n_unique++] = (struct unique_state){.rule = rule, .column = column, .names = names, .n = n, .warn = warn,
							 .at = xcalloc(n, sizeof(ssize_t)), .u = UNIQUE_INIT(tmp), .first = MAP_INIT};
}

static void prepare(struct checking *c, const char *tmp)
{
	const struct check_rules *rules = c->rules;
	struct arena *a = &c->out->arena;
	size_t i, j;

	c->columns = xcalloc(rules->n_columns + 1, sizeof(*c->columns));
	for (i = 0; i < rules->n_unique; i++) {
		const struct check_unique *u = &rules->unique[i];

		add_unique(c, arena_fmt(a, "unique %s", u->text), NULL, u->columns, u->n, u->warn, tmp);
		for (j = 0; j < u->n; j++)
			map_put(&c->ruled, u->columns[j], c);
	}
	for (i = 0; i < rules->n_columns; i++) {
		const struct check_column *rule = &rules->columns[i];
		struct column_state *s = &c->columns[i];

		s->rule = rule;
		s->type = rule->type || !rule->range.text ? rule->type : rule->range.dates ? CHECK_DATE : CHECK_NUMBER;
		map_put(&c->ruled, rule->name, c);
		for (j = 0; j < rule->n_set; j++)
			map_put(&s->set, rule->set[j], s);
		if (rule->match)
			pattern_init(&s->pattern, rule->match);
		if (rule->unique)
			add_unique(c, arena_fmt(a, "column %s", rule->name), rule->name, &rule->name, 1, rule->warn, tmp);
	}
}

static void release(struct checking *c)
{
	size_t i;

	for (i = 0; i < c->rules->n_columns; i++) {
		map_release(&c->columns[i].set);
		if (c->columns[i].rule->match)
			pattern_release(&c->columns[i].pattern);
	}
	for (i = 0; i < c->n_unique; i++) {
		free(c->unique[i].at);
		unique_release(&c->unique[i].u);
		map_release(&c->unique[i].first);
	}
	free(c->columns);
	free(c->unique);
	map_release(&c->ruled);
	rows_release(&c->rows);
	strbuf_release(&c->key);
}

int check_files(const char *path, struct strvec *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	struct dirent *e;
	struct stat st;
	size_t i;
	DIR *d;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		strvec_push(out, path);
		return 0;
	}
	d = opendir(path);
	if (!d)
		return err_errno(err, "cannot list '%s'", path);
	while ((e = readdir(d)))
		if (*e->d_name != '.' && rows_format_of(e->d_name) != ROWS_ANY)
			strvec_pushf(&names, "%s/%s", path, e->d_name);
	closedir(d);
	strvec_sort(&names);
	for (i = 0; i < names.n; i++)
		strvec_push(out, names.v[i]);
	return names.n ? 0 : err_set(err, ERR_NOTFOUND, "'%s' is a directory without tables (.csv, .tsv, .jsonl)", path);
}

int check_data(const struct check_rules *rules, const struct strvec *paths, const char *tmp, struct check_result *out, struct err *err)
{
	struct checking c = {.rules = rules, .out = out, .na = {rules->na, rules->n_na}, .ruled = MAP_INIT, .rows = ROWS_INIT,
			     .key = STRBUF_INIT};
	CLEANUP(strvec_release) struct strvec files = STRVEC_INIT;
	size_t i;
	int got = 0;

	for (i = 0; i < paths->n; i++)
		if (check_files(paths->v[i], &files, err) < 0)
			return -1;
	prepare(&c, tmp);
	for (i = 0; i < files.n && got == 0; i++)
		got = each_row(&c, files.v[i], judge_row, err);
	out->files = files.n;
	if (got == 0)
		got = end_unique(&c, &files, err);
	if (got == 0)
		find_all(&c);
	release(&c);
	return got;
}

void check_result_release(struct check_result *r)
{
	arena_release(&r->arena);
	*r = (struct check_result)CHECK_RESULT_INIT;
}
