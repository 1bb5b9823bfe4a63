/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/event_stream.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/wording.h"
#include "util/file.h"
#include "util/json.h"

struct event_stream {
	int fd;
	const struct clock *clock;
	int64_t began;
	struct err err;
	struct strbuf line;
};

static const char *const event_names[] = {
	[EVENT_BEGIN] = "begin",       [EVENT_START] = "start", [EVENT_PROGRESS] = "progress",
	[EVENT_OUTPUT] = "output",     [EVENT_DONE] = "done",   [EVENT_RESTORED] = "restored",
	[EVENT_FRESH] = "fresh",       [EVENT_FAILED] = "failed", [EVENT_RETRY] = "retry",
	[EVENT_SKIPPED] = "skipped",   [EVENT_FROZEN] = "frozen", [EVENT_NOTE] = "note",
	[EVENT_TICK] = NULL,           [EVENT_END] = "end",
};
static const char *const outcome_names[] = {
	[BUILD_OK] = "done", [BUILD_FAILED] = "failed", [BUILD_INTERRUPTED] = "interrupted", [BUILD_REFUSED] = "refused"};

static void set_seconds(struct json *j, const char *key, int64_t ns)
{
	json_set_float(j, key, (double)ns / 1e9);
}

static void add_begin(struct json *j, const struct event *e)
{
	struct json *counts;
	size_t i, total = 0;

	json_set_int(j, "version", 1);
	json_set_int(j, "jobs", e->jobs);
	if (!e->plan)
		return;
	counts = json_new_map();
	for (i = 0; i < ARRAY_SIZE(e->plan->counts); i++) {
		json_set_int(counts, stale_state_name((enum stale_state)i), (int64_t)e->plan->counts[i]);
		total += e->plan->counts[i];
	}
	json_set_int(j, "instances", (int64_t)total);
	json_set(j, "counts", counts);
}

static void add_reasons(struct json *j, const struct verdict *v)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; v && i < v->n_reasons; i++)
		json_push(list, words_reason_json(&v->reasons[i]));
	json_set(j, "reasons", list);
}

static void add_failure(struct json *j, const struct event *e)
{
	json_set_str(j, "message", e->message ? e->message : "");
	if (e->outcome == BUILD_REFUSED)
		json_set_bool(j, "refused", true);
	json_set_int(j, "attempt", e->attempt);
	set_seconds(j, "duration", e->duration);
	json_set_str(j, "log", e->log);
	json_set_str(j, "aside", e->aside);
}

static void add_members(struct json *j, const struct event_stream *es, const struct event *e)
{
	size_t len = e->len || !e->text ? e->len : strlen(e->text);

	switch (e->kind) {
	case EVENT_BEGIN: add_begin(j, e); break;
	case EVENT_START:
		if (e->verdict)
			json_set_str(j, "state", stale_state_name(e->verdict->state));
		add_reasons(j, e->verdict);
		json_set_int(j, "attempt", e->attempt);
		if (e->estimate > 0)
			set_seconds(j, "estimate", e->estimate);
		break;
	case EVENT_PROGRESS:
		json_set_int(j, "done", e->done);
		json_set_int(j, "total", e->total);
		/* fall through */
	case EVENT_OUTPUT:
		json_set(j, "text", json_new_strn(e->text ? e->text : "", len));
		break;
	case EVENT_DONE:
		set_seconds(j, "duration", e->duration);
		json_set_bool(j, "changed", e->changed);
		add_reasons(j, e->verdict);
		break;
	case EVENT_RESTORED: add_reasons(j, e->verdict); /* fall through */
	case EVENT_FRESH: set_seconds(j, "saved", e->saved); break;
	case EVENT_FAILED:
	case EVENT_RETRY: add_failure(j, e); break;
	case EVENT_SKIPPED: json_set_str(j, "cause", e->cause); break;
	case EVENT_NOTE: json_set_str(j, "message", e->message ? e->message : ""); break;
	case EVENT_END:
		json_set_str(j, "outcome", outcome_names[e->outcome]);
		set_seconds(j, "duration", e->now - es->began);
		break;
	case EVENT_FROZEN:
	case EVENT_TICK: break;
	}
}

static void emit(void *ctx, const struct event *e)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	struct event_stream *es = ctx;

	if (e->kind == EVENT_BEGIN)
		es->began = e->now;
	if (!event_names[e->kind] || es->err.code)
		return;
	j = json_new_map();
	json_set_str(j, "event", event_names[e->kind]);
	clock_iso(clock_now(es->clock), &time);
	json_set_str(j, "time", time.buf);
	if (e->in)
		json_set_str(j, "instance", e->in->name);
	add_members(j, es, e);
	strbuf_clear(&es->line);
	json_write(j, false, &es->line);
	strbuf_addch(&es->line, '\n');
	if (fd_write_all(es->fd, es->line.buf, es->line.len, &es->err) < 0)
		err_wrap(&es->err, "events");
}

/* Signals are blocked where there is a machine, and nobody listens for them yet. */
static int open_file(const char *file)
{
	sigset_t none, before;
	int fd;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &before);
	fd = streq(file, "-") ? dup(STDOUT_FILENO) : open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0644);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return fd;
}

int event_stream_open(const struct args *a, struct event_stream **out, struct err *err)
{
	const char *file = args_value(a, "events");

	if (!file)
		return 0;
	if (*a->events_fd < 0)
		*a->events_fd = open_file(file);
	if (*a->events_fd < 0)
		return err_errno(err, "cannot open '%s' for events", file);
	*out = event_stream_new(*a->events_fd, &clock_system);
	return 1;
}

struct event_stream *event_stream_new(int fd, const struct clock *clock)
{
	struct event_stream *es = xcalloc(1, sizeof(*es));

	*es = (struct event_stream){.fd = fd, .clock = clock, .err = ERR_INIT, .line = STRBUF_INIT};
	return es;
}

struct event_sink event_stream_sink(struct event_stream *es)
{
	return (struct event_sink){emit, es};
}

int event_stream_close(struct event_stream *es, struct err *err)
{
	int result = es->err.code ? err_move(err, &es->err) : 0;

	err_release(&es->err);
	strbuf_release(&es->line);
	free(es);
	return result;
}
