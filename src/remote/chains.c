/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chains here and there, compared and brought together. A ref is set only if it still is what it was when it was looked at, and
 * only to what holds that. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "remote/remoteroom.h"

const char *chain_state_name(enum chain_state s)
{
	static const char *const names[] = {"same", "new", "grew", "ahead", "behind", "diverged", "raced"};

	return names[s];
}

void chains_release(struct chains *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->v[i].writer);
		free(c->v[i].here);
		free(c->v[i].there);
	}
	free(c->v);
	*c = (struct chains)CHAINS_INIT;
}

bool chains_raced(const struct chains *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].state == CHAIN_RACED)
			return true;
	return false;
}

static int tips_here(const struct transport *t, struct tips *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "for-each-ref");
	strvec_push(&argv, "--format=%(objectname)%09%(refname)");
	strvec_push(&argv, "refs/mlmake/log/");
	if (wire_run(t, &argv, NULL, NULL, 0, &text, "cannot list the lineage here", err) < 0)
		return -1;
	tips_parse(text.buf, out);
	tips_sort(out);
	return 0;
}

/* Does commit `inner` lie in the history of `outer`? Both are here. */
static int holds(const struct transport *t, const char *outer, const char *inner, bool *yes, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	int status;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "merge-base");
	strvec_push(&argv, "--is-ancestor");
	strvec_push(&argv, inner);
	strvec_push(&argv, outer);
	status = wire_ask(&argv, NULL, err);
	if (status > 1)
		return err_set(err, ERR_FAILED, "git cannot compare %.12s with %.12s", inner, outer);
	*yes = status == 0;
	return status < 0 ? -1 : 0;
}

static int is_here(const struct transport *t, const char *commit, bool *yes, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	int status;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "cat-file");
	strvec_push(&argv, "-e");
	strvec_pushf(&argv, "%s^{commit}", commit);
	status = wire_ask(&argv, NULL, err);
	*yes = status == 0;
	return status < 0 ? -1 : 0;
}

/* Sets state to SAME, AHEAD, BEHIND or DIVERGED. What is not here yet can only be told when it has been fetched; it counts as
 * BEHIND until then. */
static int compare(const struct transport *t, struct chain *c, struct err *err)
{
	bool known, yes = false;

	c->state = CHAIN_SAME;
	if (!c->here || !c->there) {
		c->state = c->here ? CHAIN_AHEAD : CHAIN_BEHIND;
		return 0;
	}
	if (streq(c->here, c->there))
		return 0;
	if (is_here(t, c->there, &known, err) < 0)
		return -1;
	c->state = CHAIN_BEHIND;
	if (!known)
		return 0;
	if (holds(t, c->here, c->there, &yes, err) < 0)
		return -1;
	if (yes) {
		c->state = CHAIN_AHEAD;
		return 0;
	}
	if (holds(t, c->there, c->here, &yes, err) < 0)
		return -1;
	c->state = yes ? CHAIN_BEHIND : CHAIN_DIVERGED;
	return 0;
}

static void add(struct chains *out, const char *writer, const char *here, const char *there)
{
	ALLOC_GROW(out->v, out->n + 1, out->cap);
	out->v[out->n++] = (struct chain){xstrdup(writer), CHAIN_SAME, here ? xstrdup(here) : NULL, there ? xstrdup(there) : NULL};
}

static int by_writer(const void *a, const void *b)
{
	return strcmp(((const struct chain *)a)->writer, ((const struct chain *)b)->writer);
}

static int list_both(struct remote *r, struct chains *out, struct err *err)
{
	CLEANUP(tips_release) struct tips here = TIPS_INIT, there = TIPS_INIT;
	size_t i;

	chains_release(out);
	if (tips_here(r->t, &here, err) < 0 || r->t->kind->tips(r->t, &there, err) < 0)
		return -1;
	for (i = 0; i < here.n; i++) {
		const struct tip *other = tips_find(&there, here.v[i].writer);

		add(out, here.v[i].writer, here.v[i].id, other ? other->id : NULL);
	}
	for (i = 0; i < there.n; i++)
		if (!tips_find(&here, there.v[i].writer))
			add(out, there.v[i].writer, NULL, there.v[i].id);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_writer);
	for (i = 0; i < out->n; i++)
		if (compare(r->t, &out->v[i], err) < 0)
			return -1;
	return 0;
}

int remote_chains(struct remote *r, struct chains *out, struct err *err)
{
	return list_both(r, out, err) < 0 ? err_wrap(err, "remote '%s'", r->name) : 0;
}

static void pick(const struct chains *c, enum chain_state state, struct tips *out)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].state == state) {
			struct tip *t = tips_add(out, c->v[i].writer, state == CHAIN_AHEAD ? c->v[i].here : c->v[i].there);

			t->old = c->v[i].there && state == CHAIN_AHEAD ? xstrdup(c->v[i].there) : NULL;
		}
}

int remote_push_chains(struct remote *r, struct chains *out, struct err *err)
{
	CLEANUP(tips_release) struct tips tips = TIPS_INIT;
	size_t i;

	if (list_both(r, out, err) < 0)
		return err_wrap(err, "remote '%s'", r->name);
	pick(out, CHAIN_AHEAD, &tips);
	if (tips.n && r->t->kind->push(r->t, &tips, err) < 0)
		return err_wrap(err, "remote '%s'", r->name);
	for (i = 0; i < out->n; i++) {
		const struct tip *t = tips_find(&tips, out->v[i].writer);

		if (t)
			out->v[i].state = !t->ok ? CHAIN_RACED : t->old ? CHAIN_GREW : CHAIN_NEW;
	}
	return 0;
}

/* Sets our ref of the chain to what was fetched, if it still is what it was. */
static int set_ours(struct remote *r, struct chain *c, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf none = STRBUF_INIT;
	int status;

	strbuf_addn(&none, '0', strlen(c->there));
	wire_begin(r->t->here, &argv);
	strvec_push(&argv, "update-ref");
	strvec_push(&argv, "-m");
	strvec_pushf(&argv, "mlmake: pull from %s", r->name);
	strvec_pushf(&argv, "refs/mlmake/log/%s", c->writer);
	strvec_push(&argv, c->there);
	strvec_push(&argv, c->here ? c->here : none.buf);
	status = wire_ask(&argv, NULL, err);
	if (status < 0)
		return -1;
	c->state = status ? CHAIN_RACED : c->here ? CHAIN_GREW : CHAIN_NEW;
	return 0;
}

static int take_one(struct remote *r, struct chain *c, struct err *err)
{
	bool known;

	if (is_here(r->t, c->there, &known, err) < 0)
		return -1;
	if (!known) { /* it was rewritten between being listed and being fetched */
		c->state = CHAIN_RACED;
		return 0;
	}
	if (compare(r->t, c, err) < 0)
		return -1;
	return c->state == CHAIN_BEHIND ? set_ours(r, c, err) : 0;
}

int remote_pull_chains(struct remote *r, struct chains *out, struct err *err)
{
	CLEANUP(tips_release) struct tips tips = TIPS_INIT;
	size_t i;

	if (list_both(r, out, err) < 0)
		return err_wrap(err, "remote '%s'", r->name);
	pick(out, CHAIN_BEHIND, &tips);
	if (tips.n && r->t->kind->fetch(r->t, &tips, err) < 0)
		return err_wrap(err, "remote '%s'", r->name);
	for (i = 0; i < out->n; i++)
		if (out->v[i].state == CHAIN_BEHIND && take_one(r, &out->v[i], err) < 0)
			return err_wrap(err, "remote '%s'", r->name);
	return 0;
}
