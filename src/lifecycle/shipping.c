/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "lifecycle/shipping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/text.h"

#define LINE1 "# mlmake shipping 1\n"
#define FILE_LIMIT ((size_t)1 << 20)

static const char *const phases[] = {"shipping", "checking", "undoing", "noting", "unknown"};

/* A path as one file name. */
static void add_file_name(struct strbuf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == '/' || *name == '%')
			strbuf_addf(out, "%%%02X", (unsigned)*name);
		else
			strbuf_addch(out, *name);
	}
}

static char *file_of(const struct repo *repo, const char *name, const char *behind, const char *environment)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	strbuf_addf(&sb, "%s/deploys/", repo->shared);
	if (repo->prefix && *repo->prefix) {
		add_file_name(&sb, repo->prefix);
		strbuf_addch(&sb, '=');
	}
	add_file_name(&sb, name);
	strbuf_addstr(&sb, behind);
	add_file_name(&sb, environment);
	return strbuf_detach(&sb);
}

char *shipping_ships_dir(const struct repo *repo, const char *name)
{
	return file_of(repo, name, ".ships", "");
}

static int take_lock(const struct repo *repo, const char *name, bool wait, struct err *err)
{
	CLEANUP(freep) char *path = file_of(repo, name, ".lock", "");

	return file_mkdirs_for(path, err) < 0 ? -1 : file_lock(path, true, wait, err);
}

/* For people. One that another user made can be held, and not be written. */
static void say_who(int fd, const char *name)
{
	CLEANUP(freep) char *line = xstrfmt("mlmake with process id %ld is deploying '%s'\n", (long)getpid(), name);

	(void)!(ftruncate(fd, 0) < 0 || pwrite(fd, line, strlen(line), 0) < 0);
}

int shipping_lock(const struct repo *repo, const char *name, bool wait, struct shipping_locks *out, struct err *err)
{
	out->all = take_lock(repo, "", wait, err);
	if (out->all < 0)
		return -1;
	out->own = take_lock(repo, name, true, err); /* who asks whether it is held holds it for a moment */
	if (out->own < 0) {
		shipping_unlock(out);
		return -1;
	}
	say_who(out->all, name);
	return 0;
}

void shipping_unlock(struct shipping_locks *l)
{
	closep(&l->own);
	closep(&l->all);
	*l = (struct shipping_locks)SHIPPING_LOCKS_INIT;
}

void shipping_holder(const struct repo *repo, struct strbuf *out)
{
	CLEANUP(freep) char *path = file_of(repo, "", ".lock", "");
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT;
	CLEANUP(err_release) struct err ignored = ERR_INIT;

	if (file_read(path, FILE_LIMIT, &line, &ignored) == 0)
		strbuf_trim(&line);
	strbuf_addstr(out, line.len ? line.buf : "another mlmake is deploying");
}

bool shipping_is_held(const struct repo *repo, const char *name)
{
	CLEANUP(freep) char *path = file_of(repo, name, ".lock", "");
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(closep) int fd = file_exists(path) ? file_lock(path, false, false, &err) : -1;

	return fd < 0 && err.code == ERR_LOCKED;
}

static void add_text(struct strbuf *out, const char *word, const char *text)
{
	if (!text)
		return;
	strbuf_addf(out, "%s ", word);
	text_add_escaped(out, text, strlen(text), false);
	strbuf_addch(out, '\n');
}

int shipping_write(const struct repo *repo, const struct shipping *s, struct err *err)
{
	CLEANUP(freep) char *path = file_of(repo, s->name, "#", s->environment);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, LINE1);
	add_text(&text, "name", s->name);
	add_text(&text, "environment", s->environment);
	add_text(&text, "version", s->version);
	add_text(&text, "phase", phases[s->phase]);
	strbuf_addf(&text, "since %" PRId64 "\n", s->since);
	add_text(&text, "who", s->who);
	add_text(&text, "run", s->run);
	add_text(&text, "before", s->before);
	add_text(&text, "why", s->why);
	return file_write(path, text.buf, text.len, 0644, true, err);
}

static const char *take_text(const char *s, const char *end, struct arena *a)
{
	CLEANUP(strbuf_release) struct strbuf sb = STRBUF_INIT;

	if (!text_unescape(&sb, s, end) || memchr(sb.buf, '\0', sb.len))
		return NULL;
	return arena_strdup(a, sb.buf);
}

static bool take_line(const char *line, const char *end, struct arena *a, struct shipping *s)
{
	const struct { const char *word, **to; } texts[] = {{"name ", &s->name}, {"environment ", &s->environment}, {"version ", &s->version},
							    {"who ", &s->who}, {"run ", &s->run}, {"before ", &s->before}, {"why ", &s->why}};
	const char *rest;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (skip_prefix(line, texts[i].word, &rest))
			return (*texts[i].to = take_text(rest, end, a)) != NULL;
	if (skip_prefix(line, "since ", &rest))
		s->since = *rest >= '0' && *rest <= '9' ? strtoll(rest, NULL, 10) : 0;
	if (!skip_prefix(line, "phase ", &rest))
		return true;
	for (i = 0; i < ARRAY_SIZE(phases); i++)
		if (strncmp(rest, phases[i], (size_t)(end - rest)) == 0 && !phases[i][end - rest])
			s->phase = (enum shipping_phase)i;
	return true;
}

int shipping_parse(const char *text, size_t n, struct arena *a, struct shipping *out, struct err *err)
{
	const char *end = text + n, *line, *nl;

	*out = (struct shipping){.phase = SHIPPING_UNKNOWN};
	if (!skip_prefix(text, LINE1, &line))
		return err_set(err, ERR_PARSE, "it does not begin as it should");
	for (; line < end && (nl = memchr(line, '\n', (size_t)(end - line))); line = nl + 1)
		if (!take_line(line, nl, a, out))
			return err_set(err, ERR_PARSE, "a line of it is malformed");
	if (!out->name || !out->environment || !out->version)
		return err_set(err, ERR_PARSE, "it does not say what is shipped");
	return 0;
}

int shipping_read(const struct repo *repo, const char *name, const char *environment, struct arena *a, struct shipping *out, struct err *err)
{
	CLEANUP(freep) char *path = file_of(repo, name, "#", environment);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err why = ERR_INIT;

	if (file_read(path, FILE_LIMIT, &text, &why) < 0) {
		if (why.code != ERR_NOTFOUND)
			return err_move(err, &why);
		err_release(&why);
		return 0;
	}
	return shipping_parse(text.buf, text.len, a, out, err) < 0 ? err_wrap(err, "'%s'", path) : 1;
}

int shipping_clear(const struct repo *repo, const char *name, const char *environment, struct err *err)
{
	CLEANUP(freep) char *path = file_of(repo, name, "#", environment);
	CLEANUP(freep) char *dir = xstrfmt("%s/deploys", repo->shared);

	if (file_remove_tree(path, err) < 0 || file_sweep(path, err) < 0)
		return -1;
	return file_sync_dir(dir, err);
}

void shipping_words(const struct shipping *s, struct strbuf *out)
{
	static const char *const words[] = {"it was being shipped", "it was being checked", "it was being undone",
					    "it worked, and that was being written down", NULL};

	strbuf_addf(out, "the deploy of %s to %s, begun ", s->version, s->environment);
	clock_iso(s->since, out);
	if (s->who)
		strbuf_addf(out, " by %s", s->who);
	if (s->phase == SHIPPING_UNKNOWN)
		strbuf_addf(out, ", failed and could not be undone: %s", s->why ? s->why : "it is not known why");
	else
		strbuf_addf(out, ", did not end: %s", words[s->phase]);
}
