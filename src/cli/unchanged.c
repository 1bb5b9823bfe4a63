/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/unchanged.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env/environment.h"
#include "stale/glance.h"
#include "util/pool.h"
#include "util/text.h"

struct unchanged {
	char *file, *program;
	struct pipeline_disk disk;
	struct glance_place at;
	struct glance *glance;
};

/* Options that change neither what is asked nor how the answer is shown. */
static bool is_harmless(const struct option_value *o)
{
	static const char *const harmless[] = {"jobs", "keep-going", "quiet", "no-wait", "directory", "color"};
	int64_t n;
	size_t i;

	if (streq(o->def->name, "jobs") && !text_parse_int(o->value, 1, INT32_MAX, &n))
		return false;
	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		if (streq(o->def->name, harmless[i]))
			return true;
	return false;
}

static bool is_plain(const struct args *a)
{
	size_t i;

	for (i = 0; i < a->n_given; i++)
		if (!is_harmless(&a->given[i]))
			return false;
	return !a->words.n && !a->overrides.n;
}

/* The file that runs, since versions of it between releases differ in nothing else, and where. NULL if the system does not say. */
static char *program(void)
{
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	struct stat st;

	if (!here || stat("/proc/self/exe", &st) < 0)
		return NULL;
	return xstrfmt("%s %ju %ju %jd %jd.%09ld %s", PACKAGE_VERSION, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
		       (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, here);
}

static struct unchanged *unchanged_new(struct project *p)
{
	struct unchanged *u = xcalloc(1, sizeof(*u));

	u->file = xstrfmt("%s/glance", p->repo.state);
	u->program = program();
	u->disk = project_disk(p);
	u->at = (struct glance_place){.file = u->file,
				      .program = u->program,
				      .paths = {p->repo.state, p->repo.shared, "mlmake.lock"},
				      .disk = &u->disk,
				      .code = &code_disk_system,
				      .threads = pool_cpus()};
	return u;
}

struct code_disk unchanged_code(struct unchanged *u)
{
	return u->glance ? glance_code(u->glance) : code_disk_system;
}

bool unchanged_since(struct project *p, size_t *fresh)
{
	CLEANUP(err_release) struct err err = ERR_INIT; /* is told by who opens everything */
	struct unchanged *u;

	if (p->begun || !is_plain(p->args) || project_open_cache(p, &err) < 0)
		return false;
	u = p->unchanged = unchanged_new(p);
	if (!u->program)
		return false;
	u->at.cache = p->cache;
	if (glance_holds(&u->at, fresh))
		return true;
	u->glance = glance_new(&u->at);
	return false;
}

struct pipeline_disk unchanged_disk(struct unchanged *u)
{
	return u->glance ? glance_disk(u->glance) : u->disk;
}

static bool has_probes(const struct pipeline *pl)
{
	size_t i;

	for (i = 0; i < pl->n_envs; i++)
		if (pl->envs[i]->n_probes)
			return true;
	return false;
}

int unchanged_keep(struct project *p, const struct plan *plan, struct err *err)
{
	struct unchanged *u = p->unchanged;
	size_t i, selected = 0;

	for (i = 0; i < plan->g->n; i++)
		selected += plan->selected[i];
	if (!u || !u->glance || !selected || plan->settled != selected || p->told || has_probes(&p->pl) || environment_asks_always(&p->pl) ||
	    history_dirty(p->history))
		return 0;
	return glance_keep(u->glance, selected, err);
}

void unchanged_free(struct unchanged *u)
{
	if (!u)
		return;
	glance_free(u->glance);
	free(u->file);
	free(u->program);
	free(u);
}
