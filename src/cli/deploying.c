/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/deploying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/building.h"
#include "cli/deploy_events.h"
#include "cli/display.h"
#include "cli/project.h"
#include "cli/recorder.h"
#include "lifecycle/deploy.h"
#include "lifecycle/registry.h"
#include "report/wording.h"
#include "run/machine.h"
#include "util/clock.h"
#include "util/text.h"

#define SECOND INT64_C(1000000000)
#define TRIES 5 /* at a number that another clone's tag has taken meanwhile, and after others have shipped meanwhile */
#define MOST_NUMBER 999999999999990 /* of a tag; release.c reads 15 digits */

/* One request being met. */
struct one {
	struct project p;
	const struct deploy_request *rq;
	struct arena a;
	char run_id[40];
	struct plan plan;
	struct machine machine;
	struct recorder *recorder;
	struct deploy_events events;
	struct registry reg;
	const struct instance *in;
	struct deploy_rules rules;
	const char *environment;
	struct release what;          /* that is shipped */
	const struct release *before; /* what is there; NULL: nothing */
	struct shipping shipping;     /* as it is written down */
	bool left;                    /* an earlier one did not end */
	bool *unjudged;               /* set if production has changed since the gates judged; NULL: that is told as what is wrong */
	int64_t next;                 /* number of an assignment, when this was asked for */
	const char *logs;             /* a pattern */
	char *who;
	struct shipping_locks locks;
	int64_t began;
};

static struct args args_without(const struct args *a, const char *option)
{
	struct args b = *a;
	size_t i;

	b.given = xcalloc(a->n_given + 1, sizeof(*b.given));
	b.n_given = 0;
	for (i = 0; i < a->n_given; i++)
		if (!streq(a->given[i].def->name, option))
			b.given[b.n_given++] = a->given[i];
	return b;
}

struct args args_once_there(const struct args *a)
{
	return args_without(a, "directory");
}

static const char *prefix_of(const struct one *o)
{
	return o->p.repo.prefix ? o->p.repo.prefix : "";
}

static const char *version_words(const struct release *r)
{
	return !r ? "nothing" : r->version ? r->version : "a version that is not known";
}

/* ---- what is to be shipped ---- */

static int choose_environment(struct one *o, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf known = STRBUF_INIT;
	size_t i;

	o->environment = o->rq->environment ? o->rq->environment : o->rules.environments[0];
	for (i = 0; i < o->rules.n_environments; i++) {
		if (streq(o->rules.environments[i], o->environment))
			return 0;
		strbuf_addf(&known, "%s%s", i ? ", " : "", o->rules.environments[i]);
	}
	return err_set(err, ERR_INVALID, "'%s' has no environment '%s'; those of its section are: %s", o->rq->name, o->environment, known.buf);
}

/* One mlmake at a time ships anything of the project, in all work trees. */
static int take_lock(struct one *o, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf who = STRBUF_INIT;

	if (shipping_lock(&o->p.repo, o->rq->name, false, &o->locks, err) == 0)
		return 0;
	if (err->code != ERR_LOCKED)
		return -1;
	shipping_holder(&o->p.repo, &who);
	if (args_count(o->p.args, "no-wait"))
		return err_set(err, ERR_LOCKED, "%s", who.buf);
	if (project_runs_within(who.buf))
		return err_set(err, ERR_LOCKED, "%s and waits for this command to end, so this one does not wait for it", who.buf);
	fprintf(stderr, "mlmake: %s; waiting for it to end (--no-wait does not)\n", who.buf);
	err_clear(err);
	return shipping_lock(&o->p.repo, o->rq->name, true, &o->locks, err);
}

static int look_at_registry(struct one *o, struct err *err)
{
	struct shipping left;
	int got;

	if (registry_read_all(&o->reg, o->p.db, prefix_of(o), err) < 0)
		return -1;
	o->before = registry_live(&o->reg, o->rq->name, o->environment);
	got = shipping_read(&o->p.repo, o->rq->name, o->environment, &o->a, &left, err);
	o->left = got > 0;
	if (got > 0) {
		CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

		shipping_words(&left, &words);
		strbuf_addstr(&words, "; what is there is not known, so it is shipped again");
		cli_warn(words.buf);
	}
	return got < 0 ? -1 : 0;
}

/* Everything that it needs has been built a moment ago; what has changed since is told. */
static int look_for_changes(struct one *o, struct err *err)
{
	size_t i, changed = SIZE_MAX;
	bool judges_alone = true;

	for (i = 0; i < o->p.g.n; i++) {
		enum stale_state state = o->plan.verdicts[i].state;
		enum stage_kind kind = o->p.g.nodes[i].in->stage->kind;

		if (!o->p.selected[i] || i == o->in->index || state == STALE_FRESH || state == STALE_FROZEN)
			continue;
		judges_alone &= kind == STAGE_GATE || kind == STAGE_RESCORE;
		changed = MIN(changed, i);
	}
	if (changed == SIZE_MAX)
		return 0;
	if (o->unjudged)
		*o->unjudged = judges_alone;
	return err_set(err, ERR_MOVED, "'%s' is %s by now, so '%s' ships nothing; run it again", o->p.g.nodes[changed].in->name,
		       stale_state_name(o->plan.verdicts[changed].state), o->rq->name);
}

static int look_at_plan(struct one *o, struct err *err)
{
	const struct verdict *v = &o->plan.verdicts[o->in->index];
	size_t i;

	if (look_for_changes(o, err) < 0)
		return -1;
	deploy_release(o->in, &o->rules, &v->now, &o->a, &o->what);
	for (i = 0; i < o->what.n_ships; i++) {
		struct shipped *s = &o->what.ships[i];

		if (s->content.kind == CONTENT_NONE)
			return err_set(err, ERR_NOTFOUND, "'%s', which '%s' ships, is not there", s->path, o->rq->name);
		if (!store_has(o->p.store, &s->content) && store_put_input(o->p.store, s->path, &s->content, err) < 0)
			return err_wrap(err, "'%s'", s->path);
	}
	return 0;
}

static int check_version(struct one *o, const struct release *same, struct err *err)
{
	const struct release *taken = o->rq->version ? registry_version(&o->reg, o->rq->name, o->rq->version) : NULL;

	if (!o->rq->version)
		return 0;
	if (!release_version_is_good(o->rq->version))
		return err_set(err, ERR_INVALID, "'%s' is no version; write one like v1.2.0", o->rq->version);
	if (same && !streq(same->version, o->rq->version))
		return err_set(err, ERR_INVALID, "what would be %s is %s already", o->rq->version, same->version);
	if (taken && !release_ships_same(taken, &o->what))
		return err_set(err, ERR_INVALID, "%s is taken: it ships other bytes", o->rq->version);
	if (!taken && registry_tagged(&o->reg, o->rq->name, o->rq->version))
		return err_set(err, ERR_INVALID, "%s was withdrawn, and its tag is still there", o->rq->version);
	return 0;
}

/* Names of tags that could not be read back would be lost. */
static int check_numbers(struct one *o, struct err *err)
{
	if (!release_version_is_good(o->what.version))
		return err_set(err, ERR_INVALID, "the version after those that are tagged would be %s, which is too long; give one with --as",
			       o->what.version);
	if (registry_next_number(&o->reg, o->rq->name) > MOST_NUMBER)
		return err_set(err, ERR_INVALID, "the tags '%s#...' have come to the end of their numbers; delete the one that is not yours",
			       o->rq->name);
	return 0;
}

/* The same bytes are the same version. */
static int name_version(struct one *o, struct err *err)
{
	const struct release *same, *last;
	CLEANUP(freep) char *next = NULL;

	o->what.environment = o->environment;
	same = registry_same(&o->reg, &o->what);
	if (check_version(o, same, err) < 0)
		return -1;
	last = registry_tagged(&o->reg, o->rq->name, NULL);
	next = same ? xstrdup(same->version) : o->rq->version ? xstrdup(o->rq->version)
						: release_version_next(last ? last->version : NULL, o->rq->bump ? o->rq->bump : 'p');
	o->what.version = arena_strdup(&o->a, next);
	return 0;
}

/* A version that was deployed before, with the bytes that its tag names. */
static int choose_old(struct one *o, struct err *err)
{
	bool promote = streq(o->rq->action, "promote");
	const struct release *r;
	CLEANUP(freep) char *how = deploy_how(&o->rules);
	size_t i;

	if (o->next && o->next != registry_next_number(&o->reg, o->rq->name))
		return err_set(err, ERR_MOVED, "'%s' was shipped by another mlmake while this waited, and %s is in %s now; look, and run it again",
			       o->rq->name, version_words(o->before), o->environment);
	if (o->rq->version)
		r = registry_version(&o->reg, o->rq->name, o->rq->version);
	else if (promote)
		r = registry_live(&o->reg, o->rq->name, o->rules.environments[0]);
	else if (o->left) /* what was there when that went wrong */
		r = o->before;
	else
		r = registry_before(&o->reg, o->rq->name, o->environment);
	if (!r && o->rq->version)
		return err_set(err, ERR_NOTFOUND, "'%s' has no version '%s'; `git tag -l '%s@*'` lists them", o->rq->name, o->rq->version,
			       o->rq->name);
	if (!r)
		return err_set(err, ERR_NOTFOUND, promote ? "nothing of '%s' is in %s that could be promoted"
							  : "nothing of '%s' was in %s before what is there now",
			       o->rq->name, promote ? o->rules.environments[0] : o->environment);
	if (!r->n_ships || !r->version)
		return err_set(err, ERR_INVALID, "the tag '%s' does not say what it ships, for mlmake did not make it", r->tag);
	if (r->n_ships != o->rules.n_ships)
		return err_set(err, ERR_INVALID, "%s ships %zu files, and [deploy %s] of today names %zu", r->version, r->n_ships, o->rq->name,
			       o->rules.n_ships);
	o->what = *r;
	o->what.kind = RELEASE_ASSIGNED;
	o->what.environment = o->environment;
	o->what.how = arena_strdup(&o->a, how);
	for (i = 0; i < r->n_ships; i++)
		if (!store_has(o->p.store, &r->ships[i].content))
			return err_set(err, ERR_NOTFOUND, "'%s' of %s is not in the store; `mlmake pull --at %s` fetches it", r->ships[i].path,
				       r->version, r->tag);
	return 0;
}

static bool is_there(const struct one *o)
{
	return !o->left && !o->rq->again && o->before && release_ships_same(o->before, &o->what) && o->before->how &&
	       streq(o->before->how, o->what.how);
}

/* ---- words ---- */

/* Where events go to standard output, people read standard error. */
static int say(struct one *o, enum hue hue, const char *word, const char *words)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const char *events = args_value(o->p.args, "events");
	bool aside = events && streq(events, "-");
	struct style style = project_style(&o->p, aside ? STDERR_FILENO : STDOUT_FILENO);

	if (args_count(o->p.args, "quiet"))
		return EXIT_DONE;
	hue_addf(&out, &style, hue, "%-8s", word);
	strbuf_addf(&out, " %s  %s\n", o->rq->name, words);
	if (aside)
		fwrite(out.buf, 1, out.len, stderr);
	return aside ? EXIT_DONE : cli_print(&out);
}

/* That it is there is what a tag says, which another clone may have written. Who wanted it shipped has to know by whom it was. */
static int say_there(struct one *o)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	deploy_events_fresh(&o->events, o->in);
	strbuf_addf(&words, "%s is in %s already", version_words(o->before), o->environment);
	if (!streq(o->rq->action, "deploy")) {
		strbuf_addstr(&words, o->before->who ? ", shipped by " : ", shipped");
		if (o->before->who)
			words_person(&words, o->before->who);
		strbuf_addch(&words, ' ');
		words_time(&words, o->before->when, false);
	}
	strbuf_addf(&words, ": nothing is shipped%s", streq(o->rq->action, "deploy") ? "" : "; with --again it is");
	return say(o, HUE_GOOD, "fresh", words.buf);
}

static int say_done(struct one *o, int64_t duration)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;

	strbuf_addf(&words, "%s is in %s", o->what.version, o->environment);
	if (o->before && o->before->version && !streq(o->before->version, o->what.version))
		strbuf_addf(&words, ", before it was %s", o->before->version);
	strbuf_addstr(&words, "  ");
	text_add_duration(&words, duration);
	return say(o, HUE_GOOD, "deployed", words.buf);
}

/* Whoever reads this at night has to know two things: what went wrong, and what is there now. */
static void say_failed(struct one *o, enum deployed how, const struct strbuf *why)
{
	struct style style = project_style(&o->p, STDERR_FILENO);
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	hue_addf(&out, &style, HUE_BAD, "failed");
	strbuf_addf(&out, "   %s  %s is not deployed to %s\n    ", o->rq->name, o->what.version, o->environment);
	term_add_lines(&out, "", why->buf, why->len);
	if (out.buf[out.len - 1] != '\n')
		strbuf_addch(&out, '\n');
	if (how == DEPLOY_UNKNOWN || (how == DEPLOY_UNTOUCHED && o->left)) {
		hue_addf(&out, &style, HUE_BAD, "    WHAT IS IN %s IS NOT KNOWN", o->environment);
		strbuf_addf(&out, ": look there, then `mlmake deploy %s` or `mlmake rollback %s` (before, it was %s)\n", o->rq->name, o->rq->name,
			    version_words(o->before));
	} else {
		strbuf_addf(&out, "    in %s is what was there before: %s\n", o->environment, version_words(o->before));
	}
	strbuf_addf(&out, "    logs: %s\n", o->logs);
	fwrite(out.buf, 1, out.len, stderr);
}

/* ---- shipping ---- */

static int on_phase(void *ctx, enum shipping_phase phase, const char *why, struct err *err)
{
	struct one *o = ctx;

	o->shipping.phase = phase;
	o->shipping.why = why;
	return shipping_write(&o->p.repo, &o->shipping, err);
}

static const char *outcome_word(const struct one *o)
{
	return streq(o->rq->action, "deploy") ? "deployed" : streq(o->rq->action, "promote") ? "promoted" : "rolled-back";
}

/* The run in the lineage: what was tried, and what came of it. */
static int write_run(struct one *o, const char *outcome, const char *why, struct err *err)
{
	struct run_reason reason = {"value", o->environment, o->before ? version_words(o->before) : NULL, o->what.version};
	struct run_part part = {.name = o->in->name,
				.result = outcome,
				.duration = clock_tick(&clock_system) - o->began,
				.said = why,
				.reasons = &reason,
				.n_reasons = 1};
	struct run r = {.id = o->run_id,
			.time = o->shipping.since,
			.duration = part.duration,
			.outcome = outcome,
			.author = o->who,
			.because = o->rq->because,
			.parts = &part,
			.n_parts = 1};

	return recorder_save(o->recorder, &r, err);
}

static int write_tag(struct one *o, struct release *r, struct err *err)
{
	return registry_add(r, o->p.db, store_packer(o->p.store), prefix_of(o), err);
}

/* First the version, then that it is there. Another clone's tags may have come meanwhile and taken the names. */
static int write_tags(struct one *o, struct err *err)
{
	struct release version = o->what, assigned = o->what;
	int i;

	assigned.number = registry_next_number(&o->reg, o->rq->name);
	version.kind = RELEASE_VERSION;
	version.environment = NULL;
	for (i = 0; !registry_same(&o->reg, &o->what) && write_tag(o, &version, err) < 0; i++) {
		CLEANUP(freep) char *next = NULL;

		if (err->code != ERR_MOVED || i == TRIES || o->rq->version)
			return -1;
		err_clear(err);
		next = release_version_next(version.version, 'p');
		version.version = assigned.version = o->what.version = arena_strdup(&o->a, next);
	}
	for (i = 0; write_tag(o, &assigned, err) < 0; i++) {
		if (err->code != ERR_MOVED || i == TRIES)
			return -1;
		err_clear(err);
		assigned.number++;
	}
	return 0;
}

static int note_success(struct one *o, struct err *err)
{
	if (on_phase(o, SHIPPING_NOTES, NULL, err) < 0 || write_run(o, outcome_word(o), NULL, err) < 0 || write_tags(o, err) < 0 ||
	    shipping_clear(&o->p.repo, o->rq->name, o->environment, err) < 0)
		return err_wrap(err, "%s of '%s' was shipped to %s and works, but that could not be written down", o->what.version, o->rq->name,
				o->environment);
	return 0;
}

static int note_failure(struct one *o, enum deployed how, const char *why, struct err *err)
{
	if (how == DEPLOY_UNKNOWN && on_phase(o, SHIPPING_UNKNOWN, why, err) < 0)
		return -1;
	if (how == DEPLOY_UNDONE && shipping_clear(&o->p.repo, o->rq->name, o->environment, err) < 0)
		return -1;
	return write_run(o, "failed", why, err);
}

static int prepare(struct one *o, struct err *err)
{
	const struct machine_options opt = {o->run_id, 1, true, &o->p.g, o->p.selected, o->p.lock_fd};
	CLEANUP(freep) char *warning = NULL;
	const struct release *known = registry_version(&o->reg, o->rq->name, o->what.version);
	const char *commit;

	if (machine_open(&o->machine, &opt, &warning, err) < 0)
		return -1;
	keeper_hold(o->machine.keeper, o->locks.all);
	if (keeper_start(o->machine.keeper, err) < 0) /* before there are threads */
		return -1;
	o->recorder = recorder_new(&o->p, o->run_id);
	recorder_begin(o->recorder);
	commit = recorder_commit(o->recorder, &o->what.dirty);
	if (!commit || !git_id_parse(commit, &o->what.commit))
		return err_set(err, ERR_INVALID, "there is no commit that a tag could stand on: deploys are remembered in tags of git; commit first");
	if (known) { /* an assignment stands where its version does */
		o->what.commit = known->commit;
		o->what.dirty = known->dirty;
	}
	o->who = gitdb_user(o->p.db);
	o->began = clock_tick(&clock_system);
	o->what.when = registry_next_time(&o->reg, clock_now(&clock_system));
	o->what.who = o->who;
	o->what.action = o->rq->action;
	o->what.because = o->rq->because;
	if (!o->what.run || streq(o->rq->action, "deploy"))
		o->what.run = o->run_id;
	o->shipping = (struct shipping){.name = o->rq->name,
					.environment = o->environment,
					.version = o->what.version,
					.since = o->what.when,
					.who = o->who,
					.run = o->run_id,
					.before = o->before ? o->before->version : NULL};
	return history_begin_run(o->p.history, o->run_id, err);
}

static int fail_shipping(struct one *o, struct err *err)
{
	deploy_events_end(&o->events, err->msg, o->logs, false);
	return cli_fail(EXIT_STAGE_FAILED, err);
}

static int ship(struct one *o, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf why = STRBUF_INIT;
	struct deploying d = {.rules = &o->rules,
			      .in = o->in,
			      .store = o->p.store,
			      .repo = &o->p.repo,
			      .what = &o->what,
			      .before = o->before,
			      .phase = on_phase,
			      .ctx = o};
	enum deployed how;

	if (prepare(o, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	deploy_events_begin(&o->events, o->in, o->environment, o->before ? version_words(o->before) : NULL, o->what.version);
	d.launcher = keeper_launcher(o->machine.keeper);
	d.signal_fd = o->machine.signal_fd;
	if (deploy_ship(&d, &how, &why, err) < 0) {
		err_wrap(err, "what is in %s of '%s' is not known", o->environment, o->rq->name);
		return fail_shipping(o, err);
	}
	if (how == DEPLOYED) {
		if (note_success(o, err) < 0)
			return fail_shipping(o, err);
		deploy_events_end(&o->events, NULL, NULL, false);
		return say_done(o, clock_tick(&clock_system) - o->began);
	}
	say_failed(o, how, &why);
	deploy_events_end(&o->events, why.buf, o->logs, d.interrupted);
	if (note_failure(o, how, why.buf, err) < 0)
		return cli_fail(EXIT_STAGE_FAILED, err);
	return d.interrupted ? EXIT_INTERRUPTED : EXIT_STAGE_FAILED;
}

/* ---- the whole ---- */

static int fail(const struct err *err)
{
	return err->code == ERR_LOCKED ? cli_fail(EXIT_LOCKED, err) : cli_fail(EXIT_USAGE, err);
}

static const char *find_logs(struct one *o)
{
	CLEANUP(freep) char *here = xstrfmt("%s/log/%s.*.log", o->p.repo.state, o->in->name), *kept = NULL;
	bool goes;

	kept = display_log(here, &goes);
	return arena_strdup(&o->a, kept);
}

static int find_instance(struct one *o, struct err *err)
{
	CLEANUP(freep) char *name = xstrfmt("deploy:%s", o->rq->name);

	o->in = pipeline_instance(&o->p.pl, name);
	if (!o->in)
		return err_set(err, ERR_INVALID, "there is no [deploy %s]", o->rq->name);
	deploy_rules_of(o->in, &o->a, &o->rules);
	o->logs = find_logs(o);
	return choose_environment(o, err);
}

static int meet(struct one *o, struct err *err)
{
	bool fresh = streq(o->rq->action, "deploy");
	CLEANUP(freep) char *target = xstrfmt("deploy:%s", o->rq->name);
	int code = project_recover(&o->p, o->run_id);

	if (code == EXIT_DONE)
		code = project_load(&o->p, &target, 1);
	if (code != EXIT_DONE)
		return code;
	if (!o->p.repo.in_git) {
		err_set(err, ERR_INVALID, "deploys are remembered in tags of git, and this project is not in git");
		return fail(err);
	}
	if (find_instance(o, err) < 0 || take_lock(o, err) < 0)
		return fail(err);
	code = project_plan(&o->p, NULL, &o->plan); /* by now nobody else changes what gates compare with */
	if (code != EXIT_DONE)
		return code;
	if (look_at_registry(o, err) < 0 ||
	    (fresh ? look_at_plan(o, err) < 0 || name_version(o, err) < 0 : choose_old(o, err) < 0) || check_numbers(o, err) < 0 ||
	    deploy_events_open(&o->events, o->p.args, err) < 0)
		return o->unjudged && *o->unjudged ? EXIT_GATE : fail(err);
	code = is_there(o) ? say_there(o) : ship(o, err);
	err_clear(err);
	return deploy_events_close(&o->events, err) < 0 && code == EXIT_DONE ? fail(err) : code;
}

/* Of who asks for what depends on what is there: what that was when it was asked for. */
static int look_before(struct one *o, struct err *err)
{
	struct registry reg = REGISTRY_INIT;
	int got;

	if (streq(o->rq->action, "deploy") || o->rq->version)
		return 0;
	got = registry_read(&reg, o->p.db, prefix_of(o), err);
	o->next = registry_next_number(&reg, o->rq->name);
	registry_release(&reg);
	return got;
}

static int meet_one(const struct args *a, const struct deploy_request *rq, bool *unjudged)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct one o = {.rq = rq, .unjudged = unjudged, .events = DEPLOY_EVENTS_INIT, .plan = PLAN_INIT, .machine = MACHINE_INIT, .reg = REGISTRY_INIT, .a = ARENA_INIT, .locks = SHIPPING_LOCKS_INIT};
	int code;

	run_new_id(o.run_id);
	code = project_enter(&o.p, a);
	if (code == EXIT_DONE && look_before(&o, &err) < 0)
		code = fail(&err);
	if (code == EXIT_DONE)
		code = project_lock(&o.p);
	if (code == EXIT_DONE)
		code = meet(&o, &err);
	recorder_free(o.recorder);
	machine_release(&o.machine);
	plan_release(&o.plan);
	registry_release(&o.reg);
	arena_release(&o.a);
	shipping_unlock(&o.locks);
	free(o.who);
	project_close(&o.p);
	return code;
}

int deploying_main(const struct args *a, const struct deploy_request *rq)
{
	return meet_one(a, rq, NULL);
}

static int left_alone(int code)
{
	if (code == EXIT_GATE)
		fprintf(stderr, "mlmake: nothing is deployed: a gate refuses\n");
	else if (code == EXIT_STAGE_FAILED)
		fprintf(stderr, "mlmake: nothing is deployed: not everything that it needs could be built\n");
	return code;
}

/* Builds what `name` needs once more: all of that is fresh but gates, and what these compare with. */
static int judge_again(const struct args *a, const char *name)
{
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;
	struct args b = args_without(a, "always-make");
	int code;

	fprintf(stderr, "mlmake: what is in production has changed since the gates of '%s' let it pass, so they judge again\n", name);
	b.words = (struct strvec)STRVEC_INIT;
	strvec_pushf(&b.words, "deploy:%s", name);
	code = build_make(&b, false, false, &found);
	strvec_release(&b.words);
	free(b.given);
	return left_alone(code);
}

static int deploy_name(const struct args *a, const char *name)
{
	const char *bump = args_value(a, "bump");
	const struct deploy_request rq = {.name = name,
					  .action = "deploy",
					  .version = args_value(a, "as"),
					  .bump = !bump ? 0 : streq(bump, "major") ? 'M' : streq(bump, "minor") ? 'm' : 'p',
					  .because = args_value(a, "because"),
					  .again = args_count(a, "again") > 0};
	bool unjudged;
	int code, tries;

	for (tries = 0;; tries++) {
		unjudged = false;
		code = meet_one(a, &rq, tries < TRIES ? &unjudged : NULL);
		if (!unjudged)
			return code;
		code = judge_again(a, name);
		if (code != EXIT_DONE)
			return code;
	}
}

static int deploy_names(const struct args *a, const struct strvec *names)
{
	struct args here = args_once_there(a);
	int code = EXIT_DONE;
	size_t i;

	for (i = 0; i < names->n && code == EXIT_DONE; i++)
		code = deploy_name(&here, names->v[i]);
	free(here.given);
	return code;
}

int deploying_build(struct args *a, const struct strvec *names, bool built)
{
	CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;
	struct args b = *a;
	size_t i;
	int code;

	if (built)
		return deploy_names(a, names);
	b.words = (struct strvec)STRVEC_INIT;
	for (i = 0; i < names->n; i++)
		strvec_pushf(&b.words, "%s%s", skip_prefix(names->v[i], "deploy:", NULL) ? "" : "deploy:", names->v[i]);
	code = build_make(&b, false, true, &found);
	strvec_release(&b.words);
	if (code != EXIT_DONE)
		return left_alone(code);
	if (!found.n && a->cmd == &cmd_deploy) {
		fprintf(stderr, "mlmake: error: there is no [deploy NAME] in mlmake.ini; mlmake.ini(5) says what one looks like\n");
		return EXIT_USAGE;
	}
	return args_count(a, "dry-run") ? code : deploy_names(a, &found);
}
