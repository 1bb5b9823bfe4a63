/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/past.h"
#include "run/task.h"
#include "util/file.h"
#include "util/text.h"

static const struct {
	const char *word;
	const struct performer *by;
} performers[STAGE_KINDS] = {
	[STAGE_CHECK] = {"check", &performer_check},
	[STAGE_MONITOR] = {"monitor", &performer_monitor},
	[STAGE_GATE] = {"gate", &performer_gate},
	[STAGE_RESCORE] = {"rescore", &performer_rescore},
	[STAGE_DEPLOY] = {"deploy", &performer_deploy},
};

void lifecycle_release(struct lifecycle *lc)
{
	past_forget(lc);
}

static int values(void *ctx, const struct instance *in, const struct record *now, void (*add)(void *to, const char *name, const char *value),
		  void *to, struct err *err)
{
	const struct performer *p = performers[in->stage->kind].by;

	return p && p->values ? p->values(ctx, in, now, add, to, err) : 0;
}

static bool settles(void *ctx, const struct instance *in)
{
	const struct performer *p = performers[in->stage->kind].by;

	(void)ctx;
	return !p || !p->settles || p->settles(in);
}

static bool live(void *ctx, const struct instance *in, const struct record *now, struct strbuf *there)
{
	const struct performer *p = performers[in->stage->kind].by;

	return p && p->live && p->live(ctx, in, now, there);
}

struct outside lifecycle_outside(struct lifecycle *lc)
{
	return (struct outside){values, settles, live, lc};
}

static const struct performer *performer_of(const char *instance)
{
	size_t i, n = strcspn(instance, ":");

	for (i = 0; i < ARRAY_SIZE(performers); i++)
		if (performers[i].by && strlen(performers[i].word) == n && strncmp(performers[i].word, instance, n) == 0)
			return performers[i].by;
	return NULL;
}

int lifecycle_perform(struct lifecycle *lc, const char *file, struct err *err)
{
	static const int status[] = {[PERFORMED_PASSED] = 0, [PERFORMED_REFUSED] = TASK_REFUSED, [PERFORMED_FAILED] = 1};
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec notes = STRVEC_INIT;
	CLEANUP(err_release) struct err failed = ERR_INIT;
	enum performed how = PERFORMED_FAILED;
	const struct record_fact *rules;
	const struct performer *p;
	struct record now;

	if (task_read(file, &a, &now, err) < 0)
		return -1;
	rules = record_find(&now, FACT_CMD, "");
	p = performer_of(now.instance);
	if (!rules || !p)
		return err_set(err, ERR_PARSE, "'%s' is no task", file);
	if (p->perform(lc, &(struct task){file, now.instance, rules->value, &now}, &how, &message, &notes, &failed) < 0) {
		how = PERFORMED_FAILED;
		strbuf_clear(&message);
		strbuf_addstr(&message, failed.msg);
	}
	fflush(stdout);
	if (task_say(file, how == PERFORMED_PASSED ? NULL : message.buf, notes.v, err) < 0)
		return -1;
	return status[how];
}

int lifecycle_bytes(struct lifecycle *lc, const char *path, const struct content *c, size_t limit, struct strbuf *out, struct err *err)
{
	struct digest is;
	size_t had = out->len;

	if (c->kind == CONTENT_DIR)
		return err_set(err, ERR_INVALID, "'%s' is a directory", path);
	if (c->kind != CONTENT_FILE && c->kind != CONTENT_EXEC)
		return err_set(err, ERR_NOTFOUND, "'%s' is not there", path);
	if (c->size > (int64_t)limit) {
		CLEANUP(strbuf_release) struct strbuf size = STRBUF_INIT, most = STRBUF_INIT;

		text_add_size(&size, c->size);
		text_add_size(&most, (int64_t)limit);
		return err_set(err, ERR_INVALID, "'%s' has %s, and no more than %s are read", path, size.buf, most.buf);
	}
	if (file_read(path, limit, out, NULL) == 0) {
		digest_bytes(out->buf + had, out->len - had, &is);
		if (digest_eq(&is, &c->id))
			return 0;
	}
	strbuf_setlen(out, had);
	if (lc->store && store_get_bytes(lc->store, &c->id, limit, out, NULL) == 0)
		return 0;
	return err_set(err, ERR_NOTFOUND, "what '%s' was is nowhere any more", path);
}
