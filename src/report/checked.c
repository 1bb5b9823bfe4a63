/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/checked.h"

#include <string.h>

#include "util/text.h"

static void add_finding(const struct finding *x, const struct style *s, struct strbuf *out)
{
	size_t i;

	strbuf_addf(out, "%s%-9s%s", hue_on(s, x->repaired ? HUE_WARN : HUE_BAD), finding_kind_name(x->kind),
		    hue_off(s));
	term_add_clean(out, x->what, strlen(x->what));
	strbuf_addch(out, '\n');
	for (i = 0; i < x->n_results && i < FINDING_RESULTS; i++) {
		strbuf_addf(out, "         %s: ", x->repaired ? "part of" : "lost with it");
		term_add_clean(out, x->results[i], strlen(x->results[i]));
		strbuf_addch(out, '\n');
	}
	if (x->n_results > FINDING_RESULTS)
		strbuf_addf(out, "         and %zu more\n", x->n_results - FINDING_RESULTS);
	if (x->repair)
		strbuf_addf(out, "         %s%s\n", x->repaired ? "repaired: " : "", x->repair);
}

static void add_count(struct strbuf *out, size_t n, const char *one, const char *many, const char **comma)
{
	strbuf_addf(out, "%s%zu %s", *comma, n, n == 1 ? one : many);
	*comma = ", ";
}

void report_checked(const struct fsck *f, const struct style *s, struct strbuf *out)
{
	const struct fsck_counts *c = &f->counts;
	size_t i, repaired = 0;
	const char *comma = "";

	for (i = 0; i < f->n; i++) {
		add_finding(&f->v[i], s, out);
		repaired += f->v[i].repaired;
	}
	strbuf_addstr(out, f->quick ? "looked at, but not into: " : "looked at: ");
	add_count(out, c->objects, "large object", "large objects", &comma);
	strbuf_addstr(out, " of ");
	text_add_size(out, c->bytes);
	add_count(out, c->small, "small one", "small ones", &comma);
	add_count(out, c->runs, "run", "runs", &comma);
	add_count(out, c->records, "record", "records", &comma);
	strbuf_addch(out, '\n');
	if (c->collected)
		strbuf_addf(out, "%zu that are not here were taken by `mlmake gc`\n", c->collected);
	if (c->elsewhere)
		strbuf_addf(out, "%zu that runs name are not here; other clones made them, or they are not kept\n", c->elsewhere);
	if (c->journals)
		strbuf_addstr(out, "a run is under way here, or was killed: then the next build recovers it\n");
	if (!f->n)
		hue_addf(out, s, HUE_GOOD, "%s", "all is sound");
	else
		hue_addf(out, s, HUE_BAD, "%zu %s found, %zu repaired", f->n, f->n == 1 ? "damage" : "damages", repaired);
	strbuf_addch(out, '\n');
}

static struct json *finding_json(const struct finding *x)
{
	struct json *j = json_new_map(), *results = json_new_list();
	char hex[DIGEST_HEX + 1];
	size_t i;

	digest_hex(&x->id, hex);
	json_set_str(j, "kind", finding_kind_name(x->kind));
	json_set_str(j, "what", x->what);
	json_set_str(j, "sha256", x->has_id ? hex : NULL);
	json_set_bool(j, "repaired", x->repaired);
	json_set_str(j, "repair", x->repair);
	for (i = 0; i < x->n_results && i < FINDING_RESULTS; i++)
		json_push(results, json_new_str(x->results[i]));
	json_set(j, "results", results);
	json_set_int(j, "more", x->n_results > FINDING_RESULTS ? (int64_t)(x->n_results - FINDING_RESULTS) : 0);
	return j;
}

struct json *report_checked_json(const struct fsck *f)
{
	struct json *j = json_new_map(), *list = json_new_list(), *counts = json_new_map();
	size_t i;

	json_set_int(j, "version", 1);
	json_set_bool(j, "sound", f->n == 0);
	for (i = 0; i < f->n; i++)
		json_push(list, finding_json(&f->v[i]));
	json_set(j, "findings", list);
	json_set_int(counts, "objects", (int64_t)f->counts.objects);
	json_set_int(counts, "bytes", f->counts.bytes);
	json_set_int(counts, "small", (int64_t)f->counts.small);
	json_set_int(counts, "runs", (int64_t)f->counts.runs);
	json_set_int(counts, "records", (int64_t)f->counts.records);
	json_set_int(counts, "collected", (int64_t)f->counts.collected);
	json_set_int(counts, "elsewhere", (int64_t)f->counts.elsewhere);
	json_set(j, "counts", counts);
	return j;
}
