/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a build to its run in the lineage: listens for the reasons, looks at the source while the build goes on, and makes the
 * commit when it is saved. */
#ifndef CLI_RECORDER_H
#define CLI_RECORDER_H

#include "cli/project.h"
#include "run/build.h"

struct recorder;

/* For one run of p, which is borrowed. */
struct recorder *recorder_new(struct project *p, const char *run_id);
void recorder_free(struct recorder *r);
struct event_sink recorder_sink(struct recorder *r);
/* The build begins: what is tracked is looked at from now on, on a thread of its own. */
void recorder_begin(struct recorder *r);

/* After recorder_begin: waits for the look at the source, and says which commit HEAD names (NULL: none) and whether it differs from it (as
 * run.dirty). Lives as long as r. */
const char *recorder_commit(struct recorder *r, int *dirty);
/* Why part is what it is, by the reasons of v; they live as long as r. */
void recorder_reasons(struct recorder *r, const struct verdict *v, struct run_part *part);
/* The run that result tells of; it lives as long as r. */
void recorder_run(struct recorder *r, const struct build_result *result, struct run *out);
/* As project_save, with run (its id, time and parts are set) in the lineage. A run without parts is none. A warning says so if the source
 * cannot be told. */
NODISCARD int recorder_save(struct recorder *r, struct run *run, struct err *err);

/* Who ran what and where: author, command, host and project of run, which live in a. */
void recorder_describe(const struct project *p, struct arena *a, struct run *run);

#endif
