/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/fetching.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/text.h"

#define PROBE_TIMEOUT INT64_C(60000000000) /* of a source that says none */

void fetching_open(struct fetching *f, const struct project *p)
{
	f->now = clock_now(&clock_system);
	f->n = p->g.n;
	f->answers = xcalloc(f->n + 1, sizeof(*f->answers));
	f->notes = xcalloc(f->n + 1, sizeof(*f->notes));
	f->news = xcalloc(f->n + 1, sizeof(*f->news));
	sources_open(&f->sources, p->repo.state);
	f->open = true;
}

void fetching_release(struct fetching *f)
{
	size_t i;

	if (!f->open)
		return;
	for (i = 0; i < f->n; i++) {
		strvec_release(&f->answers[i]);
		free(f->notes[i]);
	}
	free(f->answers);
	free(f->notes);
	free(f->news);
	sources_release(&f->sources);
}

static const struct instance *source_at(const struct project *p, size_t node)
{
	const struct instance *in = p->g.nodes[node].in;

	return p->selected[node] && in->stage->is_source ? in : NULL;
}

static void tell_failure(const struct instance *in, const char *probe, const struct err *why)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	term_add_clean(&words, why->msg, strlen(why->msg));
	fprintf(stderr, "mlmake: '%s' is not fetched: its probe '%s' failed: %s\n", in->name, probe, words.buf);
}

/* Appends the answer to one probe, after as many attempts as the source has. */
static int ask_one(struct fetching *f, const struct project *p, const struct instance *in, const char *cmd, const struct fetch_how *how,
		   struct err *err)
{
	const struct stage *st = in->stage;
	const struct probe_question q = {.name = in->name, .cmd = cmd, .env = st->env, .in = in, .timeout = st->timeout ? st->timeout : PROBE_TIMEOUT};
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	int64_t attempt = 0;

	while (probe_ask(&q, p->repo.state, how->launcher, how->signal_fd, &said, err) < 0) {
		if (err->code != ERR_FAILED || attempt++ >= st->retry)
			return -1;
		err_clear(err);
		strbuf_clear(&said);
	}
	strvec_push(&f->answers[in->index], said.buf);
	return 0;
}

/* 1 if all were answered, 0 if one was not, which was told, -1 if it has to end here. */
static int ask_all(struct fetching *f, const struct project *p, const struct instance *in, const struct fetch_how *how, struct err *err)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	size_t i;

	for (i = 0; i < in->n_probes; i++) {
		if (ask_one(f, p, in, in->probes[i], how, &why) == 0)
			continue;
		if (why.code == ERR_STOPPED)
			return err_move(err, &why);
		tell_failure(in, in->probes[i], &why);
		f->failed++;
		return 0;
	}
	return 1;
}

static bool is_resting(const struct fetching *f, const struct instance *in, const struct record *last)
{
	return !sources_is_due(&f->sources, in, last, f->now);
}

/* "asked 3h ago, and `every = 1d`" */
static void add_age(const struct fetching *f, const struct instance *in, const struct record *last, struct strbuf *out)
{
	sources_words_of_age(&f->sources, in, last, f->now, out);
	strbuf_addstr(out, ", and its 'every' is ");
	text_add_duration(out, in->stage->every);
}

static int decide(struct fetching *f, struct project *p, const struct instance *in, const struct fetch_how *how, bool *force,
		  struct err *err)
{
	const struct record *last = history_last(p->history, in->name);
	CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;
	int got;

	if (!how->named && !how->always && is_resting(f, in, last)) {
		add_age(f, in, last, &note);
		strbuf_addf(&note, ": not asked (`mlmake fetch %s` asks)", in->name);
		f->notes[in->index] = strbuf_detach(&note);
		return 0;
	}
	if (!how->launcher) {
		*force = true;
		return 0;
	}
	got = ask_all(f, p, in, how, err);
	if (got <= 0) {
		p->selected[in->index] = p->named[in->index] = false;
		return got;
	}
	f->news[in->index] = sources_has_news(&f->sources, in, last, &f->answers[in->index], &note);
	*force = f->news[in->index] || how->always;
	if (!*force)
		strbuf_addstr(&note, in->n_probes == 1 ? "its probe says what it said: not fetched"
						       : "its probes say what they said: not fetched");
	if (note.len)
		f->notes[in->index] = strbuf_detach(&note);
	return 0;
}

int fetching_ask(struct fetching *f, struct project *p, const struct fetch_how *how, bool *force, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct instance *in = source_at(p, i);

		if (in && decide(f, p, in, how, &force[i], err) < 0)
			return -1;
	}
	return 0;
}

void fetching_look(struct fetching *f, struct project *p)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct instance *in = source_at(p, i);
		const struct record *last = in ? history_last(p->history, in->name) : NULL;
		CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;

		if (!last || !in->stage->every || is_resting(f, in, last))
			continue;
		add_age(f, in, last, &note);
		strbuf_addf(&note, ": `mlmake fetch %s` asks again", in->name);
		f->notes[i] = strbuf_detach(&note);
	}
}

void fetching_status(const struct fetching *f, struct project *p, bool all, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct instance *in = source_at(p, i);
		const struct record *last = in ? history_last(p->history, in->name) : NULL;

		if (!last || (!all && !f->notes[i]))
			continue;
		term_add_clean(out, in->name, strlen(in->name));
		strbuf_addstr(out, ": ");
		if (f->notes[i])
			strbuf_addstr(out, f->notes[i]);
		else
			sources_words_of_age(&f->sources, in, last, f->now, out);
		strbuf_addch(out, '\n');
	}
}

void fetching_status_json(const struct fetching *f, struct project *p, struct json *status)
{
	struct json *list = json_get(status, "instances"), *j;
	size_t i;

	for (i = 0; (j = json_at(list, i)); i++) {
		const struct instance *in = pipeline_instance(&p->pl, json_str(json_get(j, "name")));
		const struct record *last = in ? history_last(p->history, in->name) : NULL;
		CLEANUP(strbuf_release) struct strbuf asked = STRBUF_INIT;

		if (!in || !in->stage->is_source)
			continue;
		if (sources_asked(&f->sources, in, last))
			clock_iso(sources_asked(&f->sources, in, last), &asked);
		json_set_str(j, "asked", asked.len ? asked.buf : NULL);
		json_set_bool(j, "due", sources_is_due(&f->sources, in, last, f->now));
	}
}

int fetching_keep(struct fetching *f, struct project *p, const struct build_result *result, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n; i++) { /* asked, and there was nothing new */
		const struct instance *in = source_at(p, i);

		if (in && f->answers[i].n && !f->news[i])
			sources_note(&f->sources, in, history_last(p->history, in->name), f->now, &f->answers[i]);
	}
	for (i = 0; i < result->n_parts; i++) {
		const struct build_part *part = &result->parts[i];
		const struct instance *in = part->in;

		if (in->stage->is_source && part->result == EVENT_DONE)
			sources_note(&f->sources, in, history_last(p->history, in->name), f->now,
				     f->answers[part->node].n ? &f->answers[part->node] : NULL);
	}
	return sources_save(&f->sources, err);
}
