/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes from the user's project goes through the store, which a build would take it into anyway: so it is copied once
 * however often it is built from, and every tree has a clone or a link. */
#include <config.h>

#include "back/outfit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "back/rerun_work.h"
#include "back/within.h"
#include "gitdb/git.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define DEPTH 100

/* A path that nobody has provided for, and whether the store may have it. */
struct want {
	const char *path; /* in names */
	bool keep;
};
struct wants {
	struct strvec names;
	struct want *v;
	size_t n, cap;
	struct map known;
};

static void want(struct wants *ws, const char *path, bool keep)
{
	char *name;

	if (path_refusal(path) || file_exists(path) || map_get(&ws->known, path))
		return;
	name = xstrdup(path);
	strvec_push_owned(&ws->names, name);
	map_put(&ws->known, name, ws);
	ALLOC_GROW(ws->v, ws->n + 1, ws->cap);
	ws->v[ws->n++] = (struct want){name, keep};
}

static void wants_release(struct wants *ws)
{
	strvec_release(&ws->names);
	map_release(&ws->known);
	free(ws->v);
}

/* ---- what is missing */

static bool is_given(const struct stage *st)
{
	return st->is_source || st->frozen;
}

/* What is named is missing; of what only a pattern found that is missing which nothing says was another then. */
static void want_inputs(const struct rerun_work *w, struct wants *ws, bool of_patterns)
{
	size_t i, j;

	for (i = 0; i < w->pl.n_instances; i++) {
		const struct instance *in = w->pl.instances[i];

		for (j = 0; j < in->n_inputs; j++) {
			const struct instance *maker = pipeline_maker(&w->pl, in->inputs[j].path);

			if ((!maker || is_given(maker->stage)) && (of_patterns || !in->inputs[j].pattern))
				want(ws, in->inputs[j].path, in->inputs[j].keep);
		}
		for (j = 0; j < in->n_outs && is_given(in->stage); j++)
			want(ws, in->outs[j].path, true);
	}
}

/* A disk on which the user's project shows through. */
struct overlay {
	const char *home;
	const struct artifacts *before;
};

/* Does a stage of the lock read or make something that the pattern finds? Then the lock says what it found. */
static bool is_known(const struct overlay *o, const char *pattern)
{
	size_t i, j;

	for (i = 0; i < o->before->n_records; i++)
		for (j = 0; j < o->before->records[i]->n_facts; j++)
			if (glob_match(pattern, o->before->records[i]->facts[j].name))
				return true;
	return false;
}

static void glob_both(void *ctx, const char *pattern, struct strvec *out)
{
	struct overlay *o = ctx;
	bool other = !is_known(o, pattern);

	glob_expand(".", pattern, out);
	if (other)
		glob_expand(o->home, pattern, out);
	strvec_sort(out);
	strvec_uniq(out);
}

static bool is_kept(const struct pipeline *pl, const char *path)
{
	size_t i, j;

	for (i = 0; i < pl->n_instances; i++)
		for (j = 0; j < pl->instances[i]->n_inputs; j++)
			if (streq(pl->instances[i]->inputs[j].path, path))
				return pl->instances[i]->inputs[j].keep;
	return true;
}

static void find_wants(struct outfit *of, struct wants *ws)
{
	struct rerun_work *w = of->result.work;
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	struct overlay o = {of->home, w->opt->before};
	struct pipeline_disk both = pipeline_disk_system;
	size_t i;

	(void)!rerun_load(w, &pipeline_disk_system, &ignored); /* what is wrong with it the build will tell */
	for (i = 0; i < of->result.n_lacks; i++)
		want(ws, of->result.lacks[i].path, is_kept(&w->pl, of->result.lacks[i].path));
	want_inputs(w, ws, false);
	both.glob = glob_both;
	both.ctx = &o;
	(void)!rerun_load(w, &both, &ignored);
	want_inputs(w, ws, true);
}

/* ---- where it is */

/* What git holds there is of another commit, or of none; what was made there is no data. */
static int leave_out(struct rerun_work *w, struct wants *ws, struct err *err)
{
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;
	CLEANUP(repo_release) struct repo r = {0};
	CLEANUP(freep) char *common = NULL;
	size_t i, j, kept = 0;

	if (repo_find(&r, NULL) < 0)
		return 0; /* no work tree, as on a server */
	common = r.in_git ? realpath(r.git_dir, NULL) : NULL;
	if (!common || !streq(common, w->opt->git_dir))
		return 0;
	if (git_tracked(&r, (const char *const *)ws->names.v, ws->names.n, &tracked, err) < 0)
		return -1;
	for (i = 0; i < ws->n; i++) {
		for (j = 0; j < tracked.n && !streq(tracked.v[j], ws->v[i].path); j++)
			;
		if (j == tracked.n)
			ws->v[kept++] = ws->v[i];
	}
	ws->n = kept;
	return 0;
}

/* By its own name: what the store shall not have is not copied either. */
static int link_to(const char *real, const char *path, struct err *err)
{
	if (file_mkdirs_for(path, err) < 0)
		return -1;
	return symlink(real, path) < 0 ? err_errno(err, "cannot create link '%s'", path) : 0;
}

static int bring(struct outfit *o, const struct want *it, int root, struct err *err)
{
	struct rerun_work *w = o->result.work;
	CLEANUP(freep) char *mine = path_join(o->home, it->path);
	CLEANUP(freep) char *real = realpath(mine, NULL);
	struct content is;

	if (!real)
		return 0; /* the build will tell that it is missing */
	if (!it->keep)
		return link_to(real, it->path, err);
	if (statcache_content(w->cache, real, true, &is, err) < 0 || store_put_input(w->store, real, &is, err) < 0)
		return err_wrap(err, "'%s'", mine);
	if (rerun_from_store(w, &is, it->path, root, err) != 0)
		return err_wrap(err, "'%s'", it->path);
	strvec_pushf(&o->result.notes, "'%s' is not in git, and taken as it is in '%s'", it->path, o->home);
	return 0;
}

static int bring_all(struct outfit *o, struct err *err)
{
	CLEANUP(wants_release) struct wants ws = {.names = STRVEC_INIT, .known = MAP_INIT};
	CLEANUP(closep) int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;
	int got;

	if (root < 0)
		return err_errno(err, "cannot open the private tree");
	find_wants(o, &ws);
	if (!ws.n)
		return 0;
	if (chdir(o->home) < 0)
		return 0; /* nothing is there */
	got = leave_out(o->result.work, &ws, err);
	if (fchdir(root) < 0)
		return err_errno(err, "cannot go back");
	for (i = 0; got == 0 && i < ws.n; i++)
		got = bring(o, &ws.v[i], root, err);
	return got;
}

/* ---- what git-lfs has */

/* The object that a pointer names, as a file with the pointer's mode. */
static bool read_pointer(const char *path, struct content *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *oid, *size;
	struct stat st;
	int64_t n;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= POINTER_LIMIT ||
	    file_read(path, POINTER_LIMIT, &text, NULL) < 0 || !skip_prefix(text.buf, POINTER_LINE1, NULL))
		return false;
	strbuf_trim(&text);
	oid = strstr(text.buf, "\noid sha256:");
	size = strstr(text.buf, "\nsize ");
	*out = (struct content){.kind = st.st_mode & S_IXUSR ? CONTENT_EXEC : CONTENT_FILE};
	if (!oid || !size || !digest_parse(oid + strlen("\noid sha256:"), &out->id) || !text_parse_int(size + strlen("\nsize "), 0, INT64_MAX, &n))
		return false;
	out->size = n;
	return true;
}

/* From our store, or through it from git-lfs's. If neither has it, the pointer stays, which the build will tell. */
static int replace_pointer(struct outfit *o, const char *path, int root, struct err *err)
{
	struct rerun_work *w = o->result.work;
	CLEANUP(freep) char *object = NULL;
	char hex[DIGEST_HEX + 1];
	struct content c;
	int got;

	if (!read_pointer(path, &c))
		return 0;
	digest_hex(&c.id, hex);
	object = xstrfmt("%s/lfs/objects/%.2s/%.2s/%s", w->opt->git_dir, hex, hex + 2, hex);
	got = store_has(w->store, &c) ? 0 : file_exists(object) ? store_put_input(w->store, object, &c, err) : 1;
	if (got)
		return got < 0 ? err_wrap(err, "'%s'", path) : 0;
	if (unlink(path) < 0)
		return err_errno(err, "cannot remove '%s'", path);
	return rerun_from_store(w, &c, path, root, err) != 0 ? err_wrap(err, "'%s'", path) : 0;
}

static int replace_below(struct outfit *o, const char *path, int root, int depth, struct err *err)
{
	DIR *dir = depth < DEPTH ? opendir(path) : NULL;
	struct dirent *e;
	int got = 0;

	if (!dir)
		return replace_pointer(o, path, root, err);
	while (got == 0 && (e = readdir(dir))) {
		CLEANUP(freep) char *child = xstrfmt("%s/%s", path, e->d_name);
		struct stat st;

		if (streq(e->d_name, ".") || streq(e->d_name, "..") || lstat(child, &st) < 0)
			continue;
		got = S_ISDIR(st.st_mode) ? replace_below(o, child, root, depth + 1, err) : replace_pointer(o, child, root, err);
	}
	closedir(dir);
	return got;
}

static int replace_pointers(struct outfit *o, struct err *err)
{
	const struct pipeline *pl = &o->result.work->pl;
	CLEANUP(closep) int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i, j;

	if (root < 0)
		return err_errno(err, "cannot open the private tree");
	for (i = 0; i < pl->n_instances; i++)
		for (j = 0; j < pl->instances[i]->n_inputs; j++)
			if (!path_refusal(pl->instances[i]->inputs[j].path) &&
			    replace_below(o, pl->instances[i]->inputs[j].path, root, 0, err) < 0)
				return -1;
	return 0;
}

/* ---- the whole */

/* What others pushed to a server came by git alone, and the store's tables know nothing of it. */
static int place_inputs(struct outfit *o, struct err *err)
{
	if (rerun_place_inputs(o->result.work, &o->result, err) < 0)
		return -1;
	if (!o->result.n_lacks)
		return 0;
	o->result.n_lacks = 0;
	if (within_learn(o->lineage, o->result.work->store, err) < 0)
		return -1;
	return rerun_place_inputs(o->result.work, &o->result, err);
}

static int all_steps(struct outfit *o, struct err *err)
{
	CLEANUP(diags_release) struct diags ignored = DIAGS_INIT;
	struct rerun_work *w = o->result.work;
	struct rerun_result *out = &o->result;
	size_t i;

	(void)!rerun_load(w, &pipeline_disk_system, &ignored); /* which stages compute */
	rerun_choose(w);
	if (place_inputs(o, err) < 0 || replace_pointers(o, err) < 0)
		return -1;
	for (i = 0; i < out->n_lacks; i++)
		strvec_pushf(&out->notes, "'%s' as mlmake.lock names it is gone", out->lacks[i].path);
	if (o->home && bring_all(o, err) < 0)
		return -1;
	return store_sync(w->store, err) < 0 ? -1 : statcache_save(w->cache, err);
}

int outfit_tree(struct outfit *o, const struct rerun_options *opt, struct err *err)
{
	CLEANUP(closep) int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct rerun_work *w = rerun_work_new(opt, o->cache);
	int result;

	memset(&o->result, 0, sizeof(o->result));
	o->result.work = w;
	o->result.used = xcalloc(1, 1);
	if (here < 0 || chdir(opt->tree->project) < 0)
		return err_errno(err, "cannot enter '%s'", opt->tree->project);
	result = store_hold(w->store, true, err);
	if (result == 0)
		result = all_steps(o, err);
	if (fchdir(here) < 0 && result == 0)
		result = err_errno(err, "cannot go back");
	return result;
}

int outfit_check(struct outfit *o, struct err *err)
{
	if (store_check_links(o->result.work->store, err) == 0)
		return 0;
	return err_wrap(err, "a stage wrote to one of its inputs, and that object of the store is lost");
}

void outfit_release(struct outfit *o)
{
	rerun_release(&o->result);
}
