/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/manifest.h"
#include "util/pool.h"

#define NONE UINT32_MAX
#define UNIT 512          /* children that one thread stats at a time */
#define ALONE 1024        /* so few are not worth a thread */
#define ALONE_READS 16
#define ALONE_BYTES (1 << 20)
#define LISTINGS 4        /* attempts to list a directory that moves */

/* What became of a child; kind CONTENT_NONE: its old entry stands. */
struct fresh {
	struct entry e;
	char *target; /* of a link, owned */
};

struct dir {
	struct walk_root *root;
	struct dir *parent; /* NULL: the root */
	uint32_t slot;      /* which child of its parent */
	int depth;
	char *path;
	struct entry now;
	uint32_t old;       /* its entry in the old tree, or NONE */
	bool listed;        /* below stand names found now; otherwise the old children's */
	bool differs;       /* some child's content or name does */
	uint32_t n;
	char *names;
	uint32_t *name_at, *was; /* of each child where its name is, and its old entry or NONE */
	struct fresh *fresh;     /* n; NULL until one is needed */
	uint32_t base;           /* of its children in the new tree */
};

struct sub {
	uint32_t slot;
	struct entry now;
};
struct unit {
	struct dir *dir;
	uint32_t lo, hi;
	struct sub *subs;
	size_t n_subs, cap_subs;
	uint32_t *reads;
	size_t n_reads, cap_reads;
	int64_t read_bytes;
};
struct reading {
	struct dir *dir;
	uint32_t slot;
};

struct walk {
	const struct look *look;
	bool stat_only;
	int threads;
	pthread_mutex_t mutex; /* of errors and of the making of fresh */
	struct dir **dirs;     /* level by level */
	size_t n_dirs, cap_dirs;
	size_t level;          /* where the present level begins */
	struct unit *units;
	size_t n_units, cap_units;
	struct reading *reads;
	size_t n_reads, cap_reads;
};

static void fail(struct walk *w, struct walk_root *r, const char *path, struct err *err)
{
	pthread_mutex_lock(&w->mutex);
	if (!r->err_path || strcmp(path, r->err_path) < 0) {
		free(r->err_path);
		r->err_path = xstrdup(path);
		err_move(&r->err, err);
	} else {
		err_release(err);
	}
	__atomic_store_n(&r->failed, -1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&w->mutex);
}

static void set(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELAXED);
}

/* Is there no use in going on below r? */
static bool is_over(struct walk_root *r)
{
	return __atomic_load_n(&r->moved, __ATOMIC_RELAXED) || __atomic_load_n(&r->unsure, __ATOMIC_RELAXED) ||
	       __atomic_load_n(&r->failed, __ATOMIC_RELAXED);
}

static const struct entry *old_child(const struct dir *d, uint32_t i)
{
	const struct tree *t = &d->root->old;

	if (d->listed)
		return d->was[i] == NONE ? NULL : &t->v[d->was[i]];
	return &t->v[t->v[d->old].first + i];
}

static const char *child_name(const struct dir *d, uint32_t i)
{
	const struct tree *t = &d->root->old;

	return d->listed ? d->names + d->name_at[i] : tree_name(t, t->v[d->old].first + i);
}

static char *child_path(const struct dir *d, uint32_t i)
{
	return xstrfmt("%s/%s", d->path, child_name(d, i));
}

static struct fresh *fresh_child(struct walk *w, struct dir *d, uint32_t i)
{
	struct fresh *f = __atomic_load_n(&d->fresh, __ATOMIC_ACQUIRE);

	if (!f) {
		pthread_mutex_lock(&w->mutex);
		if (!d->fresh)
			__atomic_store_n(&d->fresh, xcalloc(d->n, sizeof(*f)), __ATOMIC_RELEASE);
		f = d->fresh;
		pthread_mutex_unlock(&w->mutex);
	}
	return &f[i];
}

/* Notes what child i is now. */
static struct fresh *renew(struct walk *w, struct dir *d, uint32_t i, const struct entry *e)
{
	const struct entry *old = old_child(d, i);
	struct fresh *f = fresh_child(w, d, i);

	f->e = *e;
	if (!old || old->kind != e->kind || !digest_eq(&old->id, &e->id) || old->total != e->total)
		set(&d->differs);
	return f;
}

static struct dir *add_dir(struct walk *w, struct walk_root *r, struct dir *parent, uint32_t slot,
			   const struct entry *now)
{
	struct dir *d = xcalloc(1, sizeof(*d));
	const struct entry *old;

	d->root = r;
	d->parent = parent;
	d->slot = slot;
	d->now = *now;
	d->old = NONE;
	if (parent) {
		d->depth = parent->depth + 1;
		d->path = child_path(parent, slot);
		old = old_child(parent, slot);
		if (old && old->kind == CONTENT_DIR)
			d->old = (uint32_t)(old - r->old.v);
	} else {
		d->path = xstrdup(r->path);
		if (r->has_old && r->old.v[0].kind == CONTENT_DIR)
			d->old = 0;
	}
	ALLOC_GROW(w->dirs, w->n_dirs + 1, w->cap_dirs);
	w->dirs[w->n_dirs++] = d;
	return d;
}

static void free_dir(struct dir *d)
{
	uint32_t i;

	if (d->fresh)
		for (i = 0; i < d->n; i++)
			free(d->fresh[i].target);
	free(d->fresh);
	free(d->path);
	free(d->names);
	free(d->name_at);
	free(d->was);
	free(d);
}

static int open_dir(const struct dir *d, int flags)
{
	bool follow = !d->parent && d->root->follow;

	return open(d->path, flags | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
}

/* A directory that vanished or became something else was moved; any other failure is one. */
static void open_failed(struct walk *w, struct dir *d, const char *what)
{
	struct err err = ERR_INIT;

	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
		set(&d->root->moved);
		return;
	}
	err_errno(&err, "cannot %s directory '%s'", what, d->path);
	fail(w, d->root, d->path, &err);
}

static int by_name(const void *a, const void *b, void *names)
{
	return strcmp((char *)names + *(const uint32_t *)a, (char *)names + *(const uint32_t *)b);
}

/* Reads the names from fd, which it closes. False: errno, or err is set. */
static bool read_names(struct dir *d, int fd, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf names = STRBUF_INIT;
	DIR *stream = fdopendir(fd);
	struct dirent *e;
	size_t cap = 0;

	if (!stream) {
		close(fd);
		return false;
	}
	d->n = 0;
	while (errno = 0, (e = readdir(stream))) {
		const char *refusal;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if ((refusal = manifest_name_refusal(e->d_name)) || names.len > UINT32_MAX - 4096) {
			err_set(err, ERR_INVALID, "'%s/%s' cannot be part of an artifact: its name %s", d->path,
				e->d_name, refusal ? refusal : "is one of too many");
			break;
		}
		ALLOC_GROW(d->name_at, d->n + 1u, cap);
		d->name_at[d->n++] = (uint32_t)names.len;
		strbuf_add(&names, e->d_name, strlen(e->d_name) + 1);
	}
	if (e || errno) {
		int saved = errno;

		closedir(stream);
		errno = saved;
		return false;
	}
	closedir(stream);
	free(d->names);
	d->names = strbuf_detach(&names);
	if (d->n)
		qsort_r(d->name_at, d->n, sizeof(*d->name_at), by_name, d->names);
	return true;
}

/* Finds each name's old entry: both lists are sorted. */
static void match_old(struct dir *d)
{
	const struct tree *t = &d->root->old;
	uint32_t i, at = 0, end = 0;

	d->was = xreallocarray(d->was, d->n, sizeof(*d->was));
	if (d->old != NONE) {
		at = t->v[d->old].first;
		end = at + t->v[d->old].n;
	}
	d->differs = d->old == NONE || end - at != d->n;
	for (i = 0; i < d->n; i++) {
		int c = -1;

		while (at < end && (c = strcmp(tree_name(t, at), d->names + d->name_at[i])) < 0)
			at++;
		d->was[i] = at < end && c == 0 ? at++ : NONE;
		if (d->was[i] == NONE)
			d->differs = true;
	}
}

/* Lists d, with its stat data taken before and agreeing afterwards. 1: it moved; -1: failed. */
static int list_once(struct walk *w, struct dir *d, struct err *err)
{
	CLEANUP(closep) int fd = open_dir(d, O_RDONLY);
	int64_t before = clock_now(w->look->clock);
	struct entry now;
	struct stat st;
	int copy;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	entry_of_stat(&now, &st);
	if (now.ino != d->now.ino || now.dev != d->now.dev) {
		set(&d->root->moved);
		return 0;
	}
	d->now = now;
	d->now.young = entry_is_young(&now, before);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0 || !read_names(d, copy, err) || fstat(fd, &st) < 0)
		return -1;
	entry_of_stat(&now, &st);
	return entry_same_stat(&d->now, &now) ? 0 : 1;
}

static void list_dir(struct walk *w, struct dir *d)
{
	struct err err = ERR_INIT;
	int i, result = 1;

	d->listed = true;
	for (i = 0; i < LISTINGS && result > 0; i++)
		result = list_once(w, d, &err);
	if (result == 0 && !is_over(d->root)) {
		match_old(d);
		return;
	}
	if (result > 0)
		err_set(&err, ERR_MOVED, "directory '%s' keeps changing while it is read", d->path);
	if (err.code)
		fail(w, d->root, d->path, &err);
	else if (result < 0)
		open_failed(w, d, "read");
	d->n = 0;
}

/* Decides whether d's old list of children stands, or makes a new one. */
static void prepare(void *ctx, size_t i)
{
	struct walk *w = ctx;
	struct dir *d = w->dirs[w->level + i];
	const struct entry *old = d->old == NONE ? NULL : &d->root->old.v[d->old];

	if (is_over(d->root))
		return;
	if (old && !d->root->list_all && !old->young && entry_same_stat(old, &d->now)) {
		d->n = old->n;
	} else if (w->stat_only) {
		set(&d->root->unsure);
	} else if (d->depth > MANIFEST_DEPTH) {
		struct err err = ERR_INIT;

		err_set(&err, ERR_INVALID, "directory '%s' is nested deeper than %d levels", d->path, MANIFEST_DEPTH);
		fail(w, d->root, d->path, &err);
	} else {
		list_dir(w, d);
	}
}

static void renew_link(struct walk *w, struct dir *d, uint32_t i, int fd, const struct entry *now)
{
	CLEANUP(freep) char *path = child_path(d, i);
	CLEANUP(strbuf_release) struct strbuf target = STRBUF_INIT;
	struct err err = ERR_INIT;
	struct entry e;

	switch (look_link(fd, child_name(d, i), path, now, &e, &target, &err)) {
	case LOOK_DONE:
		renew(w, d, i, &e)->target = strbuf_detach(&target);
		break;
	case LOOK_GONE:
		set(&d->root->moved);
		break;
	case LOOK_FAILED:
		fail(w, d->root, path, &err);
		break;
	}
}

static void refuse_kind(struct walk *w, struct dir *d, uint32_t i)
{
	CLEANUP(freep) char *path = child_path(d, i);
	struct err err = ERR_INIT;

	err_set(&err, ERR_INVALID, "'%s' is neither file, directory nor symbolic link", path);
	fail(w, d->root, path, &err);
}

static void child_stat_failed(struct walk *w, struct dir *d, uint32_t i)
{
	CLEANUP(freep) char *path = NULL;
	struct err err = ERR_INIT;

	if (errno == ENOENT) {
		set(&d->root->moved);
		return;
	}
	err_errno(&err, "cannot stat '%s/%s'", d->path, child_name(d, i));
	path = child_path(d, i);
	fail(w, d->root, path, &err);
}

/* Stats child i. What stands needs nothing; directories and files to be read are noted in the unit. */
static void check_child(struct walk *w, struct unit *u, uint32_t i, int fd)
{
	struct dir *d = u->dir;
	const struct entry *old = old_child(d, i);
	struct entry now;
	struct stat st;
	bool stands;

	if (look_stat(w->look, fd, child_name(d, i), false, &st) < 0) {
		child_stat_failed(w, d, i);
		return;
	}
	entry_of_stat(&now, &st);
	stands = old && !old->young && old->kind != CONTENT_DIR && entry_same_stat(old, &now);
	if (stands) {
		;
	} else if (S_ISDIR(st.st_mode)) {
		ALLOC_GROW(u->subs, u->n_subs + 1, u->cap_subs);
		u->subs[u->n_subs++] = (struct sub){i, now};
	} else if (w->stat_only) {
		set(&d->root->unsure);
	} else if (S_ISREG(st.st_mode)) {
		ALLOC_GROW(u->reads, u->n_reads + 1, u->cap_reads);
		u->reads[u->n_reads++] = i;
		u->read_bytes += now.size;
	} else if (S_ISLNK(st.st_mode)) {
		renew_link(w, d, i, fd, &now);
	} else {
		refuse_kind(w, d, i);
	}
}

static void check_unit(void *ctx, size_t k)
{
	struct walk *w = ctx;
	struct unit *u = &w->units[k];
	struct dir *d = u->dir;
	CLEANUP(closep) int fd = -1;
	struct stat st;
	uint32_t i;

	if (is_over(d->root))
		return;
	fd = open_dir(d, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0) {
		open_failed(w, d, "open");
		return;
	}
	if (st.st_ino != d->now.ino || st.st_dev != d->now.dev) {
		set(&d->root->moved);
		return;
	}
	for (i = u->lo; i < u->hi && !is_over(d->root); i++)
		check_child(w, u, i, fd);
}

static void read_child(void *ctx, size_t k)
{
	struct walk *w = ctx;
	struct dir *d = w->reads[k].dir;
	uint32_t i = w->reads[k].slot;
	CLEANUP(freep) char *path = NULL;
	struct err err = ERR_INIT;
	struct entry e;

	if (is_over(d->root))
		return;
	path = child_path(d, i);
	switch (look_file(w->look, AT_FDCWD, path, false, path, old_child(d, i), &e, &err)) {
	case LOOK_DONE:
		if (!look_same(old_child(d, i), &e))
			renew(w, d, i, &e);
		break;
	case LOOK_GONE:
		set(&d->root->moved);
		break;
	case LOOK_FAILED:
		fail(w, d->root, path, &err);
		break;
	}
}

/* Cuts the directories of the present level into units. Returns the number of their children. */
static size_t cut_units(struct walk *w)
{
	size_t i, total = 0;

	w->n_units = 0;
	for (i = w->level; i < w->n_dirs; i++) {
		struct dir *d = w->dirs[i];
		uint32_t lo;

		total += d->n;
		for (lo = 0; lo < d->n && !is_over(d->root); lo += MIN(UNIT, d->n - lo)) {
			ALLOC_GROW(w->units, w->n_units + 1, w->cap_units);
			w->units[w->n_units++] = (struct unit){.dir = d, .lo = lo, .hi = lo + MIN(UNIT, d->n - lo)};
		}
	}
	return total;
}

/* Reads the files that the units noted, and makes their directories the next level. */
static void harvest(struct walk *w)
{
	int64_t bytes = 0;
	size_t i, j;

	w->n_reads = 0;
	w->level = w->n_dirs;
	for (i = 0; i < w->n_units; i++) {
		struct unit *u = &w->units[i];

		ALLOC_GROW(w->reads, w->n_reads + u->n_reads, w->cap_reads);
		for (j = 0; j < u->n_reads; j++)
			w->reads[w->n_reads++] = (struct reading){u->dir, u->reads[j]};
		for (j = 0; j < u->n_subs; j++)
			add_dir(w, u->dir->root, u->dir, u->subs[j].slot, &u->subs[j].now);
		bytes += u->read_bytes;
		free(u->reads);
		free(u->subs);
	}
	w->n_units = 0;
	pool_for(w->n_reads, 1, w->n_reads > ALONE_READS || bytes > ALONE_BYTES ? w->threads : 1, read_child, w);
}

static void start(struct walk *w, struct walk_root *r)
{
	struct entry now;
	struct stat st;

	if (fstatat(AT_FDCWD, r->path, &st, r->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) {
		r->moved = true;
		return;
	}
	entry_of_stat(&now, &st);
	add_dir(w, r, NULL, 0, &now);
}

static void add_to_manifest(struct manifest *m, const struct dir *d, uint32_t i)
{
	const struct entry *old = old_child(d, i);
	const struct fresh *f = d->fresh && d->fresh[i].e.kind ? &d->fresh[i] : NULL;
	const struct entry *e = f ? &f->e : old;
	char *target = NULL;

	if (e->kind == CONTENT_LINK)
		target = xstrdup(f ? f->target : tree_target(&d->root->old, (uint32_t)(old - d->root->old.v)));
	manifest_add(m, (enum content_kind)e->kind, xstrdup(child_name(d, i)), target, &e->id);
}

static void digest_dir(struct dir *d)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	uint32_t i;

	for (i = 0; i < d->n; i++) {
		const struct entry *e = d->fresh && d->fresh[i].e.kind ? &d->fresh[i].e : old_child(d, i);

		if (entry_is_file(e) || e->kind == CONTENT_DIR)
			d->now.total += e->total;
		add_to_manifest(&m, d, i);
	}
	manifest_sort(&m);
	manifest_id(&m, &d->now.id);
}

/* Is all that the old tree says of d and of what is below true now, to the last flag? */
static bool stands(const struct dir *d)
{
	const struct entry *old = d->old == NONE ? NULL : &d->root->old.v[d->old];

	return !d->fresh && (!d->listed || (old && !d->differs && old->young == d->now.young &&
					    entry_same_stat(old, &d->now)));
}

/* Gives d, whose children are done, its digest; its parent learns of it if anything but the old entry is true now. */
static void finish_dir(struct walk *w, struct dir *d)
{
	const struct entry *old = d->old == NONE ? NULL : &d->root->old.v[d->old];

	d->now.kind = CONTENT_DIR;
	if (d->differs || !old) {
		digest_dir(d);
	} else {
		d->now.id = old->id;
		d->now.total = old->total;
	}
	if (d->parent && !stands(d))
		renew(w, d->parent, d->slot, &d->now);
}

static uint64_t names_of(const struct dir *d)
{
	uint64_t len = 0;
	uint32_t i;

	for (i = 0; i < d->n; i++) {
		const struct fresh *f = d->fresh && d->fresh[i].e.kind ? &d->fresh[i] : NULL;
		const struct entry *e = f ? &f->e : old_child(d, i);

		len += strlen(child_name(d, i)) + 1;
		if (e->kind == CONTENT_LINK)
			len += e->target_len + 1;
	}
	return len;
}

static void put_name(struct tree_box *b, uint64_t *at, const char *s, size_t n)
{
	memcpy(b->names + *at, s, n);
	b->names[*at + n] = '\0';
	*at += n + 1;
}

/* Copies d's children to their place in the new tree, and tells d's own entry where they are. */
static void place_children(struct tree_box *b, struct dir *d, uint32_t *next, uint64_t *names)
{
	uint32_t i, self = d->parent ? d->parent->base + d->slot : 0;

	d->base = *next;
	b->v[self].first = d->base;
	b->v[self].n = d->n;
	for (i = 0; i < d->n; i++) {
		const struct fresh *f = d->fresh && d->fresh[i].e.kind ? &d->fresh[i] : NULL;
		const struct entry *old = old_child(d, i);
		struct entry *e = &b->v[d->base + i];
		const char *name = child_name(d, i);

		*e = f ? f->e : *old;
		e->name = (uint32_t)*names;
		e->name_len = (uint8_t)strlen(name); /* manifest_name_refusal */
		put_name(b, names, name, e->name_len);
		if (e->kind == CONTENT_LINK)
			put_name(b, names,
				 f ? f->target : tree_target(&d->root->old, (uint32_t)(old - d->root->old.v)),
				 e->target_len);
	}
	*next += d->n;
}

/* Builds the new tree of a root from its directories, which stand in the order of their levels. */
static void build_tree(struct walk_root *r, struct dir **dirs, size_t n_dirs)
{
	uint64_t names = 1, total = 1, at = 1;
	uint32_t next = 1;
	struct tree_box *b;
	size_t i;

	for (i = 0; i < n_dirs; i++) {
		names += names_of(dirs[i]);
		total += dirs[i]->n;
	}
	if (total > UINT32_MAX || names > UINT32_MAX) { /* too large for a tree: remembered by its root alone, which is */
		dirs[0]->now.young = true;              /* not believed */
		r->fresh = tree_box_single(&dirs[0]->now);
		return;
	}
	b = tree_box_new((uint32_t)total, names);
	b->names[0] = '\0';
	b->v[0] = dirs[0]->now;
	b->v[0].name = 0;
	b->v[0].name_len = 0;
	b->v[0].target_len = 0;
	for (i = 0; i < n_dirs; i++)
		place_children(b, dirs[i], &next, &at);
	r->fresh = b;
}

static void finish(struct walk *w, struct walk_root *roots, size_t n)
{
	CLEANUP(freep) struct dir **own = xreallocarray(NULL, w->n_dirs, sizeof(*own));
	CLEANUP(freep) size_t *ends = xcalloc(n + 1, sizeof(*ends));
	size_t i, begin;

	for (i = w->n_dirs; i-- > 0;)
		if (!is_over(w->dirs[i]->root))
			finish_dir(w, w->dirs[i]);
	for (i = 0; i < w->n_dirs; i++)
		ends[w->dirs[i]->root - roots + 1]++;
	for (i = 1; i <= n; i++)
		ends[i] += ends[i - 1];
	for (i = 0; i < w->n_dirs; i++) /* now ends[k] runs from where root k begins to where it ends */
		own[ends[w->dirs[i]->root - roots]++] = w->dirs[i];
	for (i = 0, begin = 0; i < n; begin = ends[i++]) {
		struct dir *top = ends[i] > begin ? own[begin] : NULL;

		if (!top || is_over(&roots[i]))
			continue;
		roots[i].same = stands(top);
		if (!roots[i].same)
			build_tree(&roots[i], own + begin, ends[i] - begin);
	}
}

void walk_dirs(const struct look *l, struct walk_root *roots, size_t n, int threads, bool stat_only)
{
	struct walk w = {.look = l, .threads = threads, .stat_only = stat_only};
	size_t i, here, children;

	pthread_mutex_init(&w.mutex, NULL);
	for (i = 0; i < n; i++)
		start(&w, &roots[i]);
	while ((here = w.n_dirs - w.level)) {
		pool_for(here, 1, here > ALONE_READS ? threads : 1, prepare, &w);
		children = cut_units(&w);
		pool_for(w.n_units, 1, children > ALONE ? threads : 1, check_unit, &w);
		harvest(&w);
	}
	finish(&w, roots, n);
	for (i = 0; i < w.n_dirs; i++)
		free_dir(w.dirs[i]);
	free(w.dirs);
	free(w.units);
	free(w.reads);
	pthread_mutex_destroy(&w.mutex);
}

void walk_root_release(struct walk_root *r)
{
	tree_box_drop(r->fresh);
	err_release(&r->err);
	free(r->err_path);
	r->fresh = NULL;
	r->err_path = NULL;
}
