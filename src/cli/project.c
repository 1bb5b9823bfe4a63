/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/project.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "back/putback.h"
#include "cli/unchanged.h"
#include "env/environment.h"
#include "graph/imports.h"
#include "stale/learned.h"
#include "run/build.h"
#include "run/procs.h"
#include "gitdb/git.h"
#include "util/file.h"
#include "util/path.h"
#include "util/pool.h"

#include "util/text.h"

#define SMALL_STATE 65536

/* Goes up from here to the first directory that has mlmake.ini, not past the top of a git work tree. */
static int enter(struct project *p, struct err *err)
{
	CLEANUP(freep) char *start = getcwd(NULL, 0);
	CLEANUP(freep) char *here = NULL;

	if (!start)
		return err_errno(err, "cannot tell the working directory");
	while (!file_exists(p->file)) {
		free(here);
		here = getcwd(NULL, 0);
		if (!here || streq(here, "/") || file_exists(".git") || chdir("..") < 0) {
			if (chdir(start) < 0)
				return err_errno(err, "cannot go back to '%s'", start);
			return err_set(err, ERR_NOTFOUND, "there is no %s here or above; `mlmake init` writes one", p->file);
		}
	}
	free(here);
	here = getcwd(NULL, 0);
	if (!here)
		return err_errno(err, "cannot tell the working directory");
	p->below = xstrdup(start + strlen(here) + (start[strlen(here)] == '/'));
	return 0;
}

static int find_project(struct project *p, struct err *err)
{
	const char *dir = args_value(p->args, "directory"), *file = args_value(p->args, "file");
	const char *color = args_value(p->args, "color");

	if (color && !color_choice_parse(color, &p->color))
		return err_set(err, ERR_INVALID, "--color is auto, always or never, not '%s'", color);
	if (dir && chdir(dir) < 0)
		return err_errno(err, "cannot enter '%s'", dir);
	p->file = xstrdup(file ? file : "mlmake.ini");
	if (!file && enter(p, err) < 0)
		return -1;
	if (!p->below)
		p->below = xstrdup("");
	if (repo_find(&p->repo, err) < 0)
		return -1;
	p->db = gitdb_new(p->repo.git_dir);
	p->lineage = lineage_new(&p->repo, p->db);
	p->lifecycle = (struct lifecycle){.repo = &p->repo, .db = p->db, .lineage = p->lineage, .pl = &p->pl};
	p->outside = lifecycle_outside(&p->lifecycle);
	return 0;
}

bool project_runs_within(const char *who)
{
	const char *digits;
	long pid = skip_prefix(who, "mlmake with process id ", &digits) ? strtol(digits, NULL, 10) : 0;

	return pid > 0 && procs_within((pid_t)pid);
}

/* Says who is at work here. Is it to be waited for? */
static bool tell_holder(const char *lock, bool wait)
{
	CLEANUP(closep) int fd = open(lock, O_RDONLY | O_CLOEXEC);
	char who[256];
	ssize_t n = pread(fd, who, sizeof(who) - 1, 0);
	bool within;

	who[MAX(n, (ssize_t)0)] = '\0';
	who[strcspn(who, "\n")] = '\0';
	within = wait && project_runs_within(who);
	fprintf(stderr, "mlmake: %s is at work in this project%s\n", *who ? who : "another mlmake",
		within ? " and waits for this command to end, so this one does not wait for it"
		: wait ? "; waiting for it to end (--no-wait does not)" : "");
	return wait && !within;
}

static int ignore_dir(const char *dir, struct err *err)
{
	CLEANUP(freep) char *file = xstrfmt("%s/.gitignore", dir);

	return file_exists(file) ? 0 : file_write(file, "*\n", 2, 0644, false, err);
}

/* Before anything is written in a repository for the first time: one that cannot be used stays as it is. */
static int can_be_used(struct project *p, struct err *err)
{
	struct err why = ERR_INIT;

	if (gitdb_open(p->db, &why) == 0)
		return 0;
	if (why.code != ERR_NOTFOUND || p->repo.in_git)
		return err_move(err, &why);
	err_release(&why);
	return 0;
}

static int take_lock(struct project *p, struct err *err)
{
	CLEANUP(freep) char *path = xstrfmt("%s/lock", p->repo.state);
	char who[64];

	if (!file_exists(p->repo.state) && can_be_used(p, err) < 0)
		return -1;
	if (file_mkdirs(p->repo.state, err) < 0)
		return -1;
	if (!p->repo.in_git && ignore_dir(p->repo.shared, err) < 0)
		return -1;
	p->lock_fd = file_lock(path, true, false, err);
	if (p->lock_fd < 0 && err->code == ERR_LOCKED) {
		if (!tell_holder(path, !args_count(p->args, "no-wait")))
			return -1;
		err_clear(err);
		p->lock_fd = file_lock(path, true, true, err);
	}
	if (p->lock_fd < 0)
		return err_wrap(err, "nothing can be written in this checkout");
	snprintf(who, sizeof(who), "mlmake with process id %ld\n", (long)getpid());
	if (ftruncate(p->lock_fd, 0) < 0 || pwrite(p->lock_fd, who, strlen(who), 0) < 0) {
		err_errno(err, "cannot write '%s'", path);
		return err_wrap(err, "nothing can be written in this checkout");
	}
	return 0;
}

/* What the store has now it shall have when this is done. */
static int hold_store(struct project *p, struct err *err)
{
	bool wait = !args_count(p->args, "no-wait");

	if (store_hold(p->store, false, err) == 0)
		return 0;
	if (err->code != ERR_LOCKED)
		return -1;
	fprintf(stderr, "mlmake: `mlmake gc` is at work in this clone%s\n", wait ? "; waiting for it to end (--no-wait does not)" : "");
	if (!wait)
		return -1;
	err_clear(err);
	return store_hold(p->store, true, err);
}

int project_open_cache(struct project *p, struct err *err)
{
	CLEANUP(freep) char *cache_file = xstrfmt("%s/statcache", p->repo.state);
	CLEANUP(freep) char *secret_file = xstrfmt("%s/secret", p->repo.shared);
	unsigned char secret[STATCACHE_SECRET];

	if (p->cache)
		return 0;
	/* A command that only reads makes nothing in a clone that has not built yet. */
	if (p->lock_fd >= 0) {
		if (statcache_secret(secret_file, secret, err) < 0)
			return -1;
		p->cache = statcache_open(cache_file, secret, &clock_system);
	} else if (access(secret_file, R_OK) == 0 && statcache_secret(secret_file, secret, err) == 0) {
		p->cache = statcache_open(cache_file, secret, &clock_system);
	} else { /* nothing was built here, or by another user, whose secret it is */
		err_clear(err);
		memset(secret, 0x5a, sizeof(secret));
		p->cache = statcache_open(NULL, secret, &clock_system);
	}
	return 0;
}

static int open_known(struct project *p, struct err *err)
{
	struct history_paths paths = {p->repo.state, p->repo.shared, "mlmake.lock"};
	CLEANUP(freep) char *code_dir = xstrfmt("%s/code", p->repo.shared);

	if (project_open_cache(p, err) < 0)
		return -1;
	statcache_see_through(p->cache, p->repo.shared);
	p->store = store_new(p->repo.shared, p->db, p->cache);
	p->lifecycle.store = p->store;
	p->code = code_book_new(code_dir, p->cache);
	if (p->lock_fd >= 0 && hold_store(p, err) < 0)
		return -1;
	probes_open(&p->probes, p->repo.state);
	p->history = history_open(&paths, &p->conflict, err);
	return p->history ? 0 : -1;
}

static void *opener(void *arg)
{
	struct project *p = arg;

	if (open_known(p, &p->open_err) == 0) {
		if (p->opening)
			statcache_look_ahead(p->cache, &p->awaited);
	} else if (!p->open_err.msg) {
		BUG("opening failed without a reason");
	}
	return NULL;
}

/* Reading the pipeline and reading what is known of it take about as long, and neither needs the other. A small history is
 * read sooner than a thread is started. */
static void begin_opening(struct project *p)
{
	CLEANUP(freep) char *state = xstrfmt("%s/state", p->repo.state);
	struct stat st;

	if (p->begun)
		return;
	p->begun = true;
	p->opening = stat(state, &st) == 0 && st.st_size > SMALL_STATE;
	if (p->opening && pthread_create(&p->opener, NULL, opener, p) == 0)
		return;
	p->opening = false;
	opener(p);
}

static void join_opener(struct project *p)
{
	if (!p->opening)
		return;
	__atomic_store_n(&p->awaited, true, __ATOMIC_RELAXED);
	pthread_join(p->opener, NULL);
	p->opening = false;
}

int project_await(struct project *p)
{
	begin_opening(p);
	join_opener(p);
	if (p->open_err.code == ERR_LOCKED)
		return EXIT_LOCKED;
	if (p->open_err.msg)
		return cli_fail(EXIT_USAGE, &p->open_err);
	if (p->conflict)
		diag_warn(&p->ds, "mlmake.lock", 0,
			  "has conflicts of a merge; what both sides say stands, the rest is decided anew and written at the next build");
	p->conflict = false;
	return EXIT_DONE;
}

int project_enter(struct project *p, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	memset(p, 0, sizeof(*p));
	p->args = a;
	p->lock_fd = -1;
	p->pl = (struct pipeline)PIPELINE_INIT;
	p->g = (struct graph)GRAPH_INIT;
	pthread_mutex_init(&p->keeping, NULL);
	return find_project(p, &err) < 0 ? cli_fail(EXIT_USAGE, &err) : EXIT_DONE;
}

int project_lock(struct project *p)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (take_lock(p, &err) < 0)
		return err.code == ERR_LOCKED ? EXIT_LOCKED : cli_fail(EXIT_USAGE, &err);
	return EXIT_DONE;
}

int project_open(struct project *p, const struct args *a, bool lock)
{
	int code = project_enter(p, a);

	if (code == EXIT_DONE && lock)
		return project_lock(p);
	if (code == EXIT_DONE)
		begin_opening(p);
	return code;
}

/* A file that mlmake made and no stage makes any more is a leftover, not data. */
static bool orphaned(void *ctx, const char *path)
{
	struct project *p = ctx;

	join_opener(p);
	return p->history && history_made(p->history, path) != NULL;
}

struct pipeline_disk project_disk(struct project *p)
{
	struct pipeline_disk disk = pipeline_disk_system;

	disk.orphaned = orphaned;
	disk.ctx = p;
	return disk;
}

/* The inputs of the selected instances that no stage makes, each once. */
static size_t raw_inputs(const struct project *p, const char ***out)
{
	CLEANUP(map_release) struct map seen = MAP_INIT;
	size_t i, j, n = 0, cap = 0;

	for (i = 0; i < p->g.n; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; p->selected[i] && j < in->n_inputs; j++) {
			const char *path = in->inputs[j].path;

			if (pipeline_maker(&p->pl, path) || map_put(&seen, path, (void *)(uintptr_t)path))
				continue;
			ALLOC_GROW(*out, n + 1, cap);
			(*out)[n++] = path;
		}
	}
	return n;
}

/* From whichever thread needs it first; that of the build tells what is wrong (project_held). */
static void ask_held(struct project *p)
{
	CLEANUP(strvec_release) struct strvec held = STRVEC_INIT;
	CLEANUP(freep) const char **paths = NULL;
	CLEANUP(map_release) struct map own = MAP_INIT;
	size_t i, n;

	if (p->held_known)
		return;
	p->held_known = true;
	n = raw_inputs(p, &paths);
	if (n)
		(void)!git_holds(&p->repo, paths, n, &held, &p->held_err);
	for (i = 0; i < held.n; i++)
		map_put(&own, held.v[i], p);
	for (i = 0; i < n; i++) /* under keys that live as long as the pipeline */
		if (map_get(&own, paths[i]))
			map_put(&p->held, paths[i], p);
}

const struct map *project_held(struct project *p)
{
	ask_held(p);
	if (p->held_err.msg) {
		diag_warn(&p->ds, NULL, 0, "cannot ask git which inputs it tracks: %s", p->held_err.msg);
		err_release(&p->held_err);
		project_tell(p);
	}
	return &p->held;
}

static void gather_kept(struct project *p)
{
	size_t i, j;

	ask_held(p);
	for (i = 0; i < p->g.n; i++) {
		const struct instance *in = p->pl.instances[i];

		for (j = 0; p->selected[i] && j < in->n_inputs; j++) {
			const struct input *input = &in->inputs[j];

			if (input->keep && !pipeline_maker(&p->pl, input->path) && !map_get(&p->held, input->path))
				map_put(&p->kept, input->path, p);
		}
	}
	p->kept_known = true;
}

bool project_keeps(void *ctx, const char *path)
{
	CLEANUP(freep) char *at = xstrdup(path);
	struct project *p = ctx;
	char *end;

	pthread_mutex_lock(&p->keeping);
	if (!p->kept_known)
		gather_kept(p);
	pthread_mutex_unlock(&p->keeping);
	while (!map_get(&p->kept, at)) {
		end = strrchr(at, '/');
		if (!end)
			return false;
		*end = '\0';
	}
	return true;
}

bool project_has(void *ctx, const char *instance)
{
	struct project *p = ctx;

	return pipeline_instance(&p->pl, instance) != NULL;
}

void project_tell(struct project *p)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	p->told |= p->ds.n > 0;
	diags_sort(&p->ds);
	diags_format(&p->ds, &text);
	fflush(stdout);
	fwrite(text.buf, 1, text.len, stderr);
	diags_release(&p->ds);
}

char *project_target(const struct project *p, const char *word)
{
	CLEANUP(freep) char *path = NULL;

	if (!*p->below || pipeline_stage(&p->pl, word) || pipeline_instance(&p->pl, word))
		return xstrdup(word);
	path = path_join(p->below, word);
	if (pipeline_maker(&p->pl, path) || strchr(word, '/') || file_exists(path)) {
		char *owned = path;

		path = NULL;
		return owned;
	}
	return xstrdup(word);
}

/* A misspelt command looks like a target. */
static void hint_command(struct project *p, const char *word)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(word);
	size_t i;

	for (i = 0; commands[i]; i++)
		nearest_offer(&near, commands[i]->name);
	nearest_hint(&near, &hint);
	if (command_find(word))
		diag_error(&p->ds, NULL, 0, "a command comes before its options: `mlmake %s`", word);
	else if (near.best)
		diag_error(&p->ds, NULL, 0, "'%s' is no command either%s", word, hint.buf);
}

/* The disk as p's pipeline and its code see it now, noted where that is wanted. */
static struct pipeline_disk disk_of(struct project *p)
{
	return p->unchanged ? unchanged_disk(p->unchanged) : project_disk(p);
}

int project_look_at_environments(struct project *p, bool tell)
{
	const struct pipeline_disk disk = disk_of(p);
	struct env_tools tools = {.vars = &disk, .threads = pool_cpus(), .answer = probes_answer, .answer_ctx = &p->probes};

	if (!environment_wanted(&p->pl))
		return 0;
	join_opener(p);
	if (p->open_err.msg)
		return 0;
	p->code_disk = p->unchanged ? unchanged_code(p->unchanged) : code_disk_system;
	tools.disk = &p->code_disk;
	tools.cache = p->cache;
	return environment_look(&p->pl, p->selected, &tools, tell, &p->ds);
}

int project_graph(struct project *p, const struct pipeline_disk *disk)
{
	if (learned_wanted(&p->pl)) {
		join_opener(p);
		if (!p->open_err.msg)
			learned_add(&p->pl, p->history, disk);
	}
	if (imports_wanted(&p->pl)) {
		join_opener(p);
		if (!p->open_err.msg) {
			p->code_disk = p->unchanged ? unchanged_code(p->unchanged) : code_disk_system;
			p->finder = code_finder_new(p->cache, p->code, &p->code_disk);
			imports_add(&p->pl, p->finder, disk->getenv(disk->ctx, "PYTHONPATH"), &p->ds);
		}
	}
	return graph_build(&p->g, &p->pl, &p->ds);
}

static int load_all(struct project *p, char *const *words, size_t n)
{
	struct pipeline_disk disk = disk_of(p);
	struct pipeline_options opt = {p->file, args_value(p->args, "profile"), p->args->overrides.v,
				       p->args->overrides.n,            .inherit = args_count(p->args, "inherit-env") > 0};
	size_t i;

	if (pipeline_load(&p->pl, &opt, &disk, &p->ds) < 0 || project_graph(p, &disk) < 0)
		return -1;
	p->selected = xcalloc(p->g.n + 1, sizeof(*p->selected));
	p->named = xcalloc(p->g.n + 1, sizeof(*p->named));
	for (i = 0; i < n; i++)
		strvec_push_owned(&p->targets, project_target(p, words[i]));
	if (graph_select(&p->g, (const char *const *)p->targets.v, p->targets.n, p->selected, p->named, &p->ds) == 0)
		return project_look_at_environments(p, !p->will_ask);
	if (n && !pipeline_stage(&p->pl, words[0]))
		hint_command(p, words[0]);
	return -1;
}

static void place_as_told(struct project *p)
{
	static const enum place_how ways[] = {[LINKING_COPY] = PLACE_COPY, [LINKING_HARD] = PLACE_LINK, [LINKING_SYMBOLIC] = PLACE_SYMLINK};

	if (p->store)
		store_place_by(p->store, ways[p->pl.linking]);
}

void project_sections(struct project *p)
{
	struct pipeline_options opt = {.file = p->file, .profile = args_value(p->args, "profile")};
	struct pipeline_disk disk = project_disk(p);

	if (!p->pl.file && !p->sections_tried && pipeline_load(&p->pl, &opt, &disk, &p->ds) < 0)
		diags_release(&p->ds);
	p->sections_tried = true;
	place_as_told(p);
}

int project_load(struct project *p, char *const *words, size_t n)
{
	int got, code;

	begin_opening(p);
	got = load_all(p, words, n);
	code = project_await(p);
	place_as_told(p);
	project_tell(p);
	return got < 0 ? EXIT_USAGE : code;
}

/* A run that ended badly has left its journal, or what it moved aside. */
static bool left_traces(const struct project *p)
{
	CLEANUP(freep) char *journal = xstrfmt("%s/journal", p->repo.state);
	CLEANUP(freep) char *aside = xstrfmt("%s/aside", p->repo.state);

	return file_exists(journal) || file_exists(aside);
}

int project_recover(struct project *p, const char *run_id)
{
	CLEANUP(strvec_release) struct strvec notes = STRVEC_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	int code, got;
	size_t i;

	if (putback_left_traces(p->repo.state) && putback_recover(p->repo.state, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	if (!left_traces(p))
		return EXIT_DONE;
	code = project_await(p);
	if (code != EXIT_DONE)
		return code;
	got = build_recover(p->history, p->repo.state, run_id, &notes, &err);
	for (i = 0; i < notes.n; i++)
		fprintf(stderr, "mlmake: %s\n", notes.v[i]);
	if (got < 0)
		return cli_fail(EXIT_USAGE, &err);
	statcache_look_afresh(p->cache);
	return EXIT_DONE;
}

int project_plan(struct project *p, const bool *force, struct plan *plan)
{
	struct plan_tools tools = {p->cache, p->store, p->history, probes_get, &p->probes, pool_cpus(), p->code, &p->outside};
	int got = plan_make(plan, &p->g, p->selected, force, &tools, &p->ds);

	project_tell(p);
	return got < 0 ? EXIT_USAGE : EXIT_DONE;
}

int project_sync(struct project *p, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct stat here, there;

	if (store_sync(p->store, err) < 0)
		return -1;
	if (stat(".", &here) < 0 || stat(p->repo.state, &there) < 0 || here.st_dev == there.st_dev)
		return 0;
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return err_errno(err, "cannot sync the project's file system");
	return 0;
}

static int only_sync(void *ctx, const struct strbuf *lock, struct err *err)
{
	(void)lock;
	return project_sync(ctx, err);
}

int project_save(struct project *p, int (*before_commit)(void *ctx, const struct strbuf *lock, struct err *err), void *ctx,
		 struct err *err)
{
	if (history_dirty(p->history) && history_save(p->history, project_has, p, before_commit ? before_commit : only_sync,
						      before_commit ? ctx : p, err) < 0)
		return -1;
	if (code_book_save(p->code, err) < 0)
		return -1;
	return statcache_save(p->cache, err);
}

void project_close(struct project *p)
{
	join_opener(p);
	err_release(&p->open_err);
	err_release(&p->held_err);
	free(p->below);
	free(p->file);
	map_release(&p->held);
	map_release(&p->kept);
	pthread_mutex_destroy(&p->keeping);
	free(p->selected);
	free(p->named);
	strvec_release(&p->targets);
	lifecycle_release(&p->lifecycle);
	graph_release(&p->g);
	pipeline_release(&p->pl);
	history_free(p->history);
	store_free(p->store);
	lineage_free(p->lineage);
	gitdb_free(p->db);
	statcache_free(p->cache);
	code_finder_free(p->finder);
	code_book_free(p->code);
	unchanged_free(p->unchanged);
	probes_release(&p->probes);
	repo_release(&p->repo);
	diags_release(&p->ds);
	closep(&p->lock_fd);
}

int project_read(const struct args *a, int (*fn)(struct project *p, const struct args *a))
{
	struct project p;
	int code = project_open(&p, a, false);

	if (code == EXIT_DONE)
		code = fn(&p, a);
	project_close(&p);
	return code;
}

struct style project_style(const struct project *p, int fd)
{
	return style_for(fd, p->color);
}

int cli_print_json(struct json *j)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	json_write(j, true, &text);
	json_free(j);
	return cli_print(&text);
}
