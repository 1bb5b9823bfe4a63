/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mlmake as the program of what is no stage: it is started by the mlmake that builds, through its launcher, in the project's directory. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/perform.h"
#include "gitdb/gitdb.h"
#include "gitdb/repo.h"
#include "lifecycle/kind.h"
#include "run/task.h"
#include "util/clock.h"

/* The file that runs now, also if another one has been installed in its place since. */
char *perform_command(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[MAX(n, (ssize_t)0)] = '\0';
	if (n > 0 && access(path, X_OK) == 0)
		strbuf_add_shell(&out, path);
	else
		strbuf_addf(&out, "/proc/%ld/exe", (long)getpid());
	strbuf_addstr(&out, " perform");
	return strbuf_detach(&out);
}

static int perform(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(repo_release) struct repo repo = {0};
	static const unsigned char secret[STATCACHE_SECRET]; /* nothing is remembered, so nothing has to be told from others' */
	struct lifecycle lc = {.repo = &repo};
	struct statcache *cache;
	int got;

	if (a->words.n != 1) {
		err_set(&err, ERR_INVALID, "`mlmake perform` takes the file of a task; a build starts it");
		return cli_fail(EXIT_USAGE, &err);
	}
	if (repo_find(&repo, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	lc.db = gitdb_new(repo.git_dir);
	lc.lineage = lineage_new(&repo, lc.db);
	cache = statcache_open(NULL, secret, &clock_system);
	statcache_see_through(cache, repo.shared);
	lc.store = store_new(repo.shared, lc.db, cache);
	lc.cache = cache;
	got = lifecycle_perform(&lc, a->words.v[0], &err);
	lifecycle_release(&lc);
	store_free(lc.store);
	statcache_free(cache);
	lineage_free(lc.lineage);
	gitdb_free(lc.db);
	if (got < 0)
		return cli_fail(EXIT_STAGE_FAILED, &err);
	return got;
}

static const struct option_def options[] = {
	{0, NULL, NULL, NULL},
};

const struct command cmd_perform = {
	"perform",
	"judge by the rules of a gate and the like (a build calls it)",
	"FILE",
	NULL,
	WORDS_FILES,
	options,
	perform,
};
