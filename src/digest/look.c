/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "digest/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest/manifest.h"
#include "digest/reading.h"
#include "digest/statcache.h"

#define ATTEMPTS 4
#define NO_FILE 2
#define POINTER "version https://git-lfs.github.com/spec/v1\n"
#define POINTER_LIMIT 1024 /* bytes; its specification says that a pointer has fewer */

_Static_assert(sizeof(POINTER) <= READING_HEAD, "the head is long enough");

static bool is_pointer(const struct reading *r)
{
	return r->bytes < POINTER_LIMIT && r->bytes >= (int64_t)strlen(POINTER) && memcmp(r->head, POINTER, strlen(POINTER)) == 0;
}

/* Whoever wants the bytes gets them when both digests are computed: then nobody has seen them. */
static int run(const struct look *l, int fd, const char *path, int64_t size, struct reading *r)
{
	if (r->sha && l->taker && (r->ctx = l->taker->begin(l->taker->ctx, path, fd, size)))
		r->take = l->taker->take;
	if (reading_run(r, fd, size) < 0)
		return -1;
	__atomic_add_fetch(&l->counts->bytes_read, (uint64_t)r->bytes, __ATOMIC_RELAXED);
	if (r->sha)
		__atomic_add_fetch(&l->counts->bytes_hashed, (uint64_t)r->bytes, __ATOMIC_RELAXED);
	return 0;
}

/* e: what came of it; NULL if nothing did. */
static void end_taking(const struct look *l, void *taking, const struct entry *e)
{
	int saved = errno;
	struct twins t;

	if (!taking)
		return;
	if (e) {
		t.id = e->id;
		memcpy(t.fast, e->fast, FASTHASH_LEN);
	}
	l->taker->end(taking, e ? &t : NULL);
	errno = saved;
}

/* Fills in content by reading: XXH3 alone first, if an old entry of that size may still stand. *taking: somebody has the bytes. */
static int read_content(const struct look *l, int fd, const char *path, const struct entry *old, struct entry *out, void **taking)
{
	struct reading r = {.secret = l->secret, .sha = !old || !entry_is_file(old) || old->total != out->size};
	int got;

	__atomic_add_fetch(&l->counts->files, 1, __ATOMIC_RELAXED);
	got = run(l, fd, path, out->size, &r);
	if (got == 0 && !r.sha) {
		if (memcmp(r.fast, old->fast, FASTHASH_LEN) == 0 && r.bytes == old->total) {
			r.id = old->id;
		} else {
			r.sha = true;
			got = run(l, fd, path, out->size, &r);
		}
	}
	*taking = r.ctx;
	if (got < 0)
		return -1;
	memcpy(out->fast, r.fast, FASTHASH_LEN);
	out->id = r.id;
	out->total = r.bytes;
	out->pointer = is_pointer(&r);
	return 0;
}

/* Takes the content of an entry that may be believed. */
static bool take_believed(struct entry *out, const struct entry *old)
{
	if (!old || !entry_is_file(old) || old->young || !entry_same_stat(old, out))
		return false;
	memcpy(out->fast, old->fast, FASTHASH_LEN);
	out->id = old->id;
	out->total = old->total;
	out->pointer = old->pointer;
	return true;
}

/* One attempt. 0: done; 1: it moved meanwhile; NO_FILE; -1: errno. */
static int read_once(const struct look *l, int fd, const char *path, const struct entry *old, struct entry *out)
{
	int64_t before = clock_now(l->clock);
	struct entry after, found;
	void *taking = NULL;
	struct stat st;
	bool moved;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return NO_FILE;
	entry_of_stat(out, &st);
	out->young = entry_is_young(out, before);
	out->kind = st.st_mode & S_IXUSR ? CONTENT_EXEC : CONTENT_FILE;
	if (take_believed(out, old))
		return 0;
	if (l->known && l->known(l->ctx, out, &found)) {
		if (take_believed(out, &found))
			return 0;
		old = &found;
	}
	if (read_content(l, fd, path, old, out, &taking) < 0 || fstat(fd, &st) < 0) {
		end_taking(l, taking, NULL);
		return -1;
	}
	if (out->total != out->size) /* as in /proc, where files have no size and no times to trust */
		out->young = true;
	entry_of_stat(&after, &st);
	moved = !entry_same_stat(out, &after);
	end_taking(l, taking, moved ? NULL : out);
	return moved;
}

/* Where the link leads, if that is an object: "<dir>/objects/aa/bb/<sha256>". Whatever else it says, it is a link like others. */
static bool leads_to_object(const struct look *l, int at, const char *name, char target[PATH_MAX])
{
	ssize_t n = l->through ? readlinkat(at, name, target, PATH_MAX - 1) : -1;
	struct digest id;
	const char *s;

	if (n < 0)
		return false;
	target[n] = '\0';
	return skip_prefix(target, l->through, &s) && strlen(s) == 6 + DIGEST_HEX && s[2] == '/' && s[5] == '/' &&
	       strncmp(s, s + 6, 2) == 0 && strncmp(s + 3, s + 8, 2) == 0 && digest_parse(s + 6, &id);
}

int look_stat(const struct look *l, int at, const char *name, bool follow, struct stat *st)
{
	char target[PATH_MAX];
	struct stat object;

	if (fstatat(at, name, st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISLNK(st->st_mode) && leads_to_object(l, at, name, target) &&
	    fstatat(AT_FDCWD, target, &object, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(object.st_mode))
		*st = object;
	return 0;
}

int look_openat(const struct look *l, int at, const char *name, bool follow)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = openat(at, name, flags | (follow ? 0 : O_NOFOLLOW));
	char target[PATH_MAX];

	if (fd >= 0 || errno != ELOOP || follow)
		return fd;
	if (leads_to_object(l, at, name, target))
		fd = open(target, flags | O_NOFOLLOW);
	if (fd < 0)
		errno = ELOOP;
	return fd;
}

static enum look_result look_open(const struct look *l, int at, const char *name, bool follow, const char *path, int *fd, struct err *err)
{
	*fd = look_openat(l, at, name, follow);
	if (*fd >= 0)
		return LOOK_DONE;
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return LOOK_GONE;
	err_errno(err, "cannot open '%s'", path);
	return LOOK_FAILED;
}

enum look_result look_file(const struct look *l, int at, const char *name, bool follow, const char *path,
			   const struct entry *old, struct entry *out, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	enum look_result opened = look_open(l, at, name, follow, path, &fd, err);
	int i, moved = 1;

	if (opened != LOOK_DONE)
		return opened;
	for (i = 0; i < ATTEMPTS && moved == 1; i++)
		moved = read_once(l, fd, path, old, out);
	if (moved == NO_FILE)
		return LOOK_GONE;
	if (moved < 0)
		err_errno(err, "cannot read '%s'", path);
	else if (moved)
		err_set(err, ERR_MOVED, "'%s' keeps changing while it is read", path);
	return moved ? LOOK_FAILED : LOOK_DONE;
}

enum look_result look_link(int at, const char *name, const char *path, const struct entry *now, struct entry *out,
			   struct strbuf *target, struct err *err)
{
	char buf[MANIFEST_TARGET + 2];
	ssize_t n = readlinkat(at, name, buf, sizeof(buf));

	if (n < 0 && (errno == ENOENT || errno == EINVAL || errno == ENOTDIR))
		return LOOK_GONE;
	if (n < 0) {
		err_errno(err, "cannot read link '%s'", path);
		return LOOK_FAILED;
	}
	if (n > MANIFEST_TARGET) {
		err_set(err, ERR_INVALID, "link '%s' has a target longer than %d bytes", path, MANIFEST_TARGET);
		return LOOK_FAILED;
	}
	*out = *now;
	out->kind = CONTENT_LINK;
	out->target_len = (uint32_t)n;
	digest_bytes(buf, (size_t)n, &out->id);
	strbuf_add(target, buf, (size_t)n);
	return LOOK_DONE;
}

bool look_same(const struct entry *old, const struct entry *e)
{
	return old && entry_same_stat(old, e) && old->kind == e->kind && old->young == e->young &&
	       digest_eq(&old->id, &e->id) && old->total == e->total;
}

bool look_again(const struct look *l, const char *path, bool follow, const struct entry *e)
{
	CLEANUP(closep) int fd = look_openat(l, AT_FDCWD, path, follow);
	int64_t before = clock_now(l->clock);
	struct reading r = {.secret = l->secret};
	struct entry now;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	entry_of_stat(&now, &st);
	if (!entry_same_stat(e, &now) || entry_is_young(&now, before) || e->total != e->size)
		return false;
	return run(l, fd, path, now.size, &r) == 0 && r.bytes == e->total &&
	       memcmp(r.fast, e->fast, FASTHASH_LEN) == 0 && fstat(fd, &st) == 0 &&
	       (entry_of_stat(&now, &st), entry_same_stat(e, &now));
}
