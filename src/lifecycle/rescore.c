/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in production, scored by the stage that a gate judges, on what that stage reads now: `compare = rescore`.
 *
 * The stage's command runs in a work tree of its own (back/private.h), which holds the source as it is, the stage's inputs, and in place of
 * those that production ships the very bytes that it ships. Nothing of the user's work tree is written but the metrics that come out.
 *
 * They depend on everything but the model of today, which is an input all the same, since the stage reads that path. So they are remembered by
 * a key without it: SHARED/rescored (store/keyed.h) has for it the day on which it was last of use, in seconds since 1970, and a
 * newline; and the metrics files one after another, each behind its length and a newline. It may be lost at any time, and gc lets go what
 * has not been of use for long. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "back/private.h"
#include "gitdb/git.h"
#include "lifecycle/past.h"
#include "lifecycle/registry.h"
#include "params/metrics_file.h"
#include "run/passing.h"
#include "run/task.h"
#include "store/keyed.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define SHIPS "ships "
#define NONE "none"
#define SECOND INT64_C(1000000000)
#define DAY INT64_C(86400)

/* ---- values ---- */

static bool is_input(const struct record *now, const char *path)
{
	size_t i;

	for (i = 0; i < now->n_facts; i++)
		if (fact_is_input_file(now->facts[i].kind) &&
		    (path_is_within(path, now->facts[i].name) || path_is_within(now->facts[i].name, path)))
			return true;
	return false;
}

/* Does it ship what the stage reads now anyway? */
static int ships_what_is_here(void *ctx, const struct release *live, struct err *err)
{
	const struct record *now = ctx;
	size_t i, same = 0;

	(void)err;
	for (i = 0; i < live->n_ships; i++) {
		const struct record_fact *f = record_find(now, FACT_DATA, live->ships[i].path);

		if (f && !content_eq(&f->content, &live->ships[i].content))
			return 0;
		same += f != NULL;
	}
	return same > 0;
}

static void tell_ships(const struct release *r, const struct record *now, void (*add)(void *to, const char *name, const char *value), void *to)
{
	char hex[DIGEST_HEX + 1];
	size_t i, n = 0;

	for (i = 0; i < r->n_ships; i++) {
		const struct shipped *s = &r->ships[i];
		CLEANUP(freep) char *name = xstrfmt(SHIPS "%s", s->path);
		CLEANUP(freep) char *value = NULL;

		if (!is_input(now, s->path))
			continue;
		digest_hex(&s->content.id, hex);
		value = xstrfmt("%c %s %jd", content_letter(s->content.kind), hex, (intmax_t)s->content.size);
		add(to, name, value);
		n++;
	}
	if (!n)
		add(to, "problem", "what is in production ships nothing that it reads");
}

static int values(struct lifecycle *lc, const struct instance *in, const struct record *now,
		  void (*add)(void *to, const char *name, const char *value), void *to, struct err *err)
{
	CLEANUP(freep) char *gate = xstrfmt("gate:%s", strchr(in->name, ':') + 1);
	struct registry r = REGISTRY_INIT;
	const struct release *there;
	int got = registry_read_all(&r, lc->db, lc->repo->prefix ? lc->repo->prefix : "", err);

	if (got == 0)
		got = past_release(lc, pipeline_instance(lc->pl, gate), &r, ships_what_is_here, (void *)(uintptr_t)now, &there, err);
	if (got > 0)
		tell_ships(there, now, add, to);
	else if (got == 0)
		add(to, "production", NONE);
	registry_release(&r);
	return got < 0 ? -1 : 0;
}

static bool settles(const struct instance *in)
{
	(void)in;
	return false;
}

/* ---- what was scored before ---- */

struct scoring {
	struct lifecycle *lc;
	const struct task *t;
	const struct rule *rules;
	struct arena a;
	struct private_tree tree;
	struct keyed *known;
	struct digest key;
	struct strbuf *message;
};

static const char *ship_path(const struct record_fact *f)
{
	const char *path;

	return f->kind == FACT_VALUE && skip_prefix(f->name, SHIPS, &path) ? path : NULL;
}

static bool is_shipped(const struct record *now, const char *path)
{
	size_t i;

	for (i = 0; i < now->n_facts; i++)
		if (ship_path(&now->facts[i]) && path_is_within(path, ship_path(&now->facts[i])))
			return true;
	return false;
}

static void find_key(struct scoring *s)
{
	const struct record *now = s->t->now;
	struct record r = {.instance = "", .facts = arena_alloc(&s->a, (now->n_facts + 1) * sizeof(*r.facts))};
	size_t i;

	for (i = 0; i < now->n_facts; i++)
		if (!(fact_is_input_file(now->facts[i].kind) && is_shipped(now, now->facts[i].name)))
			r.facts[r.n_facts++] = now->facts[i];
	record_key(&r, &s->key);
}

/* Writes the metrics files out of a text of lengths and bytes; false if it is none. *used: when it was last of use. */
static bool write_known(struct scoring *s, const struct strbuf *text, int64_t *used, struct err *err)
{
	const char *end = text->buf + text->len;
	const struct rule *r;
	char *at;

	*used = strtoll(text->buf, &at, 10);
	if (*at++ != '\n')
		return false;
	for (r = s->rules; r; r = r->next) {
		char *behind;
		unsigned long n;

		if (!streq(r->key, "metrics"))
			continue;
		n = strtoul(at, &behind, 10);
		if (behind == at || behind >= end || *behind != '\n' || n > (size_t)(end - behind - 1) ||
		    file_write(r->arg, behind + 1, n, 0644, false, err) < 0)
			return false;
		at = behind + 1 + n;
	}
	return at == end;
}

static int64_t today(void)
{
	return clock_now(&clock_system) / SECOND / DAY * DAY;
}

/* Losing this costs time. */
static void remember(struct scoring *s, const char *metrics, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct keyed_item item = {.key = s->key};
	char name[48];

	strbuf_addf(&text, "%jd\n", (intmax_t)today());
	strbuf_add(&text, metrics, n);
	item.text = text.buf;
	item.len = text.len;
	keyed_name(name);
	(void)!keyed_add(s->known, name, &item, 1, NULL);
}

static bool was_scored(struct scoring *s)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *metrics;
	int64_t used;

	if (!keyed_find(s->known, &s->key, &text) || !write_known(s, &text, &used, NULL))
		return false;
	metrics = strchr(text.buf, '\n') + 1;
	if (used != today())
		remember(s, metrics, (size_t)(text.buf + text.len - metrics));
	return true;
}

/* ---- the work tree ---- */

/* Within git the tracked files as they are; without, nothing but the inputs. */
static int export_source(struct scoring *s, struct err *err)
{
	struct git_source source = GIT_SOURCE_INIT;
	CLEANUP(strvec_release) struct strvec empty = STRVEC_INIT;
	struct gitdb *db;
	struct git_id head;
	int got;

	if (!s->lc->repo->in_git)
		return file_mkdirs(s->tree.project, err);
	db = gitdb_new_in(s->lc->repo->git_dir, s->lc->repo->top);
	got = git_source(s->lc->repo, db, s->tree.home, &source, err);
	if (got == 0 && source.has_tree)
		got = private_export(&s->tree, source.apart ? source.apart : db, s->lc->repo, &source.tree,
				     source.commit && git_id_parse(source.commit, &head) ? &head : NULL, &empty, err);
	git_source_release(&source);
	gitdb_free(db);
	return got < 0 ? -1 : file_mkdirs(s->tree.project, err);
}

/* It is read where it is: an absolute path, or one that leads out of the project. */
static bool is_elsewhere(const struct record_fact *f)
{
	return path_is_absolute(f->name) || strncmp(f->name, "../", 3) == 0;
}

static int has_changed(const struct record_fact *f, struct err *err)
{
	return err_set(err, ERR_MOVED, "'%s' is not any more what it was when the build was planned", f->name);
}

/* The directory at holds name: steps to it. A link, or whatever else is no directory, makes way for one: what a link leads to may be the
 * user's. */
static int step_into(int at, const char *name)
{
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(at, name, how);

	if (fd >= 0 || (errno != ELOOP && errno != ENOTDIR && errno != ENOENT))
		return fd;
	if ((errno != ENOENT && unlinkat(at, name, 0) < 0) || mkdirat(at, name, 0777) < 0)
		return -1;
	return openat(at, name, how);
}

/* Has nothing stand at path of the project in the tree, and only directories of the tree above it. *to is where that is; owned. */
static int clear_place(struct scoring *s, const char *path, char **to, struct err *err)
{
	CLEANUP(closep) int at = open(s->tree.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	const char *p, *slash;

	if (path_refusal(path))
		return err_set(err, ERR_INVALID, "'%s' %s", path, path_refusal(path));
	*to = path_join(s->tree.project, path);
	if (at < 0)
		return err_errno(err, "cannot open '%s'", s->tree.dir);
	for (p = *to + strlen(s->tree.dir) + 1; (slash = strchr(p, '/')); p = slash + 1) {
		CLEANUP(freep) char *name = xstrndup(p, (size_t)(slash - p));
		int next = step_into(at, name);

		if (next < 0)
			return err_errno(err, "cannot make directory '%.*s'", (int)(slash - *to), *to);
		close(at);
		at = next;
	}
	return file_remove_at(at, p) < 0 ? err_errno(err, "cannot remove '%s'", *to) : 0;
}

/* Does the tree hold it already, itself and not by a link that leads out? */
static bool stands_there(struct scoring *s, const struct record_fact *f)
{
	CLEANUP(freep) char *to = path_join(s->tree.project, f->name);
	CLEANUP(freep) char *real = realpath(to, NULL);
	CLEANUP(freep) char *tree = realpath(s->tree.dir, NULL);
	struct content is;

	return real && tree && path_is_within(real, tree) && statcache_content(s->lc->cache, to, true, &is, NULL) == 0 &&
	       content_eq(&is, &f->content);
}

/* Bytes of inputs may be many: they are cloned where the file system can. The key has what they were when the build was planned, so the
 * copy has to be that. */
static int bring_input(struct scoring *s, const struct record_fact *f, struct err *err)
{
	CLEANUP(freep) char *real = NULL;
	CLEANUP(freep) char *to = NULL;
	struct content is;

	if (f->content.kind == CONTENT_NONE || is_elsewhere(f) || stands_there(s, f))
		return 0;
	real = realpath(f->name, NULL);
	if (!real)
		return err_errno(err, "cannot read '%s'", f->name);
	if (clear_place(s, f->name, &to, err) < 0 || file_copy_tree(real, to, err) < 0 ||
	    statcache_content(s->lc->cache, to, true, &is, err) < 0)
		return -1;
	return content_eq(&is, &f->content) ? 0 : has_changed(f, err);
}

static int bring_shipped(struct scoring *s, const struct record_fact *f, struct err *err)
{
	CLEANUP(freep) char *to = NULL;
	struct content c;
	char hex[DIGEST_HEX + 1], letter;
	intmax_t size;

	if (path_refusal(ship_path(f)) || sscanf(f->value, "%c %64s %jd", &letter, hex, &size) != 3 || !content_of_letter(letter, &c.kind) ||
	    !digest_parse(hex, &c.id))
		return err_set(err, ERR_PARSE, "'%s' says '%s'", f->name, f->value);
	c.size = size;
	if (clear_place(s, ship_path(f), &to, err) < 0)
		return -1;
	if (store_place(s->lc->store, &c, to, NULL, err) < 0)
		return err_wrap(err, "'%s' as it is in production", ship_path(f));
	return 0;
}

static int fill_tree(struct scoring *s, struct err *err)
{
	const struct record *now = s->t->now;
	const struct rule *r;
	size_t i;

	if (export_source(s, err) < 0)
		return -1;
	for (i = 0; i < now->n_facts; i++)
		if (fact_is_input_file(now->facts[i].kind) && !is_shipped(now, now->facts[i].name) && bring_input(s, &now->facts[i], err) < 0)
			return -1;
	for (i = 0; i < now->n_facts; i++)
		if (ship_path(&now->facts[i]) && bring_shipped(s, &now->facts[i], err) < 0)
			return -1;
	for (r = s->rules; r; r = r->next) {
		CLEANUP(freep) char *made = NULL;

		if (streq(r->key, "makes") && clear_place(s, r->value, &made, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- running ---- */

/* As the stage itself would have it. */
static void set_environment(struct scoring *s)
{
	const char *of = rule_find(s->rules, "of")->value;
	const struct record *now = s->t->now;
	struct instance in = {.name = of};
	struct output *outs = NULL;
	struct fact *params = arena_alloc(&s->a, (now->n_facts + 1) * sizeof(*params)), *vars = arena_alloc(&s->a, (now->n_facts + 1) * sizeof(*vars));
	CLEANUP(freep) char *seed = NULL;
	CLEANUP(freep) char *stage = xstrndup(of, strcspn(of, "@"));
	const struct rule *r;
	size_t i;

	for (i = 0; i < now->n_facts; i++) {
		if (now->facts[i].kind == FACT_PARAM)
			params[in.n_params++] = (struct fact){.name = now->facts[i].name, .value = now->facts[i].value};
		if (now->facts[i].kind == FACT_VAR)
			vars[in.n_vars++] = (struct fact){.name = now->facts[i].name, .value = now->facts[i].value};
	}
	for (r = s->rules; r; r = r->next) {
		if (!streq(r->key, "makes"))
			continue;
		outs = arena_grow(&s->a, outs, in.n_outs, sizeof(*outs));
		outs[in.n_outs++] = (struct output){.path = r->value};
	}
	in.params = params;
	in.vars = vars;
	in.outs = outs;
	seed = passing_seed(&in);
	setenv("MLMAKE_SEED", seed, 1);
	setenv("MLMAKE_STAGE", stage, 1);
	setenv("MLMAKE_INSTANCE", of, 1);
}

static int run_command(struct scoring *s, int *status, struct err *err)
{
	const struct rule *cmd = rule_find(s->rules, "cmd");
	const char *text = cmd ? rule_text(cmd, &s->a) : "";
	pid_t pid;

	set_environment(s);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return err_errno(err, "cannot start a process");
	if (!pid) {
		if (chdir(s->tree.project) == 0)
			execl("/bin/sh", "sh", "-eu", "-c", text, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "cannot wait for a process");
	return 0;
}

/* Was that what the key says which the command read and which was not copied? */
static int look_elsewhere(struct scoring *s, struct err *err)
{
	const struct record *now = s->t->now;
	struct content is;
	size_t i;

	for (i = 0; i < now->n_facts; i++) {
		const struct record_fact *f = &now->facts[i];
		CLEANUP(freep) char *path = NULL;

		if (!fact_is_input_file(f->kind) || !is_elsewhere(f))
			continue;
		path = path_is_absolute(f->name) ? xstrdup(f->name) : path_join(s->tree.project, f->name);
		if (statcache_content(s->lc->cache, path, true, &is, err) < 0)
			return -1;
		if (!content_eq(&is, &f->content) && (path_is_absolute(f->name) || is.kind != CONTENT_NONE))
			return has_changed(f, err);
	}
	return 0;
}

/* The metrics that came out, to their places and to what is remembered. */
static int take_metrics(struct scoring *s, struct strbuf *all, struct err *err)
{
	const struct rule *r;

	for (r = s->rules; r; r = r->next) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
		CLEANUP(freep) char *made = streq(r->key, "metrics") ? path_join(s->tree.project, r->value) : NULL;

		if (!made)
			continue;
		if (file_read(made, METRICS_LIMIT, &text, err) < 0)
			return err_wrap(err, "'%s' of what is in production", r->value);
		strbuf_addf(all, "%zu\n", text.len);
		strbuf_add(all, text.buf, text.len);
		if (file_write(r->arg, text.buf, text.len, 0644, false, err) < 0)
			return -1;
	}
	return 0;
}

static int score(struct scoring *s, enum performed *how, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf all = STRBUF_INIT;
	int status;

	if (fill_tree(s, err) < 0 || run_command(s, &status, err) < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		strbuf_addf(s->message, "'%s' fails with the model from production: ", rule_find(s->rules, "of")->value);
		if (WIFEXITED(status))
			strbuf_addf(s->message, "exit status %d", WEXITSTATUS(status));
		else
			strbuf_addf(s->message, "signal %d", WTERMSIG(status));
		return 0;
	}
	if (look_elsewhere(s, err) < 0 || take_metrics(s, &all, err) < 0)
		return -1;
	remember(s, all.buf, all.len);
	*how = PERFORMED_PASSED;
	return 0;
}

static int score_apart(struct scoring *s, enum performed *how, struct err *err)
{
	CLEANUP(freep) char *id = xstrfmt("rescore-%ld", (long)getpid());
	int got = private_open(&s->tree, s->lc->repo, id, NULL, err);

	if (got == 0)
		got = score(s, how, err);
	return private_close(&s->tree, got == 0 ? err : NULL) < 0 ? -1 : got;
}

/* There is nothing in production: the gate finds this in the metrics. */
static int write_none(struct scoring *s, enum performed *how, struct err *err)
{
	static const char none[] = "{\"production\": \"" NONE "\"}\n";
	const struct rule *r;

	for (r = s->rules; r; r = r->next)
		if (streq(r->key, "metrics") && file_write(r->arg, none, sizeof(none) - 1, 0644, false, err) < 0)
			return -1;
	*how = PERFORMED_PASSED;
	return 0;
}

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	CLEANUP(freep) char *dir = xstrfmt("%s/rescored", lc->repo->shared);
	struct scoring s = {.lc = lc, .t = t, .a = ARENA_INIT, .tree = PRIVATE_TREE_INIT, .message = message};
	const struct record_fact *problem = record_find(t->now, FACT_VALUE, "problem");
	int got = 0;

	(void)notes;
	s.rules = rules_read(t->rules, &s.a);
	s.known = keyed_new(dir, "rescored");
	find_key(&s);
	*how = PERFORMED_FAILED;
	if (!rule_find(s.rules, "of"))
		got = err_set(err, ERR_PARSE, "'%s' has no rules", t->name);
	else if (problem && problem->value)
		strbuf_addstr(message, problem->value);
	else if (record_find(t->now, FACT_VALUE, "production"))
		got = write_none(&s, how, err);
	else if (was_scored(&s))
		*how = PERFORMED_PASSED;
	else
		got = score_apart(&s, how, err);
	keyed_free(s.known);
	arena_release(&s.a);
	return got;
}

const struct performer performer_rescore = {values, settles, perform};
