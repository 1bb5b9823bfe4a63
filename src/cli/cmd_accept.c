/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/project.h"
#include "cli/recorder.h"
#include "report/wording.h"
#include "run/finish.h"
#include "stale/accept.h"
#include "util/clock.h"
#include "util/pool.h"

/* One invocation: all named instances, or none. */
struct accepting_now {
	struct project p;
	char run_id[40];
	char *who;
	const char *because;
	bool undo;
	int64_t now;
	struct run_part *parts;
	size_t n_parts;
	struct recorder *recorder;
	struct strbuf said;
};

static struct run_part *add_part(struct accepting_now *m, const char *instance, const struct digest *key)
{
	m->parts = xreallocarray(m->parts, m->n_parts + 1, sizeof(*m->parts));
	m->parts[m->n_parts] = (struct run_part){.name = instance, .result = m->undo ? "undone" : "accepted", .has_key = true, .key = *key};
	return &m->parts[m->n_parts++];
}

static void tell(struct accepting_now *m, const char *instance, const struct strbuf *words)
{
	struct style style = project_style(&m->p, STDOUT_FILENO);
	size_t start = m->said.len;

	hue_addf(&m->said, &style, HUE_GOOD, "%-8s", m->undo ? "undone" : "accepted");
	strbuf_addch(&m->said, ' ');
	term_add_clean(&m->said, instance, strlen(instance));
	strbuf_addf(&m->said, "  %s", words->buf);
	term_cut(&m->said, start, (size_t)style.width, &style);
	strbuf_addch(&m->said, '\n');
}

/* The record of a run stays that of its key. */
static int add_accepted(struct history *h, const struct record *r, struct err *err)
{
	const struct record *run = history_find(h, &r->key);

	return run && !run->n_accepted ? history_touch(h, r, err) : history_add(h, r, err);
}

static int accept_one(struct accepting_now *m, const struct verdict *v, const struct instance *in, struct arena *a,
		      struct err *err)
{
	const struct acceptance acc = {.run = m->run_id, .when = m->now, .who = m->who, .because = m->because};
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT, note = STRBUF_INIT;
	struct record r;

	if (accept_record(v, &acc, a, &r, err) < 0 ||
	    finish_keep_inputs(m->p.store, &m->p.pl, in, &r, project_held(&m->p), &note, err) < 0 ||
	    add_accepted(m->p.history, &r, err) < 0)
		return -1;
	if (note.len)
		fprintf(stderr, "mlmake: warning: %s: %s\n", in->name, note.buf);
	recorder_reasons(m->recorder, v, add_part(m, in->name, &r.key));
	words_first_reason(&words, v);
	tell(m, in->name, &words);
	return 0;
}

static int accept_all(struct accepting_now *m, const struct accepting *ac, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	size_t i;

	if (!ac->n) {
		for (i = 0; i < m->p.g.n && !m->p.named[i]; i++)
			;
		return err_set(err, ERR_INVALID, "there is nothing to accept: '%s' is %s", m->p.g.nodes[i].in->name,
			       stale_state_name(ac->verdicts[i].state));
	}
	if (history_begin_run(m->p.history, m->run_id, err) < 0)
		return -1;
	for (i = 0; i < ac->n; i++)
		if (accept_one(m, &ac->verdicts[ac->nodes[i]], m->p.g.nodes[ac->nodes[i]].in, &a, err) < 0)
			return -1;
	strbuf_addf(&m->said, "%zu accepted: the outputs that are there stand as the result of the inputs as they are\n", ac->n);
	return 0;
}

static int accept(struct accepting_now *m, struct err *err)
{
	CLEANUP(accepting_release) struct accepting ac = ACCEPTING_INIT;
	struct plan_tools tools = {m->p.cache, m->p.store, m->p.history, probes_get, &m->p.probes, pool_cpus(), m->p.code, &m->p.outside};
	int got = accept_check(&ac, &m->p.g, m->p.selected, m->p.named, &tools, &m->p.ds);

	project_tell(&m->p);
	return got < 0 ? -1 : accept_all(m, &ac, err);
}

/* What the record was before is known by its key, or else follows from what was accepted. */
static int undo_one(struct accepting_now *m, const struct record *last, struct arena *a, struct err *err)
{
	const struct acceptance *acc = &last->accepted[last->n_accepted - 1];
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	const struct record *run;
	struct record before;

	record_unaccept(last, a, &before);
	if (history_undo(m->p.history, last->instance, acc->run, err) < 0)
		return -1;
	run = acc->n_was || acc->n_added ? NULL : history_find(m->p.history, &before.key); /* it knows what was absent, too */
	if (history_touch(m->p.history, run && !run->n_accepted ? run : &before, err) < 0)
		return -1;
	add_part(m, last->instance, &before.key);
	words_acceptance(&words, acc);
	tell(m, last->instance, &words);
	return 0;
}

static int undo(struct accepting_now *m, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	const char *name = NULL;
	size_t i;

	for (i = 0; i < m->p.g.n; i++) {
		const struct record *last = NULL;

		if (!m->p.named[i])
			continue;
		name = m->p.g.nodes[i].in->name;
		last = history_last(m->p.history, name);
		if (!last || !last->n_accepted)
			continue;
		if (history_begin_run(m->p.history, m->run_id, err) < 0 || undo_one(m, last, &a, err) < 0)
			return -1;
	}
	return m->n_parts ? 0 : err_set(err, ERR_INVALID, "there is nothing to take back: what is known of '%s' is from a run", name);
}

static int write_down(struct accepting_now *m, struct err *err)
{
	struct run r = {.id = m->run_id,
			.time = m->now,
			.outcome = m->undo ? "undone" : "accepted",
			.author = m->who,
			.because = m->because,
			.parts = m->parts,
			.n_parts = m->n_parts};

	recorder_begin(m->recorder);
	return recorder_save(m->recorder, &r, err);
}

static int run_in(struct accepting_now *m, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	int code = project_recover(&m->p, m->run_id);

	if (code == EXIT_DONE)
		code = project_load(&m->p, a->words.v, a->words.n);
	if (code != EXIT_DONE)
		return code;
	if (history_crashed_run(m->p.history) && project_save(&m->p, NULL, NULL, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	m->who = gitdb_user(m->p.db);
	m->recorder = recorder_new(&m->p, m->run_id);
	if ((m->undo ? undo(m, &err) : accept(m, &err)) < 0 || write_down(m, &err) < 0)
		return err.msg ? cli_fail(EXIT_USAGE, &err) : EXIT_USAGE;
	return cli_print(&m->said);
}

static bool is_blank(const char *s)
{
	return s[strspn(s, " \t\r\n")] == '\0';
}

static int check_args(const struct args *a, struct err *err)
{
	const char *because = args_value(a, "because");
	bool undo = args_count(a, "undo") > 0;

	if (!a->words.n)
		return err_set(err, ERR_INVALID, "which stage? `mlmake accept STAGE --because REASON`");
	if (!undo && !because)
		return err_set(err, ERR_INVALID, "why is the change harmless? `mlmake accept %s --because REASON`", a->words.v[0]);
	if (because && is_blank(because))
		return err_set(err, ERR_INVALID, "the reason is empty; it is kept for those who wonder later");
	return 0;
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct accepting_now m = {.because = args_value(a, "because"), .undo = args_count(a, "undo") > 0, .said = STRBUF_INIT};
	int code;

	if (check_args(a, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	m.now = clock_now(&clock_system) / 1000000000 * 1000000000;
	run_new_id(m.run_id);
	code = project_open(&m.p, a, true);
	if (code == EXIT_DONE)
		code = run_in(&m, a);
	recorder_free(m.recorder);
	project_close(&m.p);
	strbuf_release(&m.said);
	free(m.parts);
	free(m.who);
	return code;
}

static const struct option_def options[] = {
	{0, "because", "REASON", "why the change is harmless; kept in mlmake.lock and in the log"},
	{0, "undo", NULL, "take back what was accepted last"},
	{0, "no-wait", NULL, "if another mlmake is at work here, exit with 75"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_accept = {
	"accept",
	"take changed inputs as harmless: what is there stands, and nothing runs",
	"[NAME=VALUE...] TARGET... --because=REASON",
	"The outputs that are there become the result of the inputs as they are now. Who said so, when,\n"
	"why, and what differed stays with the result: `mlmake why` tells it, in other clones too.",
	WORDS_TARGETS,
	options,
	run,
};
