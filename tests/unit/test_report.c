/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_plan.h"
#include "report/boxes.h"
#include "report/drawing.h"
#include "report/hooks.h"
#include "report/log.h"
#include "report/metrics.h"
#include "report/status.h"
#include "report/why.h"
#include "util/file.h"

static const struct style plain = {.color = false, .utf8 = false, .width = 0};

/* raw -> clean -> train@1 .. train@n -> evaluate; clean has a changed param. */
struct churn {
	struct fake f;
	size_t raw, clean, train[64], evaluate;
};

static void churn_init(struct churn *c, size_t n)
{
	size_t i;
	char name[32];

	fake_init(&c->f);
	fake_stage(&c->f, "raw")->frozen = true;
	c->raw = fake_instance(&c->f, "raw", 0, NULL);
	fake_state(&c->f, c->raw, STALE_FROZEN);
	fake_stage(&c->f, "clean");
	c->clean = fake_instance(&c->f, "clean", 1, &c->raw);
	fake_state(&c->f, c->clean, STALE_STALE);
	fake_reason(&c->f, c->clean, REASON_PARAM, "clean.rows", "10", "20")->at = (struct place){"params.ini", 3};
	fake_stage(&c->f, "train");
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "train@%zu", i + 1);
		c->train[i] = fake_instance(&c->f, name, 1, &c->clean);
		fake_state(&c->f, c->train[i], STALE_STALE);
		c->f.p.verdicts[c->train[i]].pending = true;
		fake_reason(&c->f, c->train[i], REASON_UPSTREAM, "clean", NULL, NULL);
	}
	fake_stage(&c->f, "evaluate");
	c->evaluate = fake_instance(&c->f, "evaluate", n, c->train);
}

static void status_groups_a_matrix(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct churn c;

	churn_init(&c, 30);
	report_status(&c.f.p, &plain, false, &sb);
	EXPECT_STR(sb.buf, "* frozen      raw\n"
			   "! stale       clean       clean.rows: 10 -> 20\n"
			   "! stale       train x 30  clean runs first\n"
			   "\n"
			   "31 stale, 1 frozen, 1 fresh: run `mlmake` to rebuild\n");
	fake_release(&c.f);
}

static void status_groups_what_waits_for_a_matrix(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct churn c;
	size_t i, node;

	churn_init(&c, 3);
	fake_stage(&c.f, "score");
	for (i = 0; i < 3; i++) {
		const char *up = c.f.g.nodes[c.train[i]].in->name;

		node = fake_instance(&c.f, arena_fmt(&c.f.pl.arena, "score@%zu", i + 1), 1, &c.train[i]);
		fake_state(&c.f, node, STALE_STALE);
		fake_reason(&c.f, node, REASON_UPSTREAM, up, NULL, NULL);
	}
	report_status(&c.f.p, &plain, false, &sb);
	EXPECT(strstr(sb.buf, "! stale       score x 3  train runs first\n") != NULL);
	fake_release(&c.f);
}

static void status_bounds_a_varied_matrix(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	static char seeds[30][8];
	struct churn c;
	size_t i, lines = 0;

	churn_init(&c, 30);
	for (i = 0; i < 30; i++) {
		snprintf(seeds[i], sizeof(seeds[i]), "%zu", i);
		c.f.p.verdicts[c.train[i]].n_reasons = 0;
		fake_reason(&c.f, c.train[i], REASON_PARAM, "seed", NULL, seeds[i]);
	}
	report_status(&c.f.p, &plain, false, &sb);
	for (i = 0; i < sb.len; i++)
		lines += sb.buf[i] == '\n';
	EXPECT_INT(lines, 1 + 1 + 8 + 2);
	EXPECT(strstr(sb.buf, "train x 23") != NULL);
	fake_release(&c.f);
}

static void status_says_nothing_to_do(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct fake f;

	fake_init(&f);
	report_status(&f.p, &plain, false, &sb);
	EXPECT_STR(sb.buf, "nothing to do: there are no stages\n");
	fake_stage(&f, "a");
	fake_instance(&f, "a", 0, NULL);
	strbuf_clear(&sb);
	report_status(&f.p, &plain, false, &sb);
	EXPECT_STR(sb.buf, "nothing to do: 1 fresh\n");
	fake_release(&f);
}

static void status_json_follows_the_design(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	struct churn c;

	churn_init(&c, 1);
	j = report_status_json(&c.f.p);
	EXPECT_INT(json_int(json_get(j, "version")), 1);
	EXPECT_INT(json_len(json_get(j, "instances")), 4);
	json_write(json_at(json_get(j, "instances"), 2), false, &sb);
	EXPECT_STR(sb.buf, "{\"name\":\"train@1\",\"stage\":\"train\",\"state\":\"stale\",\"pending\":true,\"key\":null,"
			   "\"reasons\":[{\"kind\":\"upstream\",\"name\":\"clean\",\"old\":null,\"new\":null}]}");
	fake_release(&c.f);
}

static void why_follows_upstream(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct churn c;

	churn_init(&c, 2);
	EXPECT_INT(report_why(&c.f.p, c.train[1], NULL, &plain, &sb, NULL), 0);
	EXPECT_STR(sb.buf, "train@2 is stale: it may run, and stays as it is if what runs before it comes out the same\n"
			   "  because\n"
			   "    upstream  clean runs first\n"
			   "              clean: clean.rows: 10 -> 20\n"
			   "  another result of it would make stale: evaluate\n");
	c.f.p.selected[c.raw] = false;
	EXPECT_INT(report_why(&c.f.p, c.raw, NULL, &plain, &sb, NULL), -1);
	EXPECT_INT(report_why(&c.f.p, 1000, NULL, &plain, &sb, NULL), -1);
	fake_release(&c.f);
}

static void digest_of(const char *text, struct content *out)
{
	*out = (struct content){.kind = CONTENT_FILE, .size = (int64_t)strlen(text)};
	digest_bytes(text, strlen(text), &out->id);
}

static void why_shows_changed_lines(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	struct record_fact was = {.kind = FACT_CODE, .name = "clean.py"}, is = was;
	struct gitdb *db = gitdb_new("store/git");
	struct store *st = store_new("store", db, NULL);
	struct reason *r;
	struct digest id;
	struct churn c;

	churn_init(&c, 0);
	EXPECT_INT(store_put_bytes(st, "a = 1\nb = 2\n", 12, &id, NULL), 0);
	EXPECT_INT(file_write("clean.py", "a = 1\nb = 3\n", 12, 0644, false, NULL), 0);
	digest_of("a = 1\nb = 2\n", &was.content);
	digest_of("a = 1\nb = 3\n", &is.content);
	r = fake_reason(&c.f, c.clean, REASON_CODE, "clean.py", NULL, NULL);
	r->was = &was;
	r->is = &is;
	EXPECT_INT(report_why(&c.f.p, c.clean, st, &plain, &sb, NULL), 0);
	EXPECT(strstr(sb.buf, "    param     clean.rows: 10 -> 20  (params.ini:3)\n") != NULL);
	EXPECT(strstr(sb.buf, "              -2: b = 2\n              +2: b = 3\n") != NULL);
	j = report_why_json(&c.f.p, c.clean, st, NULL);
	EXPECT_STR(json_str(json_at(json_get(json_at(json_get(json_at(json_get(j, "instances"), 0), "reasons"), 1), "lines"),
				    1)),
		   "+2: b = 3");
	/* A file that changed again since it was digested is not shown as what it was. */
	EXPECT_INT(file_write("clean.py", "a = 1\nb = 4\n", 12, 0644, false, NULL), 0);
	strbuf_clear(&sb);
	EXPECT_INT(report_why(&c.f.p, c.clean, st, &plain, &sb, NULL), 0);
	EXPECT(strstr(sb.buf, "b = 4") == NULL);
	store_free(st);
	gitdb_free(db);
	fake_release(&c.f);
}

static void why_a_fresh_one_will_not_run(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct record_fact facts[] = {
		{.kind = FACT_CMD, .name = "", .value = "sh x"},
		{.kind = FACT_CODE, .name = "x"},
		{.kind = FACT_DATA, .name = "a.csv"},
		{.kind = FACT_OUTS, .name = "b.csv"},
		{.kind = FACT_PARAM, .name = "p", .value = "1"},
		{.kind = FACT_PARAM, .name = "q", .value = "2"},
	};
	struct record rec = {.facts = facts, .n_facts = 6, .run = "R1"};
	struct churn c;

	digest_of("x", &facts[1].content);
	digest_of("a", &facts[2].content);
	digest_of("b", &facts[3].content);
	churn_init(&c, 1);
	c.f.p.verdicts[c.evaluate].found = c.f.p.verdicts[c.evaluate].last = &rec;
	c.f.p.verdicts[c.evaluate].now = rec;
	EXPECT_INT(report_why(&c.f.p, c.evaluate, NULL, &plain, &sb, NULL), 0);
	EXPECT_STR(sb.buf, "evaluate is fresh: it will not run\n"
			   "  its inputs, 2 files, 2 params and the command, are what they were in run R1,\n"
			   "  and its output is as that run left it\n"
			   "  the same as in run R1\n"
			   "    data      1 file: a.csv\n"
			   "    code      1 file: x\n"
			   "    param     2 params: p, q\n"
			   "    command   the command\n");
	fake_release(&c.f);
}

/* ---- drawings ---- */

static void draws_a_tree(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct drawing d = {0};
	struct churn c;

	churn_init(&c, 2);
	d.g = &c.f.g;
	drawing_text(&d, &plain, &sb);
	EXPECT_STR(sb.buf, "raw\n"
			   "`- clean\n"
			   "   +- train@1\n"
			   "   `- train@2\n"
			   "      `- evaluate  (and after train@1)\n");
	d.plan = &c.f.p;
	strbuf_clear(&sb);
	drawing_text(&d, &plain, &sb);
	EXPECT(strstr(sb.buf, "`- ! clean  stale: clean.rows: 10 -> 20\n") != NULL);
	fake_release(&c.f);
}

static void leaves_room_for_names(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct style narrow = plain;
	struct drawing d = {0};
	struct churn c;

	churn_init(&c, 2);
	d.g = &c.f.g;
	narrow.width = 24;
	drawing_text(&d, &narrow, &sb);
	EXPECT_STR(sb.buf, "raw\n"
			   "` clean\n"
			   "  + train@1\n"
			   "  ` train@2\n"
			   "    ` evaluate  (and ...\n");
	narrow.width = 16; /* and the tree grows to the right no more */
	strbuf_clear(&sb);
	drawing_text(&d, &narrow, &sb);
	EXPECT(strstr(sb.buf, "\n  + train@1\n  ` train@2\n    ` ev") != NULL);
	fake_release(&c.f);
}

static void collapses_a_matrix(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct drawing d = {0};
	struct churn c;

	churn_init(&c, 12);
	d.g = &c.f.g;
	drawing_text(&d, &plain, &sb);
	EXPECT_STR(sb.buf, "raw\n`- clean\n   `- train x 12\n      `- evaluate\n");
	strbuf_clear(&sb);
	d.all = true;
	drawing_mermaid(&d, &sb);
	EXPECT(strstr(sb.buf, "    n13[\"train@12\"]\n") != NULL);
	fake_release(&c.f);
}

static void escapes_names(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct drawing d = {0};
	struct fake f;

	fake_init(&f);
	fake_stage(&f, "s");
	fake_instance(&f, "s@<a&\"b\\\033[2J>", 0, NULL);
	d.g = &f.g;
	drawing_dot(&d, &sb);
	EXPECT(strstr(sb.buf, "label=\"s@<a&\\\"b\\\\>\"") != NULL);
	strbuf_clear(&sb);
	drawing_mermaid(&d, &sb);
	EXPECT(strstr(sb.buf, "[\"s@#60;a#38;#34;b#92;#62;\"]") != NULL);
	strbuf_clear(&sb);
	drawing_svg(&d, &sb);
	EXPECT(strstr(sb.buf, ">s@&lt;a&amp;&quot;b\\&gt;<") != NULL);
	fake_release(&f);
}

/* Boxes of one rank do not overlap and stand in the drawing, in whatever graph. */
static void lays_out_without_overlap(void)
{
	unsigned seed = 3;
	int round;

	for (round = 0; round < 40; round++) {
		struct boxes bs = BOXES_INIT;
		struct boxes_layout l = {.arena = ARENA_INIT};
		struct drawing d = {.all = true};
		struct point size[40];
		struct fake f;
		size_t i, j, n = 2 + (size_t)round % 38;

		fake_init(&f);
		for (i = 0; i < n; i++) {
			size_t up[40], n_up = 0;
			char name[16];

			for (j = 0; j < i; j++) {
				seed = seed * 1103515245 + 12345;
				if ((seed >> 16) % 8 == 0)
					up[n_up++] = j;
			}
			snprintf(name, sizeof(name), "n%zu", i);
			fake_stage(&f, name);
			fake_instance(&f, name, n_up, up);
			size[i] = (struct point){60 + (double)(i % 5) * 20, 30 + (double)(i % 3) * 10};
		}
		d.g = &f.g;
		boxes_make(&bs, &d, "x");
		EXPECT_INT(bs.n, n);
		boxes_layout(&l, &bs, size, 50, 10);
		EXPECT_INT(l.n_edges, bs.n_edges);
		for (i = 0; i < n; i++) {
			EXPECT(l.corner[i].x > -0.01 && l.corner[i].x + size[i].x < l.width + 0.01);
			EXPECT(l.corner[i].y > -0.01 && l.corner[i].y + size[i].y < l.height + 0.01);
			for (j = 0; j < i; j++)
				EXPECT(l.corner[i].x >= l.corner[j].x + size[j].x - 0.01 ||
				       l.corner[j].x >= l.corner[i].x + size[i].x - 0.01 ||
				       l.corner[i].y >= l.corner[j].y + size[j].y - 0.01 ||
				       l.corner[j].y >= l.corner[i].y + size[i].y - 0.01);
			for (j = 0; j < bs.v[i].n_up; j++)
				EXPECT(bs.v[bs.v[i].up[j]].rank < bs.v[i].rank);
		}
		boxes_layout_release(&l);
		boxes_release(&bs);
		fake_release(&f);
	}
}

static void draws_a_long_chain(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct drawing d = {.all = true};
	struct fake f;
	size_t i, last = 0;
	char name[16];

	fake_init(&f);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		fake_stage(&f, name);
		last = fake_instance(&f, name, i > 0, &last);
	}
	d.g = &f.g;
	drawing_text(&d, &plain, &sb);
	drawing_svg(&d, &sb);
	EXPECT(strstr(sb.buf, ">n999<") != NULL);
	fake_release(&f);
}

/* ---- metrics ---- */

static void expect_metric(const struct metrics *m, const char *name, const char *text)
{
	const struct metric *v = metrics_find(m, name);

	EXPECT(v != NULL);
	if (v)
		EXPECT_STR(v->text, text);
}

static int parse(struct metrics *m, const char *path, const char *text, struct err *err)
{
	metrics_release(m);
	err_clear(err);
	return metrics_parse(m, path, text, strlen(text), err);
}

static void reads_metrics(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct metrics m = METRICS_INIT;

	EXPECT_INT(parse(&m, "a.json", "{\"auc\": 0.81, \"n\": 3, \"per\": {\"a\": [1, 2.5]}, \"loss\": NaN, \"s\": \"a NaN\"}", &err), 0);
	EXPECT_INT(m.n, 6);
	expect_metric(&m, "auc", "0.81");
	expect_metric(&m, "per.a.1", "2.5");
	expect_metric(&m, "s", "a NaN");
	EXPECT(metrics_find(&m, "loss") && metrics_find(&m, "loss")->is_number && isnan(metrics_find(&m, "loss")->x));
	EXPECT(metrics_find(&m, "n")->is_int && !metrics_find(&m, "auc")->is_int);
	EXPECT_INT(parse(&m, "a.csv", "auc,\"f1, macro\",model\n0.5,\"1e-3\",\"a \"\"b\"\"\"\n", &err), 0);
	expect_metric(&m, "f1, macro", "1e-3");
	expect_metric(&m, "model", "a \"b\"");
	EXPECT(metrics_find(&m, "f1, macro")->is_number && !metrics_find(&m, "model")->is_number);
	EXPECT_INT(parse(&m, "a.txt", "# made by x\nauc: 0.5\n[test]\nauc = -inf\nname = 'x y'\n", &err), 0);
	expect_metric(&m, "auc", "0.5");
	expect_metric(&m, "test.name", "x y");
	EXPECT(isinf(metrics_find(&m, "test.auc")->x));
	metrics_release(&m);
}

static void refuses_what_is_no_metrics_file(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf deep = STRBUF_INIT;
	struct metrics m = METRICS_INIT;

	EXPECT_INT(parse(&m, "a.json", "{\"a\": }", &err), -1);
	EXPECT_INT(err.code, ERR_PARSE);
	EXPECT_INT(parse(&m, "a.json", "{}", &err), -1);
	EXPECT_INT(parse(&m, "a.txt", "just words\n", &err), -1);
	EXPECT_STR(err.msg, "1: expected 'name = value' or 'name: value'");
	EXPECT_INT(parse(&m, "a.csv", "a,b\n1\n", &err), -1);
	EXPECT_INT(parse(&m, "a.csv", "a\n1\n2\n", &err), -1);
	EXPECT_INT(parse(&m, "a.csv", "a\n", &err), -1);
	strbuf_addn(&deep, '[', 100);
	strbuf_addn(&deep, ']', 100);
	EXPECT_INT(parse(&m, "a.json", deep.buf, &err), -1);
	EXPECT_STR(err.msg, "nested more than 32 deep");
	EXPECT_INT(metrics_parse(&m, "a.txt", "a=1\0", 4, &err), -1);
	metrics_release(&m);
}

static bool before_text(void *ctx, const struct instance *in, const char *path, struct strbuf *out)
{
	(void)ctx;
	(void)path;
	strbuf_addstr(out, "{\"auc\": 0.80, \"n\": 3, \"old\": 1}");
	return streq(in->name, "train@1");
}

static void tables_metrics(void)
{
	static const struct output m1 = {.kind = OUTPUT_METRICS, .path = "m1.json"};
	static const struct output m2 = {.kind = OUTPUT_METRICS, .path = "m2.json"};
	const struct metrics_before before = {before_text, NULL};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;
	struct style narrow = plain;
	struct metrics_table t;
	struct churn c;

	churn_init(&c, 2);
	c.f.pl.instances[c.train[0]]->outs = &m1;
	c.f.pl.instances[c.train[1]]->outs = &m2;
	c.f.pl.instances[c.train[0]]->n_outs = c.f.pl.instances[c.train[1]]->n_outs = 1;
	EXPECT_INT(file_write("m1.json", "{\"auc\": 0.8125, \"n\": 3}", 23, 0644, false, NULL), 0);
	EXPECT_INT(file_write("m2.json", "{\"auc\": 0.5, \"n\": 12, \"loss\": Infinity}", 39, 0644, false, NULL), 0);
	metrics_collect(&t, &c.f.g, NULL, &before);
	report_metrics(&t, &plain, &sb);
	EXPECT_STR(sb.buf, "                    auc     n      old  loss\n"
			   "train@1  0.8125 +0.0125   3 =  - was 1     -\n"
			   "train@2     0.5          12    -         inf\n");
	narrow.width = 20;
	strbuf_clear(&sb);
	report_metrics(&t, &narrow, &sb);
	EXPECT_STR(sb.buf, "train@1\n"
			   "  auc   0.8125 +0...\n"
			   "  n          3 =\n"
			   "  old        - was 1\n"
			   "train@2\n"
			   "  auc      0.5\n"
			   "  n         12\n"
			   "  loss     inf\n");
	j = report_metrics_json(&t);
	strbuf_clear(&sb);
	json_write(json_at(json_get(j, "instances"), 0), false, &sb);
	EXPECT_STR(sb.buf, "{\"name\":\"train@1\",\"metrics\":{\"auc\":0.8125,\"n\":3},\"before\":{\"auc\":0.8,\"n\":3,\"old\":1},"
			   "\"difference\":{\"auc\":0.012499999999999956,\"n\":0.0},\"problem\":null}");
	metrics_table_release(&t);
	fake_release(&c.f);
}

static void names_what_cannot_be_read(void)
{
	static const struct output gone = {.kind = OUTPUT_METRICS, .path = "gone.json"};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	struct metrics_table t;
	struct churn c;

	churn_init(&c, 1);
	metrics_collect(&t, &c.f.g, NULL, NULL);
	EXPECT_INT(t.n, 0);
	metrics_table_release(&t);
	c.f.pl.instances[c.train[0]]->outs = &gone;
	c.f.pl.instances[c.train[0]]->n_outs = 1;
	metrics_collect(&t, &c.f.g, NULL, NULL);
	report_metrics(&t, &plain, &sb);
	EXPECT(strncmp(sb.buf, "train@1: gone.json: ", 20) == 0);
	metrics_table_release(&t);
	fake_release(&c.f);
}

/* ---- log ---- */

static void logs_runs(void)
{
	struct run_part parts[] = {
		{.name = "clean", .result = "done", .duration = 1200000000},
		{.name = "train@1", .result = "failed", .duration = 2000000000},
	};
	const struct run runs[] = {
		{.id = "R1", .time = 1795457109000000000, .source = "3f2a1bc9988776655", .dirty = 1, .outcome = "failed",
		 .duration = 4200000000, .saved = 190000000000, .parts = parts, .n_parts = 2},
		{.id = "R2", .time = 1795460709000000000, .dirty = -1, .outcome = "done", .duration = 420000000,
		 .parts = parts, .n_parts = 1},
	};
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	CLEANUP(json_freep) struct json *j = NULL;

	setenv("TZ", "UTC", 1);
	report_log(runs, 2, 0, &plain, &sb);
	EXPECT_STR(sb.buf, "R2  2026-11-23 19:05  done  no commit  1 ran in 0.42s\n"
			   "    clean\n"
			   "R1  2026-11-23 18:05  failed  3f2a1bc99 with changes  1 ran, 1 failed in 4.20s, 3m10s saved\n"
			   "    train@1, clean\n");
	j = report_log_json(runs, 2, 1);
	strbuf_clear(&sb);
	json_write(j, false, &sb);
	EXPECT_STR(sb.buf, "{\"version\":1,\"runs\":[{\"id\":\"R2\",\"time\":\"2026-11-23T19:05:09Z\",\"source\":null,\"dirty\":null,"
			   "\"outcome\":\"done\",\"duration\":0.42,\"saved\":0.0,\"instances\":[{\"name\":\"clean\",\"result\":\"done\","
			   "\"key\":null,\"duration\":1.2}]}]}");
	strbuf_clear(&sb);
	report_log(runs, 0, 0, &plain, &sb);
	EXPECT_STR(sb.buf, "no runs yet: `mlmake` makes the first one\n");
}

/* ---- what hooks did ---- */

static void a_reason_is_never_cut(void)
{
	const struct style narrow = {.width = 60}, wide = {.width = 80}, wider = {.width = 120};
	const struct hook_event e = {.number = 12, .time = 1795457109000000000, .duration = 4200000000, .code = 3, .outcome = "refused", .hook = "",
				     .project = "", .ref = "refs/heads/feature/a-long-name-as-people-have", .commit = "3f2a1bc9988776655", .tree = "",
				     .targets = "", .run = "20261123T180509-1cfc3d52", .text = "gate:release: auc >= 0.8: 0.79 >= 0.8 does not hold"};
	struct hook_event brief = e;
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	setenv("TZ", "UTC", 1);
	report_hook_event(&e, &narrow, &sb);
	EXPECT_STR(sb.buf, "   12  2026-11-23 18:05  refused   fea...have  3f2a1bc99 ...\n"
			   "       gate:release: auc >= 0.8: 0.79 >= 0.8 does not hold\n");
	strbuf_clear(&sb);
	report_hook_event(&e, &wide, &sb);
	EXPECT_STR(sb.buf, "   12  2026-11-23 18:05  refused   feature/a-lon...as-people-have  3f2a1bc99 ...\n"
			   "       gate:release: auc >= 0.8: 0.79 >= 0.8 does not hold\n");
	strbuf_clear(&sb);
	brief.run = "";
	brief.text = "as was asked for";
	report_hook_event(&brief, &wider, &sb);
	EXPECT_STR(sb.buf, "   12  2026-11-23 18:05  refused   feature/a-long-name-as-people-have  3f2a1bc99  4.20s  as was asked for\n");
	strbuf_clear(&sb);
	report_hook_event(&e, &plain, &sb);
	EXPECT_STR(sb.buf, "   12  2026-11-23 18:05  refused   feature/a-long-name-as-people-have  3f2a1bc99  4.20s  "
			   "run 20261123T180509-1cfc3d52  gate:release: auc >= 0.8: 0.79 >= 0.8 does not hold\n");
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"status groups a matrix", status_groups_a_matrix},
		{"status groups what waits for a matrix", status_groups_what_waits_for_a_matrix},
		{"status bounds a varied matrix", status_bounds_a_varied_matrix},
		{"status: nothing to do", status_says_nothing_to_do},
		{"status as JSON", status_json_follows_the_design},
		{"why: upstream in turn", why_follows_upstream},
		{"why: changed lines", why_shows_changed_lines},
		{"why: a fresh one", why_a_fresh_one_will_not_run},
		{"a tree", draws_a_tree},
		{"a tree in a narrow window", leaves_room_for_names},
		{"a collapsed matrix", collapses_a_matrix},
		{"escaped names", escapes_names},
		{"layout without overlap", lays_out_without_overlap},
		{"a long chain", draws_a_long_chain},
		{"metrics are read", reads_metrics},
		{"what is no metrics file", refuses_what_is_no_metrics_file},
		{"metrics in a table", tables_metrics},
		{"metrics that cannot be read", names_what_cannot_be_read},
		{"log", logs_runs},
		{"a reason is never cut", a_reason_is_never_cut},
	};

	return tap_run("report", tests, ARRAY_SIZE(tests));
}
