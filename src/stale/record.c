/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "stale/record.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/text.h"

#define ABSENT "absent "

static const char *const kind_names[] = {"cmd",     "code", "data",  "env",   "lock",
					 "metrics", "outs", "param", "plots", "value", "var"};

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

static void sort_facts(struct record_fact *v, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (compare_facts(&v[i - 1], &v[i]) > 0) {
			qsort(v, n, sizeof(*v), compare_facts);
			return;
		}
}

void record_sort(struct record *r)
{
	sort_facts(r->facts, r->n_facts);
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

/* A name that looks like what may stand before it is escaped. */
static void add_name(struct strbuf *out, const char *name)
{
	if (*name == '~' || *name == '<') {
		strbuf_addf(out, "\\x%02x", (unsigned char)*name);
		name++;
	}
	text_add_escaped(out, name, strlen(name), false);
}

static void add_content(struct strbuf *out, const struct record_fact *f, bool whole)
{
	strbuf_addch(out, content_letter(f->content.kind));
	strbuf_addch(out, ' ');
	if (whole || !f->has_meaning) {
		add_hex(out, &f->content.id);
		strbuf_addch(out, ' ');
	}
	if (whole) {
		strbuf_addu(out, (uint64_t)f->content.size);
		strbuf_addch(out, ' ');
	}
	if (f->has_meaning) {
		strbuf_addch(out, '~');
		add_hex(out, &f->meaning);
		strbuf_addch(out, ' ');
	}
	if (whole && f->by) {
		strbuf_addch(out, '<');
		add_word(out, f->by);
		strbuf_addch(out, ' ');
	}
	add_name(out, f->name);
}

/* whole: as it stands in a record, not in the key. */
static void add_fact(struct strbuf *out, const struct record_fact *f, bool whole)
{
	strbuf_addstr(out, kind_names[f->kind]);
	strbuf_addch(out, ' ');
	if (f->kind == FACT_CMD) {
		text_add_escaped(out, f->value, strlen(f->value), false);
	} else if (fact_is_input_file(f->kind) || fact_is_output(f->kind)) {
		add_content(out, f, whole);
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

static bool means_the_same(const struct record_fact *a, const struct record_fact *b)
{
	return a->has_meaning && b->has_meaning && a->content.kind == b->content.kind && digest_eq(&a->meaning, &b->meaning);
}

bool record_fact_same(const struct record_fact *a, const struct record_fact *b)
{
	if (fact_is_input_file(a->kind) || fact_is_output(a->kind))
		return a->has_meaning == b->has_meaning && (means_the_same(a, b) || content_eq(&a->content, &b->content));
	if (!a->value || !b->value)
		return a->value == b->value;
	return streq(a->value, b->value);
}

bool record_fact_reworded(const struct record_fact *a, const struct record_fact *b)
{
	return means_the_same(a, b) && !content_eq(&a->content, &b->content);
}

void record_key(const struct record *r, struct digest *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	strbuf_grow(&text, 512);
	strbuf_addstr(&text, "mlmake-key 3\n");
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

void record_name_brought(struct record *r, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct record_fact *f = (struct record_fact *)(uintptr_t)record_find(r, FACT_ENV, FACT_BROUGHT);
	char hex[DIGEST_HEX + 1];
	struct digest d;
	size_t i;

	for (i = 0; i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind))
			add_fact(&text, &r->facts[i], true);
	digest_bytes(text.buf, text.len, &d);
	digest_hex(&d, hex);
	if (!f) {
		f = &r->facts[r->n_facts++];
		*f = (struct record_fact){.kind = FACT_ENV, .name = FACT_BROUGHT};
	}
	f->value = arena_strndup(a, hex, DIGEST_HEX / 2); /* whole, it would look like the name of an object */
	record_sort(r);
	record_key(r, &r->key);
}

static void add_text_line(struct strbuf *out, const char *word, const char *text)
{
	strbuf_addf(out, "%s ", word);
	text_add_escaped(out, text, strlen(text), false);
	strbuf_addch(out, '\n');
}

static void add_acceptance(struct strbuf *out, const struct acceptance *acc)
{
	size_t i;

	strbuf_addf(out, "step %s ", acc->run);
	clock_iso(acc->when, out);
	strbuf_addch(out, ' ');
	add_hex(out, &acc->before);
	strbuf_addch(out, '\n');
	add_text_line(out, "by", acc->who);
	add_text_line(out, "because", acc->because);
	for (i = 0; i < acc->n_was; i++) {
		strbuf_addstr(out, "was ");
		add_fact(out, &acc->was[i], true);
	}
	for (i = 0; i < acc->n_added; i++) {
		strbuf_addf(out, "added %s ", kind_names[acc->added[i].kind]);
		text_add_escaped(out, acc->added[i].name, strlen(acc->added[i].name), false);
		strbuf_addch(out, '\n');
	}
}

void record_write(const struct record *r, bool local, struct strbuf *out)
{
	size_t i;

	strbuf_addch(out, '[');
	text_add_escaped(out, r->instance, strlen(r->instance), false);
	strbuf_addf(out, "]\n%s ", r->n_accepted ? "accepted" : "key");
	add_hex(out, &r->key);
	strbuf_addch(out, '\n');
	for (i = 0; i < r->n_facts; i++)
		add_fact(out, &r->facts[i], true);
	for (i = 0; i < r->n_taken; i++) {
		strbuf_addstr(out, "same ");
		add_fact(out, &r->taken[i], true);
	}
	for (i = 0; i < r->n_accepted; i++)
		add_acceptance(out, &r->accepted[i]);
	if (local && r->written)
		add_text_line(out, "as", r->written);
	for (i = 0; local && i < r->n_absent; i++)
		add_text_line(out, "absent", r->absent[i]);
	if (local && r->run)
		strbuf_addf(out, "run %s %jd %jd\n", r->run, (intmax_t)r->started, (intmax_t)r->duration);
	strbuf_addch(out, '\n');
}

static bool is_local(const char *line, size_t n)
{
	return (n >= 4 && memcmp(line, "run ", 4) == 0) || (n >= 3 && memcmp(line, "as ", 3) == 0) ||
	       (n >= sizeof(ABSENT) - 1 && memcmp(line, ABSENT, sizeof(ABSENT) - 1) == 0);
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
	return *n > 0 && !memchr(*word, '\0', *n);
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

static bool is_word(const char *word, size_t n, const char *what)
{
	return strlen(what) == n && memcmp(word, what, n) == 0;
}

static bool kind_of(const char *word, size_t n, enum fact_kind *out)
{
	size_t k;

	for (k = 0; k < ARRAY_SIZE(kind_names); k++)
		if (is_word(word, n, kind_names[k])) {
			*out = (enum fact_kind)k;
			return true;
		}
	return false;
}

static bool parse_content(struct cursor *c, struct arena *a, struct record_fact *f)
{
	const char *word;
	size_t n;

	if (!take_word(c, &word, &n) || n != 1 || !content_of_letter(*word, &f->content.kind))
		return false;
	if (!take_digest(c, &f->content.id) || !take_number(c, &f->content.size) || c->at == c->end)
		return false;
	if (fact_is_input_file(f->kind) && *c->at == '~') {
		c->at++;
		f->has_meaning = true;
		if (!take_digest(c, &f->meaning) || c->at == c->end)
			return false;
	}
	if ((f->kind == FACT_CODE || f->kind == FACT_DATA) && *c->at == '<') {
		c->at++;
		if (!take_word(c, &word, &n) || !(f->by = unescaped(a, word, word + n)) || c->at == c->end)
			return false;
	}
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
	memset(f, 0, sizeof(*f));
	if (!kind_of(word, n, &f->kind))
		return false;
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

static bool parse_step(struct cursor *c, struct arena *a, struct acceptance *acc)
{
	const char *run, *time;
	size_t n_run, n;

	memset(acc, 0, sizeof(*acc));
	if (!take_word(c, &run, &n_run) || !take_word(c, &time, &n) || !clock_parse_iso(time, n, &acc->when))
		return false;
	acc->run = arena_strndup(a, run, n_run);
	acc->who = acc->because = "";
	return take_digest(c, &acc->before) && c->at == c->end;
}

static bool parse_was(struct cursor *c, struct arena *a, struct acceptance *acc)
{
	const char *word;
	size_t n;

	acc->was = arena_grow(a, acc->was, acc->n_was, sizeof(*acc->was));
	return take_word(c, &word, &n) && parse_fact(c, a, word, n, &acc->was[acc->n_was++]);
}

static bool parse_added(struct cursor *c, struct arena *a, struct acceptance *acc)
{
	struct record_fact *f;
	const char *word;
	size_t n;

	acc->added = arena_grow(a, acc->added, acc->n_added, sizeof(*acc->added));
	f = &acc->added[acc->n_added++];
	memset(f, 0, sizeof(*f));
	return take_word(c, &word, &n) && kind_of(word, n, &f->kind) && (f->name = unescaped(a, c->at, c->end));
}

static bool parse_text(struct cursor *c, struct arena *a, const char **out)
{
	*out = unescaped(a, c->at, c->end);
	return *out != NULL;
}

/* The lines of an acceptance belong to the last `step`. */
static bool parse_of_acceptance(struct cursor *c, struct arena *a, const char *word, size_t n, struct record *r)
{
	struct acceptance *acc = r->n_accepted ? &r->accepted[r->n_accepted - 1] : NULL;

	if (is_word(word, n, "step")) {
		r->accepted = arena_grow(a, r->accepted, r->n_accepted, sizeof(*r->accepted));
		return parse_step(c, a, &r->accepted[r->n_accepted++]);
	}
	if (!acc)
		return false;
	if (is_word(word, n, "by"))
		return parse_text(c, a, &acc->who);
	if (is_word(word, n, "because"))
		return parse_text(c, a, &acc->because);
	if (is_word(word, n, "was"))
		return parse_was(c, a, acc);
	return is_word(word, n, "added") && parse_added(c, a, acc);
}

static void sort_acceptances(struct record *r)
{
	size_t i;

	for (i = 0; i < r->n_accepted; i++) {
		sort_facts(r->accepted[i].was, r->accepted[i].n_was);
		sort_facts(r->accepted[i].added, r->accepted[i].n_added);
	}
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

static bool parse_taken(struct cursor *c, struct arena *a, struct record *r)
{
	struct record_fact f;
	const char *word;
	size_t n;

	if (!take_word(c, &word, &n) || !parse_fact(c, a, word, n, &f) || !fact_is_output(f.kind))
		return false;
	r->taken = arena_grow(a, r->taken, r->n_taken, sizeof(*r->taken));
	r->taken[r->n_taken++] = f;
	return true;
}

static bool parse_absent(struct cursor *c, struct arena *a, struct record *r)
{
	r->absent = arena_grow(a, (void *)r->absent, r->n_absent, sizeof(*r->absent));
	return parse_text(c, a, &r->absent[r->n_absent++]);
}

int record_parse(const char *text, size_t n, struct arena *a, struct record *r, struct err *err)
{
	const char *end = text + n, *nl, *word;
	size_t len, line = 1;
	bool has_key = false, accepted = false;

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
		if (is_word(word, len, "key") || is_word(word, len, "accepted")) {
			if (has_key || !take_digest(&c, &r->key))
				goto bad;
			has_key = true;
			accepted = len > 3;
		} else if (is_word(word, len, "run")) {
			if (!parse_run(&c, a, r))
				goto bad;
		} else if (is_word(word, len, "as")) {
			if (!parse_text(&c, a, &r->written))
				goto bad;
		} else if (is_word(word, len, "absent")) {
			if (!parse_absent(&c, a, r))
				goto bad;
		} else if (is_word(word, len, "same")) {
			if (!parse_taken(&c, a, r))
				goto bad;
		} else if (parse_fact(&c, a, word, len, &r->facts[r->n_facts])) {
			r->n_facts++;
		} else if (!parse_of_acceptance(&c, a, word, len, r)) {
			goto bad;
		}
	}
	if (!has_key)
		return err_set(err, ERR_PARSE, "the record of '%s' has no key", r->instance);
	if (accepted != (r->n_accepted > 0))
		return err_set(err, ERR_PARSE, "the record of '%s' does not say whether it was accepted or run", r->instance);
	record_sort(r);
	sort_acceptances(r);
	return 0;
bad:
	return err_set(err, ERR_PARSE, "line %zu of the record of '%s' is malformed", line, r->instance);
}

size_t record_block_len(const char *text, const char *end)
{
	const char *p = text, *nl;

	/* lines are long, so looking for their ends beats looking for the two newlines */
	while ((nl = memchr(p, '\n', (size_t)(end - p)))) {
		p = nl + 1;
		if (p < end && *p == '\n')
			return (size_t)(p + 1 - text);
	}
	return (size_t)(end - text);
}

/* The digits of the key, which is the second line; NULL if it is not. *accepted says which word stands before them. */
static const char *key_digits(const char *text, size_t n, bool *accepted)
{
	const char *nl = memchr(text, '\n', n), *digits;

	if (!nl || text + n - nl < DIGEST_HEX + 6)
		return NULL;
	*accepted = nl[1] == 'a';
	if (!skip_prefix(nl + 1, *accepted ? "accepted " : "key ", &digits))
		return NULL;
	return text + n - digits > DIGEST_HEX ? digits : NULL;
}

void record_each_absent(const char *text, size_t n, void (*visit)(void *ctx, const char *path), void *ctx)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;
	const char *end = text + n, *at = text, *nl;

	while ((at = memmem(at, (size_t)(end - at), "\n" ABSENT, sizeof(ABSENT)))) {
		at += sizeof(ABSENT);
		nl = memchr(at, '\n', (size_t)(end - at));
		strbuf_clear(&path);
		if (nl && text_unescape(&path, at, nl) && !memchr(path.buf, '\0', path.len))
			visit(ctx, path.buf);
	}
}

bool record_peek_key(const char *text, size_t n, struct digest *out, bool *accepted)
{
	bool mine;
	const char *digits = key_digits(text, n, accepted ? accepted : &mine);

	return digits && digest_parse(digits, out);
}

static bool is_taken(const char *line, size_t n)
{
	return n >= 5 && memcmp(line, "same ", 5) == 0;
}

bool record_take(struct record *r, const char *text, size_t n, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf mine = STRBUF_INIT;
	const char *nl, *end = text + n, *digits, *word;
	struct cursor c;
	bool accepted;
	size_t i, len;

	digits = key_digits(text, n, &accepted);
	if (!digits || accepted || !digest_parse(digits, &r->key))
		return false;
	strbuf_grow(&mine, n);
	for (i = 0; i < r->n_facts; i++)
		add_fact(&mine, &r->facts[i], true);
	text = digits + DIGEST_HEX + 1; /* behind its newline */
	if (text > end || (size_t)(end - text) < mine.len || memcmp(text, mine.buf, mine.len) != 0)
		return false;
	text += mine.len;
	while (is_local(text, (size_t)(end - text)) || is_taken(text, (size_t)(end - text))) {
		nl = memchr(text, '\n', (size_t)(end - text));
		c = (struct cursor){text, nl ? nl : end};
		take_word(&c, &word, &len);
		if ((*text == 'r' && !parse_run(&c, a, r)) || (*text == 's' && !parse_taken(&c, a, r)) ||
		    (len == sizeof(ABSENT) - 2 && !parse_absent(&c, a, r))) /* as it is written now is known better */
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

/* ---- what people accepted ---- */

static void facts_digest(const struct record *r, struct digest *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&text, "mlmake-facts 1\n");
	for (i = 0; i < r->n_facts; i++)
		add_fact(&text, &r->facts[i], true);
	digest_bytes(text.buf, text.len, out);
}

static const struct record_fact *find_fact(const struct record_fact *v, size_t n, const struct record_fact *like)
{
	return n ? bsearch(like, v, n, sizeof(*v), compare_facts) : NULL;
}

void record_unaccept(const struct record *r, struct arena *a, struct record *out)
{
	const struct acceptance *acc = &r->accepted[r->n_accepted - 1];
	size_t i, n = 0;

	*out = *r;
	out->facts = arena_alloc(a, (r->n_facts + acc->n_was + 1) * sizeof(*out->facts));
	for (i = 0; i < r->n_facts; i++)
		if (!find_fact(acc->was, acc->n_was, &r->facts[i]) && !find_fact(acc->added, acc->n_added, &r->facts[i]))
			out->facts[n++] = r->facts[i];
	for (i = 0; i < acc->n_was; i++)
		out->facts[n++] = acc->was[i];
	out->n_facts = n;
	record_sort(out);
	record_key(out, &out->key);
	out->n_accepted--;
	out->written = NULL; /* that of r */
}

bool record_holds(const struct record *r)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct record at = *r;
	struct digest said;

	record_key(r, &said);
	if (!digest_eq(&said, &r->key))
		return false;
	while (at.n_accepted) {
		struct record before;

		record_unaccept(&at, &a, &before);
		facts_digest(&before, &said);
		if (!digest_eq(&said, &at.accepted[at.n_accepted - 1].before))
			return false;
		at = before;
	}
	return true;
}

/* Are two facts written alike? */
static bool stands_the_same(const struct record_fact *a, const struct record_fact *b)
{
	if (!record_fact_same(a, b) || a->content.size != b->content.size || !content_eq(&a->content, &b->content))
		return false;
	return a->by && b->by ? streq(a->by, b->by) : a->by == b->by;
}

void record_accept(struct record *r, const struct record *last, const struct acceptance *acc, struct arena *a)
{
	struct acceptance *now;
	size_t i;

	r->n_accepted = last->n_accepted + 1;
	r->accepted = arena_alloc(a, r->n_accepted * sizeof(*r->accepted));
	if (last->n_accepted)
		memcpy(r->accepted, last->accepted, last->n_accepted * sizeof(*r->accepted));
	now = &r->accepted[last->n_accepted];
	*now = *acc;
	now->was = arena_alloc(a, (last->n_facts + 1) * sizeof(*now->was));
	now->added = arena_alloc(a, (r->n_facts + 1) * sizeof(*now->added));
	now->n_was = now->n_added = 0;
	for (i = 0; i < last->n_facts; i++) {
		const struct record_fact *is = find_fact(r->facts, r->n_facts, &last->facts[i]);

		if (!is || !stands_the_same(&last->facts[i], is))
			now->was[now->n_was++] = last->facts[i];
	}
	for (i = 0; i < r->n_facts; i++)
		if (!find_fact(last->facts, last->n_facts, &r->facts[i]))
			now->added[now->n_added++] = r->facts[i];
	facts_digest(last, &now->before);
}
