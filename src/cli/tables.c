/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <config.h>

#include "cli/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gitdb/repo.h"
#include "util/file.h"
#include "util/text.h"

int tables_rules(const struct args *args, struct arena *a, struct check_rules *out, struct err *err)
{
	static const char *const formats[] = {"csv", "tsv", "jsonl"};
	const char *format = args_value(args, "format"), *separator = args_value(args, "separator");
	size_t i;

	*out = (struct check_rules){.no_header = args_count(args, "no-header") > 0};
	for (i = 0; format && i < ARRAY_SIZE(formats) && !streq(formats[i], format); i++)
		;
	if (format && i == ARRAY_SIZE(formats))
		return err_set(err, ERR_INVALID, "option '--format' takes csv, tsv or jsonl, and not '%s'", format);
	out->format = format;
	if (format && streq(format, "tsv"))
		out->separator = '\t';
	if (separator && !(out->separator = check_separator(separator)))
		return err_set(err, ERR_INVALID, "option '--separator' takes one character, or tab, and not '%s'", separator);
	for (i = 0; i < args->n_given; i++) {
		if (!streq(args->given[i].def->name, "na"))
			continue;
		out->na = arena_grow(a, out->na, out->n_na, sizeof(*out->na));
		out->na[out->n_na++] = args->given[i].value;
	}
	return 0;
}

int tables_enter(const struct args *args, char **shared, struct err *err)
{
	CLEANUP(repo_release) struct repo repo = {0};
	const char *dir = args_value(args, "directory");

	*shared = NULL;
	if (dir && chdir(dir) < 0)
		return err_errno(err, "cannot enter '%s'", dir);
	if (repo_find(&repo, err) < 0)
		return -1;
	if (file_exists(repo.shared))
		*shared = xstrdup(repo.shared);
	return 0;
}

/* "data/raw/Web events.csv" is called "Web-events". */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strchr(*base ? base + 1 : base, '.');
	char *name = xstrndup(base, dot ? (size_t)(dot - base) : strlen(base));
	size_t i;

	for (i = 0; name[i]; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", name[i]))
			name[i] = '-';
	if (*name && *name != '-')
		return name;
	free(name);
	return xstrdup("data");
}

int tables_warn(const struct statistics_files *f, struct err *err)
{
	CLEANUP(strvec_release) struct strvec lacks = STRVEC_INIT;
	size_t i;

	if (statistics_lack(f, &lacks, err) < 0)
		return -1;
	for (i = 0; i < lacks.n; i++)
		cli_warn(lacks.v[i]);
	return 0;
}

int tables_infer(const struct args *args, const char *path)
{
	CLEANUP(strbuf_release) struct strbuf out = STRBUF_INIT;
	CLEANUP(strvec_release) struct strvec paths = STRVEC_INIT;
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP(err_release) struct err err = ERR_INIT;
	CLEANUP(freep) char *shared = NULL, *name = name_of(path);
	struct check_rules rules;
	struct statistics_files f = {&paths, &rules, NULL};

	strvec_push(&paths, path);
	if (tables_rules(args, &a, &rules, &err) < 0 || tables_enter(args, &shared, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	f.shared = shared;
	if (statistics_infer(&f, name, &out, &err) < 0 || tables_warn(&f, &err) < 0)
		return cli_fail(EXIT_USAGE, &err);
	return cli_print(&out);
}
