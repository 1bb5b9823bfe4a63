/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/modules.h"

#include <dirent.h>
#include <stdlib.h>

#include "util/file.h"
#include "util/path.h"

#define DEEPEST 20 /* names of submodules may have slashes */

static void look(struct modules *m, const char *path, int depth)
{
	DIR *dir = depth < DEEPEST ? opendir(path) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		CLEANUP(freep) char *below = path_join(path, e->d_name);
		CLEANUP(freep) char *head = path_join(below, "HEAD");
		CLEANUP(freep) char *modules = path_join(below, "modules");

		if (e->d_name[0] == '.')
			continue;
		if (!file_exists(head)) {
			look(m, below, depth + 1);
			continue;
		}
		if (!strvec_has(&m->dirs, below))
			strvec_push(&m->dirs, below);
		look(m, modules, depth + 1);
	}
	if (dir)
		closedir(dir);
}

static void look_for_all(struct modules *m, const struct repo *r)
{
	const char *const above[] = {r->git_dir, r->own_dir};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(above); i++) {
		CLEANUP(freep) char *dir = path_join(above[i], "modules");

		look(m, dir, 0);
	}
	m->n = m->dirs.n;
	m->v = xcalloc(m->n + 1, sizeof(struct gitdb *));
	for (i = 0; i < m->n; i++)
		m->v[i] = gitdb_new(m->dirs.v[i]);
	m->looked = true;
}

struct gitdb *modules_with(struct modules *m, const struct repo *r, const struct git_id *commit)
{
	size_t i;

	if (!m->looked && r->in_git)
		look_for_all(m, r);
	for (i = 0; i < m->n; i++)
		if (gitdb_has(m->v[i], commit, false))
			return m->v[i];
	return NULL;
}

void modules_release(struct modules *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		gitdb_free(m->v[i]);
	free(m->v);
	strvec_release(&m->dirs);
	*m = (struct modules)MODULES_INIT;
}
