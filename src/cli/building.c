/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/building.h"
#include "cli/display.h"
#include "cli/event_stream.h"
#include "cli/fetching.h"
#include "cli/guard.h"
#include "cli/perform.h"
#include "cli/project.h"
#include "cli/recorder.h"
#include "cli/from_remote.h"
#include "cli/unchanged.h"
#include "env/environment.h"
#include "report/status.h"
#include "run/machine.h"
#include "run/normal.h"
#include "util/file.h"
#include "util/pool.h"
#include "util/text.h"

#define TICK_LIVE INT64_C(100000000)
#define TICK_PLAIN INT64_C(1000000000)
#define JOBS_LIMIT 10000

/* One build, from the command line to the exit code. */
struct making {
	struct project p;
	const struct args *a;
	bool fetch, dry;
	char run_id[40];
	int jobs;
	bool jobs_given;
	struct plan plan;
	bool *force;
	struct machine machine;
	struct display *display;
	struct event_stream *events;
	struct recorder *recorder;
	struct event_sink sinks[3];
	size_t n_sinks;
	struct build_result result;
	struct supply *supply; /* with --pull */
	struct normals *normals; /* NULL: nothing is to be filtered */
	struct fetching fetching;
	bool all_deploys;       /* are meant if no targets are named */
	struct strvec *deploys; /* that are meant, and done when all this is recorded */
	struct strvec needs;    /* what they need */
	size_t unchanged; /* so many instances were seen to be fresh at a glance, which is to be checked; 0: there was more to see */
};

static int read_jobs(struct making *m, struct err *err)
{
	const char *text = args_value(m->a, "jobs");
	int64_t n = m->p.pl.jobs ? MIN(m->p.pl.jobs, (int64_t)JOBS_LIMIT) : pool_cpus();

	if (text && !text_parse_int(text, 1, JOBS_LIMIT, &n))
		return err_set(err, ERR_INVALID, "-j takes a number from 1 to %d, not '%s'", JOBS_LIMIT, text);
	m->jobs = (int)n;
	m->jobs_given = text != NULL;
	return 0;
}

/* A build with nothing to do needs no machine. */
static int prepare(struct making *m, struct err *err)
{
	const struct machine_options opt = {m->run_id, m->jobs, m->jobs_given, &m->p.g, m->p.selected, m->p.lock_fd};
	CLEANUP(freep) char *warning = NULL;
	int got = machine_open(&m->machine, &opt, &warning, err);

	if (warning)
		fprintf(stderr, "mlmake: warning: %s\n", warning);
	/* Unlike one with nothing to do (main.c), a build that does something takes long, and is to leave the memory to its stages. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 23);
	mallopt(M_ARENA_MAX, 2);
	return got;
}

/* Filters what is there, before it is decided on, and stands ready for what stages will make. */
static int filter_inputs(struct making *m, struct err *err)
{
	CLEANUP(strvec_release) struct strvec notes = STRVEC_INIT;
	size_t i;

	if (m->dry || !m->p.pl.n_normals)
		return 0;
	if (prepare(m, err) < 0)
		return -1;
	m->normals = normals_new(&m->p.pl, m->p.code, m->p.repo.state, keeper_new(m->run_id, NULL, 0, m->p.lock_fd),
				 m->machine.signal_fd);
	if (normals_learn_inputs(m->normals, m->p.selected, m->p.cache, &notes, err) < 0)
		return -1;
	for (i = 0; i < notes.n; i++)
		cli_warn(notes.v[i]);
	return 0;
}

static bool has_probes(const struct making *m)
{
	size_t i;

	for (i = 0; i < m->p.pl.n_envs; i++)
		if (m->p.pl.envs[i]->n_probes)
			return true;
	return false;
}

static void choose_force(struct making *m)
{
	size_t i;

	if (!m->fetch && !args_count(m->a, "always-make"))
		return;
	m->force = xcalloc(m->p.g.n + 1, sizeof(*m->force));
	for (i = 0; i < m->p.g.n && !m->fetch; i++)
		m->force[i] = m->p.selected[i];
}

/* What is new is asked of the sources themselves by fetch alone. */
static int ask_sources(struct making *m, struct err *err)
{
	struct fetch_how how = {m->a->words.n > 0, args_count(m->a, "always-make") > 0, NULL, -1};

	fetching_open(&m->fetching, &m->p);
	if (!m->fetch) {
		fetching_look(&m->fetching, &m->p);
		return 0;
	}
	if (!m->dry && prepare(m, err) < 0)
		return -1;
	if (!m->dry) {
		how.launcher = keeper_launcher(m->machine.keeper);
		how.signal_fd = m->machine.signal_fd;
	}
	return fetching_ask(&m->fetching, &m->p, &how, m->force, err);
}

/* fetch is about sources: those named, or all. */
static int choose_sources(struct making *m, struct err *err)
{
	bool any = false;
	size_t i;

	for (i = 0; m->fetch && i < m->p.g.n; i++) {
		const struct stage *st = m->p.g.nodes[i].in->stage;

		any |= st->is_source;
		if (m->a->words.n && m->p.named[i] && !st->is_source)
			return err_set(err, ERR_INVALID, "'%s' is a stage; only sources are fetched", st->name);
		if (!m->a->words.n)
			m->p.selected[i] = m->p.named[i] = st->is_source;
	}
	if (m->fetch && !any && !args_count(m->a, "quiet"))
		fprintf(stderr, "mlmake: %s has no [source NAME], so nothing is fetched\n", m->p.file);
	return 0;
}

/* Without targets all deploys, if there are any. */
static int choose_deploys(struct making *m, struct err *err)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	size_t i;

	for (i = 0; m->all_deploys && !m->a->words.n && i < m->p.g.n; i++)
		if (m->p.g.nodes[i].in->stage->kind == STAGE_DEPLOY)
			strvec_push(&names, m->p.g.nodes[i].in->name);
	if (names.n && graph_select(&m->p.g, (const char *const *)names.v, names.n, m->p.selected, m->p.named, &m->p.ds) < 0)
		return err_set(err, ERR_INVALID, "the deploys cannot be selected");
	return 0;
}

/* Deploys are no part of the build: they ship what it has recorded. */
static void set_deploys_aside(struct making *m)
{
	size_t i;

	for (i = 0; i < m->p.g.n; i++) {
		const struct instance *in = m->p.g.nodes[i].in;

		if (!m->p.selected[i] || in->stage->kind != STAGE_DEPLOY)
			continue;
		strvec_push(m->deploys, strchr(in->name, ':') + 1);
		if (!m->dry)
			m->p.selected[i] = m->p.named[i] = false;
	}
}

static int listen_in(struct making *m, struct err *err)
{
	const char *file = args_value(m->a, "events");
	int verbosity = (int)args_count(m->a, "verbose") - (int)args_count(m->a, "quiet");
	int fd = file && streq(file, "-") ? STDERR_FILENO : STDOUT_FILENO;
	struct style style = project_style(&m->p, fd);

	m->display = display_new(fd, &style, MAX(MIN(verbosity, 1), -1));
	m->sinks[m->n_sinks++] = display_sink(m->display);
	m->recorder = recorder_new(&m->p, m->run_id);
	m->sinks[m->n_sinks++] = recorder_sink(m->recorder);
	if (event_stream_open(m->a, &m->events, err) < 0)
		return -1;
	if (m->events)
		m->sinks[m->n_sinks++] = event_stream_sink(m->events);
	return 0;
}

/* Is something fresh by another record than its last, as when two probe answers give the same bytes? That is news too. */
static bool adopts_a_record(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->g->n; i++) {
		const struct verdict *v = &p->verdicts[i];

		if (p->selected[i] && v->found && !(v->last && digest_eq(&v->found->key, &v->last->key)))
			return true;
	}
	return false;
}

static bool has_work(const struct making *m)
{
	return m->plan.counts[STALE_STALE] + m->plan.counts[STALE_RESTORABLE] > 0;
}

static bool is_last(const struct making *m, size_t node)
{
	const struct node *nd = &m->p.g.nodes[node];
	size_t i;

	for (i = 0; i < nd->n_down && !m->p.selected[nd->down[i]]; i++)
		;
	return m->p.selected[node] && i == nd->n_down;
}

/* What the pipeline was asked for, if it was that of the source alone. A deploy asks for what it needs, and comes after that. */
static void tell_targets(struct making *m, struct run *run)
{
	static const char *whole[] = {""};
	size_t i;

	if (m->fetch || m->a->overrides.n || args_value(m->a, "profile"))
		return;
	for (i = 0; m->deploys->n && i < m->p.g.n; i++)
		if (is_last(m, i))
			strvec_push(&m->needs, m->p.g.nodes[i].in->name);
	run->targets = m->deploys->n ? (const char **)m->needs.v : m->p.targets.n ? (const char **)m->p.targets.v : whole;
	run->n_targets = m->deploys->n ? m->needs.n : MAX(m->p.targets.n, (size_t)1);
}

static int build(struct making *m, struct err *err)
{
	struct build_tools tools = {.cache = m->p.cache,
				    .store = m->p.store,
				    .history = m->p.history,
				    .clock = &clock_system,
				    .state_dir = m->p.repo.state,
				    .run_id = m->run_id,
				    .sinks = m->sinks,
				    .n_sinks = m->n_sinks,
				    .held = has_work(m) || history_dirty(m->p.history) ? project_held(&m->p) : NULL,
				    .probe = probes_get,
				    .code = m->p.code,
				    .probe_ctx = &m->p.probes};
	struct build_options opt = {.jobs = m->machine.keeper ? m->machine.jobs : m->jobs,
				    .keep_going = args_count(m->a, "keep-going") > 0,
				    .want_output = args_count(m->a, "verbose") > 0,
				    .force = m->force,
				    .notes = m->fetching.notes,
				    .tick = term_is_live(STDOUT_FILENO) ? TICK_LIVE : TICK_PLAIN};
	CLEANUP(freep) char *performer = perform_command();
	struct run run;
	bool work = has_work(m);
	int got;

	tools.outside = &m->p.outside;
	tools.normals = m->normals;
	tools.performer = performer;
	machine_lend(&m->machine, &tools);
	if ((work || adopts_a_record(&m->plan) || history_dirty(m->p.history)) &&
	    history_begin_run(m->p.history, m->run_id, err) < 0)
		return -1;
	if (work && keeper_start(m->machine.keeper, err) < 0) /* before there are threads */
		return -1;
	if (work && m->normals && normals_start(m->normals, err) < 0)
		return -1;
	if (work)
		recorder_begin(m->recorder);
	got = build_run(&m->plan, &tools, &opt, &m->result, err);
	if (got < 0) /* the journal stays, and the next run undoes what was under way */
		return -1;
	recorder_run(m->recorder, &m->result, &run);
	tell_targets(m, &run);
	if (recorder_save(m->recorder, &run, err) < 0 || fetching_keep(&m->fetching, &m->p, &m->result, err) < 0)
		return -1;
	return m->deploys->n ? 0 : unchanged_keep(&m->p, &m->plan, err);
}

static int outcome_code(const struct making *m)
{
	switch (m->result.outcome) {
	case BUILD_OK: return m->fetching.failed ? EXIT_STAGE_FAILED : EXIT_DONE;
	case BUILD_FAILED: return EXIT_STAGE_FAILED;
	case BUILD_REFUSED: return EXIT_GATE;
	default: return EXIT_INTERRUPTED;
	}
}

static int fail(const struct err *err)
{
	return cli_fail(err->code == ERR_STOPPED ? EXIT_INTERRUPTED : err->code == ERR_KILLED ? EXIT_KILLED : EXIT_USAGE, err);
}

static int show_plan(struct making *m)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct style style = project_style(&m->p, STDOUT_FILENO);

	if (args_count(m->a, "json"))
		return cli_print_json(report_status_json(&m->plan));
	display_plan(&m->plan, &style, &out);
	return cli_print(&out);
}

static int plan_and_build(struct making *m, struct err *err)
{
	int code;

	if (!m->dry)
		store_take_digested(m->p.store, project_keeps, &m->p);
	code = project_plan(&m->p, m->force, &m->plan);
	store_take_digested(m->p.store, NULL, NULL);
	if (code != EXIT_DONE)
		return code;
	if (m->unchanged && (has_work(m) || m->plan.counts[STALE_FRESH] != m->unchanged))
		BUG("not everything is fresh that was so at a glance");
	if (m->dry)
		return show_plan(m);
	if (has_work(m)) {
		if (prepare(m, err) < 0)
			return cli_fail(EXIT_USAGE, err);
		code = guard_plan(&m->p, &m->plan, &m->machine.resources) < 0 ? EXIT_USAGE : EXIT_DONE;
		project_tell(&m->p);
		if (code != EXIT_DONE)
			return code;
	} else {
		guard_fresh(&m->p, &m->plan);
		project_tell(&m->p);
	}
	if (listen_in(m, err) < 0 || build(m, err) < 0)
		return fail(err);
	if (m->events && event_stream_close(m->events, err) < 0) {
		m->events = NULL;
		return cli_fail(EXIT_USAGE, err);
	}
	m->events = NULL;
	return outcome_code(m);
}

static int say_nothing_to_do(const struct making *m, size_t fresh)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

	if (!args_count(m->a, "quiet"))
		display_nothing(fresh, 0, &out);
	return cli_print(&out);
}

/* For tests: MLMAKE_GLANCE=check looks in full at what was seen at a glance, MLMAKE_GLANCE=tell says that it was. */
static bool must_look_twice(void)
{
	const char *s = getenv("MLMAKE_GLANCE");

	if (s && streq(s, "tell"))
		fprintf(stderr, "mlmake: seen at a glance\n");
	return s && streq(s, "check");
}

static int ask_environments(struct making *m, struct err *err)
{
	const struct pipeline *pl = &m->p.pl;
	bool asks = environment_asks_always(pl) || environment_unanswered(pl);

	if (!asks && !has_probes(m))
		return 0;
	if (prepare(m, err) < 0 ||
	    probes_run(&m->p.probes, pl, m->p.selected, keeper_launcher(m->machine.keeper), m->machine.signal_fd, err) < 0)
		return -1;
	if (!asks)
		return 0;
	if (project_look_at_environments(&m->p, false) < 0) {
		project_tell(&m->p);
		return err_set(err, ERR_INVALID, "an environment is not as it should be");
	}
	if (environment_unanswered(pl))
		return err_set(err, ERR_INVALID, "what was answered to '%s' cannot be understood", environment_unanswered(pl));
	return 0;
}

static int make_all(struct making *m, struct err *err)
{
	size_t fresh;
	int code;

	code = m->dry ? EXIT_DONE : project_recover(&m->p, m->run_id);
	if (code != EXIT_DONE)
		return code;
	if (!m->dry && !m->fetch && unchanged_since(&m->p, &fresh)) {
		if (!must_look_twice())
			return say_nothing_to_do(m, fresh);
		m->unchanged = fresh;
	}
	m->p.will_ask = !m->dry;
	code = project_load(&m->p, m->a->words.v, m->a->words.n);
	if (code != EXIT_DONE)
		return code;
	if (read_jobs(m, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	if (!m->p.g.n)
		fprintf(stderr, "mlmake: %s has no stages yet; mlmake.ini(5) says what they look like\n", m->p.file);
	if (choose_sources(m, err) < 0 || choose_deploys(m, err) < 0)
		return cli_fail(EXIT_USAGE, err);
	set_deploys_aside(m);
	choose_force(m);
	if (args_count(m->a, "pull") && !(m->supply = supply_open(&m->p, m->dry, &code)))
		return code;
	if (!m->dry && ask_environments(m, err) < 0)
		return fail(err);
	project_tell(&m->p);
	if (ask_sources(m, err) < 0)
		return fail(err);
	if (filter_inputs(m, err) < 0)
		return fail(err);
	if (m->machine.keeper)
		statcache_look_afresh(m->p.cache); /* a probe may do anything */
	return plan_and_build(m, err);
}

static void making_release(struct making *m)
{
	normals_free(m->normals);
	machine_release(&m->machine);
	display_free(m->display);
	recorder_free(m->recorder);
	if (m->events && event_stream_close(m->events, NULL) < 0)
		m->events = NULL;
	build_result_release(&m->result);
	plan_release(&m->plan);
	free(m->force);
	strvec_release(&m->needs);
	supply_free(m->supply);
	fetching_release(&m->fetching);
	project_close(&m->p);
}

int build_make(struct args *a, bool fetch, bool all_deploys, struct strvec *deploys)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct making m = {.a = a, .fetch = fetch, .all_deploys = all_deploys, .deploys = deploys, .needs = STRVEC_INIT, .machine = MACHINE_INIT, .plan = PLAN_INIT};
	int code;

	m.dry = args_count(a, "dry-run") > 0;
	run_new_id(m.run_id);
	code = project_open(&m.p, a, !m.dry);
	if (code == EXIT_DONE)
		code = make_all(&m, &err);
	making_release(&m);
	return code;
}
