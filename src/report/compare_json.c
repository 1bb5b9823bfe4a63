/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/unified.h"

static struct json *side_json(const struct snapshot *s)
{
	struct json *j = json_new_map();

	json_set_str(j, "name", s->name);
	json_set_str(j, "run", s->run ? s->run->id : NULL);
	json_set_str(j, "commit", s->commit);
	return j;
}

static void push_line(void *ctx, char sign, const char *s, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (sign != '@')
		strbuf_addch(&line, sign);
	strbuf_add(&line, s, n);
	json_push(ctx, json_new_strn(line.buf, line.len));
}

static struct json *lines_json(const char *old, size_t n_old, const char *new, size_t n_new)
{
	struct json *list = json_new_list();

	unified_diff((struct linediff_text){old, n_old}, (struct linediff_text){new, n_new}, &(struct unified_sink){push_line, list});
	return list;
}

static struct json *source_json(const struct compared_source *src)
{
	const struct git_change *g = &src->change;
	struct json *j = json_new_map();

	json_set_str(j, "path", src->path);
	json_set_str(j, "change", !g->old_mode ? "added" : !g->new_mode ? "removed" : g->old_mode != g->new_mode ? "mode" : "changed");
	if (src->has_text) {
		json_set_int(j, "added", (int64_t)src->added);
		json_set_int(j, "removed", (int64_t)src->removed);
		json_set(j, "lines", lines_json(src->old.buf, src->old.len, src->new.buf, src->new.len));
	}
	return j;
}

static struct json *names_json(const char *const *names, size_t n)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < n; i++)
		json_push(list, json_new_str(names[i]));
	return list;
}

static struct json *content_json(const struct record_fact *f)
{
	struct json *j;
	char hex[DIGEST_HEX + 1];

	if (!f || f->content.kind == CONTENT_NONE)
		return json_new_null();
	j = json_new_map();
	digest_hex(&f->content.id, hex);
	json_set_str(j, "sha256", hex);
	json_set_int(j, "size", f->content.size);
	return j;
}

static struct json *rows_json(const struct csv_diff *d)
{
	struct json *j = json_new_map();

	json_set_int(j, "old", (int64_t)d->rows_old);
	json_set_int(j, "new", (int64_t)d->rows_new);
	json_set_int(j, "added", (int64_t)d->added);
	json_set_int(j, "removed", (int64_t)d->removed);
	json_set(j, "examples_added", names_json((const char *const *)d->examples_added.v, d->examples_added.n));
	json_set(j, "examples_removed", names_json((const char *const *)d->examples_removed.v, d->examples_removed.n));
	json_set(j, "columns_added", names_json((const char *const *)d->columns_added.v, d->columns_added.n));
	json_set(j, "columns_removed", names_json((const char *const *)d->columns_removed.v, d->columns_removed.n));
	json_set_bool(j, "columns_moved", d->columns_moved);
	return j;
}

static struct json *file_json(const struct compared_file *f)
{
	struct json *j = json_new_map();

	json_set_str(j, "path", f->path);
	json_set(j, "old", content_json(f->was));
	json_set(j, "new", content_json(f->is));
	json_set(j, "instances", names_json(f->instances, f->n_instances));
	if (f->has_entries) {
		struct json *es = json_new_map();

		json_set_int(es, "added", (int64_t)f->entries.added);
		json_set_int(es, "removed", (int64_t)f->entries.removed);
		json_set_int(es, "changed", (int64_t)f->entries.changed);
		json_set(es, "examples", names_json((const char *const *)f->entries.examples.v, f->entries.examples.n));
		json_set(j, "entries", es);
	} else if (f->has_rows)
		json_set(j, "rows", rows_json(&f->rows));
	else if (f->problem)
		json_set_str(j, "problem", f->problem);
	return j;
}

static struct json *files_json(const struct comparison *c, enum reason_kind kind)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < c->n_files; i++)
		if (c->files[i].kind == kind)
			json_push(list, file_json(&c->files[i]));
	return list;
}

static struct json *code_json(const struct comparison *c)
{
	struct json *list = files_json(c, REASON_CODE);
	size_t i;

	for (i = 0; i < c->n_sources; i++)
		json_push(list, source_json(&c->sources[i]));
	return list;
}

static void push_values(struct json *list, const struct comparison *c, enum reason_kind kind)
{
	size_t i;

	for (i = 0; i < c->n_values; i++) {
		const struct compared_value *v = &c->values[i];
		struct json *j;

		if (v->kind != kind)
			continue;
		j = json_new_map();
		if (kind == REASON_COMMAND)
			json_set_str(j, "instance", v->instances[0]);
		else
			json_set_str(j, "name", v->name);
		json_set_str(j, "old", v->old);
		json_set_str(j, "new", v->new);
		if (kind != REASON_COMMAND)
			json_set(j, "instances", names_json(v->instances, v->n_instances));
		json_push(list, j);
	}
}

static struct json *metrics_json(const struct comparison *c)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < c->n_metrics; i++) {
		const struct compared_metric *m = &c->metrics[i];
		struct json *j = json_new_map();

		json_set_str(j, "instance", m->instance);
		json_set_str(j, "name", m->name);
		json_set(j, "old", metric_json(m->was));
		json_set(j, "new", metric_json(m->is));
		if (m->was && m->is && m->was->is_number && m->is->is_number && isfinite(m->is->x - m->was->x))
			json_set_float(j, "difference", m->is->x - m->was->x);
		json_push(list, j);
	}
	return list;
}

static struct json *machine_json(const struct comparison *c)
{
	struct json *list = json_new_list(), *j;
	size_t i;

	for (i = 0; i < c->n_machine; i++) {
		j = json_new_map();
		json_set_str(j, "name", c->machine[i].name);
		json_set_str(j, "old", c->machine[i].old);
		json_set_str(j, "new", c->machine[i].new);
		json_push(list, j);
	}
	return list;
}

struct json *report_compare_json(const struct comparison *c)
{
	struct json *j = json_new_map(), *params = json_new_list(), *env = files_json(c, REASON_ENV), *commands = json_new_list(),
		    *instances = json_new_map();

	json_set_int(j, "version", 1);
	json_set(j, "from", side_json(c->a));
	json_set(j, "to", side_json(c->b));
	json_set(j, "code", code_json(c));
	push_values(params, c, REASON_PARAM);
	json_set(j, "params", params);
	json_set(j, "data", files_json(c, REASON_DATA));
	push_values(env, c, REASON_ENV);
	json_set(j, "environment", env);
	json_set(j, "machine", machine_json(c));
	push_values(commands, c, REASON_COMMAND);
	json_set(j, "commands", commands);
	json_set(instances, "added", names_json(c->come, c->n_come));
	json_set(instances, "removed", names_json(c->gone, c->n_gone));
	json_set(j, "instances", instances);
	json_set(j, "outputs", files_json(c, REASON_OUTPUT));
	json_set(j, "metrics", metrics_json(c));
	return j;
}
