/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shipping to an environment from a command: what is deployed is recorded, what is shipped comes from the store, only one does it at a
 * time, and what became of it stands in tags and in the lineage. */
#ifndef CLI_DEPLOYING_H
#define CLI_DEPLOYING_H

#include "cli/command.h"
#include "util/strvec.h"

/* What a person asked for. */
struct deploy_request {
	const char *name;        /* of [deploy NAME] */
	const char *action;      /* "deploy", "promote", "rollback" */
	const char *environment; /* NULL: the first of the deploy */
	const char *version;     /* deploy: what to call a new one, NULL: the next. Others: which to ship, NULL: deploy's: what is live in the
				  * first environment (promote), what was live before (rollback) */
	char bump;               /* deploy: release_version_next() */
	const char *because;     /* NULL: not said */
	bool again;              /* ship though it is there already */
};

/* Does what is asked for. Returns an exit code; all has been told. */
NODISCARD int deploying_main(const struct args *a, const struct deploy_request *rq);

/* `mlmake deploy`, also as the end of a build that names deploys as targets: builds what they need, and ships it if that went well. names:
 * of deploys; none: all, or if there are none the default targets. */
NODISCARD int deploying_build(struct args *a, const struct strvec *names, bool built);

/* a for who stands in the project's directory already: without -C. given is the caller's to free, the rest is shared with a. */
struct args args_once_there(const struct args *a);

#endif
