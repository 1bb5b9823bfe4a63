/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Jupyter notebook (nbformat 4) is a JSON document:
 *
 *     {"nbformat": 4, "cells": [{"cell_type": "code", "source": "..." or ["line\n", ...], "metadata": {"tags": [...]}}, ...],
 *      "metadata": {"kernelspec": {"name": ..., "language": ...}, "language_info": {"name": ...}}}
 *
 * Tags of a code cell count because tools that run notebooks go by them (papermill's "parameters", nbclient's
 * "skip-execution"). One of another form, or with a cell that is odd, is not understood. */
#include <config.h>

#include <string.h>

#include "code/reading.h"
#include "util/json.h"

static bool add_string(struct reading *r, char kind, const struct json *j)
{
	const char *s = json_str(j);

	reading_add(r, s ? kind : '-', s ? s : "", s ? strlen(s) : 0);
	return s != NULL;
}

/* Appends the source, one string or a list of lines; false if it is neither. */
static bool source(const struct json *j, struct strbuf *out)
{
	size_t i;

	if (json_str(j)) {
		strbuf_addstr(out, json_str(j));
		return true;
	}
	if (!j || json_kind(j) != JSON_LIST)
		return false;
	for (i = 0; i < json_len(j); i++) {
		if (!json_str(json_at(j, i)))
			return false;
		strbuf_addstr(out, json_str(json_at(j, i)));
	}
	return true;
}

static bool is_cell_magic(const char *s)
{
	return strncmp(s + strspn(s, " \t\r\n"), "%%", 2) == 0;
}

static void add_cell(struct reading *r, const struct json *cell, bool python, int number)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct json *tags = json_get(json_get(cell, "metadata"), "tags");
	size_t i;

	if (!source(json_get(cell, "source"), &text)) {
		r->failed = true;
		return;
	}
	reading_add(r, 'c', "", 0);
	for (i = 0; tags && i < json_len(tags); i++)
		add_string(r, 't', json_at(tags, i));
	if (python && !is_cell_magic(text.buf))
		python_read(r, text.buf, text.len, number);
	else
		reading_add(r, 'R', text.buf, text.len);
}

static bool is_python(const char *language)
{
	return language && (streq(language, "python") || streq(language, "ipython"));
}

void notebook_read(struct reading *r, const char *text, size_t n)
{
	CLEANUP(json_freep) struct json *j = json_parse(text, n, NULL, NULL);
	const struct json *meta = j ? json_get(j, "metadata") : NULL, *kernel, *cells, *language;
	bool python;
	size_t i;

	cells = j ? json_get(j, "cells") : NULL;
	if (!cells || json_kind(cells) != JSON_LIST || json_int(json_get(j, "nbformat")) != 4) {
		r->failed = true;
		python_guess(r, text, n);
		return;
	}
	kernel = json_get(meta, "kernelspec");
	language = json_get(kernel, "language");
	if (!language)
		language = json_get(json_get(meta, "language_info"), "name");
	python = is_python(language ? json_str(language) : NULL);
	add_string(r, 'k', json_get(kernel, "name"));
	add_string(r, 'l', language);
	for (i = 0; i < json_len(cells) && !r->failed; i++) {
		const struct json *cell = json_at(cells, i);
		const char *type = json_str(json_get(cell, "cell_type"));

		if (!type)
			r->failed = true;
		else if (streq(type, "code"))
			add_cell(r, cell, python, (int)i + 1);
	}
	if (r->failed)
		python_guess(r, text, n);
}
