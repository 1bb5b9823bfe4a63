/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which sources a build runs though what they brought is there, and what it says of the others. */
#ifndef CLI_FETCHING_H
#define CLI_FETCHING_H

#include "cli/project.h"
#include "lifecycle/sources.h"
#include "run/build.h"

struct fetching {
	struct sources sources;
	bool open;
	int64_t now;
	struct strvec *answers; /* by node: of its probes, if they were asked */
	bool *news;             /* by node: there is something new */
	char **notes;           /* by node: a sentence worth telling, or NULL */
	size_t n, failed;       /* sources whose probes could not be asked */
};

void fetching_open(struct fetching *f, const struct project *p);
void fetching_release(struct fetching *f);

struct fetch_how {
	bool named;  /* the sources that are selected were named, so they are asked, whatever their `every` */
	bool always; /* and run, whatever their probes say */
	const struct launcher *launcher; /* NULL: nothing is asked, as for a dry run */
	int signal_fd;
};
/* Decides on the selected sources: force[node] for those that are to run. Those whose probes fail are told on standard error and no longer
 * selected. ERR_STOPPED. */
NODISCARD int fetching_ask(struct fetching *f, struct project *p, const struct fetch_how *how, bool *force, struct err *err);
/* A build that fetches nothing: notes about the selected sources whose `every` has passed. */
void fetching_look(struct fetching *f, struct project *p);
/* For status: a line for each selected source whose `every` has passed, with all for every one; in the instances of status --json "asked"
 * and "due". */
void fetching_status(const struct fetching *f, struct project *p, bool all, struct strbuf *out);
void fetching_status_json(const struct fetching *f, struct project *p, struct json *status);
/* Afterwards, when the records are saved: remembers which were asked. */
NODISCARD int fetching_keep(struct fetching *f, struct project *p, const struct build_result *result, struct err *err);

#endif
