/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "report/collected.h"

#include <string.h>
#include <time.h>

#include "util/text.h"

#define SIZE_COLUMNS 11
#define COMMIT_SHOWN 10

static void day_of(const struct run *r, char out[16])
{
	time_t t = (time_t)(r->time / 1000000000);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(out, 16, "%Y-%m-%d", &tm))
		strcpy(out, "?");
}

static void add_clean(struct strbuf *out, const char *text)
{
	term_add_clean(out, text, strlen(text));
}

static void add_run(const struct run *r, const struct style *s, struct strbuf *out)
{
	char day[16];

	day_of(r, day);
	strbuf_addf(out, "%srun ", hue_on(s, HUE_BOLD));
	add_clean(out, r->id);
	strbuf_addf(out, "%s of %s", hue_off(s), day);
	if (r->source)
		strbuf_addf(out, ", commit %.*s%s", COMMIT_SHOWN, r->source, r->dirty == 1 ? " with changes" : "");
	if (*r->project) {
		strbuf_addstr(out, ", in ");
		add_clean(out, r->project);
	}
	strbuf_addch(out, '\n');
}

static void add_line(const struct gc_result *r, const char *word, enum hue hue, int64_t bytes, const struct style *s, struct strbuf *out)
{
	size_t from;

	strbuf_addf(out, "  %s%-7s%s", hue_on(s, hue), word, hue_off(s));
	from = out->len;
	text_add_size(out, bytes);
	strbuf_addn(out, ' ', out->len - from < SIZE_COLUMNS ? SIZE_COLUMNS - (out->len - from) : 1);
	add_clean(out, r->path);
	strbuf_addstr(out, r->input ? ", which " : " of ");
	add_clean(out, r->instance);
	strbuf_addstr(out, r->input ? " read\n" : "\n");
}

static void add_result(const struct gc_result *r, const struct style *s, struct strbuf *out)
{
	if (r->n) {
		add_line(r, "loses", HUE_BAD, r->bytes, s, out);
		strbuf_addstr(out, "         ");
		if (r->n_elsewhere == r->n)
			strbuf_addstr(out, "a remote has it: `mlmake pull` fetches it; ");
		else if (r->n_elsewhere)
			strbuf_addf(out, "a remote has %zu of %zu objects; ", r->n_elsewhere, r->n);
		if (r->input) {
			strbuf_addstr(out, r->n_elsewhere == r->n ? "no stage makes it\n" : "no stage makes it, and no other copy is known\n");
		} else {
			strbuf_addf(out, "`mlmake reproduce %s --stage ", r->run->id);
			add_clean(out, r->instance);
			strbuf_addstr(out, "` makes it anew\n");
		}
	}
	if (r->n_kept) {
		add_line(r, "keeps", HUE_GOOD, r->bytes_kept, s, out);
		strbuf_addstr(out, r->always ? "         its stage says `cache = always`\n"
					     : "         no other place is known to have it; --force takes it all the same\n");
	}
}

static void add_count(const struct gc_count *c, const char *what, struct strbuf *out)
{
	if (!c->n)
		return;
	strbuf_addf(out, "%zu %s%s, ", c->n, c->n == 1 ? "object" : "objects", what);
	text_add_size(out, c->bytes);
	strbuf_addch(out, '\n');
}

void report_collected(const struct gc *g, bool dry, const struct style *s, struct strbuf *out)
{
	const char *go = dry ? "would go" : "go";
	bool at_once = g->opt->grace <= 0;
	const struct run *last = NULL;
	size_t i;

	for (i = 0; i < g->n_results; i++) {
		if (g->results[i].run != last)
			add_run(g->results[i].run, s, out);
		last = g->results[i].run;
		add_result(&g->results[i], s, out);
	}
	add_count(&g->needed, " needed by locks, runs and work trees", out);
	if (g->lost.n) {
		strbuf_addf(out, "of old runs %s%s: ", go, at_once ? "" : " to the trash");
		add_count(&g->lost, "", out);
	}
	if (g->garbage.n) {
		strbuf_addf(out, "of nobody %s%s: ", go, at_once ? "" : " to the trash");
		add_count(&g->garbage, "", out);
	}
	if (g->gone.n) {
		strbuf_addf(out, "from the trash %s for good: ", go);
		add_count(&g->gone, "", out);
	}
	add_count(&g->kept, " of old runs kept", out);
	add_count(&g->young, " that nothing names kept, for the grace is not over", out);
	add_count(&g->trashed, " in the trash, until the grace is over", out);
	add_count(&g->back, " of the trash needed again", out);
	add_count(&g->rest, " of killed runs, or corrupt and older than the grace", out);
	add_count(&g->small, " in git, which keeps what runs and commits reach; `git gc` tidies it", out);
	if (!g->lost.n && !g->garbage.n && !g->gone.n && !g->rest.n)
		strbuf_addstr(out, "nothing to collect\n");
	if (g->journals)
		strbuf_addstr(out, "a run is under way here, or was killed and is not recovered yet: what it left in git stays until the next build\n");
}

static struct json *count_json(const struct gc_count *c)
{
	struct json *j = json_new_map();

	json_set_int(j, "objects", (int64_t)c->n);
	json_set_int(j, "bytes", c->bytes);
	return j;
}

static struct json *result_json(const struct gc_result *r)
{
	struct json *j = json_new_map();
	char hex[GIT_ID_HEX + 1], day[16];

	git_id_hex(&r->run->commit, hex);
	day_of(r->run, day);
	json_set_str(j, "run", r->run->id);
	json_set_str(j, "run_commit", hex);
	json_set_str(j, "commit", r->run->source);
	json_set_str(j, "date", day);
	json_set_str(j, "instance", r->instance);
	json_set_str(j, "path", r->path);
	json_set_bool(j, "input", r->input);
	json_set_int(j, "objects", (int64_t)r->n);
	json_set_int(j, "bytes", r->bytes);
	json_set_int(j, "elsewhere", (int64_t)r->n_elsewhere);
	json_set_int(j, "kept", (int64_t)r->n_kept);
	json_set_int(j, "kept_bytes", r->bytes_kept);
	return j;
}

struct json *report_collected_json(const struct gc *g, bool dry)
{
	const struct {
		const char *name;
		const struct gc_count *c;
	} counts[] = {{"needed", &g->needed}, {"results", &g->lost},    {"kept", &g->kept},     {"garbage", &g->garbage}, {"young", &g->young},
		      {"trash", &g->trashed}, {"removed", &g->gone}, {"restored", &g->back}, {"rest", &g->rest},	    {"git", &g->small}};
	struct json *j = json_new_map(), *list = json_new_list(), *all = json_new_map();
	size_t i;

	json_set_int(j, "version", 1);
	json_set_bool(j, "dry", dry);
	for (i = 0; i < g->n_results; i++)
		json_push(list, result_json(&g->results[i]));
	json_set(j, "results", list);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		json_set(all, counts[i].name, count_json(counts[i].c));
	json_set(j, "counts", all);
	return j;
}
