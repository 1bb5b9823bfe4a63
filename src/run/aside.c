/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/aside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/beneath.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/path.h"
#include "util/strbuf.h"
#include "util/text.h"

#define NAME_LIMIT 180
#define LIST_LIMIT ((size_t)1 << 26)

char *aside_file_name(const char *instance)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	const char *p;

	for (p = instance; *p; p++) {
		if (*p == '/' || *p == '%' || (p == instance && *p == '.'))
			strbuf_addf(&sb, "%%%02X", (unsigned char)*p);
		else
			strbuf_addch(&sb, *p);
	}
	if (sb.len > NAME_LIMIT) {
		strbuf_setlen(&sb, NAME_LIMIT);
		strbuf_addf(&sb, "-%016llx", (unsigned long long)hash_bytes(instance, strlen(instance)));
	}
	return strbuf_detach(&sb);
}

static int write_list(const char *dir, const char *const *paths, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = xstrfmt("%s/list", dir);
	size_t i;

	for (i = 0; i < n; i++) {
		text_add_escaped(&text, paths[i], strlen(paths[i]), false);
		strbuf_addch(&text, '\n');
	}
	return file_write(file, text.buf, text.len, 0644, false, err);
}

char *aside_where(const struct aside *a, size_t i)
{
	return a->dir && a->moved[i] ? xstrfmt("%s/%zu", a->dir, i) : NULL;
}

int aside_take(struct aside *a, const char *state, const char *id, const char *const *paths, size_t n, struct err *err)
{
	size_t i;

	*a = (struct aside){NULL, paths, xcalloc(n + 1, sizeof(bool)), n};
	for (i = 0; i < n; i++) {
		CLEANUP(freep) char *to = NULL;

		if (!file_exists(paths[i]))
			continue;
		if (beneath_check(paths[i], err) < 0)
			goto undo;
		if (!a->dir) {
			a->dir = xstrfmt("%s/aside/%s", state, id);
			if (file_mkdirs(a->dir, err) < 0 || write_list(a->dir, paths, n, err) < 0)
				goto undo;
		}
		to = xstrfmt("%s/%zu", a->dir, i);
		if (file_move(paths[i], to, err) < 0)
			goto undo;
		a->moved[i] = true;
	}
	return 0;
undo:
	if (aside_put_back(a, NULL) < 0)
		err_wrap(err, "what was moved lies in '%s'", a->dir);
	return -1;
}

int aside_put_back(struct aside *a, struct err *err)
{
	size_t i;

	for (i = 0; i < a->n && a->dir; i++) {
		CLEANUP(freep) char *from = aside_where(a, i);

		if (!from)
			continue;
		if (beneath_check(a->paths[i], err) < 0 || file_move(from, a->paths[i], err) < 0)
			return -1;
		a->moved[i] = false;
	}
	return aside_drop(a, err);
}

int aside_drop(struct aside *a, struct err *err)
{
	int result = a->dir ? file_remove_tree(a->dir, err) : 0;

	aside_release(a);
	return result;
}

void aside_release(struct aside *a)
{
	free(a->dir);
	free(a->moved);
	*a = (struct aside)ASIDE_INIT;
}

/* Moves path below dir, under the path it had. */
static int move_below(const char *dir, const char *path, struct err *err)
{
	CLEANUP(freep) char *to = xstrfmt("%s/%s", dir, path);

	if (file_mkdirs_for(to, err) < 0 || file_remove_tree(to, err) < 0)
		return -1;
	return file_move(path, to, err);
}

int aside_fail(const char *state, const char *instance, const char *const *paths, size_t n, char **where,
	       struct err *err)
{
	CLEANUP(freep) char *name = aside_file_name(instance);
	CLEANUP(freep) char *dir = xstrfmt("%s/failed/%s", state, name);
	bool any = false;
	size_t i;

	*where = NULL;
	if (file_exists(dir) && file_remove_tree(dir, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (!file_exists(paths[i]) || beneath_check(paths[i], NULL) < 0)
			continue;
		if (move_below(dir, paths[i], err) < 0)
			return -1;
		any = true;
	}
	if (any) {
		*where = dir;
		dir = NULL;
	}
	return 0;
}

/* A crash of the machine may leave a list that is not whole, so what it does not name is not thrown away. */
static int remove_or_keep(const char *state, const char *dir, struct err *err)
{
	CLEANUP(freep) char *to = xstrfmt("%s/failed/crash/%s", state, path_base(dir));
	DIR *d = opendir(dir);
	struct dirent *e;
	bool rest = false;

	if (!d)
		return err_errno(err, "cannot read '%s'", dir);
	while ((e = readdir(d)))
		rest |= e->d_name[0] != '.' && !streq(e->d_name, "list");
	closedir(d);
	if (!rest)
		return file_remove_tree(dir, err);
	return file_remove_tree(to, err) < 0 ? -1 : file_move(dir, to, err);
}

static int put_back_one(const char *state, const char *from, const char *path, struct strvec *paths, struct err *err)
{
	CLEANUP(freep) char *crash = xstrfmt("%s/failed/crash", state);

	if (!file_exists(from))
		return 0;
	if (beneath_check(path, err) < 0)
		return err_wrap(err, "cannot put back what was there before");
	if (file_exists(path) && move_below(crash, path, err) < 0)
		return -1;
	if (file_move(from, path, err) < 0)
		return -1;
	strvec_push(paths, path);
	return 0;
}

struct recovery {
	const char *state;
	bool (*ended)(void *ctx, const char *path);
	void *ctx;
	struct strvec *paths;
};

static int recover_one(const struct recovery *r, const char *dir, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, path = STRBUF_INIT;
	CLEANUP(freep) char *list = xstrfmt("%s/list", dir);
	const char *p, *nl;
	size_t i = 0;

	if (file_read(list, LIST_LIMIT, &text, err) < 0) {
		if (err->code != ERR_NOTFOUND)
			return -1;
		err_clear(err); /* nothing had moved yet */
	}
	for (p = text.buf; (nl = strchr(p, '\n')); p = nl + 1, i++) {
		CLEANUP(freep) char *from = xstrfmt("%s/%zu", dir, i);

		strbuf_clear(&path);
		if (!text_unescape(&path, p, nl) || path_refusal(path.buf))
			return err_set(err, ERR_CORRUPT, "'%s' names no project path in line %zu; look into '%s', then remove it",
				       list, i + 1, dir);
		if (r->ended && r->ended(r->ctx, path.buf))
			return file_remove_tree(dir, err);
		if (put_back_one(r->state, from, path.buf, r->paths, err) < 0)
			return -1;
	}
	return remove_or_keep(r->state, dir, err);
}

int aside_recover(const char *state, bool (*ended)(void *ctx, const char *path), void *ctx, struct strvec *paths,
		  struct err *err)
{
	CLEANUP(freep) char *top = xstrfmt("%s/aside", state);
	const struct recovery r = {state, ended, ctx, paths};
	DIR *dir = opendir(top);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read '%s'", top);
	while (result == 0 && (e = readdir(dir))) {
		CLEANUP(freep) char *one = xstrfmt("%s/%s", top, e->d_name);

		if (e->d_name[0] != '.')
			result = recover_one(&r, one, err);
	}
	closedir(dir);
	return result;
}
