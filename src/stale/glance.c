/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file begins with one line
 *
 *     mlmake-glance 2 <keyed xxh3-64 of what follows>
 *
 * and goes on with one question a line, each with the keyed XXH3-64 of its answer and a name, escaped as in C:
 *
 *     program 0123456789abcdef <nothing>     which mlmake?
 *     records 0123456789abcdef <nothing>     which records? (history_glance)
 *     text 0123456789abcdef mlmake.ini       what does the file say?
 *     glob 0123456789abcdef data/ *.csv      which files match? (without the blank)
 *     env 0123456789abcdef OMP_NUM_THREADS   its value?
 *     file 0123456789abcdef src/train.py     is it a regular file?
 *     list 0123456789abcdef src              what is in the directory? (code/finder.h)
 *     what 0123456789abcdef src/lib          file, directory or neither?
 *     real 0123456789abcdef bin/python3      where does it lead?
 *
 * and then two lines: "fresh <how many>" and "marks <see statcache_mark>". The key is the secret of the clone, so what is damaged, was
 * cut short by a power cut or comes from elsewhere is not taken for an answer. */
#include <config.h>

#include "stale/glance.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest/fasthash.h"
#include "util/file.h"
#include "util/text.h"

#define HEAD "mlmake-glance 2 "
#define HEAD_LEN (sizeof(HEAD) - 1 + 16 + 1)
#define GLANCE_LIMIT ((size_t)64 << 20)

struct glance {
	const struct glance_place *at;
	struct strbuf questions; /* the lines */
};

static uint64_t sum_of(const struct glance_place *at, const struct strbuf *sb)
{
	return fasthash_bytes64(sb->buf, sb->len, statcache_key(at->cache));
}

static void note(struct glance *g, const char *kind, const char *name, const struct strbuf *answer)
{
	strbuf_addf(&g->questions, "%s %016" PRIx64 " ", kind, sum_of(g->at, answer));
	text_add_escaped(&g->questions, name, strlen(name), false);
	strbuf_addch(&g->questions, '\n');
}

/* ---- answers, as they are digested ---- */

static void answer_glob(const struct strvec *found, size_t from, struct strbuf *out)
{
	size_t i;

	for (i = from; i < found->n; i++)
		strbuf_add(out, found->v[i], strlen(found->v[i]) + 1);
}

static void answer_env(const char *value, struct strbuf *out)
{
	strbuf_addstr(out, value ? "=" : "");
	strbuf_addstr(out, value ? value : "");
}

static void answer_file(bool yes, struct strbuf *out)
{
	strbuf_addch(out, yes ? 'y' : 'n');
}

/* The entries of a directory. The order in which it is read says nothing, so their sums are added up. */
struct listed {
	const struct glance_place *at;
	struct strbuf entry;
	uint64_t sum, n;
};

static void list_one(void *to, const char *name, enum code_thing what, bool link)
{
	struct listed *l = to;

	strbuf_clear(&l->entry);
	strbuf_addch(&l->entry, (char)('0' + (int)what));
	strbuf_addch(&l->entry, link ? 'l' : '-');
	strbuf_addstr(&l->entry, name);
	l->sum += sum_of(l->at, &l->entry);
	l->n++;
}

static void answer_list(struct listed *l, struct strbuf *out)
{
	strbuf_add(out, &l->sum, sizeof(l->sum));
	strbuf_add(out, &l->n, sizeof(l->n));
	strbuf_release(&l->entry);
}

static void answer_what(enum code_thing what, struct strbuf *out)
{
	strbuf_addu(out, what);
}

/* ---- noting ---- */

static void noted_glob(void *ctx, const char *pattern, struct strvec *out)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct glance *g = ctx;
	size_t from = out->n;

	g->at->disk->glob(g->at->disk->ctx, pattern, out);
	answer_glob(out, from, &answer);
	note(g, "glob", pattern, &answer);
}

static int noted_read(void *ctx, const char *path, struct strbuf *out, struct err *err)
{
	struct glance *g = ctx;
	struct strbuf answer;
	size_t from = out->len;

	if (g->at->disk->read(g->at->disk->ctx, path, out, err) < 0)
		return -1; /* an error of the pipeline, so this is not kept */
	answer = (struct strbuf){out->buf + from, out->len - from, 0}; /* borrowed */
	note(g, "text", path, &answer);
	return 0;
}

static bool noted_orphaned(void *ctx, const char *path)
{
	struct glance *g = ctx;

	/* follows from the records */
	return g->at->disk->orphaned && g->at->disk->orphaned(g->at->disk->ctx, path);
}

static bool noted_is_file(void *ctx, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct glance *g = ctx;
	bool yes = g->at->disk->is_file(g->at->disk->ctx, path);

	answer_file(yes, &answer);
	note(g, "file", path, &answer);
	return yes;
}

static const char *noted_getenv(void *ctx, const char *name)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct glance *g = ctx;
	const char *value = g->at->disk->getenv(g->at->disk->ctx, name);

	answer_env(value, &answer);
	note(g, "env", name, &answer);
	return value;
}

/* Who lists, while it is noted what is seen. */
struct relay {
	void (*visit)(void *to, const char *name, enum code_thing what, bool link);
	void *to;
	struct listed seen;
};

static void relay_one(void *to, const char *name, enum code_thing what, bool link)
{
	struct relay *r = to;

	list_one(&r->seen, name, what, link);
	r->visit(r->to, name, what, link);
}

static void noted_list(void *ctx, const char *dir, void (*visit)(void *to, const char *name, enum code_thing what, bool link), void *to)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct glance *g = ctx;
	struct relay r = {visit, to, {g->at, STRBUF_INIT, 0, 0}};

	g->at->code->list(g->at->code->ctx, dir, relay_one, &r);
	answer_list(&r.seen, &answer);
	note(g, "list", dir, &answer);
}

static enum code_thing noted_what(void *ctx, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT;
	struct glance *g = ctx;
	enum code_thing what = g->at->code->what(g->at->code->ctx, path);

	answer_what(what, &answer);
	note(g, "what", path, &answer);
	return what;
}

static bool noted_real(void *ctx, const char *path, struct strbuf *out)
{
	struct strbuf answer;
	struct glance *g = ctx;
	size_t from = out->len;
	bool there = g->at->code->real(g->at->code->ctx, path, out);

	answer = (struct strbuf){out->buf + from, out->len - from, 0}; /* borrowed */
	note(g, "real", path, &answer);
	return there;
}

struct glance *glance_new(const struct glance_place *at)
{
	struct glance *g = xcalloc(1, sizeof(*g));

	g->at = at;
	g->questions = (struct strbuf)STRBUF_INIT;
	return g;
}

struct pipeline_disk glance_disk(struct glance *g)
{
	return (struct pipeline_disk){noted_glob, noted_read, noted_orphaned, noted_is_file, noted_getenv, g};
}

struct code_disk glance_code(struct glance *g)
{
	return (struct code_disk){noted_list, noted_what, noted_real, g};
}

void glance_free(struct glance *g)
{
	if (!g)
		return;
	strbuf_release(&g->questions);
	free(g);
}

/* ---- keeping ---- */

static void add_program(const struct glance_place *at, struct strbuf *out)
{
	strbuf_addstr(out, at->program);
}

/* In place: whoever reads it holds the lock that we hold, and if a kill or a power cut leaves a part, the checksum tells. */
static int write_kept(const char *file, const struct strbuf *text, struct err *err)
{
	CLEANUP(closep) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_errno(err, "cannot open '%s'", file);
	return fd_write_all(fd, text->buf, text->len, err) < 0 ? err_wrap(err, "'%s'", file) : 0;
}

int glance_keep(struct glance *g, size_t fresh, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf answer = STRBUF_INIT, text = STRBUF_INIT, body = STRBUF_INIT;

	add_program(g->at, &answer);
	note(g, "program", "", &answer);
	strbuf_clear(&answer);
	if (!history_glance(&g->at->paths, &answer))
		return 0;
	note(g, "records", "", &answer);
	strbuf_add(&body, g->questions.buf, g->questions.len);
	strbuf_addf(&body, "fresh %zu\nmarks ", fresh);
	if (!statcache_mark(g->at->cache, &body))
		return 0;
	strbuf_addch(&body, '\n');
	strbuf_addf(&text, HEAD "%016" PRIx64 "\n", sum_of(g->at, &body));
	strbuf_add(&text, body.buf, body.len);
	return write_kept(g->at->file, &text, err);
}

/* ---- asking again ---- */

static bool ask(const struct glance_place *at, const char *kind, const char *name, struct strbuf *answer)
{
	if (streq(kind, "program")) {
		add_program(at, answer);
	} else if (streq(kind, "records")) {
		return history_glance(&at->paths, answer);
	} else if (streq(kind, "text")) {
		return at->disk->read(at->disk->ctx, name, answer, NULL) == 0;
	} else if (streq(kind, "glob")) {
		CLEANUP(strvec_release) struct strvec found = STRVEC_INIT;

		at->disk->glob(at->disk->ctx, name, &found);
		answer_glob(&found, 0, answer);
	} else if (streq(kind, "env")) {
		answer_env(at->disk->getenv(at->disk->ctx, name), answer);
	} else if (streq(kind, "file")) {
		answer_file(at->disk->is_file(at->disk->ctx, name), answer);
	} else if (streq(kind, "list")) {
		struct listed l = {at, STRBUF_INIT, 0, 0};

		at->code->list(at->code->ctx, name, list_one, &l);
		answer_list(&l, answer);
	} else if (streq(kind, "real")) {
		at->code->real(at->code->ctx, name, answer);
	} else if (streq(kind, "what")) {
		answer_what(at->code->what(at->code->ctx, name), answer);
	} else {
		return false;
	}
	return true;
}

/* One question, whose line is cut up in place. */
static bool same_answer(const struct glance_place *at, char *line, struct strbuf *name, struct strbuf *answer)
{
	char *sum = strchr(line, ' '), *rest = sum ? strchr(sum + 1, ' ') : NULL, *end;
	uint64_t then;

	if (!rest)
		return false;
	*sum++ = '\0';
	then = strtoull(sum, &end, 16);
	strbuf_clear(name);
	strbuf_clear(answer);
	return end == rest && text_unescape(name, rest + 1, rest + 1 + strlen(rest + 1)) &&
	       ask(at, line, name->buf, answer) && sum_of(at, answer) == then;
}

static bool read_kept(const struct glance_place *at, struct strbuf *text)
{
	char sum[17];

	if (file_read(at->file, GLANCE_LIMIT, text, NULL) < 0 || text->len < HEAD_LEN ||
	    memchr(text->buf, '\0', text->len) || text->buf[text->len - 1] != '\n')
		return false;
	snprintf(sum, sizeof(sum), "%016" PRIx64,
		 fasthash_bytes64(text->buf + HEAD_LEN, text->len - HEAD_LEN, statcache_key(at->cache)));
	return strncmp(text->buf, HEAD, sizeof(HEAD) - 1) == 0 && strncmp(text->buf + sizeof(HEAD) - 1, sum, 16) == 0 &&
	       text->buf[HEAD_LEN - 1] == '\n';
}

bool glance_holds(const struct glance_place *at, size_t *fresh)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, name = STRBUF_INIT, answer = STRBUF_INIT;
	char *line, *next;
	const char *rest;
	int64_t n = 0;

	if (!read_kept(at, &text))
		return false;
	for (line = text.buf + HEAD_LEN; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (skip_prefix(line, "fresh ", &rest)) {
			if (!text_parse_int(rest, 1, INT64_MAX, &n))
				return false;
		} else if (skip_prefix(line, "marks ", &rest)) {
			*fresh = (size_t)n;
			return n && !*next && statcache_as_marked(at->cache, rest, at->threads);
		} else if (!same_answer(at, line, &name, &answer)) {
			return false;
		}
	}
	return false;
}
