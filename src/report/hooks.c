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

#define BESIDE_BRANCH 50 /* columns of what stands in its line whatever happens */
#define LEAST_BRANCH 8

/* As long as the number of the commit can be read beside it. */
static void add_branch(const char *name, const struct style *s, struct strbuf *out)
{
	term_add_fit(out, name, s->width ? (size_t)MAX(s->width - BESIDE_BRANCH, LEAST_BRANCH) : 0, s);
}

/* The reason is what one looks for: where the line has no room for it, it has lines of its own, and is never cut. */
static void add_text(const char *text, size_t start, const struct style *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf clean = STRBUF_INIT;
	size_t before = term_width(out->buf + start, out->len - start), room = (size_t)s->width;

	term_add_clean(&clean, text, strlen(text));
	if (room && before + 2 + term_width(clean.buf, clean.len) > room) {
		term_cut(out, start, room, s);
		strbuf_addstr(out, "\n       ");
	} else {
		strbuf_addstr(out, "  ");
	}
	strbuf_add(out, clean.buf, clean.len);
}

void report_hook_event(const struct hook_event *e, const struct style *s, struct strbuf *out)
{
	size_t start = out->len;

	strbuf_addf(out, "%5llu  ", (unsigned long long)e->number);
	words_time(out, e->time, false);
	strbuf_addf(out, "  %s", hue_on(s, hue_of(e->outcome)));
	term_add_cell(out, e->outcome, 8, s);
	strbuf_addf(out, "%s  ", hue_off(s));
	add_branch(words_branch(e->ref, ""), s, out);
	strbuf_addf(out, "%s%.9s", *e->ref ? "  " : "", e->commit);
	if (e->code >= 0 && e->duration > 0) {
		strbuf_addstr(out, "  ");
		text_add_duration(out, e->duration);
	}
	if (*e->run) {
		strbuf_addstr(out, "  run ");
		term_add_clean(out, e->run, strlen(e->run));
	}
	if (*e->text)
		add_text(e->text, start, s, out);
	else
		term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

void report_hooklog(const struct hook_event *v, size_t n, size_t limit, const struct style *s, struct strbuf *out)
{
	size_t i, end = limit && limit < n ? n - limit : 0;

	if (!n)
		strbuf_addstr(out, "nothing was built yet: `mlmake hook install` puts the hooks in place, and the next commit begins\n");
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
