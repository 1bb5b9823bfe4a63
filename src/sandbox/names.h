/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a process means by a name: its memory, its directories, its links, as a path in the project.
 *
 * Of one thread. It asks the disk and /proc, and may wait for either. */
#ifndef SANDBOX_NAMES_H
#define SANDBOX_NAMES_H

#include <stdint.h>
#include <sys/types.h>

#include "util/base.h"
#include "util/map.h"
#include "util/strbuf.h"

struct names {
	char *root; /* of the project, absolute, "" for "/" */
	size_t root_len;
	struct strbuf path;    /* the answer of names_resolve */
	struct strbuf outside; /* if that is none in the project: its absolute one, "" if it is not known */
	/* private */
	struct map dirs; /* by path, of the project and absolute ones */
};

/* The NUL-terminated text at addr of process pid; false if there is none, or it cannot be read (*blind). */
bool names_read(pid_t pid, uint64_t addr, struct strbuf *out, bool *blind);
/* Where the descriptor fd of process pid leads, or AT_FDCWD; false if that is no path, or /proc is not there. */
bool names_link(pid_t pid, int fd, struct strbuf *out);
/* name, as pid means it relative to dir, as a project path in t->path; false if it is none. */
bool names_resolve(struct names *t, pid_t pid, int dir, const char *name);
bool names_below_root(const struct names *t, const char *path);
/* Where full leads, or, if itself, the name: an absolute path without links. False if it is not there; then where it would be. */
bool names_real(const char *full, bool itself, struct strbuf *out);
/* Is name there, in a directory of the project? */
bool names_has(const struct names *t, const char *dir, const char *name);
/* Is the directory, which lies in the project, none of its own: a virtual environment, or a cache by its own word? */
bool names_foreign(struct names *t, const char *path);

#endif
