/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Scripts that a command names: code, without being declared. */
#ifndef PIPELINE_SCRIPTS_H
#define PIPELINE_SCRIPTS_H

#include "util/base.h"

/* Calls fn for each word of a line of sh that looks like a project file which is run: one with a script's ending, one
 * behind an interpreter, one that begins with "./". What the shell would expand or writes to is left out. */
void scripts_in(const char *line, void (*fn)(void *ctx, const char *word), void *ctx);

#endif
