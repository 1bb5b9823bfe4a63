/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/hookfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"
#include "util/path.h"
#include "util/process.h"
#include "util/strbuf.h"

#define LIMIT ((size_t)1 << 20)
#define MARK "# mlmake-hook 1 "
#define HEAD "#!/bin/sh\n" MARK
#define CALL "exec \"$mlmake\" hook run "
#define SUM 16
#define PROJECT "# project "

/* ---- where git looks */

static int ask_git(const char *git_dir, const char *const *words, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};
	int status;

	strvec_push(&argv, "git");
	if (git_dir)
		strvec_pushf(&argv, "--git-dir=%s", git_dir);
	for (; *words; words++)
		strvec_push(&argv, *words);
	status = process_run(&how, NULL, 0, LIMIT, out, &said, err);
	strbuf_trim(out);
	strbuf_trim(&said);
	if (status > 0)
		err_set(err, ERR_INVALID, "`git %s` failed: %s", argv.v[git_dir ? 2 : 1], said.buf);
	return status ? -1 : 0;
}

char *hookfile_dir(const char *git_dir, bool *elsewhere, struct err *err)
{
	static const char *const path[] = {"rev-parse", "--git-path", "hooks", NULL};
	static const char *const set[] = {"config", "core.hooksPath", NULL};
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;

	if (ask_git(git_dir, path, &out, err) < 0)
		return NULL;
	*elsewhere = ask_git(git_dir, set, &said, NULL) == 0 && said.len;
	return strbuf_detach(&out);
}

/* ---- ours as a text */

static void add_sum(const struct strbuf *rest, struct strbuf *out)
{
	strbuf_addf(out, "%016" PRIx64, hash_bytes(rest->buf, rest->len));
}

static void add_quoted(struct strbuf *out, const char *s)
{
	strbuf_addch(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			strbuf_addstr(out, "'\\''");
		else
			strbuf_addch(out, *s);
	}
	strbuf_addch(out, '\'');
}

static void write_script(const char *name, const char *program, const struct strvec *projects, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf rest = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&rest, "\n# Written by `mlmake hook install`, and taken away by `mlmake hook uninstall`. If you change it, it is yours:\n"
			     "# then mlmake leaves it as it is.\n");
	for (i = 0; i < projects->n; i++)
		strbuf_addf(&rest, PROJECT "%s\n", projects->v[i]);
	strbuf_addstr(&rest, "mlmake=");
	add_quoted(&rest, program);
	strbuf_addf(&rest,
		    "\nkept=\"$0.before-mlmake\"\n"
		    "[ -x \"$kept\" ] || kept=\n"
		    "command -v \"$mlmake\" > /dev/null 2>&1 || mlmake=mlmake\n"
		    "command -v \"$mlmake\" > /dev/null 2>&1 || { [ -z \"$kept\" ] || exec \"$kept\" \"$@\"; exit 0; }\n"
		    CALL "%s",
		    name);
	for (i = 0; i < projects->n; i++) {
		strbuf_addstr(&rest, " --in=");
		add_quoted(&rest, projects->v[i]);
	}
	strbuf_addstr(&rest, " ${kept:+\"--then=$kept\"} -- \"$@\"\n");
	strbuf_addstr(out, HEAD);
	add_sum(&rest, out);
	strbuf_add(out, rest.buf, rest.len);
}

void hookfile_line(const char *name, const char *project, struct strbuf *out)
{
	strbuf_addf(out, "mlmake hook run %s", name);
	if (*project) {
		strbuf_addstr(out, " --in=");
		strbuf_add_shell(out, project);
	}
}

static void take_projects(const char *text, struct strvec *out)
{
	const char *p = text;

	while ((p = strstr(p, "\n" PROJECT))) {
		size_t n;

		p += 1 + strlen(PROJECT);
		n = strcspn(p, "\n");
		strvec_push_owned(out, xstrndup(p, n));
		p += n;
	}
}

/* ---- files */

static char *path_of(const char *dir, const char *name)
{
	return xstrfmt("%s/%s", dir, name);
}

static char *kept_of(const char *dir, const char *name)
{
	return xstrfmt("%s/%s.before-mlmake", dir, name);
}

int hookfile_look(const char *dir, const char *name, struct hookfile *out, struct err *err)
{
	CLEANUP(freep) char *path = path_of(dir, name), *kept = kept_of(dir, name);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, sum = STRBUF_INIT;
	const char *p;
	struct stat st;

	*out = (struct hookfile)HOOKFILE_INIT;
	out->keeps = file_exists(kept);
	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, "cannot look at '%s'", path);
	out->state = HOOKFILE_OTHER;
	if (!S_ISREG(st.st_mode) || file_read(path, LIMIT, &text, NULL) < 0 || !strstr(text.buf, MARK))
		return 0;
	out->state = HOOKFILE_EDITED;
	if (!skip_prefix(text.buf, HEAD, &p) || strlen(p) <= SUM)
		return 0;
	take_projects(p, &out->projects);
	strbuf_addf(&sum, "%016" PRIx64, hash_bytes(p + SUM, strlen(p + SUM)));
	if (memcmp(sum.buf, p, SUM) == 0)
		out->state = HOOKFILE_OURS;
	return 0;
}

/* A copy under another name is none that git runs, and nobody's but its maker's. */
static bool is_own(const char *dir, const char *name)
{
	CLEANUP(freep) char *path = path_of(dir, name), *call = xstrfmt(CALL "%s --in=", name);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && file_read(path, LIMIT, &text, NULL) == 0 && strstr(text.buf, MARK) &&
	       strstr(text.buf, call);
}

int hookfile_list(const char *dir, struct strvec *names, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, "cannot read directory '%s'", dir);
	while ((e = readdir(d)))
		if (is_own(dir, e->d_name))
			strvec_push(names, e->d_name);
	closedir(d);
	strvec_sort(names);
	return 0;
}

void hookfile_release(struct hookfile *h)
{
	strvec_release(&h->projects);
}

static int refuse_edited(const char *path, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "'%s' was changed since mlmake wrote it, and stays as it is; %s", path, what);
}

static bool is_one_file(const char *a, const char *b)
{
	struct stat x, y;

	return lstat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The old one has both names until ours has taken the place. */
static int keep_old(const char *path, const char *kept, struct err *err)
{
	struct stat st;

	if (is_one_file(path, kept)) /* an install was killed */
		return 0;
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is a directory; remove it", path);
	if (file_exists(kept))
		return err_set(err, ERR_INVALID, "'%s' is there already, and '%s' cannot be kept under that name; move one of them away", kept,
			       path);
	if (linkat(AT_FDCWD, path, AT_FDCWD, kept, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return err_errno(err, "cannot keep '%s'", path);
	return rename(path, kept) < 0 ? err_errno(err, "cannot keep '%s'", path) : 0; /* a file system without hard links */
}

int hookfile_install(const char *dir, const char *name, const char *project, const char *program, struct err *err)
{
	CLEANUP(freep) char *path = path_of(dir, name), *kept = kept_of(dir, name);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(hookfile_release) struct hookfile h = HOOKFILE_INIT;

	if (hookfile_look(dir, name, &h, err) < 0)
		return -1;
	if (h.state == HOOKFILE_EDITED)
		return refuse_edited(path, "add the line that `mlmake hook print` shows, or remove the file", err);
	if (strchr(project, '\n'))
		return err_set(err, ERR_INVALID, "a project in '%s' cannot be named in a hook", project);
	if (!strvec_has(&h.projects, project))
		strvec_push(&h.projects, project);
	write_script(name, program, &h.projects, &text);
	if (file_mkdirs(dir, err) < 0 || (h.state == HOOKFILE_OTHER && keep_old(path, kept, err) < 0))
		return -1;
	return file_write(path, text.buf, text.len, 0755, true, err);
}

/* The program of the script as it is stays. */
static char *program_of(const char *path)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	const char *p = file_read(path, LIMIT, &text, NULL) == 0 ? strstr(text.buf, "\nmlmake='") : NULL;

	for (p = p ? p + strlen("\nmlmake='") : ""; *p && *p != '\n'; p++) {
		if (skip_prefix(p, "'\\''", NULL))
			p += 3;
		else if (*p == '\'')
			break;
		strbuf_addch(&out, *p);
	}
	return strbuf_detach(&out);
}

static int take_away(const char *path, const char *kept, struct err *err)
{
	if (is_one_file(path, kept)) /* renaming one to the other does nothing */
		return unlink(kept) < 0 ? err_errno(err, "cannot remove '%s'", kept) : 0;
	if (file_exists(kept))
		return rename(kept, path) < 0 ? err_errno(err, "cannot put '%s' back", path) : 0;
	return unlink(path) < 0 && errno != ENOENT ? err_errno(err, "cannot remove '%s'", path) : 0;
}

int hookfile_uninstall(const char *dir, const char *name, const char *project, struct err *err)
{
	CLEANUP(freep) char *path = path_of(dir, name), *kept = kept_of(dir, name);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(hookfile_release) struct hookfile h = HOOKFILE_INIT;
	CLEANUP(strvec_release) struct strvec left = STRVEC_INIT;
	CLEANUP(freep) char *program = NULL;
	size_t i;

	if (hookfile_look(dir, name, &h, err) < 0)
		return -1;
	if (h.state == HOOKFILE_EDITED)
		return refuse_edited(path, "take out the line that calls mlmake yourself", err);
	if ((h.state == HOOKFILE_NONE && h.keeps) || (h.state == HOOKFILE_OTHER && is_one_file(path, kept))) /* an install was killed */
		return take_away(path, kept, err);
	if (h.state != HOOKFILE_OURS || !strvec_has(&h.projects, project))
		return 0;
	for (i = 0; i < h.projects.n; i++)
		if (!streq(h.projects.v[i], project))
			strvec_push(&left, h.projects.v[i]);
	if (!left.n)
		return take_away(path, kept, err);
	program = program_of(path);
	write_script(name, program, &left, &text);
	return file_write(path, text.buf, text.len, 0755, true, err);
}
