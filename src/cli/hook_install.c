/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/hook.h"
#include "gitdb/gitdb.h"
#include "lifecycle/hookfile.h"
#include "lifecycle/hookqueue.h"
#include "lifecycle/where.h"
#include "lifecycle/worker.h"
#include "report/hooks.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define SAID_LIMIT 65536

/* ---- where */

static int open_bare(struct hook_place *h, const char *bare, struct err *err)
{
	CLEANUP(freep) char *objects = NULL;

	h->git_dir = realpath(bare, NULL);
	if (!h->git_dir)
		return err_errno(err, "cannot find '%s'", bare);
	objects = path_join(h->git_dir, "objects");
	if (!file_exists(objects))
		return err_set(err, ERR_INVALID, "'%s' is no git directory; `git init --bare` makes one", bare);
	return 0;
}

/* A bare repository has no work tree to tell where in it the project is: the project from which it is spoken of does. */
static int find_prefix(struct hook_place *h, struct err *err)
{
	CLEANUP(repo_release) struct repo r = {0};

	if (!file_exists("mlmake.ini"))
		return 0;
	if (repo_find(&r, err) < 0)
		return -1;
	h->prefix = r.in_git ? xstrdup(r.prefix) : NULL;
	return 0;
}

int hook_place_open(struct hook_place *h, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *bare = args_value(a, "bare"), *dir = args_value(a, "directory");
	int code;

	memset(h, 0, sizeof(*h));
	if (bare) {
		if (dir && chdir(dir) < 0)
			err_errno(&err, "cannot enter '%s'", dir);
		if (err.msg || open_bare(h, bare, &err) < 0 || find_prefix(h, &err) < 0)
			return cli_fail(EXIT_USAGE, &err);
	} else {
		code = project_open(&h->p, a, false);
		h->in_project = true;
		if (code != EXIT_DONE)
			return code;
		h->color = h->p.color;
		h->prefix = xstrdup(h->p.repo.prefix);
		h->git_dir = h->p.repo.in_git ? realpath(h->p.repo.git_dir, NULL) : NULL;
		if (!h->git_dir) {
			err_set(&err, ERR_INVALID, "this project is not in git, and hooks are git's; `git init` begins a repository");
			return cli_fail(EXIT_USAGE, &err);
		}
	}
	h->dir = path_join(h->git_dir, "mlmake/queue");
	return EXIT_DONE;
}

void hook_place_release(struct hook_place *h)
{
	if (h->in_project)
		project_close(&h->p);
	free(h->git_dir);
	free(h->dir);
	free(h->prefix);
}

void hook_revive(const struct hook_place *h)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (hookqueue_read(h->dir, &q, &err) == 0 && q.n && worker_start(h->git_dir, HOOK_PROGRAM, &err) == 0)
		return;
	if (err.msg)
		fprintf(stderr, "mlmake: warning: %s\n", err.msg);
}

bool hook_is_working(const struct hook_place *h)
{
	bool there = worker_is_there(h->dir);

	if (!there)
		hook_revive(h);
	return there;
}

/* ---- the sections */

/* The hooks that are asked for: by mlmake.ini, or of a bare repository the one that follows a push. */
static int find_sections(struct hook_place *h, struct strvec *out)
{
	int code = EXIT_DONE;
	size_t i;

	if (!h->in_project) {
		strvec_push(out, "post-receive");
		return EXIT_DONE;
	}
	pipeline_load_sections(&h->p.pl, h->p.file, &pipeline_disk_system);
	for (i = 0; i < h->p.pl.n_hooks; i++) {
		const struct hook_section *s = &h->p.pl.hooks[i];
		CLEANUP(err_release) struct err err = ERR_INIT;

		strvec_push(out, s->name);
		if (pipeline_hook_name(s->name, &err) < 0) {
			err_wrap(&err, "%s:%d", s->at.file, s->at.line);
			code = cli_fail(EXIT_USAGE, &err);
		}
	}
	if (out->n)
		return code;
	fprintf(stderr, "mlmake: error: %s says of no hook what to build; for example\n\n    [hook post-commit]\n    branch = main\n\n", h->p.file);
	return EXIT_USAGE;
}

static const char *prefix_of(const struct hook_place *h)
{
	return h->prefix ? h->prefix : "";
}

static char *hooks_dir(const struct hook_place *h, bool *elsewhere, struct err *err)
{
	return hookfile_dir(h->in_project ? NULL : h->git_dir, elsewhere, err);
}

/* husky writes its directory anew, and its files expect to be called by their names. */
static bool is_huskys(const char *dir)
{
	CLEANUP(freep) char *own = path_join(dir, "h");

	return streq(path_base(dir), "_") && file_exists(own);
}

/* Where core.hooksPath is /dev/null, git runs no hooks at all. */
static int refuse_dir(const char *dir, struct err *err)
{
	struct stat st;

	if (is_huskys(dir))
		return err_set(err, ERR_INVALID, "the hooks in '%s' are husky's; `mlmake hook print --for=husky` shows what to add to them", dir);
	if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "git runs no hooks here: it looks for them in '%s', which is no directory "
			       "(`git config --show-origin core.hooksPath`)", dir);
	return 0;
}

/* All that may stand in dir: git's hooks that builds can follow, and whatever else of ours is there. */
static int all_names(const char *dir, struct strvec *out, struct err *err)
{
	static const char *const known[] = {HOOK_NAMES};
	CLEANUP(strvec_release) struct strvec ours = STRVEC_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		strvec_push(out, known[i]);
	if (hookfile_list(dir, &ours, err) < 0)
		return -1;
	for (i = 0; i < ours.n; i++)
		if (!strvec_has(out, ours.v[i]))
			strvec_push(out, ours.v[i]);
	return 0;
}

/* ---- a bare repository */

static int configure(const struct hook_place *h, const char *const *words, struct strbuf *out)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};

	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", h->git_dir);
	strvec_push(&argv, "config");
	for (; *words; words++)
		strvec_push(&argv, *words);
	return process_run(&how, NULL, 0, SAID_LIMIT, out, &said, NULL);
}

/* So that `git push -o mlmake.skip` is not refused. Who said something about it already knows better. */
static void advertise(const struct hook_place *h, bool on)
{
	static const char *const get[] = {"--local", "receive.advertisePushOptions", NULL},
				 *const set[] = {"--local", "receive.advertisePushOptions", "true", NULL},
				 *const unset[] = {"--local", "--unset", "receive.advertisePushOptions", NULL};
	CLEANUP(freep) char *mark = path_join(h->dir, "advertised");
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (on && configure(h, get, &out) == 1 && configure(h, set, &out) == 0)
		(void)!file_write(mark, "\n", 1, 0644, false, NULL);
	else if (!on && file_exists(mark) && configure(h, unset, &out) == 0)
		unlink(mark);
}

/* dir/name leads to target. */
static int link_there(const char *dir, const char *name, const char *target, struct err *err)
{
	CLEANUP(freep) char *path = path_join(dir, name);
	char now[PATH_MAX];
	ssize_t n = readlink(path, now, sizeof(now) - 1);

	now[MAX(n, (ssize_t)0)] = '\0';
	if (streq(now, target))
		return 0;
	if (file_exists(path))
		return err_set(err, ERR_INVALID, "'%s' is there already", path);
	return symlink(target, path) < 0 ? err_errno(err, "cannot create link '%s'", path) : 0;
}

/* What a [remote] of a directory consists of, as links, so that clients push data to it and pull results from it. */
static int make_work(const struct hook_place *h, const char *work, struct err *err)
{
	static const char *const parts[] = {"objects", "incoming", "corrupt"};
	CLEANUP(freep) char *file = path_join(h->dir, "home");
	CLEANUP(freep) char *real = NULL;
	CLEANUP(freep) char *line = NULL;
	size_t i;

	if (file_mkdirs(work, err) < 0 || !(real = realpath(work, NULL)))
		return real ? -1 : err_errno(err, "cannot find '%s'", work);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(freep) char *target = xstrfmt("%s/mlmake/%s", h->git_dir, parts[i]);

		if (file_mkdirs(target, err) < 0 || link_there(real, parts[i], target, err) < 0)
			return -1;
	}
	line = xstrfmt("%s\n", real);
	return link_there(real, "lineage.git", h->git_dir, err) < 0 ? -1 : file_write(file, line, strlen(line), 0644, true, err);
}

static void leave_work(const struct hook_place *h)
{
	static const char *const parts[] = {"objects", "incoming", "corrupt", "lineage.git"};
	CLEANUP(freep) char *file = path_join(h->dir, "home");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	size_t i;

	if (file_read(file, SAID_LIMIT, &line, NULL) < 0)
		return;
	strbuf_trim(&line);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(freep) char *path = path_join(line.buf, parts[i]);
		struct stat st;

		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
			unlink(path);
	}
	unlink(file);
}

/* ---- install, uninstall */

static void tell_installed(const char *dir, const char *name)
{
	CLEANUP(hookfile_release) struct hookfile f = HOOKFILE_INIT;

	if (hookfile_look(dir, name, &f, NULL) < 0)
		return;
	printf("installed %s/%s%s\n", dir, name, f.keeps ? ", which calls the one that was there" : "");
}

/* What no build could read is better known now than from the log. */
static int try_repository(const struct hook_place *h, struct err *err)
{
	struct gitdb *db = gitdb_new(h->git_dir);
	int got = gitdb_open(db, err);

	gitdb_free(db);
	return got;
}

static int install(struct hook_place *h, const struct args *a, struct err *err)
{
	CLEANUP(strvec_release) struct strvec wanted = STRVEC_INIT;
	CLEANUP(freep) char *dir = NULL;
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	bool elsewhere = false;
	size_t i;
	int code = find_sections(h, &wanted);

	if (code != EXIT_DONE)
		return code;
	program[MAX(n, (ssize_t)0)] = '\0';
	if (!(dir = hooks_dir(h, &elsewhere, err)) || refuse_dir(dir, err) < 0 || try_repository(h, err) < 0 ||
	    file_mkdirs(h->dir, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	for (i = 0; i < wanted.n; i++) {
		if (hookfile_install(dir, wanted.v[i], prefix_of(h), program, err) < 0) {
			code = cli_fail(EXIT_USAGE, err);
			err_clear(err);
			continue;
		}
		tell_installed(dir, wanted.v[i]);
	}
	if (elsewhere)
		fprintf(stderr, "mlmake: core.hooksPath leads git to '%s'; repositories that share it and have no mlmake.ini are left alone\n", dir);
	if (!h->in_project) {
		advertise(h, true);
		if (args_value(a, "work") && make_work(h, args_value(a, "work"), err) < 0)
			return cli_fail(EXIT_USAGE, err);
	}
	return code;
}

/* A hook is asked long after: it knows no options of today. */
static int refuse_options(const struct args *a)
{
	static const char *const options[] = {"file", "profile"};
	CLEANUP(err_release) struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (!args_value(a, options[i]))
			continue;
		err_set(&err, ERR_INVALID, "hooks build what mlmake.ini says in the commit, as plain `mlmake` does; --%s=%s would not hold for them",
			options[i], args_value(a, options[i]));
		return cli_fail(EXIT_USAGE, &err);
	}
	return EXIT_DONE;
}

int hook_install(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = refuse_options(a);

	if (code != EXIT_DONE)
		return code;
	if (args_value(a, "work") && !args_value(a, "bare")) {
		err_set(&err, ERR_INVALID, "--work goes with --bare: elsewhere the work tree is known");
		return cli_fail(EXIT_USAGE, &err);
	}
	code = hook_place_open(&h, a);
	if (code == EXIT_DONE)
		code = install(&h, a, &err);
	hook_place_release(&h);
	return code;
}

/* Of a bare repository of which one stands in no project: for all that it is for. */
static int take_out(const struct hook_place *h, const char *dir, const char *name, const struct hookfile *f, struct err *err)
{
	size_t i;

	for (i = 0; !h->prefix && i < f->projects.n; i++)
		if (hookfile_uninstall(dir, name, f->projects.v[i], err) < 0)
			return -1;
	return hookfile_uninstall(dir, name, prefix_of(h), err);
}

static int uninstall(struct hook_place *h, struct err *err)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	CLEANUP(freep) char *dir = NULL;
	bool elsewhere;
	size_t i;
	int code = EXIT_DONE;

	if (!(dir = hooks_dir(h, &elsewhere, err)) || all_names(dir, &names, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	for (i = 0; i < names.n; i++) {
		CLEANUP(hookfile_release) struct hookfile before = HOOKFILE_INIT, after = HOOKFILE_INIT;

		if (hookfile_look(dir, names.v[i], &before, err) < 0 || take_out(h, dir, names.v[i], &before, err) < 0 ||
		    hookfile_look(dir, names.v[i], &after, err) < 0) {
			code = cli_fail(EXIT_USAGE, err);
			err_clear(err);
		} else if (before.state == HOOKFILE_OURS && after.state != HOOKFILE_OURS) {
			printf("removed %s/%s%s\n", dir, names.v[i], before.keeps ? "; the one that was there before is back" : "");
		}
	}
	if (!h->in_project) {
		advertise(h, false);
		leave_work(h);
	}
	return code;
}

int hook_uninstall(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = uninstall(&h, &err);
	hook_place_release(&h);
	return code;
}

/* ---- status */

static const char *state_word(const struct hookfile *f, const char *project)
{
	if (f->state == HOOKFILE_OURS && project && !strvec_has(&f->projects, project))
		return "for other projects";
	switch (f->state) {
	case HOOKFILE_OURS: return "installed";
	case HOOKFILE_EDITED: return "edited";
	case HOOKFILE_OTHER: return "another's";
	default: return "not installed";
	}
}

/* What mlmake.ini says of it; NULL: nothing, or it is that of each commit. */
static const struct hook_section *section_of(const struct hook_place *h, const char *name)
{
	return h->in_project ? pipeline_hook(&h->p.pl, name) : NULL;
}

static bool is_wanted(const struct hook_place *h, const char *name)
{
	return h->in_project ? section_of(h, name) != NULL : streq(name, "post-receive");
}

/* What is to be said of an entry that waits. */
static const char *why_waits(const struct hook_place *h, const struct hook_entry *e)
{
	CLEANUP(freep) char *own = path_join(h->git_dir, e->work);

	return where_is_amid(own);
}

/* The entries up to that of what is built belong to it. */
static bool read_now(const struct hook_place *h, struct arena *a, struct hook_event *out)
{
	CLEANUP(freep) char *file = path_join(h->dir, "now");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	return file_read(file, SAID_LIMIT, &line, NULL) == 0 && hook_event_parse(line.buf, line.len, a, out);
}

static bool is_of(const struct hook_entry *e, const struct hook_event *now)
{
	return e->hook && e->number <= now->number && streq(e->hook, now->hook) && streq(e->project, now->project) && streq(e->ref, now->ref);
}

static void add_waiting(const struct hook_place *h, const struct hook_entry *e, struct strbuf *out)
{
	const char *why = why_waits(h, e);

	strbuf_addf(out, "%-16s %s %.9s%s%s\n", "waiting", words_branch(e->ref, ""), e->commit, why ? ", for the end of " : "", why ? why : "");
}

static void status_text(const struct hook_place *h, const char *dir, const struct strvec *names, const struct hookqueue *q,
			bool working, struct strbuf *out)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event now;
	bool building;
	size_t i;

	for (i = 0; i < names->n; i++) {
		CLEANUP(hookfile_release) struct hookfile f = HOOKFILE_INIT;
		CLEANUP(strbuf_release) struct strbuf branches = STRBUF_INIT;
		const struct hook_section *section = section_of(h, names->v[i]);

		if (hookfile_look(dir, names->v[i], &f, NULL) < 0 || (!is_wanted(h, names->v[i]) && f.state != HOOKFILE_OURS && f.state != HOOKFILE_EDITED))
			continue;
		if (section)
			pipeline_hook_branches(section, &branches);
		strbuf_addf(out, "%-16s %s%s%s%s%s\n", names->v[i], state_word(&f, h->prefix),
			    f.state == HOOKFILE_OURS && f.keeps ? ", calls the one that was there" : "",
			    branches.len ? ", only of " : "", branches.buf,
			    is_wanted(h, names->v[i]) ? "" : ", and mlmake.ini says nothing of it");
	}
	strbuf_addf(out, "%-16s %s\n", "worker", working ? "at work" : "none");
	building = working && read_now(h, &a, &now);
	if (building)
		strbuf_addf(out, "%-16s %s %.9s\n", "building", words_branch(now.ref, ""), now.commit);
	for (i = 0; i < q->n; i++)
		if (q->v[i].hook && !(building && is_of(&q->v[i], &now)))
			add_waiting(h, &q->v[i], out);
}

/* Empty: all. */
static struct json *branches_json(const struct hook_section *s)
{
	struct json *list = json_new_list();
	size_t i;

	for (i = 0; s && i < s->n_branches; i++)
		json_push(list, json_new_str(s->branches[i]));
	return list;
}

static struct json *status_json(const struct hook_place *h, const char *dir, const struct strvec *names, const struct hookqueue *q,
			bool working)
{
	struct json *j = json_new_map(), *hooks = json_new_list(), *queue = json_new_list();
	size_t i;

	json_set_int(j, "version", 1);
	json_set_str(j, "directory", dir);
	for (i = 0; i < names->n; i++) {
		CLEANUP(hookfile_release) struct hookfile f = HOOKFILE_INIT;
		struct json *one = json_new_map();

		json_set_str(one, "name", names->v[i]);
		if (hookfile_look(dir, names->v[i], &f, NULL) == 0)
			json_set_str(one, "state", state_word(&f, h->prefix));
		json_set_bool(one, "wanted", is_wanted(h, names->v[i]));
		json_set_bool(one, "keeps", f.keeps);
		json_set(one, "branches", branches_json(section_of(h, names->v[i])));
		json_push(hooks, one);
	}
	for (i = 0; i < q->n; i++)
		json_push(queue, report_entry_json(&q->v[i]));
	json_set(j, "hooks", hooks);
	json_set_bool(j, "working", working);
	json_set(j, "queue", queue);
	return j;
}

static int status(struct hook_place *h, const struct args *a, struct err *err)
{
	CLEANUP(strvec_release) struct strvec ignored = STRVEC_INIT, names = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
	CLEANUP(freep) char *dir = NULL;
	bool elsewhere, working;

	hook_revive(h);
	(void)!find_sections(h, &ignored);
	if (!(dir = hooks_dir(h, &elsewhere, err)) || all_names(dir, &names, err) < 0 || hookqueue_read(h->dir, &q, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	working = hook_is_working(h);
	if (args_count(a, "json"))
		return cli_print_json(status_json(h, dir, &names, &q, working));
	status_text(h, dir, &names, &q, working, &out);
	return cli_print(&out);
}

int hook_status(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = status(&h, a, &err);
	hook_place_release(&h);
	return code;
}

/* ---- print */

static void print_pre_commit(const char *name, const char *line, struct strbuf *out)
{
	strbuf_addf(out,
		    "      - id: mlmake-%s\n        name: mlmake %s\n        entry: %s\n        language: system\n        stages: [%s]\n"
		    "        always_run: true\n        pass_filenames: false\n",
		    name, name, line, name);
}

static bool reads_input(const char *name)
{
	return streq(name, "pre-push") || streq(name, "post-receive");
}

static int print(struct hook_place *h, const struct args *a)
{
	CLEANUP(strvec_release) struct strvec wanted = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *whose = args_value(a, "for");
	size_t i;
	int code = find_sections(h, &wanted);

	if (code != EXIT_DONE)
		return code;
	if (whose && !streq(whose, "pre-commit") && !streq(whose, "lefthook") && !streq(whose, "husky")) {
		err_set(&err, ERR_INVALID, "--for is pre-commit, lefthook or husky, not '%s'", whose);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (whose && streq(whose, "pre-commit"))
		strbuf_addstr(&out, "# .pre-commit-config.yaml; `pre-commit install -t HOOK` for each\nrepos:\n  - repo: local\n    hooks:\n");
	else if (whose && streq(whose, "lefthook"))
		strbuf_addstr(&out, "# lefthook.yml\n");
	for (i = 0; i < wanted.n; i++) {
		CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
		const char *name = wanted.v[i];

		hookfile_line(name, prefix_of(h), &line);
		if (!whose)
			strbuf_addf(&out, "# %s\n%s -- \"$@\"\n", name, line.buf);
		else if (streq(whose, "pre-commit"))
			print_pre_commit(name, line.buf, &out);
		else if (streq(whose, "lefthook"))
			strbuf_addf(&out, "%s:\n  commands:\n    mlmake:\n      run: %s -- {0}\n%s", name, line.buf,
				    reads_input(name) ? "      use_stdin: true\n" : "");
		else
			strbuf_addf(&out, "# .husky/%s\n%s -- \"$@\"\n", name, line.buf);
	}
	return cli_print(&out);
}

int hook_print(struct args *a)
{
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = print(&h, a);
	hook_place_release(&h);
	return code;
}
