/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <unistd.h>

#include "cli/project.h"
#include "report/drawing.h"
#include "report/status.h"

static int draw(struct project *p, const struct drawing *d, const char *format)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct style style = project_style(p, STDOUT_FILENO);

	if (streq(format, "text"))
		drawing_text(d, &style, &out);
	else if (streq(format, "dot"))
		drawing_dot(d, &out);
	else if (streq(format, "mermaid"))
		drawing_mermaid(d, &out);
	else if (streq(format, "svg"))
		drawing_svg(d, &out);
	else {
		err_set(&err, ERR_INVALID, "--format is text, dot, mermaid or svg, not '%s'", format);
		return cli_fail(EXIT_USAGE, &err);
	}
	return cli_print(&out);
}

static struct json *graph_json(const struct project *p, const struct plan *plan)
{
	struct json *j = report_status_json(plan), *edges = json_new_list();
	size_t i, k;

	for (i = 0; i < p->g.n; i++)
		for (k = 0; p->selected[i] && k < p->g.nodes[i].n_up; k++) {
			struct json *e = json_new_map();

			json_set_str(e, "from", p->g.nodes[p->g.nodes[i].up[k]].in->name);
			json_set_str(e, "to", p->g.nodes[i].in->name);
			json_push(edges, e);
		}
	json_set(j, "edges", edges);
	return j;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	const char *format = args_value(a, "format");
	struct drawing d = {.g = &p->g, .all = args_count(a, "all") > 0};
	int code = project_load(p, a->words.v, a->words.n);

	if (code == EXIT_DONE)
		code = project_plan(p, NULL, &plan);
	if (code != EXIT_DONE)
		return code;
	if (args_count(a, "json"))
		return cli_print_json(graph_json(p, &plan));
	d.plan = &plan;
	d.selected = p->selected;
	return draw(p, &d, format ? format : "text");
}

static int run(struct args *a)
{
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "all", NULL, "draw every instance of a matrix by itself"},
	{0, "format", "FORMAT", "text (default), dot, mermaid or svg"},
	{0, "json", NULL, "print one JSON document: status, and edges"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_graph = {
	"graph", "draw who waits for whom", "[TARGET...]", NULL, WORDS_TARGETS, options, run,
};
