/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lifecycle/hookbuild.h"
#include "lifecycle/hookfile.h"
#include "lifecycle/hooklog.h"
#include "lifecycle/hookqueue.h"
#include "lifecycle/where.h"
#include "util/file.h"

#define SHA "0123456789abcdef0123456789abcdef01234567"
#define OTHER_SHA "1123456789abcdef0123456789abcdef01234567"

static struct hook_entry entry(const char *hook, const char *project, const char *ref, const char *commit)
{
	return (struct hook_entry){.hook = (char *)(uintptr_t)hook, .work = (char *)(uintptr_t)".", .project = (char *)(uintptr_t)project,
				   .ref = (char *)(uintptr_t)ref, .commit = (char *)(uintptr_t)commit};
}

/* ---- entries */

static void entry_texts(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct hook_entry e = entry("post-commit", "a b/c%d", "refs/heads/x", SHA), back = {0};

	e.amid = true;
	hook_entry_text(&e, &text);
	EXPECT_STR(text.buf, "1 post-commit . a%20b/c%25d refs/heads/x " SHA " amid");
	EXPECT(hook_entry_parse(text.buf, &back));
	EXPECT_STR(back.project, "a b/c%d");
	EXPECT(back.amid);
	EXPECT(hookqueue_same(&e, &back));
	hook_entry_release(&back);
	EXPECT(hook_entry_parse("1 post-merge worktrees/w - refs/heads/- - -", &back));
	EXPECT_STR(back.project, "");
	EXPECT_STR(back.commit, "");
	EXPECT(!back.amid);
	hook_entry_release(&back);
}

static void entries_that_are_none(void)
{
	static const char *const texts[] = {
		"",
		"1",
		"2 post-commit . - refs/heads/x - -",
		"1 post-commit . - refs/heads/x -",
		"1 post-commit . - refs/heads/x - - -",
		"1 post-commit . - - - -",
		"1 post-commit  - refs/heads/x - -",
		"1 ../x . - refs/heads/x - -",
		"1 post-commit .. - refs/heads/x - -",
		"1 post-commit worktrees/../.. - refs/heads/x - -",
		"1 post-commit worktrees/ - refs/heads/x - -",
		"1 post-commit worktrees/a/b - refs/heads/x - -",
		"1 post-commit /etc - refs/heads/x - -",
		"1 post-commit . ../up refs/heads/x - -",
		"1 post-commit . .git refs/heads/x - -",
		"1 post-commit . - HEAD - -",
		"1 post-commit . - refs/heads/x abc -",
		"1 post-commit . a%0 refs/heads/x - -",
		"1 post-commit . a%zz refs/heads/x - -",
		"1 post-commit . a%00b refs/heads/x - -",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct hook_entry e = {0};
		bool good = hook_entry_parse(texts[i], &e);

		tap_check(!good && !e.hook, __FILE__, __LINE__, "'%s' is an entry", texts[i]);
		hook_entry_release(&e);
	}
}

/* ---- the queue */

static size_t waiting(const char *dir)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;

	EXPECT_INT(hookqueue_read(dir, &q, NULL), 0);
	return q.n;
}

static void numbers_grow(void)
{
	struct hook_entry e = entry("post-commit", "", "refs/heads/x", "");
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;

	EXPECT_INT(waiting("numbers"), 0);
	EXPECT_INT(hookqueue_add("numbers", &e, NULL), 0);
	EXPECT_INT((intmax_t)e.number, 1);
	EXPECT_INT(hookqueue_add("numbers", &e, NULL), 0);
	EXPECT_INT((intmax_t)e.number, 2);
	EXPECT_INT(hookqueue_remove("numbers", 2, NULL), 0);
	EXPECT_INT(hookqueue_remove("numbers", 1, NULL), 0);
	EXPECT_INT(hookqueue_remove("numbers", 1, NULL), 0);
	EXPECT_INT(waiting("numbers"), 0);
	EXPECT_INT(hookqueue_add("numbers", &e, NULL), 0);
	EXPECT_INT((intmax_t)e.number, 3);
	EXPECT_INT(hookqueue_read("numbers", &q, NULL), 0);
	EXPECT_INT((intmax_t)q.last, 2);
}

/* Eight processes at once: every entry is there, each number once. */
static void nothing_is_lost(void)
{
	CLEANUP(hookqueue_release) struct hookqueue q = HOOKQUEUE_INIT;
	int p, i;

	for (p = 0; p < 8; p++) {
		if (fork() != 0)
			continue;
		for (i = 0; i < 50; i++) {
			char ref[64];
			struct hook_entry e;

			snprintf(ref, sizeof(ref), "refs/heads/%d-%d", p, i);
			e = entry("post-commit", "", ref, "");
			if (hookqueue_add("many", &e, NULL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	EXPECT_INT(hookqueue_read("many", &q, NULL), 0);
	EXPECT_INT((intmax_t)q.n, 400);
	for (i = 0; i < (int)q.n; i++)
		EXPECT(q.v[i].hook && (i == 0 || q.v[i].number > q.v[i - 1].number));
}

static void being_asked_to_stop(void)
{
	struct hook_entry e = {.hook = (char *)(uintptr_t)"post-commit", .work = (char *)(uintptr_t)".", .project = (char *)(uintptr_t)"",
			       .ref = (char *)(uintptr_t)"refs/heads/x", .commit = (char *)(uintptr_t)""};

	EXPECT_INT(hookqueue_add("numbers", &e, NULL), 0);
	EXPECT(hookqueue_has("numbers", e.number));
	EXPECT(!hookqueue_has("numbers", e.number + 1));
	EXPECT_INT(hookqueue_remove("numbers", e.number, NULL), 0);
	EXPECT(!hookqueue_has("numbers", e.number));
}

/* ---- the log */

static struct hook_event event(const char *outcome, const char *commit, const char *tree, const char *targets)
{
	return (struct hook_event){.number = 7, .time = 1, .duration = 2, .code = streq(outcome, "done") ? 0 : 1, .outcome = outcome,
				   .hook = "post-commit", .project = "", .ref = "refs/heads/x", .commit = commit, .tree = tree,
				   .targets = targets, .run = "", .text = "tab\tand\nline"};
}

static void log_lines(void)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event e = event("done", SHA, OTHER_SHA, "a b"), back;
	size_t i;

	hook_event_text(&e, &text);
	EXPECT(!strchr(text.buf, '\n'));
	EXPECT(hook_event_parse(text.buf, text.len, &a, &back));
	EXPECT_STR(back.text, e.text);
	EXPECT_STR(back.targets, "a b");
	EXPECT_INT((intmax_t)back.number, 7);
	for (i = 0; i < text.len; i++) { /* whatever byte is wrong, and wherever it ends */
		text.buf[i] ^= 1;
		EXPECT(!hook_event_parse(text.buf, text.len, &a, &back));
		text.buf[i] ^= 1;
		EXPECT(!hook_event_parse(text.buf, i, &a, &back));
	}
}

static void log_files(void)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct hook_event e = event("failed", SHA, OTHER_SHA, ""), *v;
	size_t n;
	int i;

	EXPECT_INT(hooklog_read("log", &a, &v, &n, NULL), 0);
	EXPECT_INT((intmax_t)n, 0);
	EXPECT_INT(hooklog_add("log", &e, NULL), -1);
	EXPECT_INT(file_mkdirs("log", NULL), 0);
	EXPECT_INT(hooklog_add("log", &e, NULL), 0);
	EXPECT_INT(truncate("log/log", 100), 0); /* a line that a full disk cut off */
	e.outcome = "done";
	e.code = 0;
	EXPECT_INT(hooklog_add("log", &e, NULL), 0);
	EXPECT_INT(hooklog_read("log", &a, &v, &n, NULL), 0);
	EXPECT_INT((intmax_t)n, 1);
	EXPECT_STR(v[0].outcome, "done");
	for (i = 0; i < 8000; i++)
		EXPECT_INT(hooklog_add("log", &e, NULL), 0);
	e.number = 9;
	EXPECT_INT(hooklog_add("log", &e, NULL), 0);
	hooklog_tend("log");
	EXPECT_INT(hooklog_read("log", &a, &v, &n, NULL), 0);
	EXPECT(n > 1000 && n < 8000);
	EXPECT_INT((intmax_t)v[n - 1].number, 9);
}

static void what_was_built(void)
{
	const struct hook_event v[] = {
		event("failed", SHA, "t1", "a b"), event("done", OTHER_SHA, "t2", "a b"), event("done", SHA, "t1", "c"), event("done", SHA, "t3", ""),
	};

	EXPECT(hooklog_built(v, 4, "", "a b", SHA, NULL) == &v[0]);
	EXPECT(hooklog_built(v, 4, "", "b", SHA, NULL) == &v[0]);
	EXPECT(hooklog_built(v, 4, "", "a", NULL, "t2") == &v[1]);
	EXPECT(hooklog_built(v, 4, "", "c", SHA, NULL) == &v[2]);
	EXPECT(hooklog_built(v, 4, "", "", SHA, NULL) == &v[3]);
	EXPECT(hooklog_built(v, 4, "", "d", SHA, "t1") == NULL);
	EXPECT(hooklog_built(v, 4, "sub", "c", SHA, NULL) == NULL);
	EXPECT(hooklog_built(v, 4, "", "a", NULL, NULL) == NULL);
}

/* ---- small questions */

static void wishes(void)
{
	static const char *const patterns[] = {"main", "release/*"};

	EXPECT(hookbuild_is_wanted(patterns, 2, "refs/heads/main"));
	EXPECT(hookbuild_is_wanted(patterns, 2, "refs/heads/release/1"));
	EXPECT(!hookbuild_is_wanted(patterns, 2, "refs/heads/release/1/2"));
	EXPECT(!hookbuild_is_wanted(patterns, 2, "refs/heads/mainly"));
	EXPECT(!hookbuild_is_wanted(patterns, 2, ""));
	EXPECT(hookbuild_is_wanted(NULL, 0, ""));
	EXPECT(hookbuild_is_skipped("words\n\nand [mlmake skip] more"));
	EXPECT(hookbuild_is_skipped("[MLMAKE SKIP]"));
	EXPECT(!hookbuild_is_skipped("mlmake skip"));
}

static void states_of_a_work_tree(void)
{
	EXPECT_INT(file_mkdirs("git", NULL), 0);
	EXPECT(where_is_amid("git") == NULL);
	EXPECT_INT(file_write("git/BISECT_LOG", "", 0, 0644, false, NULL), 0);
	EXPECT_STR(where_is_amid("git"), "a bisection");
	EXPECT_INT(file_mkdirs("git/rebase-merge", NULL), 0);
	EXPECT_STR(where_is_amid("git"), "a rebase");
}

/* ---- files of hooks */

static enum hookfile_state state_of(const char *name)
{
	CLEANUP(hookfile_release) struct hookfile h = HOOKFILE_INIT;

	EXPECT_INT(hookfile_look("hooks", name, &h, NULL), 0);
	return h.state;
}

static void hook_files(void)
{
	CLEANUP(strvec_release) struct strvec names = STRVEC_INIT;
	struct stat before, after;

	EXPECT_INT(state_of("a"), HOOKFILE_NONE);
	EXPECT_INT(file_write("hooks/a", "#!/bin/sh\n", 10, 0711, false, NULL), 0);
	EXPECT_INT(stat("hooks/a", &before), 0);
	EXPECT_INT(state_of("a"), HOOKFILE_OTHER);
	EXPECT_INT(hookfile_install("hooks", "a", "it's", "/opt/it's here/mlmake", NULL), 0);
	EXPECT_INT(hookfile_install("hooks", "a", "", "/opt/it's here/mlmake", NULL), 0);
	EXPECT_INT(state_of("a"), HOOKFILE_OURS);
	EXPECT_INT(system("sh -n hooks/a && grep -qF \"mlmake='/opt/it'\\\\''s here/mlmake'\" hooks/a"), 0);
	EXPECT_INT(hookfile_list("hooks", &names, NULL), 0);
	EXPECT_INT((intmax_t)names.n, 1);
	EXPECT_STR(names.v[0], "a");
	EXPECT_INT(hookfile_uninstall("hooks", "a", "it's", NULL), 0);
	EXPECT_INT(state_of("a"), HOOKFILE_OURS);
	EXPECT_INT(system("grep -qF \"mlmake='/opt/it'\\\\''s here/mlmake'\" hooks/a"), 0);
	EXPECT_INT(hookfile_uninstall("hooks", "a", "", NULL), 0);
	EXPECT_INT(stat("hooks/a", &after), 0);
	EXPECT(before.st_ino == after.st_ino && before.st_mode == after.st_mode);
	EXPECT(!file_exists("hooks/a.before-mlmake"));
	/* an install that was killed after it kept the old one under both names, and an uninstall after that */
	EXPECT_INT(link("hooks/a", "hooks/a.before-mlmake"), 0);
	EXPECT(hookfile_install("hooks", "a", "", "mlmake", NULL) == 0);
	EXPECT_INT(hookfile_uninstall("hooks", "a", "", NULL), 0);
	EXPECT_INT(stat("hooks/a", &after), 0);
	EXPECT(before.st_ino == after.st_ino && !file_exists("hooks/a.before-mlmake"));
	/* another that stands in the way stays */
	EXPECT_INT(file_write("hooks/a.before-mlmake", "x", 1, 0644, false, NULL), 0);
	EXPECT_INT(hookfile_install("hooks", "a", "", "mlmake", NULL), -1);
	EXPECT_INT(state_of("a"), HOOKFILE_OTHER);
}

int main(void)
{
	static const struct tap_test tests[] = {
		{"entries as texts", entry_texts},
		{"texts that are no entries", entries_that_are_none},
		{"numbers only grow", numbers_grow},
		{"eight at once: nothing is lost", nothing_is_lost},
		{"being asked to stop", being_asked_to_stop},
		{"lines of the log", log_lines},
		{"the log on disk", log_files},
		{"what was built", what_was_built},
		{"branches and messages", wishes},
		{"states of a work tree", states_of_a_work_tree},
		{"files of hooks", hook_files},
	};

	return tap_run("hooks", tests, ARRAY_SIZE(tests));
}
