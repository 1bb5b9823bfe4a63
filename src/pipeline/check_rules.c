/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/check_rules.h"

#include <ctype.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/words.h"
#include "util/text.h"

#define MOST_COUNT 1e15

struct reading {
	struct arena *a;
	struct check_rules *out;
	const struct rule *rule;
	struct rule_problems problems;
};

/* The words of a rule. */
struct words {
	struct word *v;
	size_t n, at;
};

PRINTF(2, 3) static void tell(struct reading *r, const char *fmt, ...)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;
	va_list ap;

	if (r->rule && r->rule->arg)
		strbuf_addf(&msg, "'%s %s': ", r->rule->key, r->rule->arg);
	else if (r->rule)
		strbuf_addf(&msg, "'%s': ", r->rule->key);
	va_start(ap, fmt);
	strbuf_vaddf(&msg, fmt, ap);
	va_end(ap);
	rule_problem(&r->problems, r->rule ? r->rule->line : 0, "%s", msg.buf);
}

static void unknown(struct reading *r, const char *word, const char *const *known, const char *otherwise)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(word);

	for (; *known; known++)
		nearest_offer(&near, *known);
	nearest_hint(&near, &hint);
	tell(r, "'%s' means nothing here%s", word, near.best ? hint.buf : otherwise);
}

static bool split(struct reading *r, const char *value, struct words *ws)
{
	char *s = arena_strdup(r->a, value);
	const char *why;
	struct word w;
	int got;

	*ws = (struct words){NULL, 0, 0};
	while ((got = word_next(&s, false, &w, &why)) > 0) {
		ws->v = arena_grow(r->a, ws->v, ws->n, sizeof(*ws->v));
		ws->v[ws->n++] = w;
	}
	if (got < 0)
		tell(r, "%s", why);
	return got == 0;
}

/* Takes a 'warn' off the end. */
static bool ends_with_warn(struct words *ws)
{
	if (ws->n < 2 || ws->v[ws->n - 1].quoted || !streq(ws->v[ws->n - 1].text, "warn"))
		return false;
	ws->n--;
	return true;
}

/* ---- ranges ---- */

static bool read_double(const char *s, double *x)
{
	char *end;

	if (!isdigit((unsigned char)*s) && !strchr("+-.", *s))
		return false;
	*x = strtod(s, &end);
	return *s && !*end && end[-1] != '.' && isfinite(*x);
}

static bool is_date_like(const char *s)
{
	size_t i;

	for (i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? s[i] != '-' : !isdigit((unsigned char)s[i]))
			return false;
	return true;
}

static bool read_bound(struct check_range *range, const char *s, double *x, const char **date)
{
	if (read_double(s, x))
		return true;
	range->dates = is_date_like(s);
	*date = s;
	return range->dates;
}

/* "1..5", "1..", "..5", "5", or dates; false: it is no range. */
static bool read_range(struct reading *r, const char *s, struct check_range *range)
{
	const char *dots = strstr(s, ".."), *high = dots ? dots + 2 : s;
	const char *low = dots ? arena_strndup(r->a, s, (size_t)(dots - s)) : s;
	bool dates;

	*range = (struct check_range){.text = s, .has_low = *low != '\0', .has_high = *high != '\0'};
	if (!range->has_low && !range->has_high)
		return false;
	if (range->has_low && !read_bound(range, low, &range->low, &range->low_date))
		return false;
	dates = range->dates;
	if (range->has_high && !read_bound(range, high, &range->high, &range->high_date))
		return false;
	return !range->has_low || !range->has_high || dates == range->dates;
}

static void need_order(struct reading *r, const struct check_range *g)
{
	if (!g->has_low || !g->has_high)
		return;
	if (g->dates ? strcmp(g->low_date, g->high_date) > 0 : g->low > g->high)
		tell(r, "nothing is in %s", g->text);
}

static bool is_whole(double x)
{
	return x >= 0 && x <= MOST_COUNT && x == floor(x);
}

static bool is_count(const struct check_range *g)
{
	return !g->dates && (!g->has_low || is_whole(g->low)) && (!g->has_high || is_whole(g->high));
}

static bool read_counts(struct reading *r, const char *s, struct check_range *g)
{
	if (!read_range(r, s, g) || !is_count(g)) {
		tell(r, "'%s' is no number or range of them; write 10, 10.., ..20 or 10..20", s);
		return false;
	}
	need_order(r, g);
	return true;
}

/* ---- columns ---- */

static const char *const column_words[] = {"int", "number", "bool", "date", "text", "set", "match", "missing", "length", "unique",
					   "optional", "warn", NULL};

static bool is_word(const struct word *w, const char *word)
{
	return !w->quoted && streq(w->text, word);
}

static bool is_column_word(const struct word *w)
{
	size_t i;

	for (i = 5; column_words[i]; i++)
		if (is_word(w, column_words[i]))
			return true;
	return false;
}

/* The word behind one that needs it. */
static const char *take_word(struct reading *r, struct words *ws, const char *what)
{
	if (ws->at >= ws->n) {
		tell(r, "'%s' needs %s behind it", ws->v[ws->n - 1].text, what);
		return NULL;
	}
	return ws->v[ws->at++].text;
}

static void read_set(struct reading *r, struct words *ws, struct check_column *c)
{
	while (ws->at < ws->n && !is_column_word(&ws->v[ws->at])) {
		c->set = arena_grow(r->a, c->set, c->n_set, sizeof(*c->set));
		c->set[c->n_set++] = ws->v[ws->at++].text;
	}
	if (!c->n_set)
		tell(r, "'set' needs values behind it");
}

static void read_match(struct reading *r, struct words *ws, struct check_column *c)
{
	char why[200];
	regex_t re;
	int bad;

	c->match = take_word(r, ws, "a regular expression");
	if (!c->match)
		return;
	bad = regcomp(&re, c->match, REG_EXTENDED | REG_NOSUB);
	if (bad) {
		regerror(bad, &re, why, sizeof(why));
		tell(r, "'%s' is no regular expression: %s", c->match, why);
		return;
	}
	regfree(&re);
}

static void read_missing(struct reading *r, struct words *ws, struct check_column *c)
{
	const char *s = take_word(r, ws, "a share, such as 0, 0.05 or 5%");
	CLEANUP(freep) char *number = NULL;
	size_t n;
	bool percent;

	if (!s)
		return;
	n = strlen(s);
	percent = n && s[n - 1] == '%';
	number = xstrndup(s, n - percent);
	c->missing_text = s;
	if (!read_double(number, &c->missing) || c->missing < 0 || c->missing > (percent ? 100 : 1))
		tell(r, "'%s' is no share; write 0, 0.05 or 5%%", s);
	c->missing /= percent ? 100 : 1;
}

static void read_column_word(struct reading *r, struct words *ws, struct check_column *c)
{
	static const enum check_type types[] = {CHECK_INT, CHECK_NUMBER, CHECK_BOOL, CHECK_DATE, CHECK_TEXT};
	const struct word *w = &ws->v[ws->at++];
	const char *s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (is_word(w, column_words[i])) {
			if (c->type && c->type != types[i])
				tell(r, "a column has one type");
			c->type = types[i];
			return;
		}
	if (is_word(w, "set"))
		read_set(r, ws, c);
	else if (is_word(w, "match"))
		read_match(r, ws, c);
	else if (is_word(w, "missing"))
		read_missing(r, ws, c);
	else if (is_word(w, "length") && (s = take_word(r, ws, "a range")))
		read_counts(r, s, &c->length);
	else if (is_word(w, "unique"))
		c->unique = true;
	else if (is_word(w, "optional"))
		c->optional = true;
	else if (is_word(w, "warn"))
		c->warn = true;
	else if (is_word(w, "length"))
		return;
	else if (read_range(r, w->text, &c->range))
		need_order(r, &c->range);
	else
		unknown(r, w->text, column_words, "; write a type, a range, set, match, missing, length, unique, optional or warn");
}

static void fits_range(struct reading *r, const struct check_column *c)
{
	bool numbers = c->type == CHECK_INT || c->type == CHECK_NUMBER;

	if (!c->range.text)
		return;
	if (c->range.dates ? numbers || c->type == CHECK_BOOL : c->type == CHECK_DATE || c->type == CHECK_BOOL)
		tell(r, "a range %s is none of its type", c->range.text);
	if (c->type == CHECK_TEXT)
		tell(r, "a text has no range; 'length %s' is about its bytes", c->range.text);
}

static const char *unquoted(struct reading *r, const char *arg)
{
	size_t n = strlen(arg);

	return n >= 2 && arg[0] == '"' && arg[n - 1] == '"' ? arena_strndup(r->a, arg + 1, n - 2) : arg;
}

static void read_column(struct reading *r)
{
	struct check_rules *out = r->out;
	struct check_column *c;
	struct words ws;
	const char *name;
	size_t i;

	if (!r->rule->arg) {
		tell(r, "of which column? write 'column NAME = ...'");
		return;
	}
	name = unquoted(r, r->rule->arg);
	for (i = 0; i < out->n_columns && !streq(out->columns[i].name, name); i++)
		;
	if (i == out->n_columns) {
		out->columns = arena_grow(r->a, out->columns, out->n_columns, sizeof(*out->columns));
		out->columns[out->n_columns++] = (struct check_column){.name = name, .missing = 1, .line = r->rule->line, .warn = out->warn};
	}
	c = &out->columns[i];
	if (!split(r, r->rule->value, &ws))
		return;
	while (ws.at < ws.n)
		read_column_word(r, &ws, c);
	fits_range(r, c);
}

/* ---- the others ---- */

static void read_rows(struct reading *r)
{
	struct words ws;

	if (!split(r, r->rule->value, &ws))
		return;
	if (r->out->rows.text)
		tell(r, "it has been said already");
	r->out->rows_warn = ends_with_warn(&ws) || r->out->warn;
	if (ws.n != 1)
		tell(r, "write one number or range");
	else
		read_counts(r, ws.v[0].text, &r->out->rows);
}

static void read_unique(struct reading *r)
{
	struct check_rules *out = r->out;
	struct check_unique u = {.text = r->rule->value, .line = r->rule->line};
	struct words ws;
	size_t i;

	if (!split(r, r->rule->value, &ws))
		return;
	u.warn = ends_with_warn(&ws) || out->warn;
	if (!ws.n) {
		tell(r, "it names no column");
		return;
	}
	u.n = ws.n;
	u.columns = arena_alloc(r->a, u.n * sizeof(*u.columns));
	for (i = 0; i < u.n; i++)
		u.columns[i] = ws.v[i].text;
	out->unique = arena_grow(r->a, out->unique, out->n_unique, sizeof(*out->unique));
	out->unique[out->n_unique++] = u;
}

static void read_na(struct reading *r)
{
	struct words ws;
	size_t i;

	if (!split(r, r->rule->value, &ws))
		return;
	for (i = 0; i < ws.n; i++) {
		r->out->na = arena_grow(r->a, r->out->na, r->out->n_na, sizeof(*r->out->na));
		r->out->na[r->out->n_na++] = ws.v[i].text;
	}
}

/* Which of the words it is; n if it is none. */
static size_t one_of(struct reading *r, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (streq(r->rule->value, words[i]))
			return i;
	unknown(r, r->rule->value, words, "");
	return n;
}

char check_separator(const char *s)
{
	if (streq(s, "tab") || streq(s, "\\t"))
		return '\t';
	return *s && !s[1] && *s != '"' && *s != '\r' ? *s : 0;
}

static void read_separator(struct reading *r)
{
	r->out->separator = check_separator(unquoted(r, r->rule->value));
	if (!r->out->separator)
		tell(r, "'%s' is no separator; write one character, or tab", r->rule->value);
}

static void read_rule(struct reading *r)
{
	static const char *const formats[] = {"csv", "tsv", "jsonl", NULL}, *const yes[] = {"yes", "no", NULL},
				 *const severities[] = {"error", "warn", NULL}, *const others[] = {"yes", "warn", "error", NULL};
	const char *key = r->rule->key;
	size_t i;

	if (streq(key, "format")) {
		i = one_of(r, formats, 3);
		r->out->format = formats[i];
		if (i == 1 && !r->out->separator)
			r->out->separator = '\t';
	} else if (streq(key, "separator")) {
		read_separator(r);
	} else if (streq(key, "header")) {
		r->out->no_header = one_of(r, yes, 2) == 1;
	} else if (streq(key, "severity")) {
		r->out->warn = one_of(r, severities, 2) == 1;
	} else if (streq(key, "others")) {
		i = one_of(r, others, 3);
		r->out->others = i == 1 ? OTHERS_WARN : i == 2 ? OTHERS_WRONG : OTHERS_FINE;
	} else if (streq(key, "na")) {
		read_na(r);
	} else if (streq(key, "rows")) {
		read_rows(r);
	} else if (streq(key, "unique")) {
		read_unique(r);
	} else if (streq(key, "column")) {
		read_column(r);
	} else if (streq(key, "cmd") && !r->rule->more) {
		r->out->cmd = rule_text(r->rule, r->a);
	}
}

bool check_reads_table(const struct check_rules *r)
{
	return !r->cmd || r->rows.text || r->n_columns || r->n_unique || r->others;
}

int check_rules_read(const struct rule *rules, struct arena *a, struct check_rules *out,
		     void (*problem)(void *ctx, int line, const char *message), void *ctx)
{
	struct reading r = {.a = a, .out = out, .problems = {problem, ctx, 0}};
	size_t i;

	*out = (struct check_rules){.separator = 0};
	/* What a rule may end with depends on this. */
	r.rule = rule_find(rules, "severity");
	if (r.rule)
		out->warn = streq(r.rule->value, "warn");
	for (r.rule = rules; r.rule; r.rule = r.rule->next)
		read_rule(&r);
	if (!rules && !r.problems.n)
		tell(&r, "it has no rules; give it 'rows = 1..', 'column NAME = int' or the like");
	for (i = 0; i < out->n_unique; i++)
		out->unique[i].warn |= out->warn;
	return r.problems.n ? -1 : 0;
}
