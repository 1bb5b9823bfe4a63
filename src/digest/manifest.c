/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/text.h"

static bool is_git_spelling(const char *name, size_t n)
{
	while (n && (name[n - 1] == '.' || name[n - 1] == ' ')) /* as Windows and macOS shares fold them */
		n--;
	return (n == 4 && strncasecmp(name, ".git", 4) == 0) || (n == 5 && strncasecmp(name, "git~1", 5) == 0);
}

const char *manifest_name_refusal(const char *name)
{
	const unsigned char *p = (const unsigned char *)name;

	for (; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return "has a control character";
		if (*p == '/')
			return "has a '/'";
	}
	if (p == (const unsigned char *)name)
		return "is empty";
	if (p - (const unsigned char *)name > 255)
		return "is longer than 255 bytes";
	if (streq(name, ".") || streq(name, ".."))
		return "is no name of its own";
	if (is_git_spelling(name, strlen(name)))
		return "is a git directory";
	return NULL;
}

void manifest_add(struct manifest *m, enum content_kind kind, char *name, char *target, const struct digest *id)
{
	ALLOC_GROW(m->v, m->n + 1, m->cap);
	m->v[m->n++] = (struct manifest_entry){kind, name, target, *id};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct manifest_entry *)a)->name, ((const struct manifest_entry *)b)->name);
}

void manifest_sort(struct manifest *m)
{
	size_t i;

	for (i = 1; i < m->n; i++)
		if (by_name(&m->v[i - 1], &m->v[i]) > 0)
			break;
	if (i < m->n)
		qsort(m->v, m->n, sizeof(*m->v), by_name);
}

static void add_hex(struct strbuf *out, const struct digest *id)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	strbuf_add(out, hex, DIGEST_HEX);
}

static void add_escaped(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			strbuf_add(out, "\\n", 2);
		else if (*s == '\t')
			strbuf_add(out, "\\t", 2);
		else if (*s == '\\')
			strbuf_add(out, "\\\\", 2);
		else
			strbuf_addch(out, *s);
	}
}

/* A line as sha256sum writes it: one that begins with '\' has escapes in its name. */
static void add_file(struct strbuf *out, const struct manifest_entry *e)
{
	bool escaped = strchr(e->name, '\\') != NULL;

	if (escaped)
		strbuf_addch(out, '\\');
	add_hex(out, &e->id);
	strbuf_add(out, "  ", 2);
	if (escaped)
		add_escaped(out, e->name);
	else
		strbuf_addstr(out, e->name);
}

static void add_line(struct strbuf *out, const struct manifest_entry *e, enum content_kind group)
{
	switch (group) {
	case CONTENT_DIR:
		strbuf_add(out, "#dir ", 5);
		add_hex(out, &e->id);
		strbuf_add(out, "  ", 2);
		strbuf_addstr(out, e->name);
		break;
	case CONTENT_EXEC:
		strbuf_add(out, "#exec  ", 7);
		strbuf_addstr(out, e->name);
		break;
	case CONTENT_LINK:
		strbuf_add(out, "#link  ", 7);
		add_escaped(out, e->name);
		strbuf_addch(out, '\t');
		add_escaped(out, e->target);
		break;
	default:
		add_file(out, e);
		break;
	}
	strbuf_addch(out, '\n');
}

void manifest_write(const struct manifest *m, struct strbuf *out)
{
	static const enum content_kind groups[] = {CONTENT_DIR, CONTENT_EXEC, CONTENT_LINK, CONTENT_FILE};
	size_t g, i;

	strbuf_addstr(out, MANIFEST_LINE1);
	for (g = 0; g < ARRAY_SIZE(groups); g++)
		for (i = 0; i < m->n; i++)
			if (m->v[i].kind == groups[g] || (groups[g] == CONTENT_FILE && m->v[i].kind == CONTENT_EXEC))
				add_line(out, &m->v[i], groups[g]);
}

/* A name or target between s and end, without its escapes; NULL if it holds a NUL or a wrong escape. Owned. */
static char *take(const char *s, const char *end, bool escaped)
{
	struct strbuf out = STRBUF_INIT;

	if (memchr(s, '\0', (size_t)(end - s)))
		return NULL;
	if (!escaped)
		return xstrndup(s, (size_t)(end - s));
	if (!text_unescape(&out, s, end) || memchr(out.buf, '\0', out.len)) {
		strbuf_release(&out);
		return NULL;
	}
	return strbuf_detach(&out);
}

static const char *behind(const char *line, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - line) >= n && memcmp(line, prefix, n) == 0 ? line + n : NULL;
}

/* "<sha256>  " at s: the digest to *id; returns what follows, or NULL. */
static const char *take_digest(const char *s, const char *end, struct digest *id)
{
	if (end - s < DIGEST_HEX + 2 || !digest_parse(s, id) || memcmp(s + DIGEST_HEX, "  ", 2) != 0)
		return NULL;
	return s + DIGEST_HEX + 2;
}

static bool add_checked(struct manifest *m, enum content_kind kind, char *name, char *target, const struct digest *id)
{
	if (name && !manifest_name_refusal(name)) {
		manifest_add(m, kind, name, target, id);
		return true;
	}
	free(name);
	free(target);
	return false;
}

static bool parse_link(struct manifest *m, const char *s, const char *end)
{
	const char *tab = memchr(s, '\t', (size_t)(end - s));
	struct digest id;
	char *target;

	if (!tab || !(target = take(tab + 1, end, true)))
		return false;
	if (!*target || strlen(target) > MANIFEST_TARGET) {
		free(target);
		return false;
	}
	digest_bytes(target, strlen(target), &id);
	return add_checked(m, CONTENT_LINK, take(s, tab, true), target, &id);
}

/* Reads one line without its newline; executable names wait in exec for their files. */
static bool parse_line(struct manifest *m, struct manifest *exec, const char *line, const char *end)
{
	struct digest id = {{0}};
	const char *s;
	bool escaped;

	if ((s = behind(line, end, "#exec  ")))
		return add_checked(exec, CONTENT_EXEC, take(s, end, false), NULL, &id);
	if ((s = behind(line, end, "#link  ")))
		return parse_link(m, s, end);
	if ((s = behind(line, end, "#dir ")))
		return (s = take_digest(s, end, &id)) && add_checked(m, CONTENT_DIR, take(s, end, false), NULL, &id);
	escaped = line < end && *line == '\\';
	s = take_digest(line + escaped, end, &id);
	return s && add_checked(m, CONTENT_FILE, take(s, end, escaped), NULL, &id);
}

/* Marks the files that exec names. False if one is no file or a name stands twice. */
static bool mark_executable(struct manifest *m, struct manifest *exec)
{
	size_t i, j = 0;

	manifest_sort(m);
	manifest_sort(exec);
	for (i = 0; i < m->n; i++) {
		if (i && streq(m->v[i - 1].name, m->v[i].name))
			return false;
		if (j < exec->n && streq(exec->v[j].name, m->v[i].name)) {
			if (m->v[i].kind != CONTENT_FILE)
				return false;
			m->v[i].kind = CONTENT_EXEC;
			j++;
		}
	}
	return j == exec->n;
}

static int refuse(struct manifest *m, struct err *err, const char *what, size_t line)
{
	manifest_release(m);
	return err_set(err, ERR_PARSE, "directory manifest, line %zu: %s", line, what);
}

/* Reads leniently, writes what was understood and compares: then no second spelling of a directory can pass. */
int manifest_parse(struct manifest *m, const char *text, size_t n, struct err *err)
{
	CLEANUP(manifest_release) struct manifest exec = MANIFEST_INIT;
	CLEANUP(strbuf_release) struct strbuf again = STRBUF_INIT;
	const char *line = text, *end = text + n;
	size_t number;

	*m = (struct manifest)MANIFEST_INIT;
	line = behind(text, end, MANIFEST_LINE1);
	if (!line)
		return refuse(m, err, "does not begin with '#mlmake directory 1'", 1);
	for (number = 2; line < end; number++) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));

		if (!nl || !parse_line(m, &exec, line, nl))
			return refuse(m, err, "is no entry", number);
		line = nl + 1;
	}
	if (!mark_executable(m, &exec))
		return refuse(m, err, "a name stands twice or an executable one is no file", number);
	manifest_write(m, &again);
	if (again.len != n || memcmp(again.buf, text, n) != 0)
		return refuse(m, err, "not in its one canonical form", number);
	return 0;
}

void manifest_release(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->v[i].name);
		free(m->v[i].target);
	}
	free(m->v);
	*m = (struct manifest)MANIFEST_INIT;
}
