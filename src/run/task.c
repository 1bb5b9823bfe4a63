/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "run/task.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/aside.h"
#include "util/file.h"
#include "util/text.h"

#define TASK_LIMIT ((size_t)1 << 30)
#define SAID_LIMIT ((size_t)16 << 20)

char *task_file(const char *state_dir, const char *instance)
{
	CLEANUP(freep) char *name = aside_file_name(instance);

	return xstrfmt("%s/tasks/%s", state_dir, name);
}

static char *said_file(const char *file)
{
	return xstrfmt("%s.said", file);
}

int task_write(const char *file, const struct record *now, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *said = said_file(file);

	unlink(said);
	record_write(now, true, &text);
	return file_write(file, text.buf, text.len, 0644, false, err);
}

void task_remove(const char *file)
{
	CLEANUP(freep) char *said = said_file(file);

	unlink(said);
	unlink(file);
}

static char *unescaped(const char *s, const char *end)
{
	struct strbuf out = STRBUF_INIT;

	if (!text_unescape(&out, s, end))
		strbuf_clear(&out);
	return strbuf_detach(&out);
}

void task_said(const char *file, char **message, void (*note)(void *ctx, const char *note), void *ctx)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *said = said_file(file);
	const char *s, *nl, *rest;

	if (file_read(said, SAID_LIMIT, &text, NULL) < 0)
		return;
	for (s = text.buf; *s; s = *nl ? nl + 1 : nl) {
		nl = s + strcspn(s, "\n");
		if (skip_prefix(s, "message ", &rest) && !*message)
			*message = unescaped(rest, nl);
		if (skip_prefix(s, "note ", &rest)) {
			CLEANUP(freep) char *words = unescaped(rest, nl);

			note(ctx, words);
		}
	}
}

int task_read(const char *file, struct arena *a, struct record *now, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (file_read(file, TASK_LIMIT, &text, err) < 0)
		return -1;
	return record_parse(text.buf, text.len, a, now, err) < 0 ? err_wrap(err, "'%s'", file) : 0;
}

static void add_line(struct strbuf *out, const char *word, const char *text)
{
	strbuf_addf(out, "%s ", word);
	text_add_escaped(out, text, strlen(text), false);
	strbuf_addch(out, '\n');
}

int task_say(const char *file, const char *message, char *const *notes, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	CLEANUP(freep) char *said = said_file(file);

	if (message)
		add_line(&text, "message", message);
	for (; notes && *notes; notes++)
		add_line(&text, "note", *notes);
	return text.len ? file_write(said, text.buf, text.len, 0644, false, err) : 0;
}
