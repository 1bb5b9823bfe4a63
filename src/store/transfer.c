/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/file.h"

#define CHUNK (256 * 1024)
#define LARGE (8 << 20) /* from here on a second thread writes */
#define RING 4
#define EAGER (8 << 20) /* so much is handed to the disk at a time */

static int read_full(int fd, unsigned char *buf, size_t want, size_t *got)
{
	*got = 0;
	while (*got < want) {
		ssize_t n = read(fd, buf + *got, want - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return 0;
}

/* A thread that writes the chunks of a ring while the next are read and digested. */
struct writer {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned char *ring; /* RING chunks */
	size_t len[RING];    /* 0: the end */
	size_t filled, written;
	int fd, error;       /* errno of a write that failed */
	bool to_sync;
};

/* The chunk after w->written others is written: if that makes a round sum, the disk may begin. */
static void hand_over(const struct writer *w)
{
	int64_t end = ((int64_t)w->written + 1) * CHUNK;

	if (w->to_sync && end % EAGER == 0)
		sync_file_range(w->fd, end - EAGER, EAGER, SYNC_FILE_RANGE_WRITE); /* of help, not needed */
}

static void *write_chunks(void *arg)
{
	struct writer *w = arg;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		size_t slot = w->written % RING;
		struct err ignored = ERR_INIT;
		int error = 0;

		while (w->written == w->filled)
			pthread_cond_wait(&w->changed, &w->mutex);
		if (w->len[slot] == 0) /* the end */
			break;
		pthread_mutex_unlock(&w->mutex);
		if (!w->error && fd_write_all(w->fd, w->ring + slot * CHUNK, w->len[slot], &ignored) < 0)
			error = errno;
		err_release(&ignored);
		hand_over(w);
		pthread_mutex_lock(&w->mutex);
		if (error)
			w->error = error;
		w->written++;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static unsigned char *writer_slot(struct writer *w)
{
	pthread_mutex_lock(&w->mutex);
	while (w->filled - w->written == RING)
		pthread_cond_wait(&w->changed, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return w->ring + w->filled % RING * CHUNK;
}

static bool writer_push(struct writer *w, size_t n)
{
	bool ok;

	pthread_mutex_lock(&w->mutex);
	w->len[w->filled++ % RING] = n;
	ok = !w->error;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->mutex);
	return ok;
}

/* 0: copied; 1: no thread could be started, nothing was done; -1: errno, *reading says of what. */
static int copy_overlapped(struct transfer *t, struct twinhash *h, int from, int to, bool to_sync, bool *reading)
{
	CLEANUP(freep) unsigned char *ring = xmalloc(RING * CHUNK);
	struct writer w = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .ring = ring,
			   .fd = to, .to_sync = to_sync};
	bool ok = true, more = true;
	int read_error = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, write_chunks, &w))
		return 1;
	while (more) {
		unsigned char *slot = writer_slot(&w);
		size_t n = 0;

		if (ok && read_full(from, slot, CHUNK, &n) < 0) {
			read_error = errno;
			n = 0;
		}
		more = n > 0;
		ok = writer_push(&w, n);
		twinhash_update(h, slot, n);
		t->bytes += (int64_t)n;
	}
	pthread_join(thread, NULL);
	*reading = read_error != 0;
	errno = read_error ? read_error : w.error;
	return errno ? -1 : 0;
}

/* Copies, or only reads if to is -1. */
static int copy_plain(struct transfer *t, struct twinhash *h, int from, int to, bool *reading)
{
	unsigned char buf[CHUNK];
	struct err ignored = ERR_INIT;
	size_t n;

	do {
		if (read_full(from, buf, sizeof(buf), &n) < 0) {
			*reading = true;
			return -1;
		}
		twinhash_update(h, buf, n);
		t->bytes += (int64_t)n;
		if (to >= 0 && fd_write_all(to, buf, n, &ignored) < 0) {
			int saved = errno;

			err_release(&ignored);
			errno = saved;
			return -1;
		}
	} while (n == sizeof(buf));
	return 0;
}

int transfer_copy(struct transfer *t, int from, int to, int64_t size, bool to_sync, const struct twins *expected,
		  const unsigned char *secret, const char *from_name, const char *to_name, struct err *err)
{
	bool reading = false;
	struct twinhash h;
	int result = 1;

	t->bytes = 0;
	twinhash_init(&h, secret);
	twinhash_expect(&h, expected);
	t->cloned = size >= CHUNK && ioctl(to, FICLONE, from) == 0;
	if (t->cloned) {
		reading = true;
		result = copy_plain(t, &h, to, -1, &reading);
	} else {
		if (size >= LARGE)
			result = copy_overlapped(t, &h, from, to, to_sync, &reading);
		if (result > 0)
			result = copy_plain(t, &h, from, to, &reading);
	}
	twinhash_final(&h, &t->id, t->fast);
	if (result < 0)
		return err_errno(err, "cannot %s '%s'", reading ? "read" : "write", reading ? from_name : to_name);
	return 0;
}

int transfer_read(struct transfer *t, int from, const unsigned char *secret, const char *from_name, struct err *err)
{
	bool reading = false;
	struct twinhash h;
	int result;

	t->bytes = 0;
	twinhash_init(&h, secret);
	result = copy_plain(t, &h, from, -1, &reading);
	twinhash_final(&h, &t->id, t->fast);
	return result < 0 ? err_errno(err, "cannot read '%s'", from_name) : 0;
}
