/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lineage/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "util/text.h"

#define LINE1 "# mlmake run 1\n"

void run_new_id(char out[40])
{
	time_t now = time(NULL);
	struct tm tm;
	unsigned salt = 0;
	char stamp[24] = "";

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) != sizeof(salt))
		salt = (unsigned)getpid();
	if (gmtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	snprintf(out, 40, "%s-%08x", stamp, salt);
}

static void add_text(struct strbuf *out, const char *word, const char *text)
{
	if (!text)
		return;
	strbuf_addf(out, "%s ", word);
	text_add_escaped(out, text, strlen(text), false);
	strbuf_addch(out, '\n');
}

static void add_field(struct strbuf *out, const char *before, const char *text)
{
	strbuf_addch(out, '\t');
	if (!text)
		return;
	strbuf_addstr(out, before);
	text_add_escaped(out, text, strlen(text), false);
}

static void add_part(struct strbuf *out, const struct run_part *p)
{
	char hex[DIGEST_HEX + 1] = "-";
	size_t i;

	if (p->has_key)
		digest_hex(&p->key, hex);
	strbuf_addf(out, "part %s %" PRId64 " %s ", p->result, p->duration, hex);
	text_add_escaped(out, p->name, strlen(p->name), false);
	strbuf_addch(out, '\n');
	add_text(out, "said", p->said);
	for (i = 0; i < p->n_reasons; i++) {
		const struct run_reason *why = &p->reasons[i];

		strbuf_addf(out, "why %s", why->kind);
		add_field(out, "", why->name);
		add_field(out, "=", why->old);
		add_field(out, "=", why->new);
		strbuf_addch(out, '\n');
	}
}

void run_write(const struct run *r, struct strbuf *out)
{
	char hex[GIT_ID_HEX + 1];
	size_t i;

	strbuf_addstr(out, LINE1);
	add_text(out, "id", r->id);
	strbuf_addf(out, "time %" PRId64 "\nduration %" PRId64 "\nsaved %" PRId64 "\n", r->time, r->duration, r->saved);
	add_text(out, "outcome", r->outcome);
	add_text(out, "author", r->author);
	add_text(out, "command", r->command);
	add_text(out, "because", r->because);
	add_text(out, "host", r->host);
	for (i = 0; i < r->n_machine; i++) {
		strbuf_addf(out, "machine %s ", r->machine[i].name);
		text_add_escaped(out, r->machine[i].value, strlen(r->machine[i].value), false);
		strbuf_addch(out, '\n');
	}
	add_text(out, "project", r->project && *r->project ? r->project : NULL);
	if (r->source)
		strbuf_addf(out, "source %s %s\n", r->source, r->dirty == 1 ? "dirty" : r->dirty == 0 ? "clean" : "unknown");
	if (r->has_tree) {
		git_id_hex(&r->tree, hex);
		strbuf_addf(out, "tree %s\n", hex);
	}
	for (i = 0; i < r->n_targets; i++)
		add_text(out, "target", r->targets[i]);
	for (i = 0; i < r->n_left; i++)
		add_text(out, "left", r->left[i]);
	for (i = 0; i < r->n_parts; i++)
		add_part(out, &r->parts[i]);
}

/* ---- reading */

/* The escaped text s..end, in a; NULL if it is wrong. */
static const char *take_text(const char *s, const char *end, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (!memchr(s, '\\', (size_t)(end - s)))
		return arena_strndup(a, s, (size_t)(end - s));
	if (!text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	return arena_strdup(a, sb.buf);
}

static bool take_number(const char *s, const char *end, int64_t *out)
{
	char *stop;

	if (s == end || *s < '0' || *s > '9')
		return false;
	*out = strtoll(s, &stop, 10);
	return stop == end;
}

static bool take_source(const char *s, const char *end, struct arena *a, struct run *r)
{
	struct git_id id;

	if (end - s < GIT_ID_HEX + 2 || !git_id_parse(s, &id) || s[GIT_ID_HEX] != ' ')
		return false;
	r->source = arena_strndup(a, s, GIT_ID_HEX);
	s += GIT_ID_HEX + 1;
	r->dirty = *s == 'd' ? 1 : *s == 'c' ? 0 : -1;
	return true;
}

/* "cpu AMD EPYC 7B13" */
static bool take_machine(const char *s, const char *end, struct arena *a, struct run *r)
{
	const char *blank = memchr(s, ' ', (size_t)(end - s)), *value = blank ? take_text(blank + 1, end, a) : NULL;

	if (!value || blank == s)
		return false;
	r->machine = arena_grow(a, r->machine, r->n_machine, sizeof(*r->machine));
	r->machine[r->n_machine++] = (struct run_fact){arena_strndup(a, s, (size_t)(blank - s)), value};
	return true;
}

static bool take_name(const char *s, const char *end, struct arena *a, const char ***v, size_t *n)
{
	*v = arena_grow(a, *v, *n, sizeof(**v));
	return ((*v)[(*n)++] = take_text(s, end, a)) != NULL;
}

/* "done 800000000 <key> train@1" */
static bool take_part(const char *s, const char *end, struct arena *a, struct run *r)
{
	struct run_part *p;
	const char *blank;

	r->parts = arena_grow(a, r->parts, r->n_parts, sizeof(*r->parts));
	p = memset(&r->parts[r->n_parts++], 0, sizeof(*p));
	blank = memchr(s, ' ', (size_t)(end - s));
	if (!blank)
		return false;
	p->result = arena_strndup(a, s, (size_t)(blank - s));
	s = blank + 1;
	blank = memchr(s, ' ', (size_t)(end - s));
	if (!blank || !take_number(s, blank, &p->duration))
		return false;
	s = blank + 1;
	p->has_key = end - s > DIGEST_HEX && digest_parse(s, &p->key);
	s += p->has_key ? DIGEST_HEX : 1;
	if (end - s < 2 || *s != ' ' || (!p->has_key && s[-1] != '-'))
		return false;
	p->name = take_text(s + 1, end, a);
	return p->name != NULL;
}

static bool take_said(const char *s, const char *end, struct arena *a, struct run *r)
{
	return r->n_parts && (r->parts[r->n_parts - 1].said = take_text(s, end, a));
}

static bool take_why(const char *s, const char *end, struct arena *a, struct run *r)
{
	struct run_part *p = r->n_parts ? &r->parts[r->n_parts - 1] : NULL;
	const char *fields[4], *ends[4];
	struct run_reason *why;
	size_t i;

	for (i = 0; i < 4; i++) {
		const char *tab = i < 3 ? memchr(s, '\t', (size_t)(end - s)) : end;

		if (!tab)
			return false;
		fields[i] = s;
		ends[i] = tab;
		s = tab + 1;
	}
	if (!p)
		return false;
	p->reasons = arena_grow(a, p->reasons, p->n_reasons, sizeof(*p->reasons));
	why = memset(&p->reasons[p->n_reasons++], 0, sizeof(*why));
	why->kind = take_text(fields[0], ends[0], a);
	why->name = take_text(fields[1], ends[1], a);
	why->old = fields[2] < ends[2] ? take_text(fields[2] + 1, ends[2], a) : NULL;
	why->new = fields[3] < ends[3] ? take_text(fields[3] + 1, ends[3], a) : NULL;
	return why->kind && why->name;
}

/* The line ends with a newline, before which no word goes on. */
static inline bool begins(const char *line, const char *word, size_t len, const char **rest)
{
	*rest = line + len;
	return *line == *word && strncmp(line, word, len) == 0;
}

/* A history has hundreds of thousands of lines, so a word is compared where its first letter is right. */
static bool take_line(const char *line, const char *end, struct arena *a, struct run *r)
{
	const struct { const char *word; size_t len; const char **to; } texts[] = {
		{"id ", 3, &r->id},           {"outcome ", 8, &r->outcome}, {"author ", 7, &r->author},   {"command ", 8, &r->command},
		{"because ", 8, &r->because}, {"host ", 5, &r->host},       {"project ", 8, &r->project}};
	const struct { const char *word; size_t len; int64_t *to; } numbers[] = {
		{"time ", 5, &r->time}, {"duration ", 9, &r->duration}, {"saved ", 6, &r->saved}};
	const char *s;
	size_t i;

	if (begins(line, "part ", 5, &s)) /* most lines are of these two */
		return take_part(s, end, a, r);
	if (begins(line, "why ", 4, &s))
		return take_why(s, end, a, r);
	if (begins(line, "said ", 5, &s))
		return take_said(s, end, a, r);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (begins(line, texts[i].word, texts[i].len, &s))
			return (*texts[i].to = take_text(s, end, a)) != NULL;
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (begins(line, numbers[i].word, numbers[i].len, &s))
			return take_number(s, end, numbers[i].to);
	if (begins(line, "target ", 7, &s))
		return take_name(s, end, a, &r->targets, &r->n_targets);
	if (begins(line, "left ", 5, &s))
		return take_name(s, end, a, &r->left, &r->n_left);
	if (begins(line, "machine ", 8, &s))
		return take_machine(s, end, a, r);
	if (begins(line, "source ", 7, &s))
		return take_source(s, end, a, r);
	if (begins(line, "tree ", 5, &s))
		return r->has_tree = end - s == GIT_ID_HEX && git_id_parse(s, &r->tree);
	return true;
}

int run_parse(const char *text, size_t n, struct arena *a, struct run *r, struct err *err)
{
	const char *line = text, *end = text + n, *nl;
	struct git_id commit = r->commit;
	const char *writer = r->writer;
	size_t number;

	*r = (struct run){.project = "", .dirty = -1, .commit = commit, .writer = writer};
	if (n < strlen(LINE1) || memcmp(text, LINE1, strlen(LINE1)) != 0)
		return err_set(err, ERR_PARSE, "run, line 1: does not begin with '# mlmake run 1'");
	if (memchr(text, '\0', n))
		return err_set(err, ERR_PARSE, "run: holds a byte that is no text");
	for (number = 1; line < end; number++, line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (!nl || !take_line(line, nl, a, r))
			return err_set(err, ERR_PARSE, "run, line %zu: cannot be read", number);
	}
	if (!r->id || !*r->id || !r->outcome)
		return err_set(err, ERR_PARSE, "run: it has no id or no outcome");
	return 0;
}
