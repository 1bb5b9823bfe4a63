/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances run once more, apart from the user's work tree, and what came out beside what a record says. */
#ifndef BACK_RERUN_H
#define BACK_RERUN_H

#include "back/artifacts.h"
#include "back/private.h"
#include "run/machine.h"
#include "store/store.h"
#include "util/strvec.h"

enum rerun_outcome {
	RERUN_IDENTICAL,
	RERUN_SAME,    /* other bytes, which the stage's `same` takes for the same */
	RERUN_DIFFERS,
	RERUN_NEW,     /* nothing is known to compare with */
	RERUN_MISSING, /* it was not made: the stage failed or did not run */
};
struct rerun_output {
	enum rerun_outcome outcome;
	enum fact_kind kind;
	const char *path;
	struct content was, now;      /* CONTENT_NONE: not known, not made */
	char *was_text, *now_text;    /* of metrics, the first if they differ, where they can be had; owned */
};
enum rerun_end { RERUN_RAN, RERUN_FAILED, RERUN_SKIPPED, RERUN_GONE /* the source has no such instance */ };
struct rerun {
	const char *instance;
	const struct record *was;     /* of the artifacts compared with; NULL: never built */
	const struct record *now;     /* NULL unless it ran */
	enum rerun_end end;
	bool same_key;                /* it ran from exactly what was says */
	char *note;                   /* what was other, or how it failed; owned, NULL: nothing to say */
	int64_t duration;
	struct rerun_output *outs;    /* owned */
	size_t n_outs;
};

/* An input that is nowhere to be had. */
struct rerun_lack {
	const char *path, *instance;  /* of the artifacts */
	struct content content;
};

struct rerun_options {
	const struct private_tree *tree;
	const char *file, *profile;   /* of the pipeline; profile may be NULL */
	const char *const *overrides; /* NAME=VALUE given by the user, on top of those that the records show */
	size_t n_overrides;
	const char *const *targets;   /* n_targets: only these, from inputs as they were; 0: all that the records name, or if there are none
				       * what a plain build builds */
	size_t n_targets;
	const struct artifacts *before;
	const char *shared, *git_dir, *home; /* absolute: SHARED; git's database; the user's project, NULL: it is not
					     * looked at */
	const unsigned char *secret;
	const char *const *supplied;  /* files and directories (absolute) that may be inputs which are gone */
	size_t n_supplied;
	const char *run_id;
	int jobs;                     /* 0: as many as the pipeline says, or cores */
	enum place_how place;         /* how what comes from the store is put in place */
	bool keep;                    /* outputs are taken into the store */
	bool of_work;                 /* the source is that of the user's work tree, where the pipeline's files need not be git's */
	bool want_output;
	int64_t tick;
	const struct event_sink *sinks;
	size_t n_sinks;
};

struct rerun_result {
	struct rerun *v;
	size_t n;
	enum build_outcome outcome;
	int64_t duration;
	struct rerun_lack *lacks;     /* if any, nothing was run */
	size_t n_lacks;
	struct strvec notes;          /* sentences worth telling */
	bool *used;                   /* by supplied: it was an input */
	struct rerun_work *work;      /* private: what all of this lives in */
};

/* Runs them; the working directory is where it was when this returns. 0 also if stages failed. */
NODISCARD int rerun(const struct rerun_options *opt, struct rerun_result *out, struct err *err);
/* Is everything that was compared as it was? */
bool rerun_is_identical(const struct rerun_result *r);
void rerun_release(struct rerun_result *r);

#endif
