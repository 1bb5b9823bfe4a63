/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/hookqueue.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/path.h"

#define FORMAT "1"
#define DIGITS 18
#define FIELDS 7
#define AMID "amid"

/* ---- texts ---- */

static void add_field(struct strbuf *out, const char *s)
{
	strbuf_addch(out, ' ');
	if (!*s)
		strbuf_addch(out, '-');
	else if (streq(s, "-"))
		strbuf_addstr(out, "%2D");
	else
		for (; *s; s++) {
			if ((unsigned char)*s <= ' ' || *s == '%' || *s == 0x7f)
				strbuf_addf(out, "%%%02X", (unsigned char)*s);
			else
				strbuf_addch(out, *s);
		}
}

void hook_entry_text(const struct hook_entry *e, struct strbuf *out)
{
	strbuf_addstr(out, FORMAT);
	add_field(out, e->hook);
	add_field(out, e->work);
	add_field(out, e->project);
	add_field(out, e->ref);
	add_field(out, e->commit);
	add_field(out, e->amid ? AMID : "");
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Owned; NULL if it is none. */
static char *parse_field(const char *s, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t i;

	if (!n)
		return NULL;
	for (i = 0; i < n && !(n == 1 && *s == '-'); i++) {
		int high, low;

		if (s[i] != '%') {
			strbuf_addch(&out, s[i]);
			continue;
		}
		high = i + 2 < n ? hex_value(s[i + 1]) : -1;
		low = i + 2 < n ? hex_value(s[i + 2]) : -1;
		if (high < 0 || low < 0 || !(high || low))
			return NULL;
		strbuf_addch(&out, (char)(high << 4 | low));
		i += 2;
	}
	return strbuf_detach(&out);
}

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

/* What a worker enters and asks git about is within what hooks can have meant. */
static bool is_sound(const struct hook_entry *e)
{
	static const char worktrees[] = "worktrees/";
	const char *name;

	if (!*e->hook || strchr(e->hook, '/') || (*e->ref && !skip_prefix(e->ref, "refs/", NULL)) ||
	    (*e->commit && !is_hex(e->commit, 40)) || (!*e->ref && !*e->commit))
		return false;
	if (*e->project && path_refusal(e->project))
		return false;
	if (streq(e->work, "."))
		return true;
	return skip_prefix(e->work, worktrees, &name) && *name && *name != '.' && !strchr(name, '/');
}

bool hook_entry_parse(const char *text, struct hook_entry *out)
{
	char *f[FIELDS] = {NULL};
	bool good = true;
	size_t i;

	*out = (struct hook_entry){.number = out->number};
	for (i = 0; i < FIELDS; i++) {
		size_t n = strcspn(text, " ");

		good &= (f[i] = parse_field(text, n)) != NULL && (i < FIELDS - 1 ? text[n] == ' ' : !text[n]);
		text += n + (text[n] == ' ');
	}
	if (good) {
		*out = (struct hook_entry){out->number, f[1], f[2], f[3], f[4], f[5], streq(f[6], AMID)};
		good = streq(f[0], FORMAT) && is_sound(out);
	} else {
		for (i = 1; i < FIELDS - 1; i++)
			free(f[i]);
	}
	free(f[0]);
	free(f[6]);
	if (!good)
		hook_entry_release(out);
	return good;
}

void hook_entry_release(struct hook_entry *e)
{
	free(e->hook);
	free(e->work);
	free(e->project);
	free(e->ref);
	free(e->commit);
	*e = (struct hook_entry){.number = e->number};
}

/* ---- numbers ---- */

static bool parse_number(const char *name, uint64_t *out)
{
	size_t n = strlen(name);

	if (n != DIGITS || strspn(name, "0123456789") != n)
		return false;
	*out = strtoull(name, NULL, 10);
	return true;
}

static char *name_of(const char *dir, uint64_t number)
{
	return xstrfmt("%s/%0*llu", dir, DIGITS, (unsigned long long)number);
}

/* What a link says, "" if there is none; false if it cannot be told. */
static bool read_link(const char *path, char out[PATH_MAX])
{
	ssize_t n = readlink(path, out, PATH_MAX - 1);

	out[MAX(n, (ssize_t)0)] = '\0';
	return n >= 0 || errno == ENOENT || errno == EINVAL;
}

static uint64_t last_number(const char *dir)
{
	CLEANUP(freep) char *path = xstrfmt("%s/last", dir);
	char text[PATH_MAX];
	uint64_t last = 0;

	return read_link(path, text) && parse_number(text, &last) ? last : 0;
}

/* A link is put over another by its name alone. */
static int put_link(const char *dir, const char *name, const char *target, struct err *err)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s", dir, name);
	CLEANUP(freep) char *temp = xstrfmt("%s/%s.%ld.tmp", dir, name, (long)getpid());

	unlink(temp);
	if (symlink(target, temp) < 0 || rename(temp, path) < 0) {
		err_errno(err, "cannot write '%s'", path);
		unlink(temp);
		return -1;
	}
	return 0;
}

/* ---- the queue ---- */

/* Unread: only how far the numbers go. */
static int greatest(const char *dir, uint64_t *out, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	uint64_t number;

	if (!d && errno == ENOENT) {
		if (file_mkdirs(dir, err) < 0)
			return -1;
		d = opendir(dir);
	}
	if (!d)
		return err_errno(err, "cannot read directory '%s'", dir);
	*out = last_number(dir);
	while ((e = readdir(d)))
		if (parse_number(e->d_name, &number))
			*out = MAX(*out, number);
	closedir(d);
	return 0;
}

int hookqueue_add(const char *dir, struct hook_entry *e, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	uint64_t number = 0;

	if (greatest(dir, &number, err) < 0)
		return -1;
	hook_entry_text(e, &text);
	for (;;) {
		CLEANUP(freep) char *name = name_of(dir, ++number);

		if (symlink(text.buf, name) == 0)
			break;
		if (errno != EEXIST) /* another hook was faster */
			return err_errno(err, "cannot write '%s'", name);
	}
	e->number = number;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct hook_entry *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void read_entry(const char *dir, struct hook_entry *e)
{
	CLEANUP(freep) char *name = name_of(dir, e->number);
	char text[PATH_MAX];

	if (!read_link(name, text) || !hook_entry_parse(text, e))
		e->hook = NULL;
}

int hookqueue_read(const char *dir, struct hookqueue *out, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t cap = 0;

	*out = (struct hookqueue)HOOKQUEUE_INIT;
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, "cannot read directory '%s'", dir);
	out->last = last_number(dir);
	while ((e = readdir(d))) {
		struct hook_entry one = {0};

		if (!parse_number(e->d_name, &one.number))
			continue;
		read_entry(dir, &one);
		ALLOC_GROW(out->v, out->n + 1, cap);
		out->v[out->n++] = one;
	}
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_number);
	return 0;
}

void hookqueue_release(struct hookqueue *q)
{
	size_t i;

	for (i = 0; i < q->n; i++)
		hook_entry_release(&q->v[i]);
	free(q->v);
	*q = (struct hookqueue)HOOKQUEUE_INIT;
}

/* The number is remembered first, so that none is given twice. On a full disk one may be, which does less harm than an entry that stays. */
int hookqueue_remove(const char *dir, uint64_t number, struct err *err)
{
	CLEANUP(freep) char *name = name_of(dir, number);

	if (number > last_number(dir))
		(void)!put_link(dir, "last", path_base(name), NULL);
	if (unlink(name) < 0 && errno != ENOENT)
		return err_errno(err, "cannot remove '%s'", name);
	return 0;
}

bool hookqueue_same(const struct hook_entry *a, const struct hook_entry *b)
{
	if (!a->hook || !b->hook || !streq(a->hook, b->hook) || !streq(a->project, b->project) || !streq(a->ref, b->ref))
		return false;
	return *a->ref || streq(a->work, b->work);
}

bool hookqueue_has(const char *dir, uint64_t number)
{
	CLEANUP(freep) char *name = name_of(dir, number);
	struct stat st;

	return lstat(name, &st) == 0 || errno != ENOENT;
}
