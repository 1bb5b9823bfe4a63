/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/acceptances.h"

#include "report/wording.h"
#include "util/clock.h"

void acceptances_each(const struct record *r, struct arena *a,
		      void (*visit)(void *ctx, const struct acceptance *acc, const struct reason *reasons, size_t n), void *ctx)
{
	struct record *before = arena_alloc(a, (r->n_accepted + 1) * sizeof(*before));
	const struct record *at = r;
	struct reason *reasons;
	size_t i, n;

	for (i = r->n_accepted; i-- > 0; at = &before[i])
		record_unaccept(at, a, &before[i]);
	for (i = 0; i < r->n_accepted; i++) {
		stale_compare(&before[i], i + 1 < r->n_accepted ? &before[i + 1] : r, a, &reasons, &n);
		visit(ctx, &r->accepted[i], reasons, n);
	}
}

static void push(void *ctx, const struct acceptance *acc, const struct reason *reasons, size_t n)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	struct json *j = json_new_map(), *list = json_new_list();
	size_t i;

	clock_iso(acc->when, &time);
	json_set_str(j, "run", acc->run);
	json_set_str(j, "time", time.buf);
	json_set_str(j, "who", acc->who);
	json_set_str(j, "because", acc->because);
	for (i = 0; i < n; i++)
		json_push(list, words_reason_json(&reasons[i]));
	json_set(j, "reasons", list);
	json_push(ctx, j);
}

struct json *report_acceptances_json(const struct record *r)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct json *list = json_new_list();

	acceptances_each(r, &a, push, list);
	return list;
}
