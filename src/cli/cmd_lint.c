/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "cli/guard.h"
#include "cli/mend.h"
#include "cli/project.h"
#include "report/wording.h"

static struct json *diags_json(const struct diags *ds)
{
	static const char *const levels[] = {"note", "warning", "error"};
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	for (i = 0; i < ds->n; i++) {
		struct json *d = json_new_map();

		json_set_str(d, "level", levels[ds->v[i].level]);
		json_set_str(d, "file", ds->v[i].file);
		json_set_int(d, "line", ds->v[i].line);
		json_set_str(d, "message", ds->v[i].msg);
		json_push(list, d);
	}
	json_set_int(j, "version", 1);
	json_set(j, "problems", list);
	return j;
}

static void say_fine(const struct project *p, struct strbuf *out)
{
	strbuf_addf(out, "%s: ", p->file);
	words_count(out, p->pl.n_stages, "stage");
	strbuf_addstr(out, ", ");
	words_count(out, p->pl.n_instances, "instance");
	strbuf_addstr(out, ", nothing to complain about\n");
}

/* What a hook is to build is there; else each commit would find out. */
static void check_hooks(struct project *p)
{
	CLEANUP(freep) bool *selected = xcalloc(p->g.n + 1, sizeof(*selected));
	size_t i, j;

	for (i = 0; i < p->pl.n_hooks; i++) {
		const struct hook_section *h = &p->pl.hooks[i];
		CLEANUP(diags_release) struct diags ds = DIAGS_INIT;

		if (graph_select(&p->g, h->build, h->n_build, selected, NULL, &ds) == 0)
			continue;
		for (j = 0; j < ds.n; j++)
			diag_error(&p->ds, h->at.file, h->at.line, "[hook %s] cannot build: %s", h->name, ds.v[j].msg);
	}
}

/* Everything that a build would refuse, and what it would only warn about. */
static int check(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct pipeline_disk disk = project_disk(p);
	struct pipeline_options opt = {p->file, args_value(a, "profile"), NULL, 0};
	int code;

	if (pipeline_load(&p->pl, &opt, &disk, &p->ds) == 0 && project_graph(p, &disk) == 0) {
		p->selected = malloc(p->g.n + 1);
		if (!p->selected || graph_select(&p->g, NULL, 0, p->selected, NULL, &p->ds) == 0)
			guard_everything(p);
		check_hooks(p);
	}
	code = p->ds.errors ? EXIT_USAGE : EXIT_DONE;
	if (args_count(a, "fix") && code == EXIT_DONE && mend(p, &text, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	diags_sort(&p->ds);
	if (args_count(a, "json")) {
		int printed = cli_print_json(diags_json(&p->ds));

		return printed == EXIT_DONE ? code : printed;
	}
	diags_format(&p->ds, &text);
	if (!p->ds.n && !text.len)
		say_fine(p, &text);
	return cli_print(&text) == EXIT_DONE ? code : EXIT_USAGE;
}

static int run(struct args *a)
{
	return project_read(a, check);
}

static const struct option_def options[] = {
	{0, "fix", NULL, "write what stages were seen to read into the pipeline file"},
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_lint = {
	"lint", "check the pipeline file without building", "", NULL, WORDS_NONE, options, run,
};
