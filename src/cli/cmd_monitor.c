/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/project.h"
#include "lifecycle/monitor.h"
#include "lifecycle/monitorlog.h"
#include "lifecycle/timer.h"
#include "report/wording.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/text.h"

#define LINES 20 /* of a history that are shown */

/* Of several, the worst counts. */
struct outcome {
	bool failed, drift, blind, locked;
};

static int exit_of(const struct outcome *o)
{
	return o->failed ? EXIT_STAGE_FAILED : o->drift ? EXIT_DRIFT : o->blind ? EXIT_USAGE : o->locked ? EXIT_LOCKED : EXIT_DONE;
}

static bool is_asked(const struct args *a, const struct project *p, const struct instance *in)
{
	return in->stage->kind == STAGE_MONITOR && (!a->words.n || p->named[in->index]);
}

/* ---- what follows ---- */

/* Runs `mlmake retrain` in this directory: its exit status. What it says comes out here. */
static int retrain(const struct args *a)
{
	const char *file = args_value(a, "file"), *profile = args_value(a, "profile");
	const char *argv[8] = {"mlmake", "retrain"};
	size_t n = 2;
	int status;
	pid_t pid;

	if (file) {
		argv[n++] = "-f";
		argv[n++] = file;
	}
	if (profile) {
		argv[n++] = "--profile";
		argv[n++] = profile;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* stdout may be a JSON document */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What retraining did, by the runs that it left in the lineage. */
struct came {
	bool known, built, deployed, deploy_failed;
};

/* How many runs of this project and clone there are; those from number `from` on are told in *c (unless NULL). -1: nobody knows. */
static ssize_t look_at_runs(struct project *p, size_t from, struct came *c)
{
	struct lineage *l = lineage_new(&p->repo, p->db);
	const struct run *runs;
	size_t i, j, n, own = 0;
	bool known = lineage_runs(l, &runs, &n, NULL) == 0;

	for (i = 0; known && i < n; i++) {
		const struct run *r = &runs[i];

		if (!r->own || own++ < from || !c || !r->command || !skip_prefix(r->command, "mlmake retrain", NULL))
			continue;
		c->deployed |= streq(r->outcome, "deployed");
		for (j = 0; j < r->n_parts; j++) {
			const char *name = r->parts[j].name;

			/* a stage, and not what performs something, as gate:NAME */
			c->built |= name[strcspn(name, ":@")] != ':' && streq(r->parts[j].result, "done");
			c->deploy_failed |= skip_prefix(name, "deploy:", NULL) && streq(r->parts[j].result, "failed");
		}
	}
	lineage_free(l);
	return known ? (ssize_t)own : -1;
}

static bool has_deploy(const struct project *p)
{
	size_t i;

	for (i = 0; i < p->pl.n_instances; i++)
		if (p->pl.instances[i]->stage->kind == STAGE_DEPLOY)
			return true;
	return false;
}

static const char *what_came(const struct project *p, int status, const struct came *c)
{
	if (c->deployed)
		return status ? "something was deployed, and then it failed; `mlmake deploy --status` tells what is where"
			      : c->built ? "retrained and deployed" : "deployed; nothing had to be built";
	if (c->deploy_failed)
		return "a deploy failed; `mlmake deploy --status` tells what is where";
	switch (status) {
	case 0:
		if (!c->known)
			return "it ended well; which runs it left is not known";
		if (!has_deploy(p))
			return c->built ? "retrained; there is no [deploy NAME], so nothing is deployed" : "nothing was stale, so nothing was built";
		return c->built ? "retrained; what is deployed is what came out already" : "nothing was stale, so nothing was built or deployed";
	case EXIT_STAGE_FAILED: return "a stage or a check failed; production stays as it is";
	case EXIT_USAGE: return "it could not be begun; production stays as it is";
	case EXIT_GATE: return "a gate refused what came out; production stays as it is";
	case EXIT_LOCKED: return "another mlmake was at work; production stays as it is";
	case EXIT_INTERRUPTED: return "it was interrupted; production stays as it is";
	default: return "it failed; production stays as it is";
	}
}

static struct json *entry_json(const struct monitor_report *r, int64_t now)
{
	CLEANUP(strbuf_release) struct strbuf time = STRBUF_INIT;
	struct json *j = json_new_map();

	clock_iso(now, &time);
	json_set_str(j, "time", time.buf);
	json_set_int(j, "ns", now);
	json_set(j, "look", monitor_json(r));
	json_set_str(j, "name", r->name);
	json_set_str(j, "outcome", monitor_outcome_name(r->outcome));
	return j;
}

/* The line about an action stands before it begins, so that a kill in the middle counts as one: nothing is retrained in a circle.
 * Takes begun. */
static int act(struct project *p, struct monitor_log *log, const struct args *a, const struct monitor_report *r, struct json *begun, struct strbuf *said,
	       struct err *err)
{
	struct json *ended, *action = json_new_map();
	struct came came = {false};
	const char *why;
	ssize_t before;
	int status;

	json_set_str(action, "what", "retrain");
	json_set(action, "exit", json_new_null());
	json_set(begun, "action", action);
	if (monitor_log_append(log, begun, err) < 0)
		return -1;
	before = look_at_runs(p, 0, NULL);
	status = retrain(a);
	came.known = before >= 0 && look_at_runs(p, (size_t)before, &came) >= 0;
	why = what_came(p, status, &came);
	ended = entry_json(r, clock_now(&clock_system));
	action = json_new_map();
	json_set_str(action, "what", "retrain");
	json_set_int(action, "exit", status);
	json_set_str(action, "why", why);
	json_set(ended, "action", action);
	strbuf_addf(said, "  retrain: %s\n", why);
	return monitor_log_append(log, ended, err);
}

/* ---- a look ---- */

static int look(struct project *p, const struct args *a, const struct instance *in, struct strbuf *out, struct json *list, struct outcome *o,
		struct err *err)
{
	CLEANUP(monitor_log_release) struct monitor_log log = MONITOR_LOG_INIT;
	CLEANUP(monitor_report_release) struct monitor_report r = MONITOR_REPORT_INIT;
	CLEANUP(closep) int lock = -1;
	struct monitor_rules rules = monitor_rules_of(in, &r.arena);
	bool dry = args_count(a, "dry-run") > 0;
	struct monitor_decision d;
	int64_t now = clock_now(&clock_system);
	struct json *j;

	if (!dry) {
		lock = monitor_log_lock(&p->repo, in->name, err);
		if (lock < 0)
			return -1;
	}
	if (monitor_log_read(&log, &p->repo, in->name, err) < 0)
		return -1;
	if (log.damaged)
		fprintf(stderr, "mlmake: warning: %s: %zu lines of its history are damaged and do not count\n", in->name, log.damaged);
	if (args_count(a, "due") && !monitor_is_due(&log, &rules, now))
		return 0;
	if (monitor_look(&p->lifecycle, in, &r, err) < 0)
		return -1;
	monitor_write(&r, out);
	o->drift |= r.outcome == MONITOR_DRIFT;
	o->blind |= r.blind;
	if (list)
		json_push(list, monitor_json(&r));
	if (dry)
		return 0;
	d = monitor_decide(&log, &rules, r.outcome, now);
	if (d.waits)
		strbuf_addf(out, "  not retrained: %s\n", d.waits);
	j = entry_json(&r, now);
	json_set_str(j, "waits", d.waits);
	free(d.waits);
	if (d.act)
		return act(p, &log, a, &r, j, out, err);
	json_set(j, "action", json_new_null());
	return monitor_log_append(&log, j, err);
}

static int look_at_all(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct json *list = args_count(a, "json") ? json_new_list() : NULL, *j;
	struct outcome o = {false, false, false, false};
	size_t i, n = 0;
	int printed;

	for (i = 0; i < p->pl.n_instances; i++) {
		const struct instance *in = p->pl.instances[i];
		CLEANUP(err_release) struct err err = ERR_INIT;

		if (!is_asked(a, p, in))
			continue;
		n++;
		if (look(p, a, in, &out, list, &o, &err) == 0)
			continue;
		if (err.code == ERR_LOCKED)
			o.locked = true;
		else
			o.failed = true;
		fprintf(stderr, "mlmake: error: %s: %s\n", in->name, err.code == ERR_LOCKED ? "another mlmake looks at it" : err.msg);
	}
	if (!n)
		strbuf_addstr(&out, "there is no [monitor NAME] here\n");
	if (!list)
		return cli_print(&out) == EXIT_DONE ? exit_of(&o) : EXIT_USAGE;
	j = json_new_map();
	json_set_int(j, "version", 1);
	json_set(j, "monitors", list);
	printed = cli_print_json(j);
	return printed == EXIT_DONE ? exit_of(&o) : printed;
}

/* ---- history ---- */

/* The first answer that could not be given. */
static void say_problem(const struct json *answers, struct strbuf *out)
{
	const char *problem = NULL;
	size_t i;

	for (i = 0; !problem && i < json_len(answers); i++)
		problem = json_str(json_get(json_at(answers, i), "problem"));
	if (!problem)
		return;
	strbuf_addch(out, ' ');
	term_add_clean(out, problem, strlen(problem));
}

static void say_entry(const struct monitor_entry *e, struct strbuf *out)
{
	const struct json *look = json_get(e->json, "look"), *answers = look ? json_get(look, "answers") : NULL;
	const struct json *action = json_get(e->json, "action");
	size_t i, shown = 0;

	words_time(out, e->when, true);
	strbuf_addf(out, "  %-7s ", monitor_outcome_name(e->outcome));
	for (i = 0; answers && i < json_len(answers); i++) {
		const struct json *x = json_at(answers, i);
		const char *measure = json_str(json_get(x, "measure")), *column = json_str(json_get(x, "column"));

		if (!json_bool(json_get(x, "drift")) || !measure || !column)
			continue;
		strbuf_addf(out, "%s%s ", shown++ ? ", " : " ", measure);
		term_add_clean(out, column, strlen(column));
		strbuf_addf(out, " %.4g", json_float(json_get(x, "value")));
	}
	if (!shown && look && json_str(json_get(look, "problem")))
		strbuf_addf(out, " %s", json_str(json_get(look, "problem")));
	else if (!shown && answers && e->outcome == MONITOR_UNKNOWN)
		say_problem(answers, out);
	if (e->acted)
		strbuf_addf(out, "  -> retrain%s%s", action && json_str(json_get(action, "why")) ? ": " : " begun",
			    action && json_str(json_get(action, "why")) ? json_str(json_get(action, "why")) : "");
	strbuf_addch(out, '\n');
}

/* The newest lines of a log; json gets them, too. */
static void add_history(struct monitor_log *log, const char *name, size_t lines, struct strbuf *out, struct json *json)
{
	size_t from = lines && lines < log->n ? log->n - lines : 0, k;

	strbuf_addf(out, "%s: ", name);
	if (from)
		strbuf_addf(out, "the last %zu of ", log->n - from);
	words_count(out, log->n, "line");
	strbuf_addch(out, '\n');
	for (k = from; k < log->n; k++) {
		if (!monitor_log_ended(log, k)) {
			strbuf_addstr(out, "  ");
			say_entry(&log->v[k], out);
		}
		json_push(json, json_take(log->v[k].json));
	}
}

static int history(struct project *p, const struct args *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(err_release) struct err wrong = ERR_INIT;
	struct json *list = json_new_list(), *j;
	const char *text = args_value(a, "lines");
	int64_t lines = LINES;
	size_t i;
	int code = EXIT_DONE;

	if (text && !text_parse_int(text, 0, INT32_MAX, &lines)) {
		err_set(&wrong, ERR_INVALID, "--lines takes a number from 0 (all), not '%s'", text);
		code = cli_fail(EXIT_USAGE, &wrong);
	}
	for (i = 0; i < p->pl.n_instances && code == EXIT_DONE; i++) {
		const struct instance *in = p->pl.instances[i];
		CLEANUP(monitor_log_release) struct monitor_log log = MONITOR_LOG_INIT;
		CLEANUP(err_release) struct err err = ERR_INIT;

		if (!is_asked(a, p, in))
			continue;
		if (monitor_log_read(&log, &p->repo, in->name, &err) < 0)
			code = cli_fail(EXIT_USAGE, &err);
		add_history(&log, in->name, (size_t)lines, &out, list);
	}
	if (code != EXIT_DONE || !args_count(a, "json")) {
		json_free(list);
		return code == EXIT_DONE ? cli_print(&out) : code;
	}
	j = json_new_map();
	json_set_int(j, "version", 1);
	json_set(j, "history", list);
	return cli_print_json(j);
}

/* ---- timers ---- */

static int read_kind(const struct args *a, enum timer_kind *kind, struct err *err)
{
	const char *with = args_value(a, "with");

	*kind = !with ? TIMER_NONE : streq(with, "systemd") ? TIMER_SYSTEMD : TIMER_CRON;
	if (with && *kind == TIMER_CRON && !streq(with, "cron"))
		return err_set(err, ERR_INVALID, "option '--with' takes systemd or cron, and not '%s'", with);
	return 0;
}

static bool has_control(const char *s)
{
	while (*s && !iscntrl((unsigned char)*s))
		s++;
	return *s != '\0';
}

static int install(struct project *p, const struct args *a, struct err *err)
{
	CLEANUP(freep) char *dir = realpath(".", NULL), *shared = NULL, *log = NULL, *program = NULL;
	CLEANUP(strbuf_release) struct strbuf every = STRBUF_INIT, words = STRBUF_INIT;
	CLEANUP(arena_release) struct arena arena = ARENA_INIT;
	struct timer t = {.every = 0};
	enum timer_kind kind;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	size_t i;

	if (read_kind(a, &kind, err) < 0)
		return -1;
	for (i = 0; i < p->pl.n_instances; i++)
		if (p->pl.instances[i]->stage->kind == STAGE_MONITOR) {
			struct monitor_rules r = monitor_rules_of(p->pl.instances[i], &arena);

			t.every = r.every && (!t.every || r.every < t.every) ? r.every : t.every;
		}
	if (!t.every)
		return err_set(err, ERR_INVALID, "no monitor says how often to look; give it 'every = 1d'");
	if (n < 0 || !dir)
		return err_errno(err, "cannot find out where this program and this project are");
	path[n] = '\0';
	program = xstrdup(path);
	if (file_mkdirs(p->repo.shared, err) < 0)
		return -1;
	shared = realpath(p->repo.shared, NULL);
	log = xstrfmt("%s/monitor/timer.out", shared ? shared : p->repo.shared);
	if (file_mkdirs_for(log, err) < 0)
		return -1;
	strbuf_addstr(&words, "monitor --due");
	if (args_value(a, "file")) {
		strbuf_addstr(&words, " --file=");
		strbuf_add_shell(&words, args_value(a, "file"));
	}
	if (has_control(dir) || has_control(program) || has_control(log))
		return err_set(err, ERR_INVALID, "the name of a directory above has control characters, which no timer can name");
	t.dir = dir;
	t.program = program;
	t.words = words.buf;
	t.path = getenv("PATH") && !has_control(getenv("PATH")) ? getenv("PATH") : NULL;
	t.log = log;
	if (timer_install(&t, &kind, err) < 0)
		return -1;
	text_add_duration(&every, t.every);
	printf("%s looks every %s; what it says goes to %s\n", kind == TIMER_SYSTEMD ? "a timer of systemd" : "a line of the crontab", every.buf,
	       log);
	if (kind == TIMER_SYSTEMD)
		printf("while nobody is logged in it stands still, unless `loginctl enable-linger` has been said once\n");
	return 0;
}

static int uninstall(struct err *err)
{
	CLEANUP(freep) char *dir = realpath(".", NULL);
	enum timer_kind kind;

	if (!dir)
		return err_errno(err, "cannot find out where this project is");
	if (timer_uninstall(dir, &kind, err) < 0)
		return -1;
	printf("%s\n", kind == TIMER_NONE ? "there was nothing to take away" :
			kind == TIMER_SYSTEMD ? "the timer of systemd is taken away" : "the line of the crontab is taken away");
	return 0;
}

static int monitor(struct project *p, const struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (args_count(a, "install"))
		return install(p, a, &err) < 0 ? cli_fail(EXIT_USAGE, &err) : EXIT_DONE;
	return args_count(a, "history") ? history(p, a) : look_at_all(p, a);
}

static int run(struct args *a)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct project p;
	size_t i;
	int code;

	for (i = 0; i < a->words.n; i++)
		strvec_pushf(&names, "%s%s", skip_prefix(a->words.v[i], "monitor:", NULL) ? "" : "monitor:", a->words.v[i]);
	code = project_open(&p, a, false);
	/* What takes a timer away needs no pipeline that reads. */
	if (code == EXIT_DONE && args_count(a, "uninstall"))
		code = uninstall(&err) < 0 ? cli_fail(EXIT_USAGE, &err) : EXIT_DONE;
	else if (code == EXIT_DONE && (code = project_load(&p, names.v, names.n)) == EXIT_DONE)
		code = monitor(&p, a);
	project_close(&p);
	return code;
}

static const struct option_def options[] = {
	{'n', "dry-run", NULL, "look, and leave no trace: no history, no retraining"},
	{0, "due", NULL, "only those whose `every` has passed since the last look (for timers)"},
	{0, "history", NULL, "show what was seen before, and what followed"},
	{0, "lines", "N", "of --history: the newest N looks of each (default: 20; 0: all)"},
	{0, "install", NULL, "look from time to time: a timer of systemd, or a line of the crontab"},
	{0, "uninstall", NULL, "take that away"},
	{0, "with", "WHAT", "of --install: systemd or cron (default: systemd if it answers)"},
	{0, "json", NULL, "print one JSON document"},
	{0, NULL, NULL, NULL},
};

const struct command cmd_monitor = {
	"monitor",
	"compare what a model sees now with what it learned from",
	"[NAME...]",
	"Exits with 5 if something drifted, with 2 if a column or the data are not there, or not to be measured any more. With `then = retrain` in its section, mlmake retrain follows, as that says.",
	WORDS_TARGETS,
	options,
	run,
};
