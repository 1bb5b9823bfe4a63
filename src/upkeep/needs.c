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
	const struct run *run;
	bool (*visit)(void *ctx, const struct digest *id, bool dir);
	void *ctx;
};

static bool visit(void *ctx, const struct digest *id, bool dir)
{
	struct walking *w = ctx;

	return w->visit(w->ctx, id, dir);
}

/* A run's tree holds the manifests of what was stored when it was recorded; the table that finds them may have been lost, or never have
 * known a run that was fetched. */
static int missing(void *ctx, const struct digest *id, struct err *err)
{
	struct walking *w = ctx;
	struct tree_entry e;
	int got;

	(void)id;
	if (!w->run || w->m->learnt == w->run)
		return 0;
	w->m->learnt = w->run;
	got = lineage_entry(w->m->lineage, w->run, "objects", &e, err);
	if (got <= 0 || e.mode != TREE_DIR)
		return MIN(got, 0);
	return closure_learn(w->m->store, &e.id, err) < 0 ? -1 : 1;
}

int needs_walk(struct needs *m, const struct run *run, const struct digest *manifest,
	       bool (*fn)(void *ctx, const struct digest *id, bool dir), void *ctx, struct err *err)
{
	struct walking w = {m, run, fn, ctx};

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

int needs_text(struct needs *m, const struct run *run, const char *text, size_t n, struct err *err)
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
			    needs_walk(m, run, &id, mark, m, err) < 0)
				return -1;
		}
		p += p == from;
	}
	return 0;
}
