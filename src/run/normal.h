/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Filtering: what `[normal PATTERN] cmd` prints of a file, noted in the book of what code means, so that each content is filtered
 * once.
 *
 * Only a build filters. It does so before it plans, with what is there, and when a stage has made something; whoever decides finds the
 * answer in the book, or decides by bytes. */
#ifndef RUN_NORMAL_H
#define RUN_NORMAL_H

#include "code/book.h"
#include "graph/graph.h"
#include "run/keeper.h"

struct normals;

/* keeper is taken; nobody else uses it. signal_fd: as of probe_ask(). The rest is borrowed. */
struct normals *normals_new(const struct pipeline *pl, struct code_book *book, const char *state_dir, struct keeper *keeper, int signal_fd);
void normals_free(struct normals *n); /* may be NULL */

/* Ready for threads, of which there is none yet. */
NODISCARD int normals_start(struct normals *n, struct err *err);
/* Filters the file at path, an input of st, if there is a filter for it and what it makes of c is not known. A filter that fails or
 * is out of time says so in note (a sentence), once for one content; then bytes decide. May be called from several threads. -1: ERR_STOPPED. */
NODISCARD int normals_learn(struct normals *n, const struct stage *st, const char *path, const struct content *c, struct strbuf *note,
			    struct err *err);
/* All inputs of the selected instances that are there. */
NODISCARD int normals_learn_inputs(struct normals *n, const bool *selected, struct statcache *cache, struct strvec *notes, struct err *err);
/* What in has just made, for whoever reads it. */
NODISCARD int normals_learn_output(struct normals *n, const struct instance *in, const char *path, const struct content *c,
				   struct strbuf *note, struct err *err);

#endif
