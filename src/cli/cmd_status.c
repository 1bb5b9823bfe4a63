/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <unistd.h>

#include "cli/fetching.h"
#include "cli/project.h"
#include "cli/share.h"
#include "report/shared.h"
#include "report/status.h"

/* What stands where: mlmake.lock's files and the runs. */
struct standing {
	struct share share;
	struct wanted wanted;
	struct chains chains;
	bool *here;
};

static int look(struct standing *s, struct project *p, struct err *err)
{
	const struct share_words all = {NULL, 0, NULL};
	size_t i;

	wanted_init(&s->wanted, p->store, p->repo.shared);
	if (share_open(&s->share, false, err) < 0 || share_want_here(p, &s->wanted, &all, err) < 0 ||
	    remote_look(s->share.remote, s->wanted.v, s->wanted.n, err) < 0 ||
	    remote_chains(s->share.remote, &s->chains, err) < 0)
		return -1;
	s->here = xcalloc(s->wanted.n + 1, sizeof(*s->here));
	for (i = 0; i < s->wanted.n; i++)
		s->here[i] = payloads_has(s->wanted.here, &s->wanted.v[i].id, -1);
	return 0;
}

/* Adds how the remote stands to text, or to j if that is not NULL. */
static int add_standing(struct project *p, struct strbuf *text, struct json *j)
{
	struct standing s = {.share = SHARE_INIT, .chains = CHAINS_INIT};
	CLEANUP(err_release) struct err err = ERR_INIT;
	int code = share_choose(&s.share, p);

	if (code == EXIT_DONE && look(&s, p, &err) < 0)
		code = cli_fail(EXIT_USAGE, &err);
	if (code == EXIT_DONE) {
		const struct shared shared = {.remote = s.share.section->name, .url = s.share.address.shown, .v = s.wanted.v,
					      .n = s.wanted.n, .chains = &s.chains};

		if (j)
			json_set(j, "remote", report_standing_json(&shared, s.here));
		else
			report_standing(&shared, s.here, text);
	}
	share_release(&s.share);
	wanted_release(&s.wanted);
	chains_release(&s.chains);
	free(s.here);
	return code;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(fetching_release) struct fetching sources = {.open = false};
	struct style style = project_style(p, STDOUT_FILENO);
	int code = project_load(p, a->words.v, a->words.n), printed;

	if (code == EXIT_DONE)
		code = project_plan(p, NULL, &plan);
	if (code != EXIT_DONE)
		return code;
	fetching_open(&sources, p);
	fetching_look(&sources, p);
	if (args_count(a, "json")) {
		struct json *j = report_status_json(&plan);

		fetching_status_json(&sources, p, j);

		if (args_value(a, "remote"))
			code = add_standing(p, NULL, j);
		if (code == EXIT_DONE)
			code = cli_print_json(j);
		else
			json_free(j);
	} else if (!args_count(a, "quiet")) {
		report_status(&plan, &style, args_count(a, "verbose") > 0, &out);
		fetching_status(&sources, p, args_count(a, "verbose") > 0, &out);
		if (args_value(a, "remote"))
			code = add_standing(p, &out, NULL);
		printed = cli_print(&out);
		code = MAX(code, printed);
	}
	if (code == EXIT_DONE && args_count(a, "check") && plan.counts[STALE_STALE] + plan.counts[STALE_RESTORABLE])
		code = EXIT_CHECK_STALE;
	return code;
}

static int run(struct args *a)
{
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "check", NULL, "exit with 4 if anything is stale or has to be restored"},
	{0, "inherit-env", NULL, "as a build with this option would see it"},
	{0, "json", NULL, "print one JSON document"},
	{0, "remote", "NAME", "show also how [remote NAME] stands to what is here"},
	{'q', "quiet", NULL, "print nothing, for use with --check"},
	{'v', "verbose", NULL, "show every reason, and what is fresh"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_status = {
	"status", "show what is stale and why",    "[NAME=VALUE...] [TARGET...]",
	NULL,     WORDS_TARGETS,                   options,
	run,
};
