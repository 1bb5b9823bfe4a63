/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands and their options. One table a command prints its help, feeds the completions and is held against the man page by a
 * test. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"
#include "util/strvec.h"

/* What a process ends with. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_STAGE_FAILED = 1,
	EXIT_USAGE = 2, /* or the pipeline is wrong */
	EXIT_GATE = 3,
	EXIT_CHECK_STALE = 4,
	EXIT_DRIFT = 5,
	EXIT_LOCKED = 75,
	EXIT_INTERRUPTED = 130,
	EXIT_KILLED = 137, /* a process of ours was, as if all of us had been */
};

struct option_def {
	char letter;          /* 0: none */
	const char *name;     /* without "--" */
	const char *arg;      /* what it takes, "N"; NULL: nothing */
	const char *help;     /* one line */
};

enum words_kind { WORDS_NONE, WORDS_TARGETS, WORDS_RUNS, WORDS_FILES, WORDS_COMMAND, WORDS_HOOK, WORDS_SHELL };

struct args;
struct command {
	const char *name;
	const char *summary;  /* one line, for the list of commands */
	const char *usage;    /* what follows the options, "[TARGET...]" */
	const char *details;  /* a paragraph for --help; NULL: none */
	enum words_kind words;
	const struct option_def *options; /* ends with a name of NULL; common ones are added */
	int (*run)(struct args *a); /* returns an exit_code */
};

/* The command line, read. */
struct args {
	const struct command *cmd;
	struct option_value {
		const struct option_def *def;
		const char *value; /* borrowed from argv; NULL for flags */
	} *given;
	size_t n_given;
	struct strvec words;       /* targets and the like */
	struct strvec overrides;   /* NAME=VALUE, for commands that build */
	const char **argv;         /* as they were given, n_argv of them, without program and command */
	size_t n_argv;
	int *events_fd;            /* where --events go, -1: not open yet (cli/event_stream.h); copies of these args share it */
};

extern const struct option_def common_options[];
extern const struct command *const commands[]; /* ends with NULL */
const struct command *command_find(const char *name);

/* Reads argv[0..n) (without the program and the command). ERR_INVALID. */
NODISCARD int args_parse(struct args *a, const struct command *cmd, const char **argv, size_t n, struct err *err);
void args_release(struct args *a);
size_t args_count(const struct args *a, const char *name); /* how often an option was given */
const char *args_value(const struct args *a, const char *name); /* of the last one; NULL: not given */

void command_help(const struct command *cmd, struct strbuf *out);
void command_overview(struct strbuf *out);

/* Prints "mlmake: error: MESSAGE" (for ERR_PARSE and the like the message speaks for itself) and returns code. */
int cli_fail(int code, const struct err *err);
/* Says on stderr that something is not as it should be. */
void cli_warn(const char *text);
/* Writes text to standard output; a closed pipe is no error. Returns EXIT_DONE, or EXIT_USAGE if it cannot be written. */

int cli_print(const struct strbuf *text);

extern const struct command cmd_accept, cmd_build, cmd_checkout, cmd_completions, cmd_deploy, cmd_diff, cmd_fetch, cmd_fsck,
	cmd_gate, cmd_gc, cmd_graph, cmd_help, cmd_hook, cmd_init, cmd_lineage, cmd_lint, cmd_log, cmd_merge_lock, cmd_metrics,
	cmd_perform, cmd_promote, cmd_pull, cmd_push, cmd_reproduce, cmd_retrain, cmd_rollback, cmd_show, cmd_status, cmd_verify,
	cmd_why;

extern const struct command cmd_check, cmd_monitor, cmd_profile;

#endif
