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
#include "util/relay.h"

#define ATTEMPTS 4
#define NO_FILE 2
#define POINTER "version https://git-lfs.github.com/spec/v1\n"
#define POINTER_LIMIT 1024 /* bytes; its specification says that a pointer has fewer */

/* What one pass over a file computes. */
struct pass {
	bool sha; /* SHA-256 as well as XXH3 */
	int64_t bytes;
	struct digest id;
	unsigned char fast[FASTHASH_LEN];
	bool pointer;
};

static bool is_pointer(const unsigned char *buf, size_t n)
{
	return n < POINTER_LIMIT && n >= strlen(POINTER) && memcmp(buf, POINTER, strlen(POINTER)) == 0;
}

static int add_sha(void *ctx, const void *data, size_t n)
{
	sha_update(ctx, data, n);
	return 0;
}

/* Reads fd to its end; SHA-256 is computed by second, if not NULL. A file as long as stat said needs no read that finds the end: the stat
 * afterwards tells. */
static int read_all(int fd, int64_t size, struct relay *second, struct twinhash *t, struct pass *p)
{
	unsigned char own[RELAY_CHUNK];

	p->bytes = 0;
	for (;;) {
		unsigned char *buf = second ? relay_room(second) : own;
		ssize_t n = pread(fd, buf, RELAY_CHUNK, p->bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (p->bytes == 0)
			p->pointer = is_pointer(buf, (size_t)n);
		if (second)
			(void)!relay_push(second, (size_t)n);
		else if (p->sha)
			sha_update(&t->sha, buf, (size_t)n);
		fasthash_update(&t->fast, buf, (size_t)n);
		p->bytes += n;
		if (n == 0 || (p->bytes == size && n < (ssize_t)RELAY_CHUNK))
			return 0;
	}
}

static int run_pass(const struct look *l, int fd, int64_t size, struct pass *p)
{
	struct twinhash t;
	struct relay *second;
	int got, error;

	twinhash_init(&t, l->secret);
	second = p->sha && size >= RELAY_WORTH ? relay_new(add_sha, &t.sha) : NULL;
	got = read_all(fd, size, second, &t, p);
	error = errno;
	if (second)
		relay_end(second);
	errno = error;
	if (got < 0)
		return -1;
	if (p->sha)
		twinhash_final(&t, &p->id, p->fast);
	else
		fasthash_final(&t.fast, p->fast);
	__atomic_add_fetch(&l->counts->bytes_read, (uint64_t)p->bytes, __ATOMIC_RELAXED);
	if (p->sha)
		__atomic_add_fetch(&l->counts->bytes_hashed, (uint64_t)p->bytes, __ATOMIC_RELAXED);
	return 0;
}

/* Fills in content by reading: XXH3 alone first, if an old entry of that size may still stand. */
static int read_content(const struct look *l, int fd, const struct entry *old, struct entry *out)
{
	struct pass p = {.sha = !old || !entry_is_file(old) || old->total != out->size};

	__atomic_add_fetch(&l->counts->files, 1, __ATOMIC_RELAXED);
	if (out->size >= 2 * (int64_t)RELAY_CHUNK)
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (run_pass(l, fd, out->size, &p) < 0)
		return -1;
	if (!p.sha && memcmp(p.fast, old->fast, FASTHASH_LEN) == 0 && p.bytes == old->total) {
		p.id = old->id;
	} else if (!p.sha) {
		p.sha = true;
		if (run_pass(l, fd, out->size, &p) < 0)
			return -1;
	}
	memcpy(out->fast, p.fast, FASTHASH_LEN);
	out->id = p.id;
	out->total = p.bytes;
	out->pointer = p.pointer;
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
static int read_once(const struct look *l, int fd, const struct entry *old, struct entry *out)
{
	int64_t before = clock_now(l->clock);
	struct entry after, found;
	struct stat st;

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
	if (read_content(l, fd, old, out) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (out->total != out->size) /* as in /proc, where files have no size and no times to trust */
		out->young = true;
	entry_of_stat(&after, &st);
	return entry_same_stat(out, &after) ? 0 : 1;
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
		moved = read_once(l, fd, old, out);
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
	struct pass p = {.sha = false};
	struct entry now;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	entry_of_stat(&now, &st);
	if (!entry_same_stat(e, &now) || entry_is_young(&now, before) || e->total != e->size)
		return false;
	return run_pass(l, fd, now.size, &p) == 0 && p.bytes == e->total &&
	       memcmp(p.fast, e->fast, FASTHASH_LEN) == 0 && fstat(fd, &st) == 0 &&
	       (entry_of_stat(&now, &st), entry_same_stat(e, &now));
}
