/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "back/modules.h"
#include "gitdb/tree.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define TREE_LIMIT ((size_t)1 << 30) /* bytes of one level of a tree */
#define BLOB_LIMIT ((size_t)4 << 30)
#define DEPTH 200
#define MARK_LIMIT 4096
#define SAID_LIMIT ((size_t)16 << 20)

/* ---- places ---- */

static char *absolute(const char *path)
{
	CLEANUP(freep) char *cwd = path_is_absolute(path) ? NULL : getcwd(NULL, 0);

	return cwd ? path_join(cwd, path) : xstrdup(path);
}

/* Under the lock of all: nobody makes one meanwhile. */
static void sweep_one(const char *home)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(freep) char *lock = xstrfmt("%s/lock", home);
	CLEANUP(closep) int fd = file_lock(lock, true, false, &ignored);

	if (fd >= 0 && file_remove_tree(home, &ignored) < 0)
		err_clear(&ignored); /* somebody will try again */
}

static void sweep(const char *trees)
{
	DIR *dir = opendir(trees);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *home = xstrfmt("%s/%s", trees, e->d_name);

		if (e->d_name[0] != '.' && !streq(e->d_name, "lock"))
			sweep_one(home);
	}
	if (dir)
		closedir(dir);
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool empty = dir != NULL;

	while (dir && (e = readdir(dir)))
		empty &= streq(e->d_name, ".") || streq(e->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

/* What path is when links are followed, also if its end is not there yet. Owned. */
static char *real_path(const char *path)
{
	CLEANUP(freep) char *there = xstrdup(path);
	CLEANUP(freep) char *real = NULL;
	size_t n = strlen(path);

	while (!(real = realpath(there, NULL)) && n) {
		n = path_dirlen(there);
		there[n] = '\0';
	}
	return path_join(real ? real : "/", path + n + strspn(path + n, "/"));
}

static int refuse_within_git(const struct repo *r, const char *dir, struct err *err)
{
	const char *const dirs[] = {r->git_dir, r->own_dir};
	CLEANUP(freep) char *real = real_path(dir);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		CLEANUP(freep) char *git = dirs[i] ? realpath(dirs[i], NULL) : NULL;

		if (git && path_is_within(real, git))
			return err_set(err, ERR_INVALID, "'%s' lies in the git directory '%s', which is git's; name another directory", dir, git);
	}
	return 0;
}

static int make_dir(struct private_tree *t, const struct repo *r, const char *dir, struct err *err)
{
	t->kept = dir != NULL;
	t->dir = dir ? absolute(dir) : xstrfmt("%s/tree", t->home);
	if (dir && refuse_within_git(r, t->dir, err) < 0)
		return -1;
	if (dir && file_exists(t->dir) && !is_empty(t->dir))
		return err_set(err, ERR_INVALID, "'%s' is there already and not empty; name a new directory", dir);
	return file_mkdirs(t->dir, err);
}

/* Where the project and its state lie in it. */
static int name_parts(struct private_tree *t, const struct repo *r, struct err *err)
{
	const char *work = path_base(r->state); /* "top" or "in-DIR" */

	t->project = r->prefix && *r->prefix ? path_join(t->dir, r->prefix) : xstrdup(t->dir);
	t->state = r->in_git ? xstrfmt("%s/.git/mlmake/work/%s", t->dir, work) : xstrfmt("%s/.mlmake/work/%s", t->dir, work);
	return file_mkdirs(t->state, err);
}

int private_open(struct private_tree *t, const struct repo *r, const char *id, const char *dir, struct err *err)
{
	CLEANUP(freep) char *shared = absolute(r->shared);
	CLEANUP(freep) char *trees = xstrfmt("%s/trees", shared);
	CLEANUP(freep) char *all = xstrfmt("%s/lock", trees);
	CLEANUP(freep) char *lock = NULL;
	CLEANUP(closep) int all_fd = -1;

	if (file_mkdirs(trees, err) < 0 || (all_fd = file_lock(all, true, true, err)) < 0)
		return -1;
	sweep(trees);
	t->home = xstrfmt("%s/%s", trees, id);
	lock = xstrfmt("%s/lock", t->home);
	if (file_mkdirs(t->home, err) < 0 || (t->lock_fd = file_lock(lock, true, false, err)) < 0 || make_dir(t, r, dir, err) < 0)
		return -1;
	return name_parts(t, r, err);
}

/* Whoever sweeps takes the lock's file with the rest, so that a lock on one that is no longer there holds nothing. */
static int lock_home(struct private_tree *t, struct err *err)
{
	CLEANUP(freep) char *lock = xstrfmt("%s/lock", t->home);
	struct stat mine, there;

	for (;;) {
		if (file_mkdirs(t->home, err) < 0)
			return -1;
		t->lock_fd = file_lock(lock, true, true, err);
		if (t->lock_fd < 0 && (file_exists(t->home) || file_exists(lock)))
			return -1;
		if (t->lock_fd >= 0 && fstat(t->lock_fd, &mine) == 0 && stat(lock, &there) == 0 && mine.st_ino == there.st_ino)
			return 0;
		err_clear(err);
		closep(&t->lock_fd);
	}
}

/* A build that was killed with who began it has a keeper of its own, which ends what runs before it lets go of this. */
static int await_build(struct private_tree *t, struct err *err)
{
	CLEANUP(freep) char *lock = xstrfmt("%s/lock", t->state);
	CLEANUP(closep) int fd = -1;

	if (!file_exists(lock))
		return 0;
	fd = file_lock(lock, true, true, err);
	return fd < 0 ? -1 : 0;
}

static bool is_marked(const struct private_tree *t, const char *mark)
{
	CLEANUP(freep) char *file = xstrfmt("%s/mark", t->home);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, MARK_LIMIT, &text, NULL) < 0)
		return false;
	strbuf_trim(&text);
	return streq(text.buf, mark);
}

int private_open_again(struct private_tree *t, const struct repo *r, const char *id, const char *mark, struct err *err)
{
	CLEANUP(freep) char *shared = absolute(r->shared);
	CLEANUP(freep) char *file = NULL;

	t->home = xstrfmt("%s/trees/%s", shared, id);
	t->dir = xstrfmt("%s/tree", t->home);
	file = xstrfmt("%s/mark", t->home);
	if (lock_home(t, err) < 0 || name_parts(t, r, err) < 0 || await_build(t, err) < 0)
		return -1;
	if (is_marked(t, mark))
		return 1;
	if (file_remove_tree(file, err) < 0 || file_remove_tree(t->dir, err) < 0)
		return -1;
	return file_mkdirs(t->state, err);
}

int private_mark(struct private_tree *t, const char *mark, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/mark", t->home);

	return file_write(file, mark, strlen(mark), 0644, false, err);
}

/* What a build of ours wrote there speaks of this build alone. */
static int clean_state(struct private_tree *t, struct err *err)
{
	static const char *const names[] = {"journal", "state", "records", "before.lock", "aside", "params"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", t->state, names[i]);

		if (file_remove_tree(path, err) < 0)
			return -1;
	}
	return 0;
}

int private_close(struct private_tree *t, struct err *err)
{
	int result = 0;

	if (t->kept && t->state)
		result = clean_state(t, err);
	if (t->home && file_remove_tree(t->home, result == 0 ? err : NULL) < 0)
		result = -1;
	closep(&t->lock_fd);
	free(t->home);
	free(t->dir);
	free(t->project);
	free(t->state);
	*t = (struct private_tree)PRIVATE_TREE_INIT;
	return result;
}

/* ---- files ---- */

struct export {
	struct gitdb *db;
	const struct repo *repo;
	struct modules modules;
	struct strvec *empty;
};

static int write_blob(struct export *x, const struct tree_entry *e, int at, const char *path, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(closep) int fd = -1;

	if (gitdb_read(x->db, &e->id, GITDB_BLOB, BLOB_LIMIT, &text, err) < 0)
		return err_wrap(err, "'%s'", path);
	if (e->mode == TREE_LINK) {
		if (!text.len || memchr(text.buf, '\0', text.len))
			return err_set(err, ERR_INVALID, "'%s' has a target that no link can have", path);
		return symlinkat(text.buf, at, e->name) < 0 ? err_errno(err, "cannot create link '%s'", path) : 0;
	}
	fd = openat(at, e->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, e->mode == TREE_EXEC ? 0777 : 0666);
	if (fd < 0)
		return err_errno(err, "cannot create '%s'", path);
	return fd_write_all(fd, text.buf, text.len, err) < 0 ? err_wrap(err, "'%s'", path) : 0;
}

static int write_tree(struct export *x, const struct git_id *id, int at, const char *path, int depth, struct err *err);

/* What a submodule had at that commit. */
static int write_module(struct export *x, struct gitdb *db, const struct git_id *commit, int at, const char *path, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct gitdb *above = x->db;
	struct commit c;
	int got;

	if (commit_read(db, commit, &arena, &c, err) < 0)
		return err_wrap(err, "submodule '%s'", path);
	x->db = db;
	got = write_tree(x, &c.tree, at, path, depth + 1, err);
	x->db = above;
	return got;
}

static int write_dir(struct export *x, const struct tree_entry *e, int at, const char *path, int depth, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct gitdb *module = NULL;
	char hex[GIT_ID_HEX + 1];

	if (mkdirat(at, e->name, 0777) < 0)
		return err_errno(err, "cannot make directory '%s'", path);
	if (e->mode == TREE_COMMIT && !(module = modules_with(&x->modules, x->repo, &e->id))) {
		git_id_hex(&e->id, hex);
		strvec_pushf(x->empty, "submodule '%s' is left empty, for its commit %.9s is not here; `git submodule update --init` fetches it",
			     path, hex);
		return 0;
	}
	fd = openat(at, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "cannot open directory '%s'", path);
	return module ? write_module(x, module, &e->id, fd, path, depth, err) : write_tree(x, &e->id, fd, path, depth + 1, err);
}

static int write_tree(struct export *x, const struct git_id *id, int at, const char *path, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct tree_entry *v;
	size_t n, i;

	if (depth > DEPTH)
		return err_set(err, ERR_INVALID, "'%s' is nested deeper than %d levels", path, DEPTH);
	if (tree_read(x->db, id, TREE_LIMIT, &arena, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const char *refusal = path_name_refusal(v[i].name);
		CLEANUP(freep) char *name = *path ? xstrfmt("%s/%s", path, v[i].name) : xstrdup(v[i].name);

		if (refusal)
			return err_set(err, ERR_INVALID, "the source cannot be written: '%s' %s", name, refusal);
		if ((v[i].mode == TREE_DIR || v[i].mode == TREE_COMMIT ? write_dir(x, &v[i], at, name, depth, err)
								       : write_blob(x, &v[i], at, name, err)) < 0)
			return -1;
	}
	return 0;
}

static int write_line(const char *dir, const char *name, const char *line, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/%s", dir, name);
	CLEANUP(freep) char *text = xstrfmt("%s\n", line);

	return file_write(file, text, strlen(text), 0644, false, err);
}

/* Below SHARED it moves with the clone. To git commondir makes it a linked work tree, to libgit2 gitdir does: what the configuration says of
 * another one, as that of a submodule and of a bare repository does, is not about this. */
static int make_git_dir(struct private_tree *t, const struct repo *r, const struct git_id *head, struct err *err)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/.git", t->dir);
	CLEANUP(freep) char *common = t->kept ? absolute(r->git_dir) : xstrdup("../../../../..");
	char hex[GIT_ID_HEX + 1];

	if (!r->in_git || !head)
		return 0;
	git_id_hex(head, hex);
	if (write_line(dir, "commondir", common, err) < 0 || write_line(dir, "gitdir", "../.git", err) < 0)
		return -1;
	return write_line(dir, "HEAD", hex, err);
}

int private_export(struct private_tree *t, struct gitdb *db, const struct repo *r, const struct git_id *tree,
		   const struct git_id *head, struct strvec *empty, struct err *err)
{
	CLEANUP(closep) int at = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct export x = {db, r, MODULES_INIT, empty};
	int result;

	if (at < 0)
		return err_errno(err, "cannot open '%s'", t->dir);
	result = write_tree(&x, tree, at, "", 0, err);
	modules_release(&x.modules);
	if (result < 0)
		return -1;
	return make_git_dir(t, r, head, err) < 0 ? -1 : file_mkdirs(t->project, err);
}

/* Git made a directory for each submodule in the tree id, which is written below at, and left it empty. */
static int fill_modules(struct export *x, const struct git_id *id, int at, const char *path, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct tree_entry *v;
	size_t n, i;
	int got = 0;

	if (depth > DEPTH)
		return err_set(err, ERR_INVALID, "'%s' is nested deeper than %d levels", path, DEPTH);
	if (tree_read(x->db, id, TREE_LIMIT, &arena, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n && got == 0; i++) {
		CLEANUP(freep) char *name = *path ? xstrfmt("%s/%s", path, v[i].name) : xstrdup(v[i].name);
		CLEANUP(closep) int fd = -1;

		if (v[i].mode == TREE_COMMIT) {
			unlinkat(at, v[i].name, AT_REMOVEDIR);
			got = write_dir(x, &v[i], at, name, depth, err);
		} else if (v[i].mode == TREE_DIR) {
			fd = openat(at, v[i].name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
			got = fd < 0 ? err_errno(err, "cannot open directory '%s'", name) : fill_modules(x, &v[i].id, fd, name, depth + 1, err);
		}
	}
	return got;
}

/* Without that file git knows of no submodules either. */
static int check_out_modules(struct private_tree *t, struct gitdb *db, const struct repo *r, const char *hex, struct strvec *empty, struct err *err)
{
	CLEANUP(closep) int at = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct export x = {db, r, MODULES_INIT, empty};
	struct tree_entry named;
	struct git_id tree;
	int got;

	if (at < 0)
		return err_errno(err, "cannot open '%s'", t->dir);
	if (gitdb_resolve(db, hex, GITDB_TREE, &tree, err) < 0 || (got = tree_find(db, &tree, ".gitmodules", &named, err)) < 0)
		return -1;
	if (got == 0)
		return 0;
	got = fill_modules(&x, &tree, at, "", 0, err);
	modules_release(&x.modules);
	return got;
}

/* Of the user's configuration what makes the same bytes counts, and nothing that runs along or leaves something out. */
int private_checkout(struct private_tree *t, struct gitdb *db, const struct repo *r, const struct git_id *commit, struct strvec *empty,
		     struct err *err)
{
	static const char *const settings[] = {
		"core.hooksPath=/dev/null", "core.fsmonitor=false",  "core.sparseCheckout=false", "core.splitIndex=false",
		"index.sparse=false",       "core.untrackedCache=false", "submodule.recurse=false",
	};
	static char no_smudge[] = "GIT_LFS_SKIP_SMUDGE=1";
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	char *env[] = {no_smudge, NULL};
	const struct process_start how = {.argv = &argv, .env = env, .dir = t->dir};
	char hex[GIT_ID_HEX + 1];
	size_t i;
	int status;

	if (make_git_dir(t, r, commit, err) < 0)
		return -1;
	git_id_hex(commit, hex);
	strvec_push(&argv, "git");
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		strvec_push(&argv, "-c");
		strvec_push(&argv, settings[i]);
	}
	strvec_push(&argv, "read-tree");
	strvec_push(&argv, "--reset");
	strvec_push(&argv, "-u");
	strvec_push(&argv, hex);
	status = process_run(&how, NULL, 0, SAID_LIMIT, &out, &said, err);
	strbuf_trim(&said);
	if (status > 0)
		err_set(err, ERR_IO, "git cannot check out %.9s: %s", hex, said.buf);
	if (status || check_out_modules(t, db, r, hex, empty, err) < 0)
		return -1;
	return file_mkdirs(t->project, err);
}
