/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A build as a person sees it: on a terminal lines that scroll and a block at the bottom that is redrawn in place;
 * elsewhere plain lines and a heartbeat. And what a build would do. */
#ifndef CLI_DISPLAY_H
#define CLI_DISPLAY_H

#include "run/events.h"
#include "util/term.h"

struct display;

/* Shows on fd (borrowed). verbosity: -1 failures only, 0, 1 reasons in full and the output of stages as it comes
 * (EVENT_OUTPUT). The block is drawn if fd is a terminal that can, and asks for its size at each redraw; the cursor
 * is never hidden. With GITHUB_ACTIONS in the environment failures are annotations too. What cannot be written is
 * lost: a build does not fail because nobody looks. */
struct display *display_new(int fd, const struct style *s, int verbosity);
/* For tests: do not ask, take this. rows and columns are used if live. */
void display_pretend(struct display *d, bool live, int columns, int rows, bool annotate);
/* Events come from one thread. Plans, instances and verdicts in them live until END. */
struct event_sink display_sink(struct display *d);
/* Takes a block that is still there off the screen. NULL is nothing. */
void display_free(struct display *d);
void display_freep(struct display **d); /* for CLEANUP */

/* What a build of p would run and restore, in order, with reasons, for -n. */
void display_plan(const struct plan *p, const struct style *s, struct strbuf *out);

/* The closing sentence of a build that had nothing to do. */
void display_nothing(size_t fresh, size_t frozen, struct strbuf *out);

/* Where log is found later on; owned. *goes: it was made in a work tree that will be gone, in which the directory of logs is a link to where
 * they stay; all else goes with it. */
char *display_log(const char *log, bool *goes);

#endif
