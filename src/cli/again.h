/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A state of the source built once more, apart: what reproduce, verify and checkout share. */
#ifndef CLI_AGAIN_H
#define CLI_AGAIN_H

#include "back/origin.h"
#include "back/rerun.h"
#include "cli/project.h"

struct supply;

struct again {
	struct project *p;
	const struct args *a;     /* its jobs, input, dir, quiet, verbose count if it has them */
	const struct origin *origin;
	const struct artifacts *before;
	struct strvec targets;    /* owned; none: everything */
	bool keep;                /* take what comes out into the store */
	bool of_work;             /* origin is the work tree as it is */
	struct supply *supply;    /* inputs that are gone come from there; borrowed, NULL: nobody has them */
	/* answers */
	char run_id[40];
	int64_t started;
	struct private_tree tree;
	struct strvec supplied;
	struct rerun_result result;
};
void again_init(struct again *g, struct project *p, const struct origin *origin, const struct artifacts *before);

/* Builds, and tells of inputs that are gone. Returns an exit code; EXIT_DONE also if stages failed: see g->result. */
NODISCARD int again_run(struct again *g);
/* Writes down for all that ran from the very inputs whether they came out the same. */
NODISCARD int again_record(struct again *g, struct err *err);
/* Frees, and removes the work tree. Returns code, or another if that fails. */
int again_release(struct again *g, int code);

/* The values that an option was given, in order. */
void again_values(const struct args *a, const char *name, struct strvec *out);

#endif
