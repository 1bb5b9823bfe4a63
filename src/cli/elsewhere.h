/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The remotes of the project, asked what they hold. */
#ifndef CLI_ELSEWHERE_H
#define CLI_ELSEWHERE_H

#include "cli/project.h"

/* Sets there[i] if a remote of the project (ctx) holds the object v[i]. One that cannot be asked holds nothing, which is told. */
NODISCARD int elsewhere_ask(void *ctx, const struct digest *v, const int64_t *sizes, size_t n, bool *there, struct err *err);
/* Fetches what remotes hold of them; got[i] is set for each that is here now, verified. */
NODISCARD int elsewhere_fetch(void *ctx, const struct digest *v, size_t n, bool *got, struct err *err);

/* Replaces objects of git's here that are damaged or gone by what the chains of remotes reach; *n says how many. */
NODISCARD int elsewhere_heal(void *ctx, size_t *n, struct err *err);

/* Does the pipeline (of ctx, a struct project) say that the artifact at path is never collected; that it, or the input, is kept at all? */
bool elsewhere_always(void *ctx, const char *path);
bool elsewhere_kept(void *ctx, const char *path, bool input);

#endif
