/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "env/environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "env/distributions.h"
#include "env/image.h"
#include "util/path.h"
#include "util/text.h"

#define INTERPRETER "the interpreter"

struct looking_at {
	struct pipeline *pl;
	struct env *e;
	const struct env_tools *t;
	bool tell;
	struct diags *ds;
	struct fact *facts;
	size_t n_facts;
	struct env_question *questions;
	size_t n_questions;
	struct env_files *files;
};

#define wrong(l, at, ...) diag_error((l)->ds, (at).file, (at).line, __VA_ARGS__)

static void add_fact(struct looking_at *l, const char *name, const char *value)
{
	l->facts = arena_grow(&l->pl->arena, l->facts, l->n_facts, sizeof(*l->facts));
	l->facts[l->n_facts++] = (struct fact){name, value, l->e->at};
}

static void add_question(struct looking_at *l, const struct env_question *q)
{
	if (!q->key)
		return;
	l->questions = arena_grow(&l->pl->arena, l->questions, l->n_questions, sizeof(*l->questions));
	l->questions[l->n_questions++] = *q;
}

static void add_file(struct looking_at *l, const char *path, const char *of, const struct content *c)
{
	struct env_files *f = l->files;

	f->v = arena_grow(&l->pl->arena, f->v, f->n, sizeof(*f->v));
	f->v[f->n++] = (struct env_file){path, of, *c};
}

static void unknown(struct looking_at *l, const char *name, const char *what)
{
	add_fact(l, name, NULL);
	if (l->tell)
		diag_warn(l->ds, l->e->at.file, l->e->at.line, "%s of [env %s] is known only after a build has asked", what, l->e->name);
}

/* ---- Python ---- */

static void add_python(struct looking_at *l, const struct interpreter *py)
{
	CLEANUP(strbuf_release) struct strbuf value = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *const files[] = {py->file, py->shared};
	char hex[DIGEST_HEX + 1];
	size_t i;

	if (py->implementation && !streq(py->implementation, "cpython"))
		strbuf_addf(&value, "%s-", py->implementation);
	strbuf_addstr(&value, py->version ? py->version : "unknown");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct content c;

		if (!files[i])
			continue;
		if (statcache_content(l->t->cache, files[i], true, &c, &err) < 0) {
			wrong(l, l->e->at, "the interpreter of [env %s]: %s", l->e->name, err.msg);
			return;
		}
		digest_hex(&c.id, hex);
		strbuf_addf(&value, " %s", hex);
		add_file(l, files[i], INTERPRETER, &c);
	}
	add_fact(l, ENV_PYTHON, arena_strdup(&l->pl->arena, value.buf));
}

static void add_package(struct looking_at *l, const struct distribution *first)
{
	CLEANUP(strbuf_release) struct strbuf version = STRBUF_INIT, ids = STRBUF_INIT;
	const struct distribution *d;

	for (d = first; d; d = d->twin) {
		const char *v = d->meta.version ? d->meta.version : "unknown";
		CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;

		text_add_escaped(&clean, v, strcspn(v, " \t\n"), false);
		strbuf_addf(&version, "%s%s", version.len ? "," : "", clean.buf);
		strbuf_addf(&ids, " %s", d->id);
	}
	add_fact(l, arena_fmt(&l->pl->arena, ENV_PACKAGE "%s", first->key), arena_fmt(&l->pl->arena, "%s%s", version.buf, ids.buf));
}

static bool is_core(const struct distribution *d, const struct dist_file *f)
{
	const char *base = path_base(f->path);

	return path_is_within(f->path, d->info) && (streq(base, "METADATA") || streq(base, "RECORD") || streq(base, "PKG-INFO"));
}

static void add_files(struct looking_at *l, const struct distributions *ds, bool core)
{
	size_t i, j;

	for (i = 0; i < ds->n; i++)
		for (j = 0; ds->v[i]->used && j < ds->v[i]->n_files; j++)
			if (is_core(ds->v[i], &ds->v[i]->files[j]) == core)
				add_file(l, ds->v[i]->files[j].path, ds->v[i]->key, &ds->v[i]->files[j].content);
	if (core)
		l->files->n_core = l->files->n;
}

static void not_installed(struct looking_at *l, const struct distributions *ds, const char *name, const struct interpreter *py)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name);
	size_t i;

	for (i = 0; i < ds->n; i++)
		nearest_offer(&near, ds->v[i]->key);
	nearest_hint(&near, &hint);
	if (py->file) {
		strbuf_addstr(&hint, "; `");
		strbuf_add_shell(&hint, py->file);
		strbuf_addf(&hint, " -m pip install %s` installs it", name);
	}
	wrong(l, l->e->uses_at, "'%s', which [env %s] uses, is not installed for %s%s", name, l->e->name,
	      py->file ? py->file : "its Python", hint.buf);
}

/* "3.11" of "3.11.7" */
static const char *minor(struct arena *a, const char *version)
{
	size_t n = strcspn(version, ".");

	return version[n] ? arena_strndup(a, version, n + 1 + strcspn(version + n + 1, ".")) : NULL;
}

static void use(struct looking_at *l, struct distributions *ds, const struct interpreter *py)
{
	struct arena *a = &l->pl->arena;
	struct marker_values v = {.implementation_name = py->implementation};
	struct utsname u;
	size_t i;

	if (py->version)
		v.python_version = minor(a, py->version);
	if (v.python_version && strlen(v.python_version) < strlen(py->version))
		v.python_full_version = py->version;
	if (uname(&u) == 0)
		v.platform_machine = arena_strdup(a, u.machine);
	for (i = 0; i < l->e->n_uses; i++) {
		struct distribution *d;
		struct requirement r;

		if (streq(l->e->uses[i], "*")) {
			distributions_use_all(ds);
			continue;
		}
		if (!requirement_parse(l->e->uses[i], strlen(l->e->uses[i]), a, &r)) {
			wrong(l, l->e->uses_at, "'%s' is no name of a Python distribution; write one like numpy or scikit-learn[extra]",
			      l->e->uses[i]);
			continue;
		}
		d = distributions_find(ds, r.name);
		if (d)
			distributions_use(ds, d, r.extras, r.n_extras, &v);
		else
			not_installed(l, ds, r.name, py);
	}
}

static void look_at_packages(struct looking_at *l, const struct interpreter *py)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct distributions ds;
	size_t i;

	distributions_open(&ds, py->path, py->n_path, l->t, &l->pl->arena);
	use(l, &ds, py);
	if (distributions_digest(&ds, &err) < 0)
		wrong(l, l->e->uses_at, "what [env %s] uses: %s", l->e->name, err.msg);
	for (i = 0; i < ds.n; i++)
		if (ds.v[i]->used && distributions_find(&ds, ds.v[i]->key) == ds.v[i]) {
			struct distribution *d;

			for (d = ds.v[i]; d; d = d->twin)
				(void)distribution_read(&ds, d);
			add_package(l, ds.v[i]);
		}
	add_files(l, &ds, true);
	add_files(l, &ds, false);
	distributions_release(&ds);
}

static bool runs_elsewhere(const struct env *e)
{
	static const char *const engines[] = {"docker ", "podman ", "apptainer ", "singularity ", "ssh ", "srun "};
	size_t i;

	for (i = 0; e->run && i < ARRAY_SIZE(engines); i++)
		if (skip_prefix(e->run, engines[i], NULL))
			return true;
	return e->image != NULL;
}

static void look_at_python(struct looking_at *l)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct interpreter py;

	if (runs_elsewhere(l->e)) {
		wrong(l, l->e->n_uses ? l->e->uses_at : l->e->at, "what is installed where [env %s] runs cannot be seen from here: of an image the "
		      "digest counts, otherwise a probe or a lock file can tell", l->e->name);
		return;
	}
	if (interpreter_find(l->e, l->t, &l->pl->arena, &py, &err) < 0) {
		const struct instance *maker = l->e->interpreter ? pipeline_maker(l->pl, l->e->interpreter) : NULL;

		if (maker)
			wrong(l, l->e->at, "[env %s]: what is installed has to be there before stages that use it are decided; `mlmake %s` makes "
			      "'%s'", l->e->name, maker->name, l->e->interpreter);
		else
			wrong(l, l->e->at, "[env %s]: %s", l->e->name, err.msg);
		return;
	}
	add_question(l, &py.ask);
	if (!py.known) {
		unknown(l, ENV_PYTHON, "the Python");
		return;
	}
	add_python(l, &py);
	l->files->n_core = l->files->n;
	if (l->e->n_uses)
		look_at_packages(l, &py);
}

/* ---- images ---- */

static void look_at_image(struct looking_at *l)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *name = arena_fmt(&l->pl->arena, ENV_IMAGE "%s", l->e->image);
	struct image image;

	if (image_find(l->e, l->t, &l->pl->arena, &image, &err) < 0) {
		wrong(l, l->e->at, "the image of [env %s]: %s", l->e->name, err.msg);
		return;
	}
	add_question(l, &image.ask);
	l->e->image_reference = image.reference;
	if (image.digest)
		add_fact(l, name, image.digest);
	else
		unknown(l, name, "the image");
}

/* ---- all ---- */

static bool is_used(const struct pipeline *pl, const bool *selected, const struct env *e)
{
	size_t i;

	for (i = 0; i < pl->n_instances; i++)
		if ((!selected || selected[i]) && pl->instances[i]->stage->env == e)
			return true;
	return false;
}

static void look_at(struct pipeline *pl, struct env *e, const struct env_tools *t, bool tell, struct diags *ds)
{
	struct looking_at l = {.pl = pl, .e = e, .t = t, .tell = tell, .ds = ds};

	l.files = arena_calloc(&pl->arena, sizeof(*l.files));
	if (e->interpreter || e->n_uses)
		look_at_python(&l);
	if (e->image && !e->image_file)
		look_at_image(&l);
	e->facts = l.facts;
	e->n_facts = l.n_facts;
	e->questions = l.questions;
	e->n_questions = l.n_questions;
	e->files = l.files;
}

static bool has_something(const struct env *e)
{
	return e->interpreter || e->n_uses || (e->image && !e->image_file);
}

bool environment_wanted(const struct pipeline *pl)
{
	size_t i;

	for (i = 0; i < pl->n_envs; i++)
		if (has_something(pl->envs[i]))
			return true;
	return false;
}

int environment_look(struct pipeline *pl, const bool *selected, const struct env_tools *t, bool tell, struct diags *ds)
{
	size_t i, errors = ds->errors;

	for (i = 0; i < pl->n_envs; i++) {
		struct env *e = pl->envs[i];

		if (has_something(e) && is_used(pl, selected, e))
			look_at(pl, e, t, tell, ds);
	}
	return ds->errors == errors ? 0 : -1;
}

bool environment_asks_always(const struct pipeline *pl)
{
	size_t i, j;

	for (i = 0; i < pl->n_envs; i++)
		for (j = 0; j < pl->envs[i]->n_questions; j++)
			if (pl->envs[i]->questions[j].always)
				return true;
	return false;
}

const char *environment_unanswered(const struct pipeline *pl)
{
	size_t i, j;

	for (i = 0; i < pl->n_envs; i++)
		for (j = 0; j < pl->envs[i]->n_questions; j++)
			if (!pl->envs[i]->questions[j].answered)
				return pl->envs[i]->questions[j].key;
	return NULL;
}

const char *environment_moved(const struct env *e, struct statcache *cache, bool all)
{
	const struct env_files *files = e ? e->files : NULL;
	size_t i, n = !files ? 0 : all ? files->n : files->n_core;

	for (i = 0; i < n; i++) {
		const struct env_file *f = &files->v[i];
		struct content now;

		if (f->content.kind == CONTENT_NONE || statcache_unmoved(cache, f->path, true, &f->content))
			continue;
		if (statcache_content(cache, f->path, true, &now, NULL) < 0 || !content_eq(&now, &f->content))
			return f->of;
	}
	return NULL;
}
