/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/release.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/path.h"
#include "util/text.h"

#define SECOND INT64_C(1000000000)
#define LATEST (INT64_MAX / SECOND)

/* ---- names and versions */

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool name_is_good(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_alnum(s[i]) && (i == 0 || i + 1 == n || !strchr("-_/", s[i])))
			return false;
	return n > 0;
}

bool release_name_is_good(const char *s)
{
	return name_is_good(s, strlen(s));
}

/* One of the three numbers: digits without a needless 0 in front, few enough to be counted. */
static const char *take_number(const char *s, int64_t *out)
{
	size_t n = strspn(s, "0123456789");

	if (!n || n > 15 || (n > 1 && *s == '0'))
		return NULL;
	*out = strtoll(s, NULL, 10);
	return s + n;
}

struct semver {
	int64_t n[3];
	const char *rest; /* "-rc.1", "+build", "" */
};

static bool take_version(const char *s, struct semver *v)
{
	size_t i;

	if (*s++ != 'v')
		return false;
	for (i = 0; i < 3; i++) {
		s = take_number(s, &v->n[i]);
		if (!s || (i < 2 && *s++ != '.'))
			return false;
	}
	v->rest = s;
	if (*s && *s != '-' && *s != '+')
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("-+.", *s))
			return false;
	return !*v->rest || v->rest[1];
}

bool release_version_is_good(const char *s)
{
	struct semver v;

	return take_version(s, &v);
}

/* What comes before a release is earlier than it; among those the order of bytes has to do. */
static int rest_order(const char *a, const char *b)
{
	bool before_a = *a == '-', before_b = *b == '-';

	return before_a != before_b ? (before_a ? -1 : 1) : strcmp(a, b);
}

int release_version_order(const char *a, const char *b)
{
	struct semver x = {{0}, ""}, y = {{0}, ""};
	size_t i;

	if (!take_version(a, &x) || !take_version(b, &y))
		return strcmp(a, b);
	for (i = 0; i < 3; i++)
		if (x.n[i] != y.n[i])
			return x.n[i] < y.n[i] ? -1 : 1;
	return rest_order(x.rest, y.rest);
}

char *release_version_next(const char *before, char bump)
{
	struct semver v = {{0}, ""};

	if (before && !take_version(before, &v))
		BUG("'%s' is no version", before);
	if (bump == 'M')
		return xstrfmt("v%" PRId64 ".0.0", v.n[0] + 1);
	if (bump == 'm')
		return xstrfmt("v%" PRId64 ".%" PRId64 ".0", v.n[0], v.n[1] + 1);
	return xstrfmt("v%" PRId64 ".%" PRId64 ".%" PRId64, v.n[0], v.n[1], v.n[2] + (*v.rest == '-' ? 0 : 1));
}

/* ---- the name of a tag */

char *release_tag_name(const struct release *r, const char *prefix)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (*prefix)
		strbuf_addf(&sb, "%s=", prefix);
	if (r->environment)
		strbuf_addf(&sb, "%s#%s", r->name, r->environment);
	else
		strbuf_addf(&sb, "%s@%s", r->name, r->version);
	if (r->kind == RELEASE_WITHDRAWN || r->kind == RELEASE_UNASSIGNED)
		strbuf_addch(&sb, '!');
	if (r->number)
		strbuf_addf(&sb, "#%" PRId64, r->number);
	return strbuf_detach(&sb);
}

/* "#7" at the end of s[0..n), which is cut off. False if there is something else behind a '#'. */
static bool take_counter(const char *s, size_t *n, int64_t *number)
{
	size_t digits = 0;

	while (digits < *n && isdigit((unsigned char)s[*n - 1 - digits]))
		digits++;
	*number = 0;
	if (!digits || digits == *n || s[*n - 1 - digits] != '#')
		return true;
	if (digits > 15)
		return false;
	*number = strtoll(s + *n - digits, NULL, 10);
	*n -= digits + 1;
	return true;
}

bool release_parse_name(const char *tag, const char *prefix, struct arena *a, struct release *r)
{
	const char *s = tag, *mark;
	size_t n, rest;
	bool cancel;

	memset(r, 0, sizeof(*r));
	if (*prefix && !(skip_prefix(tag, prefix, &s) && *s++ == '='))
		return false;
	n = strcspn(s, "@#");
	mark = s + n;
	if (!*mark || !name_is_good(s, n))
		return false;
	rest = strlen(mark + 1);
	if (!take_counter(mark + 1, &rest, &r->number))
		return false;
	cancel = rest && mark[rest] == '!';
	rest -= cancel;
	r->tag = arena_strdup(a, tag);
	r->name = arena_strndup(a, s, n);
	if (*mark == '#') {
		r->kind = cancel ? RELEASE_UNASSIGNED : RELEASE_ASSIGNED;
		r->environment = arena_strndup(a, mark + 1, rest);
		return release_name_is_good(r->environment);
	}
	r->kind = cancel ? RELEASE_WITHDRAWN : RELEASE_VERSION;
	r->version = arena_strndup(a, mark + 1, rest);
	return release_version_is_good(r->version);
}

/* ---- its text */

static const char *subject_verb(const struct release *r)
{
	return r->kind == RELEASE_VERSION ? "is" : r->kind == RELEASE_ASSIGNED ? "is in" : "is no longer in";
}

static void add_subject(const struct release *r, struct strbuf *out)
{
	size_t i;

	strbuf_addf(out, "%s%s%s %s", r->name, r->version ? " " : "", r->version ? r->version : "", subject_verb(r));
	if (r->environment)
		strbuf_addf(out, " %s", r->environment);
	for (i = 0; !r->environment && i < r->n_ships; i++) {
		strbuf_addstr(out, i ? ", " : " ");
		text_add_escaped(out, r->ships[i].path, strlen(r->ships[i].path), false);
	}
	strbuf_addstr(out, "\n\n");
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	if (!text)
		return;
	strbuf_addf(out, "Mlmake-%s: ", key);
	text_add_escaped(out, text, strlen(text), false);
	strbuf_addch(out, '\n');
}

static void add_ship(struct strbuf *out, const struct shipped *s)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&s->content.id, hex);
	strbuf_addf(out, "Mlmake-Ship: %c %s %" PRId64 " ", content_letter(s->content.kind), hex, s->content.size);
	text_add_escaped(out, s->path, strlen(s->path), false);
	strbuf_addch(out, '\n');
}

void release_write(const struct release *r, const char *prefix, struct strbuf *out)
{
	CLEANUP(freep) char *tag = release_tag_name(r, prefix);
	char id[GIT_ID_HEX + 1];
	size_t i;

	git_id_hex(&r->commit, id);
	strbuf_addf(out, "object %s\ntype commit\ntag %s\ntagger %s %" PRId64 " +0000\n\n", id, tag, r->who, r->when / SECOND);
	add_subject(r, out);
	add_text(out, "Deploy", "1");
	add_text(out, "Version", r->environment ? r->version : NULL);
	add_text(out, "Action", r->action);
	add_text(out, "Run", r->run);
	add_text(out, "Source", r->dirty == 1 ? "dirty" : r->dirty == 0 ? "clean" : "unknown");
	add_text(out, "How", r->how);
	add_text(out, "Because", r->because);
	for (i = 0; i < r->n_ships; i++)
		add_ship(out, &r->ships[i]);
}

/* The escaped text s..end in a; NULL if it is none. */
static const char *take_text(const char *s, const char *end, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (s == end || !text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	return arena_strdup(a, sb.buf);
}

static const struct shipped *find_ship(const struct release *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->n_ships; i++)
		if (streq(r->ships[i].path, path))
			return &r->ships[i];
	return NULL;
}

/* What lies within another one would be written through what that one brought. */
static bool overlaps_ship(const struct release *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->n_ships; i++)
		if (path_is_within(path, r->ships[i].path) || path_is_within(r->ships[i].path, path))
			return true;
	return false;
}

static void take_ship(const char *s, const char *end, struct arena *a, struct release *r)
{
	struct shipped ship;
	char *stop;

	if (end - s < DIGEST_HEX + 6 || !content_of_letter(*s, &ship.content.kind) || ship.content.kind == CONTENT_NONE ||
	    s[1] != ' ' || !digest_parse(s + 2, &ship.content.id) || s[2 + DIGEST_HEX] != ' ')
		return;
	s += 3 + DIGEST_HEX;
	if (!isdigit((unsigned char)*s))
		return;
	ship.content.size = strtoll(s, &stop, 10);
	if (stop >= end || *stop != ' ')
		return;
	ship.path = take_text(stop + 1, end, a);
	if (!ship.path || path_refusal(ship.path) || overlaps_ship(r, ship.path))
		return;
	r->ships = arena_grow(a, r->ships, r->n_ships, sizeof(*r->ships));
	r->ships[r->n_ships++] = ship;
}

static void take_trailer(const char *s, const char *end, struct arena *a, struct release *r)
{
	const struct { const char *key, **to; } texts[] = {{"Action: ", &r->action}, {"Run: ", &r->run}, {"How: ", &r->how},
							   {"Because: ", &r->because}};
	const char *version;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (strncmp(s, texts[i].key, strlen(texts[i].key)) == 0) {
			*texts[i].to = take_text(s + strlen(texts[i].key), end, a);
			return;
		}
	if (skip_prefix(s, "Ship: ", &s)) {
		take_ship(s, end, a, r);
	} else if (skip_prefix(s, "Source: ", &s)) {
		r->dirty = *s == 'd' ? 1 : *s == 'c' ? 0 : -1;
	} else if (skip_prefix(s, "Version: ", &s) && r->environment) {
		version = take_text(s, end, a);
		r->version = version && release_version_is_good(version) ? version : NULL;
	}
}

/* "Name <mail> 1732385109 +0100" */
static void take_tagger(const char *s, const char *end, struct arena *a, struct release *r)
{
	const char *mail = memchr(s, '>', (size_t)(end - s));
	long long seconds;

	if (!mail)
		return;
	r->who = arena_strndup(a, s, (size_t)(mail + 1 - s));
	seconds = end - mail > 2 && isdigit((unsigned char)mail[2]) ? strtoll(mail + 2, NULL, 10) : 0;
	if (seconds > 0 && seconds < LATEST)
		r->when = seconds * SECOND;
}

int release_parse(const char *text, size_t n, struct arena *a, struct release *r, struct err *err)
{
	const char *end = text + n, *s, *p;
	bool head = true, is_commit = false;

	r->dirty = -1;
	if (!skip_prefix(text, "object ", &s) || n < sizeof("object ") + GIT_ID_HEX || !git_id_parse(s, &r->commit))
		return err_set(err, ERR_PARSE, "'%s' is no tag", r->tag);
	for (; text < end; text = p + 1) {
		p = memchr(text, '\n', (size_t)(end - text));
		if (!p)
			p = end;
		if (p == text)
			head = false;
		else if (head && skip_prefix(text, "tagger ", &s))
			take_tagger(s, p, a, r);
		else if (head && skip_prefix(text, "type commit", NULL))
			is_commit = true;
		else if (!head && skip_prefix(text, "Mlmake-", &s))
			take_trailer(s, p, a, r);
	}
	return is_commit ? 0 : err_set(err, ERR_PARSE, "the tag '%s' stands on no commit", r->tag);
}

bool release_ships_same(const struct release *a, const struct release *b)
{
	size_t i;

	for (i = 0; i < a->n_ships; i++) {
		const struct shipped *other = find_ship(b, a->ships[i].path);

		if (!other || !content_eq(&other->content, &a->ships[i].content))
			return false;
	}
	return a->n_ships == b->n_ships && a->n_ships > 0;
}
