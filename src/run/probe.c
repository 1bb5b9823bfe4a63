/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/probe.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "digest/digest.h"
#include "run/tail.h"
#include "util/file.h"

#define FILE_LIMIT ((size_t)1 << 24)
#define OUTPUT_LIMIT ((size_t)1 << 20)
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

static int wait_for(const struct launcher *l, int id, int signal_fd, struct launch_end *end, struct err *err)
{
	bool stopped = false;
	int got;

	while ((got = l->reap(l->ctx, end, err)) == 0) {
		struct pollfd fds[2] = {{.fd = l->fd(l->ctx), .events = POLLIN},
					{.fd = stopped ? -1 : signal_fd, .events = POLLIN}};

		if (poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[1].revents) {
			l->stop(l->ctx, id, true);
			stopped = true;
		}
	}
	if (got > 0 && stopped)
		return err_set(err, ERR_STOPPED, "interrupted during a probe");
	return got;
}

static void remember(struct probes *p, const char *cmd, struct strbuf *output)
{
	const char *old = probes_get(p, cmd);

	strbuf_trim(output);
	if (output->len > SHOWN) {
		struct digest d;
		char hex[DIGEST_HEX + 1];

		digest_bytes(output->buf, output->len, &d);
		digest_hex(&d, hex);
		strbuf_clear(output);
		strbuf_addf(output, "sha256:%s", hex);
	}
	if (old && streq(old, output->buf))
		return;
	json_set_str(p->said, cmd, output->buf);
	p->changed = true;
}

static int run_one(struct probes *p, const struct env *e, const char *cmd, const struct launcher *l, int signal_fd,
		   struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf output = STRBUF_INIT;
	CLEANUP(freep) char *log = xstrfmt("%s/log/[probe].log", p->state_dir);
	struct launch what = {e->name, cmd, e->run, (char *const[]){NULL}, log};
	struct launch_end end;
	int id;

	if (file_mkdirs_for(log, err) < 0 || l->start(l->ctx, &what, &id, err) < 0 || wait_for(l, id, signal_fd, &end, err) < 0)
		return -1;
	if (end.status != 0) {
		tail_end(log, 5, &output);
		strbuf_trim(&output);
		return err_set(err, ERR_FAILED, "%s:%d: the probe '%s' of [env %s] failed (%s %d)%s%s", e->at.file,
			       e->at.line, cmd, e->name, WIFSIGNALED(end.status) ? "signal" : "exit status",
			       WIFSIGNALED(end.status) ? WTERMSIG(end.status) : WEXITSTATUS(end.status),
			       output.len ? ": " : "", output.buf);
	}
	if (file_read(log, OUTPUT_LIMIT, &output, err) < 0)
		return err_wrap(err, "%s:%d: probe '%s'", e->at.file, e->at.line, cmd);
	remember(p, cmd, &output);
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

	for (i = 0; i < pl->n_envs; i++)
		for (j = 0; j < pl->envs[i]->n_probes && used(pl, selected, pl->envs[i]); j++)
			if (run_one(p, pl->envs[i], pl->envs[i]->probes[j], launcher, signal_fd, err) < 0)
				return -1;
	if (!p->changed)
		return 0;
	json_write(p->said, true, &text);
	p->changed = false;
	return file_write(file, text.buf, text.len, 0644, false, err);
}
