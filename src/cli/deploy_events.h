/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shipping as --events has it: a block of its own, from begin to end, after that of the build before it (cli/event_stream.h). */
#ifndef CLI_DEPLOY_EVENTS_H
#define CLI_DEPLOY_EVENTS_H

#include "cli/command.h"
#include "cli/event_stream.h"

struct deploy_events {
	struct event_stream *stream; /* NULL: nobody asked for events */
	int64_t began;
	struct event about;
	struct verdict verdict;
	struct reason reason;
};
#define DEPLOY_EVENTS_INIT {.stream = NULL}

/* Where --events says; nothing if it is not given. */
NODISCARD int deploy_events_open(struct deploy_events *e, const struct args *a, struct err *err);
/* in is about to ship: in environment there is before (NULL: nothing), and then after. All are borrowed until it ends. */
void deploy_events_begin(struct deploy_events *e, const struct instance *in, const char *environment, const char *before, const char *after);
/* Nothing has to be shipped. */
void deploy_events_fresh(struct deploy_events *e, const struct instance *in);
/* It is there; why: it is not, for that reason. log may be NULL. */
void deploy_events_end(struct deploy_events *e, const char *why, const char *log, bool interrupted);
/* -1 if not all could be written. */
NODISCARD int deploy_events_close(struct deploy_events *e, struct err *err);

#endif
