/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "env/distributions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/path.h"
#include "util/pool.h"
#include "util/strvec.h"

#define DEEPEST 64       /* directories below each other */
#define SCRIPT_LIMIT ((size_t)1 << 20) /* one that is larger counts whole */
#define MOST_FILES 1000000

static enum code_thing what(const struct distributions *ds, const char *path)
{
	return ds->tools->disk->what(ds->tools->disk->ctx, path);
}

static const char *joined(const struct distributions *ds, const char *dir, const char *name)
{
	CLEANUP(freep) char *path = path_join(dir, name);

	return arena_strdup(ds->arena, path);
}

static void remember_error(struct distributions *ds, struct err *err)
{
	if (ds->err.msg)
		err_release(err);
	else
		(void)!err_move(&ds->err, err);
}

/* False if it is not there or cannot be read; the latter is remembered. */
static bool read_text(struct distributions *ds, const char *path, struct strbuf *out)
{
	struct err err = ERR_INIT;

	if (what(ds, path) != THING_FILE)
		return false;
	if (interpreter_read(ds->tools, path, out, &err) == 0)
		return true;
	remember_error(ds, &err);
	return false;
}

/* ---- what there is ---- */

struct listing {
	struct distributions *ds;
	const char *dir;
	struct strvec files, infos;
};

static void list_one(void *to, const char *name, enum code_thing thing, bool link)
{
	struct listing *l = to;

	(void)link;
	if ((thing == THING_DIR && (ends_with(name, ".dist-info") || ends_with(name, ".egg-info"))) ||
	    (thing == THING_FILE && ends_with(name, ".egg-info")))
		strvec_push(&l->infos, name);
	else if (thing == THING_FILE)
		strvec_push(&l->files, name);
}

/* "Foo_Bar-1.0.dist-info" to "foo-bar": up to the first '-' that a digit follows, else to the first. */
static const char *key_of(const struct distributions *ds, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	size_t n = strlen(name) - strlen(ends_with(name, ".dist-info") ? ".dist-info" : ".egg-info"), i;

	for (i = 0; i < n && !(name[i] == '-' && name[i + 1] >= '0' && name[i + 1] <= '9'); i++)
		;
	if (i == n)
		i = strcspn(name, "-");
	requirement_normalize(name, MIN(i, n), &key);
	return arena_strndup(ds->arena, key.buf, key.len);
}

static void add(struct distributions *ds, const char *dir, const char *name)
{
	struct distribution *d = arena_calloc(ds->arena, sizeof(*d)), *other;

	d->key = key_of(ds, name);
	d->dir = dir;
	d->info = joined(ds, dir, name);
	d->egg = ends_with(name, ".egg-info");
	d->single = d->egg && what(ds, d->info) == THING_FILE;
	other = map_get(&ds->by_key, d->key);
	if (other && other->dir != dir)
		return; /* hidden by the one before */
	ds->v = arena_grow(ds->arena, ds->v, ds->n, sizeof(*ds->v));
	ds->v[ds->n++] = d;
	if (!other) {
		map_put(&ds->by_key, d->key, d);
		return;
	}
	d->twin = other->twin;
	other->twin = d;
}

void distributions_open(struct distributions *ds, const char *const *path, size_t n, const struct env_tools *t, struct arena *a)
{
	size_t i, j;

	*ds = (struct distributions){.tools = t, .arena = a, .by_key = MAP_INIT, .names = MAP_INIT, .claimed = MAP_INIT, .err = ERR_INIT};
	for (i = 0; i < n; i++) {
		struct listing l = {.ds = ds, .dir = path[i]};
		struct strvec *files = xcalloc(1, sizeof(*files));

		t->disk->list(t->disk->ctx, path[i], list_one, &l);
		strvec_sort(&l.infos);
		strvec_sort(&l.files);
		*files = l.files;
		map_put(&ds->names, path[i], files);
		for (j = 0; j < l.infos.n; j++)
			add(ds, path[i], l.infos.v[j]);
		strvec_release(&l.infos);
	}
}

void distributions_release(struct distributions *ds)
{
	struct map_slot *s;
	size_t i;

	for (i = 0; (s = map_next(&ds->names, &i));) {
		strvec_release(s->value);
		free(s->value);
	}
	map_release(&ds->names);
	map_release(&ds->by_key);
	map_release(&ds->claimed);
	err_release(&ds->err);
}

const struct metadata *distribution_read(struct distributions *ds, struct distribution *d)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (d->was_read)
		return &d->meta;
	d->was_read = true;
	if (read_text(ds, d->single ? d->info : joined(ds, d->info, d->egg ? "PKG-INFO" : "METADATA"), &text))
		metadata_parse(text.buf, text.len, ds->arena, &d->meta);
	strbuf_clear(&text);
	if (d->egg && !d->single && read_text(ds, joined(ds, d->info, "requires.txt"), &text))
		metadata_parse_requires(text.buf, text.len, ds->arena, &d->meta);
	return &d->meta;
}

/* What a directory is called and what it says of itself can differ. */
static void read_all(struct distributions *ds)
{
	CLEANUP(strbuf_release) struct strbuf key = STRBUF_INIT;
	size_t i;

	ds->all_read = true;
	for (i = 0; i < ds->n; i++) {
		const struct metadata *m = distribution_read(ds, ds->v[i]);

		if (!m->name)
			continue;
		strbuf_clear(&key);
		requirement_normalize(m->name, strlen(m->name), &key);
		if (!map_get(&ds->by_key, key.buf))
			map_put(&ds->by_key, arena_strndup(ds->arena, key.buf, key.len), ds->v[i]);
	}
}

struct distribution *distributions_find(struct distributions *ds, const char *key)
{
	struct distribution *d = map_get(&ds->by_key, key);

	if (d || ds->all_read)
		return d;
	read_all(ds);
	return map_get(&ds->by_key, key);
}

/* ---- what is used ---- */

static bool add_extras(struct distributions *ds, struct distribution *d, const char *const *extras, size_t n)
{
	bool any = false;
	size_t i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < d->n_extras && !streq(d->extras[j], extras[i]); j++)
			;
		if (j < d->n_extras)
			continue;
		d->extras = arena_grow(ds->arena, (void *)d->extras, d->n_extras, sizeof(*d->extras));
		d->extras[d->n_extras++] = extras[i];
		any = true;
	}
	return any;
}

static void mark(struct distributions *ds, struct distribution *d, const char *const *extras, size_t n, size_t *waiting)
{
	bool more = add_extras(ds, d, extras, n) || !d->used;

	*waiting += more && !d->dirty;
	d->used = true;
	d->dirty |= more;
	if (more && d->twin)
		mark(ds, d->twin, extras, n, waiting);
}

void distributions_use_all(struct distributions *ds)
{
	size_t i;

	for (i = 0; i < ds->n; i++)
		ds->v[i]->used = true;
}

static void follow(struct distributions *ds, struct distribution *d, const struct marker_values *v, size_t *waiting)
{
	const struct metadata *m = distribution_read(ds, d);
	size_t i;

	if (m->wrong) /* it may require anything */
		distributions_use_all(ds);
	for (i = 0; i < m->n_requires; i++) {
		const struct requirement *r = &m->requires[i];
		struct distribution *next;

		if (r->marker && marker_holds(r->marker, v, d->extras, d->n_extras) == MARKER_NO)
			continue;
		next = distributions_find(ds, r->name);
		if (next) /* else it counts from when it is there */
			mark(ds, next, r->extras, r->n_extras, waiting);
	}
}

void distributions_use(struct distributions *ds, struct distribution *d, const char *const *extras, size_t n, const struct marker_values *v)
{
	size_t waiting = 0, i;

	mark(ds, d, extras, n, &waiting);
	while (waiting)
		for (i = 0; i < ds->n; i++)
			if (ds->v[i]->dirty) {
				ds->v[i]->dirty = false;
				waiting--;
				follow(ds, ds->v[i], v, &waiting);
			}
}

/* ---- their files ---- */

struct gathering {
	struct distributions *ds;
	struct distribution *d;
	bool editable;
	bool modules; /* only they are taken */
};

static void add_file(struct gathering *g, const char *path, const char *name, bool counts)
{
	struct distribution *d = g->d;

	if (d->n_files == MOST_FILES)
		return;
	d->files = arena_grow(g->ds->arena, d->files, d->n_files, sizeof(*d->files));
	d->files[d->n_files++] = (struct dist_file){.path = path, .name = name, .counts = counts};
}

/* Files beside METADATA that tell of the installation. */
static bool is_note(const char *name)
{
	static const char *const notes[] = {"RECORD", "RECORD.jws", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json",
					    "SOURCES.txt", "installed-files.txt"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(notes); i++)
		if (streq(name, notes[i]))
			return true;
	return false;
}

/* Can it be imported? */
static bool is_module(const char *name)
{
	return ends_with(name, ".py") || ends_with(name, ".so");
}

static bool is_byte_code(const char *name)
{
	return ends_with(name, ".pyc") || strstr(name, "__pycache__/") || streq(name, "__pycache__");
}

static void take_recorded(void *ctx, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	struct gathering *g = ctx;
	const char *base = path_base(name), *slash = strchr(name, '/');
	bool note = slash && (size_t)(slash - name) >= 10 && strncmp(slash - 10, ".dist-info", 10) == 0 && is_note(slash + 1);

	if (is_byte_code(name))
		return;
	if (g->editable && (ends_with(name, ".pth") || skip_prefix(base, "__editable__", NULL)))
		note = true;
	path_normalize(name, &clean);
	add_file(g, joined(g->ds, g->d->dir, clean.buf), arena_strdup(g->ds->arena, clean.buf), !note);
}

struct entry {
	const char *name;
	bool dir;
};
struct entries {
	struct arena *arena;
	struct entry *v;
	size_t n;
};

static void take_entry(void *to, const char *name, enum code_thing thing, bool link)
{
	struct entries *e = to;

	if (is_byte_code(name) || thing == THING_OTHER || (link && thing == THING_DIR))
		return;
	e->v = arena_grow(e->arena, e->v, e->n, sizeof(*e->v));
	e->v[e->n++] = (struct entry){arena_strdup(e->arena, name), thing == THING_DIR};
}

/* Is the directory none of the distribution's own? */
static bool is_apart(const struct distributions *ds, const char *dir)
{
	return what(ds, joined(ds, dir, "pyvenv.cfg")) == THING_FILE || what(ds, joined(ds, dir, "CACHEDIR.TAG")) == THING_FILE;
}

static void walk(struct gathering *g, const char *dir, const char *name, int depth)
{
	struct entries e = {.arena = g->ds->arena};
	size_t i;

	if (depth > DEEPEST || (g->editable && depth && is_apart(g->ds, dir)))
		return;
	g->ds->tools->disk->list(g->ds->tools->disk->ctx, dir, take_entry, &e);
	for (i = 0; i < e.n; i++) {
		const char *path = joined(g->ds, dir, e.v[i].name), *below = arena_fmt(g->ds->arena, "%s/%s", name, e.v[i].name);

		if (e.v[i].dir)
			walk(g, path, below, depth + 1);
		else if (!g->modules || is_module(below))
			add_file(g, path, below, !is_note(e.v[i].name));
	}
}

static void take_module(struct gathering *g, const char *name, size_t n)
{
	const char *module = arena_strndup(g->ds->arena, name, n), *dir = joined(g->ds, g->d->dir, module);
	const struct strvec *files = map_get(&g->ds->names, g->d->dir);
	size_t i;

	if (!n || module[0] == '.' || module[0] == '/')
		return;
	if (what(g->ds, dir) == THING_DIR)
		walk(g, dir, module, 0);
	for (i = 0; files && i < files->n; i++)
		if (strncmp(files->v[i], module, n) == 0 && files->v[i][n] == '.' && !is_byte_code(files->v[i]))
			add_file(g, joined(g->ds, g->d->dir, files->v[i]), arena_strdup(g->ds->arena, files->v[i]), true);
}

/* Nobody says which files are its own: those of the modules that it says it has, or that have its name. */
static void gather_by_modules(struct gathering *g)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct metadata *m = distribution_read(g->ds, g->d);
	const char *s;

	if (!g->d->single && read_text(g->ds, joined(g->ds, g->d->info, "top_level.txt"), &text)) {
		for (s = text.buf; *s; s += strcspn(s, "\n") + (s[strcspn(s, "\n")] != '\0'))
			take_module(g, s, strcspn(s, "\r\n \t"));
		return;
	}
	strbuf_addstr(&text, m->name ? m->name : g->d->key);
	for (s = text.buf; *s; s++)
		if (*s == '-')
			text.buf[s - text.buf] = '_';
	take_module(g, text.buf, text.len);
	for (s = text.buf; *s; s++)
		if (*s >= 'A' && *s <= 'Z') {
			for (; *s; s++)
				if (*s >= 'A' && *s <= 'Z')
					text.buf[s - text.buf] = (char)(*s - 'A' + 'a');
			take_module(g, text.buf, text.len);
			break;
		}
}

/* Does it lie in the project, or the project in it? */
static bool is_about_project(const struct distributions *ds, const char *dir)
{
	CLEANUP(strbuf_release) struct strbuf here = STRBUF_INIT, there = STRBUF_INIT;

	if (!ds->tools->disk->real(ds->tools->disk->ctx, ".", &here) || !ds->tools->disk->real(ds->tools->disk->ctx, dir, &there))
		return false;
	return path_is_within(here.buf, there.buf) || path_is_within(there.buf, here.buf);
}

/* Those that its *.pth add to the path, if there are any, else all of dir. */
static void gather_editable(struct gathering *g, const char *dir)
{
	size_t i, n = g->d->n_files;
	bool any = false;

	for (i = 0; i < n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		const char *s;
		size_t len;

		if (!ends_with(g->d->files[i].path, ".pth") || !read_text(g->ds, g->d->files[i].path, &text))
			continue;
		for (s = text.buf; *s; s += len + (s[len] != '\0')) {
			const char *line = arena_strndup(g->ds->arena, s, len = strcspn(s, "\n"));

			if (!path_is_within(line, dir) || what(g->ds, line) != THING_DIR)
				continue;
			any = true;
			walk(g, line, "editable", 0);
		}
	}
	if (!any)
		walk(g, arena_strdup(g->ds->arena, dir), "editable", 0);
}

/* ---- modules that no RECORD lists ---- */

/* Adds the path on disk of name, and of each directory that it lies in. */
static void claim(struct distributions *ds, const char *dir, const char *name)
{
	const char *path = joined(ds, dir, name);
	size_t n;

	while (!map_put(&ds->claimed, path, ds) && (n = path_dirlen(path)) > strlen(dir))
		path = arena_strndup(ds->arena, path, n);
}

struct claiming {
	struct distributions *ds;
	const char *dir;
};

static void claim_recorded(void *ctx, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	const struct claiming *c = ctx;

	path_normalize(name, &clean);
	if (strchr(clean.buf, '/') && !skip_prefix(clean.buf, "../", NULL))
		claim(c->ds, c->dir, clean.buf);
}

static bool is_claimed(struct distributions *ds, const char *path)
{
	size_t i;

	for (i = 0; !ds->claims_known && i < ds->n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		struct claiming c = {ds, ds->v[i]->dir};

		if (!ds->v[i]->egg && read_text(ds, joined(ds, ds->v[i]->info, "RECORD"), &text))
			metadata_each_file(text.buf, text.len, claim_recorded, &c);
	}
	ds->claims_known = true;
	return map_get(&ds->claimed, path) != NULL;
}

/* Of one directory: modules, and directories with modules, that are not in own. */
static void gather_beside(struct gathering *g, const struct map *own, const char *name)
{
	struct entries e = {.arena = g->ds->arena};
	const char *dir = joined(g->ds, g->d->dir, name);
	size_t i;

	g->ds->tools->disk->list(g->ds->tools->disk->ctx, dir, take_entry, &e);
	for (i = 0; i < e.n; i++) {
		const char *below = arena_fmt(g->ds->arena, "%s/%s", name, e.v[i].name), *path = joined(g->ds, g->d->dir, below);

		if (map_get(own, below) || (!e.v[i].dir && !is_module(below)) || is_claimed(g->ds, path))
			continue;
		if (e.v[i].dir)
			walk(g, path, below, 1);
		else
			add_file(g, path, below, true);
	}
}

/* Somebody may have put modules beside those that an installer put there, and who imports the package can have them. Directories that
 * several distributions share hold modules of others. */
static void gather_strays(struct gathering *g)
{
	CLEANUP(map_release) struct map own = MAP_INIT, dirs = MAP_INIT;
	size_t i, n = g->d->n_files;
	struct map_slot *s;

	g->modules = true;
	for (i = 0; i < n; i++) {
		const char *part = g->d->files[i].name;
		size_t len = path_dirlen(part);

		if (skip_prefix(part, "../", NULL) || path_is_absolute(part) || !len || strstr(part, ".dist-info/"))
			continue;
		map_put(&own, part, g);
		if (is_module(part))
			map_put(&dirs, arena_strndup(g->ds->arena, part, len), g);
		for (; len && !map_put(&own, part = arena_strndup(g->ds->arena, part, len), g); len = path_dirlen(part))
			;
	}
	for (i = 0; (s = map_next(&dirs, &i));)
		gather_beside(g, &own, s->key);
}

/* Is any of its files one of code? A RECORD may be empty or broken. */
static bool counts_any(const struct distribution *d)
{
	size_t i;

	for (i = 0; i < d->n_files; i++)
		if (d->files[i].counts && !strstr(d->files[i].name, ".dist-info/"))
			return true;
	return false;
}

static void gather(struct distributions *ds, struct distribution *d)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *editable = NULL;
	struct gathering g = {.ds = ds, .d = d};
	bool sound = false;

	if (!d->egg && read_text(ds, joined(ds, d->info, "direct_url.json"), &text))
		editable = metadata_editable(text.buf, text.len);
	g.editable = editable != NULL;
	strbuf_clear(&text);
	if (!d->egg && read_text(ds, joined(ds, d->info, "RECORD"), &text))
		sound = metadata_each_file(text.buf, text.len, take_recorded, &g) && counts_any(d);
	if (sound && !editable)
		gather_strays(&g);
	if (!d->egg && !sound)
		gather_by_modules(&g);
	if (editable && !is_about_project(ds, editable))
		gather_editable(&g, editable);
	if (d->egg && !(!streq(d->dir, ".") && is_about_project(ds, d->dir) && what(ds, joined(ds, d->dir, "setup.py")) == THING_FILE))
		gather_by_modules(&g);
	if (d->egg && d->single)
		add_file(&g, d->info, "PKG-INFO", true);
	else if (d->egg)
		walk(&g, d->info, "egg-info", 0);
}

/* ---- what they are ---- */

struct looking {
	struct statcache *cache;
	struct dist_file **files;
	size_t n;
	struct err *errs;
};

static void look(void *ctx, size_t i)
{
	struct looking *l = ctx;
	struct dist_file *f = l->files[i];
	struct stat st;

	f->content.kind = CONTENT_NONE;
	if (stat(f->path, &st) == 0)
		(void)!statcache_content(l->cache, f->path, true, &f->content, &l->errs[i]);
}

/* A script that pip wrote begins with where the interpreter lies, which is another place in another environment: in its first line, or, if that would
 * be too long, in a second one for sh. What follows counts. */
static void skip_interpreter(const struct dist_file *f, struct digest *id)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *s;

	if (!skip_prefix(f->name, "../", NULL) || !strstr(f->name, "/bin/") || f->content.kind == CONTENT_NONE ||
	    file_read(f->path, SCRIPT_LIMIT, &text, NULL) < 0 || !skip_prefix(text.buf, "#!", &s))
		return;
	s += strcspn(s, "\n");
	if (skip_prefix(s, "\n'''exec' ", &s))
		s += strcspn(s, "\n");
	digest_bytes(s, text.len - (size_t)(s - text.buf), id);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dist_file *)a)->name, ((const struct dist_file *)b)->name);
}

static void set_id(struct distribution *d)
{
	struct digest digest;
	struct sha sha;
	size_t i;

	if (d->n_files)
		qsort(d->files, d->n_files, sizeof(*d->files), by_name);
	sha_init(&sha);
	for (i = 0; i < d->n_files; i++) {
		const struct dist_file *f = &d->files[i];
		struct digest id = f->content.id;
		char line[DIGEST_HEX + 3];

		if (!f->counts || (i && streq(f->name, f[-1].name)))
			continue;
		skip_interpreter(f, &id);
		memset(line, 0, sizeof(line));
		line[0] = content_letter(f->content.kind);
		if (f->content.kind != CONTENT_NONE)
			digest_hex(&id, line + 1);
		sha_update(&sha, f->name, strlen(f->name) + 1);
		sha_update(&sha, line, strlen(line) + 1);
	}
	sha_final(&sha, &digest);
	digest_hex(&digest, d->id);
}

int distributions_digest(struct distributions *ds, struct err *err)
{
	struct looking l = {.cache = ds->tools->cache};
	size_t i, j;

	for (i = 0; i < ds->n; i++)
		if (ds->v[i]->used) {
			gather(ds, ds->v[i]);
			l.n += ds->v[i]->n_files;
		}
	l.files = xcalloc(l.n + 1, sizeof(*l.files));
	l.errs = xcalloc(l.n + 1, sizeof(*l.errs));
	for (l.n = i = 0; i < ds->n; i++)
		for (j = 0; j < ds->v[i]->n_files; j++)
			l.files[l.n++] = &ds->v[i]->files[j];
	pool_for(l.n, 64, ds->tools->threads, look, &l);
	for (i = 0; i < l.n; i++) {
		if (l.files[i]->content.kind == CONTENT_NONE && !l.errs[i].msg)
			(void)!what(ds, l.files[i]->path); /* that it is not there is asked again, too */
		if (l.errs[i].msg)
			remember_error(ds, &l.errs[i]);
	}
	free(l.files);
	free(l.errs);
	for (i = 0; i < ds->n; i++)
		if (ds->v[i]->used)
			set_id(ds->v[i]);
	return ds->err.msg ? err_move(err, &ds->err) : 0;
}
