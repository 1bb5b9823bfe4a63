/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/template.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/chars.h"
#include "pipeline/deploy_rules.h"
#include "util/path.h"
#include "util/text.h"

#define scope_error(sc, ...) diag_error((sc)->ld->ds, (sc)->place_file, (sc)->line, __VA_ARGS__)

static const char *const file_names[] = {"data", "code", "outs", "metrics", "plots"};
enum file_name { DATA, CODE, OUTS, METRICS, PLOTS, N_FILE_NAMES };

/* One "{{" in a text. */
struct hole {
	const char *start, *end; /* of all of it */
	const char *name;
	size_t len;              /* of name; 0: there is no name in it */
	bool escaped;            /* '\{{' */
	bool open;               /* a name without its "}}" */
};

static bool find_hole(const char *s, struct hole *h)
{
	const char *p = strstr(s, "{{"), *q;

	if (!p)
		return false;
	memset(h, 0, sizeof(*h));
	h->start = p;
	h->end = p + 2;
	h->escaped = p > s && p[-1] == '\\';
	if (h->escaped)
		h->start--;
	h->name = p + 2;
	while (*h->name == ' ' || *h->name == '\t')
		h->name++;
	if (h->escaped || !char_is(*h->name, CHAR_ALPHA))
		return true;
	h->len = char_span(h->name, CHAR_NAME);
	q = h->name + h->len;
	while (*q == ' ' || *q == '\t')
		q++;
	h->open = q[0] != '}' || q[1] != '}';
	if (!h->open)
		h->end = q + 2;
	return true;
}

bool template_is_reserved(const char *name)
{
	size_t i;

	for (i = 0; i < N_FILE_NAMES; i++)
		if (streq(name, file_names[i]))
			return true;
	return streq(name, "item") || streq(name, "stem") || streq(name, "dir");
}

static const char *find_var(const struct scope *sc, const char *name, struct strbuf *derived)
{
	CLEANUP(freep) char *part = NULL;
	size_t i;

	for (i = 0; i < sc->n_vars; i++)
		if (streq(sc->vars[i].name, name))
			return sc->vars[i].value;
	if (!sc->is_foreach || !sc->n_vars)
		return NULL;
	if (streq(name, "stem"))
		part = path_stem(sc->vars[0].value);
	else if (streq(name, "dir"))
		part = path_dir(sc->vars[0].value);
	else
		return NULL;
	strbuf_addstr(derived, part);
	return derived->buf;
}

/* "data", "outs.2": which of the lists, and which of its items (0: all). N_FILE_NAMES if it is none. */
static enum file_name find_files(const char *name, size_t *number)
{
	enum file_name f;
	const char *rest = "";
	int64_t n = 0;

	for (f = 0; f < N_FILE_NAMES; f++)
		if (skip_prefix(name, file_names[f], &rest) && (!*rest || *rest == '.'))
			break;
	if (f == N_FILE_NAMES || (*rest && !text_parse_int(rest + 1, 0, INT32_MAX, &n)))
		return N_FILE_NAMES;
	if (*rest && n == 0)
		n = INT32_MAX; /* numbers begin at 1 */
	*number = (size_t)n;
	return f;
}

static int unknown(const struct scope *sc, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	if (sc->ld->params_failed && !sc->files)
		return -1;
	if (load_may_hint(sc->ld)) {
		for (i = 0; i < sc->n_vars; i++)
			nearest_offer(&near, sc->vars[i].name);
		for (i = 0; sc->files && i < N_FILE_NAMES; i++)
			nearest_offer(&near, file_names[i]);
	}
	load_offer_params(sc->ld, &near);
	nearest_hint(&near, &hint);
	if (sc->ld->params_failed)
		return -1;
	return diag_error(sc->ld->ds, sc->place_file, sc->line,
			  "unknown name '{{%s}}': neither a parameter nor a matrix variable%s", name, hint.buf);
}

static const struct param *find_param(const struct scope *sc, const char *name)
{
	const struct param *pa = params_get(&sc->ld->pl->params, name);

	if (!pa) {
		unknown(sc, name);
		return NULL;
	}
	if (pa->kind == PARAM_MAP) {
		scope_error(sc, "'{{%s}}' is a section of parameters; name one of its keys", name);
		return NULL;
	}
	if (sc->note)
		facts_use(sc->ld, sc->note, facts_at(sc->ld, name));
	return pa;
}

static void add_value(const char *value, bool pattern, struct strbuf *out)
{
	for (; *value; value++) {
		if (pattern && strchr("*?[\\", *value))
			strbuf_addch(out, '\\');
		strbuf_addch(out, *value);
	}
}

static int fill_text(const struct scope *sc, const char *name, bool pattern, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT;
	const char *value = find_var(sc, name, &plain);
	const struct param *pa;
	size_t number;

	if (!value && find_files(name, &number) != N_FILE_NAMES)
		return scope_error(sc, "'{{%s}}' has a meaning in 'cmd' alone", name);
	if (!value) {
		pa = find_param(sc, name);
		if (!pa)
			return -1;
		if (pa->kind == PARAM_LIST)
			return scope_error(sc, "'{{%s}}' is a list: it must be a word of its own, "
					  "and stand where several values make sense", name);
		param_plain(pa, &plain);
		value = plain.buf;
	}
	add_value(value, pattern, out);
	return 0;
}

static int bad_hole(const struct scope *sc, const struct hole *h)
{
	if (h->open)
		return scope_error(sc, "'{{%.*s' lacks its '}}'; write '\\{{' for plain braces",
				  (int)MIN(h->len, 100), h->name);
	return scope_error(sc, "a '{{' without a name; write '\\{{' for plain braces");
}

int template_text(const struct scope *sc, const char *s, bool pattern, struct strbuf *out)
{
	struct hole h;

	for (; find_hole(s, &h); s = h.end) {
		CLEANUP(freep) char *name = NULL;

		strbuf_add(out, s, (size_t)(h.start - s));
		if (h.escaped) {
			strbuf_addstr(out, "{{");
			continue;
		}
		if (!h.len || h.open)
			return bad_hole(sc, &h);
		name = xstrndup(h.name, h.len);
		if (fill_text(sc, name, pattern, out) < 0)
			return -1;
		if (out->len > MAX_COMMAND)
			return scope_error(sc, "this grows past %zu MiB", MAX_COMMAND >> 20);
	}
	strbuf_addstr(out, s);
	return 0;
}

const struct param *template_list(const struct scope *sc, const char *s)
{
	CLEANUP(freep) char *name = NULL;
	const struct param *pa;
	struct hole h;
	size_t i;

	if (!find_hole(s, &h) || h.start != s || *h.end || !h.len || h.open)
		return NULL;
	name = xstrndup(h.name, h.len);
	for (i = 0; i < sc->n_vars; i++)
		if (streq(sc->vars[i].name, name))
			return NULL;
	pa = params_get(&sc->ld->pl->params, name);
	if (!pa || pa->kind != PARAM_LIST)
		return NULL;
	if (sc->note)
		facts_use(sc->ld, sc->note, facts_at(sc->ld, name));
	return pa;
}

/* Of a deploy: known when it ships. */
static bool is_shipping(const char *name)
{
	const char *rest;

	return (skip_prefix(name, "ship", &rest) && (!*rest || *rest == '.')) || streq(name, "version") || streq(name, "environment");
}

bool template_is_value(const struct scope *sc, const char *s)
{
	CLEANUP(freep) char *name = NULL;
	struct hole h;
	size_t number;

	if (!find_hole(s, &h) || h.start != s || *h.end || !h.len || h.open)
		return false;
	name = xstrndup(h.name, h.len);
	return find_files(name, &number) == N_FILE_NAMES && !(sc->ships && is_shipping(name)) && !template_list(sc, s);
}

/* A command being written. */
struct writer {
	const struct scope *sc;
	struct shquote *q;
	struct strbuf *out;
	size_t n; /* values of this template so far */
	const char *name;
};

static int put(struct writer *w, const char *value)
{
	const struct scope *sc = w->sc;
	const char *why;

	if (w->n++) {
		if (w->q->quote)
			return scope_error(sc, "'{{%s}}' is several values and stands in quotes; "
					  "take the quotes away, each value gets its own", w->name);
		strbuf_addch(w->out, ' ');
	}
	if (shquote_add(w->q, value, w->out, &why) < 0)
		return scope_error(sc, "'{{%s}}' stands %s, where its value cannot be quoted safely; "
				  "put it into a shell variable first", w->name, why);
	if (w->out->len > MAX_COMMAND)
		return scope_error(sc, "the command grows past %zu MiB", MAX_COMMAND >> 20);
	return 0;
}

/* The path of number i among all the inputs or outputs, NULL if it is not one of the list f. */
static const char *file_at(const struct instance *in, enum file_name f, size_t i)
{
	if (f <= CODE)
		return in->inputs[i].kind == (f == DATA ? INPUT_DATA : INPUT_CODE) ? in->inputs[i].path : NULL;
	return in->outs[i].kind == (enum output_kind)(OUTPUT_OUTS + (f - OUTS)) ? in->outs[i].path : NULL;
}

static int put_files(struct writer *w, enum file_name f, size_t number)
{
	const struct instance *in = w->sc->files;
	size_t i, seen = 0, n = f <= CODE ? in->n_inputs : in->n_outs;

	for (i = 0; i < n; i++) {
		const char *path = file_at(in, f, i);

		if (!path)
			continue;
		if (++seen == number)
			return put(w, path);
		if (!number && put(w, path) < 0)
			return -1;
	}
	if (seen && !number)
		return 0;
	if (!seen)
		return scope_error(w->sc, "'{{%s}}': the stage has no '%s'", w->name,
				  file_names[f]);
	return scope_error(w->sc, "'{{%s}}': '%s' has the numbers 1 to %zu", w->name,
			  file_names[f], seen);
}

static int put_param(struct writer *w)
{
	CLEANUP(strbuf_release) struct strbuf plain = STRBUF_INIT;
	const struct param *pa = find_param(w->sc, w->name);
	size_t i;

	if (!pa)
		return -1;
	if (pa->kind != PARAM_LIST) {
		param_plain(pa, &plain);
		return put(w, plain.buf);
	}
	for (i = 0; i < pa->list.n; i++) {
		strbuf_clear(&plain);
		param_plain(pa->list.v[i], &plain);
		if (put(w, plain.buf) < 0)
			return -1;
	}
	return 0;
}

static int put_variable(struct writer *w, const char *variable)
{
	const char *why;

	if (shquote_add_variable(w->q, variable, w->out, &why) < 0)
		return scope_error(w->sc, "'{{%s}}' stands %s, where its value cannot be quoted safely; use $%s there", w->name, why, variable);
	return 0;
}

/* One of the copies that are shipped, or all of them. */
static int put_ships(struct writer *w, const char *number)
{
	CLEANUP(strbuf_release) struct strbuf variable = STRBUF_INIT;
	int64_t one = 0;
	size_t i;

	if (*number && !text_parse_int(number, 1, (int64_t)w->sc->n_ships, &one))
		return scope_error(w->sc, "'{{%s}}': 'ship' has the numbers 1 to %zu", w->name, w->sc->n_ships);
	for (i = 1; i <= w->sc->n_ships; i++) {
		if (one && (size_t)one != i)
			continue;
		if (w->n++) {
			if (w->q->quote)
				return scope_error(w->sc, "'{{%s}}' is several values and stands in quotes; take the quotes away, each value "
						   "gets its own", w->name);
			strbuf_addch(w->out, ' ');
		}
		strbuf_clear(&variable);
		strbuf_addf(&variable, DEPLOY_SHIP "_%zu", i);
		if (put_variable(w, variable.buf) < 0)
			return -1;
	}
	return 0;
}

/* 1: name is none of the names of a deploy. */
static int put_shipping(struct writer *w, const char *name)
{
	const char *rest;

	if (!is_shipping(name))
		return 1;
	if (skip_prefix(name, "ship", &rest))
		return put_ships(w, rest + (*rest == '.'));
	return put_variable(w, *name == 'v' ? DEPLOY_VERSION : DEPLOY_ENVIRONMENT);
}

static int fill_command(struct writer *w, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf derived = STRBUF_INIT;
	const char *value = find_var(w->sc, name, &derived);
	size_t number = 0;
	enum file_name f;
	int got;

	w->name = name;
	w->n = 0;
	if (w->sc->ships && (got = put_shipping(w, name)) <= 0)
		return got;
	if (w->sc->compares && (streq(name, "old") || streq(name, "new")))
		return put_variable(w, *name == 'o' ? "MLMAKE_OLD" : "MLMAKE_NEW");
	if (value)
		return put(w, value);
	f = find_files(name, &number);
	return f != N_FILE_NAMES ? put_files(w, f, number) : put_param(w);
}

static void literal(struct writer *w, const char *s, size_t n)
{
	shquote_scan(w->q, s, n);
	strbuf_add(w->out, s, n);
}

int template_command(const struct scope *sc, struct shquote *q, const char *s, struct strbuf *out)
{
	struct writer w = {.sc = sc, .q = q, .out = out};
	struct hole h;

	for (; find_hole(s, &h); s = h.end) {
		char name[256];

		literal(&w, s, (size_t)(h.start - s));
		if (h.escaped || !h.len) {
			literal(&w, "{{", 2);
			continue;
		}
		if (h.open || h.len >= sizeof(name))
			return bad_hole(sc, &h);
		memcpy(name, h.name, h.len);
		name[h.len] = '\0';
		if (fill_command(&w, name) < 0)
			return -1;
	}
	literal(&w, s, strlen(s));
	return 0;
}
