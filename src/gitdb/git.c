/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/git.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitdb/libgit2.h"
#include "gitdb/tree.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define INDEX_LIMIT ((size_t)4 << 30)
#define OUTPUT_LIMIT ((size_t)256 << 20)
#define LARGE "32m" /* from here on git writes a blob to a pack, without reading it into memory */

static void repository_freep(git_repository **r)
{
	if (*r)
		p_git_repository_free(*r);
}

static void index_freep(git_index **i)
{
	if (*i)
		p_git_index_free(*i);
}

static int open_repository(const struct repo *r, git_repository **out, struct err *err)
{
	*out = NULL;
	if (libgit2_load(err) < 0)
		return -1;
	if (p_git_repository_open(out, r->top) < 0)
		return libgit2_fail(err, "cannot open the git repository");
	return 0;
}

static int run_git(const struct repo *r, char *const *env, const char *const *words, const struct strbuf *input, struct strbuf *out,
		   struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	struct process_start how = {.argv = &argv, .env = env, .dir = r->top, .talk = input != NULL};
	int status;

	strvec_push(&argv, "git");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "core.fsmonitor=false");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "core.fsync=all"); /* older ones than 2.36 do not know it */
	strvec_push(&argv, "-c");
	strvec_push(&argv, "core.bigFileThreshold=" LARGE);
	for (; *words; words++)
		strvec_push(&argv, *words);
	status = process_run(&how, input ? input->buf : NULL, input ? input->len : 0, OUTPUT_LIMIT, out, &said, err);
	strbuf_trim(&said);
	if (status > 0)
		err_set(err, ERR_IO, "`git %s` failed: %s", argv.v[7], said.buf);
	return status == 0 ? 0 : -1;
}

/* With its time: by that git knows which files it has to read, because they may have been written to after it. */
static int copy_index(const char *from, const char *to, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	struct stat st;

	if (stat(from, &st) < 0)
		return err_errno(err, "cannot look at '%s'", from);
	if (file_read(from, INDEX_LIMIT, &bytes, err) < 0 || file_write(to, bytes.buf, bytes.len, 0600, false, err) < 0)
		return -1;
	if (utimensat(AT_FDCWD, to, (const struct timespec[]){st.st_atim, st.st_mtim}, 0) < 0)
		return err_errno(err, "cannot set the time of '%s'", to);
	return 0;
}

/* libgit2 reads neither split nor sparse indexes; git makes it one that is neither. */
static int write_plain(const struct repo *r, const char *to, struct err *err)
{
	static const char *const list[] = {"ls-files", "-s", "-z", "--full-name", NULL};
	static const char *const update[] = {"-c", "index.sparse=false", "-c", "core.splitIndex=false", "update-index", "-z", "--index-info", NULL};
	CLEANUP(strbuf_release) struct strbuf listing = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(freep) char *index = xstrfmt("GIT_INDEX_FILE=%s", to);
	char *const env[] = {index, NULL};

	if (run_git(r, NULL, list, NULL, &listing, err) < 0)
		return -1;
	return run_git(r, env, update, &listing, &said, err);
}

static int open_plain(const struct repo *r, git_index **index, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	CLEANUP(freep) char *dir = xstrfmt("%s/mlmake-index.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	CLEANUP(freep) char *file = NULL;
	int got;

	if (!mkdtemp(dir))
		return err_errno(err, "cannot make directory '%s'", dir);
	file = path_join(dir, "index");
	got = write_plain(r, file, err);
	if (got == 0 && p_git_index_open(index, file) < 0)
		got = libgit2_fail(err, "cannot read git's index");
	unlink(file);
	rmdir(dir);
	return got;
}

static int open_index(const struct repo *r, git_repository **repo, git_index **index, struct err *err)
{
	if (open_repository(r, repo, err) < 0)
		return -1;
	return p_git_repository_index(index, *repo) < 0 ? open_plain(r, index, err) : 0;
}

/* How the index calls a project path; owned. */
static char *index_path(const struct repo *r, const char *path)
{
	return *r->prefix ? path_join(r->prefix, path) : xstrdup(path);
}

int git_tracked(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err)
{
	CLEANUP(repository_freep) git_repository *repo = NULL;
	CLEANUP(index_freep) git_index *index = NULL;
	size_t i, pos;

	if (!r->in_git)
		return 0;
	if (open_index(r, &repo, &index, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *path = index_path(r, paths[i]);
		CLEANUP(freep) char *below = xstrfmt("%s/", path);

		if (p_git_index_find(&pos, index, path) == 0 || p_git_index_find_prefix(&pos, index, below) == 0)
			strvec_push(out, paths[i]);
	}
	return 0;
}

static bool holds(git_index *index, const char *name, const char *path);

/* An empty directory is nothing to git. */
static bool holds_below(git_index *index, const char *name, const char *path)
{
	CLEANUP(freep) char *below = xstrfmt("%s/", name);
	DIR *dir = opendir(path);
	struct dirent *e;
	bool all = dir != NULL, any = false;
	size_t pos;

	if (all && p_git_index_find_prefix(&pos, index, below) != 0)
		all = false;
	while (all && (e = readdir(dir))) {
		CLEANUP(freep) char *child_name = NULL;
		CLEANUP(freep) char *child = NULL;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		any = true;
		child_name = xstrfmt("%s/%s", name, e->d_name);
		child = xstrfmt("%s/%s", path, e->d_name);
		all = holds(index, child_name, child);
	}
	if (dir)
		closedir(dir);
	return all && any;
}

/* A submodule is in the index by the name of a commit alone. */
static bool holds(git_index *index, const char *name, const char *path)
{
	const git_index_entry *e;
	struct stat st;
	size_t pos;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return holds_below(index, name, path);
	if (p_git_index_find(&pos, index, name) != 0)
		return false;
	e = p_git_index_get_byindex(index, pos);
	return e && e->mode != GIT_FILEMODE_COMMIT;
}

int git_holds(const struct repo *r, const char *const *paths, size_t n, struct strvec *out, struct err *err)
{
	CLEANUP(repository_freep) git_repository *repo = NULL;
	CLEANUP(index_freep) git_index *index = NULL;
	size_t i;

	if (!r->in_git)
		return 0;
	if (open_index(r, &repo, &index, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *name = index_path(r, paths[i]);

		if (holds(index, name, paths[i]))
			strvec_push(out, paths[i]);
	}
	return 0;
}

int git_diff_raw(const struct repo *r, const char *tree, struct strbuf *out, struct err *err)
{
	const char *const words[] = {"--no-optional-locks", "diff-index", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules",
				     tree, "--", NULL};

	return run_git(r, NULL, words, NULL, out, err);
}

static bool is_about(const git_diff_delta *d, const char *path)
{
	return d && streq(d->new_file.path ? d->new_file.path : d->old_file.path, path);
}

/* Of the tracked files but mlmake.lock: that one follows from the others, and the build has just written it. */
static int is_dirty(git_repository *repo, const char *lock)
{
	git_status_options opt;
	git_status_list *list;
	size_t n, i;
	int dirty = 0;

	if (p_git_status_options_init(&opt, GIT_STATUS_OPTIONS_VERSION) < 0)
		return -1;
	opt.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
	opt.flags = GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
	if (p_git_status_list_new(&list, repo, &opt) < 0)
		return -1;
	n = p_git_status_list_entrycount(list);
	for (i = 0; i < n && !dirty; i++) {
		const git_status_entry *e = p_git_status_byindex(list, i);

		dirty = !is_about(e->head_to_index, lock) && !is_about(e->index_to_workdir, lock);
	}
	p_git_status_list_free(list);
	return dirty;
}

void git_source_release(struct git_source *s)
{
	free(s->commit);
	gitdb_free(s->apart);
	*s = (struct git_source)GIT_SOURCE_INIT;
}

/* The tree that `git commit -a` would make; it goes to objects (absolute). */
static int write_tree(const struct repo *r, const char *scratch, const char *objects, struct git_id *out, struct err *err)
{
	static const char *const add[] = {"add", "-u", "--", ".", NULL}, *const write[] = {"write-tree", NULL};
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	CLEANUP(freep) char *from = path_join(r->own_dir, "index");
	CLEANUP(freep) char *to = xstrfmt("%s/index.%ld", scratch, (long)getpid());
	CLEANUP(freep) char *index = xstrfmt("GIT_INDEX_FILE=%s", to);
	CLEANUP(freep) char *place = xstrfmt("GIT_OBJECT_DIRECTORY=%s", objects);
	char *const env[] = {index, place, NULL};
	int got = -1;

	if (copy_index(from, to, err) < 0)
		return -1;
	if (run_git(r, env, add, NULL, &said, err) == 0 && run_git(r, env, write, NULL, &said, err) == 0) {
		strbuf_trim(&said);
		got = git_id_parse(said.buf, out) ? 0 : err_set(err, ERR_IO, "`git write-tree` said '%.80s'", said.buf);
	}
	unlink(to);
	return got;
}

static int write_source(const struct repo *r, struct gitdb *db, const char *scratch, struct git_source *out, struct err *err)
{
	CLEANUP(freep) char *here = path_is_absolute(scratch) ? xstrdup(scratch) : getcwd(NULL, 0);
	CLEANUP(freep) char *whole = here ? path_join(here, scratch) : NULL;
	CLEANUP(freep) char *objects = whole ? path_join(whole, "objects") : NULL;

	if (!whole)
		return err_errno(err, "cannot tell the working directory");
	if (file_mkdirs(whole, err) < 0 || !(out->apart = gitdb_apart(db, objects, err)))
		return -1;
	return write_tree(r, whole, objects, &out->tree, err);
}

static bool has_index(const struct repo *r)
{
	CLEANUP(freep) char *index = path_join(r->own_dir, "index");

	return file_exists(index);
}

/* Of trees, without the lock: for an index that libgit2 cannot read. sees: what has the tree. */
static int differs(struct gitdb *db, struct gitdb *sees, const char *commit, const struct git_id *tree, const char *lock)
{
	struct git_id head, old, new;

	if (gitdb_resolve(db, commit, GITDB_TREE, &head, NULL) < 0 || tree_without(db, NULL, &head, lock, &old, NULL) < 0 ||
	    tree_without(sees, NULL, tree, lock, &new, NULL) < 0)
		return -1;
	return !git_id_eq(&old, &new);
}

int git_source(const struct repo *r, struct gitdb *db, const char *scratch, struct git_source *out, struct err *err)
{
	git_repository *repo;
	CLEANUP(freep) char *lock = *r->prefix ? path_join(r->prefix, "mlmake.lock") : xstrdup("mlmake.lock");
	char hex[GIT_OID_HEXSZ + 1];
	git_oid id;

	*out = (struct git_source)GIT_SOURCE_INIT;
	if (!r->in_git)
		return 0;
	repo = gitdb_repository(db, err);
	if (!repo)
		return -1;
	if (p_git_reference_name_to_id(&id, repo, "HEAD") == 0) {
		out->commit = xstrdup(p_git_oid_tostr(hex, sizeof(hex), &id));
		out->dirty = is_dirty(repo, lock);
	}
	if (out->dirty == 0) {
		if (gitdb_resolve(db, out->commit, GITDB_TREE, &out->tree, err) < 0)
			return -1;
	} else if (has_index(r)) {
		if (write_source(r, db, scratch, out, err) < 0)
			return -1;
		if (out->dirty < 0 && out->commit)
			out->dirty = differs(db, out->apart, out->commit, &out->tree, lock);
	} else {
		return 0; /* nothing is tracked yet */
	}
	out->has_tree = true;
	return 0;
}
