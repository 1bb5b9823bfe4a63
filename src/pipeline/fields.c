/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The typed fields of a stage. */
#include <config.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/load.h"
#include "pipeline/template.h"
#include "pipeline/words.h"
#include "util/path.h"
#include "util/text.h"

#define MAX_RETRY 100
#define MAX_CORES 100000

static int error_at(struct load *ld, const struct proto *p, int line, const char *what, const char *value,
		    const char *hint)
{
	return stage_error(ld, p, line, "'%s' is %s%s", value, what, hint);
}

static bool next_word(struct load *ld, struct proto *p, const struct entry *e, char **s, bool attrs, struct word *w)
{
	const char *why;
	int got = word_next(s, attrs, w, &why);

	if (got < 0)
		stage_error(ld, p, e->line, "%s", why);
	return got > 0;
}

/* A value in which parameters may stand. NULL after a diag. */
static const char *filled(struct load *ld, struct proto *p, int line, const char *value)
{
	const struct scope sc = {.ld = ld, .place_file = p->sec->file, .line = line};

	if (!strstr(value, "{{"))
		return value;
	strbuf_clear(&ld->text);
	if (template_text(&sc, value, false, &ld->text) < 0)
		return NULL;
	return load_strdup(ld, ld->text.buf, ld->text.len);
}

static const char *const attrs_of_data[] = {"keep", NULL};
static const char *const attrs_of_plots[] = {"x", "y", "title", NULL};

bool fields_yes(const char *s, bool *b)
{
	*b = streq(s, "yes") || streq(s, "true");
	return *b || streq(s, "no") || streq(s, "false");
}

static int unknown_attr(struct load *ld, struct proto *p, const struct entry *e, const struct word *w,
			const char *const *known)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(w->text);

	for (; known && *known; known++)
		nearest_offer(&near, *known);
	nearest_hint(&near, &hint);
	return stage_error(ld, p, e->line, "'%s' has no attribute '%s'%s%s", e->key->name, w->text, hint.buf,
			  near.best ? "" : "; to name a file with a '=' put it in quotes");
}

static void add_attr(struct load *ld, struct proto *p, const struct entry *e, struct item *to, const struct word *w)
{
	const char *const *known = e->key->id == K_DATA ? attrs_of_data : e->key->id == K_PLOTS ? attrs_of_plots : NULL;
	struct attr *v = (struct attr *)(uintptr_t)(to ? to->attrs : NULL);
	size_t i;
	bool keep;

	for (i = 0; known && known[i] && !streq(known[i], w->text); i++)
		;
	if (!known || !known[i]) {
		unknown_attr(ld, p, e, w, known);
	} else if (!to) {
		stage_error(ld, p, e->line, "'%s=' has no path before it that it could belong to", w->text);
	} else if (e->key->id == K_DATA) {
		if (!fields_yes(w->value, &keep))
			error_at(ld, p, e->line, "no value for 'keep'; write yes or no", w->value, "");
		to->keep = keep;
	} else if (to->n_attrs < 1000) {
		v = arena_grow(&ld->pl->arena, v, to->n_attrs, sizeof(*v));
		v[to->n_attrs++] = (struct attr){w->text, w->value};
		to->attrs = v;
		to->tmpl |= w->tmpl;
	}
}

static struct item *new_item(struct load *ld, const struct entry *e, const struct word *w)
{
	struct item *it = arena_calloc(&ld->pl->arena, sizeof(*it));

	it->text = w->text;
	it->line = e->line;
	it->key = e->key->id;
	it->pattern = w->pattern;
	it->tmpl = w->tmpl;
	it->keep = true;
	return it;
}

/* The last item of this key, if any: an attr belongs to it. */
static struct item *last_item(struct proto *p, enum key_id id)
{
	struct item *last = p->items_tail == &p->items ? NULL
			  : (struct item *)(void *)((char *)p->items_tail - offsetof(struct item, next));

	return last && last->key == id ? last : NULL;
}

static void add_items(struct load *ld, struct proto *p, struct entry *e)
{
	char *s = e->value;
	struct word w;

	while (next_word(ld, p, e, &s, true, &w)) {
		struct item *it;

		if (w.value) {
			add_attr(ld, p, e, last_item(p, e->key->id), &w);
			continue;
		}
		it = new_item(ld, e, &w);
		*p->items_tail = it;
		p->items_tail = &it->next;
		if (w.pattern && (it->key == K_OUTS || it->key == K_METRICS || it->key == K_PLOTS))
			stage_error(ld, p, e->line, "'%s' is a pattern; '%s' takes names: say what the stage makes, "
				   "or put the name in quotes", w.text, e->key->name);
		if (!*w.text)
			stage_error(ld, p, e->line, "an empty name");
	}
}

static void add_params(struct load *ld, struct proto *p, struct entry *e)
{
	char *s = e->value;
	struct word w;

	p->st.reads_params = true;
	while (next_word(ld, p, e, &s, false, &w)) {
		struct facts *f = facts_at(ld, w.text);

		if (f)
			facts_use(ld, p, f);
		else
			facts_unknown(ld, p->sec->file, e->line, w.text);
	}
}

static struct axis *find_axis(struct proto *p, const char *name)
{
	struct axis *ax;

	for (ax = p->axes; ax && !streq(ax->name, name); ax = ax->next)
		;
	return ax;
}

static bool check_variable(struct load *ld, struct proto *p, const struct entry *e, const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (name[strspn(name, good)] || isdigit((unsigned char)*name) || *name == '-')
		return error_at(ld, p, e->line, "no name for a variable; use letters, digits, '_' and '-'", name,
				"") == 0;
	if (template_is_reserved(name))
		return error_at(ld, p, e->line, "a name with a meaning of its own in templates; give the variable "
				"another", name, "") == 0;
	if (p->n_axes >= MAX_AXES)
		return error_at(ld, p, e->line, "one matrix variable too many", name, "") == 0;
	if (params_get(&ld->pl->params, name))
		diag_warn(ld->ds, p->sec->file, e->line, "the matrix variable '%s' hides the parameter of that name",
			  name);
	return true;
}

/* foreach's axis comes first, so that it varies slowest. */
static struct axis *add_axis(struct load *ld, struct proto *p, const struct entry *e, const char *name, bool first)
{
	struct axis *ax = arena_calloc(&ld->pl->arena, sizeof(*ax)), **at = &p->axes;

	while (!first && *at)
		at = &(*at)->next;
	ax->name = name;
	ax->line = e->line;
	ax->next = *at;
	*at = ax;
	p->n_axes++;
	return ax;
}

static void add_axis_values(struct load *ld, struct proto *p, struct entry *e)
{
	bool is_foreach = e->key->id == K_FOREACH;
	struct axis *ax = find_axis(p, is_foreach ? "item" : e->arg);
	struct item **tail;
	char *s = e->value;
	struct word w;

	if (!ax && !is_foreach && !check_variable(ld, p, e, e->arg))
		return;
	if (!ax)
		ax = add_axis(ld, p, e, is_foreach ? "item" : e->arg, is_foreach);
	p->is_foreach |= is_foreach;
	for (tail = ax->last ? &ax->last->next : &ax->items; next_word(ld, p, e, &s, false, &w); tail = &ax->last->next)
		*tail = ax->last = new_item(ld, e, &w);
}

static const struct stage *find_stage(struct load *ld, struct proto *p, int line, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	struct proto *to = map_get(&ld->pl->stage_by_name, name);
	size_t i;

	if (to)
		return &to->st;
	for (i = 0; i < ld->pl->n_stages && load_may_hint(ld); i++)
		nearest_offer(&near, ld->pl->stages[i]->name);
	nearest_hint(&near, &hint);
	error_at(ld, p, line, "no stage", name, hint.buf);
	return NULL;
}

static void add_after(struct load *ld, struct proto *p, struct entry *e)
{
	char *s = e->value;
	struct word w;

	while (next_word(ld, p, e, &s, false, &w)) {
		const struct stage *to = find_stage(ld, p, e->line, w.text);

		if (to == &p->st)
			stage_error(ld, p, e->line, "'%s' cannot run after itself", w.text);
		if (!to)
			continue;
		p->after = arena_grow(&ld->pl->arena, p->after, p->n_after, sizeof(*p->after));
		p->after[p->n_after++] = to;
	}
}

static void add_use(struct load *ld, struct proto *p, const struct entry *e, const struct word *w)
{
	struct use *use = &p->st.use;
	const char *value = filled(ld, p, e->line, w->value);

	if (!value)
		return;
	if (streq(w->text, "cpu")) {
		if (!text_parse_int(value, 1, MAX_CORES, &use->cpu))
			error_at(ld, p, e->line, "no number of cores; write a whole number from 1, as in cpu=2", value,
				 "");
	} else if (streq(w->text, "gpu")) {
		if (!text_parse_int(value, 0, MAX_CORES, &use->gpu))
			error_at(ld, p, e->line, "no number of gpus; write a whole number, as in gpu=1", value, "");
	} else if (streq(w->text, "mem")) {
		if (!text_parse_size(value, &use->mem))
			error_at(ld, p, e->line, "no size; write one like mem=2G", value, "");
	} else if (streq(w->text, "time")) {
		if (!text_parse_duration(value, &use->time))
			error_at(ld, p, e->line, "no duration; write one like time=1h30m", value, "");
	} else if (!*value) {
		stage_error(ld, p, e->line, "'lock=' needs a name");
	} else {
		use->locks = arena_grow(&ld->pl->arena, use->locks, use->n_locks, sizeof(*use->locks));
		use->locks[use->n_locks++] = value;
	}
}

static void add_uses(struct load *ld, struct proto *p, struct entry *e)
{
	static const char *const known[] = {"cpu", "mem", "gpu", "time", "lock"};
	char *s = e->value;
	struct word w;

	while (next_word(ld, p, e, &s, true, &w)) {
		CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
		struct nearest near = NEAREST_INIT(w.text);
		size_t i;

		for (i = 0; i < ARRAY_SIZE(known) && !(w.value && streq(known[i], w.text)); i++)
			nearest_offer(&near, known[i]);
		nearest_hint(&near, &hint);
		if (i < ARRAY_SIZE(known))
			add_use(ld, p, e, &w);
		else
			error_at(ld, p, e->line, "nothing that 'use' takes: cpu=2 mem=2G gpu=1 time=1h lock=NAME",
				 w.text, hint.buf);
	}
}

static void set_env(struct load *ld, struct proto *p, int line, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	p->st.env = map_get(&ld->envs, name);
	if (p->st.env)
		return;
	for (i = 0; i < ld->pl->n_envs && load_may_hint(ld); i++)
		nearest_offer(&near, ld->pl->envs[i]->name);
	nearest_hint(&near, &hint);
	stage_error(ld, p, line, "there is no [env %s]%s", name, hint.buf);
}

static void set_cache(struct load *ld, struct proto *p, int line, const char *value)
{
	bool yes;

	if (streq(value, "always"))
		p->st.cache = CACHE_ALWAYS;
	else if (fields_yes(value, &yes))
		p->st.cache = yes ? CACHE_YES : CACHE_NO;
	else
		error_at(ld, p, line, "no value for 'cache'; write yes, no or always", value, "");
}

static void set_one(struct load *ld, struct proto *p, const struct entry *e)
{
	const char *value = *e->value ? filled(ld, p, e->line, e->value) : NULL;
	bool imports;

	if (!value)
		return;
	switch (e->key->id) {
	case K_ENV: set_env(ld, p, e->line, value); break;
	case K_CACHE: set_cache(ld, p, e->line, value); break;
	case K_WATCH: p->st.watch = fields_watching(ld, p->sec, e, value); break;
	case K_TIMEOUT:
		if (!text_parse_duration(value, &p->st.timeout) || p->st.timeout <= 0)
			error_at(ld, p, e->line, "no duration; write one like 15m or 2h", value, "");
		break;
	case K_RETRY:
		if (!text_parse_int(value, 0, MAX_RETRY, &p->st.retry))
			error_at(ld, p, e->line, "no number of attempts from 0 to 100", value, "");
		break;
	case K_IMPORTS:
		if (!fields_yes(value, &imports))
			stage_error(ld, p, e->line, "'imports' takes yes or no, not '%s'", value);
		else
			p->st.no_imports = !imports;
		break;
	case K_FROZEN:
	case K_KEEP:
		if (!fields_yes(value, e->key->id == K_KEEP ? &p->keep : &p->st.frozen))
			stage_error(ld, p, e->line, "'%s' takes yes or no, not '%s'", e->key->name, value);
		break;
	case K_EVERY:
		if (!text_parse_duration(value, &p->st.every) || p->st.every <= 0)
			error_at(ld, p, e->line, "no duration; write one like 15m or 1d", value, "");
		break;
	default: BUG("'%s' is handled nowhere", e->key->name);
	}
}

static void add_env_vars(struct load *ld, struct proto *p, struct entry *e)
{
	char *s = e->value;
	struct word w;

	while (next_word(ld, p, e, &s, false, &w)) {
		p->env_vars = arena_grow(&ld->pl->arena, p->env_vars, p->n_env_vars, sizeof(*p->env_vars));
		p->env_vars[p->n_env_vars++] = w.text;
	}
}

static void add_exact(struct load *ld, struct proto *p, struct entry *e)
{
	char *s = e->value;
	struct word w;

	while (next_word(ld, p, e, &s, false, &w)) {
		p->st.exact = arena_grow(&ld->pl->arena, p->st.exact, p->st.n_exact, sizeof(*p->st.exact));
		p->st.exact[p->st.n_exact++] = w.text;
	}
}

static void set_field(struct load *ld, struct proto *p, struct entry *e)
{
	size_t errors = ld->ds->errors;

	switch (e->key->id) {
	case K_CMD: p->has_cmd |= *e->value != '\0'; break;
	case K_SAME: p->has_same |= *e->value != '\0'; break;
	case K_DATA:
	case K_CODE:
	case K_OUTS:
	case K_METRICS:
	case K_PLOTS:
		add_items(ld, p, e);
		p->failed |= ld->ds->errors != errors;
		break;
	case K_PARAMS: add_params(ld, p, e); break;
	case K_MATRIX:
	case K_FOREACH:
		add_axis_values(ld, p, e);
		p->failed |= ld->ds->errors != errors;
		break;
	case K_AFTER: add_after(ld, p, e); break;
	case K_USE: add_uses(ld, p, e); break;
	case K_VARS: add_env_vars(ld, p, e); break;
	case K_CODE_EXACT: add_exact(ld, p, e); break;
	case K_DESC:
		if (!p->st.desc)
			p->st.desc = section_text(ld, p->sec, K_DESC);
		break;
	case K_PROBE:
	case K_RULE:
	case K_RULE_CMD: break;
	default: set_one(ld, p, e); break;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_locks(struct use *use)
{
	size_t i, n = 0;

	if (use->n_locks > 1)
		qsort(use->locks, use->n_locks, sizeof(*use->locks), by_text);
	for (i = 0; i < use->n_locks; i++)
		if (!n || !streq(use->locks[n - 1], use->locks[i]))
			use->locks[n++] = use->locks[i];
	use->n_locks = n;
}

/* As refuse_both() of an environment, for the stage's own variables. */
static void refuse_counted(struct load *ld, struct proto *p)
{
	const struct env *env = p->st.env;
	size_t i, j;

	for (i = 0; env && i < p->n_env_vars; i++) {
		bool passes = false;

		for (j = 0; j < env->n_passes; j++)
			passes |= glob_match(env->passes[j], p->env_vars[i]);
		for (j = 0; j < env->n_secrets; j++)
			passes |= glob_match(env->secrets[j], p->env_vars[i]);
		if (passes)
			stage_error(ld, p, p->st.at.line, "'%s' stands under 'vars', so that its value counts, and [env %s] says that it does not",
				    p->env_vars[i], env->name);
	}
}

void fields_stages(struct load *ld)
{
	size_t i;

	for (i = 0; i < ld->pl->n_stages; i++) {
		struct proto *p = (struct proto *)ld->pl->stages[i];
		struct entry *e;

		p->st.use.cpu = 1;
		for (e = p->sec->first; e; e = e->next)
			set_field(ld, p, e);
		sort_locks(&p->st.use);
		refuse_counted(ld, p);
		p->st.inherits = ld->opt->inherit || (p->st.env && p->st.env->inherits);
	}
}
