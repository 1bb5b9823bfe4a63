/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Expected digests come from coreutils: printf TEXT | sha256sum. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "digest/digestset.h"
#include "digest/entry.h"
#include "digest/manifest.h"
#include "digest/reading.h"
#include "digest/statcache.h"
#include "digest/table.h"
#include "tap.h"
#include "util/file.h"
#include "util/relay.h"

#define SECOND INT64_C(1000000000)
#define HELLO "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" /* "hello\n" */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static unsigned char secret[STATCACHE_SECRET] = "any bytes will do for tests";

/* A clock some time ahead of the real one: files look old at once, or stay young. */
static int64_t ahead;
static int64_t shifted(void *ctx)
{
	(void)ctx;
	return clock_now(&clock_system) + ahead;
}
static const struct clock test_clock = {shifted, shifted, NULL};

static void put(const char *path, const char *text)
{
	if (file_write(path, text, strlen(text), 0644, false, NULL) < 0)
		EXPECT(!"file_write");
}

/* In place: same inode. */
static void rewrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const char *hex(const struct digest *d)
{
	static char buf[DIGEST_HEX + 1];

	digest_hex(d, buf);
	return buf;
}

static struct content ask_as(struct statcache *sc, const char *path, bool follow)
{
	struct content c = {.kind = CONTENT_NONE};
	struct err err = ERR_INIT;

	if (statcache_content(sc, path, follow, &c, &err) < 0)
		tap_check(false, __FILE__, __LINE__, "%s: %s", path, err.msg);
	err_release(&err);
	return c;
}

static struct content ask(struct statcache *sc, const char *path)
{
	return ask_as(sc, path, false);
}

static void expect_text(const struct content *c, const char *text)
{
	struct digest d;

	digest_bytes(text, strlen(text), &d);
	EXPECT(c->kind == CONTENT_FILE);
	EXPECT_INT(c->size, (intmax_t)strlen(text));
	EXPECT(digest_eq(&c->id, &d));
}

static uint64_t files_read(struct statcache *sc)
{
	struct statcache_counts n;

	statcache_counts(sc, &n);
	return n.files_looked_at;
}

static struct statcache *fresh(void)
{
	ahead = 10 * SECOND;
	return statcache_open(NULL, secret, &test_clock);
}

/* By the real clock: nothing is believed too early. */
static struct statcache *real(void)
{
	ahead = 0;
	return statcache_open(NULL, secret, &test_clock);
}

static void known_digests(void)
{
	struct digest d;

	digest_bytes("hello\n", 6, &d);
	EXPECT_STR(hex(&d), HELLO);
	digest_bytes("", 0, &d);
	EXPECT_STR(hex(&d), EMPTY);
}

static void letters(void)
{
	static const char all[] = "-fxdl";
	enum content_kind kind;
	size_t i;

	for (i = 0; i < 5; i++) {
		EXPECT(content_of_letter(all[i], &kind));
		EXPECT_INT(content_letter(kind), all[i]);
	}
	EXPECT(!content_of_letter('q', &kind));
	EXPECT(!content_of_letter('\0', &kind));
}

static void add(struct manifest *m, enum content_kind kind, const char *name, const char *target)
{
	struct digest d;

	digest_bytes(target ? target : "hello\n", target ? strlen(target) : 6, &d);
	manifest_add(m, kind, xstrdup(name), target ? xstrdup(target) : NULL, &d);
}

static void manifest_text(void)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT, again = MANIFEST_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, out2 = STRBUF_INIT;

	add(&m, CONTENT_FILE, "z\\w", NULL);
	add(&m, CONTENT_EXEC, "run", NULL);
	add(&m, CONTENT_DIR, "sub", NULL);
	add(&m, CONTENT_LINK, "link", "a\tb\n\\c");
	manifest_sort(&m);
	manifest_write(&m, &out);
	EXPECT_STR(out.buf, "#mlmake directory 1\n"
			    "#dir " HELLO "  sub\n"
			    "#exec  run\n"
			    "#link  link\ta\\tb\\n\\\\c\n" HELLO "  run\n"
			    "\\" HELLO "  z\\\\w\n");
	EXPECT_INT(manifest_parse(&again, out.buf, out.len, NULL), 0);
	EXPECT_INT(again.n, 4);
	if (again.n == 4) {
		EXPECT_STR(again.v[0].target, "a\tb\n\\c");
		EXPECT(again.v[1].kind == CONTENT_EXEC);
	}
	manifest_write(&again, &out2);
	EXPECT_STR(out2.buf, out.buf);
}

static void manifest_hostile(void)
{
	static const char *const bad[] = {
		"", "#mlmake directory 2\n", "#mlmake directory 1",
		"#mlmake directory 1\n" HELLO "  a", /* no newline */
		"#mlmake directory 1\n" HELLO "  b\n" HELLO "  a\n",
		"#mlmake directory 1\n" HELLO "  a\n" HELLO "  a\n",
		"#mlmake directory 1\n#dir " HELLO "  a\n" HELLO "  a\n",
		"#mlmake directory 1\n" HELLO "  ../a\n",
		"#mlmake directory 1\n" HELLO "  ..\n",
		"#mlmake directory 1\n" HELLO "  .git\n",
		"#mlmake directory 1\n#dir " HELLO "  .GIT. \n",
		"#mlmake directory 1\n" HELLO "  a/b\n",
		"#mlmake directory 1\n" HELLO " *a\n",
		"#mlmake directory 1\n" HELLO "  \n",
		"#mlmake directory 1\n\\" HELLO "  a\n", /* escaped without need */
		"#mlmake directory 1\n" HELLO "  a\\b\n",
		"#mlmake directory 1\n#exec  a\n",
		"#mlmake directory 1\n#exec  a\n#dir " HELLO "  a\n",
		"#mlmake directory 1\n#link  a\t\n",
		"#mlmake directory 1\n#link  a\n",
		"#mlmake directory 1\n#link  a\tb\\x\n",
		"#mlmake directory 1\n#link  a\tb\\x41\n",
		"#mlmake directory 1\n" HELLO "  a\n#dir " HELLO "  b\n",
		"#mlmake directory 1\n\n",
		"#mlmake directory 1\n#part " HELLO "  3\n" HELLO "  a\n",
		"#mlmake directory 1\n#part " HELLO "  3\n#exec  a\n" HELLO "  a\n",
		"#mlmake directory 1\n#dir " HELLO "  4\n#part " HELLO "  3\n",
		"#mlmake directory 1\n#part " HELLO "  3\n#dir " HELLO "  4\n",
		"#mlmake directory 1\n#part " HELLO "  3\n#link  a\tb\n",
		"#mlmake directory 1\n#part " HELLO "  3\n#part " HELLO "  3\n",
		"#mlmake directory 1\n#part " HELLO "  4\n#part " HELLO "  3\n",
		"#mlmake directory 1\n#part " HELLO "  g\n",
		"#mlmake directory 1\n#part " HELLO "  12\n",
		"#mlmake directory 1\n#part " HELLO "  \n",
		"#mlmake directory 1\n" "5891B5B522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" "  a\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct manifest m;
		struct err err = ERR_INIT;

		tap_check(manifest_parse(&m, bad[i], strlen(bad[i]), &err) < 0 && err.code == ERR_PARSE, __FILE__,
			  __LINE__, "accepted: %s", bad[i]);
		err_release(&err);
		manifest_release(&m);
	}
	EXPECT(manifest_name_refusal("a\nb"));
	EXPECT(manifest_name_refusal("GIT~1"));
	EXPECT(!manifest_name_refusal(".gitignore"));
}

/* The texts of directories, kept in memory by their ids. */
struct shelf {
	struct {
		struct digest id;
		char *text;
		size_t n;
	} v[8192];
	size_t n, bytes, fetched;
};

static int shelve(void *ctx, const struct digest *id, const char *text, size_t n)
{
	struct shelf *s = ctx;
	size_t i;

	for (i = 0; i < s->n; i++)
		if (digest_eq(&s->v[i].id, id))
			return 0;
	s->v[s->n].id = *id;
	s->v[s->n].text = xstrndup(text, n);
	s->v[s->n++].n = n;
	s->bytes += n;
	return 0;
}

static int fetch(void *ctx, const struct digest *id, struct strbuf *out, struct err *err)
{
	struct shelf *s = ctx;
	size_t i;

	s->fetched++;
	for (i = 0; i < s->n; i++)
		if (digest_eq(&s->v[i].id, id)) {
			strbuf_add(out, s->v[i].text, s->v[i].n);
			return 0;
		}
	return err_set(err, ERR_NOTFOUND, "no such text");
}

static void shelf_free(struct shelf *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->v[i].text);
	free(s);
}

static void add_numbered(struct manifest *m, int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		CLEANUP(freep) char *name = xstrfmt("%05d", i);

		add(m, i % 7 ? CONTENT_FILE : CONTENT_EXEC, name, NULL);
	}
	manifest_sort(m);
}

static bool same_entries(const struct manifest *a, const struct manifest *b)
{
	size_t i;

	for (i = 0; a->n == b->n && i < a->n; i++)
		if (!streq(a->v[i].name, b->v[i].name) || a->v[i].kind != b->v[i].kind ||
		    !digest_eq(&a->v[i].id, &b->v[i].id))
			return false;
	return a->n == b->n;
}

static void manifest_parts(void)
{
	static const int sizes[] = {0, 1, 255, 256, 257, 1000, 5000, 20000};
	size_t s;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT, again = MANIFEST_INIT;
		struct shelf *shelf = xcalloc(1, sizeof(*shelf));
		struct digest id, other;
		size_t before;

		add_numbered(&m, 0, sizes[s]);
		EXPECT_INT(manifest_emit(&m, 1, shelve, shelf, &id), 0);
		manifest_id(&m, &other);
		EXPECT(digest_eq(&id, &other) && digest_eq(&id, &shelf->v[shelf->n - 1].id));
		EXPECT((shelf->n == 1) == (sizes[s] <= 256));
		EXPECT_INT(manifest_load(&again, &id, fetch, shelf, NULL), 0);
		EXPECT(same_entries(&m, &again));
		before = shelf->bytes;
		if (m.n > 7) { /* one file changes */
			m.v[7].id.b[0]++;
			EXPECT_INT(manifest_emit(&m, 1, shelve, shelf, &id), 0);
			EXPECT(shelf->bytes - before < 27000);
			before = shelf->bytes;
		}
		add_numbered(&m, 20000, 20001); /* one comes */
		EXPECT_INT(manifest_emit(&m, 1, shelve, shelf, &id), 0);
		if (sizes[s] != 256)
			EXPECT(shelf->bytes - before < 27000);
		shelf_free(shelf);
	}
}

/* The digit is that of `printf %s NAME | sha256sum`; the ids are what sha256sum says of the texts. */
static void part_by_hand(void)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	struct shelf *shelf = xcalloc(1, sizeof(*shelf));
	struct digest id;
	size_t i;

	EXPECT_INT(manifest_digit("hello\n", 0), '5');
	EXPECT_INT(manifest_digit("hello\n", 1), '8');
	EXPECT_INT(manifest_digit("hello\n", 15), '8');
	add_numbered(&m, 0, 300);
	EXPECT_INT(manifest_emit(&m, 1, shelve, shelf, &id), 0);
	EXPECT_INT(shelf->n, 17);
	for (i = 0; i < 17; i++) {
		CLEANUP(freep) char *name = xstrfmt("bh/%zu", i);

		put(name, shelf->v[i].text);
	}
	EXPECT_INT(system("cd bh && for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do d=$(printf %x $i);"
			  "s=$(sha256sum < $i); grep -q \"^#part ${s%% *}  $d$\" 16 || exit 1;"
			  "for n in $(sed -n 's/^[0-9a-f]*  //p' $i); do case $(printf %s $n | sha256sum) in $d*) ;; *) exit 1 ;; esac; done;"
			  "done; test $(cat ? 1[0-5] | grep -c '^[0-9a-f]') = 300"), 0);
	shelf_free(shelf);
}

static void refuse_texts(struct shelf *s, const char *const *texts, size_t n, const char *why)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		struct digest id;

		digest_bytes(texts[i], strlen(texts[i]), &id);
		shelve(s, &id, texts[i], strlen(texts[i]));
	}
	s->fetched = 0;
	EXPECT(manifest_load(&m, &s->v[s->n - 1].id, fetch, s, &err) < 0 && err.code == ERR_PARSE && m.n == 0);
	tap_check(strstr(err.msg, why) != NULL, __FILE__, __LINE__, "%s", err.msg);
	EXPECT(s->fetched < 40);
	err_release(&err);
}

static const char *list_of(const struct digest *id, const char *digits)
{
	static char out[2048];
	size_t used = (size_t)snprintf(out, sizeof(out), MANIFEST_LINE1);

	for (; *digits; digits++)
		used += (size_t)snprintf(out + used, sizeof(out) - used, "#part %s  %c\n", hex(id), *digits);
	return out;
}

/* Texts that are well-formed each and do not belong together. */
static void hostile_parts(void)
{
	struct shelf *shelf = xcalloc(1, sizeof(*shelf));
	const char *text = MANIFEST_LINE1 HELLO "  a\n"; /* 'a' has ca97... */
	struct digest id;
	int i;

	digest_bytes(text, strlen(text), &id);
	refuse_texts(shelf, (const char *[]){text, list_of(&id, "c")}, 2, "so few");
	refuse_texts(shelf, (const char *[]){list_of(&id, "b")}, 1, "wrong one");
	refuse_texts(shelf, (const char *[]){list_of(&id, "cd")}, 1, "wrong one");
	text = MANIFEST_LINE1;
	digest_bytes(text, strlen(text), &id);
	refuse_texts(shelf, (const char *[]){text, list_of(&id, "0123456789abcdef")}, 2, "no entries");
	for (i = 0; i < 30; i++) { /* 16 ways on each of 30 levels, all to one text */
		id = shelf->v[shelf->n - 1].id;
		refuse_texts(shelf, (const char *[]){list_of(&id, "0123456789abcdef")}, 1, i < 15 ? "no entries" : "too many levels");
	}
	shelf_free(shelf);
}

/* More entries than one text takes, in one text. */
static void uncut(void)
{
	CLEANUP(manifest_release) struct manifest m = MANIFEST_INIT, again = MANIFEST_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct shelf *shelf = xcalloc(1, sizeof(*shelf));

	add_numbered(&m, 0, 257);
	manifest_write(&m, &text);
	refuse_texts(shelf, (const char *[]){text.buf}, 1, "too many entries");
	shelf_free(shelf);
}

static void secret_once(void)
{
	unsigned char a[STATCACHE_SECRET], b[STATCACHE_SECRET];
	struct err err = ERR_INIT;
	struct stat st;
	pid_t child[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(child); i++) /* all of them race */
		if ((child[i] = fork()) == 0)
			_exit(statcache_secret("s/secret", a, NULL) < 0);
	for (i = 0; i < ARRAY_SIZE(child); i++) {
		int status = 1;

		EXPECT(waitpid(child[i], &status, 0) == child[i] && status == 0);
	}
	EXPECT_INT(statcache_secret("s/secret", a, NULL), 0);
	EXPECT_INT(statcache_secret("s/secret", b, NULL), 0);
	EXPECT(memcmp(a, b, sizeof(a)) == 0);
	EXPECT(stat("s/secret", &st) == 0 && (st.st_mode & 07777) == 0600);
	EXPECT_INT(st.st_nlink, 1);
	EXPECT_INT(truncate("s/secret", 100), 0);
	EXPECT_INT(statcache_secret("s/secret", b, &err), -1);
	EXPECT_INT(err.code, ERR_CORRUPT);
	err_release(&err);
}

static void kinds(void)
{
	struct statcache *sc = fresh();
	struct content c;
	struct err err = ERR_INIT;

	EXPECT(ask(sc, "absent").kind == CONTENT_NONE);
	EXPECT(ask(sc, "absent/below").kind == CONTENT_NONE);
	put("k/file", "hello\n");
	c = ask(sc, "k/file");
	EXPECT_STR(hex(&c.id), HELLO);
	EXPECT(symlink("file", "k/link") == 0);
	c = ask_as(sc, "k/link", true);
	EXPECT(c.kind == CONTENT_FILE && c.size == 6);
	c = ask(sc, "k/link"); /* "file": sha256sum says 3b9c...; the text is digested here */
	EXPECT(c.kind == CONTENT_LINK && c.size == 0);
	EXPECT_STR(hex(&c.id), "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80");
	EXPECT(chmod("k/file", 0755) == 0);
	EXPECT(ask(sc, "k/file").kind == CONTENT_EXEC);
	EXPECT(mkfifo("k/fifo", 0600) == 0);
	EXPECT_INT(statcache_content(sc, "k/fifo", true, &c, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_INT(statcache_content(sc, "k", true, &c, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	err_release(&err);
	statcache_free(sc);
}

/* The id of a directory is what coreutils compute from a manifest written by hand. */
static void directory_id(void)
{
	struct statcache *sc = fresh();
	static const char sub[] = "#mlmake directory 1\n";
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct digest want;
	struct content c;

	put("d/b", "hello\n");
	put("d/a", "");
	EXPECT(mkdir("d/empty", 0777) == 0 && symlink("a", "d/l") == 0 && chmod("d/a", 0700) == 0);
	digest_bytes(sub, strlen(sub), &want);
	strbuf_addf(&text, "#mlmake directory 1\n#dir %s  empty\n#exec  a\n#link  l\ta\n%s  a\n%s  b\n", hex(&want),
		    EMPTY, HELLO);
	digest_bytes(text.buf, text.len, &want);
	c = ask(sc, "d");
	EXPECT(c.kind == CONTENT_DIR);
	EXPECT_INT(c.size, 6);
	EXPECT(digest_eq(&c.id, &want));
	EXPECT(content_eq(&c, &(struct content){CONTENT_DIR, want, 0}));
	c = ask(sc, "d/empty");
	digest_bytes(sub, strlen(sub), &want);
	EXPECT(digest_eq(&c.id, &want));
	statcache_free(sc);
}

static void not_read_again(void)
{
	struct statcache *sc = fresh();
	struct content c;
	uint64_t n;

	put("n/f", "one\n");
	put("n/sub/g", "two\n");
	ask(sc, "n/f");
	c = ask(sc, "n");
	n = files_read(sc);
	ask(sc, "n/f");
	EXPECT(content_eq(&c, &(struct content){0}) == false);
	EXPECT(statcache_unmoved(sc, "n", false, &c));
	c = ask(sc, "n");
	EXPECT_INT(files_read(sc), n);
	put("n/sub/g", "TWO\n");
	EXPECT(!statcache_unmoved(sc, "n", false, &c));
	c = ask(sc, "n");
	EXPECT_INT(files_read(sc), n + 1);
	statcache_free(sc);
}

/* Same size, same tick: the stat data may well be the same, so only the racy rule notices. */
static void racy(void)
{
	struct statcache *sc = statcache_open(NULL, secret, &test_clock);
	struct content c;
	int i;

	ahead = 0;
	for (i = 0; i < 200; i++) {
		put("racy", "aaaa");
		c = ask(sc, "racy");
		expect_text(&c, "aaaa");
		rewrite("racy", "bbbb");
		c = ask(sc, "racy");
		expect_text(&c, "bbbb");
	}
	ahead = -SECOND; /* so that it is young however long this test sleeps */
	put("racy", "aaaa");
	c = ask(sc, "racy");
	EXPECT(!statcache_unmoved(sc, "racy", false, &c));
	EXPECT(statcache_unmoved(sc, "absent", false, &(struct content){.kind = CONTENT_NONE}));
	statcache_free(sc);
}

static void racy_in_directory(void)
{
	struct statcache *sc = statcache_open(NULL, secret, &test_clock);
	struct content a, b;
	int i;

	ahead = 0;
	put("rd/x/f", "aaaa");
	for (i = 0; i < 100; i++) {
		rewrite("rd/x/f", "aaaa");
		a = ask(sc, "rd");
		rewrite("rd/x/f", "bbbb");
		b = ask(sc, "rd");
		EXPECT(!content_eq(&a, &b));
		put("rd/x/new", "");
		a = ask(sc, "rd");
		EXPECT(!content_eq(&a, &b));
		EXPECT(unlink("rd/x/new") == 0);
		a = ask(sc, "rd");
		EXPECT(content_eq(&a, &b));
	}
	statcache_free(sc);
}

static void whole_seconds(void)
{
	struct entry e = {.mtime = 5 * SECOND, .ctime = 5 * SECOND};

	EXPECT(entry_is_young(&e, 6 * SECOND)); /* a file system of whole seconds, or of two */
	EXPECT(!entry_is_young(&e, 7 * SECOND + 1));
	e.ctime++;
	EXPECT(entry_is_young(&e, 5 * SECOND + SECOND / 100));
	EXPECT(!entry_is_young(&e, 6 * SECOND));
	e.mtime = 100 * SECOND; /* the future */
	EXPECT(entry_is_young(&e, 6 * SECOND));
}

static void mtime_put_back(void)
{
	struct statcache *sc = fresh();
	struct timespec times[2];
	struct stat st;
	struct content c;

	put("back", "aaaa");
	EXPECT(stat("back", &st) == 0);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ask(sc, "back");
	do { /* until the clock of the file system has ticked, so that the ctime must differ */
		rewrite("back", "bbbb");
		EXPECT(utimensat(AT_FDCWD, "back", times, 0) == 0 && stat("back", &st) == 0);
	} while (st.st_ctim.tv_sec == times[1].tv_sec && st.st_ctim.tv_nsec == times[1].tv_nsec);
	EXPECT(st.st_mtim.tv_nsec == times[1].tv_nsec);
	c = ask(sc, "back");
	expect_text(&c, "bbbb");
	statcache_free(sc);
}

static void replaced_inode(void)
{
	struct statcache *sc = real();
	struct content c;

	put("in", "aaaa");
	ask(sc, "in");
	put("in.new", "bbbb");
	EXPECT(rename("in.new", "in") == 0);
	c = ask(sc, "in");
	expect_text(&c, "bbbb");
	EXPECT(unlink("in") == 0 && mkdir("in", 0777) == 0);
	EXPECT(ask(sc, "in").kind == CONTENT_DIR);
	EXPECT(rmdir("in") == 0 && symlink("racy", "in") == 0);
	EXPECT(ask(sc, "in").kind == CONTENT_LINK);
	c = ask(sc, "in");
	EXPECT(unlink("in") == 0 && symlink("ycar", "in") == 0);
	EXPECT(!content_eq(&c, &(struct content){ask(sc, "in").kind, ask(sc, "in").id, 0}));
	statcache_free(sc);
}

/* Asked as an output and as an input it is read once, also behind a link; and what it is when a link takes its place, or its. */
static void one_memory(void)
{
	struct statcache *sc = fresh();
	struct content c, d;
	uint64_t n;

	put("om/d/a", "one\n");
	put("om/f", "two\n");
	ask(sc, "om/f");
	c = ask(sc, "om/d");
	n = files_read(sc);
	ask_as(sc, "om/f", true);
	d = ask_as(sc, "om/d", true);
	EXPECT(content_eq(&c, &d));
	EXPECT_INT(files_read(sc), n);
	EXPECT(statcache_written(sc, "om/d", true, &c) == statcache_written(sc, "om/d", false, &c));
	EXPECT(rename("om/d", "om/e") == 0 && symlink("e", "om/d") == 0);
	EXPECT(ask(sc, "om/d").kind == CONTENT_LINK);
	d = ask_as(sc, "om/d", true);
	EXPECT(content_eq(&c, &d));
	put("om/e/a", "ONE\n");
	d = ask_as(sc, "om/d", true);
	EXPECT(!content_eq(&c, &d) && d.kind == CONTENT_DIR);
	EXPECT(statcache_written(sc, "om/d", true, &d) != 0 && statcache_written(sc, "om/d", false, &d) == 0);
	EXPECT(unlink("om/d") == 0 && rename("om/e", "om/d") == 0);
	c = ask_as(sc, "om/d", true);
	EXPECT(content_eq(&c, &d));
	put("om/d/a", "three\n");
	c = ask_as(sc, "om/d", true);
	EXPECT(!content_eq(&c, &d));
	EXPECT(statcache_written(sc, "om/d", true, &c) != 0 && statcache_written(sc, "om/d", true, &d) == 0);
	statcache_free(sc);
}

static void pointers(void)
{
	struct statcache *sc = fresh();
	char *found;

	put("pt/d/a", "version https://git-lfs.github.com/spec/v2\n");
	put("pt/d/e/b", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
	put("pt/f", "version https://git-lfs.github.com/spec/v1\n");
	EXPECT(!statcache_pointer(sc, "pt/d")); /* not asked for yet */
	ask(sc, "pt/d");
	ask_as(sc, "pt/f", true);
	found = statcache_pointer(sc, "pt/d");
	EXPECT_STR(found ? found : "", "pt/d/e/b");
	free(found);
	found = statcache_pointer(sc, "pt/f");
	EXPECT_STR(found ? found : "", "pt/f");
	free(found);
	put("pt/d/e/b", "the data\n");
	ask(sc, "pt/d");
	EXPECT(!statcache_pointer(sc, "pt/d"));
	statcache_free(sc);
}

/* Touched, its content the same: XXH3 tells, SHA-256 is not computed. */
static void touched(void)
{
	struct statcache *sc = fresh();
	struct statcache_counts a, b;
	struct content c;

	put("touched", "content that stays\n");
	ask(sc, "touched");
	statcache_counts(sc, &a);
	EXPECT(utimensat(AT_FDCWD, "touched", (struct timespec[2]){{1, 0}, {1, 0}}, 0) == 0);
	c = ask(sc, "touched");
	expect_text(&c, "content that stays\n");
	statcache_counts(sc, &b);
	EXPECT_INT(b.bytes_read - a.bytes_read, 19);
	EXPECT_INT(b.bytes_hashed, a.bytes_hashed);
	statcache_free(sc);
}

static void change(struct statcache *sc, struct content *was, bool differs, const char *what)
{
	struct statcache *cold = real();
	struct content now = ask(sc, "t"), want = ask(cold, "t");

	tap_check(content_eq(&now, &want) && now.size == want.size, __FILE__, __LINE__,
		  "%s: the cache and a fresh look disagree", what);
	tap_check(content_eq(&now, was) != differs, __FILE__, __LINE__, "%s: %s", what,
		  differs ? "not noticed" : "noticed and none");
	*was = now;
	statcache_free(cold);
}

static void tree_changes(void)
{
	struct statcache *sc = real();
	struct content was = {.kind = CONTENT_NONE};

	put("t/a/b/c/f", "1");
	put("t/a/g", "22");
	put("t/h", "333");
	change(sc, &was, true, "new");
	change(sc, &was, false, "again");
	put("t/a/b/c/f", "x");
	change(sc, &was, true, "replaced deep down");
	put("t/a/new", "");
	change(sc, &was, true, "added");
	EXPECT(rename("t/a/new", "t/a/newer") == 0);
	change(sc, &was, true, "renamed");
	EXPECT(unlink("t/a/newer") == 0);
	change(sc, &was, true, "removed");
	EXPECT(chmod("t/h", 0755) == 0);
	change(sc, &was, true, "made executable");
	EXPECT(chmod("t/h", 0711) == 0);
	change(sc, &was, false, "other bits");
	EXPECT(mkdir("t/a/e", 0777) == 0);
	change(sc, &was, true, "empty directory");
	EXPECT(symlink("x", "t/a/e/l") == 0);
	change(sc, &was, true, "link");
	EXPECT(unlink("t/a/e/l") == 0 && symlink("y", "t/a/e/l") == 0);
	change(sc, &was, true, "link elsewhere");
	EXPECT(unlink("t/h") == 0 && mkdir("t/h", 0777) == 0);
	change(sc, &was, true, "file to directory");
	EXPECT(rmdir("t/h") == 0);
	put("t/h", "333");
	change(sc, &was, true, "directory to file");
	EXPECT(rename("t/a/b", "t/bb") == 0);
	change(sc, &was, true, "directory moved");
	EXPECT_INT(file_remove_tree("t/a", NULL), 0);
	change(sc, &was, true, "directory removed");
	statcache_free(sc);
}

static void survives(const char *name)
{
	struct statcache *sc;
	struct content c;
	uint64_t n;

	ahead = 20 * SECOND;
	sc = statcache_open(name, secret, &test_clock);
	c = ask(sc, "sv/dir");
	EXPECT_INT(c.size, 12);
	c = ask_as(sc, "sv/one", true);
	expect_text(&c, "hello\n");
	EXPECT(ask(sc, "sv/link").kind == CONTENT_LINK);
	n = files_read(sc);
	EXPECT_INT(n, 0);
	statcache_free(sc);
}

static void saved(void)
{
	struct statcache *sc = fresh();
	unsigned char other[STATCACHE_SECRET] = {0};
	struct stat a, b;

	put("sv/one", "hello\n");
	put("sv/dir/x/f", "hello\n");
	put("sv/dir/g", "hello\n");
	EXPECT(symlink("t", "sv/link") == 0 && symlink("some where", "sv/dir/x/l") == 0);
	statcache_free(sc);
	sc = statcache_open("cachefile", secret, &test_clock);
	ask(sc, "sv/dir");
	ask_as(sc, "sv/one", true);
	ask(sc, "sv/link");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	survives("cachefile");
	EXPECT(stat("cachefile", &a) == 0);
	sc = statcache_open("cachefile", secret, &test_clock); /* nothing new: not written */
	ask(sc, "sv/dir");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	EXPECT(stat("cachefile", &b) == 0 && a.st_ino == b.st_ino);
	put("sv/two", "2"); /* merged with what stood there */
	ask(sc, "sv/two");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	survives("cachefile");
	sc = statcache_open("cachefile", other, &test_clock); /* of another clone */
	ask_as(sc, "sv/one", true);
	EXPECT_INT(files_read(sc), 1);
	statcache_free(sc);
}

/* What was changed before the look ahead is noticed; what is changed after it, once the look is forgotten or used up. */
static void looking_ahead(void)
{
	struct statcache *sc = fresh();
	bool stop = false;
	struct content c;

	put("la/a", "old a");
	put("la/b", "old b");
	put("la/c", "old c");
	statcache_free(sc);
	sc = statcache_open("cache-ahead", secret, &test_clock);
	ask(sc, "la/a");
	ask(sc, "la/b");
	ask(sc, "la/c");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	put("la/a", "newer a");
	sc = statcache_open("cache-ahead", secret, &test_clock);
	statcache_look_ahead(sc, &stop);
	c = ask(sc, "la/a");
	expect_text(&c, "newer a");
	put("la/b", "newer b"); /* the first question has used up what was seen */
	c = ask(sc, "la/b");
	expect_text(&c, "newer b");
	statcache_look_ahead(sc, &stop);
	put("la/c", "newer c");
	statcache_look_afresh(sc);
	c = ask(sc, "la/c");
	expect_text(&c, "newer c");
	EXPECT_INT(unlink("la/c"), 0);
	stop = true; /* nothing is looked at */
	statcache_look_ahead(sc, &stop);
	EXPECT_INT(ask(sc, "la/c").kind, CONTENT_NONE);
	statcache_free(sc);
}

/* A cache that was asked for these paths (NULL-terminated; '>' in front: the link at the path followed), saved and marked. */
static bool mark(const char *file, const char *const *paths, struct strbuf *marks)
{
	struct statcache *sc = statcache_open(file, secret, &test_clock);
	bool good;

	for (; *paths; paths++)
		ask_as(sc, *paths + (**paths == '>'), **paths == '>');
	EXPECT_INT(statcache_save(sc, NULL), 0);
	strbuf_clear(marks);
	good = statcache_mark(sc, marks);
	statcache_free(sc);
	return good;
}

static bool stand(const char *file, const char *marks)
{
	struct statcache *sc = statcache_open(file, secret, &test_clock);
	bool same = statcache_as_marked(sc, marks, 2);

	statcache_free(sc);
	return same;
}

static void marked(void)
{
	static const char *const paths[] = {"mk/a", "mk/b", "mk/dir", "mk/link", ">mk/link", NULL}, *const fewer[] = {"mk/b", NULL};
	CLEANUP(strbuf_release) struct strbuf marks = STRBUF_INIT, of_b = STRBUF_INIT;
	static const struct {
		const char *what, *path;
		bool of_b; /* is mk/b another one? */
	} edits[] = {{"a file", "mk/a", false}, {"a file in a directory", "mk/dir/sub/f", false},
		     {"what a link leads to", "mk/target", false}, {"mk/b", "mk/b", true}};
	size_t i;

	ahead = 10 * SECOND;
	put("mk/a", "a"), put("mk/b", "b"), put("mk/dir/sub/f", "f"), put("mk/target", "t"), put("mk/unasked", "u");
	EXPECT_INT(symlink("target", "mk/link"), 0);
	EXPECT(mark("cache-mk", paths, &marks));
	EXPECT(stand("cache-mk", marks.buf));
	put("mk/unasked", "changed");
	put("mk/dir.c", "new, and beside");
	EXPECT(stand("cache-mk", marks.buf));
	for (i = 0; i < ARRAY_SIZE(edits); i++) {
		EXPECT(mark("cache-mk", paths, &marks) && mark("cache-mk", fewer, &of_b));
		rewrite(edits[i].path, edits[i].what);
		tap_check(!stand("cache-mk", marks.buf), __FILE__, __LINE__, "not noticed: %s", edits[i].what);
		tap_check(stand("cache-mk", of_b.buf) != edits[i].of_b, __FILE__, __LINE__, "of mk/b: %s", edits[i].what);
		EXPECT(!mark("cache-mk", paths, &marks)); /* it holds another content now, which is saved */
		EXPECT(mark("cache-mk", paths, &marks) && stand("cache-mk", marks.buf));
	}
	EXPECT(unlink("mk/link") == 0 && symlink("a", "mk/link") == 0);
	EXPECT(!stand("cache-mk", marks.buf));
	EXPECT(mark("cache-mk", fewer, &marks)); /* saves nothing: the cache is the one of the marks before */
	EXPECT(unlink("mk/link") == 0 && symlink("target", "mk/link") == 0);
	put("mk/dir/another", "");
	EXPECT(stand("cache-mk", marks.buf));
	EXPECT(unlink("mk/b") == 0);
	EXPECT(!stand("cache-mk", marks.buf));
}

/* What marks cannot stand for, and what are none of this cache. */
static void not_marked(void)
{
	static const char *const one[] = {"nm/a", NULL}, *const two[] = {"nm/a", "nm/b", NULL}, *const none[] = {"nm/a", "nm/none", NULL};
	static const char *const bad[] = {"", "0123456789abcdef", "0123456789abcdef 1", "x"};
	CLEANUP(strbuf_release) struct strbuf marks = STRBUF_INIT, later = STRBUF_INIT;
	struct statcache *sc;
	size_t i;

	ahead = 10 * SECOND;
	put("nm/a", "a"), put("nm/b", "b");
	EXPECT(!mark("cache-nm", none, &marks));
	EXPECT_STR(marks.buf, "");
	EXPECT(mark("cache-nm", one, &marks));
	EXPECT(mark("cache-nm", two, &later)); /* another table: nm/b is new in it */
	EXPECT(!stand("cache-nm", marks.buf) && stand("cache-nm", later.buf));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT(!stand("cache-nm", bad[i]));
	strbuf_addch(&later, '0');
	EXPECT(!stand("cache-nm", later.buf));
	strbuf_setlen(&later, later.len - 1);
	later.buf[later.len - 1] = 'g';
	EXPECT(!stand("cache-nm", later.buf));
	ahead = 0;
	put("nm/a", "young");
	sc = statcache_open("cache-nm", secret, &test_clock);
	ask(sc, "nm/a");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	EXPECT(!statcache_mark(sc, &marks)); /* young, or the answer to one asker was another than to the next */
	statcache_free(sc);
	ahead = 10 * SECOND;
	EXPECT(mark("cache-nm", one, &marks));
	sc = statcache_open("cache-nm", secret, &test_clock);
	ask(sc, "nm/b");
	rewrite("nm/a", "another content");
	ask(sc, "nm/a");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	EXPECT(!statcache_mark(sc, &marks));
	statcache_free(sc);
	sc = statcache_open(NULL, secret, &test_clock);
	ask(sc, "nm/a");
	EXPECT(!statcache_mark(sc, &marks)); /* kept nowhere */
	statcache_free(sc);
}

/* A glance is for what is asked before the first query: afterwards files change, and each question is a new one. */
static void glanced_late(void)
{
	static const char *const paths[] = {"gl/a", "gl/b", NULL};
	CLEANUP(strbuf_release) struct strbuf marks = STRBUF_INIT;
	struct content_query q = {.path = "gl/b"};
	struct statcache *sc;
	struct content c;

	ahead = 10 * SECOND;
	put("gl/a", "a"), put("gl/b", "b");
	EXPECT(mark("cache-gl", paths, &marks));
	sc = statcache_open("cache-gl", secret, &test_clock);
	EXPECT_INT(statcache_glance(sc, "gl/a", &c, NULL), 0);
	expect_text(&c, "a");
	statcache_query(sc, &q, 1, 1);
	EXPECT_INT(statcache_glance(sc, "gl/a", &c, NULL), 0);
	put("gl/a", "newer");
	c = ask(sc, "gl/a");
	expect_text(&c, "newer");
	statcache_free(sc);
}

/* What was seen in vain is used by the first question. */
static void seen_in_vain(void)
{
	static const char *const paths[] = {"vain/a", "vain/dir", "vain/other", NULL};
	CLEANUP(strbuf_release) struct strbuf marks = STRBUF_INIT;
	struct content_query q[] = {{.path = "vain/a"}, {.path = "vain/dir"}, {.path = "vain/other"}};
	struct statcache *sc;

	ahead = 10 * SECOND;
	put("vain/a", "a"), put("vain/dir/f", "f"), put("vain/other/f", "f");
	EXPECT(mark("cache-vain", paths, &marks));
	put("vain/dir/f", "newer");
	sc = statcache_open("cache-vain", secret, &test_clock);
	EXPECT(!statcache_as_marked(sc, marks.buf, 1));
	EXPECT_INT(files_read(sc), 1);
	EXPECT_INT(unlink("vain/a"), 0); /* as if it were before: the first question asks for the moment of looking */
	statcache_query(sc, q, ARRAY_SIZE(q), 1);
	expect_text(&q[0].content, "a");
	EXPECT(q[1].content.kind == CONTENT_DIR && q[1].content.size == 5);
	EXPECT(q[2].content.kind == CONTENT_DIR && q[2].content.size == 1);
	EXPECT_INT(files_read(sc), 1);
	statcache_query(sc, q, ARRAY_SIZE(q), 1);
	EXPECT_INT(q[0].content.kind, CONTENT_NONE);
	statcache_free(sc);
}

/* What is young when it is saved is looked at once more, if it is old enough by then. */
static void believable_after_save(void)
{
	struct statcache *sc;

	ahead = 0;
	put("young/f", "young\n");
	put("young1", "young\n");
	sc = statcache_open("cache-young", secret, &test_clock);
	ask(sc, "young");
	ask(sc, "young1");
	ahead = 10 * SECOND;
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	sc = statcache_open("cache-young", secret, &test_clock);
	ask(sc, "young");
	ask(sc, "young1");
	EXPECT_INT(files_read(sc), 0);
	statcache_free(sc);
}

static void forgotten(void)
{
	struct statcache *sc;

	ahead = 10 * SECOND;
	put("fg1", "1");
	put("fg2", "2");
	sc = statcache_open("cache-fg", secret, &test_clock);
	ask(sc, "fg1");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	ahead = 100 * 86400 * SECOND;
	sc = statcache_open("cache-fg", secret, &test_clock);
	ask(sc, "fg2");
	EXPECT_INT(statcache_save(sc, NULL), 0);
	statcache_free(sc);
	sc = statcache_open("cache-fg", secret, &test_clock);
	ask(sc, "fg2");
	EXPECT_INT(files_read(sc), 0);
	ask(sc, "fg1");
	EXPECT_INT(files_read(sc), 1);
	statcache_free(sc);
}

static void check_damaged(const char *bytes, size_t n, const char *what, size_t at)
{
	struct statcache *sc;
	struct content c;

	EXPECT_INT(file_write("damaged", bytes, n, 0600, false, NULL), 0);
	sc = statcache_open("damaged", secret, &test_clock);
	c = ask_as(sc, "sv/one", true);
	tap_check(c.kind == CONTENT_FILE && strcmp(hex(&c.id), HELLO) == 0, __FILE__, __LINE__, "%s at %zu", what, at);
	tap_check(ask(sc, "sv/dir").size == 12, __FILE__, __LINE__, "%s at %zu: directory", what, at);
	EXPECT(files_read(sc) == 3);
	statcache_free(sc);
}

/* Every byte flipped, every length: never a wrong digest, and all is read anew. */
static void damaged(void)
{
	CLEANUP(strbuf_release) struct strbuf good = STRBUF_INIT;
	size_t i;

	ahead = 20 * SECOND;
	EXPECT_INT(file_read("cachefile", 1 << 20, &good, NULL), 0);
	for (i = 0; i < good.len; i++) {
		good.buf[i] ^= (char)(1 + i % 255);
		check_damaged(good.buf, good.len, "byte", i);
		good.buf[i] ^= (char)(1 + i % 255);
	}
	for (i = 0; i < good.len; i += 7)
		check_damaged(good.buf, i, "length", i);
}

/* The checksum right, the offsets not: every 32-bit word replaced in turn must not crash. */
static void unsound(void)
{
	static const uint32_t values[] = {0, 1, 2, 0x7fffffff, 0xffffffff};
	CLEANUP(strbuf_release) struct strbuf good = STRBUF_INIT;
	CLEANUP(freep) uint64_t *copy = NULL;
	size_t i, k;

	EXPECT_INT(file_read("cachefile", 1 << 20, &good, NULL), 0);
	copy = xmalloc(good.len + 8);
	for (i = 0; i + 4 <= good.len; i += 4) {
		for (k = 0; k < ARRAY_SIZE(values); k++) {
			struct statcache *sc;

			memcpy(copy, good.buf, good.len);
			memcpy((char *)copy + i, &values[k], 4);
			table_seal(copy, good.len, secret);
			EXPECT_INT(file_write("unsound", copy, good.len, 0600, false, NULL), 0);
			sc = statcache_open("unsound", secret, &test_clock);
			statcache_unmoved(sc, "sv/dir", false, &(struct content){CONTENT_DIR, {{0}}, 0});
			ask(sc, "sv/dir");
			ask_as(sc, "sv/one", true);
			if (i % 64 == 0) /* each waits for the disk */
				EXPECT_INT(statcache_save(sc, NULL), 0);
			statcache_free(sc);
		}
	}
}

static void many_files(void)
{
	struct statcache *sc = fresh();
	struct content_query q = {.path = "many"};
	struct content first;
	char name[32] = ""; /* all of the nine bytes that are written are known ones */
	uint64_t n;
	int i;

	EXPECT(mkdir("many", 0777) == 0);
	for (i = 0; i < 10000; i++) {
		int fd;

		snprintf(name, sizeof(name), "many/%d", i);
		fd = open(name, O_WRONLY | O_CREAT, 0666);
		EXPECT(fd >= 0 && write(fd, name, 9) == 9);
		close(fd);
	}
	statcache_query(sc, &q, 1, 2);
	EXPECT_INT(q.content.size, 90000);
	first = q.content;
	n = files_read(sc);
	EXPECT_INT(n, 10000);
	statcache_query(sc, &q, 1, 2);
	EXPECT(content_eq(&q.content, &first));
	put("many/7777", "otherwise"); /* another inode */
	statcache_query(sc, &q, 1, 2);
	EXPECT(!content_eq(&q.content, &first));
	EXPECT_INT(files_read(sc), n + 1);
	put("many/7777", "many/7777");
	statcache_query(sc, &q, 1, 2);
	EXPECT(content_eq(&q.content, &first));
	statcache_free(sc);
}

static void *asker(void *arg)
{
	struct statcache *sc = arg;
	struct content_query q[60];
	char names[60][32];
	int round, i;

	for (round = 0; round < 5; round++) {
		memset(q, 0, sizeof(q));
		for (i = 0; i < 60; i++) {
			snprintf(names[i], sizeof(names[i]), i % 3 ? "many/%d" : "t", i);
			q[i].path = names[i];
			q[i].follow = true;
		}
		statcache_query(sc, q, 60, 2);
		for (i = 0; i < 60; i++) {
			if (q[i].failed && q[i].err.code != ERR_MOVED)
				tap_check(false, __FILE__, __LINE__, "%s", q[i].err.msg);
			if (i % 3 && !q[i].failed)
				tap_check(q[i].content.size == 9, __FILE__, __LINE__, "%s", q[i].path);
			err_release(&q[i].err);
		}
	}
	return NULL;
}

static void from_many_threads(void)
{
	struct statcache *sc = fresh();
	pthread_t t[4];
	size_t i;

	ahead = 0;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		EXPECT(pthread_create(&t[i], NULL, asker, sc) == 0);
	for (i = 0; i < 20; i++)
		put("t/changing", i % 2 ? "xx" : "yy");
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	statcache_free(sc);
}

static void refused_names(void)
{
	struct statcache *sc = fresh();
	struct err err = ERR_INIT;
	struct content c;
	char name[5000];

	put("rn/a\nb", "");
	EXPECT_INT(statcache_content(sc, "rn", false, &c, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	EXPECT_INT(statcache_content(sc, name, false, &c, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	err_release(&err);
	statcache_free(sc);
}

static void taught(void)
{
	struct statcache *sc = fresh();
	unsigned char fast[FASTHASH_LEN];
	struct twinhash h;
	struct digest id;
	struct content c;
	struct stat st;

	put("taught/f", "hello\n");
	EXPECT(stat("taught/f", &st) == 0);
	twinhash_init(&h, statcache_key(sc));
	twinhash_update(&h, "hello\n", 6);
	twinhash_final(&h, &id, fast);
	statcache_teach(sc, statcache_now(sc), &st, &id, fast);
	c = ask(sc, "taught/f");
	EXPECT_STR(hex(&c.id), HELLO);
	ask(sc, "taught");
	EXPECT_INT(files_read(sc), 0);
	statcache_free(sc);
}

/* The digest of a number, and such that begin alike, as they fall into one slot. */
static struct digest numbered(unsigned n, bool alike)
{
	struct digest d = {{0}};

	if (!alike)
		digest_bytes(&n, sizeof(n), &d);
	memcpy(d.b + 16, &n, sizeof(n));
	return d;
}

static void a_set(void)
{
	struct digestset s = DIGESTSET_INIT;
	const struct digest zeros = {{0}};
	unsigned n, wrong = 0;

	EXPECT(!digestset_has(&s, &zeros));
	EXPECT(digestset_add(&s, &zeros));
	EXPECT(!digestset_add(&s, &zeros));
	EXPECT(digestset_has(&s, &zeros));
	for (n = 1; n < 20000; n++) {
		struct digest d = numbered(n, n < 500);

		wrong += digestset_has(&s, &d) || !digestset_add(&s, &d) || digestset_add(&s, &d) || !digestset_has(&s, &d);
	}
	EXPECT_INT(wrong, 0);
	for (n = 1; n < 40000; n++) {
		struct digest d = numbered(n, n < 500);

		wrong += digestset_has(&s, &d) != (n < 20000);
	}
	EXPECT_INT(wrong, 0);
	EXPECT_INT(s.n, 19999);
	digestset_release(&s);
	EXPECT(!digestset_has(&s, &zeros));
}

/* What a reading hands over. */
struct handed {
	struct strbuf bytes;
	size_t limit;      /* it fails beyond; 0: none */
	const char *file;  /* at the first bytes it becomes */
	off_t becomes;     /* as long as this, if not NULL */
	int failures;
};

static int hand(void *ctx, const void *data, size_t n)
{
	struct handed *h = ctx;

	if (h->file && !h->bytes.len)
		EXPECT_INT(truncate(h->file, h->becomes), 0);
	if (h->limit && h->bytes.len + n > h->limit) {
		h->failures++;
		return ENOSPC;
	}
	strbuf_add(&h->bytes, data, n);
	return 0;
}

static void write_bytes(const char *path, size_t n)
{
	CLEANUP(freep) char *buf = xmalloc(n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		buf[i] = (char)(i * 2654435761u >> 13);
	EXPECT_INT(file_write(path, buf, n, 0644, false, NULL), 0);
}

/* Are the digests those of these bytes? */
static bool digested(const struct reading *r, const struct strbuf *bytes)
{
	unsigned char fast[FASTHASH_LEN];
	struct digest id;
	struct twinhash h;

	twinhash_init(&h, r->secret);
	twinhash_update(&h, bytes->buf, bytes->len);
	twinhash_final(&h, &id, fast);
	return r->bytes == (int64_t)bytes->len && memcmp(fast, r->fast, sizeof(fast)) == 0 && (!r->sha || digest_eq(&id, &r->id));
}

static int reading(const char *path, struct reading *r, bool sha, struct handed *h)
{
	int fd = open(path, O_RDONLY), got;
	struct stat st;

	*r = (struct reading){.secret = secret, .sha = sha, .take = h ? hand : NULL, .ctx = h};
	EXPECT(fd >= 0 && fstat(fd, &st) == 0);
	got = reading_run(r, fd, st.st_size);
	close(fd);
	return got;
}

static void what_is_handed_is_digested(void)
{
	static const size_t sizes[] = {0, 1, 100, RELAY_CHUNK - 1, RELAY_CHUNK, RELAY_CHUNK + 1, RELAY_WORTH - 1, RELAY_WORTH,
				       RELAY_WORTH + 12345};
	struct reading r;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		CLEANUP(strbuf_release) struct strbuf whole = STRBUF_INIT;
		struct handed h = {.bytes = STRBUF_INIT};

		write_bytes("read", sizes[i / 2]);
		EXPECT_INT(file_read("read", SIZE_MAX, &whole, NULL), 0);
		EXPECT_INT(reading("read", &r, i % 2, NULL), 0);
		EXPECT(digested(&r, &whole));
		EXPECT_INT(reading("read", &r, i % 2, &h), 0);
		EXPECT(digested(&r, &whole));
		EXPECT(h.bytes.len == whole.len && (!whole.len || memcmp(h.bytes.buf, whole.buf, whole.len) == 0));
		EXPECT(memcmp(r.head, whole.buf ? whole.buf : "", MIN(whole.len, (size_t)READING_HEAD)) == 0);
		strbuf_release(&h.bytes);
	}
}

/* Files that become longer or shorter meanwhile: whatever was read, the digests are those of what was handed over. */
static void read_while_it_changes(void)
{
	static const size_t sizes[] = {300000, RELAY_WORTH + 5};
	struct reading r;
	size_t i;

	for (i = 0; i < 8; i++) {
		size_t size = sizes[i / 4];
		struct handed h = {.bytes = STRBUF_INIT, .file = "read", .becomes = (off_t)(i & 2 ? size / 4 : size + 3 * RELAY_CHUNK)};

		write_bytes("read", size);
		EXPECT_INT(reading("read", &r, i & 1, &h), 0);
		EXPECT(digested(&r, &h.bytes));
		EXPECT(i & 2 ? h.bytes.len < size : h.bytes.len == (size_t)h.becomes);
		strbuf_release(&h.bytes);
	}
}

static void who_takes_fails(void)
{
	static const size_t sizes[] = {300000, RELAY_WORTH + 5};
	struct reading r;
	size_t i;

	for (i = 0; i < 4; i++) {
		struct handed h = {.bytes = STRBUF_INIT, .limit = 200000};

		write_bytes("read", sizes[i / 2]);
		errno = 0;
		EXPECT(reading("read", &r, i & 1, &h) < 0 && errno == ENOSPC);
		EXPECT(r.take_failed);
		EXPECT_INT(h.failures, 1);
		strbuf_release(&h.bytes);
	}
	r = (struct reading){.secret = secret};
	EXPECT(reading_run(&r, -1, 0) < 0 && errno == EBADF && !r.take_failed);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"known digests", known_digests},
		{"letters of kinds", letters},
		{"a set of digests", a_set},
		{"manifest text", manifest_text},
		{"hostile manifests", manifest_hostile},
		{"a large directory is cut into parts", manifest_parts},
		{"parts as coreutils see them", part_by_hand},
		{"hostile parts", hostile_parts},
		{"a large directory in one text", uncut},
		{"one secret when many race", secret_once},
		{"kinds", kinds},
		{"the id of a directory", directory_id},
		{"what stands is not read again", not_read_again},
		{"looking ahead", looking_ahead},
		{"rewritten within one tick", racy},
		{"rewritten within one tick below a directory", racy_in_directory},
		{"whole seconds, future times", whole_seconds},
		{"mtime put back", mtime_put_back},
		{"replaced by another inode or kind", replaced_inode},
		{"input and output are remembered once", one_memory},
		{"pointers of git-lfs", pointers},
		{"touched costs XXH3 only", touched},
		{"changes in a tree", tree_changes},
		{"saved and read back", saved},
		{"marks stand until something moves", marked},
		{"what marks cannot stand for", not_marked},
		{"what was seen in vain is used", seen_in_vain},
		{"a glance after the first query is a question like others", glanced_late},
		{"young entries become believable", believable_after_save},
		{"long unused paths are forgotten", forgotten},
		{"a damaged cache is lost", damaged},
		{"an unsound cache does no harm", unsound},
		{"10,000 files", many_files},
		{"asked from many threads", from_many_threads},
		{"names that no manifest holds", refused_names},
		{"taught by others", taught},
		{"what is handed over is what is digested", what_is_handed_is_digested},
		{"a file that grows or shrinks while it is read", read_while_it_changes},
		{"who takes what is read fails", who_takes_fails},
	};

	return tap_run("digest", tests, ARRAY_SIZE(tests));
}
