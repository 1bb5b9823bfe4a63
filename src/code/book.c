/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The key of an entry is the SHA-256 of the file (of a directory: of its manifest), with the language in its last byte; of what a filter
 * makes of a file, the SHA-256 of "normal 1" and the filter's text, each with its NUL, and the file's own; there FILE is that SHA-256. Its
 * text:
 *
 *     1 <sha256 or ->[ p]          version; the meaning; p: moves_path
 *     m LINE LEVEL MODULE NAME     imports; "-" for what is not there
 *     f LINE NAME
 *     u LINE NAME
 *     f 0 FILE                     of what a filter makes
 *
 * An entry of another version, or that is malformed, counts as absent. */
#include <config.h>

#include "code/book.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest/manifest.h"
#include "store/keyed.h"
#include "util/file.h"
#include "util/map.h"
#include "util/strbuf.h"
#include "util/text.h"

#define ENTRY_VERSION '1' /* another one whenever code_read() says something else of the same text */
#define DIRECTORY 0x7f /* in place of a language */

struct noted {
	char hex[DIGEST_HEX + 1]; /* of key */
	struct digest key;
	struct code_facts facts;
	bool fresh; /* not kept yet */
};

struct code_book {
	struct keyed *kept; /* NULL: none */
	struct statcache *cache;
	pthread_mutex_t mutex; /* of all below */
	struct arena arena;
	struct map by_key; /* hex -> struct noted */
	size_t n_fresh;
};

struct code_book *code_book_new(const char *dir, struct statcache *cache)
{
	struct code_book *b = xcalloc(1, sizeof(*b));

	b->kept = dir ? keyed_new(dir, "code") : NULL;
	b->cache = cache;
	pthread_mutex_init(&b->mutex, NULL);
	return b;
}

void code_book_free(struct code_book *b)
{
	if (!b)
		return;
	keyed_free(b->kept);
	pthread_mutex_destroy(&b->mutex);
	map_release(&b->by_key);
	arena_release(&b->arena);
	free(b);
}

/* ---- entries as text ---- */

static void write_entry(const struct code_facts *f, struct strbuf *out)
{
	char hex[DIGEST_HEX + 1] = "-";
	size_t i;

	if (f->has_meaning)
		digest_hex(&f->meaning, hex);
	strbuf_addf(out, "%c %s%s\n", ENTRY_VERSION, hex, f->moves_path ? " p" : "");
	for (i = 0; i < f->n_imports; i++) {
		const struct code_import *im = &f->imports[i];

		strbuf_addf(out, "%c %d ", "mfu"[im->how], im->line);
		if (im->how == IMPORT_MODULE)
			strbuf_addf(out, "%d %s ", im->level, *im->module ? im->module : "-");
		if (im->name)
			text_add_escaped(out, im->name, strlen(im->name), false);
		else
			strbuf_addch(out, '-');
		strbuf_addch(out, '\n');
	}
}

static bool take_number(const char **s, int *out)
{
	char *end;
	long n = strtol(*s, &end, 10);

	if (**s < '0' || **s > '9' || *end != ' ' || n > INT_MAX) /* strtol passes over blanks, and so over the end of a line */
		return false;
	*out = (int)n;
	*s = end + 1;
	return true;
}

/* The text of name from s to end, in a; NULL if it is malformed. */
static const char *take_name(struct arena *a, const char *s, const char *end)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (s == end || !text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	return arena_strndup(a, sb.buf, sb.len);
}

static bool read_import(struct arena *a, const char *s, const char *end, struct code_import *im)
{
	static const char hows[] = "mfu";
	const char *how = *s ? strchr(hows, *s) : NULL, *blank;

	memset(im, 0, sizeof(*im));
	if (!how || s[1] != ' ')
		return false;
	im->how = (enum code_import_how)(how - hows);
	s += 2;
	if (!take_number(&s, &im->line))
		return false;
	if (im->how == IMPORT_MODULE) {
		if (!take_number(&s, &im->level) || !(blank = memchr(s, ' ', (size_t)(end - s))))
			return false;
		im->module = blank - s == 1 && *s == '-' ? "" : arena_strndup(a, s, (size_t)(blank - s));
		s = blank + 1;
		if (end - s == 1 && *s == '-')
			return true;
	}
	im->name = take_name(a, s, end);
	return im->name != NULL;
}

static bool read_entry(struct arena *a, const char *s, size_t n, struct code_facts *f)
{
	const char *end = s + n, *nl = memchr(s, '\n', n);
	size_t rest = nl ? (size_t)(nl - s) : 0, i;

	memset(f, 0, sizeof(*f));
	if (rest < 3 || s[0] != ENTRY_VERSION || s[1] != ' ' || memchr(s, '\0', n) || end[-1] != '\n')
		return false;
	s += 2;
	f->has_meaning = *s != '-';
	if (f->has_meaning && (nl - s < DIGEST_HEX || !digest_parse(s, &f->meaning)))
		return false;
	s += f->has_meaning ? DIGEST_HEX : 1;
	f->moves_path = nl - s == 2 && s[0] == ' ' && s[1] == 'p';
	if (s != nl && !f->moves_path)
		return false;
	for (i = 0, s = nl + 1; s < end; s++)
		i += *s == '\n';
	f->imports = arena_alloc(a, (i + 1) * sizeof(*f->imports));
	for (s = nl + 1; s < end; s = nl + 1) {
		nl = memchr(s, '\n', (size_t)(end - s));
		if (!read_import(a, s, nl, &f->imports[f->n_imports++]))
			return false;
	}
	return true;
}

/* ---- looking up, reading, keeping ---- */

static void key_of(const struct content *c, int language, struct digest *key, char hex[DIGEST_HEX + 1])
{
	*key = c->id;
	key->b[DIGEST_LEN - 1] ^= (unsigned char)language;
	digest_hex(key, hex);
}

static const struct code_facts *look_up(struct code_book *b, const struct digest *key, const char *hex)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct noted *found, *n;

	pthread_mutex_lock(&b->mutex);
	found = map_get(&b->by_key, hex);
	if (!found && b->kept && keyed_find(b->kept, key, &text)) {
		n = arena_calloc(&b->arena, sizeof(*n));
		if (read_entry(&b->arena, text.buf, text.len, &n->facts)) {
			memcpy(n->hex, hex, sizeof(n->hex));
			n->key = *key;
			map_put(&b->by_key, n->hex, n);
			found = n;
		}
	}
	pthread_mutex_unlock(&b->mutex);
	return found ? &found->facts : NULL;
}

/* Copies f, which lives elsewhere. Of two threads that learnt the same the first counts. */
static const struct code_facts *note(struct code_book *b, const struct digest *key, const char *hex, const struct code_facts *f)
{
	struct noted *n;
	size_t i;

	pthread_mutex_lock(&b->mutex);
	n = map_get(&b->by_key, hex);
	if (!n) {
		n = arena_calloc(&b->arena, sizeof(*n));
		memcpy(n->hex, hex, sizeof(n->hex));
		n->key = *key;
		n->facts = *f;
		n->facts.imports = arena_alloc(&b->arena, (f->n_imports + 1) * sizeof(*f->imports));
		for (i = 0; i < f->n_imports; i++) {
			struct code_import *im = &n->facts.imports[i];

			*im = f->imports[i];
			im->module = im->module ? arena_strdup(&b->arena, im->module) : NULL;
			im->name = im->name ? arena_strdup(&b->arena, im->name) : NULL;
		}
		n->fresh = true;
		b->n_fresh++;
		map_put(&b->by_key, n->hex, n);
	}
	pthread_mutex_unlock(&b->mutex);
	return &n->facts;
}

const struct code_facts *code_book_get(struct code_book *b, const char *path, const struct content *c)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	static struct code_import import = {IMPORT_UNKNOWN, 1, 0, NULL, "import"};
	static const struct code_facts too_large = {.imports = &import, .n_imports = 1};
	enum code_language language = code_language(path);
	const struct code_facts *found;
	char hex[DIGEST_HEX + 1];
	struct code_facts f;
	struct digest key, is;

	if (!language || (c->kind != CONTENT_FILE && c->kind != CONTENT_EXEC))
		return NULL;
	if ((uint64_t)c->size > CODE_LIMIT)
		return language == CODE_PYTHON || language == CODE_NOTEBOOK ? &too_large : NULL;
	key_of(c, (int)language, &key, hex);
	found = look_up(b, &key, hex);
	if (found)
		return found;
	if (file_read(path, CODE_LIMIT, &text, NULL) < 0)
		return NULL;
	digest_bytes(text.buf, text.len, &is);
	if (!digest_eq(&is, &c->id))
		return NULL;
	code_read(language, text.buf, text.len, &a, &f);
	return note(b, &key, hex, &f);
}

/* ---- directories ---- */

struct listing {
	struct code_book *b;
	size_t top; /* length of the directory's own path */
	struct sha sha;
	bool any;   /* a file with a meaning is in it */
};

static void add_text(struct listing *l, const char *s)
{
	sha_update(&l->sha, s, strlen(s) + 1);
}

/* A directory in it is told by itself. */
static void add_entry(struct listing *l, const char *dir, const struct manifest_entry *e)
{
	CLEANUP(freep) char *path = xstrfmt("%s/%s", dir, e->name);
	const struct content c = {.kind = e->kind, .id = e->id};
	const struct code_facts *f = code_book_get(l->b, path, &c);
	bool known = f && f->has_meaning;
	char head[2] = {content_letter(e->kind), known ? '~' : '='};

	sha_update(&l->sha, head, sizeof(head));
	if (e->kind != CONTENT_DIR)
		sha_update(&l->sha, known ? f->meaning.b : e->id.b, DIGEST_LEN);
	add_text(l, e->name);
	l->any |= known;
}

static int add_level(void *ctx, const char *dir, const struct manifest *m)
{
	struct listing *l = ctx;
	size_t i;

	add_text(l, dir + l->top);
	for (i = 0; i < m->n; i++)
		add_entry(l, dir, &m->v[i]);
	add_text(l, "");
	return 0;
}

static bool meaning_of_dir(struct code_book *b, const char *path, const struct content *c, struct digest *out)
{
	struct listing l = {.b = b, .top = strlen(path)};
	struct code_facts f = {0};
	const struct code_facts *found;
	struct content now;
	char hex[DIGEST_HEX + 1];
	struct digest key;

	key_of(c, DIRECTORY, &key, hex);
	found = look_up(b, &key, hex);
	if (!found) {
		sha_init(&l.sha);
		add_text(&l, "directory 1");
		if (statcache_content(b->cache, path, true, &now, NULL) < 0 || !content_eq(&now, c) ||
		    statcache_manifests(b->cache, path, true, c, add_level, &l) != 0)
			return false;
		f.has_meaning = l.any;
		sha_final(&l.sha, &f.meaning);
		if (!f.has_meaning)
			memset(&f.meaning, 0, sizeof(f.meaning));
		found = note(b, &key, hex, &f);
	}
	*out = found->meaning;
	return found->has_meaning;
}

bool code_book_meaning(struct code_book *b, const char *path, const struct content *c, struct digest *out)
{
	const struct code_facts *f;

	if (c->kind == CONTENT_DIR)
		return meaning_of_dir(b, path, c, out);
	f = code_book_get(b, path, c);
	if (!f || !f->has_meaning)
		return false;
	*out = f->meaning;
	return true;
}

/* ---- filters ---- */

/* The digest of what, the filter and d. */
static void digest_with(const char *what, const char *cmd, const struct digest *d, struct digest *out)
{
	struct sha sha;

	sha_init(&sha);
	sha_update(&sha, what, strlen(what) + 1);
	sha_update(&sha, cmd, strlen(cmd) + 1);
	sha_update(&sha, d->b, DIGEST_LEN);
	sha_final(&sha, out);
}

bool code_book_normal(struct code_book *b, const char *cmd, const struct content *c, struct digest *out)
{
	const struct code_facts *found;
	char hex[DIGEST_HEX + 1];
	struct digest key;

	if (c->kind != CONTENT_FILE && c->kind != CONTENT_EXEC)
		return false;
	digest_with("normal 1", cmd, &c->id, &key);
	digest_hex(&key, hex);
	found = look_up(b, &key, hex);
	if (!found || !found->has_meaning)
		return false;
	*out = found->meaning;
	return true;
}

void code_book_note_normal(struct code_book *b, const char *cmd, const struct content *c, const struct digest *printed)
{
	char hex[DIGEST_HEX + 1], file[DIGEST_HEX + 1];
	struct code_import of = {.how = IMPORT_FILE, .name = file};
	struct code_facts f = {.has_meaning = true, .imports = &of, .n_imports = 1};
	struct digest key;

	digest_hex(&c->id, file);
	digest_with("normal 1", cmd, &c->id, &key);
	digest_hex(&key, hex);
	digest_with("normal form 1", cmd, printed, &f.meaning);
	note(b, &key, hex, &f);
}

/* ---- keeping ---- */

struct pruning {
	bool (*needed)(void *ctx, const struct digest *content);
	void *ctx;
};

static bool is_forgotten(void *ctx, const struct digest *key, const char *text, size_t len)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const struct pruning *p = ctx;
	struct digest content = *key;
	struct code_facts f;
	int language;

	if (!read_entry(&a, text, len, &f))
		return true;
	if (f.n_imports && f.imports[0].how == IMPORT_FILE && f.imports[0].line == 0)
		return !digest_parse(f.imports[0].name, &content) || !p->needed(p->ctx, &content);
	for (language = 0; language <= CODE_BY_FIRST_LINE; language++) {
		content.b[DIGEST_LEN - 1] = key->b[DIGEST_LEN - 1] ^ (unsigned char)language;
		if (p->needed(p->ctx, &content))
			return false;
	}
	content.b[DIGEST_LEN - 1] = key->b[DIGEST_LEN - 1] ^ DIRECTORY;
	return !p->needed(p->ctx, &content);
}

int code_book_prune(const char *dir, bool (*needed)(void *ctx, const struct digest *content), void *ctx, struct err *err)
{
	struct keyed *kept = keyed_new(dir, "code");
	struct pruning p = {needed, ctx};
	int got = keyed_prune(kept, is_forgotten, &p, err);

	keyed_free(kept);
	return got;
}

int code_book_save(struct code_book *b, struct err *err)
{
	struct keyed_item *items;
	struct strbuf *texts;
	struct map_slot *s;
	size_t i, n = 0;
	char name[48];
	int result;

	if (!b->kept || !b->n_fresh)
		return 0;
	items = xcalloc(b->n_fresh, sizeof(*items));
	texts = xcalloc(b->n_fresh, sizeof(*texts));
	for (i = 0; (s = map_next(&b->by_key, &i));) {
		struct noted *e = s->value;

		if (!e->fresh)
			continue;
		texts[n] = (struct strbuf)STRBUF_INIT;
		write_entry(&e->facts, &texts[n]);
		items[n] = (struct keyed_item){e->key, texts[n].buf, texts[n].len, 0};
		e->fresh = false;
		n++;
	}
	b->n_fresh = 0;
	keyed_name(name);
	result = keyed_add(b->kept, name, items, n, err);
	for (i = 0; i < n; i++)
		strbuf_release(&texts[i]);
	free(texts);
	free(items);
	return result;
}
