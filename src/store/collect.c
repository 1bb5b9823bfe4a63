/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/collect.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/storeroom.h"
#include "util/file.h"

#define OBJECT_PATH (14 + DIGEST_HEX + 1) /* "objects/aa/bb/<sha256>" */
#define TRASH_PATH (6 + DIGEST_HEX + 1)
#define HOUR 3600
#define SEVERAL (1 << 16) /* bytes read at once */

static void object_path(const struct digest *id, char out[OBJECT_PATH])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	snprintf(out, OBJECT_PATH, "objects/%.2s/%.2s/%s", hex, hex + 2, hex);
}

static void trash_path(const struct digest *id, char out[TRASH_PATH])
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	snprintf(out, TRASH_PATH, "trash/%s", hex);
}

/* ---- listing */

static bool is_there(const struct dirent *e)
{
	return !streq(e->d_name, ".") && !streq(e->d_name, "..");
}

static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		closep(&fd);
	return dir;
}

static int take_file(struct stored_files *f, int at, const char *dir, const char *name, bool trashed, struct err *err)
{
	struct stored_file o = {.trashed = trashed};
	char want[OBJECT_PATH];
	struct stat st;

	if (strlen(name) != DIGEST_HEX || !digest_parse(name, &o.id)) {
		strvec_pushf(&f->strays, "%s/%s", dir, name);
		return 0;
	}
	object_path(&o.id, want);
	if (!trashed && strncmp(want, dir, strlen(dir)) != 0) { /* it lies where it is not looked for */
		strvec_pushf(&f->strays, "%s/%s", dir, name);
		return 0;
	}
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot look at '%s/%s'", dir, name);
	o.size = st.st_size;
	o.time = st.st_mtim.tv_sec;
	o.odd = !S_ISREG(st.st_mode) || (st.st_mode & 0022);
	ALLOC_GROW(f->v, f->n + 1, f->cap);
	f->v[f->n++] = o;
	return 0;
}

/* level: of directories that are still to come. */
static int list_dir(struct stored_files *f, int at, const char *name, const char *path, int level, struct err *err)
{
	DIR *dir = open_dir(at, name);
	struct dirent *e;
	int got = 0;

	if (!dir && errno == ENOENT)
		return 0;
	if (!dir && (errno == ENOTDIR || errno == ELOOP)) {
		strvec_push(&f->strays, path);
		return 0;
	}
	if (!dir)
		return err_errno(err, "cannot read directory '%s'", path);
	while (got == 0 && (errno = 0, e = readdir(dir))) {
		CLEANUP(freep) char *below = NULL;

		if (!is_there(e))
			continue;
		below = xstrfmt("%s/%s", path, e->d_name);
		got = level ? list_dir(f, dirfd(dir), e->d_name, below, level - 1, err)
			    : take_file(f, dirfd(dir), path, e->d_name, path[0] == 't', err);
	}
	if (got == 0 && errno)
		got = err_errno(err, "cannot read directory '%s'", path);
	closedir(dir);
	return got;
}

static int by_id(const void *a, const void *b)
{
	const struct stored_file *x = a, *y = b;
	int order = digest_cmp(&x->id, &y->id);

	return order ? order : (int)x->trashed - (int)y->trashed;
}

int stored_files_list(struct store *s, struct stored_files *out, struct err *err)
{
	if (!file_exists(s->objects.dir))
		return 0;
	if (objects_open(&s->objects, false, err) < 0 || list_dir(out, s->objects.fd, "objects", "objects", 2, err) < 0 ||
	    list_dir(out, s->objects.fd, "trash", "trash", 0, err) < 0)
		return -1;
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_id);
	strvec_sort(&out->strays);
	return 0;
}

void stored_files_release(struct stored_files *f)
{
	free(f->v);
	strvec_release(&f->strays);
	*f = (struct stored_files)STORED_FILES_INIT;
}

/* ---- collecting */

int store_collecting(struct store *s, bool wait, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/gc.lock", s->objects.dir);

	return file_lock(file, true, wait, err);
}

/* The directories above an object, if they are empty now. */
static void remove_empty(int fd, char name[OBJECT_PATH])
{
	name[13] = '\0';
	if (unlinkat(fd, name, AT_REMOVEDIR) < 0)
		return;
	name[10] = '\0';
	unlinkat(fd, name, AT_REMOVEDIR);
}

int store_to_trash(struct store *s, const struct digest *id, struct err *err)
{
	char from[OBJECT_PATH], to[TRASH_PATH];
	int fd;

	object_path(id, from);
	trash_path(id, to);
	if (objects_open(&s->objects, false, err) < 0)
		return -1;
	fd = s->objects.fd;
	if (mkdirat(fd, "trash", 0777) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make '%s/trash'", s->objects.dir);
	/* The time first: a kill in between leaves an object that looks as if it had just been of use. */
	if (utimensat(fd, from, NULL, AT_SYMLINK_NOFOLLOW) < 0 || renameat(fd, from, fd, to) < 0)
		return errno == ENOENT ? 0 : err_errno(err, "cannot move '%s/%s' to '%s'", s->objects.dir, from, to);
	remove_empty(fd, from);
	return 0;
}

int store_remove(struct store *s, const struct digest *id, struct err *err)
{
	char name[OBJECT_PATH];

	object_path(id, name);
	if (objects_open(&s->objects, false, err) < 0)
		return -1;
	if (file_remove_at(s->objects.fd, name) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s/%s'", s->objects.dir, name);
	remove_empty(s->objects.fd, name);
	return 0;
}

int store_from_trash(struct store *s, const struct digest *id, struct err *err)
{
	char from[TRASH_PATH], to[OBJECT_PATH];
	int fd, got, i;

	object_path(id, to);
	trash_path(id, from);
	if (objects_open(&s->objects, false, err) < 0)
		return -1;
	fd = s->objects.fd;
	for (i = 0, got = -1; i < 2 && got < 0; i++) {
		char dir[OBJECT_PATH];

		got = renameat(fd, from, fd, to);
		if (got == 0 || errno != ENOENT)
			break;
		snprintf(dir, sizeof(dir), "%.10s", to);
		mkdirat(fd, dir, 0777);
		snprintf(dir, sizeof(dir), "%.13s", to);
		mkdirat(fd, dir, 0777);
	}
	return got < 0 ? err_errno(err, "cannot move '%s/%s' back to '%s'", s->objects.dir, from, to) : 0;
}

int store_empty_trash(struct store *s, const struct digest *id, struct err *err)
{
	char name[TRASH_PATH];

	trash_path(id, name);
	if (objects_open(&s->objects, false, err) < 0)
		return -1;
	if (file_remove_at(s->objects.fd, name) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s/%s'", s->objects.dir, name);
	return 0;
}

/* locked: only what nobody holds a lock on. */
static void sweep_dir(int at, const char *name, int64_t before, bool locked, bool dry, size_t *n, int64_t *bytes)
{
	DIR *dir = open_dir(at, name);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		CLEANUP(closep) int fd = -1;

		if (!is_there(e) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtim.tv_sec > before)
			continue;
		if (locked) {
			fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
			if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
				continue;
		}
		if (!dry && file_remove_at(dirfd(dir), e->d_name) < 0)
			continue;
		++*n;
		*bytes += st.st_size;
	}
	if (dir)
		closedir(dir);
}

/* What file_write() of util/file.h left when it was killed; who is at it needs less than an hour. */
static void sweep_temporaries(int at, const char *name, int64_t before)
{
	DIR *dir = open_dir(at, name);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] == '.' && strstr(e->d_name, ".tmp") && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtim.tv_sec <= before)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

void store_sweep(struct store *s, int64_t before, bool dry, size_t *n, int64_t *bytes)
{
	static const char *const places[] = {".", "small", "closures", "records", "made", "collected"};
	size_t i;

	*n = 0;
	*bytes = 0;
	if (objects_open(&s->objects, false, NULL) < 0)
		return;
	sweep_dir(s->objects.fd, "incoming", INT64_MAX, true, dry, n, bytes);
	sweep_dir(s->objects.fd, "corrupt", before, false, dry, n, bytes);
	for (i = 0; i < ARRAY_SIZE(places) && !dry; i++)
		sweep_temporaries(s->objects.fd, places[i], MIN(before, (int64_t)time(NULL) - HOUR));
}

/* ---- tables */

static bool parse_small(const char *text, size_t len, struct small_object *o)
{
	if (len != GIT_ID_LEN + 8)
		return false;
	memcpy(o->git.b, text, GIT_ID_LEN);
	memcpy(&o->size, text + GIT_ID_LEN, sizeof(o->size));
	o->size = le64toh(o->size);
	return true;
}

/* A `git gc` may be at work, and move things from pack to pack. */
static bool is_gone(struct store *s, const struct git_id *id)
{
	return !gitdb_has(s->small.db, id, false) && !gitdb_has(s->small.db, id, true);
}

static bool small_is_dead(void *ctx, const struct digest *key, const char *text, size_t len)
{
	struct store *s = ctx;
	struct small_object o;

	(void)key;
	return !parse_small(text, len, &o) || (o.size != SMALL_DAMAGED && is_gone(s, &o.git));
}

static bool closure_is_dead(void *ctx, const struct digest *key, const char *text, size_t len)
{
	struct store *s = ctx;
	struct git_id tree;

	(void)key;
	if (len < GIT_ID_LEN)
		return true;
	memcpy(tree.b, text, GIT_ID_LEN);
	return is_gone(s, &tree);
}

static struct keyed *collected_table(struct store *s)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/collected", s->objects.dir);

	return keyed_new(dir, "collected");
}

static bool is_back(void *ctx, const struct digest *key, const char *text, size_t len)
{
	(void)text;
	(void)len;
	return store_holds(ctx, key, NULL);
}

int store_prune_tables(struct store *s, struct err *err)
{
	struct keyed *collected = collected_table(s);
	int got;

	got = keyed_prune(s->small.table, small_is_dead, s, err);
	if (got == 0)
		got = keyed_prune(s->closures, closure_is_dead, s, err);
	if (got == 0)
		got = keyed_prune(collected, is_back, s, err);
	keyed_free(collected);
	return got;
}

size_t store_table_damage(struct store *s)
{
	struct keyed *collected = collected_table(s);
	size_t n = keyed_damage(s->small.table) + keyed_damage(s->closures) + keyed_damage(collected);

	keyed_free(collected);
	return n;
}

bool store_knows_dir(struct store *s, const struct digest *id)
{
	CLEANUP(strbuf_release) struct strbuf tree = STRBUF_INIT;

	return keyed_find(s->closures, id, &tree) && !closure_is_dead(s, id, tree.buf, tree.len);
}

size_t store_learnt(struct store *s)
{
	size_t n;

	pthread_mutex_lock(&s->small.mutex);
	n = s->small.n;
	pthread_mutex_unlock(&s->small.mutex);
	return n;
}

void store_distrust(struct store *s)
{
	s->distrust = true;
}

int store_note_collected(struct store *s, struct keyed_item *items, size_t n, struct err *err)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/collected", s->objects.dir);
	struct keyed *k = collected_table(s);
	char name[48];
	int got = n ? file_mkdirs(dir, err) : 0;

	keyed_name(name);
	if (got == 0)
		got = keyed_add(k, name, items, n, err);
	keyed_free(k);
	if (got == 0 && n)
		got = file_sync_dir(dir, err);
	return got;
}

struct telling {
	struct store *s;
	struct keyed *table;
	struct strbuf *out;
	bool told;
};

static bool tell_one(void *ctx, const struct digest *id, bool dir)
{
	struct telling *t = ctx;

	if (!t->told && !store_holds(t->s, id, NULL))
		t->told = keyed_find(t->table, id, t->out);
	return dir && !t->told;
}

static int pass_over(void *ctx, const struct digest *id, struct err *err)
{
	(void)ctx;
	(void)id;
	(void)err;
	return 0;
}

bool store_tell_collected(struct store *s, const struct content *c, struct strbuf *out)
{
	struct telling t = {s, collected_table(s), out, false};
	struct err ignored = ERR_INIT;

	if (c->kind != CONTENT_DIR)
		tell_one(&t, &c->id, false);
	else if (store_walk(s, &c->id, tell_one, pass_over, &t, &ignored) < 0)
		err_release(&ignored);
	keyed_free(t.table);
	return t.told;
}

struct each_small {
	struct store *s;
	int (*visit)(void *ctx, const struct digest *id, uint64_t size, bool git_has);
	void *ctx;
};

static int visit_small(void *ctx, const struct digest *key, const char *text, size_t len)
{
	struct each_small *e = ctx;
	struct small_object o;
	enum gitdb_kind kind;
	size_t size;

	if (!parse_small(text, len, &o) || o.size == SMALL_DAMAGED)
		return 0;
	return e->visit(e->ctx, key, o.size, gitdb_look(e->s->small.db, &o.git, &kind, &size, NULL) == 0 && kind == GITDB_BLOB &&
						     size == o.size);
}

int store_each_small(struct store *s, int (*visit)(void *ctx, const struct digest *id, uint64_t size, bool git_has), void *ctx)
{
	struct each_small e = {s, visit, ctx};

	return keyed_visit(s->small.table, visit_small, &e);
}

/* ---- checking */

static int verify_file(struct store *s, const struct digest *id, struct err *err)
{
	CLEANUP(freep) char *buf = xmalloc(SEVERAL);
	CLEANUP(closep) int fd = -1;
	char name[OBJECT_PATH];
	struct digest got;
	struct stat st;
	struct sha h;
	ssize_t n;

	object_path(id, name);
	if (objects_open(&s->objects, false, err) < 0)
		return -1;
	fd = openat(s->objects.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT) {
		trash_path(id, name);
		fd = openat(s->objects.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOTFOUND, "it is not here");
	if (fd < 0 && errno == ELOOP)
		return err_set(err, ERR_CORRUPT, "it is a symbolic link");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "cannot open '%s/%s'", s->objects.dir, name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CORRUPT, "it is no regular file");
	sha_init(&h);
	while ((n = read(fd, buf, SEVERAL)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_errno(err, "cannot read '%s/%s'", s->objects.dir, name);
		sha_update(&h, buf, (size_t)MAX(n, (ssize_t)0));
	}
	sha_final(&h, &got);
	return digest_eq(&got, id) ? 0 : err_set(err, ERR_CORRUPT, "it does not hold what its name says");
}

bool store_shows(struct store *s, const struct digest *id)
{
	char name[OBJECT_PATH], trash[TRASH_PATH];
	struct small_object o;

	if (small_find(&s->small, id, &o))
		return true;
	object_path(id, name);
	trash_path(id, trash);
	return objects_open(&s->objects, false, NULL) == 0 &&
	       (faccessat(s->objects.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		faccessat(s->objects.fd, trash, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
}

int store_verify(struct store *s, const struct digest *id, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct small_object o;
	struct digest got;

	if (!small_find(&s->small, id, &o))
		return verify_file(s, id, err);
	if (small_read(&s->small, &o, &text, err) < 0)
		return -1;
	digest_bytes(text.buf, text.len, &got);
	return digest_eq(&got, id) ? 0 : err_set(err, ERR_CORRUPT, "git holds something else");
}

void store_quarantine(struct store *s, const struct digest *id)
{
	struct err ignored = ERR_INIT;
	struct small_object o;

	if (small_find(&s->small, id, &o))
		small_condemn(&s->small, id);
	else
		(void)!objects_condemn(&s->objects, id, &ignored);
	err_release(&ignored);
}

bool store_protect(struct store *s, const struct digest *id)
{
	CLEANUP(closep) int fd = -1;
	char name[OBJECT_PATH];
	struct stat st;

	object_path(id, name);
	if (objects_open(&s->objects, false, NULL) < 0)
		return false;
	fd = openat(s->objects.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fchmod(fd, 0444) == 0;
}

/* ---- walking */

struct walk {
	struct store *s;
	bool (*visit)(void *ctx, const struct digest *id, bool dir);
	int (*missing)(void *ctx, const struct digest *id, struct err *err);
	void *ctx;
};

/* What was found to be corrupt is not what never was here. */
static bool was_corrupt(struct store *s, const struct digest *id)
{
	char hex[DIGEST_HEX + 1], name[8 + DIGEST_HEX + 1];

	digest_hex(id, hex);
	snprintf(name, sizeof(name), "corrupt/%s", hex);
	return s->objects.fd >= 0 && faccessat(s->objects.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 0: read, 1: passed over. */
static int read_manifest(struct walk *w, const struct digest *id, struct strbuf *text, struct err *err)
{
	struct err why = ERR_INIT;

	for (;;) {
		int again;

		if (store_get_bytes(w->s, id, MANIFEST_LIMIT, text, &why) == 0)
			return 0;
		if (why.code == ERR_INVALID) { /* too long to be one */
			err_release(&why);
			return 1;
		}
		if (why.code == ERR_NOTFOUND && was_corrupt(w->s, id))
			why.code = ERR_CORRUPT;
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_clear(&why);
		again = w->missing(w->ctx, id, err);
		if (again < 0)
			return -1;
		if (again == 0)
			return 1;
	}
}

static int walk_manifest(struct walk *w, const struct digest *id, int depth, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	int got = depth > MANIFEST_DEPTH + MANIFEST_LEVELS ? 1 : read_manifest(w, id, &text, err);
	size_t i;

	/* What was verified and is no manifest has nothing below it, whatever somebody wrote of it. */
	if (got || manifest_parse(&m, text.buf, text.len, NULL) < 0)
		return MIN(got, 0);
	for (i = 0; i < m.n; i++) {
		const struct manifest_entry *e = &m.v[i];

		if (e->kind != CONTENT_LINK && w->visit(w->ctx, &e->id, e->kind == CONTENT_DIR) && e->kind == CONTENT_DIR &&
		    walk_manifest(w, &e->id, depth + 1, err) < 0)
			return -1;
	}
	return 0;
}

int store_walk(struct store *s, const struct digest *manifest, bool (*visit)(void *ctx, const struct digest *id, bool dir),
	       int (*missing)(void *ctx, const struct digest *id, struct err *err), void *ctx, struct err *err)
{
	struct walk w = {s, visit, missing, ctx};

	return visit(ctx, manifest, true) ? walk_manifest(&w, manifest, 0, err) : 0;
}
