/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/deploys.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/map.h"
#include "util/path.h"
#include "util/text.h"

#define SHORT 12 /* digits of a digest that people see */
#define MOST_DATA 4

/* ---- data ---- */

struct tracing {
	const struct snapshot *s;
	struct arena *a;
	struct deploy_place *out;
	struct map seen;
};

/* The record that has path, or a directory that holds it, or something in it, among its outputs. */
static const struct record *maker_of(const struct snapshot *s, const char *path)
{
	size_t i, j;

	for (i = 0; i < s->n; i++)
		for (j = 0; j < s->records[i]->n_facts; j++) {
			const struct record_fact *f = &s->records[i]->facts[j];

			if (fact_is_output(f->kind) && (path_is_within(path, f->name) || path_is_within(f->name, path)))
				return s->records[i];
		}
	return NULL;
}

static void trace(struct tracing *t, const struct record_fact *f)
{
	const struct record *r;
	size_t i;

	if (map_put(&t->seen, f->name, t))
		return;
	r = maker_of(t->s, f->name);
	for (i = 0; r && i < r->n_facts; i++)
		if (r->facts[i].kind == FACT_DATA)
			trace(t, &r->facts[i]);
	if (r || f->content.kind == CONTENT_NONE)
		return;
	t->out->data = arena_grow(t->a, t->out->data, t->out->n_data, sizeof(*t->out->data));
	t->out->data[t->out->n_data++] = (struct data_file){f->name, &f->content};
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct data_file *)a)->path, ((const struct data_file *)b)->path);
}

/* What a source brought is raw here: nobody else has it. */
static void add_brought(struct tracing *t, const struct record *r)
{
	size_t i;

	for (i = 0; i < r->n_facts && record_find(r, FACT_ENV, FACT_BROUGHT); i++)
		if (fact_is_output(r->facts[i].kind) && map_get(&t->seen, r->facts[i].name)) {
			t->out->data = arena_grow(t->a, t->out->data, t->out->n_data, sizeof(*t->out->data));
			t->out->data[t->out->n_data++] = (struct data_file){r->facts[i].name, &r->facts[i].content};
		}
}

void deploy_data(const struct snapshot *s, const struct release *r, struct arena *a, struct deploy_place *out)
{
	struct tracing t = {s, a, out, MAP_INIT};
	size_t i;

	for (i = 0; i < r->n_ships; i++) {
		struct record_fact *f = arena_calloc(a, sizeof(*f));

		f->kind = FACT_DATA;
		f->name = r->ships[i].path;
		f->content = r->ships[i].content;
		trace(&t, f);
	}
	for (i = 0; i < s->n; i++)
		add_brought(&t, s->records[i]);
	if (out->n_data)
		qsort(out->data, out->n_data, sizeof(*out->data), by_path);
	map_release(&t.seen);
}

/* ---- text ---- */

static void add_when(struct strbuf *out, int64_t when, int64_t now)
{
	if (!when)
		return;
	strbuf_addstr(out, "since ");
	clock_iso(when, out);
	if (now < when)
		return;
	strbuf_addstr(out, " (");
	text_add_duration(out, now - when);
	strbuf_addstr(out, " ago)");
}

static void add_file(struct strbuf *out, const char *word, const char *path, const struct content *c)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&c->id, hex);
	strbuf_addf(out, "    %-7s ", word);
	term_add_clean(out, path, strlen(path));
	strbuf_addf(out, "  %.*s  ", SHORT, hex);
	text_add_size(out, c->size);
	strbuf_addch(out, '\n');
}

static void add_live(struct strbuf *out, const struct deploy_place *p)
{
	const struct release *r = p->live;
	size_t i;

	if (p->commit)
		strbuf_addf(out, "    commit  %.*s%s\n", SHORT, p->commit, r->dirty == 1 ? ", with changes that were not committed" : "");
	if (r->run) {
		strbuf_addstr(out, "    run     ");
		term_add_clean(out, r->run, strlen(r->run));
		strbuf_addch(out, '\n');
	}
	for (i = 0; i < r->n_ships; i++)
		add_file(out, "ships", r->ships[i].path, &r->ships[i].content);
	for (i = 0; i < p->n_data && i < MOST_DATA; i++)
		add_file(out, "data", p->data[i].path, p->data[i].content);
	if (p->n_data > MOST_DATA)
		strbuf_addf(out, "    data    and %zu more\n", p->n_data - MOST_DATA);
	if (p->before)
		strbuf_addf(out, "    before  %s\n", p->before->version ? p->before->version : "a version that is not known");
	if (r->because) {
		strbuf_addstr(out, "    because ");
		term_add_clean(out, r->because, strlen(r->because));
		strbuf_addch(out, '\n');
	}
}

static void add_trouble(struct strbuf *out, const struct deploy_place *p, const struct style *s)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	shipping_words(&p->left, &words);
	strbuf_addstr(out, "    ");
	if (p->busy) {
		strbuf_addf(out, "%s is being deployed now\n", p->left.version);
		return;
	}
	hue_addf(out, s, HUE_BAD, "not known what is there");
	strbuf_addstr(out, ": ");
	term_add_clean(out, words.buf, words.len);
	strbuf_addch(out, '\n');
}

static void add_place(struct strbuf *out, const struct deploy_place *p, int64_t now, const struct style *s)
{
	const struct release *r = p->live;

	hue_addf(out, s, HUE_BOLD, "%s", p->name);
	strbuf_addf(out, "  %s  ", p->environment);
	if (!r) {
		strbuf_addstr(out, "nothing\n");
	} else {
		hue_addf(out, s, p->has_left && !p->busy ? HUE_WARN : HUE_GOOD, "%s", r->version ? r->version : "a version that is not known");
		strbuf_addstr(out, "  ");
		add_when(out, r->when, now);
		if (r->who) {
			strbuf_addstr(out, "  by ");
			term_add_clean(out, r->who, strlen(r->who));
		}
		if (p->gone)
			strbuf_addstr(out, "  (no section has it any more)");
		strbuf_addch(out, '\n');
	}
	if (p->has_left)
		add_trouble(out, p, s);
	if (r)
		add_live(out, p);
}

void report_deploys(const struct deploy_place *v, size_t n, int64_t now, const struct style *s, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		add_place(out, &v[i], now, s);
	if (!n)
		strbuf_addstr(out, "nothing is deployed, and mlmake.ini has no [deploy NAME]\n");
}

/* ---- JSON ---- */

static struct json *file_json(const char *path, const struct content *c)
{
	struct json *j = json_new_map();
	char hex[DIGEST_HEX + 1], letter[2] = {content_letter(c->kind), '\0'};

	digest_hex(&c->id, hex);
	json_set_str(j, "path", path);
	json_set_str(j, "kind", letter);
	json_set_str(j, "sha256", hex);
	json_set_int(j, "size", c->size);
	return j;
}

static struct json *live_json(const struct deploy_place *p)
{
	struct json *j = json_new_map(), *ships = json_new_list(), *data = json_new_list();
	CLEANUP(strbuf_release) struct strbuf since = STRBUF_INIT;
	const struct release *r = p->live;
	size_t i;

	if (r->when)
		clock_iso(r->when, &since);
	json_set_str(j, "version", r->version);
	json_set_str(j, "tag", r->tag);
	json_set_str(j, "since", r->when ? since.buf : NULL);
	json_set_str(j, "who", r->who);
	json_set_str(j, "action", r->action);
	json_set_str(j, "because", r->because);
	json_set_str(j, "commit", p->commit);
	json_set_str(j, "source", r->dirty == 1 ? "dirty" : r->dirty == 0 ? "clean" : "unknown");
	json_set_str(j, "run", r->run);
	for (i = 0; i < r->n_ships; i++)
		json_push(ships, file_json(r->ships[i].path, &r->ships[i].content));
	for (i = 0; i < p->n_data; i++)
		json_push(data, file_json(p->data[i].path, p->data[i].content));
	json_set(j, "ships", ships);
	json_set(j, "data", data);
	return j;
}

static struct json *place_json(const struct deploy_place *p)
{
	struct json *j = json_new_map();
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	json_set_str(j, "name", p->name);
	json_set_str(j, "environment", p->environment);
	json_set_str(j, "state", p->has_left ? (p->busy ? "busy" : "unknown") : p->live ? "live" : "nothing");
	json_set(j, "live", p->live ? live_json(p) : json_new_null());
	json_set_str(j, "before", p->before ? p->before->version : NULL);
	if (p->has_left)
		shipping_words(&p->left, &words);
	json_set_str(j, "trouble", p->has_left && !p->busy ? words.buf : NULL);
	return j;
}

struct json *report_deploys_json(const struct deploy_place *v, size_t n)
{
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	for (i = 0; i < n; i++)
		json_push(list, place_json(&v[i]));
	json_set_int(j, "version", 1);
	json_set(j, "deploys", list);
	return j;
}
