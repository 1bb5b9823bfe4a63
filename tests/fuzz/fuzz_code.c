/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Code in all languages. The first byte chooses the language, the rest is the file. What is understood must mean the same
 * with a comment behind it, and another with a statement behind it. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "code/code.h"
#include "util/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_with(enum code_language language, const uint8_t *data, size_t n, const char *more, struct arena *a,
		      struct code_facts *f)
{
	CLEANUP(freep) char *text = malloc(n + strlen(more) + 1);

	memcpy(text, data, n);
	memcpy(text + n, more, strlen(more));
	code_read(language, text, n + strlen(more), a, f);
}

static void check(enum code_language language, const uint8_t *data, size_t n, const struct code_facts *f, struct arena *a)
{
	static const char *const comments[] = {[CODE_PYTHON] = "\n# c\n", [CODE_R] = "\n# c\n", [CODE_SHELL] = "\n# c\n",
					       [CODE_SQL] = "\n-- c\n", [CODE_JSON] = "\n"};
	struct code_facts with;

	if (!f->has_meaning || !n || language == CODE_NOTEBOOK || language == CODE_C || language == CODE_NONE)
		return;
	read_with(language, data, n, comments[language], a, &with);
	/* A line that is continued takes what follows; a block of PEP 723 as well. */
	if (with.has_meaning && !digest_eq(&with.meaning, &f->meaning) && data[n - 1] != '\\' && !memmem(data, n, "# /// ", 6))
		BUG("a comment made a difference");
	if (language == CODE_JSON)
		return;
	read_with(language, data, n, "\nx\n", a, &with);
	if (with.has_meaning && digest_eq(&with.meaning, &f->meaning))
		BUG("a statement made no difference");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct code_facts f;
	enum code_language language;
	size_t i;

	if (size == 0)
		return 0;
	language = (enum code_language)(data[0] % (CODE_SQL + 1));
	read_with(language, data + 1, size - 1, "", &a, &f);
	for (i = 0; i < f.n_imports; i++)
		if (f.imports[i].line < 1 || f.imports[i].level < 0 || (f.imports[i].how != IMPORT_MODULE && !f.imports[i].name))
			BUG("an import that is none");
	check(language, data + 1, size - 1, &f, &a);
	return 0;
}
