/* SPDX-License-Identifier: GPL-3.0-or-later */
/* git's merge driver for mlmake.lock: called in the work tree's top with the files BASE OURS THEIRS and the lock's path in the tree; the
 * result goes to OURS, and 0 says that there is no conflict. `mlmake init --git` installs it. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "gitdb/repo.h"
#include "stale/lockfile.h"
#include "store/keyed.h"
#include "util/file.h"
#include "util/path.h"
#include "util/process.h"

#define LOCK_LIMIT ((size_t)1 << 32)

struct merge_sides {
	const char *path;       /* of the lock, for people */
	const char *files[3];   /* base, ours, theirs */
	struct strbuf texts[3];
	struct lockfile locks[3];
};

static int read_sides(struct merge_sides *m, struct err *err)
{
	static const char *const names[] = {"base", "ours", "theirs"};
	size_t i;

	for (i = 0; i < 3; i++) {
		CLEANUP(freep) char *name = xstrfmt("%s (%s)", m->path, names[i]);

		if (file_read(m->files[i], LOCK_LIMIT, &m->texts[i], err) < 0 ||
		    lockfile_parse(&m->locks[i], name, m->texts[i].buf, m->texts[i].len, err) < 0)
			return -1;
	}
	return 0;
}

/* What cannot be read as locks is merged as the text that it is. */
static int merge_as_text(const struct merge_sides *m, struct err *err)
{
	CLEANUP(strvec_release) struct strvec argv = STRVEC_INIT;
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT, errors = STRBUF_INIT;
	struct process_start how = {.argv = &argv};
	int status;

	strvec_pushf(&argv, "git");
	strvec_push(&argv, "merge-file");
	strvec_push(&argv, "-Lours");
	strvec_push(&argv, "-Lbase");
	strvec_push(&argv, "-Ltheirs");
	strvec_push(&argv, m->files[1]);
	strvec_push(&argv, m->files[0]);
	strvec_push(&argv, m->files[2]);
	status = process_run(&how, NULL, 0, LOCK_LIMIT, &out, &errors, err);
	if (status < 0)
		return -1;
	fwrite(errors.buf, 1, errors.len, stderr);
	return status ? EXIT_STAGE_FAILED : EXIT_DONE;
}

/* What both branches know is known here from now on: who left it out can put it back. It is a cache, so failing does no harm. */
static void keep_records(struct merge_sides *m)
{
	CLEANUP(repo_release) struct repo repo = {0};
	CLEANUP(freep) struct keyed_item *items = NULL;
	CLEANUP(freep) char *dir = NULL;
	char name[48];
	struct keyed *records;
	size_t i, n = 0;

	if (repo_find(&repo, NULL) < 0 || !repo.in_git)
		return;
	items = xcalloc(m->locks[1].by_instance.n + m->locks[2].by_instance.n + 1, sizeof(*items));
	dir = xstrfmt("%s/records", repo.shared);
	records = keyed_new(dir, "records");
	for (i = 1; i < 3; i++) {
		struct map_slot *s;
		size_t at = 0;

		while ((s = map_next(&m->locks[i].by_instance, &at))) {
			const struct lock_block *b = s->value;

			if (b->holds && !keyed_has(records, &b->record->key))
				items[n++] = (struct keyed_item){b->record->key, b->text, b->len, i};
		}
	}
	keyed_name(name);
	if (keyed_add(records, name, items, n, NULL) < 0)
		n = 0;
	keyed_free(records);
}

static int merge(struct merge_sides *m, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec left_out = STRVEC_INIT;
	size_t i;

	if (read_sides(m, err) < 0) {
		fprintf(stderr, "mlmake: warning: %s; it is merged as text\n", err->msg);
		err_clear(err);
		return merge_as_text(m, err);
	}
	lockfile_merge(&m->locks[0], &m->locks[1], &m->locks[2], &out, &left_out);
	keep_records(m);
	if (file_write(m->files[1], out.buf, out.len, 0644, false, err) < 0)
		return -1;
	for (i = 0; i < left_out.n; i++)
		fprintf(stderr, "mlmake: %s: both sides changed '%s'; the next build decides about it anew\n", m->path,
			left_out.v[i]);
	return EXIT_DONE;
}

static int run(struct args *a)
{
	CLEANUP(err_release) struct err err = ERR_INIT;
	struct merge_sides m = {.path = "mlmake.lock",
				.texts = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT},
				.locks = {LOCKFILE_INIT, LOCKFILE_INIT, LOCKFILE_INIT}};
	size_t i;
	int code;

	if (a->words.n < 3 || a->words.n > 4) {
		err_set(&err, ERR_INVALID, "it takes BASE OURS THEIRS and perhaps the lock's path, as git hands them to a merge driver");
		return cli_fail(EXIT_USAGE, &err);
	}
	for (i = 0; i < 3; i++)
		m.files[i] = a->words.v[i];
	if (a->words.n == 4)
		m.path = a->words.v[3];
	code = merge(&m, &err);
	for (i = 0; i < 3; i++) {
		lockfile_release(&m.locks[i]);
		strbuf_release(&m.texts[i]);
	}
	return code < 0 ? cli_fail(EXIT_USAGE, &err) : code;
}

static const struct option_def options[] = {{0, NULL, NULL, NULL}};

const struct command cmd_merge_lock = {
	"merge-lock",
	"merge two versions of mlmake.lock (git calls it)",
	"BASE OURS THEIRS [PATH]",
	"What only one side changed is taken; where both did, what fits the merged sources; the rest is\n"
	"left out and decided anew by the next build. `mlmake init --git` tells git to call it.",
	WORDS_FILES,
	options,
	run,
};
