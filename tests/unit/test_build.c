/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a plan: who starts when, and what is left of what. The launcher is fake, and it makes the time pass: when the
 * build waits, the clock stands at the moment of the next end. Files, store and history are real. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_disk.h"
#include "run/aside.h"
#include "run/build.h"
#include "run/order.h"
#include "run/tail.h"
#include "run/watching.h"
#include "util/file.h"

#define SECOND INT64_C(1000000000)
#define NEVER INT64_MAX
#define EXITED(n) ((n) << 8)

static struct err err = ERR_INIT;

static void put(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, &err), 0);
}

/* The text of a file; "none". */
static const char *text_of(const char *path)
{
	static struct strbuf sb = STRBUF_INIT;

	strbuf_clear(&sb);
	return file_read(path, (size_t)1 << 24, &sb, NULL) < 0 ? "none" : sb.buf;
}

/* What an instance does when it runs; by default it takes a second and writes its name into each output. */
struct act {
	const char *name;
	int64_t takes;      /* 0: a second; NEVER */
	int status;         /* as of waitpid */
	int times;          /* the status is that of the first so many attempts; 0: of all */
	const char *writes; /* into each output; "": makes none */
	bool stubborn;      /* does not heed SIGTERM */
	void (*during)(void);
};

struct running {
	int id, status;
	const struct instance *in;
	const struct act *act;
	int64_t ends;
};

struct theatre {
	struct fake_disk d;
	struct statcache *cache;
	struct gitdb *db;
	struct store *store;
	struct history *h;
	struct plan plan;
	struct resources r;
	char *gpus[3];
	struct build_options opt;
	struct build_result result;
	const struct act *acts;
	/* the launcher */
	struct running running[16];
	size_t n_running, most_running;
	int fd, signal_fd, ids, collecting, attempts;
	int64_t now;
	bool lost;
	struct strbuf seen; /* "+a -a ": started, ended */
	struct strbuf told; /* one event a line */
	struct strbuf env;  /* what stages saw of CUDA_VISIBLE_DEVICES */
};
static struct theatre *here; /* for what happens during a stage */

static int64_t fake_now(void *ctx)
{
	return ((struct theatre *)ctx)->now;
}

/* The end of a stage may be heard when one runs and none is being collected, so that all happens in one order. */
static void arm(struct theatre *w)
{
	uint64_t n = 1;
	bool ready = w->lost || (w->n_running && !w->collecting);

	if (ready ? write(w->fd, &n, sizeof(n)) < 0 : (read(w->fd, &n, sizeof(n)) < 0 && errno != EAGAIN))
		EXPECT(!"eventfd");
}

static const struct act *act_of(const struct theatre *w, const char *name)
{
	static const struct act plain;
	const struct act *a;

	for (a = w->acts; a && a->name; a++)
		if (streq(a->name, name))
			return a;
	return &plain;
}

static int fake_start(void *ctx, const struct launch *l, int *id, struct err *e)
{
	struct theatre *w = ctx;
	struct running *r = &w->running[w->n_running++];
	size_t i;

	(void)e;
	*r = (struct running){.id = *id = ++w->ids, .in = pipeline_instance(&w->d.pl, l->name), .act = act_of(w, l->name)};
	w->attempts++;
	r->status = !r->act->times || w->attempts <= r->act->times ? r->act->status : 0;
	r->ends = r->act->takes == NEVER ? NEVER : w->now + (r->act->takes ? r->act->takes : SECOND);
	w->most_running = MAX(w->most_running, w->n_running);
	strbuf_addf(&w->seen, "+%s ", l->name);
	for (i = 0; l->env[i]; i++)
		if (skip_prefix(l->env[i], "CUDA_VISIBLE_DEVICES=", NULL))
			strbuf_addf(&w->env, "%s:%s ", l->name, l->env[i] + 21);
	put(l->log, "first line\n##mlmake progress 1/2 x=1\nlast line\n");
	if (r->act->during)
		r->act->during();
	arm(w);
	return 0;
}

static void fake_stop(void *ctx, int id, bool kill)
{
	struct theatre *w = ctx;
	size_t i;

	strbuf_addf(&w->seen, "%s ", kill ? "KILL" : "TERM");
	for (i = 0; i < w->n_running; i++)
		if (w->running[i].id == id && (kill || !w->running[i].act->stubborn)) {
			w->running[i].ends = w->now;
			w->running[i].status = kill ? SIGKILL : SIGTERM;
		}
}

static int fake_fd(void *ctx)
{
	return ((struct theatre *)ctx)->fd;
}

static void write_outputs(const struct running *r)
{
	const char *text = r->act->writes ? r->act->writes : r->in->name;
	size_t i;

	for (i = 0; *text && i < r->in->n_outs; i++)
		put(r->in->outs[i].path, text);
}

static int fake_reap(void *ctx, struct launch_end *out, struct err *e)
{
	struct theatre *w = ctx;
	size_t i, first = 0;

	if (w->lost)
		return err_set(e, ERR_IO, "the launcher is lost");
	if (!w->n_running || w->collecting)
		return 0;
	for (i = 1; i < w->n_running; i++)
		if (w->running[i].ends < w->running[first].ends)
			first = i;
	if (w->running[first].ends == NEVER) {
		w->now += SECOND / 10;
		return 0;
	}
	w->now = MAX(w->now, w->running[first].ends);
	write_outputs(&w->running[first]);
	*out = (struct launch_end){.id = w->running[first].id, .status = w->running[first].status};
	strbuf_addf(&w->seen, "-%s ", w->running[first].in->name);
	w->collecting = out->status == 0;
	memmove(&w->running[first], &w->running[first + 1], (--w->n_running - first) * sizeof(w->running[0]));
	arm(w);
	return 1;
}

static const char *const event_names[] = {"begin", "start", "progress", "output", "done", "restored", "fresh",
					  "failed", "retry", "skipped", "frozen", "note", "tick", "end"};

static void hear(void *ctx, const struct event *e)
{
	struct theatre *w = ctx;

	if (e->kind == EVENT_TICK || e->kind == EVENT_PROGRESS)
		return;
	strbuf_addf(&w->told, "%s %s", event_names[e->kind], e->in ? e->in->name : "");
	if (e->message)
		strbuf_addf(&w->told, " (%s)", e->message);
	if (e->kind == EVENT_SKIPPED)
		strbuf_addf(&w->told, " (%s)", e->cause ? e->cause : "stopped");
	if (e->aside)
		strbuf_addf(&w->told, " [%s]", e->aside);
	strbuf_addch(&w->told, '\n');
	if (e->kind == EVENT_DONE || e->kind == EVENT_FAILED) {
		w->collecting = 0;
		arm(w);
	}
}

static void world_open(struct theatre *w, const char *text, const char *params)
{
	static const unsigned char secret[STATCACHE_SECRET] = {1};
	const struct history_paths paths = {"state", "shared", "mlmake.lock"};
	bool conflict;

	memset(w, 0, sizeof(*w));
	here = w;
	fake_disk_use(&w->d, text, params, NULL);
	w->cache = statcache_open(NULL, secret, &clock_system);
	w->db = gitdb_new("shared/git");
	w->store = store_new("shared", w->db, w->cache);
	w->h = history_open(&paths, &conflict, &err);
	w->plan = (struct plan)PLAN_INIT;
	w->seen = w->told = w->env = (struct strbuf)STRBUF_INIT;
	w->opt = (struct build_options){.jobs = 1, .tick = 3600 * SECOND};
	w->gpus[0] = (char *)(uintptr_t)"5";
	w->gpus[1] = (char *)(uintptr_t)"7";
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->signal_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->now = 1000 * SECOND;
}

static int make(struct theatre *w)
{
	static int runs;
	char run_id[16];
	const struct plan_tools tools = {w->cache, w->store, w->h, NULL, NULL, 1};
	const struct clock clock = {fake_now, fake_now, w};
	const struct launcher launcher = {fake_start, fake_stop, fake_fd, fake_reap, w};
	const struct event_sink sink = {hear, w};
	const struct build_tools bt = {.cache = w->cache, .store = w->store, .history = w->h, .launcher = &launcher,
				       .clock = &clock, .resources = &w->r, .signal_fd = w->signal_fd,
				       .state_dir = "state", .run_id = run_id, .sinks = &sink, .n_sinks = 1};
	bool all[32];
	int got;

	memset(all, 1, sizeof(all));
	plan_release(&w->plan);
	build_result_release(&w->result);
	strbuf_clear(&w->seen);
	strbuf_clear(&w->told);
	w->attempts = 0;
	w->most_running = 0;
	EXPECT_INT(plan_make(&w->plan, &w->d.g, all, w->opt.force, &tools, &w->d.ds), 0);
	snprintf(run_id, sizeof(run_id), "run%d", ++runs);
	EXPECT_INT(history_begin_run(w->h, run_id, &err), 0);
	resources_init(&w->r, w->opt.jobs, (int64_t)4 << 30, w->gpus, 2);
	got = build_run(&w->plan, &bt, &w->opt, &w->result, &err);
	resources_release(&w->r);
	return got;
}

static void world_close(struct theatre *w)
{
	plan_release(&w->plan);
	build_result_release(&w->result);
	history_free(w->h);
	store_free(w->store);
	gitdb_free(w->db);
	statcache_free(w->cache);
	fake_disk_release(&w->d);
	strbuf_release(&w->seen);
	strbuf_release(&w->told);
	strbuf_release(&w->env);
	close(w->fd);
	close(w->signal_fd);
}

static void world_clean(struct theatre *w)
{
	static const char *const all[] = {"state", "shared", "mlmake.lock", "raw", "a", "b", "c", "d", "e", "dir"};
	size_t i;

	world_close(w);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		EXPECT_INT(file_remove_tree(all[i], &err), 0);
}

/* ---- who starts when ---- */

static void longest_path_first(void)
{
	struct theatre w;

	world_open(&w,
		   "[stage a]\ncmd = a\nouts = a\nuse = time=1m\n[stage b]\ncmd = b\nouts = b\nuse = time=30s\n"
		   "[stage c]\ncmd = c\ndata = b\nouts = c\nuse = time=2m\n[stage d]\ncmd = d\nouts = d\nuse = time=2m\n",
		   NULL);
	EXPECT_INT(make(&w), 0);
	/* 150 s from b on, then d, while what b made is stored and c has to wait for that, then 120 s, then 60 s */
	EXPECT_STR(w.seen.buf, "+b -b +d -d +c -c +a -a ");
	EXPECT_INT(w.result.ran, 4);
	EXPECT_INT(w.result.outcome, BUILD_OK);
	EXPECT_INT(w.result.duration, 4 * SECOND);
	world_clean(&w);
}

static void recorded_times_count(void)
{
	static const struct act slow[] = {{.name = "c", .takes = 100 * SECOND}, {.name = NULL}};
	struct theatre w;
	bool force[] = {true, true, true};

	world_open(&w, "[stage a]\ncmd = a\nouts = a\n[stage b]\ncmd = b\nouts = b\n[stage c]\ncmd = c\nouts = c\n", NULL);
	w.acts = slow;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.seen.buf, "+a -a +b -b +c -c ");
	w.opt.force = force;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.seen.buf, "+c -c +a -a +b -b ");
	world_clean(&w);
}

#define FIVE(use) "[stage a]\ncmd = a\nouts = a\n" use "[stage b]\ncmd = b\nouts = b\n" use "[stage c]\ncmd = c\nouts = c\n" use \
	"[stage d]\ncmd = d\nouts = d\n" use "[stage e]\ncmd = e\nouts = e\n" use

static size_t most_at_once(const char *text, int jobs)
{
	struct theatre w;
	size_t most;

	world_open(&w, text, NULL);
	w.opt.jobs = jobs;
	EXPECT_INT(make(&w), 0);
	EXPECT_INT(w.result.ran, 5);
	most = w.most_running;
	world_clean(&w);
	return most;
}

static void bounds(void)
{
	EXPECT_INT(most_at_once(FIVE(""), 1), 1);
	EXPECT_INT(most_at_once(FIVE(""), 3), 3);
	EXPECT_INT(most_at_once(FIVE(""), 16), 5);
	EXPECT_INT(most_at_once(FIVE("use = cpu=2\n"), 5), 2);
	EXPECT_INT(most_at_once(FIVE("use = cpu=99\n"), 4), 1);
	EXPECT_INT(most_at_once(FIVE("use = mem=2G\n"), 5), 2); /* of 4 GiB */
	EXPECT_INT(most_at_once(FIVE("use = gpu=1\n"), 5), 2);  /* of two */
	EXPECT_INT(most_at_once(FIVE("use = lock=db\n"), 5), 1);
}

static void gpus_are_handed_out(void)
{
	struct theatre w;

	world_open(&w,
		   "[stage a]\ncmd = a\nouts = a\nuse = gpu=1\n[stage b]\ncmd = b\nouts = b\nuse = gpu=1\n"
		   "[stage c]\ncmd = c\nouts = c\nuse = gpu=2\n[stage d]\ncmd = d\nouts = d\n",
		   NULL);
	w.opt.jobs = 4;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.env.buf, "a:5 b:7 c:5,7 ");
	EXPECT_STR(w.seen.buf, "+a +b +d -a -b +c -d -c "); /* d does not wait behind c, which lacks a GPU */
	world_clean(&w);
}

static const char chain[] = "[stage a]\ncmd = a\ndata = raw\nouts = a\n[stage b]\ncmd = b\ndata = a\nouts = b\n"
			    "[stage c]\ncmd = c\ndata = b\nouts = c\n[stage d]\ncmd = d\nouts = d\n";

static void events_in_order(void)
{
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nstart d\ndone a\nstart b\ndone d\ndone b\nstart c\ndone c\nend \n");
	EXPECT_INT(w.result.n_parts, 4);
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nfresh a\nfresh d\nfresh b\nfresh c\nend \n");
	EXPECT_INT(w.result.fresh, 4);
	EXPECT_INT(w.result.saved, 4 * SECOND);
	EXPECT_INT(w.result.n_parts, 0);
	world_clean(&w);
}

/* The same bytes come out, so nothing behind it runs. */
static void early_cut_off(void)
{
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	EXPECT_INT(make(&w), 0);
	put("raw", "2");
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nfresh d\nstart a\ndone a\nfresh b\nfresh c\nend \n");
	EXPECT_INT(w.result.ran, 1);
	world_clean(&w);
}

/* ---- failures ---- */

static void failure_stops(void)
{
	static const struct act fails[] = {{.name = "a", .status = EXITED(3), .writes = "half"}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	w.acts = fails;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nfailed a (exit status 3) [state/failed/a]\nskipped b (a)\nskipped c (a)\n"
			       "skipped d (stopped)\nend \n");
	EXPECT_INT(w.result.outcome, BUILD_FAILED);
	EXPECT_INT(w.result.failed, 1);
	EXPECT_INT(w.result.skipped, 3);
	EXPECT(!file_exists("a"));
	EXPECT_STR(text_of("state/failed/a/a"), "half");
	w.opt.keep_going = true;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nfailed a (exit status 3) [state/failed/a]\nskipped b (a)\nskipped c (a)\n"
			       "start d\ndone d\nend \n");
	EXPECT_INT(w.result.outcome, BUILD_FAILED);
	world_clean(&w);
}

static void what_runs_is_finished(void)
{
	static const struct act fails[] = {{.name = "a", .status = SIGSEGV}, {.name = "d", .takes = 9 * SECOND}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	w.acts = fails;
	w.opt.jobs = 2;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nstart d\nfailed a (killed by signal 11 (Segmentation fault)) [state/failed/a]\n"
			       "skipped b (a)\nskipped c (a)\ndone d\nend \n");
	world_clean(&w);
}

static void old_outputs_come_back(void)
{
	static const struct act fails[] = {{.name = "a", .status = EXITED(1), .writes = "half"}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	EXPECT_INT(make(&w), 0);
	put("raw", "2");
	w.acts = fails;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(text_of("a"), "a");
	EXPECT_STR(text_of("state/failed/a/a"), "half");
	EXPECT_INT(access("state/aside", F_OK), -1); /* nothing is left there */
	put("raw", "1");
	EXPECT_INT(make(&w), 0);
	EXPECT_INT(w.result.fresh, 4);
	world_clean(&w);
}

static void output_not_made(void)
{
	static const struct act lazy[] = {{.name = "a", .writes = ""}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	put("a", "made by hand");
	w.acts = lazy;
	EXPECT_INT(make(&w), 0);
	EXPECT(strstr(w.told.buf, "failed a (its command succeeded and did not make 'a')\n") != NULL);
	EXPECT_STR(text_of("a"), "made by hand");
	world_clean(&w);
}

static void hand_made_outputs_are_kept(void)
{
	struct content c = {.kind = CONTENT_FILE, .size = 12};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	put("a", "made by hand");
	digest_bytes("made by hand", 12, &c.id);
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(text_of("a"), "a");
	EXPECT(strstr(w.told.buf, "note a ('a' was not as any run left it; that version is kept in the store as ") != NULL);
	EXPECT(store_has(w.store, &c));
	world_clean(&w);
}

static void retries(void)
{
	static const struct act twice[] = {{.name = "a", .status = EXITED(1), .times = 2, .writes = "x"}, {.name = NULL}};
	struct theatre w;

	world_open(&w, "[stage a]\ncmd = a\nouts = a\nretry = 2\n", NULL);
	w.acts = twice;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nretry a (exit status 1)\nretry a (exit status 1)\ndone a\nend \n");
	EXPECT_STR(text_of("a"), "x");
	world_clean(&w);
	world_open(&w, "[stage a]\ncmd = a\nouts = a\nretry = 1\n", NULL);
	w.acts = twice;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.told.buf, "begin \nstart a\nretry a (exit status 1)\nfailed a (exit status 1) [state/failed/a]\nend \n");
	world_clean(&w);
}

static void timeouts(void)
{
	static const struct act hangs[] = {{.name = "a", .takes = NEVER, .writes = "half"}, {.name = NULL}};
	static const struct act stays[] = {{.name = "a", .takes = NEVER, .writes = "half", .stubborn = true}, {.name = NULL}};
	struct theatre w;

	world_open(&w, "[stage a]\ncmd = a\nouts = a\ntimeout = 2m\n", NULL);
	w.acts = hangs;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.seen.buf, "+a TERM -a ");
	EXPECT_STR(w.told.buf, "begin \nstart a\nfailed a (it took longer than its timeout of 2m00s and was stopped) "
			       "[state/failed/a]\nend \n");
	EXPECT_INT(w.result.duration / SECOND, 120);
	w.acts = stays;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.seen.buf, "+a TERM KILL -a ");
	EXPECT_INT(w.result.duration / SECOND, 125);
	world_clean(&w);
}

static void press_ctrl_c(void)
{
	uint64_t one = 1;

	EXPECT(write(here->signal_fd, &one, sizeof(one)) == sizeof(one));
}

static void interrupts(void)
{
	static const struct act hangs[] = {{.name = "b", .takes = NEVER, .writes = "half", .during = press_ctrl_c},
					   {.name = NULL}};
	static const struct act stays[] = {
		{.name = "b", .takes = NEVER, .writes = "half", .during = press_ctrl_c, .stubborn = true}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	put("b", "older");
	w.acts = hangs;
	EXPECT_INT(make(&w), 0);
	EXPECT_INT(w.result.outcome, BUILD_INTERRUPTED);
	EXPECT_STR(w.seen.buf, "+a -a +d -d +b TERM -b ");
	EXPECT_STR(w.told.buf, "begin \nstart a\nstart d\ndone a\nstart b\ndone d\nfailed b (interrupted) [state/failed/b]\n"
			       "skipped c (b)\nend \n");
	EXPECT_STR(text_of("a"), "a");
	EXPECT_STR(text_of("b"), "older");
	w.acts = stays;
	EXPECT_INT(make(&w), 0);
	EXPECT_STR(w.seen.buf, "+b TERM KILL -b ");
	EXPECT(w.result.duration < SECOND);
	world_clean(&w);
}

static void change_raw(void)
{
	put("raw", "changed meanwhile");
}

static void inputs_that_move(void)
{
	static const struct act moves[] = {{.name = "a", .during = change_raw}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	w.acts = moves;
	EXPECT_INT(make(&w), 0);
	EXPECT(strstr(w.told.buf, "failed a ('raw' changed while it ran, so its result is not recorded; run mlmake again, "
				    "unless the stage writes to it itself: then it is an output) "
				  "[state/failed/a]\n") != NULL);
	EXPECT(!file_exists("a"));
	EXPECT(history_last(w.h, "a") == NULL);
	world_clean(&w);
}

static void launcher_lost(void)
{
	static const struct act hangs[] = {{.name = "a", .takes = NEVER}, {.name = NULL}};
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	w.acts = hangs;
	w.lost = true;
	EXPECT_INT(make(&w), -1);
	EXPECT_STR(err.msg, "the launcher is lost");
	err_clear(&err);
	EXPECT(file_exists("state/journal"));
	world_clean(&w);
}

/* What cannot be moved aside stays where it is, and is not taken for half-written. */
static void aside_impossible(void)
{
	struct theatre w;

	world_open(&w, chain, NULL);
	put("raw", "1");
	put("a", "old");
	put("state/aside", "a file where a directory should be");
	EXPECT_INT(make(&w), 0);
	EXPECT_INT(w.result.outcome, BUILD_FAILED);
	EXPECT_STR(text_of("a"), "old");
	EXPECT(!file_exists("state/failed/a"));
	world_clean(&w);
}

/* ---- restoring ---- */

static const char with_param[] =
	"[project]\nparams = params.ini\n[stage a]\ncmd = a {{p}}\nouts = a dir/x\n[stage b]\ncmd = b\ndata = a\nouts = b\n";

/* The project with p set to a value, so that a writes text. */
static void world_with_p(struct theatre *w, const char *params, const struct act *acts)
{
	world_open(w, with_param, params);
	w->acts = acts;
	EXPECT_INT(make(w), 0);
}

static bool yes(void *ctx, const char *instance)
{
	(void)ctx;
	(void)instance;
	return true;
}

static int sync_store(void *ctx, const struct strbuf *lock, struct err *e)
{
	(void)lock;
	return store_sync(ctx, e);
}

static void save_and_close(struct theatre *w)
{
	EXPECT_INT(history_save(w->h, yes, NULL, sync_store, w->store, &err), 0);
	world_close(w);
}

static const struct act one[] = {{.name = "a", .writes = "one"}, {.name = NULL}};
static const struct act two[] = {{.name = "a", .writes = "two"}, {.name = NULL}};

static void restores(void)
{
	struct theatre w;

	world_with_p(&w, "p = 1\n", one);
	save_and_close(&w);
	world_with_p(&w, "p = 2\n", two);
	EXPECT_STR(text_of("dir/x"), "two");
	save_and_close(&w);
	world_with_p(&w, "p = 1\n", two);
	EXPECT_STR(w.seen.buf, "");
	EXPECT_INT(w.result.restored, 1);
	EXPECT_STR(text_of("a"), "one");
	EXPECT_STR(text_of("dir/x"), "one");
	EXPECT_STR(w.told.buf, "begin \nrestored a\nfresh b\nend \n");
	world_clean(&w);
}

static void restore_of_a_corrupt_object(void)
{
	struct theatre w;

	world_with_p(&w, "p = 1\n", one);
	save_and_close(&w);
	world_with_p(&w, "p = 2\n", two);
	save_and_close(&w);
	/* it lies in the pack as it is */
	EXPECT_INT(system("LC_ALL=C sed -i s/one/0ne/ shared/git/objects/pack/pack-*.pack"), 0);
	world_with_p(&w, "p = 1\n", one);
	EXPECT_STR(w.seen.buf, "+a -a "); /* b is as it was, so it is there already */
	EXPECT(strstr(w.told.buf, "; it runs instead)\nstart a\ndone a\nfresh b\n") != NULL);
	EXPECT_STR(text_of("a"), "one");
	EXPECT_STR(text_of("dir/x"), "one");
	EXPECT_INT(w.result.outcome, BUILD_OK);
	world_clean(&w);
}

/* ---- after a crash ---- */

static void crashed(struct history **h, struct strvec *notes)
{
	const struct history_paths paths = {"state", "shared", "mlmake.lock"};
	bool conflict;

	history_free(*h);
	*h = history_open(&paths, &conflict, &err);
	EXPECT_INT(build_recover(*h, "state", "next", notes, &err), 0);
	history_free(*h);
	*h = NULL;
}

static void take_aside(const char *id, const char *const *paths, size_t n)
{
	struct aside a = ASIDE_INIT;

	EXPECT_INT(aside_take(&a, "state", id, paths, n, &err), 0);
	aside_release(&a);
}

static void recovers(void)
{
	static const char *const paths[] = {"a", "dir/x"};
	CLEANUP(strvec_release) struct strvec notes = STRVEC_INIT;
	const struct history_paths where = {"state", "shared", "mlmake.lock"};
	bool conflict;
	struct history *h = history_open(&where, &conflict, &err);

	/* killed while it ran */
	put("a", "old");
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	EXPECT_INT(history_begin(h, "i", paths, 2, &err), 0);
	take_aside("r1-0", paths, 2);
	EXPECT_INT(history_writes(h, "i", &err), 0);
	put("a", "half");
	put("dir/x", "half");
	put("dir/.x.mlmake-tmp.1.1", "being placed");
	crashed(&h, &notes);
	EXPECT_STR(text_of("a"), "old");
	EXPECT(!file_exists("dir/x"));
	EXPECT(!file_exists("dir/.x.mlmake-tmp.1.1"));
	EXPECT_STR(text_of("state/failed/crash/a"), "half");
	EXPECT_STR(text_of("state/failed/crash/dir/x"), "half");
	EXPECT(!file_exists("state/aside/r1-0"));
	EXPECT_INT(notes.n, 2);

	/* killed in the middle of recovering, when the old output was back */
	crashed(&h, &notes);
	EXPECT_STR(text_of("a"), "old");
	EXPECT_INT(file_remove_tree("state", &err), 0);

	/* killed while outputs were moved aside: the one that was not yet is no work of the stage */
	h = history_open(&where, &conflict, &err);
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	EXPECT_INT(history_begin(h, "i", paths, 2, &err), 0);
	take_aside("r1-0", paths, 1);
	put("dir/x", "mine");
	crashed(&h, &notes);
	EXPECT_STR(text_of("a"), "old");
	EXPECT_STR(text_of("dir/x"), "mine");
	EXPECT(!file_exists("state/failed"));
	EXPECT_INT(file_remove_tree("state", &err), 0);
	EXPECT_INT(file_remove_tree("dir", &err), 0);

	/* killed when it had ended, before the old output was let go of */
	h = history_open(&where, &conflict, &err);
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	EXPECT_INT(history_begin(h, "i", paths, 2, &err), 0);
	take_aside("r1-0", paths, 2);
	put("a", "new");
	EXPECT_INT(history_end(h, "i", &err), 0);
	crashed(&h, &notes);
	EXPECT_STR(text_of("a"), "new");
	EXPECT(!file_exists("state/aside/r1-0"));
	EXPECT_INT(file_remove_tree("state", &err), 0);

	/* killed when it had failed, before the old output was back */
	h = history_open(&where, &conflict, &err);
	EXPECT_INT(history_begin_run(h, "r1", &err), 0);
	EXPECT_INT(history_begin(h, "i", paths, 2, &err), 0);
	take_aside("r1-0", paths, 2);
	EXPECT_INT(history_back(h, "i", &err), 0);
	crashed(&h, &notes);
	EXPECT_STR(text_of("a"), "new");

	/* a power cut left the list empty: what was moved is not thrown away */
	take_aside("r1-0", paths, 2);
	put("state/aside/r1-0/list", "");
	crashed(&h, &notes);
	EXPECT_STR(text_of("state/failed/crash/r1-0/0"), "new");
	EXPECT(!file_exists("state/aside/r1-0"));
	EXPECT_INT(file_remove_tree("state", &err), 0);
	EXPECT_INT(file_remove_tree("dir", &err), 0);
}

static void recover_lists(void)
{
	struct strvec paths = STRVEC_INIT;

	put("state/aside/x/list", "../../etc/passwd\n");
	put("state/aside/x/0", "evil");
	EXPECT_INT(aside_recover("state", NULL, NULL, &paths, &err), -1);
	EXPECT_INT(err.code, ERR_CORRUPT);
	err_clear(&err);
	put("state/aside/x/list", "new/dir/file\n");
	EXPECT_INT(aside_recover("state", NULL, NULL, &paths, &err), 0);
	EXPECT_STR(text_of("new/dir/file"), "evil");
	EXPECT_INT(paths.n, 1);
	strvec_release(&paths);
	EXPECT_INT(file_remove_tree("new", &err), 0);
	EXPECT_INT(file_remove_tree("state", &err), 0);
}

static void file_names(void)
{
	CLEANUP(freep) char *plain = aside_file_name("train@3,0.1"), *path = aside_file_name("clean@data/a%b.csv"),
			     *dot = aside_file_name("..");
	char name[500];
	char *longer, *other;

	EXPECT_STR(plain, "train@3,0.1");
	EXPECT_STR(path, "clean@data%2Fa%25b.csv");
	EXPECT_STR(dot, "%2E.");
	memset(name, 'x', sizeof(name));
	name[499] = '\0';
	longer = aside_file_name(name);
	name[498] = 'y';
	other = aside_file_name(name);
	EXPECT(strlen(longer) < 200 && strlen(other) < 200 && !streq(longer, other));
	free(longer);
	free(other);
	free(path);
	free(dot);
	path = dot = NULL;
}

/* ---- small parts ---- */

static void queue_order(void)
{
	int64_t path[] = {5, 9, 5, 1, 9, 7};
	struct order o = {NULL, path};
	struct queue q = {&o, NULL, 0, 0};
	static const size_t want[] = {1, 4, 5, 0, 2, 3};
	size_t i;

	for (i = 0; i < 6; i++)
		queue_push(&q, 5 - i);
	for (i = 0; i < 6; i++)
		EXPECT_INT(queue_pop(&q), want[i]);
	queue_release(&q);
}

static void progress(void)
{
	struct progress p;

	EXPECT(progress_parse("##mlmake progress 61/100 loss=0.4", &p));
	EXPECT_INT(p.done, 61);
	EXPECT_INT(p.total, 100);
	EXPECT_STR(p.text, "loss=0.4");
	EXPECT(progress_parse("##mlmake progress 7", &p));
	EXPECT_INT(p.total, 0);
	EXPECT_STR(p.text, "");
	EXPECT(!progress_parse("##mlmake progress", &p));
	EXPECT(!progress_parse("##mlmake progress -1/2", &p));
	EXPECT(!progress_parse("##mlmake progress 1/2x", &p));
	EXPECT(!progress_parse("##mlmake progress 99999999999999999999/2", &p));
	EXPECT(!progress_parse(" ##mlmake progress 1/2", &p));
}

static void collect_lines(void *ctx, const char *text, size_t n)
{
	strbuf_add(ctx, text, n);
	strbuf_addch(ctx, '|');
}

static void tails(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT, end = STRBUF_INIT;
	struct tail t = TAIL_INIT;

	tail_read(&t, "log", false, collect_lines, &sb); /* not there yet */
	put("log", "one\ntw");
	tail_read(&t, "log", false, collect_lines, &sb);
	EXPECT_STR(sb.buf, "one|");
	tail_read(&t, "log", true, collect_lines, &sb);
	EXPECT_STR(sb.buf, "one|tw|");
	tail_release(&t);
	put("log", "1\n##mlmake progress 1/2\n2\n3\n4");
	tail_end("log", 3, &end);
	EXPECT_STR(end.buf, "2\n3\n4\n");
	EXPECT_INT(unlink("log"), 0);
}

/* A log that is longer than can be read at once is read in turns, so that other things are heard in between. */
static void tail_of_much(void)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT, text = STRBUF_INIT;
	struct tail t = TAIL_INIT;

	strbuf_addn(&text, '\n', 3 << 20);
	put("log", text.buf);
	tail_read(&t, "log", false, collect_lines, &sb);
	EXPECT(sb.len > 0 && sb.len < text.len);
	tail_read(&t, "log", true, collect_lines, &sb);
	EXPECT_INT(sb.len, text.len);
	tail_release(&t);
	EXPECT_INT(unlink("log"), 0);
}

static void times_that_overflow(void)
{
	struct theatre w;
	struct order o;

	world_open(&w, chain, NULL);
	put("raw", "1");
	EXPECT_INT(make(&w), 0);
	w.plan.verdicts[0].last = w.plan.verdicts[1].last = w.plan.verdicts[2].last =
		&(struct record){.duration = INT64_MAX};
	w.plan.verdicts[0].found = w.plan.verdicts[1].found = w.plan.verdicts[2].found = NULL;
	order_make(&o, &w.plan);
	EXPECT(o.path[0] >= o.path[2] && o.path[2] > 0);
	order_release(&o);
	world_clean(&w);
}

static void plain_commands(void)
{
	static const struct {
		const char *cmd;
		bool plain, declared;
	} cases[] = {
		{"cp in/a.csv out.csv", true, true},
		{"sort -u -k2,3 in/a.csv -o out.csv", true, true},
		{"cat in/a.csv b > out.csv", true, true},
		{"cp -r b  out.csv ", true, true},
		{"cp in/a.csv c out.csv", true, false},
		{"cp in/a.cs out.csv", true, false},
		{"cp in/a.csv out.csv/", true, false},
		{"sort -oc in/a.csv", true, false},
		{"sort --files0-from=b -o out.csv", true, false},
		{"cat in/*.csv b > out.csv", true, false},
		{"cat b > out.csv 2>c", true, false},
		{"cat \"$F\" > out.csv", true, false},
		{"cat - < b", true, false},
		{"cp in/a.csv out.csv; cat c", false, false},
		{"cp in/a.csv out.csv\ncat c", false, false},
		{"python3 in/a.csv", false, false},
		{"cpio b", false, false},
	};
	struct input inputs[] = {{.path = "in/a.csv"}, {.path = "b"}};
	struct output out = {.path = "out.csv"};
	struct stage st = {.name = "s"};
	struct env container = {.name = "e", .run = "podman run x"};
	struct instance in = {.name = "s", .stage = &st, .inputs = inputs, .n_inputs = 2, .outs = &out, .n_outs = 1};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		in.cmd = cases[i].cmd;
		EXPECT_INT(watching_is_plain(&in), cases[i].plain);
		if (cases[i].plain)
			EXPECT_INT(watching_is_declared(&in), cases[i].declared);
	}
	in.cmd = cases[0].cmd;
	st.env = &container;
	EXPECT(!watching_is_plain(&in));
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"the longest path starts first", longest_path_first},
		{"times that were recorded count", recorded_times_count},
		{"no more at once than -j, cores, memory, GPUs and locks allow", bounds},
		{"GPU ids are handed out, and who lacks one blocks nobody", gpus_are_handed_out},
		{"events come in order", events_in_order},
		{"the same bytes stop the build there", early_cut_off},
		{"a failure stops the build, or with -k only what needs it", failure_stops},
		{"what runs when another fails is finished", what_runs_is_finished},
		{"after a failure the old outputs are back", old_outputs_come_back},
		{"an output that was not made", output_not_made},
		{"what a person put at an output is kept in the store", hand_made_outputs_are_kept},
		{"another attempt", retries},
		{"a timeout, heeded or not", timeouts},
		{"an interrupt, heeded or not", interrupts},
		{"an input that moves while its stage runs", inputs_that_move},
		{"the launcher is lost", launcher_lost},
		{"old outputs that cannot be moved stay", aside_impossible},
		{"going back restores and runs nothing", restores},
		{"what cannot be restored runs", restore_of_a_corrupt_object},
		{"recovery, wherever the kill came", recovers},
		{"lists of what was moved are not trusted", recover_lists},
		{"instances as file names", file_names},
		{"the queue", queue_order},
		{"progress reports", progress},
		{"reading a log as it grows", tails},
		{"a log without end does not hold the build", tail_of_much},
		{"plain commands whose files are declared need no watching", plain_commands},
		{"times that do not fit", times_that_overflow},
	};
	int got = tap_run("build", tests, sizeof(tests) / sizeof(tests[0]));

	err_release(&err);
	return got;
}
