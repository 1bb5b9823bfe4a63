/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rerun under way: what rerun.c and supply.c share. Nobody else includes this. */
#ifndef BACK_RERUN_WORK_H
#define BACK_RERUN_WORK_H

#include "back/rerun.h"
#include "run/probe.h"

#define POINTER_LINE1 "version https://git-lfs.github.com/spec/v1\n" /* git has a large file of git-lfs's as a text that names it */
#define POINTER_LIMIT 1024

struct rerun_work {
	const struct rerun_options *opt;
	struct statcache *cache; /* of paths in the private tree */
	struct code_book *code;
	struct code_finder *finder;
	struct gitdb *db;
	struct store *store;
	struct history *history;
	struct probes probes;
	struct pipeline pl;
	struct graph g;
	struct plan plan;
	struct machine machine;
	struct build_result built;
	const struct record **records; /* that shall be made again */
	size_t n_records;
	struct strvec overrides;       /* that the records show */
	bool inherit;                  /* one of the records is of a run with the whole environment */
	bool *selected;                /* by node */
	char **failures;               /* by node */
};

/* Reads the pipeline that stands in the tree as disk shows it. -1 and ds. */
NODISCARD int rerun_load(struct rerun_work *w, const struct pipeline_disk *disk, struct diags *ds);
/* Those of the records before that are computed: the others' outputs are inputs. */
void rerun_choose(struct rerun_work *w);
/* Opens cache and store, and frees all. */
struct rerun_work *rerun_work_new(const struct rerun_options *opt, const char *cache);
void rerun_work_free(struct rerun_work *w);
/* Puts content from the store at path, below root. 1: it has it not. */
NODISCARD int rerun_from_store(struct rerun_work *w, const struct content *c, const char *path, int root, struct err *err);

/* Puts in place what the records read and neither the source has nor one of them makes; what cannot be had goes to out->lacks. */
NODISCARD int rerun_place_inputs(struct rerun_work *w, struct rerun_result *out, struct err *err);
/* The same for what is selected and was never built. */
NODISCARD int rerun_bring_inputs(struct rerun_work *w, struct rerun_result *out, struct err *err);
/* The pipeline's file and those of parameters, where the source lacks them. */
NODISCARD int rerun_bring_pipeline(struct rerun_work *w, struct err *err);

#endif
