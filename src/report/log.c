/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/log.h"

#include <stdlib.h>
#include <string.h>

#include "report/wording.h"
#include "util/clock.h"
#include "util/text.h"

#define MOST_NAMES 6

enum hue words_outcome_hue(const char *outcome)
{
	static const char *const good[] = {"done", "accepted", "deployed", "promoted"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		if (streq(outcome, good[i]))
			return HUE_GOOD;
	return streq(outcome, "failed") || streq(outcome, "refused") ? HUE_BAD : HUE_WARN;
}

static size_t count(const struct run *r, const char *result)
{
	size_t i, n = 0;

	for (i = 0; i < r->n_parts; i++)
		n += streq(r->parts[i].result, result);
	return n;
}

void words_run_counts(struct strbuf *out, const struct run *r)
{
	static const char *const results[][2] = {{"done", "ran"}, {"restored", "restored"}, {"failed", "failed"}, {"refused", "refused"},
						  {"interrupted", "interrupted"}, {"accepted", "accepted"}, {"undone", "taken back"}, {"deployed", "deployed"},
						  {"promoted", "promoted"}, {"rolled-back", "rolled back"}, {"same", "the same"}, {"differs", "different"}};
	const char *comma = "";
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(results); i++)
		if ((n = count(r, results[i][0]))) {
			strbuf_addf(out, "%s%zu %s", comma, n, results[i][1]);
			comma = ", ";
		}
	if (r->because) /* what a person did took no time worth telling */
		return;
	strbuf_addf(out, "%s in ", *comma ? "" : "nothing ran");
	text_add_duration(out, r->duration);
	if (r->saved >= 1000000000) {
		strbuf_addstr(out, ", ");
		text_add_duration(out, r->saved);
		strbuf_addstr(out, " saved");
	}
}

static void add_commit(struct strbuf *out, const struct run *r)
{
	if (!r->source) {
		strbuf_addstr(out, "no commit");
		return;
	}
	term_add_clean(out, r->source, strnlen(r->source, 9));
	if (r->dirty == 1)
		strbuf_addstr(out, " with changes");
}

static bool is_bad(const struct run_part *p)
{
	return streq(p->result, "failed") || streq(p->result, "refused");
}

static void add_names(struct strbuf *out, const struct run *r, const struct style *s)
{
	const char **names = xcalloc(r->n_parts + 1, sizeof(*names));
	size_t i, n = 0, start = out->len;

	/* What failed is the more interesting. */
	for (i = 0; i < r->n_parts; i++)
		if (is_bad(&r->parts[i]))
			names[n++] = r->parts[i].name;
	for (i = 0; i < r->n_parts; i++)
		if (!is_bad(&r->parts[i]))
			names[n++] = r->parts[i].name;
	if (n) {
		strbuf_addstr(out, "    ");
		words_list(out, names, n, MOST_NAMES);
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
	}
	free(names);
}

static void add_why(struct strbuf *out, const struct run *r, const struct style *s)
{
	size_t start = out->len;

	if (!r->because)
		return;
	strbuf_addstr(out, "    ");
	words_person(out, r->author);
	strbuf_addstr(out, ": ");
	term_add_clean(out, r->because, strlen(r->because));
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

static void add_run(struct strbuf *out, const struct run *r, const struct style *s)
{
	bool one_line = !s->width || s->width >= 100;
	size_t start = out->len;

	strbuf_addstr(out, hue_on(s, HUE_BOLD));
	term_add_clean(out, r->id, strlen(r->id));
	strbuf_addf(out, "%s  ", hue_off(s));
	words_time(out, r->time, false);
	strbuf_addf(out, "  %s", hue_on(s, words_outcome_hue(r->outcome)));
	term_add_clean(out, r->outcome, strlen(r->outcome));
	strbuf_addstr(out, hue_off(s));
	if (!one_line) {
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
		start = out->len;
	}
	strbuf_addstr(out, one_line ? "  " : "    ");
	add_commit(out, r);
	strbuf_addstr(out, "  ");
	words_run_counts(out, r);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
	add_names(out, r, s);
	add_why(out, r, s);
}

void report_log(const struct run *runs, size_t n, size_t limit, const struct style *s, struct strbuf *out)
{
	size_t i, shown = limit && limit < n ? limit : n;

	for (i = 0; i < shown; i++)
		add_run(out, &runs[n - 1 - i], s);
	if (!n)
		strbuf_addstr(out, "no runs yet: `mlmake` makes the first one\n");
	else if (shown < n)
		strbuf_addf(out, "and %zu older run%s\n", n - shown, n - shown == 1 ? "" : "s");
}

static struct json *part_json(const struct run_part *part)
{
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1];

	json_set_str(j, "name", part->name);
	json_set_str(j, "result", part->result);
	digest_hex(&part->key, hex);
	json_set_str(j, "key", part->has_key ? hex : NULL);
	json_set_float(j, "duration", (double)part->duration / 1e9);
	if (part->said)
		json_set_str(j, "said", part->said);
	return j;
}

struct json *report_log_entry_json(const struct run *r)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	struct json *j = json_new_map(), *parts = json_new_list();
	size_t i;

	clock_iso(r->time, &time);
	json_set_str(j, "id", r->id);
	json_set_str(j, "time", time.buf);
	json_set_str(j, "source", r->source);
	json_set(j, "dirty", r->dirty < 0 ? json_new_null() : json_new_bool(r->dirty == 1));
	json_set_str(j, "outcome", r->outcome);
	json_set_float(j, "duration", (double)r->duration / 1e9);
	json_set_float(j, "saved", (double)r->saved / 1e9);
	if (r->author)
		json_set_str(j, "author", r->author);
	if (r->because)
		json_set_str(j, "because", r->because);
	for (i = 0; i < r->n_parts; i++)
		json_push(parts, part_json(&r->parts[i]));
	json_set(j, "instances", parts);
	return j;
}

struct json *report_log_json(const struct run *runs, size_t n, size_t limit)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i, shown = limit && limit < n ? limit : n;

	json_set_int(j, "version", 1);
	for (i = 0; i < shown; i++)
		json_push(list, report_log_entry_json(&runs[n - 1 - i]));
	json_set(j, "runs", list);
	return j;
}
