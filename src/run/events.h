/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens during a build, told to whoever listens: a terminal, a JSON stream, a test. `run` prints nothing. */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include "stale/plan.h"

enum event_kind {
	EVENT_BEGIN,    /* the build starts: plan, jobs */
	EVENT_START,    /* an instance runs: verdict, attempt */
	EVENT_PROGRESS, /* it said `##mlmake progress 61/100 loss=0.4`: done, total, text ("loss=0.4") */
	EVENT_OUTPUT,   /* lines that it wrote: text, len (only if asked for) */
	EVENT_DONE,     /* it ran and its result is recorded: duration, changed (did any output change?) */
	EVENT_RESTORED, /* its outputs were put back: verdict, saved (ns the record took to run) */
	EVENT_FRESH,    /* nothing to do: saved as above */
	EVENT_FAILED,   /* it failed: message, log, tail; aside: where half-written outputs lie or NULL */
	EVENT_RETRY,    /* it failed and is tried again: message, attempt */
	EVENT_SKIPPED,  /* something it needs failed: cause; or the build stopped: cause NULL */
	EVENT_FROZEN,   /* taken as it is: verdict */
	EVENT_NOTE,     /* a sentence worth knowing: message; node may be SIZE_MAX */
	EVENT_TICK,     /* a moment passed (at least every second while something runs) */
	EVENT_END,      /* the build is over: outcome */
};

enum build_outcome { BUILD_OK, BUILD_FAILED, BUILD_INTERRUPTED, BUILD_REFUSED /* by a gate, and nothing else failed */ };

struct event {
	enum event_kind kind;
	size_t node;                    /* in the graph; SIZE_MAX: none */
	const struct instance *in;      /* NULL: none */
	const struct plan *plan;        /* BEGIN */
	const struct verdict *verdict;  /* START DONE RESTORED FRESH FROZEN */
	int64_t now;                    /* clock_tick nanoseconds */
	int64_t duration, saved;
	int attempt;                    /* counts from 1 */
	int jobs;                       /* BEGIN */
	size_t running, waiting;        /* instances that run now; that may still run */
	int64_t estimate;               /* START: ns it took last time, 0: unknown. TICK: ns until the build ends, -1: unknown */
	bool changed;
	int64_t done, total;            /* PROGRESS */
	const char *text;
	size_t len;
	const char *message, *log, *aside;
	const char *tail;               /* FAILED: the last lines of the log */
	const char *cause;              /* SKIPPED */
	enum build_outcome outcome;     /* END. FAILED: BUILD_INTERRUPTED if it was stopped, BUILD_REFUSED if its rules refuse */
};

struct event_sink {
	void (*emit)(void *ctx, const struct event *e);
	void *ctx;
};

#endif
