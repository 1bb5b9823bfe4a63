/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What instances read, run and depend on, once all outputs are known. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/kinds.h"
#include "pipeline/load.h"
#include "pipeline/scripts.h"
#include "pipeline/template.h"
#include "pipeline/words.h"
#include "util/path.h"

/* From this many on, comparing each with each gives way to maps. */
#define MANY 32

/* The inputs of one instance, gathered. The array is used again for the next one. */
struct gather {
	struct load *ld;
	struct proto *p;
	const struct instance *in;
	struct input *v;
	size_t n, cap;
	size_t n_items; /* that gave something */
	bool own;       /* something of this very stage came up: each instance has a list of its own */
	bool failed;
	struct scope sc;
	int line;       /* of the command line that is looked through */
	bool varies;    /* a script's name has a variable in it */
};

static struct input *push(struct gather *g, enum input_kind kind, const char *path, int line)
{
	ALLOC_GROW(g->v, g->n + 1, g->cap);
	g->v[g->n] = (struct input){kind, path, NULL, true, {g->p->sec->file, line}, NULL};
	return &g->v[g->n++];
}

/* Why path cannot be read, as words that follow it; NULL if it can. */
static const char *input_refusal(const char *path)
{
	const char *p = path;

	while (*p == '/' || strncmp(p, "../", 3) == 0)
		p += *p == '/' ? 1 : 3;
	if (!*p || streq(p, ".."))
		return "contains the project";
	if (p == path && streq(path, "."))
		return NULL; /* its own outputs lie in it, which is said in better words */
	return path_refusal(p);
}

static int add_named(struct gather *g, const struct item *it, const char *text, bool own)
{
	const char *path = item_path(g->ld, text, own), *why = path ? input_refusal(path) : NULL;
	struct input *in;

	if (!path)
		return -1;
	if (why)
		return stage_error(g->ld, g->p, it->line, "'%s' %s", path, why);
	in = push(g, it->key == K_CODE ? INPUT_CODE : INPUT_DATA, path, it->line);
	in->keep = it->keep && g->p->keep;
	if (g->p->st.n > 1) {
		const struct instance *maker = made_holding(&g->ld->pl->instance_by_output, path);

		g->own |= maker && maker->stage == &g->p->st;
		g->own |= map_get(&g->ld->dirs, path) != NULL || streq(path, ".");
	}
	return 0;
}

static const struct matches *find_matches(struct load *ld, const char *pattern)
{
	struct matches *found = map_get(&ld->globs, pattern);

	if (found)
		return found;
	found = arena_alloc(&ld->pl->arena, sizeof(*found));
	made_glob(ld, pattern, SIZE_MAX, found);
	map_put(&ld->globs, pattern, found);
	return found;
}

static bool is_above_own(const struct instance *in, const char *dir)
{
	size_t i;

	for (i = 0; i < in->n_outs; i++)
		if (path_is_within(in->outs[i].path, dir))
			return true;
	return false;
}

static int add_glob(struct gather *g, const struct item *it, const char *text, bool own)
{
	const char *pattern = item_path(g->ld, text, own);
	const struct matches *found;
	size_t i, n = g->n;

	if (!pattern)
		return -1;
	found = find_matches(g->ld, pattern);
	if (found->inside)
		return stage_error(g->ld, g->p, it->line, "'%s' looks into what '%s' makes as a whole; name that "
				  "directory instead", pattern, found->inside->name);
	for (i = 0; i < found->n; i++) {
		const struct match *m = &found->v[i];
		struct input *in;

		g->own |= m->above_outputs || (m->maker && m->maker->stage == &g->p->st);
		if (m->maker == g->in || (m->above_outputs && is_above_own(g->in, m->path)))
			continue;
		in = push(g, it->key == K_CODE ? INPUT_CODE : INPUT_DATA, m->path, it->line);
		in->keep = it->keep && g->p->keep;
		in->pattern = pattern;
	}
	if (g->n == n && !g->ld->incomplete)
		return stage_error(g->ld, g->p, it->line, "'%s' matches no file and no output", pattern);
	return 0;
}

static int add_text(struct gather *g, const struct item *it, const char *text, bool own)
{
	return it->pattern ? add_glob(g, it, text, own) : add_named(g, it, text, own);
}

static int add_item(struct gather *g, const struct item *it)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct param *list;
	size_t i;

	g->n_items++;
	if (!it->tmpl)
		return add_text(g, it, it->text, true);
	g->own |= g->p->n_axes > 0;
	g->sc.line = it->line;
	list = template_list(&g->sc, it->text);
	for (i = 0; list && i < list->list.n; i++) {
		strbuf_clear(&text);
		param_plain(list->list.v[i], &text);
		if (add_named(g, it, text.buf, false) < 0)
			return -1;
		g->n_items++;
	}
	if (list)
		return 0;
	if (template_text(&g->sc, it->text, it->pattern, &text) < 0)
		return -1;
	return add_text(g, it, text.buf, false);
}

static bool seen_before(const struct gather *g, size_t n, const struct input *x)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (g->v[i].kind == x->kind && streq(g->v[i].path, x->path))
			return true;
	return false;
}

/* The first mention of a path counts. */
static void drop_doubles(struct gather *g)
{
	CLEANUP(map_release) struct map data = MAP_INIT;
	CLEANUP(map_release) struct map code = MAP_INIT;
	bool many = g->n > MANY;
	size_t i, n = 0;

	for (i = 0; i < g->n; i++) {
		const struct input *x = &g->v[i];

		if (many ? !map_put(x->kind == INPUT_CODE ? &code : &data, x->path, g) : !seen_before(g, n, x))
			g->v[n++] = *x;
	}
	g->n = n;
}

static bool overlap(const char *a, const char *b)
{
	return path_is_within(a, b) || path_is_within(b, a);
}

static int clash(struct gather *g, const struct input *x, const struct output *o)
{
	const char *how = "is an input that holds an output of";

	g->failed = true;
	if (streq(x->path, o->path))
		how = "is both an input and an output of";
	else if (path_is_within(x->path, o->path))
		how = "is an input inside of an output of";
	return place_error(g->ld, x->at, "'%s' %s '%s' (%s:%d)", x->path, how, g->in->name, o->at.file, o->at.line);
}

/* No input is an output, lies in one or holds one: few against few. */
static void check_each(struct gather *g)
{
	size_t i, k;

	for (i = 0; i < g->n; i++)
		for (k = 0; !g->v[i].pattern && k < g->in->n_outs; k++)
			if (overlap(g->v[i].path, g->in->outs[k].path))
				clash(g, &g->v[i], &g->in->outs[k]);
}

static const struct output *own_output(const struct instance *in, const char *path)
{
	size_t i;

	for (i = 0; i < in->n_outs && !path_is_within(path, in->outs[i].path); i++)
		;
	return i < in->n_outs ? &in->outs[i] : NULL;
}

/* The same for many; one is reported. */
static void check_by_map(struct gather *g)
{
	CLEANUP(map_release) struct map named = MAP_INIT;
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (g->v[i].pattern)
			continue;
		map_put(&named, g->v[i].path, &g->v[i]);
		if (made_holding(&g->ld->pl->instance_by_output, g->v[i].path) != g->in)
			continue;
		clash(g, &g->v[i], own_output(g->in, g->v[i].path));
		return;
	}
	for (i = 0; i < g->in->n_outs; i++) {
		const char *path = g->in->outs[i].path, *slash = path;
		const struct input *x = map_get(&named, ".");

		while (!x && (slash = strchr(slash + 1, '/')))
			x = map_getn(&named, path, (size_t)(slash - path));
		if (!x)
			continue;
		clash(g, x, &g->in->outs[i]);
		return;
	}
}

static void check_own(struct gather *g)
{
	size_t i, named = 0;

	for (i = 0; i < g->n; i++)
		named += !g->v[i].pattern;
	if (named * g->in->n_outs <= (size_t)MANY * MANY)
		check_each(g);
	else
		check_by_map(g);
}

static void add_locks(struct gather *g)
{
	const struct env *env = g->p->st.env;
	size_t i;

	for (i = 0; env && i < env->n_locks; i++) {
		const char *why = input_refusal(env->locks[i]);

		if (why) {
			diag_error(g->ld->ds, env->at.file, env->at.line, "lock file '%s' %s", env->locks[i], why);
			g->failed = true;
		} else {
			push(g, INPUT_LOCK, env->locks[i], 0)->at = env->at;
		}
	}
	if (env && env->image_file) {
		struct input *image = push(g, INPUT_LOCK, env->image, 0);

		image->at = env->at;
		image->keep = false; /* it is large, and no person reads it */
	}
}

static bool is_file(struct load *ld, const char *path)
{
	const char *known = map_get(&ld->is_file, path);
	char *key;

	if (!known) {
		key = arena_strdup(&ld->pl->arena, path);
		known = ld->disk->is_file(ld->disk->ctx, path) ? key : "";
		map_put(&ld->is_file, key, (void *)(uintptr_t)known);
	}
	return *known != '\0';
}

static void add_script(void *ctx, const char *word)
{
	struct gather *g = ctx;
	const char *path;
	size_t i;

	strbuf_clear(&g->ld->path);
	path_normalize(word, &g->ld->path);
	path = g->ld->path.buf;
	if (path_refusal(path) || made_holding(&g->ld->pl->instance_by_output, path) || !is_file(g->ld, path))
		return;
	for (i = 0; i < g->n; i++)
		if (streq(g->v[i].path, path) || (g->v[i].kind == INPUT_CODE && path_is_within(path, g->v[i].path)))
			return;
	path = load_strdup(g->ld, path, g->ld->path.len);
	if (path)
		push(g, INPUT_CODE, path, g->line);
}

/* A word of the command as written, which may be a template. */
static void look_at_word(struct gather *g, const char *line)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	g->varies |= g->p->n_axes > 0;
	if (template_text(&g->sc, line, false, &text) == 0)
		scripts_in(text.buf, add_script, g);
}

/* Templates of parameters and variables are filled in; those of files are paths that are inputs or outputs already. */
static void add_scripts_of(struct gather *g, const char *line)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;
	const char *s = line, *open, *close;

	if (!strstr(line, "{{")) {
		scripts_in(line, add_script, g);
		return;
	}
	while ((open = strstr(s, "{{")) && (close = strstr(open, "}}"))) {
		CLEANUP(freep) char *hole = xstrndup(open, (size_t)(close + 2 - open));

		strbuf_add(&rest, s, (size_t)(open - s));
		strbuf_addstr(&rest, template_is_value(&g->sc, hole) ? hole : "$");
		s = close + 2;
	}
	strbuf_addstr(&rest, open ? "$" : s);
	if (strstr(rest.buf, "{{"))
		look_at_word(g, rest.buf);
	else
		scripts_in(rest.buf, add_script, g);
}

static void add_scripts(struct gather *g)
{
	const struct entry *e;

	for (e = g->p->sec->first; e; e = e->next) {
		if ((e->key->id != K_CMD && e->key->id != K_RULE_CMD) || !strpbrk(e->value, "./"))
			continue;
		g->line = g->sc.line = e->line;
		add_scripts_of(g, e->value);
	}
}

/* The command as it stands in the file. */
static const char *written(struct gather *g)
{
	struct strbuf *out = &g->ld->text;
	const struct entry *e, *last = NULL;
	size_t lines = 0;

	strbuf_clear(out);
	for (e = g->p->sec->first; e; e = e->next) {
		if (e->key->id != K_CMD || !*e->value)
			continue;
		last = e;
		if (lines++)
			strbuf_addch(out, '\n');
		strbuf_addstr(out, e->value);
	}
	return lines == 1 ? last->value : load_strdup(g->ld, out->buf, out->len);
}

/* The text of key id as a command; {{data}} and {{code}} are what was declared, in->inputs so far. NULL after a diag. */
static const char *make_text(struct gather *g, enum key_id id, struct scope sc)
{
	struct strbuf *out = &g->ld->text;
	struct shquote q = {0};
	const struct entry *e, *last = NULL;
	size_t lines = 0;

	strbuf_clear(out);
	for (e = g->p->sec->first; e; e = e->next) {
		if (e->key->id != id || !*e->value)
			continue;
		last = e;
		sc.line = e->line;
		if (lines++) {
			shquote_scan(&q, "\n", 1);
			strbuf_addch(out, '\n');
		}
		if (template_command(&sc, &q, e->value, out) < 0)
			return NULL;
	}
	if (lines == 1 && streq(out->buf, last->value))
		return last->value;
	return load_strdup(g->ld, out->buf, out->len);
}

static const char *make_command(struct gather *g)
{
	struct scope sc = g->sc;

	if (!g->p->st.written)
		g->p->st.written = written(g);
	sc.files = g->in;
	return make_text(g, K_CMD, sc);
}

/* How outputs are compared does not make them, so the parameters in it count for nothing. */
static const char *make_same(struct gather *g)
{
	struct scope sc = g->sc;

	sc.files = g->in;
	sc.note = NULL;
	sc.compares = true;
	return make_text(g, K_SAME, sc);
}

/* ---- rules ---- */

/* Runs of blanks outside of quotes say no more than one blank. */
static void add_squeezed(struct strbuf *out, const char *s)
{
	bool quoted = false;

	for (; *s; s++) {
		quoted ^= *s == '"';
		if (!quoted && (*s == ' ' || *s == '\t')) {
			if (s[1] && s[1] != ' ' && s[1] != '\t')
				strbuf_addch(out, ' ');
			continue;
		}
		strbuf_addch(out, *s);
	}
}

/* The value of a line of the section with its templates filled in. */
static int rule_value(struct gather *g, const struct entry *e, struct strbuf *out)
{
	struct scope sc = g->sc;
	struct shquote q = {0};

	sc.line = e->line;
	if (e->key->id == K_RULE_CMD) {
		sc.files = g->in;
		return template_command(&sc, &q, e->value, out);
	}
	strbuf_clear(&g->ld->text);
	if (template_text(&sc, e->value, false, &g->ld->text) < 0)
		return -1;
	add_squeezed(out, g->ld->text.buf);
	return 0;
}

/* The lines of key, in order of mention. */
static int add_rules(struct gather *g, const struct key_info *key, struct rule **tail, struct strbuf *text, struct strbuf *written)
{
	const struct entry *e;

	for (e = g->p->sec->first; e; e = e->next) {
		CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT;
		struct rule *r;

		if (e->key != key || !*e->value)
			continue;
		if (rule_value(g, e, &value) < 0)
			return -1;
		r = arena_alloc(&g->ld->pl->arena, sizeof(*r));
		*r = (struct rule){key->name, e->arg, load_strdup(g->ld, value.buf, value.len), e->line, e->more && e->key->id == K_RULE_CMD, NULL};
		if (!r->value)
			return -1;
		(*tail)->next = r;
		*tail = r;
		rule_write(r, text);
		rule_write(&(struct rule){key->name, e->arg, e->value, e->line, e->more && e->key->id == K_RULE_CMD, NULL}, written);
	}
	return 0;
}

/* The rules, in the order of the keys of the section's type, and their text. NULL after a diag. */
static const struct rule *make_rules(struct gather *g, struct instance *in)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, written = STRBUF_INIT;
	const struct section_info *info = g->p->sec->info;
	struct rule head = {.next = NULL}, *tail = &head;
	size_t i;

	for (i = 0; i < info->n_keys; i++)
		if ((info->keys[i].id == K_RULE || info->keys[i].id == K_RULE_CMD) && add_rules(g, &info->keys[i], &tail, &text, &written) < 0)
			return NULL;
	if (text.len)
		strbuf_setlen(&text, text.len - 1);
	in->cmd = load_strdup(g->ld, text.buf, text.len);
	if (written.len)
		strbuf_setlen(&written, written.len - 1);
	g->p->st.written = load_strdup(g->ld, written.buf, written.len);
	return head.next;
}

struct input *gather_input(struct gather *g, enum input_kind kind, const char *path, int line)
{
	struct input *in = push(g, kind, path, line);

	g->n_items++;
	in->keep = g->p->keep;
	return in;
}

void kind_problem(void *section, int line, const char *message)
{
	const struct kind_section *at = section;

	if (line)
		stage_error(at->ld, at->p, line, "%s", message);
	else
		stage_error(at->ld, at->p, at->p->sec->line, "'%s': %s", at->p->st.name, message);
}

static void gather_by_rules(struct gather *g, struct instance *in)
{
	const struct kind *k = g->p->sec->info->of;
	size_t errors = g->ld->ds->errors;
	const struct rule *rules = NULL;

	/* commands among the rules name them */
	if (g->n_items > 1)
		drop_doubles(g);
	in->inputs = g->v;
	in->n_inputs = g->n;
	if (k->rules)
		in->cmd = g->p->st.written = k->rules(g->ld, g->p);
	else
		rules = make_rules(g, in);
	if (g->ld->ds->errors == errors)
		k->check(g->ld, g->p, rules, g);
	g->failed |= g->ld->ds->errors != errors;
}

/* Each line of the section is a probe of its own. */
static void make_probes(struct gather *g, struct instance *in)
{
	struct strbuf *out = &g->ld->text;
	const struct entry *e;

	for (e = g->p->sec->first; e; e = e->next) {
		struct scope sc = g->sc;
		struct shquote q = {0};

		if (e->key->id != K_PROBE || !*e->value)
			continue;
		sc.files = in;
		sc.note = NULL;
		sc.line = e->line;
		strbuf_clear(out);
		if (template_command(&sc, &q, e->value, out) < 0)
			return;
		in->probes = arena_grow(&g->ld->pl->arena, in->probes, in->n_probes, sizeof(*in->probes));
		in->probes[in->n_probes++] = load_strdup(g->ld, out->buf, out->len);
	}
}

static const struct input *keep_inputs(struct gather *g)
{
	struct input *v = g->n ? load_alloc(g->ld, g->n * sizeof(*v)) : NULL;

	if (v)
		memcpy(v, g->v, g->n * sizeof(*v));
	else if (g->n)
		g->failed = true;
	return v;
}

static void gather_inputs(struct gather *g, struct instance *in)
{
	const struct item *it;

	for (it = g->p->items; it; it = it->next)
		if ((it->key == K_DATA || it->key == K_CODE) && add_item(g, it) < 0)
			g->failed = true;
	if (g->p->sec->info->of)
		gather_by_rules(g, in);
	if (g->n_items > 1)
		drop_doubles(g);
	check_own(g);
	add_locks(g);
	add_scripts(g);
	in->inputs = keep_inputs(g);
	in->n_inputs = g->n;
}

/* How many files a deploy names. */
static size_t count_ships(const struct proto *p)
{
	const struct entry *e;
	size_t n = 0;

	for (e = p->sec->first; e; e = e->next) {
		CLEANUP(freep) char *value = xstrdup(e->value);
		char *s = value;
		const char *why;
		struct word w;

		while (streq(e->key->name, "ship") && word_next(&s, false, &w, &why) > 0)
			n++;
	}
	return n;
}

static int fill_instance(struct gather *g, struct instance *in, const struct instance *like)
{
	size_t errors = g->ld->ds->errors;

	g->in = in;
	g->n = g->n_items = 0;
	g->failed = false;
	g->sc = (struct scope){.ld = g->ld, .note = like ? NULL : g->p, .vars = in->vars, .n_vars = in->n_vars,
			       .is_foreach = g->p->is_foreach, .place_file = g->p->sec->file, .line = g->p->sec->line};
	if (g->p->st.kind == STAGE_DEPLOY) {
		g->sc.ships = true;
		g->sc.n_ships = count_ships(g->p);
	}
	if (like && !g->own && !g->varies) {
		in->inputs = like->inputs;
		in->n_inputs = like->n_inputs;
	} else {
		gather_inputs(g, in);
	}
	if (!g->failed && g->p->has_cmd)
		in->cmd = make_command(g);
	if (!g->failed && g->p->has_same)
		in->same = make_same(g);
	if (!g->failed && g->p->st.is_source)
		make_probes(g, in);
	return g->failed || g->ld->ds->errors != errors || (g->p->has_cmd && !in->cmd) || (g->p->has_same && !in->same) ? -1 : 0;
}

static void fill_stage(struct gather *g, struct proto *p)
{
	const struct fact *params, *env;
	size_t i, n_params, n_env;

	g->p = p;
	g->own = g->varies = false;
	for (i = 0; i < p->st.n; i++)
		if (fill_instance(g, &p->in[i], i ? &p->in[0] : NULL) < 0)
			break;
	facts_of_stage(g->ld, p, &params, &n_params);
	facts_of_env(g->ld, p, &env, &n_env);
	for (i = 0; i < p->st.n; i++) {
		struct instance *in = &p->in[i];

		in->params = params;
		in->n_params = n_params;
		in->env = env;
		in->n_env = n_env;
		in->after = p->after;
		in->n_after = p->n_after;
	}
}

void expand_inputs(struct load *ld)
{
	struct gather g = {.ld = ld};
	size_t i;

	for (i = 0; i < ld->pl->n_stages; i++)
		fill_stage(&g, (struct proto *)ld->pl->stages[i]);
	free(g.v);
}
