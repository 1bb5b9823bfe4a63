/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "digest/reading.h"
#include "util/file.h"

#define CLONED (256 * 1024) /* a smaller file is as soon copied */
#define EAGER (8 << 20)    /* so much is handed to the disk at a time */

int writing_take(void *writing, const void *data, size_t n)
{
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	struct writing *w = writing;

	if (fd_write_all(w->fd, data, n, &ignored) < 0)
		return errno;
	w->written += (int64_t)n;
	if (w->to_sync && w->written - w->handed >= EAGER) {
		sync_file_range(w->fd, w->handed, w->written - w->handed, SYNC_FILE_RANGE_WRITE); /* of help, not needed */
		w->handed = w->written;
	}
	return 0;
}

/* Takes over what a reading found. */
static void conclude(struct transfer *t, const struct reading *r, const struct twins *expected)
{
	t->bytes = r->bytes;
	memcpy(t->fast, r->fast, FASTHASH_LEN);
	if (r->sha)
		t->id = r->id;
	else if (memcmp(r->fast, expected->fast, FASTHASH_LEN) == 0)
		t->id = expected->id;
	else
		memset(&t->id, 0, sizeof(t->id));
}

int transfer_copy(struct transfer *t, int from, int to, int64_t size, bool to_sync, const struct twins *expected,
		  const unsigned char *secret, const char *from_name, const char *to_name, struct err *err)
{
	struct writing w = {to, to_sync, 0, 0};
	struct reading r = {.secret = secret, .sha = !expected, .take = writing_take, .ctx = &w};

	t->cloned = size >= CLONED && ioctl(to, FICLONE, from) == 0;
	if (t->cloned)
		r.take = NULL;
	if (reading_run(&r, t->cloned ? to : from, size) < 0)
		return err_errno(err, "cannot %s '%s'", r.take_failed ? "write" : "read", r.take_failed ? to_name : from_name);
	conclude(t, &r, expected);
	return 0;
}

int transfer_read(struct transfer *t, int from, int64_t size, const unsigned char *secret, const char *from_name, struct err *err)
{
	struct reading r = {.secret = secret, .sha = true};

	if (reading_run(&r, from, size) < 0)
		return err_errno(err, "cannot read '%s'", from_name);
	conclude(t, &r, NULL);
	return 0;
}
