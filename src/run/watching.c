/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/watching.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/bounds.h"
#include "stale/learned.h"
#include "util/path.h"
#include "util/text.h"

#define SHOWN 3 /* names of each kind in a sentence */

void undeclared_release(struct undeclared *u)
{
	strvec_release(&u->read);
	strvec_release(&u->params);
	strvec_release(&u->listed);
	strvec_release(&u->missing);
	strvec_release(&u->written);
	strvec_release(&u->changed);
	strvec_release(&u->inputs);
	strvec_release(&u->outside);
}

void watching_skip(const struct instance *in, const struct verdict *v, struct strvec *out)
{
	size_t i;

	for (i = 0; i < v->now.n_facts; i++)
		if (fact_is_input_file(v->now.facts[i].kind) && v->now.facts[i].content.kind == CONTENT_DIR)
			strvec_push(out, v->now.facts[i].name);
	for (i = 0; i < in->n_outs; i++)
		strvec_push(out, in->outs[i].path);
}

/* ---- plain commands ---- */

bool watching_is_plain(const struct instance *in)
{
	static const char *const names[] = {"cat ", "cp ", "cut ", "echo ", "head ", "paste ", "printf ", "sort ", "tail ", "touch ", "wc "};
	const struct env *e = in->stage->env;
	size_t i;

	if (e && e->run)
		return false;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (skip_prefix(in->cmd, names[i], NULL))
			return !strpbrk(in->cmd, "\n;&|`()");
	return false;
}

/* "-r", "-n5", "-k2,3": one that brings no name of a file with it. */
static bool is_option(const char *word, size_t n)
{
	size_t i;

	if (n < 2 || word[0] != '-' || !((word[1] >= 'a' && word[1] <= 'z') || (word[1] >= 'A' && word[1] <= 'Z')))
		return false;
	for (i = 2; i < n; i++)
		if (word[i] != ',' && !(word[i] >= '0' && word[i] <= '9'))
			return false;
	return true;
}

static bool is_named(const struct instance *in, const char *word, size_t n)
{
	size_t i;

	for (i = 0; i < in->n_inputs; i++)
		if (strlen(in->inputs[i].path) == n && memcmp(in->inputs[i].path, word, n) == 0)
			return true;
	for (i = 0; i < in->n_outs; i++)
		if (strlen(in->outs[i].path) == n && memcmp(in->outs[i].path, word, n) == 0)
			return true;
	return false;
}

bool watching_is_declared(const struct instance *in)
{
	const char *word = in->cmd + strcspn(in->cmd, " ");
	size_t n;

	if (strpbrk(in->cmd, "\\\"'$*?[]{}~#!\t"))
		return false; /* the words are not what stands here */
	for (; *(word += strspn(word, " ")); word += n) {
		n = strcspn(word, " ");
		if (n == 1 && (*word == '<' || *word == '>'))
			continue;
		if (!is_option(word, n) && !is_named(in, word, n))
			return false;
	}
	return true;
}

/* ---- declared or not ---- */

struct judge {
	const struct pipeline *pl;
	const struct instance *in;
	struct map inputs, outputs; /* by path */
	struct map globbed;         /* directories in which patterns look, and of Python code */
	struct strvec dirs;         /* the names of those */
	char *root, *temporary;     /* absolute */
};

/* Is Python told to look for modules elsewhere than beside the script? */
static bool looks_around(const struct instance *in)
{
	const struct env *e = in->stage->env;

	return strstr(in->cmd, " -m") || strstr(in->cmd, "PYTHONPATH") || getenv("PYTHONPATH") || (e && e->n_paths);
}

/* Python lists the directories in which it looks for modules, and those of packages. */
static void add_python_dirs(struct judge *j, const char *path, bool around)
{
	char *dir = path_dir(path);

	while (around && !streq(dir, ".") && !path_is_absolute(dir)) {
		strvec_push_owned(&j->dirs, dir);
		dir = path_dir(dir);
	}
	strvec_push_owned(&j->dirs, dir);
}

static void judge_init(struct judge *j)
{
	const char *tmp = getenv("TMPDIR");
	bool around = looks_around(j->in);
	size_t i;

	for (i = 0; i < j->in->n_inputs; i++) {
		const struct input *ip = &j->in->inputs[i];

		if (ip->by && streq(ip->by, INPUT_LEARNED))
			continue;
		map_put(&j->inputs, ip->path, (void *)(uintptr_t)ip);
		if (ends_with(ip->path, ".py"))
			add_python_dirs(j, ip->path, around);
		else if (ip->pattern)
			strvec_push_owned(&j->dirs, path_dir(ip->path));
	}
	for (i = 0; i < j->pl->n_param_files && j->in->stage->reads_params; i++)
		map_put(&j->inputs, j->pl->param_files[i], (void *)(uintptr_t)j);
	for (i = 0; i < j->in->n_outs; i++)
		map_put(&j->outputs, j->in->outs[i].path, (void *)(uintptr_t)&j->in->outs[i]);
	for (i = 0; i < j->dirs.n; i++)
		map_put(&j->globbed, j->dirs.v[i], j->dirs.v[i]);
	j->root = getcwd(NULL, 0);
	j->temporary = tmp && *tmp && j->root ? path_join(j->root, tmp) : NULL;
}

static void judge_release(struct judge *j)
{
	map_release(&j->inputs);
	map_release(&j->outputs);
	map_release(&j->globbed);
	strvec_release(&j->dirs);
	free(j->root);
	free(j->temporary);
}

/* ---- bounds ---- */

/* By its own name, and by that to which links lead. */
static void add_rule(const struct judge *j, char letter, const char *path, struct strvec *out)
{
	CLEANUP(freep) char *full = j->root ? path_join(j->root, path) : xstrdup(path);
	CLEANUP(freep) char *real = realpath(full, NULL);

	strvec_pushf(out, "%c%s", letter, full);
	if (real && !streq(real, full))
		strvec_pushf(out, "%c%s", letter, real);
}

static bool is_environment(const char *dir)
{
	CLEANUP(freep) char *python = path_join(dir, "pyvenv.cfg");
	CLEANUP(freep) char *conda = path_join(dir, "conda-meta");

	return access(python, F_OK) == 0 || access(conda, F_OK) == 0;
}

/* Virtual environments in dir, and in the directories in it. */
static void add_environments(const struct judge *j, const char *dir, int depth, struct strvec *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		CLEANUP(freep) char *path = NULL;

		if (streq(e->d_name, ".") || streq(e->d_name, "..") || streq(e->d_name, ".git") ||
		    (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		path = path_join(dir, e->d_name);
		if (is_environment(path))
			add_rule(j, BOUNDS_READ, path, out);
		else if (depth)
			add_environments(j, path, depth - 1, out);
	}
	if (d)
		closedir(d);
}

void watching_rules(const struct pipeline *pl, const struct instance *in, const struct verdict *v, const char *read,
		    const char *const *free, struct strvec *out)
{
	struct judge j = {.pl = pl, .in = in, .inputs = MAP_INIT, .outputs = MAP_INIT, .globbed = MAP_INIT, .dirs = STRVEC_INIT};
	size_t i;

	judge_init(&j);
	for (i = 0; i < v->now.n_facts; i++)
		if (fact_is_input_file(v->now.facts[i].kind))
			add_rule(&j, BOUNDS_READ, v->now.facts[i].name, out);
	for (i = 0; i < pl->n_param_files && in->stage->reads_params; i++)
		add_rule(&j, BOUNDS_READ, pl->param_files[i], out);
	for (i = 0; i < in->n_outs; i++)
		add_rule(&j, BOUNDS_WRITE, in->outs[i].path, out);
	if (read)
		add_rule(&j, BOUNDS_READ, read, out);
	for (; *free; free++)
		add_rule(&j, BOUNDS_FREE, *free, out);
	add_environments(&j, ".", 1, out);
	judge_release(&j);
}

/* ---- what was found ---- */

/* Where links lead: a project path in out; false if it is the same, or none. */
static bool real_path(const struct judge *j, const char *path, struct strbuf *out)
{
	char real[PATH_MAX];
	size_t n = j->root ? strlen(j->root) : 0;

	if (!n || !realpath(path, real) || strncmp(real, j->root, n) != 0 || real[n] != '/' || streq(real + n + 1, path))
		return false;
	strbuf_clear(out);
	strbuf_addstr(out, real + n + 1);
	return true;
}

static bool is_declared(const struct judge *j, const char *path)
{
	return bounds_covers(&j->inputs, path) || bounds_covers(&j->outputs, path);
}

static bool is_temporary(const struct judge *j, const char *path)
{
	CLEANUP(freep) char *full = j->temporary ? path_join(j->root, path) : NULL;

	return full && path_is_within(full, j->temporary) && !path_is_within(j->root, j->temporary);
}

/* Was a directory above path put there by the stage? Then what it holds is the stage's own. */
static bool is_own(const struct seen *s, const char *path)
{
	CLEANUP(freep) char *part = xstrdup(path);
	size_t n;

	while ((n = path_dirlen(part))) {
		const struct seen_file *f;

		part[n] = '\0';
		f = seen_find(s, part);
		if (f && f->flags & SEEN_WRITTEN)
			return true;
	}
	return false;
}

/* inputs: what is declared to be read; NULL: not known. True: that is all about it. */
static bool judge_refused(const struct map *inputs, const struct seen_file *f, struct undeclared *out)
{
	struct stat st;
	bool there = lstat(f->path, &st) == 0, read = inputs && bounds_covers(inputs, f->path);

	if (f->flags & SEEN_NOT_WRITTEN)
		strvec_push(path_is_absolute(f->path) ? &out->outside : !there ? &out->written : read ? &out->inputs : &out->changed,
			    f->path);
	if (f->flags & SEEN_NOT_READ)
		strvec_push(&out->read, f->path);
	return f->flags & (SEEN_NOT_WRITTEN | SEEN_NOT_READ);
}

static void judge_one(const struct judge *j, const struct seen *s, const struct seen_file *f, struct undeclared *out)
{
	CLEANUP(strbuf_release) struct strbuf real = STRBUF_INIT;
	struct stat st;
	bool there = lstat(f->path, &st) == 0;

	if (judge_refused(&j->inputs, f, out))
		return;
	if (is_declared(j, f->path) || is_temporary(j, f->path) || is_own(s, f->path))
		return;
	if (f->flags & SEEN_WRITTEN) {
		if (there && (!S_ISDIR(st.st_mode) || out->bounded))
			strvec_push(&out->written, f->path);
	} else if (out->bounded && !(f->flags & (SEEN_MISSING | SEEN_LISTED))) {
		return; /* it was let */
	} else if (f->flags & SEEN_LISTED) {
		if (there && !map_get(&j->globbed, f->path) && (!real_path(j, f->path, &real) || !is_declared(j, real.buf)))
			strvec_push(&out->listed, f->path);
	} else if (f->flags & SEEN_MISSING) {
		if (!there)
			strvec_push(&out->missing, f->path);
	} else if (f->flags & SEEN_READ && !(f->flags & SEEN_DIR)) {
		if (there && (!real_path(j, f->path, &real) || !is_declared(j, real.buf)))
			strvec_push(&out->read, f->path);
	}
}

void watching_find(const struct pipeline *pl, const struct instance *in, const struct seen *s, struct undeclared *out)
{
	struct judge j = {.pl = pl, .in = in, .inputs = MAP_INIT, .outputs = MAP_INIT, .globbed = MAP_INIT, .dirs = STRVEC_INIT};
	size_t i;

	if (!s->n)
		return;
	out->bounded = pipeline_watching(pl, in->stage) == WATCHING_STRICT;
	judge_init(&j);
	for (i = 0; i < s->n; i++)
		judge_one(&j, s, s->v[i], out);
	for (i = 0; i < pl->n_param_files; i++)
		if (strvec_has(&out->read, pl->param_files[i]))
			strvec_push(&out->params, pl->param_files[i]);
	judge_release(&j);
}

void watching_refused(const struct seen *s, struct undeclared *out)
{
	size_t i;

	out->bounded = true;
	for (i = 0; i < s->n; i++)
		judge_refused(NULL, s->v[i], out);
}

/* ---- words ---- */

/* A name as it stands in a sentence: what a terminal would take for something else is escaped. */
static void add_name(struct strbuf *out, const char *name)
{
	size_t n = strlen(name), len;

	while (n) {
		len = text_utf8_len(name, n);
		if (len)
			text_add_escaped(out, name, len, false);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)*name);
		name += len ? len : 1;
		n -= len ? len : 1;
	}
}

static void add_names(struct strbuf *out, const char *what, const struct strvec *v, bool *any)
{
	size_t i;

	if (!v->n)
		return;
	strbuf_addf(out, "%s%s ", *any ? "; " : "it ", what);
	for (i = 0; i < MIN(v->n, (size_t)SHOWN); i++) {
		strbuf_addstr(out, i ? ", " : "");
		add_name(out, v->v[i]);
	}
	if (v->n > SHOWN)
		strbuf_addf(out, " and %zu more", v->n - SHOWN);
	*any = true;
}

/* As a word of mlmake.ini; false if none can stand for it. */
static bool add_word(struct strbuf *out, const char *path)
{
	size_t before = out->len;

	strbuf_addch(out, ' ');
	if (!path_refusal(path) && text_add_word(out, path))
		return true;
	strbuf_setlen(out, before);
	return false;
}

/* Of those that are declared by key, or all; of files of parameters the keys are. */
static void add_key(struct strbuf *out, const struct stage *st, const char *key, const struct strvec *v, const struct strvec *params,
		    bool *any)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	size_t i, n = 0;

	for (i = 0; i < v->n && n < SHOWN; i++) {
		const char *its = !params ? key : strvec_has(params, v->v[i]) ? NULL : learned_key(st, v->v[i]);

		if (its && streq(its, key))
			n += add_word(&words, v->v[i]);
	}
	if (!n)
		return;
	strbuf_addf(out, "%s'%s =%s%s'", *any ? ", " : "", key, words.buf, v->n > SHOWN ? " ..." : "");
	*any = true;
}

/* Of what was refused without being a fault. */
static void more_words(const char *what, const struct strvec *v, const char *which, struct strbuf *out)
{
	bool any = false;

	if (!v->n)
		return;
	strbuf_addstr(out, out->len ? "; " : "");
	add_names(out, what, v, &any);
	strbuf_addf(out, ", which %s", which);
}

void watching_words(const struct stage *st, const struct undeclared *u, bool learned, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf keys = STRBUF_INIT;
	bool any = false;

	add_names(out, u->bounded ? "may not read" : "read", &u->read, &any);
	if (!u->bounded)
		add_names(out, "listed", &u->listed, &any);
	add_names(out, u->bounded ? "may not make" : "wrote", &u->written, &any);
	add_names(out, "may not change", &u->changed, &any);
	if (any) {
		strbuf_addf(out, ", which [%s %s] does not declare", st->is_source ? "source" : "stage", st->name);
		any = false;
		if (learned && (u->read.n || u->listed.n)) {
			strbuf_addstr(out, "; what it read counts from now on, and `mlmake lint --fix` writes it there");
			return;
		}
		add_key(&keys, st, "code", &u->read, &u->params, &any);
		add_key(&keys, st, "data", &u->read, &u->params, &any);
		add_key(&keys, st, "outs", &u->written, NULL, &any);
		if (u->params.n) {
			strbuf_addf(&keys, "%s'params = KEY' for each that it reads of ", any ? ", " : "");
			add_name(&keys, u->params.v[0]);
			any = true;
		}
		if (any)
			strbuf_addf(out, "; write there %s", keys.buf);
	}
	more_words("may not change", &u->inputs, "it reads", out);
	more_words("may not write", &u->outside, "lies outside of the project", out);
}

void watching_blind_words(const struct seen *s, struct strbuf *out)
{
	static const struct {
		enum seen_blind how;
		const char *words;
	} reasons[] = {
		{BLIND_MEMORY, "the names that some of its processes used, whose memory cannot be read"},
		{BLIND_MOUNTS, "what it did behind its own mounts or in another root"},
		{BLIND_DAEMON, "what a container's daemon did for it"},
		{BLIND_MANY, "more files than are kept count of"},
	};
	bool any = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (s->blind & reasons[i].how) {
			strbuf_addf(out, "%s%s", any ? ", and " : "it was not seen ", reasons[i].words);
			any = true;
		}
	if (s->blind & BLIND_PRIVILEGE) {
		strbuf_addstr(out, any ? "; '" : "'");
		add_name(out, s->program ? s->program : "a setuid program");
		strbuf_addstr(out, "' could not take other privileges because it was watched: 'watch = off' lets it");
	}
}
