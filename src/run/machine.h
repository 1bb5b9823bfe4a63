/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is needed to run stages on this machine: signals, jobserver, resources, the keeper. */
#ifndef RUN_MACHINE_H
#define RUN_MACHINE_H

#include "run/build.h"
#include "run/keeper.h"

struct machine {
	int jobs;                    /* under `make -jN`, unless a number was asked for, as many as it lets run */
	struct strvec gpus;
	struct resources resources;
	struct jobserver *jobserver; /* make's, or ours for what runs below */
	bool serving;
	struct keeper *keeper;       /* NULL: not open */
	int signal_fd;
};
#define MACHINE_INIT {.signal_fd = -1}

struct machine_options {
	const char *run_id;
	int jobs;
	bool jobs_given;
	const struct graph *g;
	const bool *selected; /* by node: whose needs count */
	int lock_fd;          /* held until all stages are dead; -1: none */
};

/* From here on SIGINT, SIGTERM and SIGHUP come through signal_fd. *warning (owned, or NULL) is worth telling. Open already is done. */
NODISCARD int machine_open(struct machine *m, const struct machine_options *opt, char **warning, struct err *err);
/* Fills in what of tools is the machine's. */
void machine_lend(struct machine *m, struct build_tools *tools);
void machine_release(struct machine *m); /* nothing of a stage outlives this */

#endif
