/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/hookbuild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "back/outfit.h"
#include "gitdb/tree.h"
#include "gitdb/worktrees.h"
#include "lineage/lineage.h"
#include "pipeline/pipeline.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"
#include "util/path.h"
#include "util/process.h"

#define PIPELINE_FILE "mlmake.ini"
#define TREE_ID "hook"
#define TEXT_LIMIT ((size_t)64 << 20)
#define SAID_LIMIT 65536
#define OUT_TAIL 4096
#define NOTIFY_SECONDS "60"
#define EXIT_REFUSED 3 /* as cli/command.h has it: a gate refused */
#define EXIT_STOPPED 130
#define NOT_DEPLOYED "is not deployed to "
#define SECOND INT64_C(1000000000)

static volatile sig_atomic_t stop_asked;
static volatile sig_atomic_t build_pid;

/* What is worked on. */
struct making {
	const struct hookbuild_options *opt;
	struct arena *a;
	struct hook_event *e;
	struct gitdb *db;
	struct repo repo;          /* the project, seen from the work tree that the hook ran in */
	char *home;                /* the user's project; NULL: there is none */
	struct git_id commit, tree;
	struct pipeline pl;        /* of the commit, for its [hook] */
	const struct hook_section *hook;
	struct private_tree private;
	struct artifacts before;
	struct strvec empty;       /* sentences about submodules */
	struct outfit outfit;
	uint64_t number;           /* of the entry that is built for */
	bool outfitted;
	char *out;                 /* file that the build prints to */
};

/* ---- small questions */

bool hookbuild_is_skipped(const char *message)
{
	return strcasestr(message, "[mlmake skip]") != NULL;
}

bool hookbuild_is_wanted(const char *const *patterns, size_t n, const char *ref)
{
	const char *name = ref;
	size_t i;

	if (!n)
		return true;
	if (!skip_prefix(ref, "refs/heads/", &name))
		return false;
	for (i = 0; i < n; i++)
		if (glob_match(patterns[i], name))
			return true;
	return false;
}

const char *hookbuild_targets(const char *const *v, size_t n, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i)
			strbuf_addch(&out, ' ');
		strbuf_add_shell(&out, v[i]);
	}
	return arena_strdup(a, out.buf);
}

static const char *hex_of(struct making *m, const struct git_id *id)
{
	char hex[GIT_ID_HEX + 1];

	git_id_hex(id, hex);
	return arena_strdup(m->a, hex);
}

/* What it writes is nobody's but ours. */
static int ask_git(const struct making *m, const char *const *words, struct strbuf *out, struct strbuf *said, struct err *err)
{
	static char author[] = "GIT_AUTHOR_NAME=mlmake", author_mail[] = "GIT_AUTHOR_EMAIL=mlmake@localhost",
		    committer[] = "GIT_COMMITTER_NAME=mlmake", committer_mail[] = "GIT_COMMITTER_EMAIL=mlmake@localhost";
	char *env[] = {author, author_mail, committer, committer_mail, NULL};
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	const struct process_start how = {.argv = &argv, .env = env};

	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", m->opt->common);
	for (; *words; words++)
		strvec_push(&argv, *words);
	return process_run(&how, NULL, 0, SAID_LIMIT, out, said, err);
}

/* ---- which commit */

int hookbuild_read(struct gitdb *db, const struct git_id *tree, const char *prefix, const char *path, struct strbuf *out, struct err *err)
{
	CLEANUP(freep) char *name = *prefix ? path_join(prefix, path) : xstrdup(path);
	struct tree_entry e;
	int got = tree_find(db, tree, name, &e, err);

	if (got < 0)
		return -1;
	if (!got || (e.mode != TREE_FILE && e.mode != TREE_EXEC))
		return err_set(err, ERR_NOTFOUND, "there is no '%s'", path);
	return gitdb_read(db, &e.id, GITDB_BLOB, TEXT_LIMIT, out, err);
}

/* The disk of a commit, for the sections of its mlmake.ini. */
static int read_in_commit(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	struct making *m = ctx;

	return hookbuild_read(m->db, &m->tree, m->repo.prefix, path, out, err);
}

static int check_has_pipeline(struct making *m, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = ERR_INIT;

	if (read_in_commit(m, PIPELINE_FILE, &text, &why) == 0)
		return 0;
	if (why.code != ERR_NOTFOUND)
		return err_move(err, &why);
	err_release(&why);
	return err_set(err, ERR_NOTFOUND, "it has no '%s%s" PIPELINE_FILE "'", m->repo.prefix, *m->repo.prefix ? "/" : "");
}

/* Takes commit as what is to be built, and reads what its mlmake.ini says of this hook: NULL: nothing. ERR_NOTFOUND: there is none. */
static int choose(struct making *m, const struct git_id *commit, struct err *err)
{
	struct pipeline_disk disk = pipeline_disk_system;
	char hex[GIT_ID_HEX + 1];

	git_id_hex(commit, hex);
	m->commit = *commit;
	if (gitdb_resolve(m->db, hex, GITDB_TREE, &m->tree, err) < 0 || check_has_pipeline(m, err) < 0)
		return -1;
	disk.read = read_in_commit;
	disk.ctx = m;
	pipeline_release(&m->pl);
	m->pl = (struct pipeline)PIPELINE_INIT;
	pipeline_load_sections(&m->pl, PIPELINE_FILE, &disk); /* the build will tell what is wrong */
	m->hook = pipeline_hook(&m->pl, m->opt->v[0].hook);
	return 0;
}

/* Why what was chosen is not built of that branch; NULL: it is. */
static const char *refusal(struct making *m, const char *ref)
{
	CLEANUP(strbuf_release) struct strbuf branches = STRBUF_INIT;
	const char *hook = m->opt->v[0].hook;

	if (!m->hook)
		return arena_fmt(m->a, "its " PIPELINE_FILE " has no [hook %s]", hook);
	if (hookbuild_is_wanted(m->hook->branches, m->hook->n_branches, ref))
		return NULL;
	pipeline_hook_branches(m->hook, &branches);
	return arena_fmt(m->a, "[hook %s] builds only %s", hook, branches.buf);
}

static bool skips(struct making *m, const struct git_id *id)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct commit c;

	return commit_read(m->db, id, &a, &c, NULL) == 0 && hookbuild_is_skipped(c.message);
}

/* What was rewritten since is nobody's wish any more. */
static bool leads_to(const struct making *m, const char *commit, const struct git_id *tip)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	char hex[GIT_ID_HEX + 1];
	const char *const words[] = {"merge-base", "--is-ancestor", commit, hex, NULL};

	git_id_hex(tip, hex);
	return ask_git(m, words, &out, &said, NULL) == 0;
}

/* 1 and *tip; 0: the branch is gone. */
static int find_tip(struct making *m, struct git_id *tip, struct err *err)
{
	const struct hook_entry *last = &m->opt->v[m->opt->n - 1];

	if (*last->ref)
		return gitdb_ref(m->db, last->ref, tip, err);
	return git_id_parse(last->commit, tip) ? 1 : 0;
}

/* Each commit in its turn: the oldest that still leads to the tip. Of a rebase the end alone counts. */
static int choose_oldest(struct making *m, const struct git_id *tip, uint64_t *upto, struct err *err)
{
	size_t i;

	for (i = 0; i < m->opt->n; i++) {
		const struct hook_entry *e = &m->opt->v[i];
		struct git_id id;

		if (e->amid || !git_id_parse(e->commit, &id) || git_id_eq(&id, tip) || !leads_to(m, e->commit, tip) || skips(m, &id))
			continue;
		*upto = e->number;
		return choose(m, &id, err);
	}
	return 0;
}

/* The newest one asks for no build: then the newest of those that were asked for and do not. 1: there is none. */
static int choose_not_skipped(struct making *m, const struct git_id *tip, struct err *err)
{
	size_t i;

	if (!skips(m, tip))
		return 0;
	for (i = m->opt->n; i--;) {
		const struct hook_entry *e = &m->opt->v[i];
		struct git_id id;

		if (!e->amid && git_id_parse(e->commit, &id) && !skips(m, &id) && leads_to(m, e->commit, tip))
			return choose(m, &id, err);
	}
	return 1;
}

/* 1: this commit is to be built; 0: none is. */
static int find_commit(struct making *m, uint64_t *upto, struct err *err)
{
	const struct hook_entry *last = &m->opt->v[m->opt->n - 1];
	struct git_id tip;
	int got = find_tip(m, &tip, err);

	if (got <= 0)
		return got;
	if (choose(m, &tip, err) < 0)
		return -1;
	m->e->text = refusal(m, last->ref);
	if (m->e->text) {
		m->e->outcome = "skipped";
		return 0;
	}
	m->e->text = "";
	if (m->hook->when_busy == BUSY_QUEUE && choose_oldest(m, &tip, upto, err) < 0)
		return -1;
	if (git_id_eq(&m->commit, &tip)) {
		got = choose_not_skipped(m, &tip, err);
		if (got > 0) {
			m->e->outcome = "skipped";
			m->e->text = "its message says so";
		}
		if (got)
			return got < 0 ? -1 : 0;
	}
	return m->hook ? 1 : 0;
}

/* ---- was it built before? */

static bool ships(const struct making *m)
{
	size_t i;

	for (i = 0; i < m->pl.n_stages; i++)
		if (m->pl.stages[i]->kind == STAGE_DEPLOY)
			return true;
	return false;
}

/* Is it what the project's last build was of, among those up to and behind v? */
static bool is_last(const struct making *m, const struct hook_event *v, const struct hook_event *end)
{
	for (; v < end; v++)
		if (v->code >= 0 && streq(v->project, m->e->project) && !streq(v->tree, m->e->tree))
			return false;
	return true;
}

/* What was shipped since is to be replaced by what comes again, as after `git revert`: then it is built, though nothing has to run. */
static bool is_built(struct making *m)
{
	const struct hook_event *before;
	struct hook_event *v;
	size_t n;

	if (hooklog_read(m->opt->dir, m->a, &v, &n, NULL) < 0)
		return false; /* it is not known, then */
	before = hooklog_built(v, n, m->e->project, m->e->targets, m->e->commit, m->e->tree);
	if (!before || !(streq(before->outcome, "done") || streq(before->outcome, "same")) || (ships(m) && !is_last(m, before, v + n)))
		return false;
	if (streq(before->commit, m->e->commit))
		return true;
	m->e->outcome = "same";
	m->e->code = 0;
	m->e->run = before->run;
	m->e->text = arena_fmt(m->a, "its files are those of %.9s", before->commit);
	return true;
}

/* ---- the tree */

static int read_before(struct making *m, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = ERR_INIT;

	if (read_in_commit(m, "mlmake.lock", &text, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
	}
	return artifacts_parse(&m->before, "mlmake.lock of the commit", text.buf, text.len, err);
}

static int fill_tree(struct making *m, struct err *err)
{
	CLEANUP(freep) char *shared = path_join(m->opt->common, "mlmake");
	CLEANUP(freep) char *secret_file = path_join(shared, "secret");
	CLEANUP(freep) char *cache = path_join(m->opt->dir, "seen");
	unsigned char secret[STATCACHE_SECRET];
	const struct rerun_options opt = {.tree = &m->private,
					  .file = PIPELINE_FILE,
					  .before = &m->before,
					  .shared = shared,
					  .git_dir = m->opt->common,
					  .secret = secret,
					  .place = PLACE_SHARE};
	int result;

	m->outfit.home = m->home;
	m->outfit.cache = cache;
	m->outfit.lineage = lineage_new(&m->repo, m->db);
	m->outfitted = true;
	result = statcache_secret(secret_file, secret, err) < 0 || read_before(m, err) < 0 ? -1 : outfit_tree(&m->outfit, &opt, err);
	lineage_free(m->outfit.lineage);
	return result;
}

/* What was read in the tree of the build before is known in the next one, where most of it lies at the same paths. */
static char *cache_of(const struct making *m)
{
	return xstrfmt("%s/cache-%s", m->opt->dir, path_base(m->repo.state));
}

static void bring_cache(const struct making *m)
{
	CLEANUP(freep) char *kept = cache_of(m);
	CLEANUP(freep) char *here = path_join(m->private.state, "statcache");

	(void)!rename(kept, here);
}

static void keep_cache(const struct making *m)
{
	CLEANUP(freep) char *kept = cache_of(m);
	CLEANUP(freep) char *here = path_join(m->private.state, "statcache");

	(void)!rename(here, kept);
}

/* One that a kill left in the middle of this very commit is gone on with. */
static int make_tree(struct making *m, struct err *err)
{
	CLEANUP(freep) char *mark = xstrfmt("%s:%s", m->e->commit, m->repo.prefix);
	int got = private_open_again(&m->private, &m->repo, TREE_ID, mark, err);

	if (got < 0)
		return -1;
	if (got == 0 && private_checkout(&m->private, m->db, &m->repo, &m->commit, &m->empty, err) < 0)
		return -1;
	if (got == 0)
		bring_cache(m);
	if (fill_tree(m, err) < 0)
		return -1;
	return private_mark(&m->private, mark, err);
}

/* ---- the build */

static void on_term(int sig)
{
	stop_asked = 1;
	if (build_pid)
		kill((pid_t)build_pid, sig);
}

static void hold_term(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* The build holds the tree as long as it lives, its stages do not. */
NORETURN static void become(struct making *m, const struct strvec *argv, int out, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigset_t none;

	sigemptyset(&none);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fcntl(m->private.lock_fd, F_SETFD, 0);
	if (getppid() == parent && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 && chdir(m->private.project) == 0)
		execv(m->opt->program, argv->v);
	dprintf(2, "mlmake: error: cannot start '%s': %s\n", m->opt->program, strerror(errno));
	_exit(127);
}

static int open_out(struct making *m, struct err *err)
{
	CLEANUP(freep) char *dir = path_join(m->opt->dir, "out");
	size_t i;
	int fd;

	m->out = xstrfmt("%s/%llu", dir, (unsigned long long)m->number);
	if (file_mkdirs(dir, err) < 0)
		return -1;
	fd = open(m->out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_errno(err, "cannot create '%s'", m->out);
	for (i = 0; i < m->empty.n; i++)
		dprintf(fd, "mlmake: warning: %s\n", m->empty.v[i]);
	for (i = 0; i < m->outfit.result.notes.n; i++)
		dprintf(fd, "mlmake: %s\n", m->outfit.result.notes.v[i]);
	return fd;
}

static char *logs_of(const struct making *m)
{
	return xstrfmt("%s/out/%llu.d", m->opt->dir, (unsigned long long)m->number);
}

/* The tree goes; what stages of a build that fails or is stopped print stays. */
static int link_logs(struct making *m, struct err *err)
{
	CLEANUP(freep) char *kept = logs_of(m), *here = path_join(m->private.state, "log");

	if (file_remove_tree(kept, err) < 0 || file_mkdirs(kept, err) < 0 || file_remove_tree(here, err) < 0)
		return -1;
	return symlink(kept, here) < 0 ? err_errno(err, "cannot create link '%s'", here) : 0;
}

static void drop_logs(struct making *m)
{
	CLEANUP(freep) char *kept = logs_of(m);

	if (m->e->code == 0)
		(void)!file_remove_tree(kept, NULL);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	build_pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_build(struct making *m, int *code, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(closep) int out = open_out(m, err);
	pid_t parent = getpid(), pid;
	size_t i;

	if (out < 0 || link_logs(m, err) < 0)
		return -1;
	strvec_push(&argv, "mlmake");
	strvec_push(&argv, "build");
	for (i = 0; i < m->hook->n_build; i++)
		strvec_push(&argv, m->hook->build[i]);
	hold_term(true);
	if (stop_asked) {
		hold_term(false);
		*code = EXIT_STOPPED;
		return 0;
	}
	pid = fork();
	if (pid == 0)
		become(m, &argv, out, parent);
	build_pid = MAX(pid, 0);
	hold_term(false);
	if (pid < 0)
		return err_errno(err, "cannot start the build");
	*code = wait_for(pid);
	if (stop_asked && *code == 128 + SIGTERM)
		*code = EXIT_STOPPED; /* while it waited for another: then it does not listen for signals yet */
	return 0;
}

/* ---- what came of it */

/* The run that the build has recorded, if it did anything. Of a deploy the time is that of its tag, in whole seconds. */
static const struct run *find_run(struct making *m, struct lineage *l)
{
	const struct run *runs;
	size_t n;

	if (lineage_runs(l, &runs, &n, NULL) < 0)
		return NULL;
	while (n--)
		if (runs[n].own && streq(runs[n].project, m->repo.prefix) && runs[n].source && streq(runs[n].source, m->e->commit))
			return runs[n].time >= m->e->time / SECOND * SECOND ? &runs[n] : NULL;
	return NULL;
}

/* The words of a line of the build's that tell of an instance, "failed NAME 0.2s REASON", or of a deploy, "failed NAME VERSION is not ...".
 * NULL if it is none. */
static const char *reason_in(struct making *m, const char *line, size_t n)
{
	CLEANUP(freep) char *copy = xstrndup(line, n);
	char *at, *word = strtok_r(copy, " ", &at), *name;
	const char *why, *more;

	if (!word || !(streq(word, "failed") || streq(word, "refused")) || !(name = strtok_r(NULL, " ", &at)) || !strtok_r(NULL, " ", &at))
		return NULL;
	why = at + strspn(at, " ");
	if (skip_prefix(why, NOT_DEPLOYED, NULL) && line[n] && skip_prefix(line + n + 1, "    ", &more)) /* why that is stands below */
		return arena_fmt(m->a, "%s: %s: %.*s", name, why, (int)strcspn(more, "\n"), more);
	return *why ? arena_fmt(m->a, "%s: %s", name, why) : arena_fmt(m->a, "%s %s", name, word);
}

/* Why the first that failed or was refused did so; "" if none is told of. */
static const char *first_reason(struct making *m)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *p, *why;

	if (!m->out || file_read(m->out, TEXT_LIMIT, &text, NULL) < 0)
		return "";
	for (p = text.buf; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if ((why = reason_in(m, p, strcspn(p, "\n"))))
			return why;
	return "";
}

/* The last thing that the build said. */
static const char *last_line(struct making *m)
{
	CLEANUP(closep) int fd = m->out ? open(m->out, O_RDONLY | O_CLOEXEC) : -1;
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	char text[OUT_TAIL + 1];
	ssize_t n = fd >= 0 ? pread(fd, text, OUT_TAIL, MAX(size - OUT_TAIL, (off_t)0)) : 0;
	const char *line;

	text[MAX(n, (ssize_t)0)] = '\0';
	for (; n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '); n--)
		text[n - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	(void)(skip_prefix(line, "mlmake: error: ", &line) || skip_prefix(line, "mlmake: ", &line));
	return arena_strdup(m->a, line);
}

static void judge(struct making *m, int code)
{
	struct lineage *l = lineage_new(&m->repo, m->db);
	const struct run *r = find_run(m, l);
	struct hook_event *e = m->e;

	e->code = code;
	e->outcome = code == 0 ? "done" : code == 1 ? "failed" : code == EXIT_REFUSED ? "refused" : code == EXIT_STOPPED ? "stopped"
			       : code > 128 ? "killed" : "error";
	if (r)
		e->run = arena_strdup(m->a, r->id);
	if (code)
		e->text = first_reason(m);
	if (code && !*e->text)
		e->text = last_line(m);
	if (code == EXIT_STOPPED || code > 128)
		e->code = -1; /* nothing was found out */
	lineage_free(l);
}

static void add_text(struct making *m, const char *what, const struct strbuf *said)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;

	strbuf_add(&line, said->buf, strcspn(said->buf, "\n"));
	m->e->text = arena_fmt(m->a, "%s%s%s%s%s", m->e->text, *m->e->text ? "; " : "", what, line.len ? ": " : "", line.buf);
}

static void leave_note(struct making *m)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(freep) char *text = xstrfmt("mlmake: %s%s%s%s%s\n%s%s", m->e->outcome, *m->e->targets ? " " : "", m->e->targets,
					    *m->e->text ? ": " : "", m->e->text, *m->e->run ? "run " : "", m->e->run);
	const char *const words[] = {"notes", "--ref=mlmake", "add", "-f", "-m", text, m->e->commit, NULL};

	if (m->hook->note && ask_git(m, words, &out, &said, NULL) != 0)
		add_text(m, "no note was made", &said);
}

static void write_json(const struct making *m, struct strbuf *out)
{
	CLEANUP(json_freep) struct json *j = json_new_map();
	const struct hook_event *e = m->e;
	const char *branch = e->ref;

	(void)skip_prefix(e->ref, "refs/heads/", &branch);
	json_set_int(j, "version", 1);
	json_set_str(j, "hook", e->hook);
	json_set_str(j, "project", e->project);
	json_set_str(j, "branch", *branch ? branch : NULL);
	json_set_str(j, "commit", e->commit);
	json_set_str(j, "tree", e->tree);
	json_set_str(j, "targets", e->targets);
	json_set_str(j, "outcome", e->outcome);
	json_set_int(j, "exit", e->code);
	json_set_str(j, "run", *e->run ? e->run : NULL);
	json_set_float(j, "seconds", (double)e->duration / 1e9);
	json_set_str(j, "text", e->text);
	json_write(j, false, out);
	strbuf_addch(out, '\n');
}

/* In the private tree, where the project's own scripts are those of the commit. One that hangs is ended. */
static void notify(struct making *m)
{
	static const char *const words[] = {"timeout", "-k", "5", NOTIFY_SECONDS, "sh", "-c"};
	CLEANUP(strbuf_release) struct strbuf json = STRBUF_INIT, out = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	const struct process_start how = {.argv = &argv, .dir = m->private.project};
	size_t i;
	int status;

	if (!m->hook->notify)
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		strvec_push(&argv, words[i]);
	strvec_push(&argv, m->hook->notify);
	write_json(m, &json);
	status = process_run(&how, json.buf, json.len, TEXT_LIMIT, &out, &said, &err);
	if (status < 0)
		strbuf_addstr(&said, err.msg);
	if (status)
		add_text(m, "notify failed", &said);
}

/* ---- the whole */

/* Where the user's project is: that of the work tree that the hook ran in, or what was named for a bare repository. */
static char *find_home(const struct making *m)
{
	CLEANUP(worktrees_release) struct worktrees trees = WORKTREES_INIT;
	CLEANUP(freep) char *file = path_join(m->opt->dir, "home");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(freep) char *own = path_join(m->opt->common, m->opt->v[0].work);
	size_t i;

	if (file_read(file, SAID_LIMIT, &line, NULL) == 0) {
		strbuf_trim(&line);
		return path_join(line.buf, m->repo.prefix);
	}
	if (worktrees_list(&m->repo, &trees, NULL) < 0)
		return NULL;
	for (i = 0; i < trees.n; i++)
		if (trees.v[i].top && streq(trees.v[i].git_dir, own))
			return path_join(trees.v[i].top, m->repo.prefix);
	return NULL;
}

static void tell_now(const struct making *m)
{
	CLEANUP(freep) char *file = path_join(m->opt->dir, "now");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	hook_event_text(m->e, &line);
	if (file_write(file, line.buf, line.len, 0644, false, &ignored) < 0)
		err_clear(&ignored);
}

static int build(struct making *m, struct err *err)
{
	int code = -1;

	m->e->outcome = "building";
	m->e->number = m->number;
	tell_now(m);
	m->opt->begun(m->opt->ctx, m->hook->when_busy == BUSY_CANCEL);
	if (make_tree(m, err) < 0 || run_build(m, &code, err) < 0)
		return -1;
	keep_cache(m);
	m->e->duration = clock_now(&clock_system) - m->e->time;
	judge(m, code);
	drop_logs(m);
	if (outfit_check(&m->outfit, err) < 0)
		return -1;
	if (m->e->code >= 0) {
		leave_note(m);
		notify(m);
	}
	return 0;
}

/* A linked work tree may be gone, or at this moment be half made or half taken away: without a HEAD, or with nothing that leads to the
 * clone. Then the clone is still there. */
static int open_repo(struct making *m, const struct hook_entry *about, struct err *err)
{
	CLEANUP(freep) char *own = path_join(m->opt->common, about->work), *objects = NULL;

	if (repo_at(&m->repo, own, about->project, NULL) == 0) {
		objects = path_join(m->repo.git_dir, "objects");
		if (file_exists(objects))
			return 0;
	}
	repo_release(&m->repo);
	return repo_at(&m->repo, m->opt->common, about->project, err);
}

static int make(struct making *m, uint64_t *upto, struct err *err)
{
	const struct hook_entry *last = &m->opt->v[m->opt->n - 1];
	int got;

	if (open_repo(m, last, err) < 0)
		return -1;
	m->db = gitdb_new(m->opt->common);
	m->home = find_home(m);
	got = find_commit(m, upto, err);
	if (got < 0)
		return -1;
	m->number = *upto;
	m->e->commit = hex_of(m, &m->commit);
	m->e->tree = hex_of(m, &m->tree);
	if (got == 0)
		return 0;
	m->e->targets = hookbuild_targets(m->hook->build, m->hook->n_build, m->a);
	return is_built(m) ? 0 : build(m, err);
}

static void release(struct making *m)
{
	struct err ignored = ERR_INIT;

	if (m->outfitted)
		outfit_release(&m->outfit);
	artifacts_release(&m->before);
	strvec_release(&m->empty);
	if (m->e->outcome && streq(m->e->outcome, "killed"))
		closep(&m->private.lock_fd); /* it is gone on with */
	else if (m->private.home && private_close(&m->private, &ignored) < 0)
		err_release(&ignored); /* the next one removes it */
	pipeline_release(&m->pl);
	gitdb_free(m->db);
	repo_release(&m->repo);
	free(m->home);
	free(m->out);
}

void hookbuild(const struct hookbuild_options *opt, struct arena *a, uint64_t *upto, struct hook_event *e)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	const struct hook_entry *last = &opt->v[opt->n - 1];
	struct making m = {.opt = opt, .a = a, .e = e, .pl = PIPELINE_INIT, .private = PRIVATE_TREE_INIT, .before = ARTIFACTS_INIT, .empty = STRVEC_INIT};
	struct sigaction act = {.sa_handler = on_term};

	stop_asked = 0; /* a worker that was a build before knows both */
	build_pid = 0;
	sigaction(SIGTERM, &act, NULL);
	hold_term(false);
	*upto = last->number;
	*e = (struct hook_event){.time = clock_now(&clock_system), .code = -1, .hook = last->hook, .project = last->project,
				 .ref = last->ref, .commit = last->commit, .tree = "", .targets = "", .run = "", .text = ""};
	if (make(&m, upto, &err) < 0) {
		e->outcome = "error";
		e->code = 2;
		e->duration = clock_now(&clock_system) - e->time;
		e->text = arena_strdup(a, err.msg);
	}
	e->number = *upto;
	release(&m);
}

const char *hookbuild_refusal(const char *common, const struct hook_entry *e, struct arena *a)
{
	const struct hookbuild_options opt = {.common = common, .v = e, .n = 1};
	struct making m = {.opt = &opt, .a = a, .pl = PIPELINE_INIT, .repo = {.prefix = e->project}};
	CLEANUP(err_release) struct err err = ERR_INIT;
	const char *why = NULL;
	struct git_id id;

	m.db = gitdb_new(common);
	if (git_id_parse(e->commit, &id) && choose(&m, &id, &err) == 0)
		why = refusal(&m, e->ref);
	else if (err.code == ERR_NOTFOUND)
		why = arena_strdup(a, err.msg);
	pipeline_release(&m.pl);
	gitdb_free(m.db);
	return why;
}
