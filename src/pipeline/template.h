/* SPDX-License-Identifier: GPL-3.0-or-later */
/* {{name}} replaced by what it stands for: matrix variables and foreach's item, stem and dir; in commands also data,
 * code, outs, metrics, plots, and with a number one of them ({{outs.1}}); else a parameter. '\{{' is a plain '{{'. */
#ifndef PIPELINE_TEMPLATE_H
#define PIPELINE_TEMPLATE_H

#include "pipeline/load.h"
#include "pipeline/shquote.h"

/* What names mean, and where the text stands. */
struct scope {
	struct load *ld;
	struct proto *note;           /* the stage that gets the parameters used; NULL: they are noted already */
	const struct fact *vars;
	size_t n_vars;
	bool is_foreach;              /* the first of vars is the item */
	const struct instance *files; /* of {{data}} and so on; NULL: they have no meaning here */
	bool compares;                /* {{old}} and {{new}} have one: what the shell has in $MLMAKE_OLD and $MLMAKE_NEW */
	bool ships;                   /* {{ship}}, {{version}} and {{environment}} have one: what the shell has in variables (deploy_rules.h) */
	size_t n_ships;
	const char *place_file;
	int line;
};

/* Appends s expanded. pattern: values get their magic characters escaped, since s is a glob. -1 after a diag. */
int template_text(const struct scope *sc, const char *s, bool pattern, struct strbuf *out);
/* The same for a part of a command, with values quoted for sh, where q says; q moves on. A '{{' that begins no name is
 * plain text here. */
int template_command(const struct scope *sc, struct shquote *q, const char *s, struct strbuf *out);
/* Is s, which begins with "{{", nothing but the template of a variable or a parameter that is no list? */
bool template_is_value(const struct scope *sc, const char *s);
/* The list if s is nothing but the template of a parameter that is a list; else NULL. Lists are words of their own. */
const struct param *template_list(const struct scope *sc, const char *s);
/* Names that a matrix variable cannot have. */
bool template_is_reserved(const char *name);

#endif
