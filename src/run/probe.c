/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "digest/digest.h"
#include "run/once.h"
#include "run/passing.h"
#include "run/tail.h"
#include "util/file.h"

#define FILE_LIMIT ((size_t)1 << 24)
#define OUTPUT_LIMIT (64 << 20)
#define SHOWN 1024 /* a longer output is remembered by its digest */

static char *file_of(const struct probes *p)
{
	return xstrfmt("%s/probes.json", p->state_dir);
}

void probes_open(struct probes *p, const char *state_dir)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = NULL;

	p->state_dir = xstrdup(state_dir);
	p->changed = false;
	file = file_of(p);
	p->said = file_read(file, FILE_LIMIT, &text, NULL) == 0 ? json_parse(text.buf, text.len, NULL, NULL) : NULL;
	if (p->said && json_kind(p->said) != JSON_MAP)
		json_freep(&p->said);
	if (!p->said)
		p->said = json_new_map();
}

void probes_release(struct probes *p)
{
	json_freep(&p->said);
	free(p->state_dir);
	p->state_dir = NULL;
}

const char *probes_get(void *ctx, const char *cmd)
{
	const struct probes *p = ctx;

	return json_str(json_get(p->said, cmd));
}

/* What it printed; of much, the digest. */
static int take_output(const char *log, bool plain, struct strbuf *out, struct err *err)
{
	struct digest d;
	char hex[DIGEST_HEX + 1];

	if (file_read(log, OUTPUT_LIMIT, out, err) < 0)
		return -1;
	strbuf_trim(out);
	if (memchr(out->buf, '\0', out->len) || (out->len > SHOWN && !plain)) {
		digest_bytes(out->buf, out->len, &d);
		digest_hex(&d, hex);
		strbuf_clear(out);
		strbuf_addf(out, "sha256:%s", hex);
	}
	return 0;
}

int probe_ask(const struct probe_question *q, const char *state_dir, const struct launcher *l, int signal_fd, struct strbuf *said,
	      struct err *err)
{
	CLEANUP(freep) char *log = xstrfmt("%s/log/[probe].log", state_dir);
	CLEANUP(strvec_release) struct strvec env = STRVEC_INIT;
	struct launch what = {.name = q->name, .cmd = q->cmd, .prefix = q->env && !q->bare ? q->env->run : NULL, .log = log,
			      .whole_env = q->in ? q->in->stage->inherits : q->env->inherits};
	const struct once o = {.timeout = q->timeout, .most = q->prints ? q->most : OUTPUT_LIMIT, .prints = q->prints,
			       .signal_fd = signal_fd};
	enum once_end how;
	int status, got;

	passing_declared(q->env, q->in, &env);
	what.env = env.v;
	if (file_mkdirs_for(log, err) < 0 || launch_once(l, &what, &o, &status, &how, err) < 0)
		return -1;
	if (how == ONCE_STOPPED)
		return err_set(err, ERR_STOPPED, "interrupted during a probe");
	if (how != ONCE_ENDED || status != 0) {
		CLEANUP(strbuf_release) struct strbuf why = STRBUF_INIT;

		once_words(&o, status, how, &why);
		tail_end(log, 5, said);
		strbuf_trim(said);
		if (how == ONCE_TALKS)
			(void)!truncate(log, 0);
		return err_set(err, ERR_FAILED, "%s%s%s", why.buf, said->len ? ": " : "", said->buf);
	}
	got = take_output(log, q->plain, said, err);
	if (truncate(log, 0) < 0) /* what it printed is remembered, and may be much */
		return err_errno(err, "cannot empty '%s'", log);
	return got;
}

static void remember(struct probes *p, const char *cmd, const struct strbuf *output)
{
	const char *old = probes_get(p, cmd);

	if (old && streq(old, output->buf))
		return;
	json_set_str(p->said, cmd, output->buf);
	p->changed = true;
}

static int run_one(struct probes *p, const struct env *e, const char *cmd, const struct launcher *l, int signal_fd,
		   struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf output = STRBUF_INIT;
	const struct probe_question q = {.name = e->name, .cmd = cmd, .env = e};

	if (probe_ask(&q, p->state_dir, l, signal_fd, &output, err) < 0)
		return err->code == ERR_STOPPED ? -1 : err_wrap(err, "%s:%d: the probe '%s' of [env %s] failed", e->at.file, e->at.line,
								cmd, e->name);
	remember(p, cmd, &output);
	return 0;
}

const char *probes_answer(void *ctx, const char *key)
{
	return probes_get(ctx, key);
}

static int ask_one(struct probes *p, const struct env *e, const struct env_question *about, const struct launcher *l, int signal_fd,
		   struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf output = STRBUF_INIT, answer = STRBUF_INIT;
	const struct probe_question q = {.name = e->name, .cmd = about->cmd, .env = e, .bare = about->bare, .plain = true};

	if (probe_ask(&q, p->state_dir, l, signal_fd, &output, err) < 0)
		return err->code == ERR_STOPPED ? -1 : err_wrap(err, "%s:%d: [env %s] is not known: %s", e->at.file, e->at.line, e->name,
								about->key);
	strbuf_addf(&answer, "%s\n%s", about->stamp, output.buf);
	remember(p, about->key, &answer);
	return 0;
}

static int ask_all(struct probes *p, const struct env *e, const struct launcher *l, int signal_fd, struct err *err)
{
	size_t i;

	for (i = 0; i < e->n_questions; i++)
		if ((e->questions[i].always || !e->questions[i].answered) && ask_one(p, e, &e->questions[i], l, signal_fd, err) < 0)
			return -1;
	return 0;
}

static bool used(const struct pipeline *pl, const bool *selected, const struct env *e)
{
	size_t i;

	for (i = 0; i < pl->n_instances; i++)
		if (selected[i] && pl->instances[i]->stage->env == e)
			return true;
	return false;
}

int probes_run(struct probes *p, const struct pipeline *pl, const bool *selected, const struct launcher *launcher,
	       int signal_fd, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *file = file_of(p);
	size_t i, j;

	for (i = 0; i < pl->n_envs; i++) {
		if (!used(pl, selected, pl->envs[i]))
			continue;
		for (j = 0; j < pl->envs[i]->n_probes; j++)
			if (run_one(p, pl->envs[i], pl->envs[i]->probes[j], launcher, signal_fd, err) < 0)
				return -1;
		if (ask_all(p, pl->envs[i], launcher, signal_fd, err) < 0)
			return -1;
	}
	if (!p->changed)
		return 0;
	json_write(p->said, true, &text);
	p->changed = false;
	return file_write(file, text.buf, text.len, 0644, false, err);
}
