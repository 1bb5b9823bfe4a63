/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/recorder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "back/makers.h"
#include "env/host.h"
#include "gitdb/git.h"
#include "lineage/pinned.h"
#include "run/passing.h"
#include "store/closure.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/path.h"
#include "util/pool.h"

/* Why a node ran or was restored, the last time it began. */
struct why {
	struct run_reason *v;
	size_t n;
	const char *said; /* how it failed, or what else was told of it */
	bool left;        /* it was not reached */
};

struct raw_input {
	const char *path;
	const struct content *content;
};

struct recorder {
	struct project *p;
	const char *run_id;
	int64_t time;
	struct arena arena;
	struct why *whys; /* by node */
	pthread_t looker;
	bool looking;
	struct git_source source;
	struct git_id built; /* the source's tree without mlmake.lock */
	struct err source_err;
	struct arena looked; /* the machine, as the looker saw it */
	struct run_fact *machine;
	size_t n_machine;
	struct run *run; /* while it is saved */
	struct {
		struct raw_input *v;
		size_t n, cap;
		struct map known;
	} raw;
};

struct recorder *recorder_new(struct project *p, const char *run_id)
{
	struct recorder *r = xcalloc(1, sizeof(*r));

	r->p = p;
	r->run_id = run_id;
	r->time = clock_now(&clock_system);
	r->whys = xcalloc(p->g.n + 1, sizeof(*r->whys));
	r->source = (struct git_source)GIT_SOURCE_INIT;
	return r;
}

static void join_looker(struct recorder *r)
{
	if (r->looking)
		pthread_join(r->looker, NULL);
	r->looking = false;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	join_looker(r);
	git_source_release(&r->source);
	err_release(&r->source_err);
	arena_release(&r->arena);
	arena_release(&r->looked);
	map_release(&r->raw.known);
	free(r->raw.v);
	free(r->whys);
	free(r);
}

/* ---- reasons */

static const char *content_text(struct arena *a, const struct record_fact *f)
{
	char hex[DIGEST_HEX + 1];

	if (f->content.kind == CONTENT_NONE)
		return NULL;
	digest_hex(&f->content.id, hex);
	return arena_fmt(a, "%c %s", content_letter(f->content.kind), hex);
}

static bool is_file(const struct record_fact *f)
{
	return f && (fact_is_input_file(f->kind) || fact_is_output(f->kind));
}

static const char *copy(struct arena *a, const char *text)
{
	return text ? arena_strdup(a, text) : NULL;
}

static struct why reasons_of(struct recorder *r, const struct verdict *v)
{
	struct why why = {0};
	size_t i;

	why.n = v->n_reasons;
	why.v = arena_calloc(&r->arena, (v->n_reasons + 1) * sizeof(*why.v));
	for (i = 0; i < v->n_reasons; i++) {
		const struct reason *from = &v->reasons[i];
		struct run_reason *to = &why.v[i];

		to->kind = reason_kind_name(from->kind);
		to->name = copy(&r->arena, from->name ? from->name : "");
		to->old = is_file(from->was) ? content_text(&r->arena, from->was) : copy(&r->arena, from->old);
		to->new = is_file(from->is) ? content_text(&r->arena, from->is) : copy(&r->arena, from->new);
	}
	return why;
}

void recorder_reasons(struct recorder *r, const struct verdict *v, struct run_part *part)
{
	const struct why why = reasons_of(r, v);

	part->reasons = why.v;
	part->n_reasons = why.n;
}

static void on_event(void *ctx, const struct event *e)
{
	struct recorder *r = ctx;

	if ((e->kind == EVENT_START || e->kind == EVENT_RESTORED) && e->verdict && e->node < r->p->g.n)
		r->whys[e->node] = reasons_of(r, e->verdict);
	else if (e->kind == EVENT_FAILED && e->message && e->node < r->p->g.n)
		r->whys[e->node].said = arena_strdup(&r->arena, e->message);
	else if (e->kind == EVENT_NOTE && e->node < r->p->g.n)
		r->whys[e->node].said = arena_fmt(&r->arena, "%s%s%s", r->whys[e->node].said ? r->whys[e->node].said : "",
						  r->whys[e->node].said ? "; " : "", e->message);
	else if (e->kind == EVENT_SKIPPED && e->node < r->p->g.n)
		r->whys[e->node].left = true;
}

struct event_sink recorder_sink(struct recorder *r)
{
	return (struct event_sink){on_event, r};
}

/* ---- the source */

static void look_at_machine(struct arena *a, struct run_fact **out, size_t *n)
{
	struct host_fact *facts = NULL;
	size_t i;

	host_facts(passing_machine, a, &facts, n);
	*out = arena_calloc(a, (*n + 1) * sizeof(**out));
	for (i = 0; i < *n; i++)
		(*out)[i] = (struct run_fact){facts[i].name, facts[i].value};
}

static void *look(void *arg)
{
	struct recorder *r = arg;
	struct project *p = r->p;

	look_at_machine(&r->looked, &r->machine, &r->n_machine);
	(void)!pinned_source(&p->repo, store_packer(p->store), &r->source, &r->built, &r->source_err);
	return NULL;
}

void recorder_begin(struct recorder *r)
{
	r->time = clock_now(&clock_system);
	r->looking = pthread_create(&r->looker, NULL, look, r) == 0;
	if (!r->looking)
		look(r);
}

const char *recorder_commit(struct recorder *r, int *dirty)
{
	join_looker(r);
	*dirty = r->source.dirty;
	return r->source.commit;
}

/* ---- the run */

/* As it was typed, quoted for the shell. */
static const char *command_text(const struct args *a, struct arena *arena)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&sb, "mlmake");
	if (a->cmd != &cmd_build)
		strbuf_addf(&sb, " %s", a->cmd->name);
	for (i = 0; i < a->n_argv; i++) {
		strbuf_addch(&sb, ' ');
		strbuf_add_shell(&sb, a->argv[i]);
	}
	return arena_strdup(arena, sb.buf);
}

static const char *host_text(struct arena *a)
{
	struct utsname u;

	if (uname(&u) < 0)
		return NULL;
	return arena_fmt(a, "%s %s %s, %d cores", u.sysname, u.release, u.machine, pool_cpus());
}

static const char *result_word(const struct build_part *p)
{
	if (p->result == EVENT_DONE || p->result == EVENT_RESTORED)
		return p->result == EVENT_DONE ? "done" : "restored";
	return p->interrupted ? "interrupted" : p->refused ? "refused" : "failed";
}

static void take_parts(struct recorder *r, const struct build_result *result, struct run *run)
{
	size_t i;

	run->parts = arena_calloc(&r->arena, (result->n_parts + 1) * sizeof(*run->parts));
	run->n_parts = result->n_parts;
	for (i = 0; i < result->n_parts; i++) {
		const struct build_part *from = &result->parts[i];
		const struct why *why = &r->whys[from->node];

		run->parts[i] = (struct run_part){from->in->name, result_word(from), from->has_key, from->key, from->duration,
						  why->said,      why->v,            why->n};
	}
}

static void take_left(struct recorder *r, size_t n, struct run *run)
{
	size_t i;

	run->left = arena_alloc(&r->arena, (n + 1) * sizeof(*run->left));
	for (i = 0; i < r->p->g.n; i++)
		if (r->whys[i].left)
			run->left[run->n_left++] = r->p->g.nodes[i].in->name;
}

void recorder_run(struct recorder *r, const struct build_result *result, struct run *out)
{
	static const char *const outcomes[] = {[BUILD_OK] = "done", [BUILD_FAILED] = "failed", [BUILD_INTERRUPTED] = "interrupted",
					[BUILD_REFUSED] = "refused"};

	*out = (struct run){.id = r->run_id,
			    .time = r->time,
			    .duration = result->duration,
			    .saved = result->saved,
			    .outcome = outcomes[result->outcome]};
	take_parts(r, result, out);
	take_left(r, result->skipped, out);
}

void recorder_describe(const struct project *p, struct arena *a, struct run *run)
{
	CLEANUP(freep) char *user = run->author ? NULL : gitdb_user(p->db);

	if (user)
		run->author = arena_strdup(a, user);
	run->command = command_text(p->args, a);
	run->host = host_text(a);
	if (!run->machine)
		look_at_machine(a, &run->machine, &run->n_machine);
	run->project = p->repo.prefix;
}

/* What a run is about, whatever it did. */
static void describe(struct recorder *r, struct run *run)
{
	run->machine = r->machine;
	run->n_machine = r->n_machine;
	recorder_describe(r->p, &r->arena, run);
	run->source = r->source.commit;
	run->dirty = r->source.dirty;
}

static int add_text(struct tree_builder *t, const char *path, const struct strbuf *text, struct packer *p,
		    struct err *err)
{
	struct git_id id;

	if (packer_add(p, GITDB_BLOB, text->buf, text->len, PACKER_COMPRESSED, &id, err) < 0)
		return -1;
	tree_add(t, path, TREE_FILE, &id);
	return 0;
}

static int add_records(struct recorder *r, const struct run *run, struct tree_builder *t, struct packer *p, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i, n;

	for (i = 0; i < run->n_parts; i++) {
		const char *block = run->parts[i].has_key ? history_last_text(r->p->history, run->parts[i].name, &n) : NULL;

		if (block)
			strbuf_add(&text, block, n);
		if (block && !ends_with(text.buf, "\n\n"))
			strbuf_addch(&text, '\n');
	}
	return add_text(t, "records", &text, p, err);
}

static void add_source(struct recorder *r, struct run *run, struct tree_builder *t)
{
	if (r->source_err.msg)
		fprintf(stderr, "mlmake: warning: the log does not say which source was built: %s\n", r->source_err.msg);
	if (!r->source.has_tree)
		return;
	run->has_tree = true;
	run->tree = r->built;
	tree_add(t, "source", TREE_DIR, &run->tree);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct raw_input *)a)->path, ((const struct raw_input *)b)->path);
}

static void take_raw(struct recorder *r, const struct record_fact *f)
{
	if (map_put(&r->raw.known, f->name, r))
		return;
	ALLOC_GROW(r->raw.v, r->raw.n + 1, r->raw.cap);
	r->raw.v[r->raw.n++] = (struct raw_input){f->name, &f->content};
}

static const char *below(struct arena *a, const char *dir, const char *path)
{
	return arena_fmt(a, "%s/%s", dir, path);
}

/* Puts content at dir/path, and what it needs below objects/. */
static int add_content(struct recorder *r, const char *dir, const char *path, const struct content *c, struct tree_builder *t,
		       struct err *err)
{
	char hex[DIGEST_HEX + 1];
	struct in_git in;

	if (c->kind == CONTENT_NONE || path_is_absolute(path))
		return 0;
	if (closure_make(r->p->store, c, &in, err) < 0)
		return err_wrap(err, "'%s'", path);
	digest_hex(&c->id, hex);
	tree_add(t, below(&r->arena, dir, path), in.mode, &in.blob);
	if (in.below_mode)
		tree_add(t, below(&r->arena, "objects", hex), in.below_mode, &in.below);
	return 0;
}

/* The inputs that no stage makes and git does not track; of a directory and a file in it, the directory. */
static int add_inputs(struct recorder *r, struct tree_builder *t, struct err *err)
{
	CLEANUP(freep) const char **paths = NULL;
	CLEANUP(strvec_release) struct strvec tracked = STRVEC_INIT;
	CLEANUP(map_release) struct map skip = MAP_INIT;
	const char *last = NULL;
	size_t i, n = r->raw.n;

	paths = xcalloc(n + 1, sizeof(*paths));
	for (i = 0; i < n; i++)
		paths[i] = r->raw.v[i].path;
	if (git_tracked(&r->p->repo, paths, n, &tracked, err) < 0)
		return -1;
	for (i = 0; i < tracked.n; i++)
		map_put(&skip, tracked.v[i], r);
	if (n)
		qsort(r->raw.v, n, sizeof(*r->raw.v), by_path);
	for (i = 0; i < n; i++) {
		const struct raw_input *in = &r->raw.v[i];

		if (map_get(&skip, in->path) || (last && path_is_within(in->path, last)))
			continue;
		last = in->path;
		if (add_content(r, "inputs", in->path, in->content, t, err) < 0)
			return -1;
	}
	return 0;
}

/* All outputs that the lock will name, and what they were made from. */
static int add_contents(struct recorder *r, struct tree_builder *t, struct err *err)
{
	struct project *p = r->p;
	size_t i, j;

	for (i = 0; i < p->pl.n_instances; i++) {
		const struct record *last = history_last(p->history, p->pl.instances[i]->name);

		for (j = 0; last && j < last->n_facts; j++) {
			const struct record_fact *f = &last->facts[j];

			if (fact_is_output(f->kind) && add_content(r, "artifacts", f->name, &f->content, t, err) < 0)
				return -1;
			if (fact_is_input_file(f->kind) && !pipeline_maker(&p->pl, f->name))
				take_raw(r, f);
		}
	}
	return add_inputs(r, t, err);
}

static int make_durable(void *ctx, struct err *err)
{
	return project_sync(ctx, err);
}

static int append(struct recorder *r, const struct strbuf *lock, struct err *err)
{
	struct packer *p = store_packer(r->p->store);
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;

	add_source(r, r->run, &t);
	if (add_records(r, r->run, &t, p, err) < 0 ||
	    add_text(&t, "mlmake.lock", lock, p, err) < 0 || add_contents(r, &t, err) < 0)
		return -1;
	return lineage_append(r->p->lineage, r->run, &t, p, make_durable, r->p, err);
}

static int before_commit(void *ctx, const struct strbuf *lock, struct err *err)
{
	struct recorder *r = ctx;

	join_looker(r);
	if (!r->run->n_parts)
		return project_sync(r->p, err);
	describe(r, r->run);
	return append(r, lock, err);
}

int recorder_save(struct recorder *r, struct run *run, struct err *err)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct makers *makers;
	int got;

	r->run = run;
	if (project_save(r->p, before_commit, r, err) < 0)
		return -1;
	if (!run->n_parts)
		return 0;
	makers = makers_new(&r->p->repo, r->p->db, r->p->lineage, r->p->store);
	got = makers_add(makers, run, &ignored);
	makers_free(makers);
	if (got > 0 && lineage_refresh(r->p->lineage, &ignored) < 0) /* others' runs have come, too */
		got = -1;
	if (got < 0)
		err_clear(&ignored); /* what the caches lack is read from the chains */
	return 0;
}
