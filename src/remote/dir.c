/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory, perhaps one that other machines have mounted too:
 *
 *     DIR/objects/aa/bb/<sha256>, incoming/, corrupt/    as in every store
 *     DIR/lineage.git                                    a bare repository */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/transport.h"
#include "util/file.h"
#include "util/pool.h"

struct dir_transport {
	struct transport t;
	struct payloads *there;
};

static struct dir_transport *of(struct transport *t)
{
	return (struct dir_transport *)t;
}

/* One loop over a haul, that stops at the first error that concerns all. */
struct loop {
	struct haul *h;
	struct payloads *there;
	struct err err;
	bool failed;
};

static void look_one(void *ctx, size_t i)
{
	struct loop *l = ctx;
	struct payload *p = &l->h->v[i];

	p->state = payloads_has(l->there, &p->id, p->size) ? PAYLOAD_THERE : PAYLOAD_ABSENT;
}

static int dir_look(struct transport *t, struct haul *h, struct err *err)
{
	struct loop l = {.h = h, .there = of(t)->there};

	(void)err;
	pool_for(h->n, 64, h->jobs, look_one, &l);
	return 0;
}

static void fail(struct loop *l, struct err *err)
{
	pthread_mutex_lock(&l->h->mutex);
	if (!l->failed)
		err_move(&l->err, err);
	__atomic_store_n(&l->failed, true, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&l->h->mutex);
}

static void copy_one(struct loop *l, size_t i, struct payloads *from, struct payloads *to)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct payload *p = &l->h->v[i];

	if (p->state != PAYLOAD_ABSENT || __atomic_load_n(&l->failed, __ATOMIC_RELAXED))
		return;
	if (payloads_copy(from, to, &p->id, &err) == 0)
		haul_note(l->h, i, PAYLOAD_MOVED, p->size);
	else if (err.code == ERR_NOTFOUND)
		haul_note(l->h, i, PAYLOAD_MISSING, 0);
	else if (err.code == ERR_CORRUPT)
		haul_note(l->h, i, PAYLOAD_CORRUPT, 0);
	else
		fail(l, &err);
}

static void send_one(void *ctx, size_t i)
{
	struct loop *l = ctx;

	copy_one(l, i, l->h->here, l->there);
}

static void take_one(void *ctx, size_t i)
{
	struct loop *l = ctx;

	copy_one(l, i, l->there, l->h->here);
}

static int dir_send(struct transport *t, struct haul *h, struct err *err)
{
	struct loop l = {.h = h, .there = of(t)->there};

	if (payloads_make(l.there, err) < 0)
		return -1;
	pool_for(h->n, 1, h->jobs, send_one, &l);
	if (l.failed)
		return err_move(err, &l.err);
	return payloads_sync(l.there, err);
}

static int dir_take(struct transport *t, struct haul *h, struct err *err)
{
	struct loop l = {.h = h, .there = of(t)->there};

	pool_for(h->n, 1, h->jobs, take_one, &l);
	return l.failed ? err_move(err, &l.err) : 0;
}

/* Without lineage.git there is no lineage yet. */
static int dir_tips(struct transport *t, struct tips *out, struct err *err)
{
	CLEANUP(freep) char *head = xstrfmt("%s/HEAD", t->git);

	return file_exists(head) ? wire_tips(t, out, err) : 0;
}

static int dir_push(struct transport *t, struct tips *tips, struct err *err)
{
	if (wire_make_bare(t, t->git, err) < 0)
		return -1;
	return wire_push(t, tips, err);
}

static void dir_free(struct transport *t)
{
	payloads_free(of(t)->there);
	free(t);
}

/* Only the directory itself is made: if the one above it is not there, something is not mounted, or misspelt. */
static int find_dir(const char *dir, bool write, struct err *err)
{
	struct stat st;

	if (stat(dir, &st) == 0) {
		if (write && st.st_mode & S_IWGRP) /* what is made in a group's directory is the group's */
			umask(umask(0) & ~(mode_t)070);
		return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_INVALID, "'%s' is no directory", dir);
	}
	if (errno != ENOENT)
		return err_errno(err, "cannot look at '%s'", dir);
	if (!write)
		return err_set(err, ERR_NOTFOUND, "the directory '%s' is not there; is its disk mounted? `mlmake push` makes it", dir);
	if (mkdir(dir, 0777) == 0 || errno == EEXIST)
		return 0;
	if (errno == ENOENT)
		return err_set(err, ERR_NOTFOUND, "there is neither the directory '%s' nor the one above it; is its disk mounted? If it is to be "
			       "there, `mkdir -p '%s'`", dir, dir);
	return err_errno(err, "cannot make the directory '%s'", dir);
}

struct transport *dir_open(const struct address *a, const struct remote_here *here, bool write, struct err *err)
{
	static const struct transport_kind kind = {dir_look, dir_send, dir_take, dir_tips, dir_push, wire_fetch, dir_free};
	struct dir_transport *d;

	if (find_dir(a->path, write, err) < 0)
		return NULL;
	d = xcalloc(1, sizeof(*d));
	d->t = (struct transport){.kind = &kind, .address = a, .here = here};
	d->there = payloads_new(a->path);
	return &d->t;
}
