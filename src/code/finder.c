/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each directory that matters is listed once, and of what lies in it only what could be a module is kept. Each file is resolved
 * once for each list of places, into units that point at each other; an answer walks over them. */
#include <config.h>

#include "code/finder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/map.h"
#include "util/path.h"

#define MAX_FILES_IN_DIR 10000 /* programs below a directory that is code as a whole */
#define MAX_MORE 1000          /* directories that sys.path may be changed to */
#define MAX_DEPTH 64           /* directories below it */

enum is_there {
	IS_PY = 1,    /* name.py */
	IS_BINARY = 2, /* name.so, name.*.so */
	IS_DIR = 4,
	IS_WHOLE = 8, /* name, which a stage makes as a whole: what is in it is not known yet */
};

/* What could be a module in a directory. */
struct member {
	const char *name;
	unsigned is; /* enum is_there */
	const char *binary; /* its file's name */
	const char *py;     /* paths, once they were asked for */
	struct dir *sub;
};
struct dir {
	const char *path;
	const char *init; /* its __init__.py, once it was asked for */
	struct map members; /* name -> struct member */
	bool regular; /* has __init__.py */
};

/* Where modules are looked for, and what was found there. */
struct places {
	struct dir **dirs;
	size_t n;
	bool all;          /* of a program that changes sys.path: what is found in any of them counts, */
	struct dir **more; /* and where none has it, what is in these */
	size_t n_more;
	struct map units; /* path -> struct unit */
};

/* A file of a program, with what it brings in. */
struct unit {
	const char *path;
	bool resolved;
	struct link {
		struct unit *to;
		int line;
	} *links;
	size_t n_links;
	const struct code_facts *facts; /* NULL: none */
	size_t stamp; /* of the walk that has seen it */
};

struct code_finder {
	struct arena arena;
	struct statcache *cache;
	struct code_book *book;
	const struct code_disk *disk;
	struct map facts;   /* path -> struct file */
	struct map dirs;    /* path -> struct dir */
	struct map places;  /* joined names -> struct places */
	struct map answers; /* program and places -> struct code_answer */
	struct map coming;  /* directory -> struct coming, of what will be there */
	size_t stamp;
};
struct file {
	const struct code_facts *facts; /* NULL: none */
};
struct coming {
	const char *name;
	struct coming *next;
	bool dir; /* only because something will be in it */
};

static enum code_thing system_what(void *ctx, const char *path)
{
	struct stat st;

	(void)ctx;
	if (stat(path, &st) < 0)
		return THING_OTHER;
	return S_ISDIR(st.st_mode) ? THING_DIR : S_ISREG(st.st_mode) ? THING_FILE : THING_OTHER;
}

/* DT_UNKNOWN: the file system does not say. */
static void system_entry(const char *dir, const struct dirent *e, void (*visit)(void *to, const char *name, enum code_thing what, bool link),
			 void *to)
{
	CLEANUP(freep) char *path = NULL;
	struct stat st;
	bool link = e->d_type == DT_LNK;

	if (e->d_type == DT_DIR || e->d_type == DT_REG) {
		visit(to, e->d_name, e->d_type == DT_DIR ? THING_DIR : THING_FILE, false);
		return;
	}
	if (!link && e->d_type != DT_UNKNOWN)
		return;
	path = path_join(dir, e->d_name);
	if (!link)
		link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
	visit(to, e->d_name, system_what(NULL, path), link);
}

static void system_list(void *ctx, const char *dir, void (*visit)(void *to, const char *name, enum code_thing what, bool link), void *to)
{
	struct dirent *e;
	DIR *open = opendir(dir);

	(void)ctx;
	while (open && (e = readdir(open)))
		if (*e->d_name != '.')
			system_entry(dir, e, visit, to);
	if (open)
		closedir(open);
}

static bool system_real(void *ctx, const char *path, struct strbuf *out)
{
	CLEANUP(freep) char *real = realpath(path, NULL);

	(void)ctx;
	if (real)
		strbuf_addstr(out, real);
	return real != NULL;
}

const struct code_disk code_disk_system = {system_list, system_what, system_real, NULL};

struct code_finder *code_finder_new(struct statcache *cache, struct code_book *book, const struct code_disk *disk)
{
	struct code_finder *f = xcalloc(1, sizeof(*f));

	f->cache = cache;
	f->book = book;
	f->disk = disk;
	return f;
}

void code_finder_free(struct code_finder *f)
{
	struct map_slot *s;
	size_t i;

	if (!f)
		return;
	for (i = 0; (s = map_next(&f->dirs, &i));)
		map_release(&((struct dir *)s->value)->members);
	for (i = 0; (s = map_next(&f->places, &i));)
		map_release(&((struct places *)s->value)->units);
	map_release(&f->facts);
	map_release(&f->dirs);
	map_release(&f->places);
	map_release(&f->answers);
	map_release(&f->coming);
	arena_release(&f->arena);
	free(f);
}

/* What the file at path says; NULL: nothing that is known. As it lies there first, which is how a plan asks, too. */
static const struct code_facts *facts_of(struct code_finder *f, const char *path)
{
	struct file *file = map_get(&f->facts, path);
	struct content c;

	if (file)
		return file->facts;
	file = arena_calloc(&f->arena, sizeof(*file));
	map_put(&f->facts, arena_strdup(&f->arena, path), file);
	if (!code_language(path) || statcache_glance(f->cache, path, &c, NULL) < 0)
		return NULL;
	if (c.kind == CONTENT_LINK && statcache_content(f->cache, path, true, &c, NULL) < 0)
		return NULL;
	file->facts = code_book_get(f->book, path, &c);
	return file->facts;
}

/* ---- what is in a directory ---- */

static const char *join(struct code_finder *f, const char *dir, const char *name, const char *ending)
{
	return streq(dir, ".") ? arena_fmt(&f->arena, "%s%s", name, ending) : arena_fmt(&f->arena, "%s/%s%s", dir, name, ending);
}

static const char *dir_of(struct code_finder *f, const char *path)
{
	size_t n = path_dirlen(path);

	return n ? arena_strndup(&f->arena, path, n) : ".";
}

static void will_be(struct code_finder *f, const char *path, bool dir)
{
	const char *above = dir_of(f, path);
	struct coming *c, *first = map_get(&f->coming, above);

	for (c = first; c && dir; c = c->next)
		if (c->dir && streq(c->name, path_base(path)))
			return;
	c = arena_alloc(&f->arena, sizeof(*c));
	*c = (struct coming){path_base(path), first, dir};
	map_put(&f->coming, above, c);
	if (!streq(above, "."))
		will_be(f, above, true);
}

void code_finder_will_be(struct code_finder *f, const char *path)
{
	const char *base = path_base(path), *dot = strchr(base, '.');

	if (!dot || ends_with(base, ".py") || ends_with(base, ".so")) /* nothing else is looked for by name */
		will_be(f, arena_strdup(&f->arena, path), false);
}

static struct member *member(struct code_finder *f, struct dir *d, const char *name, size_t n)
{
	struct member *m = map_getn(&d->members, name, n);

	if (m)
		return m;
	m = arena_calloc(&f->arena, sizeof(*m));
	m->name = arena_strndup(&f->arena, name, n);
	map_put(&d->members, m->name, m);
	return m;
}

static bool is_identifier(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_' || (s[i] & 0x80) ||
		      (i && s[i] >= '0' && s[i] <= '9')))
			return false;
	return n > 0;
}

static void add_member(struct code_finder *f, struct dir *d, const char *name, bool is_dir, bool whole)
{
	const char *dot = strchr(name, '.');
	size_t n = dot ? (size_t)(dot - name) : strlen(name);
	struct member *m;

	if (!is_identifier(name, n) || (is_dir && dot) || (!is_dir && !dot && !whole))
		return;
	if (!is_dir && dot && !streq(dot, ".py") && !ends_with(dot, ".so"))
		return;
	m = member(f, d, name, n);
	if (is_dir)
		m->is |= IS_DIR;
	else if (!dot)
		m->is |= IS_WHOLE;
	else if (streq(dot, ".py"))
		m->is |= IS_PY;
	else
		m->is |= IS_BINARY;
	if (m->is & IS_BINARY && !m->binary && dot)
		m->binary = arena_strdup(&f->arena, name);
	d->regular |= !is_dir && streq(name, "__init__.py");
}

struct listing {
	struct code_finder *f;
	struct dir *d;
};

static void add_listed(void *to, const char *name, enum code_thing what, bool link)
{
	struct listing *l = to;

	(void)link;
	if (what != THING_OTHER)
		add_member(l->f, l->d, name, what == THING_DIR, false);
}

static void list(struct code_finder *f, struct dir *d)
{
	const struct coming *c;

	f->disk->list(f->disk->ctx, d->path, add_listed, &(struct listing){f, d});
	for (c = map_get(&f->coming, d->path); c; c = c->next)
		add_member(f, d, c->name, c->dir, true);
}

static struct dir *dir_at(struct code_finder *f, const char *path)
{
	struct dir *d = map_get(&f->dirs, path);

	if (d)
		return d;
	d = arena_calloc(&f->arena, sizeof(*d));
	d->path = arena_strdup(&f->arena, path);
	map_put(&f->dirs, d->path, d);
	list(f, d);
	return d;
}

/* ---- modules ---- */

/* A module that is looked for component by component: the files it consists of so far, and where its parts may be. */
struct module {
	struct code_finder *f;
	bool all; /* what is found anywhere counts */
	const char **files;
	size_t n_files;
	struct dir **dirs;
	size_t n_dirs;
	bool found;
};

static void add_file(struct module *m, const char *path)
{
	m->files = arena_grow(&m->f->arena, m->files, m->n_files, sizeof(*m->files));
	m->files[m->n_files++] = path;
}

static void add_dir(struct module *m, struct dir *d)
{
	m->dirs = arena_grow(&m->f->arena, m->dirs, m->n_dirs, sizeof(*m->dirs));
	m->dirs[m->n_dirs++] = d;
}

static struct dir *sub_of(struct code_finder *f, struct dir *d, struct member *x)
{
	if (!x->sub && x->is & IS_DIR)
		x->sub = dir_at(f, join(f, d->path, x->name, ""));
	return x->sub;
}

static const char *init_of(struct code_finder *f, struct dir *d)
{
	if (!d->init)
		d->init = join(f, d->path, "__init__.py", "");
	return d->init;
}

/* Looks for the part name in one directory. True: found, and nothing further on counts. */
static bool look_in(struct module *m, struct dir *d, const char *name, size_t n)
{
	struct member *x = map_getn(&d->members, name, n);
	struct dir *sub;

	if (!x)
		return false;
	if (x->is & IS_WHOLE) {
		add_file(m, join(m->f, d->path, x->name, ""));
		return m->found = true;
	}
	sub = sub_of(m->f, d, x);
	if (sub && sub->regular) {
		add_file(m, init_of(m->f, sub));
		add_dir(m, sub);
		return m->found = true;
	}
	if (x->is & IS_BINARY)
		add_file(m, join(m->f, d->path, x->binary, ""));
	if (x->is & IS_PY && !x->py)
		x->py = join(m->f, d->path, x->name, ".py");
	if (x->is & IS_PY)
		add_file(m, x->py);
	if (x->is & (IS_BINARY | IS_PY))
		return m->found = true;
	if (sub) { /* goes on in other places */
		add_dir(m, sub);
		m->found = true;
	}
	return false;
}

/* One step on from m->dirs, which are replaced. False: there is no such part. */
static bool step_into(struct module *m, const char *name, size_t n)
{
	struct dir **from = m->dirs;
	size_t i, n_from = m->n_dirs, n_files = m->n_files;

	m->dirs = NULL;
	m->n_dirs = 0;
	m->found = false;
	for (i = 0; i < n_from; i++) {
		if (!look_in(m, from[i], name, n) || m->all)
			continue;
		break;
	}
	if (i < n_from && m->n_dirs > 1) { /* a regular one after some without __init__: these do not count */
		m->dirs[0] = m->dirs[m->n_dirs - 1];
		m->n_dirs = m->n_files > n_files && !ends_with(m->files[m->n_files - 1], "/__init__.py") ? 0 : 1;
	}
	return m->found;
}

/* All parts of a dotted name; false if one is not there. What was found until then counts: its __init__ runs. */
static bool walk_to(struct module *m, const char *dotted)
{
	while (*dotted) {
		size_t n = strcspn(dotted, ".");

		if (!step_into(m, dotted, n))
			return false;
		dotted += n + (dotted[n] == '.');
	}
	return true;
}

/* `from m import *`: each module and package in it. */
static void add_all_members(struct module *m)
{
	size_t i, k, n = m->n_dirs;
	struct map_slot *s;

	for (i = 0; i < n; i++)
		for (k = 0; (s = map_next(&m->dirs[i]->members, &k));) {
			const struct member *x = s->value;
			struct module one = {.f = m->f, .all = true, .files = m->files, .n_files = m->n_files};

			look_in(&one, m->dirs[i], x->name, strlen(x->name));
			m->files = one.files;
			m->n_files = one.n_files;
		}
}

static struct unit *unit_at(struct code_finder *f, struct places *p, const char *path)
{
	struct unit *u = map_get(&p->units, path);

	if (u)
		return u;
	u = arena_calloc(&f->arena, sizeof(*u));
	u->path = arena_strdup(&f->arena, path);
	map_put(&p->units, u->path, u);
	return u;
}

static void add_link(struct code_finder *f, struct places *p, struct unit *u, const char *path, int line)
{
	struct unit *to = unit_at(f, p, path);

	if (to == u)
		return;
	u->links = arena_grow(&f->arena, u->links, u->n_links, sizeof(*u->links));
	u->links[u->n_links++] = (struct link){to, line};
}

/* Is the first part of the name anywhere in m's places? */
static bool has_first(const struct module *m, const char *dotted)
{
	size_t i, n = strcspn(dotted, ".");

	for (i = 0; i < m->n_dirs; i++)
		if (map_getn(&m->dirs[i]->members, dotted, n))
			return true;
	return false;
}

static void resolve_module(struct code_finder *f, struct places *p, struct unit *u, const struct code_import *im)
{
	struct module m = {.f = f, .all = p->all};
	const char *dir = dir_of(f, u->path);
	size_t i;
	int up;

	if (im->level) {
		for (up = 1; up < im->level && !streq(dir, "."); up++)
			dir = dir_of(f, dir);
		if (up < im->level)
			return; /* above the project */
		add_dir(&m, dir_at(f, dir));
		if (m.dirs[0]->regular)
			add_file(&m, init_of(f, m.dirs[0]));
	} else {
		m.dirs = p->dirs;
		m.n_dirs = p->n;
		if (p->n_more && !has_first(&m, im->module)) {
			m.dirs = p->more;
			m.n_dirs = p->n_more;
		}
	}
	if (walk_to(&m, im->module) && im->name) {
		if (streq(im->name, "*"))
			add_all_members(&m);
		else
			step_into(&m, im->name, strlen(im->name));
	}
	for (i = 0; i < m.n_files; i++)
		add_link(f, p, u, m.files[i], im->line);
}

/* A path as it is written: from the directory of the file, and from where the program is run, which is mostly the project's. For C also
 * where headers often lie. */
static void resolve_file(struct code_finder *f, struct places *p, struct unit *u, const struct code_import *im)
{
	static const char *const c_dirs[] = {"include", "src", NULL};
	const char *dirs[4] = {dir_of(f, u->path), "."};
	bool c = code_language(u->path) == CODE_C;
	size_t i, n = streq(dirs[0], ".") ? 1 : 2;

	for (i = 0; c && c_dirs[i]; i++)
		dirs[n++] = c_dirs[i];
	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *path = path_join(dirs[i], im->name);

		if (path_refusal(path) || f->disk->what(f->disk->ctx, path) != THING_FILE)
			continue;
		add_link(f, p, u, path, im->line);
		if (c)
			break;
	}
}

static void resolve(struct code_finder *f, struct places *p, struct unit *u)
{
	size_t i;

	if (u->resolved)
		return;
	u->resolved = true;
	u->facts = facts_of(f, u->path);
	for (i = 0; u->facts && i < u->facts->n_imports; i++) {
		const struct code_import *im = &u->facts->imports[i];

		if (im->how == IMPORT_MODULE)
			resolve_module(f, p, u, im);
		else if (im->how == IMPORT_FILE)
			resolve_file(f, p, u, im);
	}
}

/* ---- places ---- */

static void add_place(struct code_finder *f, struct places *p, const char *path)
{
	struct dir *d = dir_at(f, path);
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->dirs[i] == d)
			return;
	p->dirs = arena_grow(&f->arena, p->dirs, p->n, sizeof(*p->dirs));
	p->dirs[p->n++] = d;
}

/* The directories in d. */
static void add_below(struct code_finder *f, struct places *p, struct dir *d)
{
	struct map_slot *s;
	size_t i;

	for (i = 0; (s = map_next(&d->members, &i));) {
		struct member *x = s->value;

		if (!(x->is & IS_DIR) || p->n_more >= MAX_MORE)
			continue;
		p->more = arena_grow(&f->arena, p->more, p->n_more, sizeof(*p->more));
		p->more[p->n_more++] = sub_of(f, d, x);
	}
}

static void add_names(struct strbuf *key, const char *const *dirs)
{
	for (; dirs && *dirs; dirs++) {
		strbuf_addch(key, '\n');
		strbuf_addstr(key, *dirs);
	}
}

/* Of programs in dir. all: of one that changes sys.path, to whatever. */
static struct places *places_for(struct code_finder *f, const char *dir, const char *const *dirs, bool all)
{
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	struct places *p;
	const char *above;
	size_t i;

	strbuf_addch(&key, all ? '*' : ' ');
	strbuf_addstr(&key, dir);
	add_names(&key, dirs);
	p = map_get(&f->places, key.buf);
	if (p)
		return p;
	p = arena_calloc(&f->arena, sizeof(*p));
	map_put(&f->places, arena_strdup(&f->arena, key.buf), p);
	add_place(f, p, dir);
	for (i = 0; dirs && dirs[i]; i++)
		add_place(f, p, dirs[i]);
	add_place(f, p, ".");
	add_place(f, p, "src");
	for (above = dir; !streq(above, "."); above = dir_of(f, above)) {
		add_place(f, p, above);
		add_place(f, p, join(f, above, "src", ""));
	}
	p->all = all;
	for (i = 0; all && i < p->n; i++)
		add_below(f, p, p->dirs[i]);
	return p;
}

/* ---- answers ---- */

struct asking {
	struct code_finder *f;
	struct places *p;
	struct code_answer *a;
	struct unit **todo; /* found, not looked through yet */
	size_t n_todo, cap_todo;
};

static void look_through(struct asking *q, struct unit *u)
{
	struct code_answer *a = q->a;
	size_t i;

	resolve(q->f, q->p, u);
	for (i = 0; u->facts && i < u->facts->n_imports; i++) {
		const struct code_import *im = &u->facts->imports[i];
		struct code_unknown *v = (struct code_unknown *)(uintptr_t)a->unknown;

		if (im->how != IMPORT_UNKNOWN)
			continue;
		v = arena_grow(&q->f->arena, v, a->n_unknown, sizeof(*v));
		v[a->n_unknown++] = (struct code_unknown){u->path, im->name, im->line};
		a->unknown = v;
	}
	for (i = 0; i < u->n_links; i++) {
		struct unit *to = u->links[i].to;
		struct code_found *v = (struct code_found *)(uintptr_t)a->found;

		if (to->stamp == q->f->stamp)
			continue;
		to->stamp = q->f->stamp;
		v = arena_grow(&q->f->arena, v, a->n_found, sizeof(*v));
		v[a->n_found++] = (struct code_found){to->path, u->path, u->links[i].line};
		a->found = v;
		ALLOC_GROW(q->todo, q->n_todo + 1, q->cap_todo);
		q->todo[q->n_todo++] = to;
	}
}

static void begin_at(struct asking *q, const char *path)
{
	struct unit *u = unit_at(q->f, q->p, path);

	if (u->stamp == q->f->stamp)
		return;
	u->stamp = q->f->stamp;
	ALLOC_GROW(q->todo, q->n_todo + 1, q->cap_todo);
	q->todo[q->n_todo++] = u;
}

/* Python imports these before anything else, if they are there. */
static void begin_python(struct asking *q, const char *program)
{
	static const char *const names[] = {"sitecustomize", "usercustomize"};
	struct unit *u = unit_at(q->f, q->p, program);
	size_t i;

	resolve(q->f, q->p, u);
	for (i = 0; u->facts && i < ARRAY_SIZE(names); i++)
		resolve_module(q->f, q->p, u, &(struct code_import){IMPORT_MODULE, 1, 0, names[i], NULL});
}

/* All programs below a directory. Links are not followed. */
struct below {
	struct asking *q;
	const char *dir;
	int depth;
	size_t *left;
};

static void begin_below(void *to, const char *name, enum code_thing what, bool link)
{
	struct below *b = to;
	CLEANUP(freep) char *path = NULL;
	struct code_finder *f = b->q->f;

	if (link || what == THING_OTHER || !*b->left)
		return;
	path = path_join(b->dir, name);
	if (what == THING_DIR && b->depth < MAX_DEPTH) {
		struct below deeper = {b->q, path, b->depth + 1, b->left};

		f->disk->list(f->disk->ctx, path, begin_below, &deeper);
	} else if (what == THING_FILE && code_language(path)) {
		(*b->left)--;
		begin_at(b->q, path);
	}
}

static bool moves_path(struct code_finder *f, const char *program)
{
	const struct code_facts *facts = facts_of(f, program);

	return facts && facts->moves_path;
}

const struct code_answer *code_finder_ask(struct code_finder *f, const char *program, const char *const *dirs)
{
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	enum code_language language = code_language(program);
	struct asking q = {.f = f};
	size_t i, left = MAX_FILES_IN_DIR;
	bool whole;

	strbuf_addstr(&key, program);
	add_names(&key, dirs);
	q.a = map_get(&f->answers, key.buf);
	if (q.a)
		return q.a;
	q.a = arena_calloc(&f->arena, sizeof(*q.a));
	map_put(&f->answers, arena_strdup(&f->arena, key.buf), q.a);
	whole = (!language || language == CODE_BY_FIRST_LINE) && f->disk->what(f->disk->ctx, program) == THING_DIR;
	if (!whole && !language)
		return q.a;
	q.p = places_for(f, whole ? program : dir_of(f, program), dirs, whole || moves_path(f, program));
	f->stamp++;
	if (whole)
		f->disk->list(f->disk->ctx, program, begin_below, &(struct below){&q, program, 1, &left});
	else
		begin_at(&q, program);
	if (language == CODE_PYTHON)
		begin_python(&q, program);
	for (i = 0; i < q.n_todo; i++)
		look_through(&q, q.todo[i]);
	free(q.todo);
	return q.a;
}

void code_finder_module(struct code_finder *f, const char *module, const char *const *dirs, struct strvec *out)
{
	const struct places *p = places_for(f, ".", dirs, false);
	struct module m = {.f = f, .dirs = p->dirs, .n_dirs = p->n};
	size_t i;

	if (!walk_to(&m, module))
		return;
	if (m.n_dirs)
		step_into(&m, "__main__", 8);
	for (i = 0; i < m.n_files; i++)
		strvec_push(out, m.files[i]);
}
