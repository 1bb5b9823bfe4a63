/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lineage/lineage.h"
#include "util/file.h"

static struct err err;

/* A clone without a work tree: all that the lineage looks at. */
struct clone {
	struct repo repo;
	struct gitdb *db;
	struct lineage *l;
	struct packer *p;
};

static void clone_open(struct clone *c, const char *name)
{
	c->repo = (struct repo){.in_git = true, .top = (char *)(uintptr_t)".", .prefix = (char *)(uintptr_t)"", .git_dir = (char *)(uintptr_t)name};
	c->repo.shared = xstrfmt("%s/mlmake", name);
	c->db = gitdb_new(name);
	EXPECT_INT(gitdb_make(c->db, NULL), 0);
	c->l = lineage_new(&c->repo, c->db);
	c->p = packer_new(c->db);
}

static void clone_close(struct clone *c)
{
	packer_free(c->p);
	lineage_free(c->l);
	gitdb_free(c->db);
	free(c->repo.shared);
}

static int finish(void *ctx, struct err *e)
{
	return packer_finish(ctx, e);
}

static void append(struct clone *c, const char *id, int64_t time, const char *outcome)
{
	CLEANUP(tree_builder_release) struct tree_builder t = TREE_BUILDER_INIT;
	struct run_reason why = {"param", "train.eta\twith a tab", "0.1", NULL};
	struct run_part part = {.name = "train@1", .result = "done", .has_key = true, .duration = 5, .reasons = &why, .n_reasons = 1};
	struct run r = {.id = id, .time = time, .outcome = outcome, .author = "A U Thor <author@example.org>", .project = "",
			.dirty = -1, .parts = &part, .n_parts = 1};

	CLEANUP(freep) char *writer = NULL;

	EXPECT_INT(lineage_append(c->l, &r, &t, c->p, finish, c->p, &err), 0);
	EXPECT_STR(err.msg ? err.msg : "", "");
	err_clear(&err);
	EXPECT_INT(lineage_writer(c->l, &writer, NULL), 0);
	EXPECT_STR(r.writer, writer); /* also after the cache was read anew */
}

/* The ids of all runs, in order. */
static const char *ids(struct clone *c)
{
	static char out[4096];
	struct lineage *l = lineage_new(&c->repo, c->db);
	const struct run *runs;
	size_t n, i, at = 0;

	out[0] = '\0';
	EXPECT_INT(lineage_runs(l, &runs, &n, &err), 0);
	EXPECT_STR(err.msg ? err.msg : "", "");
	err_clear(&err);
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s", i ? " " : "", runs[i].id);
	lineage_free(l);
	return out;
}

static void a_run_as_text(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct run_reason why[] = {{"param", "eta", "0.1", "0.05"}, {"data", "raw\nfile\t\\.csv", NULL, ""}, {"new", "", NULL, NULL}};
	struct run_part parts[] = {{.name = "train@1", .result = "done", .has_key = true, .duration = 800, .reasons = why, .n_reasons = 3},
				   {.name = "odd\nname", .result = "failed"}};
	const char *targets[] = {"", "odd\ntarget"}, *left[] = {"odd\nleft"};
	struct run r = {.id = "20261123T180509-1f3a5c07",
			.time = 1732385109000000000,
			.duration = 240000000,
			.saved = 7,
			.outcome = "failed",
			.author = "A U Thor <author@example.org>",
			.command = "mlmake train",
			.because = "two\nlines",
			.host = "Linux",
			.project = "sub/dir",
			.source = "ce013625030ba8dba906f756967f9e9ca394464a",
			.dirty = 1,
			.has_tree = true,
			.targets = targets,
			.n_targets = 2,
			.left = left,
			.n_left = 1,
			.parts = parts,
			.n_parts = 2};
	struct run got = {.id = NULL};

	parts[0].key.b[0] = 0xab;
	run_write(&r, &text);
	EXPECT_STR(text.buf,
		   "# mlmake run 1\nid 20261123T180509-1f3a5c07\ntime 1732385109000000000\nduration 240000000\nsaved 7\noutcome failed\n"
		   "author A U Thor <author@example.org>\ncommand mlmake train\nbecause two\\nlines\nhost Linux\nproject sub/dir\n"
		   "source ce013625030ba8dba906f756967f9e9ca394464a dirty\ntree 0000000000000000000000000000000000000000\n"
		   "target \ntarget odd\\ntarget\nleft odd\\nleft\n"
		   "part done 800 ab00000000000000000000000000000000000000000000000000000000000000 train@1\n"
		   "why param\teta\t=0.1\t=0.05\nwhy data\traw\\nfile\\t\\\\.csv\t\t=\nwhy new\t\t\t\n"
		   "part failed 0 - odd\\nname\n");
	EXPECT_INT(run_parse(text.buf, text.len, &a, &got, NULL), 0);
	EXPECT_STR(got.parts[0].reasons[1].name, "raw\nfile\t\\.csv");
	EXPECT(got.parts[0].reasons[1].old == NULL);
	EXPECT_STR(got.parts[0].reasons[1].new, "");
	run_write(&got, &again);
	EXPECT_STR(again.buf, text.buf);
}

static void a_run_damaged_anywhere(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct run_part part = {.name = "a", .result = "done"};
	struct run r = {.id = "x", .outcome = "done", .project = "", .dirty = -1, .parts = &part, .n_parts = 1};
	size_t i;

	run_write(&r, &text);
	for (i = 0; i < text.len; i++) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		CLEANUP(freep) char *copy = xmalloc(text.len);
		struct run got = {.id = NULL};

		memcpy(copy, text.buf, text.len);
		if (run_parse(copy, i, &a, &got, NULL) == 0) /* cut between lines: what is there is whole */
			EXPECT(copy[i - 1] == '\n');
		copy[i] = '\0';
		EXPECT_INT(run_parse(copy, text.len, &a, &got, NULL), -1);
	}
}

static void a_chain(void)
{
	struct clone c;
	const struct run *r;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	clone_open(&c, "chain.git");
	EXPECT_STR(ids(&c), "");
	append(&c, "20260101T000000-aaaa0001", 1, "done");
	append(&c, "20260102T000000-aaaa0002", 2, "failed");
	append(&c, "20260103T000000-bbbb0003", 3, "done");
	EXPECT_STR(ids(&c), "20260101T000000-aaaa0001 20260102T000000-aaaa0002 20260103T000000-bbbb0003");

	/* without the cache, and with one that is damaged or cut anywhere, the same */
	EXPECT_INT(file_read("chain.git/mlmake/runs", 1 << 20, &text, NULL), 0);
	EXPECT_INT(unlink("chain.git/mlmake/runs"), 0);
	EXPECT_STR(ids(&c), "20260101T000000-aaaa0001 20260102T000000-aaaa0002 20260103T000000-bbbb0003");
	for (size_t i = 0; i < text.len; i += 7) {
		EXPECT_INT(file_write("chain.git/mlmake/runs", text.buf, i, 0644, false, NULL), 0);
		EXPECT_STR(ids(&c), "20260101T000000-aaaa0001 20260102T000000-aaaa0002 20260103T000000-bbbb0003");
		text.buf[i] ^= 1;
		EXPECT_INT(file_write("chain.git/mlmake/runs", text.buf, text.len, 0644, false, NULL), 0);
		EXPECT_STR(ids(&c), "20260101T000000-aaaa0001 20260102T000000-aaaa0002 20260103T000000-bbbb0003");
		text.buf[i] ^= 1;
	}
	unlink("chain.git/mlmake/runs");
	append(&c, "20260104T000000-cccc0004", 4, "done"); /* finds it lost and reads all again */
	EXPECT_STR(ids(&c), "20260101T000000-aaaa0001 20260102T000000-aaaa0002 20260103T000000-bbbb0003 20260104T000000-cccc0004");
	strbuf_clear(&text);
	EXPECT_INT(file_read("chain.git/mlmake/runs", 1 << 20, &text, NULL), 0);
	EXPECT(strstr(text.buf, "aaaa0001") && strstr(text.buf, "cccc0004"));

	clone_close(&c);
	clone_open(&c, "chain.git");
	r = lineage_find(c.l, "20260102", NULL);
	EXPECT_STR(r ? r->id : "", "20260102T000000-aaaa0002");
	EXPECT(r && r->own);
	EXPECT(!lineage_find(c.l, "2026", &err));
	EXPECT_INT(err.code, ERR_INVALID);
	err_clear(&err);
	EXPECT(!lineage_find(c.l, "nonesuch", &err));
	EXPECT_INT(err.code, ERR_NOTFOUND);
	err_clear(&err);
	clone_close(&c);
}

/* Two clones' chains, one fetched from the other, are one history. */
static void two_writers(void)
{
	struct clone a, b;

	clone_open(&a, "a.git");
	clone_open(&b, "b.git");
	append(&a, "a1", 1, "done");
	append(&b, "b2", 2, "done");
	append(&a, "a3", 3, "done");
	EXPECT_INT(system("git -C b.git fetch -q ../a.git 'refs/mlmake/log/*:refs/mlmake/log/*'"), 0);
	EXPECT_STR(ids(&b), "a1 b2 a3");
	EXPECT_INT(lineage_refresh(b.l, NULL), 0);
	append(&b, "b4", 4, "done");
	append(&a, "a5", 5, "done");
	EXPECT_INT(system("git -C b.git fetch -q ../a.git 'refs/mlmake/log/*:refs/mlmake/log/*'"), 0);
	EXPECT_STR(ids(&b), "a1 b2 a3 b4 a5");
	clone_close(&a);
	clone_close(&b);
}

/* Eight processes append to one chain: none is lost. */
static void a_race(void)
{
	struct clone c;
	char id[16];
	pid_t pids[8];
	int i, j, status;
	const char *all;

	clone_open(&c, "race.git");
	append(&c, "first", 0, "done");
	clone_close(&c);
	for (i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			clone_open(&c, "race.git");
			for (j = 0; j < 5; j++) {
				snprintf(id, sizeof(id), "r%d%d", i, j);
				append(&c, id, 10 * i + j, "done");
			}
			_exit(0);
		}
	}
	for (i = 0; i < 8; i++)
		EXPECT(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
	clone_open(&c, "race.git");
	all = ids(&c);
	for (i = 0; i < 8; i++)
		for (j = 0; j < 5; j++) {
			snprintf(id, sizeof(id), "r%d%d", i, j);
			EXPECT(strstr(all, id) != NULL);
		}
	EXPECT_INT(system("test $(git -C race.git rev-list --all --count) = 41"), 0);
	EXPECT_INT(system("git -C race.git fsck --full --strict > fsck 2>&1"), 0);
	clone_close(&c);
}

int main(void)
{
	static const struct tap_test t[] = {
		{"a run as text", a_run_as_text},
		{"a run damaged anywhere", a_run_damaged_anywhere},
		{"a chain", a_chain},
		{"two writers", two_writers},
		{"a race", a_race},
	};

	return tap_run("lineage", t, sizeof(t) / sizeof(t[0]));
}
