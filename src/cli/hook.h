/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of `mlmake hook`. */
#ifndef CLI_HOOK_H
#define CLI_HOOK_H

#include "cli/project.h"

/* This program, for a worker: also if its file has been replaced since. */
#define HOOK_PROGRAM "/proc/self/exe"

/* What all but `hook run` begin with. */
struct hook_place {
	char *git_dir; /* of the clone, absolute */
	char *dir;     /* SHARED/queue */
	struct project p;
	bool in_project; /* p is open; not with --bare */
	char *prefix;    /* of the project one stands in, within its work tree; NULL with --bare: one stands in none */
	enum color_choice color;
};
NODISCARD int hook_place_open(struct hook_place *h, const struct args *a);
void hook_place_release(struct hook_place *h);
/* Starts a worker if something waits and none is there. */
void hook_revive(const struct hook_place *h);
/* Is a worker at work? */
bool hook_is_working(const struct hook_place *h);

/* `hook run NAME`, which git calls: asks for a build, or judges a push, and then becomes the hook that stood there before. */
int hook_run(struct args *a, const char *name);
/* install, status, uninstall, print */
int hook_install(struct args *a);
int hook_status(struct args *a);
int hook_uninstall(struct args *a);
int hook_print(struct args *a);
/* log, watch, cancel */
int hook_log(struct args *a);
int hook_watch(struct args *a);
int hook_cancel(struct args *a);

#endif
