/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest/manifest.h"
#include "store/storeroom.h"
#include "tap.h"
#include "util/file.h"

/* printf 'hello\n' | sha256sum */
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
/* printf 'hello\n' | git hash-object --stdin */
#define HELLO_BLOB "ce013625030ba8dba906f756967f9e9ca394464a"
#define SECOND INT64_C(1000000000)

static const unsigned char secret[STATCACHE_SECRET] = {7};

static int64_t ahead;
static int64_t shifted(void *ctx)
{
	(void)ctx;
	return clock_now(&clock_system) + ahead;
}
static const struct clock test_clock = {shifted, shifted, NULL};

struct place {
	struct statcache *cache;
	struct gitdb *db;
	struct store *s;
};

static struct place at(const char *dir)
{
	CLEANUP(freep) char *git = xstrfmt("%s/git", dir);
	struct place p;

	ahead = 10 * SECOND;
	p.cache = statcache_open(NULL, secret, &test_clock);
	p.db = gitdb_new(git);
	p.s = store_new(dir, p.db, p.cache);
	return p;
}

static void leave(struct place *p)
{
	store_free(p->s);
	gitdb_free(p->db);
	statcache_free(p->cache);
}

static void put(const char *path, const char *text)
{
	EXPECT_INT(file_write(path, text, strlen(text), 0644, false, NULL), 0);
}

static void ok(int result, struct err *err)
{
	tap_check(result == 0, __FILE__, __LINE__, "failed: %s", err->msg ? err->msg : "without a message");
	err_release(err);
}

static struct content take(struct store *s, const char *path)
{
	struct content c = {.kind = CONTENT_NONE};
	struct err err = ERR_INIT;

	ok(store_put(s, path, &c, &err), &err);
	return c;
}

static int entries(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' || strstr(e->d_name, "mlmake-tmp") != NULL;
	if (d)
		closedir(d);
	return n;
}

static bool holds(const char *path, const char *text)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	return file_read(path, 1 << 20, &sb, NULL) == 0 && streq(sb.buf, text);
}

static void one_file(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	struct place p = at("one/store");
	struct err err = ERR_INIT;
	struct content c;
	struct digest id;
	struct stat st;
	mode_t old;

	EXPECT(!store_has(p.s, &(struct content){CONTENT_FILE, {{1}}, 3}));
	EXPECT(!file_exists("one/store"));
	put("one/f", "hello\n");
	old = umask(077);
	c = take(p.s, "one/f");
	umask(old);
	EXPECT(c.kind == CONTENT_FILE && c.size == 6);
	EXPECT(store_has(p.s, &c));
	EXPECT(!store_has(p.s, &(struct content){CONTENT_FILE, {{1}}, 3}));
	take(p.s, "one/f");
	EXPECT_INT(entries("one/store/incoming"), 0);
	EXPECT(store_put_bytes(p.s, "hello\n", 6, &id, NULL) == 0 && digest_eq(&id, &c.id));
	ok(store_get_bytes(p.s, &c.id, 6, &out, &err), &err);
	EXPECT_STR(out.buf, "hello\n");
	EXPECT(store_get_bytes(p.s, &c.id, 5, &out, &err) < 0 && err.code == ERR_INVALID);
	id.b[0]++;
	EXPECT(store_get_bytes(p.s, &id, 5, &out, &err) < 0 && err.code == ERR_NOTFOUND);
	EXPECT(store_place(p.s, &(struct content){CONTENT_FILE, id, 6}, "one/no", NULL, &err) < 0);
	EXPECT_INT(err.code, ERR_NOTFOUND);
	err_release(&err);
	ok(store_place(p.s, &c, "one/deep/er/g", NULL, &err), &err);
	EXPECT(holds("one/deep/er/g", "hello\n"));
	EXPECT(stat("one/deep/er/g", &st) == 0 && (st.st_mode & 07777) == (0666 & ~old));
	EXPECT(store_place(p.s, &c, "one/deep/er/g", NULL, &err) < 0); /* nothing is replaced */
	EXPECT_INT(entries("one/deep/er"), 1);
	EXPECT_INT(entries("one"), 3);
	ok(store_sync(p.s, &err), &err);
	err_release(&err);
	leave(&p);
	EXPECT_INT(entries("one/store/objects"), 0);
	EXPECT_INT(system("git --git-dir=one/store/git fsck --strict > one/fsck 2>&1 &&"
			  "test \"$(git --git-dir=one/store/git cat-file blob " HELLO_BLOB ")\" = hello"), 0);
	p = at("one/store");
	EXPECT(store_has(p.s, &c));
	ok(store_get_bytes(p.s, &c.id, 6, &out, &err), &err);
	EXPECT_STR(out.buf, "hello\nhello\n");
	leave(&p);
}

/* What was put and not finished is lost with the process, harms nobody, and is put again. */
static void unfinished(void)
{
	struct place p = at("un/store"), q;
	struct content c;

	put("un/f", "hello\n");
	put("un/g", "and others\n");
	c = take(p.s, "un/f");
	q = at("un/store");
	EXPECT(!store_has(q.s, &c));
	take(q.s, "un/f"); /* both write a pack of their own */
	EXPECT_INT(store_sync(q.s, NULL), 0);
	leave(&p);
	EXPECT(store_has(q.s, &c));
	leave(&q);
	p = at("un/store");
	put("un/store/git/objects/pack/mlmake_tmp_1.1.1", "PACK");
	EXPECT(store_has(p.s, &c));
	take(p.s, "un/f");
	EXPECT(file_exists("un/store/git/objects/pack/mlmake_tmp_1.1.1"));
	take(p.s, "un/g"); /* a pack is begun, so others' are looked through */
	EXPECT(!file_exists("un/store/git/objects/pack/mlmake_tmp_1.1.1"));
	leave(&p);
}

/* The table may be lost, and git may have collected what it names. */
static void lost(void)
{
	struct place p = at("lo/store");
	struct err err = ERR_INIT;
	struct content c;

	put("lo/f", "hello\n");
	c = take(p.s, "lo/f");
	ok(store_sync(p.s, &err), &err);
	leave(&p);
	EXPECT_INT(file_remove_tree("lo/store/small", NULL), 0);
	p = at("lo/store");
	EXPECT(!store_has(p.s, &c));
	take(p.s, "lo/f");
	ok(store_sync(p.s, &err), &err);
	leave(&p);
	p = at("lo/store");
	EXPECT(store_has(p.s, &c));
	leave(&p);
	EXPECT_INT(system("rm -f lo/store/git/objects/pack/pack-*"), 0);
	p = at("lo/store");
	EXPECT(!store_has(p.s, &c));
	EXPECT(store_place(p.s, &c, "lo/out", NULL, &err) < 0 && err.code == ERR_NOTFOUND);
	take(p.s, "lo/f");
	EXPECT(store_has(p.s, &c));
	ok(store_place(p.s, &c, "lo/out", NULL, &err), &err);
	EXPECT(holds("lo/out", "hello\n"));
	err_release(&err);
	leave(&p);
}

static void make_tree(void)
{
	put("tree/a/run.sh", "#!/bin/sh\n");
	put("tree/a/back\\slash", "x");
	put("tree/a/b/c/deep", "deep\n");
	put("tree/same", "deep\n");
	put("tree/zero", "");
	EXPECT(chmod("tree/a/run.sh", 0755) == 0 && mkdir("tree/a/empty", 0777) == 0);
	EXPECT(symlink("../same", "tree/a/link") == 0 && symlink("no\nwhere\t\\", "tree/dangling") == 0);
}

static void round_trip(void)
{
	struct place p = at("rt/store"), q;
	struct err err = ERR_INIT;
	struct content c, placed, asked;
	struct statcache_counts counts;
	struct stat st;
	char target[64];

	make_tree();
	c = take(p.s, "tree");
	EXPECT(c.kind == CONTENT_DIR);
	EXPECT_INT(c.size, 10 + 1 + 5 + 5);
	EXPECT(store_has(p.s, &c));
	q = at("rt/none"); /* the cache's own opinion, of another cache */
	ok(statcache_content(q.cache, "tree", false, &asked, &err), &err);
	EXPECT(content_eq(&c, &asked) && asked.size == c.size);
	ok(store_place(p.s, &c, "rt/out/tree", NULL, &err), &err);
	ok(statcache_content(q.cache, "rt/out/tree", false, &placed, &err), &err);
	EXPECT(content_eq(&c, &placed) && placed.size == c.size);
	EXPECT(stat("rt/out/tree/a/run.sh", &st) == 0 && (st.st_mode & 0100));
	EXPECT(stat("rt/out/tree/a/empty", &st) == 0 && S_ISDIR(st.st_mode));
	EXPECT_INT(readlink("rt/out/tree/dangling", target, sizeof(target)), 10);
	EXPECT(holds("rt/out/tree/a/back\\slash", "x"));
	EXPECT_INT(entries("rt/out"), 1);
	EXPECT_INT(system("diff -r --no-dereference tree rt/out/tree"), 0);
	statcache_counts(p.cache, &counts);
	EXPECT_INT(counts.files_looked_at, 0);
	leave(&p);
	leave(&q);
}

/* What put saw need not be read again by who asks next. */
static void cache_learns(void)
{
	struct place p = at("cl/store");
	struct statcache_counts counts;
	struct err err = ERR_INIT;
	struct content c, asked;

	put("cl/in/f", "hello\n");
	c = take(p.s, "cl/in");
	ok(statcache_content(p.cache, "cl/in", false, &asked, &err), &err);
	EXPECT(content_eq(&c, &asked));
	ok(store_place(p.s, &c, "cl/out", NULL, &err), &err);
	ok(statcache_content(p.cache, "cl/out", false, &asked, &err), &err);
	EXPECT(content_eq(&c, &asked));
	statcache_counts(p.cache, &counts);
	EXPECT_INT(counts.files_looked_at, 0);
	leave(&p);
}

static void known_content(void)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	static char big[300000];
	struct place p = at("kn/store");
	struct err err = ERR_INIT;
	struct content c, f;

	put("kn/d/x/f", "one");
	put("kn/d/g", "two");
	EXPECT(symlink("g", "kn/d/l") == 0);
	ok(statcache_content(p.cache, "kn/d", false, &c, &err), &err);
	ok(store_put_known(p.s, "kn/d", &c, &err), &err);
	EXPECT(store_has(p.s, &c));
	ok(store_put_known(p.s, "kn/absent", &c, &err), &err); /* it is here: nothing is read */
	put("kn/f", "new");
	ok(statcache_content(p.cache, "kn/f", false, &f, &err), &err);
	put("kn/f", "newer");
	EXPECT(store_put_known(p.s, "kn/f", &f, &err) < 0 && err.code == ERR_MOVED);
	err_release(&err);
	EXPECT(!store_has(p.s, &f));
	memset(big, 'x', sizeof(big) - 1);
	put("kn/big", big);
	ok(statcache_content(p.cache, "kn/big", false, &f, &err), &err);
	big[sizeof(big) / 2] = 'y';
	put("kn/big", big);
	EXPECT(store_put_known(p.s, "kn/big", &f, &err) < 0 && err.code == ERR_MOVED);
	err_release(&err);
	EXPECT(!store_has(p.s, &f));
	ok(statcache_content(p.cache, "kn/big", false, &f, &err), &err);
	ok(store_put_known(p.s, "kn/big", &f, &err), &err);
	EXPECT(store_has(p.s, &f));
	ok(store_get_bytes(p.s, &f.id, sizeof(big), &bytes, &err), &err); /* verified */
	EXPECT_INT(entries("kn/store/incoming"), 0);
	put("kn/d/g", "too"); /* since it was asked for */
	EXPECT_INT(file_remove_tree("kn/store", NULL), 0);
	leave(&p);
	p = at("kn/store");
	EXPECT(store_put_known(p.s, "kn/d", &c, &err) < 0 && err.code == ERR_MOVED);
	err_release(&err);
	leave(&p);
}

static void links(void)
{
	struct place p = at("ln/store");
	struct err err = ERR_INIT;
	struct content c;
	char target[64] = "";

	put("ln/x", "");
	EXPECT(symlink("tar get", "ln/l") == 0);
	c = take(p.s, "ln/l");
	EXPECT(c.kind == CONTENT_LINK && c.size == 0);
	EXPECT(store_has(p.s, &c));
	ok(store_place(p.s, &c, "ln/m", NULL, &err), &err);
	EXPECT_INT(readlink("ln/m", target, sizeof(target) - 1), 7);
	EXPECT_STR(target, "tar get");
	leave(&p);
}

static void damage(const char *path, const char *text)
{
	EXPECT(chmod(path, 0644) == 0);
	put(path, text);
}

static void write_large(const char *path, size_t n)
{
	CLEANUP(freep) char *buf = xmalloc(n);
	size_t i;

	for (i = 0; i < n; i++)
		buf[i] = (char)(i * 2654435761u >> 13);
	EXPECT_INT(file_write(path, buf, n, 0755, false, NULL), 0);
}

#define LARGE ((size_t)3 << 20)

static char *object_file(const char *store, const struct content *c)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&c->id, hex);
	return xstrfmt("%s/objects/%.2s/%.2s/%s", store, hex, hex + 2, hex);
}

static void corrupt_files(void)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, bytes = STRBUF_INIT;
	CLEANUP(freep) char *file = NULL;
	CLEANUP(freep) char *moved = NULL;
	struct place p = at("co/store");
	struct err err = ERR_INIT;
	struct content c, d;
	struct stat st;

	write_large("co/d/f", LARGE);
	c = take(p.s, "co/d/f");
	d = take(p.s, "co/d");
	file = object_file("co/store", &c);
	moved = xstrfmt("co/store/corrupt/%s", strrchr(file, '/') + 1);
	EXPECT(stat(file, &st) == 0 && st.st_size == (off_t)LARGE && (st.st_mode & 07777) == 0444);
	EXPECT_INT(file_read(file, LARGE, &bytes, NULL), 0);
	bytes.buf[12345] ^= 1;
	EXPECT_INT(file_write(file, bytes.buf, bytes.len, 0444, false, NULL), 0); /* the size stands */
	EXPECT(store_has(p.s, &c));
	EXPECT(store_get_bytes(p.s, &c.id, LARGE, &out, &err) < 0 && err.code == ERR_CORRUPT);
	EXPECT_INT(out.len, 0);
	EXPECT(!store_has(p.s, &c) && !store_has(p.s, &d));
	EXPECT(file_exists(moved));
	take(p.s, "co/d/f"); /* heals it */
	EXPECT_INT(file_write(file, bytes.buf, bytes.len, 0444, false, NULL), 0);
	EXPECT(store_place(p.s, &d, "co/out", NULL, &err) < 0 && err.code == ERR_CORRUPT);
	EXPECT(!file_exists("co/out"));
	EXPECT_INT(entries("co"), 2);
	take(p.s, "co/d/f");
	damage(file, "hell"); /* size alone tells */
	EXPECT(!store_has(p.s, &c));
	c = take(p.s, "co/d/f");
	ok(store_place(p.s, &d, "co/out", NULL, &err), &err);
	err_release(&err);
	leave(&p);
}

static void flip_bit(const char *file, size_t at)
{
	int fd = open(file, O_RDWR);
	char c = 0;

	EXPECT(fd >= 0 && pread(fd, &c, 1, (off_t)at) == 1);
	c ^= 4;
	EXPECT(pwrite(fd, &c, 1, (off_t)at) == 1);
	close(fd);
}

/* What the cache remembers of an object spares work, and hides nothing. */
static void remembered_objects(void)
{
	static const unsigned char other[16] = {1};
	CLEANUP(freep) char *file = NULL;
	struct place p = at("rm/store");
	struct err err = ERR_INIT;
	struct content c;
	struct stat st;

	write_large("rm/f", 9 << 20);
	c = take(p.s, "rm/f");
	file = object_file("rm/store", &c);
	ok(store_place(p.s, &c, "rm/a", NULL, &err), &err);
	EXPECT(chmod(file, 0644) == 0);
	flip_bit(file, 5000000);
	EXPECT(store_place(p.s, &c, "rm/b", NULL, &err) < 0 && err.code == ERR_CORRUPT);
	EXPECT(!file_exists("rm/b") && !store_has(p.s, &c));
	take(p.s, "rm/f"); /* heals it */
	EXPECT(stat(file, &st) == 0);
	statcache_teach_path(p.cache, file, 0, &st, &c.id, other); /* is wrong, and no reason to call the object damaged */
	ok(store_place(p.s, &c, "rm/b", NULL, &err), &err);
	EXPECT_INT(system("cmp rm/f rm/a && cmp rm/f rm/b"), 0);
	EXPECT(store_has(p.s, &c));
	err_release(&err);
	leave(&p);
}

/* The name of the one pack in dir; owned. */
static char *the_pack(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char *found = NULL;

	while (d && (e = readdir(d)))
		if (!found && ends_with(e->d_name, ".pack"))
			found = xstrfmt("%s/%s", dir, e->d_name);
	if (d)
		closedir(d);
	return found;
}

/* Whichever byte of the pack that holds it is wrong, what is read is right or refused; what is refused can be put again. */
static void corrupt_blobs(void)
{
	CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT;
	CLEANUP(freep) char *pack = NULL;
	struct place p = at("cb/store");
	struct err err = ERR_INIT;
	struct content c, d;
	size_t i, refused = 0;

	put("cb/d/f", "hello\n");
	c = take(p.s, "cb/d/f");
	d = take(p.s, "cb/d");
	ok(store_sync(p.s, &err), &err);
	leave(&p);
	pack = the_pack("cb/store/git/objects/pack");
	EXPECT_INT(file_read(pack, 1 << 20, &bytes, NULL), 0);
	EXPECT_INT(rename("cb/store/small", "cb/small"), 0);
	for (i = 0; i < bytes.len; i++) {
		CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;

		bytes.buf[i] ^= 4;
		EXPECT_INT(file_write(pack, bytes.buf, bytes.len, 0444, false, NULL), 0);
		bytes.buf[i] ^= 4;
		EXPECT_INT(system("rm -rf cb/store/small cb/store/objects cb/out; cp -a cb/small cb/store/small"), 0);
		p = at("cb/store");
		if (store_place(p.s, &d, "cb/out", NULL, &err) < 0) {
			refused++;
			EXPECT(!file_exists("cb/out"));
			take(p.s, "cb/d");
			ok(store_place(p.s, &d, "cb/out", NULL, &err), &err);
			ok(store_sync(p.s, &err), &err);
			leave(&p);
			p = at("cb/store"); /* it is remembered that git's copy is of no use */
		}
		EXPECT(holds("cb/out/f", "hello\n"));
		ok(store_get_bytes(p.s, &c.id, 6, &out, &err), &err);
		EXPECT_STR(out.buf, "hello\n");
		err_release(&err);
		leave(&p);
	}
	EXPECT(refused > bytes.len / 3);
	EXPECT_INT(entries("cb"), 4);
}

/* A manifest that hashes right and says what none may say. */
static void hostile_manifests(void)
{
	static const char *const bad[] = {
		"#mlmake directory 1\n" HELLO "  ../escaped\n",
		"#mlmake directory 1\n" HELLO "  /etc/escaped\n",
		"#mlmake directory 1\n" HELLO "  .git\n",
		"#mlmake directory 1\n#link  a\t/etc\n" HELLO "  a\n",
		"something else\n",
	};
	struct place p = at("hm/store");
	size_t i;

	put("hm/f", "hello\n");
	take(p.s, "hm/f");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct content c = {.kind = CONTENT_DIR, .size = 6};
		struct err err = ERR_INIT;

		EXPECT_INT(store_put_bytes(p.s, bad[i], strlen(bad[i]), &c.id, NULL), 0);
		EXPECT(!store_has(p.s, &c));
		EXPECT(store_place(p.s, &c, "hm/out", NULL, &err) < 0 && err.code == ERR_PARSE);
		EXPECT(!file_exists("hm/out") && !file_exists("hm/escaped") && !file_exists("escaped"));
		err_release(&err);
	}
	EXPECT_INT(entries("hm"), 2);
	leave(&p);
}

static void refused(void)
{
	struct place p = at("rf/store");
	struct err err = ERR_INIT;
	struct content c;

	EXPECT(store_put(p.s, "rf/absent", &c, &err) < 0 && err.code == ERR_NOTFOUND);
	put("rf/d/f", "");
	EXPECT(mkfifo("rf/d/fifo", 0600) == 0);
	EXPECT(store_put(p.s, "rf/d/fifo", &c, &err) < 0 && err.code == ERR_INVALID);
	EXPECT(store_put(p.s, "rf/d", &c, &err) < 0 && err.code == ERR_INVALID);
	EXPECT(unlink("rf/d/fifo") == 0);
	put("rf/d/a\tb", "");
	EXPECT(store_put(p.s, "rf/d", &c, &err) < 0 && err.code == ERR_INVALID);
	err_release(&err);
	leave(&p);
}

static void large_files(void)
{
	static const size_t sizes[] = {1000, 131071, 131072, 131073, 262144, 9 << 20, (9 << 20) + 12345, 8 << 20};
	struct place p = at("lg/store"), q = at("lg/none");
	struct err err = ERR_INIT;
	struct content c, asked;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		write_large("lg/f", sizes[i]);
		c = take(p.s, "lg/f");
		EXPECT_INT(c.size, (intmax_t)sizes[i]);
		ok(statcache_content(q.cache, "lg/f", false, &asked, &err), &err);
		EXPECT(c.kind == CONTENT_EXEC && content_eq(&c, &asked));
		ok(store_place(p.s, &c, "lg/g", NULL, &err), &err);
		EXPECT_INT(system("cmp lg/f lg/g"), 0);
		EXPECT(unlink("lg/g") == 0);
	}
	EXPECT_INT(entries("lg/store/incoming"), 0);
	leave(&p);
	leave(&q);
}

/* As on a full disk: writes stop in the middle. */
static void no_room(void)
{
	int status = 1;
	pid_t child;

	write_large("nr/small", 60000);
	write_large("nr/large", 9 << 20);
	child = fork();
	if (child == 0) {
		struct place p = at("nr/store");
		struct err err = ERR_INIT;
		struct content c;
		int failures = 0;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){50000, 50000});
		failures += store_put(p.s, "nr/small", &c, &err) == 0; /* it waits in memory, */
		failures += store_sync(p.s, &err) < 0 && err.code == ERR_IO && err.msg;
		failures += !store_has(p.s, &c);                       /* and is not believed to be there when it could not be written */
		failures += store_put(p.s, "nr/large", &c, &err) < 0 && err.code == ERR_IO && err.msg;
		failures += store_sync(p.s, &err) == 0;
		leave(&p);
		err_release(&err);
		_exit(failures == 5 ? 0 : 1);
	}
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT_INT(status, 0);
	EXPECT_INT(entries("nr/store/incoming"), 0);
	EXPECT_INT(entries("nr/store/objects"), 0);
	EXPECT_INT(entries("nr/store/git/objects/pack"), 0);
}

/* Who wants what is digested, and what he does to the file when he is asked. */
struct wanting {
	const char *path; /* of what is wanted, or of the directory that it lies in */
	int asked;        /* changed atomically */
	int appends;      /* so many times a byte is appended first */
};

static bool wants(void *ctx, const char *path)
{
	struct wanting *w = ctx;
	FILE *f;

	__atomic_add_fetch(&w->asked, 1, __ATOMIC_RELAXED);
	if (w->appends && w->appends--)
		EXPECT((f = fopen(path, "a")) && fputc('x', f) == 'x' && fclose(f) == 0);
	return strncmp(path, w->path, strlen(w->path)) == 0;
}

/* Does the store hold what is at path in a file of its own, in which nothing else is? */
static bool has_object(struct store *s, const char *store, const char *path)
{
	struct place fresh = at("td/fresh");
	struct content c = {.kind = CONTENT_NONE};
	CLEANUP(freep) char *object = NULL, *cmd = NULL;
	struct err err = ERR_INIT;

	ok(statcache_content(fresh.cache, path, false, &c, &err), &err);
	leave(&fresh);
	object = object_file(store, &c);
	cmd = xstrfmt("cmp -s %s %s", path, object);
	return store_has(s, &c) && system(cmd) == 0;
}

static void taken_while_digested(void)
{
	struct wanting w = {.path = "td/d"};
	struct place p = at("td/store");
	struct statcache_counts counts;
	struct err err = ERR_INIT;
	struct content c;

	write_large("td/d/large", 9 << 20);
	write_large("td/d/same", 9 << 20);
	write_large("td/d/small", 3 << 20);
	write_large("td/other", 10 << 20);
	store_take_digested(p.s, wants, &w);
	ok(statcache_content(p.cache, "td/other", false, &c, &err), &err);
	EXPECT(!store_has(p.s, &c) && w.asked == 1);
	ok(statcache_content(p.cache, "td/d", false, &c, &err), &err);
	EXPECT_INT(w.asked, 3);
	EXPECT(has_object(p.s, "td/store", "td/d/large") && !has_object(p.s, "td/store", "td/d/small"));
	EXPECT_INT(entries("td/store/objects"), 1);
	EXPECT_INT(entries("td/store/incoming"), 0);
	store_take_digested(p.s, NULL, NULL);
	write_large("td/d/late", 11 << 20);
	EXPECT(!has_object(p.s, "td/store", "td/d/late"));

	/* What is in the store is not read again. */
	statcache_counts(p.cache, &counts);
	EXPECT_INT(counts.bytes_hashed, (9 + 9 + 3 + 10) << 20);
	ok(statcache_content(p.cache, "td/d/large", false, &c, &err), &err);
	EXPECT_INT(unlink("td/d/large"), 0);
	ok(store_put_input(p.s, "td/d/large", &c, &err), &err);
	ok(store_sync(p.s, &err), &err);
	leave(&p);
}

static void taken_while_it_moves(void)
{
	struct wanting w = {.path = "tm/", .appends = 1};
	struct place p = at("tm/store");
	struct err err = ERR_INIT;
	struct content c;

	write_large("tm/once", 9 << 20);
	write_large("tm/always", 9 << 20);
	store_take_digested(p.s, wants, &w);
	ok(statcache_content(p.cache, "tm/once", false, &c, &err), &err);
	EXPECT(c.size == (9 << 20) + 1 && has_object(p.s, "tm/store", "tm/once"));
	EXPECT_INT(w.asked, 2);
	w.appends = 100;
	EXPECT(statcache_content(p.cache, "tm/always", false, &c, &err) < 0 && err.code == ERR_MOVED);
	err_release(&err);
	EXPECT_INT(entries("tm/store/objects"), 1);
	EXPECT_INT(entries("tm/store/incoming"), 0);
	leave(&p);
}

/* It is digested all the same. */
static void no_room_while_digested(void)
{
	int status = 1;
	pid_t child;

	write_large("nd/large", 9 << 20);
	child = fork();
	if (child == 0) {
		struct wanting w = {.path = "nd/large"};
		struct place p = at("nd/store");
		struct err err = ERR_INIT;
		struct content c;
		int failures = 0;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){5 << 20, 5 << 20});
		store_take_digested(p.s, wants, &w);
		failures += statcache_content(p.cache, "nd/large", false, &c, &err) < 0;
		failures += c.size != 9 << 20 || w.asked != 1 || store_has(p.s, &c);
		failures += entries("nd/store/incoming") != 0;
		failures += store_put_input(p.s, "nd/large", &c, &err) == 0 || err.code != ERR_IO;
		err_release(&err);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
		leave(&p);
		_exit(failures);
	}
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT_INT(status, 0);
	EXPECT_INT(entries("nd/store/objects"), 0);
	EXPECT_INT(entries("nd/store/incoming"), 0);
}

/* Files that would fit one by one: all together they leave half of what is free. */
static void room_for_several(void)
{
	struct wanting w = {.path = "rs/"};
	struct place p = at("rs/store");
	const struct statcache_taker *t = &p.s->taker;
	struct statvfs v;
	void *one, *two;
	int64_t third;
	int fd;

	write_large("rs/f", 9 << 20);
	fd = open("rs/f", O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && statvfs("rs", &v) == 0);
	third = (int64_t)(v.f_bavail * v.f_frsize / 3);
	store_take_digested(p.s, wants, &w);
	one = t->begin(t->ctx, "rs/f", fd, third);
	two = t->begin(t->ctx, "rs/f", fd, third);
	EXPECT(!two);
	if (one) { /* where files are not cloned */
		t->end(one, NULL);
		two = t->begin(t->ctx, "rs/f", fd, third);
		EXPECT(two);
		t->end(two, NULL);
	}
	EXPECT_INT(entries("rs/store/incoming"), 0);
	closep(&fd);
	leave(&p);
}

/* A file as long as one of an earlier run is read as ever: mostly it is that one under another name. */
static void moved_since_the_last_run(void)
{
	struct wanting w = {.path = "ms/"};
	struct gitdb *db = gitdb_new("ms/git");
	struct statcache *cache;
	struct err err = ERR_INIT;
	struct store *s;
	struct content c;

	EXPECT_INT(mkdir("ms", 0777), 0);
	write_large("ms/first", 9 << 20);
	ahead = 10 * SECOND;
	cache = statcache_open("ms/cache", secret, &test_clock);
	EXPECT(!statcache_knew_size(cache, 9 << 20));
	ok(statcache_content(cache, "ms/first", false, &c, &err), &err);
	ok(statcache_save(cache, &err), &err);
	statcache_free(cache);
	EXPECT_INT(rename("ms/first", "ms/second"), 0);
	write_large("ms/longer", (9 << 20) + 1);
	cache = statcache_open("ms/cache", secret, &test_clock);
	EXPECT(statcache_knew_size(cache, 9 << 20));
	s = store_new("ms/store", db, cache);
	store_take_digested(s, wants, &w);
	ok(statcache_content(cache, "ms/second", false, &c, &err), &err);
	EXPECT_INT(w.asked, 1); /* before all that the cache knows is gone through */
	EXPECT(!store_has(s, &c));
	ok(statcache_content(cache, "ms/longer", false, &c, &err), &err);
	EXPECT_INT(w.asked, 2);
	EXPECT_INT(entries("ms/store/objects"), 1);
	store_free(s);
	gitdb_free(db);
	statcache_free(cache);
}

static void other_file_system(void)
{
	char dir[] = "/dev/shm/mlmake-unit-XXXXXX";
	struct place p = at("of/store");
	struct err err = ERR_INIT;
	struct content c, d;
	char path[64];

	if (!mkdtemp(dir)) {
		leave(&p);
		return;
	}
	snprintf(path, sizeof(path), "%s/out/tree", dir);
	c = take(p.s, "tree");
	ok(store_place(p.s, &c, path, NULL, &err), &err);
	d = take(p.s, path);
	EXPECT(content_eq(&c, &d));
	EXPECT_INT(file_remove_tree(dir, NULL), 0);
	leave(&p);
}

static void leftovers(void)
{
	struct place p = at("ol/store");
	int fd;

	put("ol/store/incoming/held", "x");
	put("ol/store/incoming/left", "x");
	fd = file_lock("ol/store/incoming/held", true, false, NULL);
	EXPECT(fd >= 0);
	write_large("ol/f", LARGE);
	take(p.s, "ol/f");
	EXPECT(file_exists("ol/store/incoming/held")); /* somebody writes it */
	EXPECT(!file_exists("ol/store/incoming/left"));
	closep(&fd);
	leave(&p);
}

static void placing_killed(void)
{
	struct place p = at("pk/store");

	put("pk/f", "hello\n");
	put("pk/.f.mlmake-tmp.12.1/half", "x");
	put("pk/.g.mlmake-tmp.12.1", "another's");
	EXPECT_INT(store_place_sweep("pk/f", NULL), 0);
	EXPECT(!file_exists("pk/.f.mlmake-tmp.12.1"));
	EXPECT(file_exists("pk/.g.mlmake-tmp.12.1"));
	EXPECT(file_exists("pk/f"));
	EXPECT_INT(store_place_sweep("pk/no/such/dir", NULL), 0);
	leave(&p);
}

struct job {
	struct store *s;
	struct err err;
	int failed;
};

static void *putter(void *arg)
{
	struct job *j = arg;
	struct content c, d;
	char name[64];
	int i;

	for (i = 0; i < 30 && !j->failed; i++) {
		j->failed = store_put(j->s, "tree", &c, &j->err);
		snprintf(name, sizeof(name), "th/%p.%d", (void *)j, i);
		if (!j->failed)
			j->failed = store_place(j->s, &c, name, NULL, &j->err);
		if (!j->failed)
			j->failed = store_put(j->s, name, &d, &j->err);
		if (!j->failed && !content_eq(&c, &d))
			j->failed = err_set(&j->err, ERR_CORRUPT, "not the same");
	}
	return NULL;
}

static void from_many_threads(void)
{
	struct place p = at("th/store");
	struct job jobs[8];
	pthread_t t[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		jobs[i] = (struct job){p.s, ERR_INIT, 0};
		EXPECT(pthread_create(&t[i], NULL, putter, &jobs[i]) == 0);
	}
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		pthread_join(t[i], NULL);
		ok(jobs[i].failed, &jobs[i].err);
	}
	EXPECT_INT(entries("th/store/incoming"), 0);
	leave(&p);
}

/* Each with a pack of its own, into one repository and one table; what all of them put is there once it is synced. */
static void from_many_processes(void)
{
	struct place p;
	struct content c;
	pid_t child[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(child); i++) {
		child[i] = fork();
		if (child[i] == 0) {
			CLEANUP(freep) char *own = xstrfmt("mp/own%zu", i);
			struct err err = ERR_INIT;
			int failed = 0, round;

			p = at("mp/store");
			for (round = 0; round < 5 && !failed; round++) {
				CLEANUP(freep) char *text = xstrfmt("%zu %d\n", i, round);

				failed = file_write(own, text, strlen(text), 0644, false, &err) < 0 ||
					 store_put(p.s, own, &c, &err) < 0 || store_put(p.s, "tree", &c, &err) < 0 ||
					 store_sync(p.s, &err) < 0 || !store_has(p.s, &c);
			}
			if (failed)
				printf("# process %zu: %s\n", i, err.msg ? err.msg : "what was put is not there");
			fflush(stdout);
			_exit(failed);
		}
	}
	for (i = 0; i < ARRAY_SIZE(child); i++) {
		int status = 1;

		EXPECT(waitpid(child[i], &status, 0) == child[i] && status == 0);
	}
	p = at("mp/store");
	c = (struct content){.kind = CONTENT_FILE, .size = 4};
	for (i = 0; i < ARRAY_SIZE(child) * 5; i++) {
		CLEANUP(freep) char *text = xstrfmt("%zu %zu\n", i / 5, i % 5);

		digest_bytes(text, strlen(text), &c.id);
		EXPECT(store_has(p.s, &c));
	}
	EXPECT_INT(system("git --git-dir=mp/store/git fsck --strict > mp/fsck 2>&1"), 0);
	leave(&p);
}

/* A directory that is cut into parts. */
static bool is_linked(const char *name)
{
	CLEANUP(freep) char *new = xstrfmt("ev/d/%s", name);
	CLEANUP(freep) char *old = xstrfmt("ev/aside/%s", name);
	struct stat a, b;

	EXPECT(stat(new, &a) == 0 && stat(old, &b) == 0);
	return a.st_ino == b.st_ino;
}

/* What an earlier version has in common is linked to it; all else is written. */
static void earlier_version(void)
{
	struct place p = at("ev/store");
	struct err err = ERR_INIT;
	struct content c, now;

	put("ev/d/same", "same");
	put("ev/d/sub/same", "same");
	put("ev/d/other", "this");
	put("ev/d/linked", "linked");
	put("ev/d/exec", "exec");
	put("ev/d/moved", "this");
	c = take(p.s, "ev/d");
	put("ev/d/other", "that");
	put("ev/d/more", "more");
	EXPECT(link("ev/d/linked", "ev/name") == 0 && chmod("ev/d/exec", 0755) == 0);
	ok(statcache_content(p.cache, "ev/d", false, &now, &err), &err);
	put("ev/d/moved", "that"); /* after the look */
	EXPECT(rename("ev/d", "ev/aside") == 0);
	ok(store_place(p.s, &c, "ev/d", "ev/aside", &err), &err);
	EXPECT(is_linked("same") && is_linked("sub/same"));
	EXPECT(!is_linked("other") && !is_linked("linked") && !is_linked("exec") && !is_linked("moved"));
	ok(file_remove_tree("ev/aside", &err), &err);
	ok(statcache_content(p.cache, "ev/d", false, &now, &err), &err);
	EXPECT(content_eq(&now, &c));
	leave(&p);
}

static void many_small(void)
{
	struct place p = at("ms/store"), q = at("ms/none");
	struct err err = ERR_INIT;
	struct content c, d, e, asked;
	char name[32], text[32];
	int i;

	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "ms/d/%d", i);
		snprintf(text, sizeof(text), "%d\n", i);
		put(name, text);
	}
	c = take(p.s, "ms/d");
	ok(statcache_content(q.cache, "ms/d", false, &asked, &err), &err);
	EXPECT(content_eq(&c, &asked));
	put("ms/d/7", "seven\n");
	d = take(p.s, "ms/d");
	EXPECT(!content_eq(&c, &d) && store_has(p.s, &c) && store_has(p.s, &d));
	ok(store_place(p.s, &d, "ms/out", NULL, &err), &err);
	EXPECT_INT(system("diff -r ms/d ms/out"), 0);
	ok(store_find(p.s, &d, "7", &e, &err), &err);
	ok(statcache_content(q.cache, "ms/d/7", false, &asked, &err), &err);
	EXPECT(content_eq(&e, &asked));
	EXPECT(store_find(p.s, &d, "5000", &e, &err) < 0 && err.code == ERR_NOTFOUND);
	err_release(&err);
	leave(&p);
	leave(&q);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"one file", one_file},
		{"a tree goes in and comes out", round_trip},
		{"the cache learns", cache_learns},
		{"known content", known_content},
		{"links", links},
		{"what is not finished is not lost for good", unfinished},
		{"from many processes", from_many_processes},
		{"the table is lost, or git's objects", lost},
		{"damaged files", corrupt_files},
		{"remembered objects", remembered_objects},
		{"an earlier version", earlier_version},
		{"damaged blobs", corrupt_blobs},
		{"hostile manifests", hostile_manifests},
		{"what cannot be taken in", refused},
		{"large files", large_files},
		{"no room", no_room},
		{"taken in while it is digested", taken_while_digested},
		{"taken in while it is digested and written to", taken_while_it_moves},
		{"no room while it is digested", no_room_while_digested},
		{"room for several while they are digested", room_for_several},
		{"a file as long as one that was there is not taken", moved_since_the_last_run},
		{"another file system", other_file_system},
		{"what kills left in incoming/ goes, what is locked stays", leftovers},
		{"what a killed restore left beside its path goes", placing_killed},
		{"many threads", from_many_threads},
		{"many small files", many_small},
	};

	return tap_run("store", tests, ARRAY_SIZE(tests));
}
