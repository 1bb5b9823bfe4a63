/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/deploy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "digest/digest.h"
#include "lifecycle/kind.h"
#include "lifecycle/registry.h"
#include "run/once.h"
#include "run/passing.h"
#include "run/tail.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/path.h"
#include "util/text.h"

#define SECOND INT64_C(1000000000)
#define GRACE (5 * SECOND)
#define PAUSE_FIRST (SECOND / 10) /* between two looks at health, growing */
#define PAUSE_MOST (2 * SECOND)
#define TAIL_LINES 5
#define HOW_DIGITS 32 /* a whole digest would look like the name of an object */

char *deploy_how(const struct deploy_rules *rules)
{
	char hex[DIGEST_HEX + 1];
	struct digest d;

	digest_bytes(rules->cmd, strlen(rules->cmd), &d);
	digest_hex(&d, hex);
	return xstrndup(hex, HOW_DIGITS);
}

void deploy_release(const struct instance *in, const struct deploy_rules *rules, const struct record *now, struct arena *a,
		    struct release *out)
{
	CLEANUP(freep) char *how = deploy_how(rules);
	size_t i;

	*out = (struct release){.kind = RELEASE_ASSIGNED, .name = strchr(in->stage->name, ':') + 1, .environment = rules->environments[0]};
	out->how = arena_strdup(a, how);
	out->dirty = -1;
	out->ships = arena_calloc(a, rules->n_ships * sizeof(*out->ships));
	for (i = 0; i < rules->n_ships; i++) {
		const struct record_fact *f = record_find(now, FACT_DATA, rules->ships[i]);

		out->ships[out->n_ships].path = rules->ships[i];
		if (f)
			out->ships[out->n_ships].content = f->content;
		out->n_ships++;
	}
}

/* ---- is it there already? ---- */

static bool live(struct lifecycle *lc, const struct instance *in, const struct record *now, struct strbuf *there)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct registry reg = REGISTRY_INIT;
	const struct release *is;
	struct deploy_rules rules;
	struct shipping pending;
	struct release want;
	bool same = false;

	deploy_rules_of(in, &a, &rules);
	deploy_release(in, &rules, now, &a, &want);
	if (registry_read_all(&reg, lc->db, lc->repo->prefix ? lc->repo->prefix : "", NULL) < 0 ||
	    shipping_read(lc->repo, want.name, want.environment, &a, &pending, NULL) != 0) {
		strbuf_addstr(there, "not known");
	} else {
		is = registry_live(&reg, want.name, want.environment);
		same = is && release_ships_same(is, &want) && is->how && streq(is->how, want.how);
		strbuf_addstr(there, !is ? "nothing" : is->version ? is->version : "a version that is not known");
	}
	registry_release(&reg);
	return same;
}

static int perform(struct lifecycle *lc, const struct task *t, enum performed *how, struct strbuf *message, struct strvec *notes,
		   struct err *err)
{
	(void)lc;
	(void)how;
	(void)message;
	(void)notes;
	return err_set(err, ERR_INVALID, "'%s' is done by `mlmake deploy`, when everything it needs is recorded", t->name);
}

const struct performer performer_deploy = {.perform = perform, .live = live};

/* ---- shipping ---- */

/* The copies, and a directory of their own below which they have the paths that they have in the project. */
static int place_ships(struct deploying *d, const struct release *r, const char *dir, struct err *err)
{
	size_t i;

	if (file_remove_tree(dir, err) < 0)
		return -1;
	for (i = 0; i < r->n_ships; i++) {
		CLEANUP(freep) char *to = path_join(dir, r->ships[i].path);

		if (file_mkdirs_for(to, err) < 0)
			return -1;
		if (store_place(d->store, &r->ships[i].content, to, NULL, err) < 0)
			return err_wrap(err, "'%s' of %s %s", r->ships[i].path, r->name, r->version ? r->version : r->tag);
	}
	return 0;
}

static void make_env(const struct deploying *d, const struct release *r, const char *dir, struct strvec *env)
{
	size_t i;

	strvec_pushf(env, DEPLOY_SHIP "=%s", dir);
	for (i = 0; i < r->n_ships; i++)
		strvec_pushf(env, DEPLOY_SHIP "_%zu=%s/%s", i + 1, dir, r->ships[i].path);
	if (r->version)
		strvec_pushf(env, DEPLOY_VERSION "=%s", r->version);
	else
		strvec_push(env, DEPLOY_VERSION);
	strvec_pushf(env, DEPLOY_ENVIRONMENT "=%s", d->what->environment);
	strvec_pushf(env, "MLMAKE_DEPLOY=%s", d->what->name);
	if (d->before && d->before->version)
		strvec_pushf(env, "MLMAKE_VERSION_BEFORE=%s", d->before->version);
	else
		strvec_push(env, "MLMAKE_VERSION_BEFORE");
}

/* A signal that was heeded does not stop what undoes it as well; the next one does. */
static void drain_signals(const struct deploying *d)
{
	struct signalfd_siginfo si;

	while (d->signal_fd >= 0 && read(d->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		;
}

/* Runs one of the commands with r's copies: 0 if it succeeded, 1 and *why if not, -1. */
static int run_command(struct deploying *d, const char *word, const char *cmd, const struct release *r, int64_t timeout, struct strbuf *why,
		       struct err *err)
{
	CLEANUP(freep) char *ships = shipping_ships_dir(d->repo, d->what->name);
	CLEANUP(freep) char *cwd = path_is_absolute(ships) ? xstrdup("") : getcwd(NULL, 0);
	CLEANUP(freep) char *dir = path_join(cwd ? cwd : "", ships);
	CLEANUP(freep) char *log = xstrfmt("%s/log/%s.%s.log", d->repo->state, d->in->stage->name, word);
	CLEANUP(strvec_release) struct strvec env = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf tail = STRBUF_INIT;
	const struct env *e = d->in->stage->env;
	const struct once o = {.timeout = timeout, .grace = GRACE, .signal_fd = d->signal_fd};
	struct launch l = {.name = d->in->name, .cmd = cmd, .prefix = e ? e->run : NULL, .log = log, .whole_env = true};
	enum once_end how;
	int status;

	passing_declared(e, d->in, &env);
	make_env(d, r, dir, &env);
	l.env = env.v;
	if (file_mkdirs_for(log, err) < 0 || launch_once(d->launcher, &l, &o, &status, &how, err) < 0)
		return -1;
	if (how == ONCE_ENDED && status == 0)
		return 0;
	if (how == ONCE_STOPPED) {
		d->interrupted = d->stopped = true;
		drain_signals(d);
	}
	strbuf_clear(why);
	strbuf_addf(why, "%s: ", word);
	once_words(&o, status, how, why);
	tail_end(log, TAIL_LINES, &tail);
	strbuf_trim(&tail);
	if (tail.len)
		strbuf_addf(why, ": %s", tail.buf);
	return 1;
}

/* False if a signal came meanwhile. */
static bool pause_for(struct deploying *d, int64_t ns)
{
	struct pollfd fd = {.fd = d->signal_fd, .events = POLLIN};

	if (poll(&fd, 1, (int)(ns / 1000000)) <= 0)
		return true;
	d->interrupted = d->stopped = true;
	drain_signals(d);
	return false;
}

/* Tries again until `wait` has passed. */
static int look_at_health(struct deploying *d, const struct release *r, struct strbuf *why, struct err *err)
{
	int64_t end = clock_tick(&clock_system) + d->rules->wait, pause = PAUSE_FIRST, left;
	int got, tries = 0;

	if (!d->rules->health)
		return 0;
	for (;;) {
		left = MAX(end - clock_tick(&clock_system), INT64_C(1));
		got = run_command(d, "health", d->rules->health, r, left, why, err);
		tries++;
		if (got <= 0 || d->stopped)
			return got;
		if (clock_tick(&clock_system) + pause >= end)
			break;
		if (!pause_for(d, pause)) {
			strbuf_clear(why);
			strbuf_addstr(why, "health: it was interrupted");
			return 1;
		}
		pause = MIN(2 * pause, PAUSE_MOST);
	}
	strbuf_addf(why, " (after %d attempt%s in ", tries, tries > 1 ? "s" : "");
	text_add_duration(why, d->rules->wait);
	strbuf_addch(why, ')');
	return 1;
}

/* Is what was there well again? Its own copies are looked at; of one that says none of its ships, nothing can be. */
static int look_at_before(struct deploying *d, const char *dir, struct strbuf *why, struct err *err)
{
	CLEANUP(err_release) struct err failed = ERR_INIT;

	if (!d->before || !d->before->n_ships || !d->rules->health)
		return 0;
	if (place_ships(d, d->before, dir, &failed) < 0) {
		strbuf_addf(why, "'undo' worked, and what was there before cannot be had to look at its health: %s", failed.msg);
		return 1;
	}
	return look_at_health(d, d->before, why, err);
}

/* Back to what was there: by `undo`, or by shipping it again. 0 if it is there, 1 and *why if not. */
static int undo(struct deploying *d, struct strbuf *why, struct err *err)
{
	CLEANUP(freep) char *dir = shipping_ships_dir(d->repo, d->what->name);
	CLEANUP(err_release) struct err failed = ERR_INIT;
	bool again = d->before && d->before->n_ships == d->what->n_ships;
	int got;

	if (d->rules->undo) {
		got = run_command(d, "undo", d->rules->undo, d->what, d->in->stage->timeout, why, err);
		return got ? got : look_at_before(d, dir, why, err);
	}
	if (!again) {
		strbuf_addstr(why, d->before ? "there is no 'undo', and what was there before ships other files"
					     : "there is no 'undo', and nothing was there before");
		return 1;
	}
	if (place_ships(d, d->before, dir, &failed) < 0) {
		strbuf_addf(why, "there is no 'undo', and what was there before cannot be had: %s", failed.msg);
		return 1;
	}
	got = run_command(d, "cmd", d->rules->cmd, d->before, d->in->stage->timeout, why, err);
	return got ? got : look_at_health(d, d->before, why, err);
}

static int go_back(struct deploying *d, enum deployed *how, struct strbuf *why, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf back = STRBUF_INIT;
	int got;

	d->stopped = false;
	if (d->phase(d->ctx, SHIPPING_UNDOES, why->buf, err) < 0)
		return -1;
	got = undo(d, &back, err);
	if (got < 0)
		return -1;
	*how = got ? DEPLOY_UNKNOWN : DEPLOY_UNDONE;
	if (got)
		strbuf_addf(why, "; undoing it failed, too: %s", back.buf);
	return 0;
}

int deploy_ship(struct deploying *d, enum deployed *how, struct strbuf *why, struct err *err)
{
	CLEANUP(freep) char *dir = shipping_ships_dir(d->repo, d->what->name);
	struct err failed = ERR_INIT;
	int got;

	*how = DEPLOY_UNTOUCHED;
	if (place_ships(d, d->what, dir, &failed) < 0) {
		strbuf_addstr(why, failed.msg);
		err_release(&failed);
		return 0;
	}
	if (d->phase(d->ctx, SHIPPING_SHIPS, NULL, &failed) < 0) {
		strbuf_addstr(why, failed.msg);
		err_release(&failed);
		return 0;
	}
	got = run_command(d, "cmd", d->rules->cmd, d->what, d->in->stage->timeout, why, err);
	if (got == 0 && d->phase(d->ctx, SHIPPING_CHECKS, NULL, err) < 0)
		return -1;
	if (got == 0)
		got = look_at_health(d, d->what, why, err);
	if (got > 0)
		got = go_back(d, how, why, err);
	else if (got == 0)
		*how = DEPLOYED;
	if (got == 0 && *how != DEPLOY_UNKNOWN && file_remove_tree(dir, err) < 0)
		return -1;
	return got;
}
