/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/wording.h"

#include <string.h>
#include <time.h>

#include "util/clock.h"
#include "util/path.h"

#define MOST_REWORDED 4
#define SHORT_DIGEST 12

void words_count(struct strbuf *out, size_t n, const char *noun)
{
	size_t len = strlen(noun);

	if (n == 1)
		strbuf_addf(out, "1 %s", noun);
	else if (len > 1 && noun[len - 1] == 'y')
		strbuf_addf(out, "%zu %.*sies", n, (int)(len - 1), noun);
	else
		strbuf_addf(out, "%zu %ss", n, noun);
}

void words_time(struct strbuf *out, int64_t ns, bool seconds)
{
	time_t t = (time_t)(ns / 1000000000);
	char text[64];
	struct tm tm;

	if (localtime_r(&t, &tm) && strftime(text, sizeof(text), seconds ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm))
		strbuf_addstr(out, text);
	else
		clock_iso(ns, out);
}

void words_person(struct strbuf *out, const char *who)
{
	const char *mail = strstr(who, " <");

	term_add_clean(out, who, mail && mail != who ? (size_t)(mail - who) : strlen(who));
}

void words_acceptance(struct strbuf *out, const struct acceptance *acc)
{
	words_person(out, acc->who);
	strbuf_addstr(out, ", ");
	words_time(out, acc->when, false);
	strbuf_addstr(out, ": ");
	term_add_clean(out, acc->because, strlen(acc->because));
}

void words_value(struct strbuf *out, const struct record_fact *f)
{
	const char *s = f->value ? f->value : "(unset)";
	bool digests = f->kind == FACT_ENV && (skip_prefix(f->name, ENV_PACKAGE, NULL) || streq(f->name, ENV_PYTHON));

	while (digests && *s) {
		size_t n = strcspn(s, " ");

		term_add_clean(out, s, n == DIGEST_HEX ? SHORT_DIGEST : n);
		strbuf_addstr(out, s[n] ? " " : "");
		s += n + (s[n] != '\0');
	}
	if (!digests)
		term_add_clean(out, s, strlen(s));
}

void words_record(struct strbuf *out, const struct record *r)
{
	if (r->n_accepted) {
		strbuf_addstr(out, "what ");
		words_person(out, r->accepted[r->n_accepted - 1].who);
		strbuf_addstr(out, " accepted on ");
		words_time(out, r->accepted[r->n_accepted - 1].when, false);
		return;
	}
	if (!r->run) {
		strbuf_addstr(out, "mlmake.lock");
		return;
	}
	strbuf_addstr(out, "run ");
	term_add_clean(out, r->run, strlen(r->run));
	if (r->started) {
		strbuf_addstr(out, " of ");
		words_time(out, r->started, false);
	}
}

void words_reason(struct strbuf *out, const struct reason *r)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	reason_words(r, &sb);
	term_add_clean(out, sb.buf, sb.len);
}

static bool is_filtered(const struct record *r, const char *path)
{
	const char *pattern;
	size_t i;

	for (i = 0; i < r->n_facts; i++)
		if (r->facts[i].kind == FACT_ENV && skip_prefix(r->facts[i].name, "[normal] ", &pattern) &&
		    glob_match(pattern, strchr(pattern, '/') ? path : path_base(path)))
			return true;
	return false;
}

/* Of those that are filtered, or the others. */
static void add_reworded(struct strbuf *out, const struct verdict *v, const struct record *then, bool filtered)
{
	const char *names[MOST_REWORDED + 1];
	size_t i, n = 0;

	for (i = 0; i < v->now.n_facts && n <= MOST_REWORDED; i++) {
		const struct record_fact *f = &v->now.facts[i], *was;

		if (!f->has_meaning)
			continue;
		was = record_find(then, f->kind, f->name);
		if (was && record_fact_reworded(was, f) && is_filtered(&v->now, f->name) == filtered)
			names[n++] = f->name;
	}
	if (!n)
		return;
	strbuf_addstr(out, out->len ? "; " : "");
	strbuf_addstr(out, filtered ? "same (filtered): " : "same (comments only): ");
	words_list(out, names, MIN(n, (size_t)MOST_REWORDED), MOST_REWORDED);
	if (n > MOST_REWORDED)
		strbuf_addstr(out, " and others");
}

void words_reworded(struct strbuf *out, const struct verdict *v)
{
	const struct record *then = v->found ? v->found : v->last;

	if (!then || then == &v->now)
		return;
	add_reworded(out, v, then, false);
	add_reworded(out, v, then, true);
}

void words_first_reason(struct strbuf *out, const struct verdict *v)
{
	if (!v->n_reasons)
		return;
	words_reason(out, &v->reasons[0]);
	if (v->n_reasons > 1 && v->reasons[0].kind != REASON_NEW) { /* what was never built needs no other reason */
		strbuf_addstr(out, " (and ");
		strbuf_addf(out, "%zu more reason%s)", v->n_reasons - 1, v->n_reasons == 2 ? "" : "s");
	}
}

const char *words_mark(enum stale_state s, const struct style *st)
{
	static const char *const marks[][2] = {
		[STALE_FRESH] = {"=", "✓"},
		[STALE_RESTORABLE] = {"<", "↺"},
		[STALE_STALE] = {"!", "●"},
		[STALE_FROZEN] = {"*", "∗"},
	};

	return marks[s][st->utf8];
}

enum hue words_hue(enum stale_state s)
{
	static const enum hue hues[] = {
		[STALE_FRESH] = HUE_GOOD,
		[STALE_RESTORABLE] = HUE_INFO,
		[STALE_STALE] = HUE_WARN,
		[STALE_FROZEN] = HUE_DIM,
	};

	return hues[s];
}

void words_list(struct strbuf *out, const char *const *names, size_t n, size_t most)
{
	size_t i, shown = n > most ? most : n;

	for (i = 0; i < shown; i++) {
		if (i)
			strbuf_addstr(out, ", ");
		term_add_clean(out, names[i], strlen(names[i]));
	}
	if (n > shown)
		strbuf_addf(out, " and %zu more", n - shown);
}

bool words_only_upstream(const struct verdict *v)
{
	size_t i;

	for (i = 0; i < v->n_reasons; i++)
		if (v->reasons[i].kind != REASON_UPSTREAM)
			return false;
	return v->n_reasons > 0;
}

struct json *words_reason_json(const struct reason *r)
{
	struct json *j = json_new_map();

	json_set_str(j, "kind", reason_kind_name(r->kind));
	json_set_str(j, "name", r->name ? r->name : "");
	json_set_str(j, "old", r->old);
	json_set_str(j, "new", r->new);
	if (r->at.file) {
		json_set_str(j, "file", r->at.file);
		json_set_int(j, "line", r->at.line);
	}
	return j;
}
