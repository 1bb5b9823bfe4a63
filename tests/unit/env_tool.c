/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is installed, as mlmake sees it without starting Python: for tests that compare it with what Python says.
 *
 *     env_tool list INTERPRETER             "NAME VERSION" of each distribution, "?" if the interpreter would have to be asked
 *     env_tool path INTERPRETER             the directories that are looked into
 *     env_tool marker MARKER [EXTRA...]     "yes", "no" or "unknown", for a Python 3.11.2 on x86_64
 *     env_tool requires INTERPRETER NAME    names that NAME requires, by its own word, without extras */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include "env/distributions.h"
#include "util/clock.h"
#include "util/pool.h"

static int tell_marker(const char *marker, char **extras, int n)
{
	static const char *const words[] = {[MARKER_NO] = "no", [MARKER_YES] = "yes", [MARKER_UNKNOWN] = "unknown"};
	const struct marker_values v = {"3.11", "3.11.2", "cpython", "x86_64"};

	puts(words[marker_holds(marker, &v, (const char *const *)extras, (size_t)n)]);
	return 0;
}

static void tell_all(struct distributions *ds)
{
	size_t i;

	for (i = 0; i < ds->n; i++) {
		const struct metadata *m = distribution_read(ds, ds->v[i]);

		printf("%s %s\n", ds->v[i]->key, m->version ? m->version : "?");
	}
}

static void tell_requires(struct distributions *ds, const char *name, const struct marker_values *v)
{
	struct distribution *d = distributions_find(ds, name);
	const struct metadata *m = d ? distribution_read(ds, d) : NULL;
	size_t i;

	for (i = 0; m && i < m->n_requires; i++)
		if (!m->requires[i].marker || marker_holds(m->requires[i].marker, v, NULL, 0) != MARKER_NO)
			puts(m->requires[i].name);
}

int main(int argc, char **argv)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	static const unsigned char secret[STATCACHE_SECRET];
	struct env_tools t = {.vars = &pipeline_disk_system, .disk = &code_disk_system, .threads = pool_cpus()};
	const struct env e = {.name = "e", .interpreter = argc > 2 ? argv[2] : NULL};
	struct marker_values v = {"3.11", "3.11.2", "cpython", "x86_64"};
	struct distributions ds;
	struct interpreter py;
	size_t i;

	if (argc > 2 && streq(argv[1], "marker"))
		return tell_marker(argv[2], argv + 3, argc - 3);
	t.cache = statcache_open(NULL, secret, &clock_system);
	if (argc < 3 || interpreter_find(&e, &t, &a, &py, &err) < 0) {
		fprintf(stderr, "env_tool: %s\n", err.msg ? err.msg : "list|path|marker|requires WHAT");
		return 2;
	}
	if (!py.known)
		puts("?");
	distributions_open(&ds, py.path, py.n_path, &t, &a);
	if (streq(argv[1], "path"))
		for (i = 0; i < py.n_path; i++)
			puts(py.path[i]);
	else if (streq(argv[1], "requires") && argc > 3)
		tell_requires(&ds, argv[3], &v);
	else
		tell_all(&ds);
	distributions_release(&ds);
	statcache_free(t.cache);
	return 0;
}
