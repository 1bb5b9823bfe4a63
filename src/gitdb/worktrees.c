/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/worktrees.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define LINE_LIMIT 65536
#define CONFIG_LIMIT ((size_t)16 << 20)
#define LISTING_LIMIT ((size_t)64 << 20)

static void add(struct worktrees *out, char *git_dir, char *top, bool away)
{
	ALLOC_GROW(out->v, out->n + 1, out->cap);
	out->v[out->n++] = (struct worktree){git_dir, top, away};
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : xstrdup(path);
}

/* Asks git's configuration; NULL if it says nothing. Owned. */
static char *setting(const char *git_dir, const char *key)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	struct process_start how = {.argv = &argv};

	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", git_dir);
	strvec_push(&argv, "config");
	strvec_push(&argv, key);
	if (process_run(&how, NULL, 0, LINE_LIMIT, &out, &said, NULL) != 0)
		return NULL;
	strbuf_trim(&out);
	return strbuf_detach(&out);
}

/* A git directory called .git has its work tree around it, unless it says otherwise; of others only the configuration knows. */
static char *main_top(const struct repo *r, const char *common)
{
	CLEANUP(freep) char *said = NULL, *bare = NULL, *top = NULL;
	size_t n = strlen(common);

	if (r->top && streq(r->own_dir, r->git_dir))
		return absolute(r->top);
	said = setting(common, "core.worktree");
	if (said)
		top = path_join(common, said);
	else if (n > 5 && streq(common + n - 5, "/.git"))
		top = xstrndup(common, n - 5);
	bare = setting(common, "core.bare");
	if (!top || (bare && streq(bare, "true")) || !is_dir(top))
		return NULL;
	return absolute(top);
}

/* DIR/gitdir says where the work tree's .git lies. */
static int add_linked(struct worktrees *out, const char *dir, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(freep) char *file = path_join(dir, "gitdir");
	CLEANUP(freep) char *locked = path_join(dir, "locked");
	CLEANUP(freep) char *dot_git = NULL;
	struct err why = ERR_INIT;
	size_t n;

	if (file_read(file, LINE_LIMIT, &line, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	strbuf_trim(&line);
	dot_git = path_join(dir, line.buf);
	n = path_dirlen(dot_git);
	if (file_exists(dot_git))
		add(out, xstrdup(dir), xstrndup(dot_git, n), false);
	else
		add(out, xstrdup(dir), NULL, file_exists(locked));
	return 0;
}

static int add_all_linked(struct worktrees *out, const char *common, struct err *err)
{
	CLEANUP(freep) char *path = path_join(common, "worktrees");
	DIR *dir = opendir(path);
	struct dirent *e;
	int got = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read directory '%s'", path);
	while (got == 0 && (errno = 0, e = readdir(dir))) {
		CLEANUP(freep) char *one = path_join(path, e->d_name);

		if (e->d_name[0] != '.')
			got = add_linked(out, one, err);
	}
	if (got == 0 && errno)
		got = err_errno(err, "cannot read directory '%s'", path);
	closedir(dir);
	return got;
}

int worktrees_list(const struct repo *r, struct worktrees *out, struct err *err)
{
	CLEANUP(freep) char *common = absolute(r->git_dir);

	if (!r->in_git) {
		add(out, xstrdup(r->git_dir), xstrdup("."), false);
		return 0;
	}
	add(out, xstrdup(common), main_top(r, common), false);
	return add_all_linked(out, common, err);
}

void worktrees_release(struct worktrees *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		free(w->v[i].git_dir);
		free(w->v[i].top);
	}
	free(w->v);
	*w = (struct worktrees)WORKTREES_INIT;
}

/* One line is "<mode> <id> <stage>\t<path>\0". */
static int visit_lines(const struct strbuf *out, const char *name, int (*visit)(void *, const char *, const struct git_id *), void *ctx)
{
	const char *p = out->buf, *end = p + out->len, *tab;
	int got = 0;

	for (; p < end && got == 0; p += strlen(p) + 1) {
		const char *space = strchr(p, ' ');
		struct git_id id;

		tab = strchr(p, '\t');
		if (space && tab && space < tab && strncmp(p, "100", 3) == 0 && git_id_parse(space + 1, &id) &&
		    streq(path_base(tab + 1), name))
			got = visit(ctx, tab + 1, &id);
	}
	return got;
}

int worktree_index(const struct worktree *w, const char *name, int (*visit)(void *ctx, const char *path, const struct git_id *id),
		   void *ctx, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(freep) char *index = path_join(w->git_dir, "index");
	struct process_start how = {.argv = &argv, .dir = w->top};
	int status;

	if (!file_exists(index))
		return 0;
	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", w->git_dir);
	strvec_pushf(&argv, "--work-tree=%s", w->top ? w->top : ".");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "core.fsmonitor=false");
	strvec_push(&argv, "ls-files");
	strvec_push(&argv, "-s");
	strvec_push(&argv, "-z");
	strvec_push(&argv, "--full-name");
	strvec_push(&argv, "--");
	strvec_pushf(&argv, ":(top,glob)**/%s", name);
	status = process_run(&how, NULL, 0, LISTING_LIMIT, &out, &said, err);
	strbuf_trim(&said);
	if (status > 0)
		return err_set(err, ERR_IO, "`git ls-files` cannot read '%s': %s", index, said.buf);
	return status < 0 ? -1 : visit_lines(&out, name, visit, ctx);
}

const char *worktrees_incomplete(const struct repo *r)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *shallow = path_join(r->git_dir, "shallow");
	CLEANUP(freep) char *config = path_join(r->git_dir, "config");
	size_t i;

	if (file_exists(shallow))
		return "is shallow: what older commits name is not known here (`git fetch --unshallow` fetches it)";
	if (file_read(config, CONFIG_LIMIT, &text, NULL) < 0)
		return NULL;
	for (i = 0; i < text.len; i++)
		if (text.buf[i] >= 'A' && text.buf[i] <= 'Z')
			text.buf[i] = (char)(text.buf[i] - 'A' + 'a');
	return strstr(text.buf, "promisor") || strstr(text.buf, "partialclone")
		       ? "is partial: some of what its commits hold is not here"
		       : NULL;
}
