/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "back/putback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/collect.h"
#include "util/beneath.h"
#include "util/file.h"
#include "util/path.h"
#include "util/pool.h"
#include "util/text.h"

#define JOURNAL_LINE1 "mlmake-placing 1\n"
#define JOURNAL_LIMIT ((size_t)1 << 30)

static char *journal_of(const char *state_dir)
{
	return xstrfmt("%s/placing", state_dir);
}

static void refuse(struct putback_item *it, struct err *why)
{
	it->result = PUTBACK_REFUSED;
	free(it->note);
	it->note = xstrdup(why->msg ? why->msg : "it cannot be put there");
	err_clear(why);
}

/* ---- looking ---- */

/* A parent that is a link may lead anywhere, so nothing behind it is looked at. */
static bool can_be_reached(struct putback *p, struct putback_item *it, bool *there)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(closep) int at = beneath_parent(p->root, it->a->fact->name, false, &err);

	*there = at >= 0;
	if (at >= 0 || err.code == ERR_NOTFOUND)
		return true;
	refuse(it, &err);
	return false;
}

static void tell_missing(struct putback *p, struct putback_item *it)
{
	CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;

	it->result = PUTBACK_MISSING;
	if (!it->note && store_tell_collected(p->store, &it->a->fact->content, &note))
		it->note = strbuf_detach(&note);
}

static void judge(struct putback *p, struct putback_item *it)
{
	const struct content *want = &it->a->fact->content;

	if (content_eq(&it->present, want))
		it->result = PUTBACK_THERE;
	else if (store_can_have(p->store, want))
		it->result = PUTBACK_WANTED;
	else
		tell_missing(p, it);
}

static void judge_one(void *ctx, size_t i)
{
	struct putback *p = ctx;

	if (p->items[i].result != PUTBACK_REFUSED)
		judge(p, &p->items[i]);
}

static void count(struct putback *p)
{
	size_t i;

	memset(p->counts, 0, sizeof(p->counts));
	for (i = 0; i < p->n; i++)
		p->counts[p->items[i].result]++;
}

int putback_look(struct putback *p, struct err *err)
{
	CLEANUP(freep) struct content_query *q = xcalloc(p->n + 1, sizeof(*q));
	CLEANUP(freep) size_t *item = xcalloc(p->n + 1, sizeof(*item));
	size_t i, n = 0;
	bool there;

	p->root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->root < 0)
		return err_errno(err, "cannot open the project's directory");
	p->started = true;
	for (i = 0; i < p->n; i++) {
		struct putback_item *it = &p->items[i];

		it->present = (struct content){.kind = CONTENT_NONE};
		if (it->result == PUTBACK_REFUSED || !can_be_reached(p, it, &there) || !there)
			continue;
		q[n].path = it->a->fact->name;
		item[n++] = i;
	}
	statcache_query(p->cache, q, n, p->threads);
	for (i = 0; i < n; i++) {
		p->items[item[i]].present = q[i].content;
		if (q[i].failed)
			refuse(&p->items[item[i]], &q[i].err);
		err_release(&q[i].err);
	}
	pool_for(p->n, 1, p->threads, judge_one, p);
	count(p);
	return 0;
}

/* ---- doing ---- */

static int write_journal(struct putback *p, struct err *err)
{
	CLEANUP(freep) char *file = journal_of(p->state_dir);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	size_t i;

	strbuf_addstr(&text, JOURNAL_LINE1);
	for (i = 0; i < p->n; i++) {
		const char *path = p->items[i].a->fact->name;

		if (p->items[i].result != PUTBACK_WANTED)
			continue;
		text_add_escaped(&text, path, strlen(path), false);
		strbuf_addch(&text, '\n');
	}
	return file_write(file, text.buf, text.len, 0644, true, err);
}

/* What the store does not hold may be the only copy. */
static int save_present(struct putback *p, struct putback_item *it, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;

	if (it->present.kind == CONTENT_NONE || store_has(p->store, &it->present))
		return 0;
	if (store_put_known(p->store, it->a->fact->name, &it->present, err) < 0)
		return err_wrap(err, "what stands there cannot be kept");
	strbuf_addstr(&note, "what stood there was not in the store, and is kept as ");
	store_tell_where(p->store, &it->present.id, &note);
	it->note = strbuf_detach(&note);
	return 0;
}

static void prepare_one(void *ctx, size_t i)
{
	struct putback *p = ctx;
	struct putback_item *it = &p->items[i];
	CLEANUP(err_release) struct err err = ERR_INIT;

	if (it->result != PUTBACK_WANTED)
		return;
	if (save_present(p, it, &err) == 0)
		it->placing = store_prepare(p->store, &it->a->fact->content, p->root, it->a->fact->name, PLACE_COPY, &err);
	if (!it->placing)
		refuse(it, &err);
}

static void install(struct putback *p, struct putback_item *it)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct content now;

	if (statcache_content(p->cache, it->a->fact->name, false, &now, &err) < 0) {
		refuse(it, &err);
	} else if (!content_eq(&now, &it->present)) {
		err_set(&err, ERR_MOVED, "it was written to meanwhile");
		refuse(it, &err);
	} else if (store_install(it->placing, &err) < 0) {
		refuse(it, &err);
	} else {
		it->result = PUTBACK_DONE;
	}
}

static int sync_project(struct putback *p, struct err *err)
{
	if (store_sync(p->store, err) < 0)
		return -1;
	return syncfs(p->root) < 0 ? err_errno(err, "cannot sync the project's file system") : 0;
}

static void drop_placings(struct putback *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		store_placing_free(p->items[i].placing);
		p->items[i].placing = NULL;
	}
}

int putback_do(struct putback *p, struct err *err)
{
	CLEANUP(freep) char *journal = journal_of(p->state_dir);
	size_t i;
	int result = 0;

	if (!p->counts[PUTBACK_WANTED])
		return 0;
	if (write_journal(p, err) < 0)
		return -1;
	pool_for(p->n, 1, p->threads, prepare_one, p);
	if (sync_project(p, err) < 0) {
		result = -1;
	} else {
		for (i = 0; i < p->n; i++)
			if (p->items[i].placing)
				install(p, &p->items[i]);
		result = sync_project(p, err);
	}
	drop_placings(p);
	count(p);
	if (unlink(journal) < 0 && result == 0)
		return err_errno(err, "cannot remove '%s'", journal);
	return result;
}

void putback_release(struct putback *p)
{
	size_t i;

	drop_placings(p);
	for (i = 0; i < p->n; i++)
		free(p->items[i].note);
	free(p->items);
	if (p->started)
		close(p->root);
	p->items = NULL;
	p->n = 0;
}

/* ---- after a crash ---- */

bool putback_left_traces(const char *state_dir)
{
	CLEANUP(freep) char *file = journal_of(state_dir);

	return file_exists(file);
}

/* A journal that was not written whole was written before anything else. */
int putback_recover(const char *state_dir, struct err *err)
{
	CLEANUP(freep) char *file = journal_of(state_dir);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, path = STRBUF_INIT;
	CLEANUP(closep) int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *p, *nl;

	if (root < 0)
		return err_errno(err, "cannot open the project's directory");
	if (file_read(file, JOURNAL_LIMIT, &text, err) < 0)
		return -1;
	if (!skip_prefix(text.buf, JOURNAL_LINE1, &p))
		p = text.buf + text.len;
	for (; (nl = strchr(p, '\n')); p = nl + 1) {
		strbuf_clear(&path);
		if (!text_unescape(&path, p, nl) || path_refusal(path.buf))
			return err_set(err, ERR_CORRUPT, "'%s' names no project path; look into it, then remove it", file);
		if (store_prepare_sweep(root, path.buf, err) < 0)
			return -1;
	}
	return unlink(file) < 0 ? err_errno(err, "cannot remove '%s'", file) : 0;
}
