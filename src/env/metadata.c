/* SPDX-License-Identifier: GPL-3.0-or-later */
/* METADATA begins with header fields as those of mail: "Name: value", a field that goes on in lines that begin with a blank, up to
 * the first empty line. RECORD has a line "path,digest,size" for each file, with '"' around a path that holds ',' or '"' (which is doubled
 * then). */
#include <config.h>

#include "env/metadata.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/json.h"

static const char *line_end(const char *s, const char *end)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));

	return nl ? nl : end;
}

static void trim(const char **s, const char **end)
{
	while (*s < *end && strchr(" \t\r", **s))
		++*s;
	while (*end > *s && strchr(" \t\r\n", (*end)[-1]))
		--*end;
}

static void add_requirement(struct metadata *out, struct arena *a, const char *text, size_t n)
{
	struct requirement r;

	if (!requirement_parse(text, n, a, &r)) {
		out->wrong = true;
		return;
	}
	out->requires = arena_grow(a, out->requires, out->n_requires, sizeof(*out->requires));
	out->requires[out->n_requires++] = r;
}

static bool is_field(const char *s, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(s, name, n) == 0;
}

static void take_field(struct metadata *out, struct arena *a, const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *value = colon ? colon + 1 : NULL;
	size_t n;

	if (!value || memchr(line, '\0', (size_t)(end - line)))
		return;
	n = (size_t)(colon - line);
	trim(&value, &end);
	if (is_field(line, n, "Name") && !out->name)
		out->name = arena_strndup(a, value, (size_t)(end - value));
	else if (is_field(line, n, "Version") && !out->version)
		out->version = arena_strndup(a, value, (size_t)(end - value));
	else if (is_field(line, n, "Requires-Dist"))
		add_requirement(out, a, value, (size_t)(end - value));
}

void metadata_parse(const char *text, size_t n, struct arena *a, struct metadata *out)
{
	const char *s = text, *end = text + n, *stop;

	*out = (struct metadata){0};
	while (s < end && *s != '\n' && !(*s == '\r' && s + 1 < end && s[1] == '\n')) {
		for (stop = line_end(s, end); stop + 1 < end && strchr(" \t", stop[1]) && stop[1]; stop = line_end(stop + 1, end))
			;
		take_field(out, a, s, stop);
		s = stop < end ? stop + 1 : end;
	}
}

/* "[extra:marker]" as what a requirement below it has to fulfil. */
static const char *section_marker(const char *s, const char *end, struct arena *a)
{
	const char *colon = memchr(s, ':', (size_t)(end - s)), *extra_end = colon ? colon : end;
	CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT;

	requirement_normalize(s, (size_t)(extra_end - s), &name);
	if (!colon)
		return arena_fmt(a, "extra == '%s'", name.buf);
	if (!name.len)
		return arena_fmt(a, "(%.*s)", (int)(end - colon - 1), colon + 1);
	return arena_fmt(a, "(%.*s) and extra == '%s'", (int)(end - colon - 1), colon + 1, name.buf);
}

void metadata_parse_requires(const char *text, size_t n, struct arena *a, struct metadata *out)
{
	const char *s = text, *end = text + n, *marker = NULL, *stop;

	if (memchr(text, '\0', n)) {
		out->wrong = true;
		return;
	}
	for (; s < end; s = stop < end ? stop + 1 : end) {
		const char *from = s, *to = stop = line_end(s, end);

		trim(&from, &to);
		if (from == to || *from == '#')
			continue;
		if (*from == '[' && to[-1] == ']') {
			marker = section_marker(from + 1, to - 1, a);
			continue;
		}
		add_requirement(out, a, from, (size_t)(to - from));
		if (marker && out->n_requires) {
			struct requirement *r = &out->requires[out->n_requires - 1];

			r->marker = r->marker ? arena_fmt(a, "(%s) and %s", r->marker, marker) : marker;
		}
	}
}

bool metadata_each_file(const char *text, size_t n, void (*visit)(void *ctx, const char *path), void *ctx)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	const char *s = text, *end = text + n;

	while (s < end) {
		bool quoted = *s == '"', whole;

		strbuf_clear(&path);
		for (s += quoted; s < end && (quoted || (*s != ',' && *s != '\n' && *s != '\r')); s++) {
			if (quoted && *s == '"' && !(s + 1 < end && s[1] == '"'))
				break;
			s += quoted && *s == '"';
			strbuf_addch(&path, *s);
		}
		whole = !quoted || s < end;
		s = line_end(s, end);
		s += s < end;
		if (!whole)
			return false;
		if (path.len && !memchr(path.buf, '\0', path.len))
			visit(ctx, path.buf);
	}
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *metadata_editable(const char *text, size_t n)
{
	struct json *j = json_parse(text, n, NULL, NULL);
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	const char *url = json_str(json_get(j, "url")), *s;
	bool editable = json_bool(json_get(json_get(j, "dir_info"), "editable"));

	if (editable && url && skip_prefix(url, "file://", &s))
		for (; *s; s++) {
			bool escaped = *s == '%' && hex_digit(s[1]) >= 0 && hex_digit(s[2]) >= 0;

			strbuf_addch(&path, escaped ? (char)(hex_digit(s[1]) * 16 + hex_digit(s[2])) : *s);
			s += escaped ? 2 : 0;
		}
	json_free(j);
	return path.len && *path.buf == '/' && !memchr(path.buf, '\0', path.len) ? strbuf_detach(&path) : NULL;
}
