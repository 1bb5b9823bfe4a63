/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/manifest.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/pool.h"
#include "util/text.h"

#define DIGITS "0123456789abcdef"
#define ALONE 4096 /* so few entries are not worth a thread */

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

static void add_line(struct strbuf *out, const struct manifest_entry *e, enum content_kind group, bool parts)
{
	switch (group) {
	case CONTENT_DIR:
		strbuf_addstr(out, parts ? "#part " : "#dir ");
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
				add_line(out, &m->v[i], groups[g], m->parts);
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
	if ((s = behind(line, end, "#part "))) {
		m->parts = true;
		return (s = take_digest(s, end, &id)) && end - s == 1 && strchr(DIGITS, *s) &&
		       add_checked(m, CONTENT_DIR, take(s, end, false), NULL, &id);
	}
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

/* Where there are parts there is nothing else: a #dir line would be written as one, and so be found out below. */
static bool only_parts(const struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->v[i].kind != CONTENT_DIR)
			return false;
	return true;
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
	if (m->parts && !only_parts(m))
		return refuse(m, err, "holds parts and others", number);
	manifest_write(m, &again);
	if (again.len != n || memcmp(again.buf, text, n) != 0)
		return refuse(m, err, "not in its one canonical form", number);
	return 0;
}

/* ---- parts ---- */

/* The digits that decide where name belongs, the first one uppermost. */
static uint64_t place_of(const char *name)
{
	struct digest d;
	uint64_t head;

	digest_bytes(name, strlen(name), &d);
	memcpy(&head, d.b, sizeof(head));
	return be64toh(head);
}

static unsigned digit_at(uint64_t place, int level)
{
	return (unsigned)(place >> (60 - 4 * level)) & 15;
}

char manifest_digit(const char *name, int level)
{
	return DIGITS[digit_at(place_of(name), level)];
}

struct placed_entry {
	uint64_t place;
	size_t i;
};

struct emission {
	const struct manifest *m;
	const struct placed_entry *v; /* in order of place, then of name */
	int threads;
	bool failed; /* changed atomically */
	int (*emit)(void *ctx, const struct digest *id, const char *text, size_t n);
	void *ctx;
};

static int by_place(const void *a, const void *b)
{
	const struct placed_entry *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static int emit_text(struct emission *e, const struct manifest *m, struct digest *id)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	manifest_write(m, &text);
	digest_bytes(text.buf, text.len, id);
	return e->emit ? e->emit(e->ctx, id, text.buf, text.len) : 0;
}

/* The entries in v[lo..hi) as one text. Their names stay borrowed. */
static int emit_leaf(struct emission *e, size_t lo, size_t hi, struct digest *id)
{
	CLEANUP(freep) size_t *order = xcalloc(hi - lo, sizeof(*order));
	CLEANUP(freep) struct manifest_entry *entries = xcalloc(hi - lo, sizeof(*entries));
	struct manifest leaf = {entries, hi - lo, 0, false};
	size_t i;

	for (i = lo; i < hi; i++)
		order[i - lo] = e->v[i].i;
	qsort(order, hi - lo, sizeof(*order), by_index);
	for (i = 0; i < hi - lo; i++)
		entries[i] = e->m->v[order[i]];
	return emit_text(e, &leaf, id);
}

static int emit_part(struct emission *e, size_t lo, size_t hi, int level, struct digest *id);

/* The parts of v[lo..hi), by the digit of that level. */
struct cut {
	struct emission *e;
	int level;
	size_t n;
	struct part {
		size_t lo, hi;
		struct digest id;
	} parts[16];
};

static void cut_parts(struct cut *c, size_t lo, size_t hi)
{
	const struct placed_entry *v = c->e->v;

	for (; lo < hi; lo = c->parts[c->n++].hi) {
		size_t end = lo + 1;

		while (end < hi && digit_at(v[end].place, c->level) == digit_at(v[lo].place, c->level))
			end++;
		c->parts[c->n] = (struct part){.lo = lo, .hi = end};
	}
}

static void emit_one(void *ctx, size_t i)
{
	struct cut *c = ctx;
	struct part *p = &c->parts[i];

	if (!__atomic_load_n(&c->e->failed, __ATOMIC_RELAXED) && emit_part(c->e, p->lo, p->hi, c->level + 1, &p->id) < 0)
		__atomic_store_n(&c->e->failed, true, __ATOMIC_RELAXED);
}

static int emit_part(struct emission *e, size_t lo, size_t hi, int level, struct digest *id)
{
	CLEANUP(manifest_release) struct manifest list = MANIFEST_INIT;
	struct cut c = {.e = e, .level = level};
	size_t i;

	if (hi - lo <= MANIFEST_PART || level == MANIFEST_LEVELS)
		return emit_leaf(e, lo, hi, id);
	cut_parts(&c, lo, hi);
	pool_for(c.n, 1, level ? 1 : e->threads, emit_one, &c);
	if (__atomic_load_n(&e->failed, __ATOMIC_RELAXED))
		return -1;
	list.parts = true;
	for (i = 0; i < c.n; i++)
		manifest_add(&list, CONTENT_DIR, xstrfmt("%c", DIGITS[digit_at(e->v[c.parts[i].lo].place, level)]), NULL,
			     &c.parts[i].id);
	return emit_text(e, &list, id);
}

int manifest_emit(const struct manifest *m, int threads,
		  int (*emit)(void *ctx, const struct digest *id, const char *text, size_t n), void *ctx, struct digest *id)
{
	CLEANUP(freep) struct placed_entry *v = NULL;
	struct emission e = {m, NULL, m->n > ALONE ? threads : 1, false, emit, ctx};
	size_t i;

	if (m->n <= MANIFEST_PART)
		return emit_text(&e, m, id);
	v = xcalloc(m->n, sizeof(*v));
	for (i = 0; i < m->n; i++)
		v[i] = (struct placed_entry){place_of(m->v[i].name), i};
	qsort(v, m->n, sizeof(*v), by_place);
	e.v = v;
	return emit_part(&e, 0, m->n, 0, id);
}

void manifest_id(const struct manifest *m, struct digest *id)
{
	manifest_emit(m, pool_cpus(), NULL, NULL, id);
}

struct loading {
	struct manifest *m;
	int (*read)(void *ctx, const struct digest *id, struct strbuf *out, struct err *err);
	void *ctx;
	struct err *err;
};

static int misplaced(const struct loading *l, const char *why)
{
	return err_set(l->err, ERR_PARSE, "directory manifest in parts: %s", why);
}

/* Takes the entries of one text that holds some: those of the part that is called by the first level digits of prefix. */
static int load_leaf(struct loading *l, struct manifest *text, uint64_t prefix, int level)
{
	size_t i;

	if (level && !text->n)
		return misplaced(l, "one has no entries");
	if (text->n > MANIFEST_PART && level < MANIFEST_LEVELS)
		return misplaced(l, "a text has too many entries");
	for (i = 0; level && i < text->n; i++)
		if ((place_of(text->v[i].name) ^ prefix) >> (64 - 4 * level))
			return misplaced(l, "a name stands in the wrong one");
	for (i = 0; i < text->n; i++) {
		struct manifest_entry *e = &text->v[i];

		manifest_add(l->m, e->kind, e->name, e->target, &e->id);
		e->name = e->target = NULL;
	}
	return 0;
}

/* Each text that is read adds an entry of its own or is refused, so what a few hostile ones can cause is bounded. */
static int load_part(struct loading *l, const struct digest *id, uint64_t prefix, int level)
{
	CLEANUP(manifest_release) struct manifest text = MANIFEST_INIT;
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	size_t i, before = l->m->n;

	if (l->read(l->ctx, id, &bytes, l->err) < 0 || manifest_parse(&text, bytes.buf, bytes.len, l->err) < 0)
		return -1;
	strbuf_release(&bytes);
	if (!text.parts)
		return load_leaf(l, &text, prefix, level);
	if (level == MANIFEST_LEVELS)
		return misplaced(l, "too many levels");
	for (i = 0; i < text.n; i++) {
		uint64_t digit = (uint64_t)(strchr(DIGITS, *text.v[i].name) - DIGITS);

		if (load_part(l, &text.v[i].id, prefix | digit << (60 - 4 * level), level + 1) < 0)
			return -1;
	}
	return l->m->n - before > MANIFEST_PART ? 0 : misplaced(l, "so few entries belong in one text");
}

int manifest_load(struct manifest *m, const struct digest *id,
		  int (*read)(void *ctx, const struct digest *id, struct strbuf *out, struct err *err), void *ctx,
		  struct err *err)
{
	struct loading l = {m, read, ctx, err};

	*m = (struct manifest)MANIFEST_INIT;
	if (load_part(&l, id, 0, 0) < 0) {
		manifest_release(m);
		return -1;
	}
	manifest_sort(m);
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
