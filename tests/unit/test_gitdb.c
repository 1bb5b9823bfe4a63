/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gitdb/gitdb.h"
#include "gitdb/pack.h"
#include "gitdb/tidy.h"
#include "gitdb/tree.h"
#include "util/file.h"

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

static struct gitdb *fresh(const char *name)
{
	struct gitdb *db = gitdb_new(name);

	EXPECT_INT(gitdb_make(db, NULL), 0);
	return db;
}

static struct git_id add(struct packer *p, const char *text, unsigned how)
{
	struct git_id id;

	EXPECT_INT(packer_add(p, GITDB_BLOB, text, strlen(text), how, &id, NULL), 0);
	return id;
}

static const char *hex_of(const struct git_id *id)
{
	static char hex[GIT_ID_HEX + 1];

	git_id_hex(id, hex);
	return hex;
}

static void names(void)
{
	struct git_id id, again;

	gitdb_name(GITDB_BLOB, "hello\n", 6, &id); /* `printf 'hello\n' | git hash-object --stdin` */
	EXPECT_STR(hex_of(&id), "ce013625030ba8dba906f756967f9e9ca394464a");
	EXPECT(git_id_parse("ce013625030ba8dba906f756967f9e9ca394464a", &again) && git_id_eq(&id, &again));
	EXPECT(!git_id_parse("ce013625030ba8dba906f756967f9e9ca394464", &again));
	EXPECT(!git_id_parse("CE013625030ba8dba906f756967f9e9ca394464a", &again));
}

static void packs(void)
{
	struct gitdb *db = fresh("packs.git");
	struct packer *p = packer_new(db);
	CLEANUP(strbuf_release) struct strbuf large = STRBUF_INIT, got = STRBUF_INIT;
	struct git_id a, b, c, d, again;
	size_t i;

	for (i = 0; i < 50000; i++)
		strbuf_addf(&large, "line %zu\n", i);
	a = add(p, "hello\n", PACKER_STORED);
	b = add(p, "", PACKER_STORED);
	c = add(p, large.buf, PACKER_STORED);
	again = add(p, "hello\n", PACKER_STORED);
	EXPECT(git_id_eq(&a, &again));
	EXPECT(packer_has(p, &a));
	EXPECT(!gitdb_has(db, &a, true));
	EXPECT_INT(packer_read(p, &c, GITDB_BLOB, large.len, &got, NULL), 0);
	EXPECT(got.len == large.len && memcmp(got.buf, large.buf, got.len) == 0);
	EXPECT_INT(packer_read(p, &c, GITDB_BLOB, large.len - 1, &got, NULL), -1);
	strbuf_addstr(&large, "more");
	d = add(p, large.buf, PACKER_COMPRESSED);
	EXPECT_INT(packer_finish(p, NULL), 0);
	EXPECT(!packer_has(p, &a));
	EXPECT(gitdb_has(db, &a, true) && gitdb_has(db, &b, true) && gitdb_has(db, &d, true));
	EXPECT_STR(says("git -C packs.git cat-file blob ce013625030ba8dba906f756967f9e9ca394464a"), "hello");
	EXPECT_STR(says("git -C packs.git fsck --full --strict 2>&1 | grep -Ev '^(dangling|notice)'"), "");
	EXPECT_STR(says("cd packs.git && git verify-pack objects/pack/*.idx 2>&1"), "");
	EXPECT_STR(says("ls packs.git/objects/pack | sed 's/.*\\.//' | sort | tr '\\n' ' '"), "idx keep pack ");
	EXPECT_STR(says("cd packs.git && for i in objects/pack/*.idx; do cp $i ../want.idx; git index-pack -o ../got.idx ${i%.idx}.pack >/dev/null"
			" && cmp ../got.idx ../want.idx; done"), "");
	strbuf_clear(&got);
	EXPECT_INT(gitdb_read(db, &d, GITDB_BLOB, large.len, &got, NULL), 0);
	EXPECT(got.len == large.len && memcmp(got.buf, large.buf, got.len) == 0);

	/* what is there is not written again, and nothing new makes no pack */
	add(p, "hello\n", PACKER_STORED);
	EXPECT_INT(packer_finish(p, NULL), 0);
	packer_release_keep(p);
	EXPECT_STR(says("ls packs.git/objects/pack | wc -l"), "2");
	packer_free(p);
	gitdb_free(db);
}

static void what_kills_left(void)
{
	struct gitdb *db = fresh("swept.git");
	struct packer *p = packer_new(db), *q = packer_new(db);

	EXPECT_INT(file_write("swept.git/objects/pack/mlmake_tmp_1", "x", 1, 0600, false, NULL), 0);
	add(p, "one", PACKER_STORED);
	EXPECT_STR(says("ls swept.git/objects/pack | grep -c mlmake_tmp"), "1");
	add(q, "two", PACKER_STORED); /* p's is held */
	EXPECT_STR(says("ls swept.git/objects/pack | grep -c mlmake_tmp"), "2");
	packer_free(p);
	EXPECT_INT(packer_finish(q, NULL), 0);
	packer_free(q);
	EXPECT_STR(says("ls swept.git/objects/pack | grep -c mlmake_tmp"), "0");
	gitdb_free(db);
}

/* Many packs become few, and nothing is lost; a damaged one stays as it is. */
static void few_packs(void)
{
	struct gitdb *db = fresh("few.git");
	struct git_id ids[70];
	char text[64];
	int i;

	for (i = 0; i < 70; i++) {
		struct packer *p = packer_new(db);

		snprintf(text, sizeof(text), "object %d\n", i);
		ids[i] = add(p, text, i % 2 ? PACKER_COMPRESSED : PACKER_STORED);
		EXPECT_INT(packer_finish(p, NULL), 0);
		EXPECT_INT(tidy_packs(db, p, "few.list", NULL), 0);
		packer_release_keep(p);
		packer_free(p);
		if (i == 5) /* a byte of the first pack */
			EXPECT_INT(system("f=$(ls -tr few.git/objects/pack/*.pack | head -n 1); chmod u+w $f; printf X | dd of=$f bs=1 seek=20 "
					  "conv=notrunc 2> /dev/null; basename $f > few.damaged"), 0);
	}
	EXPECT(atoi(says("ls few.git/objects/pack/*.pack | wc -l")) <= 22);
	EXPECT_STR(says("ls few.git/objects/pack/*.keep 2> /dev/null"), "");
	EXPECT_STR(says("test -f few.git/objects/pack/$(cat few.damaged) && echo there"), "there");
	EXPECT_STR(says("rm -f few.git/objects/pack/$(basename $(cat few.damaged) .pack).*; git -C few.git fsck --full 2>&1 | grep -Ev "
			"'^(dangling|notice)'"), "");
	EXPECT_STR(says("git -C few.git cat-file --batch-all-objects --batch-check | wc -l"), "69");
	gitdb_free(db);
	db = gitdb_new("few.git");
	for (i = 0; i < 70; i++)
		EXPECT_INT(gitdb_has(db, &ids[i], true), i > 0);
	gitdb_free(db);
}

/* While a build goes on for hours, `git gc` makes other packs of those that it knows. */
static void packs_that_go(void)
{
	struct gitdb *db = fresh("gone.git");
	struct packer *p = packer_new(db);
	CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct git_id one = add(p, "one", 0), two;
	size_t size;
	enum gitdb_kind kind;

	EXPECT_INT(packer_finish(p, NULL), 0);
	two = add(p, "two", 0);
	EXPECT_INT(packer_finish(p, NULL), 0);
	packer_release_keep(p);
	EXPECT(gitdb_has(db, &one, true) && gitdb_has(db, &two, true));
	EXPECT_STR(says("cd gone.git && for b in $(git cat-file --batch-all-objects --batch-check='%(objectname)'); do git update-ref refs/tags/$b $b; "
			"done; git repack -adq --window=0 && ls objects/pack/*.pack | wc -l"), "1");
	EXPECT_INT(gitdb_look(db, &one, &kind, &size, NULL), 0);
	EXPECT_INT(gitdb_read(db, &two, GITDB_BLOB, 10, &got, &err), 0);
	EXPECT_STR(err.msg ? err.msg : "", "");
	EXPECT_STR(got.buf, "two");
	packer_free(p);
	gitdb_free(db);
}

struct adder {
	struct packer *p;
	int from;
};

static void *add_many(void *arg)
{
	struct adder *a = arg;
	char text[64];
	int i;

	for (i = a->from; i < a->from + 2000; i++) {
		struct git_id id;
		CLEANUP(strbuf_release) struct strbuf got = STRBUF_INIT;

		snprintf(text, sizeof(text), "number %d\n", i);
		EXPECT_INT(packer_add(a->p, GITDB_BLOB, text, strlen(text), 0, &id, NULL), 0);
		if (i % 100 == 0) {
			EXPECT_INT(packer_read(a->p, &id, GITDB_BLOB, 64, &got, NULL), 0);
			EXPECT_STR(got.buf, text);
		}
	}
	return NULL;
}

static void many_threads(void)
{
	struct gitdb *db = fresh("threads.git");
	struct packer *p = packer_new(db);
	struct adder adders[4] = {{p, 0}, {p, 1000}, {p, 2000}, {p, 3000}};
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < 4; i++)
		EXPECT_INT(pthread_create(&threads[i], NULL, add_many, &adders[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_INT(packer_finish(p, NULL), 0);
	EXPECT_STR(says("git -C threads.git count-objects -v | grep in-pack"), "in-pack: 5000");
	EXPECT_STR(says("git -C threads.git fsck --full 2>&1 | grep -Evc '^(dangling|notice)'"), "0");
	packer_free(p);
	gitdb_free(db);
}

static void trees(void)
{
	struct gitdb *db = fresh("trees.git");
	struct packer *p = packer_new(db);
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct git_id one = add(p, "one", 0), two = add(p, "two", 0), id;
	struct tree_entry e, *v;
	size_t n;

	tree_add(&t, "a/x", TREE_FILE, &one);
	tree_add(&t, "a.c", TREE_FILE, &two);
	tree_add(&t, "a-b/c/d", TREE_EXEC, &one);
	tree_add(&t, "a0", TREE_LINK, &two);
	tree_add(&t, "a/b", TREE_FILE, &two);
	tree_add(&t, "a/x", TREE_FILE, &one);
	EXPECT_INT(tree_write(&t, p, &id, NULL), 0);
	EXPECT_INT(packer_finish(p, NULL), 0);
	EXPECT_STR(says("git -C trees.git fsck --full --strict 2>&1 | grep -Ev '^(dangling|notice)'"), "");
	/* as git's own index makes it */
	EXPECT_STR(hex_of(&id), says("cd trees.git && one=$(printf one | git hash-object -w --stdin) && two=$(printf two | git hash-object -w "
				     "--stdin) && printf '100644 %s\\ta/x\\n100644 %s\\ta.c\\n100755 %s\\ta-b/c/d\\n120000 "
				     "%s\\ta0\\n100644 %s\\ta/b\\n' $one $two $one $two $two | git update-index --add --index-info && git "
				     "write-tree"));
	EXPECT_INT(tree_read(db, &id, 4096, &a, &v, &n, NULL), 0);
	EXPECT_INT(n, 4);
	EXPECT_STR(n == 4 ? v[0].name : "", "a-b");
	EXPECT_STR(n == 4 ? v[2].name : "", "a");
	EXPECT_INT(tree_find(db, &id, "a-b/c/d", &e, NULL), 1);
	EXPECT(git_id_eq(&e.id, &one));
	EXPECT_INT(e.mode, TREE_EXEC);
	EXPECT_INT(tree_find(db, &id, "a-b/c/e", &e, NULL), 0);
	EXPECT_INT(tree_find(db, &id, "a.c/d", &e, NULL), 0);
	tree_add(&t, "a.c/d", TREE_FILE, &one);
	tree_add(&t, "a.c-", TREE_FILE, &one);
	EXPECT_INT(tree_write(&t, p, &id, NULL), -1);
	packer_free(p);
	gitdb_free(db);
}

static void refuse_tree(struct packer *p, const char *text, size_t n)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct tree_entry *v;
	struct git_id id;

	EXPECT_INT(packer_add(p, GITDB_TREE, text, n, 0, &id, NULL), 0);
	EXPECT_INT(packer_finish(p, NULL), 0);
	struct gitdb *db = gitdb_new("hostile.git");
	EXPECT_INT(tree_read(db, &id, 4096, &a, &v, &n, &err), -1);
	EXPECT_INT(err.code, ERR_PARSE);
	gitdb_free(db);
}

static void hostile_trees(void)
{
	struct gitdb *db = fresh("hostile.git");
	struct packer *p = packer_new(db);

	refuse_tree(p, "100644 ..\0aaaaaaaaaaaaaaaaaaaa", 30);
	refuse_tree(p, "100644 a/b\0aaaaaaaaaaaaaaaaaaaa", 31);
	refuse_tree(p, "100644 \0aaaaaaaaaaaaaaaaaaaa", 28);
	refuse_tree(p, "100644 a\0aaaaaaaaaaaaaaaaaaa", 28);
	refuse_tree(p, "100644 a", 8);
	refuse_tree(p, "100644", 6);
	packer_free(p);
	gitdb_free(db);
}

static int count(void *ctx, const char *name, const struct git_id *id)
{
	(void)id;
	EXPECT_STR(name, "refs/mlmake/log/me");
	++*(int *)ctx;
	return 0;
}

static void commits_and_refs(void)
{
	struct gitdb *db = fresh("refs.git");
	struct packer *p = packer_new(db);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct commit c = {.author = "A U Thor <author@example.org>", .time = 1700000000, .message = "done: 3 ran\n\nRun: x\n"}, again;
	struct git_id first, second, got;
	int n = 0;

	EXPECT_INT(packer_add(p, GITDB_TREE, "", 0, 0, &c.tree, NULL), 0);
	commit_text(&c, &text);
	EXPECT_INT(packer_add(p, GITDB_COMMIT, text.buf, text.len, 0, &first, NULL), 0);
	c.parents = &first;
	c.n_parents = 1;
	strbuf_clear(&text);
	commit_text(&c, &text);
	EXPECT_INT(packer_add(p, GITDB_COMMIT, text.buf, text.len, 0, &second, NULL), 0);
	EXPECT_INT(packer_finish(p, NULL), 0);
	EXPECT_INT(commit_read(db, &second, &a, &again, NULL), 0);
	EXPECT(git_id_eq(&again.tree, &c.tree));
	EXPECT(again.n_parents == 1 && git_id_eq(&again.parents[0], &first));
	EXPECT_STR(again.author, c.author);
	EXPECT_STR(again.message, c.message);
	EXPECT_INT(again.time, c.time);

	EXPECT_INT(gitdb_ref(db, "refs/mlmake/log/me", &got, NULL), 0);
	EXPECT_INT(gitdb_set_ref(db, "refs/mlmake/log/me", NULL, &first, "run", NULL), 0);
	EXPECT_INT(gitdb_set_ref(db, "refs/mlmake/log/me", NULL, &second, "run", &err), -1);
	EXPECT_INT(err.code, ERR_MOVED);
	EXPECT_INT(gitdb_set_ref(db, "refs/mlmake/log/me", &second, &second, "run", NULL), -1);
	EXPECT_INT(gitdb_set_ref(db, "refs/mlmake/log/me", &first, &second, "run", NULL), 0);
	EXPECT_INT(gitdb_ref(db, "refs/mlmake/log/me", &got, NULL), 1);
	EXPECT(git_id_eq(&got, &second));
	EXPECT_INT(gitdb_refs(db, "refs/mlmake/log/*", count, &n, NULL), 0);
	EXPECT_INT(n, 1);
	EXPECT_STR(says("git -C refs.git log --format=%s refs/mlmake/log/me | tr '\\n' ' '"), "done: 3 ran done: 3 ran ");
	EXPECT_STR(says("git -C refs.git fsck --full --strict 2>&1 | grep -Ev '^(dangling|notice)'"), "");
	EXPECT_INT(gitdb_resolve(db, "refs/mlmake/log/me~1", GITDB_COMMIT, &got, NULL), 0);
	EXPECT(git_id_eq(&got, &first));
	EXPECT_INT(gitdb_resolve(db, "refs/mlmake/log/me", GITDB_TREE, &got, NULL), 0);
	EXPECT(git_id_eq(&got, &c.tree));
	EXPECT_INT(gitdb_resolve(db, "nonesuch", 0, &got, NULL), -1);
	packer_free(p);
	gitdb_free(db);
}

static void what_cannot_be_opened(void)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct gitdb *db = gitdb_new("nowhere.git");

	EXPECT_INT(gitdb_open(db, &err), -1);
	EXPECT_INT(err.code, ERR_NOTFOUND);
	gitdb_free(db);
	says("git init -q --bare --object-format=sha256 sha256.git");
	db = gitdb_new("sha256.git");
	EXPECT_INT(gitdb_open(db, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT(err.msg && strstr(err.msg, "SHA-256"));
	gitdb_free(db);
}

int main(void)
{
	static const struct tap_test t[] = {
		{"names", names},
		{"packs", packs},
		{"what kills left", what_kills_left},
		{"few packs", few_packs},
		{"packs that go", packs_that_go},
		{"many threads", many_threads},
		{"trees", trees},
		{"hostile trees", hostile_trees},
		{"commits and refs", commits_and_refs},
		{"what cannot be opened", what_cannot_be_opened},
	};

	return tap_run("gitdb", t, sizeof(t) / sizeof(t[0]));
}
