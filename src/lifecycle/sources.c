/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/sources.h"

#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/text.h"

#define FILE_LIMIT ((size_t)1 << 26)
#define SHOWN 60 /* bytes of an answer that are told */

void sources_open(struct sources *s, const char *state_dir)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	s->file = xstrfmt("%s/sources.json", state_dir);
	s->changed = false;
	s->known = file_read(s->file, FILE_LIMIT, &text, NULL) == 0 ? json_parse(text.buf, text.len, NULL, NULL) : NULL;
	if (s->known && json_kind(s->known) != JSON_MAP)
		json_freep(&s->known);
	if (!s->known)
		s->known = json_new_map();
}

void sources_release(struct sources *s)
{
	json_freep(&s->known);
	free(s->file);
	s->file = NULL;
}

int sources_save(struct sources *s, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!s->changed)
		return 0;
	json_write(s->known, true, &text);
	s->changed = false;
	return file_write(s->file, text.buf, text.len, 0644, false, err);
}

int64_t sources_asked(const struct sources *s, const struct instance *in, const struct record *last)
{
	int64_t asked = json_int(json_get(json_get(s->known, in->name), "asked"));

	return MAX(asked, last ? last->started : 0);
}

bool sources_is_due(const struct sources *s, const struct instance *in, const struct record *last, int64_t now)
{
	int64_t asked = sources_asked(s, in, last);

	return !in->stage->every || !asked || asked > now || now - asked >= in->stage->every;
}

void sources_words_of_age(const struct sources *s, const struct instance *in, const struct record *last, int64_t now,
			  struct strbuf *out)
{
	int64_t asked = sources_asked(s, in, last);

	if (!asked) {
		strbuf_addstr(out, "asked nobody knows when");
	} else if (asked > now) {
		strbuf_addstr(out, "asked at a time that is yet to come: a clock went wrong");
	} else {
		strbuf_addstr(out, "asked ");
		text_add_duration(out, now - asked);
		strbuf_addstr(out, " ago");
	}
}

static const char *brought(const struct record *last)
{
	const struct record_fact *f = last ? record_find(last, FACT_ENV, FACT_BROUGHT) : NULL;

	return f && f->value ? f->value : "";
}

/* Of several lines the first in which it is another than other (or NULL) is the one to see. Headers of HTTP end in "\r\n". */
static void add_answer(struct strbuf *out, const char *answer, const char *other)
{
	size_t at = 0, i, n;

	for (i = 0; other && answer[i] && answer[i] == other[i]; i++)
		if (answer[i] == '\n')
			at = i + 1;
	n = strcspn(answer + at, "\r\n");
	strbuf_addstr(out, at ? "'..." : "'");
	strbuf_add(out, answer + at, MIN(n, (size_t)SHOWN));
	strbuf_addstr(out, answer[at + n] || n > SHOWN ? "...'" : "'");
}

bool sources_has_news(const struct sources *s, const struct instance *in, const struct record *last, const struct strvec *answers,
		      struct strbuf *why)
{
	const struct json *known = json_get(s->known, in->name), *said = json_get(known, "said");
	const char *then = json_str(json_get(known, "brought"));
	size_t i;

	if (!in->n_probes)
		return true;
	if (!then || !streq(then, brought(last)))
		said = NULL;
	for (i = 0; i < in->n_probes; i++) {
		const char *old = json_str(json_get(said, in->probes[i]));

		if (old && streq(old, answers->v[i]))
			continue;
		strbuf_addstr(why, "its probe says ");
		add_answer(why, answers->v[i], old);
		if (old) {
			strbuf_addstr(why, ", not ");
			add_answer(why, old, answers->v[i]);
		} else {
			strbuf_addstr(why, said ? ", and was not asked before" : !last ? "; it was never fetched"
								: "; what stands here was not brought after it was asked");
		}
		return true;
	}
	return false;
}

void sources_note(struct sources *s, const struct instance *in, const struct record *last, int64_t then, const struct strvec *answers)
{
	struct json *j = json_new_map(), *said = json_new_map();
	size_t i;

	json_set_int(j, "asked", then);
	json_set_str(j, "brought", brought(last));
	for (i = 0; answers && i < in->n_probes; i++)
		json_set_str(said, in->probes[i], answers->v[i]);
	json_set(j, "said", said);
	json_set(s->known, in->name, j);
	s->changed = true;
}
