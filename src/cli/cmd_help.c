/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/command.h"
#include "util/strbuf.h"
#include "util/text.h"

static int run(struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const struct command *cmd;
	struct nearest near;
	size_t i;

	if (!a->words.n) {
		command_overview(&out);
		return cli_print(&out);
	}
	cmd = command_find(a->words.v[0]);
	if (cmd) {
		command_help(cmd, &out);
		return cli_print(&out);
	}
	near = (struct nearest)NEAREST_INIT(a->words.v[0]);
	for (i = 0; commands[i]; i++)
		nearest_offer(&near, commands[i]->name);
	nearest_hint(&near, &hint);
	err_set(&err, ERR_INVALID, "there is no command '%s'%s", a->words.v[0], hint.buf);
	return cli_fail(EXIT_USAGE, &err);
}

const struct command cmd_help = {"help", "show the commands, or the options of one", "[COMMAND]", NULL, WORDS_COMMAND, NULL, run};
