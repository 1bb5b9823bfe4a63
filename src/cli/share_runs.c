/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/share_runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/origin.h"
#include "cli/share.h"
#include "lineage/lineage.h"
#include "remote/marks.h"
#include "report/shared.h"

#define LOCK_LIMIT ((size_t)1 << 30)

/* One push or pull. */
struct sharing {
	struct project p;
	const struct args *a;
	bool push, dry, selected; /* selected: by targets or --at */
	struct share share;
	struct wanted wanted;
	struct chains chains;
	struct share_words words;
	bool lineage, absent; /* chains is filled in; the remote is not there yet */
};

static struct shared summary(const struct sharing *s)
{
	return (struct shared){.remote = s->share.section->name,
			       .url = s->share.address.shown,
			       .push = s->push,
			       .dry = s->dry,
			       .lineage = s->lineage,
			       .v = s->wanted.v,
			       .n = s->wanted.n,
			       .chains = &s->chains,
			       .allow_missing = args_count(s->a, "allow-missing") > 0};
}

/* ---- what is wanted */

static int want_origin(struct sharing *s, const char *word, struct err *err)
{
	struct origin o = ORIGIN_INIT;
	int got = origin_find(&o, s->p.db, s->p.lineage, &s->p.repo, word, err);

	if (got == 0)
		got = share_want_lock(&s->p, &s->wanted, o.lock_name, &o.lock, &s->words, false, err);
	origin_release(&o);
	return got;
}

/* What the runs name that marks do not cover. Of runs of others nobody misses what is nowhere, nor what cannot be read. */
static int want_runs(struct sharing *s, const struct marks *m, struct err *err)
{
	const struct share_words all = {NULL, 0, NULL};
	const struct run *runs;
	size_t n, i;
	CLEANUP(freep) bool *fresh = share_fresh_runs(&s->share, m, &runs, &n, err);

	for (i = 0; fresh && i < n; i++) {
		CLEANUP(strbuf_release) struct strbuf lock = STRBUF_INIT;
		CLEANUP(freep) char *name = xstrfmt("mlmake.lock of run %s", runs[i].id);
		CLEANUP(err_release) struct err unread = ERR_INIT;
		bool optional = s->push && !runs[i].own;

		if (fresh[i] && (lineage_file(s->p.lineage, &runs[i], "mlmake.lock", LOCK_LIMIT, &lock, &unread) < 0 ||
				 share_want_lock(&s->p, &s->wanted, name, &lock, &all, optional, &unread) < 0) &&
		    runs[i].own)
			return err_move(err, &unread);
	}
	return fresh ? 0 : -1;
}

static int check_words(const struct sharing *s, struct err *err)
{
	size_t i;

	for (i = 0; i < s->a->words.n; i++)
		if (!s->words.hit[i])
			return err_set(err, ERR_INVALID, "%s has no stage, instance or artifact '%s'",
				       args_value(s->a, "at") ? args_value(s->a, "at") : "mlmake.lock", s->a->words.v[i]);
	return 0;
}

/* A chain that is not there any more tells that the files of its runs may not be either. */
static int distrust_marks(struct sharing *s, struct marks *m, struct err *err)
{
	CLEANUP(chains_release) struct chains c = CHAINS_INIT;
	size_t i;

	if (remote_chains(s->share.remote, &c, err) < 0)
		return -1;
	for (i = 0; i < c.n; i++)
		if (!c.v[i].there)
			marks_forget(m, c.v[i].writer);
	return 0;
}

/* A push looks at the runs since the last one, and with --all at all; a pull only with --all. */
static int gather_runs(struct sharing *s, struct err *err)
{
	CLEANUP(marks_release) struct marks m = MARKS_INIT;

	if (!s->push && !args_count(s->a, "all"))
		return 0;
	if (!args_count(s->a, "all"))
		share_read_marks(&s->share, "pushed", &m);
	if (m.writers.n && !s->absent && distrust_marks(s, &m, err) < 0)
		return -1;
	return want_runs(s, &m, err);
}

static int gather(struct sharing *s, struct err *err)
{
	size_t i;

	for (i = 0; i < s->a->n_given; i++)
		if (streq(s->a->given[i].def->name, "at") && want_origin(s, s->a->given[i].value, err) < 0)
			return -1;
	if (!args_value(s->a, "at") && share_want_here(&s->p, &s->wanted, &s->words, err) < 0)
		return -1;
	if (check_words(s, err) < 0)
		return -1;
	return s->selected ? 0 : gather_runs(s, err);
}

/* ---- doing it */

/* What would be done: those that are PAYLOAD_ABSENT would be moved. */
static int look_only(struct sharing *s, struct err *err)
{
	struct payload *v = s->wanted.v;
	size_t i;

	if (!s->absent && remote_look(s->share.remote, v, s->wanted.n, err) < 0)
		return -1;
	for (i = 0; i < s->wanted.n; i++) {
		bool here = payloads_has(s->wanted.here, &v[i].id, v[i].size), there = !s->absent && v[i].state == PAYLOAD_THERE;

		v[i].state = (s->push ? there : here)  ? PAYLOAD_THERE
			     : (s->push ? here : there) ? PAYLOAD_ABSENT
							: PAYLOAD_MISSING;
	}
	if (s->absent || args_count(s->a, "lineage"))
		return 0;
	s->lineage = true;
	return remote_chains(s->share.remote, &s->chains, err);
}

static bool has_missing(const struct sharing *s)
{
	size_t i;

	for (i = 0; i < s->wanted.n; i++)
		if (s->wanted.v[i].state != PAYLOAD_THERE && s->wanted.v[i].state != PAYLOAD_MOVED && !s->wanted.v[i].optional)
			return true;
	return false;
}

static int remember(struct sharing *s, const char *what, struct err *err)
{
	CLEANUP(marks_release) struct marks m;
	const struct run *runs;
	size_t n;

	if (lineage_runs(s->p.lineage, &runs, &n, err) < 0)
		return -1;
	share_read_marks(&s->share, what, &m);
	return marks_write(&m, runs, n, err);
}

/* The chains follow when all is there that they speak of. */
static int push(struct sharing *s, struct err *err)
{
	int tries = 0;

	if (args_count(s->a, "all"))
		remote_doubt(s->share.remote);
	if (remote_send(s->share.remote, s->wanted.v, s->wanted.n, &s->share.watch, err) < 0)
		return -1;
	if (has_missing(s) && !args_count(s->a, "allow-missing"))
		return 0;
	s->lineage = true;
	do {
		chains_release(&s->chains);
		if (remote_push_chains(s->share.remote, &s->chains, err) < 0)
			return -1;
	} while (chains_raced(&s->chains) && ++tries < SHARE_RACES);
	return s->selected || has_missing(s) ? 0 : remember(s, "pushed", err);
}

static size_t count(const struct sharing *s, enum payload_state state)
{
	size_t i, n = 0;

	for (i = 0; i < s->wanted.n; i++)
		n += s->wanted.v[i].state == state;
	return n;
}

/* The states of those that have been dealt with go over to the longer list. */
static void carry_over(struct wanted *from, struct wanted *to)
{
	size_t i;

	payloads_sort(to->v, to->n);
	for (i = 0; i < from->n; i++) {
		struct payload *p = payloads_find(to->v, to->n, &from->v[i].id);

		if (p && (p->state == PAYLOAD_UNKNOWN || from->v[i].state == PAYLOAD_MOVED))
			p->state = from->v[i].state;
	}
}

/* The list of a directory's files may be a payload itself: when such have come, more is wanted. */
static int take(struct sharing *s, struct err *err)
{
	if (gather(s, err) < 0 || remote_take(s->share.remote, s->wanted.v, s->wanted.n, &s->share.watch, err) < 0)
		return -1;
	while (s->wanted.open) {
		struct wanted before = s->wanted;
		int got;

		wanted_init(&s->wanted, s->p.store, s->p.repo.shared);
		got = gather(s, err);
		if (got == 0 && s->wanted.n > before.n)
			got = remote_take(s->share.remote, s->wanted.v, s->wanted.n, &s->share.watch, err);
		else
			s->wanted.open = false;
		carry_over(&before, &s->wanted);
		wanted_release(&before);
		if (got < 0)
			return -1;
	}
	return 0;
}

static int pull(struct sharing *s, struct err *err)
{
	s->lineage = true;
	if (share_pull_lineage(&s->share, &s->chains, err) < 0)
		return -1;
	return args_count(s->a, "lineage") ? 0 : take(s, err);
}

/* ---- telling */

static void tell_stop(const struct sharing *s)
{
	size_t moved = count(s, PAYLOAD_MOVED);

	if (moved)
		fprintf(stderr, "mlmake: %zu file%s arrived before and stay%s there; the next time goes on from there\n", moved,
			moved == 1 ? "" : "s", moved == 1 ? "s" : "");
}

static int tell(struct sharing *s)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec problems = STRVEC_INIT;
	const struct shared shared = summary(s);
	int code = EXIT_DONE;
	size_t i;

	if (args_count(s->a, "json")) {
		code = cli_print_json(report_shared_json(&shared));
	} else if (!args_count(s->a, "quiet")) {
		report_shared(&shared, &out);
		code = cli_print(&out);
	}
	report_shared_problems(&shared, args_count(s->a, "verbose") > 0, &problems);
	for (i = 0; i < problems.n; i++)
		fprintf(stderr, "mlmake: error: %s\n", problems.v[i]);
	if (s->push && !s->lineage && !s->dry)
		fprintf(stderr, "mlmake: the history of runs was not sent, because not all is there that it speaks of; --allow-missing "
			"sends it all the same\n");
	return code != EXIT_DONE ? code : shared_is_whole(&shared) ? EXIT_DONE : EXIT_STAGE_FAILED;
}

static int connect_and_do(struct sharing *s, struct err *err)
{
	int got = s->dry ? 0 : gitdb_make(s->p.db, err);

	if (got == 0 && s->push && !s->dry)
		got = lineage_writer(s->p.lineage, &s->share.writer, err);
	if (got == 0)
		got = share_open(&s->share, s->push && !s->dry, err);

	s->absent = got < 0 && s->dry && err->code == ERR_NOTFOUND;
	if (s->absent)
		err_clear(err);
	else if (got < 0)
		return -1;
	if (s->dry)
		return (args_count(s->a, "lineage") ? 0 : gather(s, err)) < 0 ? -1 : look_only(s, err);
	if (!s->push)
		return pull(s, err);
	return gather(s, err) < 0 ? -1 : push(s, err);
}

static int share(struct sharing *s)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	int code = share_choose(&s->share, &s->p), got;

	if (code != EXIT_DONE)
		return code;
	code = project_await(&s->p);
	if (code != EXIT_DONE)
		return code;
	wanted_init(&s->wanted, s->p.store, s->p.repo.shared);
	got = connect_and_do(s, &err);
	share_end_line(&s->share);
	if (got == 0)
		return tell(s);
	code = cli_fail(EXIT_USAGE, &err);
	tell_stop(s);
	return code;
}

int share_main(struct args *a, enum share_way way)
{
	struct sharing s = {.a = a, .push = way == SHARE_PUSH, .share = SHARE_INIT, .chains = CHAINS_INIT};
	int code = project_open(&s.p, a, false);

	s.dry = args_count(a, "dry-run") > 0;
	s.selected = a->words.n > 0 || args_value(a, "at");
	s.words = (struct share_words){a->words.v, a->words.n, xcalloc(a->words.n + 1, sizeof(*s.words.hit))};
	if (code == EXIT_DONE)
		code = share(&s);
	share_release(&s.share);
	wanted_release(&s.wanted);
	chains_release(&s.chains);
	free(s.words.hit);
	project_close(&s.p);
	return code;
}
