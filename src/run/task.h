/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A task: an instance that is no stage, handed to the mlmake that performs it as a process of its own.
 *
 * STATE/tasks/NAME is the record (stale/record.h) of the instance as it stands when it begins: rules, inputs, values. Beside it, in
 * NAME.said, whoever performs it leaves what is to be told, a line each, escaped as in C:
 *
 *     message auc is 0.79, and 0.8 is required    why it failed or refuses
 *     note only 40 rows                           worth knowing in any case
 *
 * It ends with 0 (passed), TASK_REFUSED, or anything else (failed). What it writes to standard output and error is the log. */
#ifndef RUN_TASK_H
#define RUN_TASK_H

#include "stale/record.h"

#define TASK_REFUSED 3

/* The file of a task of this instance; owned. */
char *task_file(const char *state_dir, const char *instance);
/* Writes the task; what was said of an earlier one goes. */
NODISCARD int task_write(const char *file, const struct record *now, struct err *err);
void task_remove(const char *file);
/* What was said: *message (owned) if there is one, and each note. What is no such line is passed over. */
void task_said(const char *file, char **message, void (*note)(void *ctx, const char *note), void *ctx);

/* For who performs: reads the task; its record lives in a. */
NODISCARD int task_read(const char *file, struct arena *a, struct record *now, struct err *err);
NODISCARD int task_say(const char *file, const char *message, char *const *notes, struct err *err);

#endif
