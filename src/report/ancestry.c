/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/ancestry.h"

#include <stdlib.h>
#include <string.h>

#include "back/within.h"
#include "report/acceptances.h"
#include "report/wording.h"
#include "stale/lockfile.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/text.h"

#define RECORDS_LIMIT ((size_t)1 << 30)
#define MOST_NODES 10000
#define DIGITS 12

/* Some bytes, and what is known of them. */
struct origin_node {
	const char *name;             /* as the user or the record calls them */
	struct digest id;
	int64_t size;                 /* -1: not known */
	bool known, again;            /* again: told at another place */
	struct maker maker;
	const struct record *record;  /* of what made them; NULL: raw, or its record is gone */
	struct origin_node **data;
	size_t n;
};

struct ancestry {
	struct arena arena;
	struct makers *made;
	const struct snapshot_tools *t;
	const struct maker *maker; /* of the root; NULL: it is to be found */
	struct map seen;    /* hex -> node */
	struct map records; /* hex of a run's commit -> struct run_records */
	struct origin_node *root;
	size_t n_nodes;
	bool deep;
};

struct run_records {
	const struct record **v;
	size_t n;
};

struct collecting {
	struct ancestry *a;
	struct run_records *to;
};

static int take_record(void *ctx, const struct lock_block *b, struct err *err)
{
	struct collecting *c = ctx;

	(void)err;
	c->to->v = arena_grow(&c->a->arena, c->to->v, c->to->n, sizeof(*c->to->v));
	c->to->v[c->to->n++] = b->record;
	return 0;
}

/* A run's records, read once. */
static const struct run_records *records_of(struct ancestry *a, const struct run *run)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char *hex = arena_alloc(&a->arena, GIT_ID_HEX + 1);
	struct run_records *rr;
	struct collecting c;

	git_id_hex(&run->commit, hex);
	rr = map_get(&a->records, hex);
	if (rr)
		return rr;
	rr = arena_calloc(&a->arena, sizeof(*rr));
	map_put(&a->records, hex, rr);
	c = (struct collecting){a, rr};
	if (lineage_file(a->t->lineage, run, "records", RECORDS_LIMIT, &text, NULL) < 0 ||
	    lockfile_read("records", text.buf, text.len, true, &a->arena, take_record, &c, NULL) < 0)
		rr->n = 0;
	return rr;
}

static const struct record *record_of(struct ancestry *a, const struct maker *k)
{
	const struct run_records *rr = records_of(a, k->run);
	size_t i;

	for (i = 0; i < rr->n; i++)
		if (streq(rr->v[i]->instance, k->instance))
			return rr->v[i];
	return NULL;
}

static struct origin_node *node_for(struct ancestry *a, const char *name, const struct digest *id, int64_t size, struct err *err);

static int add_data(struct ancestry *a, struct origin_node *nd, struct err *err)
{
	size_t i;

	for (i = 0; i < nd->record->n_facts; i++) {
		const struct record_fact *f = &nd->record->facts[i];
		struct origin_node *below;

		if (f->kind != FACT_DATA)
			continue;
		below = node_for(a, f->name, &f->content.id, f->content.size, err);
		if (!below)
			return -1;
		nd->data = arena_grow(&a->arena, nd->data, nd->n, sizeof(struct origin_node *));
		nd->data[nd->n++] = below;
	}
	return 0;
}

/* As makers_find; of a file in a directory who made that. */
static int find_maker(struct ancestry *a, const struct digest *id, struct maker *out, struct err *err)
{
	int got;

	if (a->maker && !a->n_nodes) {
		*out = *a->maker;
		return 1;
	}
	got = makers_find(a->made, id, out, err);
	if (got == 0 && a->deep && !a->n_nodes)
		return within_find(a->made, a->t->lineage, a->t->store, id, out, err);
	if (got <= 0 || out->how != MAKER_READ)
		return got;
	return within_run(a->made, a->t->lineage, a->t->store, id, out, err) < 0 ? -1 : 1;
}

static struct origin_node *node_for(struct ancestry *a, const char *name, const struct digest *id, int64_t size, struct err *err)
{
	struct origin_node *nd = arena_calloc(&a->arena, sizeof(*nd));
	char *hex = arena_alloc(&a->arena, DIGEST_HEX + 1);
	int got;

	nd->name = arena_strdup(&a->arena, name);
	nd->id = *id;
	nd->size = size;
	digest_hex(id, hex);
	if (map_put(&a->seen, hex, nd)) {
		nd->again = nd->known = true;
		return nd;
	}
	got = find_maker(a, id, &nd->maker, err);
	if (got < 0)
		return NULL;
	nd->known = got > 0;
	if (nd->known && nd->maker.how != MAKER_READ)
		nd->record = record_of(a, &nd->maker);
	if (nd->record && a->n_nodes++ < MOST_NODES && add_data(a, nd, err) < 0)
		return NULL;
	return nd;
}

struct ancestry *ancestry_new(struct makers *made, const struct snapshot_tools *t, const char *name, const struct digest *id,
			      const struct maker *maker, bool deep, struct err *err)
{
	struct ancestry *a = xcalloc(1, sizeof(*a));

	a->made = made;
	a->t = t;
	a->maker = maker;
	a->deep = deep;
	a->root = node_for(a, name, id, -1, err);
	if (!a->root) {
		ancestry_free(a);
		return NULL;
	}
	return a;
}

void ancestry_free(struct ancestry *a)
{
	if (!a)
		return;
	map_release(&a->seen);
	map_release(&a->records);
	arena_release(&a->arena);
	free(a);
}

bool ancestry_known(const struct ancestry *a)
{
	return a->root->known;
}

/* ---- text ---- */

struct page {
	const struct style *s;
	struct strbuf *out;
};

static void end_line(struct page *p, size_t start)
{
	term_cut(p->out, start, (size_t)p->s->width, p->s);
	strbuf_addch(p->out, '\n');
}

static void add_id(struct page *p, const struct digest *id)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(id, hex);
	strbuf_addf(p->out, "%s%.*s%s", hue_on(p->s, HUE_DIM), DIGITS, hex, hue_off(p->s));
}

static void begin_line(struct page *p, size_t depth, const char *word)
{
	strbuf_addn(p->out, ' ', 2 * depth + 2);
	strbuf_addf(p->out, "%-8s  ", word);
}

static void add_commit(struct page *p, const struct run *r)
{
	if (!r->source)
		return;
	strbuf_addstr(p->out, "commit ");
	term_add_clean(p->out, r->source, strnlen(r->source, 9));
	strbuf_addstr(p->out, r->dirty == 1 ? " with changes" : "");
}

static void add_time(struct page *p, const struct run *r)
{
	words_time(p->out, r->time, false);
	if (!r->author)
		return;
	strbuf_addstr(p->out, " by ");
	words_person(p->out, r->author);
}

/* The run on the line that has been begun or, where that is narrow, on two, of which each begins with what matters most. */
static void add_run(struct page *p, const struct run *r, size_t depth, size_t start)
{
	bool narrow = p->s->width && (size_t)p->s->width < 120 + 4 * depth;

	strbuf_addstr(p->out, "run ");
	term_add_clean(p->out, r->id, strlen(r->id));
	if (narrow) {
		end_line(p, start);
		start = p->out->len;
		begin_line(p, depth, "");
		add_commit(p, r);
		strbuf_addstr(p->out, r->source ? ", " : "");
		add_time(p, r);
	} else {
		strbuf_addstr(p->out, " of ");
		add_time(p, r);
		strbuf_addstr(p->out, r->source ? ", " : "");
		add_commit(p, r);
	}
	end_line(p, start);
}

static void add_head(struct page *p, const struct origin_node *nd, size_t depth)
{
	size_t start = p->out->len;

	strbuf_addn(p->out, ' ', 2 * depth);
	strbuf_addstr(p->out, hue_on(p->s, HUE_BOLD));
	term_add_clean(p->out, nd->name, strlen(nd->name));
	strbuf_addf(p->out, "%s  ", hue_off(p->s));
	add_id(p, &nd->id);
	if (nd->size >= 0) {
		strbuf_addf(p->out, "  %s(", hue_on(p->s, HUE_DIM));
		text_add_size(p->out, nd->size);
		strbuf_addf(p->out, ")%s", hue_off(p->s));
	}
	if (nd->again)
		strbuf_addstr(p->out, "  as above");
	end_line(p, start);
}

static void add_maker(struct page *p, const struct origin_node *nd, size_t depth)
{
	const struct maker *k = &nd->maker;
	size_t start = p->out->len;

	if (k->how == MAKER_READ) {
		begin_line(p, depth, "given");
		strbuf_addstr(p->out, "first read by ");
		term_add_clean(p->out, k->instance, strlen(k->instance));
		strbuf_addstr(p->out, " in ");
	} else {
		begin_line(p, depth, "made by");
		term_add_clean(p->out, k->instance, strlen(k->instance));
		strbuf_addstr(p->out, k->how == MAKER_RUN ? " in " : "; by which run is not known here, put back in ");
	}
	add_run(p, k->run, depth, start);
	start = p->out->len;
	if (streq(k->path, nd->name))
		return;
	begin_line(p, depth, "as");
	term_add_clean(p->out, k->path, strlen(k->path));
	end_line(p, start);
}

static void add_facts(struct page *p, const struct record *r, size_t depth)
{
	size_t i, start;

	for (i = 0; i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];
		const char *value = f->value ? f->value : "(unset)";

		start = p->out->len;
		if (f->kind == FACT_CMD || f->kind == FACT_CODE || f->kind == FACT_LOCK || f->kind == FACT_PARAM || f->kind == FACT_VAR ||
		    f->kind == FACT_ENV)
			begin_line(p, depth, f->kind == FACT_CMD ? "command" : fact_kind_name(f->kind));
		if (f->kind == FACT_CMD) {
			term_add_clean(p->out, value, strlen(value));
		} else if (f->kind == FACT_CODE || f->kind == FACT_LOCK) {
			add_id(p, &f->content.id);
			strbuf_addstr(p->out, "  ");
			term_add_clean(p->out, f->name, strlen(f->name));
		} else if (f->kind == FACT_PARAM || f->kind == FACT_VAR || f->kind == FACT_ENV) {
			term_add_clean(p->out, f->name, strlen(f->name));
			strbuf_addstr(p->out, " = ");
			words_value(p->out, f);
		} else {
			continue;
		}
		end_line(p, start);
	}
}

static void add_acceptance(void *ctx, const struct acceptance *acc, const struct reason *reasons, size_t n)
{
	struct page *p = ctx;

	(void)reasons;
	(void)n;
	strbuf_addstr(p->out, "    accepted  ");
	words_acceptance(p->out, acc);
	strbuf_addch(p->out, '\n');
}

static void add_node(struct page *p, const struct origin_node *nd, size_t depth)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t i;

	add_head(p, nd, depth);
	if (nd->again)
		return;
	if (!nd->known) {
		begin_line(p, depth, "not known");
		strbuf_addstr(p->out, "no run that this clone has made these bytes or read them\n");
		return;
	}
	add_maker(p, nd, depth);
	if (nd->record)
		add_facts(p, nd->record, depth);
	if (nd->record && nd->record->n_accepted)
		acceptances_each(nd->record, &a, add_acceptance, p);
	for (i = 0; i < nd->n; i++)
		add_node(p, nd->data[i], depth + 2);
}

void report_ancestry(const struct ancestry *a, const struct style *s, struct strbuf *out)
{
	struct page p = {s, out};

	add_node(&p, a->root, 0);
}

/* ---- JSON ---- */

static void set_maker(struct json *j, const struct maker *k)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	static const char *const hows[] = {[MAKER_READ] = "read", [MAKER_BACK] = "back", [MAKER_RUN] = "made"};

	clock_iso(k->run->time, &time);
	json_set_str(j, "how", hows[k->how]);
	json_set_str(j, "path", k->path);
	json_set_str(j, "instance", k->instance);
	json_set_str(j, "run", k->run->id);
	json_set_str(j, "time", time.buf);
	json_set_str(j, "author", k->run->author);
	json_set_str(j, "source", k->run->source);
	json_set(j, "dirty", k->run->dirty < 0 ? json_new_null() : json_new_bool(k->run->dirty == 1));
}

static void set_facts(struct json *j, const struct record *r)
{
	struct json *params = json_new_map(), *env = json_new_map(), *code = json_new_list(), *one;
	char hex[DIGEST_HEX + 1];
	size_t i;

	for (i = 0; i < r->n_facts; i++) {
		const struct record_fact *f = &r->facts[i];

		if (f->kind == FACT_CMD) {
			json_set_str(j, "command", f->value);
		} else if (f->kind == FACT_PARAM || f->kind == FACT_VAR || f->kind == FACT_ENV) {
			json_set_str(f->kind == FACT_ENV ? env : params, f->name, f->value);
		} else if (f->kind == FACT_CODE || f->kind == FACT_LOCK) {
			one = json_new_map();
			digest_hex(&f->content.id, hex);
			json_set_str(one, "path", f->name);
			json_set_str(one, "sha256", hex);
			json_push(code, one);
		}
	}
	json_set(j, "params", params);
	json_set(j, "environment", env);
	json_set(j, "code", code);
	if (r->n_accepted)
		json_set(j, "accepted", report_acceptances_json(r));
}

static struct json *node_json(const struct origin_node *nd)
{
	struct json *j = json_new_map(), *data;
	char hex[DIGEST_HEX + 1];
	size_t i;

	digest_hex(&nd->id, hex);
	json_set_str(j, "name", nd->name);
	json_set_str(j, "sha256", hex);
	if (nd->size >= 0)
		json_set_int(j, "size", nd->size);
	json_set_bool(j, "known", nd->known);
	if (nd->again || !nd->known) {
		json_set_str(j, "how", nd->again ? "above" : NULL);
		return j;
	}
	set_maker(j, &nd->maker);
	if (!nd->record)
		return j;
	set_facts(j, nd->record);
	data = json_new_list();
	for (i = 0; i < nd->n; i++)
		json_push(data, node_json(nd->data[i]));
	json_set(j, "data", data);
	return j;
}

struct json *report_ancestry_json(const struct ancestry *a)
{
	return node_json(a->root);
}
