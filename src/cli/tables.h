/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands about files with tables, which need no pipeline. */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include "cli/command.h"
#include "lifecycle/statistics.h"

/* Of the options --separator, --no-header, --na and --format. ERR_INVALID. In a. */
NODISCARD int tables_rules(const struct args *args, struct arena *a, struct check_rules *out, struct err *err);
/* Enters the directory that -C names, and finds SHARED (owned; NULL: nothing is kept here). */
NODISCARD int tables_enter(const struct args *args, char **shared, struct err *err);
/* Warns of what of the files is not looked at. */
NODISCARD int tables_warn(const struct statistics_files *f, struct err *err);
/* `mlmake check --infer`: an exit code. */
int tables_infer(const struct args *args, const char *path);

#define TABLES_OPTIONS                                                                     \
	{0, "format", "KIND", "csv, tsv or jsonl (else by name, then by content)"},        \
	{0, "separator", "CHAR", "between fields; tab for a tab"},                         \
	{0, "no-header", NULL, "the first row is data"},                                   \
	{0, "na", "WORD", "means missing, beside nothing and nan; may be repeated"}

#endif
