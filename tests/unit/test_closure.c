/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/closure.h"
#include "store/storeroom.h"
#include "util/file.h"

static const unsigned char secret[STATCACHE_SECRET] = {7};
static struct err err;

struct place {
	struct statcache *cache;
	struct gitdb *db;
	struct store *s;
};

static struct place at(const char *dir)
{
	CLEANUP(freep) char *git = xstrfmt("%s/git", dir);
	struct place p = {statcache_open(NULL, secret, &clock_system), gitdb_new(git), NULL};

	p.s = store_new(dir, p.db, p.cache);
	return p;
}

static void leave(struct place *p)
{
	store_free(p->s);
	gitdb_free(p->db);
	statcache_free(p->cache);
}

static void ok(int result)
{
	tap_check(result == 0, __FILE__, __LINE__, "failed: %s", err.msg ? err.msg : "without a message");
	err_clear(&err);
}

static void put(const char *path, const char *text)
{
	ok(file_write(path, text, strlen(text), 0644, false, &err));
}

/* What a command prints, without the last newline. */
static const char *says(const char *command)
{
	static char out[65536];
	FILE *f = popen(command, "r");
	size_t n = f ? fread(out, 1, sizeof(out) - 1, f) : 0;

	out[n] = '\0';
	if (n && out[n - 1] == '\n')
		out[n - 1] = '\0';
	if (f)
		pclose(f);
	return out;
}

static const char *hex(const struct digest *id)
{
	static char out[DIGEST_HEX + 1];

	digest_hex(id, out);
	return out;
}

/* The closure of c under its digest, as `objects` of a commit holds it; refs/tags/kept keeps it. */
static struct git_id objects_of(struct place *p, const struct content *c)
{
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	struct git_id tree = {{0}}, old;
	struct in_git in;
	int had;

	ok(closure_make(p->s, c, &in, &err));
	if (in.below_mode)
		tree_add(&t, hex(&c->id), in.below_mode, &in.below);
	ok(tree_write(&t, store_packer(p->s), &tree, &err));
	ok(store_sync(p->s, &err));
	had = gitdb_ref(p->db, "refs/tags/kept", &old, NULL);
	ok(gitdb_set_ref(p->db, "refs/tags/kept", had > 0 ? &old : NULL, &tree, "test", &err));
	packer_release_keep(store_packer(p->s));
	return tree;
}

static void make_tree(void)
{
	ok(file_mkdirs("d/sub/empty", &err));
	put("d/one", "one");
	put("d/same", "one");
	put("d/sub/two", "two");
	EXPECT_INT(chmod("d/sub/two", 0755), 0);
	EXPECT_INT(symlink("one", "d/link"), 0);
}

static void round_trip(void)
{
	struct place a = at("a"), b = at("b");
	struct content c;
	struct git_id tree;

	make_tree();
	ok(store_put(a.s, "d", &c, &err));
	tree = objects_of(&a, &c);
	EXPECT_STR(says("git --git-dir=a/git fsck --full --strict 2>&1 | grep -Ev '^(dangling|notice)'"), "");
	EXPECT_STR(says("git --git-dir=a/git ls-tree -r refs/tags/kept | wc -l"), "5"); /* three manifests, one, two */
	ok(gitdb_make(b.db, &err));
	EXPECT_STR(says("git --git-dir=b/git fetch -q a/git refs/tags/kept:refs/tags/kept 2>&1"), "");
	EXPECT(!store_has(b.s, &c));
	ok(closure_learn(b.s, &tree, &err));
	EXPECT(store_has(b.s, &c));
	ok(store_place(b.s, &c, "e", NULL, &err));
	EXPECT_STR(says("diff -r d e && test -x e/sub/two && test -d e/sub/empty && readlink e/link"), "one");
	ok(store_sync(b.s, &err));
	leave(&b);
	b = at("b");
	EXPECT(store_has(b.s, &c)); /* the table was written */
	leave(&b);
	leave(&a);
}

/* What is large stays out; what is not stored at all is a pointer as well. */
static void large_and_absent(void)
{
	struct place p = at("large");
	struct content c, none = {CONTENT_FILE, {{1}}, 5};
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, want = STRBUF_INIT;
	struct in_git in;

	ok(file_mkdirs("l", &err));
	strbuf_addn(&text, 'x', 3000000);
	put("l/big", text.buf);
	put("l/small", "small");
	ok(store_put(p.s, "l", &c, &err));
	objects_of(&p, &c);
	EXPECT_STR(says("git --git-dir=large/git ls-tree -r refs/tags/kept | wc -l"), "2");
	ok(store_put(p.s, "l/big", &c, &err));
	ok(closure_make(p.s, &c, &in, &err));
	EXPECT_INT(in.below_mode, 0);
	ok(store_sync(p.s, &err));
	strbuf_clear(&text);
	ok(gitdb_read(p.db, &in.blob, GITDB_BLOB, 200, &text, &err));
	strbuf_addf(&want, "mlmake-object 1\nsha256 %s\nsize 3000000\n", hex(&c.id));
	EXPECT_STR(text.buf, want.buf);
	ok(closure_make(p.s, &none, &in, &err));
	EXPECT_INT(in.below_mode, 0);
	leave(&p);
}

/* A tree that says of a blob that it is another object: that is not learnt, so that the right one can be put. */
static void hostile(void)
{
	struct place p = at("hostile");
	struct content c, wrong = {CONTENT_FILE, {{0}}, 3};
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct git_id blob, tree;

	put("f", "one");
	ok(store_put(p.s, "f", &c, &err));
	digest_bytes("two", 3, &wrong.id);
	ok(packer_add(store_packer(p.s), GITDB_BLOB, "evl", 3, 0, &blob, &err));
	tree_add(&t, "../../etc", TREE_FILE, &blob);
	EXPECT_INT(tree_write(&t, store_packer(p.s), &tree, NULL), 0); /* of no use to anybody: no name of ours */
	t.n = 0;
	tree_add(&t, hex(&wrong.id), TREE_FILE, &blob);
	ok(tree_write(&t, store_packer(p.s), &tree, &err));
	ok(store_sync(p.s, &err));
	ok(closure_learn(p.s, &tree, &err));
	EXPECT(!store_has(p.s, &wrong));
	EXPECT_INT(store_get_bytes(p.s, &wrong.id, 10, &text, &err), -1);
	EXPECT_INT(err.code, ERR_NOTFOUND);
	err_clear(&err);
	put("g", "two"); /* and what is right comes in all the same */
	ok(store_put(p.s, "g", &wrong, &err));
	ok(store_get_bytes(p.s, &wrong.id, 10, &text, &err));
	EXPECT_STR(text.buf, "two");

	/* what is known is not replaced by what a tree says */
	t.n = 0;
	tree_add(&t, hex(&c.id), TREE_FILE, &blob);
	ok(tree_write(&t, store_packer(p.s), &tree, &err));
	ok(store_sync(p.s, &err));
	ok(closure_learn(p.s, &tree, &err));
	strbuf_clear(&text);
	ok(store_get_bytes(p.s, &c.id, 10, &text, &err));
	EXPECT_STR(text.buf, "one");
	leave(&p);
}

static int64_t git_bytes(const char *dir)
{
	CLEANUP(freep) char *command = xstrfmt("cat %s/git/objects/pack/*.pack %s/git/objects/pack/*.idx | wc -c", dir, dir);

	return atoll(says(command));
}

/* One of many files in one flat directory changes: the commit grows by little. */
static void one_of_many(void)
{
	struct place p = at("many");
	struct content c;
	int64_t before;
	char path[32];
	int i;

	ok(file_mkdirs("flat", &err));
	for (i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "flat/%d.txt", i);
		put(path, path);
	}
	ok(store_put(p.s, "flat", &c, &err));
	objects_of(&p, &c);
	before = git_bytes("many");
	put("flat/777.txt", "another");
	ok(store_put(p.s, "flat", &c, &err));
	objects_of(&p, &c);
	tap_check(git_bytes("many") - before < 65536, __FILE__, __LINE__, "grew by %lld bytes", (long long)(git_bytes("many") - before));
	EXPECT_STR(says("git --git-dir=many/git fsck --full --strict 2>&1 | grep -Ev '^(dangling|notice)'"), "");
	leave(&p);
}

/* A directory whose closure was made is here at one look, unless it needs what is not in git, or is damaged. */
static void whole(void)
{
	CLEANUP(strbuf_release) struct strbuf big = STRBUF_INIT, out = STRBUF_INIT;
	struct place p = at("whole");
	struct content c, with_big;
	int64_t bytes;

	ok(file_mkdirs("w/sub", &err));
	put("w/one", "one");
	put("w/sub/two", "two");
	ok(store_put(p.s, "w", &c, &err));
	objects_of(&p, &c);
	strbuf_addn(&big, 'x', 3000000);
	put("w/big", big.buf);
	ok(store_put(p.s, "w", &with_big, &err));
	objects_of(&p, &with_big);
	leave(&p);
	p = at("whole");
	EXPECT(closure_is_whole(p.s, &c.id, &bytes) && bytes == 6);
	EXPECT(!closure_is_whole(p.s, &with_big.id, &bytes));
	EXPECT(store_has(p.s, &c) && store_has(p.s, &with_big));
	c.size++;
	EXPECT(!store_has(p.s, &c));
	c.size--;
	leave(&p);
	EXPECT_STR(says("LC_ALL=C sed -i s/two/twx/ whole/git/objects/pack/*.pack"), "");
	p = at("whole");
	EXPECT(store_place(p.s, &c, "x", NULL, &err) < 0);
	err_clear(&err);
	EXPECT(!store_has(p.s, &c));
	put("w/again", "two");
	ok(store_put(p.s, "w/again", &with_big, &err));
	EXPECT(store_has(p.s, &c));
	ok(store_sync(p.s, &err));
	leave(&p);
}

static int count(void *ctx, const struct digest *id, int64_t size, bool small)
{
	int64_t *n = ctx;

	(void)id;
	n[0]++;
	n[1] += small;
	n[2] += size < 0;
	return 0;
}

static void visiting(void)
{
	struct place a = at("a"), empty = at("empty");
	struct content c;
	int64_t n[3] = {0}, m[3] = {0};

	ok(store_put(a.s, "d", &c, &err));
	EXPECT_INT(closure_visit(a.s, &c, count, n), 0);
	EXPECT_INT(n[0], 6); /* d, one, same, sub, two, empty */
	EXPECT_INT(n[1], 6);
	EXPECT_INT(n[2], 0);
	EXPECT_INT(closure_visit(empty.s, &c, count, m), 0);
	EXPECT_INT(m[0], 1);
	EXPECT_INT(m[2], 1);
	leave(&empty);
	leave(&a);
}

int main(void)
{
	static const struct tap_test t[] = {
		{"there and back through git", round_trip},
		{"large and absent", large_and_absent},
		{"trees that lie", hostile},
		{"one of many files", one_of_many},
		{"known to be whole", whole},
		{"visiting", visiting},
	};

	return tap_run("closure", t, sizeof(t) / sizeof(t[0]));
}
