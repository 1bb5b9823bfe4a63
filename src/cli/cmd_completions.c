/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completions are written from the tables of commands; the names of targets are asked for when they are needed, with
 * `mlmake completions --targets`. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "cli/project.h"

static void add_options(struct strbuf *out, const struct option_def *d)
{
	for (; d && d->name; d++) {
		if (d->letter)
			strbuf_addf(out, " -%c", d->letter);
		strbuf_addf(out, " --%s%s", d->name, d->arg ? "=" : "");
	}
}

static void write_bash(struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, "# bash completion for mlmake; written by `mlmake completions bash`\n"
			   "_mlmake()\n{\n"
			   "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd=build word words opts\n"
			   "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
			   "\t\tcase $word in\n\t\t\t");
	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? "|" : "", commands[i]->name);
	strbuf_addstr(out, ") cmd=$word; break ;;\n\t\tesac\n\tdone\n\tcase $cmd in\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t%s) opts='", commands[i]->name);
		add_options(out, commands[i]->options);
		strbuf_addstr(out, "' ;;\n");
	}
	strbuf_addstr(out, "\tesac\n\topts+='");
	add_options(out, common_options);
	strbuf_addstr(out, "'\n\tCOMPREPLY=()\n"
			   "\tif [[ $cur == -* ]]; then\n"
			   "\t\tmapfile -t COMPREPLY < <(compgen -W \"$opts\" -- \"$cur\")\n"
			   "\t\t[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
			   "\t\treturn\n"
			   "\tfi\n"
			   "\tcase $cmd in\n"
			   "\t\tcompletions) words='bash zsh fish' ;;\n"
			   "\t\thelp) words='");
	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? " " : "", commands[i]->name);
	strbuf_addstr(out, "' ;;\n\t\t*) words=$(mlmake completions --targets 2>/dev/null) ;;\n\tesac\n"
			   "\t[[ $COMP_CWORD == 1 ]] && words+=' ");
	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? " " : "", commands[i]->name);
	strbuf_addstr(out, "'\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			   "\t__ltrim_colon_completions \"$cur\" 2>/dev/null\n}\n"
			   "complete -o default -F _mlmake mlmake\n");
}

/* In zsh's descriptions ':' and '[' have a meaning, and everything stands in single quotes. */
static void add_zsh_text(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			strbuf_addstr(out, "'\\''");
		else if (*s == ':' || *s == '[' || *s == ']')
			strbuf_addf(out, "\\%c", *s);
		else
			strbuf_addch(out, *s);
	}
}

static void add_zsh_options(struct strbuf *out, const struct option_def *d)
{
	for (; d && d->name; d++) {
		strbuf_addf(out, " \\\n\t\t\t'--%s%s[", d->name, d->arg ? "=" : "");
		add_zsh_text(out, d->help);
		strbuf_addf(out, "]%s%s'", d->arg ? ":" : "", d->arg ? d->arg : "");
		if (!d->letter)
			continue;
		strbuf_addf(out, " '-%c%s[", d->letter, d->arg ? "+" : "");
		add_zsh_text(out, d->help);
		strbuf_addf(out, "]%s%s'", d->arg ? ":" : "", d->arg ? d->arg : "");
	}
}

static void write_zsh(struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, "#compdef mlmake\n# zsh completion for mlmake; written by `mlmake completions zsh`\n\n"
			   "_mlmake_words()\n{\n\tlocal -a commands targets\n\tcommands=(\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t'%s:", commands[i]->name);
		add_zsh_text(out, commands[i]->summary);
		strbuf_addstr(out, "'\n");
	}
	strbuf_addstr(out, "\t)\n\ttargets=(${(f)\"$(mlmake completions --targets 2>/dev/null)\"})\n"
			   "\t(( CURRENT == 2 )) && _describe command commands\n"
			   "\tcompadd -a targets\n\t_files\n}\n\n"
			   "_mlmake()\n{\n\tlocal cmd=build word\n"
			   "\tfor word in ${words[2,CURRENT-1]}; do\n\t\tcase $word in\n\t\t\t");
	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? "|" : "", commands[i]->name);
	strbuf_addstr(out, ") cmd=$word; break ;;\n\t\tesac\n\tdone\n\tcase $cmd in\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t%s) _arguments -S -s", commands[i]->name);
		add_zsh_options(out, commands[i]->options);
		add_zsh_options(out, common_options);
		strbuf_addstr(out, " \\\n\t\t\t'*::target:_mlmake_words' ;;\n");
	}
	strbuf_addstr(out, "\tesac\n}\n\n_mlmake \"$@\"\n");
}

static void add_fish_text(struct strbuf *out, const char *s)
{
	strbuf_addch(out, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			strbuf_addch(out, '\\');
		strbuf_addch(out, *s);
	}
	strbuf_addch(out, '\'');
}

static void add_fish_options(struct strbuf *out, const char *condition, const struct option_def *d)
{
	for (; d && d->name; d++) {
		strbuf_addf(out, "complete -c mlmake%s -l %s", condition, d->name);
		if (d->letter)
			strbuf_addf(out, " -s %c", d->letter);
		if (d->arg)
			strbuf_addstr(out, " -r");
		strbuf_addstr(out, " -d ");
		add_fish_text(out, d->help);
		strbuf_addch(out, '\n');
	}
}

static void write_fish(struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf condition = STRBUF_INIT;
	size_t i;

	strbuf_addstr(out, "# fish completion for mlmake; written by `mlmake completions fish`\n"
			   "complete -c mlmake -a '(mlmake completions --targets 2>/dev/null)'\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "complete -c mlmake -n __fish_use_subcommand -a %s -d ", commands[i]->name);
		add_fish_text(out, commands[i]->summary);
		strbuf_addch(out, '\n');
	}
	for (i = 0; commands[i]; i++) {
		strbuf_clear(&condition);
		strbuf_addf(&condition, " -n '__fish_seen_subcommand_from %s%s'", commands[i]->name,
			    commands[i] == &cmd_build ? "; or __fish_use_subcommand" : "");
		add_fish_options(out, condition.buf, commands[i]->options);
	}
	add_fish_options(out, "", common_options);
}

static int print_targets(const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct project p;
	int code = project_open(&p, a, false);
	size_t i;

	if (code == EXIT_DONE)
		code = project_load(&p, NULL, 0);
	for (i = 0; code == EXIT_DONE && i < p.pl.n_stages; i++)
		strbuf_addf(&out, "%s\n", p.pl.stages[i]->name);
	for (i = 0; code == EXIT_DONE && i < p.pl.n_instances; i++)
		if (!pipeline_stage(&p.pl, p.pl.instances[i]->name))
			strbuf_addf(&out, "%s\n", p.pl.instances[i]->name);
	project_close(&p);
	return code == EXIT_DONE ? cli_print(&out) : code;
}

static int run(struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *shell = a->words.n == 1 ? a->words.v[0] : "";

	if (args_count(a, "targets"))
		return print_targets(a);
	if (streq(shell, "bash")) {
		write_bash(&out);
	} else if (streq(shell, "zsh")) {
		write_zsh(&out);
	} else if (streq(shell, "fish")) {
		write_fish(&out);
	} else {
		err_set(&err, ERR_INVALID, "for which shell? `mlmake completions bash`, zsh or fish");
		return cli_fail(EXIT_USAGE, &err);
	}
	return cli_print(&out);
}

static const struct option_def options[] = {
	{0, "targets", NULL, "print the names of stages and instances instead"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_completions = {
	"completions", "print completions for a shell", "bash|zsh|fish", NULL, WORDS_SHELL, options, run,
};
