/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <unistd.h>

#include "cli/cmd_show.h"
#include "report/run_page.h"

/* A name that nothing of the run has is rather a mistake than a question without an answer. */
static int check_names(const struct run_page *page, struct err *err)
{
	const struct run *r = page->s->run;
	size_t i, j;

	for (i = 0; i < page->n_names; i++) {
		const struct run_page one = {page->s, page->t, page->names + i, 1};

		for (j = 0; j < r->n_parts && !run_page_shows(&one, r->parts[j].name); j++)
			;
		if (j == r->n_parts)
			return err_set(err, ERR_NOTFOUND, "'%s' had no part in run %s", page->names[i], r->id);
	}
	return 0;
}

static int print_page(struct project *p, const struct run_page *page, enum show_what what)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(p, STDOUT_FILENO);

	if (args_count(p->args, "json"))
		return cli_print_json(what == SHOW_WHY ? report_past_why_json(page) : report_run_json(page));
	if (what == SHOW_WHY)
		report_past_why(page, &style, &out);
	else
		report_run(page, &style, &out);
	return cli_print(&out);
}

int show_run(struct project *p, const char *word, char *const *names, size_t n, enum show_what what)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(snapshot_release) struct snapshot s = SNAPSHOT_INIT;
	const struct snapshot_tools t = {&p->repo, p->db, p->lineage, p->store};
	const struct run_page page = {&s, &t, (const char *const *)names, n};
	int code = project_await(p);

	if (code != EXIT_DONE)
		return code;
	if (snapshot_find(&s, &t, word, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (!s.run) {
		err_set(&err, ERR_NOTFOUND, "no run of %s is known; `mlmake log` lists those that are", s.name);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (check_names(&page, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	return print_page(p, &page, what);
}

const char *show_last_run(struct project *p, const char *but, struct err *err)
{
	const struct run *runs;
	size_t n;

	if (lineage_runs(p->lineage, &runs, &n, err) < 0)
		return NULL;
	while (n--)
		if (runs[n].own && !(but && streq(runs[n].outcome, but)))
			return runs[n].id;
	err_set(err, ERR_NOTFOUND, "there is no run yet: `mlmake` makes the first one");
	return NULL;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *word = a->words.n ? a->words.v[0] : show_last_run(p, NULL, &err);

	if (!word)
		return cli_fail(EXIT_USAGE, &err);
	return show_run(p, word, a->words.n ? a->words.v + 1 : NULL, a->words.n - (a->words.n > 0), SHOW_ALL);
}

static int run(struct args *a)
{
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_show = {
	"show",
	"tell everything about a run",
	"[RUN [STAGE...]]",
	"RUN is its id or commit (`mlmake log`), a beginning of either, or a commit that was built; the last\n"
	"run if none is named. With stages, those alone.",
	WORDS_RUNS,
	options,
	run,
};
