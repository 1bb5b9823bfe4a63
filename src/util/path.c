/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "util/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define PATH_LIMIT 4000

bool path_is_absolute(const char *path)
{
	return path[0] == '/';
}

static void drop_last(struct strbuf *out, size_t start)
{
	size_t n = out->len;

	while (n > start && out->buf[n - 1] != '/')
		n--;
	if (n > start)
		n--;
	strbuf_setlen(out, n);
}

void path_normalize(const char *path, struct strbuf *out)
{
	size_t start = out->len, floor;
	const char *p = path;

	if (path_is_absolute(path))
		strbuf_addch(out, '/');
	floor = out->len;
	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.')) {
			;
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && out->len > floor) {
			drop_last(out, floor);
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && path_is_absolute(path)) {
			; /* "/.." is "/" */
		} else {
			if (out->len > start && out->buf[out->len - 1] != '/')
				strbuf_addch(out, '/');
			strbuf_add(out, p, n);
			if (n == 2 && p[0] == '.' && p[1] == '.')
				floor = out->len;
		}
		p += n;
		p += *p == '/';
	}
	if (out->len == start)
		strbuf_addch(out, '.');
}

/* Length of a character that HFS+ leaves out of a name (joiners, marks of direction, the byte order mark), else 0. */
static size_t ignored_by_hfs(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] == 0xe2 && u[1] == 0x80)
		return (u[2] >= 0x8c && u[2] <= 0x8f) || (u[2] >= 0xaa && u[2] <= 0xae) ? 3 : 0;
	if (u[0] == 0xe2 && u[1] == 0x81)
		return u[2] >= 0xaa && u[2] <= 0xaf ? 3 : 0;
	return u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf ? 3 : 0;
}

/* In all spellings that macOS and Windows, or a share of theirs, take for ".git". */
static bool is_git_component(const char *s, size_t len)
{
	char c[8];
	size_t i, n = 0;

	for (i = 0; i < len && s[i] != ':';) { /* ':' starts a stream of NTFS */
		size_t ignored = ignored_by_hfs(s + i);

		if (!ignored && n == sizeof(c) && s[i] != '.' && s[i] != ' ')
			return false;
		if (!ignored && n < sizeof(c))
			c[n++] = s[i];
		i += ignored ? ignored : 1;
	}
	while (n && (c[n - 1] == '.' || c[n - 1] == ' '))
		n--;
	return (n == 4 && strncasecmp(c, ".git", 4) == 0) || (n == 5 && strncasecmp(c, "git~1", 5) == 0);
}

const char *path_refusal(const char *path)
{
	const unsigned char *u;
	const char *p;

	if (!*path)
		return "is empty";
	if (strlen(path) > PATH_LIMIT)
		return "is too long";
	for (u = (const unsigned char *)path; *u; u++)
		if (*u < 0x20 || *u == 0x7f)
			return "has a control character";
	if (path_is_absolute(path) || (path[0] == '.' && path[1] == '.' && (!path[2] || path[2] == '/')))
		return "leads out of the project";
	for (p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return streq(path, ".") ? "is the project itself" : "is not in its shortest form";
		if (is_git_component(p, n))
			return "lies in a git directory";
		p += n;
		p += *p == '/';
	}
	return NULL;
}

const char *path_name_refusal(const char *name)
{
	if (!*name || streq(name, ".") || streq(name, "..") || strchr(name, '/'))
		return "is no name of a file";
	return is_git_component(name, strlen(name)) ? "lies in a git directory" : NULL;
}

bool path_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (streq(dir, "."))
		return !path_is_absolute(path) && !(skip_prefix(path, "..", &path) && (!*path || *path == '/'));
	if (streq(dir, "/"))
		return path_is_absolute(path);
	return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

size_t path_dirlen(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

char *path_dir(const char *path)
{
	size_t n = path_dirlen(path);

	return n ? xstrndup(path, n) : xstrdup(path_is_absolute(path) ? "/" : ".");
}

char *path_stem(const char *path)
{
	const char *base = path_base(path);
	const char *dot = strrchr(base, '.');

	return dot && dot > base ? xstrndup(base, (size_t)(dot - base)) : xstrdup(base);
}

char *path_join(const char *a, const char *b)
{
	CLEANUP(strbuf_release) struct strbuf both = STRBUF_INIT, out = STRBUF_INIT;

	if (!path_is_absolute(b) && *a) {
		strbuf_addstr(&both, a);
		strbuf_addch(&both, '/');
	}
	strbuf_addstr(&both, b);
	path_normalize(both.buf, &out);
	return strbuf_detach(&out);
}

bool glob_is_pattern(const char *s)
{
	return strpbrk(s, "*?[\\") != NULL;
}

/* Matches the class at p ("[...]") against c; *next points behind it. A class that never ends is a plain '['. */
static bool class_match(const char *p, const char *end, char c, const char **next)
{
	const char *q = p + 1;
	bool negated = false, hit = false, first = true;

	if (q < end && (*q == '!' || *q == '^')) {
		negated = true;
		q++;
	}
	for (; q < end && (first || *q != ']'); first = false) {
		unsigned char lo = (unsigned char)*q, hi;

		if (lo == '\\' && q + 1 < end)
			lo = (unsigned char)*++q;
		hi = lo;
		q++;
		if (q + 1 < end && *q == '-' && q[1] != ']') {
			hi = (unsigned char)q[1];
			q += 2;
		}
		if ((unsigned char)c >= lo && (unsigned char)c <= hi)
			hit = true;
	}
	if (q >= end) {
		*next = p + 1;
		return c == '[';
	}
	*next = q + 1;
	return hit != negated;
}

static bool component_match(const char *p, const char *pe, const char *s, const char *se)
{
	const char *star_p = NULL, *star_s = NULL;

	if (s < se && *s == '.' && !(p < pe && (*p == '.' || (*p == '\\' && p + 1 < pe && p[1] == '.'))))
		return false;
	while (s < se || p < pe) {
		const char *next = p;
		bool ok = false;

		if (p < pe && *p == '*') {
			star_p = ++p;
			star_s = s;
			continue;
		}
		if (p < pe && s < se) {
			if (*p == '?') {
				ok = true;
				next = p + 1;
			} else if (*p == '[') {
				ok = class_match(p, pe, *s, &next);
			} else if (*p == '\\' && p + 1 < pe) {
				ok = p[1] == *s;
				next = p + 2;
			} else {
				ok = *p == *s;
				next = p + 1;
			}
		}
		if (ok) {
			p = next;
			s++;
		} else if (star_p && star_s < se) {
			p = star_p;
			s = ++star_s;
		} else {
			return false;
		}
	}
	return true;
}

static const char *component_end(const char *s)
{
	return s + strcspn(s, "/");
}

static bool is_starstar(const char *p, const char *pe)
{
	return pe - p == 2 && p[0] == '*' && p[1] == '*';
}

/* Has any component of path a leading '.', which '**' does not pass? */
static bool has_hidden(const char *path)
{
	return *path == '.' || strstr(path, "/.");
}

/* Backtracks to the last "**" only, which is enough and keeps hostile patterns from taking exponential time. */
bool glob_match(const char *pattern, const char *path)
{
	const char *p = pattern, *s = path, *back_p = NULL, *back_s = NULL;

	for (;;) {
		const char *pe = component_end(p), *se = component_end(s);

		if (*p && is_starstar(p, pe)) {
			if (!*pe)
				return *s && !has_hidden(s);
			back_p = p = pe + 1;
			back_s = s;
			continue;
		}
		if (!*p && !*s)
			return true;
		if (*p && *s && component_match(p, pe, s, se)) {
			if (!*pe && !*se)
				return true;
			if (*pe && *se) {
				p = pe + 1;
				s = se + 1;
				continue;
			}
		}
		if (!back_p || !*back_s || *back_s == '.')
			return false;
		back_s = component_end(back_s);
		if (!*back_s)
			return false;
		s = ++back_s;
		p = back_p;
	}
}

char *glob_fixed_dir(const char *pattern)
{
	size_t fixed = 0, i, n = strcspn(pattern, "*?[\\");

	for (i = 0; i < n; i++)
		if (pattern[i] == '/')
			fixed = i;
	return xstrndup(pattern, fixed);
}

/* Offers all below path to pattern. Directories with a leading '.' are entered if hidden: '**' alone does not. */
static void walk(const char *root, struct strbuf *path, const char *pattern, bool hidden, struct strvec *out)
{
	CLEANUP(strbuf_release) struct strbuf full = STRBUF_INIT;
	size_t len = path->len;
	struct dirent *e;
	DIR *dir;

	strbuf_addf(&full, "%s/%s", root, len ? path->buf : ".");
	dir = opendir(full.buf);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		struct stat st;
		bool is_dir = e->d_type == DT_DIR;

		if (streq(e->d_name, ".") || streq(e->d_name, "..") || streq(e->d_name, ".git"))
			continue;
		strbuf_setlen(path, len);
		if (len && path->buf[len - 1] != '/')
			strbuf_addch(path, '/');
		strbuf_addstr(path, e->d_name);
		if (glob_match(pattern, path->buf))
			strvec_push(out, path->buf);
		if (e->d_type == DT_UNKNOWN && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			is_dir = S_ISDIR(st.st_mode);
		if (is_dir && (hidden || *e->d_name != '.') && path->len < PATH_LIMIT)
			walk(root, path, pattern, hidden, out);
	}
	closedir(dir);
	strbuf_setlen(path, len);
}

/* Expands component by component, so that only directories which can match are read. */
static void expand(const char *root, struct strbuf *path, const char *whole, const char *rest, struct strvec *out)
{
	CLEANUP(strbuf_release) struct strbuf full = STRBUF_INIT;
	const char *end = component_end(rest);
	size_t len = path->len;
	struct dirent *e;
	DIR *dir;

	if (is_starstar(rest, end)) {
		walk(root, path, whole, strstr(rest, "/.") || strstr(rest, "/\\."), out);
		return;
	}
	strbuf_addf(&full, "%s/%s", root, len ? path->buf : ".");
	dir = opendir(full.buf);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		const char *name = e->d_name;

		if (streq(name, ".") || streq(name, "..") || streq(name, ".git"))
			continue;
		if (!component_match(rest, end, name, name + strlen(name)))
			continue;
		strbuf_setlen(path, len);
		if (len && path->buf[len - 1] != '/')
			strbuf_addch(path, '/');
		strbuf_addstr(path, name);
		if (!*end)
			strvec_push(out, path->buf);
		else if (path->len < PATH_LIMIT)
			expand(root, path, whole, end + 1, out);
	}
	closedir(dir);
	strbuf_setlen(path, len);
}

void glob_expand(const char *root, const char *pattern, struct strvec *out)
{
	CLEANUP(freep) char *fixed = glob_fixed_dir(pattern);
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct strvec found = STRVEC_INIT;
	const char *rest = pattern + strlen(fixed);
	size_t i;

	rest += *rest == '/';
	if (path_is_absolute(pattern))
		root = "";
	strbuf_addstr(&path, *fixed || !path_is_absolute(pattern) ? fixed : "/");
	expand(root, &path, pattern, rest, &found);
	strvec_sort(&found);
	strvec_uniq(&found);
	for (i = 0; i < found.n; i++)
		strvec_push_owned(out, found.v[i]);
	free(found.v);
}
