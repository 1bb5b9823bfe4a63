/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/check.h"

static void add_number(struct strbuf *out, uint64_t n, const char *what)
{
	check_count(out, n);
	strbuf_addf(out, " %s%s", what, n == 1 ? "" : "s");
}

void check_summary(const struct check_result *r, struct strbuf *out)
{
	if (r->errors)
		add_number(out, r->errors, "error");
	if (r->errors && r->n > r->errors)
		strbuf_addstr(out, ", ");
	if (r->n > r->errors)
		add_number(out, r->n - r->errors, "warning");
	if (!r->n)
		strbuf_addstr(out, "nothing to complain about");
	if (r->files) {
		strbuf_addstr(out, " in ");
		add_number(out, r->rows, "row");
	}
}

static void write_example(const struct check_example *e, struct strbuf *out)
{
	strbuf_addstr(out, "         ");
	if (e->file && e->line)
		strbuf_addf(out, "%s:%llu: ", e->file, (unsigned long long)e->line);
	else if (e->file)
		strbuf_addf(out, "%s: ", e->file);
	else if (e->line)
		strbuf_addf(out, "line %llu: ", (unsigned long long)e->line);
	strbuf_addf(out, "%s\n", e->value ? e->value : e->file || e->line ? "" : "(missing)");
}

void check_write(const struct check_result *r, struct strbuf *out)
{
	size_t i, j;

	for (i = 0; i < r->n; i++) {
		const struct finding *f = &r->v[i];

		strbuf_addf(out, "  %-5s  %s: %s\n", f->warn ? "warn" : "error", f->rule, f->message);
		for (j = 0; j < f->n_examples; j++)
			write_example(&f->examples[j], out);
		if (f->n_examples && f->count > f->n_examples) {
			strbuf_addstr(out, "         and ");
			check_count(out, f->count - f->n_examples);
			strbuf_addstr(out, " more\n");
		}
	}
}

static struct json *finding_json(const struct finding *f)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	json_set_str(j, "rule", f->rule);
	json_set_str(j, "column", f->column);
	json_set_str(j, "severity", f->warn ? "warn" : "error");
	json_set_str(j, "message", f->message);
	json_set_int(j, "count", (int64_t)f->count);
	json_set(j, "of", f->of ? json_new_int((int64_t)f->of) : json_new_null());
	for (i = 0; i < f->n_examples; i++) {
		const struct check_example *e = &f->examples[i];
		struct json *x = json_new_map();

		json_set_str(x, "file", e->file);
		json_set(x, "line", e->line ? json_new_int((int64_t)e->line) : json_new_null());
		json_set_str(x, "value", e->value);
		json_push(list, x);
	}
	json_set(j, "examples", list);
	return j;
}

struct json *check_json(const struct check_result *r)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	json_set_str(j, "outcome", r->errors ? "failed" : "passed");
	json_set_int(j, "rows", (int64_t)r->rows);
	json_set_int(j, "files", (int64_t)r->files);
	for (i = 0; i < r->n; i++)
		json_push(list, finding_json(&r->v[i]));
	json_set(j, "findings", list);
	return j;
}
