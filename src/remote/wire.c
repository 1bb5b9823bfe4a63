/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lineage by git's own transports, with all that users have configured for them. Refs travel without a '+': git itself refuses
 * what is not a fast-forward, and the other side what has changed since it was looked at. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/transport.h"
#include "util/file.h"
#include "util/path.h"

#define OUTPUT_LIMIT ((size_t)64 << 20)
#define AT_ONCE 500 /* refs in one command line */

void wire_begin(const struct remote_here *here, struct strvec *argv)
{
	static const char *const settings[] = {
		"core.hooksPath=/dev/null", "core.fsync=all",       "core.fsmonitor=false",    "gc.auto=0",
		"maintenance.auto=false",   "push.followTags=false", "push.gpgSign=false",     "push.recurseSubmodules=no",
		"fetch.recurseSubmodules=no", "fetch.unpackLimit=1", "fetch.writeCommitGraph=false", "advice.pushUpdateRejected=false",
		"color.ui=false",
	};
	size_t i;

	strvec_push(argv, "git");
	strvec_pushf(argv, "--git-dir=%s", here->git);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		strvec_push(argv, "-c");
		strvec_push(argv, settings[i]);
	}
}

int wire_run(const struct transport *t, const struct strvec *argv, char *const *env, const void *input, size_t n, struct strbuf *out,
	     const char *what, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf errors = STRBUF_INIT, ignored = STRBUF_INIT;
	const struct process_start how = {.argv = argv, .env = env};
	int status = process_run(&how, input, n, OUTPUT_LIMIT, out ? out : &ignored, &errors, err);

	if (status < 0)
		return err_wrap(err, "%s", what);
	return status ? explain(t, what, &errors, err) : 0;
}

int wire_ask(const struct strvec *argv, struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf errors = STRBUF_INIT, ignored = STRBUF_INIT;
	const struct process_start how = {.argv = argv};

	return process_run(&how, NULL, 0, OUTPUT_LIMIT, out ? out : &ignored, &errors, err);
}

int wire_object_format(const struct transport *t, struct strbuf *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "rev-parse");
	strvec_push(&argv, "--show-object-format");
	if (wire_run(t, &argv, NULL, NULL, 0, out, "cannot tell what kind of git repository this is", err) < 0)
		return -1;
	strbuf_trim(out);
	return 0;
}

int wire_tips(struct transport *t, struct tips *out, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "ls-remote");
	strvec_push(&argv, "--refs");
	strvec_push(&argv, t->git);
	strvec_push(&argv, "refs/mlmake/log/*");
	if (wire_run(t, &argv, NULL, NULL, 0, &text, "cannot list its lineage", err) < 0)
		return -1;
	tips_parse(text.buf, out);
	tips_sort(out);
	return 0;
}

/* Pushes tips[from..to). Some may be refused and the rest arrive, so the exit status alone tells nothing. */
static int push_some(struct transport *t, struct tips *tips, size_t from, size_t to, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, errors = STRBUF_INIT;
	CLEANUP(freep) char *refused = NULL;
	struct process_start how = {.argv = &argv};
	int status;
	size_t i;

	wire_begin(t->here, &argv);
	strvec_push(&argv, "push");
	strvec_push(&argv, "--porcelain");
	strvec_push(&argv, "--no-verify");
	strvec_push(&argv, t->git);
	for (i = from; i < to; i++)
		strvec_pushf(&argv, "%s:refs/mlmake/log/%s", tips->v[i].id, tips->v[i].writer);
	status = process_run(&how, NULL, 0, OUTPUT_LIMIT, &text, &errors, err);
	if (status < 0)
		return -1;
	tips_pushed(text.buf, tips, &refused);
	if (refused) {
		strbuf_addf(&errors, "\n%s\n", refused);
		return explain(t, "the lineage was not taken", &errors, err);
	}
	if (status && !strstr(text.buf, "\n!\t") && !skip_prefix(text.buf, "!\t", NULL))
		return explain(t, "cannot send the lineage", &errors, err);
	return 0;
}

int wire_push(struct transport *t, struct tips *tips, struct err *err)
{
	size_t i;

	for (i = 0; i < tips->n; i += AT_ONCE)
		if (push_some(t, tips, i, MIN(i + AT_ONCE, tips->n), err) < 0)
			return -1;
	return 0;
}

int wire_fetch(struct transport *t, const struct tips *tips, struct err *err)
{
	size_t i, j;

	for (i = 0; i < tips->n; i += AT_ONCE) {
		CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

		wire_begin(t->here, &argv);
		strvec_push(&argv, "fetch");
		strvec_push(&argv, "--quiet");
		strvec_push(&argv, "--no-tags");
		strvec_push(&argv, "--no-write-fetch-head");
		strvec_push(&argv, t->git);
		for (j = i; j < MIN(i + AT_ONCE, tips->n); j++)
			strvec_pushf(&argv, "refs/mlmake/log/%s", tips->v[j].writer);
		if (wire_run(t, &argv, NULL, NULL, 0, NULL, "cannot fetch its lineage", err) < 0)
			return -1;
	}
	return 0;
}

static int configure(const struct transport *t, const char *dir, const char *key, const char *value, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;

	strvec_push(&argv, "git");
	strvec_pushf(&argv, "--git-dir=%s", dir);
	strvec_push(&argv, "config");
	strvec_push(&argv, key);
	strvec_push(&argv, value);
	return wire_run(t, &argv, NULL, NULL, 0, NULL, "cannot configure the repository for the lineage", err);
}

static int make_at(const struct transport *t, const char *dir, bool shared, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf format = STRBUF_INIT;

	if (wire_object_format(t, &format, err) < 0)
		return -1;
	strvec_push(&argv, "git");
	strvec_push(&argv, "init");
	strvec_push(&argv, "--quiet");
	strvec_push(&argv, "--bare");
	strvec_push(&argv, "--template=");
	strvec_pushf(&argv, "--object-format=%s", format.buf);
	if (shared)
		strvec_push(&argv, "--shared=group");
	strvec_push(&argv, dir);
	if (wire_run(t, &argv, NULL, NULL, 0, NULL, "cannot make a repository for the lineage", err) < 0)
		return -1;
	if (configure(t, dir, "receive.denyNonFastForwards", "true", err) < 0 ||
	    configure(t, dir, "receive.denyDeletes", "true", err) < 0 || configure(t, dir, "core.fsync", "all", err) < 0 ||
	    configure(t, dir, "receive.unpackLimit", "1", err) < 0)
		return -1;
	return 0;
}

/* Made beside its place and renamed. Another may make it at the same time, so there is a lock; who holds it removes what a kill left. */
int wire_make_bare(const struct transport *t, const char *dir, struct err *err)
{
	CLEANUP(freep) char *head = xstrfmt("%s/HEAD", dir);
	CLEANUP(freep) char *new = xstrfmt("%s.%ld", dir, (long)getpid());
	CLEANUP(freep) char *above = path_dir(dir);
	CLEANUP(freep) char *prefix = xstrfmt("%s.", path_base(dir));
	CLEANUP(freep) char *lock = xstrfmt("%s/lock", above);
	CLEANUP(closep) int held = -1;
	struct stat st;

	if (file_exists(head))
		return 0;
	held = file_lock(lock, true, true, err);
	if (held < 0 || file_sweep_prefix(dir, prefix, err) < 0)
		return -1;
	if (file_exists(head))
		return 0;
	if (mkdir(new, 0777) < 0)
		return err_errno(err, "cannot make '%s'", new);
	if (make_at(t, new, stat(above, &st) == 0 && st.st_mode & S_IWGRP, err) < 0)
		return -1;
	return rename(new, dir) < 0 ? err_errno(err, "cannot rename '%s'", new) : 0;
}
