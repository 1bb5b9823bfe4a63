/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `compare = rescore` of a gate at load: an instance beside the one that is judged, with its inputs, parameters and environment, and with
 * metrics files of its own: `metrics/eval.json` of the one is `metrics/eval.production.json` of the other. */
#include <config.h>

#include <string.h>

#include "pipeline/kinds.h"
#include "util/path.h"

static const struct section_info info = {"rescore", S_KIND, NULL, 0, &kind_rescore};

static const struct entry *find_entry(const struct proto *p, const char *key)
{
	const struct entry *e = p->sec->first;

	while (e && !streq(e->key->name, key))
		e = e->next;
	return e;
}

static const struct instance *find_instance(struct load *ld, const char *name)
{
	struct proto *p = map_getn(&ld->pl->stage_by_name, name, strcspn(name, "@"));
	size_t i;

	if (!p || p->st.kind != STAGE_COMMAND)
		return NULL;
	for (i = 0; i < p->st.n; i++)
		if (streq(p->in[i].name, name) || (p->st.n == 1 && streq(p->st.name, name)))
			return &p->in[i];
	return NULL;
}

/* The one instance that the gate is of; NULL after a diag, unless `of` is wrong, which is told by others. */
static const struct instance *find_judged(struct load *ld, const struct proto *gate, const struct entry *compare)
{
	const struct entry *of = find_entry(gate, "of");
	const struct instance *in = of ? find_instance(ld, of->value) : NULL;

	if (of && (!in || strpbrk(of->value, " \t") || (of->next && of->next->key == of->key)) &&
	    (in || strpbrk(of->value, " \t") || map_get(&ld->pl->stage_by_name, of->value)))
		stage_error(ld, gate, compare->line, "'compare = rescore' scores one instance, and 'of' names several");
	return in;
}

/* "metrics/eval.production.json" */
static const char *beside(struct load *ld, const char *path)
{
	const char *base = path_base(path), *dot = strrchr(base, '.');
	size_t n = dot && dot > base ? (size_t)(dot - path) : strlen(path);

	return arena_fmt(&ld->pl->arena, "%.*s.production%s", (int)n, path, path + n);
}

static void make_outputs(struct load *ld, struct instance *in, const struct instance *like)
{
	struct output *outs = arena_calloc(&ld->pl->arena, (like->n_outs + 1) * sizeof(*outs));
	size_t i;

	in->outs = outs;
	for (i = 0; i < like->n_outs; i++)
		if (like->outs[i].kind == OUTPUT_METRICS)
			outs[in->n_outs++] = (struct output){.kind = OUTPUT_METRICS, .path = beside(ld, like->outs[i].path), .at = in->stage->at};
}

static void add_for(struct load *ld, const struct proto *gate, const struct entry *compare)
{
	struct pipeline *pl = ld->pl;
	const struct instance *like = find_judged(ld, gate, compare);
	const struct proto *from = like ? proto_of(like) : NULL;
	struct section *sec = arena_calloc(&pl->arena, sizeof(*sec));
	struct proto *p = arena_calloc(&pl->arena, sizeof(*p));

	if (!like)
		return;
	*sec = (struct section){.info = &info, .name = gate->sec->name, .file = gate->sec->file, .line = compare->line};
	*p = (struct proto){.st = from->st, .sec = sec, .number = pl->n_stages, .items_tail = &p->items, .facts = from->facts,
			    .env_vars = from->env_vars, .n_env_vars = from->n_env_vars, .keep = from->keep, .like = like};
	p->st.name = arena_fmt(&pl->arena, "rescore:%s", gate->sec->name);
	p->st.kind = STAGE_RESCORE;
	p->st.is_source = p->st.frozen = false;
	p->st.desc = p->st.written = NULL;
	p->st.at = (struct place){sec->file, sec->line};
	p->st.n = 1;
	p->in = arena_calloc(&pl->arena, sizeof(*p->in));
	*p->in = (struct instance){.name = p->st.name, .stage = &p->st, .vars = like->vars, .n_vars = like->n_vars};
	make_outputs(ld, p->in, like);
	map_put(&pl->stage_by_name, p->st.name, p);
	pl->stages = arena_grow(&pl->arena, pl->stages, pl->n_stages, sizeof(*pl->stages));
	pl->stages[pl->n_stages++] = &p->st;
	ld->n_instances++;
	(void)outputs_register(ld, p->in);
}

void rescore_add(struct load *ld)
{
	size_t i, n = ld->pl->n_stages;

	for (i = 0; i < n; i++) {
		const struct proto *p = (const struct proto *)ld->pl->stages[i];
		const struct entry *compare = p->st.kind == STAGE_GATE ? find_entry(p, "compare") : NULL;

		if (compare && streq(compare->value, "rescore"))
			add_for(ld, p, compare);
	}
}

static void check(struct load *ld, struct proto *p, const struct rule *rules, struct gather *g)
{
	size_t i;

	(void)ld;
	(void)rules;
	p->facts = proto_of(p->like)->facts;
	for (i = 0; i < p->like->n_inputs; i++) {
		const struct input *x = &p->like->inputs[i];
		struct input *mine;

		if (x->kind == INPUT_LOCK) /* comes with the environment */
			continue;
		mine = gather_input(g, x->kind, x->path, p->st.at.line);
		mine->keep = x->keep;
		mine->pattern = x->pattern;
	}
}

static const char *rules(struct load *ld, const struct proto *p)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	const struct instance *like = p->like;
	const char *s, *nl;
	size_t i, k = 0;

	strbuf_addf(&out, "of = %s\n", like->name);
	for (i = 0; i < like->n_outs; i++)
		strbuf_addf(&out, "makes = %s\n", like->outs[i].path);
	for (i = 0; i < like->n_outs; i++)
		if (like->outs[i].kind == OUTPUT_METRICS)
			strbuf_addf(&out, "metrics %s = %s\n", p->in->outs[k++].path, like->outs[i].path);
	for (s = like->cmd ? like->cmd : ""; *s; s = *nl ? nl + 1 : nl) {
		nl = s + strcspn(s, "\n");
		strbuf_addf(&out, "%s = %.*s\n", s == like->cmd ? "cmd" : "", (int)(nl - s), s);
	}
	return load_strdup(ld, out.buf, out.len ? out.len - 1 : 0);
}

const struct kind kind_rescore = {STAGE_RESCORE, check, rules};
