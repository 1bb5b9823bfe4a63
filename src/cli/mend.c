/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/mend.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "stale/learned.h"
#include "util/file.h"
#include "util/text.h"

#define FILE_LIMIT ((size_t)64 << 20)

/* What goes into one section. */
struct addition {
	const struct stage *stage;
	struct strvec paths; /* sorted, each once */
};

static void gather(const struct pipeline *pl, const struct stage *st, struct strvec *out)
{
	size_t i, j;

	for (i = st->first; i < st->first + st->n; i++)
		for (j = 0; j < pl->instances[i]->n_inputs; j++) {
			const struct input *x = &pl->instances[i]->inputs[j];

			if (x->by && streq(x->by, INPUT_LEARNED))
				strvec_push(out, x->path);
		}
	strvec_sort(out);
	strvec_uniq(out);
}

/* The lines for it, and what is told of them. */
static void word_lines(const struct addition *add, const char *end_of_line, struct strbuf *lines, struct strbuf *out)
{
	CLEANUP(strbuf_release) struct strbuf words = STRBUF_INIT;
	size_t i;

	for (i = 0; i < add->paths.n; i++) {
		const char *key = learned_key(add->stage, add->paths.v[i]);

		strbuf_clear(&words);
		if (key && text_add_word(&words, add->paths.v[i])) {
			strbuf_addf(lines, "%s = %s%s", key, words.buf, end_of_line);
			strbuf_addf(out, "%s: [%s %s]: %s = %s\n", add->stage->at.file,
				    add->stage->is_source ? "source" : "stage", add->stage->name, key, words.buf);
		} else {
			strbuf_addf(out, "%s: [%s %s]: '", add->stage->at.file, add->stage->is_source ? "source" : "stage",
				    add->stage->name);
			text_add_escaped(out, add->paths.v[i], strlen(add->paths.v[i]), false);
			strbuf_addstr(out, key ? "' cannot be written here; give it another name\n"
					   : "' cannot be declared without changing the command, which names {{data}} and {{code}}\n");
		}
	}
}

static const char *next_line(const char *s)
{
	const char *nl = strchr(s, '\n');

	return nl ? nl + 1 : s + strlen(s);
}

/* Behind the last line of the section that starts at line number `line` which is neither blank nor a comment. */
static const char *end_of_section(const char *text, int line)
{
	const char *s = text, *end;
	int i;

	for (i = 1; i < line; i++)
		s = next_line(s);
	s = end = next_line(s);
	for (; *s && *s != '['; s = next_line(s))
		if (s[strspn(s, " \t\r\n")] && !strchr(";#", s[strspn(s, " \t")]) && strspn(s, " \t\r") < strcspn(s, "\n"))
			end = next_line(s);
	return end;
}

static int by_place(const void *a, const void *b)
{
	const struct addition *x = a, *y = b;
	int order = strcmp(x->stage->at.file, y->stage->at.file);

	return order ? order : x->stage->at.line - y->stage->at.line;
}

/* All additions to one file, which are in order. */
static int mend_file(const struct addition *v, size_t n, struct strbuf *out, struct err *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT, now = STRBUF_INIT, said = STRBUF_INIT;
	const char *file = v[0].stage->at.file, *from, *end_of_line;
	struct stat st;
	size_t i;

	if (file_read(file, FILE_LIMIT, &text, err) < 0)
		return -1;
	if (stat(file, &st) < 0)
		return err_errno(err, "cannot read '%s'", file);
	end_of_line = strstr(text.buf, "\r\n") ? "\r\n" : "\n";
	from = text.buf;
	for (i = 0; i < n; i++) {
		CLEANUP(strbuf_release) struct strbuf lines = STRBUF_INIT;
		const char *at = end_of_section(text.buf, v[i].stage->at.line);

		word_lines(&v[i], end_of_line, &lines, &said);
		strbuf_add(&now, from, (size_t)(at - from));
		if (lines.len && now.len && now.buf[now.len - 1] != '\n')
			strbuf_addstr(&now, end_of_line);
		strbuf_add(&now, lines.buf, lines.len);
		from = at;
	}
	strbuf_addstr(&now, from);
	if (now.len != text.len && file_write(file, now.buf, now.len, st.st_mode & 07777, true, err) < 0)
		return -1;
	strbuf_add(out, said.buf, said.len);
	return 0;
}

int mend(struct project *p, struct strbuf *out, struct err *err)
{
	struct addition *v = xcalloc(p->pl.n_stages + 1, sizeof(*v));
	size_t n = 0, i, j;
	int got = 0;

	for (i = 0; i < p->pl.n_stages; i++) {
		v[n] = (struct addition){p->pl.stages[i], STRVEC_INIT};
		gather(&p->pl, p->pl.stages[i], &v[n].paths);
		n += v[n].paths.n > 0;
	}
	qsort(v, n, sizeof(*v), by_place);
	for (i = 0; i < n && got == 0; i = j) {
		for (j = i + 1; j < n && streq(v[j].stage->at.file, v[i].stage->at.file); j++)
			;
		got = mend_file(v + i, j - i, out, err);
	}
	for (i = 0; i < n; i++)
		strvec_release(&v[i].paths);
	free(v);
	return got;
}
