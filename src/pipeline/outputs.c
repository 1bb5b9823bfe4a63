/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances, and what they make. Stages without foreach come first, since a foreach looks at outputs; then those with
 * one, in order of the file, each seeing the outputs of the stages above it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "pipeline/kinds.h"
#include "pipeline/load.h"
#include "pipeline/template.h"
#include "util/path.h"

/* An array on its way. */
struct values {
	const char **v;
	bool *found;
	size_t n, cap, found_cap;
};

static void values_release(struct values *vs)
{
	free(vs->v);
	free(vs->found);
}

static void add_value(struct values *vs, const char *value, bool found)
{
	ALLOC_GROW(vs->v, vs->n + 1, vs->cap);
	ALLOC_GROW(vs->found, vs->n + 1, vs->found_cap);
	vs->v[vs->n] = value;
	vs->found[vs->n++] = found;
}

/* Is path in its shortest form, seen at a glance? */
static bool is_short(const char *path)
{
	bool start = true;
	const char *p;

	for (p = path; *p; p++) {
		if (start && (*p == '/' || (*p == '.' && (p[1] == '/' || p[1] == '.' || !p[1]))))
			return false;
		start = *p == '/';
	}
	return !start;
}

const char *item_path(struct load *ld, const char *text, bool own)
{
	if (is_short(text))
		return own ? text : load_strdup(ld, text, strlen(text));
	strbuf_clear(&ld->path);
	path_normalize(text, &ld->path);
	return load_strdup(ld, ld->path.buf, ld->path.len);
}

static void add_glob(struct load *ld, struct proto *p, const struct item *it, const char *text, struct values *vs)
{
	const char *pattern = item_path(ld, text, false);
	struct matches found;
	size_t i;

	if (!pattern)
		return;
	made_glob(ld, pattern, p->number, &found);
	if (found.inside)
		stage_error(ld, p, it->line, "'%s' looks into what '%s' makes as a whole; name that directory", text,
			   found.inside->name);
	for (i = 0; i < found.n; i++)
		add_value(vs, found.v[i].path, !found.v[i].maker && !found.v[i].above_outputs);
}

static void add_item_values(struct load *ld, struct proto *p, const struct axis *ax, const struct item *it,
			    struct values *vs)
{
	const struct scope sc = {.ld = ld, .place_file = p->sec->file, .line = it->line};
	const struct param *list = it->tmpl ? template_list(&sc, it->text) : NULL;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	bool pattern = it->pattern && p->is_foreach && ax == p->axes;
	size_t i;

	for (i = 0; list && i < list->list.n; i++) {
		strbuf_clear(&text);
		param_plain(list->list.v[i], &text);
		add_value(vs, load_strdup(ld, text.buf, text.len), false);
	}
	if (list)
		return;
	if (!it->tmpl && !pattern) {
		add_value(vs, it->text, false);
		return;
	}
	if (template_text(&sc, it->text, pattern, &text) < 0)
		p->failed = true;
	else if (pattern)
		add_glob(ld, p, it, text.buf, vs);
	else
		add_value(vs, load_strdup(ld, text.buf, text.len), false);
}

static int no_values(struct load *ld, struct proto *p, const struct axis *ax)
{
	if (p->failed || ld->incomplete)
		return -1;
	if (p->is_foreach && ax == p->axes)
		return stage_error(ld, p, ax->line, "'foreach' finds nothing: no file on disk and no output of a stage "
				  "above matches; mend the pattern, or put the stage that makes the files above "
				   "this one");
	return stage_error(ld, p, ax->line, "'matrix %s' has no values", ax->name);
}

static bool has_control(const char *s)
{
	while (*s && (unsigned char)*s >= 0x20 && *s != 0x7f)
		s++;
	return *s != '\0';
}

static int check_values(struct load *ld, struct proto *p, const struct axis *ax)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i;

	for (i = 0; i < ax->n; i++) {
		if (!ax->v[i])
			return -1;
		if (has_control(ax->v[i]))
			return stage_error(ld, p, ax->line, "a value of '%s' has a control character", ax->name);
		if (map_put(&seen, ax->v[i], p))
			return stage_error(ld, p, ax->line, "'%s' stands twice among the values of '%s'", ax->v[i],
					  ax->name);
	}
	return 0;
}

/* The same file found by two patterns of a foreach is one item. */
static void drop_found_twice(struct values *vs)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i, n = 0;

	for (i = 0; i < vs->n; i++) {
		if (!vs->v[i] || map_put(&seen, vs->v[i], vs))
			continue;
		vs->v[n] = vs->v[i];
		vs->found[n++] = vs->found[i];
	}
	vs->n = n;
}

static int fill_axis(struct load *ld, struct proto *p, struct axis *ax)
{
	CLEANUP(values_release) struct values vs = {NULL, NULL, 0, 0, 0};
	bool is_foreach = p->is_foreach && ax == p->axes;
	const struct item *it;

	for (it = ax->items; it; it = it->next)
		add_item_values(ld, p, ax, it, &vs);
	if (is_foreach)
		drop_found_twice(&vs);
	if (!vs.n)
		return no_values(ld, p, ax);
	ax->n = vs.n;
	ax->v = load_alloc(ld, vs.n * sizeof(*ax->v));
	ax->found = is_foreach ? load_alloc(ld, vs.n) : NULL;
	if (!ax->v || (is_foreach && !ax->found))
		return -1;
	memcpy(ax->v, vs.v, vs.n * sizeof(*ax->v));
	if (is_foreach)
		memcpy(ax->found, vs.found, vs.n);
	return check_values(ld, p, ax);
}

static int count_instances(struct load *ld, struct proto *p, size_t *n)
{
	size_t max = ld->opt->max_instances ? ld->opt->max_instances : MAX_INSTANCES;
	const struct axis *ax;

	for (*n = 1, ax = p->axes; ax; ax = ax->next)
		if (__builtin_mul_overflow(*n, ax->n, n))
			*n = SIZE_MAX;
	if (*n <= max - ld->n_instances)
		return 0;
	return stage_error(ld, p, p->sec->line, "'%s' would bring the pipeline to more than %zu instances", p->st.name,
			  max);
}

/* The values of instance number i: the last axis varies fastest. */
static struct fact *make_vars(struct load *ld, const struct proto *p, size_t i)
{
	struct fact *vars = p->n_axes ? load_alloc(ld, p->n_axes * sizeof(*vars)) : NULL;
	size_t place = p->n_axes, k, rest = i;
	const struct axis *ax, *order[MAX_AXES + 1];

	for (k = 0, ax = p->axes; vars && ax; ax = ax->next)
		order[k++] = ax;
	for (; vars && place--; rest /= order[place]->n) {
		ax = order[place];
		vars[place] = (struct fact){ax->name, ax->v[rest % ax->n], {p->sec->file, ax->line}};
	}
	return vars;
}

static const char *make_name(struct load *ld, const struct proto *p, const struct fact *vars)
{
	size_t k;

	if (!p->n_axes)
		return p->st.name;
	strbuf_clear(&ld->word);
	strbuf_addstr(&ld->word, p->st.name);
	for (k = 0; k < p->n_axes; k++) {
		strbuf_addch(&ld->word, k ? ',' : '@');
		strbuf_addstr(&ld->word, vars[k].value);
	}
	return load_strdup(ld, ld->word.buf, ld->word.len);
}

static const struct attr *make_attrs(const struct scope *sc, const struct item *it)
{
	struct load *ld = sc->ld;
	struct attr *v;
	size_t i;

	if (!it->tmpl || !it->n_attrs)
		return it->attrs;
	v = load_alloc(ld, it->n_attrs * sizeof(*v));
	for (i = 0; v && i < it->n_attrs; i++) {
		strbuf_clear(&ld->text);
		v[i] = it->attrs[i];
		if (template_text(sc, it->attrs[i].value, false, &ld->text) < 0)
			return NULL;
		v[i].value = load_strdup(ld, ld->text.buf, ld->text.len);
	}
	return v;
}

/* Outputs of one instance, gathered. */
struct outs {
	struct output *v;
	size_t n, cap;
};

static int add_output(const struct scope *sc, struct outs *os, const struct item *it, const char *text, bool own)
{
	static const enum output_kind kinds[] = {[K_OUTS] = OUTPUT_OUTS, [K_METRICS] = OUTPUT_METRICS,
						 [K_PLOTS] = OUTPUT_PLOTS};
	const char *path = item_path(sc->ld, text, own), *why = path ? path_refusal(path) : NULL;
	struct output o = {kinds[it->key], path, NULL, it->n_attrs, {sc->place_file, it->line}};

	if (!path)
		return -1;
	if (!why && path_is_within(path, ".mlmake"))
		why = "lies where mlmake keeps its own";
	if (why)
		return diag_error(sc->ld->ds, sc->place_file, it->line, "output '%s' %s", path, why);
	o.attrs = make_attrs(sc, it);
	if (it->n_attrs && !o.attrs)
		return -1;
	ALLOC_GROW(os->v, os->n + 1, os->cap);
	os->v[os->n++] = o;
	return 0;
}

static int add_outputs_of(const struct scope *at, struct outs *os, const struct item *it)
{
	struct scope sc = *at;
	const struct param *list;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	if (!it->tmpl)
		return add_output(at, os, it, it->text, true);
	sc.line = it->line;
	list = template_list(&sc, it->text);
	for (i = 0; list && i < list->list.n; i++) {
		strbuf_clear(&text);
		param_plain(list->list.v[i], &text);
		if (add_output(&sc, os, it, text.buf, false) < 0)
			return -1;
	}
	if (list)
		return 0;
	if (template_text(&sc, it->text, false, &text) < 0)
		return -1;
	return add_output(&sc, os, it, text.buf, false);
}

static int gather_outputs(struct load *ld, struct proto *p, const struct fact *vars, bool note, struct outs *os)
{
	static const enum key_id order[] = {K_OUTS, K_METRICS, K_PLOTS};
	const struct scope sc = {.ld = ld, .note = note ? p : NULL, .vars = vars, .n_vars = p->n_axes,
				 .is_foreach = p->is_foreach, .place_file = p->sec->file, .line = p->sec->line};
	const struct item *it;
	size_t k;
	int result = 0;

	os->n = 0;
	for (k = 0; k < ARRAY_SIZE(order); k++)
		for (it = p->items; it; it = it->next)
			if (it->key == order[k] && add_outputs_of(&sc, os, it) < 0)
				result = -1;
	return result;
}

static const struct fact *differing(const struct instance *a, const struct instance *b)
{
	size_t i;

	for (i = 0; i < a->n_vars; i++)
		if (!streq(a->vars[i].value, b->vars[i].value))
			return &a->vars[i];
	return NULL;
}

static const struct output *find_output(const struct instance *in, const char *path)
{
	size_t i;

	for (i = 0; i < in->n_outs && !streq(in->outs[i].path, path); i++)
		;
	return i < in->n_outs ? &in->outs[i] : NULL;
}

static int collision(struct load *ld, const struct instance *in, const struct output *o, const struct instance *old)
{
	const struct output *first = find_output(old, o->path);
	struct place at = first ? first->at : old->stage->at;
	const struct fact *var = old->stage == in->stage && old != in ? differing(old, in) : NULL;

	if (old == in)
		return place_error(ld, o->at, "'%s' stands twice among the outputs of '%s'", o->path, in->name);
	if (var)
		return place_error(ld, o->at, "'%s' is the same for '%s' and '%s'; put {{%s}} into its name",
				  o->path, old->name, in->name, var->name);
	return place_error(ld, o->at, "'%s' is made by '%s' too, at %s:%d; one file has one maker", o->path,
			   old->name, at.file, at.line);
}

int outputs_register(struct load *ld, struct instance *in)
{
	struct map *map = &ld->pl->instance_by_output;
	int result = 0;
	size_t i;

	for (i = 0; i < in->n_outs; i++) {
		struct instance *old = map_put(map, in->outs[i].path, in);

		if (!old) {
			made_add(ld, in, in->outs[i].path);
			continue;
		}
		map_put(map, in->outs[i].path, old);
		result = collision(ld, in, &in->outs[i], old);
	}
	return result;
}

static int make_instance(struct load *ld, struct proto *p, size_t i, struct outs *os)
{
	struct instance *in = &p->in[i];
	struct output *outs;

	in->stage = &p->st;
	in->vars = make_vars(ld, p, i);
	if (p->n_axes && !in->vars)
		return -1;
	in->n_vars = p->n_axes;
	in->name = make_name(ld, p, in->vars);
	if (!in->name || gather_outputs(ld, p, in->vars, i == 0, os) < 0)
		return -1;
	outs = os->n ? load_alloc(ld, os->n * sizeof(*outs)) : NULL;
	if (os->n && !outs)
		return -1;
	if (os->n)
		memcpy(outs, os->v, os->n * sizeof(*outs));
	in->outs = outs;
	in->n_outs = os->n;
	return outputs_register(ld, in);
}

/* Puts path and the directories above it into m. */
static void add_with_above(struct load *ld, struct map *m, const char *path)
{
	size_t n = strlen(path);

	while (n && !map_getn(m, path, n)) {
		map_put(m, arena_strndup(&ld->pl->arena, path, n), ld);
		while (n && path[n - 1] != '/')
			n--;
		n -= n > 0;
	}
}

/* A file that this stage made in an earlier build is no item of its foreach, though it is on disk and matches. */
static void drop_own(struct load *ld, struct proto *p, size_t n, struct outs *os)
{
	CLEANUP(map_release) struct map own = MAP_INIT;
	struct axis *ax = p->axes;
	size_t i, k, kept = 0;

	for (i = 0; i < n; i++) {
		if (gather_outputs(ld, p, make_vars(ld, p, i), i == 0, os) < 0)
			return;
		for (k = 0; k < os->n; k++)
			add_with_above(ld, &own, os->v[k].path);
	}
	for (i = 0; i < ax->n; i++) {
		if (ax->found[i] && map_get(&own, ax->v[i]))
			continue;
		ax->v[kept] = ax->v[i];
		ax->found[kept++] = ax->found[i];
	}
	ax->n = kept;
}

static int plan_instances(struct load *ld, struct proto *p, size_t *n, struct outs *os)
{
	struct axis *ax;
	size_t i;

	for (ax = p->axes; ax; ax = ax->next)
		if (fill_axis(ld, p, ax) < 0)
			return -1;
	if (count_instances(ld, p, n) < 0)
		return -1;
	if (!p->is_foreach)
		return 0;
	for (i = 0; i < p->axes->n && !p->axes->found[i]; i++)
		;
	if (i == p->axes->n)
		return 0;
	drop_own(ld, p, *n, os);
	return p->axes->n ? count_instances(ld, p, n) : no_values(ld, p, p->axes);
}

static void expand_stage(struct load *ld, struct proto *p, struct outs *os)
{
	size_t n, i;

	if (p->failed || plan_instances(ld, p, &n, os) < 0)
		goto failed;
	p->in = load_alloc(ld, n * sizeof(*p->in));
	if (!p->in)
		goto failed;
	memset(p->in, 0, n * sizeof(*p->in));
	for (i = 0; i < n && make_instance(ld, p, i, os) == 0; i++)
		;
	p->st.n = i;
	ld->n_instances += n;
	if (i == n)
		return;
failed:
	p->failed = true;
	ld->incomplete = true;
}

static void number_instances(struct load *ld)
{
	struct pipeline *pl = ld->pl;
	size_t i, k, n = 0;

	for (i = 0; i < pl->n_stages; i++)
		n += pl->stages[i]->n;
	map_reserve(&pl->instance_by_name, n);
	pl->instances = arena_alloc(&pl->arena, n * sizeof(*pl->instances));
	for (i = 0; i < pl->n_stages; i++) {
		struct proto *p = (struct proto *)pl->stages[i];

		p->st.first = pl->n_instances;
		for (k = 0; k < p->st.n; k++) {
			struct instance *in = &p->in[k];

			in->index = pl->n_instances;
			pl->instances[pl->n_instances++] = in;
			if (map_put(&pl->instance_by_name, in->name, in))
				stage_error(ld, p, p->sec->line, "two instances would have the name '%s'; values with "
					   "commas do that", in->name);
		}
	}
}

void expand_outputs(struct load *ld)
{
	struct pipeline *pl = ld->pl;
	struct made_dir *root = arena_calloc(&pl->arena, sizeof(*root));
	struct outs os = {NULL, 0, 0};
	size_t i;
	int foreach;

	root->path = "";
	map_put(&ld->dirs, root->path, root);
	map_reserve(&pl->instance_by_output, pl->n_stages);
	for (foreach = 0; foreach <= 1; foreach++)
		for (i = 0; i < pl->n_stages; i++) {
			struct proto *p = (struct proto *)pl->stages[i];

			if (p->is_foreach == foreach)
				expand_stage(ld, p, &os);
		}
	free(os.v);
	if (!ld->incomplete)
		rescore_add(ld);
	number_instances(ld);
}
