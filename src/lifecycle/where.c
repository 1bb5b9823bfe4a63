/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/where.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"
#include "util/strbuf.h"

#define LINE_LIMIT 65536

static const struct {
	const char *file, *what;
} signs[] = {
	{"rebase-merge", "a rebase"},	{"rebase-apply", "a rebase"},	    {"MERGE_HEAD", "a merge"}, {"CHERRY_PICK_HEAD", "a cherry-pick"},
	{"REVERT_HEAD", "a revert"},	{"sequencer", "a cherry-pick"},	    {"BISECT_LOG", "a bisection"},
};

const char *where_is_amid(const char *own)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signs); i++) {
		CLEANUP(freep) char *path = xstrfmt("%s/%s", own, signs[i].file);

		if (file_exists(path))
			return signs[i].what;
	}
	return NULL;
}

/* The one line of a small file of git's; NULL if there is none. Owned. */
static char *read_line(const char *dir, const char *name)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s", dir, name);
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (file_read(path, LINE_LIMIT, &line, NULL) < 0)
		return NULL;
	strbuf_trim(&line);
	return strbuf_detach(&line);
}

/* DIR/.git, or what it names; NULL if there is none. Owned. */
static char *git_dir_in(const char *dir)
{
	CLEANUP(freep) char *dot_git = xstrfmt("%s/.git", dir);
	CLEANUP(freep) char *line = NULL, *named = NULL;
	const char *path;
	struct stat st;

	if (stat(dot_git, &st) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode))
		return realpath(dot_git, NULL);
	line = read_line(dir, ".git");
	if (!line || !skip_prefix(line, "gitdir: ", &path))
		return NULL;
	named = path_join(dir, path);
	return realpath(named, NULL);
}

/* The git directory that belongs to here; NULL if there is none. Owned. */
static char *find_own(void)
{
	const char *told = getenv("GIT_DIR");
	char *dir = told && *told ? NULL : getcwd(NULL, 0);
	char *own = told && *told ? realpath(told, NULL) : NULL;

	while (dir && !(own = git_dir_in(dir))) {
		char *up = streq(dir, "/") ? NULL : path_join(dir, "..");

		free(dir);
		dir = up;
	}
	free(dir);
	return own;
}

static char *find_common(const char *own)
{
	CLEANUP(freep) char *line = read_line(own, "commondir");
	CLEANUP(freep) char *dir = line ? path_join(own, line) : NULL;

	return dir ? realpath(dir, NULL) : xstrdup(own);
}

/* In a rebase HEAD is detached, and the branch goes to where it will be at the end. */
static char *branch_of_rebase(const char *own)
{
	CLEANUP(freep) char *name = read_line(own, "rebase-merge/head-name");

	if (!name)
		name = read_line(own, "rebase-apply/head-name");
	return name && skip_prefix(name, "refs/heads/", NULL) ? xstrdup(name) : NULL;
}

static char *commit_named(const char *line)
{
	return line && strlen(line) == 40 && strspn(line, "0123456789abcdef") == 40 ? xstrdup(line) : xstrdup("");
}

static void read_head(struct where *w)
{
	CLEANUP(freep) char *head = read_line(w->own, "HEAD");
	CLEANUP(freep) char *loose = NULL;
	const char *ref;

	if (head && skip_prefix(head, "ref: ", &ref)) {
		w->ref = xstrdup(ref);
		loose = read_line(w->common, ref);
		w->commit = commit_named(loose);
	} else {
		w->ref = branch_of_rebase(w->own);
		w->commit = commit_named(head);
	}
	if (!w->ref)
		w->ref = xstrdup("");
}

int where_find(struct where *w, struct err *err)
{
	const char *rest;

	memset(w, 0, sizeof(*w));
	w->own = find_own();
	if (!w->own || !(w->common = find_common(w->own)))
		return err_set(err, ERR_NOTFOUND, "this is no git repository, and hooks are git's");
	if (streq(w->own, w->common))
		w->work = xstrdup(".");
	else if (skip_prefix(w->own, w->common, &rest) && *rest == '/')
		w->work = xstrdup(rest + 1);
	else
		return err_set(err, ERR_INVALID, "'%s' is no work tree that git knows of", w->own);
	read_head(w);
	w->amid = where_is_amid(w->own) != NULL;
	return 0;
}

char *where_top(const struct where *w)
{
	CLEANUP(freep) char *linked = read_line(w->own, "gitdir");
	CLEANUP(freep) char *dot_git = linked ? path_join(w->own, linked) : NULL;

	if (dot_git)
		return path_dir(dot_git);
	return streq(path_base(w->own), ".git") ? path_dir(w->own) : NULL;
}

void where_release(struct where *w)
{
	free(w->common);
	free(w->own);
	free(w->work);
	free(w->ref);
	free(w->commit);
	memset(w, 0, sizeof(*w));
}
