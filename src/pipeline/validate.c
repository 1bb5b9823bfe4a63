/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be said only when all is known. */
#include <config.h>

#include <string.h>

#include "pipeline/load.h"
#include "util/path.h"

static void check_stage(struct load *ld, const struct proto *p)
{
	const struct item *it = p->items;

	if (p->st.kind != STAGE_COMMAND)
		return;
	while (it && it->key != K_OUTS && it->key != K_METRICS && it->key != K_PLOTS)
		it = it->next;
	if (!p->has_cmd)
		stage_error(ld, p, p->sec->line, "'%s' has no 'cmd'; say what it runs", p->st.name);
	if (!it && !p->failed)
		stage_error(ld, p, p->sec->line, "'%s' makes nothing; give it 'outs'", p->st.name);
}

static int line_of(const struct proto *p, enum key_id id)
{
	const struct entry *e = p->sec->first;

	while (e && e->key->id != id)
		e = e->next;
	return e ? e->line : p->sec->line;
}

static void check_same(struct load *ld, const struct proto *p)
{
	const char *same = p->has_same && !p->failed && p->st.n ? p->in[0].same : NULL;

	if (!same)
		return;
	if (!strstr(same, "MLMAKE_OLD") || !strstr(same, "MLMAKE_NEW"))
		stage_error(ld, p, line_of(p, K_SAME), "'same' compares nothing: name both {{old}} and {{new}}");
	if (p->st.cache == CACHE_NO)
		diag_warn(ld->ds, p->sec->file, line_of(p, K_SAME), "'same' needs the output of before from the store, and with "
			  "'cache = no' it is not there");
}

static const struct made *first_below(const struct made_dir *d)
{
	while (!d->outputs)
		d = d->subs;
	return d->outputs;
}

/* No output lies in another one. d is a directory with outputs below. */
static void check_nesting(struct load *ld, const struct made_dir *d)
{
	const struct instance *in = map_get(&ld->pl->instance_by_output, d->path);
	const struct made *inner = in ? first_below(d) : NULL;
	size_t i;

	for (i = 0; inner && i < in->n_outs; i++)
		if (streq(in->outs[i].path, d->path))
			place_error(ld, in->outs[i].at, "'%s' of '%s' is an output in the output '%s' "
				   "of '%s'; one of the two must lie elsewhere", inner->path, inner->in->name, d->path,
				    in->name);
}

static void check_reserved(struct load *ld, const char *path, const char *what)
{
	const struct instance *in = made_holding(&ld->pl->instance_by_output, path);
	size_t i;

	for (i = 0; in && i < in->n_outs; i++)
		if (path_is_within(path, in->outs[i].path))
			place_error(ld, in->outs[i].at, "output '%s' of '%s' would overwrite %s '%s'",
				   in->outs[i].path, in->name, what, path);
}

/* An item that a foreach found on disk and that is made further down: the next build would find another. */
static void check_items(struct load *ld, const struct proto *p)
{
	const struct axis *ax = p->is_foreach && !p->failed ? p->axes : NULL;
	size_t i;

	for (i = 0; ax && ax->found && i < ax->n; i++) {
		const struct instance *in = ax->found[i] ? made_holding(&ld->pl->instance_by_output, ax->v[i]) : NULL;

		if (!in)
			continue;
		stage_error(ld, p, ax->line, "'foreach' finds '%s', which '%s' makes; put [stage %s] above [stage %s]",
			   ax->v[i], in->name, in->stage->name, p->st.name);
		return;
	}
}

void validate(struct load *ld)
{
	struct pipeline *pl = ld->pl;
	struct map_slot *slot;
	size_t i;

	for (i = 0; i < pl->n_stages; i++) {
		check_stage(ld, (const struct proto *)pl->stages[i]);
		check_items(ld, (const struct proto *)pl->stages[i]);
		check_same(ld, (const struct proto *)pl->stages[i]);
	}
	for (i = 0; (slot = map_next(&ld->dirs, &i));)
		check_nesting(ld, slot->value);
	for (i = 0; (slot = map_next(&ld->files, &i));)
		check_reserved(ld, slot->key, "the project's file");
	check_reserved(ld, "mlmake.lock", "the file of mlmake's");
	if (!ld->incomplete)
		fields_defaults(ld);
	for (i = 0; !ld->incomplete && !ld->ds->errors && i < pl->n_stages; i++)
		warn_of_undeclared(ld, (const struct proto *)pl->stages[i]);
}
