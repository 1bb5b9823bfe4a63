/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/aside.h"
#include "run/build.h"
#include "run/keeper.h"

static bool has_ended(void *ctx, const char *path)
{
	return history_ended(ctx, path);
}

/* Each step is written down before the next, so that this too may be killed and begun again. */
static int undo_half_written(struct history *h, const char *state_dir, const struct strvec *instances,
			     const struct strvec *paths, struct strvec *notes, struct err *err)
{
	CLEANUP(freep) char *where = NULL;
	size_t i;

	for (i = 0; i < paths->n; i++)
		if (store_place_sweep(paths->v[i], err) < 0)
			return -1;
	if (paths->n && aside_fail(state_dir, "crash", (const char *const *)paths->v, paths->n, &where, err) < 0)
		return -1;
	if (where)
		strvec_pushf(notes, "the run before ended badly; what it left half-written is in '%s'", where);
	for (i = 0; i < instances->n; i++)
		if (history_back(h, instances->v[i], err) < 0)
			return -1;
	return 0;
}

int build_recover(struct history *h, const char *state_dir, const char *run_id, struct strvec *notes, struct err *err)
{
	CLEANUP(strvec_release) struct strvec instances = STRVEC_INIT, paths = STRVEC_INIT, back = STRVEC_INIT;
	const char *run = history_crashed_run(h);
	int killed;
	size_t i;

	if (run) {
		killed = *run ? keeper_sweep(run) : 0;
		if (killed)
			strvec_pushf(notes, "the run before ended badly; %d of its processes %s still there and %s stopped",
				     killed, killed == 1 ? "was" : "were", killed == 1 ? "was" : "were");
		history_half_written(h, &instances, &paths);
		if (history_begin_run(h, run_id, err) < 0 ||
		    undo_half_written(h, state_dir, &instances, &paths, notes, err) < 0)
			return -1;
	}
	if (aside_recover(state_dir, has_ended, h, &back, err) < 0)
		return -1;
	for (i = 0; i < back.n; i++)
		strvec_pushf(notes, "'%s' is put back as it was before", back.v[i]);
	for (i = 0; i < instances.n; i++)
		if (history_end(h, instances.v[i], err) < 0)
			return -1;
	return 0;
}
