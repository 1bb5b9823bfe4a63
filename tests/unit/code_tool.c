/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads texts from standard input, each behind a line "NAME LENGTH", and says of each what it means and what it brings in:
 *
 *     <sha256> or -
 *     LINE LEVEL MODULE NAME     a line an import; "-" for what is not there; unknown ones as "LINE ? NAME"
 *     .
 *
 * For tests in other languages. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "code/code.h"

static const char *or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static void tell(const struct code_facts *f)
{
	char hex[DIGEST_HEX + 1];
	size_t i;

	digest_hex(&f->meaning, hex);
	puts(f->has_meaning ? hex : "-");
	for (i = 0; i < f->n_imports; i++) {
		const struct code_import *im = &f->imports[i];

		if (im->how == IMPORT_UNKNOWN)
			printf("%d ? %s\n", im->line, im->name);
		else
			printf("%d %d %s %s\n", im->line, im->level, or_dash(im->module), or_dash(im->name));
	}
	puts(".");
	fflush(stdout);
}

int main(void)
{
	char name[256];
	size_t n;

	while (scanf("%255s %zu", name, &n) == 2 && getchar() == '\n') {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;
		CLEANUP(freep) char *text = malloc(n ? n : 1); /* just as long, for the sanitizers */
		struct code_facts f;

		if (fread(text, 1, n, stdin) != n)
			return 1;
		code_read(code_language(name), text, n, &a, &f);
		tell(&f);
	}
	return 0;
}
