/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A build as JSON Lines, for --events: one object a line, one write a line.
 *
 *   {"event": "begin"|"start"|"progress"|"output"|"done"|"restored"|"fresh"|"frozen"|"failed"|"retry"|"skipped"|"note"|"end",
 *    "time": "2026-11-23T18:05:09Z", "instance": "train@1" (if it is about one), ...}
 *   begin: version, jobs, instances (how many), counts. start: state, reasons (as in status --json), attempt, estimate. progress: done,
 *   total, text. output: text. done: duration, changed, reasons. restored, fresh: saved. failed, retry: message, attempt, duration, log, aside.
 *   skipped: cause. note: message. end: outcome ("done", "failed", "interrupted"), duration. Durations are in seconds. */
#ifndef CLI_EVENT_STREAM_H
#define CLI_EVENT_STREAM_H

#include "run/events.h"
#include "util/clock.h"

struct event_stream;

/* Writes to fd (borrowed); clock (borrowed) gives the times. */
struct event_stream *event_stream_new(int fd, const struct clock *clock);
struct event_sink event_stream_sink(struct event_stream *es);
/* Frees. -1 and err if something could not be written; nothing was written after that. */
NODISCARD int event_stream_close(struct event_stream *es, struct err *err);

#endif
