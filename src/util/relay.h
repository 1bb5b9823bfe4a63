/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A second thread that takes chunks of bytes while the next ones are read. */
#ifndef UTIL_RELAY_H
#define UTIL_RELAY_H

#include "util/base.h"

#define RELAY_CHUNK ((size_t)128 * 1024)
#define RELAY_WORTH (8 << 20) /* of fewer bytes it is not worth a thread */

struct relay;
/* take is called with one chunk after the other, until it returns an errno. NULL if no thread can be started, or there are
 * enough. */
struct relay *relay_new(int (*take)(void *ctx, const void *data, size_t n), void *ctx);
/* Room for the next chunk, RELAY_CHUNK bytes; waits for it. */
unsigned char *relay_room(struct relay *r);
/* Hands over its first n bytes, which may still be read until the next relay_room. False if take has failed. */
bool relay_push(struct relay *r, size_t n);
/* Waits until all is taken, and frees r. 0, or the errno that take returned. */
int relay_end(struct relay *r);

#endif
