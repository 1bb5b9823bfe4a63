/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "pipeline/scripts.h"

#include <string.h>

#define MAX_WORD 1024

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list && !streq(s, *list); list++)
		;
	return *list != NULL;
}

static bool has_script_ending(const char *word)
{
	static const char *const endings[] = {".py", ".sh", ".awk", ".R", ".r", ".pl", ".rb", ".js", ".lua", ".jl",
					      ".sql", ".ipynb", NULL};
	const char *dot = strrchr(word, '.');

	return dot && dot > word && is_one_of(dot, endings);
}

static bool is_interpreter(const char *word)
{
	static const char *const names[] = {"python", "python3", "sh", "bash", "dash", "zsh", "perl", "ruby", "Rscript",
					    "node", "lua",
					    "julia", "source", ".", NULL};

	return is_one_of(word, names);
}

static bool is_awk(const char *word)
{
	static const char *const names[] = {"awk", "gawk", "mawk", "sed", NULL};

	return is_one_of(word, names);
}

/* Copies the word [s, e) without quotes around it; false if it is no plain path. */
static bool plain_word(const char *s, const char *e, char *out)
{
	size_t n = (size_t)(e - s);

	if (n >= 2 && (*s == '\'' || *s == '"') && e[-1] == *s) {
		s++;
		n -= 2;
	}
	if (!n || n >= MAX_WORD)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return !strpbrk(out, "'\"$*?[]{}`\\=");
}

void scripts_in(const char *line, void (*fn)(void *ctx, const char *word), void *ctx)
{
	bool interpreter = false, awk = false, file_of_awk = false, target = false;
	const char *s = line;
	char word[MAX_WORD];

	while (*s) {
		size_t blanks = strspn(s, " \t\n;&|()<>"), n;

		if (strcspn(s, "\n;&|()") < blanks)
			interpreter = awk = file_of_awk = target = false;
		if (memchr(s, '>', blanks))
			target = true;
		s += blanks;
		n = strcspn(s, " \t\n;&|()<>");
		if (!plain_word(s, s + n, word))
			strcpy(word, "x");
		if (!target && *word != '-' && strpbrk(word, "./") &&
		    (interpreter || file_of_awk || has_script_ending(word) || strncmp(word, "./", 2) == 0))
			fn(ctx, word);
		file_of_awk = awk && streq(word, "-f");
		interpreter = is_interpreter(word) || (interpreter && *word == '-');
		awk = is_awk(word) || awk;
		target = false;
		s += n;
	}
}
