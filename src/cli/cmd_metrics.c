/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdlib.h>
#include <unistd.h>

#include "cli/project.h"
#include "report/metrics.h"
#include "report/wording.h"
#include "util/file.h"

#define METRICS_LIMIT ((size_t)1 << 20)

/* The runs, to find what an instance had before its last record. */
struct before {
	struct project *p;
	const struct run *runs;
	size_t n;
};

static const struct record *record_before(const struct before *b, const struct instance *in)
{
	const struct record *last = history_last(b->p->history, in->name);
	size_t i, j;

	for (i = b->n; last && i-- > 0;)
		for (j = 0; b->runs[i].own && j < b->runs[i].n_parts && !streq(b->runs[i].outcome, "reproduced"); j++) {
			const struct run_part *part = &b->runs[i].parts[j];

			if (streq(part->name, in->name) && part->has_key && !digest_eq(&part->key, &last->key))
				return history_find(b->p->history, &part->key);
		}
	return NULL;
}

static bool text_before(void *ctx, const struct instance *in, const char *path, struct strbuf *out)
{
	const struct before *b = ctx;
	const struct record *r = record_before(b, in);
	const struct record_fact *f = r ? record_find(r, FACT_METRICS, path) : NULL;

	return f && store_get_bytes(b->p->store, &f->content.id, METRICS_LIMIT, out, NULL) == 0;
}

/* ---- files that are not there ---- */

static const char *missing_file(const struct instance *in)
{
	size_t i;

	for (i = 0; i < in->n_outs; i++)
		if (in->outs[i].kind == OUTPUT_METRICS && !file_exists(in->outs[i].path))
			return in->outs[i].path;
	return NULL;
}

/* What a hook or another work tree has built is in the store and not here. */
static char *where_it_is(const struct instance *in, const struct verdict *v, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	strbuf_addf(&out, "%s is not here", path);
	if (!v) {
		strbuf_addf(&out, ": `mlmake %s` makes it, or puts it back", in->name);
	} else if (v->state == STALE_RESTORABLE) {
		strbuf_addstr(&out, ": ");
		words_record(&out, v->found);
		strbuf_addf(&out, " made it, and `mlmake %s` puts it back, which runs nothing", in->name);
	} else if (v->last) {
		strbuf_addf(&out, ", and what it was made from has changed since: `mlmake %s` makes it", in->name);
	} else {
		strbuf_addf(&out, ": it was never built, and `mlmake %s` does", in->name);
	}
	return strbuf_detach(&out);
}

static int explain_missing(struct project *p, struct metrics_table *t)
{
	CLEANUP(plan_release) struct plan plan = PLAN_INIT;
	bool planned = false;
	size_t i;
	int code;

	for (i = 0; i < t->n; i++) {
		const struct instance *in = t->rows[i].in;
		const char *path = missing_file(in);

		if (!path)
			continue;
		if (p->selected[in->index] && !planned && (code = project_plan(p, NULL, &plan)) != EXIT_DONE)
			return code;
		planned |= p->selected[in->index];
		free(t->rows[i].problem);
		t->rows[i].problem = where_it_is(in, p->selected[in->index] ? &plan.verdicts[in->index] : NULL, path);
	}
	return EXIT_DONE;
}

static int show(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct style style = project_style(p, STDOUT_FILENO);
	struct before b = {p, NULL, 0};
	struct metrics_before before = {text_before, &b};
	struct metrics_table t;
	int code = project_load(p, a->words.v, a->words.n);

	if (code != EXIT_DONE)
		return code;
	if (lineage_runs(p->lineage, &b.runs, &b.n, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	metrics_collect(&t, &p->g, a->words.n ? p->named : NULL, &before);
	code = explain_missing(p, &t);
	if (code != EXIT_DONE) {
		/* which has told why */
	} else if (args_count(a, "json")) {
		code = cli_print_json(report_metrics_json(&t));
	} else {
		report_metrics(&t, &style, &out);
		code = cli_print(&out);
	}
	metrics_table_release(&t);
	return code;
}

static int run(struct args *a)
{
	return project_read(a, show);
}

static const struct option_def options[] = {
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_metrics = {
	"metrics", "show metrics side by side, with the difference to the result before", "[TARGET...]", NULL,
	WORDS_TARGETS, options, run,
};
