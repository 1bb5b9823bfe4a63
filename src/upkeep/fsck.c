/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "upkeep/fsck.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stale/history.h"
#include "stale/lockfile.h"
#include "store/closure.h"
#include "upkeep/needs.h"
#include "upkeep/roots.h"
#include "util/path.h"
#include "util/pool.h"

#define TEXT_LIMIT ((size_t)1 << 30)
#define BLOB_LIMIT ((size_t)4 << 30)
#define TREE_LIMIT ((size_t)256 << 20)
#define DEPTH 200
#define BROKEN_REF "the ref '%s' cannot be read"

/* A path of the work tree that held a content with something in it that is damaged. */
struct fsck_source {
	const char *path;
	struct content content;
};

const char *finding_kind_name(enum finding_kind k)
{
	static const char *const names[] = {"corrupt", "missing", "mode", "stray", "ref", "run", "record", "lock", "table", "state"};

	return names[k];
}

void fsck_release(struct fsck *f)
{
	arena_release(&f->arena);
	f->v = NULL;
	f->n = f->n_sources = 0;
}

PRINTF(3, 4) static struct finding *find(struct fsck *f, enum finding_kind kind, const char *fmt, ...)
{
	char *text;
	va_list ap;
	struct strbuf sb = STRBUF_INIT;

	va_start(ap, fmt);
	strbuf_vaddf(&sb, fmt, ap);
	va_end(ap);
	text = arena_strndup(&f->arena, sb.buf, sb.len);
	strbuf_release(&sb);
	f->v = arena_grow(&f->arena, f->v, f->n, sizeof(*f->v));
	f->v[f->n] = (struct finding){.kind = kind, .what = text};
	return &f->v[f->n++];
}

/* ---- runs */

struct looking {
	struct fsck *f;
	struct needs needs;
	struct roots roots;
	struct digestset seen; /* of git's objects */
	const struct run *runs;
	size_t n_runs;
	struct digest *ids;
	unsigned char *states;
	size_t n;
	struct digestset present;
	pthread_mutex_t mutex;
	size_t done;
};

static bool is_new(struct looking *l, const struct git_id *id)
{
	struct digest key = {{0}};

	memcpy(key.b, id->b, GIT_ID_LEN);
	return digestset_add(&l->seen, &key);
}

/* Reads a tree and all below it, so that git's checksums are checked. */
static int look_tree(struct looking *l, const struct git_id *id, int depth, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct tree_entry *v;
	size_t n, i;

	if (!is_new(l, id))
		return 0;
	if (depth > DEPTH)
		return err_set(err, ERR_INVALID, "directories are nested deeper than %d levels", DEPTH);
	if (tree_read(l->f->db, id, TREE_LIMIT, &a, &v, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		enum gitdb_kind kind;
		size_t size;
		int got = 0;

		if (v[i].mode == TREE_DIR)
			got = look_tree(l, &v[i].id, depth + 1, err);
		else if (v[i].mode != TREE_COMMIT && is_new(l, &v[i].id))
			got = l->f->quick ? gitdb_look(l->f->db, &v[i].id, &kind, &size, err)
					  : gitdb_read(l->f->db, &v[i].id, GITDB_BLOB, BLOB_LIMIT, &text, err);
		if (got < 0)
			return err_wrap(err, "%s", v[i].name);
	}
	return 0;
}

/* The blocks of the records of a run have to be what their keys say. */
static void look_records(struct looking *l, const struct run *r, const char *text, size_t n)
{
	const char *p = text, *end = text + n;
	size_t len;

	for (; p < end; p += len) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		CLEANUP(err_release) struct err why = ERR_INIT;
		struct record rec;

		if (*p == '\n' || *p == '#') {
			const char *nl = memchr(p, '\n', (size_t)(end - p));

			len = (size_t)((nl ? nl + 1 : end) - p);
			continue;
		}
		len = record_block_len(p, end);
		l->f->counts.records++;
		if (record_parse(p, len, &a, &rec, &why) < 0)
			find(l->f, FINDING_RECORD, "a record of run %s cannot be read: %s", r->id, why.msg);
		else if (!record_holds(&rec))
			find(l->f, FINDING_RECORD, "the record of %s in run %s is not what its key says", rec.instance, r->id);
	}
}

static void look_part(struct looking *l, const struct run *r, const char *name)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	struct tree_entry e;
	int got = lineage_entry(l->f->lineage, r, name, &e, &why);

	if (got > 0 && e.mode == TREE_DIR)
		got = look_tree(l, &e.id, 0, &why);
	if (got > 0 && e.mode != TREE_DIR)
		got = err_set(&why, ERR_INVALID, "it is no directory");
	if (got < 0)
		find(l->f, FINDING_RUN, "%s of run %s cannot be read: %s", name, r->id, why.msg);
}

/* It is mostly read from the cache, so here it is read from git. */
static void look_text(struct looking *l, const struct run *r)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err why = ERR_INIT;
	struct run again = {.id = NULL};

	if (lineage_file(l->f->lineage, r, "run", TEXT_LIMIT, &text, &why) < 0 || run_parse(text.buf, text.len, &a, &again, &why) < 0)
		find(l->f, FINDING_RUN, "run %s cannot be read: %s", r->id, why.msg);
	else if (!streq(again.id, r->id))
		find(l->f, FINDING_RUN, "run %s calls itself %s", r->id, again.id);
}

static void look_run(struct looking *l, const struct run *r)
{
	static const char *const parts[] = {"source", "artifacts", "inputs", "objects"};
	static const char *const texts[] = {"records", "mlmake.lock"};
	CLEANUP(err_release) struct err why = ERR_INIT;
	struct tree_entry e;
	size_t i;

	l->f->counts.runs++;
	look_text(l, r);
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

		err_clear(&why);
		if (lineage_entry(l->f->lineage, r, texts[i], &e, &why) == 1 && !is_new(l, &e.id))
			continue;
		if (lineage_file(l->f->lineage, r, texts[i], TEXT_LIMIT, &text, &why) == 0)
			look_records(l, r, text.buf, text.len);
		else if (why.code != ERR_NOTFOUND || streq(texts[i], "mlmake.lock"))
			find(l->f, FINDING_RUN, "%s of run %s cannot be read: %s", texts[i], r->id, why.msg);
	}
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		look_part(l, r, parts[i]);
	err_clear(&why);
	if (lineage_entry(l->f->lineage, r, "objects", &e, &why) == 1 && e.mode == TREE_DIR &&
	    closure_learn(l->f->store, &e.id, &why) < 0)
		find(l->f, FINDING_RUN, "objects of run %s do not hold what they say: %s", r->id, why.msg);
}

/* ---- what is named */

static int take(void *ctx, const struct root *root, const char *text, size_t n, struct err *err)
{
	struct looking *l = ctx;
	CLEANUP(err_release) struct err why = ERR_INIT;

	(void)err;
	l->f->counts.locks++;
	if (needs_text(&l->needs, text, n, &why) < 0 && why.code != ERR_CORRUPT && why.code != ERR_NOTFOUND)
		find(l->f, FINDING_LOCK, "%s: %s", root->where, why.msg);
	return 0;
}

/* What keeps one root from being read keeps no other from it. */
static void gather(struct looking *l)
{
	CLEANUP(err_release) struct err why = ERR_INIT;
	CLEANUP(freep) char *broken = gitdb_broken_ref(l->f->db);
	size_t i;

	if (broken)
		find(l->f, FINDING_REF, BROKEN_REF, broken);
	if (lineage_damage(l->f->lineage))
		find(l->f, FINDING_RUN, "%s", lineage_damage(l->f->lineage));
	for (i = 0; i < l->n_runs; i++)
		look_run(l, &l->runs[i]);
	l->needs.learnt = true;
	if (!broken && roots_visit(&l->roots, &why) < 0 && why.code != ERR_INVALID)
		find(l->f, FINDING_REF, "%s", why.msg);
	for (i = 0; i < l->n_runs; i++) {
		err_clear(&why);
		if (roots_run(&l->roots, &l->runs[i], &why) < 0)
			find(l->f, FINDING_RUN, "%s", why.msg);
	}
	l->f->counts.journals = l->roots.journals;
}

/* ---- objects */

enum state { STATE_OK, STATE_ABSENT, STATE_CORRUPT, STATE_UNREADABLE };

static void add_id(struct looking *l, const struct digest *id, size_t *cap)
{
	ALLOC_GROW(l->ids, l->n + 1, *cap);
	l->ids[l->n++] = *id;
}

static void look_files(struct looking *l, const struct stored_files *files)
{
	struct fsck *f = l->f;
	size_t i;

	for (i = 0; i < files->n; i++) {
		const struct stored_file *o = &files->v[i];
		char hex[DIGEST_HEX + 1];

		f->counts.objects++;
		f->counts.bytes += o->size;
		if (!o->odd)
			continue;
		digest_hex(&o->id, hex);
		find(f, FINDING_MODE, "object %s is no plain file that only its owner may write to", hex)->id = o->id;
		f->v[f->n - 1].has_id = true;
	}
	for (i = 0; i < files->strays.n; i++)
		find(f, FINDING_STRAY, "'%s/%s' is no object", f->repo->shared, files->strays.v[i]);
}

static int by_id(const void *a, const void *b)
{
	return digest_cmp(a, b);
}

static void look_object(void *ctx, size_t i)
{
	struct looking *l = ctx;
	CLEANUP(err_release) struct err why = ERR_INIT;

	if (l->f->quick)
		l->states[i] = store_shows(l->f->store, &l->ids[i]) ? STATE_OK : STATE_ABSENT;
	else if (store_verify(l->f->store, &l->ids[i], &why) < 0)
		l->states[i] = why.code == ERR_NOTFOUND ? STATE_ABSENT : why.code == ERR_IO ? STATE_UNREADABLE : STATE_CORRUPT;
	if (!l->f->watch)
		return;
	pthread_mutex_lock(&l->mutex);
	l->f->watch->progress(l->f->watch->ctx, ++l->done, l->n, 0);
	pthread_mutex_unlock(&l->mutex);
}

/* All that is named and all that is there, each once. */
static int look_objects(struct looking *l, struct err *err)
{
	struct stored_files files = STORED_FILES_INIT;
	size_t i, n, cap = 0;

	if (stored_files_list(l->f->store, &files, err) < 0) {
		stored_files_release(&files);
		return -1;
	}
	look_files(l, &files);
	for (i = 0; i < files.n; i++)
		add_id(l, &files.v[i].id, &cap);
	stored_files_release(&files);
	for (i = 0; i < l->needs.needed.cap; i++)
		if (digestset_has(&l->needs.needed, &l->needs.needed.slots[i]))
			add_id(l, &l->needs.needed.slots[i], &cap);
	if (l->n)
		qsort(l->ids, l->n, sizeof(*l->ids), by_id);
	for (i = n = 0; i < l->n; i++)
		if (!n || !digest_eq(&l->ids[n - 1], &l->ids[i]))
			l->ids[n++] = l->ids[i];
	l->n = n;
	l->states = xcalloc(l->n + 1, 1);
	pool_for(l->n, 16, l->f->threads, look_object, l);
	for (i = 0; i < l->n; i++) {
		char hex[DIGEST_HEX + 1];

		l->f->counts.small += l->states[i] == STATE_OK;
		if (l->states[i] == STATE_OK || l->states[i] == STATE_ABSENT)
			continue;
		digest_hex(&l->ids[i], hex);
		find(l->f, FINDING_CORRUPT, l->states[i] == STATE_CORRUPT ? "object %s does not hold what its name says" : "object %s cannot be read",
		     hex)->id = l->ids[i];
		l->f->v[l->f->n - 1].has_id = true;
	}
	l->f->counts.small -= MIN(l->f->counts.small, l->f->counts.objects);
	return 0;
}

static enum state state_of(const struct looking *l, const struct digest *id)
{
	const struct digest *at = l->n ? bsearch(id, l->ids, l->n, sizeof(*l->ids), by_id) : NULL;

	return at ? (enum state)l->states[at - l->ids] : STATE_ABSENT;
}

/* ---- what is lost with them */

struct tracing {
	struct looking *l;
	const struct run *run;
	bool own;
	struct digestset sound; /* directories that are whole */
	struct digestset told;  /* missing ones of others' and collected ones, so that each counts once */
	const struct record *record;
	const struct record_fact *fact;
	bool harmed;            /* by something in the fact */
};

static struct finding *finding_of(struct fsck *f, const struct digest *id)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].has_id && f->v[i].kind != FINDING_MODE && digest_eq(&f->v[i].id, id))
			return &f->v[i];
	return NULL;
}

static void add_result(struct tracing *t, struct finding *found)
{
	struct fsck *f = t->l->f;
	const struct run *r = t->run;
	time_t when = (time_t)(r->time / 1000000000);
	char day[16] = "?";
	struct tm tm;

	if (!found->results)
		found->results = arena_calloc(&f->arena, FINDING_RESULTS * sizeof(*found->results));
	if (localtime_r(&when, &tm) && !strftime(day, sizeof(day), "%Y-%m-%d", &tm))
		strcpy(day, "?");
	if (found->n_results < FINDING_RESULTS)
		found->results[found->n_results] =
			arena_fmt(&f->arena, "%s of %s, run %s of %s%s%.10s", t->fact->name, t->record->instance, r->id, day,
				  r->source ? ", commit " : "", r->source ? r->source : "");
	found->n_results++;
}

/* An object that is not here: taken by gc, of a run of another clone, never kept, or lost. */
static struct finding *judge_missing(struct tracing *t, const struct digest *id)
{
	struct fsck *f = t->l->f;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct content c = {CONTENT_FILE, *id, 0};
	char hex[DIGEST_HEX + 1];
	struct finding *found;

	if (store_tell_collected(f->store, &c, &text)) {
		f->counts.collected += digestset_add(&t->told, id);
		return NULL;
	}
	if (!t->own || !f->kept || !f->kept(f->kept_ctx, t->fact->name, !fact_is_output(t->fact->kind))) {
		f->counts.elsewhere += fact_is_output(t->fact->kind) && digestset_add(&t->told, id);
		return NULL;
	}
	digest_hex(id, hex);
	found = find(f, FINDING_MISSING, "object %s is gone", hex);
	found->has_id = true;
	found->id = *id;
	return found;
}

static bool trace(void *ctx, const struct digest *id, bool dir)
{
	struct tracing *t = ctx;
	enum state s = state_of(t->l, id);
	struct finding *found;

	if (s == STATE_OK)
		return dir;
	found = finding_of(t->l->f, id);
	if (!found && s == STATE_ABSENT)
		found = judge_missing(t, id);
	t->harmed = true;
	if (found)
		add_result(t, found);
	return false;
}

static void add_source(struct fsck *f, const struct run *r, const struct record_fact *fact)
{
	size_t i;

	if (!streq(r->project, f->repo->prefix) || path_refusal(fact->name))
		return;
	for (i = 0; i < f->n_sources; i++)
		if (streq(f->sources[i].path, fact->name) && content_eq(&f->sources[i].content, &fact->content))
			return;
	f->sources = arena_grow(&f->arena, f->sources, f->n_sources, sizeof(*f->sources));
	f->sources[f->n_sources++] = (struct fsck_source){arena_strdup(&f->arena, fact->name), fact->content};
}

static void trace_fact(struct tracing *t, const struct record_fact *fact)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	bool dir = fact->content.kind == CONTENT_DIR;

	if (fact->content.kind == CONTENT_NONE || (!fact_is_output(fact->kind) && fact->kind != FACT_DATA) ||
	    digestset_has(&t->sound, &fact->content.id))
		return;
	t->fact = fact;
	t->harmed = false;
	if (!dir)
		trace(t, &fact->content.id, false);
	else if (needs_walk(&t->l->needs, &fact->content.id, trace, t, &ignored) < 0)
		t->harmed = true; /* a manifest that is corrupt, and found already */
	if (!t->harmed)
		digestset_add(&t->sound, &fact->content.id);
	else
		add_source(t->l->f, t->run, fact);
}

static int trace_block(void *ctx, const struct lock_block *b, struct err *err)
{
	struct tracing *t = ctx;
	size_t i;

	(void)err;
	t->record = b->record;
	for (i = 0; i < b->record->n_facts; i++)
		trace_fact(t, &b->record->facts[i]);
	return 0;
}

static void trace_all(struct looking *l)
{
	struct tracing t = {.l = l};
	size_t i = l->n_runs;

	while (i--) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		CLEANUP(err_release) struct err ignored = ERR_INIT;

		t.run = &l->runs[i];
		t.own = l->f->writer && streq(t.run->writer, l->f->writer);
		if (lineage_file(l->f->lineage, t.run, "mlmake.lock", TEXT_LIMIT, &text, &ignored) == 0 &&
		    lockfile_read(t.run->id, text.buf, text.len, true, &a, trace_block, &t, &ignored) < 0)
			err_clear(&ignored);
	}
	digestset_release(&t.sound);
	digestset_release(&t.told);
}

/* Before anything counts as gone, all that the runs' own trees hold is looked at: the tables may have lost it. */
static size_t learn_anew(struct looking *l)
{
	size_t i, n = 0;

	store_distrust(l->f->store);
	for (i = 0; i < l->n_runs; i++) {
		CLEANUP(err_release) struct err ignored = ERR_INIT; /* it has been told */
		struct tree_entry e;

		if (lineage_entry(l->f->lineage, &l->runs[i], "objects", &e, &ignored) == 1 && e.mode == TREE_DIR &&
		    closure_learn(l->f->store, &e.id, &ignored) < 0)
			err_clear(&ignored);
	}
	for (i = 0; i < l->n; i++)
		if (l->states[i] == STATE_ABSENT && store_verify(l->f->store, &l->ids[i], NULL) == 0) {
			l->states[i] = STATE_OK;
			n++;
		}
	return n;
}

static void trace_twice(struct looking *l)
{
	struct fsck *f = l->f;
	size_t i, missing = 0;

	trace_all(l);
	for (i = 0; i < f->n; i++)
		missing += f->v[i].kind == FINDING_MISSING;
	if (!missing || !learn_anew(l))
		return;
	for (i = missing = 0; i < f->n; i++)
		if (f->v[i].kind != FINDING_MISSING) {
			f->v[missing] = f->v[i];
			f->v[missing++].n_results = 0;
		}
	f->n = missing;
	f->n_sources = 0;
	f->counts.collected = f->counts.elsewhere = 0;
	trace_all(l);
}

/* ---- tables and state */

struct table_look {
	size_t n, wrong;
};

static int look_record(void *ctx, const struct digest *key, const char *text, size_t n)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct table_look *t = ctx;
	struct record r;

	t->n++;
	t->wrong += record_parse(text, n, &a, &r, NULL) < 0 || !digest_eq(&r.key, key) || !record_holds(&r);
	return 0;
}

static int look_small(void *ctx, const struct digest *id, uint64_t size, bool git_has)
{
	struct table_look *t = ctx;

	(void)id;
	(void)size;
	t->n++;
	t->wrong += !git_has;
	return 0;
}

static void look_tables(struct fsck *f)
{
	struct keyed *records = history_records(f->repo->shared);
	struct table_look r = {0, 0}, s = {0, 0};
	size_t damaged = keyed_damage(records);
	size_t tables = store_table_damage(f->store);

	keyed_visit(records, look_record, &r);
	keyed_free(records);
	store_each_small(f->store, look_small, &s);
	if (r.wrong)
		find(f, FINDING_TABLE, "%zu of %zu records in '%s/records' are not what their keys say", r.wrong, r.n, f->repo->shared);
	if (damaged)
		find(f, FINDING_TABLE, "%zu parts of '%s/records' are damaged", damaged, f->repo->shared);
	if (s.wrong)
		find(f, FINDING_TABLE, "of %zu of %zu small objects the table '%s/small' does not say where git has them", s.wrong, s.n,
		     f->repo->shared);
	if (tables)
		find(f, FINDING_TABLE, "%zu parts of the tables in '%s' are damaged", tables, f->repo->shared);
}

int fsck_look(struct fsck *f, struct err *err)
{
	struct looking l = {.f = f};
	const char *state;
	int got;

	if (lineage_runs(f->lineage, &l.runs, &l.n_runs, err) < 0)
		return -1;
	l.needs = (struct needs){.store = f->store, .lineage = f->lineage};
	l.roots = (struct roots){.repo = f->repo, .db = f->db, .lineage = f->lineage, .take = take, .ctx = &l, .history = true};
	pthread_mutex_init(&l.mutex, NULL);
	look_tables(f);
	gather(&l);
	got = look_objects(&l, err);
	if (got == 0)
		trace_twice(&l);
	if (store_learnt(f->store))
		find(f, FINDING_TABLE, "the table '%s/small' does not know of %zu small objects that git has", f->repo->shared,
		     store_learnt(f->store));
	state = history_damage(f->repo->state);
	if (state)
		find(f, FINDING_STATE, "'%s/%s", f->repo->state, state);
	pthread_mutex_destroy(&l.mutex);
	needs_release(&l.needs);
	roots_release(&l.roots);
	digestset_release(&l.seen);
	free(l.ids);
	free(l.states);
	return got;
}

/* ---- repairing */

static bool is_object(const struct finding *x)
{
	return x->has_id && (x->kind == FINDING_CORRUPT || x->kind == FINDING_MISSING);
}

/* What the work tree holds with the right content is taken in anew. */
static int repair_from_tree(struct fsck *f, struct err *err)
{
	size_t i;

	for (i = 0; i < f->n_sources; i++) {
		CLEANUP(err_release) struct err why = ERR_INIT;
		const struct fsck_source *s = &f->sources[i];
		struct content is;

		if (statcache_content(f->cache, s->path, false, &is, &why) < 0 || !content_eq(&is, &s->content))
			continue;
		if (store_put_known(f->store, s->path, &s->content, &why) < 0 && why.code == ERR_IO)
			return err_move(err, &why);
	}
	return store_sync(f->store, err);
}

static void mark_repaired(struct fsck *f, const char *how)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (is_object(&f->v[i]) && !f->v[i].repaired && store_verify(f->store, &f->v[i].id, NULL) == 0) {
			f->v[i].repaired = true;
			f->v[i].repair = how;
		}
}

static int repair_from_remotes(struct fsck *f, struct err *err)
{
	CLEANUP(freep) struct digest *ids = xcalloc(f->n + 1, sizeof(*ids));
	CLEANUP(freep) bool *got = xcalloc(f->n + 1, sizeof(*got));
	size_t i, n = 0;

	for (i = 0; i < f->n; i++)
		if (is_object(&f->v[i]) && !f->v[i].repaired)
			ids[n++] = f->v[i].id;
	return n && f->fetch ? f->fetch(f->fetch_ctx, ids, n, got, err) : 0;
}

/* A corrupt object is out of the way whether or not there is another. */
static void quarantine(struct fsck *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct finding *x = &f->v[i];

		if (x->kind == FINDING_CORRUPT && x->has_id) {
			store_quarantine(f->store, &x->id);
			x->repair = "it was taken out of the way";
		} else if (x->kind == FINDING_MODE && store_protect(f->store, &x->id)) {
			x->repaired = true;
			x->repair = "its mode was set";
		}
	}
}

static const struct finding *same_finding(const struct fsck *f, const struct finding *x)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->v[i].kind == x->kind && streq(f->v[i].what, x->what))
			return &f->v[i];
	return NULL;
}

/* What is not found again was repaired, and what was hidden behind it is found now. */
static void compare_looks(struct fsck *f, const struct fsck *again)
{
	size_t i, n = f->n;

	for (i = 0; i < n; i++)
		if (!f->v[i].repaired && f->v[i].kind != FINDING_TABLE && !same_finding(again, &f->v[i])) {
			f->v[i].repaired = true;
			f->v[i].repair = "git's objects were fetched from a remote";
		}
	for (i = 0; i < again->n; i++)
		if (!same_finding(f, &again->v[i])) {
			struct finding *x = find(f, again->v[i].kind, "%s", again->v[i].what);

			x->has_id = again->v[i].has_id;
			x->id = again->v[i].id;
		}
}

/* With eyes that have not seen what was damaged. */
static int look_again(struct fsck *f, struct err *err)
{
	struct fsck again = *f;
	int got;

	again.arena = (struct arena)ARENA_INIT;
	again.v = NULL;
	again.sources = NULL;
	again.n = again.n_sources = 0;
	again.watch = NULL;
	again.db = gitdb_new(f->repo->git_dir);
	again.lineage = lineage_new(f->repo, again.db);
	again.store = store_new(f->repo->shared, again.db, f->cache);
	got = fsck_look(&again, err) < 0 ? -1 : store_sync(again.store, err);
	if (got == 0)
		compare_looks(f, &again);
	fsck_release(&again);
	store_free(again.store);
	lineage_free(again.lineage);
	gitdb_free(again.db);
	return got;
}

static int repair_git(struct fsck *f, struct err *err)
{
	bool harmed = false;
	size_t i, n;

	for (i = 0; i < f->n; i++)
		harmed |= f->v[i].kind == FINDING_RUN || f->v[i].kind == FINDING_REF || f->v[i].kind == FINDING_LOCK ||
			  (is_object(&f->v[i]) && !f->v[i].repaired);
	if (!harmed || !f->heal)
		return 0;
	return f->heal(f->fetch_ctx, &n, err) < 0 ? -1 : n ? look_again(f, err) : 0;
}

static int repair_tables(struct fsck *f, struct err *err)
{
	bool wrong = false;
	size_t i;

	for (i = 0; i < f->n; i++)
		wrong |= f->v[i].kind == FINDING_TABLE;
	if (wrong && (store_prune_tables(f->store, err) < 0 || store_sync(f->store, err) < 0 || history_prune_records(f->repo->shared, err) < 0))
		return -1;
	for (i = 0; i < f->n; i++)
		if (f->v[i].kind == FINDING_TABLE) {
			f->v[i].repaired = true;
			f->v[i].repair = "it was made anew";
		}
	return lineage_rebuild(f->lineage, err);
}

/* The end of a chain is also in the cache of runs. */
static bool mend_ref(struct fsck *f, const char *name)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *writer;
	struct commit c;
	struct git_id id;

	return skip_prefix(name, LINEAGE_REFS, &writer) && lineage_newest(f->lineage, writer, &id) &&
	       commit_read(f->db, &id, &a, &c, &ignored) == 0 && gitdb_mend_ref(f->db, name, &id, "mlmake fsck", &ignored) == 0;
}

static void repair_refs(struct fsck *f)
{
	char *name;
	size_t i;
	bool mended = true;

	while (mended && (name = gitdb_broken_ref(f->db))) {
		CLEANUP(freep) char *what = xstrfmt(BROKEN_REF, name);

		mended = mend_ref(f, name);
		for (i = 0; mended && i < f->n; i++)
			if (f->v[i].kind == FINDING_REF && streq(f->v[i].what, what)) {
				f->v[i].repaired = true;
				f->v[i].repair = "it leads to the last run that is known of it";
			}
		free(name);
	}
}

int fsck_repair(struct fsck *f, struct err *err)
{
	repair_refs(f);
	quarantine(f);
	if (repair_from_tree(f, err) < 0)
		return -1;
	mark_repaired(f, "it was taken in anew from the work tree");
	if (repair_from_remotes(f, err) < 0)
		return -1;
	mark_repaired(f, "it was fetched from a remote");
	if (repair_git(f, err) < 0)
		return -1;
	return repair_tables(f, err);
}
