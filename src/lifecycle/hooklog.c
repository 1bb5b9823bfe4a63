/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/hooklog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/hash.h"
#include "util/text.h"

#define LINE1 "mlmake-hooklog 1\n"
#define LONG ((off_t)1 << 20)
#define LIMIT ((size_t)64 << 20)
#define RESERVE (64 << 10)
#define SUM 16
#define TEXTS 9

static void texts_of(struct hook_event *e, const char **v[TEXTS])
{
	const char **all[TEXTS] = {&e->outcome, &e->hook, &e->project, &e->ref, &e->commit, &e->tree, &e->targets, &e->run, &e->text};

	memcpy(v, all, sizeof(all));
}

void hook_event_text(const struct hook_event *e, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT;
	struct hook_event copy = *e;
	const char **v[TEXTS];
	size_t i;

	strbuf_addf(&body, "%" PRIu64 "\t%" PRId64 "\t%" PRId64 "\t%d", e->number, e->time, e->duration, e->code);
	texts_of(&copy, v);
	for (i = 0; i < TEXTS; i++) {
		strbuf_addch(&body, '\t');
		if (*v[i])
			text_add_escaped(&body, *v[i], strlen(*v[i]), false);
	}
	strbuf_addf(out, "%016" PRIx64 " ", hash_bytes(body.buf, body.len));
	strbuf_add(out, body.buf, body.len);
}

/* The field at *p, which goes behind it; false if there is none. */
static bool take(const char **p, const char *end, struct strbuf *out)
{
	const char *tab = *p <= end ? memchr(*p, '\t', (size_t)(end - *p)) : NULL;
	const char *stop = tab ? tab : end;

	strbuf_clear(out);
	if (*p > end || !text_unescape(out, *p, stop) || memchr(out->buf, '\0', out->len))
		return false;
	*p = stop + 1;
	return true;
}

static bool take_int(const char **p, const char *end, struct strbuf *scratch, int64_t lo, int64_t *out)
{
	return take(p, end, scratch) && text_parse_int(scratch->buf, lo, INT64_MAX, out);
}

bool hook_event_parse(const char *text, size_t n, struct arena *a, struct hook_event *out)
{
	CLEANUP(strbuf_release) struct strbuf s = STRBUF_INIT;
	const char *p = text + SUM + 1, *end = text + n;
	const char **v[TEXTS];
	char sum[SUM + 1];
	int64_t number, code;
	size_t i;

	if (n <= SUM + 1 || text[SUM] != ' ')
		return false;
	snprintf(sum, sizeof(sum), "%016" PRIx64, hash_bytes(p, (size_t)(end - p)));
	if (memcmp(sum, text, SUM) != 0)
		return false;
	*out = (struct hook_event){0};
	if (!take_int(&p, end, &s, 0, &number) || !take_int(&p, end, &s, INT64_MIN, &out->time) ||
	    !take_int(&p, end, &s, INT64_MIN, &out->duration) || !take_int(&p, end, &s, -1, &code) || code > 255)
		return false;
	out->number = (uint64_t)number;
	out->code = (int)code;
	texts_of(out, v);
	for (i = 0; i < TEXTS; i++) {
		if (!take(&p, end, &s))
			return false;
		*v[i] = arena_strndup(a, s.buf, s.len);
	}
	return p > end;
}

static char *log_of(const char *dir)
{
	return xstrfmt("%s/log", dir);
}

/* A line that a full disk or a kill cut off ends where the next begins. */
static bool ends_within_line(int fd, const struct stat *st)
{
	char last;

	return st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

int hooklog_add(const char *dir, const struct hook_event *e, struct err *err)
{
	CLEANUP(freep) char *path = log_of(dir);
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(closep) int fd = -1;
	struct stat st;

	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, "cannot open '%s'", path);
	if (!st.st_size)
		strbuf_addstr(&line, LINE1);
	else if (ends_within_line(fd, &st))
		strbuf_addch(&line, '\n');
	hook_event_text(e, &line);
	strbuf_addch(&line, '\n');
	return fd_write_all(fd, line.buf, line.len, err) < 0 ? err_wrap(err, "'%s'", path) : 0;
}

int hooklog_read(const char *dir, struct arena *a, struct hook_event **v, size_t *n, struct err *err)
{
	CLEANUP(freep) char *path = log_of(dir);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = ERR_INIT;
	const char *p, *end;

	*v = NULL;
	*n = 0;
	if (file_read(path, LIMIT, &text, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	if (!skip_prefix(text.buf, LINE1, &p))
		return text.len ? err_set(err, ERR_PARSE, "'%s' is no log of this version; move it away", path) : 0;
	for (end = text.buf + text.len; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		struct hook_event e;

		if (!stop)
			stop = end;
		if (hook_event_parse(p, (size_t)(stop - p), a, &e)) {
			*v = arena_grow(a, *v, *n, sizeof(**v));
			(*v)[(*n)++] = e;
		}
		p = stop + 1;
	}
	return 0;
}

/* The newer half, from the beginning of a line. */
static void halve(const char *path)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, kept = STRBUF_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;
	const char *from;

	if (file_read(path, LIMIT, &text, &ignored) < 0)
		return;
	from = memchr(text.buf + text.len / 2, '\n', text.len - text.len / 2);
	strbuf_addstr(&kept, LINE1);
	if (from)
		strbuf_add(&kept, from + 1, text.len - (size_t)(from + 1 - text.buf));
	if (file_write(path, kept.buf, kept.len, 0644, true, &ignored) < 0)
		err_clear(&ignored); /* it stays as long as it is */
}

void hooklog_tend(const char *dir)
{
	CLEANUP(freep) char *path = log_of(dir);
	CLEANUP(closep) int fd = -1;
	struct stat st;

	if (stat(path, &st) == 0 && st.st_size > LONG)
		halve(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0 && fstat(fd, &st) == 0 && (off_t)st.st_blocks * 512 < st.st_size + RESERVE / 2)
		(void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, RESERVE); /* where the file system can */
}

static bool is_build(const struct hook_event *e)
{
	return e->code >= 0;
}

static bool has_word(const char *words, const char *word, size_t n)
{
	const char *p;

	for (p = words; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static bool covers(const char *built, const char *wanted)
{
	const char *p;

	if (!*wanted || !*built)
		return streq(wanted, built);
	for (p = wanted; *p; p += strspn(p, " ")) {
		if (!has_word(built, p, strcspn(p, " ")))
			return false;
		p += strcspn(p, " ");
	}
	return true;
}

bool hooklog_is_of(const struct hook_event *e, const char *project, const char *commit, const char *tree)
{
	return streq(e->project, project) && ((commit && *e->commit && streq(e->commit, commit)) || (tree && *e->tree && streq(e->tree, tree)));
}

const struct hook_event *hooklog_built(const struct hook_event *v, size_t n, const char *project, const char *targets, const char *commit,
				       const char *tree)
{
	while (n--) {
		const struct hook_event *e = &v[n];

		if (is_build(e) && covers(e->targets, targets) && hooklog_is_of(e, project, commit, tree))
			return e;
	}
	return NULL;
}
