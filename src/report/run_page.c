/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/run_page.h"

#include <stdlib.h>
#include <string.h>

#include "gitdb/changes.h"
#include "report/acceptances.h"
#include "report/log.h"
#include "report/metrics.h"
#include "report/why.h"
#include "report/wording.h"
#include "util/linediff.h"
#include "util/text.h"

#define MOST_WHOLE 12   /* parts that are shown whole without having been named */
#define MOST_PATHS 8
#define DIGITS 12
#define METRICS_LIMIT ((size_t)1 << 20)
#define TEXT_LIMIT ((size_t)1 << 20)
#define INDENT "            "

bool run_page_shows(const struct run_page *p, const char *instance)
{
	size_t i, n;

	for (i = 0; i < p->n_names; i++) {
		n = strlen(p->names[i]);
		if (strncmp(instance, p->names[i], n) == 0 && (!instance[n] || instance[n] == '@'))
			return true;
	}
	return !p->n_names;
}

/* ---- past reasons ---- */

/* What the part is by the record of then; nothing if it did not come to one. */
static const struct record *record_of(const struct run_page *p, const struct run_part *part)
{
	const struct record *r = part->has_key ? snapshot_record(p->s, part->name) : NULL;

	return r && digest_eq(&r->key, &part->key) ? r : NULL;
}

/* "f <sha256>" as the content of a file. */
static const struct record_fact *past_fact(const char *text, enum fact_kind kind, const char *name, struct arena *a)
{
	struct record_fact *f;

	if (!text || strlen(text) != 2 + DIGEST_HEX || text[1] != ' ')
		return NULL;
	f = arena_calloc(a, sizeof(*f));
	f->kind = kind;
	f->name = name;
	if (!content_of_letter(text[0], &f->content.kind) || !digest_parse(text + 2, &f->content.id))
		return NULL;
	return f;
}

/* What was not there is written down as what is no longer declared: the record of then tells which. An output of what came to no record was missing. */
static const struct record_fact *missing_fact(const struct record *now, const struct reason *r, enum fact_kind kind, struct arena *a)
{
	struct record_fact *f;
	size_t i;

	for (i = 0; now && i < now->n_facts; i++)
		if (streq(now->facts[i].name, r->name) && (now->facts[i].kind == kind || (fact_is_output(kind) && fact_is_output(now->facts[i].kind))))
			break;
	if (now ? i == now->n_facts : r->kind != REASON_OUTPUT)
		return NULL;
	f = arena_calloc(a, sizeof(*f));
	f->kind = kind;
	f->name = r->name;
	return f;
}

/* A reason as a run wrote it down; false if its kind is not known. now: the record that it led to; NULL: there is none. */
static bool past_reason(const struct run_reason *from, const struct record *now, struct arena *a, struct reason *out)
{
	static const enum fact_kind kinds[] = {[REASON_DATA] = FACT_DATA, [REASON_CODE] = FACT_CODE, [REASON_ENV] = FACT_LOCK,
					       [REASON_OUTPUT] = FACT_OUTS};

	*out = (struct reason){.name = from->name, .old = from->old, .new = from->new};
	if (!reason_kind_of(from->kind, &out->kind))
		return false;
	if (out->kind == REASON_DATA || out->kind == REASON_CODE || out->kind == REASON_ENV || out->kind == REASON_OUTPUT) {
		out->was = past_fact(from->old, kinds[out->kind], from->name, a);
		out->is = past_fact(from->new, kinds[out->kind], from->name, a);
		if (out->was && !from->new)
			out->is = missing_fact(now, out, kinds[out->kind], a);
	}
	return true;
}

/* The run of the same chain before r; NULL: none. */
static const struct run *run_before(const struct run_page *p, const struct run *r)
{
	const struct run *runs, *found = NULL;
	size_t i, n;

	if (lineage_runs(p->t->lineage, &runs, &n, NULL) < 0)
		return NULL;
	for (i = 0; i < n && &runs[i] != r; i++)
		if (streq(runs[i].writer, r->writer))
			found = &runs[i];
	return found;
}

/* Small texts are in the store, or else, as in a fresh clone, in the commit of the run, or in that of the run before it. */
static bool past_text(void *ctx, const struct record_fact *f, size_t limit, struct strbuf *out)
{
	const struct run_page *p = ctx;
	const struct run *before = run_before(p, p->s->run);
	const struct snapshot then = {.run = before, .has_tree = before && before->has_tree, .tree = before ? before->tree : p->s->tree};

	if (snapshot_bytes(p->s, p->t, f, limit, out, NULL) == 0)
		return true;
	return before && snapshot_bytes(&then, p->t, f, limit, out, NULL) == 0;
}

static void add_reasons(const struct run_page *p, const struct run_part *part, const struct style *s, struct strbuf *out)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t i;

	for (i = 0; i < part->n_reasons; i++) {
		struct reason r;

		if (!past_reason(&part->reasons[i], record_of(p, part), &a, &r))
			continue;
		strbuf_addf(out, "    %s%-8s%s  ", hue_on(s, HUE_WARN), reason_kind_name(r.kind), hue_off(s));
		words_reason(out, &r);
		strbuf_addch(out, '\n');
		report_changed_lines(&r, &(struct past_texts){past_text, (void *)(uintptr_t)p}, s, out);
	}
}

static struct json *reasons_json(const struct run_page *p, const struct run_part *part)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; i < part->n_reasons; i++) {
		const struct run_reason *from = &part->reasons[i];
		struct json *j = json_new_map();
		struct reason r;

		json_set_str(j, "kind", from->kind);
		json_set_str(j, "name", from->name);
		json_set_str(j, "old", from->old);
		json_set_str(j, "new", from->new);
		if (past_reason(from, record_of(p, part), &a, &r))
			json_set(j, "lines", report_changed_lines_json(&r, &(struct past_texts){past_text, (void *)(uintptr_t)p}));
		json_push(list, j);
	}
	return list;
}

/* ---- the source ---- */

struct source_changes {
	struct arena arena;
	struct git_change *v;
	size_t n;
	size_t *added, *removed; /* lines; of what is no text: 0 */
};

static void source_changes_release(struct source_changes *c)
{
	arena_release(&c->arena);
}

static void count_line(void *ctx, char sign, size_t number, const char *s, size_t n)
{
	size_t **counts = ctx;

	(void)number;
	(void)s;
	(void)n;
	++*counts[sign == '+'];
}

static void count_lines(const struct run_page *p, struct source_changes *c, size_t i)
{
	CLEANUP(strbuf_release) struct strbuf old = STRBUF_INIT, new = STRBUF_INIT;
	const struct git_change *g = &c->v[i];
	size_t *counts[] = {&c->removed[i], &c->added[i]};

	if (g->old_mode && gitdb_read(p->t->db, &g->old, GITDB_BLOB, TEXT_LIMIT, &old, NULL) < 0)
		return;
	if (g->new_mode && gitdb_read(p->t->db, &g->new, GITDB_BLOB, TEXT_LIMIT, &new, NULL) < 0)
		return;
	linediff((struct linediff_text){old.buf, old.len}, (struct linediff_text){new.buf, new.len}, SIZE_MAX,
		 &(struct linediff_sink){count_line, counts}, NULL);
}

/* The files in which the source of a dirty run differed from its commit. */
static void find_changes(const struct run_page *p, struct source_changes *c)
{
	const struct run *r = p->s->run;
	struct git_change *all;
	struct git_id id;
	struct commit head;
	size_t i, n;

	memset(c, 0, sizeof(*c));
	if (!r->has_tree || !r->source || r->dirty != 1 || !git_id_parse(r->source, &id) ||
	    commit_read(p->t->db, &id, &c->arena, &head, NULL) < 0 ||
	    git_changes(p->t->repo, &head.tree, &r->tree, &c->arena, &all, &n, NULL) < 0)
		return;
	c->v = arena_alloc(&c->arena, (n + 1) * sizeof(*c->v));
	c->added = arena_calloc(&c->arena, (n + 1) * sizeof(size_t));
	c->removed = arena_calloc(&c->arena, (n + 1) * sizeof(size_t));
	for (i = 0; i < n; i++) {
		const char *base = strrchr(all[i].path, '/');

		if (streq(base ? base + 1 : all[i].path, "mlmake.lock"))
			continue;
		c->v[c->n] = all[i];
		count_lines(p, c, c->n++);
	}
}

static void add_changes(const struct source_changes *c, const struct style *s, struct strbuf *out)
{
	size_t i, shown = MIN(c->n, (size_t)MOST_PATHS);

	for (i = 0; i < shown; i++) {
		size_t start = out->len;

		strbuf_addstr(out, INDENT "  ");
		term_add_clean(out, c->v[i].path, strlen(c->v[i].path));
		strbuf_addf(out, "  +%zu -%zu", c->added[i], c->removed[i]);
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
	}
	if (c->n > shown)
		strbuf_addf(out, INDENT "  and %zu more\n", c->n - shown);
}

/* ---- head ---- */

static void add_field(struct strbuf *out, const struct style *s, const char *name, const char *text)
{
	size_t start = out->len;

	if (!text || !*text)
		return;
	strbuf_addf(out, "  %-8s  ", name);
	term_add_clean(out, text, strlen(text));
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

static void add_machine(const struct run *r, const struct style *s, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf list = STRBUF_INIT;
	size_t i;

	for (i = 0; i < r->n_machine; i++)
		strbuf_addf(&list, "%s%s %s", i ? ", " : "", r->machine[i].name, r->machine[i].value);
	add_field(out, s, "machine", list.buf);
}

static void add_source(const struct run_page *p, const struct style *s, struct strbuf *out)
{
	CLEANUP(source_changes_release) struct source_changes c;
	const struct run *r = p->s->run;

	find_changes(p, &c);
	strbuf_addstr(out, "  source    ");
	if (!r->source)
		strbuf_addstr(out, "no commit");
	else
		term_add_clean(out, r->source, strnlen(r->source, 12));
	if (r->dirty == 1) {
		strbuf_addstr(out, " with changes");
		if (c.n) {
			strbuf_addstr(out, " in ");
			words_count(out, c.n, "file");
		}
	}
	strbuf_addch(out, '\n');
	add_changes(&c, s, out);
}

static void add_head(const struct run_page *p, const struct style *s, struct strbuf *out)
{
	const struct run *r = p->s->run;
	char hex[GIT_ID_HEX + 1];
	size_t start = out->len;

	strbuf_addf(out, "%srun ", hue_on(s, HUE_BOLD));
	term_add_clean(out, r->id, strlen(r->id));
	strbuf_addf(out, "%s  %s", hue_off(s), hue_on(s, words_outcome_hue(r->outcome)));
	term_add_clean(out, r->outcome, strlen(r->outcome));
	strbuf_addf(out, "%s  ", hue_off(s));
	words_time(out, r->time, true);
	if (s->width && s->width < 80) {
		term_cut(out, start, (size_t)s->width, s);
		strbuf_addch(out, '\n');
		start = out->len;
	}
	strbuf_addstr(out, "  ");
	words_run_counts(out, r);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
	add_field(out, s, "by", r->author);
	add_field(out, s, "because", r->because);
	add_field(out, s, "command", r->command);
	add_field(out, s, "project", r->project);
	add_field(out, s, "on", r->host);
	add_machine(r, s, out);
	add_source(p, s, out);
	git_id_hex(&r->commit, hex);
	strbuf_addf(out, "  git       %.12s in ", hex);
	term_add_clean(out, LINEAGE_REFS, strlen(LINEAGE_REFS));
	term_add_clean(out, r->writer, strlen(r->writer));
	strbuf_addch(out, '\n');
}

/* ---- parts ---- */

static void add_part_line(const struct run_part *part, const struct style *s, struct strbuf *out)
{
	strbuf_addstr(out, hue_on(s, words_outcome_hue(part->result)));
	term_add_cell(out, part->result, 8, s);
	strbuf_addf(out, "%s  %s", hue_off(s), hue_on(s, HUE_BOLD));
	term_add_clean(out, part->name, strlen(part->name));
	strbuf_addf(out, "%s  ", hue_off(s));
	text_add_duration(out, part->duration);
	strbuf_addch(out, '\n');
	if (!part->said)
		return;
	strbuf_addstr(out, "  ");
	term_add_clean(out, part->said, strlen(part->said));
	strbuf_addch(out, '\n');
}

static void add_fact(const struct record_fact *f, const struct style *s, struct strbuf *out)
{
	size_t start = out->len;
	char hex[DIGEST_HEX + 1];

	strbuf_addf(out, "    %-8s  ", fact_kind_name(f->kind));
	if (fact_is_input_file(f->kind) || fact_is_output(f->kind)) {
		digest_hex(&f->content.id, hex);
		strbuf_addf(out, "%s%.*s%s  ", hue_on(s, HUE_DIM), DIGITS, hex, hue_off(s));
		term_add_clean(out, f->name, strlen(f->name));
		strbuf_addf(out, "  %s(", hue_on(s, HUE_DIM));
		text_add_size(out, f->content.size);
		strbuf_addf(out, ")%s", hue_off(s));
	} else {
		term_add_clean(out, f->name, strlen(f->name));
		strbuf_addstr(out, f->kind == FACT_CMD ? "" : " = ");
		words_value(out, f);
	}
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

static bool has_outputs(const struct record *r)
{
	size_t i;

	for (i = 0; i < r->n_facts && !fact_is_output(r->facts[i].kind); i++)
		;
	return i < r->n_facts;
}

static bool read_metrics(const struct run_page *p, const struct record_fact *f, struct metrics *m)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	*m = (struct metrics)METRICS_INIT;
	return f->kind == FACT_METRICS && snapshot_bytes(p->s, p->t, f, METRICS_LIMIT, &text, NULL) == 0 &&
	       metrics_parse(m, f->name, text.buf, text.len, NULL) == 0;
}

static void add_metrics(const struct run_page *p, const struct record_fact *f, const struct style *s, struct strbuf *out)
{
	struct metrics m;
	size_t i;

	if (read_metrics(p, f, &m))
		for (i = 0; i < m.n; i++) {
			size_t start = out->len;

			strbuf_addstr(out, INDENT "  ");
			term_add_clean(out, m.v[i].name, strlen(m.v[i].name));
			strbuf_addstr(out, " = ");
			metric_words(out, &m.v[i]);
			term_cut(out, start, (size_t)s->width, s);
			strbuf_addch(out, '\n');
		}
	metrics_release(&m);
}

static void add_part(const struct run_page *p, const struct run_part *part, const struct style *s, struct strbuf *out)
{
	const struct record *r = record_of(p, part);
	size_t i;

	strbuf_addch(out, '\n');
	add_part_line(part, s, out);
	if (part->n_reasons)
		strbuf_addstr(out, "  because\n");
	add_reasons(p, part, s, out);
	if (r)
		strbuf_addstr(out, "  with\n");
	for (i = 0; r && i < r->n_facts; i++)
		if (!fact_is_output(r->facts[i].kind))
			add_fact(&r->facts[i], s, out);
	if (r)
		strbuf_addstr(out, has_outputs(r) ? "  gave\n" : "");
	for (i = 0; r && i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind)) {
			add_fact(&r->facts[i], s, out);
			add_metrics(p, &r->facts[i], s, out);
		}
}

void report_run(const struct run_page *p, const struct style *s, struct strbuf *out)
{
	const struct run *r = p->s->run;
	size_t i, shown = 0, left = 0;

	add_head(p, s, out);
	for (i = 0; i < r->n_parts; i++) {
		if (!run_page_shows(p, r->parts[i].name))
			continue;
		if (p->n_names || r->n_parts <= MOST_WHOLE) {
			add_part(p, &r->parts[i], s, out);
		} else if (shown < 4 * MOST_WHOLE || streq(r->parts[i].result, "failed") || streq(r->parts[i].result, "refused")) {
			strbuf_addstr(out, shown++ ? "" : "\n");
			add_part_line(&r->parts[i], s, out);
		} else {
			left++;
		}
	}
	if (left)
		strbuf_addf(out, "and %zu more; with the name of a stage behind the run's, that is shown whole\n", left);
}

/* ---- JSON ---- */

static struct json *fact_json(const struct record_fact *f)
{
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1];

	json_set_str(j, "kind", fact_kind_name(f->kind));
	json_set_str(j, "name", f->name);
	if (fact_is_input_file(f->kind) || fact_is_output(f->kind)) {
		digest_hex(&f->content.id, hex);
		json_set_str(j, "sha256", hex);
		json_set_int(j, "size", f->content.size);
	} else {
		json_set_str(j, "value", f->value);
	}
	return j;
}

static void set_record(const struct run_page *p, struct json *j, const struct record *r)
{
	struct json *facts = json_new_list(), *all = json_new_map();
	size_t i, k;

	for (i = 0; i < r->n_facts; i++) {
		struct metrics m;

		json_push(facts, fact_json(&r->facts[i]));
		if (read_metrics(p, &r->facts[i], &m))
			for (k = 0; k < m.n; k++)
				json_set(all, m.v[k].name, metric_json(&m.v[k]));
		metrics_release(&m);
	}
	json_set(j, "facts", facts);
	json_set(j, "metrics", all);
	if (r->n_accepted)
		json_set(j, "accepted", report_acceptances_json(r));
}

static struct json *changes_json(const struct run_page *p)
{
	CLEANUP(source_changes_release) struct source_changes c;
	struct json *list = json_new_list();
	size_t i;

	find_changes(p, &c);
	for (i = 0; i < c.n; i++) {
		struct json *j = json_new_map();

		json_set_str(j, "path", c.v[i].path);
		json_set_int(j, "added", (int64_t)c.added[i]);
		json_set_int(j, "removed", (int64_t)c.removed[i]);
		json_push(list, j);
	}
	return list;
}

struct json *report_run_json(const struct run_page *p)
{
	const struct run *r = p->s->run;
	struct json *j = json_new_map(), *entry = report_log_entry_json(r), *parts = json_get(entry, "instances"), *shown = json_new_list();
	struct json *machine = json_new_map();
	char hex[GIT_ID_HEX + 1];
	size_t i;

	json_set_int(j, "version", 1);
	for (i = 0; i < r->n_machine; i++)
		json_set_str(machine, r->machine[i].name, r->machine[i].value);
	for (i = 0; i < r->n_parts; i++) {
		struct json *part = json_at(parts, i);
		const struct record *rec = record_of(p, &r->parts[i]);

		if (!run_page_shows(p, r->parts[i].name))
			continue;
		json_set(part, "reasons", reasons_json(p, &r->parts[i]));
		if (rec)
			set_record(p, part, rec);
		json_push(shown, json_take(part));
	}
	json_set(entry, "instances", shown);
	json_set_str(entry, "writer", r->writer);
	json_set_str(entry, "command", r->command);
	json_set_str(entry, "host", r->host);
	json_set(entry, "machine", machine);
	json_set_str(entry, "project", r->project);
	git_id_hex(&r->commit, hex);
	json_set_str(entry, "git", hex);
	if (r->has_tree)
		git_id_hex(&r->tree, hex);
	json_set_str(entry, "tree", r->has_tree ? hex : NULL);
	json_set(entry, "changes", changes_json(p));
	json_set(j, "run", entry);
	return j;
}

/* ---- why, of the past ---- */

static const char *result_words(const struct run_part *part)
{
	static const char *const words[][2] = {{"done", "ran"},
					       {"restored", "was put back, and nothing ran,"},
					       {"accepted", "was accepted"},
					       {"undone", "was taken back"},
					       {"deployed", "was deployed"},
					       {"promoted", "was promoted"},
					       {"rolled-back", "was rolled back"}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(part->result, words[i][0]))
			return words[i][1];
	return part->result;
}

static void add_past_headline(const struct run_page *p, const struct run_part *part, const struct style *s, struct strbuf *out)
{
	const struct run *r = p->s->run;
	size_t start = out->len;

	strbuf_addstr(out, hue_on(s, HUE_BOLD));
	term_add_clean(out, part->name, strlen(part->name));
	strbuf_addf(out, "%s %s", hue_off(s), hue_on(s, words_outcome_hue(part->result)));
	term_add_clean(out, result_words(part), strlen(result_words(part)));
	strbuf_addf(out, "%s in run ", hue_off(s));
	term_add_clean(out, r->id, strlen(r->id));
	strbuf_addstr(out, " of ");
	words_time(out, r->time, false);
	term_cut(out, start, (size_t)s->width, s);
	strbuf_addch(out, '\n');
}

void report_past_why(const struct run_page *p, const struct style *s, struct strbuf *out)
{
	const struct run *r = p->s->run;
	size_t i, n = 0;

	for (i = 0; i < r->n_parts; i++) {
		if (!run_page_shows(p, r->parts[i].name))
			continue;
		strbuf_addstr(out, n++ ? "\n" : "");
		add_past_headline(p, &r->parts[i], s, out);
		if (r->because)
			add_field(out, s, "because", r->because);
		else if (r->parts[i].n_reasons)
			strbuf_addstr(out, "  because\n");
		add_reasons(p, &r->parts[i], s, out);
	}
}

struct json *report_past_why_json(const struct run_page *p)
{
	const struct run *r = p->s->run;
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	json_set_int(j, "version", 1);
	json_set_str(j, "run", r->id);
	for (i = 0; i < r->n_parts; i++) {
		struct json *part;

		if (!run_page_shows(p, r->parts[i].name))
			continue;
		part = json_new_map();
		json_set_str(part, "name", r->parts[i].name);
		json_set_str(part, "result", r->parts[i].result);
		json_set(part, "reasons", reasons_json(p, &r->parts[i]));
		json_push(list, part);
	}
	json_set(j, "instances", list);
	return j;
}
