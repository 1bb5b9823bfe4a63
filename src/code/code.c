/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "code/code.h"

#include <string.h>

#include "code/reading.h"
#include "util/path.h"

enum code_language code_language(const char *path)
{
	static const struct {
		const char *ending;
		enum code_language language;
	} known[] = {{".py", CODE_PYTHON},  {".pyw", CODE_PYTHON}, {".ipynb", CODE_NOTEBOOK}, {".R", CODE_R},
		     {".r", CODE_R},	    {".sh", CODE_SHELL},   {".bash", CODE_SHELL},     {".c", CODE_C},
		     {".h", CODE_C},	    {".cc", CODE_C},	   {".cpp", CODE_C},	      {".cxx", CODE_C},
		     {".hh", CODE_C},	    {".hpp", CODE_C},	   {".cu", CODE_C},	      {".cuh", CODE_C},
		     {".json", CODE_JSON},  {".sql", CODE_SQL}};
	const char *dot = strrchr(path_base(path), '.');
	size_t i;

	if (!dot)
		return CODE_BY_FIRST_LINE;
	for (i = 0; dot && i < ARRAY_SIZE(known); i++)
		if (streq(dot, known[i].ending))
			return known[i].language;
	return CODE_NONE;
}

static void flush(struct reading *r)
{
	sha_update(&r->sha, r->buf, r->n_buf);
	r->n_buf = 0;
}

static void add_bytes(struct reading *r, const char *s, size_t n)
{
	if (n > sizeof(r->buf) - r->n_buf)
		flush(r);
	if (n > sizeof(r->buf)) {
		sha_update(&r->sha, s, n);
		return;
	}
	memcpy(r->buf + r->n_buf, s, n);
	r->n_buf += n;
}

void reading_add(struct reading *r, char kind, const char *text, size_t n)
{
	char head[9] = {kind};
	size_t i;

	for (i = 0; i < 8; i++)
		head[1 + i] = (char)(n >> (8 * i) & 0xff);
	add_bytes(r, head, sizeof(head));
	add_bytes(r, text, n);
}

void reading_import(struct reading *r, struct code_import im)
{
	struct code_facts *out = r->out;
	char *key = arena_fmt(r->a, "%d %d %s %s", (int)im.how, im.level, im.module ? im.module : "", im.name ? im.name : "");

	if (map_get(&r->seen, key))
		return;
	im.module = im.module ? arena_strdup(r->a, im.module) : NULL;
	im.name = im.name ? arena_strdup(r->a, im.name) : NULL;
	out->imports = arena_grow(r->a, out->imports, out->n_imports, sizeof(*out->imports));
	out->imports[out->n_imports++] = im;
	map_put(&r->seen, key, key);
}

/* What "#!/usr/bin/env python3 -u" says. */
static enum code_language by_first_line(const char *text, size_t n)
{
	static const struct {
		const char *word;
		enum code_language language;
	} known[] = {{"python", CODE_PYTHON}, {"Rscript", CODE_R}, {"bash", CODE_SHELL}, {"dash", CODE_SHELL}, {"/sh", CODE_SHELL}};
	const char *nl = memchr(text, '\n', n);
	size_t len = nl ? (size_t)(nl - text) : n, i;

	if (len < 2 || text[0] != '#' || text[1] != '!')
		return CODE_NONE;
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (memmem(text, len, known[i].word, strlen(known[i].word)))
			return known[i].language;
	return CODE_NONE;
}

void code_read(enum code_language language, const char *text, size_t n, struct arena *a, struct code_facts *out)
{
	static const char *const names[] = {"none", "python 1", "notebook 1", "r 1", "shell 1", "c 1", "json 1", "sql 1"};
	struct reading r = {.a = a, .out = out, .seen = MAP_INIT};

	memset(out, 0, sizeof(*out));
	if (language == CODE_BY_FIRST_LINE)
		language = by_first_line(text, n);
	r.failed = language == CODE_NONE || language == CODE_C || n > CODE_LIMIT;
	if (n > CODE_LIMIT)
		return;
	sha_init(&r.sha);
	reading_add(&r, 'l', names[language], strlen(names[language]));
	switch (language) {
	case CODE_PYTHON: python_read(&r, text, n, 0); break;
	case CODE_NOTEBOOK: notebook_read(&r, text, n); break;
	case CODE_JSON: json_text_read(&r, text, n); break;
	case CODE_R:
	case CODE_SHELL:
	case CODE_C:
	case CODE_SQL: script_read(&r, language, text, n); break;
	case CODE_BY_FIRST_LINE:
	case CODE_NONE: break;
	}
	flush(&r);
	out->has_meaning = !r.failed;
	sha_final(&r.sha, &out->meaning);
	if (!out->has_meaning)
		memset(&out->meaning, 0, sizeof(out->meaning));
	map_release(&r.seen);
}
