/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/file.h"
#include "util/relay.h"

#define CHUNK (256 * 1024)
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

struct writing {
	int fd;
	bool to_sync;
	int64_t written;
};

/* When a round sum is written, the disk may begin. */
static int write_chunk(void *ctx, const void *data, size_t n)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct writing *w = ctx;

	if (fd_write_all(w->fd, data, n, &ignored) < 0)
		return errno;
	w->written += (int64_t)n;
	if (w->to_sync && w->written % EAGER == 0)
		sync_file_range(w->fd, w->written - EAGER, EAGER, SYNC_FILE_RANGE_WRITE); /* of help, not needed */
	return 0;
}

/* 0: copied; 1: no thread could be started, nothing was done; -1: errno, *reading says of what. */
static int copy_overlapped(struct transfer *t, struct twinhash *h, int from, int to, bool to_sync, bool *reading)
{
	struct writing w = {to, to_sync, 0};
	struct relay *r = relay_new(write_chunk, &w);
	int read_error = 0, write_error;
	bool more;

	if (!r)
		return 1;
	do {
		unsigned char *chunk = relay_room(r);
		size_t n = 0;

		if (read_full(from, chunk, RELAY_CHUNK, &n) < 0) {
			read_error = errno;
			n = 0;
		}
		more = relay_push(r, n) && n > 0;
		twinhash_update(h, chunk, n);
		t->bytes += (int64_t)n;
	} while (more);
	write_error = relay_end(r);
	*reading = read_error != 0;
	errno = read_error ? read_error : write_error;
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
		if (size >= RELAY_WORTH)
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
