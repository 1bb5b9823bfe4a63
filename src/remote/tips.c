/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is parsed of what a remote says: refs, listings, paths of payloads. Every line is hostile; one that is not as it should be
 * is passed over, which at worst makes something count as absent. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "remote/transport.h"
#include "util/text.h"

#define PREFIX "refs/mlmake/log/"
#define WRITER_LIMIT 100
#define HEX_SHA1 40
#define HEX_SHA256 64

/* As the lineage has it. */
bool writer_is_good(const char *writer)
{
	size_t i;

	for (i = 0; writer[i]; i++)
		if (!isalnum((unsigned char)writer[i]) && writer[i] != '_' && (writer[i] != '-' || !i))
			return false;
	return i > 0 && i <= WRITER_LIMIT;
}

bool commit_is_good(const char *id)
{
	size_t n = strspn(id, "0123456789abcdef");

	return !id[n] && (n == HEX_SHA1 || n == HEX_SHA256) && strspn(id, "0") < n;
}

struct tip *tips_add(struct tips *t, const char *writer, const char *id)
{
	ALLOC_GROW(t->v, t->n + 1, t->cap);
	t->v[t->n] = (struct tip){.writer = xstrdup(writer), .id = id ? xstrdup(id) : NULL};
	return &t->v[t->n++];
}

struct tip *tips_find(const struct tips *t, const char *writer)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (streq(t->v[i].writer, writer))
			return &t->v[i];
	return NULL;
}

static int by_writer(const void *a, const void *b)
{
	return strcmp(((const struct tip *)a)->writer, ((const struct tip *)b)->writer);
}

void tips_sort(struct tips *t)
{
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), by_writer);
}

void tips_release(struct tips *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->v[i].writer);
		free(t->v[i].id);
		free(t->v[i].old);
	}
	free(t->v);
	*t = (struct tips)TIPS_INIT;
}

void tips_parse(const char *text, struct tips *out)
{
	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));
		char *tab = strchr(line, '\t');
		const char *writer;

		text += strlen(line);
		text += *text == '\n';
		if (!tab)
			continue;
		*tab = '\0';
		if (commit_is_good(line) && skip_prefix(tab + 1, PREFIX, &writer) && writer_is_good(writer) &&
		    !tips_find(out, writer))
			tips_add(out, writer, line);
	}
}

/* "<flag>\t<from>:<to>\t<summary>", where flag is ' ' or '*' or '=' for one that arrived. */
static void read_pushed(char *line, struct tips *tips, char **refused)
{
	char *ref = line[0] && line[1] == '\t' ? strchr(line + 2, ':') : NULL;
	char *summary = ref ? strchr(ref, '\t') : NULL;
	const char *writer;
	struct tip *tip;

	if (!summary)
		return;
	*summary++ = '\0';
	tip = skip_prefix(ref + 1, PREFIX, &writer) ? tips_find(tips, writer) : NULL;
	if (tip && strchr(" *=", line[0]))
		tip->ok = true;
	else if (!*refused && skip_prefix(summary, "[remote rejected]", NULL) && !strstr(summary, "cannot lock ref") &&
		 !strstr(summary, "failed to update ref"))
		*refused = xstrfmt("%s: %s", ref + 1, summary);
}

void tips_pushed(const char *text, struct tips *tips, char **refused)
{
	*refused = NULL;
	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));

		text += strlen(line);
		text += *text == '\n';
		read_pushed(line, tips, refused);
	}
}

void payload_path(const struct digest *id, struct strbuf *out)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	strbuf_addf(out, "%.2s/%.2s/%s", hex, hex + 2, hex);
}

bool payload_parse_path(const char *s, struct digest *out)
{
	return strlen(s) == 6 + DIGEST_HEX && s[2] == '/' && s[5] == '/' && digest_parse(s + 6, out) &&
	       memcmp(s, s + 6, 2) == 0 && memcmp(s + 3, s + 8, 2) == 0;
}

static int by_id(const void *a, const void *b)
{
	return digest_cmp(&((const struct payload *)a)->id, &((const struct payload *)b)->id);
}

void payloads_sort(struct payload *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_id);
}

struct payload *payloads_find(struct payload *v, size_t n, const struct digest *id)
{
	struct payload key = {.id = *id};

	return n ? bsearch(&key, v, n, sizeof(*v), by_id) : NULL;
}

/* Digits up to a blank; -1 if it is no number that fits. */
static int64_t read_size(const char *s, const char **rest)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; isdigit((unsigned char)s[i]); i++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, s[i] - '0', &n))
			return -1;
	*rest = s + i + 1;
	return i && s[i] == ' ' ? n : -1;
}

void listing_parse(const char *text, size_t len, const struct payload *v, size_t n, void (*fn)(void *ctx, size_t i, int64_t size),
		   void *ctx)
{
	const char *end = text + len;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text)), *path;
		CLEANUP(freep) char *line = xstrndup(text, (size_t)((nl ? nl : end) - text));
		const struct payload *p = NULL;
		int64_t size = read_size(line, &path);
		struct digest id;

		text = nl ? nl + 1 : end;
		if (size >= 0 && payload_parse_path(path, &id))
			p = payloads_find((struct payload *)(uintptr_t)v, n, &id);
		if (p)
			fn(ctx, (size_t)(p - v), size);
	}
}

int64_t answer_size(const char *line, const char *hex)
{
	const char *rest;
	char *end;
	long long n;

	if (skip_prefix(line, "none ", &rest) && streq(rest, hex))
		return -1;
	if (!skip_prefix(line, "data ", &rest) || !skip_prefix(rest, hex, &rest) || *rest++ != ' ' || *rest < '0' || *rest > '9')
		return -2;
	errno = 0;
	n = strtoll(rest, &end, 10);
	return errno || *end ? -2 : n;
}

/* "aa/bb/<sha256>-<size>" */
static bool parse_kept(char *path, struct payload *p)
{
	char *dash = strchr(path, '-');

	if (!dash || !text_parse_int(dash + 1, 0, INT64_MAX, &p->size))
		return false;
	*dash = '\0';
	return payload_parse_path(path, &p->id);
}

void kept_parse(const char *text, struct payload **v, size_t *n, size_t *cap)
{
	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));
		char *tab = strchr(line, '\t');
		struct payload p = {.size = -1};

		text += strlen(line);
		text += *text == '\n';
		if (!tab || !parse_kept(tab + 1, &p))
			continue;
		ALLOC_GROW(*v, *n + 1, *cap);
		(*v)[(*n)++] = p;
	}
}

/* "[<sha256>] Object does not exist: ...", "... object not found: <url>/<sha256>", "expected OID <sha256>, got ..." */
static enum payload_state read_said(const char *line, const char *hex)
{
	const char *at = strstr(line, hex);

	if (!at)
		return PAYLOAD_UNKNOWN;
	if (at - line >= 12 && strncmp(at - 12, "xpected OID ", 12) == 0)
		return PAYLOAD_CORRUPT;
	return strstr(line, "does not exist") || strstr(line, "not found") ? PAYLOAD_MISSING : PAYLOAD_UNKNOWN;
}

enum payload_state lfs_said(const char *text, const char *hex)
{
	enum payload_state state = PAYLOAD_UNKNOWN;

	while (*text && state == PAYLOAD_UNKNOWN) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));

		text += strlen(line);
		text += *text == '\n';
		state = read_said(line, hex);
	}
	return state;
}

void bundles_release(struct bundles *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		free(b->v[i].writer);
		free(b->v[i].from);
		free(b->v[i].to);
	}
	free(b->v);
	*b = (struct bundles)BUNDLES_INIT;
}

static char *cut(char **at, char end)
{
	char *start = *at, *stop = start ? strchr(start, end) : NULL;

	if (stop)
		*stop = '\0';
	*at = stop ? stop + 1 : NULL;
	return start;
}

/* "<size> <writer>/<length>.<from>.<to>.<size>.bundle" */
static bool parse_bundle(char *line, struct bundle *b)
{
	char *at = line, *size = cut(&at, ' '), *writer = cut(&at, '/'), *length = cut(&at, '.'), *from = cut(&at, '.');
	char *to = cut(&at, '.'), *promised = cut(&at, '.');

	if (!at || !streq(at, "bundle") || !streq(size, promised) || !writer_is_good(writer) || !commit_is_good(to) ||
	    (!streq(from, "0") && !commit_is_good(from)) || !text_parse_int(length, 1, BUNDLE_LENGTH, &b->length) ||
	    !text_parse_int(size, 1, INT64_MAX, &b->size) || streq(from, to))
		return false;
	b->writer = xstrdup(writer);
	b->from = xstrdup(from);
	b->to = xstrdup(to);
	return true;
}

void bundles_parse(const char *text, struct bundles *out)
{
	while (*text) {
		CLEANUP(freep) char *line = xstrndup(text, strcspn(text, "\n"));
		struct bundle b = {NULL, NULL, NULL, 0, 0};

		text += strlen(line);
		text += *text == '\n';
		if (!parse_bundle(line, &b))
			continue;
		ALLOC_GROW(out->v, out->n + 1, out->cap);
		out->v[out->n++] = b;
	}
}
