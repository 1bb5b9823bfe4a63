/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A filter runs as a probe does, below a keeper of its own, since the loop of the build listens to the other: it reads the file from
 * standard input, and what it prints goes to STATE/normal/printed. One runs at a time. */
#include <config.h>

#include "run/normal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/probe.h"
#include "run/tail.h"
#include "util/file.h"

#define PRINTED_MOST ((int64_t)1 << 30) /* bytes */

struct normals {
	const struct pipeline *pl;
	struct code_book *book;
	const char *state_dir;
	struct keeper *keeper;
	int signal_fd;
	pthread_mutex_t lock; /* of what follows, and of the keeper */
	struct map failed;    /* contents and filters that failed */
	struct arena arena;
};

struct normals *normals_new(const struct pipeline *pl, struct code_book *book, const char *state_dir, struct keeper *keeper, int signal_fd)
{
	struct normals *n = xcalloc(1, sizeof(*n));

	*n = (struct normals){.pl = pl, .book = book, .state_dir = state_dir, .keeper = keeper, .signal_fd = signal_fd,
			      .failed = MAP_INIT, .arena = ARENA_INIT};
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

void normals_free(struct normals *n)
{
	if (!n)
		return;
	keeper_free(n->keeper);
	pthread_mutex_destroy(&n->lock);
	map_release(&n->failed);
	arena_release(&n->arena);
	free(n);
}

static int digest_of(const char *path, struct digest *out, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[65536];
	struct sha sha;
	ssize_t got;

	if (fd < 0)
		return err_errno(err, "cannot open '%s'", path);
	sha_init(&sha);
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		sha_update(&sha, buf, (size_t)got);
	sha_final(&sha, out);
	return got < 0 ? err_errno(err, "cannot read '%s'", path) : 0;
}

/* {{data}} in it stands for the file, too. */
static void add_command(struct strbuf *out, const struct normal *by, const char *path, const char *printed, const char *errors)
{
	const char *s = by->cmd, *at;

	strbuf_addstr(out, "exec < ");
	strbuf_add_shell(out, path);
	strbuf_addstr(out, " > ");
	strbuf_add_shell(out, printed);
	strbuf_addstr(out, " 2> ");
	strbuf_add_shell(out, errors);
	strbuf_addch(out, '\n');
	for (; (at = strstr(s, "{{data}}")); s = at + strlen("{{data}}")) {
		strbuf_add(out, s, (size_t)(at - s));
		strbuf_add_shell(out, path);
	}
	strbuf_addstr(out, s);
}

static int filter(struct normals *n, const struct normal *by, const char *path, struct digest *printed, struct err *err)
{
	static const struct env none = {0};
	CLEANUP(strbuf_release) struct strbuf cmd = STRBUF_INIT, said = STRBUF_INIT;
	CLEANUP(freep) char *out = xstrfmt("%s/normal/printed", n->state_dir), *errors = xstrfmt("%s/normal/errors", n->state_dir);
	struct probe_question q = {.name = "[normal]", .env = &none, .timeout = by->timeout, .prints = out, .most = PRINTED_MOST};
	int got;

	if (file_mkdirs_for(out, err) < 0)
		return -1;
	add_command(&cmd, by, path, out, errors);
	q.cmd = cmd.buf;
	got = probe_ask(&q, n->state_dir, keeper_launcher(n->keeper), n->signal_fd, &said, err);
	if (got < 0 && err->code != ERR_STOPPED) {
		strbuf_clear(&said);
		tail_end(errors, 5, &said);
		strbuf_trim(&said);
		if (said.len)
			err_set(err, ERR_FAILED, "%s: %s", err->msg, said.buf);
	}
	if (got == 0)
		got = digest_of(out, printed, err);
	unlink(out);
	unlink(errors);
	return got;
}

int normals_start(struct normals *n, struct err *err)
{
	return keeper_start(n->keeper, err);
}

/* The name under which a failure is noted. */
static char *failure(const struct normal *by, const struct content *c)
{
	char hex[DIGEST_HEX + 1];

	digest_hex(&c->id, hex);
	return xstrfmt("%s %s", hex, by->pattern);
}

static int learn(struct normals *n, const struct normal *by, const char *path, const struct content *c, struct strbuf *note,
		 struct err *err)
{
	CLEANUP(err_release) struct err failed = ERR_INIT;
	CLEANUP(freep) char *name = failure(by, c);
	struct digest printed, known, is;

	if (code_book_normal(n->book, by->cmd, c, &known) || map_get(&n->failed, name))
		return 0;
	if (filter(n, by, path, &printed, &failed) == 0 && digest_of(path, &is, &failed) == 0) {
		if (digest_eq(&is, &c->id)) /* otherwise it was changed meanwhile, and whoever decides sees that */
			code_book_note_normal(n->book, by->cmd, c, &printed);
		return 0;
	}
	if (failed.code == ERR_STOPPED)
		return err_move(err, &failed);
	map_put(&n->failed, arena_strdup(&n->arena, name), n);
	strbuf_addf(note, "%s[normal %s] cannot filter '%s', so its bytes count: %s", note->len ? "; " : "", by->pattern, path, failed.msg);
	return 0;
}

int normals_learn(struct normals *n, const struct stage *st, const char *path, const struct content *c, struct strbuf *note,
		  struct err *err)
{
	const struct normal *by = pipeline_normal(st, path);
	int got;

	if (!by || (c->kind != CONTENT_FILE && c->kind != CONTENT_EXEC))
		return 0;
	pthread_mutex_lock(&n->lock);
	got = learn(n, by, path, c, note, err);
	pthread_mutex_unlock(&n->lock);
	return got;
}

int normals_learn_inputs(struct normals *n, const bool *selected, struct statcache *cache, struct strvec *notes, struct err *err)
{
	size_t i, j;

	for (i = 0; i < n->pl->n_instances; i++) {
		const struct instance *in = n->pl->instances[i];

		for (j = 0; selected[i] && j < in->n_inputs; j++) {
			CLEANUP(strbuf_release) struct strbuf note = STRBUF_INIT;
			const char *path = in->inputs[j].path;
			struct content c;

			if (!pipeline_normal(in->stage, path) || statcache_content(cache, path, true, &c, NULL) < 0)
				continue; /* whoever decides says what is wrong with it */
			if (normals_learn(n, in->stage, path, &c, &note, err) < 0)
				return -1;
			if (note.len)
				strvec_push(notes, note.buf);
		}
	}
	return 0;
}

int normals_learn_output(struct normals *n, const struct instance *in, const char *path, const struct content *c, struct strbuf *note,
			 struct err *err)
{
	size_t i, j;

	if (!pipeline_normal(in->stage, path))
		return 0;
	for (i = 0; i < n->pl->n_instances; i++) {
		const struct instance *reader = n->pl->instances[i];

		for (j = 0; reader != in && j < reader->n_inputs; j++)
			if (streq(reader->inputs[j].path, path) && normals_learn(n, reader->stage, path, c, note, err) < 0)
				return -1;
	}
	return 0;
}
