/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/makers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "back/lists.h"
#include "stale/lockfile.h"
#include "store/closure.h"
#include "store/keyed.h"
#include "util/map.h"
#include "util/text.h"

#define RECORDS_LIMIT ((size_t)1 << 30)

static const char *const words[] = {[MAKER_READ] = "read", [MAKER_BACK] = "back", [MAKER_RUN] = "made"};

/* What the table lacks, or says and is to be said better. */
struct entry {
	struct digest id;
	struct maker maker;
};

struct makers {
	struct gitdb *db;
	struct lineage *lineage;
	struct store *store;
	struct keyed *table;
	struct lists *lists;
	struct arena arena;
	struct map fresh;     /* hex -> struct entry, of runs that the table lacks */
	struct map by_commit; /* hex -> struct run */
	bool taken_up, lacks; /* lacks: the table something that was taken up */
};

struct makers *makers_new(const struct repo *r, struct gitdb *db, struct lineage *l, struct store *s)
{
	struct makers *m = xcalloc(1, sizeof(*m));
	CLEANUP(freep) char *dir = xstrfmt("%s/made", r->shared);

	m->db = db;
	m->lineage = l;
	m->store = s;
	m->table = keyed_new(dir, "made");
	m->lists = lists_new(m->table);
	return m;
}

void makers_free(struct makers *m)
{
	if (!m)
		return;
	lists_free(m->lists);
	keyed_free(m->table);
	map_release(&m->fresh);
	map_release(&m->by_commit);
	arena_release(&m->arena);
	free(m);
}

static const struct run *run_of(struct makers *m, const char *hex)
{
	const struct run *runs;
	size_t i, n;

	if (!m->by_commit.n && lineage_runs(m->lineage, &runs, &n, NULL) == 0) {
		map_reserve(&m->by_commit, n);
		for (i = 0; i < n; i++) {
			char *key = arena_alloc(&m->arena, GIT_ID_HEX + 1);

			git_id_hex(&runs[i].commit, key);
			map_put(&m->by_commit, key, (void *)(uintptr_t)&runs[i]);
		}
	}
	return map_get(&m->by_commit, hex);
}

/* ---- the table ---- */

static bool take_text(struct makers *m, const char *s, const char *end, const char **out)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (!text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return false;
	*out = arena_strndup(&m->arena, sb.buf, sb.len);
	return true;
}

/* Reads an entry's text; false if it is damaged, or speaks of a run that is not there any more. */
static bool parse_entry(struct makers *m, const struct strbuf *text, struct maker *out)
{
	const char *end = text->buf + text->len, *at = text->buf + 5, *tab, *instance;
	char hex[GIT_ID_HEX + 1];
	size_t how;

	for (how = 0; how < ARRAY_SIZE(words); how++)
		if (strncmp(text->buf, words[how], 4) == 0)
			break;
	if (how == ARRAY_SIZE(words) || text->len < 5 + GIT_ID_HEX + 2 || at[GIT_ID_HEX] != ' ')
		return false;
	memcpy(hex, at, GIT_ID_HEX);
	hex[GIT_ID_HEX] = '\0';
	instance = at + GIT_ID_HEX + 1;
	tab = memchr(instance, '\t', (size_t)(end - instance));
	out->how = (enum maker_how)how;
	out->run = run_of(m, hex);
	return tab && out->run && take_text(m, instance, tab, &out->instance) && take_text(m, tab + 1, end, &out->path);
}

static bool in_table(struct makers *m, const struct digest *id, struct maker *out)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	return keyed_find(m->table, id, &text) && parse_entry(m, &text, out);
}

/* How well the table knows it, without looking for the run; -1: not at all. */
static int rank_in_table(struct makers *m, const struct digest *id)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t how;

	if (!keyed_find(m->table, id, &text))
		return -1;
	for (how = 0; how < ARRAY_SIZE(words); how++)
		if (strncmp(text.buf, words[how], 4) == 0)
			return (int)how;
	return -1;
}

static void upto_key(const char *writer, struct digest *out)
{
	CLEANUP(freep) char *text = xstrfmt("mlmake-made 2 %s", writer);

	digest_bytes(text, strlen(text), out);
}

/* ---- taking up runs ---- */

/* The records of one run being taken up. */
struct taking {
	struct makers *m;
	const struct run *run;
	struct map parts; /* instance -> struct run_part */
	bool learnt;
};

static void offer(struct makers *m, const struct digest *id, enum maker_how how, const struct run *run, const char *instance,
		  const char *path)
{
	char hex[DIGEST_HEX + 1];
	struct entry *e;

	digest_hex(id, hex);
	e = map_get(&m->fresh, hex);
	if (e ? e->maker.how >= how : rank_in_table(m, id) >= (int)how)
		return;
	if (!e) {
		e = arena_calloc(&m->arena, sizeof(*e));
		e->id = *id;
		map_put(&m->fresh, arena_strdup(&m->arena, hex), e);
	}
	e->maker = (struct maker){how, run, arena_strdup(&m->arena, instance), arena_strdup(&m->arena, path)};
}

static enum maker_how how_of(const struct taking *t, const char *instance)
{
	const struct run_part *part = map_get(&t->parts, instance);

	return part && streq(part->result, "done") ? MAKER_RUN : MAKER_BACK;
}

/* The run's own tree has what the store's tables may have lost, or never have known of the runs of others. */
static void learn(struct taking *t)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT; /* what cannot be read there is not known */
	struct tree_entry e;

	if (!t->learnt && lineage_entry(t->m->lineage, t->run, "objects", &e, &ignored) == 1 && e.mode == TREE_DIR)
		(void)!closure_learn(t->m->store, &e.id, &ignored);
	t->learnt = true;
}

static void offer_fact(struct taking *t, const struct record *r, const struct record_fact *f, enum maker_how how)
{
	offer(t->m, &f->content.id, how, t->run, r->instance, f->name);
	if (f->content.kind != CONTENT_DIR || lists_take(t->m->lists, t->m->store, &f->content.id, (int)how) == 0)
		return;
	learn(t);
	(void)lists_take(t->m->lists, t->m->store, &f->content.id, (int)how);
}

static int take_outputs(void *ctx, const struct lock_block *b, struct err *err)
{
	struct taking *t = ctx;
	const struct record *r = b->record;
	enum maker_how how = how_of(t, r->instance);
	size_t i;

	(void)err;
	for (i = 0; i < r->n_facts; i++)
		if (fact_is_output(r->facts[i].kind))
			offer_fact(t, r, &r->facts[i], how);
	return 0;
}

static int take_inputs(void *ctx, const struct lock_block *b, struct err *err)
{
	struct taking *t = ctx;
	const struct record *r = b->record;
	size_t i;

	(void)err;
	for (i = 0; i < r->n_facts; i++)
		if (r->facts[i].kind == FACT_DATA || r->facts[i].kind == FACT_CODE)
			offer_fact(t, r, &r->facts[i], MAKER_READ);
	return 0;
}

static int take_records(struct taking *t, const struct strbuf *text, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t i;

	map_reserve(&t->parts, t->run->n_parts);
	for (i = 0; i < t->run->n_parts; i++)
		map_put(&t->parts, t->run->parts[i].name, &t->run->parts[i]);
	if (lockfile_read("records", text->buf, text->len, true, &a, take_outputs, t, err) < 0)
		return -1;
	return lockfile_read("records", text->buf, text->len, true, &a, take_inputs, t, err);
}

static int take_run(struct makers *m, const struct run *run, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(err_release) struct err failed = ERR_INIT;
	struct taking t = {m, run, MAP_INIT, false};
	int got;

	if (lineage_file(m->lineage, run, "records", RECORDS_LIMIT, &text, &failed) < 0)
		return failed.code == ERR_NOTFOUND ? 0 : err_move(err, &failed);
	got = take_records(&t, &text, err);
	map_release(&t.parts);
	return got;
}

static bool is_later(const struct run *a, const struct run *b)
{
	return a->order != b->order ? a->order > b->order : a->turn > b->turn;
}

/* The run up to which a writer's chain was taken up; NULL: none of it was. */
static const struct run *taken_upto(struct makers *m, const char *writer)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct digest key;
	const char *hex;

	upto_key(writer, &key);
	return keyed_find(m->table, &key, &text) && skip_prefix(text.buf, "upto ", &hex) ? run_of(m, hex) : NULL;
}

/* Marks the runs that the table lacks, and says how many they are. */
static size_t find_lacking(struct makers *m, const struct run *runs, size_t n, bool *lacking)
{
	static const struct run none;
	CLEANUP(map_release) struct map upto = MAP_INIT; /* writer -> run, none if there is none */
	size_t i, found = 0;

	for (i = n; i-- > 0;) {
		const struct run *last = map_get(&upto, runs[i].writer);

		if (!last) {
			last = taken_upto(m, runs[i].writer);
			last = last ? last : &none;
			map_put(&upto, runs[i].writer, (void *)(uintptr_t)last);
		}
		lacking[i] = last == &none || is_later(&runs[i], last);
		found += lacking[i];
	}
	return found;
}

static int take_up(struct makers *m, struct err *err)
{
	CLEANUP(freep) bool *lacking = NULL;
	const struct run *runs;
	size_t i, n;

	if (m->taken_up)
		return 0;
	if (lineage_runs(m->lineage, &runs, &n, err) < 0)
		return -1;
	lacking = xcalloc(n + 1, sizeof(*lacking));
	m->lacks = find_lacking(m, runs, n, lacking) > 0;
	for (i = 0; i < n && m->lacks; i++)
		if (lacking[i] && take_run(m, &runs[i], err) < 0)
			return -1;
	m->taken_up = true;
	return 0;
}

int makers_find(struct makers *m, const struct digest *id, struct maker *out, struct err *err)
{
	char hex[DIGEST_HEX + 1];
	const struct entry *e;

	if (in_table(m, id, out) && out->how == MAKER_RUN)
		return 1;
	if (take_up(m, err) < 0)
		return -1;
	digest_hex(id, hex);
	e = map_get(&m->fresh, hex);
	if (e)
		*out = e->maker;
	return e ? 1 : in_table(m, id, out);
}

int makers_within(struct makers *m, const struct digest *id, void (*visit)(void *ctx, const struct digest *dir), void *ctx,
		  struct err *err)
{
	if (take_up(m, err) < 0)
		return -1;
	lists_find(m->lists, id, visit, ctx);
	return 0;
}

const char *makers_text(struct makers *m, const char *s)
{
	return arena_strdup(&m->arena, s);
}

/* ---- writing ---- */

static const char *entry_text(struct arena *a, const struct maker *k, size_t *len)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	char hex[GIT_ID_HEX + 1];

	git_id_hex(&k->run->commit, hex);
	strbuf_addf(&sb, "%s %s ", words[k->how], hex);
	text_add_escaped(&sb, k->instance, strlen(k->instance), false);
	strbuf_addch(&sb, '\t');
	text_add_escaped(&sb, k->path, strlen(k->path), false);
	*len = sb.len;
	return arena_strndup(a, sb.buf, sb.len);
}

static void add_item(struct keyed_item *it, const char *text, size_t len, size_t age)
{
	it->text = text;
	it->len = len;
	it->age = age;
}

/* A keyed_item for each list that the table lacks. */
struct listing {
	struct keyed_item *v;
	size_t n, cap;
};

static void add_list(void *ctx, const struct digest *key, const char *text, size_t len)
{
	struct listing *l = ctx;

	ALLOC_GROW(l->v, l->n + 1, l->cap);
	l->v[l->n++] = (struct keyed_item){*key, text, len, 0};
}

/* Writes what is fresh; each writer of tips (writer -> hex of a commit) is taken up to there. */
static int write_fresh(struct makers *m, const struct map *tips, struct err *err)
{
	struct listing l = {NULL, 0, 0};
	struct keyed_item *items;
	struct map_slot *s;
	char name[48];
	size_t i = 0, n, len;
	int got;

	lists_fresh(m->lists, add_list, &l);
	n = l.n;
	items = l.v = xreallocarray(l.v, n + m->fresh.n + tips->n + 1, sizeof(*items));

	while ((s = map_next(&m->fresh, &i))) {
		const struct entry *e = s->value;
		const char *text = entry_text(&m->arena, &e->maker, &len);

		items[n].key = e->id;
		add_item(&items[n], text, len, n);
		n++;
	}
	for (i = 0; (s = map_next(tips, &i)); n++) {
		const char *text = arena_fmt(&m->arena, "upto %s", (const char *)s->value);

		upto_key(s->key, &items[n].key);
		add_item(&items[n], text, strlen(text), n);
	}
	keyed_name(name);
	got = keyed_add(m->table, name, items, n, err);
	free(items);
	return got;
}

static int add_all(struct makers *m, struct err *err)
{
	CLEANUP(map_release) struct map tips = MAP_INIT;
	const struct run *runs;
	size_t i, n;

	if (take_up(m, err) < 0 || lineage_runs(m->lineage, &runs, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		char *hex = arena_alloc(&m->arena, GIT_ID_HEX + 1);

		git_id_hex(&runs[i].commit, hex);
		map_put(&tips, runs[i].writer, hex);
	}
	return write_fresh(m, &tips, err);
}

/* Looking whether the table lacks no more than one run. */
struct lacking {
	struct makers *m;
	const struct run *run;
	const char *previous; /* hex of the run before it; "" if it is the first */
	bool more;
};

static int compare_tip(void *ctx, const char *name, const struct git_id *id)
{
	struct lacking *l = ctx;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	char tip[GIT_ID_HEX + 1];
	const char *writer, *upto = "";
	struct digest key;

	if (!skip_prefix(name, LINEAGE_REFS, &writer))
		return 0;
	git_id_hex(id, tip);
	upto_key(writer, &key);
	if (keyed_find(l->m->table, &key, &text))
		skip_prefix(text.buf, "upto ", &upto);
	l->more |= !streq(upto, streq(writer, l->run->writer) ? l->previous : tip);
	return 0;
}

int makers_add(struct makers *m, const struct run *r, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(map_release) struct map tips = MAP_INIT;
	char hex[GIT_ID_HEX + 1], previous[GIT_ID_HEX + 1] = "";
	struct lacking l = {m, r, previous, false};
	struct commit c;

	if (commit_read(m->db, &r->commit, &a, &c, err) < 0)
		return -1;
	if (c.n_parents && strstr(c.message, "\nPrevious: "))
		git_id_hex(&c.parents[0], previous);
	if (gitdb_refs(m->db, LINEAGE_REFS "*", compare_tip, &l, err) < 0)
		return -1;
	if (l.more)
		return add_all(m, err) < 0 ? -1 : 1;
	if (take_run(m, r, err) < 0)
		return -1;
	git_id_hex(&r->commit, hex);
	map_put(&tips, r->writer, hex);
	return write_fresh(m, &tips, err);
}

int makers_refresh(struct makers *m, struct err *err)
{
	if (take_up(m, err) < 0)
		return -1;
	return m->lacks ? add_all(m, err) : 0;
}
