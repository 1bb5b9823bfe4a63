/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files that git runs as hooks, where one of ours calls `mlmake hook run` and then the one that stood there before.
 *
 *     NAME                  a shell script. Line 2 is "# mlmake-hook 1 " and the XXH3 of all behind it in 16 hex digits: with another it is
 *                           somebody's own now
 *     NAME.before-mlmake    what stood there before: the file itself, renamed */
#ifndef LIFECYCLE_HOOKFILE_H
#define LIFECYCLE_HOOKFILE_H

#include "util/base.h"
#include "util/err.h"
#include "util/strbuf.h"
#include "util/strvec.h"

enum hookfile_state {
	HOOKFILE_NONE,
	HOOKFILE_OTHER,  /* somebody else's */
	HOOKFILE_OURS,
	HOOKFILE_EDITED, /* ours, with changes */
};
struct hookfile {
	enum hookfile_state state;
	bool keeps;             /* one that stood there before is called by it */
	struct strvec projects; /* of ours: that it is for; "" is the top of the work tree */
};
#define HOOKFILE_INIT {HOOKFILE_NONE, false, STRVEC_INIT}

/* The directory in which git looks for the hooks of the repository in the working directory, or of that git directory; owned. *elsewhere: it is
 * not git's own, but what core.hooksPath says. */
NODISCARD char *hookfile_dir(const char *git_dir, bool *elsewhere, struct err *err);
NODISCARD int hookfile_look(const char *dir, const char *name, struct hookfile *out, struct err *err);
/* Pushes the names of the hooks in dir that call mlmake by their own name, whatever it is, in order. An absent directory has none. */
NODISCARD int hookfile_list(const char *dir, struct strvec *names, struct err *err);
void hookfile_release(struct hookfile *h);
/* Puts ours there, or adds project to it. ERR_INVALID if it was edited. A kill leaves what was there or what shall be. */
NODISCARD int hookfile_install(const char *dir, const char *name, const char *project, const char *program, struct err *err);
/* Takes project out of it, and with the last one the file, in whose place comes what stood there before. ERR_INVALID if it was edited. */
NODISCARD int hookfile_uninstall(const char *dir, const char *name, const char *project, struct err *err);
/* The line that calls mlmake, for those who call hooks by other means. */
void hookfile_line(const char *name, const char *project, struct strbuf *out);

#endif
