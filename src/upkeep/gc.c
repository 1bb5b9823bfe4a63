/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "upkeep/gc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "code/book.h"
#include "gitdb/tidy.h"
#include "stale/history.h"
#include "stale/lockfile.h"
#include "upkeep/needs.h"
#include "upkeep/roots.h"
#include "util/map.h"

#define LOCK "mlmake.lock"
#define UNUSED_KEPT ((int64_t)90 * 24 * 3600) /* seconds, of what is made anew if somebody asks */
#define LOCK_LIMIT ((size_t)1 << 30)

/* What becomes of a file of the store. */
enum fate {
	FATE_STAYS,
	FATE_TRASH,     /* into trash/ */
	FATE_REMOVED,   /* out of it, for good */
	FATE_RESTORED,  /* out of it, back */
	FATE_CANDIDATE, /* not needed; under way */
};

void gc_release(struct gc *g)
{
	closep(&g->lock_fd);
	stored_files_release(&g->files);
	arena_release(&g->arena);
	digestset_release(&g->records);
	digestset_release(&g->marked);
	free(g->fate);
	free(g->claim);
	*g = (struct gc)GC_INIT;
}

static void count(struct gc_count *c, int64_t bytes)
{
	c->n++;
	c->bytes += bytes;
}

/* ---- marking */

struct marking {
	struct gc *g;
	struct needs needs;
	struct roots roots;
};

static int take(void *ctx, const struct root *root, const char *text, size_t n, struct err *err)
{
	struct marking *m = ctx;

	if (needs_text(&m->needs, text, n, err) < 0)
		return err_wrap(err, "%s", root->where);
	return 0;
}

/* Is the run, the nth newest of its project, one whose payloads are kept? */
static bool is_kept(const struct gc *g, const struct run *r, size_t nth)
{
	const struct gc_options *o = g->opt;

	if (o->keep_runs < 0 && o->keep_for < 0)
		return true;
	return (o->keep_runs >= 0 && (int64_t)nth < o->keep_runs) || (o->keep_for >= 0 && r->time / 1000000000 >= g->now - o->keep_for);
}

/* old[i]: runs[i] is not kept. Of runs that made nothing there is nothing to keep, and they do not count. */
static void sort_out(struct gc *g, const struct run *runs, size_t n, bool *old)
{
	CLEANUP(map_release) struct map seen = MAP_INIT; /* project -> how many, plus 1 */

	while (n--) {
		const struct run *r = &runs[n];
		size_t nth = (size_t)(uintptr_t)map_get(&seen, r->project);

		nth -= nth > 0;
		old[n] = !is_kept(g, r, nth);
		g->n_old += old[n];
		if (streq(r->outcome, "done"))
			map_put(&seen, r->project, (void *)(uintptr_t)(nth + 2));
	}
}

/* A work tree may hold it by that alone. */
static void mark_linked(void *ctx, const struct digest *id)
{
	digestset_add(&((struct marking *)ctx)->needs.needed, id);
}

static int mark_all(struct marking *m, const struct run *runs, size_t n, const bool *old, struct err *err)
{
	size_t i;

	if (roots_visit(&m->roots, err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (!old[i] && roots_run(&m->roots, &runs[i], err) < 0)
			return -1;
	m->g->journals = m->roots.journals;
	return store_linked(m->g->store, m->g->lock_fd >= 0, mark_linked, m, err);
}

/* ---- what is not needed */

static size_t find(const struct gc *g, const struct digest *id)
{
	size_t lo = 0, hi = g->files.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (digest_cmp(&g->files.v[mid].id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->files.n && digest_eq(&g->files.v[lo].id, id) ? lo : SIZE_MAX;
}

/* Is it also in objects/? Then what lies in trash/ is one too many. */
static bool is_double(const struct gc *g, size_t i)
{
	return i && g->files.v[i].trashed && digest_eq(&g->files.v[i].id, &g->files.v[i - 1].id);
}

static void judge(struct gc *g, const struct digestset *needed)
{
	size_t i;

	for (i = 0; i < g->files.n; i++) {
		const struct stored_file *f = &g->files.v[i];
		bool wanted = digestset_has(needed, &f->id);

		if (wanted)
			g->fate[i] = !f->trashed ? FATE_STAYS : is_double(g, i) ? FATE_REMOVED : FATE_RESTORED;
		else if (f->trashed)
			g->fate[i] = f->time <= g->now - g->opt->grace || is_double(g, i) ? FATE_REMOVED : FATE_STAYS;
		else
			g->fate[i] = FATE_CANDIDATE;
	}
}

/* ---- results of old runs */

struct claiming {
	struct gc *g;
	struct digestset dirs;
	uint32_t result; /* 1 + index */
	size_t n;        /* files claimed for it */
};

static bool claim(void *ctx, const struct digest *id, bool dir)
{
	struct claiming *c = ctx;
	size_t at = find(c->g, id);

	if (at != SIZE_MAX && c->g->fate[at] == FATE_CANDIDATE && !c->g->claim[at]) {
		c->g->claim[at] = c->result;
		c->n++;
	}
	return dir && digestset_add(&c->dirs, id);
}

/* One that has nothing to claim is none. */
static int claim_fact(struct claiming *c, struct needs *m, const struct run *run, const struct record *r, const struct record_fact *f,
		      struct err *err)
{
	struct gc *g = c->g;
	int got = 0;

	g->results = arena_grow(&g->arena, g->results, g->n_results, sizeof(*g->results));
	c->result = (uint32_t)g->n_results + 1;
	c->n = 0;
	if (f->content.kind != CONTENT_DIR)
		claim(c, &f->content.id, false);
	else if (!digestset_has(&c->dirs, &f->content.id))
		got = needs_walk(m, &f->content.id, claim, c, err);
	if (c->n)
		g->results[g->n_results++] = (struct gc_result){.run = run, .instance = arena_strdup(&g->arena, r->instance),
								.path = arena_strdup(&g->arena, f->name),
								.input = !fact_is_output(f->kind),
								.always = g->opt->always && fact_is_output(f->kind) &&
									  g->opt->always(g->opt->ctx, f->name)};
	return got;
}

struct claimed_text {
	struct claiming *c;
	struct needs *m;
	const struct run *run;
	bool outputs;
};

static int claim_block(void *ctx, const struct lock_block *b, struct err *err)
{
	struct claimed_text *t = ctx;
	size_t i;

	digestset_add(&t->c->g->records, &b->record->key);
	for (i = 0; i < b->record->n_facts; i++) {
		const struct record_fact *f = &b->record->facts[i];

		if (f->content.kind != CONTENT_NONE && (t->outputs ? fact_is_output(f->kind) : fact_is_input_file(f->kind)) &&
		    claim_fact(t->c, t->m, t->run, b->record, f, err) < 0)
			return -1;
	}
	return 0;
}

/* Outputs first, so that what one stage made and the next one read is told of the one that made it. */
static int claim_run(struct claiming *c, struct needs *m, const struct run *run, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct claimed_text t = {c, m, run, true};

	if (lineage_file(m->lineage, run, LOCK, LOCK_LIMIT, &text, err) < 0)
		return -1;
	if (lockfile_read(run->id, text.buf, text.len, true, &a, claim_block, &t, err) < 0)
		return -1;
	t.outputs = false;
	return lockfile_read(run->id, text.buf, text.len, true, &a, claim_block, &t, err);
}

static int claim_old(struct gc *g, struct needs *m, const struct run *runs, size_t n, const bool *old, struct err *err)
{
	struct claiming c = {.g = g};
	int got = 0;

	while (n-- && got == 0)
		if (old[n])
			got = claim_run(&c, m, &runs[n], err);
	digestset_release(&c.dirs);
	return got;
}

/* ---- which copies are the last ones */

static int ask_elsewhere(struct gc *g, bool *there, struct err *err)
{
	CLEANUP(freep) struct digest *ids = xcalloc(g->files.n + 1, sizeof(*ids));
	CLEANUP(freep) int64_t *sizes = xcalloc(g->files.n + 1, sizeof(*sizes));
	CLEANUP(freep) bool *answer = xcalloc(g->files.n + 1, sizeof(*answer));
	size_t i, n = 0;

	for (i = 0; i < g->files.n; i++)
		if (g->fate[i] == FATE_CANDIDATE && g->claim[i]) {
			ids[n] = g->files.v[i].id;
			sizes[n++] = g->files.v[i].size;
		}
	if (!n || !g->opt->elsewhere)
		return 0;
	if (g->opt->elsewhere(g->opt->ctx, ids, sizes, n, answer, err) < 0)
		return -1;
	for (i = n = 0; i < g->files.n; i++)
		if (g->fate[i] == FATE_CANDIDATE && g->claim[i])
			there[i] = answer[n++];
	return 0;
}

/* Results of old runs go at once, for that was asked for; what is nobody's waits for the grace, for it may be about to be somebody's. */
static void decide(struct gc *g, size_t i, bool there)
{
	const struct stored_file *f = &g->files.v[i];
	struct gc_result *r = g->claim[i] ? &g->results[g->claim[i] - 1] : NULL;

	if (r) {
		if (r->always || (!there && !g->opt->force)) {
			r->n_kept++;
			r->bytes_kept += f->size;
			count(&g->kept, f->size);
			g->fate[i] = FATE_STAYS;
			return;
		}
		r->n++;
		r->bytes += f->size;
		r->n_elsewhere += there;
		count(&g->lost, f->size);
		g->fate[i] = FATE_TRASH;
	} else if (f->time <= g->now - g->opt->grace) {
		count(&g->garbage, f->size);
		g->fate[i] = FATE_TRASH;
	} else {
		count(&g->young, f->size);
		g->fate[i] = FATE_STAYS;
	}
}

static int decide_all(struct gc *g, const struct digestset *needed, struct err *err)
{
	CLEANUP(freep) bool *there = xcalloc(g->files.n + 1, sizeof(*there));
	size_t i;

	if (ask_elsewhere(g, there, err) < 0)
		return -1;
	for (i = 0; i < g->files.n; i++) {
		const struct stored_file *f = &g->files.v[i];

		if (g->fate[i] == FATE_CANDIDATE)
			decide(g, i, there[i]);
		else if (g->fate[i] == FATE_REMOVED)
			count(&g->gone, f->size);
		else if (g->fate[i] == FATE_RESTORED)
			count(&g->back, f->size);
		else if (f->trashed)
			count(&g->trashed, f->size);
		if (!f->trashed && digestset_has(needed, &f->id))
			count(&g->needed, f->size);
	}
	return 0;
}

/* ---- the plan */

static int count_small(void *ctx, const struct digest *id, uint64_t size, bool git_has)
{
	struct gc *g = ctx;

	(void)id;
	if (git_has)
		count(&g->small, (int64_t)size);
	return 0;
}

static int plan(struct gc *g, struct marking *m, struct err *err)
{
	CLEANUP(freep) bool *old = NULL;
	const struct run *runs;
	size_t n;

	if (lineage_runs(g->lineage, &runs, &n, err) < 0)
		return -1;
	if (lineage_damage(g->lineage))
		return err_set(err, ERR_CORRUPT, "%s", lineage_damage(g->lineage));
	g->n_runs = n;
	old = xcalloc(n + 1, sizeof(*old));
	sort_out(g, runs, n, old);
	if (mark_all(m, runs, n, old, err) < 0 || stored_files_list(g->store, &g->files, err) < 0)
		return -1;
	g->fate = xcalloc(g->files.n + 1, 1);
	g->claim = xcalloc(g->files.n + 1, sizeof(*g->claim));
	judge(g, &m->needs.needed);
	if (claim_old(g, &m->needs, runs, n, old, err) < 0)
		return -1;
	return decide_all(g, &m->needs.needed, err);
}

int gc_plan(struct gc *g, bool dry, bool wait, struct err *err)
{
	struct marking m = {.g = g};
	int got = 0;

	g->now = g->opt->now;
	m.needs = (struct needs){.store = g->store, .lineage = g->lineage};
	m.roots = (struct roots){.repo = g->repo, .db = g->db, .lineage = g->lineage, .take = take, .ctx = &m,
				 .history = g->opt->keep_runs < 0 && g->opt->keep_for < 0};
	if (!dry && access(g->repo->shared, F_OK) == 0) {
		g->lock_fd = store_collecting(g->store, wait, err);
		got = g->lock_fd < 0 ? -1 : 0;
	}
	if (got == 0)
		got = plan(g, &m, err);
	store_sweep(g->store, g->now - g->opt->grace, true, &g->rest.n, &g->rest.bytes);
	store_each_small(g->store, count_small, g);
	roots_release(&m.roots);
	g->marked = m.needs.needed;
	m.needs.needed = (struct digestset)DIGESTSET_INIT;
	needs_release(&m.needs);
	return got;
}

/* ---- doing it */

static void add_day(struct strbuf *out, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char day[16];

	if (gmtime_r(&t, &tm) && strftime(day, sizeof(day), "%Y-%m-%d", &tm))
		strbuf_addstr(out, day);
}

/* What is told of a result later on, when somebody looks for it. */
static int note_collected(struct gc *g, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct keyed_item *items = NULL;
	size_t i, n = 0;

	for (i = 0; i < g->files.n; i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		const struct gc_result *r;

		if (g->fate[i] != FATE_TRASH || !g->claim[i])
			continue;
		r = &g->results[g->claim[i] - 1];
		strbuf_addstr(&text, "`mlmake gc` took it on ");
		add_day(&text, g->now);
		strbuf_addf(&text, ", as an old result of run %s", r->run->id);
		items = arena_grow(&a, items, n, sizeof(*items));
		items[n++] = (struct keyed_item){g->files.v[i].id, arena_strdup(&a, text.buf), text.len, 0};
	}
	return store_note_collected(g->store, items, n, err);
}

static int move_files(struct gc *g, struct err *err)
{
	size_t i;

	for (i = 0; i < g->files.n; i++) {
		const struct digest *id = &g->files.v[i].id;
		int got = 0;

		switch (g->fate[i]) {
		case FATE_TRASH:
			got = g->opt->grace > 0 ? store_to_trash(g->store, id, err) : store_remove(g->store, id, err);
			break;
		case FATE_REMOVED: got = store_empty_trash(g->store, id, err); break;
		case FATE_RESTORED: got = store_from_trash(g->store, id, err); break;
		default: break;
		}
		if (got < 0)
			return -1;
	}
	return 0;
}

/* Packs that were being kept for a run that never stood, and many packs into few. What a journal speaks of is still to be recovered. */
static int tidy(struct gc *g, struct err *err)
{
	CLEANUP(freep) char *list = xstrfmt("%s/packs", g->repo->shared);
	struct err ignored = ERR_INIT;
	struct packer *p;

	if (gitdb_open(g->db, &ignored) < 0) {
		err_release(&ignored);
		return 0;
	}
	if (!g->journals)
		packs_unkeep(g->db);
	p = packer_new(g->db);
	if (tidy_packs(g->db, p, list, err) < 0) {
		packer_free(p);
		return -1;
	}
	packer_free(p);
	return 0;
}

/* A record by key is worth keeping if something still names it, or if all that it made is here. */
static bool record_is_dead(void *ctx, const struct digest *key, const char *text, size_t n)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct gc *g = ctx;
	struct record r;
	size_t i;

	if (digestset_has(&g->marked, key) || digestset_has(&g->records, key))
		return false;
	if (record_parse(text, n, &a, &r, NULL) < 0)
		return true;
	for (i = 0; i < r.n_facts; i++)
		if (fact_is_output(r.facts[i].kind) && !store_has(g->store, &r.facts[i].content))
			return true;
	return false;
}

static int prune_records(struct gc *g, struct err *err)
{
	struct keyed *records = history_records(g->repo->shared);
	int got = keyed_prune(records, record_is_dead, g, err);

	keyed_free(records);
	return got;
}

static bool is_needed(void *ctx, const struct digest *content)
{
	return digestset_has(&((struct gc *)ctx)->marked, content);
}

/* What code means is found out again if somebody asks. */
static int prune_code(struct gc *g, struct err *err)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/code", g->repo->shared);

	return code_book_prune(dir, is_needed, g, err);
}

static int64_t unused_since(const struct gc *g)
{
	return g->now - MAX(g->opt->grace, UNUSED_KEPT);
}

/* lifecycle/rescore.c says what stands there. */
static bool rescored_is_old(void *ctx, const struct digest *key, const char *text, size_t n)
{
	CLEANUP(freep) char *line = xstrndup(text, MIN(n, (size_t)32));

	(void)key;
	return strtoll(line, NULL, 10) < unused_since(ctx);
}

static int prune_rescored(struct gc *g, struct err *err)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/rescored", g->repo->shared);
	struct keyed *rescored;
	int got;

	if (access(dir, F_OK) < 0)
		return 0;
	rescored = keyed_new(dir, "rescored");
	got = keyed_prune(rescored, rescored_is_old, g, err);
	keyed_free(rescored);
	return got;
}

/* Statistics of tables that nobody has asked for lately are made anew if somebody does. */
static void prune_statistics(struct gc *g)
{
	CLEANUP(freep) char *path = xstrfmt("%s/statistics", g->repo->shared);
	int64_t before = unused_since(g);
	DIR *dir = opendir(path);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec < before)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

int gc_do(struct gc *g, struct err *err)
{
	struct gc_count swept;

	if (g->lock_fd < 0) /* there is no store */
		return 0;
	if (note_collected(g, err) < 0 || move_files(g, err) < 0)
		return -1;
	store_sweep(g->store, g->now - g->opt->grace, false, &swept.n, &swept.bytes);
	prune_statistics(g);
	if (tidy(g, err) < 0 || prune_records(g, err) < 0 || prune_code(g, err) < 0 || prune_rescored(g, err) < 0 ||
	    store_prune_tables(g->store, err) < 0)
		return -1;
	return lineage_rebuild(g->lineage, err);
}
