/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread that reads and splits what is to be looked at next, a few batches ahead of who looks at them. */
#ifndef DATA_AHEAD_H
#define DATA_AHEAD_H

#include "data/split.h"

struct ahead;

/* Goes on behind before, which stays as it is up to ahead_stop, as s does and is left alone. NULL: there is no thread to be had. */
struct ahead *ahead_start(struct split *s, const struct batch *before);
/* The next batch, valid up to the next call. Not to be called again when its outcome was no 1. */
struct batch *ahead_next(struct ahead *a);
/* Ends it, wherever it is. NULL is nothing. */
void ahead_stop(struct ahead *a);

#endif
