/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "store/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/objects.h"
#include "store/transfer.h"
#include "util/file.h"

#define CHUNK (128 * 1024)
#define SECRET 192 /* bytes that fasthash wants; its result is not used here */

struct payloads {
	struct objects objects;
};

struct payloads *payloads_new(const char *dir)
{
	struct payloads *p = xcalloc(1, sizeof(*p));

	objects_init(&p->objects, dir);
	return p;
}

void payloads_free(struct payloads *p)
{
	if (!p)
		return;
	objects_release(&p->objects);
	free(p);
}

const char *payloads_dir(const struct payloads *p)
{
	return p->objects.dir;
}

int payloads_make(struct payloads *p, struct err *err)
{
	return objects_open(&p->objects, true, err);
}

bool payloads_has(struct payloads *p, const struct digest *id, int64_t size)
{
	int64_t got;

	return objects_has(&p->objects, id, -1, &got) && (size < 0 || got == size);
}

bool payloads_size(struct payloads *p, const struct digest *id, int64_t *size)
{
	return objects_has(&p->objects, id, -1, size);
}

int payloads_open(struct payloads *p, const struct digest *id, int64_t *size, struct err *err)
{
	return objects_read(&p->objects, id, size, err);
}

int payloads_condemn(struct payloads *p, const struct digest *id, struct err *err)
{
	return objects_condemn(&p->objects, id, err);
}

int payloads_sync(struct payloads *p, struct err *err)
{
	return objects_sync(&p->objects, false, err);
}

/* Digests what can be read from fd. */
static int digest_fd(int fd, const char *name, struct digest *out, struct err *err)
{
	CLEANUP(freep) char *buf = xmalloc(CHUNK);
	struct sha sha;
	ssize_t n;

	sha_init(&sha);
	while ((n = read(fd, buf, CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_errno(err, "cannot read '%s'", name);
		sha_update(&sha, buf, (size_t)MAX(n, (ssize_t)0));
	}
	sha_final(&sha, out);
	return 0;
}

int payloads_verify(struct payloads *p, const struct digest *id, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char hex[DIGEST_HEX + 1];
	struct digest got;
	int64_t size;

	fd = objects_read(&p->objects, id, &size, err);
	if (fd < 0)
		return -1;
	digest_hex(id, hex);
	if (digest_fd(fd, hex, &got, err) < 0)
		return -1;
	return digest_eq(&got, id) ? 0 : objects_condemn(&p->objects, id, err);
}

int payloads_copy(struct payloads *from, struct payloads *to, const struct digest *id, struct err *err)
{
	static const unsigned char secret[SECRET] = {1};
	CLEANUP(incoming_drop) struct incoming in = INCOMING_INIT;
	CLEANUP(closep) int fd = -1;
	char hex[DIGEST_HEX + 1];
	struct transfer t;
	int64_t size;

	digest_hex(id, hex);
	fd = objects_read(&from->objects, id, &size, err);
	if (fd < 0 || incoming_open(&in, &to->objects, err) < 0 ||
	    transfer_copy(&t, fd, in.fd, size, true, NULL, secret, hex, to->objects.dir, err) < 0)
		return -1;
	if (!digest_eq(&t.id, id))
		return objects_condemn(&from->objects, id, err);
	if (fsync(in.fd) < 0)
		return err_errno(err, "cannot write '%s' to disk in '%s'", hex, to->objects.dir);
	return incoming_finish(&in, id, t.bytes, err);
}

/* An incoming file takes the place of another by a rename, so that it is locked and swept like every other. */
int payloads_adopt(struct payloads *p, const char *path, const struct digest *id, struct err *err)
{
	CLEANUP(incoming_drop) struct incoming in = INCOMING_INIT;
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct digest got;
	struct stat st;

	if (fd < 0)
		return err_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is no regular file", path);
	if (digest_fd(fd, path, &got, err) < 0)
		return -1;
	if (!digest_eq(&got, id)) {
		unlink(path);
		return err_set(err, ERR_CORRUPT, "what arrived does not hash to its name");
	}
	if (fsync(fd) < 0)
		return err_errno(err, "cannot write '%s' to disk", path);
	if (incoming_open(&in, &p->objects, err) < 0)
		return -1;
	flock(fd, LOCK_EX | LOCK_NB); /* nobody else knows it, and where there are no locks nobody sweeps */
	if (renameat(AT_FDCWD, path, p->objects.fd, in.name) < 0)
		return err_errno(err, "cannot move '%s' into '%s'", path, p->objects.dir);
	close(in.fd);
	in.fd = fd;
	fd = -1;
	return incoming_finish(&in, id, st.st_size, err);
}

struct arrival {
	struct payloads *p;
	struct incoming in;
	struct sha sha;
	int64_t size;
};

struct arrival *arrival_begin(struct payloads *p, struct err *err)
{
	struct arrival *a = xcalloc(1, sizeof(*a));

	a->p = p;
	a->in = (struct incoming)INCOMING_INIT;
	sha_init(&a->sha);
	if (incoming_open(&a->in, &p->objects, err) == 0)
		return a;
	arrival_drop(&a);
	return NULL;
}

int arrival_write(struct arrival *a, const void *data, size_t n, struct err *err)
{
	sha_update(&a->sha, data, n);
	a->size += (int64_t)n;
	if (fd_write_all(a->in.fd, data, n, err) < 0)
		return err_wrap(err, "store '%s'", a->p->objects.dir);
	return 0;
}

int arrival_end(struct arrival *a, const struct digest *id, struct err *err)
{
	struct digest got;

	sha_final(&a->sha, &got);
	if (!digest_eq(&got, id))
		return err_set(err, ERR_CORRUPT, "what arrived does not hash to its name");
	if (fsync(a->in.fd) < 0)
		return err_errno(err, "cannot write to disk in '%s'", a->p->objects.dir);
	return incoming_finish(&a->in, id, a->size, err);
}

void arrival_drop(struct arrival **a)
{
	if (!*a)
		return;
	incoming_drop(&(*a)->in);
	free(*a);
	*a = NULL;
}
