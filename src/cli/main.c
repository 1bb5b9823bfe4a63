/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake: make, for machine learning. */
#include <config.h>

#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "util/strbuf.h"

static int print_version(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	strbuf_addstr(&out, "mlmake " PACKAGE_VERSION "\n");
	return cli_print(&out);
}

static int print_help(const struct command *cmd, bool overview)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (overview) {
		command_overview(&out);
		strbuf_addch(&out, '\n');
	}
	command_help(cmd, &out);
	return cli_print(&out);
}

/* The command is the first word that is no option; `mlmake -C DIR status` finds it too. Without one, it is a build. */
static const struct command *find_command(const char **argv, int argc, int *at)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (streq(argv[i], "-C") || streq(argv[i], "-f") || streq(argv[i], "--directory") ||
		    streq(argv[i], "--file") || streq(argv[i], "--profile") || streq(argv[i], "--color"))
			i++;
		else if (argv[i][0] != '-')
			break;
		else if (strcspn(argv[i], "=") == strlen(argv[i]) && strncmp(argv[i], "-C", 2) != 0 &&
			 strncmp(argv[i], "-f", 2) != 0)
			return &cmd_build; /* an option of build's comes first, so what follows are targets */
	}
	*at = i;
	return i < argc && command_find(argv[i]) ? command_find(argv[i]) : &cmd_build;
}

int main(int argc, char **args)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char **argv = (const char **)args;
	struct args a;
	int at = 0, code;
	const struct command *cmd;

	/* Memory is given back at the end and not before: growing and shrinking the heap step by step costs more. Not so of
	 * large pieces, which grow where they are and leave no holes: with 100,000 files that is 20 MiB of 74. */
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 1 << 20);
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && streq(argv[1], "--version"))
		return print_version();
	cmd = find_command(argv, argc, &at);
	if (at && at < argc && command_find(argv[at]))
		memmove(&argv[1], &argv[0], (size_t)at * sizeof(*argv)); /* the command's name goes, options before it stay */
	else
		at = 0;
	if (args_parse(&a, cmd, argv + 1 + (at > 0), (size_t)(argc - 1 - (at > 0)), &err) < 0)
		code = cli_fail(EXIT_USAGE, &err);
	else if (args_count(&a, "version"))
		code = print_version();
	else if (args_count(&a, "help"))
		code = print_help(cmd, at == 0);
	else
		code = cmd->run(&a);
	args_release(&a);
	return code;
}
