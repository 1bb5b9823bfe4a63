/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "gitdb/repo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"
#include "util/strbuf.h"

#define LINE_LIMIT 65536

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The one line of a small file of git's, without its end. */
static int read_line(const char *path, struct strbuf *out, struct err *err)
{
	if (file_read(path, LINE_LIMIT, out, err) < 0)
		return -1;
	strbuf_trim(out);
	return 0;
}

/* .git as a file says "gitdir: PATH", relative to where it lies. */
static char *git_dir(const char *top, const char *dot_git, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	const char *path;

	if (is_dir(dot_git))
		return xstrdup(dot_git);
	if (read_line(dot_git, &line, err) < 0)
		return NULL;
	if (!skip_prefix(line.buf, "gitdir: ", &path)) {
		err_set(err, ERR_INVALID, "'%s' is neither a git directory nor does it name one", dot_git);
		return NULL;
	}
	return path_join(top, path);
}

static char *common_dir(const char *dir)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(freep) char *file = path_join(dir, "commondir");

	if (read_line(file, &line, NULL) < 0)
		return xstrdup(dir);
	return path_join(dir, line.buf);
}

static char *work_name(const char *prefix)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const char *p;

	if (!*prefix)
		return xstrdup("top");
	strbuf_addstr(&sb, "in-");
	for (p = prefix; *p; p++) {
		if (*p == '/' || *p == '%')
			strbuf_addf(&sb, "%%%02X", (unsigned char)*p);
		else
			strbuf_addch(&sb, *p);
	}
	return strbuf_detach(&sb);
}

int repo_at(struct repo *r, const char *dir, const char *prefix, struct err *err)
{
	CLEANUP(freep) char *head = path_join(dir, "HEAD");
	CLEANUP(freep) char *common = NULL;
	CLEANUP(freep) char *name = NULL;

	memset(r, 0, sizeof(*r));
	if (!file_exists(head))
		return err_set(err, ERR_INVALID, "'%s' is no git repository: it has no HEAD", dir);
	common = common_dir(dir);
	name = work_name(prefix);
	r->in_git = true;
	r->prefix = xstrdup(prefix);
	r->shared = path_join(common, "mlmake");
	r->git_dir = xstrdup(common);
	r->own_dir = xstrdup(dir);
	r->state = xstrfmt("%s/mlmake/work/%s", dir, name);
	return 0;
}

static int use_git(struct repo *r, const char *top, const char *dot_git, const char *prefix, struct err *err)
{
	CLEANUP(freep) char *dir = git_dir(top, dot_git, err);

	if (!dir || repo_at(r, dir, prefix, err) < 0)
		return -1;
	r->top = xstrdup(top);
	return 0;
}

/* Without git, an ignored directory of our own, so that a later `git init` does not see it. */
static void use_none(struct repo *r)
{
	r->shared = xstrdup(".mlmake");
	r->git_dir = xstrdup(".mlmake/git");
	r->state = xstrdup(".mlmake/work/top");
	r->prefix = xstrdup("");
}

/* As git tells a bare repository, or the inside of .git, from other directories. */
static bool is_git_dir(const char *path)
{
	CLEANUP(freep) char *head = path_join(path, "HEAD");
	CLEANUP(freep) char *objects = path_join(path, "objects");
	CLEANUP(freep) char *refs = path_join(path, "refs");

	return file_exists(head) && is_dir(objects) && is_dir(refs);
}

int repo_find(struct repo *r, struct err *err)
{
	CLEANUP(freep) char *cwd = getcwd(NULL, 0);
	CLEANUP(strbuf_release) struct strbuf top = STRBUF_INIT;
	size_t n;

	memset(r, 0, sizeof(*r));
	if (!cwd)
		return err_errno(err, "cannot tell the working directory");
	strbuf_addstr(&top, ".");
	for (n = strlen(cwd);; n = MAX(n, (size_t)1)) { /* cwd[0..n) is the directory that top names */
		CLEANUP(freep) char *dot_git = path_join(top.buf, ".git");

		if (is_git_dir(top.buf))
			return err_set(err, ERR_INVALID, "'%s' is a git directory and no work tree; `git worktree add` or `git clone` makes "
				       "one, and there mlmake works", n == strlen(cwd) ? cwd : top.buf);
		if (file_exists(dot_git))
			return use_git(r, top.buf, dot_git, cwd + n + (cwd[n] == '/'), err);
		if (n <= 1)
			break;
		while (cwd[--n] != '/')
			;
		if (streq(top.buf, "."))
			strbuf_clear(&top);
		strbuf_addstr(&top, top.len ? "/.." : "..");
	}
	use_none(r);
	return 0;
}

void repo_release(struct repo *r)
{
	free(r->top);
	free(r->prefix);
	free(r->shared);
	free(r->state);
	free(r->git_dir);
	free(r->own_dir);
	memset(r, 0, sizeof(*r));
}
