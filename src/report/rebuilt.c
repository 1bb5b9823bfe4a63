/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/rebuilt.h"

#include <string.h>

#include "report/metrics.h"
#include "report/wording.h"
#include "util/text.h"

#define OUTCOMES (RERUN_MISSING + 1)
#define MOST_METRICS 8 /* in one line */
#define MOST_WIDTH 40  /* columns of a name */

static const char *const outcome_words[] = {"identical", "same", "differs", "new", "missing"};
static const char *const end_words[] = {"ran", "failed", "skipped", "gone"};

static enum hue outcome_hue(enum rerun_outcome o)
{
	static const enum hue hues[] = {HUE_GOOD, HUE_GOOD, HUE_WARN, HUE_INFO, HUE_BAD};

	return hues[o];
}

static void add_metric_value(struct strbuf *out, const struct metric *m)
{
	if (!m)
		strbuf_addch(out, '-');
	else if (m->text)
		term_add_clean(out, m->text, strlen(m->text));
	else
		text_add_double(out, m->x);
}

static bool same_metric(const struct metric *a, const struct metric *b)
{
	if (a->is_number != b->is_number)
		return false;
	if (a->is_number)
		return a->x == b->x || (a->x != a->x && b->x != b->x);
	return a->text && b->text && streq(a->text, b->text);
}

static void add_metric(struct strbuf *out, const char *name, const struct metric *was, const struct metric *now)
{
	term_add_clean(out, name, strlen(name));
	strbuf_addch(out, ' ');
	add_metric_value(out, was);
	strbuf_addstr(out, " -> ");
	add_metric_value(out, now);
	if (was && now && was->is_number && now->is_number) {
		double d = now->x - was->x;

		strbuf_addf(out, " (%s%.3g)", d >= 0 ? "+" : "", d);
	}
}

/* The metrics that moved; false if the files cannot be read as metrics or say the same. */
static bool add_metrics(struct strbuf *out, const struct rerun_output *o)
{
	struct metrics was = METRICS_INIT, now = METRICS_INIT;
	size_t i, n = 0;

	if (!o->was_text || !o->now_text)
		return false;
	if (metrics_parse(&was, o->path, o->was_text, strlen(o->was_text), NULL) == 0 &&
	    metrics_parse(&now, o->path, o->now_text, strlen(o->now_text), NULL) == 0) {
		for (i = 0; i < now.n; i++) {
			const struct metric *b = metrics_find(&was, now.v[i].name);

			if ((b && same_metric(b, &now.v[i])) || n++ >= MOST_METRICS)
				continue;
			strbuf_addstr(out, n > 1 ? ", " : "");
			add_metric(out, now.v[i].name, b, &now.v[i]);
		}
		for (i = 0; i < was.n; i++)
			if (!metrics_find(&now, was.v[i].name) && n++ < MOST_METRICS) {
				strbuf_addstr(out, n > 1 ? ", " : "");
				add_metric(out, was.v[i].name, &was.v[i], NULL);
			}
		if (n > MOST_METRICS)
			strbuf_addf(out, ", and %zu more", n - MOST_METRICS);
	}
	metrics_release(&was);
	metrics_release(&now);
	return n > 0;
}

static void add_details(struct strbuf *out, const struct rerun *r, const struct rerun_output *o)
{
	if (o->outcome == RERUN_DIFFERS && !add_metrics(out, o)) {
		text_add_size(out, o->was.size);
		strbuf_addstr(out, " -> ");
		text_add_size(out, o->now.size);
	}
	if (o->outcome == RERUN_MISSING && r->end == RERUN_SKIPPED)
		strbuf_addstr(out, "what it needs failed");
}

static size_t width_of(const char *s)
{
	return MIN(term_width(s, strlen(s)), (size_t)MOST_WIDTH);
}

static void widths(const struct rerun_result *r, size_t *names, size_t *paths)
{
	size_t i, j;

	for (i = 0; i < r->n; i++) {
		*names = MAX(*names, width_of(r->v[i].instance));
		for (j = 0; j < r->v[i].n_outs; j++)
			*paths = MAX(*paths, width_of(r->v[i].outs[j].path));
	}
}

static void add_instance(const struct rerun *r, size_t names, size_t paths, const struct style *s, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < r->n_outs; i++) {
		const struct rerun_output *o = &r->outs[i];

		strbuf_addf(out, "%s%-9s%s  ", hue_on(s, outcome_hue(o->outcome)), outcome_words[o->outcome], hue_off(s));
		term_add_cell(out, r->instance, names, s);
		strbuf_addstr(out, "  ");
		term_add_cell(out, o->path, paths, s);
		strbuf_addstr(out, "  ");
		add_details(out, r, o);
		strbuf_trim(out);
		strbuf_addch(out, '\n');
	}
	if (r->note) {
		strbuf_addn(out, ' ', 11);
		term_add_clean(out, r->instance, strlen(r->instance));
		strbuf_addstr(out, r->end == RERUN_FAILED ? " failed: " : ": ");
		term_add_clean(out, r->note, strlen(r->note));
		strbuf_addch(out, '\n');
	}
}

static void count(const struct rerun_result *r, size_t counts[OUTCOMES])
{
	size_t i, j;

	memset(counts, 0, OUTCOMES * sizeof(*counts));
	for (i = 0; i < r->n; i++)
		for (j = 0; j < r->v[i].n_outs; j++)
			counts[r->v[i].outs[j].outcome]++;
}

void report_rebuilt(const struct rerun_result *r, const char *name, const struct style *s, struct strbuf *out)
{
	static const char *const closing[] = {"identical", "taken for the same", "different", "with nothing to compare with", "missing"};
	size_t names = 0, paths = 0, i, counts[OUTCOMES];
	const char *comma = ": ";

	widths(r, &names, &paths);
	for (i = 0; i < r->n; i++)
		add_instance(&r->v[i], names, paths, s, out);
	count(r, counts);
	strbuf_addstr(out, name);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i]) {
			strbuf_addf(out, "%s%zu %s", comma, counts[i], closing[i]);
			comma = ", ";
		}
	if (!r->n)
		strbuf_addstr(out, ": nothing to build");
	strbuf_addstr(out, ", in ");
	text_add_duration(out, r->duration);
	strbuf_addch(out, '\n');
}

static struct json *content_json(const struct content *c)
{
	char hex[DIGEST_HEX + 1];

	if (c->kind == CONTENT_NONE)
		return json_new_null();
	digest_hex(&c->id, hex);
	return json_new_str(hex);
}

static struct json *metrics_json(const struct rerun_output *o)
{
	struct metrics was = METRICS_INIT, now = METRICS_INIT;
	struct json *j = json_new_map(), *one;
	size_t i;

	if (o->was_text && o->now_text && metrics_parse(&was, o->path, o->was_text, strlen(o->was_text), NULL) == 0 &&
	    metrics_parse(&now, o->path, o->now_text, strlen(o->now_text), NULL) == 0)
		for (i = 0; i < now.n; i++) {
			const struct metric *b = metrics_find(&was, now.v[i].name);

			if (b && same_metric(b, &now.v[i]))
				continue;
			one = json_new_map();
			json_set(one, "was", metric_json(b));
			json_set(one, "now", metric_json(&now.v[i]));
			json_set(j, now.v[i].name, one);
		}
	metrics_release(&was);
	metrics_release(&now);
	return j;
}

static struct json *output_json(const struct rerun_output *o)
{
	struct json *j = json_new_map();

	json_set_str(j, "path", o->path);
	json_set_str(j, "kind", fact_kind_name(o->kind));
	json_set_str(j, "outcome", outcome_words[o->outcome]);
	json_set(j, "was", content_json(&o->was));
	json_set(j, "now", content_json(&o->now));
	if (o->kind == FACT_METRICS)
		json_set(j, "metrics", metrics_json(o));
	return j;
}

static struct json *lacks_json(const struct rerun_result *r)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < r->n_lacks; i++) {
		struct json *j = json_new_map();

		json_set_str(j, "path", r->lacks[i].path);
		json_set_str(j, "instance", r->lacks[i].instance);
		json_set(j, "sha256", content_json(&r->lacks[i].content));
		json_set_int(j, "size", r->lacks[i].content.size);
		json_push(list, j);
	}
	return list;
}

struct json *report_rebuilt_json(const struct rerun_result *r, const char *name)
{
	struct json *j = json_new_map(), *list = json_new_list(), *totals = json_new_map();
	size_t i, k, counts[OUTCOMES];

	json_set_int(j, "version", 1);
	json_set_str(j, "name", name);
	json_set_bool(j, "identical", rerun_is_identical(r));
	json_set_float(j, "duration", (double)r->duration / 1e9);
	count(r, counts);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		json_set_int(totals, outcome_words[i], (int64_t)counts[i]);
	json_set(j, "counts", totals);
	for (i = 0; i < r->n; i++) {
		struct json *one = json_new_map(), *outs = json_new_list();

		json_set_str(one, "name", r->v[i].instance);
		json_set_str(one, "result", end_words[r->v[i].end]);
		json_set_bool(one, "same_inputs", r->v[i].same_key);
		json_set_str(one, "note", r->v[i].note);
		json_set_float(one, "duration", (double)r->v[i].duration / 1e9);
		for (k = 0; k < r->v[i].n_outs; k++)
			json_push(outs, output_json(&r->v[i].outs[k]));
		json_set(one, "outputs", outs);
		json_push(list, one);
	}
	json_set(j, "instances", list);
	json_set(j, "gone", lacks_json(r));
	return j;
}

void report_lacks(const struct rerun_result *r, struct strbuf *out)
{
	char hex[DIGEST_HEX + 1];
	size_t i;

	for (i = 0; i < r->n_lacks; i++) {
		digest_hex(&r->lacks[i].content.id, hex);
		strbuf_addstr(out, "gone     ");
		term_add_clean(out, r->lacks[i].path, strlen(r->lacks[i].path));
		strbuf_addstr(out, ", which ");
		term_add_clean(out, r->lacks[i].instance, strlen(r->lacks[i].instance));
		strbuf_addf(out, " read\n         %s%s, ", r->lacks[i].content.kind == CONTENT_DIR ? "the directory with manifest sha256 " : "sha256 ",
			    hex);
		text_add_size(out, r->lacks[i].content.size);
		strbuf_addch(out, '\n');
	}
}

void report_verdict_count(const struct verdict_count *c, struct strbuf *out)
{
	size_t n = c->same + c->differs;

	if (!n)
		return;
	strbuf_addstr(out, "  it was built again ");
	if (n == 1)
		strbuf_addstr(out, "once");
	else
		strbuf_addf(out, "%zu times", n);
	if (!c->differs)
		strbuf_addf(out, " from the same and came out the same%s", n == 1 ? "" : " each time");
	else if (!c->same)
		strbuf_addf(out, " from the same and came out otherwise%s: it is not deterministic", n == 1 ? "" : " each time");
	else
		strbuf_addf(out, " from the same, and %zu times it came out otherwise: it is not deterministic", c->differs);
	strbuf_addstr(out, "\n  (last in run ");
	strbuf_addstr(out, c->run);
	strbuf_addstr(out, " of ");
	words_time(out, c->last, false);
	strbuf_addstr(out, ")\n");
}

struct json *report_verdict_count_json(const struct verdict_count *c)
{
	struct json *j;

	if (!c->same && !c->differs)
		return json_new_null();
	j = json_new_map();
	json_set_int(j, "same", (int64_t)c->same);
	json_set_int(j, "differs", (int64_t)c->differs);
	json_set_str(j, "run", c->run);
	return j;
}
