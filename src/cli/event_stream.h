/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A build as JSON Lines, for --events: one object a line, one write a line.
 *
 *   {"event": "start", "time": "2026-11-23T18:05:09Z", "instance": "train@1", ...}
 *
 *   begin           version, jobs, instances (how many), counts by state
 *   start           state, reasons (as in status --json), attempt, estimate
 *   progress        done, total, text
 *   output          text
 *   done            duration, changed, reasons
 *   restored        reasons, saved
 *   fresh           saved
 *   frozen
 *   failed, retry   message, attempt, duration, log, aside
 *   skipped         cause
 *   note            message
 *   end             outcome ("done", "failed", "interrupted"), duration
 *
 * What is shipped (cli/deploy_events.h) comes after the build before it, from a begin to an end for each deploy; its reason is the version.
 *
 * "instance" is there if the event is about one. Durations are in seconds. */
#ifndef CLI_EVENT_STREAM_H
#define CLI_EVENT_STREAM_H

#include "cli/command.h"
#include "run/events.h"
#include "util/clock.h"

struct event_stream;

/* Opens what --events of a names, once for all that the command does: "-" is standard output. Of a FIFO the reader is waited for, which any
 * signal ends. 1 and a stream (the caller's to close) that writes there, 0 if a has no --events, -1. */
NODISCARD int event_stream_open(const struct args *a, struct event_stream **out, struct err *err);
/* Writes to fd (borrowed); clock (borrowed) gives the times. */
struct event_stream *event_stream_new(int fd, const struct clock *clock);
struct event_sink event_stream_sink(struct event_stream *es);
/* Frees. -1 and err if something could not be written; nothing was written after that. */
NODISCARD int event_stream_close(struct event_stream *es, struct err *err);

#endif
