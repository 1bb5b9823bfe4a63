/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The GNU make jobserver protocol: a pipe with one byte for each job beyond the first that may run.
 *
 * As client, mlmake under `make -jN` takes a byte for each stage beyond its first. As server, it hands the stages its own
 * pool, so that `make` or `ninja` inside a stage keeps within mlmake's -j. */
#ifndef RUN_JOBSERVER_H
#define RUN_JOBSERVER_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"

struct jobserver;

/* The one that makeflags (the value of MAKEFLAGS, may be NULL) offers: --jobserver-auth=R,W, --jobserver-auth=fifo:PATH,
 * --jobserver-fds=R,W; the last one counts. NULL if there is none; a *warning (owned, or NULL) says why one that is named
 * cannot be used (make without '+' closes the descriptors). */
struct jobserver *jobserver_client(const char *makeflags, char **warning);
/* Opens a pool for slots jobs, slots - 1 bytes in a pipe (GNU make 4.3, as in Debian 12, knows no fifo:). */
NODISCARD struct jobserver *jobserver_server(int slots, struct err *err);
/* To be called while no stage runs: restores the bytes that killed stages took with them. A client does nothing. */
void jobserver_refill(struct jobserver *js);
/* Gives back what is held. NULL is nothing. */
void jobserver_free(struct jobserver *js);

bool jobserver_take(struct jobserver *js); /* one byte, without blocking */
void jobserver_give(struct jobserver *js); /* gives one back, the very byte that was taken */
int jobserver_fd(const struct jobserver *js); /* readable while bytes are free */
/* Descriptors that children must inherit (0 or 2 of them), and the MAKEFLAGS for them (a client's own, as it came). */
size_t jobserver_inherited(const struct jobserver *js, int fds[2]);
void jobserver_makeflags(const struct jobserver *js, struct strbuf *out);

#endif
