/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/hook.h"

#include "util/text.h"

static const struct {
	const char *name;
	int (*run)(struct args *a);
	size_t most; /* words it takes behind its name */
} verbs[] = {
	{"install", hook_install, 0}, {"status", hook_status, 0}, {"uninstall", hook_uninstall, 0}, {"print", hook_print, 0},
	{"log", hook_log, 1},	      {"watch", hook_watch, 0},	  {"cancel", hook_cancel, 1},
};

static int unknown(const char *word)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	struct nearest near = NEAREST_INIT(word);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		nearest_offer(&near, verbs[i].name);
	nearest_hint(&near, &hint);
	err_set(&err, ERR_INVALID, "`mlmake hook` has no '%s'%s", word, hint.buf);
	return cli_fail(EXIT_USAGE, &err);
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *word = a->words.n ? a->words.v[0] : "status";
	size_t i;

	if (streq(word, "run") && a->words.n > 1)
		return hook_run(a, a->words.v[1]);
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!streq(word, verbs[i].name))
			continue;
		if (a->words.n <= 1 + verbs[i].most)
			return verbs[i].run(a);
		err_set(&err, ERR_INVALID, "`mlmake hook %s` takes no '%s'", word, a->words.v[1 + verbs[i].most]);
		return cli_fail(EXIT_USAGE, &err);
	}
	return unknown(word);
}

static const struct option_def options[] = {
	{0, "bare", "DIR", "of the bare repository DIR, in which pushes arrive"},
	{0, "work", "DIR", "with install --bare: DIR has the data that git does not hold, and is what clients name as a remote"},
	{0, "for", "PROGRAM", "with print: as pre-commit, lefthook or husky wants it"},
	{0, "in", "DIR", "with run: the project is in DIR, below the top of the work tree; may be repeated"},
	{0, "then", "FILE", "with run: become FILE, the hook that stood there before"},
	{'n', "lines", "N", "with log: show the newest N (default: 20; 0: all)"},
	{'q', "quiet", NULL, "with watch: print nothing"},
	{0, "json", NULL, "with status and log: print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_hook = {
	"hook",
	"have git's hooks build each commit, in the background",
	"install|status|uninstall|print|log [NUMBER|COMMIT]|watch|cancel [BRANCH]|run NAME",
	"install puts a hook in place for each [hook NAME] of mlmake.ini; one that is there already is kept, and called. A hook only asks for a\n"
	"build and ends; a worker builds the newest commit, in a work tree of its own. log tells what came of it; watch waits for it.",
	WORDS_HOOK,
	options,
	run,
};
