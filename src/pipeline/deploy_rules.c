/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/deploy_rules.h"

#include <string.h>

#include "pipeline/words.h"
#include "util/path.h"
#include "util/text.h"

#define WAIT INT64_C(60000000000)

struct reading {
	struct arena *a;
	struct rule_problems problems;
};

static void add_once(struct reading *r, const struct rule *rule, const char *word, const char ***v, size_t *n)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (streq((*v)[i], word)) {
			rule_problem(&r->problems, rule->line, "'%s' names '%s' twice", rule->key, word);
			return;
		}
	*v = arena_grow(r->a, *v, *n, sizeof(**v));
	(*v)[(*n)++] = word;
}

static const char *path_of(struct reading *r, const char *word)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT;

	path_normalize(word, &path);
	return arena_strdup(r->a, path.buf);
}

static void read_words(struct reading *r, const struct rule *rule, bool paths, const char ***v, size_t *n)
{
	char *s = arena_strdup(r->a, rule->value);
	const char *why;
	struct word w;
	int got;

	while ((got = word_next(&s, false, &w, &why)) > 0) {
		const char *word = paths ? path_of(r, w.text) : w.text;

		if (paths && w.pattern)
			rule_problem(&r->problems, rule->line, "'%s' is a pattern; '%s' takes names: one version ships what another does", w.text, rule->key);
		else if (paths && path_refusal(word))
			rule_problem(&r->problems, rule->line, "'%s' %s", word, path_refusal(word));
		else
			add_once(r, rule, word, v, n);
	}
	if (got < 0)
		rule_problem(&r->problems, rule->line, "%s", why);
}

static void read_rule(struct reading *r, const struct rule *rule, struct deploy_rules *out)
{
	const struct { const char *key, **to; } texts[] = {{"cmd", &out->cmd}, {"health", &out->health}, {"undo", &out->undo}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (streq(rule->key, texts[i].key) && !rule->more)
			*texts[i].to = rule_text(rule, r->a);
	if (streq(rule->key, "ship")) {
		out->ship_line = out->ship_line ? out->ship_line : rule->line;
		read_words(r, rule, true, &out->ships, &out->n_ships);
	} else if (streq(rule->key, "environments")) {
		read_words(r, rule, false, &out->environments, &out->n_environments);
	} else if (streq(rule->key, "gate")) {
		out->gate_line = rule->line;
		out->gate = rule->value;
	} else if (streq(rule->key, "wait") && (!text_parse_duration(rule->value, &out->wait) || out->wait <= 0)) {
		rule_problem(&r->problems, rule->line, "'%s' is no duration; write one like 30s or 5m", rule->value);
	}
}

int deploy_rules_read(const struct rule *rules, struct arena *a, struct deploy_rules *out,
		      void (*problem)(void *ctx, int line, const char *message), void *ctx)
{
	struct reading r = {.a = a, .problems = {problem, ctx, 0}};

	*out = (struct deploy_rules){.wait = WAIT};
	for (; rules; rules = rules->next)
		read_rule(&r, rules, out);
	if (!out->n_ships)
		rule_problem(&r.problems, 0, "it ships nothing; give it 'ship'");
	if (!out->cmd)
		rule_problem(&r.problems, 0, "it has no 'cmd'; say how it ships");
	if (!out->gate)
		rule_problem(&r.problems, 0, "it has no 'gate'; name the gate that has to pass, or write 'gate = none'");
	else if (streq(out->gate, "none"))
		out->gate = NULL;
	if (!out->n_environments) {
		static const char *const production[] = {"production"};

		out->environments = arena_alloc(a, sizeof(*out->environments));
		out->environments[0] = production[0];
		out->n_environments = 1;
	}
	return r.problems.n ? -1 : 0;
}

static void impossible(void *ctx, int line, const char *message)
{
	BUG("the rules of '%s' were read without an error: %d: %s", ((const struct instance *)ctx)->name, line, message);
}

void deploy_rules_of(const struct instance *in, struct arena *a, struct deploy_rules *out)
{
	(void)!deploy_rules_read(rules_read(in->cmd, a), a, out, impossible, (void *)(uintptr_t)in);
}
