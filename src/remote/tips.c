/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is parsed of what a remote says: refs, listings, paths of payloads. Every line is hostile; one that is not as it should be
 * is passed over, which at worst makes something count as absent. */
#include <config.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "remote/transport.h"

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
