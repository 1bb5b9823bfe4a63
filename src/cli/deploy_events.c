/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/deploy_events.h"

#include "util/clock.h"

int deploy_events_open(struct deploy_events *e, const struct args *a, struct err *err)
{
	return event_stream_open(a, &e->stream, err) < 0 ? -1 : 0;
}

static void emit(struct deploy_events *e, struct event event)
{
	struct event_sink sink;

	if (!e->stream)
		return;
	sink = event_stream_sink(e->stream);
	event.now = clock_tick(&clock_system);
	sink.emit(sink.ctx, &event);
}

static struct event about(struct deploy_events *e, enum event_kind kind)
{
	struct event event = e->about;

	event.kind = kind;
	event.duration = clock_tick(&clock_system) - e->began;
	return event;
}

static void end(struct deploy_events *e, enum build_outcome outcome)
{
	emit(e, (struct event){.kind = EVENT_END, .node = SIZE_MAX, .outcome = outcome});
}

void deploy_events_begin(struct deploy_events *e, const struct instance *in, const char *environment, const char *before, const char *after)
{
	e->reason = (struct reason){.kind = REASON_VALUE, .name = environment, .old = before, .new = after};
	e->verdict = (struct verdict){.state = STALE_STALE, .reasons = &e->reason, .n_reasons = 1};
	e->about = (struct event){.node = SIZE_MAX, .in = in, .verdict = &e->verdict, .attempt = 1, .changed = true};
	e->began = clock_tick(&clock_system);
	emit(e, (struct event){.kind = EVENT_BEGIN, .node = SIZE_MAX, .jobs = 1});
	emit(e, about(e, EVENT_START));
}

void deploy_events_fresh(struct deploy_events *e, const struct instance *in)
{
	emit(e, (struct event){.kind = EVENT_BEGIN, .node = SIZE_MAX, .jobs = 1});
	emit(e, (struct event){.kind = EVENT_FRESH, .node = SIZE_MAX, .in = in});
	end(e, BUILD_OK);
}

void deploy_events_end(struct deploy_events *e, const char *why, const char *log, bool interrupted)
{
	struct event event = about(e, why ? EVENT_FAILED : EVENT_DONE);

	event.message = why;
	event.log = log;
	emit(e, event);
	end(e, !why ? BUILD_OK : interrupted ? BUILD_INTERRUPTED : BUILD_FAILED);
}

int deploy_events_close(struct deploy_events *e, struct err *err)
{
	int got = e->stream ? event_stream_close(e->stream, err) : 0;

	e->stream = NULL;
	return got;
}
