/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/shared.h"

#include <string.h>

#include "util/text.h"

#define FEW 8

struct tally {
	size_t n;
	int64_t bytes;
};

static bool counts(const struct payload *p)
{
	return !p->optional || (p->state != PAYLOAD_MISSING && p->state != PAYLOAD_ABSENT);
}

static struct tally tally(const struct shared *s, enum payload_state state)
{
	struct tally t = {0, 0};
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].state == state && counts(&s->v[i])) {
			t.n++;
			t.bytes += MAX(s->v[i].size, INT64_C(0));
		}
	return t;
}

static size_t chains_in(const struct shared *s, enum chain_state state)
{
	size_t i, n = 0;

	for (i = 0; s->chains && i < s->chains->n; i++)
		n += s->chains->v[i].state == state;
	return n;
}

/* Before the runs are fetched it is not known which small files come with them. */
static bool may_come(const struct shared *s)
{
	return s->dry && !s->push && chains_in(s, CHAIN_BEHIND);
}

bool shared_is_whole(const struct shared *s)
{
	if (tally(s, PAYLOAD_CORRUPT).n || tally(s, PAYLOAD_REFUSED).n || chains_in(s, CHAIN_DIVERGED) || chains_in(s, CHAIN_RACED))
		return false;
	if (!s->dry && tally(s, PAYLOAD_ABSENT).n)
		return false;
	return s->allow_missing || may_come(s) || !tally(s, PAYLOAD_MISSING).n;
}

static void add_files(struct strbuf *out, const struct tally *t)
{
	strbuf_addf(out, "%zu file%s", t->n, t->n == 1 ? "" : "s");
	if (!t->n)
		return;
	strbuf_addstr(out, " (");
	text_add_size(out, t->bytes);
	strbuf_addch(out, ')');
}

static void add_chains(const struct shared *s, struct strbuf *out)
{
	static const struct {
		enum chain_state state;
		const char *words;
	} all[] = {
		{CHAIN_NEW, "new"},          {CHAIN_GREW, "brought up to date"}, {CHAIN_AHEAD, "ahead here"}, {CHAIN_BEHIND, "ahead there"},
		{CHAIN_DIVERGED, "diverged"}, {CHAIN_RACED, "changed meanwhile"}, {CHAIN_SAME, "the same"},
	};
	const char *comma = "";
	size_t i;

	strbuf_addf(out, "%s: lineage: ", s->remote);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		size_t n = chains_in(s, all[i].state);

		if (!n)
			continue;
		strbuf_addf(out, "%s%zu %s %s", comma, n, n == 1 ? "chain" : "chains", all[i].words);
		comma = ", ";
	}
	strbuf_addstr(out, *comma ? "\n" : "no runs yet\n");
}

void report_shared(const struct shared *s, struct strbuf *out)
{
	struct tally moved = tally(s, s->dry ? PAYLOAD_ABSENT : PAYLOAD_MOVED), there = tally(s, PAYLOAD_THERE);

	strbuf_addf(out, "%s: %s%s ", s->remote, s->dry ? "would " : "", s->push ? s->dry ? "send" : "sent" : s->dry ? "fetch" : "fetched");
	add_files(out, &moved);
	if (there.n)
		strbuf_addf(out, ", %zu %s %s", there.n, there.n == 1 ? "was" : "were", s->push ? "there" : "here");
	strbuf_addstr(out, may_come(s) ? ", and what else the runs there name\n" : "\n");
	if (s->lineage)
		add_chains(s, out);
}

static void add_name(const struct payload *p, struct strbuf *out)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&p->id, hex);
	if (p->path) {
		strbuf_addch(out, '\'');
		term_add_clean(out, p->path, strlen(p->path));
		strbuf_addf(out, "' (%.12s)", hex);
	} else {
		strbuf_addf(out, "%.12s", hex);
	}
}

static void list(const struct shared *s, enum payload_state state, const char *words, bool verbose, struct strvec *out)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

		if (s->v[i].state != state || !counts(&s->v[i]) || (n++ >= FEW && !verbose))
			continue;
		add_name(&s->v[i], &sb);
		strbuf_addf(&sb, " %s", words);
		strvec_push(out, sb.buf);
	}
	if (n > FEW && !verbose)
		strvec_pushf(out, "and %zu more like it; -v names them", n - FEW);
}

static void list_chains(const struct shared *s, struct strvec *out)
{
	size_t i;

	for (i = 0; s->chains && i < s->chains->n; i++) {
		const struct chain *c = &s->chains->v[i];

		if (c->state == CHAIN_DIVERGED)
			strvec_pushf(out, "the chain of '%s' is at %.12s here and at %.12s there, and neither holds the other: one was "
				     "rewritten, or two copies of one clone both built; both sides are as they were", c->writer, c->here,
				     c->there);
		else if (c->state == CHAIN_RACED)
			strvec_pushf(out, "the chain of '%s' changed meanwhile; run it again", c->writer);
	}
}

void report_shared_problems(const struct shared *s, bool verbose, struct strvec *out)
{
	if (s->push)
		list(s, PAYLOAD_CORRUPT, "does not hash to its name here, was moved to the store's corrupt/ and not sent; build it anew, or "
		     "pull it", verbose, out);
	else
		list(s, PAYLOAD_CORRUPT, "does not hash to its name there and was refused; whoever has it can send it again: `mlmake push "
		     "--all`", verbose, out);
	list(s, PAYLOAD_REFUSED, "did not arrive whole", verbose, out);
	if (!s->allow_missing && !may_come(s))
		list(s, PAYLOAD_MISSING, s->push ? "is neither here nor there" : "is not there; whoever has it can send it: `mlmake push --all`",
		     verbose, out);
	list_chains(s, out);
}

/* ---- JSON */

static struct json *payload_json(const struct payload *p)
{
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1];

	digest_hex(&p->id, hex);
	json_set_str(j, "sha256", hex);
	json_set(j, "size", p->size < 0 ? json_new_null() : json_new_int(p->size));
	json_set_str(j, "path", p->path);
	return j;
}

static struct json *list_json(const struct shared *s, enum payload_state state)
{
	struct json *j = json_new_list();
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->v[i].state == state && counts(&s->v[i]))
			json_push(j, payload_json(&s->v[i]));
	return j;
}

static struct json *chains_json(const struct chains *c)
{
	struct json *j = json_new_list();
	size_t i;

	for (i = 0; c && i < c->n; i++) {
		struct json *one = json_new_map();

		json_set_str(one, "writer", c->v[i].writer);
		json_set_str(one, "state", chain_state_name(c->v[i].state));
		json_set_str(one, "here", c->v[i].here);
		json_set_str(one, "there", c->v[i].there);
		json_push(j, one);
	}
	return j;
}

struct json *report_shared_json(const struct shared *s)
{
	struct json *j = json_new_map(), *files = json_new_map();
	struct tally moved = tally(s, PAYLOAD_MOVED);

	json_set_int(j, "version", 1);
	json_set_str(j, "remote", s->remote);
	json_set_str(j, "url", s->url);
	json_set_str(j, "way", s->push ? "push" : "pull");
	json_set_bool(j, "dry_run", s->dry);
	json_set_bool(j, "whole", shared_is_whole(s));
	json_set_int(files, "wanted", (int64_t)s->n);
	json_set_int(files, "there", (int64_t)tally(s, PAYLOAD_THERE).n);
	json_set_int(files, "moved", (int64_t)moved.n);
	json_set_int(files, "left", (int64_t)tally(s, PAYLOAD_ABSENT).n);
	json_set_int(files, "bytes", moved.bytes);
	json_set(files, "missing", list_json(s, PAYLOAD_MISSING));
	json_set(files, "corrupt", list_json(s, PAYLOAD_CORRUPT));
	json_set(j, "files", files);
	json_set(j, "chains", chains_json(s->lineage ? s->chains : NULL));
	return j;
}

/* ---- standing */

/* Of those that are here or not, and there or not. */
static struct tally stand(const struct shared *s, const bool *here, bool is_here, bool is_there)
{
	struct tally t = {0, 0};
	size_t i;

	for (i = 0; i < s->n; i++)
		if (here[i] == is_here && (s->v[i].state == PAYLOAD_THERE) == is_there &&
		    (is_here || is_there || !s->v[i].optional)) {
			t.n++;
			t.bytes += MAX(s->v[i].size, INT64_C(0));
		}
	return t;
}

void report_standing(const struct shared *s, const bool *here, struct strbuf *out)
{
	static const struct {
		bool here, there;
		const char *words;
	} cases[] = {{true, false, "not there: `mlmake push`"},
		     {false, true, "there and not here: `mlmake pull`"},
		     {false, false, "neither here nor there"}};
	size_t i, said = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tally t = stand(s, here, cases[i].here, cases[i].there);

		if (!t.n)
			continue;
		said++;
		strbuf_addf(out, "%s: ", s->remote);
		add_files(out, &t);
		strbuf_addf(out, " of mlmake.lock %s\n", cases[i].words);
	}
	if (!said)
		strbuf_addf(out, "%s: all files of mlmake.lock are there\n", s->remote);
	add_chains(s, out);
}

struct json *report_standing_json(const struct shared *s, const bool *here)
{
	struct json *j = json_new_map();

	json_set_str(j, "name", s->remote);
	json_set_str(j, "url", s->url);
	json_set_int(j, "both", (int64_t)stand(s, here, true, true).n);
	json_set_int(j, "only_here", (int64_t)stand(s, here, true, false).n);
	json_set_int(j, "only_there", (int64_t)stand(s, here, false, true).n);
	json_set_int(j, "nowhere", (int64_t)stand(s, here, false, false).n);
	json_set(j, "chains", chains_json(s->chains));
	return j;
}
