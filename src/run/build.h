/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a plan: what is stale runs, what can be restored is put back, longest remaining path first, within the resources. */
#ifndef RUN_BUILD_H
#define RUN_BUILD_H

#include "run/events.h"
#include "run/jobserver.h"
#include "run/launcher.h"
#include "run/resources.h"
#include "util/clock.h"
#include "util/map.h"

struct build_tools {
	struct statcache *cache;
	struct store *store;
	struct history *history;
	const struct launcher *launcher;
	const struct clock *clock;
	struct resources *resources;
	struct jobserver *jobserver; /* NULL: none */
	bool serving;                /* stages get the jobserver's MAKEFLAGS */
	int signal_fd;               /* readable when a signal asks to stop (one byte or more each is read); -1: none */
	const char *state_dir;
	const char *run_id;
	const struct event_sink *sinks;
	size_t n_sinks;
	const struct map *held;      /* raw inputs that git holds, so that they need not be kept; NULL: none are known */
	const char *(*probe)(void *ctx, const char *cmd); /* see struct world; may be NULL */
	void *probe_ctx;
	struct normals *normals; /* NULL: nothing is filtered (run/normal.h) */
	struct code_book *code; /* what code means; NULL: bytes count */
	const struct outside *outside; /* may be NULL */
	const char *performer;  /* words for sh, behind which comes the file of a task (run/task.h); NULL: there is nobody to perform one */
};

struct build_options {
	int jobs;
	bool keep_going;
	bool want_output;  /* EVENT_OUTPUT for every line */
	bool apart;        /* for comparing alone: nothing is taken into the store */
	const bool *force; /* by node, or NULL */
	char *const *notes; /* by node: what is worth telling of it from the start, or NULL */
	int64_t tick;      /* nanoseconds between EVENT_TICKs while something runs */
};

struct build_part {
	const struct instance *in;
	size_t node;            /* in the graph */
	enum event_kind result; /* DONE, RESTORED, FAILED */
	bool interrupted;       /* FAILED: because it was stopped */
	bool refused;           /* FAILED: because its rules refuse */
	bool has_key;
	struct digest key;
	int64_t duration;
};

struct build_result {
	enum build_outcome outcome;
	size_t ran, restored, fresh, frozen, failed, skipped;
	int64_t duration, saved;
	struct build_part *parts; /* owned */
	size_t n_parts, cap_parts;
};

/* Executes p. 0 also when stages failed (see outcome); -1 if the build itself cannot go on (the journal cannot be written,
 * the launcher is lost). Records are in history's journal when this returns. */
NODISCARD int build_run(const struct plan *p, const struct build_tools *tools, const struct build_options *opt,
			struct build_result *result, struct err *err);
void build_result_release(struct build_result *r);

/* What a crashed run left: its processes are killed, half-written outputs set aside, moved ones put back. Notes (owned sentences)
 * say what was done. To be called under the project's lock, before anything is decided. */
NODISCARD int build_recover(struct history *h, const char *state_dir, const char *run_id, struct strvec *notes,
			     struct err *err);

#endif
