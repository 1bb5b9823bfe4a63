/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Metrics files: JSON, YAML, a CSV of one row, or lines of key and value. */
#include <config.h>

#include "params/metrics_file.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params/params.h"
#include "util/json.h"
#include "util/strbuf.h"
#include "util/text.h"

#define MOST_VALUES 1000
#define MOST_DEPTH 32
#define MOST_NAME 200
/* Longer texts are no metrics; and a number is shown as it was written only if it is short. */
#define MOST_TEXT 200
/* Stands before what a JSON number that is none was replaced by. */
#define NOT_FINITE '\x01'

void metrics_release(struct metrics *m)
{
	arena_release(&m->arena);
	*m = (struct metrics)METRICS_INIT;
}

const struct metric *metrics_find(const struct metrics *m, const char *name)
{
	return metrics_find_from(m, 0, name);
}

const struct metric *metrics_find_from(const struct metrics *m, size_t from, const char *name)
{
	size_t i;

	for (i = from; i < m->n; i++)
		if (streq(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}

static int add(struct metrics *m, const struct metric *new, struct err *err)
{
	if (m->n >= MOST_VALUES)
		return err_set(err, ERR_PARSE, "more than %d values", MOST_VALUES);
	if (metrics_find(m, new->name))
		return err_set(err, ERR_PARSE, "'%s' is there twice", new->name);
	m->v = arena_grow(&m->arena, m->v, m->n, sizeof(*m->v));
	m->v[m->n++] = *new;
	return 0;
}

/* Is s a number as a whole? Hexadecimal ones are not meant. */
static bool read_number(const char *s, double *x, bool *is_int)
{
	static const struct {
		const char *word;
		double x;
	} words[] = {{"nan", NAN}, {"inf", INFINITY}, {"infinity", INFINITY}};
	const char *digits = *s == '-' || *s == '+' ? s + 1 : s;
	char *end;
	size_t i;

	*is_int = false;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(digits, words[i].word) == 0) {
			*x = *s == '-' ? -words[i].x : words[i].x;
			return true;
		}
	if (!isdigit((unsigned char)*digits) && !(*digits == '.' && isdigit((unsigned char)digits[1])))
		return false;
	if (strspn(s, "+-0123456789.eE") != strlen(s))
		return false;
	*x = strtod(s, &end);
	*is_int = digits[strspn(digits, "0123456789")] == '\0';
	return *end == '\0';
}

bool metrics_number(const char *s, double *x)
{
	bool is_int;

	return read_number(s, x, &is_int);
}

/* Adds s[0..n), which may be a number or a text. */
static int add_text(struct metrics *m, const char *name, const char *s, size_t n, struct err *err)
{
	struct metric new = {.name = name};

	if (n > MOST_TEXT)
		return 0;
	new.text = arena_strndup(&m->arena, s, n);
	new.is_number = read_number(new.text, &new.x, &new.is_int);
	return add(m, &new, err);
}

/* ---- JSON ---- */

struct json_walk {
	struct metrics *m;
	struct strbuf name;
	int depth;
	struct err *err;
};

static int walk(struct json_walk *w, const struct json *j);

static int walk_member(void *ctx, const char *key, struct json *value)
{
	struct json_walk *w = ctx;
	size_t len = w->name.len;
	int result;

	if (len + strlen(key) + 1 > MOST_NAME)
		return err_set(w->err, ERR_PARSE, "a name is longer than %d bytes", MOST_NAME);
	if (len)
		strbuf_addch(&w->name, '.');
	strbuf_addstr(&w->name, key);
	result = walk(w, value);
	strbuf_setlen(&w->name, len);
	return result;
}

static int walk_list(struct json_walk *w, const struct json *j)
{
	size_t i, n = json_len(j);
	char index[24];
	int result = 0;

	for (i = 0; i < n && result == 0; i++) {
		snprintf(index, sizeof(index), "%zu", i);
		result = walk_member(w, index, json_at(j, i));
	}
	return result;
}

static int walk_scalar(struct json_walk *w, const struct json *j)
{
	const char *name = arena_strdup(&w->m->arena, w->name.len ? w->name.buf : "value");
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct metric new = {.name = name};
	const char *s;

	switch (json_kind(j)) {
	case JSON_INT:
	case JSON_FLOAT:
		json_write(j, false, &text);
		new.text = arena_strdup(&w->m->arena, text.buf);
		new.is_number = true;
		new.is_int = json_kind(j) == JSON_INT;
		new.x = json_float(j);
		return add(w->m, &new, w->err);
	case JSON_STR:
		s = json_str(j);
		if (*s == NOT_FINITE)
			return add_text(w->m, name, s + 1, strlen(s + 1), w->err);
		if (strlen(s) > MOST_TEXT)
			return 0;
		new.text = arena_strdup(&w->m->arena, s);
		return add(w->m, &new, w->err);
	case JSON_BOOL:
		new.text = json_bool(j) ? "true" : "false";
		return add(w->m, &new, w->err);
	default:
		new.text = "null";
		return add(w->m, &new, w->err);
	}
}

static int walk(struct json_walk *w, const struct json *j)
{
	int result;

	if (++w->depth > MOST_DEPTH)
		return err_set(w->err, ERR_PARSE, "nested more than %d deep", MOST_DEPTH);
	if (json_kind(j) == JSON_MAP)
		result = json_each(j, walk_member, w);
	else if (json_kind(j) == JSON_LIST)
		result = walk_list(w, j);
	else
		result = walk_scalar(w, j);
	w->depth--;
	return result;
}

/* Python and others write NaN, Infinity and -Infinity, which JSON has no numbers for: they become marked strings. */
static void replace_not_finite(const char *s, size_t n, struct strbuf *out)
{
	static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
	bool in_string = false;
	size_t i, k, len;

	for (i = 0; i < n; i++) {
		for (k = 0; !in_string && k < ARRAY_SIZE(words); k++) {
			len = strlen(words[k]);
			if (n - i >= len && memcmp(s + i, words[k], len) == 0)
				break;
		}
		if (!in_string && k < ARRAY_SIZE(words)) {
			strbuf_addf(out, "\"\\u0001%s\"", words[k]);
			i += strlen(words[k]) - 1;
			continue;
		}
		if (s[i] == '"')
			in_string = !in_string;
		strbuf_addch(out, s[i]);
		if (in_string && s[i] == '\\' && i + 1 < n)
			strbuf_addch(out, s[++i]);
	}
}

static int parse_json(struct metrics *m, const char *text, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf fixed = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	struct json_walk w = {m, STRBUF_INIT, 0, err};
	int result;

	replace_not_finite(text, n, &fixed);
	j = json_parse(fixed.buf, fixed.len, NULL, err);
	if (!j)
		return -1;
	result = walk(&w, j);
	strbuf_release(&w.name);
	return result;
}

/* ---- YAML ---- */

static int walk_param(struct metrics *m, const struct param *pa, struct strbuf *name, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i, len = name->len;

	if (pa->kind != PARAM_LIST && pa->kind != PARAM_MAP) {
		param_plain(pa, &text);
		return add_text(m, arena_strdup(&m->arena, len ? name->buf : "value"), text.buf, text.len, err);
	}
	for (i = 0; i < pa->list.n; i++) {
		const struct param *item = pa->list.v[i];
		int got;

		if (len)
			strbuf_addch(name, '.');
		if (item->key)
			strbuf_addstr(name, item->key);
		else
			strbuf_addu(name, i);
		got = name->len > MOST_NAME ? err_set(err, ERR_PARSE, "a name is longer than %d bytes", MOST_NAME) : walk_param(m, item, name, err);
		strbuf_setlen(name, len);
		if (got < 0)
			return -1;
	}
	return 0;
}

static int parse_yaml(struct metrics *m, const char *text, size_t n, struct err *err)
{
	CLEANUP(params_release) struct params p = PARAMS_INIT;
	CLEANUP(diags_release) struct diags ds = DIAGS_INIT;
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER; /* libfyaml makes no promise about threads */
	size_t i;
	int got;

	pthread_mutex_lock(&one);
	got = params_parse(&p, "metrics.yaml", text, n, &ds);
	pthread_mutex_unlock(&one);
	if (got == 0)
		return p.root ? walk_param(m, p.root, &name, err) : 0;
	for (i = 0; i < ds.n && ds.v[i].level != DIAG_ERROR; i++)
		;
	return err_set(err, ERR_PARSE, "%d: %s", i < ds.n ? ds.v[i].line : 0, i < ds.n ? ds.v[i].msg : "it is no YAML");
}

/* ---- CSV ---- */

/* Reads one field at *s, without its quotes; false at the end of the row, with *s behind it. */
static bool csv_field(const char **s, const char *end, char sep, bool *more, struct strbuf *out)
{
	const char *p = *s;

	strbuf_clear(out);
	if (!*more)
		return false;
	if (p < end && *p == '"') {
		for (p++; p < end; p++) {
			if (*p == '"' && !(p + 1 < end && p[1] == '"'))
				break;
			p += *p == '"';
			strbuf_addch(out, *p);
		}
		p += p < end;
	}
	while (p < end && *p != sep && *p != '\n')
		strbuf_addch(out, *p++);
	*more = p < end && *p == sep;
	*s = p < end ? p + 1 : p;
	strbuf_trim(out);
	return true;
}

static int parse_csv(struct metrics *m, const char *text, size_t n, char sep, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT;
	const char *head = text, *end = text + n, *row = memchr(text, '\n', n);
	bool more_names = true, more_values = true;

	if (!row || row + 1 == end)
		return err_set(err, ERR_PARSE, "a CSV file of metrics has a header and one row");
	row++;
	while (csv_field(&head, end, sep, &more_names, &name)) {
		if (!csv_field(&row, end, sep, &more_values, &value))
			return err_set(err, ERR_PARSE, "2: the row has fewer fields than the header");
		if (name.len > MOST_NAME)
			return err_set(err, ERR_PARSE, "1: a name is longer than %d bytes", MOST_NAME);
		if (add_text(m, arena_strdup(&m->arena, name.buf), value.buf, value.len, err) < 0)
			return -1;
	}
	if (more_values)
		return err_set(err, ERR_PARSE, "2: the row has more fields than the header");
	while (row < end && isspace((unsigned char)*row))
		row++;
	if (row < end)
		return err_set(err, ERR_PARSE, "3: a CSV file of metrics has a header and one row");
	return 0;
}

/* ---- lines ---- */

static void trim(const char **s, size_t *n)
{
	while (*n && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

struct line_reader {
	struct metrics *m;
	const char *section;
	size_t section_len;
	int line;
	struct err *err;
};

static int parse_line(struct line_reader *r, const char *s, size_t n)
{
	const char *name, *value;
	size_t name_len, value_len;

	trim(&s, &n);
	if (!n || *s == '#' || *s == ';' || (n == 3 && memcmp(s, "---", 3) == 0))
		return 0;
	if (*s == '[' && s[n - 1] == ']') {
		r->section = s + 1;
		r->section_len = n - 2;
		return 0;
	}
	name = s;
	for (name_len = 0; name_len < n && s[name_len] != '=' && s[name_len] != ':'; name_len++)
		;
	if (name_len == n)
		return err_set(r->err, ERR_PARSE, "%d: expected 'name = value' or 'name: value'", r->line);
	value = s + name_len + 1;
	value_len = n - name_len - 1;
	trim(&name, &name_len);
	trim(&value, &value_len);
	if (value_len > 1 && (*value == '"' || *value == '\'') && value[value_len - 1] == *value) {
		value++;
		value_len -= 2;
	}
	if (!name_len || name_len + r->section_len + 1 > MOST_NAME)
		return err_set(r->err, ERR_PARSE, "%d: a name has 1 to %d bytes", r->line, MOST_NAME);
	return add_text(r->m,
			arena_fmt(&r->m->arena, "%.*s%s%.*s", (int)r->section_len, r->section,
				  r->section_len ? "." : "", (int)name_len, name),
			value, value_len, r->err);
}

static int parse_lines(struct metrics *m, const char *text, size_t n, struct err *err)
{
	struct line_reader r = {.m = m, .section = "", .err = err};
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		r.line++;
		if (parse_line(&r, text, (size_t)((nl ? nl : end) - text)) < 0)
			return -1;
		text = nl ? nl + 1 : end;
	}
	return 0;
}

/* ---- logs ---- */

#define MOST_LINE 65536 /* of a longer line the beginning counts */

static const char *last_match(const regex_t *re, const char *text, const char *end, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT, found = STRBUF_INIT;
	bool any = false;
	regmatch_t at[2];

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		strbuf_clear(&line);
		strbuf_add(&line, text, MIN((size_t)((nl ? nl : end) - text), (size_t)MOST_LINE));
		text = nl ? nl + 1 : end;
		if (regexec(re, line.buf, 2, at, 0) != 0)
			continue;
		if (at[1].rm_so < 0)
			at[1] = at[0];
		strbuf_clear(&found);
		strbuf_add(&found, line.buf + at[1].rm_so, (size_t)(at[1].rm_eo - at[1].rm_so));
		any = true;
	}
	return any ? arena_strndup(a, found.buf, found.len) : NULL;
}

int metrics_last_match(const char *text, size_t n, const char *pattern, struct arena *a, const char **out, struct err *err)
{
	regex_t re;
	char why[200];
	int code = regcomp(&re, pattern, REG_EXTENDED);

	if (code != 0) {
		regerror(code, &re, why, sizeof(why));
		return err_set(err, ERR_INVALID, "'%s' is no regular expression: %s", pattern, why);
	}
	*out = last_match(&re, text, text + n, a);
	regfree(&re);
	return *out ? 0 : err_set(err, ERR_NOTFOUND, "no line matches '%s'", pattern);
}

int metrics_parse(struct metrics *m, const char *path, const char *text, size_t n, struct err *err)
{
	const char *start = text;
	size_t had = m->n, left = n;
	int result;

	if (n && memchr(text, '\0', n))
		return err_set(err, ERR_PARSE, "it is not text");
	trim(&start, &left);
	if (ends_with(path, ".json") || (left && *start == '{'))
		result = parse_json(m, text, n, err);
	else if (ends_with(path, ".yaml") || ends_with(path, ".yml"))
		result = parse_yaml(m, text, n, err);
	else if (ends_with(path, ".csv"))
		result = parse_csv(m, text, n, ',', err);
	else if (ends_with(path, ".tsv"))
		result = parse_csv(m, text, n, '\t', err);
	else
		result = parse_lines(m, text, n, err);
	if (result == 0 && m->n == had)
		return err_set(err, ERR_PARSE, "it holds no values");
	return result;
}
