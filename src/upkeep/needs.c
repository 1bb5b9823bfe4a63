/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "upkeep/needs.h"

#include <string.h>

#include "store/closure.h"
#include "store/collect.h"

void needs_release(struct needs *m)
{
	digestset_release(&m->needed);
	digestset_release(&m->dirs);
}

struct walking {
	struct needs *m;
	bool (*visit)(void *ctx, const struct digest *id, bool dir);
	void *ctx;
};

static bool visit(void *ctx, const struct digest *id, bool dir)
{
	struct walking *w = ctx;

	return w->visit(w->ctx, id, dir);
}

static int learn_all(struct needs *m, struct err *err)
{
	const struct run *runs;
	size_t n;

	m->learnt = true;
	if (lineage_runs(m->lineage, &runs, &n, err) < 0)
		return -1;
	while (n--) {
		struct tree_entry e;
		int got = lineage_entry(m->lineage, &runs[n], "objects", &e, err);

		if (got > 0 && e.mode == TREE_DIR)
			got = closure_learn(m->store, &e.id, err);
		if (got < 0)
			return err_wrap(err, "run %s", runs[n].id);
	}
	return 0;
}

/* A manifest that is not here was never stored, as those of what git tracks, or the table that finds it was lost, or never knew the run
 * that made it: so the trees of runs, which hold it, are looked at. What they hold and is not to be had even then is damaged. */
static int missing(void *ctx, const struct digest *id, struct err *err)
{
	struct walking *w = ctx;
	char hex[DIGEST_HEX + 1];

	if (!w->m->learnt)
		return learn_all(w->m, err) < 0 ? -1 : 1;
	if (!store_knows_dir(w->m->store, id))
		return 0;
	digest_hex(id, hex);
	return err_set(err, ERR_CORRUPT, "the manifest %s of a directory is damaged", hex);
}

int needs_walk(struct needs *m, const struct digest *manifest, bool (*fn)(void *ctx, const struct digest *id, bool dir), void *ctx,
	       struct err *err)
{
	struct walking w = {m, fn, ctx};

	return store_walk(m->store, manifest, visit, missing, &w, err);
}

static bool mark(void *ctx, const struct digest *id, bool dir)
{
	struct needs *m = ctx;

	digestset_add(&m->needed, id);
	return dir && digestset_add(&m->dirs, id);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Is the digest at p said to be a directory's: "outs d <sha256> ..."? */
static bool says_dir(const char *text, const char *p)
{
	return p - text >= 3 && p[-1] == ' ' && p[-2] == 'd' && p[-3] == ' ';
}

int needs_text(struct needs *m, const char *text, size_t n, struct err *err)
{
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *from = p;
		struct digest id;

		while (p < end && is_hex(*p))
			p++;
		if (p - from == DIGEST_HEX && digest_parse(from, &id)) {
			digestset_add(&m->needed, &id);
			if (says_dir(text, from) && !digestset_has(&m->dirs, &id) &&
			    needs_walk(m, &id, mark, m, err) < 0)
				return -1;
		}
		p += p == from;
	}
	return 0;
}
