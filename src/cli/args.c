/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "util/strbuf.h"
#include "util/term.h"
#include "util/text.h"

const struct option_def common_options[] = {
	{'C', "directory", "DIR", "work in DIR"},
	{'f', "file", "FILE", "read FILE instead of mlmake.ini"},
	{0, "profile", "NAME", "apply [profile NAME]"},
	{0, "color", "WHEN", "auto (default), always or never"},
	{'h', "help", NULL, "show this help"},
	{0, "version", NULL, "show the version"},
	{0, NULL, NULL, NULL},
};

const struct command *const commands[] = {
	&cmd_build,
	&cmd_init,
	&cmd_lint,
	&cmd_status,
	&cmd_why,
	&cmd_graph,
	&cmd_log,
	&cmd_show,
	&cmd_diff,
	&cmd_lineage,
	&cmd_checkout,
	&cmd_reproduce,
	&cmd_verify,
	&cmd_push,
	&cmd_pull,
	&cmd_metrics,
	&cmd_check,
	&cmd_profile,
	&cmd_monitor,
	&cmd_gate,
	&cmd_deploy,
	&cmd_promote,
	&cmd_rollback,
	&cmd_retrain,
	&cmd_accept,
	&cmd_fetch,
	&cmd_fsck,
	&cmd_gc,
	&cmd_hook,
	&cmd_merge_lock,
	&cmd_perform,
	&cmd_completions,
	&cmd_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		if (streq(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static const struct option_def *find_in(const struct option_def *defs, const char *name, size_t n)
{
	for (; defs && defs->name; defs++)
		if (strlen(defs->name) == n && memcmp(defs->name, name, n) == 0)
			return defs;
	return NULL;
}

static const struct option_def *find_long(const struct command *cmd, const char *name, size_t n)
{
	const struct option_def *d = find_in(cmd->options, name, n);

	return d ? d : find_in(common_options, name, n);
}

static const struct option_def *find_letter(const struct command *cmd, char letter)
{
	const struct option_def *d;

	for (d = cmd->options; d && d->name; d++)
		if (d->letter == letter)
			return d;
	for (d = common_options; d->name; d++)
		if (d->letter == letter)
			return d;
	return NULL;
}

static void give(struct args *a, const struct option_def *d, const char *value)
{
	a->given = xreallocarray(a->given, a->n_given + 1, sizeof(*a->given));
	a->given[a->n_given++] = (struct option_value){d, value};
}

static int unknown_long(const struct command *cmd, const char *name, size_t n, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf hint = STRBUF_INIT;
	CLEANUP(freep) char *word = xstrndup(name, n);
	struct nearest near = NEAREST_INIT(word);
	const struct option_def *d;

	for (d = cmd->options; d && d->name; d++)
		nearest_offer(&near, d->name);
	for (d = common_options; d->name; d++)
		nearest_offer(&near, d->name);
	if (near.best)
		strbuf_addf(&hint, "; did you mean '--%s'?", near.best);
	else
		strbuf_addf(&hint, "; `mlmake %s --help` lists them", cmd->name);
	return err_set(err, ERR_INVALID, "`mlmake %s` has no option '--%s'%s", cmd->name, word, hint.buf);
}

static int parse_long(struct args *a, const char *word, const char **next, bool *used_next, struct err *err)
{
	size_t n = strcspn(word, "=");
	const struct option_def *d = find_long(a->cmd, word, n);

	if (!d)
		return unknown_long(a->cmd, word, n, err);
	if (!d->arg) {
		if (word[n])
			return err_set(err, ERR_INVALID, "option '--%s' takes no value", d->name);
		give(a, d, NULL);
	} else if (word[n]) {
		give(a, d, word + n + 1);
	} else if (*next) {
		*used_next = true;
		give(a, d, *next);
	} else {
		return err_set(err, ERR_INVALID, "option '--%s' needs a value: %s", d->name, d->arg);
	}
	return 0;
}

static int parse_letters(struct args *a, const char *letters, const char **next, bool *used_next, struct err *err)
{
	for (; *letters; letters++) {
		const struct option_def *d = find_letter(a->cmd, *letters);

		if (!d)
			return err_set(err, ERR_INVALID, "`mlmake %s` has no option '-%c'; `mlmake %s --help` lists them",
				       a->cmd->name, *letters, a->cmd->name);
		if (!d->arg) {
			give(a, d, NULL);
			continue;
		}
		if (letters[1]) {
			give(a, d, letters + 1);
		} else if (*next) {
			*used_next = true;
			give(a, d, *next);
		} else {
			return err_set(err, ERR_INVALID, "option '-%c' needs a value: %s", d->letter, d->arg);
		}
		return 0;
	}
	return 0;
}

/* NAME=VALUE with a dotted name: a parameter for this run. A path with a '/' before its '=' is a file. */
static bool is_override(const char *word)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*word) && *word != '_')
		return false;
	while (isalnum((unsigned char)word[n]) || (word[n] && strchr("_.-", word[n])))
		n++;
	return word[n] == '=';
}

int args_parse(struct args *a, const struct command *cmd, const char **argv, size_t n, struct err *err)
{
	bool only_words = false;
	size_t i;

	memset(a, 0, sizeof(*a));
	a->cmd = cmd;
	a->argv = argv;
	a->n_argv = n;
	a->events_fd = xmalloc(sizeof(*a->events_fd));
	*a->events_fd = -1;
	for (i = 0; i < n; i++) {
		const char *word = argv[i], *none = NULL;
		const char **next = i + 1 < n ? &argv[i + 1] : &none;
		bool used_next = false;

		if (only_words || word[0] != '-' || !word[1]) {
			if ((cmd->words == WORDS_TARGETS || cmd == &cmd_reproduce) && is_override(word))
				strvec_push(&a->overrides, word);
			else
				strvec_push(&a->words, word);
			continue;
		}
		if (streq(word, "--")) {
			only_words = true;
			continue;
		}
		if ((word[1] == '-' ? parse_long(a, word + 2, next, &used_next, err)
				    : parse_letters(a, word + 1, next, &used_next, err)) < 0)
			return -1;
		i += used_next;
	}
	if (cmd->words == WORDS_NONE && a->words.n && !args_count(a, "help"))
		return err_set(err, ERR_INVALID, "`mlmake %s` takes no '%s'", cmd->name, a->words.v[0]);
	return 0;
}

void args_release(struct args *a)
{
	if (a->events_fd)
		closep(a->events_fd);
	free(a->events_fd);
	free(a->given);
	strvec_release(&a->words);
	strvec_release(&a->overrides);
}

size_t args_count(const struct args *a, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < a->n_given; i++)
		n += streq(a->given[i].def->name, name);
	return n;
}

const char *args_value(const struct args *a, const char *name)
{
	const char *value = NULL;
	size_t i;

	for (i = 0; i < a->n_given; i++)
		if (streq(a->given[i].def->name, name))
			value = a->given[i].value;
	return value;
}

static void help_option(const struct option_def *d, struct strbuf *out)
{
	size_t start = out->len;

	if (d->letter)
		strbuf_addf(out, "  -%c, ", d->letter);
	else
		strbuf_addstr(out, "      ");
	strbuf_addf(out, "--%s", d->name);
	if (d->arg)
		strbuf_addf(out, "=%s", d->arg);
	strbuf_addn(out, ' ', out->len - start < 26 ? 26 - (out->len - start) : 2);
	strbuf_addf(out, "%s\n", d->help);
}

void command_help(const struct command *cmd, struct strbuf *out)
{
	const struct option_def *d;

	strbuf_addf(out, "usage: mlmake %s [OPTION...]%s%s\n\n%s%s.\n", cmd->name, *cmd->usage ? " " : "", cmd->usage,
		    (char[]){(char)toupper((unsigned char)cmd->summary[0]), 0}, cmd->summary + 1);
	if (cmd->details)
		strbuf_addf(out, "%s\n", cmd->details);
	strbuf_addch(out, '\n');
	for (d = cmd->options; d && d->name; d++)
		help_option(d, out);
	for (d = common_options; d->name; d++)
		help_option(d, out);
}

void command_overview(struct strbuf *out)
{
	size_t i;

	strbuf_addstr(out, "usage: mlmake [OPTION...] [NAME=VALUE...] [TARGET...]     build what is stale\n"
			   "       mlmake COMMAND [OPTION...] ...\n\n");
	for (i = 0; commands[i]; i++)
		strbuf_addf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	strbuf_addstr(out, "\n`mlmake COMMAND --help` shows the options of one; mlmake(1) and mlmake.ini(5) tell the rest.\n");
}

/* What others wrote may be in it; its lines stay lines. */
static void tell(const char *what, const char *s)
{
	CLEANUP(strbuf_release) struct strbuf msg = STRBUF_INIT;

	for (;; s += strcspn(s, "\n") + 1) {
		term_add_clean(&msg, s, strcspn(s, "\n"));
		if (!s[strcspn(s, "\n")])
			break;
		strbuf_addch(&msg, '\n');
	}
	fprintf(stderr, "mlmake: %s: %s\n", what, msg.buf);
}

void cli_warn(const char *text)
{
	tell("warning", text);
}

int cli_fail(int code, const struct err *err)
{
	tell("error", err->msg ? err->msg : "unknown");
	return code;
}

int cli_print(const struct strbuf *text)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *p = text->buf;
	size_t n = text->len;

	while (n) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno == EPIPE)
			return EXIT_DONE;
		if (done < 0) {
			err_errno(&err, "cannot write to standard output");
			return cli_fail(EXIT_USAGE, &err);
		}
		p += done;
		n -= (size_t)done;
	}
	return EXIT_DONE;
}
