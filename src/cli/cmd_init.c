/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looks at the scripts, parameters and data that are here and writes a first mlmake.ini about them, with what it cannot know left
 * as comments. Nothing that exists is overwritten. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "gitdb/repo.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"
#include "util/strbuf.h"

#define SCRIPTS_SHOWN 12

static const struct {
	const char *suffix, *interpreter;
} interpreters[] = {{".py", "python3"}, {".sh", "sh"},     {".R", "Rscript"}, {".r", "Rscript"}, {".awk", "awk -f"},
		    {".jl", "julia"},   {".pl", "perl"},   {".rb", "ruby"},   {".js", "node"}};

static const char *interpreter_of(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(interpreters); i++)
		if (ends_with(path, interpreters[i].suffix))
			return interpreters[i].interpreter;
	return NULL;
}

static void find(struct strvec *out, const char *const *patterns, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		glob_expand(".", patterns[i], out);
	strvec_sort(out);
	strvec_uniq(out);
}

static void find_scripts(struct strvec *out)
{
	static const char *const patterns[] = {"*", "src/*", "scripts/*", "src/*/*"};
	CLEANUP(strvec_release) struct strvec all = STRVEC_INIT;
	size_t i;

	find(&all, patterns, ARRAY_SIZE(patterns));
	for (i = 0; i < all.n; i++)
		if (interpreter_of(all.v[i]) && !ends_with(all.v[i], "__init__.py") && !ends_with(all.v[i], "setup.py"))
			strvec_push(out, all.v[i]);
}

/* In the order in which pipelines mostly run. */
static int phase(const char *path)
{
	static const char *const words[] = {"fetch", "download", "get", "extract", "clean",  "prepare", "preprocess", "split",
					    "feature", "train", "fit",  "tune",    "predict", "eval",   "test",       "score",
					    "plot",  "report"};
	CLEANUP(freep) char *stem = path_stem(path);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(stem, words[i]))
			return (int)i;
	return (int)ARRAY_SIZE(words);
}

static int by_phase(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int p = phase(x), q = phase(y);

	return p != q ? p - q : strcmp(x, y);
}

static const char *params_file(void)
{
	static const char *const names[] = {"params.ini", "params.yaml", "params.yml", "params.toml", "params.json"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (file_exists(names[i]))
			return names[i];
	return NULL;
}

static void write_head(struct strbuf *out)
{
	CLEANUP(freep) char *cwd = getcwd(NULL, 0);

	strbuf_addf(out,
		    "# What is made from what. `mlmake` builds what is stale, `mlmake status` says what that is, `mlmake lint`\n"
		    "# checks this file, and mlmake.ini(5) is its manual.\n\n"
		    "[project]\n"
		    "name    = %s\n"
		    "# goal  = what the result is for, in one line\n",
		    cwd ? path_base(cwd) : "project");
	if (params_file())
		strbuf_addf(out, "params  = %s\n", params_file());
	else
		strbuf_addstr(out, "# params = params.ini\n");
	strbuf_addch(out, '\n');
}

/* A stage for a script, out of comment only where nothing is left to be guessed; so all of them are comments but the key words. */
static void write_stage(struct strbuf *out, const char *script, const char *data)
{
	CLEANUP(freep) char *stem = path_stem(script);
	char *p;

	for (p = stem; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p))
			*p = '-';
	strbuf_addf(out, "# [stage %s]\n", stem);
	strbuf_addf(out, "# cmd    = %s {{code}} {{data}} {{outs}}\n", interpreter_of(script));
	strbuf_addf(out, "# code   = %s\n", script);
	strbuf_addf(out, "# data   = %s\n", data ? data : "data/raw.csv");
	strbuf_addf(out, "# outs   = build/%s.out\n\n", stem);
}

static void write_example(struct strbuf *out)
{
	strbuf_addstr(out, "# [stage clean]\n"
			   "# cmd    = python3 src/clean.py {{data}} {{outs}}\n"
			   "# code   = src/clean.py\n"
			   "# data   = data/raw.csv\n"
			   "# outs   = data/clean.csv\n"
			   "#\n"
			   "# [stage train]\n"
			   "# matrix seed = 1 2 3\n"
			   "# cmd     = python3 src/train.py {{data}} --seed {{seed}} --out {{outs}}\n"
			   "# code    = src/train.py\n"
			   "# data    = data/clean.csv\n"
			   "# params  = train\n"
			   "# outs    = models/model-{{seed}}.json\n"
			   "# metrics = metrics/{{seed}}.json\n");
}

static int write_ini(struct strbuf *said, struct err *err)
{
	static const char *const data_patterns[] = {"data/*.csv", "data/raw/*", "data/*"};
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec scripts = STRVEC_INIT, data = STRVEC_INIT;
	size_t i;

	find_scripts(&scripts);
	if (scripts.n > 1)
		qsort(scripts.v, scripts.n, sizeof(*scripts.v), by_phase);
	find(&data, data_patterns, ARRAY_SIZE(data_patterns));
	write_head(&text);
	if (scripts.n)
		strbuf_addstr(&text, "# These scripts are here. Say what each reads and makes, and take the '#' away; who waits\n"
				     "# for whom follows from the names of the files.\n\n");
	for (i = 0; i < scripts.n && i < SCRIPTS_SHOWN; i++)
		write_stage(&text, scripts.v[i], data.n ? data.v[0] : NULL);
	if (!scripts.n)
		write_example(&text);
	if (file_write("mlmake.ini", text.buf, text.len, 0644, true, err) < 0)
		return -1;
	strbuf_addf(said, "wrote mlmake.ini with %zu %s to be filled in; then `mlmake lint`, then `mlmake`\n",
		    MIN(scripts.n, (size_t)SCRIPTS_SHOWN), scripts.n == 1 ? "stage" : "stages");
	return 0;
}

/* Without git, mlmake keeps what it knows in .mlmake/; with git there is nothing to ignore but what stages make. */
static int write_ignore(struct strbuf *said, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(".gitignore", (size_t)1 << 20, &text, err) < 0) {
		if (err->code != ERR_NOTFOUND)
			return -1;
		err_clear(err);
	}
	if (strstr(text.buf, "/.mlmake/"))
		return 0;
	if (text.len && text.buf[text.len - 1] != '\n')
		strbuf_addch(&text, '\n');
	strbuf_addstr(&text, "# what mlmake keeps where there is no git, and what its stages make (add yours)\n"
			     "/.mlmake/\n/build/\n");
	if (file_write(".gitignore", text.buf, text.len, 0644, true, err) < 0)
		return -1;
	strbuf_addstr(said, "wrote .gitignore: add the directories that your stages make\n");
	return 0;
}

/* ---- git ---- */

/* Says in .gitattributes how mlmake.lock is merged. To a git that was not told what that means it means nothing. */
static int write_attributes(struct strbuf *said, struct err *err)
{
	static const char line[] = "mlmake.lock merge=mlmake\n";
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(".gitattributes", (size_t)1 << 20, &text, err) < 0) {
		if (err->code != ERR_NOTFOUND)
			return -1;
		err_clear(err);
	}
	if (strstr(text.buf, "mlmake.lock "))
		return 0;
	if (text.len && text.buf[text.len - 1] != '\n')
		strbuf_addch(&text, '\n');
	strbuf_addstr(&text, line);
	if (file_write(".gitattributes", text.buf, text.len, 0644, true, err) < 0)
		return -1;
	strbuf_addstr(said, "wrote .gitattributes: mlmake.lock is merged by what it says\n");
	return 0;
}

/* How git shall call this program: by its name if that finds it, else by its path. */
static char *own_command(void)
{
	CLEANUP(strbuf_release) struct strbuf quoted = STRBUF_INIT;
	CLEANUP(freep) char *self = realpath("/proc/self/exe", NULL);
	const char *dir = getenv("PATH");

	while (self && dir && *dir) {
		size_t n = strcspn(dir, ":");
		CLEANUP(freep) char *path = xstrfmt("%.*s/mlmake", (int)n, dir);
		CLEANUP(freep) char *real = realpath(path, NULL);

		if (real)
			return streq(real, self) ? xstrdup("mlmake") : (strbuf_add_shell(&quoted, self), strbuf_detach(&quoted));
		dir += n + (dir[n] == ':');
	}
	strbuf_add_shell(&quoted, self ? self : "mlmake");
	return strbuf_detach(&quoted);
}

static int configure(const char *key, const char *value, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	struct process_start how = {.argv = &argv};
	int status;

	strvec_push(&argv, "git");
	strvec_push(&argv, "config");
	strvec_push(&argv, "--local");
	strvec_push(&argv, key);
	strvec_push(&argv, value);
	status = process_run(&how, NULL, 0, 4096, &out, &errors, err);
	strbuf_trim(&errors);
	if (status > 0)
		return err_set(err, ERR_FAILED, "`git config` failed: %s", errors.buf);
	return status;
}

/* Only on request: the configuration of a clone belongs to its user. */
static int install_driver(struct strbuf *said, struct err *err)
{
	CLEANUP(freep) char *self = own_command();
	CLEANUP(freep) char *driver = xstrfmt("%s merge-lock %%O %%A %%B %%P", self);
	CLEANUP(repo_release) struct repo repo = {0};

	if (repo_find(&repo, err) < 0)
		return -1;
	if (!repo.in_git)
		return err_set(err, ERR_INVALID, "this is no git work tree; `git init` makes one");
	if (write_attributes(said, err) < 0 || configure("merge.mlmake.name", "mlmake.lock by what it says", err) < 0 ||
	    configure("merge.mlmake.driver", driver, err) < 0)
		return -1;
	strbuf_addf(said, "set merge.mlmake in the configuration of this clone: git calls `%s`\n", driver);
	return 0;
}

static int tell_of_driver(struct strbuf *said, struct err *err)
{
	CLEANUP(repo_release) struct repo repo = {0};

	if (repo_find(&repo, err) < 0)
		return -1;
	if (!repo.in_git)
		return 0;
	if (write_attributes(said, err) < 0)
		return -1;
	strbuf_addstr(said, "git does so after `mlmake init --git`, once in each clone; until then it merges the lines\n");
	return 0;
}

static int init(bool git, struct strbuf *said, struct err *err)
{
	bool there = file_exists("mlmake.ini");

	if (there && !git)
		return err_set(err, ERR_INVALID, "mlmake.ini is here already; `mlmake lint` checks it");
	if (!there && (write_ini(said, err) < 0 || write_ignore(said, err) < 0))
		return -1;
	return git ? install_driver(said, err) : tell_of_driver(said, err);
}

static int run(struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *dir = args_value(a, "directory");

	if (dir && chdir(dir) < 0) {
		err_errno(&err, "cannot enter '%s'", dir);
		return cli_fail(EXIT_USAGE, &err);
	}
	if (init(args_count(a, "git") > 0, &said, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	return cli_print(&said);
}

static const struct option_def options[] = {
	{0, "git", NULL, "tell git, in this clone's configuration, to merge mlmake.lock with mlmake"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_init = {
	"init", "write a first mlmake.ini about the scripts that are here", "", NULL, WORDS_NONE, options, run,
};
