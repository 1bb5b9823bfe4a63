/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "graph/imports.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/path.h"

/* One instance's inputs, being added to; and what all instances share. */
struct adding {
	const struct pipeline *pl;
	struct arena *a;
	struct code_finder *f;
	struct diags *ds;     /* NULL: nobody is told */
	const char *pythonpath;
	char *here; /* the project's directory */
	const struct instance *in;
	struct input *v; /* those added */
	size_t n, cap;
	struct strvec dirs;   /* where modules are looked for */
	bool own;             /* something is made by this stage: each instance has another answer */
	struct map named;     /* paths of v */
};

static bool runs_module(const struct stage *st)
{
	return st->written && strstr(st->written, "-m ");
}

bool imports_wanted(const struct pipeline *pl)
{
	const struct input *last = NULL;
	size_t i, j;

	for (i = 0; i < pl->n_stages; i++)
		if (runs_module(pl->stages[i]) && !pl->stages[i]->no_imports)
			return true;
	for (i = 0; i < pl->n_instances; i++) {
		const struct instance *in = pl->instances[i];

		if (in->inputs == last || in->stage->no_imports)
			continue;
		last = in->inputs;
		for (j = 0; j < in->n_inputs; j++)
			if (in->inputs[j].kind == INPUT_CODE)
				return true;
	}
	return false;
}

/* ---- where modules are looked for ---- */

/* A directory of Python's path, as a project path; others bring in nothing of the project's. */
static void add_dir(struct adding *g, const char *dir, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	CLEANUP(freep) char *text = xstrndup(dir, n);
	size_t here = strlen(g->here);

	path_normalize(text, &path);
	dir = path.buf;
	if (path_is_absolute(dir)) {
		if (!path_is_within(dir, g->here))
			return;
		dir = dir[here] ? dir + here + 1 : ".";
	}
	if ((streq(dir, ".") || !path_refusal(dir)) && !strvec_has(&g->dirs, dir))
		strvec_push(&g->dirs, dir);
}

static void add_list(struct adding *g, const char *list)
{
	size_t n;

	for (; list && *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (n)
			add_dir(g, list, n);
	}
}

/* PYTHONPATH=DIR:DIR in a command. */
static void add_assigned(struct adding *g, const char *text)
{
	static const char name[] = "PYTHONPATH=";

	while (text && (text = strstr(text, name))) {
		CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;

		for (text += sizeof(name) - 1; *text && !strchr(" \t\n;&|", *text); text++)
			if (*text != '"' && *text != '\'')
				strbuf_addch(&list, *text);
		add_list(g, list.buf);
	}
}

static void find_dirs(struct adding *g)
{
	const struct env *env = g->in->stage->env;
	size_t i;

	strvec_release(&g->dirs);
	for (i = 0; env && i < env->n_paths; i++)
		add_dir(g, env->paths[i], strlen(env->paths[i]));
	add_assigned(g, g->in->cmd);
	add_assigned(g, env ? env->run : NULL);
	add_list(g, g->pythonpath);
	for (i = 0; i < g->in->n_inputs; i++) { /* scripts beside each other */
		const struct input *x = &g->in->inputs[i];

		if (x->kind == INPUT_CODE && !x->pattern && code_language(x->path) == CODE_PYTHON)
			add_dir(g, path_dirlen(x->path) ? x->path : ".", path_dirlen(x->path) ? path_dirlen(x->path) : 1);
	}
}

/* ---- what becomes an input ---- */

static bool is_input(const struct adding *g, const char *path)
{
	const struct instance *in = g->in;
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (streq(in->inputs[i].path, path) ||
		    (in->inputs[i].kind == INPUT_CODE && path_is_within(path, in->inputs[i].path)))
			return true;
	return map_get(&g->named, path) != NULL;
}

static void add(struct adding *g, const char *path, const char *by, int line)
{
	const struct instance *maker;
	size_t i;

	if (is_input(g, path))
		return;
	for (i = 0; i < g->in->n_outs; i++)
		if (path_is_within(path, g->in->outs[i].path) || path_is_within(g->in->outs[i].path, path)) {
			g->own = true;
			return;
		}
	maker = pipeline_maker(g->pl, path);
	g->own |= maker && maker->stage == g->in->stage;
	path = arena_strdup(g->a, path);
	by = by ? arena_strdup(g->a, by) : NULL;
	ALLOC_GROW(g->v, g->n + 1, g->cap);
	g->v[g->n++] = (struct input){INPUT_CODE, path, NULL, true, {by ? by : g->in->stage->at.file, line}, by};
	map_put(&g->named, path, g);
}

/* Does the stage list a directory or a pattern of code? */
static bool lists_many(const struct instance *in)
{
	struct stat st;
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (in->inputs[i].kind == INPUT_CODE &&
		    (in->inputs[i].pattern || (stat(in->inputs[i].path, &st) == 0 && S_ISDIR(st.st_mode))))
			return true;
	return false;
}

static void warn(struct adding *g, const struct code_answer *a)
{
	size_t i;

	if (!a->n_unknown || !g->ds || lists_many(g->in))
		return;
	for (i = 0; i < a->n_unknown; i++) {
		const struct code_unknown *u = &a->unknown[i];

		diag_warn(g->ds, u->file, u->line, "what '%s' brings in here only the program knows: list it under 'code' of the stage, "
			  "as a directory or a pattern", u->what);
	}
}

static void add_what_it_brings(struct adding *g, const char *program)
{
	const struct code_answer *a = code_finder_ask(g->f, program, (const char *const *)g->dirs.v);
	size_t i;

	for (i = 0; i < a->n_found; i++)
		add(g, a->found[i].path, a->found[i].by, a->found[i].line);
	warn(g, a);
}

/* `-m MODULE` */
static void add_modules(struct adding *g)
{
	const char *s = g->in->cmd;

	while (s && (s = strstr(s, "-m "))) {
		CLEANUP(strvec_release) struct strvec files = STRVEC_INIT;
		CLEANUP(freep) char *name = NULL;
		bool whole = s == g->in->cmd || strchr(" \t\n", s[-1]);
		size_t i;

		s += 3;
		s += strspn(s, " ");
		name = xstrndup(s, strcspn(s, " \t\n;&|()<>\"'$"));
		if (!whole || !*name)
			continue;
		code_finder_module(g->f, name, (const char *const *)g->dirs.v, &files);
		for (i = 0; i < files.n; i++) {
			add(g, files.v[i], NULL, g->in->stage->at.line);
			add_what_it_brings(g, files.v[i]);
		}
	}
}

/* Fills g->v with what the code of in brings in. */
static void gather(struct adding *g, const struct instance *in)
{
	size_t i;

	g->in = in;
	g->n = 0;
	g->own = false;
	map_release(&g->named);
	g->named = (struct map)MAP_INIT;
	find_dirs(g);
	for (i = 0; i < in->n_inputs; i++)
		if (in->inputs[i].kind == INPUT_CODE)
			add_what_it_brings(g, in->inputs[i].path);
	if (in->cmd && runs_module(in->stage))
		add_modules(g);
}

static void add_to_instance(struct adding *g, struct instance *in)
{
	struct input *all;

	gather(g, in);
	if (!g->n)
		return;
	all = arena_alloc(g->a, (in->n_inputs + g->n) * sizeof(*all));
	if (in->n_inputs)
		memcpy(all, in->inputs, in->n_inputs * sizeof(*all));
	memcpy(all + in->n_inputs, g->v, g->n * sizeof(*all));
	in->inputs = all;
	in->n_inputs += g->n;
}

static void adding_release(struct adding *g)
{
	map_release(&g->named);
	strvec_release(&g->dirs);
	free(g->v);
	free(g->here);
}

static bool has_code(const struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (in->inputs[i].kind == INPUT_CODE)
			return true;
	return runs_module(in->stage);
}

static char *here(void)
{
	char *dir = getcwd(NULL, 0);

	return dir ? dir : xstrdup("/");
}

/* Instances of one stage often have one list of inputs, and then mostly bring in the same. */
void imports_add(struct pipeline *pl, struct code_finder *f, const char *pythonpath, struct diags *ds)
{
	CLEANUP(adding_release) struct adding g = {.pl = pl, .a = &pl->arena, .f = f, .ds = ds, .pythonpath = pythonpath, .here = here()};
	const struct instance *like = NULL;
	const struct input *before = NULL;
	size_t i, j, n_before = 0;

	for (i = 0; i < pl->n_instances; i++)
		for (j = 0; j < pl->instances[i]->n_outs; j++)
			code_finder_will_be(f, pl->instances[i]->outs[j].path);
	for (i = 0; i < pl->n_instances; i++) {
		struct instance *in = pl->instances[i];

		if (in->stage->no_imports || !has_code(in))
			continue;
		if (like && like->stage == in->stage && before == in->inputs && n_before == in->n_inputs && !g.own &&
		    !runs_module(in->stage) && !(in->cmd && strstr(in->cmd, "PYTHONPATH="))) {
			in->inputs = like->inputs;
			in->n_inputs = like->n_inputs;
			continue;
		}
		before = in->inputs;
		n_before = in->n_inputs;
		add_to_instance(&g, in);
		like = in;
	}
}

/* The inputs of in that were declared, or named in its command. */
static struct instance declared_part(const struct instance *in, struct arena *a)
{
	struct input *v = arena_alloc(a, (in->n_inputs + 1) * sizeof(*v));
	struct instance part = *in;
	size_t i;

	part.n_inputs = 0;
	for (i = 0; i < in->n_inputs; i++)
		if (!in->inputs[i].by)
			v[part.n_inputs++] = in->inputs[i];
	part.inputs = v;
	return part;
}

bool imports_anew(const struct pipeline *pl, const struct instance *in, struct statcache *cache, struct code_book *book,
		  void (*visit)(void *ctx, const struct input *x), void *ctx)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(adding_release) struct adding g = {.pl = pl, .a = &a, .pythonpath = getenv("PYTHONPATH")};
	struct instance part;
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (in->inputs[i].kind == INPUT_CODE && pipeline_maker(pl, in->inputs[i].path))
			break;
	if (i == in->n_inputs || in->stage->no_imports)
		return false;
	g.here = here();
	g.f = code_finder_new(cache, book, &code_disk_system);
	part = declared_part(in, &a);
	gather(&g, &part);
	for (i = 0; i < g.n; i++)
		visit(ctx, &g.v[i]);
	code_finder_free(g.f);
	return true;
}
