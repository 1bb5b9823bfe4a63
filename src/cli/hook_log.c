/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hook.h"
#include "lifecycle/worker.h"
#include "report/hooks.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"
#include "util/text.h"

#define SHOWN 20
#define SAID_LIMIT 65536
#define OUTPUT_LIMIT ((size_t)1 << 30)
#define PAUSE 50000 /* microseconds between two looks */
#define PATIENCE 200 /* looks until a build that is asked to stop is left to itself */

static char *output_of(const struct hook_place *h, uint64_t number)
{
	return xstrfmt("%s/out/%" PRIu64, h->dir, number);
}

/* ---- log */

/* The newest event whose number or commit word is. */
static const struct hook_event *find_event(const struct hook_event *v, size_t n, const char *word)
{
	int64_t number = -1;

	if (!text_parse_int(word, 0, INT64_MAX, &number))
		number = -1;
	while (n--)
		if ((int64_t)v[n].number == number || (strlen(word) >= 4 && skip_prefix(v[n].commit, word, NULL)))
			return &v[n];
	return NULL;
}

/* The commit that word names here, as git has it ("HEAD~1", a branch), "" if it names none. */
static void ask_for_commit(const struct hook_place *h, const char *word, struct strbuf *out)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf said = STRBUF_INIT;
	const struct process_start how = {.argv = &argv};

	strvec_push(&argv, "git");
	if (!h->in_project)
		strvec_pushf(&argv, "--git-dir=%s", h->git_dir);
	strvec_push(&argv, "rev-parse");
	strvec_push(&argv, "--verify");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, "--end-of-options");
	strvec_pushf(&argv, "%s^{commit}", word);
	if (process_run(&how, NULL, 0, SAID_LIMIT, out, &said, NULL) != 0)
		strbuf_clear(out);
	strbuf_trim(out);
}

/* One of them with all that its build printed. */
static int show_one(const struct hook_place *h, const struct hook_event *v, size_t n, const char *word, struct err *err)
{
	const struct hook_event *e = find_event(v, n, word);
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, commit = STRBUF_INIT;
	struct style style = style_for(STDOUT_FILENO, h->color);
	CLEANUP(freep) char *file = NULL;

	if (!e) {
		ask_for_commit(h, word, &commit);
		e = commit.len ? find_event(v, n, commit.buf) : NULL;
	}
	if (!e) {
		err_set(err, ERR_NOTFOUND, "the log has no '%s'%s%.9s; `mlmake hook log` lists numbers and commits", word,
			commit.len ? ", which is commit " : "", commit.buf);
		return cli_fail(EXIT_USAGE, err);
	}
	file = output_of(h, e->number);
	report_hook_event(e, &style, &out);
	if (file_read(file, OUTPUT_LIMIT, &out, NULL) < 0)
		strbuf_addstr(&out, "what the build printed is not kept any more\n");
	return cli_print(&out);
}

static int show_log(const struct hook_place *h, const struct args *a, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct style style = style_for(STDOUT_FILENO, h->color);
	const char *text = args_value(a, "lines");
	int64_t limit = SHOWN;
	struct hook_event *v;
	size_t n;

	if (text && !text_parse_int(text, 0, INT32_MAX, &limit)) {
		err_set(err, ERR_INVALID, "-n takes a number from 0 (all), not '%s'", text);
		return cli_fail(EXIT_USAGE, err);
	}
	hook_revive(h);
	if (hooklog_read(h->dir, &arena, &v, &n, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (a->words.n > 1)
		return show_one(h, v, n, a->words.v[1], err);
	if (args_count(a, "json"))
		return cli_print_json(report_hooklog_json(v, n, (size_t)limit));
	report_hooklog(v, n, (size_t)limit, &style, &out);
	return cli_print(&out);
}

int hook_log(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = show_log(&h, a, &err);
	hook_place_release(&h);
	return code;
}

/* ---- watch */

struct watching_hooks {
	const struct hook_place *h;
	size_t told;       /* events of the log */
	uint64_t number;   /* of the build whose output is shown */
	off_t shown;       /* bytes of it */
	int last;          /* what the last build that ended exited with */
};

static void show_more(struct watching_hooks *w, struct strbuf *out)
{
	CLEANUP(freep) char *file = output_of(w->h, w->number);
	CLEANUP(closep) int fd = w->number ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	char buf[65536];
	ssize_t n;

	while (fd >= 0 && (n = pread(fd, buf, sizeof(buf), w->shown)) > 0) {
		strbuf_add(out, buf, (size_t)n);
		w->shown += n;
	}
}

/* The build that is under way. */
static void look_at_now(struct watching_hooks *w, struct strbuf *out)
{
	CLEANUP(freep) char *file = path_join(w->h->dir, "now");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event e;

	if (file_read(file, OUTPUT_LIMIT, &line, NULL) < 0 || !hook_event_parse(line.buf, line.len, &a, &e))
		return;
	if (e.number != w->number) {
		show_more(w, out);
		w->number = e.number;
		w->shown = 0;
		strbuf_addf(out, "building %s %.9s\n", words_branch(e.ref, ""), e.commit);
	}
	show_more(w, out);
}

static int look_at_log(struct watching_hooks *w, bool quiet, struct strbuf *out, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct style style = style_for(STDOUT_FILENO, w->h->color);
	struct hook_event *v;
	size_t n;

	if (hooklog_read(w->h->dir, &a, &v, &n, err) < 0)
		return -1;
	if (n > w->told)
		show_more(w, out);
	for (; w->told < n; w->told++) {
		if (!quiet)
			report_hook_event(&v[w->told], &style, out);
		w->last = v[w->told].code > 0 ? v[w->told].code : 0;
	}
	w->told = n;
	return 0;
}

static bool is_idle(const struct hook_place *h)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;

	return !hook_is_working(h) && hookqueue_read(h->dir, &q, NULL) == 0 && !q.n;
}

static int watch(const struct hook_place *h, const struct args *a, struct err *err)
{
	struct watching_hooks w = {.h = h};
	bool quiet = args_count(a, "quiet") > 0, idle;

	if (look_at_log(&w, true, &(struct strbuf)STRBUF_INIT, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	w.last = 0;
	do {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		hook_revive(h);
		idle = is_idle(h);
		look_at_now(&w, &out);
		if (look_at_log(&w, quiet, &out, err) < 0)
			return cli_fail(EXIT_USAGE, err);
		if (quiet)
			strbuf_clear(&out);
		if (cli_print(&out) != EXIT_DONE)
			return EXIT_USAGE;
		if (!idle)
			usleep(PAUSE);
	} while (!idle);
	return w.last;
}

int hook_watch(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = watch(&h, a, &err);
	hook_place_release(&h);
	return code;
}

/* ---- cancel */

/* "main", a whole name, or "*". */
static char *ref_of(const char *word)
{
	return !word ? xstrdup("*") : skip_prefix(word, "refs/", NULL) ? xstrdup(word) : xstrfmt("refs/heads/%s", word);
}

/* The newest first: what is built has the oldest, and must not find newer ones when it is gone. *newest is the number of the first, *n how many. */
static int drop_entries(const struct hook_place *h, const char *ref, uint64_t *newest, size_t *n, struct err *err)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
	size_t i;

	*newest = *n = 0;
	if (hookqueue_read(h->dir, &q, err) < 0)
		return -1;
	for (i = q.n; i--;) {
		if (!streq(ref, "*") && (!q.v[i].hook || !streq(q.v[i].ref, ref)))
			continue;
		if (hookqueue_remove(h->dir, q.v[i].number, err) < 0)
			return -1;
		*newest = MAX(*newest, q.v[i].number);
		++*n;
	}
	return 0;
}

/* The number of what is built of ref, 0 if nothing is. */
static uint64_t building(const struct hook_place *h, const char *ref)
{
	CLEANUP(freep) char *file = path_join(h->dir, "now");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event e;

	if (!worker_is_there(h->dir) || file_read(file, OUTPUT_LIMIT, &line, NULL) < 0 || !hook_event_parse(line.buf, line.len, &a, &e))
		return 0;
	return streq(ref, "*") || streq(e.ref, ref) ? e.number : 0;
}

static int cancel(const struct hook_place *h, const struct args *a, struct err *err)
{
	CLEANUP(freep) char *ref = ref_of(a->words.n > 1 ? a->words.v[1] : NULL);
	uint64_t was = building(h, ref), newest;
	size_t n;
	int i;

	if (drop_entries(h, ref, &newest, &n, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	for (i = 0; i < PATIENCE && building(h, ref); i++)
		usleep(PAUSE);
	hook_revive(h); /* of what came meanwhile, and of other branches */
	if (!n && !was)
		printf("nothing is built, and nothing waits\n");
	else if (was)
		printf("%s%s\n", building(h, ref) ? "the build was asked to stop" : "the build is stopped",
		       newest > was ? ", and what waited is taken out of the queue" : "");
	else
		printf("%zu taken out of the queue\n", n);
	return EXIT_DONE;
}

int hook_cancel(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct hook_place h;
	int code = hook_place_open(&h, a);

	if (code == EXIT_DONE)
		code = cancel(&h, a, &err);
	hook_place_release(&h);
	return code;
}
