/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules of a deploy: what it ships, how, and how that is seen to work.
 *
 *     gate = release                       the gate that has to have passed; none: nothing has to
 *     ship = models/churn.json             files and directories; {{ship}} in commands is a copy of them, taken from the store
 *     cmd = rsync -a {{ship}} web:/srv/    ships them
 *     health = curl -fsS https://web/ok    succeeds once what was shipped works; tried again until `wait` has passed
 *     wait = 1m
 *     undo = ssh web rollback              after cmd or health has failed; without it the version before is shipped again
 *     environments = staging production    where to; deploy ships to the first, promote to the others */
#ifndef PIPELINE_DEPLOY_RULES_H
#define PIPELINE_DEPLOY_RULES_H

#include "pipeline/pipeline.h"
#include "pipeline/rules.h"

/* What commands see: paths of the copies, from 1 on, and the directory that they lie in; texts. */
#define DEPLOY_SHIP "MLMAKE_SHIP"
#define DEPLOY_VERSION "MLMAKE_VERSION"
#define DEPLOY_ENVIRONMENT "MLMAKE_ENVIRONMENT"

struct deploy_rules {
	const char *gate;          /* NULL: none */
	const char **ships;        /* paths, normalized */
	size_t n_ships;
	const char *cmd, *health, *undo; /* texts for sh; health and undo NULL: none */
	int64_t wait;              /* nanoseconds */
	const char **environments; /* at least one */
	size_t n_environments;
	int ship_line, gate_line;
};

/* Reads rules. What is wrong is told to problem (line 0: about the deploy as a whole), and then the result is -1. In a. */
NODISCARD int deploy_rules_read(const struct rule *rules, struct arena *a, struct deploy_rules *out,
				void (*problem)(void *ctx, int line, const char *message), void *ctx);
/* The same of an instance that was loaded without an error. */
void deploy_rules_of(const struct instance *in, struct arena *a, struct deploy_rules *out);

#endif
