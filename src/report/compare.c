/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/compare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest/manifest.h"
#include "report/unified.h"
#include "store/payload.h"
#include "util/file.h"
#include "util/map.h"
#include "util/path.h"

#define TEXT_LIMIT ((size_t)1 << 20)   /* of a source file whose lines are shown */
#define BYTES_LIMIT ((size_t)4 << 20)  /* of a CSV that is held in memory; others are read as streams */
#define METRICS_LIMIT ((size_t)1 << 20)
#define MANIFEST_TEXT_LIMIT ((size_t)4 << 20)
#define MOST_ENTRIES 8                 /* of a directory, that are named */

struct comparing {
	struct comparison *c;
	const struct snapshot_tools *t;
	const char *const *names;
	size_t n_names;
	struct map made;  /* paths that some instance makes */
	struct map code;  /* paths of code of the instances that count */
	struct map items; /* what was met already -> its number + 1 */
	struct payloads *payloads;
};

/* ---- which instances count ---- */

static bool counts(const struct comparing *k, const char *instance)
{
	size_t i, n;

	for (i = 0; i < k->n_names; i++) {
		n = strlen(k->names[i]);
		if (strncmp(instance, k->names[i], n) == 0 && (!instance[n] || instance[n] == '@'))
			return true;
	}
	return !k->n_names;
}

static void note_paths(struct comparing *k, const struct snapshot *s)
{
	size_t i, j;

	for (i = 0; i < s->n; i++)
		for (j = 0; j < s->records[i]->n_facts; j++) {
			const struct record_fact *f = &s->records[i]->facts[j];

			if (fact_is_output(f->kind))
				map_put(&k->made, f->name, k);
			else if (f->kind == FACT_CODE && counts(k, s->records[i]->instance))
				map_put(&k->code, f->name, k);
		}
}

/* Made by a stage, or within a directory that one makes? */
static bool is_made(const struct comparing *k, const char *path)
{
	size_t n;

	for (n = strlen(path); n; n--)
		if ((!path[n] || path[n] == '/') && map_getn(&k->made, path, n))
			return true;
	return false;
}

/* ---- what differs in the records ---- */

static void add_instance(struct comparing *k, const char ***list, size_t *n, const char *instance)
{
	*list = arena_grow(&k->c->arena, *list, *n, sizeof(**list));
	(*list)[(*n)++] = instance;
}

static size_t item_for(struct comparing *k, const char *key, size_t next)
{
	size_t known = (size_t)(uintptr_t)map_get(&k->items, key);

	if (!known)
		map_put(&k->items, arena_strdup(&k->c->arena, key), (void *)(uintptr_t)(next + 1));
	return known ? known - 1 : next;
}

static void add_value(struct comparing *k, const struct reason *r, const char *instance)
{
	struct comparison *c = k->c;
	const char *key = arena_fmt(&c->arena, "v\n%d\n%s\n%s%s\n%s%s\n%s", (int)r->kind, r->name, r->old ? "=" : "", r->old ? r->old : "",
				    r->new ? "=" : "", r->new ? r->new : "", r->kind == REASON_COMMAND ? instance : "");
	size_t i = item_for(k, key, c->n_values);

	if (i == c->n_values) {
		c->values = arena_grow(&c->arena, c->values, c->n_values, sizeof(*c->values));
		c->values[c->n_values++] = (struct compared_value){r->kind, r->name, r->old, r->new, NULL, 0};
	}
	add_instance(k, &c->values[i].instances, &c->values[i].n_instances, instance);
}

static void add_file(struct comparing *k, const struct reason *r, const char *instance)
{
	struct comparison *c = k->c;
	const char *key = arena_fmt(&c->arena, "f\n%d\n%s", (int)r->kind, r->name);
	size_t i = item_for(k, key, c->n_files);

	if (i == c->n_files) {
		c->files = arena_grow(&c->arena, c->files, c->n_files, sizeof(*c->files));
		c->files[c->n_files++] = (struct compared_file){.kind = r->kind, .path = r->name, .was = r->was, .is = r->is,
								.rows = CSV_DIFF_INIT};
	}
	add_instance(k, &c->files[i].instances, &c->files[i].n_instances, instance);
}

static void add_reason(struct comparing *k, const struct reason *r, const char *instance)
{
	const struct record_fact *f = r->was ? r->was : r->is;

	switch (r->kind) {
	case REASON_DATA:
		if (!is_made(k, r->name))
			add_file(k, r, instance);
		break;
	case REASON_CODE:
		if (!is_made(k, r->name) && !(k->c->a->has_tree && (k->c->b->has_tree || k->c->b->here)))
			add_file(k, r, instance);
		break;
	case REASON_OUTPUT: add_file(k, r, instance); break;
	case REASON_ENV:
		if (f && f->kind == FACT_LOCK)
			add_file(k, r, instance);
		else
			add_value(k, r, instance);
		break;
	case REASON_PARAM:
	case REASON_COMMAND: add_value(k, r, instance); break;
	default: break;
	}
}

/* The text that a value is in a command, without the quotes of its canonical form. */
static void bare(const char *value, const char **s, size_t *n)
{
	*s = value;
	*n = strlen(value);
	if (*n >= 2 && value[0] == '"' && value[*n - 1] == '"') {
		++*s;
		*n -= 2;
	}
}

static void replace_all(struct strbuf *text, const char *old, const char *new)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const char *o, *w, *p, *at;
	size_t n_old, n_new;

	bare(old, &o, &n_old);
	bare(new, &w, &n_new);
	for (p = text->buf; n_old && (at = memmem(p, text->len - (size_t)(p - text->buf), o, n_old)); p = at + n_old) {
		strbuf_add(&out, p, (size_t)(at - p));
		strbuf_add(&out, w, n_new);
	}
	strbuf_add(&out, p, text->len - (size_t)(p - text->buf));
	strbuf_clear(text);
	strbuf_add(text, out.buf, out.len);
}

/* Does a command differ by nothing but the values that are told as parameters anyway? */
static bool follows(const struct reason *command, const struct reason *all, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	if (!command->old || !command->new)
		return false;
	strbuf_addstr(&text, command->old);
	for (i = 0; i < n; i++)
		if (all[i].kind == REASON_PARAM && all[i].old && all[i].new)
			replace_all(&text, all[i].old, all[i].new);
	return streq(text.buf, command->new);
}

static void compare_records(struct comparing *k, const struct record *a, const struct record *b)
{
	struct reason *reasons;
	size_t i, n;

	stale_compare(a, b, &k->c->arena, &reasons, &n);
	for (i = 0; i < n; i++)
		if (reasons[i].kind != REASON_COMMAND || !follows(&reasons[i], reasons, n))
			add_reason(k, &reasons[i], a->instance);
}

/* ---- metrics ---- */

/* All of an instance's metrics files; a name that two of them share counts once. */
static void parse_metrics(struct comparing *k, const struct snapshot *s, const struct record *r, struct metrics *m)
{
	size_t i;

	*m = (struct metrics)METRICS_INIT;
	for (i = 0; r && i < r->n_facts; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		struct metrics one = METRICS_INIT;
		size_t j;

		if (r->facts[i].kind != FACT_METRICS || snapshot_bytes(s, k->t, &r->facts[i], METRICS_LIMIT, &text, NULL) < 0 ||
		    metrics_parse(&one, r->facts[i].name, text.buf, text.len, NULL) < 0) {
			metrics_release(&one);
			continue;
		}
		for (j = 0; j < one.n; j++) {
			struct metric x = one.v[j];

			x.name = arena_strdup(&m->arena, x.name);
			x.text = x.text ? arena_strdup(&m->arena, x.text) : NULL;
			m->v = arena_grow(&m->arena, m->v, m->n, sizeof(*m->v));
			if (!metrics_find(m, x.name))
				m->v[m->n++] = x;
		}
		metrics_release(&one);
	}
}

static bool same_metric(const struct metric *a, const struct metric *b)
{
	if (!a || !b || a->is_number != b->is_number)
		return false;
	return a->is_number ? a->x == b->x || (a->x != a->x && b->x != b->x) : streq(a->text, b->text);
}

static void add_metric(struct comparing *k, const char *instance, const struct metric *was, const struct metric *is)
{
	struct comparison *c = k->c;

	c->metrics = arena_grow(&c->arena, c->metrics, c->n_metrics, sizeof(*c->metrics));
	c->metrics[c->n_metrics++] = (struct compared_metric){instance, (was ? was : is)->name, was, is};
}

static void compare_metrics(struct comparing *k, const char *instance, const struct record *a, const struct record *b)
{
	struct metrics *old = arena_calloc(&k->c->arena, 2 * sizeof(*old)), *new = old + 1;
	bool differs = false;
	size_t i;

	parse_metrics(k, k->c->a, a, old);
	parse_metrics(k, k->c->b, b, new);
	for (i = 0; i < old->n; i++)
		differs |= !same_metric(&old->v[i], metrics_find(new, old->v[i].name));
	for (i = 0; i < new->n; i++)
		differs |= !metrics_find(old, new->v[i].name);
	for (i = 0; differs && i < old->n; i++)
		add_metric(k, instance, &old->v[i], metrics_find(new, old->v[i].name));
	for (i = 0; differs && i < new->n; i++)
		if (!metrics_find(old, new->v[i].name))
			add_metric(k, instance, NULL, &new->v[i]);
	k->c->parsed = xreallocarray(k->c->parsed, k->c->n_parsed + 2, sizeof(*k->c->parsed));
	k->c->parsed[k->c->n_parsed++] = *old; /* to be released */
	k->c->parsed[k->c->n_parsed++] = *new;
}

static void compare_instances(struct comparing *k)
{
	struct comparison *c = k->c;
	size_t i = 0, j = 0;

	while (i < c->a->n || j < c->b->n) {
		const struct record *a = i < c->a->n ? c->a->records[i] : NULL, *b = j < c->b->n ? c->b->records[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->instance, b->instance);
		const char *name = order <= 0 ? a->instance : b->instance;

		i += order <= 0;
		j += order >= 0;
		if (!counts(k, name))
			continue;
		if (order < 0)
			add_instance(k, &c->gone, &c->n_gone, name);
		else if (order > 0)
			add_instance(k, &c->come, &c->n_come, name);
		else
			compare_records(k, a, b);
		compare_metrics(k, name, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
	}
}

/* ---- rows of CSV files ---- */

/* A file's bytes, from memory or from a descriptor; digested while they are read for the first time. */
struct stream {
	const struct record_fact *fact;
	struct strbuf text;
	size_t at;
	int fd; /* -1: text */
	struct sha sha;
	bool checked;
};

static ssize_t stream_read(void *ctx, void *buf, size_t n, struct err *err)
{
	struct stream *s = ctx;
	struct digest is;
	ssize_t got;

	if (s->fd < 0) {
		n = MIN(n, s->text.len - s->at);
		memcpy(buf, s->text.buf + s->at, n);
		s->at += n;
		return (ssize_t)n;
	}
	got = read(s->fd, buf, n);
	if (got < 0)
		return err_errno(err, "cannot read '%s'", s->fact->name);
	if (s->checked)
		return got;
	if (got) {
		sha_update(&s->sha, buf, (size_t)got);
		return got;
	}
	sha_final(&s->sha, &is);
	if (!digest_eq(&is, &s->fact->content.id))
		return err_set(err, ERR_CORRUPT, "'%s' is not what its record says", s->fact->name);
	s->checked = true;
	return 0;
}

static int stream_rewind(void *ctx, struct err *err)
{
	struct stream *s = ctx;

	s->at = 0;
	if (s->fd >= 0 && lseek(s->fd, 0, SEEK_SET) < 0)
		return err_errno(err, "cannot read '%s'", s->fact->name);
	if (!s->checked)
		sha_init(&s->sha);
	return 0;
}

static void stream_release(struct stream *s)
{
	closep(&s->fd);
	strbuf_release(&s->text);
}

static int stream_open(struct comparing *k, const struct snapshot *snap, const struct record_fact *f, struct stream *s, struct err *err)
{
	int64_t size;

	*s = (struct stream){.fact = f, .text = STRBUF_INIT, .fd = -1};
	if (f->content.size <= (int64_t)BYTES_LIMIT)
		return snapshot_bytes(snap, k->t, f, BYTES_LIMIT, &s->text, err);
	s->fd = payloads_open(k->payloads, &f->content.id, &size, NULL);
	if (s->fd < 0 && snap->here)
		s->fd = open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return s->fd < 0 ? err_set(err, ERR_NOTFOUND, "nobody has '%s' as it was then", f->name) : 0;
}

static bool is_csv(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && (strcasecmp(path + n - 4, ".csv") == 0 || strcasecmp(path + n - 4, ".tsv") == 0);
}

static bool is_file(const struct record_fact *f)
{
	return f && (f->content.kind == CONTENT_FILE || f->content.kind == CONTENT_EXEC);
}

static void compare_rows(struct comparing *k, struct compared_file *f)
{
	CLEANUP(stream_release) struct stream old = {.fd = -1}, new = {.fd = -1};
	CLEANUP(err_release) struct err err = ERR_INIT;
	const struct data_source from = {stream_read, stream_rewind, &old}, to = {stream_read, stream_rewind, &new};

	old.text = new.text = (struct strbuf)STRBUF_INIT;
	if (!is_csv(f->path) || !is_file(f->was) || !is_file(f->is))
		return;
	if (stream_open(k, k->c->a, f->was, &old, &err) < 0 || stream_open(k, k->c->b, f->is, &new, &err) < 0 ||
	    csv_diff(&f->rows, &from, &to, &err) < 0)
		f->problem = arena_strdup(&k->c->arena, err.msg);
	else
		f->has_rows = true;
}

/* ---- entries of directories ---- */

static int read_manifest(void *ctx, const struct digest *id, struct strbuf *out, struct err *err)
{
	const struct comparing *k = ctx;

	return store_get_bytes(k->t->store, id, MANIFEST_TEXT_LIMIT, out, err);
}

static void add_entry(struct compared_entries *es, char sign, const char *dir, const struct manifest_entry *e)
{
	es->added += sign == '+';
	es->removed += sign == '-';
	es->changed += sign == '~';
	if (es->examples.n < MOST_ENTRIES)
		strvec_pushf(&es->examples, "%c %s%s%s", sign, dir, e->name, e->kind == CONTENT_DIR ? "/" : "");
}

/* Directories that are the same are not looked into. */
static int compare_dirs(struct comparing *k, struct compared_entries *es, const char *dir, const struct digest *old,
			const struct digest *new, int depth, struct err *err)
{
	CLEANUP(manifest_release) struct manifest a = MANIFEST_INIT, b = MANIFEST_INIT;
	size_t i = 0, j = 0;

	if (depth > MANIFEST_DEPTH)
		return err_set(err, ERR_INVALID, "the directories are too deep");
	if (manifest_load(&a, old, read_manifest, k, err) < 0 || manifest_load(&b, new, read_manifest, k, err) < 0)
		return -1;
	while (i < a.n || j < b.n) {
		const struct manifest_entry *x = i < a.n ? &a.v[i] : NULL, *y = j < b.n ? &b.v[j] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);
		CLEANUP(freep) char *below = NULL;

		i += order <= 0;
		j += order >= 0;
		if (order) {
			add_entry(es, order < 0 ? '-' : '+', dir, order < 0 ? x : y);
		} else if (x->kind == CONTENT_DIR && y->kind == CONTENT_DIR && !digest_eq(&x->id, &y->id)) {
			below = xstrfmt("%s%s/", dir, x->name);
			if (compare_dirs(k, es, below, &x->id, &y->id, depth + 1, err) < 0)
				return -1;
		} else if (x->kind != y->kind || !digest_eq(&x->id, &y->id)) {
			add_entry(es, '~', dir, y);
		}
	}
	return 0;
}

static void compare_entries(struct comparing *k, struct compared_file *f)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (!f->was || !f->is || f->was->content.kind != CONTENT_DIR || f->is->content.kind != CONTENT_DIR)
		return;
	f->has_entries = compare_dirs(k, &f->entries, "", &f->was->content.id, &f->is->content.id, 0, &err) == 0;
	if (!f->has_entries)
		f->problem = "not all of the two directories is kept here, so their files cannot be told";
}

/* ---- the source ---- */

static const char *project_path(struct comparing *k, const char *path)
{
	const char *prefix = k->t->repo->prefix;
	size_t n = strlen(prefix);

	if (!n)
		return path;
	if (strncmp(path, prefix, n) == 0 && path[n] == '/')
		return path + n + 1;
	return arena_fmt(&k->c->arena, ":/%s", path);
}

static bool is_data(const struct comparing *k, const char *path)
{
	const struct comparison *c = k->c;
	size_t i;

	for (i = 0; i < c->n_files; i++)
		if (c->files[i].kind == REASON_DATA && path_is_within(path, c->files[i].path))
			return true;
	return false;
}

/* Of certain stages, what they are made of: their code, and the file that defines them. */
static bool is_asked(const struct comparing *k, const char *path)
{
	return !k->n_names || map_get(&k->code, path) || streq(path, "mlmake.ini");
}

static bool is_regular(unsigned mode)
{
	return mode == 0 || mode == TREE_FILE || mode == TREE_EXEC;
}

/* The text of one side; a file that is not there is an empty one. */
static bool source_text(struct comparing *k, unsigned mode, const struct git_id *id, const char *path_here, struct strbuf *out)
{
	if (!mode)
		return true;
	if (path_here)
		return file_read(path_here, TEXT_LIMIT, out, NULL) == 0;
	return gitdb_read(k->t->db, id, GITDB_BLOB, TEXT_LIMIT, out, NULL) == 0;
}

static void count_line(void *ctx, char sign, size_t number, const char *s, size_t n)
{
	struct compared_source *src = ctx;

	(void)number;
	(void)s;
	(void)n;
	src->added += sign == '+';
	src->removed += sign == '-';
}

static void count_lines(struct compared_source *src)
{
	src->has_text = !memchr(src->old.buf, '\0', src->old.len) && !memchr(src->new.buf, '\0', src->new.len);
	if (src->has_text)
		linediff((struct linediff_text){src->old.buf, src->old.len}, (struct linediff_text){src->new.buf, src->new.len}, SIZE_MAX,
			 &(struct linediff_sink){count_line, src}, NULL);
}

static void add_source(struct comparing *k, const struct git_change *g, const char *path)
{
	struct comparison *c = k->c;
	CLEANUP(freep) char *here = c->b->here && k->t->repo->top ? path_join(k->t->repo->top, g->path) : NULL;
	struct compared_source *src;

	c->sources = arena_grow(&c->arena, c->sources, c->n_sources, sizeof(*c->sources));
	src = &c->sources[c->n_sources++];
	*src = (struct compared_source){.path = path, .change = *g, .old = STRBUF_INIT, .new = STRBUF_INIT};
	if (!is_regular(g->old_mode) || !is_regular(g->new_mode) || !source_text(k, g->old_mode, &g->old, NULL, &src->old) ||
	    !source_text(k, g->new_mode, &g->new, here, &src->new))
		return;
	count_lines(src);
}

static unsigned mode_of(const struct record_fact *f)
{
	if (!f || f->content.kind == CONTENT_NONE)
		return 0;
	return f->content.kind == CONTENT_EXEC ? TREE_EXEC : f->content.kind == CONTENT_DIR ? TREE_DIR : TREE_FILE;
}

/* Without git's trees there are the files that records call code, as far as they were kept. */
static void compare_code_files(struct comparing *k)
{
	struct comparison *c = k->c;
	size_t i, n = 0;

	for (i = 0; i < c->n_files; i++) {
		struct compared_file *f = &c->files[i];
		struct compared_source src = {.path = f->path, .old = STRBUF_INIT, .new = STRBUF_INIT};

		src.change = (struct git_change){.path = f->path, .old_mode = mode_of(f->was), .new_mode = mode_of(f->is)};
		if (f->kind != REASON_CODE || !is_regular(src.change.old_mode) || !is_regular(src.change.new_mode) ||
		    (f->was && snapshot_bytes(c->a, k->t, f->was, TEXT_LIMIT, &src.old, NULL) < 0) ||
		    (f->is && snapshot_bytes(c->b, k->t, f->is, TEXT_LIMIT, &src.new, NULL) < 0)) {
			strbuf_release(&src.old);
			strbuf_release(&src.new);
			c->files[n++] = *f;
			continue;
		}
		c->sources = arena_grow(&c->arena, c->sources, c->n_sources, sizeof(*c->sources));
		count_lines(&src);
		c->sources[c->n_sources++] = src;
	}
	c->n_files = n;
}

static int compare_source(struct comparing *k, struct err *err)
{
	struct comparison *c = k->c;
	struct git_change *v;
	size_t i, n;

	if (!c->a->has_tree || !(c->b->has_tree || c->b->here) || (c->b->here && !k->t->repo->in_git)) {
		compare_code_files(k);
		return 0;
	}
	if (git_changes(k->t->repo, &c->a->tree, c->b->here ? NULL : &c->b->tree, &c->arena, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const char *path = project_path(k, v[i].path);

		if (!streq(path, "mlmake.lock") && !is_data(k, path) && is_asked(k, path))
			add_source(k, &v[i], path);
	}
	return 0;
}

/* ---- the whole ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct compared_file *)a)->path, ((const struct compared_file *)b)->path);
}

static int by_name(const void *a, const void *b)
{
	const struct compared_value *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->instances[0], y->instances[0]);
}

static const char *fact_of(const struct run *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n_machine; i++)
		if (streq(r->machine[i].name, name))
			return r->machine[i].value;
	return NULL;
}

static void add_fact(struct comparison *c, const char *name, const char *old, const char *new)
{
	if (old && new ? streq(old, new) : old == new)
		return;
	c->machine = arena_grow(&c->arena, c->machine, c->n_machine, sizeof(*c->machine));
	c->machine[c->n_machine++] = (struct compared_fact){name, old, new};
}

/* Of runs that say something of it. */
static void compare_machines(struct comparison *c)
{
	const struct run *a = c->a->run, *b = c->b->run;
	size_t i;

	if (!a || !b)
		return;
	if (a->host && b->host)
		add_fact(c, "system", a->host, b->host);
	if (!a->n_machine || !b->n_machine)
		return;
	for (i = 0; i < a->n_machine; i++)
		add_fact(c, a->machine[i].name, a->machine[i].value, fact_of(b, a->machine[i].name));
	for (i = 0; i < b->n_machine; i++)
		if (!fact_of(a, b->machine[i].name))
			add_fact(c, b->machine[i].name, NULL, b->machine[i].value);
}

int compare_make(struct comparison *c, const struct snapshot *a, const struct snapshot *b, const struct snapshot_tools *t,
		 const char *const *names, size_t n, struct err *err)
{
	struct comparing k = {.c = c, .t = t, .names = names, .n_names = n, .made = MAP_INIT, .code = MAP_INIT, .items = MAP_INIT};
	size_t i;
	int got;

	c->a = a;
	c->b = b;
	k.payloads = payloads_new(t->repo->shared);
	note_paths(&k, a);
	note_paths(&k, b);
	compare_instances(&k);
	compare_machines(c);
	if (c->n_files > 1)
		qsort(c->files, c->n_files, sizeof(*c->files), by_path);
	if (c->n_values > 1)
		qsort(c->values, c->n_values, sizeof(*c->values), by_name);
	for (i = 0; i < c->n_files; i++) {
		compare_entries(&k, &c->files[i]);
		if (c->files[i].kind != REASON_OUTPUT || n) /* rows of what stages make, if one asks for it */
			compare_rows(&k, &c->files[i]);
	}
	got = compare_source(&k, err);
	payloads_free(k.payloads);
	map_release(&k.made);
	map_release(&k.code);
	map_release(&k.items);
	return got;
}

void comparison_release(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->n_files; i++) {
		csv_diff_release(&c->files[i].rows);
		strvec_release(&c->files[i].entries.examples);
	}
	for (i = 0; i < c->n_sources; i++) {
		strbuf_release(&c->sources[i].old);
		strbuf_release(&c->sources[i].new);
	}
	for (i = 0; i < c->n_parsed; i++)
		metrics_release(&c->parsed[i]);
	free(c->parsed);
	arena_release(&c->arena);
	*c = (struct comparison)COMPARISON_INIT;
}
