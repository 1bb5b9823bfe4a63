/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Completions are written from the tables of commands; the names of targets and of runs are asked for when they are needed, with
 * `mlmake completions --targets` and `--runs`. */
#include <config.h>

#include <stdio.h>
#include <unistd.h>

#include "cli/project.h"

#define RUNS 100 /* so many are offered */

/* What an option takes, by the name of its argument in the table. */
static const struct value_kind {
	const char *arg, *bash, *zsh, *fish;
} value_kinds[] = {
	{"FILE", "files=-f", "_files", "-r"},
	{"DIR", "files=-d", "_files -/", "-x -a '(__fish_complete_directories)'"},
	{"WHEN", "words='auto always never'", "(auto always never)", "-x -a 'auto always never'"},
	{"FORMAT", "words='text dot mermaid svg'", "(text dot mermaid svg)", "-x -a 'text dot mermaid svg'"},
	{"RUN", "words=$(mlmake completions --runs 2> /dev/null | tr '\\n' ' ')", "_mlmake_runs",
	 "-x -a '(mlmake completions --runs 2>/dev/null)'"},
	{"PROGRAM", "words='pre-commit lefthook husky'", "(pre-commit lefthook husky)", "-x -a 'pre-commit lefthook husky'"},
	{NULL, "words=", "", "-x"}, /* anything else: nothing to offer */
};

static const struct value_kind *value_kind(const struct option_def *d)
{
	const struct value_kind *k = value_kinds;

	while (k->arg && !streq(k->arg, d->arg))
		k++;
	return k;
}

static void add_command_names(struct strbuf *out, const char *between)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "%s%s", i ? between : "", commands[i]->name);
}

/* The names of the commands whose words are of this kind. */
static void add_commands_taking(struct strbuf *out, enum words_kind kind, const char *between)
{
	const char *lead = "";
	size_t i;

	for (i = 0; commands[i]; i++)
		if (commands[i]->words == kind) {
			strbuf_addf(out, "%s%s", lead, commands[i]->name);
			lead = between;
		}
}

/* The options of the table that are followed by a value, as words of a pattern. */
static void add_taking_values(struct strbuf *out, const struct option_def *d)
{
	const char *lead = "";

	for (; d && d->name; d++) {
		if (!d->arg)
			continue;
		if (d->letter)
			strbuf_addf(out, "%s-%c", lead, d->letter);
		strbuf_addf(out, "%s--%s", d->letter || *lead ? "|" : "", d->name);
		lead = "|";
	}
}

static void add_bash_options(struct strbuf *out, const char *indent, const struct option_def *options)
{
	const struct option_def *d;

	strbuf_addf(out, "%sopts+=' ", indent);
	for (d = options; d && d->name; d++) {
		if (d->letter)
			strbuf_addf(out, "-%c ", d->letter);
		strbuf_addf(out, "--%s%s ", d->name, d->arg ? "=" : "");
	}
	strbuf_addstr(out, "'\n");
	for (d = options; d && d->name; d++) {
		if (!d->arg)
			continue;
		strbuf_addf(out, "%s[[ $prev == --%s", indent, d->name);
		if (d->letter)
			strbuf_addf(out, " || $prev == -%c", d->letter);
		strbuf_addf(out, " ]] && value=1 %s\n", value_kind(d)->bash);
	}
}

/* '@', '=' and ':' divide words for readline, not for us: so the line is split at blanks here, and what readline
 * takes for a word of its own is cut off again. */
static const char bash_head[] =
	"# bash completion for mlmake; written by `mlmake completions bash`\n"
	"_mlmake()\n{\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cur prev cmd= word skip= opts= words= value= files= before item\n"
	"\tlocal IFS=$' \\t\\n'\n"
	"\tlocal -a typed found\n"
	"\tread -ra typed <<< \"$line\"\n"
	"\tcur=${line##*[[:blank:]]}\n"
	"\t[[ -n $cur ]] && unset 'typed[-1]'\n"
	"\tprev=${typed[-1]}\n"
	"\tfor word in \"${typed[@]:1}\"; do\n"
	"\t\t[[ -n $skip ]] && { skip=; continue; }\n"
	"\t\tcase $word in\n";

static const char bash_tail[] =
	"\tif [[ -n $value ]]; then\n"
	"\t\t:\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\twords=$opts\n"
	"\telif [[ -z $words && -z $none ]]; then\n"
	"\t\twords=$(mlmake completions --targets ${runs:+--runs} 2> /dev/null)\n"
	"\t\t[[ $cur == *@* ]] || words=$(grep -v @ <<< \"$words\")\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ -n $files ]]; then\n"
	"\t\tcompopt -o filenames\n"
	"\t\tmapfile -t COMPREPLY < <(compgen \"$files\" -- \"$cur\")\n"
	"\t\treturn\n"
	"\tfi\n"
	"\t[[ $COMP_WORDBREAKS == *@* ]] && before=${cur%\"${cur##*[@:]}\"}\n"
	"\tif [[ -n $value || $cur == -* ]]; then\n"
	"\t\tread -ra found <<< \"$words\"\n"
	"\telse\n"
	"\t\t[[ -z $cmd ]] && words+=$'\\n'${commands// /$'\\n'}\n"
	"\t\tmapfile -t found <<< \"$words\"\n"
	"\tfi\n"
	"\tfor item in \"${found[@]}\"; do\n"
	"\t\t[[ -n $item && $item == \"$cur\"* ]] || continue\n"
	"\t\t[[ $item == *= ]] && compopt -o nospace\n"
	"\t\titem=${item#\"$before\"}\n"
	"\t\t[[ $item == *[^A-Za-z0-9_./@,:=+-]* ]] && printf -v item %q \"$item\"\n"
	"\t\tCOMPREPLY+=(\"$item\")\n"
	"\tdone\n"
	"}\n"
	"complete -o default -F _mlmake mlmake\n";

static void write_bash(struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, bash_head);
	strbuf_addstr(out, "\t\t\t");
	add_taking_values(out, common_options);
	strbuf_addstr(out, ") skip=1 ;;\n\t\t\t-*) ;;\n\t\t\t");
	add_command_names(out, "|");
	strbuf_addstr(out, ") cmd=$word; break ;;\n\t\t\t*) cmd=build; break ;;\n\t\tesac\n\tdone\n"
			   "\t[[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=}\n"
			   "\tlocal none= runs= commands='");
	add_command_names(out, " ");
	strbuf_addstr(out, "'\n\tcase ${cmd:-build} in\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t%s)\n", commands[i]->name);
		add_bash_options(out, "\t\t\t", commands[i]->options);
		strbuf_addstr(out, "\t\t\t;;\n");
	}
	strbuf_addstr(out, "\tesac\n");
	add_bash_options(out, "\t", common_options);
	strbuf_addstr(out, "\tcase $cmd in\n\t\t");
	add_commands_taking(out, WORDS_NONE, "|");
	strbuf_addstr(out, ") none=1 ;;\n\t\t");
	add_commands_taking(out, WORDS_RUNS, "|");
	strbuf_addstr(out, ") runs=1 ;;\n\t\t");
	add_commands_taking(out, WORDS_SHELL, "|");
	strbuf_addstr(out, ") [[ -z $value ]] && words=$'bash\\nzsh\\nfish' ;;\n\t\t");
	add_commands_taking(out, WORDS_HOOK, "|");
	strbuf_addstr(out, ") [[ -z $value ]] && words=$'install\\nstatus\\nuninstall\\nprint\\nlog\\nwatch\\ncancel' ;;\n\t\t");
	add_commands_taking(out, WORDS_COMMAND, "|");
	strbuf_addstr(out, ") [[ -z $value ]] && words=${commands// /$'\\n'} ;;\n\tesac\n");
	strbuf_addstr(out, bash_tail);
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

static void add_zsh_spec(struct strbuf *out, const struct option_def *d, bool letter)
{
	strbuf_addstr(out, " \\\n\t\t\t'");
	if (d->letter)
		strbuf_addf(out, "(-%c --%s)", d->letter, d->name);
	if (letter)
		strbuf_addf(out, "-%c%s[", d->letter, d->arg ? "+" : "");
	else
		strbuf_addf(out, "--%s%s[", d->name, d->arg ? "=" : "");
	add_zsh_text(out, d->help);
	strbuf_addch(out, ']');
	if (d->arg)
		strbuf_addf(out, ":%s:%s", d->arg, value_kind(d)->zsh);
	strbuf_addch(out, '\'');
}

static void add_zsh_options(struct strbuf *out, const struct option_def *d)
{
	for (; d && d->name; d++) {
		add_zsh_spec(out, d, false);
		if (d->letter)
			add_zsh_spec(out, d, true);
	}
}

static const char *zsh_words(enum words_kind kind)
{
	switch (kind) {
	case WORDS_TARGETS: return " \\\n\t\t\t'*:target:_mlmake_targets'";
	case WORDS_RUNS: return " \\\n\t\t\t'*:run or target:_mlmake_runs_and_targets'";
	case WORDS_COMMAND: return " \\\n\t\t\t'*:command:_mlmake_commands'";
	case WORDS_HOOK: return " \\\n\t\t\t'*:verb:(install status uninstall print log watch cancel)'";
	case WORDS_SHELL: return " \\\n\t\t\t'*:shell:(bash zsh fish)'";
	case WORDS_FILES: return " \\\n\t\t\t'*:file:_files'";
	default: return "";
	}
}

static const char zsh_head[] =
	"_mlmake_targets()\n{\n"
	"\tlocal -a targets\n"
	"\ttargets=(${(f)\"$(mlmake completions --targets 2> /dev/null)\"})\n"
	"\tcompadd -a targets\n"
	"\t_files\n"
	"}\n\n"
	"_mlmake_runs()\n{\n"
	"\tlocal -a runs\n"
	"\truns=(${(f)\"$(mlmake completions --runs 2> /dev/null)\"})\n"
	"\tcompadd -V runs -a runs\n"
	"}\n\n"
	"_mlmake_runs_and_targets()\n{\n"
	"\t_mlmake_runs\n"
	"\t_mlmake_targets\n"
	"}\n\n"
	"_mlmake_first()\n{\n"
	"\t_mlmake_commands\n"
	"\t_mlmake_targets\n"
	"}\n\n"
	"# The command is the first word that is no option; it is taken out, so that the rest are its words.\n"
	"_mlmake()\n{\n"
	"\tlocal cmd= i\n"
	"\tfor ((i = 2; i < CURRENT; i++)); do\n"
	"\t\tcase $words[i] in\n\t\t\t";

static void write_zsh(struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, "#compdef mlmake\n# zsh completion for mlmake; written by `mlmake completions zsh`\n\n"
			   "_mlmake_commands()\n{\n\tlocal -a commands\n\tcommands=(\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t'%s:", commands[i]->name);
		add_zsh_text(out, commands[i]->summary);
		strbuf_addstr(out, "'\n");
	}
	strbuf_addstr(out, "\t)\n\t_describe command commands\n}\n\n");
	strbuf_addstr(out, zsh_head);
	add_taking_values(out, common_options);
	strbuf_addstr(out, ") ((i++)) ;;\n\t\t\t-*) ;;\n\t\t\t");
	add_command_names(out, "|");
	strbuf_addstr(out, ") cmd=$words[i]; words[i]=(); ((CURRENT--)); break ;;\n\t\t\t*) cmd=build; break ;;\n"
			   "\t\tesac\n\tdone\n\tcase $cmd in\n\t\t'') _arguments -S -s");
	add_zsh_options(out, cmd_build.options);
	add_zsh_options(out, common_options);
	strbuf_addstr(out, " \\\n\t\t\t'*:command or target:_mlmake_first' ;;\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addf(out, "\t\t%s) _arguments -S -s", commands[i]->name);
		add_zsh_options(out, commands[i]->options);
		add_zsh_options(out, common_options);
		strbuf_addf(out, "%s ;;\n", zsh_words(commands[i]->words));
	}
	strbuf_addstr(out, "\tesac\n}\n\n"
			   "if [[ $funcstack[1] == _mlmake ]]; then\n\t_mlmake \"$@\"\nelse\n\tcompdef _mlmake mlmake\nfi\n");
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
			strbuf_addf(out, " %s", value_kind(d)->fish);
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
			   "function __mlmake_command\n"
			   "    # The first word that is no option, if it is one of those named; without arguments: is there none yet?\n"
			   "    set -l typed (commandline -opc)\n"
			   "    set -l skip\n"
			   "    for word in $typed[2..-1]\n"
			   "        if test -n \"$skip\"\n"
			   "            set skip\n"
			   "            continue\n"
			   "        end\n"
			   "        switch $word\n"
			   "            case ");
	for (i = 0; common_options[i].name; i++) {
		if (!common_options[i].arg)
			continue;
		if (common_options[i].letter)
			strbuf_addf(out, "-%c ", common_options[i].letter);
		strbuf_addf(out, "--%s ", common_options[i].name);
	}
	strbuf_addstr(out, "\n                set skip 1\n"
			   "            case '-*'\n"
			   "            case ");
	add_command_names(out, " ");
	strbuf_addstr(out, "\n                contains -- $word $argv\n"
			   "                return\n"
			   "            case '*'\n"
			   "                contains -- build $argv\n"
			   "                return\n"
			   "        end\n"
			   "    end\n"
			   "    contains -- none $argv\n"
			   "end\n\n"
			   "complete -c mlmake -n '__mlmake_command none ");
	add_commands_taking(out, WORDS_TARGETS, " ");
	strbuf_addstr(out, "' -a '(mlmake completions --targets 2>/dev/null)'\n");
	strbuf_addstr(out, "complete -c mlmake -n '__mlmake_command ");
	add_commands_taking(out, WORDS_RUNS, " ");
	strbuf_addstr(out, "' -k -a '(mlmake completions --targets --runs 2>/dev/null)'\n");
	strbuf_addstr(out, "complete -c mlmake -n '__mlmake_command ");
	add_commands_taking(out, WORDS_NONE, " ");
	strbuf_addstr(out, "' -f\n");
	strbuf_addstr(out, "complete -c mlmake -n '__mlmake_command ");
	add_commands_taking(out, WORDS_SHELL, " ");
	strbuf_addstr(out, "' -f -a 'bash zsh fish'\n");
	strbuf_addstr(out, "complete -c mlmake -n '__mlmake_command ");
	add_commands_taking(out, WORDS_HOOK, " ");
	strbuf_addstr(out, "' -f -a 'install status uninstall print log watch cancel'\n");
	for (i = 0; commands[i]; i++) {
		strbuf_addstr(out, "complete -c mlmake -n '__mlmake_command none ");
		add_commands_taking(out, WORDS_COMMAND, " ");
		strbuf_addf(out, "' -a %s -d ", commands[i]->name);
		add_fish_text(out, commands[i]->summary);
		strbuf_addch(out, '\n');
	}
	for (i = 0; commands[i]; i++) {
		strbuf_clear(&condition);
		strbuf_addf(&condition, " -n '__mlmake_command %s%s'", commands[i] == &cmd_build ? "none " : "",
			    commands[i]->name);
		add_fish_options(out, condition.buf, commands[i]->options);
	}
	add_fish_options(out, "", common_options);
}

static void add_targets(const struct pipeline *pl, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < pl->n_stages; i++)
		strbuf_addf(out, "%s\n", pl->stages[i]->name);
	for (i = 0; i < pl->n_instances; i++)
		if (!pipeline_stage(pl, pl->instances[i]->name))
			strbuf_addf(out, "%s\n", pl->instances[i]->name);
}

static int add_ref(void *ctx, const char *name, const struct git_id *id)
{
	const char *shown;

	(void)id;
	if (skip_prefix(name, "refs/heads/", &shown) || skip_prefix(name, "refs/tags/", &shown))
		strbuf_addf(ctx, "%s\n", shown);
	return 0;
}

/* The newest runs, then branches and tags. */
static void add_runs(struct project *p, struct strbuf *out)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT; /* then there is nothing to offer */
	const struct run *runs;
	size_t i, n;

	if (lineage_runs(p->lineage, &runs, &n, &ignored) == 0)
		for (i = n; i > 0 && n - i < RUNS; i--)
			strbuf_addf(out, "%s\n", runs[i - 1].id);
	err_clear(&ignored);
	(void)!gitdb_refs(p->db, "refs/*", add_ref, out, &ignored);
}

static int print_words(const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct project p;
	int code = project_open(&p, a, false);

	if (code == EXIT_DONE)
		code = args_count(a, "targets") ? project_load(&p, NULL, 0) : project_await(&p);
	if (code == EXIT_DONE && args_count(a, "runs"))
		add_runs(&p, &out);
	if (code == EXIT_DONE && args_count(a, "targets"))
		add_targets(&p.pl, &out);
	project_close(&p);
	return code == EXIT_DONE ? cli_print(&out) : code;
}

static int run(struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *shell = a->words.n == 1 ? a->words.v[0] : "";

	if (args_count(a, "targets") || args_count(a, "runs"))
		return print_words(a);
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
	{0, "runs", NULL, "print the ids of the last runs, and branches and tags, instead"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_completions = {
	"completions", "print completions for a shell", "bash|zsh|fish", NULL, WORDS_SHELL, options, run,
};
