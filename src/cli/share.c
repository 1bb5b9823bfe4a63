/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "back/artifacts.h"
#include "back/makers.h"
#include "cli/learn.h"
#include "lineage/lineage.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/text.h"

#define LOCK_LIMIT ((size_t)1 << 30)
#define JOBS 4
#define EVERY_LIVE INT64_C(100000000)   /* between two states of the line, nanoseconds */
#define EVERY_PLAIN INT64_C(10000000000)

/* ---- the remote */

static const struct remote_section *find_section(const struct pipeline *pl, const char *name)
{
	size_t i;

	if (!name)
		return pl->n_remotes ? &pl->remotes[0] : NULL;
	for (i = 0; i < pl->n_remotes; i++)
		if (streq(pl->remotes[i].name, name))
			return &pl->remotes[i];
	return NULL;
}

static void no_such_remote(const struct pipeline *pl, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(name ? name : "");
	size_t i;

	if (!name) {
		fprintf(stderr, "mlmake: error: %s has no remote; write a section [remote NAME] with 'url = PLACE' (see mlmake.ini(5))\n",
			pl->file);
		return;
	}
	for (i = 0; i < pl->n_remotes; i++)
		nearest_offer(&near, pl->remotes[i].name);
	nearest_hint(&near, &hint);
	fprintf(stderr, "mlmake: error: there is no [remote %s] in %s%s", name, pl->file, hint.buf);
	for (i = 0; i < pl->n_remotes && !near.best; i++)
		fprintf(stderr, "%s%s", i ? ", " : "; there is ", pl->remotes[i].name);
	fprintf(stderr, "\n");
}

int share_choose(struct share *s, struct project *p)
{
	struct pipeline_options opt = {.file = p->file, .profile = args_value(p->args, "profile")};
	const char *name = args_value(p->args, "remote");
	struct pipeline_disk disk = project_disk(p);
	struct err ignored = ERR_INIT;
	int got;

	s->p = p;
	if (!p->pl.file)
		got = pipeline_load(&p->pl, &opt, &disk, &p->ds);
	else
		got = 0;
	s->section = find_section(&p->pl, name);
	if (s->section && s->section->url && address_parse(&s->address, s->section->url, s->section->lfs, &ignored) == 0) {
		if (got < 0)
			diags_release(&p->ds);
		return EXIT_DONE;
	}
	err_release(&ignored);
	if (got < 0 && (s->section || !p->pl.n_remotes)) {
		project_tell(p);
		return EXIT_USAGE;
	}
	no_such_remote(&p->pl, name);
	return EXIT_USAGE;
}

/* One line that is written over, on a terminal; elsewhere one now and then. */
static void show_progress(void *ctx, const struct remote_progress *now)
{
	struct progress_line *l = ctx;
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;
	int64_t tick = clock_tick(&clock_system);

	if (!l->shown)
		l->shown = tick;
	if (l->quiet || tick - l->shown < (l->live ? EVERY_LIVE : EVERY_PLAIN))
		return;
	l->shown = tick;
	l->any = true;
	strbuf_addf(&sb, "%s%s: %s %zu of %zu files, ", l->live ? "\r\033[K" : "", l->remote, now->what, now->done, now->n);
	text_add_size(&sb, now->bytes);
	if (now->of) {
		strbuf_addstr(&sb, " of ");
		text_add_size(&sb, now->of);
	}
	if (!l->live)
		strbuf_addch(&sb, '\n');
	fwrite(sb.buf, 1, sb.len, stderr);
}

void share_end_line(struct share *s)
{
	if (s->line.live && s->line.any)
		fputs("\r\033[K", stderr);
	s->line.any = false;
}

int share_open(struct share *s, bool write, struct err *err)
{
	s->here = (struct remote_here){s->p->repo.shared, s->p->repo.git_dir, s->writer};
	s->line = (struct progress_line){.live = term_is_live(STDERR_FILENO),
					 .quiet = args_count(s->p->args, "quiet") > 0,
					 .remote = s->section->name};
	s->watch = (struct remote_watch){show_progress, &s->line};
	s->remote = remote_open(s->section->name, &s->address, &s->here, (int)(s->section->jobs ? s->section->jobs : JOBS), write, err);
	return s->remote ? 0 : -1;
}

void share_release(struct share *s)
{
	share_end_line(s);
	remote_free(s->remote);
	address_release(&s->address);
	free(s->writer);
}

/* ---- what is wanted */

static bool is_named(struct project *p, const struct artifact *a, const struct share_words *words)
{
	bool named = words->n == 0;
	size_t i;

	for (i = 0; i < words->n; i++) {
		CLEANUP(freep) char *target = project_target(p, words->v[i]);

		if (!artifact_is_named(a, target))
			continue;
		named = true;
		if (words->hit)
			words->hit[i] = true;
	}
	return named;
}

/* Inputs of the records whose artifacts are wanted, too, after all artifacts: what stands in both is missed if it is missing. */
int share_want_lock(struct project *p, struct wanted *w, const char *name, const struct strbuf *text,
		    const struct share_words *words, bool optional, struct err *err)
{
	CLEANUP(artifacts_release) struct artifacts as = ARTIFACTS_INIT;
	CLEANUP(freep) const struct record **chosen = NULL;
	size_t i, j, n_chosen = 0;

	store_refresh(p->store); /* a run may be newer than what has been looked at */
	if (artifacts_parse(&as, name, text->buf, text->len, err) < 0)
		return -1;
	chosen = xcalloc(as.n + 1, sizeof(*chosen));
	for (i = 0; i < as.n; i++) {
		if (!is_named(p, &as.v[i], words))
			continue;
		if (!n_chosen || chosen[n_chosen - 1] != as.v[i].record)
			chosen[n_chosen++] = as.v[i].record;
		wanted_add(w, &as.v[i].fact->content, as.v[i].fact->name, optional);
	}
	for (i = 0; i < n_chosen; i++)
		for (j = 0; j < chosen[i]->n_facts; j++) {
			const struct record_fact *f = &chosen[i]->facts[j];

			if (fact_is_input_file(f->kind))
				wanted_add(w, &f->content, f->name, true);
		}
	return 0;
}

int share_want_here(struct project *p, struct wanted *w, const struct share_words *words, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (!file_exists("mlmake.lock"))
		return 0;
	if (file_read("mlmake.lock", LOCK_LIMIT, &text, err) < 0)
		return -1;
	return share_want_lock(p, w, "mlmake.lock", &text, words, false, err);
}

/* ---- the lineage */

/* Another url is another place. */
void share_read_marks(const struct share *s, const char *what, struct marks *m)
{
	CLEANUP(freep) char *file = xstrfmt("%s/%s/%s", s->p->repo.shared, what, s->section->name);
	struct digest d;
	char hex[DIGEST_HEX + 1];

	digest_bytes(s->section->url, strlen(s->section->url), &d);
	digest_hex(&d, hex);
	marks_read(m, file, hex);
}

bool *share_fresh_runs(struct share *s, const struct marks *m, const struct run **runs, size_t *n, struct err *err)
{
	bool *fresh;

	if (lineage_runs(s->p->lineage, runs, n, err) < 0)
		return NULL;
	fresh = xcalloc(*n + 1, sizeof(*fresh));
	marks_compare(m, *runs, *n, fresh);
	return fresh;
}

/* Losing it costs time. */
static void learn_makers(const struct project *p)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct makers *m = makers_new(&p->repo, p->db, p->lineage, p->store);

	(void)!makers_refresh(m, &ignored);
	makers_free(m);
}

int share_pull_lineage(struct share *s, struct chains *out, struct err *err)
{
	int tries = 0;

	do {
		chains_release(out);
		if (remote_pull_chains(s->remote, out, err) < 0)
			return -1;
	} while (chains_raced(out) && ++tries < SHARE_RACES);
	if (lineage_refresh(s->p->lineage, err) < 0 || project_learn(s->p, err) < 0)
		return -1;
	learn_makers(s->p);
	return 0;
}
