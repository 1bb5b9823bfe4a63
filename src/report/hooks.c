/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "report/wording.h"
#include "util/clock.h"
#include "util/text.h"

const char *words_branch(const char *ref, const char *commit)
{
	const char *name = *ref ? ref : commit;

	(void)skip_prefix(ref, "refs/heads/", &name);
	return name;
}

static enum hue hue_of(const char *outcome)
{
	if (streq(outcome, "done") || streq(outcome, "same"))
		return HUE_GOOD;
	return streq(outcome, "failed") || streq(outcome, "refused") || streq(outcome, "error") ? HUE_BAD : HUE_WARN;
}

void report_hook_event(const struct hook_event *e, const struct style *s, struct strbuf *out)
{
	size_t start = out->len;

	strbuf_addf(out, "%5llu  ", (unsigned long long)e->number);
	words_time(out, e->time, false);
	strbuf_addf(out, "  %s", hue_on(s, hue_of(e->outcome)));
	term_add_cell(out, e->outcome, 8, s);
	strbuf_addf(out, "%s  ", hue_off(s));
	term_add_clean(out, words_branch(e->ref, ""), strlen(words_branch(e->ref, "")));
	strbuf_addf(out, "%s%.9s", *e->ref ? "  " : "", e->commit);
	if (e->code >= 0 && e->duration > 0) {
		strbuf_addstr(out, "  ");
		text_add_duration(out, e->duration);
	}
	if (*e->run) {
		strbuf_addstr(out, "  run ");
		term_add_clean(out, e->run, strlen(e->run));
	}
	if (*e->text) {
		strbuf_addstr(out, "  ");
		term_add_clean(out, e->text, strlen(e->text));
	}
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

void report_hooklog(const struct hook_event *v, size_t n, size_t limit, const struct style *s, struct strbuf *out)
{
	size_t i, end = limit && limit < n ? n - limit : 0;

	for (i = n; i > end; i--)
		report_hook_event(&v[i - 1], s, out);
}

static struct json *event_json(const struct hook_event *e)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	struct json *j = json_new_map();

	clock_iso(e->time, &time);
	json_set_int(j, "number", (int64_t)e->number);
	json_set_str(j, "time", time.buf);
	json_set_float(j, "seconds", (double)e->duration / 1e9);
	json_set_str(j, "hook", e->hook);
	json_set_str(j, "project", e->project);
	json_set_str(j, "branch", *e->ref ? words_branch(e->ref, "") : NULL);
	json_set_str(j, "commit", *e->commit ? e->commit : NULL);
	json_set_str(j, "tree", *e->tree ? e->tree : NULL);
	json_set_str(j, "targets", e->targets);
	json_set_str(j, "outcome", e->outcome);
	json_set_int(j, "exit", e->code);
	json_set_str(j, "run", *e->run ? e->run : NULL);
	json_set_str(j, "text", e->text);
	return j;
}

struct json *report_hooklog_json(const struct hook_event *v, size_t n, size_t limit)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i, end = limit && limit < n ? n - limit : 0;

	json_set_int(j, "version", 1);
	for (i = n; i > end; i--)
		json_push(list, event_json(&v[i - 1]));
	json_set(j, "builds", list);
	return j;
}

struct json *report_entry_json(const struct hook_entry *e)
{
	struct json *j = json_new_map();

	json_set_int(j, "number", (int64_t)e->number);
	json_set_str(j, "hook", e->hook);
	json_set_str(j, "project", e->project);
	json_set_str(j, "branch", e->ref && *e->ref ? words_branch(e->ref, "") : NULL);
	json_set_str(j, "commit", e->commit && *e->commit ? e->commit : NULL);
	return j;
}
