/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/record.h"

#include <stdlib.h>
#include <string.h>

#include "util/text.h"

static const char *const kind_names[] = {"cmd",     "code", "data",  "env",   "lock",
					 "metrics", "outs", "param", "plots", "var"};

const char *fact_kind_name(enum fact_kind kind)
{
	return kind_names[kind];
}

static int compare_facts(const void *a, const void *b)
{
	const struct record_fact *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->name, y->name);
}

void record_sort(struct record *r)
{
	size_t i;

	for (i = 1; i < r->n_facts; i++)
		if (compare_facts(&r->facts[i - 1], &r->facts[i]) > 0) {
			qsort(r->facts, r->n_facts, sizeof(*r->facts), compare_facts);
			return;
		}
}

/* Names that stand before something else hold no blanks. */
static void add_word(struct strbuf *out, const char *s)
{
	size_t n;

	for (; *s; s += n) {
		n = strcspn(s, " ");
		text_add_escaped(out, s, n, false);
		if (s[n] == ' ') {
			strbuf_addstr(out, "\\x20");
			n++;
		}
	}
}

static void add_hex(struct strbuf *out, const struct digest *d)
{
	strbuf_grow(out, DIGEST_HEX);
	digest_hex(d, out->buf + out->len);
	out->len += DIGEST_HEX;
}

static void add_fact(struct strbuf *out, const struct record_fact *f, bool sizes)
{
	strbuf_addstr(out, kind_names[f->kind]);
	strbuf_addch(out, ' ');
	if (f->kind == FACT_CMD) {
		text_add_escaped(out, f->value, strlen(f->value), false);
	} else if (fact_is_input_file(f->kind) || fact_is_output(f->kind)) {
		strbuf_addch(out, content_letter(f->content.kind));
		strbuf_addch(out, ' ');
		add_hex(out, &f->content.id);
		if (sizes) {
			strbuf_addch(out, ' ');
			strbuf_addu(out, (uint64_t)f->content.size);
		}
		strbuf_addch(out, ' ');
		text_add_escaped(out, f->name, strlen(f->name), false);
	} else {
		add_word(out, f->name);
		if (f->value) {
			strbuf_addstr(out, " \"");
			text_add_escaped(out, f->value, strlen(f->value), false);
			strbuf_addch(out, '"');
		} else {
			strbuf_addstr(out, " -");
		}
	}
	strbuf_addch(out, '\n');
}

void record_key(const struct record *r, struct digest *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	strbuf_grow(&text, 512);
	strbuf_addstr(&text, "mlmake-key 1\n");
	for (i = 0; i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];

		if (fact_is_output(f->kind)) {
			strbuf_addstr(&text, kind_names[f->kind]);
			strbuf_addch(&text, ' ');
			strbuf_addstr(&text, f->name);
			strbuf_addch(&text, '\n');
		} else {
			add_fact(&text, f, false);
		}
	}
	digest_bytes(text.buf, text.len, out);
}

void record_write(const struct record *r, bool local, struct strbuf *out)
{
	size_t i;

	strbuf_addch(out, '[');
	text_add_escaped(out, r->instance, strlen(r->instance), false);
	strbuf_addstr(out, "]\nkey ");
	add_hex(out, &r->key);
	strbuf_addch(out, '\n');
	for (i = 0; i < r->n_facts; i++)
		add_fact(out, &r->facts[i], true);
	if (local && r->written) {
		strbuf_addstr(out, "as ");
		text_add_escaped(out, r->written, strlen(r->written), false);
		strbuf_addch(out, '\n');
	}
	if (local && r->run)
		strbuf_addf(out, "run %s %jd %jd\n", r->run, (intmax_t)r->started, (intmax_t)r->duration);
	strbuf_addch(out, '\n');
}

static bool is_local(const char *line, size_t n)
{
	return (n >= 4 && memcmp(line, "run ", 4) == 0) || (n >= 3 && memcmp(line, "as ", 3) == 0);
}

void record_strip_local(const char *text, size_t n, struct strbuf *out)
{
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl + 1 : end) - text);

		if (!is_local(text, len))
			strbuf_add(out, text, len);
		text += len;
	}
}

/* The rest of a line, word by word. */
struct cursor {
	const char *at, *end;
};

static bool take_word(struct cursor *c, const char **word, size_t *n)
{
	const char *blank = memchr(c->at, ' ', (size_t)(c->end - c->at));

	*word = c->at;
	*n = (size_t)((blank ? blank : c->end) - c->at);
	c->at = blank ? blank + 1 : c->end;
	return *n > 0;
}

static bool take_digest(struct cursor *c, struct digest *out)
{
	const char *word;
	size_t n;

	return take_word(c, &word, &n) && n == DIGEST_HEX && digest_parse(word, out);
}

static bool take_number(struct cursor *c, int64_t *out)
{
	const char *word;
	uint64_t v = 0;
	size_t n, i;

	if (!take_word(c, &word, &n) || n > 19) /* 19 digits fit into 64 bits without a sign */
		return false;
	for (i = 0; i < n; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		v = 10 * v + (uint64_t)(word[i] - '0');
	}
	*out = (int64_t)v;
	return v <= INT64_MAX;
}

static const char *unescaped(struct arena *a, const char *s, const char *end)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (!memchr(s, '\\', (size_t)(end - s)))
		return memchr(s, '\0', (size_t)(end - s)) ? NULL : arena_strndup(a, s, (size_t)(end - s));
	if (!text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	return arena_strndup(a, sb.buf, sb.len);
}

static bool parse_content(struct cursor *c, struct arena *a, struct record_fact *f)
{
	const char *word;
	size_t n;

	if (!take_word(c, &word, &n) || n != 1 || !content_of_letter(*word, &f->content.kind))
		return false;
	if (!take_digest(c, &f->content.id) || !take_number(c, &f->content.size) || c->at == c->end)
		return false;
	f->name = unescaped(a, c->at, c->end);
	return f->name != NULL;
}

static bool parse_value(struct cursor *c, struct arena *a, struct record_fact *f)
{
	const char *word;
	size_t n;

	if (!take_word(c, &word, &n) || !(f->name = unescaped(a, word, word + n)))
		return false;
	if (c->end - c->at == 1 && *c->at == '-')
		return true;
	if (c->end - c->at < 2 || *c->at != '"' || c->end[-1] != '"')
		return false;
	f->value = unescaped(a, c->at + 1, c->end - 1);
	return f->value != NULL;
}

static bool parse_fact(struct cursor *c, struct arena *a, const char *word, size_t n, struct record_fact *f)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kind_names); k++)
		if (strlen(kind_names[k]) == n && memcmp(kind_names[k], word, n) == 0)
			break;
	if (k == ARRAY_SIZE(kind_names))
		return false;
	memset(f, 0, sizeof(*f));
	f->kind = (enum fact_kind)k;
	if (f->kind == FACT_CMD) {
		f->name = "";
		f->value = unescaped(a, c->at, c->end);
		return f->value != NULL;
	}
	if (fact_is_input_file(f->kind) || fact_is_output(f->kind))
		return parse_content(c, a, f);
	return parse_value(c, a, f);
}

static bool parse_run(struct cursor *c, struct arena *a, struct record *r)
{
	const char *word;
	size_t n;

	if (!take_word(c, &word, &n))
		return false;
	r->run = arena_strndup(a, word, n);
	return take_number(c, &r->started) && take_number(c, &r->duration);
}

static size_t count_lines(const char *text, const char *end)
{
	size_t n = 0;

	while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
		n++;
		text++;
	}
	return n;
}

int record_parse(const char *text, size_t n, struct arena *a, struct record *r, struct err *err)
{
	const char *end = text + n, *nl, *word;
	size_t len, line = 1;
	bool has_key = false;

	memset(r, 0, sizeof(*r));
	nl = memchr(text, '\n', n);
	if (!nl || nl - text < 3 || text[0] != '[' || nl[-1] != ']' || !(r->instance = unescaped(a, text + 1, nl - 1)))
		return err_set(err, ERR_PARSE, "line 1 of the record is no '[instance]'");
	r->facts = arena_alloc(a, count_lines(nl, end) * sizeof(*r->facts));
	for (text = nl + 1; text < end; text = nl + 1) {
		struct cursor c;

		nl = memchr(text, '\n', (size_t)(end - text));
		if (!nl)
			return err_set(err, ERR_PARSE, "the record of '%s' is cut off", r->instance);
		c = (struct cursor){text, nl};
		line++;
		if (nl == text)
			continue;
		if (!take_word(&c, &word, &len))
			goto bad;
		if (len == 3 && memcmp(word, "key", 3) == 0) {
			has_key = take_digest(&c, &r->key);
			if (!has_key)
				goto bad;
		} else if (len == 3 && memcmp(word, "run", 3) == 0) {
			if (!parse_run(&c, a, r))
				goto bad;
		} else if (len == 2 && memcmp(word, "as", 2) == 0) {
			r->written = unescaped(a, c.at, c.end);
			if (!r->written)
				goto bad;
		} else if (parse_fact(&c, a, word, len, &r->facts[r->n_facts])) {
			r->n_facts++;
		} else {
			goto bad;
		}
	}
	if (!has_key)
		return err_set(err, ERR_PARSE, "the record of '%s' has no key", r->instance);
	record_sort(r);
	return 0;
bad:
	return err_set(err, ERR_PARSE, "line %zu of the record of '%s' is malformed", line, r->instance);
}

bool record_peek_key(const char *text, size_t n, struct digest *out)
{
	const char *nl = memchr(text, '\n', n);

	if (!nl || text + n - nl < DIGEST_HEX + 6 || memcmp(nl + 1, "key ", 4) != 0)
		return false;
	return digest_parse(nl + 5, out);
}

bool record_take(struct record *r, const char *text, size_t n, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf mine = STRBUF_INIT;
	const char *nl = memchr(text, '\n', n), *end = text + n;
	struct cursor c;
	size_t i;

	if (!nl || !record_peek_key(text, n, &r->key))
		return false;
	strbuf_grow(&mine, n);
	for (i = 0; i < r->n_facts; i++)
		add_fact(&mine, &r->facts[i], true);
	text = nl + 1 + 4 + DIGEST_HEX + 1; /* behind "key <sha256>" and its newline */
	if (text > end || (size_t)(end - text) < mine.len || memcmp(text, mine.buf, mine.len) != 0)
		return false;
	text += mine.len;
	while (is_local(text, (size_t)(end - text))) {
		nl = memchr(text, '\n', (size_t)(end - text));
		c = (struct cursor){text + 4, nl ? nl : end};
		if (*text == 'r' && !parse_run(&c, a, r)) /* as it is written now is known better */
			return false;
		text = nl ? nl + 1 : end;
	}
	return text >= end || *text == '\n';
}

const struct record_fact *record_find(const struct record *r, enum fact_kind kind, const char *name)
{
	struct record_fact want = {.kind = kind, .name = name};

	if (!r->n_facts)
		return NULL;
	return bsearch(&want, r->facts, r->n_facts, sizeof(*r->facts), compare_facts);
}
