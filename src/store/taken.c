/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large files taken in while they are digested. Whether a file has to be stored is known when its digest is, but then it would have to be
 * read a second time, and to digest it leaves a processor and the disk time enough to write it. So it is written in any case, and
 * thrown away if it is there already. */
#include <config.h>

#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/storeroom.h"

#define WORTH (8 << 20) /* a smaller file is soon read again */
#define PIECE (1 << 20)

/* A file that is being digested. */
struct taking {
	struct store *s;
	struct incoming in; /* closed if it could not be written */
	struct writing w;
	int64_t before, size;
};

/* What is being taken in may not be needed: all of it together, under_way bytes, gets at most half of what is left. (What is written of
 * it already is counted twice.) */
static bool has_room(int fd, int64_t under_way)
{
	struct statvfs v;

	return fstatvfs(fd, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize / 2 > (uint64_t)under_way;
}

/* A clone takes no time, once it is known that it is needed. */
static bool can_be_cloned(int from, int to)
{
	const struct file_clone_range piece = {.src_fd = from, .src_length = PIECE};

	return ioctl(to, FICLONERANGE, &piece) == 0;
}

static void finish(struct taking *t)
{
	incoming_drop(&t->in);
	__atomic_sub_fetch(&t->s->taking, t->size, __ATOMIC_RELAXED);
	free(t);
}

static void *begin(void *ctx, const char *path, int fd, int64_t size)
{
	struct store *s = ctx;
	struct taking *t;
	int64_t all;

	if (size < WORTH || !s->wanted(s->wanted_ctx, path) || statcache_knew_size(s->cache, size))
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->s = s;
	t->size = size;
	all = __atomic_add_fetch(&s->taking, size, __ATOMIC_RELAXED);
	t->in = (struct incoming)INCOMING_INIT;
	t->before = statcache_now(s->cache);
	if (incoming_open(&t->in, &s->objects, NULL) == 0 && has_room(t->in.fd, all) && !can_be_cloned(fd, t->in.fd)) {
		t->w = (struct writing){.fd = t->in.fd, .to_sync = true};
		return t;
	}
	finish(t);
	return NULL;
}

static int take(void *taking, const void *data, size_t n)
{
	struct taking *t = taking;

	if (t->in.fd >= 0 && ((int64_t)n > t->size - t->w.written || writing_take(&t->w, data, n) != 0))
		incoming_drop(&t->in);
	return 0;
}

static void end(void *taking, const struct twins *twins)
{
	struct taking *t = taking;
	struct transfer done;

	if (twins && t->in.fd >= 0 && !store_holds(t->s, &twins->id, NULL)) {
		done = (struct transfer){.bytes = t->w.written, .id = twins->id};
		memcpy(done.fast, twins->fast, FASTHASH_LEN);
		(void)!store_keep(t->s, &t->in, t->before, &done, NULL);
	}
	finish(t);
}

void store_take_digested(struct store *s, bool (*wanted)(void *ctx, const char *path), void *ctx)
{
	s->wanted = wanted;
	s->wanted_ctx = ctx;
	s->taker = (struct statcache_taker){begin, take, end, s};
	statcache_hand_to(s->cache, wanted ? &s->taker : NULL);
}
